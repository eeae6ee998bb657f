package identity_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestThePasswordIsChangedOnAPageWithoutScripts(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	here, there, c := e.browser(), e.browser(), e.client()
	mine, other := e.signIn(here, c, "ada@example.com"), e.signIn(there, e.client(), "ada@example.com")
	page := here.get("/pools/default/password")
	if strings.Contains(page.body, "<script") {
		t.Error("the page has a script")
	}
	for what, tc := range map[string]struct{ current, next, says string }{
		"a wrong one":   {"wrong", "neun Hechte im See", "This is not your current password."},
		"none":          {"", "neun Hechte im See", "This is not your current password."},
		"a short one":   {goodPassword, "kurz", "characters"},
		"a common one":  {goodPassword, "password123", "password"},
		"one's address": {goodPassword, "ada@example.com", ""},
	} {
		if v := here.submit(page, "current", tc.current, "password", tc.next); v.status != http.StatusUnprocessableEntity || !strings.Contains(v.body, tc.says) {
			t.Errorf("%s: %d\n%s", what, v.status, v.body)
		}
	}
	before := cookies(here)
	if v := here.submit(page, "current", goodPassword, "password", "neun Hechte im See"); v.status != http.StatusOK || !strings.Contains(v.body, `href="`+e.server.URL+`/profile"`) {
		t.Fatalf("the right one: %d\n%s", v.status, v.body)
	}
	if after := cookies(here); after == before {
		t.Error("the browser has the session's token from before")
	}
	if e.canSignIn("ada@example.com", goodPassword) || !e.canSignIn("ada@example.com", "neun Hechte im See") {
		t.Error("the new password does not sign in alone")
	}
	if _, err := c.refresh(mine.RefreshToken); err != nil {
		t.Errorf("this browser's tokens: %v", err)
	}
	if _, err := c.refresh(other.RefreshToken); err == nil {
		t.Error("another browser's tokens go on")
	}
	if v := there.get("/pools/default/devices"); v.url.Path != "/" {
		t.Errorf("the other browser: %s", v.url)
	}
	if m, _, _ := e.box.newest(t, "ada@example.com"); m.Kind != "identity.changed" {
		t.Errorf("mail %+v", m)
	}
	if v := e.browser().get("/pools/default/password"); v.url.Path != "/" {
		t.Errorf("a stranger: %s", v.url)
	}
}

// cookies is the session's cookie of a browser.
func cookies(b *browser) string {
	u, err := url.Parse(b.base)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == "__Host-cloudkida-default" {
			return c.Value
		}
	}
	return ""
}

func TestThePasswordPageLeadsBackToRegisteredAddressesAlone(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	b := e.signedIn("ada@example.com")
	at := func(client, to string) string {
		return "/pools/default/password?" + url.Values{"client_id": {client}, "return_to": {to}}.Encode()
	}
	back := e.server.URL + "/auth/callback"
	v := b.submit(b.get(at("console", back)), "current", goodPassword, "password", "neun Hechte im See")
	if v.status != http.StatusOK || !strings.Contains(v.body, `href="`+back+`"`) {
		t.Errorf("back: %d\n%s", v.status, v.body)
	}
	page := b.get("/pools/default/password")
	for _, to := range append(redirectTricks(e.server.URL), back+"/", back+"?x=1", "", "javascript:alert(1)") {
		for _, client := range []string{"console", "cli", "nobody", ""} {
			if v := b.get(at(client, to)); v.status != http.StatusBadRequest || strings.Contains(v.body, "<form") {
				t.Errorf("%s, %q: %d", client, to, v.status)
			}
			_, form := page.form(t, "current", "neun Hechte im See", "password", "zehn Zander im Bach")
			if v := b.post(at(client, to), form); v.status != http.StatusBadRequest {
				t.Errorf("post %s, %q: %d", client, to, v.status)
			}
		}
	}
	for _, query := range []string{"?client_id=console", "?return_to=" + url.QueryEscape(back), "?client_id=console&client_id=cli&return_to=" + url.QueryEscape(back)} {
		if v := b.get("/pools/default/password" + query); v.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, v.status)
		}
	}
}

// redirectTricks are addresses that look to some parsers like ours.
func redirectTricks(own string) []string {
	host := strings.TrimPrefix(own, "https://")
	return []string{
		"https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example", "https:///evil.example", own + "@evil.example/",
		"https://" + host + ".evil.example/auth/callback", "https://evil.example/" + own + "/auth/callback", "https://evil.example#" + own + "/auth/callback",
		"https://evil.example\\@" + host + "/auth/callback", own + "/auth/callback%2f..%2f..", own + "/auth/callback/../../x", own + "/auth/callback#x",
		own + "/auth/callback\r\nLocation: https://evil.example", "data:text/html,x", "http://" + host + "/auth/callback", " " + own + "/auth/callback",
		own + "/auth/callback\x00", strings.ToUpper(own) + "/auth/callback", "https://user:pw@" + host + "/auth/callback", "/auth/callback",
	}
}

// Whoever has a second factor has shown it a short while ago.
func TestThePasswordChangesWithTheSecondFactor(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada := e.proved("ada@example.com")
	b := e.signedIn("ada@example.com")
	page := b.get("/pools/default/password")
	e.exec(`insert into identity.factor (pool_id, user_id, kind, name, confirmed_at) select pool_id, id, 'email', 'mail', now() from identity."user" where id = $1`, ada.ID)
	back := "/pools/default/password?" + url.Values{"client_id": {"console"}, "return_to": {e.server.URL + "/auth/callback"}}.Encode()
	for name, v := range map[string]view{"the form": b.submit(page, "current", goodPassword, "password", "neun Hechte im See"), "the page": b.get(back)} {
		if v.url.Path != "/pools/default/factors/confirm" || v.url.Query().Get("then") != "password" {
			t.Errorf("%s: %s", name, v.url)
		}
	}
	confirm := b.get(back)
	if v := b.submit(confirm, "password", goodPassword); v.url.Path != "/pools/default/challenge" || v.url.Query().Get("then") != "password" || !v.url.Query().Has("return_to") {
		t.Errorf("after the password: %s", v.url)
	}
	e.exec(`update identity.browser_session set methods = '{pwd,otp,mfa}'`)
	if v := b.get(back); v.status != http.StatusOK || v.url.Path != "/pools/default/password" {
		t.Errorf("with the factor: %d %s", v.status, v.url)
	}
	e.pass(11 * time.Minute)
	if v := b.get(back); v.url.Path != "/pools/default/factors/confirm" {
		t.Errorf("ten minutes later: %s", v.url)
	}
}
