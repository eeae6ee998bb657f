package identity_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Whatever comes to the token endpoint: an error of RFC 6749, nothing granted, and the reason in the log without what was
// shown.
func TestHostileTokenRequests(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.silo("other", "Other")
	owner := e.member("owner", e.tenant("acme", "Acme"), tenancy.RoleOwner)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")
	id, secret := e.bot(owner, tenancy.RoleLearner)
	program, _ := e.program(owner, true)
	fresh := func() url.Values {
		return url.Values{
			"grant_type": {"authorization_code"}, "client_id": {"console"}, "redirect_uri": {c.oauth.RedirectURL}, "code_verifier": {c.verifier},
			"code": {c.code(b.get(c.url()))},
		}
	}
	refresh := func() url.Values {
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {"console"}, "refresh_token": {token.RefreshToken}}
	}
	for name, tc := range e.hostileRequests(fresh, refresh, c, token, id, secret, program) {
		tc.change(tc.form)
		path := tc.path
		if path == "" {
			path = "/pools/default/token"
		}
		v := b.post(path, tc.form)
		var answer map[string]any
		if err := json.Unmarshal([]byte(v.body), &answer); err != nil || answer["error"] != tc.want || answer["access_token"] != nil ||
			v.status < 400 || v.status > 401 || v.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, v.status, v.body)
		}
		if (tc.want == "invalid_client") != (v.status == http.StatusUnauthorized) {
			t.Errorf("%s: status %d", name, v.status)
		}
	}
	if v := b.get("/pools/default/token?" + fresh().Encode()); v.status != http.StatusMethodNotAllowed && v.status != http.StatusNotFound {
		t.Errorf("GET: %d %s", v.status, v.body)
	}
	if v := b.post("/pools/default/token", fresh(), "Content-Type", "application/json"); v.status != http.StatusBadRequest || strings.Contains(v.body, "access_token") {
		t.Errorf("JSON: %d %s", v.status, v.body)
	}
	if v := b.post("/pools/default/token", fresh(), "Authorization", "Bearer "+token.AccessToken); v.status != http.StatusUnauthorized {
		t.Errorf("a bearer at the token endpoint: %d %s", v.status, v.body)
	}
	log := e.log.String()
	for name, shown := range map[string]string{"a refresh token": token.RefreshToken, "a verifier": c.verifier, "a machine's secret": secret[1:], "a program's secret": program.oauth.ClientSecret} {
		if strings.Contains(log, shown) {
			t.Errorf("the log has %s", name)
		}
	}
	for _, reason := range []string{"invalid_grant", "invalid_client", "is repeated", "secret is not right"} {
		if !strings.Contains(log, reason) {
			t.Errorf("the log does not say %q", reason)
		}
	}
}

// hostile is a request for tokens with something wrong.
type hostile struct {
	form   url.Values
	change func(url.Values)
	path   string
	want   string
}

// hostileRequests are all that must be refused. Fresh is a good request with a new code, refresh one with a refresh token.
func (e *env) hostileRequests(fresh, refresh func() url.Values, c *client, token *oauth2.Token, id, secret string, program *client) map[string]hostile {
	other := e.signIn(e.browser(), c, "ada@example.com").RefreshToken
	return map[string]hostile{
		"no code":              {form: fresh(), change: func(q url.Values) { q.Del("code") }, want: "invalid_request"},
		"a nonsense code":      {form: fresh(), change: func(q url.Values) { q.Set("code", "\x00\xff' or 1=1 --") }, want: "invalid_grant"},
		"a code of 30 KB":      {form: fresh(), change: func(q url.Values) { q.Set("code", strings.Repeat("a", 30<<10)) }, want: "invalid_grant"},
		"a form of 40 KB":      {form: fresh(), change: func(q url.Values) { q.Set("code", strings.Repeat("a", 40<<10)) }, want: "invalid_request"},
		"another verifier":     {form: fresh(), change: func(q url.Values) { q.Set("code_verifier", oauth2.GenerateVerifier()) }, want: "invalid_grant"},
		"the challenge itself": {form: fresh(), change: func(q url.Values) { q.Set("code_verifier", oauth2.S256ChallengeFromVerifier(c.verifier)) }, want: "invalid_grant"},
		"an empty verifier":    {form: fresh(), change: func(q url.Values) { q.Set("code_verifier", "") }, want: "invalid_request"},
		"another redirect":     {form: fresh(), change: func(q url.Values) { q.Set("redirect_uri", c.oauth.RedirectURL+"/") }, want: "invalid_grant"},
		"no redirect":          {form: fresh(), change: func(q url.Values) { q.Del("redirect_uri") }, want: "invalid_grant"},
		"another pool":         {form: fresh(), change: func(url.Values) {}, path: "/pools/other/token", want: "invalid_grant"},
		"another client":       {form: fresh(), change: func(q url.Values) { q.Set("client_id", "cli") }, want: "unauthorized_client"},
		"somebody else's program": {form: fresh(), change: func(q url.Values) {
			q.Set("client_id", program.oauth.ClientID)
			q.Set("client_secret", program.oauth.ClientSecret)
		}, want: "invalid_grant"},
		"a secret without need":    {form: fresh(), change: func(q url.Values) { q.Set("client_secret", "x") }, want: "invalid_client"},
		"a client assertion":       {form: fresh(), change: func(q url.Values) { q.Set("client_assertion", "eyJ.e30.x") }, want: "invalid_client"},
		"no client":                {form: fresh(), change: func(q url.Values) { q.Del("client_id") }, want: "invalid_client"},
		"a client with a zero":     {form: fresh(), change: func(q url.Values) { q.Set("client_id", "con\x00sole2") }, want: "invalid_client"},
		"two codes":                {form: fresh(), change: func(q url.Values) { q.Add("code", "x") }, want: "invalid_request"},
		"two clients":              {form: fresh(), change: func(q url.Values) { q.Add("client_id", "console") }, want: "invalid_request"},
		"two grant types":          {form: fresh(), change: func(q url.Values) { q.Add("grant_type", "refresh_token") }, want: "invalid_request"},
		"a refresh token as code":  {form: fresh(), change: func(q url.Values) { q.Set("code", token.RefreshToken) }, want: "invalid_grant"},
		"an access token to renew": {form: refresh(), change: func(q url.Values) { q.Set("refresh_token", token.AccessToken) }, want: "invalid_grant"},
		"no refresh token":         {form: refresh(), change: func(q url.Values) { q.Del("refresh_token") }, want: "invalid_request"},
		"more scopes than given":   {form: url.Values{"grant_type": {"refresh_token"}, "client_id": {"console"}, "refresh_token": {other}}, change: func(q url.Values) { q.Set("scope", "openid admin") }, want: "invalid_scope"},
		"a machine's other secret": {form: credentials(), change: func(q url.Values) { q.Set("client_id", id); q.Set("client_secret", secret[1:]) }, want: "invalid_client"},
		"a machine without secret": {form: credentials(), change: func(q url.Values) { q.Set("client_id", id) }, want: "invalid_client"},
		"a machine in capitals":    {form: credentials(), change: func(q url.Values) { q.Set("client_id", "{"+id+"}"); q.Set("client_secret", secret) }, want: "invalid_client"},
		"a machine asks for more":  {form: credentials(), change: func(q url.Values) { q.Set("client_id", id); q.Set("client_secret", secret); q.Set("scope", "openid") }, want: "invalid_scope"},
		"a machine at other pools": {form: credentials(), change: func(q url.Values) { q.Set("client_id", id); q.Set("client_secret", secret) }, path: "/pools/other/token", want: "invalid_client"},
		"a machine's code":         {form: fresh(), change: func(q url.Values) { q.Set("client_id", id); q.Set("client_secret", secret) }, want: "invalid_client"},
	}
}

