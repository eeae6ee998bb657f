package identity_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// program is a program of others, registered by the owner of a tenant.
func (e *env) program(owner string, confidential bool) (*client, map[string]any) {
	e.t.Helper()
	callback := e.server.URL + "/foreign/callback"
	status, made := e.call("POST", "/v1/oauth-clients", owner, fmt.Sprintf(`{"name":"Gradebook","redirectUris":[%q],"confidential":%v}`, callback, confidential))
	if status != http.StatusCreated {
		e.t.Fatalf("register: %d %v", status, made)
	}
	c := e.client()
	c.oauth.ClientID, c.oauth.ClientSecret, c.oauth.RedirectURL = text(made, "id"), text(made, "secret"), callback
	if confidential {
		c.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	return c, made
}

// returned takes the code out of the answer to a program of others.
func (c *client) returned(v view) string {
	c.t.Helper()
	if v.location == nil || v.location.Path != "/foreign/callback" {
		c.t.Fatalf("no answer to the program: %d %s\n%s", v.status, v.url, v.body)
	}
	return v.location.Query().Get("code")
}

func TestAProgramOfOthersIsLetInByThePersonAlone(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme := e.tenant("acme", "Acme")
	owner := e.member("owner", acme, tenancy.RoleOwner)
	ada := e.member("ada", acme, tenancy.RoleLearner)
	c, made := e.program(owner, true)
	b := e.browser()
	page := b.get(c.url())
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(page.body, "Sign in to Acme") || !strings.Contains(policy, "form-action 'self' "+e.server.URL+";") {
		t.Fatalf("sign-in to the tenant: %s, policy %s", page.url, policy)
	}
	consent := b.submit(page, "email", "ada@example.com", "password", goodPassword)
	for _, want := range []string{"Sign in to Gradebook?", "Acme", "Your e-mail address", "while you are away", e.server.URL} {
		if !strings.Contains(consent.body, strings.ReplaceAll(want, "'", "&#39;")) {
			t.Errorf("the consent page does not say %q:\n%s", want, consent.body)
		}
	}
	if v := b.get(c.url(oauth2.SetAuthURLParam("prompt", "none"))); v.location == nil || v.location.Query().Get("error") != "consent_required" {
		t.Errorf("silently: %v", v.location)
	}
	if v := b.post(consent.url.RequestURI(), url.Values{"decision": {"allow"}, "token": {"forged"}}); v.status != http.StatusForbidden {
		t.Errorf("a forged form: %d", v.status)
	}
	if v := b.submit(consent, "decision", "deny"); v.location == nil || v.location.Query().Get("error") != "access_denied" || v.location.Query().Get("iss") == "" {
		t.Errorf("denied: %v", v.location)
	}
	token := c.exchange(c.returned(b.submit(b.get(c.url()), "decision", "allow")))
	raw, _ := token.Extra("id_token").(string)
	if _, err := c.provider.Verifier(&oidc.Config{ClientID: c.oauth.ClientID}).Verify(c.ctx, raw); err != nil {
		t.Error(err)
	}
	if info, err := c.provider.UserInfo(c.ctx, oauth2.StaticTokenSource(token)); err != nil || info.Email != "ada@example.com" {
		t.Errorf("userinfo %+v, %v", info, err)
	}
	if _, err := e.Verify(t.Context(), token.AccessToken); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("its token opens the API: %v", err)
	}
	if status, _ := e.call("GET", "/v1/me", token.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("GET /v1/me with it: %d", status)
	}
	c.exchange(c.returned(b.get(c.url(oauth2.SetAuthURLParam("prompt", "none"))))) // it is remembered
	if v := b.get(c.url(oauth2.SetAuthURLParam("prompt", "consent"))); !strings.Contains(v.body, "Sign in to Gradebook?") {
		t.Errorf("asked to ask again: %s", v.url)
	}
	again, err := c.refresh(token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}

	if _, list := e.call("GET", "/v1/me/grants", ada, ""); !strings.Contains(fmt.Sprint(list), "Gradebook") || !strings.Contains(fmt.Sprint(list), "Acme") {
		t.Errorf("grants %v", list)
	}
	if _, list := e.call("GET", "/v1/me/grants", owner, ""); strings.Contains(fmt.Sprint(list), "Gradebook") {
		t.Errorf("somebody else's grants %v", list)
	}
	path := "/v1/me/grants/" + text(made, "id")
	if status, _ := e.call("DELETE", path, owner, ""); status != http.StatusNotFound {
		t.Errorf("revoke somebody else's: %d", status)
	}
	if status, _ := e.call("DELETE", path, ada, ""); status != http.StatusNoContent {
		t.Errorf("revoke: %d", status)
	}
	if _, err := c.refresh(again.RefreshToken); oauthCode(err) != "invalid_grant" {
		t.Errorf("after that: %v", err)
	}
	if _, err := c.provider.UserInfo(c.ctx, oauth2.StaticTokenSource(again)); err == nil {
		t.Error("after that its access token still tells")
	}
	if v := b.get(c.url()); !strings.Contains(v.body, "Sign in to Gradebook?") {
		t.Errorf("after that nobody is asked: %s", v.url)
	}
}

