package identity_test

import (
	"context"
	"crypto/x509"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
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
	f.Federation.Client = outbound.Guard{AllowPrivate: true, Roots: f.liar.roots(), Time: 5 * time.Second}.Client()
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
			JustInTime: true, SecondStep: true, Enabled: true,
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

// lie is what a provider does wrong.
type lie struct {
	tell   func(*liar)
	ahead  time.Duration // of our clock, between the sign-in there and its answer
	status int
	reason string
}

// Each lie opens nothing, makes nobody and leaves its reason in the log, once, without a code, a state, a token or the secret.
func TestLiesOpenNothing(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	lies := f.idTokenLies()
	maps.Copy(lies, f.answerLies())
	maps.Copy(lies, f.serverLies(t))
	for name, c := range lies {
		t.Run(name, func(t *testing.T) {
			f.anew()
			f.liar.person["groups"], f.liar.person["roles"] = "c1", "it"
			if name == "userinfo about another" || strings.HasPrefix(name, "userinfo, ") {
				delete(f.liar.person, "roles")
			}
			c.tell(f.liar)
			before := f.tally()
			f.log.text.Reset()
			f.pass(c.ahead)
			f.refused(c.status)
			f.pass(-c.ahead)
			f.ungranted(t, before)
			toldOnce(t, f.log.String(), "an identity provider", c.reason, f.liar.secrets()...)
			if strings.Contains(f.log.String(), "level=ERROR") {
				t.Errorf("a fault of ours:\n%s", f.log)
			}
		})
	}
}

// idTokenLies are in the ID token.
func (f *fed) idTokenLies() map[string]lie {
	set := func(changes ...any) func(*liar) {
		return func(l *liar) { l.claims = func(c map[string]any) { maps.Copy(c, but(nil, changes...)) } }
	}
	drop := func(name string) func(*liar) {
		return func(l *liar) { l.claims = func(c map[string]any) { delete(c, name) } }
	}
	other, now := newLiar(f.t), time.Now()
	hours := func(h int) int64 { return now.Add(time.Duration(h) * time.Hour).Unix() }
	ours := f.foreignToken()
	const clocks = "one of the two clocks is wrong"
	return map[string]lie{
		"nonce":                  {set("nonce", "another"), 0, 403, "nonce"},
		"no nonce":               {drop("nonce"), 0, 403, "nonce"},
		"audience":               {set("aud", "somebody else"), 0, 403, "another audience"},
		"two audiences":          {set("aud", []string{fedClient, "somebody else"}), 0, 403, "azp"},
		"another party":          {set("azp", "somebody else"), 0, 403, "azp"},
		"issuer":                 {set("iss", "https://accounts.example.com"), 0, 403, "different provider"},
		"the secret as issuer":   {set("iss", fedSecret), 0, 403, "different provider"},
		"the secret as audience": {set("aud", fedSecret), 0, 403, "another audience"},
		"expired":                {set("exp", now.Add(-time.Minute).Unix()), 0, 403, "it expired at"},
		"no expiry":              {drop("exp"), 0, 403, "it expired at"},
		"from tomorrow":          {set("nbf", hours(1)), 0, 403, clocks},
		"their clock ahead":      {set("iat", hours(1), "exp", hours(2)), 0, 403, clocks},
		"their clock behind":     {set("iat", hours(-1), "exp", hours(1)), 0, 403, clocks},
		"behind, and expired":    {set("iat", hours(-2), "exp", hours(-1)), 0, 403, clocks},
		"our clock ahead":        {set("exp", hours(2)), time.Hour, 403, clocks},
		"ours ahead, expired":    {set(), time.Hour, 403, clocks},
		"our clock behind":       {set(), -time.Hour, 403, clocks},
		"when it was made":       {drop("iat"), 0, 403, clocks},
		"access token":           {set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), 0, 403, "access token hash"},
		"empty subject":          {set("sub", ""), 0, 403, "subject"},
		"long subject":           {set("sub", strings.Repeat("x", 256)), 0, 403, "subject"},
		"claims of other kinds":  {set("sub", []int{1}), 0, 403, "claims cannot be read"},
		"huge":                   {set("pad", strings.Repeat("x", outbound.MaxBody)), 0, 403, "token endpoint"},
		"another key": {func(l *liar) {
			l.sign = func(c map[string]any) string { return l.signed(jose.RS256, other.key, c) }
		}, 0, 403, "signature"},
		"alg none": {func(l *liar) { l.sign = unsigned }, 0, 403, "algorithm"},
		"alg HS256, the secret": {func(l *liar) {
			l.sign = func(c map[string]any) string { return l.signed(jose.HS256, []byte(fedSecret+"0123456789ab"), c) }
		}, 0, 403, "algorithm"},
		"alg HS256, the public key": {func(l *liar) {
			public, err := x509.MarshalPKIXPublicKey(l.key.Public())
			if err != nil {
				l.t.Error(err)
			}
			l.sign = func(c map[string]any) string { return l.signed(jose.HS256, public, c) }
		}, 0, 403, "algorithm"},
		"no ID token":     {func(l *liar) { l.sign = func(map[string]any) string { return "" } }, 0, 403, "malformed"},
		"nonsense":        {func(l *liar) { l.sign = func(map[string]any) string { return fedSecret } }, 0, 403, "malformed"},
		"a token of ours": {func(l *liar) { l.sign = func(map[string]any) string { return ours } }, 0, 403, "algorithm"},
	}
}

