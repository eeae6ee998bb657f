package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
)

// asked is what a code remembers of the authorization request.
type asked struct {
	Client    string   `json:"client"`
	Redirect  string   `json:"redirect"`
	Scopes    []string `json:"scopes"`
	Nonce     string   `json:"nonce,omitempty"`
	Challenge string   `json:"challenge"`
}

// grant is what a code or a refresh token stands for. It is what op checks a token request against.
type grant struct {
	family     uuid.UUID
	user       uuid.UUID
	tenant     uuid.UUID
	session    uuid.NullUUID
	methods    []string
	signedInAt time.Time
	asked
}

func (g *grant) GetID() string                { return g.family.String() }
func (g *grant) GetACR() string               { return "" }
func (g *grant) GetAMR() []string             { return g.methods }
func (g *grant) GetAudience() []string        { return []string{g.Client} } // of the ID token
func (g *grant) GetAuthTime() time.Time       { return g.signedInAt }
func (g *grant) GetClientID() string          { return g.Client }
func (g *grant) GetNonce() string             { return g.Nonce }
func (g *grant) GetRedirectURI() string       { return g.Redirect }
func (g *grant) GetScopes() []string          { return g.Scopes }
func (g *grant) GetState() string             { return "" }
func (g *grant) GetSubject() string           { return g.user.String() }
func (g *grant) Done() bool                   { return true }
func (g *grant) SetCurrentScopes(sc []string) { g.Scopes = sc }
func (g *grant) GetResponseType() oidc.ResponseType {
	return oidc.ResponseTypeCode
}
func (g *grant) GetResponseMode() oidc.ResponseMode { return oidc.ResponseModeQuery }
func (g *grant) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: g.Challenge, Method: oidc.CodeChallengeMethodS256}
}

func (g *grant) offline() bool { return slices.Contains(g.Scopes, oidc.ScopeOfflineAccess) }

// chosenTenant is the tenant that a session's token will be for, if its user may act in it.
func (s *Service) chosenTenant(ctx context.Context, a *authorization, b browserSession) (tenant uuid.UUID, err error) {
	if a.portal != nil {
		tenant = a.portal.ID
	} else if b.Vouched.Valid {
		tenant = b.Vouched.UUID
	} else if tenant, err = s.homeTenant(ctx, b.User); err != nil {
		return uuid.Nil, err
	}
	m, err := s.ReadMember(ctx, b.User, tenant)
	if a.portal != nil && errors.Is(err, access.ErrNotMember) {
		return uuid.Nil, access.ErrNotMember.Because("You are not a member of %s with this account. Sign in with another account, or ask one of its administrators to add you.", a.portal.Title)
	}
	if err != nil {
		return uuid.Nil, err
	}
	return tenant, s.enterBy(ctx, a, b, tenant, m)
}

// giveCode makes a code for the client that asks, for the tenant that is asked for or the user's own.
func (s *Service) giveCode(ctx context.Context, pool Pool, a *authorization, b browserSession) (string, error) {
	tenant, err := s.chosenTenant(ctx, a, b)
	if err != nil {
		return "", err
	}
	request, err := json.Marshal(asked{Client: a.ClientID, Redirect: a.RedirectURI, Scopes: a.Scopes, Nonce: a.Nonce, Challenge: a.CodeChallenge})
	if err != nil {
		return "", fmt.Errorf("code: %w", err)
	}
	code, hash := opaque.New()
	_, err = s.db.Exec(ctx, `
		insert into identity.auth_code (code_hash, pool_id, user_id, tenant_id, browser_session_id, request, methods, signed_in_at, expires_at)
		values (@hash, @pool, @user, @tenant, @session, @request, @methods, @signed_in, @expires)`, pgx.NamedArgs{
		"hash": hash, "pool": pool.ID, "user": b.User, "tenant": tenant, "session": b.ID, "request": request,
		"methods": b.Methods, "signed_in": b.SignedInAt, "expires": s.now().Add(codeLife),
	})
	if err != nil {
		return "", fmt.Errorf("insert code: %w", err)
	}
	return code, nil
}

var (
	errCode    = oidc.ErrInvalidGrant().WithDescription("the code is unknown, used or expired")
	errRefresh = oidc.ErrInvalidGrant().WithDescription("the refresh token is unknown, used or expired")
	errGone    = oidc.ErrInvalidGrant().WithDescription("the session has ended")
)

