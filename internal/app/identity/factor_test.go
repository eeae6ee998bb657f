package identity_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

// code is what an authenticator app shows.
func (e *env) code(secret string) string {
	e.t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(time.Duration(e.ahead.Load())))
	if err != nil {
		e.t.Fatal(err)
	}
	return code
}

// password goes through the sign-in page.
func (e *env) password(b *browser, c *client, email string, more ...oauth2.AuthCodeOption) view {
	e.t.Helper()
	return b.submit(b.get(c.url(more...)), "email", email, "password", goodPassword)
}

// setUpApp adds an authenticator app on the page that b is on or can reach, and returns its key and what came after.
func (e *env) setUpApp(b *browser, path string) (secret string, after view) {
	e.t.Helper()
	v := b.get(path)
	found := regexp.MustCompile(`<code>([A-Z2-7 ]+)</code>`).FindStringSubmatch(v.body)
	if found == nil {
		e.t.Fatalf("no key at %s: %d %s\n%s", path, v.status, v.url, v.body)
	}
	secret = strings.ReplaceAll(found[1], " ", "")
	return secret, b.submit(v, "code", e.code(secret))
}

var shownCode = regexp.MustCompile(`<li><code>([0-9A-Z-]{14})</code></li>`)

// withApp makes a person with an authenticator app and recovery codes, whose codes so far are used up.
func (e *env) withApp(email string) (b *browser, secret string, codes []string) {
	e.t.Helper()
	e.user(email)
	b = e.browser()
	e.signIn(b, e.client(), email)
	secret, after := e.setUpApp(b, "/pools/default/factors/app")
	for _, m := range shownCode.FindAllStringSubmatch(after.body, -1) {
		codes = append(codes, m[1])
	}
	if len(codes) != 10 {
		e.t.Fatalf("%d recovery codes: %d %s\n%s", len(codes), after.status, after.url, after.body)
	}
	e.pass(time.Minute)
	return b, secret, codes
}

