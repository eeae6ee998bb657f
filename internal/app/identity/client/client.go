// Package client is a registered OpenID client as the libraries that check requests see it.
package client

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// IDTokenLife is how long ID tokens are good.
const IDTokenLife = 10 * time.Minute

// Client is a registered program. All are public: they prove themselves by PKCE alone.
type Client struct {
	ID         string
	Redirects  []string
	PostLogout []string
	Insecure   bool // redirect addresses may be http: the installation itself is on localhost
}

// GetID is the client's id.
func (c *Client) GetID() string { return c.ID }

// RedirectURIs are matched exactly.
func (c *Client) RedirectURIs() []string { return c.Redirects }

// PostLogoutRedirectURIs are matched exactly.
func (c *Client) PostLogoutRedirectURIs() []string { return c.PostLogout }

// ApplicationType is that of a program in a browser.
func (c *Client) ApplicationType() op.ApplicationType { return op.ApplicationTypeUserAgent }

// AuthMethod is none: see Client.
func (c *Client) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }

// ResponseTypes has the code alone.
func (c *Client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// GrantTypes are code and refresh token.
func (c *Client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

// LoginURL has no use: the authorize endpoint knows its page.
func (c *Client) LoginURL(string) string { return "" }

// AccessTokenType is a JWT.
func (c *Client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// IDTokenLifetime is short: an ID token says who signed in just now.
func (c *Client) IDTokenLifetime() time.Duration { return IDTokenLife }

// DevMode allows http for redirects.
func (c *Client) DevMode() bool { return c.Insecure }

// IsScopeAllowed refuses what is not standard.
func (c *Client) IsScopeAllowed(string) bool { return false }

// IDTokenUserinfoClaimsAssertion keeps ID tokens small.
func (c *Client) IDTokenUserinfoClaimsAssertion() bool { return false }

// ClockSkew is none.
func (c *Client) ClockSkew() time.Duration { return 0 }

// RestrictAdditionalIdTokenScopes restricts nothing.
func (c *Client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(asked []string) []string { return asked }
}

// RestrictAdditionalAccessTokenScopes restricts nothing.
func (c *Client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(asked []string) []string { return asked }
}
