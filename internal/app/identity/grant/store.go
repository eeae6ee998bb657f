package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
)

// GiveCode makes a code for a grant. Its family begins when the code is taken.
func (s *Store) GiveCode(ctx context.Context, pool access.Pool, g *Grant) (string, error) {
	request, err := json.Marshal(g.Asked)
	if err != nil {
		return "", fmt.Errorf("code: %w", err)
	}
	code, hash := opaque.New()
	_, err = s.DB.Exec(ctx, `
		insert into identity.auth_code (code_hash, pool_id, user_id, tenant_id, browser_session_id, request, methods, signed_in_at, expires_at)
		values (@hash, @pool, @user, @tenant, @session, @request, @methods, @signed_in, @expires)`, pgx.NamedArgs{
		"hash": hash, "pool": pool.ID, "user": g.User, "tenant": g.Tenant, "session": g.Session, "request": request,
		"methods": g.Methods, "signed_in": g.SignedInAt, "expires": s.Now().Add(CodeLife),
	})
	if err != nil {
		return "", fmt.Errorf("insert code: %w", err)
	}
	return code, nil
}

// TakeCode uses a code up and opens its token family. A code that comes a second time may have been stolen: what the
// first one gave ends (RFC 6749, 4.1.2).
func (s *Store) TakeCode(ctx context.Context, pool access.Pool, code string) (*Grant, error) {
	var g Grant
	hash, now := opaque.Hash(code), s.Now()
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			update identity.auth_code set used_at = $3
			where code_hash = $1 and pool_id = $2 and used_at is null and expires_at > $3 and expires_at <= $4
			returning family_id, user_id, tenant_id, browser_session_id, methods, signed_in_at, request`, hash, pool.ID, now, now.Add(CodeLife+clockSkew)).
			Scan(&g.Family, &g.User, &g.Tenant, &g.Session, &g.Methods, &g.SignedInAt, &g.Asked)
		if err != nil {
			return err
		}
		return s.Open(ctx, tx, pool, &g)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, s.EndReused(ctx, `
			delete from identity.token_family f using identity.auth_code c
			where c.code_hash = $1 and c.pool_id = $2 and c.used_at is not null and f.id = c.family_id returning f.user_id, f.client_id`, hash, pool, s.why(ctx, errCode, `
			select pool_id, used_at is not null, expires_at from identity.auth_code where code_hash = $1`, hash, pool))
	}
	if err != nil {
		return nil, fmt.Errorf("take code: %w", err)
	}
	return &g, nil
}

// TakeRefreshToken uses a refresh token up. One that comes a second time has been copied, and nobody can tell which of
// the two is the thief: the whole family ends (RFC 9700, 4.14.2).
func (s *Store) TakeRefreshToken(ctx context.Context, pool access.Pool, token string) (*Grant, error) {
	var g Grant
	hash, now := opaque.Hash(token), s.Now()
	err := s.DB.QueryRow(ctx, `
		update identity.refresh_token r set used_at = $3 from identity.token_family f
		where r.token_hash = $1 and f.id = r.family_id and f.pool_id = $2 and r.used_at is null and f.expires_at > $3
		returning f.id, f.user_id, f.tenant_id, f.browser_session_id, f.methods, f.signed_in_at, f.client_id, f.scopes`, hash, pool.ID, now).
		Scan(&g.Family, &g.User, &g.Tenant, &g.Session, &g.Methods, &g.SignedInAt, &g.Client, &g.Scopes)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, s.EndReused(ctx, `
			delete from identity.token_family f using identity.refresh_token r
			where r.token_hash = $1 and f.id = r.family_id and f.pool_id = $2 and r.used_at is not null returning f.user_id, f.client_id`, hash, pool, s.why(ctx, errRefresh, `
			select f.pool_id, r.used_at is not null, f.expires_at from identity.refresh_token r join identity.token_family f on f.id = r.family_id
			where r.token_hash = $1`, hash, pool))
	}
	if err != nil {
		return nil, fmt.Errorf("take refresh token: %w", err)
	}
	return &g, nil
}

// why adds to a refusal, for the log, which of its reasons it is. The statement reads pool, use and end of what was shown.
func (s *Store) why(ctx context.Context, refusal func() *oidc.Error, statement string, hash []byte, pool access.Pool) error {
	var of uuid.UUID
	var used bool
	var expires time.Time
	err := s.DB.QueryRow(ctx, statement, hash).Scan(&of, &used, &expires)
	reason := oidc.ErrInvalidGrant()
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		_ = reason.WithDescription("nobody was given it, or what it belongs to has ended")
	case err != nil:
		return fmt.Errorf("read why a grant is refused: %w", err)
	case of != pool.ID:
		_ = reason.WithDescription("it was given by another user pool")
	case used:
		_ = reason.WithDescription("it was used before")
	case expires.After(s.Now()):
		_ = reason.WithDescription("it is from the future: it expires at %s, and the clock here says %s", expires.UTC().Format(time.RFC3339), s.Now().UTC().Format(time.RFC3339))
	default:
		_ = reason.WithDescription("it expired at %s; the clock here says %s", expires.UTC().Format(time.RFC3339), s.Now().UTC().Format(time.RFC3339))
	}
	return refusal().WithParent(reason)
}

// Abandon ends what a code has opened for a request that is refused after all, so that nothing is left of it.
func (s *Store) Abandon(ctx context.Context, pool access.Pool, code string) error {
	_, err := s.DB.Exec(ctx, `
		delete from identity.token_family f using identity.auth_code c
		where c.code_hash = $1 and c.pool_id = $2 and f.id = c.family_id`, opaque.Hash(code), pool.ID)
	if err != nil {
		return fmt.Errorf("abandon a grant: %w", err)
	}
	return nil
}

// EndReused ends the family whose code or token came a second time, if it is that.
func (s *Store) EndReused(ctx context.Context, statement string, hash []byte, pool access.Pool, refusal error) error {
	var user uuid.UUID
	var client string
	err := s.DB.QueryRow(ctx, statement, hash, pool.ID).Scan(&user, &client)
	if errors.Is(err, pgx.ErrNoRows) {
		return refusal
	}
	if err != nil {
		return fmt.Errorf("end reused grant: %w", err)
	}
	s.Forget(user)
	s.Log.WarnContext(ctx, "a code or refresh token came twice: its session is ended", "pool", pool.Name, "user", user, "client", client)
	return refusal
}

// Open begins the token family of a grant. It lives as long as one access token until Prolong moves its end on.
func (s *Store) Open(ctx context.Context, tx pgx.Tx, pool access.Pool, g *Grant) error {
	now := s.Now()
	_, err := tx.Exec(ctx, `
		insert into identity.token_family (id, pool_id, user_id, tenant_id, client_id, browser_session_id, scopes, methods, signed_in_at, created_at, expires_at)
		values (@id, @pool, @user, @tenant, @client, @session, @scopes, @methods, @signed_in, @now, @expires)`, pgx.NamedArgs{
		"id": g.Family, "pool": pool.ID, "user": g.User, "tenant": g.Tenant, "client": g.Client, "session": g.Session,
		"scopes": g.Scopes, "methods": g.Methods, "signed_in": g.SignedInAt, "now": now, "expires": now.Add(pool.Access),
	})
	if err != nil {
		return fmt.Errorf("insert token family: %w", err)
	}
	return nil
}

// Prolong moves the end of a family on and adds a refresh token to it where the grant has one. A family that ended
// meanwhile stays so.
func (s *Store) Prolong(ctx context.Context, pool access.Pool, g *Grant) (refresh string, err error) {
	life := pool.Access
	if g.Offline() {
		life = pool.RefreshIdle
	}
	err = pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		now := s.Now()
		moved, err := tx.Exec(ctx, `update identity.token_family set expires_at = least($2, created_at + $3) where id = $1`, g.Family, now.Add(life), pool.Refresh)
		if err != nil {
			return fmt.Errorf("prolong token family: %w", err)
		}
		if moved.RowsAffected() == 0 {
			return errGone
		}
		if !g.Offline() {
			return nil
		}
		var hash []byte
		refresh, hash = opaque.New()
		if _, err := tx.Exec(ctx, `insert into identity.refresh_token (token_hash, family_id) values ($1, $2)`, hash, g.Family); err != nil {
			return fmt.Errorf("insert refresh token: %w", err)
		}
		return nil
	})
	return refresh, err
}
