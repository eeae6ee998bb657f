package manifest

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Bounds of what a lab may ask for.
const (
	maxManifest = 256 << 10
	maxSteps    = 50
	maxChecks   = 20 // per step
	maxHints    = 10 // per step
	maxQuiz     = 20 // per step
	maxAnswers  = 10
	maxPoints   = 1000
	maxTags     = 10
	maxRequires = 50
	maxPorts    = 10
	maxMounts   = 50
	maxTitle    = 120
	maxLine     = 500

	minDuration, maxDuration = 5 * time.Minute, 12 * time.Hour
	minIdle                  = time.Minute
	minEvery, maxEvery       = time.Second, 5 * time.Minute
	minTimeout, maxTimeout   = time.Second, 2 * time.Minute
	defaultTimeout           = 10 * time.Second

	minCPU, maxCPU       = 0.1, 16
	minMemory, maxMemory = 64 << 20, 64 << 30
	minDisk, maxDisk     = 1 << 20, 256 << 30
)

func matching(pattern, message string) rule {
	return rule{matches: regexp.MustCompile(pattern).MatchString, message: message}
}

// rules are the forms of the words in lab.yaml.
type rules struct{ slug, name, port, tag, locale, command rule }

func newRules() rules {
	const words = `must be lower-case letters and digits, joined by single hyphens`
	return rules{
		slug: matching(`^[a-z0-9]([a-z0-9]|-[a-z0-9]){1,62}$`, words+", 2 to 63 characters"),
		name: matching(`^[a-z0-9]([a-z0-9]|-[a-z0-9]){0,62}$`, words+", at most 63 characters"),
		// A port is a label of a host name, with the session's id: 63 characters in all.
		port:    matching(`^[a-z0-9]([a-z0-9]|-[a-z0-9]){0,24}$`, words+", at most 25 characters"),
		tag:     matching(`^[a-z0-9]([a-z0-9+.#]|-[a-z0-9]){0,31}$`, words+", at most 32 characters"),
		locale:  matching(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`, `is not a locale: write en, hi or pt-BR`),
		command: matching(`^[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$`, `is not the name of a command`),
	}
}

// Load reads and validates a lab. The Lab is only complete when there are no problems; it is never nil.
func Load(fsys fs.FS) (*Lab, Problems) {
	tree, problems := ReadTree(fsys)
	lab, more := Parse(tree)
	return lab, append(problems, more...).sorted()
}

// Parse validates a lab whose files have been read.
func Parse(tree Tree) (*Lab, Problems) {
	d := &decoder{tree: tree}
	l := &Lab{Level: Beginner, Layout: "terminals", Locales: []string{"en"}, Environment: Environment{Network: "none"}, tree: tree}
	file, ok := tree[Name]
	switch {
	case !ok:
		d.problems.add("", 0, 0, "there is no %s: is this the directory of a lab?", Name)
	case len(file.Data) > maxManifest:
		d.problems.add(Name, 0, 0, "is larger than %d KiB", maxManifest>>10)
	default:
		if root := d.parseYAML(file.Data); root != nil {
			d.lab(l, root)
			for _, fn := range d.after {
				fn()
			}
		}
	}
	return l, d.problems.sorted()
}

// parseYAML returns the document's content, or nil when it cannot be read at all.
func (d *decoder) parseYAML(data []byte) *yaml.Node {
	var doc yaml.Node
	if Script(data).Empty() {
		d.problems.add(Name, 0, 0, "is empty")
		return nil
	}
	if !utf8.Valid(data) {
		d.problems.add(Name, 0, 0, "is not UTF-8")
		return nil
	}
	err := yaml.Load(data, &doc)
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case errors.As(err, &many):
		for _, e := range many.Errors {
			d.syntax(e.Mark, e.Message)
		}
		return nil
	case errors.As(err, &one):
		d.syntax(one.Mark, one.Message)
		return nil
	case err != nil:
		d.syntax(yaml.Mark{}, err.Error())
		return nil
	case doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || isNull(doc.Content[0]):
		d.problems.add(Name, 0, 0, "is empty")
		return nil
	}
	return doc.Content[0]
}

func (d *decoder) syntax(at yaml.Mark, message string) {
	d.problems.add(Name, at.Line, at.Column, "is not YAML: %s", strings.TrimPrefix(message, "yaml: "))
}

func (d *decoder) lab(l *Lab, n *yaml.Node) {
	r := newRules()
	var version string
	var locales []string
	d.object(n, "the lab", fields{
		"apiVersion":  must(oneOf(d, &version, APIVersion)),
		"slug":        must(d.word(&l.Slug, r.slug)),
		"title":       must(d.line(&l.Title, maxTitle)),
		"summary":     must(d.line(&l.Summary, maxLine)),
		"level":       may(oneOf(d, &l.Level, string(Beginner), string(Intermediate), string(Advanced))),
		"duration":    must(d.duration(&l.Duration, minDuration, maxDuration)),
		"extend":      may(d.duration(&l.Extend, time.Minute, maxDuration)),
		"idle":        may(d.duration(&l.Idle, minIdle, maxDuration)),
		"tags":        may(d.words(&l.Tags, "tags", maxTags, r.tag)),
		"locales":     may(d.words(&locales, "locales", maxTags, r.locale)),
		"environment": must(func(n *yaml.Node) { d.environment(&l.Environment, n, r) }),
		"requires":    may(d.words(&l.Requires, "commands", maxRequires, r.command)),
		"layout":      may(d.layout(&l.Layout)),
		"setup":       may(d.script(&l.Setup)),
		"cleanup":     may(d.script(&l.Cleanup)),
		"snapshot":    may(d.yes(&l.Snapshot)),
		"steps":       must(func(n *yaml.Node) { d.steps(l, n, r) }),
	})
	if len(locales) > 0 {
		l.Locales = locales
	}
}

func (d *decoder) layout(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		var layout string
		oneOf(d, &layout, "terminals", "editor", "desktop")(n)
		switch layout {
		case "terminals":
			*to = layout
		case "editor", "desktop":
			d.problem(n, "layout %s: not available in this version", layout)
		}
	}
}

func (d *decoder) steps(l *Lab, n *yaml.Node, r rules) {
	items := d.items(n, "steps", maxSteps)
	if n.Kind == yaml.SequenceNode && len(items) == 0 {
		d.problem(n, "a lab needs at least one step")
	}
	l.Steps = make([]Step, len(items)) // in place: what is looked at later points into it
	for i, item := range items {
		d.step(l, &l.Steps[i], item, r)
	}
}

func (d *decoder) step(l *Lab, s *Step, n *yaml.Node, r rules) {
	d.object(n, "a step", fields{
		"title":  must(d.line(&s.Title, maxTitle)),
		"text":   must(d.text(l, &s.Text)),
		"setup":  may(d.script(&s.Setup)),
		"checks": may(func(n *yaml.Node) { d.checks(l, s, n, r) }),
		"solve":  may(d.script(&s.Solve)),
		"hints":  may(func(n *yaml.Node) { d.hints(l, s, n) }),
		"quiz":   may(func(n *yaml.Node) { d.quiz(s, n) }),
		"points": may(d.number(&s.Points, 0, maxPoints)),
	})
}

func (d *decoder) hints(l *Lab, s *Step, n *yaml.Node) {
	items := d.items(n, "hints", maxHints)
	s.Hints = make([]Hint, len(items))
	for i, item := range items {
		d.object(item, "a hint", fields{
			"text": must(d.text(l, &s.Hints[i].Text)),
			"cost": may(d.number(&s.Hints[i].Cost, 0, maxPoints)),
		})
	}
}

func (d *decoder) quiz(s *Step, n *yaml.Node) {
	for _, item := range d.items(n, "questions", maxQuiz) {
		var q Question
		var solution []*yaml.Node
		d.object(item, "a question", fields{
			"ask":      must(d.line(&q.Ask, maxLine)),
			"answers":  must(func(n *yaml.Node) { d.answers(&q, n) }),
			"solution": must(func(n *yaml.Node) { solution = d.items(n, "indexes of answers", maxAnswers) }),
			"why":      may(d.line(&q.Why, 4*maxLine)),
		})
		for _, index := range solution {
			v := -1
			d.number(&v, 0, max(0, len(q.Answers)-1))(index)
			if slices.Contains(q.Solution, v) {
				d.problem(index, "%d is there twice", v)
			} else if v >= 0 {
				q.Solution = append(q.Solution, v)
			}
		}
		if len(solution) == 0 {
			d.problem(item, "the question needs the index of at least one right answer, from 0, in solution")
		}
		s.Quiz = append(s.Quiz, q)
	}
}

func (d *decoder) answers(q *Question, n *yaml.Node) {
	items := d.items(n, "answers", maxAnswers)
	for _, item := range items {
		var answer string
		d.line(&answer, maxLine)(item)
		if answer != "" && slices.Contains(q.Answers, answer) {
			d.problem(item, "%q is there twice", short(answer))
		}
		q.Answers = append(q.Answers, answer)
	}
	if n.Kind == yaml.SequenceNode && len(items) < 2 {
		d.problem(n, "a question needs at least two answers")
	}
}
