package identity_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// looks are brands by tenant; those of nobody are broken.
type looks map[uuid.UUID]brand.Brand

func (l looks) Of(_ context.Context, tenant uuid.UUID) (brand.Brand, error) {
	b, ok := l[tenant]
	if !ok {
		return b, errors.New("no brands today")
	}
	return b, nil
}

func TestPagesLookLikeTheTenantThatTheyAreFor(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme, plain, silo := e.tenant("acme", "Acme"), e.tenant("plain", "Plain"), e.silo("sierra", "Sierra")
	e.tenant("broken", "Broken")
	token := e.member("ada", acme, tenancy.RoleLearner)
	provider := brand.Brand{Title: "The provider", Primary: 0x0f766e, Accent: 0x0f766e, Letter: 'T', Terms: "https://provider.example/terms"}
	own := brand.Brand{
		Title: `Acme & "Sons"`, Own: true, Primary: 0xc2410c, Accent: 0x9a3412, Letter: 'A', Support: "help@acme.example", Privacy: "https://acme.example/privacy",
		Logo: brand.Picture{Hash: strings.Repeat("a", 64), Width: 300, Height: 100, Plate: brand.LightPlate},
	}
	e.Brands = looks{uuid.Nil: provider, acme: own, plain: {Title: "Plain"}, silo: {Title: "Sierra", Own: true, Primary: 1, Accent: 1, Letter: 'S'}}
	c := e.client()
	b := e.browser()
	looksLike := func(name string, v view, want brand.Brand) {
		t.Helper()
		for _, part := range []string{"· " + strings.NewReplacer("&", "&amp;", `"`, "&#34;").Replace(want.Title) + "</title>", `href="` + cmp.Or(want.IconPath(), "/favicon.svg") + `"`} {
			if !strings.Contains(v.body, part) {
				t.Errorf("%s lacks %s:\n%.1200s", name, part, v.body)
			}
		}
		if path := want.SheetPath(); path != "" && !strings.Contains(v.body, `<link rel="stylesheet" href="`+path+`">`) {
			t.Errorf("%s has other colours than %s", name, path)
		}
	}
	looksLike("sign-in without a tenant", b.get(c.url()), provider)
	looksLike("sign-in to a tenant without a brand", b.get(c.url(to("plain"))), provider)
	looksLike("sign-in to a tenant whose brand cannot be read", b.get(c.url(to("broken"))), brand.Default())
	looksLike("sign-in to nobody", b.get(c.url(to("nobody"))), provider)
	page := b.get(c.url(to("acme")))
	looksLike("sign-in to acme", page, own)
	for _, part := range []string{
		`class="logo on-light" src="/brand/` + own.Logo.Hash + `.png" width="300" height="100" alt="Acme &amp; &#34;Sons&#34;"`,
		`<h1>Sign in to Acme &amp; &#34;Sons&#34;</h1>`, `href="mailto:help@acme.example"`, `href="https://acme.example/privacy"`,
	} {
		if !strings.Contains(page.body, part) {
			t.Errorf("sign-in to acme lacks %s", part)
		}
	}
	if policy := page.header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || strings.Contains(page.body, "style=") {
		t.Errorf("colours need what the policy does not allow: %s", policy)
	}
	looksLike("a wrong password", b.submit(page, "email", "ada@example.com", "password", "wrong"), own)
	looksLike("after it, a page of no way in", b.get("/pools/default/signed-out"), own)
	looksLike("elsewhere", e.browser().get("/pools/default/signed-out"), provider)
	looksLike("sign-in without a tenant again", b.get(c.url()), provider)
	if v := b.get("/pools/default/nothing-here"); v.status != http.StatusNotFound {
		t.Error(v.status)
	} else {
		looksLike("an error", v, own)
	}
	looksLike("a pool of a tenant's own", b.get(e.in("sierra").url()), brand.Brand{Title: "Sierra", Own: true, Primary: 1, Accent: 1, Letter: 'S'})
	status, me := e.call("GET", "/v1/me", token, "")
	look, _ := me["branding"].(map[string]any)
	if status != http.StatusOK || look["title"] != own.Title || look["primary"] != "#c2410c" || look["own"] != true {
		t.Errorf("me: %d %v", status, look)
	}
	status, config := e.call("GET", "/v1/config?tenant=acme", "", "")
	look, _ = config["branding"].(map[string]any)
	if status != http.StatusOK || look["title"] != own.Title || look["support"] != "mailto:help@acme.example" {
		t.Errorf("config: %d %v", status, look)
	}
}
