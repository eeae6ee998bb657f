package session

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/lab/run"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// ending is the code of why a session ends.
type ending string

// The reasons why a session ends.
const (
	endedByLearner ending = "ended"
	endedByStaff   ending = "ended_by_staff"
	endedByTime    ending = "time_over"
	endedIdle      ending = "idle"
	endedLost      ending = "environment_lost"
	endedAnew      ending = "started_over"
	endedClosed    ending = "organisation_closed"
	endedMoved     ending = "organisation_imported"
	endedLeft      ending = "member_left"
)

// reason is the ending with its sentence for people.
func (e ending) reason() Reason {
	var message string
	switch e {
	case endedByLearner:
		message = "You ended the session."
	case endedByStaff:
		message = "The session was ended by the people who run this lab."
	case endedByTime:
		message = "The time of this session is over."
	case endedIdle:
		message = "The session ended because nothing happened in it."
	case endedLost:
		message = "The environment stopped by itself. Start the lab again."
	case endedAnew:
		message = "You started the lab over."
	case endedClosed:
		message = "The session ended because your organisation is closed at the moment."
	case endedLeft:
		message = "The session ended because you have no access to this organisation any more."
	case endedMoved:
		message = "The session ran in another installation, which your organisation came from. Start the lab again."
	}
	return Reason{Code: string(e), Message: message}
}

// End ends a session of the caller. What its environment held is gone afterwards.
func (s *Service) End(ctx context.Context, id uuid.UUID) (Session, error) {
	found, err := s.Get(ctx, id)
	if err != nil {
		return Session{}, err
	}
	scope, _ := tenancy.From(ctx)
	why := endedByLearner
	if scope.User != found.User {
		why = endedByStaff
	}
	if err := s.end(ctx, policy.SessionUse, id, why); err != nil {
		return Session{}, err
	}
	return s.Get(ctx, id)
}

// endAtOnce bounds how many sessions EndAll ends in one call.
const endAtOnce = 500

// EndAll ends the sessions of the tenant in ctx, because it is closed to people, and tells how many have not ended yet.
func (s *Service) EndAll(ctx context.Context) (left int, err error) {
	running, err := s.open(ctx, endAtOnce)
	if err != nil {
		return 0, err
	}
	for _, id := range running {
		if err := s.end(ctx, policy.SessionSystem, id, endedClosed); err != nil {
			return len(running), err
		}
	}
	return len(running), nil
}

// EndOf ends a person's sessions in the tenant of ctx, because their account goes, and tells how many have not ended yet.
func (s *Service) EndOf(ctx context.Context, user uuid.UUID) (left int, err error) {
	return s.endOf(ctx, user, endedByLearner)
}

// EndMember ends a person's sessions in the tenant of ctx, because they may not act there any more.
func (s *Service) EndMember(ctx context.Context, user uuid.UUID) error {
	_, err := s.endOf(ctx, user, endedLeft)
	return err
}

func (s *Service) endOf(ctx context.Context, user uuid.UUID, why ending) (left int, err error) {
	running, err := s.openOf(ctx, user, endAtOnce)
	if err != nil {
		return 0, err
	}
	for _, id := range running {
		if err := s.end(ctx, policy.SessionSystem, id, why); err != nil {
			return len(running), err
		}
	}
	return len(running), nil
}

// end moves a session to ending and adds the job that removes its environment. It can be repeated.
func (s *Service) end(ctx context.Context, p tenancy.Permission, id uuid.UUID, why ending) error {
	var environment uuid.UUID
	err := s.DB.InTenant(ctx, p, func(tx pgx.Tx) error {
		found, err := lock(ctx, tx, p, id)
		if err != nil || !found.State.Alive() {
			return err
		}
		environment = found.Environment
		if err := setState(ctx, tx, id, Ending, why.reason()); err != nil {
			return err
		}
		if err := s.enqueue(ctx, tx, found.Host, EndArgs{Session: id}); err != nil {
			return err
		}
		return audit.Record(ctx, tx, "session.ended", id.String(), map[string]any{"reason": why})
	})
	if err != nil || environment == uuid.Nil {
		return err
	}
	s.Keepers.publish(id)
	return s.Environments.Move(ctx, environment, Ending, time.Now().Add(endingTime))
}

