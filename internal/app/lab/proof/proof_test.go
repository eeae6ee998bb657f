package proof_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/lab/proof"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox/fake"
)

var update = flag.Bool("update", false, "write the golden files anew") //nolint:gochecknoglobals // flags are

func provider(t *testing.T) *fake.Provider {
	t.Helper()
	p := fake.New(t.TempDir())
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func script(text string) manifest.Script { return manifest.Script(text) }

func check(name, text string, needs ...string) manifest.Check {
	return manifest.Check{Name: name, Run: script(text), User: "learner", Timeout: 5 * time.Second, Needs: needs}
}

// good is a lab of two steps that can be proved.
func good() *manifest.Lab {
	return &manifest.Lab{
		Slug: "good", Title: "A good lab",
		Setup:   script("touch ~/ready; echo WORD=yes > \"$CLOUDKIDA_ENV\""),
		Cleanup: script("test -e ~/two"),
		Steps: []manifest.Step{
			{
				Title: "One", Text: manifest.Text{Markdown: map[string]string{"en": "Say {{env:WORD}}."}},
				Checks: []manifest.Check{
					check("kept", "test -e ~/ready", "made"), // passes at once, but is blocked until the other one passes
					check("made", "test -e ~/one || { echo no file; exit 1; }"),
				},
				Solve: script("touch ~/one"), Points: 1,
			},
			{Title: "Only text"},
			{
				Title: "Two", Setup: script("test -e ~/one"),
				Checks: []manifest.Check{check("comes-up-later", "test -e ~/two || { echo not yet; exit 1; }")},
				Solve:  script("(sleep 0.5; touch ~/two) >/dev/null 2>&1 &"),
			},
		},
	}
}

func failures(r proof.Result) string {
	var list []string
	for _, c := range r.Failures() {
		list = append(list, c.Name+": "+c.Failure)
	}
	return strings.Join(list, "\n")
}

func TestAGoodLabIsProved(t *testing.T) {
	t.Parallel()
	p := provider(t)
	r := proof.Run(t.Context(), p, good())
	if got := failures(r); got != "" {
		t.Errorf("failures:\n%s", got)
	}
	if ids, err := p.List(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("left behind: %v, %v", ids, err)
	}
}

func TestABadLabIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*manifest.Lab)
		want   string
	}{
		"setup fails": {
			func(l *manifest.Lab) { l.Setup = script("echo broken; exit 4") },
			"setup: The lab's setup failed with exit code 4: broken",
		},
		"passes too early": {
			func(l *manifest.Lab) { l.Steps[0].Checks[1].Run = script("echo fine") },
			`made fails before the solution: the check passes although nothing was done yet: "fine"` + "\n" +
				"kept fails before the solution: the check passes although nothing was done yet",
		},
		"solution fails": {
			func(l *manifest.Lab) { l.Steps[0].Solve = script("echo cannot; exit 1") },
			"solution: The solution of step 1 failed with exit code 1: cannot\ncleanup: The lab's cleanup failed with exit code 1.",
		},
		"no solution": {
			func(l *manifest.Lab) { l.Steps[2].Solve = nil },
			"solution: the step has checks but no solve script, so that nobody knows whether it can be done\ncleanup: The lab's cleanup failed with exit code 1.",
		},
		"check hangs": {
			func(l *manifest.Lab) {
				l.Steps[0].Checks[1].Run, l.Steps[0].Checks[1].Timeout = script("test -e ~/one || sleep 60"), time.Second
			},
			"made fails before the solution: the check did not end within 1s",
		},
		"silent": {
			func(l *manifest.Lab) { l.Steps[0].Checks[1].Run = script("test -e ~/one") },
			"made fails before the solution: the check fails without a word: let its last line say what was expected and what was found",
		},
		"variable": {
			func(l *manifest.Lab) { l.Setup = script("touch ~/ready") },
			"variables of the texts: the texts use [{{env:WORD}}], which no setup wrote to $CLOUDKIDA_ENV",
		},
		"step setup": {
			func(l *manifest.Lab) { l.Steps[2].Setup = script("exit 1") },
			"setup: The setup of step 3 failed with exit code 1.\ncleanup: The lab's cleanup failed with exit code 1.",
		},
		"command": {
			func(l *manifest.Lab) { l.Requires = []string{"no-such-command"} },
			"no-such-command",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := good()
			c.change(l)
			p := provider(t)
			r := proof.Run(t.Context(), p, l)
			if got := failures(r); got != c.want && (name != "command" || !strings.Contains(got, c.want)) {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
			if ids, err := p.List(t.Context()); err != nil || len(ids) != 0 {
				t.Errorf("left behind: %v, %v", ids, err)
			}
		})
	}
}

func TestStoppedOnTheWayNothingIsLeft(t *testing.T) {
	t.Parallel()
	l, p := good(), provider(t)
	l.Steps[0].Solve = script("touch ~/one; sleep 60")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan proof.Result)
	go func() { done <- proof.Run(ctx, p, l) }()
	for len(running(t, p)) == 0 {
		select {
		case r := <-done:
			t.Fatalf("it ended by itself: %+v", r)
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	if r := <-done; len(r.Failures()) == 0 {
		t.Error("a stopped proof succeeded")
	}
	if ids := running(t, p); len(ids) != 0 {
		t.Errorf("left behind: %v", ids)
	}
}

func running(t *testing.T, p *fake.Provider) []string {
	t.Helper()
	ids, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// result has one of each kind of case, with fixed times.
func result() proof.Result {
	return proof.Result{
		Slug: "dns", Title: "Names", Steps: []string{"First", "Second"}, Took: 1234 * time.Millisecond,
		Cases: []proof.Case{
			{Name: "start", Took: 110 * time.Millisecond},
			{Step: 1, Name: "a fails before the solution", Took: 20 * time.Millisecond},
			{Step: 1, Name: "solution", Took: 30 * time.Millisecond, Failure: "The solution of step 1 failed with exit code 1: <no>", Output: "line one\n\x1b[31m<no>\n"},
			{Step: 1, Name: "a passes after the solution", Skipped: true},
			{Step: 2, Name: "not tried", Skipped: true},
			{Name: "end", Took: 40 * time.Millisecond, Failure: "it is still there"},
		},
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile("testdata/"+name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("testdata/%s (go test -update writes it anew)\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	var text, verbose, junit bytes.Buffer
	if err := result().WriteText(&text, false); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.txt", text.Bytes())
	if err := result().WriteText(&verbose, true); err != nil {
		t.Fatal(err)
	}
	golden(t, "verbose.txt", verbose.Bytes())
	if err := proof.WriteJUnit(&junit, []proof.Result{result(), {Slug: "empty"}}); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", junit.Bytes())
	var parsed struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal(junit.Bytes(), &parsed); err != nil || parsed.Tests != 6 || parsed.Failures != 2 {
		t.Errorf("%+v, %v", parsed, err)
	}
}
