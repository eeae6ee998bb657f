// Package proof proves that a lab works: in a fresh environment every check of a step must fail, then, after the step's
// solution, pass; step by step, from the setup to the cleanup.
package proof

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/lab/run"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

const (
	lifetime    = time.Hour        // the environment ends by itself after it, should this process die
	startTime   = 2 * time.Minute  // of the environment
	endTime     = 30 * time.Second // of the environment
	settle      = 10 * time.Second // what a solution started may take so long to come up
	settleEvery = 200 * time.Millisecond
)

// Case is one thing that was tried.
type Case struct {
	Step    int // from 1; 0: before, after or around the steps
	Name    string
	Took    time.Duration
	Failure string // "" when it went well
	Output  string // of the script that failed, for the author
	Skipped bool   // not tried, because something before it failed
}

// Result is the proof of one lab, or what is wrong with it.
type Result struct {
	Slug  string
	Title string
	Steps []string // titles
	Cases []Case
	Took  time.Duration
}

// Failures are the cases that did not go well.
func (r Result) Failures() (list []Case) {
	for _, c := range r.Cases {
		if c.Failure != "" {
			list = append(list, c)
		}
	}
	return list
}

// Run proves a valid lab on a provider. It leaves nothing behind, even when ctx ends on the way.
func Run(ctx context.Context, p sandbox.Provider, l *manifest.Lab) Result {
	began := time.Now()
	id := uuid.New()
	t := &trial{provider: p, lab: l, id: hex.EncodeToString(id[:]), env: map[string]string{}}
	t.result = Result{Slug: l.Slug, Title: l.Title}
	for _, s := range l.Steps {
		t.result.Steps = append(t.result.Steps, s.Title)
	}
	if t.start(ctx) {
		t.steps(ctx)
		t.try(0, "cleanup", func() error { return run.Cleanup(ctx, p, t.id, l) })
	}
	t.try(0, "end", func() error { return t.end(ctx) })
	t.result.Took = time.Since(began)
	return t.result
}

// trial is one run.
type trial struct {
	provider sandbox.Provider
	lab      *manifest.Lab
	id       string
	env      map[string]string // what the setups wrote
	result   Result
}

// try runs one case and tells whether it went well.
func (t *trial) try(step int, name string, fn func() error) bool {
	began := time.Now()
	err := fn()
	c := Case{Step: step, Name: name, Took: time.Since(began)}
	if err != nil {
		c.Failure = err.Error()
		var script *run.ScriptError
		if errors.As(err, &script) {
			c.Output = string(script.Output)
		}
	}
	t.result.Cases = append(t.result.Cases, c)
	return err == nil
}

func (t *trial) skip(step int, name string) {
	t.result.Cases = append(t.result.Cases, Case{Step: step, Name: name, Skipped: true})
}

func (t *trial) start(ctx context.Context) bool {
	ok := t.try(0, "start", func() error {
		ctx, cancel := context.WithTimeout(ctx, startTime)
		defer cancel()
		spec := run.Spec(t.lab)
		spec.ID, spec.Deadline = t.id, time.Now().Add(lifetime)
		return t.provider.Provision(ctx, spec, nil)
	})
	return ok && t.try(0, "setup", func() (err error) {
		t.env, err = run.Setup(ctx, t.provider, t.id, t.lab)
		return err
	})
}

// steps goes through the lab. Steps build on each other: after one that was not solved the rest is skipped.
func (t *trial) steps(ctx context.Context) {
	solved := true
	for i := range t.lab.Steps {
		if !solved {
			t.skip(i+1, "not tried")
			continue
		}
		solved = t.step(ctx, i)
	}
	if solved {
		t.try(0, "variables of the texts", t.variables)
	}
}

func (t *trial) step(ctx context.Context, i int) (solved bool) {
	s := &t.lab.Steps[i]
	if i > 0 && len(s.Setup) > 0 {
		ok := t.try(i+1, "setup", func() error {
			more, err := run.StepSetup(ctx, t.provider, t.id, t.lab, i)
			for name, value := range more {
				t.env[name] = value
			}
			return err
		})
		if !ok {
			return false
		}
	}
	checks := s.Ordered()
	t.before(ctx, i+1, checks)
	switch {
	case len(s.Solve) > 0:
		solved = t.try(i+1, "solution", func() error { return run.Solve(ctx, t.provider, t.id, t.lab, i) })
	case len(checks) > 0:
		solved = t.try(i+1, "solution", func() error {
			return errors.New("the step has checks but no solve script, so that nobody knows whether it can be done")
		})
	default:
		return true
	}
	for _, c := range checks {
		name := c.Name + " passes after the solution"
		if !solved {
			t.skip(i+1, name)
			continue
		}
		solved = t.try(i+1, name, func() error { return t.passes(ctx, c) }) && solved
	}
	return solved
}

// before runs the checks while nothing has been done. One that needs a check which has not passed is blocked, for a
// learner as here.
func (t *trial) before(ctx context.Context, step int, checks []manifest.Check) {
	passed := map[string]bool{}
	for _, c := range checks {
		if slices.ContainsFunc(c.Needs, func(need string) bool { return !passed[need] }) {
			continue
		}
		t.try(step, c.Name+" fails before the solution", func() error {
			outcome, err := run.Check(ctx, t.provider, t.id, c)
			passed[c.Name] = outcome.Passed
			switch {
			case err != nil:
				return err
			case outcome.TimedOut:
				return fmt.Errorf("the check did not end within %s", c.Timeout)
			case outcome.Passed:
				return fmt.Errorf("the check passes although nothing was done yet%s", quoted(outcome.Message))
			case outcome.Message == "" && c.Hint == "":
				return errors.New("the check fails without a word: let its last line say what was expected and what was found")
			}
			return nil
		})
	}
}

// passes waits a little: what a solution started in the background may still be coming up, as it may for a learner.
func (t *trial) passes(ctx context.Context, c manifest.Check) error {
	until := time.Now().Add(settle)
	for {
		outcome, err := run.Check(ctx, t.provider, t.id, c)
		switch {
		case err != nil:
			return err
		case outcome.Passed:
			return nil
		case outcome.TimedOut:
			return fmt.Errorf("the check did not end within %s", c.Timeout)
		case time.Now().After(until):
			return fmt.Errorf("the check fails with exit code %d although the solution ran%s", outcome.Code, quoted(outcome.Message))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(settleEvery):
		}
	}
}

// variables holds the texts to what the setups wrote.
func (t *trial) variables() error {
	var missing []string
	for _, name := range t.lab.Variables() {
		if _, ok := t.env[name]; !ok {
			missing = append(missing, "{{env:"+name+"}}")
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the texts use %v, which no setup wrote to $CLOUDKIDA_ENV", missing)
	}
	return nil
}

// end removes the environment, and looks that it is gone. It is not stopped by the caller's Ctrl-C.
func (t *trial) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := t.provider.Destroy(ctx, t.id); err != nil {
		return err
	}
	ids, err := t.provider.List(ctx)
	if err == nil && slices.Contains(ids, t.id) {
		err = errors.New("the environment is still there after it was removed")
	}
	return err
}

func quoted(message string) string {
	if message == "" {
		return ""
	}
	return fmt.Sprintf(": %q", message)
}
