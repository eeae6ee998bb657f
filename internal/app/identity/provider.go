package identity

import (
	"net/http"

	jose "github.com/go-jose/go-jose/v4"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
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
		op.WithAllowInsecure(),  // http on localhost; the server refuses it elsewhere
		op.WithCORSOptions(nil), // the library's own lets any page call with cookies; httpx.CrossOrigin lets those that are known
		op.WithCustomEndpoints(
			op.NewEndpoint("authorize"), op.NewEndpoint("token"), op.NewEndpoint("userinfo"),
			op.NewEndpoint("revoke"), op.NewEndpoint("end-session"), op.NewEndpoint("keys")),
		op.WithCustomIntrospectionEndpoint(op.NewEndpoint("introspect")),
		op.WithCustomDeviceAuthorizationEndpoint(op.NewEndpoint("device-authorization")),
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

// grantTypes are those of the token endpoint.
func grantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode, oidc.GrantTypeClientCredentials}
}

func (s *Service) discovery(w http.ResponseWriter, r *http.Request, _ Pool) error {
	d := op.CreateDiscoveryConfig(r.Context(), s.provider, s.provider.Storage())
	d.ResponseTypesSupported = []string{string(oidc.ResponseTypeCode)}
	d.ResponseModesSupported = []string{string(oidc.ResponseModeQuery)}
	d.GrantTypesSupported = grantTypes()
	d.TokenEndpointAuthMethodsSupported = []oidc.AuthMethod{oidc.AuthMethodNone, oidc.AuthMethodBasic, oidc.AuthMethodPost}
	d.RevocationEndpointAuthMethodsSupported = d.TokenEndpointAuthMethodsSupported
	d.IntrospectionEndpointAuthMethodsSupported = []oidc.AuthMethod{oidc.AuthMethodBasic, oidc.AuthMethodPost}
	d.CodeChallengeMethodsSupported = []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256}
	d.TokenEndpointAuthSigningAlgValuesSupported, d.RevocationEndpointAuthSigningAlgValuesSupported = nil, nil
	d.IntrospectionEndpointAuthSigningAlgValuesSupported = nil
	d.ACRValuesSupported = []string{access.ACRMulti}
	w.Header().Set("Cache-Control", "public, max-age=300")
	httphelper.MarshalJSON(w, metadata{d, true, []string{oidc.PromptNone, oidc.PromptLogin, oidc.PromptConsent, promptCreate, oidc.PromptSelectAccount}})
	return nil
}

func (s *Service) jwks(w http.ResponseWriter, r *http.Request, _ Pool) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	op.Keys(w, r, s.provider.Storage())
	return nil
}
