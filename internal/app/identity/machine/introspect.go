package machine

import (
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// inactive is all that is said of a token that is none of the caller's business.
func inactive() map[string]any { return map[string]any{"active": false} }

// Introspect tells a machine client about an access token of its own tenant (RFC 7662). About any other one it tells
// nothing, not even whether there is such a token.
func (s *Service) Introspect(r *http.Request, pool access.Pool, issuer string, checker *access.Checker) (map[string]any, error) {
	ctx := r.Context()
	caller, err := s.Authenticate(ctx, pool, r)
	if err != nil {
		return nil, err
	}
	if _, err := checker.ReadMember(ctx, caller.ID, caller.Tenant); errs.KindOf(err) == errs.KindForbidden {
		return nil, oidc.ErrInvalidClient().WithDescription("the client's organisation is closed")
	} else if err != nil {
		return nil, err
	}
	token := r.PostForm.Get("token")
	if token == "" {
		return nil, oidc.ErrInvalidRequest().WithDescription("token missing")
	}
	claims, err := checker.VerifyAny(ctx, token)
	if errs.KindOf(err) == errs.KindUnauthenticated {
		return inactive(), nil
	}
	if err != nil {
		return nil, err
	}
	if claims.Tenant != caller.Tenant || claims.Pool != pool.Name {
		return inactive(), nil
	}
	if _, err := checker.ReadMember(ctx, claims.User, claims.Tenant); errs.KindOf(err) == errs.KindForbidden {
		return inactive(), nil
	} else if err != nil {
		return nil, err
	}
	audience := issuer
	if claims.API {
		audience = access.Audience
	}
	return map[string]any{
		"active": true, "iss": issuer, "sub": claims.User, "aud": audience, "client_id": claims.Client, "token_type": "Bearer",
		"iat": claims.Issued.Unix(), "exp": claims.Expires.Unix(), "jti": claims.ID, "tenant": claims.Tenant,
	}, nil
}
