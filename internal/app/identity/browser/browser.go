// Package browser keeps who is signed in in which browser, and the tokens that came from there. People see the devices
// that they are signed in on, and sign out any of them.
package browser

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// Lifetimes.
const (
	Idle = 24 * time.Hour
	Life = 7 * 24 * time.Hour
)

// Session is one sign-in in one browser. While it lives, authorization requests pass without a page.
type Session struct {
	ID         uuid.UUID
	User       uuid.UUID
	Methods    []string // how the person proved who they are (amr of RFC 8176)
	SignedInAt time.Time
	IdleAt     time.Time
	Vouched    uuid.NullUUID // the tenant whose own provider signed the person in: it opens that one alone
	Provider   uuid.NullUUID // that provider
	Excused    bool          // it asks for the second step itself
}

// Sessions are those of an installation.
type Sessions struct {
	DB     *pgxpool.Pool // of the role identity
	Now    func() time.Time
	Forget func(user uuid.UUID) // drops what this process remembers of a user's sign-ins
	Log    *slog.Logger
}

// cookie is the cookie's name: one per pool, so that one browser can be signed in to several. The prefix __Host-
// makes browsers refuse it from subdomains and over plain HTTP, except on localhost.
func cookie(p access.Pool) string { return "__Host-cloudkida-" + p.Name }

// SetCookie gives a browser a cookie for our own pages alone.
func SetCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// DropCookie takes it back.
func DropCookie(w http.ResponseWriter, name string) { SetCookie(w, name, "", -time.Second) }

// Drop takes the session's cookie from a browser that has one.
func Drop(w http.ResponseWriter, r *http.Request, pool access.Pool) {
	if _, err := r.Cookie(cookie(pool)); !errors.Is(err, http.ErrNoCookie) {
		DropCookie(w, cookie(pool))
	}
}

// Open starts a session after a sign-in. It always has a new token, and the one that the browser came with ends: whoever
// planted that one gains nothing. What the same person opened from it goes on, as part of the new one.
func (s *Sessions) Open(w http.ResponseWriter, r *http.Request, pool access.Pool, user uuid.UUID, methods ...string) (Session, error) {
	return s.OpenVouched(w, r, pool, user, Voucher{}, methods...)
}

// Voucher is the identity provider of a tenant's own that has vouched for a session.
type Voucher struct {
	Provider uuid.NullUUID
	At       time.Time // of the sign-in there; zero: now
}

// Voucher is that of a session, for another one in its place. Of a session that nobody vouched for it says nothing.
func (b Session) Voucher() Voucher {
	if !b.Provider.Valid {
		return Voucher{}
	}
	return Voucher{Provider: b.Provider, At: b.SignedInAt}
}