func (b *browser) cookie(name string) string {
	b.t.Helper()
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

const (
	sessionCookie = "__Host-cloudkida-default"
	stepCookie    = "__Host-cloudkida-step-default"
)

func TestASecondStepStandsBetweenThePasswordAndTheSession(t *testing.T) {
	t.Parallel()
	e := open(t)
	_, secret, _ := e.withApp("ada@example.com")
	b, c := e.browser(), e.client()
	v := e.password(b, c, "ada@example.com")
	if v.url.Path != "/pools/default/challenge" || !strings.Contains(v.body, "authenticator app") {
		t.Fatalf("after the password: %d %s", v.status, v.url)
	}
	if b.cookie(sessionCookie) != "" || b.cookie(stepCookie) == "" {
		t.Error("the browser has a session before the last step")
	}
	if v := b.get(c.url(oauth2.SetAuthURLParam("prompt", "none"))); v.location == nil || v.location.Query().Get("error") != "login_required" {
		t.Errorf("an authorization with the password alone: %d %s", v.status, v.url)
	}
	wrong := b.submit(v, "code", "000000")
	if wrong.status != http.StatusUnauthorized || !strings.Contains(wrong.body, "This code is not right") {
		t.Errorf("wrong code: %d\n%s", wrong.status, wrong.body)
	}
	step := b.cookie(stepCookie)
	token := c.exchange(c.code(b.submit(wrong, "code", e.code(secret))))
	if b.cookie(sessionCookie) == step || b.cookie(stepCookie) != "" {
		t.Error("the step's cookie became the session")
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := c.provider.Verifier(&oidc.Config{ClientID: "console"}).Verify(c.ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		AMR []string `json:"amr"`
		ACR string   `json:"acr"`
	}
	if err := id.Claims(&claims); err != nil || !slices.Equal(claims.AMR, []string{"pwd", "otp", "mfa"}) || claims.ACR != access.ACRMulti {
		t.Errorf("claims %+v, %v", claims, err)
	}
}

func TestAStepIsForOneUserInOneBrowserAndPool(t *testing.T) {
	t.Parallel()
	e := open(t)
	_, secret, codes := e.withApp("ada@example.com")
	_, eves, _ := e.withApp("eve@example.com")
	b, c := e.browser(), e.client()
	v := e.password(b, c, "eve@example.com")
	if after := b.submit(v, "code", e.code(secret)); after.status != http.StatusUnauthorized {
		t.Errorf("Ada's code in Eve's step: %d", after.status)
	}
	_, form := v.form(t, "use", "recovery", "code", codes[0])
	if after := b.post("/pools/default/challenge?"+v.url.RawQuery, form); after.status != http.StatusUnauthorized {
		t.Errorf("Ada's recovery code in Eve's step: %d", after.status)
	}
	// The step in another browser: the form is not its own, and neither is the cookie.
	other := e.browser()
	other.get(c.url())
	address, values := v.form(t, "code", e.code(eves))
	if after := other.post(address, values); after.status == http.StatusOK || after.location != nil || other.cookie(sessionCookie) != "" {
		t.Errorf("the form in another browser: %d %s", after.status, after.url)
	}
	// A session of another pool's step: there is none of this user.
	e.exec(`insert into control.tenant (id, name, title, tier) values ('00000000-0000-7000-8000-0000000000aa', 'acme', 'Acme', 'platinum')`)
	e.exec(`insert into identity.pool (name, tenant_id) values ('acme', '00000000-0000-7000-8000-0000000000aa')`)
	u, _ := url.Parse(b.base)
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-cloudkida-step-acme", Value: b.cookie(stepCookie), Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}})
	if after := b.get("/pools/acme/challenge"); after.status != http.StatusUnauthorized {
		t.Errorf("the step in another pool: %d", after.status)
	}
	e.exec(`update identity."user" set disabled_at = now() where email = 'eve@example.com'`)
	if after := b.submit(v, "code", e.code(eves)); after.status != http.StatusUnauthorized || b.cookie(sessionCookie) != "" {
		t.Errorf("a user who was disabled meanwhile: %d", after.status)
	}
}

func TestAStepEndsAndIsUsedOnce(t *testing.T) {
	t.Parallel()
	e := open(t)
	_, secret, codes := e.withApp("ada@example.com")
	b, c := e.browser(), e.client()
	v := e.password(b, c, "ada@example.com")
	step := b.cookie(stepCookie)
	c.code(b.submit(v, "code", e.code(secret)))
	u, _ := url.Parse(b.base)
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: stepCookie, Value: step, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}})
	_, form := v.form(t, "use", "recovery", "code", codes[0])
	if after := b.post("/pools/default/challenge?"+v.url.RawQuery, form); after.status != http.StatusUnauthorized {
		t.Errorf("the same step again: %d", after.status)
	}
	b = e.browser()
	v = e.password(b, c, "ada@example.com")
	e.pass(11 * time.Minute)
	if after := b.submit(v, "code", e.code(secret)); after.status != http.StatusUnauthorized || b.cookie(sessionCookie) != "" {
		t.Errorf("after eleven minutes: %d %s", after.status, after.url)
	}
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity.challenge`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d steps after the sweep, %v", left, err)
	}
}

func TestNothingIsToldBeforeThePasswordIsRight(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.withApp("ada@example.com")
	e.user("bob@example.com")
	form := func(email string) string {
		b, c := e.browser(), e.client()
		v := b.submit(b.get(c.url()), "email", email, "password", "not it, sorry")
		if v.status != http.StatusUnauthorized || b.cookie(stepCookie) != "" {
			t.Errorf("%s: %d", email, v.status)
		}
		return regexp.MustCompile(`value="[^"]*"|\?[^"]*`).ReplaceAllString(v.body, "")
	}
	if with, without := form("ada@example.com"), form("bob@example.com"); with != without {
		t.Errorf("the pages differ:\n%s\n%s", with, without)
	}
	if v := e.browser().get("/pools/default/challenge"); v.status != http.StatusUnauthorized {
		t.Errorf("the challenge without a password: %d", v.status)
	}
}

func TestFormsOfFactorsComeFromOurPages(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, secret, _ := e.withApp("ada@example.com")
	v := b.get("/pools/default/factors")
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(v.body)[1]
	for _, path := range []string{"remove", "recovery", "app", "email", "email/confirm", "passkey", "passkey/begin", "confirm"} {
		after := b.post("/pools/default/factors/"+path, url.Values{"id": {id}, "code": {e.code(secret)}})
		if after.status != http.StatusForbidden {
			t.Errorf("%s without our token: %d", path, after.status)
		}
	}
	for _, path := range []string{"/challenge", "/challenge/email", "/challenge/passkey", "/passkey", "/passkey/begin", "/devices"} {
		if after := b.post("/pools/default"+path, url.Values{}); after.status != http.StatusForbidden {
			t.Errorf("%s without our token: %d", path, after.status)
		}
	}
}

func TestWhoMustHaveASecondStepSetsItUpFirst(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	before := e.browser()
	e.signIn(before, e.client(), "ada@example.com")
	e.exec(`update identity.pool set mfa = 'required'`)

	b, c := e.browser(), e.client()
	v := e.password(b, c, "ada@example.com", oauth2.SetAuthURLParam("prompt", "login"))
	if v.url.Path != "/pools/default/factors/new" || b.cookie(sessionCookie) != "" {
		t.Fatalf("after the password: %d %s", v.status, v.url)
	}
	if after := b.get("/pools/default/factors"); strings.HasPrefix(after.url.Path, "/pools") {
		t.Errorf("their factors before: %s", after.url)
	}
	_, after := e.setUpApp(b, "/pools/default/factors/app?"+v.url.RawQuery)
	next := regexp.MustCompile(`class="button" href="([^"]+)"`).FindStringSubmatch(after.body)
	if next == nil || len(shownCode.FindAllString(after.body, -1)) != 10 {
		t.Fatalf("after the set-up: %d\n%s", after.status, after.body)
	}
	c.exchange(c.code(b.get(html.UnescapeString(next[1]))))
	// A session that began before the rule has to take the step, too.
	if v := before.get(e.client().url()); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("an earlier session: %s", v.url)
	}
}

