package identity_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestSignUpGivesTokensThatSayIdsOnly(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, c := e.browser(), e.client()
	page := b.get(c.url(oauth2.SetAuthURLParam("prompt", "create")))
	if page.url.Path != "/pools/default/sign-up" {
		t.Fatalf("prompt=create leads to %s", page.url)
	}
	token := c.exchange(c.code(e.signUp(b, page, "  Ada   Lovelace ", " Ada@Example.com", goodPassword)))

	claims, err := e.Verify(t.Context(), token.AccessToken)
	if err != nil || claims.Tenant != tenancy.DefaultTenant() || claims.Pool != "default" || claims.ID == "" {
		t.Fatalf("claims %+v, %v", claims, err)
	}
	member, err := e.Membership(t.Context(), claims.User, claims.Tenant)
	if err != nil || member.Role != tenancy.RoleLearner || member.Operator || member.Status != "active" {
		t.Errorf("member %+v, %v", member, err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := c.provider.Verifier(&oidc.Config{ClientID: "console"}).Verify(c.ctx, raw)
	if err != nil || id.Nonce != c.nonce || id.Subject != claims.User.String() || len(id.Audience) != 1 {
		t.Errorf("id token %+v, %v", id, err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		t.Error(err)
	}
	keys := payload(t, token.AccessToken)
	for _, allowed := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "tenant", "client_id", "sid", "auth_time", "amr"} {
		delete(keys, allowed)
	}
	if len(keys) > 0 {
		t.Errorf("the access token also says %v", keys)
	}
	status, me := e.call("GET", "/v1/me", token.AccessToken, "")
	if status != 200 || me["name"] != "Ada Lovelace" || me["email"] != "Ada@Example.com" || me["role"] != "learner" || me["operator"] != false {
		t.Errorf("me: %d %v", status, me)
	}
	info, err := c.provider.UserInfo(c.ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Email != "Ada@Example.com" || !info.EmailVerified || info.Subject != claims.User.String() {
		t.Errorf("userinfo %+v, %v", info, err)
	}
}

func TestOneSignInServesLaterRequestsUntilSignOut(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	none := oauth2.SetAuthURLParam("prompt", "none")
	if v := b.get(c.url(none)); v.location == nil || v.location.Query().Get("error") != "login_required" || v.location.Query().Get("iss") == "" || v.location.Query().Get("state") != c.state {
		t.Fatalf("prompt=none of nobody: %v", v.location)
	}
	token := e.signIn(b, c, "ada@example.com")
	raw, _ := token.Extra("id_token").(string)
	for name, option := range map[string][]oauth2.AuthCodeOption{
		"plain": nil, "none": {none}, "max_age": {oauth2.SetAuthURLParam("max_age", "600")},
		"hint": {none, oauth2.SetAuthURLParam("id_token_hint", raw)},
	} {
		c.exchange(c.code(b.get(c.url(option...))))
		_ = name
	}
	for _, prompt := range []string{"login", "select_account"} {
		if v := b.get(c.url(oauth2.SetAuthURLParam("prompt", prompt))); v.url.Path != "/pools/default/sign-in" {
			t.Errorf("prompt=%s leads to %s", prompt, v.url)
		}
	}
	e.pass(time.Minute)
	if v := b.get(c.url(oauth2.SetAuthURLParam("max_age", "10"))); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("max_age=10 after a minute leads to %s", v.url)
	}

	out := "/pools/default/end-session?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {b.base + "/"}, "state": {"bye"}}.Encode()
	if v := b.get(out); v.url.Path != "/" || v.url.Query().Get("state") != "bye" {
		t.Errorf("sign-out ends at %s", v.url)
	}
	if v := b.get(c.url(none)); v.location.Query().Get("error") != "login_required" {
		t.Errorf("after sign-out: %s", v.location)
	}
	if _, err := e.Verify(t.Context(), token.AccessToken); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("after sign-out the access token gives %v", err)
	}
	if _, err := c.refresh(token.RefreshToken); err == nil {
		t.Error("after sign-out the refresh token still works")
	}
}

func TestForeignPagesCannotSignPeopleOut(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	e.user("bob@example.com")
	ada, bob, c := e.browser(), e.browser(), e.client()
	e.signIn(ada, c, "ada@example.com")
	raw, _ := e.signIn(bob, c, "bob@example.com").Extra("id_token").(string)
	none := c.url(oauth2.SetAuthURLParam("prompt", "none"))
	for _, address := range []string{"/pools/default/end-session", "/pools/default/end-session?id_token_hint=" + raw} {
		v := ada.get(address)
		if !strings.Contains(v.body, "Sign out?") {
			t.Errorf("%s: no question but\n%s", address, v.body)
		}
		c.code(ada.get(none))
	}
	if v := ada.post("/pools/default/end-session", url.Values{"token": {"forged"}}); v.status != http.StatusForbidden {
		t.Errorf("a forged form: %d", v.status)
	}
	c.code(ada.get(none))
	if v := ada.submit(ada.get("/pools/default/end-session")); !strings.Contains(v.body, "You are signed out") {
		t.Errorf("own form: %d %s", v.status, v.body)
	}
	if v := ada.get(none); v.location.Query().Get("error") != "login_required" {
		t.Errorf("after sign-out: %s", v.location)
	}
	if v := ada.get("/pools/default/end-session?" + url.Values{"id_token_hint": {raw}, "post_logout_redirect_uri": {"https://evil.example"}}.Encode()); v.status != http.StatusBadRequest {
		t.Errorf("an unregistered address after sign-out: %d %s", v.status, v.url)
	}
}

func TestRefusedAuthorizationRequests(t *testing.T) {
	t.Parallel()
	e := open(t)
	c, b := e.client(), e.browser()
	good, err := url.Parse(c.url())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(url.Values)
		want   string // the error for the client; "" for an error page
	}{
		"no PKCE":             {func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, "invalid_request"},
		"plain PKCE":          {func(q url.Values) { q.Set("code_challenge_method", "plain") }, "invalid_request"},
		"PKCE without method": {func(q url.Values) { q.Del("code_challenge_method") }, "invalid_request"},
		"short challenge":     {func(q url.Values) { q.Set("code_challenge", "abc") }, "invalid_request"},
		"implicit":            {func(q url.Values) { q.Set("response_type", "id_token token") }, "unauthorized_client"},
		"fragment":            {func(q url.Values) { q.Set("response_mode", "fragment") }, "invalid_request"},
		"no openid":           {func(q url.Values) { q.Set("scope", "profile") }, "invalid_scope"},
		"request object":      {func(q url.Values) { q.Set("request", "eyJ") }, "request_not_supported"},
		"forged hint":         {func(q url.Values) { q.Set("id_token_hint", "eyJ.e30.x") }, "login_required"},
		"foreign redirect":    {func(q url.Values) { q.Set("redirect_uri", "https://evil.example/auth/callback") }, ""},
		"redirect prefix":     {func(q url.Values) { q.Set("redirect_uri", q.Get("redirect_uri")+"/../x") }, ""},
		"unknown client":      {func(q url.Values) { q.Set("client_id", "other") }, ""},
		"two redirects":       {func(q url.Values) { q.Add("redirect_uri", q.Get("redirect_uri")) }, ""},
	} {
		q := good.Query()
		tc.change(q)
		for _, path := range []string{"/pools/default/authorize", "/pools/default/sign-in", "/pools/default/sign-up"} {
			v := b.get(path + "?" + q.Encode())
			if tc.want == "" || path != "/pools/default/authorize" {
				if v.status != http.StatusBadRequest || v.location != nil || strings.Contains(v.body, `name="password"`) {
					t.Errorf("%s at %s: %d to %v", name, path, v.status, v.location)
				}
			} else if v.location == nil || v.location.Query().Get("error") != tc.want || v.location.Query().Get("iss") == "" || v.location.Query().Has("code") {
				t.Errorf("%s: %d %v", name, v.status, v.location)
			}
		}
	}
	if v := b.get("/pools/default/sign-in"); v.url.Path != "/" {
		t.Errorf("sign-in without a request leads to %s", v.url)
	}
	if v := b.get("/pools/nowhere/authorize?" + good.RawQuery); v.status != http.StatusNotFound {
		t.Errorf("an unknown pool: %d", v.status)
	}
}

