package identity_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// poolPages are all patterns of the pages and endpoints of a pool with this method, as paths of the pool default.
func (e *env) poolPages(method string) (paths []string) {
	for _, r := range e.mux.Routes() {
		if m, path, _ := strings.Cut(r.Pattern, " "); r.Access == httpx.PoolPage && m == method {
			paths = append(paths, strings.NewReplacer("{pool}", "default", "{id}", "0190a8ee-0000-7000-8000-000000000000").Replace(path))
		}
	}
	return paths
}

// Clickjacking: no page of a pool is ever in a frame of another site, whoever asks and whatever it answers.
func TestAbuseClickjacking(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	in := e.signedIn("ada@example.com")
	in.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	out := e.browser()
	out.http.CheckRedirect = in.http.CheckRedirect
	pages := e.poolPages(http.MethodGet)
	if len(pages) < 30 {
		t.Fatalf("only %d pages", len(pages))
	}
	query := strings.TrimPrefix(e.client().url(), e.server.URL+"/pools/default/authorize")
	for _, page := range append(pages, "/pools/default/nowhere", "/pools/none/sign-in") {
		for who, b := range map[string]*browser{"a stranger": out, "somebody signed in": in} {
			for _, address := range []string{page, page + query} {
				v := b.get(address)
				if v.header.Get("X-Frame-Options") != "DENY" || !strings.Contains(v.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
					t.Errorf("%s as %s: %d, %q, %q", address, who, v.status, v.header.Get("X-Frame-Options"), v.header.Get("Content-Security-Policy"))
				}
			}
		}
	}
	for _, page := range e.poolPages(http.MethodPost) {
		if v := out.post(page, url.Values{}); v.header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("POST %s: %q", page, v.header.Get("X-Frame-Options"))
		}
	}
}

// CSRF: every form of a pool is refused without the token that this browser was shown, and from another site with it.
func TestAbuseForgedForms(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	b := e.signedIn("ada@example.com")
	token := e.formOf(b)
	query := strings.TrimPrefix(e.client().url(), e.server.URL+"/pools/default/authorize")
	// What programs call proves itself by what it sends; /authorize and /end-session change nothing by themselves, nor does
	// /consent for a program of our own: for one of others see TestAProgramOfOthersIsLetInByThePersonAlone.
	programs := []string{"/token", "/userinfo", "/revoke", "/introspect", "/device-authorization", "/authorize", "/end-session", "/consent"}
	forms := 0
	for _, page := range e.poolPages(http.MethodPost) {
		if slices.Contains(programs, strings.TrimPrefix(page, "/pools/default")) {
			continue
		}
		forms++
		for name, send := range map[string]func() view{
			"without a token": func() view { return b.post(page+query, url.Values{"password": {goodPassword}}) },
			"another one's":   func() view { return b.post(page+query, url.Values{"token": {"x" + token[1:]}}) },
			"cross-site":      func() view { return b.post(page+query, url.Values{"token": {token}}, "Sec-Fetch-Site", "cross-site") },
			"another origin":  func() view { return b.post(page+query, url.Values{"token": {token}}, "Origin", "https://evil.example") },
		} {
			if v := send(); v.status != http.StatusForbidden || strings.Contains(v.body, "<form") {
				t.Errorf("POST %s %s: %d", page, name, v.status)
			}
		}
	}
	if forms < 25 {
		t.Errorf("only %d forms", forms)
	}
}

// Session fixation: whatever cookies a browser has before, each rise of rights gives it new ones, and the old are worthless.
func TestAbuseSessionFixation(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	b, c := e.browser(), e.client()
	root, err := url.Parse(e.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	const planted = "planted-planted-planted-planted-planted-000"
	plant := func(on *browser, name, value string) {
		on.http.Jar.SetCookies(root, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}}) //nolint:gosec // what an attacker would plant
	}
	plant(b, "__Host-cloudkida-default", planted)
	plant(b, "__Host-cloudkida-step-default", planted)
	opens := func(value string) bool {
		o := e.browser()
		plant(o, "__Host-cloudkida-default", value)
		return o.get("/pools/default/devices").url.Path == "/pools/default/devices"
	}
	rises := []struct {
		name string
		rise func()
	}{
		{"sign-in", func() {
			b.submit(b.get(c.url(oauth2.SetAuthURLParam("prompt", "login"))), "email", "ada@example.com", "password", goodPassword)
		}},
		{"another sign-in", func() {
			b.submit(b.get(c.url(oauth2.SetAuthURLParam("prompt", "login"))), "email", "ada@example.com", "password", goodPassword)
		}},
		{"confirmation", func() { b.submit(b.get("/pools/default/factors/confirm"), "password", goodPassword) }},
		{"new password", func() {
			b.submit(b.get("/pools/default/password"), "current", goodPassword, "password", "neun Hechte im See")
		}},
	}
	before := planted
	for _, r := range rises {
		r.rise()
		now := cookies(b)
		if now == "" || now == before || !opens(now) || opens(before) {
			t.Errorf("%s: the cookie before opens %v, the one after %v, the same %v", r.name, opens(before), opens(now), now == before)
		}
		before = now
	}
}

