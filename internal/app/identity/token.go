package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/zitadel/oidc/v3/pkg/crypto"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// token is the token endpoint: codes and refresh tokens for access tokens.
func (s *Service) token(w http.ResponseWriter, r *http.Request, pool Pool) error {
	response, err := s.exchange(r, pool)
	if err != nil {
		s.refuseToken(w, r, err)
		return nil
	}
	httphelper.MarshalJSON(w, response)
	return nil
}

// refuseToken answers a client with an error of RFC 6749.
func (s *Service) refuseToken(w http.ResponseWriter, r *http.Request, err error) {
	e := oauthError(err)
	status, level := http.StatusBadRequest, slog.LevelInfo
	switch e.ErrorType {
	case oidc.InvalidClient:
		status = http.StatusUnauthorized
	case oidc.ServerError:
		status, level = http.StatusInternalServerError, slog.LevelError
	default:
	}
	s.log.Log(r.Context(), level, "token request refused", "error", e)
	httphelper.MarshalJSONWithStatus(w, e, status)
}

func (s *Service) exchange(r *http.Request, pool Pool) (*oidc.AccessTokenResponse, error) {
	if err := strictForm(r); err != nil {
		return nil, err
	}
	ctx := r.Context()
	switch grantType := r.PostForm.Get("grant_type"); grantType {
	case string(oidc.GrantTypeCode):
		request, err := op.ParseAccessTokenRequest(r, s.provider.Decoder())
		if err != nil {
			return nil, err
		}
		checked, client, err := op.ValidateAccessTokenRequest(ctx, request, s.provider)
		if err != nil {
			return nil, err
		}
		return s.issue(ctx, pool, checked.(*grant), client) //nolint:errcheck,forcetypeassert // what our storage returned
	case string(oidc.GrantTypeRefreshToken):
		request, err := op.ParseRefreshTokenRequest(r, s.provider.Decoder())
		if err != nil {
			return nil, err
		}
		checked, client, err := op.ValidateRefreshTokenRequest(ctx, request, s.provider)
		if err != nil {
			return nil, err
		}
		return s.issue(ctx, pool, checked.(*grant), client) //nolint:errcheck,forcetypeassert // what our storage returned
	case "":
		return nil, oidc.ErrInvalidRequest().WithDescription("grant_type missing")
	default:
		return nil, oidc.ErrUnsupportedGrantType().WithDescription("only authorization_code and refresh_token are supported")
	}
}

// strictForm reads a form whose parameters come once each and in the body alone: addresses end up in logs.
func strictForm(r *http.Request) error {
	if r.URL.RawQuery != "" {
		return oidc.ErrInvalidRequest().WithDescription("parameters belong in the body")
	}
	if err := r.ParseForm(); err != nil {
		return oidc.ErrInvalidRequest().WithDescription("the form cannot be read").WithParent(err)
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return oidc.ErrInvalidRequest().WithDescription("the parameter %s is repeated", name)
		}
	}
	return nil
}

// issue makes the tokens of a grant, if its user may still act for its tenant.
func (s *Service) issue(ctx context.Context, pool Pool, g *grant, by op.Client) (*oidc.AccessTokenResponse, error) {
	if _, err := s.ReadMember(ctx, g.user, g.tenant); errs.KindOf(err) == errs.KindForbidden {
		return nil, oidc.ErrInvalidGrant().WithDescription("%s", describe(err))
	} else if err != nil {
		return nil, err
	}
	refresh, err := s.prolong(ctx, g)
	if err != nil {
		return nil, err
	}
	access, err := s.signAccessToken(ctx, pool, g, accessTokenLife)
	if err != nil {
		return nil, err
	}
	id, err := op.CreateIDToken(ctx, s.Issuer(pool), g, by.IDTokenLifetime(), access, "", s.provider.Storage(), by)
	if err != nil {
		return nil, fmt.Errorf("sign id token: %w", err)
	}
	return &oidc.AccessTokenResponse{
		AccessToken: access, TokenType: oidc.BearerToken, ExpiresIn: uint64(accessTokenLife / time.Second),
		RefreshToken: refresh, IDToken: id, Scope: g.Scopes,
	}, nil
}

