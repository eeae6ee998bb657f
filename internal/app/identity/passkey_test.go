package identity_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

func TestAPasskeySignsInByItselfAndAsTheSecondStep(t *testing.T) {
	t.Parallel()
	e := openAt(t, "localhost")
	_, key := e.withPasskey("ada@example.com")
	alone, c := e.browser(), e.client()
	o, answer := alone.ask(alone.get(c.url()))
	if o.RPID != "localhost" || o.Verification != "required" {
		t.Errorf("a passkey as the only proof is asked for by %+v", o)
	}
	if got := e.methods(c, answer(key.get(o))); !slices.Equal(got, []string{"hwk", "mfa"}) {
		t.Errorf("by the passkey alone: %v", got)
	}
	second, c := e.browser(), e.client()
	v := e.password(second, c, "ada@example.com")
	if v.url.Path != "/pools/default/challenge" || second.cookie(sessionCookie) != "" {
		t.Fatalf("after the password: %d %s", v.status, v.url)
	}
	o, answer = second.ask(v)
	if got := e.methods(c, answer(key.get(o))); !slices.Equal(got, []string{"pwd", "hwk", "mfa"}) {
		t.Errorf("as the second step: %v", got)
	}
}

// methods are those that the ID token names after a sign-in.
func (e *env) methods(c *client, v view) []string {
	e.t.Helper()
	raw, _ := c.exchange(c.code(v)).Extra("id_token").(string)
	id, err := c.provider.Verifier(&oidc.Config{ClientID: "console"}).Verify(c.ctx, raw)
	if err != nil {
		e.t.Fatal(err)
	}
	var claims struct {
		AMR []string `json:"amr"`
		ACR string   `json:"acr"`
	}
	if err := id.Claims(&claims); err != nil || claims.ACR != access.ACRMulti {
		e.t.Fatalf("claims %+v, %v", claims, err)
	}
	return claims.AMR
}

func TestAPasskeyIsMadeHereAndNowAlone(t *testing.T) {
	t.Parallel()
	e := openAt(t, "localhost")
	e.user("ada@example.com")
	b := e.browser()
	e.signIn(b, e.client(), "ada@example.com")
	const page = "/pools/default/factors/passkey"
	earlier, _ := b.ask(b.get(page))
	for name, change := range map[string]func(*passkey){
		"another origin":      func(p *passkey) { p.origin = "https://localhost.example.com" },
		"another port":        func(p *passkey) { p.origin = "https://localhost" },
		"plain http":          func(p *passkey) { p.origin = strings.Replace(p.origin, "https", "http", 1) },
		"another site":        func(p *passkey) { p.site = "example.com" },
		"an answer to a get":  func(p *passkey) { p.kind = "webauthn.get" },
		"nobody was there":    func(p *passkey) { p.flags = 0 },
		"verified, not there": func(p *passkey) { p.flags = verified },
	} {
		o, answer := b.ask(b.get(page))
		if v := answer(e.passkey().with(change).create(o)); v.status != http.StatusUnauthorized || e.passkeys("ada@example.com") != 0 {
			t.Errorf("%s: %d, %d passkeys", name, v.status, e.passkeys("ada@example.com"))
		}
	}
	_, answer := b.ask(b.get(page))
	if v := answer(e.passkey().create(earlier)); v.status != http.StatusUnauthorized || e.passkeys("ada@example.com") != 0 {
		t.Errorf("an answer to an earlier challenge: %d", v.status)
	}
	o, answer := b.ask(b.get(page))
	key := e.passkey()
	credential := key.create(o)
	if v := answer(credential); v.status != http.StatusOK || e.passkeys("ada@example.com") != 1 {
		t.Fatalf("the right one: %d, %d passkeys", v.status, e.passkeys("ada@example.com"))
	}
	if v := answer(credential); v.status < http.StatusBadRequest || e.passkeys("ada@example.com") != 1 {
		t.Errorf("the same answer again: %d, %d passkeys", v.status, e.passkeys("ada@example.com"))
	}

	eve := e.browser()
	e.user("eve@example.com")
	e.signIn(eve, e.client(), "eve@example.com")
	o, answer = eve.ask(eve.get(page))
	if v := answer(key.create(o)); v.status < http.StatusBadRequest || e.passkeys("eve@example.com") != 0 {
		t.Errorf("the credential of somebody else: %d", v.status)
	}
}

