package server_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/server"
)

// credentials are everything that one sign-in gives to one browser and its client.
type credentials struct {
	pool                    string
	session, code, verifier string
	access, refresh         string
}

// authorization is the query of a sign-in to the console.
func (s *stage) authorization(verifier string) url.Values {
	return url.Values{
		"client_id": {identity.ConsoleClient}, "redirect_uri": {s.url + "/auth/callback"}, "response_type": {"code"},
		"scope": {"openid profile email offline_access"}, "state": {"s"}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
}

func form(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }

// signIn goes through the page of a user pool.
func (s *stage) signIn(t *testing.T, pool, email string) (answer, credentials) {
	t.Helper()
	c := credentials{pool: pool, verifier: oauth2.GenerateVerifier()}
	address := "/pools/" + pool + "/sign-in?" + s.authorization(c.verifier).Encode()
	page := s.send(t, "", http.MethodGet, address, nil)
	hidden := regexp.MustCompile(`name="token"[^>]* value="([^"]*)"`).FindStringSubmatch(page.text)
	if hidden == nil {
		t.Fatalf("the sign-in page of %s has no form: %s %s", pool, page, page.text)
	}
	fields := url.Values{"token": {html.UnescapeString(hidden[1])}, "email": {email}, "password": {stagePassword}}
	got := s.send(t, "", http.MethodPost, address, []byte(fields.Encode()), form, func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: "__Host-cloudkida-form", Value: page.cookie("__Host-cloudkida-form")}) //nolint:gosec // of a request
	})
	c.session = got.cookie("__Host-cloudkida-" + pool)
	back, err := url.Parse(got.header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	c.code = back.Query().Get("code")
	return got, c
}

// trade asks the token endpoint of a user pool.
func (s *stage) trade(t *testing.T, pool string, fields url.Values) answer {
	t.Helper()
	fields.Set("client_id", identity.ConsoleClient)
	return s.send(t, "", http.MethodPost, "/pools/"+pool+"/token", []byte(fields.Encode()), form)
}

func (c credentials) withCode(s *stage) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {c.code}, "code_verifier": {c.verifier}, "redirect_uri": {s.url + "/auth/callback"}}
}

func (c credentials) withRefresh() url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.refresh}}
}

// take reads the tokens of an answer.
func (c *credentials) take(a answer) bool {
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	_ = json.Unmarshal([]byte(a.text), &tokens)
	c.access, c.refresh = tokens.Access, tokens.Refresh
	return tokens.Access != ""
}

// poolPages brings what one user pool gave to the pages of another: there it must be worth as much as nothing.
func (s *stage) poolPages(t *testing.T, only []string) (faults []string) {
	t.Helper()
	public, _ := server.Routes()
	for _, way := range []struct{ who, to string }{{"a learner", ownPool}, {"s owner", identity.DefaultPool}} {
		p := s.who(way.who)
		got, c := s.signIn(t, poolOf(p.of), p.email)
		if c.code == "" || c.session == "" {
			t.Fatalf("%s cannot sign in: %s %s", p.name, got, got.text)
		}
		if got, _ := s.signIn(t, way.to, p.email); got.status != http.StatusUnauthorized {
			faults = append(faults, fmt.Sprintf("%s signs in to the pool %s: %s", p.name, way.to, got))
		}
		faults = append(faults, s.grants(t, &c, way.to)...)
		faults = append(faults, s.portals(t, p, c)...)
		if only == nil {
			only = patterns(public, httpx.PoolPage)
		}
		for _, pattern := range only {
			faults = append(faults, s.poolPage(t, pattern, way.to, p, c)...)
		}
		// All of it is still worth what it was at home.
		if info := s.send(t, c.access, http.MethodGet, "/pools/"+c.pool+"/userinfo", nil); info.status != http.StatusOK || !strings.Contains(info.text, p.email) {
			faults = append(faults, fmt.Sprintf("%s's own pool does not know their token any more: %s", p.name, info))
		}
		if home := s.trade(t, c.pool, c.withRefresh()); !(&credentials{}).take(home) {
			faults = append(faults, fmt.Sprintf("%s's own pool does not know their refresh token any more: %s", p.name, home.text))
		}
	}
	return faults
}

