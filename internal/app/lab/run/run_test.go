package run_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/lab/run"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox/fake"
)

const id = "0123456789abcdef0123456789abcdef"

// environment is a running fake environment of a lab.
func environment(t *testing.T, l *manifest.Lab) sandbox.Provider {
	t.Helper()
	p := fake.New(t.TempDir())
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	spec := run.Spec(l)
	spec.ID, spec.Deadline = id, time.Now().Add(time.Hour)
	if err := p.Provision(t.Context(), spec, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSpecIsWhatTheLabAsksFor(t *testing.T) {
	t.Parallel()
	l := &manifest.Lab{
		Requires: []string{"git"},
		Environment: manifest.Environment{Machines: []manifest.Machine{{
			Name: "shell", Image: "toolbox", CPU: 0.5, Memory: 1 << 30, Disk: 1 << 26, Sudo: true,
			Files: []manifest.File{{Path: "/home/learner/a", Mode: 0o755, User: "learner", Data: []byte("x")}},
		}}},
	}
	got := run.Spec(l)
	if got.Image != "toolbox" || got.Hostname != "shell" || got.CPU != 0.5 || got.Memory != 1<<30 || got.Disk != 1<<26 || !got.Sudo ||
		len(got.Requires) != 1 || len(got.Files) != 1 || got.Files[0].Mode != 0o755 || got.Files[0].User != "learner" {
		t.Errorf("%+v", got)
	}
}

func TestSetupWritesVariables(t *testing.T) {
	t.Parallel()
	l := &manifest.Lab{
		Setup: manifest.Script("#!/bin/bash\necho GREETING=hello world >> \"$CLOUDKIDA_ENV\"\necho PORT=1 >> \"$CLOUDKIDA_ENV\"\n"),
		Steps: []manifest.Step{{Setup: manifest.Script("echo PORT=80 > \"$CLOUDKIDA_ENV\"")}, {Setup: manifest.Script("echo A=b > \"$CLOUDKIDA_ENV\"")}, {}},
	}
	p := environment(t, l)
	env, err := run.Setup(t.Context(), p, id, l)
	if err != nil || !maps.Equal(env, map[string]string{"GREETING": "hello world", "PORT": "80"}) {
		t.Errorf("setup: %v, %v", env, err)
	}
	env, err = run.StepSetup(t.Context(), p, id, l, 1)
	if err != nil || !maps.Equal(env, map[string]string{"A": "b"}) {
		t.Errorf("setup of step 2: %v, %v", env, err)
	}
	env, err = run.StepSetup(t.Context(), p, id, l, 2)
	if err != nil || len(env) != 0 {
		t.Errorf("a step without setup: %v, %v", env, err)
	}
}

func TestAFailingSetupSaysWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ script, want string }{
		"exit code":   {"echo first; echo the disk is full; exit 3", "The lab's setup failed with exit code 3: the disk is full"},
		"silent":      {"exit 1", "The lab's setup failed with exit code 1."},
		"not a line":  {"echo nonsense > \"$CLOUDKIDA_ENV\"", "The lab's setup failed: line 1 of $CLOUDKIDA_ENV is not NAME=value"},
		"endless env": {"yes A=b | head -c 200000 > \"$CLOUDKIDA_ENV\"", "The lab's setup failed: $CLOUDKIDA_ENV has more than 64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &manifest.Lab{Setup: manifest.Script(c.script)}
			_, err := run.Setup(t.Context(), environment(t, l), id, l)
			var script *run.ScriptError
			if !errors.As(err, &script) || err.Error() != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestCheckOutcomes(t *testing.T) {
	t.Parallel()
	p := environment(t, &manifest.Lab{})
	for name, c := range map[string]struct {
		script string
		limit  time.Duration
		want   run.Outcome
	}{
		"passes":       {"echo well; echo done", 0, run.Outcome{Passed: true, Message: "done"}},
		"fails":        {"echo 'Expected a, found b.' >&2; exit 2", 0, run.Outcome{Code: 2, Message: "Expected a, found b."}},
		"blank end":    {`printf 'the line\n\n  \n'; exit 1`, 0, run.Outcome{Code: 1, Message: "the line"}},
		"another tool": {"#!/usr/bin/env -S sh -e\nfalse\ntrue", 0, run.Outcome{Code: 1}},
		"does not end": {"echo waiting; sleep 60", time.Second, run.Outcome{TimedOut: true, Message: "waiting"}},
		"floods":       {"yes x | head -c 5000000; echo end", 0, run.Outcome{Passed: true, Message: "end"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.limit == 0 {
				c.limit = 20 * time.Second
			}
			got, err := run.Check(t.Context(), p, id, manifest.Check{Name: "c", Run: manifest.Script(c.script), User: "learner", Timeout: c.limit})
			if err != nil {
				t.Fatal(err)
			}
			got.Took = 0
			if c.want.TimedOut {
				got.Code = 0 // the provider's own way to say killed
			}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAGoneEnvironmentIsAnError(t *testing.T) {
	t.Parallel()
	p := environment(t, &manifest.Lab{})
	_, err := run.Check(t.Context(), p, "ffffffffffffffffffffffffffffffff", manifest.Check{Name: "c", Run: manifest.Script("true")})
	if !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// mute is an environment that never answers.
type mute struct{ sandbox.Provider }

func (mute) Exec(ctx context.Context, _ string, _ sandbox.Command) (sandbox.Result, error) {
	<-ctx.Done()
	return sandbox.Result{}, ctx.Err()
}

func TestCallersDoNotHangWithTheEnvironment(t *testing.T) {
	t.Parallel()
	c := manifest.Check{Name: "c", Run: manifest.Script("true"), Timeout: time.Millisecond}
	if _, err := run.Check(t.Context(), mute{}, id, c); !errors.Is(err, sandbox.ErrUnreachable) {
		t.Errorf("got %v, want ErrUnreachable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run.Check(ctx, mute{}, id, c); !errors.Is(err, context.Canceled) {
		t.Errorf("after the caller gave up: %v", err)
	}
}

func TestLastLine(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 400)
	for _, c := range []struct{ output, want string }{
		{"", ""},
		{"\n\n \t\n", ""},
		{"one\ntwo\n", "two"},
		{"one\r\ntwo\r\n", "two"},
		{"progress 10%\rprogress 100%", "progress 100%"},
		{"\x1b[31mred\x1b[0m\n", "red"},
		{"\x1b]0;title\x07text\n", "text"},
		{"text\n\x1b[0m\n", "text"},
		{"a\tb\x00\x07c", "a bc"},
		{"bad \xff byte", "bad \uFFFD byte"},
		{"safe \u202egnp.exe", "safe gnp.exe"},
		{"क्\u200dष", "क्\u200dष"},
		{long, strings.Repeat("é", 248) + "…"},
	} {
		got := run.LastLine([]byte(c.output))
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.output, got, c.want)
		}
		if len(got) > 500 {
			t.Errorf("%d bytes", len(got))
		}
	}
}

func TestParseEnv(t *testing.T) {
	t.Parallel()
	env, err := run.ParseEnv([]byte("# comment\n\nA=1\nB=two words = x\r\nC=\nA=3\n_d9='as it is'"))
	if err != nil || !maps.Equal(env, map[string]string{"A": "3", "B": "two words = x", "C": "", "_d9": "'as it is'"}) {
		t.Errorf("%v, %v", env, err)
	}
	many := &strings.Builder{}
	for i := range 101 {
		fmt.Fprintf(many, "A%d=1\n", i)
	}
	for _, bad := range []string{"A", "=x", "1A=x", "A B=x", "export A=x", "A=\x1b[0m", "A=\xff", "A=" + strings.Repeat("x", 5000), many.String(), strings.Repeat("#\n", 40000)} {
		if env, err := run.ParseEnv([]byte(bad)); err == nil {
			t.Errorf("%.40q: %v", bad, env)
		}
	}
}

// FuzzLastLine holds every message to its bounds, whatever a check prints.
func FuzzLastLine(f *testing.F) {
	f.Add([]byte("one\n\x1b[31mtwo\x1b]0;x"))
	f.Add([]byte("\xe2\x80\xae\r\x00"))
	f.Fuzz(func(t *testing.T, output []byte) {
		got := run.LastLine(output)
		if len(got) > 500 || strings.ContainsAny(got, "\x1b\n\r\x00\u202e") || strings.ToValidUTF8(got, "") != got {
			t.Errorf("%q from %q", got, output)
		}
	})
}
