package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/internal/app/check"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/lab/run"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// checksAtOnce bounds how many automatic checks of one session run at the same time.
const checksAtOnce = 3

// results of a session's checks.
type results map[check.Key]check.Result

func (r results) passed(step int, name string) bool {
	return r[check.Key{Step: step, Name: name}].State == check.Passed
}

// done tells whether every check of a step has passed, its quiz included.
func (r results) done(step int, s manifest.Step) bool {
	for _, c := range s.Checks {
		if !r.passed(step, c.Name) {
			return false
		}
	}
	return len(s.Quiz) == 0 || r.passed(step, check.Quiz)
}

// blocked tells whether something must pass before a check of the step can run.
func (r results) blocked(step int, c manifest.Check) bool {
	return slices.ContainsFunc(c.Needs, func(need string) bool { return !r.passed(step, need) })
}

// automatic lists the checks that run by themselves now, with the least time between two runs.
func automatic(m *manifest.Lab, step int, found results) map[check.Key]time.Duration {
	if step >= len(m.Steps) {
		return nil
	}
	list := map[check.Key]time.Duration{}
	for _, c := range m.Steps[step].Checks {
		if c.Every > 0 && !found.passed(step, c.Name) && !found.blocked(step, c) {
			list[check.Key{Step: step, Name: c.Name}] = c.Every
		}
	}
	return list
}

// runDue runs the automatic checks that are due.
func (k *keeper) runDue(ctx context.Context, found Session, version *lab.Version) error {
	due := k.schedule.Due(time.Now())
	if len(due) == 0 {
		return nil
	}
	group, runCtx := errgroup.WithContext(ctx)
	group.SetLimit(checksAtOnce)
	for _, key := range due {
		k.schedule.Begin(key)
		group.Go(func() error {
			err := k.service.runCheck(runCtx, found, version, key, false)
			if errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNotYet) {
				return nil // tried again at its next time
			}
			return err
		})
	}
	err := group.Wait()
	for _, key := range due {
		k.schedule.End(key, time.Now())
	}
	return err
}

// RunCheck runs one check because the learner asked for it.
func (s *Service) RunCheck(ctx context.Context, id uuid.UUID, key check.Key) error {
	found, version, err := s.own(ctx, id)
	switch {
	case err != nil:
		return err
	case found.State != Ready:
		return ErrNotReady
	}
	return s.runCheck(ctx, found, version, key, true)
}

// runCheck runs a check of the current step in the environment and stores what it found. A check that has passed is not
// run again.
func (s *Service) runCheck(ctx context.Context, found Session, version *lab.Version, key check.Key, button bool) error {
	c, ok := version.Manifest.Check(key.Step, key.Name)
	if !ok {
		return ErrNoStep
	}
	outcome, err := run.Check(ctx, s.Provider, found.Sandbox(), c)
	if errors.Is(err, sandbox.ErrUnreachable) || errors.Is(err, sandbox.ErrNotFound) {
		return ErrUnreachable.Wrap(err)
	}
	if err != nil {
		return err
	}
	result := check.Result{Key: key, State: check.Failed, Message: outcome.Message}
	switch {
	case outcome.Passed:
		result.State = check.Passed
	case outcome.TimedOut:
		result.State, result.Message = check.Error, "The check did not end in time. Does something keep the machine busy?"
	}
	return s.store(ctx, found.ID, version, result, button)
}

// store keeps a result and, when it was the last of its step, moves the session on. Only checks of the step that the
// session is at count.
func (s *Service) store(ctx context.Context, id uuid.UUID, version *lab.Version, result check.Result, button bool) error {
	done, changed := false, false
	err := s.DB.InTenant(ctx, policy.SessionUse, func(tx pgx.Tx) error {
		found, err := lock(ctx, tx, policy.SessionUse, id)
		if err != nil {
			return err
		}
		known, err := check.Load(ctx, tx, id)
		if err != nil {
			return err
		}
		all := results(known)
		if found.State != Ready || result.Step != found.Step || blocks(version.Manifest, all, result.Key) {
			return ErrNotYet
		}
		old := all[result.Key]
		changed = button || old.State != result.State || old.Message != result.Message
		if !changed || old.State == check.Passed {
			return nil
		}
		all[result.Key] = result
		done = all.done(found.Step, version.Manifest.Steps[found.Step])
		return check.Save(ctx, tx, id, result, button)
	})
	if err == nil && done {
		err = s.settle(ctx, id, version)
	}
	if err == nil && changed {
		s.Keepers.wake(id)
		s.Keepers.publish(id)
	}
	return err
}

func blocks(m *manifest.Lab, all results, key check.Key) bool {
	c, ok := m.Check(key.Step, key.Name)
	return ok && all.blocked(key.Step, c)
}

// following is the next step that has something to check; the number of steps when there is none.
func following(m *manifest.Lab, step int) int {
	for step++; step < len(m.Steps); step++ {
		if len(m.Steps[step].Checks) > 0 || len(m.Steps[step].Quiz) > 0 {
			break
		}
	}
	return step
}

