package factor

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Use is a way to take the step after the password.
type Use string

// The ways.
const (
	UseCode     Use = "code" // of an authenticator app
	UsePasskey  Use = "passkey"
	UseEmail    Use = "email"
	UseRecovery Use = "recovery"
)

// ErrWait says that there were too many tries.
var ErrWait = errs.Limited("too_many_tries", "Too many tries. Wait a while, then try again.")

func waiting(wait time.Duration) error {
	if wait < 2*time.Minute {
		return ErrWait.Because("Too many tries. Wait %d seconds, then try again.", int(math.Ceil(wait.Seconds())))
	}
	return ErrWait.Because("Too many tries. Wait %d minutes, then try again.", int(math.Ceil(wait.Minutes())))
}

// try counts an answer and checks it; a right one is forgiven, and so is a fault of ours.
func (s *Service) try(user uuid.UUID, place string, check func() error) error {
	ofUser, from := keys(user, place)
	if wait := s.Throttle.Try(ofUser, from); wait > 0 {
		return waiting(wait)
	}
	err := check()
	switch {
	case err == nil:
		s.Throttle.Reset(ofUser)
		s.Throttle.Forgive(from)
	case errs.KindOf(err) != errs.KindUnauthenticated:
		s.Throttle.Forgive(ofUser, from)
	}
	return err
}

// Verify takes a code of an authenticator app or a recovery code of a user, once, and returns how RFC 8176 names it.
func (s *Service) Verify(ctx context.Context, user uuid.UUID, use Use, code, place string) (method string, err error) {
	err = s.try(user, place, func() error {
		switch use {
		case UseCode:
			return s.useTOTP(ctx, user, code)
		case UseRecovery:
			return s.useRecoveryCode(ctx, user, code)
		case UsePasskey, UseEmail:
		}
		return ErrWrongCode
	})
	if errs.KindOf(err) == errs.KindUnauthenticated {
		s.Log.InfoContext(ctx, "a sign-in failed", "user", user, "step", string(use), "address", place, "request", tenancy.OriginOf(ctx).Request)
		if s.Failed != nil {
			s.Failed(ctx, user, string(use))
		}
	}
	return methodCode, err
}

// List returns what a user has confirmed, the oldest first.
func (s *Service) List(ctx context.Context, user uuid.UUID) ([]Factor, error) {
	return listFactors(ctx, s.DB, user)
}

// RecoveryCodesLeft is how many of a user's recovery codes are not used yet.
func (s *Service) RecoveryCodesLeft(ctx context.Context, user uuid.UUID) (int, error) {
	return countRecoveryCodes(ctx, s.DB, user)
}

// Remove removes one of a user's factors. With the last one the recovery codes go; the last one of a user who must have
// one stays.
func (s *Service) Remove(ctx context.Context, pool access.Pool, user, id uuid.UUID) error {
	err := s.locked(ctx, user, func(tx pgx.Tx) error {
		if _, err := removeFactor(ctx, tx, user, id); err != nil {
			return err
		}
		if err := audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.factor_removed", Target: user.String(), Before: map[string]any{"factor": id}}); err != nil {
			return err
		}
		left, err := listFactors(ctx, tx, user)
		if err != nil || len(left) > 0 {
			return err
		}
		d, err := readDemand(ctx, tx, pool.ID, user)
		if err != nil {
			return err
		}
		if d.required {
			return ErrLast
		}
		return dropRecoveryCodes(ctx, tx, user)
	})
	if err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "a user removed a factor", "user", user, "factor", id)
	return nil
}

// recordAdded tells the organisations of a person that there is one more way to sign in.
func recordAdded(ctx context.Context, tx pgx.Tx, user uuid.UUID, kind Kind) error {
	return audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.factor_added", Target: user.String(), After: map[string]any{"kind": kind}})
}

// Reset removes every factor of a user who has lost them and ends all of their sessions.
func (s *Service) Reset(ctx context.Context, user uuid.UUID) error {
	err := s.locked(ctx, user, func(tx pgx.Tx) error {
		var known bool
		err := tx.QueryRow(ctx, `select true from identity."user" where id = $1`, user).Scan(&known)
		if errors.Is(err, pgx.ErrNoRows) {
			return errNoUser
		}
		if err != nil {
			return err
		}
		if err := removeAll(ctx, tx, user); err != nil {
			return err
		}
		if err := browser.EndAll(ctx, tx, user, uuid.Nil); err != nil {
			return err
		}
		e := audit.Entry{Action: "person.factors_reset", Target: user.String()}
		return errors.Join(audit.OfPerson(ctx, tx, user, e), audit.Operated(ctx, tx, audit.Operation{Entry: e}))
	})
	if err == nil {
		s.Forget(user)
	}
	return err
}

var errNoUser = errs.NotFound("no_such_user", "There is no such user.")
