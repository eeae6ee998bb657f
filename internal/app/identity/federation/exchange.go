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
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/outbound"
)

// Statement is what a provider says about a person, once it is proved that it was the provider who said it.
type Statement struct {
	Subject  string
	Email    string
	Verified bool // the provider says that the address is the person's
	Name     string
	Roles    []string // values of the role claim
	Groups   []string // values of the group claim
	Claims   []string // names of everything that it said, for tests
	// SignedInAt is when the person signed in there (auth_time); zero when the provider does not tell.
	SignedInAt time.Time
}

// Bounds of what a statement may hold.
const (
	maxSubject = 255 // OpenID Connect Core 1.0, 2
	maxValues  = 500 // of a claim; more are not looked at
)

// discovered is what a provider says about itself.
type discovered struct {
	provider *oidc.Provider
	metadata
}

// metadata are the fields of discovery that the library leaves to its callers.
type metadata struct {
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Keys          string   `json:"jwks_uri"`
	UserInfo      string   `json:"userinfo_endpoint"`
	IssInResponse bool     `json:"authorization_response_iss_parameter_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

// discoveryLife is how long a provider's description is believed.
const discoveryLife = 5 * time.Minute

// exchangeTime bounds all calls of one step together.
const exchangeTime = 20 * time.Second

// maxDiscovered bounds how many descriptions are remembered.
const maxDiscovered = 1000

type discoveryKey struct {
	provider uuid.UUID
	version  int64
}

// quiet drops what a server says with a failure: the library would repeat it in its errors, and it may be anything, such
// as what was sent to it.
type quiet struct{ http.RoundTripper }

// RoundTrip calls.
func (q quiet) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := q.RoundTripper.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet || res.StatusCode < http.StatusBadRequest {
		return res, err
	}
	err = res.Body.Close()
	res.Body, res.ContentLength, res.Status = http.NoBody, 0, strconv.Itoa(res.StatusCode)
	return res, err
}

// calling is a context in which the library calls a provider.
func (s *Service) calling(ctx context.Context) context.Context {
	client := *s.Client
	client.Transport = quiet{client.Transport}
	return oidc.ClientContext(ctx, &client)
}

// discover returns a provider's description, which may be some minutes old.
func (s *Service) discover(ctx context.Context, p *Provider) (*discovered, error) {
	s.once.Do(func() { s.known = cache.New[discoveryKey, *discovered](maxDiscovered, discoveryLife, s.Now) })
	return s.known.Get(discoveryKey{p.ID, p.Version}, func() (*discovered, error) { return s.readDiscovery(ctx, p.Issuer) })
}

func (s *Service) readDiscovery(ctx context.Context, issuer string) (*discovered, error) {
	if err := s.CheckURL(issuer); err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	found, err := oidc.NewProvider(s.calling(ctx), issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	d := &discovered{provider: found}
	if err := found.Claims(&d.metadata); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	for _, endpoint := range []struct{ name, url string }{
		{"authorization_endpoint", d.Authorization}, {"token_endpoint", d.Token}, {"jwks_uri", d.Keys},
	} {
		if err := s.CheckURL(endpoint.url); err != nil {
			return nil, fmt.Errorf("discovery: %s: %w", endpoint.name, err)
		}
	}
	return d, nil
}

// oauth is the client that we are to a provider.
func (s *Service) oauth(p *Provider, d *discovered, poolName string) (oauth2.Config, error) {
	var clientSecret []byte
	if p.sealed != nil {
		var err error
		if clientSecret, err = s.Key.Open(secretPurpose(p.ID), p.sealed); err != nil {
			return oauth2.Config{}, err
		}
	}
	endpoint := oauth2.Endpoint{AuthURL: d.Authorization, TokenURL: d.Token, AuthStyle: oauth2.AuthStyleInHeader}
	// The default of the standard is the header; a guess would send the secret twice.
	if clientSecret == nil || len(d.AuthMethods) > 0 && !slices.Contains(d.AuthMethods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return oauth2.Config{
		ClientID: p.ClientID, ClientSecret: string(clientSecret), Endpoint: endpoint, RedirectURL: s.callback(poolName), Scopes: p.Scopes,
	}, nil
}

// exchange trades a code for what the provider says about the person.
func (s *Service) exchange(ctx context.Context, p *Provider, d *discovered, poolName, state, code string) (*Statement, error) {
	client, err := s.oauth(p, d, poolName)
	if err != nil {
		return nil, err
	}
	ctx = s.calling(ctx)
	token, err := client.Exchange(ctx, code, oauth2.VerifierOption(s.derive("verifier", state)))
	if err != nil {
		return nil, fmt.Errorf("token endpoint: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, fmt.Errorf("%w: the token endpoint gave no ID token", errLie)
	}
	claims, id, err := s.verify(ctx, p, d, raw, token.AccessToken, s.derive("nonce", state))
	if err != nil {
		return nil, fmt.Errorf("%w: ID token: %w", errLie, err)
	}
	if d.UserInfo != "" && lacks(claims, p) {
		if err := s.ask(ctx, d, client.TokenSource(ctx, token), id.Subject, claims); err != nil {
			return nil, err
		}
	}
	st := read(p, id.Subject, claims)
	if st.SignedInAt, err = signedIn(claims, s.Now()); err != nil {
		return nil, err
	}
	return st, nil
}

// leeway is how much clocks may differ.
const leeway = time.Minute

// signedIn reads auth_time.
func signedIn(claims map[string]any, now time.Time) (time.Time, error) {
	told, ok := claims["auth_time"]
	if !ok {
		return time.Time{}, nil
	}
	seconds, ok := told.(float64)
	at := time.Unix(int64(seconds), 0)
	if !ok || seconds <= 0 || at.After(now.Add(leeway)) {
		return time.Time{}, fmt.Errorf("%w: ID token: auth_time is no time, or in the future", errLie)
	}
	return at, nil
}

// recent refuses a statement of somebody who signed in at the provider longer ago than was asked of it.
func (s *Service) recent(st *Statement, query string) error {
	asked, err := url.ParseQuery(query)
	if err != nil || !asked.Has("max_age") {
		return err
	}
	age, err := strconv.ParseUint(asked.Get("max_age"), 10, 31)
	switch {
	case err != nil:
		return fmt.Errorf("max_age: %w", err)
	case st.SignedInAt.IsZero():
		return fmt.Errorf("%w: ID token: it was asked how old the sign-in may be (max_age) and does not say when it was (auth_time)", errLie)
	case s.Now().Sub(st.SignedInAt) > time.Duration(age)*time.Second+leeway:
		return fmt.Errorf("%w: ID token: the person signed in there longer ago (auth_time) than was asked (max_age)", errLie)
	}
	return nil
}

// errLie marks answers that are there but cannot be trusted.
var errLie = errors.New("the provider's answer cannot be trusted")

// verify checks an ID token: signature by one of the provider's keys, issuer, audience, time, nonce, and that it belongs
// to the access token that came with it.
func (s *Service) verify(ctx context.Context, p *Provider, d *discovered, raw, access, nonce string) (map[string]any, *oidc.IDToken, error) {
	verifier := d.provider.VerifierContext(ctx, &oidc.Config{ClientID: p.ClientID, Now: s.Now, SupportedSigningAlgs: asymmetric(d.Algorithms)})
	id, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, nil, s.plain(err)
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return nil, nil, err
	}
	authorized, named := claims["azp"]
	switch {
	case id.Nonce != nonce:
		return nil, nil, errors.New("the nonce is of another sign-in")
	case named && authorized != p.ClientID, len(id.Audience) > 1 && !named:
		return nil, nil, errors.New("it was made for another client (azp)")
	case id.Subject == "" || len(id.Subject) > maxSubject || strings.ContainsRune(id.Subject, 0):
		return nil, nil, errors.New("the subject is empty or too long")
	case id.IssuedAt.After(s.Now().Add(leeway)):
		return nil, nil, s.off(fmt.Errorf("it was made at %s, which is to come (iat)", clock(id.IssuedAt)))
	case id.IssuedAt.Before(s.Now().Add(-flowLife - leeway)):
		return nil, nil, s.off(fmt.Errorf("it was made at %s, before this sign-in began (iat)", clock(id.IssuedAt)))
	case id.AccessTokenHash != "":
		err = id.VerifyAccessToken(access)
	}
	return claims, id, err
}

// clock is a time as the log shows it.
func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// off adds to an error about time what helps to find whose clock is wrong.
func (s *Service) off(err error) error {
	return fmt.Errorf("%w; the clock here says %s: one of the two clocks is wrong", err, clock(s.Now()))
}

// plain says what is wrong with an ID token without what is in it, which the library's errors repeat: a provider that
// knows the client's secret could put it there, and so into the log.
func (s *Service) plain(err error) error {
	if expired := (*oidc.TokenExpiredError)(nil); errors.As(err, &expired) {
		return s.off(fmt.Errorf("it expired at %s (exp)", clock(expired.Expiry)))
	}
	text := err.Error()
	for _, known := range []struct{ part, said string }{
		{"issued by a different provider", "it was issued by a different provider (iss)"},
		{"expected audience", "it was made for another audience (aud)"},
		{"before the nbf", "it is not valid before a time that is to come (nbf)"},
		{"signature algorithm", "it is signed by an algorithm that is not accepted"},
		{"signed with unsupported algorithm", "it is signed by an algorithm that is not accepted"},
		{"malformed jwt", "it is malformed"},
		{"failed to unmarshal", "its claims cannot be read"},
	} {
		if strings.Contains(text, known.part) {
			if known.part == "before the nbf" {
				return s.off(errors.New(known.said))
			}
			return errors.New(known.said)
		}
	}
	if strings.Contains(text, "fetching keys") && !strings.Contains(text, "failed to decode keys") {
		return fmt.Errorf("%w: %w", errKeys, err)
	}
	return err // of the signature
}

// errKeys marks keys that could not be had. The library keeps the words of the cause alone.
var errKeys = errors.New("its keys cannot be read")

// asymmetric leaves those algorithms that only the provider itself can sign with: with the others, whoever knows a public
// key or the client secret could.
func asymmetric(offered []string) []string {
	safe := []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}
	chosen := slices.DeleteFunc(slices.Clone(offered), func(a string) bool { return !slices.Contains(safe, a) })
	if len(chosen) == 0 {
		return []string{oidc.RS256}
	}
	return chosen
}

// lacks tells whether the ID token leaves out what the provider's settings look for; many providers tell it elsewhere.
func lacks(claims map[string]any, p *Provider) bool {
	for _, name := range []string{"email", p.NameClaim, p.RoleClaim, p.GroupClaim} {
		if _, told := claims[name]; name != "" && !told {
			return true
		}
	}
	return false
}

// ask adds what the provider tells at its userinfo endpoint. The ID token wins: it is signed.
func (s *Service) ask(ctx context.Context, d *discovered, tokens oauth2.TokenSource, subject string, claims map[string]any) error {
	if err := s.CheckURL(d.UserInfo); err != nil {
		return fmt.Errorf("userinfo: %w", err)
	}
	info, err := d.provider.UserInfo(ctx, tokens)
	if err != nil {
		return fmt.Errorf("userinfo: %w", err)
	}
	if info.Subject != subject {
		return fmt.Errorf("%w: userinfo is about another subject than the ID token", errLie)
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return fmt.Errorf("userinfo: %w", err)
	}
	// An address and the word that it is verified belong together: never one of here with one of there.
	if _, told := claims["email"]; told {
		delete(more, "email_verified")
	} else {
		delete(claims, "email_verified")
	}
	for name, value := range more {
		if _, told := claims[name]; !told {
			claims[name] = value
		}
	}
	return nil
}

// read takes what is looked for out of the claims.
func read(p *Provider, subject string, claims map[string]any) *Statement {
	s := &Statement{Subject: subject, Roles: values(claims[p.RoleClaim]), Groups: values(claims[p.GroupClaim])}
	if email, ok := claims["email"].(string); ok && address.CheckEmail(address.CleanEmail(email)) == "" {
		s.Email = address.CleanEmail(email)
		s.Verified = claims["email_verified"] == true || claims["email_verified"] == "true" // some send a text
	}
	name, _ := claims[p.NameClaim].(string)
	if s.Name = address.CleanName(name); address.CheckName(s.Name) != "" {
		s.Name = ""
	}
	for claim := range claims {
		s.Claims = append(s.Claims, claim)
	}
	slices.Sort(s.Claims)
	return s
}

// values are the texts of a claim that is one text or a list of them.
func values(claim any) (list []string) {
	switch v := claim.(type) {
	case string:
		return []string{v}
	case []any:
		for _, one := range v[:min(len(v), maxValues)] {
			if text, ok := one.(string); ok {
				list = append(list, text)
			}
		}
	}
	return list
}

// reason says for the log and for administrators why an exchange failed. Answers of a server that a tenant chose are not
// repeated: they may hold anything, the secret that we sent to it included.
func reason(err error) string {
	var refused *oauth2.RetrieveError
	var called *url.Error
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		status := 0
		if refused.Response != nil {
			status = refused.Response.StatusCode
		}
		return fmt.Sprintf("token endpoint: answer %d %s", status, word(refused.ErrorCode))
	case errors.As(err, &called) && called.Timeout():
		return host(called.URL) + " does not answer in time"
	case errors.As(err, &called) && errors.Is(called.Err, io.EOF):
		return host(called.URL) + " closed the connection without an answer"
	case errors.As(err, &called):
		return fmt.Sprintf("%s: %s", host(called.URL), clip(called.Err.Error()))
	case errors.As(err, &syntax):
		return "the answer is not JSON"
	}
	// The library repeats what a server sent in place of keys.
	text, _, _ := strings.Cut(err.Error(), "failed to decode keys")
	return clip(text)
}

// away tells whether trying again can help.
func away(err error) bool {
	var refused *oauth2.RetrieveError
	var called *url.Error
	switch {
	case errors.Is(err, outbound.ErrAddress), errors.Is(err, outbound.ErrScheme), errors.Is(err, outbound.ErrRedirect), errors.Is(err, outbound.ErrTooLarge):
		return false
	case errors.As(err, &refused):
		return refused.Response != nil && refused.Response.StatusCode >= http.StatusInternalServerError
	}
	return errors.As(err, &called) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errKeys)
}

// word keeps an error code of RFC 6749, and nothing that is none.
func word(code string) string {
	if code == "" || len(code) > 40 || strings.ContainsFunc(code, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
		return "(no error code)"
	}
	return code
}

func host(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "the provider"
	}
	return u.Host
}

// clip keeps the first line of a reason, up to a bound and before what a server said.
func clip(text string) string {
	const most = 200
	text, _, _ = strings.Cut(text, "\n")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