func TestAPasskeyThatLiesSignsNobodyIn(t *testing.T) {
	t.Parallel()
	e := openAt(t, "localhost")
	_, ada := e.withPasskey("ada@example.com")
	_, eve := e.withPasskey("eve@example.com")
	b := e.browser()
	earlier, _ := b.ask(b.get(e.client().url()))
	for name, shown := range map[string]*passkey{
		"another origin":               ada.with(func(p *passkey) { p.origin = "https://evil.example" }),
		"another site":                 ada.with(func(p *passkey) { p.site = "evil.example" }),
		"an answer to a create":        ada.with(func(p *passkey) { p.kind = "webauthn.create" }),
		"nobody verified":              ada.with(func(p *passkey) { p.flags = present }),
		"nobody there":                 ada.with(func(p *passkey) { p.flags = verified }),
		"Eve's key for Ada":            eve.with(func(p *passkey) { p.handle = ada.handle }),
		"Eve's key by the name of Ada": eve.with(func(p *passkey) { p.handle, p.id = ada.handle, ada.id }),
		"an unknown key":               e.passkey().with(func(p *passkey) { p.handle = ada.handle }),
		"an unknown person":            ada.with(func(p *passkey) { p.handle = make([]byte, 16) }),
		"a handle that is none":        ada.with(func(p *passkey) { p.handle = []byte("ada") }),
	} {
		o, answer := b.ask(b.get(e.client().url()))
		if v := answer(shown.get(o)); v.status != http.StatusUnauthorized || b.cookie(sessionCookie) != "" {
			t.Errorf("%s: %d, session %q", name, v.status, b.cookie(sessionCookie))
		}
	}
	_, answer := b.ask(b.get(e.client().url()))
	if v := answer(ada.get(earlier)); v.status != http.StatusUnauthorized || b.cookie(sessionCookie) != "" {
		t.Errorf("an answer to an earlier challenge: %d", v.status)
	}
	o, answer := b.ask(b.get(e.client().url()))
	credential := ada.get(o)
	thief := e.browser()
	_, stolen := thief.ask(thief.get(e.client().url()))
	if v := stolen(credential); v.status != http.StatusUnauthorized || thief.cookie(sessionCookie) != "" {
		t.Errorf("an answer from another browser: %d", v.status)
	}
	if v := answer(credential); v.location == nil || b.cookie(sessionCookie) == "" {
		t.Fatalf("the right one: %d\n%s", v.status, v.body)
	}
	if v := answer(credential); v.status < http.StatusBadRequest {
		t.Errorf("the same answer again: %d", v.status)
	}
}

func TestASecondStepTakesThePersonsOwnPasskeyAlone(t *testing.T) {
	t.Parallel()
	e := openAt(t, "localhost")
	_, ada := e.withPasskey("ada@example.com")
	_, eve := e.withPasskey("eve@example.com")
	for name, shown := range map[string]*passkey{
		"Eve's":                          eve,
		"Eve's by the name of Ada":       eve.with(func(p *passkey) { p.handle = ada.handle }),
		"Eve's with the id of Ada's":     eve.with(func(p *passkey) { p.handle, p.id = ada.handle, ada.id }),
		"Ada's on another page":          ada.with(func(p *passkey) { p.origin = "https://evil.example" }),
		"Ada's, that nobody has touched": ada.with(func(p *passkey) { p.flags = 0 }),
	} {
		e.pass(3 * time.Hour) // wrong tries are forgotten
		b, c := e.browser(), e.client()
		o, answer := b.ask(e.password(b, c, "ada@example.com"))
		if v := answer(shown.get(o)); v.status != http.StatusUnauthorized || b.cookie(sessionCookie) != "" {
			t.Errorf("%s: %d, session %q", name, v.status, b.cookie(sessionCookie))
		}
	}
}

// A counter that goes back is a sign of a copy: neither of the two is believed.
func TestACopiedPasskeyIsRefused(t *testing.T) {
	t.Parallel()
	e := openAt(t, "localhost")
	_, key := e.withPasskey("ada@example.com")
	clone := *key
	b, c := e.browser(), e.client()
	for range 3 {
		o, answer := b.ask(b.get(c.url(oauth2.SetAuthURLParam("prompt", "login"))))
		if v := answer(key.get(o)); v.location == nil {
			t.Fatalf("the original: %d\n%s", v.status, v.body)
		}
	}
	other := e.browser()
	o, answer := other.ask(other.get(e.client().url()))
	if v := answer(clone.get(o)); v.status != http.StatusUnauthorized || other.cookie(sessionCookie) != "" {
		t.Errorf("the copy: %d", v.status)
	}
	if log := e.log.String(); !strings.Contains(log, "counter of a passkey went backwards") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

func TestADeletedPasskeyAndOneOfAnotherPoolOpenNothing(t *testing.T) {
	t.Parallel()
	e := openAt(t, "localhost")
	e.silo("acme", "Acme")
	b, key := e.withPasskey("ada@example.com")
	away, c := e.browser(), e.in("acme")
	o, answer := away.ask(away.get(c.url()))
	if v := answer(key.get(o)); v.status != http.StatusUnauthorized || away.cookie("__Host-cloudkida-acme") != "" {
		t.Errorf("in another pool: %d", v.status)
	}
	at := e.browser()
	o, answer = at.ask(at.get(e.client().url())) // before it is deleted
	list := b.get("/pools/default/factors")
	if v := b.submit(list); v.status != http.StatusOK || e.passkeys("ada@example.com") != 0 {
		t.Fatalf("remove the passkey: %d\n%s", v.status, v.body)
	}
	if v := answer(key.get(o)); v.status != http.StatusUnauthorized || at.cookie(sessionCookie) != "" {
		t.Errorf("a deleted passkey: %d", v.status)
	}
}
