// Package unserved refuses what belongs to endpoints and grants of OpenID Connect that the program does not serve, or
// serves by other means; op's interface asks for all of it.
package unserved

import (
	"context"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Storage is the part of op.Storage that refuses. Embed it beside the rest.
type Storage struct{}

// AuthorizeClientIDSecret refuses: clients have no secrets.
func (Storage) AuthorizeClientIDSecret(context.Context, string, string) error {
	return oidc.ErrInvalidClient()
}

// CreateAuthRequest refuses: an authorization request is carried by the address of the sign-in page.
func (Storage) CreateAuthRequest(context.Context, *oidc.AuthRequest, string) (op.AuthRequest, error) {
	return nil, oidc.ErrRequestNotSupported()
}

// AuthRequestByID refuses, see CreateAuthRequest.
func (Storage) AuthRequestByID(context.Context, string) (op.AuthRequest, error) {
	return nil, oidc.ErrRequestNotSupported()
}

// SaveAuthCode refuses: giveCode makes codes.
func (Storage) SaveAuthCode(context.Context, string, string) error {
	return oidc.ErrRequestNotSupported()
}

// DeleteAuthRequest refuses, see CreateAuthRequest.
func (Storage) DeleteAuthRequest(context.Context, string) error {
	return oidc.ErrRequestNotSupported()
}

// CreateAccessToken refuses: issue makes tokens.
func (Storage) CreateAccessToken(context.Context, op.TokenRequest) (string, time.Time, error) {
	return "", time.Time{}, oidc.ErrUnsupportedGrantType()
}

// CreateAccessAndRefreshTokens refuses: issue makes tokens.
func (Storage) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, oidc.ErrUnsupportedGrantType()
}

// TerminateSession refuses: endSession knows the browser.
func (Storage) TerminateSession(context.Context, string, string) error {
	return oidc.ErrRequestNotSupported()
}

// RevokeToken refuses: revoke does it.
func (Storage) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrRequestNotSupported()
}

// GetRefreshTokenInfo refuses: revoke knows the token.
func (Storage) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

// SetUserinfoFromToken refuses: userinfo does it.
func (Storage) SetUserinfoFromToken(context.Context, *oidc.UserInfo, string, string, string) error {
	return oidc.ErrRequestNotSupported()
}

// SetIntrospectionFromToken refuses: there is no introspection yet.
func (Storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return oidc.ErrRequestNotSupported()
}

// GetPrivateClaimsFromScopes adds nothing: issue makes access tokens.
func (Storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return map[string]any{}, nil
}

// GetKeyByIDAndClientID refuses: clients have no keys.
func (Storage) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, oidc.ErrInvalidClient()
}

// ValidateJWTProfileScopes refuses: there is no such grant.
func (Storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, oidc.ErrUnsupportedGrantType()
}
