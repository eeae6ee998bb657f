// Package manifest reads the native format of a lab, a directory with lab.yaml, and validates all of it: every problem is
// reported together, with its file and line, so that an author fixes them in one go.
package manifest

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/lab/guide"
)

// APIVersion is the format that this package reads.
const APIVersion = "cloudkida/v1"

// Level says who a lab is for.
type Level string

// The levels.
const (
	Beginner     Level = "beginner"
	Intermediate Level = "intermediate"
	Advanced     Level = "advanced"
)

// The users of a lab's environment.
const (
	UserLearner = "learner"
	UserRoot    = "root"
)

// Home is the learner's home directory in every environment.
const Home = "/home/learner"

// Toolbox is the image with the host's own commands.
const Toolbox = "toolbox"

// Lab is a whole lab: its settings and the contents of every file that they name.
type Lab struct {
	Slug        string
	Title       string
	Summary     string
	Level       Level
	Duration    time.Duration // a session's time limit
	Extend      time.Duration // what one extension adds; 0: the session's default
	Idle        time.Duration // a session without activity ends after it; 0: the session's default
	Tags        []string
	Locales     []string // the first is the one of the files without a locale in their names
	Environment Environment
	Requires    []string // commands that the image must have
	Layout      string
	Setup       Script // runs as root before Start is done
	Cleanup     Script // runs as root before the environment is removed
	Snapshot    bool   // what the setup made may be kept for the next learner
	Steps       []Step

	tree Tree
}

// Environment is what a session of the lab runs in.
type Environment struct {
	Machines []Machine
	Network  string // "none": nothing but loopback
}

// Machine is one sandbox.
type Machine struct {
	Name   string
	Image  string  // Toolbox or an OCI reference
	CPU    float64 // cores; 0: the provider's default
	Memory int64   // bytes; 0: the provider's default
	Disk   int64   // bytes that may be written; 0: the provider's default
	Sudo   bool    // the learner may become root
	Ports  []Port
	Files  []File // in order; a later one replaces an earlier one of the same path
}

// Port is a web port that the learner can open.
type Port struct {
	Name string
	Port int
}

// File is put into a machine before anything runs.
type File struct {
	Path string // absolute
	Mode uint32 // 0o644 or 0o755
	User string // UserLearner below Home, else UserRoot
	Data []byte
}

// Script is the content of a script. It is sent for each run and never rests in an environment.
type Script []byte

// Step is one step of the instructions with what proves that it is done.
type Step struct {
	Title  string
	Text   Text
	Setup  Script // runs as root when a learner comes to the step
	Checks []Check
	Solve  Script // does, as the learner, what the step asks for
	Hints  []Hint
	Quiz   []Question
	Points int
}

// Check is a script that passes by exit code 0.
type Check struct {
	Name    string
	Run     Script
	Machine string
	User    string
	Every   time.Duration // least time between two runs by itself; 0: only by the button
	Timeout time.Duration
	Needs   []string // checks of the same step that must pass first
	Hint    string
}

// Hint is shown on demand and costs points.
type Hint struct {
	Text Text
	Cost int
}

// Question of a quiz. Solution has the indexes of all right answers.
type Question struct {
	Ask      string
	Answers  []string
	Solution []int
	Why      string
}

// Text is Markdown by locale.
type Text struct {
	Path     string // of the first locale, within the lab
	Markdown map[string]string
}

// HasSetup tells whether something runs before Start is done.
func (l *Lab) HasSetup() bool {
	return len(l.Setup) > 0 || len(l.Steps) > 0 && len(l.Steps[0].Setup) > 0
}

// Check finds a check by its step, from 0, and its name.
func (l *Lab) Check(step int, name string) (Check, bool) {
	if step < 0 || step >= len(l.Steps) {
		return Check{}, false
	}
	for _, c := range l.Steps[step].Checks {
		if c.Name == name {
			return c, true
		}
	}
	return Check{}, false
}

// Points is the most that can be scored.
func (l *Lab) Points() (sum int) {
	for _, s := range l.Steps {
		sum += s.Points
	}
	return sum
}

// Ports of all machines, in order.
func (l *Lab) Ports() (list []Port) {
	for _, m := range l.Environment.Machines {
		list = append(list, m.Ports...)
	}
	return list
}

// Tree is the lab's files as they were loaded. Nobody may change them.
func (l *Lab) Tree() Tree { return l.tree }

// Variables lists the {{env:NAME}} of all texts, sorted: the setups have to write them.
func (l *Lab) Variables() []string {
	names := map[string]bool{}
	collect := func(t Text) {
		for _, markdown := range t.Markdown {
			for _, name := range guide.Variables([]byte(markdown)) {
				names[name] = true
			}
		}
	}
	for _, s := range l.Steps {
		collect(s.Text)
		for _, h := range s.Hints {
			collect(h.Text)
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// In returns the text in a locale, or in the lab's first one when it has no such translation.
func (t Text) In(locale, first string) string {
	if text, ok := t.Markdown[locale]; ok {
		return text
	}
	return t.Markdown[first]
}

// Empty tells whether a script does nothing: it has no line but blank ones and comments.
func (s Script) Empty() bool {
	for line := range bytes.Lines(s) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}
