package identity

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// promptCreate asks for the sign-up page (Initiating User Registration via OpenID Connect 1.0).
const promptCreate = "create"

// paramTenant names the tenant to sign in to, by its URL-safe name.
const paramTenant = "tenant"

// authorization is a checked authorization request. It has no row in the database: the address of the sign-in page
// carries it and it is checked again with each step, so that nobody can fill a table with requests, and a page that was
// left open for a day still works. A second factor starts after the password.
type authorization struct {
	oidc.AuthRequest
	client *client.Client
	portal *Tenant // that the token will be for; nil: the one that the user joined first
	hint   string  // the user that an id_token_hint names
	query  url.Values
}

var (
	errBadRequest = errs.Malformed("invalid_request", "The program that sent you here made a mistake, so sign-in cannot go on. Start again from its beginning.")
	errClient     = errs.Malformed("unknown_client", "The program that sent you here is not registered with this installation.")
	errRedirect   = errs.Malformed("unknown_redirect", "")
)

// carried are the parameters that pass from page to page.
func carried() []string {
	return []string{"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method", "prompt", "max_age", "login_hint", "ui_locales", "display", "acr_values", paramTenant}
}

// parseAuthorization reads a request up to the point where its client is known to vouch for the redirect address. Errors
// until there are shown to the person; later ones are sent to the client.
func (s *Service) parseAuthorization(ctx context.Context, pool Pool, values url.Values) (*authorization, error) {
	a := &authorization{query: url.Values{}}
	for _, name := range carried() {
		switch given := values[name]; {
		case len(given) > 1:
			return nil, errBadRequest.Wrap(errors.New("repeated parameter " + name))
		case len(given) == 1:
			a.query.Set(name, given[0])
		}
	}
	if err := s.provider.Decoder().Decode(&a.AuthRequest, values); err != nil {
		return nil, errBadRequest.Wrap(err)
	}
	found, err := s.clients.Find(ctx, pool.Name, a.ClientID)
	if errors.Is(err, client.ErrNone) {
		return nil, errClient
	}
	if err != nil {
		return nil, err
	}
	a.client = found
	if found.Foreign() { // it is its own tenant's alone
		t, err := s.tenant(ctx, found.Tenant.UUID)
		if err != nil {
			return nil, err
		}
		if named := a.query.Get(paramTenant); named != "" && named != t.Name {
			return nil, errClient
		}
		a.query.Set(paramTenant, t.Name)
	}
	// Whatever the type of response: the address is what matters here.
	if err := op.ValidateAuthReqRedirectURI(found, a.RedirectURI, oidc.ResponseTypeCode); err != nil {
		return nil, errRedirect.Because("Sign-in must start from %s, but came from an address that is not registered. Start again from there.", s.publicURL).Wrap(err)
	}
	return a, nil
}

// checkAuthorization checks the rest; its errors go to the client.
func (s *Service) checkAuthorization(ctx context.Context, a *authorization, values url.Values) error {
	for _, name := range []string{"request", "request_uri", "registration", "claims"} {
		if values.Has(name) {
			return oidc.ErrRequestNotSupported().WithDescription("the parameter %s is not supported", name)
		}
	}
	hint, err := op.ValidateAuthRequestClient(ctx, &a.AuthRequest, a.client, s.provider.IDTokenHintVerifier(ctx))
	if err != nil {
		return err
	}
	a.hint = hint
	a.Scopes = slices.DeleteFunc(a.Scopes, func(scope string) bool { return !slices.Contains(scopes(), scope) })
	challenge, err := base64.RawURLEncoding.Strict().DecodeString(a.CodeChallenge)
	switch {
	case !slices.Contains(a.Scopes, oidc.ScopeOpenID):
		return oidc.ErrInvalidScope().WithDescription("the scope openid is missing")
	case a.ResponseMode != "" && a.ResponseMode != oidc.ResponseModeQuery:
		return oidc.ErrInvalidRequest().WithDescription("only response_mode query is supported")
	case a.CodeChallengeMethod != oidc.CodeChallengeMethodS256:
		return oidc.ErrInvalidRequest().WithDescription("PKCE with code_challenge_method S256 is required")
	case err != nil || len(challenge) != 32:
		return oidc.ErrInvalidRequest().WithDescription("code_challenge is not a SHA-256 in base64url")
	}
	return nil
}

// satisfied tells whether a session answers the request without a page.
func (a *authorization) satisfied(b browser.Session, now time.Time) bool {
	for _, p := range []string{oidc.PromptLogin, oidc.PromptSelectAccount, promptCreate} {
		if slices.Contains(a.Prompt, p) {
			return false
		}
	}
	if a.MaxAge != nil && now.Sub(b.SignedInAt) > time.Duration(*a.MaxAge)*time.Second { //nolint:gosec // a negative age is refused by the decoder
		return false
	}
	if a.portal != nil && b.Vouched.Valid && b.Vouched.UUID != a.portal.ID {
		return false
	}
	return a.hint == "" || a.hint == b.User.String()
}