func TestCodesWorkOnceAndOnlyForWhoeverAskedForThem(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")

	code := c.code(b.get(c.url()))
	if _, err := c.oauth.Exchange(c.ctx, code, oauth2.VerifierOption(oauth2.GenerateVerifier())); oauthCode(err) != "invalid_grant" {
		t.Errorf("a wrong verifier: %v", err)
	}
	if _, err := c.oauth.Exchange(c.ctx, code, oauth2.VerifierOption(c.verifier)); oauthCode(err) != "invalid_grant" {
		t.Errorf("a code that a wrong verifier used up: %v", err)
	}
	if _, err := c.oauth.Exchange(c.ctx, c.code(b.get(c.url()))); oauthCode(err) != "invalid_request" {
		t.Errorf("no verifier: %v", err)
	}
	other := c.oauth
	other.RedirectURL = e.server.URL + "/elsewhere"
	if _, err := other.Exchange(c.ctx, c.code(b.get(c.url())), oauth2.VerifierOption(c.verifier)); oauthCode(err) != "invalid_grant" {
		t.Errorf("another redirect address: %v", err)
	}
	late := c.code(b.get(c.url()))
	e.pass(2 * time.Minute)
	if _, err := c.oauth.Exchange(c.ctx, late, oauth2.VerifierOption(c.verifier)); oauthCode(err) != "invalid_grant" {
		t.Errorf("an old code: %v", err)
	}

	code = c.code(b.get(c.url()))
	first := c.exchange(code)
	if _, err := c.oauth.Exchange(c.ctx, code, oauth2.VerifierOption(c.verifier)); oauthCode(err) != "invalid_grant" {
		t.Errorf("a replayed code: %v", err)
	}
	if _, err := e.Verify(t.Context(), first.AccessToken); err == nil {
		t.Error("the replay did not end what the code gave")
	}
	if _, err := c.refresh(first.RefreshToken); oauthCode(err) != "invalid_grant" {
		t.Errorf("the refresh token of a replayed code: %v", err)
	}
	if _, err := e.Verify(t.Context(), token.AccessToken); err != nil {
		t.Errorf("another sign-in ended with it: %v", err)
	}
}

