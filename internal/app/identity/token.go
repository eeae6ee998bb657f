package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/grant"
	"github.com/cloudkida/cloudkida/internal/app/identity/machine"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// token is the token endpoint: codes and refresh tokens for access tokens.
func (s *Service) token(w http.ResponseWriter, r *http.Request, pool Pool) error {
	response, err := s.exchange(r, pool)
	if err != nil {
		s.refuseToken(w, r, pool, err)
		return nil
	}
	httphelper.MarshalJSON(w, response)
	return nil
}

// refuseToken answers a client with an error of RFC 6749.
func (s *Service) refuseToken(w http.ResponseWriter, r *http.Request, pool Pool, err error) {
	e := oauthError(err)
	status, level := http.StatusBadRequest, slog.LevelInfo
	switch e.ErrorType {
	case oidc.InvalidClient:
		status = http.StatusUnauthorized
		if r.Header.Get("Authorization") != "" { // only then: a browser asks its person for a password otherwise
			w.Header().Set("WWW-Authenticate", `Basic realm="cloudkida"`)
		}
	case oidc.ServerError:
		status, level = http.StatusInternalServerError, slog.LevelError
	case oidc.AuthorizationPending, oidc.SlowDown:
		level = slog.LevelDebug // a device asks every few seconds until its person has decided
	default:
	}
	s.log.Log(r.Context(), level, "token request refused", "error", string(e.ErrorType), "reason", tokenReason(e, err), "pool", pool.Name, "request", httpx.RequestID(r.Context()))
	httphelper.MarshalJSONWithStatus(w, e, status)
}

// tokenReason says for the log why a request for tokens is refused: what the innermost refusal says, which the client does not hear.
// Of errors that are none of the protocol's only faults of ours are told: they could repeat what was sent.
func tokenReason(e *oidc.Error, err error) string {
	if e.ErrorType == oidc.ServerError {
		return err.Error()
	}
	reason := e.Description
	for inner := (*oidc.Error)(nil); errors.As(e.Parent, &inner); e = inner {
		reason = cmp.Or(inner.Description, reason)
	}
	return reason
}

// explained says what op leaves out where it refuses without a word.
func explained(err error) error {
	e, ok := err.(*oidc.Error) //nolint:errorlint // one that is wrapped says enough
	if !ok || e.Description != "" || e.Parent != nil {
		return err
	}
	switch e.ErrorType {
	case oidc.InvalidGrant:
		e.Description = "it was given to another client"
	case oidc.InvalidScope:
		e.Description = "a scope was not granted"
	default:
	}
	return e
}

func (s *Service) exchange(r *http.Request, pool Pool) (*oidc.AccessTokenResponse, error) {
	if err := client.StrictForm(r); err != nil {
		return nil, err
	}
	ctx, grantType := r.Context(), oidc.GrantType(r.PostForm.Get("grant_type"))
	switch {
	case grantType == "":
		return nil, oidc.ErrInvalidRequest().WithDescription("grant_type missing")
	case !slices.Contains(grantTypes(), grantType):
		return nil, oidc.ErrUnsupportedGrantType().WithDescription("only authorization_code, refresh_token, device_code and client_credentials are supported")
	case grantType == oidc.GrantTypeClientCredentials:
		return s.issueMachine(r, pool)
	}
	by, err := s.clients.Authenticate(ctx, pool.Name, r)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(by.Grants, string(grantType)) {
		return nil, oidc.ErrUnauthorizedClient().WithDescription("this client has no such grant")
	}
	var response *oidc.AccessTokenResponse
	g, err := s.take(r, pool, grantType, by)
	if err == nil {
		response, err = s.issue(ctx, pool, g, by)
	}
	if err != nil && grantType == oidc.GrantTypeCode {
		if err := s.grants.Abandon(ctx, pool, r.PostForm.Get("code")); err != nil {
			return nil, err
		}
	}
	return response, err
}

// take uses up what a client shows: a code, a refresh token or the code of a device.
func (s *Service) take(r *http.Request, pool Pool, grantType oidc.GrantType, by *client.Client) (*grant.Grant, error) {
	ctx := r.Context()
	if grantType == oidc.GrantTypeDeviceCode {
		return s.devices.Take(ctx, pool, by.ID, r.PostForm.Get("device_code"))
	}
	// The client has proved itself: op sees its id alone.
	r.Header.Del("Authorization")
	r.Form.Set("client_id", by.ID)
	r.Form.Del("client_secret")
	if grantType == oidc.GrantTypeRefreshToken {
		request, err := op.ParseRefreshTokenRequest(r, s.provider.Decoder())
		if err != nil {
			return nil, err
		}
		checked, _, err := op.ValidateRefreshTokenRequest(ctx, request, s.provider)
		if err != nil {
			return nil, explained(err)
		}
		return checked.(*grant.Grant), nil //nolint:errcheck,forcetypeassert // what our storage returned
	}
	if r.PostForm.Get("code") == "" {
		return nil, oidc.ErrInvalidRequest().WithDescription("code missing")
	}
	request, err := op.ParseAccessTokenRequest(r, s.provider.Decoder())
	if err != nil {
		return nil, err
	}
	checked, _, err := op.ValidateAccessTokenRequest(ctx, request, s.provider)
	if err != nil {
		return nil, explained(err)
	}
	return checked.(*grant.Grant), nil //nolint:errcheck,forcetypeassert // what our storage returned
}