func TestThePasswordAloneAddsNoFactorToAnAccountThatHasOne(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.withApp("ada@example.com")
	b, c := e.browser(), e.client()
	e.password(b, c, "ada@example.com")
	for _, path := range []string{"new", "app", "email", "passkey"} {
		if v := b.get("/pools/default/factors/" + path); v.url.Path != "/pools/default/challenge" {
			t.Errorf("%s leads to %s", path, v.url)
		}
	}
}

func TestRolesThatNeedASecondStep(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("learner@example.com")
	for _, u := range []identity.NewUser{
		{Email: "owner@example.com", Name: "Olga", Password: goodPassword, Role: "owner"},
		{Email: "operator@example.com", Name: "Oleg", Password: goodPassword, Operator: true},
	} {
		if _, err := e.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	e.exec(`update identity.pool set mfa = 'required_for', mfa_roles = '{owner,operator}'`)
	for email, enrols := range map[string]bool{"learner@example.com": false, "owner@example.com": true, "operator@example.com": true} {
		v := e.password(e.browser(), e.client(), email)
		if (v.url.Path == "/pools/default/factors/new") != enrols {
			t.Errorf("%s: %s", email, v.url)
		}
	}
}

func TestOffAsksNobody(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.withApp("ada@example.com")
	under := e.browser()
	e.password(under, e.client(), "ada@example.com")
	e.exec(`update identity.pool set mfa = 'off'`)
	if v := under.get("/pools/default/challenge"); v.status != http.StatusUnauthorized {
		t.Errorf("a step that was under way: %d %s", v.status, v.url)
	}
	c := e.client()
	c.code(e.password(e.browser(), c, "ada@example.com"))
}

func TestAClientAsksForMoreThanOneFactor(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	e.signIn(b, c, "ada@example.com")
	v := b.get(c.url(oauth2.SetAuthURLParam("acr_values", access.ACRMulti)))
	if v.url.Path != "/pools/default/sign-in" {
		t.Fatalf("a session with a password alone: %s", v.url)
	}
	if v = b.submit(v, "email", "ada@example.com", "password", goodPassword); v.url.Path != "/pools/default/factors/new" {
		t.Errorf("after the password: %s", v.url)
	}
}

func TestCodesByMail(t *testing.T) {
	t.Parallel()
	e := open(t)
	box := &letters{}
	e.Factors.Send = box.writer().Send
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	e.signIn(b, c, "ada@example.com")
	v := b.submit(b.get("/pools/default/factors/new"))
	if v.url.Path != "/pools/default/factors/email" || len(box.sent) != 1 || box.sent[0].To != "ada@example.com" || box.sent[0].Keep {
		t.Fatalf("%d %s, mail %+v", v.status, v.url, box.sent)
	}
	if v = b.submit(v, "code", box.code(t)); len(shownCode.FindAllString(v.body, -1)) != 10 {
		t.Fatalf("after the code: %d\n%s", v.status, v.body)
	}

	b = e.browser()
	v = e.password(b, c, "ada@example.com")
	if len(box.sent) != 1 {
		t.Error("a mail went out before anybody asked for it")
	}
	v = b.submit(v)
	first := box.code(t)
	wrong := "000000"
	if first == wrong {
		wrong = "000001"
	}
	for range 5 {
		if v = b.submit(v, "code", wrong); v.status != http.StatusUnauthorized {
			t.Fatalf("wrong code: %d", v.status)
		}
	}
	if v = b.submit(v, "code", first); v.status != http.StatusUnauthorized && v.status != http.StatusTooManyRequests {
		t.Errorf("the right code after five wrong ones: %d", v.status)
	}
	e.pass(time.Minute)
	if v = b.submit(v, "code", first); v.status != http.StatusUnauthorized {
		t.Errorf("and after a wait: %d, want a new code to be needed", v.status)
	}
	_, form := v.form(t)
	v = b.post("/pools/default/challenge/email?"+v.url.RawQuery, form)
	e.pass(time.Minute)
	c.exchange(c.code(b.submit(v, "code", box.code(t))))
	if v := b.submit(e.password(e.browser(), c, "ada@example.com")); v.status == http.StatusOK && v.location != nil {
		t.Error("another step took the first one's browser")
	}
}

func TestAnOperatorResetsFactors(t *testing.T) {
	t.Parallel()
	e := open(t)
	if _, err := e.CreateUser(t.Context(), identity.NewUser{Email: "op@example.com", Name: "Op", Password: goodPassword, Operator: true, Role: "owner"}); err != nil {
		t.Fatal(err)
	}
	operator := e.signIn(e.browser(), e.client(), "op@example.com").AccessToken
	b, _, _ := e.withApp("ada@example.com")
	c := e.client()
	ada := c.exchange(c.code(b.get(c.url()))).AccessToken
	_, me := e.call("GET", "/v1/me", ada, "")
	path := fmt.Sprintf("/v1/operator/users/%v/factors/reset", me["id"])
	if status, _ := e.call("POST", path, ada, ""); status != http.StatusForbidden {
		t.Errorf("by oneself: %d", status)
	}
	if status, _ := e.call("POST", path, operator, ""); status != http.StatusNoContent {
		t.Fatalf("by an operator: %d", status)
	}
	if status, _ := e.call("GET", "/v1/me", ada, ""); status != http.StatusUnauthorized {
		t.Errorf("the user's token goes on: %d", status)
	}
	if v := b.get(c.url()); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("the user's session goes on: %s", v.url)
	}
	c.code(e.password(e.browser(), c, "ada@example.com"))
	if status, _ := e.call("POST", "/v1/operator/users/"+uuid.NewString()+"/factors/reset", operator, ""); status != http.StatusNotFound {
		t.Errorf("of nobody: %d", status)
	}
}

