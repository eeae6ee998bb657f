package identity_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func oauthVerifier(c *client) oauth2.AuthCodeOption { return oauth2.VerifierOption(c.verifier) }

func TestNobodyLearnsWhetherAnAccountExists(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	c := e.client()
	strip := regexp.MustCompile(`value="[^"]*"|token=[^"&]*`)
	try := func(email string) (int, string) {
		b := e.browser()
		v := b.submit(b.get(c.url()), "email", email, "password", "not the password")
		return v.status, strip.ReplaceAllString(v.body, "")
	}
	for range 8 { // into the waits, too
		status, body := try("ada@example.com")
		otherStatus, otherBody := try("eve@example.com")
		body, otherBody = regexp.MustCompile(`Wait \d+ \w+`).ReplaceAllString(body, ""), regexp.MustCompile(`Wait \d+ \w+`).ReplaceAllString(otherBody, "")
		if status != otherStatus || body != otherBody || status == http.StatusOK {
			t.Fatalf("an account gives %d, none %d:\n%s\n%s", status, otherStatus, body, otherBody)
		}
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	e.user("bob@example.com")
	c, b := e.client(), e.browser()
	page := b.get(c.url())
	var limited view
	for i := range 10 {
		if limited = b.submit(page, "email", "ada@example.com", "password", fmt.Sprint("guess number ", i)); limited.status == http.StatusTooManyRequests {
			break
		}
	}
	if limited.status != http.StatusTooManyRequests || limited.header.Get("Retry-After") == "" || !strings.Contains(limited.body, "Too many tries") {
		t.Fatalf("after ten wrong passwords: %d", limited.status)
	}
	if v := b.submit(page, "email", "ada@example.com", "password", goodPassword); v.status != http.StatusTooManyRequests {
		t.Errorf("the right password inside the wait: %d", v.status)
	}
	if v := b.submit(page, "email", "bob@example.com", "password", goodPassword); v.location == nil {
		t.Errorf("somebody else at the same address: %d", v.status)
	}
	e.pass(10 * time.Second)
	if v := b.submit(page, "email", "ada@example.com", "password", goodPassword); v.location == nil {
		t.Errorf("the right password after the wait: %d", v.status)
	}
}

func TestFormsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	c, b := e.client(), e.browser()
	page := b.get(c.url())
	address, form := page.form(t, "email", "ada@example.com", "password", goodPassword)
	stolen := form.Get("token")
	for name, send := range map[string]func() view{
		"no token":      func() view { f := clone(form); f.Del("token"); return b.post(address, f) },
		"forged token":  func() view { f := clone(form); f.Set("token", "x"+stolen[1:]); return b.post(address, f) },
		"no cookie":     func() view { return e.browser().post(address, form) },
		"other browser": func() view { o := e.browser(); o.get(c.url()); return o.post(address, form) },
		"cross-site":    func() view { return b.post(address, form, "Sec-Fetch-Site", "cross-site") },
		"foreign origin": func() view {
			return b.post(address, form, "Origin", "https://evil.example")
		},
	} {
		if v := send(); v.status != http.StatusForbidden || v.location != nil {
			t.Errorf("%s: %d", name, v.status)
		}
	}
	if v := b.post(address, form, "Sec-Fetch-Site", "same-origin", "Origin", e.server.URL); v.location == nil {
		t.Errorf("our own form: %d %s", v.status, v.body)
	}
}

func clone(form url.Values) url.Values {
	out := url.Values{}
	for k, v := range form {
		out[k] = append([]string(nil), v...)
	}
	return out
}

func TestSignInChangesTheSession(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	e.user("eve@example.com")
	c, eve := e.client(), e.browser()
	e.signIn(eve, c, "eve@example.com")
	planted := e.sessionOf(eve)
	victim := e.browser()
	root, _ := url.Parse(e.server.URL)
	victim.http.Jar.SetCookies(root, []*http.Cookie{{Name: planted.Name, Value: planted.Value, Path: "/", Secure: true}}) //nolint:gosec // what an attacker would plant
	victim.submit(victim.get(c.url(oauth2.SetAuthURLParam("prompt", "login"))), "email", "ada@example.com", "password", goodPassword)
	if now := e.sessionOf(victim); now.Value == planted.Value || now.Value == "" {
		t.Error("sign-in kept the session that was there")
	}
	if v := eve.get(c.url(oauth2.SetAuthURLParam("prompt", "none"))); v.location.Query().Get("error") != "login_required" {
		t.Errorf("the planted session lives on: %s", v.location)
	}
}

