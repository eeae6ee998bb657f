package identity_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// changeProgram gives a program other addresses.
func (e *env) changeProgram(token, id, match, body string) (int, map[string]any) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodPut, e.server.URL+"/v1/oauth-clients/"+id, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("If-Match", match)
	v := e.browser().do(r)
	var answer map[string]any
	if err := json.Unmarshal([]byte(v.body), &answer); err != nil {
		e.t.Fatalf("%d %s", v.status, v.body)
	}
	return v.status, answer
}

// A program sends people back to exactly the addresses that its owners registered for it, after signing out.
func TestAProgramSendsPeopleBackAfterSigningOut(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme, bolt := e.tenant("acme", "Acme"), e.tenant("bolt", "Bolt")
	owner, theirs := e.member("owner", acme, tenancy.RoleOwner), e.member("theirs", bolt, tenancy.RoleOwner)
	admin := e.member("admin", acme, tenancy.RoleAdmin)
	e.member("ada", acme, tenancy.RoleLearner)
	c, made := e.program(owner, false)
	id, back := text(made, "id"), e.server.URL+"/foreign/callback?out=1"
	signOut := func(to string) view {
		t.Helper()
		b := e.browser()
		b.submit(b.get(c.url()), "email", "ada@example.com", "password", goodPassword)
		allowed := b.get(c.url())
		if allowed.location == nil {
			allowed = b.submit(allowed, "decision", "allow")
		}
		raw, _ := c.exchange(c.returned(allowed)).Extra("id_token").(string)
		return b.get("/pools/default/end-session?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {to}, "state": {"bye"}}.Encode())
	}
	if v := signOut(back); v.status != http.StatusBadRequest {
		t.Errorf("an address that nobody registered: %d %v", v.status, v.location)
	}
	change := func(uri string) string {
		return fmt.Sprintf(`{"name":"Gradebook","redirectUris":[%q],"postLogoutRedirectUris":[%q]}`, c.oauth.RedirectURL, uri)
	}
	for name, refused := range map[string]struct {
		token, match, uri string
		want              int
	}{
		"by another organisation": {theirs, "1", back, http.StatusNotFound},
		"by an administrator":     {admin, "1", back, http.StatusForbidden},
		"after somebody else":     {owner, "7", back, http.StatusPreconditionFailed},
		"without a version":       {owner, "", back, http.StatusPreconditionRequired},
		"to a fragment":           {owner, "1", "https://example.com/#x", http.StatusUnprocessableEntity},
		"to plain http":           {owner, "1", "http://example.com/", http.StatusUnprocessableEntity},
		"to a script":             {owner, "1", "javascript:alert(1)", http.StatusUnprocessableEntity},
	} {
		if status, body := e.changeProgram(refused.token, id, refused.match, change(refused.uri)); status != refused.want {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	if status, body := e.changeProgram(owner, id, `"1"`, change(back)); status != http.StatusOK || body["version"] != 2.0 {
		t.Fatalf("change: %d %v", status, body)
	}
	if v := signOut(back); v.location == nil || !strings.HasPrefix(v.location.String(), back) || v.location.Query().Get("state") != "bye" {
		t.Errorf("signed out: %d %s %v", v.status, v.url, v.location)
	}
	for _, near := range []string{back + "&more=1", back + "/", strings.ToUpper(back[:4]) + back[4:], c.oauth.RedirectURL, "https://evil.example/"} {
		if v := signOut(near); v.status != http.StatusBadRequest {
			t.Errorf("%s: %d %v", near, v.status, v.location)
		}
	}
}
