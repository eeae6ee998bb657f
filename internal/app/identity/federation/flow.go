package federation

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// cookie ties an exchange to the browser that began it. The prefix makes browsers refuse it from subdomains.
const cookie = "__Host-cloudkida-federation"

// Done is what an exchange ended in.
type Done struct {
	Test     bool       // nobody was signed in: it only tested
	Query    url.Values // the authorization request to go on with
	Tenant   uuid.UUID
	Provider uuid.UUID
	User     uuid.UUID // zero with an error
	At       time.Time // of the sign-in there; zero when the provider does not tell
	Excused  bool      // the provider has asked for the second step
}

// flow is an exchange under way.
type flow struct {
	provider uuid.UUID
	query    string
	test     bool
}

// derive makes what an exchange needs from its state: nonce and verifier need no place to be kept, and nobody who reads
// the database can make them.
func (s *Service) derive(purpose, state string) string {
	mac := hmac.New(sha256.New, []byte(s.Key.Derive("federation "+purpose)))
	mac.Write([]byte(state))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Start begins an exchange for a tenant's provider and returns where the browser goes.
func (s *Service) Start(w http.ResponseWriter, r *http.Request, in access.Pool, tenant, provider uuid.UUID, query url.Values) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), exchangeTime)
	defer cancel()
	p, err := s.enabled(ctx, tenant, provider)
	if err != nil {
		return "", err
	}
	if s.Allowed != nil {
		if err := s.Allowed(ctx, tenant); err != nil {
			return "", err
		}
	}
	return s.begin(ctx, w, r, in, p, flow{provider: p.ID, query: query.Encode()})
}

func (s *Service) begin(ctx context.Context, w http.ResponseWriter, r *http.Request, in access.Pool, p *Provider, f flow) (string, error) {
	d, err := s.discover(ctx, p)
	if err != nil {
		return "", s.failed(ctx, p, "discovery", err)
	}
	state, hash := opaque.New()
	if err := s.insertFlow(ctx, in.ID, hash, s.browser(w, r), f, s.Now().Add(flowLife)); err != nil {
		return "", err
	}
	client := oauth2.Config{ClientID: p.ClientID, Endpoint: oauth2.Endpoint{AuthURL: d.Authorization}, RedirectURL: s.callback(in.Name), Scopes: p.Scopes}
	return client.AuthCodeURL(state, s.request(state, f)...), nil
}

// request is what an authorization request has beside the client: nonce, challenge, and what our own client asked of it.
func (s *Service) request(state string, f flow) []oauth2.AuthCodeOption {
	options := []oauth2.AuthCodeOption{oidc.Nonce(s.derive("nonce", state)), oauth2.S256ChallengeOption(s.derive("verifier", state))}
	asked, err := url.ParseQuery(f.query)
	if err != nil {
		return options
	}
	for _, name := range []string{"login_hint", "max_age"} {
		if asked.Has(name) {
			options = append(options, oauth2.SetAuthURLParam(name, asked.Get(name)))
		}
	}
	if prompt := asked.Get("prompt"); prompt == oidcLogin || prompt == oidcSelect {
		options = append(options, oauth2.SetAuthURLParam("prompt", prompt))
	}
	return options
}

// The prompts that go on to the provider; the others are about our own pages.
const (
	oidcLogin  = "login"
	oidcSelect = "select_account"
)

