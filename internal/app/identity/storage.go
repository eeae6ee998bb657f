package identity

import (
	"context"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// storage is what op asks for while it checks requests. Every method finds its pool by the issuer in the context, so that
// a code, a token or a client of one pool is unknown in another.
type storage struct{ *Service }

func (st *storage) current(ctx context.Context) (Pool, error) {
	return st.pool(ctx, st.poolName(op.IssuerFromContext(ctx)))
}

// GetClientByClientID returns a client of the pool.
func (st *storage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := st.client(ctx, st.poolName(op.IssuerFromContext(ctx)), id)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AuthRequestByCode takes a code, once.
func (st *storage) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	pool, err := st.current(ctx)
	if err != nil {
		return nil, err
	}
	g, err := st.takeCode(ctx, pool, code)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// TokenRequestByRefreshToken takes a refresh token, once.
func (st *storage) TokenRequestByRefreshToken(ctx context.Context, token string) (op.RefreshTokenRequest, error) {
	pool, err := st.current(ctx)
	if err != nil {
		return nil, err
	}
	g, err := st.takeRefreshToken(ctx, pool, token)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// SigningKey is the key that the pool signs with now.
func (st *storage) SigningKey(ctx context.Context) (op.SigningKey, error) {
	pool, err := st.current(ctx)
	if err != nil {
		return nil, err
	}
	k, err := st.keys.Signer(ctx, pool.ID)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// SignatureAlgorithms are those of ID tokens.
func (st *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.ES256}, nil
}

// KeySet is what the pool publishes.
func (st *storage) KeySet(ctx context.Context) ([]op.Key, error) {
	pool, err := st.current(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := st.keys.All(ctx, pool.ID)
	if err != nil {
		return nil, err
	}
	set := make([]op.Key, len(keys))
	for i, k := range keys {
		set[i] = k.Public()
	}
	return set, nil
}

// Health tells whether the database answers.
func (st *storage) Health(ctx context.Context) error { return st.db.Ping(ctx) }

// SetUserinfoFromScopes adds nothing to an ID token but whom it is about: the userinfo endpoint says the rest.
func (st *storage) SetUserinfoFromScopes(_ context.Context, info *oidc.UserInfo, user, _ string, _ []string) error {
	info.Subject = user
	return nil
}

// What follows belongs to endpoints and grants that we do not serve; op's interface asks for it all the same.

// AuthorizeClientIDSecret refuses: clients have no secrets.
func (st *storage) AuthorizeClientIDSecret(context.Context, string, string) error {
	return oidc.ErrInvalidClient()
}

// CreateAuthRequest refuses: an authorization request is carried by the address of the sign-in page.
func (st *storage) CreateAuthRequest(context.Context, *oidc.AuthRequest, string) (op.AuthRequest, error) {
	return nil, oidc.ErrRequestNotSupported()
}

// AuthRequestByID refuses, see CreateAuthRequest.
func (st *storage) AuthRequestByID(context.Context, string) (op.AuthRequest, error) {
	return nil, oidc.ErrRequestNotSupported()
}

// SaveAuthCode refuses: giveCode makes codes.
func (st *storage) SaveAuthCode(context.Context, string, string) error {
	return oidc.ErrRequestNotSupported()
}

// DeleteAuthRequest refuses, see CreateAuthRequest.
func (st *storage) DeleteAuthRequest(context.Context, string) error {
	return oidc.ErrRequestNotSupported()
}

// CreateAccessToken refuses: issue makes tokens.
func (st *storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "", time.Time{}, oidc.ErrUnsupportedGrantType()
}

// CreateAccessAndRefreshTokens refuses: issue makes tokens.
func (st *storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, oidc.ErrUnsupportedGrantType()
}

// TerminateSession refuses: endSession knows the browser.
func (st *storage) TerminateSession(context.Context, string, string) error {
	return oidc.ErrRequestNotSupported()
}

// RevokeToken refuses: revoke does it.
func (st *storage) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrRequestNotSupported()
}

// GetRefreshTokenInfo refuses: revoke knows the token.
func (st *storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

// SetUserinfoFromToken refuses: userinfo does it.
func (st *storage) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return oidc.ErrRequestNotSupported()
}

// SetIntrospectionFromToken refuses: there is no introspection yet.
func (st *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return oidc.ErrRequestNotSupported()
}

// GetPrivateClaimsFromScopes adds nothing: issue makes access tokens.
func (st *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{}, nil
}

// GetKeyByIDAndClientID refuses: clients have no keys.
func (st *storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, oidc.ErrInvalidClient()
}

// ValidateJWTProfileScopes refuses: there is no such grant.
func (st *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, oidc.ErrUnsupportedGrantType()
}