// issue makes the tokens of a grant, if its user may still act for its tenant. A program of others gets tokens that tell
// it who has signed in, and open nothing else.
func (s *Service) issue(ctx context.Context, pool Pool, g *grant.Grant, by *client.Client) (*oidc.AccessTokenResponse, error) {
	if _, err := s.ReadMember(ctx, g.User, g.Tenant); errs.KindOf(err) == errs.KindForbidden {
		return nil, oidc.ErrInvalidGrant().WithDescription("%s", describe(err))
	} else if err != nil {
		return nil, err
	}
	refresh, err := s.grants.Prolong(ctx, pool, g)
	if err != nil {
		return nil, err
	}
	audience := access.Audience
	if by.Foreign() {
		audience = s.Issuer(pool)
	}
	token, err := s.Sign(ctx, pool, pool.Access, claimsOf(g, audience))
	if err != nil {
		return nil, err
	}
	response := &oidc.AccessTokenResponse{
		AccessToken: token, TokenType: oidc.BearerToken, RefreshToken: refresh, Scope: g.Scopes,
		ExpiresIn: uint64(pool.Access / time.Second), //nolint:gosec // 5 minutes to an hour
	}
	if !slices.Contains(g.Scopes, oidc.ScopeOpenID) {
		return response, nil
	}
	response.IDToken, err = op.CreateIDToken(ctx, s.Issuer(pool), g, by.IDTokenLifetime(), token, "", s.provider.Storage(), by)
	if err != nil {
		return nil, fmt.Errorf("sign id token: %w", err)
	}
	return response, nil
}

// claimsOf is what an access token says of a grant.
func claimsOf(g *grant.Grant, audience string) access.TokenClaims {
	return access.TokenClaims{
		Subject: g.User, Tenant: g.Tenant, Client: g.Client, Session: g.Family, Audience: audience,
		SignedInAt: g.SignedInAt.Unix(), ACR: g.GetACR(), Methods: g.Methods,
	}
}

// issueMachine makes a token for a machine client: no ID token, as nobody has signed in, and no refresh token, as the
// client can ask again.
func (s *Service) issueMachine(r *http.Request, pool Pool) (*oidc.AccessTokenResponse, error) {
	ctx := r.Context()
	if r.PostForm.Get("scope") != "" {
		return nil, oidc.ErrInvalidScope().WithDescription("machine clients have no scopes: their role says what they may")
	}
	m, err := s.Machines.Authenticate(ctx, pool, r)
	if err != nil {
		return nil, err
	}
	if _, err := s.ReadMember(ctx, m.ID, m.Tenant); errs.KindOf(err) == errs.KindForbidden {
		return nil, oidc.ErrInvalidGrant().WithDescription("%s", describe(err))
	} else if err != nil {
		return nil, err
	}
	life := min(machine.TokenLife, m.ExpiresAt.Sub(s.now()))
	token, err := s.Sign(ctx, pool, life, access.TokenClaims{
		Subject: m.ID, Tenant: m.Tenant, Client: m.ID.String(), Session: m.Secret, Audience: access.Audience,
	})
	if err != nil {
		return nil, err
	}
	seconds := uint64(life / time.Second) //nolint:gosec // at most ten minutes, and the secret has not expired
	return &oidc.AccessTokenResponse{AccessToken: token, TokenType: oidc.BearerToken, ExpiresIn: seconds}, s.Machines.Used(ctx, m.ID)
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
	who, err := s.People.ByEmail(ctx, pool, email)
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
	g := &grant.Grant{
		Family: uuid.Must(uuid.NewV7()), User: who.ID, Tenant: tenant, SignedInAt: s.now(), Methods: []string{},
		Asked: grant.Asked{Client: "command-line", Scopes: []string{oidc.ScopeOpenID}},
	}
	pool.Access = life
	if err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error { return s.grants.Open(ctx, tx, pool, g) }); err != nil {
		return "", err
	}
	return s.Sign(ctx, pool, life, claimsOf(g, access.Audience))
}

// revoke ends the family of a refresh or access token (RFC 7009). Unknown tokens are a success, too.
func (s *Service) revoke(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.revokeToken(r, pool); err != nil {
		s.refuseToken(w, r, pool, err)
		return nil
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) revokeToken(r *http.Request, pool Pool) error {
	if err := client.StrictForm(r); err != nil {
		return err
	}
	ctx := r.Context()
	program, err := s.clients.Authenticate(ctx, pool.Name, r)
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
	claims, err := s.VerifyAny(ctx, token)
	if err == nil && (claims.Pool != pool.Name && !fault.On(fault.UserinfoOfAnyPool) || claims.Machine()) {
		err = access.ErrToken
	}
	switch {
	case errors.Is(err, access.ErrToken):
		s.log.InfoContext(ctx, "a credential is not accepted", "operation", "userinfo", "reason", err, "pool", pool.Name, "request", httpx.RequestID(ctx))
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
