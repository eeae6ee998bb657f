package identity_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/federation"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/outbound"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// fed is an organisation with an identity provider of its own.
type fed struct {
	*env
	liar     *liar
	tenant   uuid.UUID
	owner    context.Context //nolint:containedctx // who acts in a test
	provider uuid.UUID
	domains  []string // that the organisation has proved
	log      *journal
}

func openFed(t *testing.T) *fed {
	t.Helper()
	f := &fed{env: open(t), liar: newLiar(t), log: &journal{}, domains: []string{"acme.example"}}
	guard := outbound.Guard{AllowPrivate: true, Roots: f.liar.roots(), Time: 5 * time.Second}
	f.Federation.Client, f.Federation.CheckURL = guard.Client(), guard.CheckURL
	f.Federation.DB = f.db.Role(policy.Authorize)
	f.Federation.Log = slog.New(slog.NewTextHandler(f.log, nil))
	f.Federation.ProvedDomains = func(context.Context, uuid.UUID) ([]string, error) { return f.domains, nil }
	f.tenant = f.env.tenant("acme", "Acme")
	owner := f.user("olga@owners.example")
	f.join(owner, f.tenant, tenancy.RoleOwner)
	f.owner = tenancy.With(t.Context(), tenancy.Scope{Tenant: f.tenant, User: owner.ID, Role: tenancy.RoleOwner})
	p, err := f.Federation.Create(f.owner, f.draft())
	if err != nil {
		t.Fatal(err)
	}
	f.provider = p.ID
	return f
}

