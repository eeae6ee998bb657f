package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/onetime"
	"github.com/cloudkida/cloudkida/internal/app/identity/password"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// hashTime bounds how long somebody waits for their turn at argon2id.
const hashTime = 10 * time.Second

var errBusy = errs.Unavailable("busy", "Many people sign in right now. Try again in a moment.")

// busy turns a hasher's "too many" into an answer.
func busy(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return errBusy.Wrap(err)
	}
	return err
}

// Hash checks a new password of a user and hashes it.
func (s *Service) Hash(ctx context.Context, pool access.Pool, who User, given string) (string, error) {
	if problem := password.CheckLength(pool.PasswordMin, given, who.Name, who.Email, pool.Name); problem != "" {
		return "", ErrPassword.WithFields(errs.Field{Path: "password", Message: problem})
	}
	ctx, cancel := context.WithTimeout(ctx, hashTime)
	defer cancel()
	hash, err := s.Passwords.Hash(ctx, given)
	return hash, busy(err)
}

// Verify tells whether the password is right. It also renews hashes that were made at another cost than today's.
func (s *Service) Verify(ctx context.Context, who Account, given string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, hashTime)
	defer cancel()
	right, err := s.Passwords.Verify(ctx, who.Hash, given)
	if err != nil || !right || !password.Stale(who.Hash) {
		return right, busy(err)
	}
	hash, err := s.Passwords.Hash(ctx, given)
	if err != nil {
		return true, busy(err)
	}
	return true, s.renewHash(ctx, who.ID, who.Hash, hash)
}

// renewHash keeps a hash of today's cost in place of an older one, unless the password was changed meanwhile.
func (s *Service) renewHash(ctx context.Context, user uuid.UUID, old, hash string) error {
	_, err := s.DB.Exec(ctx, `update identity."user" set password_hash = $3 where id = $1 and password_hash = $2`, user, old, hash)
	if err != nil {
		return fmt.Errorf("renew hash: %w", err)
	}
	return nil
}

// FirstPassword sets the password of somebody who comes by a link. It never replaces one that somebody has chosen meanwhile.
func FirstPassword(ctx context.Context, tx pgx.Tx, user uuid.UUID, hash string) error {
	done, err := tx.Exec(ctx, `update identity."user" set password_hash = $2, updated_at = now() where id = $1 and password_hash is null`, user, hash)
	if err != nil {
		return fmt.Errorf("set first password: %w", err)
	}
	if done.RowsAffected() == 0 {
		return onetime.ErrEnter
	}
	return onetime.Drop(ctx, tx, uuid.NullUUID{UUID: user, Valid: true})
}

// ChangePassword sets a new password and ends everything that the old one opened, but for the token family to keep and
// the browser session that it came from; stay ends nothing but links.
func ChangePassword(ctx context.Context, tx pgx.Tx, user uuid.UUID, hash string, keep uuid.UUID, stay bool) error {
	return change(ctx, tx, user, hash, func() error {
		if stay {
			return nil
		}
		return browser.EndAll(ctx, tx, user, keep)
	})
}

// ReplacePassword does so from a browser session, which goes on with the tokens that came from it.
func ReplacePassword(ctx context.Context, tx pgx.Tx, user uuid.UUID, hash string, session uuid.UUID) error {
	return change(ctx, tx, user, hash, func() error { return browser.EndOthers(ctx, tx, user, session) })
}

func change(ctx context.Context, tx pgx.Tx, user uuid.UUID, hash string, end func() error) error {
	if _, err := tx.Exec(ctx, `update identity."user" set password_hash = $2, updated_at = now() where id = $1`, user, hash); err != nil {
		return fmt.Errorf("update password: %w", err)
	}
	if err := onetime.Drop(ctx, tx, uuid.NullUUID{UUID: user, Valid: true}); err != nil {
		return err
	}
	if err := end(); err != nil {
		return err
	}
	return audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.password_changed", Target: user.String()})
}