func (e *env) sessionOf(b *browser) *http.Cookie {
	root, err := url.Parse(e.server.URL)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(root) {
		if c.Name == "__Host-cloudkida-default" {
			return c
		}
	}
	return &http.Cookie{}
}

func TestPagesAreClosedToOtherSitesAndToScripts(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, c := e.browser(), e.client()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	v := b.do(r)
	policy := v.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(v.body, "<script") || strings.Contains(v.body, "style=") {
		t.Error("a script, or style that the policy does not allow")
	}
	if v.header.Get("Cache-Control") != "no-store" || v.header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("headers %v", v.header)
	}
	for _, cookie := range v.header.Values("Set-Cookie") {
		if !strings.HasPrefix(cookie, "__Host-") || !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
			t.Errorf("cookie %s", cookie)
		}
	}
	sheet := regexp.MustCompile(`href="([^"]*\.css)"`).FindStringSubmatch(v.body)
	if got := b.get(sheet[1]); got.status != http.StatusOK || !strings.Contains(got.header.Get("Cache-Control"), "immutable") {
		t.Errorf("style sheet: %d", got.status)
	}
	typed := `"><script>alert(1)</script>`
	if v := b.submit(v, "email", typed, "password", "x"); strings.Contains(v.body, typed) {
		t.Error("what was typed comes back unescaped")
	}
}

func TestSignUpNamesEveryProblemAtItsField(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, c := e.browser(), e.client()
	page := b.get(c.url(oauth2.SetAuthURLParam("prompt", "create")))
	v := b.submit(page, "name", " ", "email", "nobody")
	if v.status != http.StatusUnprocessableEntity || !strings.Contains(v.body, "<title>Error: ") {
		t.Fatalf("status %d", v.status)
	}
	named := func(v view, field string) {
		if !strings.Contains(v.body, `id="`+field+`-error"`) || !regexp.MustCompile(`id="`+field+`"[^>]*aria-describedby="[^"]*`+field+`-error`).MatchString(v.body) {
			t.Errorf("no error at %s", field)
		}
	}
	named(v, "name")
	named(v, "email")
	if !regexp.MustCompile(`id="name"[^>]* autofocus`).MatchString(v.body) || strings.Count(v.body, "autofocus") != 1 {
		t.Error("the cursor is not in the first wrong field")
	}
	v = b.submit(b.submit(b.submit(page, "name", "Eve", "email", "eve@example.com"), "code", e.box.code(t)), "password", "password1")
	named(v, "password")
	if v.status != http.StatusUnprocessableEntity || strings.Contains(v.body, "password1") {
		t.Errorf("a weak password: %d, or it comes back", v.status)
	}
	e.exec(`update identity.pool set sign_up = false`)
	e.pass(5 * time.Second)
	for name, v := range map[string]view{"the page": b.submit(page, "name", "Eve", "email", "eve@example.com"), "the proof": b.submit(v, "password", goodPassword)} {
		if v.status != http.StatusNotFound {
			t.Errorf("%s of a pool without sign-up: %d", name, v.status)
		}
	}
	if v := b.get(c.url()); strings.Contains(v.body, "Create an account") {
		t.Error("the sign-in page offers a sign-up that is closed")
	}
}