// foreignToken is one of our own, which its bearer shows as a provider's.
func (f *fed) foreignToken() string {
	f.t.Helper()
	if _, err := f.MintAccessToken(f.t.Context(), "olga@owners.example", time.Minute); err != nil { // makes the key
		f.t.Fatal(err)
	}
	kid, key := f.signingKey()
	return sign(f.t, jose.ES256, key, kid, "JWT", map[string]any{"iss": f.server.URL + "/pools/default", "sub": "x", "aud": fedClient, "exp": time.Now().Add(time.Hour).Unix()})
}

// answerLies are in what the browser brings back.
func (f *fed) answerLies() map[string]lie {
	back := func(name string, values ...string) func(*liar) {
		return func(l *liar) {
			l.answer = func(q url.Values) {
				if q[name] = values; len(values) == 0 {
					delete(q, name)
				}
			}
		}
	}
	failed := func(code string) func(*liar) {
		return func(l *liar) {
			l.answer = func(q url.Values) {
				delete(q, "code")
				q["error"], q["error_description"] = []string{code}, []string{fedSecret}
			}
		}
	}
	return map[string]lie{
		"mixed up": {back("iss", "https://evil.example"), 0, 403, "another issuer"},
		"issuer left out": {func(l *liar) {
			l.metadata = func(m map[string]any) { m["authorization_response_iss_parameter_supported"] = true }
		}, 0, 403, "no issuer"},
		"two codes":         {func(l *liar) { l.answer = func(q url.Values) { q["code"] = append(q["code"], "x") } }, 0, 403, "code comes more than once"},
		"two states":        {func(l *liar) { l.answer = func(q url.Values) { q["state"] = append(q["state"], "x") } }, 0, 403, "state comes more than once"},
		"another state":     {back("state", "AAAAAAAAAAAAAAAAAAAAAA"), 0, 403, "nobody began a sign-in with this state"},
		"no state":          {back("state"), 0, 403, "nobody began a sign-in with this state"},
		"no code":           {back("code"), 0, 403, "no code"},
		"wrong code":        {back("code", "xxxxxxxxxxxx"), 0, 403, "400 invalid_grant"},
		"a code of nothing": {back("code", "\x00\xff"), 0, 403, "400 invalid_grant"},
		"denied":            {failed("access_denied"), 0, 403, "access_denied"},
		"strange error":     {failed("<script>\nlevel=ERROR"), 0, 403, "no error code"},
	}
}