// settle moves a session whose step is done to the next one, and prepares that first: its checks do not see it half made.
func (s *Service) settle(ctx context.Context, id uuid.UUID, version *lab.Version) error {
	if !s.Keepers.settling.claim(id) {
		return nil
	}
	defer s.Keepers.settling.release(id)
	found, _, all, err := s.loadWithResults(ctx, policy.SessionUse, id)
	steps := version.Manifest.Steps
	if err != nil || found.State != Ready || found.Step >= len(steps) || !all.done(found.Step, steps[found.Step]) {
		return err
	}
	next := following(version.Manifest, found.Step)
	env, err := run.StepSetup(ctx, s.Provider, found.Sandbox(), version.Manifest, next)
	if err != nil {
		// The learner can go on without: what is missing shows in the checks, and starting over helps.
		s.Log.WarnContext(ctx, "set up a step", "session", id, "step", next, "error", err)
		env = map[string]string{}
	}
	err = s.DB.InTenant(ctx, policy.SessionUse, func(tx pgx.Tx) error {
		now, err := lock(ctx, tx, policy.SessionUse, id)
		if err != nil || now.State != Ready || now.Step != found.Step {
			return err
		}
		if err := setStep(ctx, tx, id, next, env); err != nil || next < len(steps) {
			return err
		}
		return audit.Record(ctx, tx, "session.completed", id.String(), map[string]any{"lab": version.Slug, "version": version.Number})
	})
	s.Keepers.wake(id)
	s.Keepers.publish(id)
	return err
}

// Answer checks the answers to a step's quiz: for each question the indexes of the chosen answers.
func (s *Service) Answer(ctx context.Context, id uuid.UUID, step int, chosen [][]int) ([]bool, error) {
	found, version, err := s.own(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case found.State != Ready:
		return nil, ErrNotReady
	case step < 0 || step >= len(version.Manifest.Steps) || len(version.Manifest.Steps[step].Quiz) != len(chosen):
		return nil, ErrNoStep
	}
	right := make([]bool, len(chosen))
	result := check.Result{Key: check.Key{Step: step, Name: check.Quiz}, State: check.Passed}
	for i, q := range version.Manifest.Steps[step].Quiz {
		right[i] = sameSet(q.Solution, chosen[i])
		if !right[i] {
			result.State, result.Message = check.Failed, "Not all answers are right yet."
		}
	}
	return right, s.store(ctx, id, version, result, true)
}

func sameSet(a, b []int) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// Reveal shows a hint and keeps that its cost is due.
func (s *Service) Reveal(ctx context.Context, id uuid.UUID, step, hint int) (html string, err error) {
	_, version, err := s.own(ctx, id)
	if err != nil {
		return "", err
	}
	if step < 0 || step >= len(version.Guide) || hint < 0 || hint >= len(version.Guide[step].Hints) {
		return "", ErrNoStep
	}
	err = s.DB.InTenant(ctx, policy.SessionUse, func(tx pgx.Tx) error {
		found, err := lock(ctx, tx, policy.SessionUse, id)
		if err != nil || slices.Contains(found.Hints[step], hint) {
			return err
		}
		if found.Hints == nil {
			found.Hints = map[int][]int{}
		}
		found.Hints[step] = append(found.Hints[step], hint)
		return setHints(ctx, tx, id, found.Hints)
	})
	s.Keepers.publish(id)
	return version.Guide[step].Hints[hint].HTML, err
}

// offered tells whether a step's solution may be shown: after repeated failure, or some time, or when the step is done.
func offered(found Session, version *lab.Version, step int, all results) bool {
	s := version.Manifest.Steps[step]
	if len(s.Solve) == 0 || step > found.Step {
		return false
	}
	if step < found.Step || time.Since(found.StepSince) >= solutionAfter {
		return true
	}
	return slices.ContainsFunc(s.Checks, func(c manifest.Check) bool {
		return all[check.Key{Step: step, Name: c.Name}].Failures >= solutionFailures
	})
}

// Solution returns the script that solves a step, once it is offered.
func (s *Service) Solution(ctx context.Context, id uuid.UUID, step int) (script string, err error) {
	found, version, all, err := s.loadWithResults(ctx, policy.SessionUse, id)
	switch {
	case err != nil:
		return "", err
	case !s.owns(ctx, found):
		return "", ErrNotFound
	case step < 0 || step >= len(version.Manifest.Steps):
		return "", ErrNoStep
	case !offered(found, version, step, all):
		return "", ErrNotOffered
	}
	return string(version.Manifest.Steps[step].Solve), nil
}

// mine tells whether the scope may use the session: its learner, or those who look after it. To others it is not there.
func (s *Service) mine(ctx context.Context, found Session) error {
	scope, _ := tenancy.From(ctx)
	if scope.Role == tenancy.RoleSystem || scope.User == found.User || fault.On(fault.SessionOfAnybody) {
		return nil
	}
	err := s.DB.Allow(ctx, policy.SessionSeeAll, found)
	if errs.KindOf(err) == errs.KindForbidden {
		return ErrNotFound
	}
	return err
}
