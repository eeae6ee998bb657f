// Package onetime keeps the links that a person may use once: to set an installation up, to choose a new password, and to
// choose the first one.
package onetime

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Kind is what a link is good for. It is also the path of its page.
type Kind string

// The kinds.
const (
	Setup Kind = "setup"
	Reset Kind = "reset" // package mailproof makes them, too
	Enter Kind = "enter" // package provision makes them
)

// What a link that is over says, by its kind.
var (
	ErrSetup = errs.NotFound("setup_link_over", "This link has been used or has expired. If nobody has set this installation up yet, start the program again: it prints a new link.")
	ErrEnter = errs.NotFound("enter_link_over", "This link has been used or has expired. Sign in with the password that you chose, or ask whoever invited you for a new link.")
	ErrReset = errs.NotFound("reset_link_over", "This link has been used or has expired. Have a new one sent: “Forgot your password?” is on the sign-in page.")
)

func (k Kind) over() error {
	switch k {
	case Setup:
		return ErrSetup
	case Enter:
		return ErrEnter
	default:
		return ErrReset
	}
}

// Links keeps them.
type Links struct {
	DB     *pgxpool.Pool // of the role identity
	Now    func() time.Time
	Issuer func(access.Pool) string // below which the pages are
}

// Make makes a link; earlier ones of the same user end.
func (l *Links) Make(ctx context.Context, pool access.Pool, kind Kind, user uuid.NullUUID, life time.Duration) (string, error) {
	token, hash := opaque.New()
	err := pgx.BeginFunc(ctx, l.DB, func(tx pgx.Tx) error {
		if err := Drop(ctx, tx, user); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into identity.one_time_link (token_hash, pool_id, kind, user_id, expires_at) values ($1, $2, $3, $4, $5)`,
			hash, pool.ID, string(kind), user, l.Now().Add(life))
		if err != nil || kind != Reset {
			return err
		}
		e := audit.Entry{Action: "person.password_reset_link", Target: user.UUID.String()}
		return errors.Join(audit.OfPerson(ctx, tx, user.UUID, e), audit.Operated(ctx, tx, audit.Operation{Entry: e}))
	})
	if err != nil {
		return "", fmt.Errorf("make %s link: %w", kind, err)
	}
	return l.Issuer(pool) + "/" + string(kind) + "?token=" + url.QueryEscape(token), nil
}

// Drop ends the links of a user. Setup links, which have none, stay: each process of an installation prints its own.
func Drop(ctx context.Context, tx pgx.Tx, user uuid.NullUUID) error {
	if _, err := tx.Exec(ctx, `delete from identity.one_time_link where user_id = $1`, user); err != nil {
		return fmt.Errorf("drop links: %w", err)
	}
	return nil
}

const condition = ` where token_hash = $1 and pool_id = $2 and kind = $3 and used_at is null and expires_at > $4 `

// Find returns whose link this is without using it up: mail programs open links before people do.
func (l *Links) Find(ctx context.Context, pool access.Pool, kind Kind, token string) (user uuid.NullUUID, err error) {
	err = l.DB.QueryRow(ctx, `select user_id from identity.one_time_link`+condition, opaque.Hash(token), pool.ID, string(kind), l.Now()).Scan(&user)
	if errors.Is(err, pgx.ErrNoRows) {
		return user, kind.over()
	}
	if err != nil {
		return user, fmt.Errorf("read link: %w", err)
	}
	return user, nil
}

// Take uses a link up.
func (l *Links) Take(ctx context.Context, tx pgx.Tx, pool access.Pool, kind Kind, token string) error {
	done, err := tx.Exec(ctx, `update identity.one_time_link set used_at = now()`+condition, opaque.Hash(token), pool.ID, string(kind), l.Now())
	if err != nil {
		return fmt.Errorf("take link: %w", err)
	}
	if done.RowsAffected() == 0 {
		return kind.over()
	}
	return nil
}