// anew has an honest provider that nobody knows yet, and nothing in the log.
func (f *fed) anew() {
	f.t.Helper()
	p, err := f.Federation.Get(f.owner, f.provider)
	if err == nil {
		err = f.Federation.Remove(f.owner, p.ID, p.Version)
	}
	if err == nil {
		p, err = f.Federation.Create(f.owner, f.draft())
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.provider = p.ID
	f.liar.honest()
	f.log.text.Reset()
}

func (f *fed) draft() federation.Draft {
	clientSecret := fedSecret
	return federation.Draft{
		Name: "Acme SSO", Issuer: f.liar.server.URL, ClientID: fedClient, Secret: &clientSecret,
		Settings: federation.Settings{
			Scopes: []string{"openid", "email", "profile"}, NameClaim: "name", RoleClaim: "roles", GroupClaim: "groups", DefaultRole: tenancy.RoleLearner,
			Roles: map[string]tenancy.Role{"teachers": tenancy.RoleInstructor, "it": tenancy.RoleAdmin}, Groups: map[string]string{"c1": "Course 1", "c2": "Course 2"},
			JustInTime: true, Enabled: true,
		},
	}
}

// enter goes from the console to the organisation's provider and back.
func (f *fed) enter(b *browser, c *client) view {
	f.t.Helper()
	page := b.get(c.url(to("acme")))
	if !strings.Contains(page.body, "Continue with Acme SSO") {
		f.t.Fatalf("no button at %s: %d\n%s", page.url, page.status, page.body)
	}
	return b.get("/pools/default/federation/" + f.provider.String() + "/start?" + page.url.RawQuery)
}

// me signs in by the provider and tells who that is.
func (f *fed) me() map[string]any {
	f.t.Helper()
	b, c := f.browser(), f.client()
	token := c.exchange(c.code(f.enter(b, c)))
	status, me := f.call("GET", "/v1/me", token.AccessToken, "")
	if status != http.StatusOK {
		f.t.Fatalf("%d %v", status, me)
	}
	return me
}

// refused tries to sign in by the provider, which must open nothing, and returns the page.
func (f *fed) refused(status int) view {
	f.t.Helper()
	b, c := f.browser(), f.client()
	v := f.enter(b, c)
	if v.status != status || v.location != nil {
		f.t.Errorf("%d %s, want %d\n%s", v.status, v.location, status, v.body)
	}
	f.nobody(b)
	return v
}

// nobody checks that a browser is not signed in.
func (f *fed) nobody(b *browser) {
	f.t.Helper()
	if v := b.get(f.client().url(to("acme"))); v.location != nil {
		f.t.Errorf("the browser is signed in: %s", v.location)
	}
}

// people are the accounts whose address or claimed address this is.
func (f *fed) people(email string) (n int) {
	f.t.Helper()
	if err := f.db.Owner.QueryRow(f.t.Context(), `select count(*) from identity."user" where email = $1`, email).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

func (f *fed) actions() string {
	f.t.Helper()
	var list string
	err := f.db.Owner.QueryRow(f.t.Context(), `select coalesce(string_agg(action, ' ' order by id), '') from pool.audit_entry where tenant_id = $1`, f.tenant).Scan(&list)
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

func TestANewcomerBecomesAMemberInTheMappedRole(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	var groups []string
	f.Federation.SetGroups = func(_ context.Context, tenant, _, _ uuid.UUID, names []string) error {
		if tenant != f.tenant {
			t.Errorf("groups of %s", tenant)
		}
		groups = names
		return nil
	}
	f.liar.person["roles"], f.liar.person["groups"] = []string{"staff", "teachers"}, []string{"c2", "unknown", "c1", "c2"}
	b, c := f.browser(), f.client()
	token := c.exchange(c.code(f.enter(b, c)))
	_, me := f.call("GET", "/v1/me", token.AccessToken, "")
	if me["email"] != "ada@acme.example" || me["role"] != "instructor" || names(me) != "acme instructor" || strings.Join(groups, ",") != "Course 1,Course 2" {
		t.Errorf("%v in groups %q", me, groups)
	}
	id, err := c.provider.Verifier(&oidc.Config{ClientID: "console"}).Verify(c.ctx, token.Extra("id_token").(string)) //nolint:errcheck,forcetypeassert // a failed assertion fails the test
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ AMR []string }
	if err := id.Claims(&claims); err != nil || strings.Join(claims.AMR, " ") != "fed" {
		t.Errorf("methods %q, %v", claims.AMR, err)
	}
	// Again, and with another role: the same person.
	f.liar.person["roles"], f.liar.person["email"] = "it", "renamed@elsewhere.example"
	again := f.me()
	if again["id"] != me["id"] || again["role"] != "admin" {
		t.Errorf("again: %v", again)
	}
	delete(f.liar.person, "roles")
	if last := f.me(); last["role"] != "learner" || last["id"] != me["id"] {
		t.Errorf("without a role: %v", last)
	}
	if got := f.actions(); got != "identity_provider.added member.joined member.role_changed member.role_changed" {
		t.Errorf("log: %s", got)
	}
	if strings.Contains(f.log.String(), fedSecret) {
		t.Error("the log has the secret")
	}
}

// Each lie opens nothing, makes nobody and leaves its reason in the log.
func TestLiesOpenNothing(t *testing.T) {
	t.Parallel()
	f, other := openFed(t), newLiar(t)
	set := func(name string, value any) func(*liar) {
		return func(l *liar) { l.claims = func(c map[string]any) { c[name] = value } }
	}
	for name, c := range map[string]struct {
		lie    func(*liar)
		status int
		reason string
	}{
		"nonce":         {set("nonce", "another"), 403, "nonce"},
		"no nonce":      {func(l *liar) { l.claims = func(c map[string]any) { delete(c, "nonce") } }, 403, "nonce"},
		"audience":      {set("aud", "somebody else"), 403, "audience"},
		"two audiences": {set("aud", []string{fedClient, "somebody else"}), 403, "azp"},
		"another party": {set("azp", "somebody else"), 403, "azp"},
		"issuer":        {set("iss", "https://accounts.example.com"), 403, "different provider"},
		"expired":       {set("exp", time.Now().Add(-time.Minute).Unix()), 403, "expired"},
		"no expiry":     {func(l *liar) { l.claims = func(c map[string]any) { delete(c, "exp") } }, 403, "expired"},
		"from tomorrow": {set("nbf", time.Now().Add(time.Hour).Unix()), 403, "not before"},
		"access token":  {set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), 403, "access token hash"},
		"empty subject": {set("sub", ""), 403, "subject"},
		"long subject":  {set("sub", strings.Repeat("x", 256)), 403, "subject"},
		"another key":   {func(l *liar) { l.sign = func(c map[string]any) string { return l.signed(jose.RS256, other.key, c) } }, 403, "signature"},
		"alg none":      {func(l *liar) { l.sign = unsigned }, 403, "algorithm"},
		"alg HS256": {func(l *liar) {
			l.sign = func(c map[string]any) string { return l.signed(jose.HS256, []byte(fedSecret+"0123456789ab"), c) }
		}, 403, "algorithm"},
		"no id token": {func(l *liar) { l.sign = func(map[string]any) string { return "" } }, 403, "malformed"},
		"mixed up":    {func(l *liar) { l.answer = func(q url.Values) { q["iss"] = []string{"https://evil.example"} } }, 403, "another issuer"},
		"issuer left out": {func(l *liar) {
			l.metadata = func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = true }
		}, 403, "no issuer"},
		"two codes":  {func(l *liar) { l.answer = func(q url.Values) { q["code"] = append(q["code"], "x") } }, 403, ""},
		"no code":    {func(l *liar) { l.answer = func(q url.Values) { delete(q, "code") } }, 403, "no code"},
		"wrong code": {func(l *liar) { l.answer = func(q url.Values) { q["code"] = []string{"x"} } }, 403, "400 invalid_grant"},
		"denied": {func(l *liar) {
			l.answer = func(q url.Values) { delete(q, "code"); q["error"] = []string{"access_denied"} }
		}, 403, "access_denied"},
		"strange error": {func(l *liar) {
			l.answer = func(q url.Values) { delete(q, "code"); q["error"] = []string{"<script>\nlevel=ERROR"} }
		}, 403, "no error code"},
		"userinfo about another": {func(l *liar) { l.info = map[string]any{"sub": "somebody else", "email": "x@acme.example"} }, 403, "another subject"},
		"token endpoint fails":   {func(l *liar) { l.instead["/token"] = status(500, "boom "+fedSecret) }, 503, "answer 500"},
		"secret echoed":          {func(l *liar) { l.instead["/token"] = status(400, fedSecret) }, 403, "answer 400"},
		"tokens are no JSON":     {func(l *liar) { l.instead["/token"] = status(200, "<html>"+fedSecret) }, 403, "token endpoint"},
		"keys fail":              {func(l *liar) { l.instead["/keys"] = status(500, fedSecret) }, 403, "signature"},
		"keys are no JSON":       {func(l *liar) { l.instead["/keys"] = status(200, "<html>"+fedSecret) }, 403, "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			f.anew()
			f.liar.person["groups"], f.liar.person["roles"] = "c1", "it"
			if name == "userinfo about another" {
				delete(f.liar.person, "roles")
			}
			c.lie(f.liar)
			f.refused(c.status)
			if n := f.people("ada@acme.example"); n != 0 {
				t.Errorf("%d people were made", n)
			}
			if log := f.log.String(); !strings.Contains(log, c.reason) || strings.Contains(log, fedSecret) || strings.Contains(log, "level=ERROR") {
				t.Errorf("log without %q, or with what it must not have:\n%s", c.reason, log)
			}
		})
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if strings.HasPrefix(body, "{") {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

// A provider that cannot even say who it is sends nobody anywhere.
func TestDiscoveryThatLies(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	f := openFed(t)
	t.Cleanup(func() { close(held) })
	const path = "/.well-known/openid-configuration"
	for name, c := range map[string]struct {
		lie    func(*liar)
		status int
		reason string
	}{
		"another issuer": {func(l *liar) { l.metadata = func(m map[string]any) { m["issuer"] = l.server.URL + "/" } }, 403, "did not match"},
		"fails":          {func(l *liar) { l.instead[path] = status(500, fedSecret) }, 403, "500"},
		"huge":           {func(l *liar) { l.instead[path] = status(200, strings.Repeat(" ", outbound.MaxBody)+"{}") }, 403, "too large"},
		"redirects": {func(l *liar) {
			l.instead[path] = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://localhost:1"+path, http.StatusFound)
			}
		}, 403, "another host"},
		"slow": {func(l *liar) { l.instead[path] = func(http.ResponseWriter, *http.Request) { <-held } }, 503, "Client.Timeout"},
		"metadata": {func(l *liar) {
			l.metadata = func(m map[string]any) { m["jwks_uri"] = "https://169.254.169.254/latest" }
		}, 403, "not on the public internet"},
		"plain": {func(l *liar) {
			l.metadata = func(m map[string]any) { m["token_endpoint"] = "http://login.example.com/" }
		}, 403, "https"},
		"script": {func(l *liar) {
			l.metadata = func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" }
		}, 403, "https"},
		"no JSON": {func(l *liar) { l.instead[path] = status(200, "<html>"+fedSecret) }, 403, "discovery"},
	} {
		t.Run(name, func(t *testing.T) {
			f.anew()
			if name == "slow" {
				f.Federation.Client = outbound.Guard{AllowPrivate: true, Roots: f.liar.roots(), Time: 100 * time.Millisecond}.Client()
			}
			c.lie(f.liar)
			f.refused(c.status)
			if log := f.log.String(); !strings.Contains(log, c.reason) || strings.Contains(log, fedSecret) {
				t.Errorf("log without %q, or with the secret:\n%s", c.reason, log)
			}
			if f.liar.calls["/authorize"] != 0 {
				t.Error("the browser was sent to the provider")
			}
		})
	}
}

// An exchange is of one browser, of one pool, for ten minutes, once.
func TestAnExchangeIsOfOneBrowserOnce(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	start := func(b *browser) string { // the address that the provider sends the browser back to
		c := f.client()
		page := b.get(c.url(to("acme")))
		follow := b.http.CheckRedirect
		b.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if strings.HasSuffix(r.URL.Path, "/federation/callback") {
				return http.ErrUseLastResponse
			}
			return nil
		}
		defer func() { b.http.CheckRedirect = follow }()
		v := b.get("/pools/default/federation/" + f.provider.String() + "/start?" + page.url.RawQuery)
		if v.location == nil {
			t.Fatalf("%d %s\n%s", v.status, v.url, v.body)
		}
		return v.location.String()
	}
	victim, attacker := f.browser(), f.browser()
	back := start(attacker)
	for name, b := range map[string]*browser{"a browser with an exchange of its own": victim, "a new browser": f.browser()} {
		if b == victim {
			start(victim)
		}
		if v := b.get(back); v.status != http.StatusForbidden || !strings.Contains(v.body, "another browser") {
			t.Errorf("%s: %d\n%s", name, v.status, v.body)
		}
		f.nobody(b)
	}
	if v := attacker.get(strings.Replace(back, "state=", "state=x", 1)); v.status != http.StatusForbidden {
		t.Errorf("another state: %d", v.status)
	}
	if v := attacker.get(back); v.location == nil {
		t.Fatalf("the browser itself: %d\n%s", v.status, v.body)
	}
	if v := attacker.get(back); v.status != http.StatusForbidden || !strings.Contains(v.body, "used before") {
		t.Errorf("again: %d", v.status)
	}
	late := f.browser()
	back = start(late)
	f.pass(11 * time.Minute)
	if v := late.get(back); v.status != http.StatusForbidden {
		t.Errorf("after 11 minutes: %d", v.status)
	}
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := f.db.Owner.QueryRow(t.Context(), `select count(*) from identity.federation_flow`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d exchanges are left, %v", left, err)
	}
}