// Open redirect: no parameter that names a way on leads to another site, whatever it looks like.
func TestAbuseOpenRedirect(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	in, out := e.signedIn("ada@example.com"), e.browser()
	var reached []string
	for _, b := range []*browser{in, out} {
		b.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if "https://"+r.URL.Host != e.server.URL {
				reached = append(reached, r.URL.String())
			}
			return http.ErrUseLastResponse
		}
	}
	request, err := url.Parse(e.client().url())
	if err != nil {
		t.Fatal(err)
	}
	parameters := []string{"redirect_uri", "post_logout_redirect_uri", "return_to", "then", "tenant", "next", "state", "ui_locales", "login_hint", "user_code"}
	for _, page := range e.poolPages(http.MethodGet) {
		for _, parameter := range parameters {
			for _, trick := range redirectTricks(e.server.URL) {
				query := request.Query()
				query.Set(parameter, trick)
				for _, b := range []*browser{in, out} {
					v := b.get(page + "?" + query.Encode())
					if to := v.location; to != nil && "https://"+to.Host != e.server.URL {
						t.Errorf("%s with %s=%q leads to %s", page, parameter, trick, to)
					}
					if strings.Contains(v.body, `href="`+trick+`"`) || strings.Contains(v.body, "evil.example\" ") && strings.Contains(v.body, "href=\"https://evil.example") {
						t.Errorf("%s with %s=%q links there", page, parameter, trick)
					}
				}
			}
		}
	}
	if len(reached) > 0 {
		t.Errorf("led to %q", reached)
	}
	for _, form := range []string{"/factors/confirm?then=", "/password?client_id=console&return_to="} {
		for _, trick := range redirectTricks(e.server.URL) {
			_, values := e.browser().get("/pools/default/forgot").form(t)
			token := e.formOf(in)
			values.Set("token", token)
			values.Set("password", goodPassword)
			if v := in.post("/pools/default"+form+url.QueryEscape(trick), values); v.location != nil && "https://"+v.location.Host != e.server.URL {
				t.Errorf("%s%q leads to %s", form, trick, v.location)
			}
		}
	}
}

// Enumeration: a sign-in costs the same hashes and statements whether there is an account, whether it has a password, is
// disabled, or is of another pool. (Text, status and headers: TestNobodyLearnsWhetherAnAccountExists.)
func TestAbuseEnumerationByCost(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	off := e.proved("off@example.com")
	e.exec(`update identity."user" set disabled_at = now() where id = $1`, off.ID)
	none := e.proved("none@example.com")
	e.exec(`update identity."user" set password_hash = null where id = $1`, none.ID)
	c := e.client()
	for _, email := range []string{"nobody@example.com", "ada@example.com", "off@example.com", "none@example.com", "ADA@example.com"} {
		b := e.browser()
		page := b.get(c.url())
		at := e.People.Passwords.Computed()
		v := b.submit(page, "email", email, "password", "not the password")
		if n := e.People.Passwords.Computed() - at; n != 1 || v.status != http.StatusUnauthorized {
			t.Errorf("%s: %d hashes, %d", email, n, v.status)
		}
	}
}

// Limits: for one account from one place, for an account from anywhere, for a place, for a pool; each grows or heals.
func TestAbuseLimitsPerAccountAddressAndPool(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	c, b := e.client(), e.browser()
	page := b.get(c.url())
	address, form := page.form(t, "email", "ada@example.com", "password", "wrong")
	from := func(place, email, password string) view {
		f := clone(form)
		f.Set("email", email)
		f.Set("password", password)
		return b.post(address, f, "X-Forwarded-For", place)
	}
	waits := func(v view) time.Duration {
		if v.status != http.StatusTooManyRequests {
			return 0
		}
		d, err := time.ParseDuration(v.header.Get("Retry-After") + "s")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	// The same account from the same place: five, then waits that double.
	var grown []time.Duration
	for len(grown) < 3 {
		if d := waits(from("192.0.2.1", "ada@example.com", "wrong")); d > 0 {
			grown = append(grown, d)
			e.pass(d + time.Second)
		}
	}
	if !slices.IsSorted(grown) || grown[2] < 2*grown[0] {
		t.Errorf("waits of an account at a place: %v", grown)
	}
	if v := from("192.0.2.2", "ada@example.com", goodPassword); v.location == nil {
		t.Errorf("its owner elsewhere: %d", v.status)
	}
	// A place, and a pool: counted without hashing, by the very keys of the page.
	count := func(name string, rule throttle.Rule) (tries int) {
		for tries = 0; e.Proofs.Throttle.Try(throttle.Key{Name: name, Rule: rule}) == 0; tries++ {
		}
		return tries
	}
	place := throttle.Rule{Free: 200, First: time.Second, Max: time.Minute, Forget: 15 * time.Minute}
	if n := count("sign-in 192.0.2.9", place); n < 200 || waits(from("192.0.2.9", "eve@example.com", "x")) == 0 || waits(from("192.0.2.10", "eve@example.com", "x")) != 0 {
		t.Errorf("a place after %d", n)
	}
	pool := throttle.Rule{Free: 5000, First: 50 * time.Millisecond, Max: time.Second, Forget: time.Hour, Heal: time.Second / 50}
	n := count("pool default", pool)
	for e.Proofs.Throttle.Try(throttle.Key{Name: "pool default", Rule: pool}) == 0 {
	}
	if d := waits(from("192.0.2.11", "ada@example.com", goodPassword)); n < 5000 || d == 0 || d > time.Second {
		t.Errorf("a pool after %d: wait %v", n, d)
	}
	e.pass(30 * time.Second) // which forgives 1,500
	if v := from("192.0.2.11", "ada@example.com", goodPassword); v.location == nil {
		t.Errorf("half a minute later: %d", v.status)
	}
	if again := count("pool default", pool); again < 1000 || again > 2000 {
		t.Errorf("half a minute forgives %d", again)
	}
}
