package identity_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// asksNone says of the provider that it asks for no second step.
func (f *fed) asksNone() {
	f.t.Helper()
	p, err := f.Federation.Get(f.owner, f.provider)
	if err != nil {
		f.t.Fatal(err)
	}
	d := f.draft()
	d.SecondStep = false
	if _, err := f.Federation.Update(f.owner, p.ID, p.Version, d); err != nil {
		f.t.Fatal(err)
	}
}

// alone checks that a browser's session opens the provider's organisation, without a page, and no other one.
func (f *fed) alone(b *browser, methods string) {
	f.t.Helper()
	c := f.client()
	none := oauth2.SetAuthURLParam("prompt", "none")
	claims := payload(f.t, c.exchange(c.code(b.get(c.url(to("acme"), none)))).AccessToken)
	var amr []string
	for _, m := range claims["amr"].([]any) { //nolint:errcheck,forcetypeassert // a failed assertion fails the test
		amr = append(amr, m.(string)) //nolint:errcheck,forcetypeassert // a failed assertion fails the test
	}
	if got := strings.Join(amr, " "); got != methods {
		f.t.Errorf("methods %q, want %q", got, methods)
	}
	if v := b.get(c.url(to("bolt"), none)); v.location == nil || v.location.Query().Get("error") == "" || v.location.Query().Has("code") {
		f.t.Errorf("the provider of one organisation opens another: %d %v", v.status, v.location)
	}
}

// everywhere makes Ada a member of another organisation as well, with a password that nobody knows.
func (f *fed) everywhere() {
	f.t.Helper()
	ada := f.user("ada@acme.example")
	f.exec(`update identity."user" set email_proved_at = now() where id = $1`, ada.ID)
	f.join(ada, f.tenant, tenancy.RoleLearner)
	f.join(ada, f.env.tenant("bolt", "Bolt"), tenancy.RoleOwner)
}

// Where the provider asks for no second step, that of the pool follows: it is set up once, and asked for at each sign-in.
func TestOurSecondStepFollowsAProviderThatHasNone(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	f.everywhere()
	f.exec(`update identity.pool set mfa = 'required'`)
	f.asksNone()
	b, c := f.browser(), f.client()
	v := f.enter(b, c)
	if v.url.Path != "/pools/default/factors/new" || b.cookie(sessionCookie) != "" {
		t.Fatalf("after the provider: %d %s", v.status, v.url)
	}
	secret, after := f.setUpApp(b, "/pools/default/factors/app?"+v.url.RawQuery)
	next := regexp.MustCompile(`class="button" href="([^"]+)"`).FindStringSubmatch(after.body)
	if next == nil {
		t.Fatalf("after the set-up: %d\n%s", after.status, after.body)
	}
	c.code(b.get(html.UnescapeString(next[1])))
	f.alone(b, "fed otp mfa")

	f.pass(31 * time.Second) // a code is good once
	again := f.browser()
	v = f.enter(again, f.client())
	if v.url.Path != "/pools/default/challenge" || again.cookie(sessionCookie) != "" {
		t.Fatalf("at the next sign-in: %d %s", v.status, v.url)
	}
	if wrong := again.submit(v, "code", "000000"); wrong.status != http.StatusUnauthorized || again.cookie(sessionCookie) != "" {
		t.Errorf("a wrong code: %d", wrong.status)
	}
	if done := again.submit(v, "code", f.code(secret)); done.location == nil || !done.location.Query().Has("code") {
		t.Fatalf("a right code: %d %s\n%s", done.status, done.url, done.body)
	}
	f.alone(again, "fed otp mfa")
}

// Whoever waits for the step when the provider is switched off has nothing to go on with.
func TestAStepEndsWithItsProvider(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	f.exec(`update identity.pool set mfa = 'required'`)
	f.asksNone()
	b, c := f.browser(), f.client()
	v := f.enter(b, c)
	p, err := f.Federation.Get(f.owner, f.provider)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Federation.Remove(f.owner, p.ID, p.Version); err != nil {
		t.Fatal(err)
	}
	if got := b.get("/pools/default/factors/app?" + v.url.RawQuery); strings.HasPrefix(got.url.Path, "/pools") {
		t.Errorf("%d %s", got.status, got.url)
	}
}

// A provider that asks itself is believed, also by the requests that come later.
func TestAProviderThatAsksForTheSecondStepIsBelieved(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	f.everywhere()
	f.exec(`update identity.pool set mfa = 'required'`)
	b, c := f.browser(), f.client()
	c.code(f.enter(b, c))
	f.alone(b, "fed")
	if v := b.get(c.url(to("acme"), oauth2.SetAuthURLParam("acr_values", "urn:cloudkida:mfa"))); v.location != nil {
		t.Errorf("a client that asks for more than the provider tells: %s", v.location)
	}
	f.asksNone() // from now on
	if v := b.get(c.url(to("acme"))); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("a session from before: %s", v.url)
	}
}

// Whoever a provider signed in may set up a factor. The session stays the provider's: else its administrators could open
// whatever other organisations the person is in.
func TestAFactorDoesNotFreeASessionFromItsProvider(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	f.everywhere()
	b, c := f.browser(), f.client()
	c.code(f.enter(b, c))
	if _, after := f.setUpApp(b, "/pools/default/factors/app"); after.status != http.StatusOK {
		t.Fatalf("%d %s", after.status, after.url)
	}
	f.alone(b, "fed otp mfa")
}