// OpenVouched is Open for a session for which an identity provider has vouched. It is as old as the sign-in there.
func (s *Sessions) OpenVouched(w http.ResponseWriter, r *http.Request, pool access.Pool, user uuid.UUID, by Voucher, methods ...string) (Session, error) {
	ctx, now := r.Context(), s.Now()
	token, hash := opaque.New()
	b := Session{User: user, Methods: methods, SignedInAt: now, IdleAt: now.Add(Idle), Provider: by.Provider}
	if !by.At.IsZero() && by.At.Before(now) {
		b.SignedInAt = by.At
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			insert into identity.browser_session (token_hash, pool_id, user_id, methods, provider_id, created_at, idle_at, expires_at, user_agent, address)
			values (@hash, @pool, @user, @methods, @provider, @now, @idle, @expires, @agent, @address) returning id`, pgx.NamedArgs{
			"hash": hash, "pool": pool.ID, "user": user, "methods": methods, "provider": by.Provider, "now": b.SignedInAt, "idle": b.IdleAt, "expires": now.Add(Life),
			"agent": clean(r.UserAgent(), 300), "address": clean(httpx.ClientAddress(r), 64),
		}).Scan(&b.ID)
		if err != nil {
			return err
		}
		c, err := r.Cookie(cookie(pool))
		if err != nil {
			return nil //nolint:nilerr // nobody was signed in here
		}
		return replace(ctx, tx, opaque.Hash(c.Value), b)
	})
	if err != nil {
		return Session{}, fmt.Errorf("open session: %w", err)
	}
	SetCookie(w, cookie(pool), token, Life)
	s.Log.InfoContext(ctx, "a person signed in", "user", user, "pool", pool.Name, "methods", methods, "provider", by.Provider.UUID,
		"address", httpx.ClientAddress(r), "request", httpx.RequestID(ctx))
	return b, nil
}

// replace ends an earlier session in favour of the new one.
func replace(ctx context.Context, tx pgx.Tx, earlier []byte, b Session) error {
	for _, statement := range []string{
		`update identity.token_family f set browser_session_id = $2 from identity.browser_session e
			where e.token_hash = $1 and f.browser_session_id = e.id and f.user_id = $3`,
		`delete from identity.browser_session where token_hash = $1 and ($2::uuid, $3::uuid) is not null`,
	} {
		if _, err := tx.Exec(ctx, statement, earlier, b.ID, b.User); err != nil {
			return err
		}
	}
	return nil
}

// clean bounds what a browser says of itself.
func clean(text string, size int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > size {
		return string(runes[:size])
	}
	return text
}

// touchAfter is how much of the idle time passes before its end is written again: not with every request.
const touchAfter = 10 * time.Minute

// Find returns the live session that the browser's cookie names; ok is false when there is none.
func (s *Sessions) Find(r *http.Request, pool access.Pool) (b Session, ok bool, err error) {
	c, err := r.Cookie(cookie(pool))
	if err != nil {
		return b, false, nil //nolint:nilerr // no cookie: nobody is signed in
	}
	ctx, now := r.Context(), s.Now()
	rows, err := s.DB.Query(ctx, `
		select b.id, b.user_id, b.methods, b.created_at, b.idle_at, f.tenant_id, f.id, coalesce(f.second_step, false)
		from identity.browser_session b join identity."user" u on u.id = b.user_id left join identity.federation_provider f on f.id = b.provider_id
		where b.token_hash = $1 and b.pool_id = $2 and least(b.idle_at, b.expires_at) > $3 and u.disabled_at is null`,
		opaque.Hash(c.Value), pool.ID, now)
	if err != nil {
		return b, false, fmt.Errorf("read session: %w", err)
	}
	b, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Session])
	if errors.Is(err, pgx.ErrNoRows) {
		return b, false, nil
	}
	if err != nil {
		return b, false, fmt.Errorf("read session: %w", err)
	}
	if idle := now.Add(Idle); idle.Sub(b.IdleAt) > touchAfter {
		if _, err := s.DB.Exec(ctx, `update identity.browser_session set idle_at = $2 where id = $1`, b.ID, idle); err != nil {
			return b, false, fmt.Errorf("touch session: %w", err)
		}
	}
	return b, true, nil
}

// Close ends one of a user's sessions with every token that came from it; found is false when there was none.
func (s *Sessions) Close(ctx context.Context, user, session uuid.UUID) (found bool, err error) {
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from identity.token_family where browser_session_id = $1 and user_id = $2`, session, user); err != nil {
			return err
		}
		done, err := tx.Exec(ctx, `delete from identity.browser_session where id = $1 and user_id = $2`, session, user)
		if found = done.RowsAffected() == 1; err != nil || !found {
			return err
		}
		return audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.signed_out", Target: user.String(), Before: map[string]any{"session": session}})
	})
	if err != nil {
		return false, fmt.Errorf("close session: %w", err)
	}
	s.Forget(user)
	return found, nil
}

// EndAll ends all sessions and tokens of a user, except one token family and the browser session it came from.
func EndAll(ctx context.Context, tx pgx.Tx, user, keep uuid.UUID) error {
	for _, statement := range []string{
		`delete from identity.challenge where user_id = $1 and $2::uuid is not null`,
		`delete from identity.auth_code where user_id = $1 and family_id <> $2`,
		`delete from identity.browser_session where user_id = $1
			and id is distinct from (select browser_session_id from identity.token_family where id = $2)`,
		`delete from identity.token_family where user_id = $1 and id <> $2`,
	} {
		if _, err := tx.Exec(ctx, statement, user, keep); err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
	}
	return nil
}

// EndOthers ends all sessions and tokens of a user, except one browser session with the tokens that came from it.
func EndOthers(ctx context.Context, tx pgx.Tx, user, keep uuid.UUID) error {
	for _, statement := range []string{
		`delete from identity.challenge where user_id = $1 and $2::uuid is not null`,
		`delete from identity.auth_code where user_id = $1 and browser_session_id is distinct from $2`,
		`delete from identity.browser_session where user_id = $1 and id <> $2`,
		`delete from identity.token_family where user_id = $1 and browser_session_id is distinct from $2`,
	} {
		if _, err := tx.Exec(ctx, statement, user, keep); err != nil {
			return fmt.Errorf("end other sessions: %w", err)
		}
	}
	return nil
}