func TestTheSetupLinkMakesOneOperatorOnce(t *testing.T) {
	t.Parallel()
	e := open(t)
	first, needed, err := e.SetupLink(t.Context())
	if err != nil || !needed {
		t.Fatal(first, needed, err)
	}
	second, _, err := e.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := e.browser()
	page := b.get(first)
	if v := b.submit(page, "name", "Grace Hopper", "email", "grace@example.com", "password", "short"); v.status != http.StatusUnprocessableEntity {
		t.Fatalf("a weak password: %d", v.status)
	}
	if v := b.submit(page, "name", "Grace Hopper", "email", "grace@example.com", "password", goodPassword); v.url.Path != "/" || !v.url.Query().Has("signed-in") {
		t.Fatalf("setup ends at %s: %s", v.url, v.body)
	}
	c := e.client()
	token := c.exchange(c.code(b.get(c.url()))) // signed in already
	if status, me := e.call("GET", "/v1/me", token.AccessToken, ""); status != 200 || me["operator"] != true || me["role"] != "owner" {
		t.Errorf("me: %d %v", status, me)
	}
	for name, v := range map[string]view{
		"the used link":       b.get(first),
		"the used form":       b.submit(page, "name", "Eve", "email", "eve@example.com", "password", goodPassword),
		"the other link":      b.get(second),
		"a made-up link":      b.get("/pools/default/setup?token=abc"),
		"a link of no pool":   b.get(strings.Replace(second, "/default/", "/none/", 1)),
		"a link to reset":     b.get(strings.Replace(second, "/setup", "/reset", 1)),
		"a link without code": b.get("/pools/default/setup"),
	} {
		if v.status != http.StatusNotFound {
			t.Errorf("%s: %d", name, v.status)
		}
	}
	if link, needed, err := e.SetupLink(t.Context()); needed || link != "" || err != nil {
		t.Errorf("a link although there is an operator: %q, %v", link, err)
	}
}

func TestOperatorsResetPasswords(t *testing.T) {
	t.Parallel()
	e := open(t)
	_, err := e.CreateUser(t.Context(), identity.NewUser{Email: "grace@example.com", Name: "Grace", Password: goodPassword, Operator: true, Role: tenancy.RoleOwner})
	if err != nil {
		t.Fatal(err)
	}
	ada := e.user("ada@example.com")
	c, b := e.client(), e.browser()
	operator := e.signIn(e.browser(), c, "grace@example.com").AccessToken
	learner := e.signIn(b, c, "ada@example.com")
	reset := "/v1/operator/users/" + ada.ID.String() + "/password-reset"
	for _, path := range []string{"GET /v1/operator/users", "POST " + reset} {
		method, path, _ := strings.Cut(path, " ")
		if status, _ := e.call(method, path, learner.AccessToken, ""); status != http.StatusForbidden {
			t.Errorf("a learner: %s %s %d", method, path, status)
		}
		if status, _ := e.call(method, path, "", ""); status != http.StatusUnauthorized {
			t.Errorf("nobody: %s %s %d", method, path, status)
		}
	}
	status, list := e.call("GET", "/v1/operator/users?q=ADA@", operator, "")
	if items := fmt.Sprint(list["items"]); status != 200 || strings.Count(items, "email:") != 1 || !strings.Contains(items, ada.ID.String()) {
		t.Errorf("list: %d %v", status, list)
	}
	status, first := e.call("POST", reset, operator, "")
	_, answer := e.call("POST", reset, operator, "")
	link, _ := answer["link"].(string)
	if status != 200 || link == "" {
		t.Fatalf("reset: %d %v", status, answer)
	}
	visitor := e.browser()
	if v := visitor.get(fmt.Sprint(first["link"])); v.status != http.StatusNotFound {
		t.Errorf("the earlier link: %d", v.status)
	}
	page := visitor.get(link)
	if v := visitor.submit(page, "password", "ada@example"); v.status != http.StatusUnprocessableEntity {
		t.Errorf("a weak password: %d", v.status)
	}
	before := e.box.len()
	if v := visitor.submit(page, "password", "fünf Vögel auf dem Dach"); v.status != http.StatusOK || !strings.Contains(v.body, "Your password is changed") {
		t.Fatalf("reset: %d %s", v.status, v.body)
	}
	if m := e.box.last(t); e.box.len() != before+1 || m.Kind != "identity.changed" || m.To != "ada@example.com" || !m.Keep {
		t.Errorf("mail about it: %+v", m)
	}
	if v := visitor.submit(page, "password", "sechs Bären im Wald"); v.status != http.StatusNotFound {
		t.Errorf("the used link: %d", v.status)
	}
	if status, _ := e.call("GET", "/v1/me", learner.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("an access token from before: %d", status)
	}
	if _, err := c.refresh(learner.RefreshToken); err == nil {
		t.Error("a refresh token from before")
	}
	signIn := b.get(c.url())
	if signIn.url.Path != "/pools/default/sign-in" {
		t.Errorf("a browser session from before: %s", signIn.url)
	}
	if v := b.submit(signIn, "email", "ada@example.com", "password", goodPassword); v.status != http.StatusUnauthorized {
		t.Errorf("the old password: %d", v.status)
	}
	if v := b.submit(signIn, "email", "ada@example.com", "password", "fu\u0308nf Vo\u0308gel auf dem Dach"); v.location == nil {
		t.Errorf("the new password, typed decomposed: %d", v.status)
	}
}