// serverLies are what the provider's servers do.
func (f *fed) serverLies(t *testing.T) map[string]lie {
	t.Helper()
	instead := func(path string, h http.HandlerFunc) func(*liar) {
		return func(l *liar) { l.instead[path] = h }
	}
	person := func(path string, h http.HandlerFunc) func(*liar) {
		return func(l *liar) { l.info = map[string]any{"sub": "ada-at-acme"}; l.instead[path] = h }
	}
	held := make(chan struct{})
	t.Cleanup(func() { close(held) })
	hangs := func(http.ResponseWriter, *http.Request) { <-held }
	slowly := func(l *liar, path string) { // answers, but never to the end of our patience
		l.info = map[string]any{"sub": "ada-at-acme"}
		l.instead[path] = hangs
		f.Federation.Client = outbound.Guard{AllowPrivate: true, Roots: l.roots(), Time: 300 * time.Millisecond}.Client()
	}
	dies := func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	}
	return map[string]lie{
		"userinfo about another": {func(l *liar) { l.info = map[string]any{"sub": "somebody else", "email": "x@acme.example"} }, 0, 403, "another subject"},
		"userinfo, fails":        {person("/userinfo", status(500, fedSecret)), 0, 403, "userinfo"},
		"userinfo, no JSON":      {person("/userinfo", status(200, "<html>"+fedSecret)), 0, 403, "userinfo"},
		"userinfo, dies":         {person("/userinfo", dies), 0, 503, "closed the connection without an answer"},
		"userinfo, slow":         {func(l *liar) { slowly(l, "/userinfo") }, 0, 503, "does not answer in time"},
		"token endpoint fails":   {instead("/token", status(500, "boom "+fedSecret)), 0, 503, "answer 500"},
		"token endpoint dies":    {instead("/token", dies), 0, 503, "closed the connection without an answer"},
		"token endpoint slow":    {func(l *liar) { slowly(l, "/token") }, 0, 503, "does not answer in time"},
		"token endpoint huge":    {instead("/token", status(200, "{"+strings.Repeat(" ", outbound.MaxBody))), 0, 403, "token endpoint"},
		"secret echoed":          {instead("/token", status(400, fedSecret)), 0, 403, "answer 400"},
		"secret as error code":   {instead("/token", status(400, `{"error":"`+fedSecret+`"}`)), 0, 403, "no error code"},
		"tokens are no JSON":     {instead("/token", status(200, "<html>"+fedSecret)), 0, 403, "token endpoint"},
		"keys fail":              {instead("/keys", status(500, fedSecret)), 0, 503, "its keys cannot be read"},
		"keys die":               {instead("/keys", dies), 0, 503, "its keys cannot be read"},
		"keys are slow":          {func(l *liar) { slowly(l, "/keys") }, 0, 503, "its keys cannot be read"},
		"keys are no JSON":       {instead("/keys", status(200, "<html>"+fedSecret)), 0, 403, "signature"},
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
		"slow": {func(l *liar) { l.instead[path] = func(http.ResponseWriter, *http.Request) { <-held } }, 503, "does not answer in time"},
		"down": {func(l *liar) {
			f.Federation.Client = &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, syscall.ECONNREFUSED
			}}}
		}, 503, "connection refused"},
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
			before := f.tally()
			f.refused(c.status)
			f.ungranted(t, before)
			toldOnce(t, f.log.String(), "an identity provider failed", c.reason, f.liar.secrets()...)
			if f.liar.calls["/authorize"] != 0 {
				t.Error("the browser was sent to the provider")
			}
		})
	}
}

// answered is the state and the code of an answer.
func answered(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return []string{u.Query().Get("state"), u.Query().Get("code")}
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
	f.silo("other", "Other")
	victim, attacker := f.browser(), f.browser()
	back := start(attacker)
	refuse := func(b *browser, address, reason string) {
		t.Helper()
		before, shown := f.tally(), answered(address)
		f.log.text.Reset()
		if v := b.get(address); v.status != http.StatusForbidden || !strings.Contains(v.body, "too old, was used before, or was started in another browser") {
			t.Errorf("%s: %d\n%s", reason, v.status, v.body)
		}
		f.ungranted(t, before)
		toldOnce(t, f.log.String(), "an identity provider's answer was refused", reason, shown...)
	}
	start(victim)
	refuse(victim, back, "begun in another browser")
	f.nobody(victim)
	refuse(f.browser(), back, "takes no cookies")
	refuse(attacker, strings.Replace(back, "/pools/default/", "/pools/other/", 1), "begun in another user pool")
	refuse(attacker, strings.Replace(back, "state=", "state=x", 1), "nobody began a sign-in with this state")
	if v := attacker.get(back); v.location == nil {
		t.Fatalf("the browser itself: %d\n%s", v.status, v.body)
	}
	refuse(attacker, back, "used before")
	late := f.browser()
	back = start(late)
	f.pass(time.Hour)
	refuse(late, back, "begun too long ago")
	if err := f.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := f.db.Owner.QueryRow(t.Context(), `select count(*) from identity.federation_flow`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d exchanges are left, %v", left, err)
	}
}