// takeCode uses a code up and opens its token family. A code that comes a second time may have been stolen: what the
// first one gave ends (RFC 6749, 4.1.2).
func (s *Service) takeCode(ctx context.Context, pool Pool, code string) (*grant, error) {
	var g grant
	hash, now := opaque.Hash(code), s.now()
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			update identity.auth_code set used_at = $3
			where code_hash = $1 and pool_id = $2 and used_at is null and expires_at > $3
			returning family_id, user_id, tenant_id, browser_session_id, methods, signed_in_at, request`, hash, pool.ID, now).
			Scan(&g.family, &g.user, &g.tenant, &g.session, &g.methods, &g.signedInAt, &g.asked)
		if err != nil {
			return err
		}
		return insertFamily(ctx, tx, pool, &g, now.Add(accessTokenLife))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, s.endReused(ctx, `
			delete from identity.token_family f using identity.auth_code c
			where c.code_hash = $1 and c.pool_id = $2 and c.used_at is not null and f.id = c.family_id returning f.user_id, f.client_id`, hash, pool, errCode)
	}
	if err != nil {
		return nil, fmt.Errorf("take code: %w", err)
	}
	return &g, nil
}

// takeRefreshToken uses a refresh token up. One that comes a second time has been copied, and nobody can tell which of
// the two is the thief: the whole family ends (RFC 9700, 4.14.2).
func (s *Service) takeRefreshToken(ctx context.Context, pool Pool, token string) (*grant, error) {
	var g grant
	hash, now := opaque.Hash(token), s.now()
	err := s.db.QueryRow(ctx, `
		update identity.refresh_token r set used_at = $3 from identity.token_family f
		where r.token_hash = $1 and f.id = r.family_id and f.pool_id = $2 and r.used_at is null and f.expires_at > $3
		returning f.id, f.user_id, f.tenant_id, f.browser_session_id, f.methods, f.signed_in_at, f.client_id, f.scopes`, hash, pool.ID, now).
		Scan(&g.family, &g.user, &g.tenant, &g.session, &g.methods, &g.signedInAt, &g.Client, &g.Scopes)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, s.endReused(ctx, `
			delete from identity.token_family f using identity.refresh_token r
			where r.token_hash = $1 and f.id = r.family_id and f.pool_id = $2 and r.used_at is not null returning f.user_id, f.client_id`, hash, pool, errRefresh)
	}
	if err != nil {
		return nil, fmt.Errorf("take refresh token: %w", err)
	}
	return &g, nil
}

// endReused ends the family whose code or token came a second time, if it is that.
func (s *Service) endReused(ctx context.Context, statement string, hash []byte, pool Pool, refusal error) error {
	var user uuid.UUID
	var client string
	err := s.db.QueryRow(ctx, statement, hash, pool.ID).Scan(&user, &client)
	if errors.Is(err, pgx.ErrNoRows) {
		return refusal
	}
	if err != nil {
		return fmt.Errorf("end reused grant: %w", err)
	}
	s.Forget(user)
	s.log.WarnContext(ctx, "a code or refresh token came twice: its session is ended", "pool", pool.Name, "user", user, "client", client)
	return refusal
}

func insertFamily(ctx context.Context, tx pgx.Tx, pool Pool, g *grant, expires time.Time) error {
	_, err := tx.Exec(ctx, `
		insert into identity.token_family (id, pool_id, user_id, tenant_id, client_id, browser_session_id, scopes, methods, signed_in_at, expires_at)
		values (@id, @pool, @user, @tenant, @client, @session, @scopes, @methods, @signed_in, @expires)`, pgx.NamedArgs{
		"id": g.family, "pool": pool.ID, "user": g.user, "tenant": g.tenant, "client": g.Client, "session": g.session,
		"scopes": g.Scopes, "methods": g.methods, "signed_in": g.signedInAt, "expires": expires,
	})
	if err != nil {
		return fmt.Errorf("insert token family: %w", err)
	}
	return nil
}

// prolong moves the end of a family on and adds a refresh token to it where the grant has one. A family that ended
// meanwhile stays so.
func (s *Service) prolong(ctx context.Context, g *grant) (refresh string, err error) {
	life := accessTokenLife
	if g.offline() {
		life = refreshIdle
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		now := s.now()
		moved, err := tx.Exec(ctx, `update identity.token_family set expires_at = least($2, created_at + $3) where id = $1`, g.family, now.Add(life), refreshLife)
		if err != nil {
			return fmt.Errorf("prolong token family: %w", err)
		}
		if moved.RowsAffected() == 0 {
			return errGone
		}
		if !g.offline() {
			return nil
		}
		var hash []byte
		refresh, hash = opaque.New()
		if _, err := tx.Exec(ctx, `insert into identity.refresh_token (token_hash, family_id) values ($1, $2)`, hash, g.family); err != nil {
			return fmt.Errorf("insert refresh token: %w", err)
		}
		return nil
	})
	return refresh, err
}
