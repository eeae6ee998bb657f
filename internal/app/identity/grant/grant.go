// Package grant keeps what people gave to programs: codes, token families and refresh tokens. A code or refresh token is
// good once; one that comes a second time ends all that it gave.
package grant

import (
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

// CodeLife is how long a code is good.
const CodeLife = time.Minute

// clockSkew is how far the clocks of our own servers may be apart.
const clockSkew = time.Minute

// Asked is what a code remembers of the authorization request.
type Asked struct {
	Client    string   `json:"client"`
	Redirect  string   `json:"redirect"`
	Scopes    []string `json:"scopes"`
	Nonce     string   `json:"nonce,omitempty"`
	Challenge string   `json:"challenge"`
}

// Grant is what a code or a refresh token stands for. It is what op checks a token request against.
type Grant struct {
	Family     uuid.UUID
	User       uuid.UUID
	Tenant     uuid.UUID
	Session    uuid.NullUUID // of the browser
	Methods    []string      // how the person proved who they are (amr of RFC 8176)
	SignedInAt time.Time
	Asked
}

// GetID is the token family's id.
func (g *Grant) GetID() string { return g.Family.String() }

// GetACR says whether there was more than a password (RFC 9470).
func (g *Grant) GetACR() string { return access.ACR(g.Methods) }

// GetAMR says how the person proved who they are.
func (g *Grant) GetAMR() []string { return g.Methods }

// GetAudience is that of the ID token.
func (g *Grant) GetAudience() []string { return []string{g.Client} }

// GetAuthTime is when the person signed in.
func (g *Grant) GetAuthTime() time.Time { return g.SignedInAt }

// GetClientID is whom it was given to.
func (g *Grant) GetClientID() string { return g.Client }

// GetNonce ties the ID token to the request.
func (g *Grant) GetNonce() string { return g.Nonce }

// GetRedirectURI is where the code went.
func (g *Grant) GetRedirectURI() string { return g.Redirect }

// GetScopes are those that were granted.
func (g *Grant) GetScopes() []string { return g.Scopes }

// GetState has no use: the answer is sent.
func (g *Grant) GetState() string { return "" }

// GetSubject is the person.
func (g *Grant) GetSubject() string { return g.User.String() }

// Done is true: there is no grant before the person has signed in.
func (g *Grant) Done() bool { return true }

// SetCurrentScopes narrows the grant.
func (g *Grant) SetCurrentScopes(scopes []string) { g.Scopes = scopes }

// GetResponseType is a code.
func (g *Grant) GetResponseType() oidc.ResponseType { return oidc.ResponseTypeCode }

// GetResponseMode is by the address.
func (g *Grant) GetResponseMode() oidc.ResponseMode { return oidc.ResponseModeQuery }

// GetCodeChallenge is what the client proves itself against.
func (g *Grant) GetCodeChallenge() *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: g.Challenge, Method: oidc.CodeChallengeMethodS256}
}

// Offline tells whether the grant has refresh tokens.
func (g *Grant) Offline() bool { return slices.Contains(g.Scopes, oidc.ScopeOfflineAccess) }

// Store keeps grants.
type Store struct {
	DB     *pgxpool.Pool // of the role identity
	Now    func() time.Time
	Log    *slog.Logger
	Forget func(user uuid.UUID) // drops what this process remembers of a person
}

// errGone is the refusal of a family that ended meanwhile.
var errGone = oidc.ErrInvalidGrant().WithDescription("the session has ended")

// errCode is the refusal of a code.
func errCode() *oidc.Error {
	return oidc.ErrInvalidGrant().WithDescription("the code is unknown, used or expired")
}

// errRefresh is the refusal of a refresh token.
func errRefresh() *oidc.Error {
	return oidc.ErrInvalidGrant().WithDescription("the refresh token is unknown, used or expired")
}
