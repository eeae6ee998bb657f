package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
)

// browserSession is one sign-in in one browser. While it lives, authorization requests pass without a page.
type browserSession struct {
	ID         uuid.UUID
	User       uuid.UUID
	Methods    []string // how the person proved who they are (amr of RFC 8176)
	SignedInAt time.Time
	IdleAt     time.Time
	Vouched    uuid.NullUUID // the tenant whose own provider signed the person in: it opens that one alone
}

// sessionCookie is the cookie's name: one per pool, so that one browser can be signed in to several. The prefix __Host-
// makes browsers refuse it from subdomains and over plain HTTP, except on localhost.
func sessionCookie(p Pool) string { return "__Host-cloudkida-" + p.Name }

func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func dropCookie(w http.ResponseWriter, name string) { setCookie(w, name, "", -time.Second) }

// openSession starts a session after a sign-in. It always has a new token, and the one that the browser came with ends:
// whoever planted that one gains nothing.
func (s *Service) openSession(w http.ResponseWriter, r *http.Request, pool Pool, user uuid.UUID, methods ...string) (browserSession, error) {
	return s.openVouched(w, r, pool, user, uuid.NullUUID{}, methods...)
}

// openVouched opens a session for which a provider of a tenant's own has vouched.
func (s *Service) openVouched(w http.ResponseWriter, r *http.Request, pool Pool, user uuid.UUID, provider uuid.NullUUID, methods ...string) (browserSession, error) {
	ctx, now := r.Context(), s.now()
	token, hash := opaque.New()
	b := browserSession{User: user, Methods: methods, SignedInAt: now, IdleAt: now.Add(sessionIdle)}
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if c, err := r.Cookie(sessionCookie(pool)); err == nil {
			if _, err := tx.Exec(ctx, `delete from identity.browser_session where token_hash = $1`, opaque.Hash(c.Value)); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, `
			insert into identity.browser_session (token_hash, pool_id, user_id, methods, provider_id, created_at, idle_at, expires_at)
			values (@hash, @pool, @user, @methods, @provider, @now, @idle, @expires) returning id`, pgx.NamedArgs{
			"hash": hash, "pool": pool.ID, "user": user, "methods": methods, "provider": provider, "now": now, "idle": b.IdleAt, "expires": now.Add(sessionLife),
		}).Scan(&b.ID)
	})
	if err != nil {
		return browserSession{}, fmt.Errorf("open session: %w", err)
	}
	setCookie(w, sessionCookie(pool), token, sessionLife)
	return b, nil
}

// touchAfter is how much of the idle time passes before its end is written again: not with every request.
const touchAfter = 10 * time.Minute

// session returns the live session that the browser's cookie names; ok is false when there is none.
func (s *Service) session(r *http.Request, pool Pool) (b browserSession, ok bool, err error) {
	c, err := r.Cookie(sessionCookie(pool))
	if err != nil {
		return b, false, nil //nolint:nilerr // no cookie: nobody is signed in
	}
	ctx, now := r.Context(), s.now()
	rows, err := s.db.Query(ctx, `
		select b.id, b.user_id, b.methods, b.created_at, b.idle_at, f.tenant_id
		from identity.browser_session b join identity."user" u on u.id = b.user_id left join identity.federation_provider f on f.id = b.provider_id
		where b.token_hash = $1 and b.pool_id = $2 and least(b.idle_at, b.expires_at) > $3 and u.disabled_at is null`,
		opaque.Hash(c.Value), pool.ID, now)
	if err != nil {
		return b, false, fmt.Errorf("read session: %w", err)
	}
	b, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[browserSession])
	if errors.Is(err, pgx.ErrNoRows) {
		return b, false, nil
	}
	if err != nil {
		return b, false, fmt.Errorf("read session: %w", err)
	}
	if idle := now.Add(sessionIdle); idle.Sub(b.IdleAt) > touchAfter {
		if _, err := s.db.Exec(ctx, `update identity.browser_session set idle_at = $2 where id = $1`, b.ID, idle); err != nil {
			return b, false, fmt.Errorf("touch session: %w", err)
		}
	}
	return b, true, nil
}

// closeSession ends one session with every token that came from it.
func (s *Service) closeSession(ctx context.Context, b browserSession) error {
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from identity.token_family where browser_session_id = $1`, b.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `delete from identity.browser_session where id = $1`, b.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("close session: %w", err)
	}
	s.Forget(b.User)
	return nil
}

// endSessions ends all sessions and tokens of a user, except one token family and the browser session it came from.
func endSessions(ctx context.Context, tx pgx.Tx, user, keep uuid.UUID) error {
	for _, statement := range []string{
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
