package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Step is one step of a test.
type Step struct {
	Name   string `json:"name" enum:"discovery,issuer,keys,authorize,token,answer,tokens,claims" doc:"What was tried"`
	OK     bool   `json:"ok"`
	Took   int64  `json:"took" doc:"Milliseconds"`
	Detail string `json:"detail" doc:"What was found, or why it failed; never a secret or a person's data"`
}

// trace notes the steps of a test; a nil one notes nothing.
type trace struct {
	now   func() time.Time
	last  time.Time
	steps []Step
}

func (s *Service) trace() *trace { return &trace{now: s.Now, last: s.Now()} }

// add notes what came of a step that ends now.
func (t *trace) add(name string, err error, detail string) {
	if t == nil {
		return
	}
	now := t.now()
	step := Step{Name: name, OK: err == nil, Took: max(0, now.Sub(t.last).Milliseconds()), Detail: detail}
	if err != nil {
		step.Detail = reason(err)
	}
	t.last, t.steps = now, append(t.steps, step)
}

// probeTime bounds a whole test.
const probeTime = 40 * time.Second

// probe tries everything that needs no person: each step until one fails that the others need.
func (s *Service) probe(ctx context.Context, p *Provider, in access.Pool) ([]Step, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	t := s.trace()
	d, err := s.readDiscovery(ctx, p.Issuer)
	if err != nil && strings.Contains(err.Error(), "did not match the issuer") {
		t.add("discovery", nil, host(p.Issuer)+" describes itself")
		t.add("issuer", errors.New("the provider calls itself otherwise; copy its issuer exactly, the last slash included"), "")
		return t.steps, nil
	}
	t.add("discovery", err, host(p.Issuer)+" describes itself")
	if err != nil {
		return t.steps, nil
	}
	t.add("issuer", nil, "the provider calls itself as it is set here")
	detail, err := s.probeKeys(ctx, d)
	t.add("keys", err, detail)
	detail, err = s.probeAuthorize(ctx, p, d, in.Name)
	t.add("authorize", err, detail)
	detail, err = s.probeToken(ctx, p, d, in.Name)
	if errors.Is(err, errSealed) {
		return nil, err
	}
	t.add("token", err, detail)
	return t.steps, nil
}

// get calls an address without a redirect and bounds what is read.
func (s *Service) get(ctx context.Context, address string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, err
	}
	still := *s.Client
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := still.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

func (s *Service) probeKeys(ctx context.Context, d *discovered) (string, error) {
	status, body, err := s.get(ctx, d.Keys)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("jwks_uri answers %d", status)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		return "", errors.New("jwks_uri does not answer with keys")
	}
	usable := slices.DeleteFunc(set.Keys, func(k jose.JSONWebKey) bool { return !k.IsPublic() || k.Use == "enc" })
	if len(usable) == 0 {
		return "", errors.New("jwks_uri has no public key that signs")
	}
	return fmt.Sprintf("%d that sign, algorithms %s", len(usable), strings.Join(asymmetric(d.Algorithms), ", ")), nil
}

// probeAuthorize asks for the page that people are sent to.
func (s *Service) probeAuthorize(ctx context.Context, p *Provider, d *discovered, poolName string) (string, error) {
	state, _ := opaque.New()
	client := oauth2.Config{ClientID: p.ClientID, Endpoint: oauth2.Endpoint{AuthURL: d.Authorization}, RedirectURL: s.callback(poolName), Scopes: p.Scopes}
	status, _, err := s.get(ctx, client.AuthCodeURL(state, s.request(state, flow{})...))
	if err != nil {
		return "", err
	}
	if status >= http.StatusBadRequest {
		return "", fmt.Errorf("%s answers %d: look whether it knows the client id, and %s as redirect address", host(d.Authorization), status, s.callback(poolName))
	}
	return fmt.Sprintf("%s answers %d", host(d.Authorization), status), nil
}

// errSealed marks a client secret that cannot be opened: a fault of ours.
var errSealed = errors.New("the client secret cannot be opened")

