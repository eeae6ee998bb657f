package lab

import (
	"fmt"

	"github.com/cloudkida/cloudkida/internal/app/lab/guide"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
)

// render makes the guide of a lab in one of its locales.
func render(l *manifest.Lab, locale string) ([]guide.Step, error) {
	steps := make([]guide.Step, len(l.Steps))
	for i, s := range l.Steps {
		step := guide.Step{Index: i, Title: s.Title, Hints: []guide.Hint{}, Checks: []guide.Check{}}
		var err error
		if step.HTML, err = renderText(l, s.Text, locale); err != nil {
			return nil, fmt.Errorf("render step %d: %w", i+1, err)
		}
		for j, h := range s.Hints {
			html, err := renderText(l, h.Text, locale)
			if err != nil {
				return nil, fmt.Errorf("render hint %d of step %d: %w", j+1, i+1, err)
			}
			step.Hints = append(step.Hints, guide.Hint{Index: j, Cost: h.Cost, HTML: html})
		}
		for _, c := range s.Checks {
			step.Checks = append(step.Checks, guide.Check{Name: c.Name})
		}
		for _, q := range s.Quiz {
			step.Quiz = append(step.Quiz, guide.Question{Ask: q.Ask, Answers: q.Answers, Several: len(q.Solution) > 1})
		}
		steps[i] = step
	}
	return steps, nil
}

func renderText(l *manifest.Lab, t manifest.Text, locale string) (string, error) {
	return guide.Render([]byte(t.In(locale, l.Locales[0])), l.Names(t.Path))
}