func TestWhatIsDangerousNeedsAFreshSignIn(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, secret, _ := e.withApp("ada@example.com")
	c := e.client()
	token := c.exchange(c.code(b.get(c.url())))
	_, mine := e.call("GET", "/v1/me/factors", token.AccessToken, "")
	items, _ := mine["items"].([]any)
	if len(items) != 1 || mine["recoveryCodes"] != 10.0 {
		t.Fatalf("mine %v", mine)
	}
	first, _ := items[0].(map[string]any)
	id, _ := first["id"].(string)
	e.pass(9 * time.Minute)
	again, err := c.refresh(token.RefreshToken) // a new token of the same sign-in is no younger
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range [][2]string{
		{"DELETE", "/v1/me/factors/" + id}, {"POST", "/v1/me/factors/recovery-codes"}, {"POST", "/v1/me/password"},
	} {
		status, problem := e.call(r[0], r[1], again.AccessToken, `{"current":"x","new":"y"}`)
		if status != http.StatusUnauthorized || problem["code"] != "step_up_required" {
			t.Errorf("%v: %d %v", r, status, problem)
		}
	}
	if v := b.get("/pools/default/factors/app"); v.url.Path != "/pools/default/factors/confirm" {
		t.Errorf("the page to add one: %s", v.url)
	}
	v := b.get("/pools/default/factors/confirm")
	if after := b.submit(v, "password", "not it, sorry"); after.status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong password: %d", after.status)
	}
	v = b.submit(v, "password", goodPassword)
	if v = b.submit(v, "code", e.code(secret)); v.url.Path != "/pools/default/factors" {
		t.Fatalf("after both steps: %d %s", v.status, v.url)
	}
	fresh := c.exchange(c.code(b.get(c.url()))).AccessToken
	if status, _ := e.call("DELETE", "/v1/me/factors/"+id, fresh, ""); status != http.StatusNoContent {
		t.Errorf("with a fresh sign-in: %d", status)
	}
}

