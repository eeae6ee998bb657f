package proof

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// WriteText writes a result for people: one line for each step, with what went wrong below it; verbose has every case.
func (r Result) WriteText(w io.Writer, verbose bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Slug, r.Title)
	for _, g := range r.groups() {
		g.write(&b, verbose)
	}
	verdict := "PASS"
	if n := len(r.Failures()); n == 1 {
		verdict = "FAIL (1 problem)"
	} else if n > 1 {
		verdict = fmt.Sprintf("FAIL (%d problems)", n)
	}
	fmt.Fprintf(&b, "%s %s in %s\n", verdict, r.Slug, seconds(r.Took))
	_, err := io.WriteString(w, b.String())
	return err
}

// group is what one line of the report tells.
type group struct {
	title string
	cases []Case
}

// groups puts the cases of a step together; what is around the steps stands alone.
func (r Result) groups() (list []group) {
	last := 0
	for _, c := range r.Cases {
		if c.Step > 0 && c.Step == last {
			list[len(list)-1].cases = append(list[len(list)-1].cases, c)
			continue
		}
		last = c.Step
		title := c.Name
		if c.Step > 0 {
			title = fmt.Sprintf("%d. %s", c.Step, r.Steps[c.Step-1])
		}
		list = append(list, group{title: title, cases: []Case{c}})
	}
	return list
}

func (g group) write(b *strings.Builder, verbose bool) {
	state, took := "ok", time.Duration(0)
	for _, c := range g.cases {
		took += c.Took
		if c.Failure != "" {
			state = "FAIL"
		} else if c.Skipped && state == "ok" {
			state = "skip"
		}
	}
	fmt.Fprintf(b, "  %-4s  %-50s %8s\n", state, g.title, seconds(took))
	for _, c := range g.cases {
		if c.Failure == "" && (!verbose || c.Step == 0) {
			continue
		}
		if c.Step > 0 {
			fmt.Fprintf(b, "          %-48s %8s\n", c.Name, seconds(c.Took))
		}
		if c.Failure != "" {
			fmt.Fprintf(b, "          %s\n", printable(c.Failure))
		}
		for line := range strings.Lines(lastLines(printable(c.Output))) {
			fmt.Fprintf(b, "          | %s\n", strings.TrimRight(line, "\n"))
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// printable keeps control characters of a script's output away from the author's terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// lastLines are the last lines of a script's output: enough to see why it failed.
func lastLines(text string) string {
	const most = 20
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if text == "" {
		return ""
	}
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}

// The JUnit form that CI systems read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
		Skipped *struct{}     `xml:"skipped"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes results as JUnit XML.
func WriteJUnit(w io.Writer, results []Result) error {
	all, took := junitSuites{}, time.Duration(0)
	for _, r := range results {
		s := r.suite()
		all.Tests += s.Tests
		all.Failures += s.Failures
		took += r.Took
		all.Suites = append(all.Suites, s)
	}
	all.Time = fmt.Sprintf("%.3f", took.Seconds())
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r Result) suite() junitSuite {
	s := junitSuite{Name: r.Slug, Time: fmt.Sprintf("%.3f", r.Took.Seconds())}
	for _, c := range r.Cases {
		name := c.Name
		if c.Step > 0 {
			name = fmt.Sprintf("step %d: %s", c.Step, c.Name)
		}
		j := junitCase{Class: r.Slug, Name: name, Time: fmt.Sprintf("%.3f", c.Took.Seconds())}
		s.Tests++
		switch {
		case c.Failure != "":
			s.Failures++
			j.Failure = &junitFailure{Message: printable(c.Failure), Text: printable(c.Output)}
		case c.Skipped:
			s.Skipped++
			j.Skipped = &struct{}{}
		}
		s.Cases = append(s.Cases, j)
	}
	return s
}
