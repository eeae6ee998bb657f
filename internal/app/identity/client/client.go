// Package client is about OpenID clients: our own, and programs of others that owners of a tenant register for its people.
// Client is one as the libraries that check requests see it; Registry is where owners register theirs.
package client

import (
	"crypto/subtle"
	"time"

	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
)

// Our own clients.
const (
	Console = "console"
	CLI     = "cli"
	// DevicePage sends people through sign-in on their way to the page where the code of a device is typed.
	DevicePage = "device-page"
)

// IDTokenLife is how long ID tokens are good.
const IDTokenLife = 10 * time.Minute

// Client is a registered program. All prove themselves by PKCE; confidential ones by a secret as well.
type Client struct {
	ID         string
	Name       string
	Redirects  []string
	PostLogout []string
	Grants     []string
	Tenant     uuid.NullUUID // who registered it: only the tenant's people use it, and after they were asked; null: our own
	SecretHash []byte        // of a confidential client
	Insecure   bool          // redirect addresses may be http: the installation itself is on localhost, or they are loopback
}

// Foreign tells whether the program is somebody else's.
func (c *Client) Foreign() bool { return c.Tenant.Valid }

// Proves tells whether a client is who it says: by its secret, or without one if it has none.
func (c *Client) Proves(secret string) bool {
	if c.SecretHash == nil {
		return secret == ""
	}
	return subtle.ConstantTimeCompare(c.SecretHash, opaque.Hash(secret)) == 1
}

// GetID is the client's id.
func (c *Client) GetID() string { return c.ID }

// RedirectURIs are matched exactly.
func (c *Client) RedirectURIs() []string { return c.Redirects }

// PostLogoutRedirectURIs are matched exactly.
func (c *Client) PostLogoutRedirectURIs() []string { return c.PostLogout }

// ApplicationType is that of a program in a browser.
func (c *Client) ApplicationType() op.ApplicationType { return op.ApplicationTypeUserAgent }

// AuthMethod is none: the endpoints check secrets themselves, before op looks at what they protect.
func (c *Client) AuthMethod() oidc.AuthMethod { return oidc.AuthMethodNone }

// ResponseTypes has the code alone.
func (c *Client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

// GrantTypes are what the client may ask for tokens with.
func (c *Client) GrantTypes() []oidc.GrantType {
	types := make([]oidc.GrantType, len(c.Grants))
	for i, g := range c.Grants {
		types[i] = oidc.GrantType(g)
	}
	return types
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
