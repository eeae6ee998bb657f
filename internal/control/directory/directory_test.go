package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/control/directory"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func TestQuestionsByNameAndHost(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.owner("acme", "basic")
	f.owner("shut", "basic")
	f.owner("gone", "basic")
	f.exec(`update control.tenant set status = 'suspended' where name = 'shut'`)
	f.exec(`update control.tenant set status = 'purged' where name = 'gone'`)
	for q, want := range map[directory.Question]string{
		{Tenant: "acme"}: "acme", {Tenant: " ACME "}: "acme", {Tenant: "default"}: "default", {Tenant: "shut"}: "shut",
		{Tenant: "gone"}: "no_such_tenant", {Tenant: "nobody"}: "no_such_tenant", {Tenant: "a' or true --"}: "no_such_tenant", {Tenant: "a.b"}: "no_such_tenant",
		{Host: "labs.example"}: "default", {Host: "LABS.example.:8443"}: "default", {Host: "acme.labs.example"}: "acme", {Host: "Acme.Labs.Example:443"}: "acme",
		{Host: "shut.labs.example"}: "shut", {Host: "gone.labs.example"}: "no_such_tenant", {Host: "nobody.labs.example"}: "no_such_tenant",
		{Host: "a.acme.labs.example"}: "no_such_tenant", {Host: ".labs.example"}: "no_such_tenant", {Host: "acme.example"}: "no_such_host",
		{Host: "evillabs.example"}: "no_such_host", {Host: "labs.example.evil.example"}: "no_such_host", {Host: "[::1]:8080"}: "no_such_host",
		{}: "one_question", {Tenant: "acme", Host: "labs.example"}: "one_question", {Tenant: "acme", Email: "a@b.example"}: "one_question",
		{Email: "ada"}: "invalid_email", {Email: "ada@"}: "invalid_email", {Email: "a@b"}: "invalid_email", {Email: "a@192.0.2.1"}: "invalid_email",
		{Email: "a@b.example"}: "default",
	} {
		a, err := f.Ask(t.Context(), "192.0.2.1", q)
		got := a.Tenant.Name
		var known *errs.Error
		if errors.As(err, &known) {
			got = known.Code
		} else if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%+v: %s, %v, want %s", q, got, err, want)
		}
	}
	a, err := f.Ask(t.Context(), "192.0.2.1", directory.Question{Tenant: "acme"})
	look := brand.Default()
	look.Title = "Acme"
	want := directory.Answer{
		Issuer: publicURL + "/pools/" + a.Tenant.ID.String(), ClientID: "console", APIURL: publicURL,
		Tenant: directory.Tenant{ID: a.Tenant.ID, Name: "acme", Title: "Acme"}, Branding: directory.Branding{View: look.View()},
	}
	if err != nil || a != want {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAnswersAreRememberedUntilSomethingChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.owner("acme", "basic")
	title := func() string {
		t.Helper()
		a, err := f.Ask(t.Context(), "192.0.2.1", directory.Question{Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		return a.Branding.Title
	}
	rename := func(to string) {
		t.Helper()
		if _, err := f.d.Owner.Exec(t.Context(), `update control.tenant set title = $1 where name = 'acme'`, to); err != nil {
			t.Fatal(err)
		}
	}
	rename("One")
	title()
	rename("Two")
	if got := title(); got != "One" {
		t.Errorf("it was read again: %s", got)
	}
	f.Forget()
	if got := title(); got != "Two" {
		t.Errorf("after a hint: %s", got)
	}
	rename("Three")
	f.clock.pass(5 * time.Second)
	if got := title(); got != "Three" {
		t.Errorf("after 5 s: %s", got)
	}
}

func TestGuessingIsSlowedDownAndKnowingIsNot(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Limits.Unknown = throttle.Rule{Free: 3, First: time.Minute, Max: time.Hour, Forget: time.Hour}
	f.owner("acme", "basic")
	for range 20 {
		f.Forget()
		f.whose(directory.Question{Tenant: "acme"})
	}
	for n := range 4 {
		if _, err := f.Ask(t.Context(), "192.0.2.1", directory.Question{Tenant: fmt.Sprint("guess-", n)}); !errors.Is(err, directory.ErrUnknown) {
			t.Fatal(err)
		}
	}
	for _, q := range []directory.Question{{Tenant: "guess-4"}, {Email: "a@guess.example"}, {Host: "guess-5.labs.example"}} {
		if _, err := f.Ask(t.Context(), "192.0.2.1", q); err == nil || !strings.Contains(err.Error(), "Too many requests") {
			t.Errorf("%+v: %v", q, err)
		}
	}
	f.whose(directory.Question{Tenant: "acme"}) // is remembered
	if _, err := f.Ask(t.Context(), "192.0.2.2", directory.Question{Tenant: "guess-4"}); !errors.Is(err, directory.ErrUnknown) {
		t.Errorf("somebody else: %v", err)
	}
}

// site is the API with a gateway that takes a persona's name as the token.
func (f *fixture) site(personas map[string]tenancy.Scope) http.Handler {
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	gate := &gateway.Gateway{
		Entitle: func(ctx context.Context, feature string) error {
			scope, _ := tenancy.From(ctx)
			return tier.New(f.Pool).Entitled(ctx, scope.Tenant, tier.Feature(feature))
		},
		Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
			s, ok := personas[bearer]
			if !ok {
				return s, gateway.ErrSignIn
			}
			return s, nil
		},
		Authorize: func(ctx context.Context, p tenancy.Permission) error {
			scope, _ := tenancy.From(ctx)
			if scope.Role == tenancy.RoleOwner || scope.Role == tenancy.RoleAdmin && p == "read" {
				return nil
			}
			return errs.Forbidden("forbidden", "No.")
		},
	}
	api.UseMiddleware(gate.Middleware(api))
	f.Register(api, "read", "write")
	return mux
}

func call(t *testing.T, site http.Handler, persona, method, path, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if persona != "" {
		r.Header.Set("Authorization", "Bearer "+persona)
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestNoAnswerTellsWhetherAnAddressExists(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.proved(f.owner("acme", "standard"), "acme.example")
	f.exec(`insert into identity."user" (pool_id, email, email_key, name) select id, 'ada@home.example', 'ada@home.example', 'Ada' from identity.pool where name = 'default'`)
	f.exec(`insert into identity."user" (pool_id, email, email_key, name) select id, 'ada@acme.example', 'ada@acme.example', 'Ada' from identity.pool where name = 'default'`)
	site := f.site(nil)
	ask := func(email string) string {
		t.Helper()
		status, body := call(t, site, "", http.MethodGet, "/v1/directory?email="+url.QueryEscape(email), "")
		return fmt.Sprint(status, body)
	}
	unknown := ask("nobody@nowhere.example")
	if _, byName := call(t, site, "", http.MethodGet, "/v1/directory?tenant=default", ""); unknown != "200"+byName && unknown != "200 "+byName {
		t.Errorf("an unknown domain: %s, by name %s", unknown, byName)
	}
	// Neither does time: no statement comes near an account. The directory answers as before without a right to look there.
	f.exec(`revoke all on identity."user", identity.membership, identity.invitation, identity.browser_session, identity.token_family from public, cloudkida_control, cloudkida_app, cloudkida_identity`)
	if again := ask("somebody@nowhere.example"); again != unknown {
		t.Errorf("without a right to read accounts: %s; with it: %s", again, unknown)
	}
	if known := ask("ada@home.example"); known != unknown {
		t.Errorf("an address with an account: %s; without: %s", known, unknown)
	}
	if one, two := ask("ada@acme.example"), ask("nobody@acme.example"); one != two || !strings.Contains(one, `"name":"acme"`) {
		t.Errorf("with an account: %s; without: %s", one, two)
	}
	for _, bad := range []string{"", "tenant=acme&host=labs.example", "email=ada", "tenant=" + strings.Repeat("a", 101), "host=" + strings.Repeat("a", 301)} {
		if status, body := call(t, site, "", http.MethodGet, "/v1/directory?"+bad, ""); status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
	if status, body := call(t, site, "", http.MethodGet, "/v1/directory?host=nobody.labs.example", ""); status != http.StatusNotFound || !strings.Contains(body, "Check the address") {
		t.Errorf("an unknown host: %d %s", status, body)
	}
}

func TestDomainsInTheAPI(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	scope := func(ctx context.Context, role tenancy.Role) tenancy.Scope {
		s, _ := tenancy.From(ctx)
		s.Role = role
		return s
	}
	acme, evil := f.owner("acme", "standard"), f.owner("evil", "basic")
	site := f.site(map[string]tenancy.Scope{
		"owner": scope(acme, tenancy.RoleOwner), "admin": scope(acme, tenancy.RoleAdmin), "learner": scope(acme, tenancy.RoleLearner), "evil": scope(evil, tenancy.RoleOwner),
	})
	status, body := call(t, site, "owner", http.MethodPost, "/v1/tenant/domains", `{"domain":"b\u00fccher.example"}`)
	var d directory.DomainView
	if err := json.Unmarshal([]byte(body), &d); err != nil || status != http.StatusCreated || d.Shown != "bücher.example" || d.State != directory.Pending {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	if d.Record != (directory.Record{Type: "TXT", Name: "_cloudkida-challenge.xn--bcher-kva.example", Value: d.Record.Value}) || d.Record.Value == "" {
		t.Errorf("%+v", d.Record)
	}
	path := "/v1/tenant/domains/" + d.ID.String()
	for _, c := range []struct {
		persona, method, path, body string
		want                        int
	}{
		{"", http.MethodGet, "/v1/tenant/domains", "", http.StatusUnauthorized},
		{"learner", http.MethodGet, "/v1/tenant/domains", "", http.StatusForbidden},
		{"admin", http.MethodGet, "/v1/tenant/domains", "", http.StatusOK},
		{"admin", http.MethodPost, path + "/check", "", http.StatusForbidden},
		{"admin", http.MethodDelete, path, "", http.StatusForbidden},
		{"evil", http.MethodDelete, path, "", http.StatusNotFound},
		{"evil", http.MethodPost, "/v1/tenant/domains", `{"domain":"evil.example"}`, http.StatusForbidden},
		{"owner", http.MethodPost, "/v1/tenant/domains", `{"domain":"gmail.com"}`, http.StatusUnprocessableEntity},
		{"owner", http.MethodPost, "/v1/tenant/domains", `{"domain":"xn--bcher-kva.example"}`, http.StatusConflict},
		{"owner", http.MethodPost, path + "/check", "", http.StatusOK},
	} {
		if status, body := call(t, site, c.persona, c.method, c.path, c.body); status != c.want {
			t.Errorf("%s %s as %q: %d %s, want %d", c.method, c.path, c.persona, status, body, c.want)
		}
	}
	_, body = call(t, site, "owner", http.MethodGet, "/v1/tenant/domains", "")
	var list directory.Domains
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Items) != 1 || !list.Allowed || list.Most != 20 || list.Items[0].CheckedAt == nil {
		t.Errorf("%s, %v", body, err)
	}
	if _, body = call(t, site, "evil", http.MethodGet, "/v1/tenant/domains", ""); !strings.Contains(body, `"items":[]`) || !strings.Contains(body, `"allowed":false`) || !strings.Contains(body, `"Standard"`) {
		t.Errorf("another organisation sees %s", body)
	}
	if status, body = call(t, site, "owner", http.MethodDelete, path, ""); status != http.StatusNoContent {
		t.Errorf("%d %s", status, body)
	}
}