func TestChangingOnesPasswordEndsOtherSessions(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	c, here, there := e.client(), e.browser(), e.browser()
	mine, other := e.signIn(here, c, "ada@example.com"), e.signIn(there, c, "ada@example.com")
	for body, want := range map[string]int{
		`{"current":"wrong","new":"fünf Vögel auf dem Dach"}`:           http.StatusUnprocessableEntity,
		`{"current":"` + goodPassword + `","new":"password"}`:           http.StatusUnprocessableEntity,
		`{"current":"` + goodPassword + `"}`:                            http.StatusUnprocessableEntity,
		`{"current":"` + goodPassword + `","new":"sechs Bären", "x":1}`: http.StatusUnprocessableEntity,
	} {
		if status, got := e.call("POST", "/v1/me/password", mine.AccessToken, body); status != want {
			t.Errorf("%s: %d %v", body, status, got)
		}
	}
	if status, got := e.call("POST", "/v1/me/password", mine.AccessToken, `{"current":"`+goodPassword+`","new":"fünf Vögel auf dem Dach"}`); status != http.StatusNoContent {
		t.Fatalf("change: %d %v", status, got)
	}
	if status, _ := e.call("GET", "/v1/me", mine.AccessToken, ""); status != http.StatusOK {
		t.Errorf("the session that changed it: %d", status)
	}
	if status, _ := e.call("GET", "/v1/me", other.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("another session: %d", status)
	}
	if _, err := c.refresh(mine.RefreshToken); err != nil {
		t.Errorf("own refresh token: %v", err)
	}
	if _, err := c.refresh(other.RefreshToken); err == nil {
		t.Error("another session's refresh token still works")
	}
	none := c.url(oauth2.SetAuthURLParam("prompt", "none"))
	c.code(here.get(none))
	if v := there.get(none); v.location.Query().Get("error") != "login_required" {
		t.Errorf("another browser: %s", v.location)
	}
	if status, me := e.call("PATCH", "/v1/me", mine.AccessToken, `{"name":" Ada  King "}`); status != 200 || me["name"] != "Ada King" {
		t.Errorf("rename: %d %v", status, me)
	}
	if status, _ := e.call("PATCH", "/v1/me", mine.AccessToken, `{"name":" "}`); status != http.StatusUnprocessableEntity {
		t.Errorf("an empty name: %d", status)
	}
}

func TestConfigTellsWhereToSignIn(t *testing.T) {
	t.Parallel()
	e := open(t)
	status, config := e.call("GET", "/v1/config", "", "")
	if status != 200 || config["issuer"] != e.server.URL+"/pools/default" || config["clientId"] != "console" || config["signUp"] != true {
		t.Errorf("%d %v", status, config)
	}
}

func TestSweepDeletesWhatExpiredAndNothingElse(t *testing.T) {
	t.Parallel()
	e := open(t)
	u := e.user("ada@example.com")
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")
	c.code(b.get(c.url()))
	if _, err := e.ResetLink(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		err := e.db.Owner.QueryRow(t.Context(), `select (select count(*) from identity.auth_code) + (select count(*) from identity.token_family)
			+ (select count(*) from identity.browser_session) + (select count(*) from identity.one_time_link) + (select count(*) from identity.refresh_token)`).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	if err := e.Sweep(t.Context()); err != nil || count() != before {
		t.Fatalf("a sweep of what is fresh: %v, %d of %d left", err, count(), before)
	}
	if _, err := c.refresh(token.RefreshToken); err != nil {
		t.Error(err)
	}
	e.pass(90 * 24 * time.Hour)
	if err := e.Sweep(t.Context()); err != nil || count() != 0 {
		t.Errorf("a sweep after 90 days: %v, %d left", err, count())
	}
}