func TestAProgramOfOthersProvesItselfAndServesItsOwnTenant(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme, bolt := e.tenant("acme", "Acme"), e.tenant("bolt", "Bolt")
	owner, theirs := e.member("owner", acme, tenancy.RoleOwner), e.member("theirs", bolt, tenancy.RoleOwner)
	c, made := e.program(owner, true)
	b := e.browser()
	b.submit(b.get(c.url()), "email", "owner@example.com", "password", goodPassword)
	allow := func() string {
		return c.returned(b.submit(b.get(c.url(oauth2.SetAuthURLParam("prompt", "consent"))), "decision", "allow"))
	}
	for name, change := range map[string]func(*oauth2.Config){
		"no secret":      func(o *oauth2.Config) { o.ClientSecret, o.Endpoint.AuthStyle = "", oauth2.AuthStyleInParams },
		"another secret": func(o *oauth2.Config) { o.ClientSecret = "x" },
		"as the console": func(o *oauth2.Config) {
			o.ClientID, o.ClientSecret, o.Endpoint.AuthStyle = "console", "", oauth2.AuthStyleInParams
		},
	} {
		other := c.oauth
		change(&other)
		if token, err := other.Exchange(c.ctx, allow(), oauth2.VerifierOption(c.verifier)); err == nil || (oauthCode(err) != "invalid_client" && oauthCode(err) != "invalid_grant") {
			t.Errorf("%s: %v, %v", name, token, err)
		}
	}
	token := c.exchange(allow())
	c.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInParams // client_secret_post
	token, err := c.refresh(token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if v := b.post("/pools/default/revoke", url.Values{"client_id": {c.oauth.ClientID}, "token": {token.RefreshToken}}); v.status != http.StatusUnauthorized {
		t.Errorf("revocation without the secret: %d", v.status)
	}

	stranger := e.browser()
	if v := stranger.submit(stranger.get(c.url()), "email", "theirs@example.com", "password", goodPassword); v.status != http.StatusForbidden || v.location != nil {
		t.Errorf("somebody of another tenant: %d %v", v.status, v.location)
	}
	if v := stranger.get(c.url(to("bolt"))); v.status != http.StatusBadRequest {
		t.Errorf("asked for another tenant: %d", v.status)
	}
	path := "/v1/oauth-clients/" + text(made, "id")
	for name, status := range map[string]int{"list": http.StatusOK, "rotate": http.StatusNotFound, "remove": http.StatusNotFound} {
		method, at := map[string]string{"list": "GET", "rotate": "POST", "remove": "DELETE"}[name], map[string]string{"list": "/v1/oauth-clients", "rotate": path + "/secret", "remove": path}[name]
		if got, body := e.call(method, at, theirs, ""); got != status || strings.Contains(fmt.Sprint(body), "Gradebook") {
			t.Errorf("another owner, %s: %d %v", name, got, body)
		}
	}
	if status, _ := e.call("GET", "/v1/oauth-clients", e.member("admin", acme, tenancy.RoleAdmin), ""); status != http.StatusForbidden {
		t.Errorf("an administrator: %d", status)
	}
	status, rotated := e.call("POST", path+"/secret", owner, "")
	if _, err := c.refresh(token.RefreshToken); status != http.StatusOK || oauthCode(err) != "invalid_client" {
		t.Errorf("the old secret: %d, %v", status, err)
	}
	c.oauth.ClientSecret = text(rotated, "secret")
	if token, err = c.refresh(token.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if status, _ := e.call("DELETE", path, owner, ""); status != http.StatusNoContent {
		t.Errorf("remove: %d", status)
	}
	if _, err := c.refresh(token.RefreshToken); oauthCode(err) != "invalid_client" {
		t.Errorf("removed: %v", err)
	}
	if _, err := c.provider.UserInfo(c.ctx, oauth2.StaticTokenSource(token)); err == nil {
		t.Error("a removed program still learns")
	}
}

func TestRedirectAddressesOfProgramsOfOthers(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme := e.tenant("acme", "Acme")
	owner := e.member("owner", acme, tenancy.RoleOwner)
	for address, want := range map[string]int{
		"https://example.com/callback?x=1":    http.StatusCreated,
		"http://127.0.0.1:7000/cb":            http.StatusCreated,
		"http://[::1]/cb":                     http.StatusCreated,
		"http://localhost:3000/":              http.StatusCreated,
		"http://example.com/callback":         http.StatusUnprocessableEntity,
		"http://127.0.0.1.example.com/":       http.StatusUnprocessableEntity,
		"http://localhost@example.com/":       http.StatusUnprocessableEntity,
		"https://example.com/callback#top":    http.StatusUnprocessableEntity,
		"https://example.com/#":               http.StatusUnprocessableEntity,
		"https://*.example.com/":              http.StatusUnprocessableEntity,
		"https://exa;mple.com/":               http.StatusUnprocessableEntity,
		"https://user@example.com/":           http.StatusUnprocessableEntity,
		"javascript:alert(1)":                 http.StatusUnprocessableEntity,
		"com.example.app:/callback":           http.StatusUnprocessableEntity,
		"/auth/callback":                      http.StatusUnprocessableEntity,
		"//example.com/":                      http.StatusUnprocessableEntity,
		"https:/example.com":                  http.StatusUnprocessableEntity,
		"https://example.com/ x":              http.StatusUnprocessableEntity,
		"https://example.com\\@evil.example/": http.StatusUnprocessableEntity,
		"":                                    http.StatusUnprocessableEntity,
	} {
		if status, body := e.call("POST", "/v1/oauth-clients", owner, fmt.Sprintf(`{"name":"x","redirectUris":[%q]}`, address)); status != want {
			t.Errorf("%q: %d %v", address, status, body)
		}
	}
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, fmt.Sprintf("%q", fmt.Sprintf("https://example.com/%d", i)))
	}
	for name, list := range map[string]string{"11": strings.Join(eleven, ","), "none": "", "one twice": `"https://example.com/","https://example.com/"`} {
		if status, _ := e.call("POST", "/v1/oauth-clients", owner, `{"name":"x","redirectUris":[`+list+`]}`); status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, status)
		}
	}
	c, _ := e.program(owner, false)
	b := e.browser()
	for _, address := range []string{c.oauth.RedirectURL + "/", c.oauth.RedirectURL + "?x=1", strings.Replace(c.oauth.RedirectURL, "https", "http", 1), strings.ToUpper(c.oauth.RedirectURL), c.oauth.RedirectURL + "#x"} {
		if v := b.get(c.url(oauth2.SetAuthURLParam("redirect_uri", address))); v.status != http.StatusBadRequest || v.location != nil {
			t.Errorf("%s: %d %v", address, v.status, v.location)
		}
	}
}

func TestTheClientsOfATenantGoWithIt(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme := e.tenant("acme", "Acme")
	owner := e.member("owner", acme, tenancy.RoleOwner)
	c, _ := e.program(owner, false)
	b := e.browser()
	b.submit(b.get(c.url()), "email", "owner@example.com", "password", goodPassword)
	c.exchange(c.returned(b.submit(b.get(c.url()), "decision", "allow")))
	e.bot(owner, tenancy.RoleLearner)
	if silo := e.silo("silo", "Silo"); silo != uuid.Nil {
		var copied int
		err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity.client c join identity.pool p on p.id = c.pool_id where p.name = 'silo' and c.tenant_id is not null`).Scan(&copied)
		if err != nil || copied != 0 {
			t.Errorf("a silo begins with %d programs of another tenant, %v", copied, err)
		}
	}
	e.status(acme, "offboarding", "")
	removed, err := e.Provision.RemoveTenant(t.Context(), acme)
	if err != nil || removed["identity.client"] != 1 || removed["identity.machine_client"] != 1 || removed["identity.client_approval"] != 1 {
		t.Errorf("%v, %v", removed, err)
	}
	e.pass(time.Minute)
}