// browser is the hash of the cookie that ties exchanges to this browser; it gets one if it has none.
func (s *Service) browser(w http.ResponseWriter, r *http.Request) []byte {
	if c, err := r.Cookie(cookie); err == nil && len(c.Value) >= 32 && len(c.Value) <= 64 {
		return opaque.Hash(c.Value)
	}
	value, hash := opaque.New()
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: value, Path: "/", MaxAge: int(24 * time.Hour / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return hash
}

// Finish ends an exchange with what the provider sent the browser back with. Everything that it grants is in Done.User.
// With an error Done still says where the person came from, once that is known.
func (s *Service) Finish(r *http.Request, in access.Pool) (Done, error) {
	ctx, cancel := context.WithTimeout(r.Context(), exchangeTime)
	defer cancel()
	q := r.URL.Query()
	f, err := s.resume(ctx, r, in, q)
	if err != nil {
		return Done{}, err
	}
	done := Done{Test: f.test, Provider: f.provider}
	if done.Query, err = url.ParseQuery(f.query); err != nil {
		return Done{}, ErrFlow.Wrap(err)
	}
	p, err := s.provider(ctx, f.provider)
	if err != nil {
		return done, err
	}
	done.Tenant = p.Tenant
	if f.test {
		return done, s.finishTest(ctx, p, in, q)
	}
	if p, err = s.enabled(ctx, p.Tenant, p.ID); err != nil { // it may be switched off meanwhile
		return done, err
	}
	statement, err := s.answer(ctx, p, in, q, nil)
	if err != nil {
		return done, err
	}
	if err := s.recent(statement, f.query); err != nil {
		return done, s.failed(ctx, p, "exchange", err)
	}
	done.At, done.Excused = statement.SignedInAt, p.SecondStep
	done.User, err = s.enter(ctx, pool{in.ID, in.Name}, p, statement)
	if err != nil {
		s.Log.WarnContext(ctx, "an identity provider's statement opened nothing", "tenant", p.Tenant, "provider", p.ID, "reason", err)
	}
	return done, err
}

// resume takes the exchange that an answer belongs to. What does not belong to one is told in the log, without the answer.
func (s *Service) resume(ctx context.Context, r *http.Request, in access.Pool, q url.Values) (flow, error) {
	refuse := func(reason string) (flow, error) {
		s.Log.InfoContext(ctx, "an identity provider's answer was refused", "pool", in.Name, "reason", reason, "request", httpx.RequestID(ctx))
		return flow{}, ErrFlow.Wrap(errors.New(reason))
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(q[name]) > 1 {
			return refuse(name + " comes more than once")
		}
	}
	c, err := r.Cookie(cookie)
	if err != nil {
		return refuse("this browser has begun no sign-in by an identity provider, or takes no cookies")
	}
	state, browser := opaque.Hash(q.Get("state")), opaque.Hash(c.Value)
	f, found, err := s.takeFlow(ctx, in.ID, state, browser)
	if err != nil || found {
		return f, err
	}
	reason, err := s.whyGone(ctx, in.ID, state, browser)
	if err != nil {
		return f, err
	}
	return refuse(reason)
}

// answer checks what came back and asks the provider what it means. Each step is noted in steps, if anybody looks.
func (s *Service) answer(ctx context.Context, p *Provider, in access.Pool, q url.Values, steps *trace) (*Statement, error) {
	d, err := s.discover(ctx, p)
	if err != nil {
		return nil, s.failed(ctx, p, "discovery", err)
	}
	switch {
	case q.Has("iss") && q.Get("iss") != p.Issuer:
		err = fmt.Errorf("%w: the answer names another issuer (iss)", errLie)
	case !q.Has("iss") && d.IssInResponse:
		err = fmt.Errorf("%w: the answer names no issuer (iss), though the provider says it always does", errLie)
	case q.Has("error"):
		err = errors.New("the provider answers " + word(q.Get("error")))
		steps.add("answer", err, "")
		s.note(ctx, p, "answer", err)
		return nil, ErrRefused.Wrap(err)
	case q.Get("code") == "":
		err = fmt.Errorf("%w: the answer has no code", errLie)
	}
	steps.add("answer", err, "state, browser and issuer are right")
	if err != nil {
		return nil, s.failed(ctx, p, "answer", err)
	}
	statement, err := s.exchange(ctx, p, d, in.Name, q.Get("state"), q.Get("code"))
	steps.add("tokens", err, "code traded; signature, issuer, audience, time and nonce of the ID token are right")
	if err != nil {
		return nil, s.failed(ctx, p, "exchange", err)
	}
	return statement, nil
}

// failed logs why a provider opened nothing and says what the person is told.
func (s *Service) failed(ctx context.Context, p *Provider, step string, err error) error {
	if errs.KindOf(err) != errs.KindInternal {
		return err
	}
	s.note(ctx, p, step, err)
	cause := errors.New(reason(err)) // what a server said must not reach the log by the way of the error either
	if away(err) {
		return ErrAway.Wrap(cause)
	}
	return ErrAnswer.Wrap(cause)
}

func (s *Service) note(ctx context.Context, p *Provider, step string, err error) {
	s.Log.WarnContext(ctx, "an identity provider failed", "tenant", p.Tenant, "provider", p.ID, "step", step, "reason", reason(err))
}