func (s *Service) signAccessToken(ctx context.Context, pool Pool, g *grant, life time.Duration) (string, error) {
	key, err := s.keys.Signer(ctx, pool.ID)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.Key(), KeyID: key.ID()}},
		(&jose.SignerOptions{}).WithType(access.TokenType))
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	now := s.now()
	token, err := crypto.Sign(access.TokenClaims{
		Issuer: s.Issuer(pool), Subject: g.user, Audience: access.Audience, Expires: now.Add(life).Unix(), IssuedAt: now.Unix(),
		ID: uuid.Must(uuid.NewV7()), Tenant: g.tenant, Client: g.Client, Session: g.family,
		SignedInAt: g.signedInAt.Unix(), ACR: access.ACR(g.methods), Methods: g.methods,
	}, signer)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return token, nil
}

// MintAccessToken makes an access token for a user of the default pool without a sign-in, for whoever has the master key:
// the command line on the server's own machine. It lives for an hour at most.
func (s *Service) MintAccessToken(ctx context.Context, email string, life time.Duration) (string, error) {
	if life <= 0 || life > maxMintedLife {
		return "", errs.Invalid("invalid_lifetime", "An access token lives for more than 0 and at most 60 minutes.")
	}
	pool, err := s.Pool(ctx, DefaultPool)
	if err != nil {
		return "", err
	}
	who, err := s.accountByEmail(ctx, pool, email)
	if err != nil {
		return "", err
	}
	if who.ID == uuid.Nil {
		return "", errs.NotFound("no_such_user", "Nobody has this e-mail address.")
	}
	tenant, err := s.homeTenant(ctx, who.ID)
	if err != nil {
		return "", err
	}
	if _, err := s.ReadMember(ctx, who.ID, tenant); err != nil {
		return "", err
	}
	now := s.now()
	g := &grant{
		family: uuid.Must(uuid.NewV7()), user: who.ID, tenant: tenant, signedInAt: now, methods: []string{},
		asked: asked{Client: "command-line", Scopes: []string{oidc.ScopeOpenID}},
	}
	if err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error { return insertFamily(ctx, tx, pool, g, now.Add(life)) }); err != nil {
		return "", err
	}
	return s.signAccessToken(ctx, pool, g, life)
}

// revoke ends the family of a refresh or access token (RFC 7009). Unknown tokens are a success, too.
func (s *Service) revoke(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.revokeToken(r, pool); err != nil {
		s.refuseToken(w, r, err)
		return nil
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) revokeToken(r *http.Request, pool Pool) error {
	if err := strictForm(r); err != nil {
		return err
	}
	ctx := r.Context()
	program, err := s.client(ctx, pool.Name, r.PostForm.Get("client_id"))
	if errors.Is(err, errNoClient) {
		return oidc.ErrInvalidClient()
	}
	if err != nil {
		return err
	}
	token := r.PostForm.Get("token")
	family := uuid.Nil
	if claims, err := s.Parse(ctx, token); err == nil && claims.Pool == pool.Name {
		family = claims.Session
	}
	var user uuid.UUID
	err = s.db.QueryRow(ctx, `
		delete from identity.token_family f where f.pool_id = $1 and f.client_id = $2
			and f.id = coalesce((select t.family_id from identity.refresh_token t where t.token_hash = $3), $4)
		returning f.user_id`, pool.ID, program.ID, opaque.Hash(token), family).Scan(&user)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	s.Forget(user)
	return nil
}

// userinfo tells a client who its token is about.
func (s *Service) userinfo(w http.ResponseWriter, r *http.Request, pool Pool) error {
	ctx := r.Context()
	token := access.Bearer(r.Header.Get("Authorization"))
	claims, err := s.Verify(ctx, token)
	if err == nil && claims.Pool != pool.Name {
		err = access.ErrToken
	}
	switch {
	case errors.Is(err, access.ErrToken):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		httphelper.MarshalJSONWithStatus(w, map[string]string{"error": "invalid_token"}, http.StatusUnauthorized)
		return nil
	case err != nil:
		return err
	}
	var name, email string
	var proved bool
	var granted []string
	err = s.db.QueryRow(ctx, `
		select u.name, u.email, u.email_proved_at is not null, f.scopes
		from identity.token_family f join identity."user" u on u.id = f.user_id where f.id = $1`, claims.Session).
		Scan(&name, &email, &proved, &granted)
	if err != nil {
		return fmt.Errorf("read userinfo: %w", err)
	}
	info := map[string]any{"sub": claims.User}
	if slices.Contains(granted, oidc.ScopeProfile) {
		info["name"] = name
	}
	if slices.Contains(granted, oidc.ScopeEmail) {
		info["email"], info["email_verified"] = email, proved
	}
	httphelper.MarshalJSON(w, info)
	return nil
}