// probeToken shows the token endpoint a code that it never gave: it tells whether it knows the client by what it minds.
func (s *Service) probeToken(ctx context.Context, p *Provider, d *discovered, poolName string) (string, error) {
	client, err := s.oauth(p, d, poolName)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errSealed, err)
	}
	code, _ := opaque.New()
	_, err = client.Exchange(s.calling(ctx), code, oauth2.VerifierOption(code))
	var refused *oauth2.RetrieveError
	switch {
	case err == nil:
		return "", errors.New("token endpoint: it gave tokens for a code that it never made")
	case !errors.As(err, &refused):
		return "", err
	case refused.ErrorCode == "invalid_grant":
		return "client id and secret are right: it refuses a wrong code, as it should", nil
	case refused.ErrorCode == "invalid_client", refused.ErrorCode == "unauthorized_client", refused.Response != nil && refused.Response.StatusCode == http.StatusUnauthorized:
		return "", fmt.Errorf("%s does not accept the client id and secret (%s)", host(d.Token), word(refused.ErrorCode))
	}
	return "", err
}

// beginTest makes an address at which a browser signs in without effect, once.
func (s *Service) beginTest(ctx context.Context, p *Provider, in access.Pool) (string, error) {
	token, hash := opaque.New()
	if err := s.insertFlow(ctx, in.ID, hash, nil, flow{provider: p.ID, test: true}, s.Now().Add(flowLife)); err != nil {
		return "", err
	}
	return s.PublicURL + in.Path() + "/federation/test?" + url.Values{"token": {token}}.Encode(), nil
}

// StartTest sends the browser that opens a test's address to the provider.
func (s *Service) StartTest(w http.ResponseWriter, r *http.Request, in access.Pool) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), exchangeTime)
	defer cancel()
	f, found, err := s.takeFlow(ctx, in.ID, opaque.Hash(r.URL.Query().Get("token")), nil)
	if err != nil {
		return "", err
	}
	if !found || !f.test {
		return "", ErrFlow
	}
	p, err := s.provider(ctx, f.provider)
	if err != nil {
		return "", err
	}
	return s.begin(ctx, w, r, in, p, f)
}

// finishTest notes what a sign-in would have come to. Names of claims and our own roles are told, no value of a claim.
func (s *Service) finishTest(ctx context.Context, p *Provider, in access.Pool, q url.Values) error {
	t := s.trace()
	statement, err := s.answer(ctx, p, in, q, t)
	switch {
	case err == nil:
		var detail string
		detail, err = s.describe(ctx, p, statement)
		t.add("claims", err, detail)
	case errs.KindOf(err) == errs.KindInternal:
		return err
	case len(t.steps) == 0:
		t.add("discovery", errors.Unwrap(err), "")
	}
	return s.saveTest(ctx, p.ID, t.steps)
}

func (s *Service) describe(ctx context.Context, p *Provider, st *Statement) (string, error) {
	proved, err := s.proves(ctx, p.Tenant, st)
	if err != nil {
		return "", err
	}
	if st.Email == "" {
		return "", errors.New("no e-mail address among the claims: " + strings.Join(st.Claims, ", "))
	}
	email := "not of a proved domain, so it never finds an account"
	switch {
	case proved:
		email = "verified, and of a domain that you have proved"
	case !st.Verified:
		email = "not verified by the provider, so it never finds an account"
	}
	groups := "none"
	if names := p.groups(st.Groups); len(names) > 0 {
		groups = strings.Join(names, ", ")
	}
	return clipClaims(st.Claims) + "; e-mail: " + email + "; role: " + string(p.role(st.Roles)) + "; groups: " + groups, nil
}

// clipClaims are the names of claims, as far as they fit.
func clipClaims(names []string) string {
	const most = 30
	if len(names) > most {
		names = append(slices.Clone(names[:most]), "...")
	}
	return "claims: " + clip(strings.Join(names, ", "))
}

// probeLimit bounds how often a tenant's servers are tried: a test calls four addresses.
func probeLimit(tenant uuid.UUID) throttle.Key {
	return throttle.Key{Name: "test " + tenant.String(), Rule: throttle.Rule{Free: 20, First: time.Second, Max: time.Minute, Forget: 10 * time.Minute}}
}
