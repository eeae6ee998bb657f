package manifest

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// quizName is the name under which a step's quiz counts, so no check may have it.
const quizName = "quiz"

// positions remember where the parts of a check stand, for what can only be judged when the whole file was read.
type positions struct{ name, machine, needs *yaml.Node }

func (d *decoder) checks(l *Lab, s *Step, n *yaml.Node, r rules) {
	items := d.items(n, "checks", maxChecks)
	s.Checks = make([]Check, len(items))
	at := make([]positions, len(items))
	for i, item := range items {
		d.check(&s.Checks[i], &at[i], item, r)
	}
	d.later(func() {
		first := ""
		if len(l.Environment.Machines) > 0 {
			first = l.Environment.Machines[0].Name
		}
		for i := range s.Checks {
			d.resolve(l, s, i, at[i], first)
		}
		d.circles(s, at)
	})
}

func (d *decoder) check(c *Check, at *positions, n *yaml.Node, r rules) {
	c.User, c.Timeout = UserLearner, defaultTimeout
	at.name, at.needs = n, n
	d.object(n, "a check", fields{
		"name":    must(func(n *yaml.Node) { at.name = n; d.word(&c.Name, r.name)(n) }),
		"run":     must(d.script(&c.Run)),
		"machine": may(func(n *yaml.Node) { at.machine = n; d.word(&c.Machine, r.name)(n) }),
		"user":    may(oneOf(d, &c.User, UserLearner, UserRoot)),
		"every":   may(d.duration(&c.Every, minEvery, maxEvery)),
		"timeout": may(d.duration(&c.Timeout, minTimeout, maxTimeout)),
		"needs":   may(func(n *yaml.Node) { at.needs = n; d.words(&c.Needs, "names of checks", maxChecks, r.name)(n) }),
		"hint":    may(d.line(&c.Hint, maxLine)),
	})
}

// resolve looks at what a check refers to.
func (d *decoder) resolve(l *Lab, s *Step, i int, at positions, firstMachine string) {
	c := &s.Checks[i]
	if c.Name == quizName {
		d.problem(at.name, "%q is the name of a step's quiz: take another one", quizName)
	}
	for j := range i {
		if c.Name != "" && s.Checks[j].Name == c.Name {
			d.problem(at.name, "two checks of this step are called %q", c.Name)
		}
	}
	if at.machine == nil {
		c.Machine = firstMachine
	} else if c.Machine != "" && !hasMachine(l, c.Machine) {
		d.problem(at.machine, "there is no machine %q%s", c.Machine, suggest(c.Machine, machineNames(l)))
	}
	for _, need := range c.Needs {
		if !slices.ContainsFunc(s.Checks, func(o Check) bool { return o.Name == need }) {
			d.problem(at.needs, "there is no check %q in this step%s", need, suggest(need, checkNames(s)))
		}
	}
}

// circles reports each circle of needs once, at the check of it that comes first in the file.
func (d *decoder) circles(s *Step, at []positions) {
	const unseen, open, done = 0, 1, 2
	state := make([]int, len(s.Checks))
	var path []string
	var visit func(i int)
	visit = func(i int) {
		state[i] = open
		path = append(path, s.Checks[i].Name)
		for _, need := range s.Checks[i].Needs {
			j := slices.IndexFunc(s.Checks, func(c Check) bool { return c.Name == need })
			switch {
			case j < 0 || state[j] == done:
			case state[j] == open:
				circle := append(slices.Clone(path[slices.Index(path, need):]), need)
				d.problem(at[j].needs, "checks need each other in a circle: %s", strings.Join(circle, " -> "))
			default:
				visit(j)
			}
		}
		path = path[:len(path)-1]
		state[i] = done
	}
	for i := range s.Checks {
		if state[i] == unseen {
			visit(i)
		}
	}
}

func hasMachine(l *Lab, name string) bool { return slices.Contains(machineNames(l), name) }

func machineNames(l *Lab) []string {
	names := make([]string, len(l.Environment.Machines))
	for i := range names {
		names[i] = l.Environment.Machines[i].Name
	}
	return names
}

func checkNames(s *Step) []string {
	names := make([]string, len(s.Checks))
	for i := range names {
		names[i] = s.Checks[i].Name
	}
	return names
}

// Ordered is the checks of a step, each after those that it needs.
func (s *Step) Ordered() []Check {
	list := make([]Check, 0, len(s.Checks))
	placed := map[string]bool{}
	for range s.Checks { // one more is placed each time, as needs have no circle
		for _, c := range s.Checks {
			if !placed[c.Name] && !slices.ContainsFunc(c.Needs, func(need string) bool { return !placed[need] }) {
				placed[c.Name] = true
				list = append(list, c)
			}
		}
	}
	return list
}

// Automatic tells whether the check runs by itself.
func (c Check) Automatic() bool { return c.Every > 0*time.Second }