// authorize answers with a code when the browser is signed in, and sends it to a page otherwise.
func (s *Service) authorize(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := r.ParseForm(); err != nil {
		return errBadRequest.Wrap(err)
	}
	values := r.URL.Query()
	if r.Method == http.MethodPost {
		values = r.PostForm
	}
	ctx := r.Context()
	a, err := s.parseAuthorization(ctx, pool, values)
	if err != nil {
		return err
	}
	if err := s.checkAuthorization(ctx, a, values); err != nil {
		return s.refuse(w, r, pool, a, err)
	}
	if a.portal, err = s.portal(ctx, pool, a.query.Get(paramTenant)); err != nil {
		return s.deny(w, r, pool, a, err)
	}
	b, ok, err := s.sessions.Find(r, pool)
	if err != nil {
		return err
	}
	if ok && a.satisfied(b, s.now()) {
		lacks, err := s.Factors.Lacks(ctx, pool, b, a.strong())
		if err != nil {
			return err
		}
		if !lacks {
			return s.answer(w, r, pool, a, b)
		}
	}
	if a.silent() {
		return s.refuse(w, r, pool, a, oidc.ErrLoginRequired().WithDescription("nobody is signed in"))
	}
	path := "/sign-in?"
	if a.signUp(pool) && slices.Contains(a.Prompt, promptCreate) {
		path = "/sign-up?"
	}
	http.Redirect(w, r, pool.Path()+path+a.query.Encode(), http.StatusSeeOther) //nolint:gosec // a path of our own
	return nil
}

// strong tells whether the client asks for more than one factor.
func (a *authorization) strong() bool { return slices.Contains(a.ACRValues, access.ACRMulti) }

// silent tells whether nobody may be shown a page.
func (a *authorization) silent() bool { return slices.Contains(a.Prompt, oidc.PromptNone) }

// signUp tells whether people may make an account by themselves on this way in: it is one of the pool's own tenant.
func (a *authorization) signUp(pool Pool) bool {
	return pool.SignUp && (a.portal == nil || a.portal.ID == pool.Tenant)
}

// title is what the tenant to sign in to is called; "" when none was named.
func (a *authorization) title() string {
	if a.portal == nil {
		return ""
	}
	return a.portal.Title
}

// answer sends the browser back to the client with a code.
func (s *Service) answer(w http.ResponseWriter, r *http.Request, pool Pool, a *authorization, b browser.Session) error {
	if asked, err := s.askTenant(w, r, pool, a, b); err != nil || asked {
		return err
	}
	if answered, err := s.askConsent(w, r, pool, a, b); err != nil || answered {
		return err
	}
	return s.giveAnswer(w, r, pool, a, b)
}

func (s *Service) giveAnswer(w http.ResponseWriter, r *http.Request, pool Pool, a *authorization, b browser.Session) error {
	code, err := s.giveCode(r.Context(), pool, a, b)
	if err != nil {
		return s.deny(w, r, pool, a, err)
	}
	return s.sendBack(w, r, pool, a, url.Values{"code": {code}})
}

// deny says why a person gets no token for a tenant: to the person, who can use another account, or to the client when
// no page may be shown.
func (s *Service) deny(w http.ResponseWriter, r *http.Request, pool Pool, a *authorization, err error) error {
	if kind := errs.KindOf(err); kind != errs.KindForbidden && kind != errs.KindNotFound {
		return err
	}
	if a.silent() {
		return s.refuse(w, r, pool, a, oidc.ErrAccessDenied().WithDescription("%s", describe(err)))
	}
	d := page.Data{Tenant: a.title()}
	if a.portal != nil {
		d.Query = a.link()
	}
	s.failWith(w, r, pool, d, err)
	return nil
}

// describe is what is told to people, in the characters that RFC 6749 allows for an error_description.
func describe(err error) string {
	var known *errs.Error
	if !errors.As(err, &known) {
		return ""
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return '?'
		}
		return c
	}, known.Message)
}

// refuse sends the browser back to the client with an error of RFC 6749.
func (s *Service) refuse(w http.ResponseWriter, r *http.Request, pool Pool, a *authorization, err error) error {
	e := oauthError(err)
	s.log.DebugContext(r.Context(), "authorization refused", "client", a.ClientID, "error", e)
	values := url.Values{"error": {string(e.ErrorType)}}
	if e.Description != "" {
		values.Set("error_description", e.Description)
	}
	return s.sendBack(w, r, pool, a, values)
}

func (s *Service) sendBack(w http.ResponseWriter, r *http.Request, pool Pool, a *authorization, values url.Values) error {
	back, err := url.Parse(a.RedirectURI)
	if err != nil {
		return errRedirect.Wrap(err)
	}
	if a.State != "" {
		values.Set("state", a.State)
	}
	values.Set("iss", s.Issuer(pool)) // RFC 9207: against mixing up providers
	query := back.Query()
	for name, value := range values {
		query[name] = value
	}
	back.RawQuery = query.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther) //nolint:gosec // parseAuthorization found it registered
	return nil
}

// oauthError is what a client may see of an error. A fault of ours is not blamed on the client's code or token.
func oauthError(err error) *oidc.Error {
	if errors.Is(err, client.ErrNone) {
		return oidc.ErrInvalidClient().WithDescription("there is no such client")
	}
	var e *oidc.Error
	if !errors.As(err, &e) {
		return oidc.ErrServerError().WithDescription("something failed on our side; try again").WithParent(err)
	}
	var cause *oidc.Error
	if e.Parent != nil && !errors.As(e.Parent, &cause) && e.ErrorType == oidc.InvalidGrant {
		return oidc.ErrServerError().WithDescription("something failed on our side; try again").WithParent(err)
	}
	return e
}