func TestRefreshTokensRotateAndReuseEndsTheFamily(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	first := e.signIn(b, c, "ada@example.com")
	second, err := c.refresh(first.RefreshToken)
	if err != nil || second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Fatalf("refresh: %+v, %v", second, err)
	}
	third, err := c.refresh(second.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.refresh(first.RefreshToken); oauthCode(err) != "invalid_grant" {
		t.Errorf("reuse: %v", err)
	}
	if _, err := c.refresh(third.RefreshToken); oauthCode(err) != "invalid_grant" {
		t.Errorf("the newest of a family that was reused: %v", err)
	}
	if _, err := e.Verify(t.Context(), third.AccessToken); err == nil {
		t.Error("the access token of a family that was reused still works")
	}

	fresh := c.exchange(c.code(b.get(c.url())))
	e.pass(8 * 24 * time.Hour)
	if _, err := c.refresh(fresh.RefreshToken); oauthCode(err) != "invalid_grant" {
		t.Errorf("after eight idle days: %v", err)
	}
}

func TestRevocationEndsTheFamily(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	for _, pick := range []func(*oauth2.Token) string{
		func(tok *oauth2.Token) string { return tok.RefreshToken },
		func(tok *oauth2.Token) string { return tok.AccessToken },
	} {
		token := e.signIn(e.browser(), c, "ada@example.com")
		if v := b.post("/pools/default/revoke", url.Values{"client_id": {"other"}, "token": {pick(token)}}); v.status != http.StatusUnauthorized {
			t.Errorf("an unknown client: %d %s", v.status, v.body)
		}
		if _, err := e.Verify(t.Context(), token.AccessToken); err != nil {
			t.Errorf("before: %v", err)
		}
		if v := b.post("/pools/default/revoke", url.Values{"client_id": {"console"}, "token": {pick(token)}}); v.status != http.StatusOK {
			t.Errorf("revoke: %d %s", v.status, v.body)
		}
		if _, err := e.Verify(t.Context(), token.AccessToken); err == nil {
			t.Error("the access token survived")
		}
		if _, err := c.refresh(token.RefreshToken); oauthCode(err) != "invalid_grant" {
			t.Errorf("the refresh token survived: %v", err)
		}
	}
	if v := b.post("/pools/default/revoke", url.Values{"client_id": {"console"}, "token": {"unknown"}}); v.status != http.StatusOK {
		t.Errorf("an unknown token: %d", v.status)
	}
}

func TestTokenEndpointIsStrict(t *testing.T) {
	t.Parallel()
	e := open(t)
	b := e.browser()
	form := url.Values{"client_id": {"console"}, "grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {e.server.URL + "/auth/callback"}, "code_verifier": {"y"}}
	for name, tc := range map[string]struct {
		path   string
		change func(url.Values)
		want   string
	}{
		"code in the address": {"/pools/default/token?code=x", func(url.Values) {}, "invalid_request"},
		"repeated":            {"/pools/default/token", func(q url.Values) { q.Add("code", "z") }, "invalid_request"},
		"unknown code":        {"/pools/default/token", func(url.Values) {}, "invalid_grant"},
		"no grant type":       {"/pools/default/token", func(q url.Values) { q.Del("grant_type") }, "invalid_request"},
		"password grant":      {"/pools/default/token", func(q url.Values) { q.Set("grant_type", "password") }, "unsupported_grant_type"},
		"client credentials":  {"/pools/default/token", func(q url.Values) { q.Set("grant_type", "client_credentials") }, "invalid_client"},
		"unknown client": {"/pools/default/token", func(q url.Values) {
			q.Set("grant_type", "refresh_token")
			q.Set("refresh_token", "x")
			q.Set("client_id", "no")
		}, "invalid_client"},
	} {
		q := url.Values{}
		for k, v := range form {
			q[k] = v
		}
		tc.change(q)
		v := b.post(tc.path, q)
		if !strings.Contains(v.body, `"error":"`+tc.want+`"`) || v.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", name, v.status, v.body)
		}
	}
}

// oauthCode is the error code of RFC 6749 in an error of the client library.
func oauthCode(err error) string {
	var e *oauth2.RetrieveError
	if errors.As(err, &e) {
		return e.ErrorCode
	}
	return ""
}
