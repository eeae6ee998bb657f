package identity

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/jackc/pgx/v5"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
)

// The protocol's checks are op's. Its router is not used: it serves grants that we do not have, opens every endpoint to
// every origin, cannot mark access tokens as such (typ at+jwt), and leaves out iss in authorization responses. Our
// handlers call op's functions instead; op finds the pool by the issuer that it carries in the context.

func newProvider(s *Service) (*op.Provider, error) {
	return op.NewProvider(
		&op.Config{
			CodeMethodS256: true, GrantTypeRefreshToken: true, SupportedScopes: scopes(),
			SupportedClaims: []string{"sub", "aud", "exp", "iat", "iss", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "name", "email", "email_verified"},
		},
		&storage{Service: s},
		func(bool) (op.IssuerFromRequest, error) {
			return func(r *http.Request) string { return op.IssuerFromContext(r.Context()) }, nil
		},
		op.WithAllowInsecure(), // http on localhost; the server refuses it elsewhere
		op.WithCustomEndpoints(
			op.NewEndpoint("authorize"), op.NewEndpoint("token"), op.NewEndpoint("userinfo"),
			op.NewEndpoint("revoke"), op.NewEndpoint("end-session"), op.NewEndpoint("keys")),
		op.WithIDTokenHintVerifierOpts(op.WithSupportedIDTokenHintSigningAlgorithms(string(jose.ES256))),
	)
}

func scopes() []string {
	return []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess}
}

// metadata is what discovery tells beyond op's own fields.
type metadata struct {
	*oidc.DiscoveryConfiguration
	IssInResponse bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	Prompts       []string `json:"prompt_values_supported"`
}

func (s *Service) discovery(w http.ResponseWriter, r *http.Request, _ Pool) error {
	d := op.CreateDiscoveryConfig(r.Context(), s.provider, s.provider.Storage())
	d.ResponseTypesSupported = []string{string(oidc.ResponseTypeCode)}
	d.ResponseModesSupported = []string{string(oidc.ResponseModeQuery)}
	d.GrantTypesSupported = []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
	d.TokenEndpointAuthMethodsSupported = []oidc.AuthMethod{oidc.AuthMethodNone}
	d.RevocationEndpointAuthMethodsSupported = d.TokenEndpointAuthMethodsSupported
	d.CodeChallengeMethodsSupported = []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256}
	d.TokenEndpointAuthSigningAlgValuesSupported, d.RevocationEndpointAuthSigningAlgValuesSupported = nil, nil
	d.ACRValuesSupported = []string{access.ACRMulti}
	d.IntrospectionEndpoint, d.DeviceAuthorizationEndpoint = "", ""
	d.IntrospectionEndpointAuthMethodsSupported, d.IntrospectionEndpointAuthSigningAlgValuesSupported = nil, nil
	w.Header().Set("Cache-Control", "public, max-age=300")
	httphelper.MarshalJSON(w, metadata{d, true, []string{oidc.PromptNone, oidc.PromptLogin, promptCreate, oidc.PromptSelectAccount}})
	return nil
}

func (s *Service) jwks(w http.ResponseWriter, r *http.Request, _ Pool) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	op.Keys(w, r, s.provider.Storage())
	return nil
}

// errNoClient is one of op's errors that never lead to a redirect: nobody has vouched for the address.
var errNoClient = errors.New("identity: no such client")

func (s *Service) client(ctx context.Context, pool, id string) (*client.Client, error) {
	c := &client.Client{ID: id, Insecure: strings.HasPrefix(s.publicURL, "http://")}
	err := s.db.QueryRow(ctx, `
		select c.redirect_uris, c.post_logout_uris from identity.client c join identity.pool p on p.id = c.pool_id
		where p.name = $1 and c.id = $2`, pool, id).Scan(&c.Redirects, &c.PostLogout)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNoClient
	}
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	c.Redirects, c.PostLogout = s.absolute(c.Redirects), s.absolute(c.PostLogout)
	return c, nil
}

// absolute puts the installation's own address before the addresses that are relative to it.
func (s *Service) absolute(addresses []string) []string {
	out := slices.Clone(addresses)
	for i, a := range out {
		if strings.HasPrefix(a, "/") {
			out[i] = s.publicURL + a
		}
	}
	return out
}