// Finish runs the lab's cleanup and removes the environment of a session that is ending. It can be repeated.
func (s *Service) Finish(ctx context.Context, id uuid.UUID) error {
	found, version, err := s.load(ctx, policy.SessionSystem, id)
	if err != nil {
		return err
	}
	if found.State != Ending {
		return nil
	}
	s.Keepers.drop(id)
	if found.ReadyAt != nil && found.Reason.Code != string(endedLost) {
		if err := run.Cleanup(ctx, s.Provider, found.Sandbox(), version.Manifest); err != nil {
			s.Log.WarnContext(ctx, "clean up", "session", id, "error", err) // what it would have cleaned goes anyway
		}
	}
	if err := s.Environments.Remove(ctx, found.Environment); err != nil {
		return err
	}
	err = s.DB.InTenant(ctx, policy.SessionSystem, func(tx pgx.Tx) error {
		if _, err := lock(ctx, tx, policy.SessionSystem, id); err != nil {
			return err
		}
		return setState(ctx, tx, id, Ended, Reason{})
	})
	s.Keepers.publish(id)
	return err
}

// Expire ends a session whose environment is past its deadline, or lost when lost is true. The reaper calls it, in the
// tenant's scope, again and again until the environment is gone. It returns ErrNotFound for a session that never was.
func (s *Service) Expire(ctx context.Context, id uuid.UUID, lost bool) error {
	found, err := s.row(ctx, policy.SessionSystem, id)
	if err != nil {
		return err
	}
	switch found.State {
	case Requested, Admitted, Provisioning:
		return s.fail(ctx, found, found.Provisioning, context.DeadlineExceeded)
	case Ready:
		why := endedByTime
		if lost {
			why = endedLost
		}
		return s.end(ctx, policy.SessionSystem, id, why)
	case Ending:
		return s.Finish(ctx, id)
	case Ended, Failed:
		// The row of the environment outlived its session: a crash came between the two.
		return s.Environments.Remove(ctx, found.Environment)
	}
	return nil
}

// Restart ends the caller's session and starts the lab anew ("Start over").
func (s *Service) Restart(ctx context.Context, id uuid.UUID) (Session, error) {
	_, version, err := s.own(ctx, id)
	if err != nil {
		return Session{}, err
	}
	if err := s.DB.Allow(ctx, policy.SessionStart, version); err != nil {
		return Session{}, err // before anything ends
	}
	if err := s.end(ctx, policy.SessionUse, id, endedAnew); err != nil {
		return Session{}, err
	}
	started, _, err := s.Start(ctx, version.Slug)
	return started, err
}

// Extend gives the learner more time, as often as the session's limit allows.
func (s *Service) Extend(ctx context.Context, id uuid.UUID) (Session, error) {
	found, version, err := s.own(ctx, id)
	if err != nil {
		return Session{}, err
	}
	var deadline time.Time
	err = s.DB.InTenant(ctx, policy.SessionUse, func(tx pgx.Tx) error {
		now, err := lock(ctx, tx, policy.SessionUse, id)
		switch {
		case err != nil:
			return err
		case now.State != Ready || now.Deadline == nil:
			return ErrNotReady
		case now.Extensions >= maxExtensions:
			return ErrNoExtension
		}
		deadline = now.Deadline.Add(extendTime(version.Manifest))
		if err := setDeadline(ctx, tx, id, deadline, now.Extensions+1); err != nil {
			return err
		}
		return audit.Changed(ctx, tx, "session.extended", id.String(), map[string]any{"deadline": now.Deadline}, map[string]any{"deadline": deadline})
	})
	if err != nil {
		return Session{}, err
	}
	err = errors.Join(
		s.Environments.Move(ctx, found.Environment, Ready, deadline),
		s.Provider.Extend(ctx, found.Sandbox(), deadline),
	)
	s.Keepers.wake(id)
	s.Keepers.publish(id)
	if err != nil {
		s.Log.WarnContext(ctx, "extend environment", "session", id, "error", err)
	}
	return s.Get(ctx, id)
}

// Recover takes up what a restart of the process left: sessions that run are followed again, half-made ones are made
// anew, and those that were ending are ended. The context carries the tenant of the session.
func (s *Service) Recover(ctx context.Context, id uuid.UUID) error {
	found, err := s.row(ctx, policy.SessionSystem, id)
	if err != nil {
		return err
	}
	switch found.State {
	case Ready:
		if found.Deadline != nil {
			// A crash may have come between the session's row and its environment's.
			if err := s.Environments.Move(ctx, found.Environment, Ready, *found.Deadline); err != nil {
				return err
			}
		}
		s.Keepers.keep(ctx, s, id)
		return nil
	case Requested, Admitted, Provisioning:
		return s.again(ctx, found, ProvisionArgs{Session: id})
	case Ending:
		return s.again(ctx, found, EndArgs{Session: id})
	case Ended, Failed:
		return s.Environments.Remove(ctx, found.Environment)
	}
	return nil
}