func TestTheLastFactorOfWhoMustHaveOneStays(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, _, _ := e.withApp("ada@example.com")
	e.exec(`update identity.pool set mfa = 'required'`)
	v := b.get("/pools/default/factors")
	if after := b.submit(v); after.status != http.StatusConflict {
		t.Errorf("removed: %d %s", after.status, after.url)
	}
	e.exec(`update identity.pool set mfa = 'optional'`)
	if after := b.submit(v); after.url.Path != "/pools/default/factors" || strings.Contains(after.body, "Authenticator app</strong>") {
		t.Errorf("not removed: %d %s", after.status, after.url)
	}
	var codes int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity.recovery_code`).Scan(&codes); err != nil || codes != 0 {
		t.Errorf("%d recovery codes stayed, %v", codes, err)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	e.user("eve@example.com")
	one, two, c := e.browser(), e.browser(), e.client()
	first, second := e.signIn(one, c, "ada@example.com"), e.signIn(two, c, "ada@example.com")
	eve := e.signIn(e.browser(), c, "eve@example.com").AccessToken
	_, list := e.call("GET", "/v1/me/sessions", first.AccessToken, "")
	items, _ := list["items"].([]any)
	var other string
	for _, i := range items {
		if d, _ := i.(map[string]any); d["current"] == false {
			other, _ = d["id"].(string)
		}
	}
	if len(items) != 2 || other == "" {
		t.Fatalf("devices %v", list)
	}
	if status, _ := e.call("DELETE", "/v1/me/sessions/"+other, eve, ""); status != http.StatusNotFound {
		t.Errorf("by somebody else: %d", status)
	}
	if status, _ := e.call("DELETE", "/v1/me/sessions/"+other, first.AccessToken, ""); status != http.StatusNoContent {
		t.Errorf("one of them: %d", status)
	}
	if status, _ := e.call("GET", "/v1/me", second.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("the device that was signed out: %d", status)
	}
	if v := two.get(c.url()); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("its browser: %s", v.url)
	}
	third := e.signIn(two, c, "ada@example.com")
	if status, _ := e.call("DELETE", "/v1/me/sessions", first.AccessToken, ""); status != http.StatusNoContent {
		t.Error("the others")
	}
	if status, _ := e.call("GET", "/v1/me", third.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("another after all others: %d", status)
	}
	if status, _ := e.call("GET", "/v1/me", first.AccessToken, ""); status != http.StatusOK {
		t.Errorf("the one that was kept: %d", status)
	}
	v := one.get("/pools/default/devices")
	if !strings.Contains(v.body, "This device") {
		t.Errorf("the page: %d\n%s", v.status, v.body)
	}
	one.submit(v) // the first form is to sign out everywhere: no other device is left
	if status, _ := e.call("GET", "/v1/me", first.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("after everywhere: %d", status)
	}
	if status, _ := e.call("GET", "/v1/me", eve, ""); status != http.StatusOK {
		t.Errorf("somebody else: %d", status)
	}
}

func TestSignInSettings(t *testing.T) {
	t.Parallel()
	e := open(t)
	for _, u := range []identity.NewUser{
		{Email: "owner@example.com", Name: "Olga", Password: goodPassword, Role: "owner"},
		{Email: "op@example.com", Name: "Oleg", Password: goodPassword, Operator: true},
	} {
		if _, err := e.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	owner, operator := e.signIn(e.browser(), e.client(), "owner@example.com").AccessToken, e.signIn(e.browser(), e.client(), "op@example.com").AccessToken
	if _, got := e.call("GET", "/v1/sign-in-settings", owner, ""); got["shared"] != true || got["pool"] != "default" {
		t.Errorf("shared: %v", got)
	}
	const required = `{"mode":"required","roles":[]}`
	if status, got := e.call("PUT", "/v1/sign-in-settings", owner, required); status != http.StatusConflict || got["code"] != "shared_sign_in" {
		t.Errorf("the shared one by an organisation: %d %v", status, got)
	}
	if status, _ := e.call("PUT", "/v1/operator/pools/default/factors", owner, required); status != http.StatusForbidden {
		t.Errorf("by an owner: %d", status)
	}
	if status, _ := e.call("PUT", "/v1/operator/pools/default/factors", operator, `{"mode":"required","roles":["owner"]}`); status != http.StatusUnprocessableEntity {
		t.Errorf("roles without required_for: %d", status)
	}
	if status, got := e.call("PUT", "/v1/operator/pools/default/factors", operator, `{"mode":"required_for","roles":["owner","admin"]}`); status != http.StatusOK {
		t.Errorf("by an operator: %d %v", status, got)
	}
	if v := e.password(e.browser(), e.client(), "owner@example.com"); v.url.Path != "/pools/default/factors/new" {
		t.Errorf("an owner then: %s", v.url)
	}
	if status, _ := e.call("GET", "/v1/operator/pools/nowhere/factors", operator, ""); status != http.StatusNotFound {
		t.Errorf("no pool: %d", status)
	}
}