// grants tries a code and a refresh token at another pool before their own, and keeps what their own gives.
func (s *stage) grants(t *testing.T, c *credentials, foreign string) (faults []string) {
	t.Helper()
	none := s.trade(t, foreign, credentials{code: strings.Repeat("A", len(c.code)), verifier: c.verifier}.withCode(s))
	if got := s.trade(t, foreign, c.withCode(s)); got.status != http.StatusBadRequest || got.text != none.text {
		faults = append(faults, fmt.Sprintf("a code of %s at %s: %s %s, but one of nobody: %s", c.pool, foreign, got, got.text, none.text))
	}
	if got := s.trade(t, c.pool, c.withCode(s)); !c.take(got) {
		t.Fatalf("a code at its own pool: %s %s", got, got.text)
	}
	none = s.trade(t, foreign, credentials{refresh: strings.Repeat("A", len(c.refresh))}.withRefresh())
	if got := s.trade(t, foreign, c.withRefresh()); got.status != http.StatusBadRequest || got.text != none.text {
		faults = append(faults, fmt.Sprintf("a refresh token of %s at %s: %s %s, but one of nobody: %s", c.pool, foreign, got, got.text, none.text))
	}
	return faults
}

// portals asks, signed in, for a code for another tenant of the same pool, and looks what tenant the token is for.
func (s *stage) portals(t *testing.T, p persona, c credentials) (faults []string) {
	t.Helper()
	for _, prompt := range []string{"", "none"} {
		fields := s.authorization(c.verifier)
		fields.Set("tenant", tenantB)
		fields.Set("prompt", prompt)
		got := s.send(t, "", http.MethodGet, "/pools/"+c.pool+"/authorize?"+fields.Encode(), nil, func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "__Host-cloudkida-" + c.pool, Value: c.session}) //nolint:gosec // of a request
		})
		if strings.Contains(got.header.Get("Location"), "code=") {
			faults = append(faults, fmt.Sprintf("%s gets a code for %s", p.name, tenantB))
		}
	}
	var claims struct{ Tenant, Sub string }
	parts := strings.Split(c.access, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err := errors.Join(err, json.Unmarshal(text, &claims)); err != nil || claims.Tenant != s.tenants[p.of] || claims.Sub != p.user {
		faults = append(faults, fmt.Sprintf("%s's token is for %+v: %v", p.name, claims, err))
	}
	return faults
}

// leads is where an answer leads to, but for what is new each time.
func leads(a answer) string {
	to, err := url.Parse(a.header.Get("Location"))
	if err != nil {
		return a.header.Get("Location")
	}
	query := to.Query()
	query.Del("code_challenge")
	to.RawQuery = query.Encode()
	return to.String()
}

// poolPage asks one page of a foreign pool with everything that the person has, and with nothing, and compares.
func (s *stage) poolPage(t *testing.T, pattern, pool string, p persona, c credentials) (faults []string) {
	t.Helper()
	method, path, _ := strings.Cut(strings.ReplaceAll(pattern, "{pool}", pool), " ")
	none := credentials{
		access: "a.b.c", refresh: strings.Repeat("B", len(c.refresh)), session: strings.Repeat("B", len(c.session)), code: strings.Repeat("B", len(c.code)), verifier: c.verifier,
	}
	ask := func(c credentials) answer {
		fields := s.authorization(c.verifier)
		for name, value := range map[string]string{"code": c.code, "refresh_token": c.refresh, "token": c.refresh, "id_token_hint": c.access, "tenant": tenantB, "prompt": "none"} {
			fields.Set(name, value)
		}
		var body []byte
		if method == http.MethodPost {
			body = []byte(fields.Encode())
		}
		address := path
		if method == http.MethodGet {
			address += "?" + fields.Encode()
		}
		return s.send(t, c.access, method, address, body, form, func(r *http.Request) {
			for _, name := range []string{identity.DefaultPool, ownPool} {
				r.AddCookie(&http.Cookie{Name: "__Host-cloudkida-" + name, Value: c.session}) //nolint:gosec // of a request
			}
		})
	}
	want, got := ask(none), ask(c)
	if got.status != want.status || leads(got) != leads(want) || got.status >= http.StatusInternalServerError {
		faults = append(faults, fmt.Sprintf("%s of %s with what %s has elsewhere: %s to %q, but with nothing: %s to %q",
			pattern, pool, p.name, got, got.header.Get("Location"), want, want.header.Get("Location")))
	}
	if strings.Contains(got.text, jewels) || strings.Contains(got.text, p.email) || strings.Contains(got.text, p.user) {
		faults = append(faults, fmt.Sprintf("%s of %s tells who %s is", pattern, pool, p.name))
	}
	return faults
}