// The answers of two providers may be mixed up; clocks may be wrong; keys may be taken for others.
func TestHostileTokensOfMachinesAndPrograms(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme := e.tenant("acme", "Acme")
	e.silo("other", "Other")
	owner := e.member("owner", acme, tenancy.RoleOwner)
	id, secret := e.bot(owner, tenancy.RoleLearner)
	token := e.botToken(id, secret)
	kid, key := e.signingKey()
	claims := payload(t, token)
	const at = "at+jwt"
	with := func(changes map[string]any) string {
		changed := maps.Clone(claims)
		maps.Copy(changed, changes)
		return sign(t, jose.ES256, key, kid, at, changed)
	}
	if _, err := e.Verify(t.Context(), with(nil)); err != nil {
		t.Fatalf("a token like ours: %v", err)
	}
	person := payload(t, owner)
	for name, forged := range map[string]string{
		"another tenant":            with(map[string]any{"tenant": tenancy.DefaultTenant()}),
		"another pool":              with(map[string]any{"iss": e.server.URL + "/pools/other"}),
		"a person with its client":  with(map[string]any{"sub": person["sub"]}),
		"another machine":           with(map[string]any{"sub": "22222222-2222-7222-8222-222222222222", "client_id": "22222222-2222-7222-8222-222222222222"}),
		"a person's session":        with(map[string]any{"sid": person["sid"]}),
		"not a machine":             with(map[string]any{"client_id": "console"}),
		"only to tell":              with(map[string]any{"aud": e.server.URL + "/pools/default"}),
		"issuer of others":          with(map[string]any{"iss": "https://id.example.com/pools/default"}),
		"audience of another pool":  with(map[string]any{"aud": e.server.URL + "/pools/other"}),
		"an hour ago":               with(map[string]any{"iat": time.Now().Add(-70 * time.Minute).Unix(), "exp": time.Now().Add(-time.Hour).Unix()}),
		"in an hour":                with(map[string]any{"iat": time.Now().Add(time.Hour).Unix(), "exp": time.Now().Add(70 * time.Minute).Unix()}),
		"huge":                      with(map[string]any{"pad": strings.Repeat("x", 1<<20)}),
		"two subjects, the first's": strings.Replace(token, ".", "..", 1),
	} {
		if got, err := e.Verify(t.Context(), forged); errs.KindOf(err) != errs.KindUnauthenticated {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if len(forged) < 100_000 {
			if status, body := e.call("GET", "/v1/me/grants", forged, ""); status != http.StatusUnauthorized {
				t.Errorf("%s: GET /v1/me/grants %d %v", name, status, body)
			}
		}
	}
	e.pass(time.Hour)
	if _, err := e.Verify(t.Context(), token); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("by a clock that is an hour ahead: %v", err)
	}
	e.pass(-2 * time.Hour)
	if _, err := e.Verify(t.Context(), token); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("by a clock that is an hour behind: %v", err)
	}
}
