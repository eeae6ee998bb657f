package identity_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// tenant makes a pooled tenant.
func (e *env) tenant(name, title string) uuid.UUID {
	e.t.Helper()
	var id uuid.UUID
	if err := e.db.Control.QueryRow(e.t.Context(), `insert into control.tenant (name, title) values ($1, $2) returning id`, name, title).Scan(&id); err != nil {
		e.t.Fatal(err)
	}
	return id
}

// silo makes a tenant with a user pool of its own.
func (e *env) silo(name, title string) uuid.UUID {
	e.t.Helper()
	id := e.tenant(name, title)
	if err := e.Provision.MakePool(e.t.Context(), id, name); err != nil {
		e.t.Fatal(err)
	}
	return id
}

// join makes a user a member.
func (e *env) join(u identity.User, tenant uuid.UUID, role tenancy.Role) {
	e.t.Helper()
	e.exec(`insert into identity.membership (user_id, tenant_id, role) values ($1, $2, $3)`, u.ID, tenant, string(role))
}

func (e *env) status(tenant uuid.UUID, status, reason string) {
	e.t.Helper()
	e.exec(`update control.tenant set status = $2, status_reason = $3 where id = $1`, tenant, status, reason)
	e.ForgetTenant(tenant)
}

// in is the console's client at the pool of this name.
func (e *env) in(pool string) *client {
	e.t.Helper()
	c := e.client()
	provider, err := oidc.NewProvider(c.ctx, e.server.URL+"/pools/"+pool)
	if err != nil {
		e.t.Fatal(err)
	}
	c.provider = provider
	c.oauth.Endpoint = provider.Endpoint()
	c.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	return c
}

func to(tenant string) oauth2.AuthCodeOption { return oauth2.SetAuthURLParam("tenant", tenant) }

func TestSignInToANamedTenant(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme, bolt := e.tenant("acme", "Acme & Söhne"), e.tenant("bolt", "Bolt")
	ada := e.user("ada@example.com")
	e.join(ada, acme, tenancy.RoleOwner)
	e.join(ada, bolt, tenancy.RoleAuthor)
	b, c := e.browser(), e.client()
	page := b.get(c.url(to("acme")))
	if page.url.Query().Get("tenant") != "acme" || !strings.Contains(page.body, "<h1>Sign in to Acme &amp; Söhne</h1>") || strings.Contains(page.body, "Create an account") {
		t.Fatalf("the page at %s says\n%s", page.url, page.body)
	}
	wrong := b.submit(page, "email", "ada@example.com", "password", "wrong")
	if wrong.status != http.StatusUnauthorized || !strings.Contains(wrong.body, "Sign in to Acme") || strings.Contains(wrong.body, "Create an account") {
		t.Errorf("after a mistake: %d\n%s", wrong.status, wrong.body)
	}
	token := c.exchange(c.code(b.submit(wrong, "email", "ada@example.com", "password", goodPassword)))
	claims, err := e.Verify(t.Context(), token.AccessToken)
	if err != nil || claims.Tenant != acme {
		t.Fatalf("%+v, %v", claims, err)
	}
	_, me := e.call("GET", "/v1/me", token.AccessToken, "")
	if got := names(me); got != "default learner, acme owner, bolt author" || me["role"] != "owner" {
		t.Errorf("me: %s of %v", got, me)
	}
	switched := c.exchange(c.code(b.get(c.url(to("bolt"), oauth2.SetAuthURLParam("prompt", "none")))))
	if claims, err := e.Verify(t.Context(), switched.AccessToken); err != nil || claims.Tenant != bolt {
		t.Errorf("switched: %+v, %v", claims, err)
	}
	refreshed, err := c.refresh(switched.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims, err := e.Verify(t.Context(), refreshed.AccessToken); err != nil || claims.Tenant != bolt {
		t.Errorf("refreshed: %+v, %v", claims, err)
	}
	choice := b.get(c.url())
	doors := regexp.MustCompile(`href="(/pools/default/authorize\?[^"]*tenant=([a-z]+))"`).FindAllStringSubmatch(choice.body, -1)
	if choice.location != nil || len(doors) < 2 || doors[0][2] != "default" {
		t.Fatalf("without a name: %d, doors %q", choice.status, doors)
	}
	for _, door := range doors {
		token := c.exchange(c.code(b.get(html.UnescapeString(door[1]))))
		if _, me := e.call("GET", "/v1/me", token.AccessToken, ""); !strings.Contains(fmt.Sprint(me["tenant"]), "name:"+door[2]) {
			t.Errorf("%s leads to %v", door[2], me["tenant"])
		}
	}
	unnamed := c.exchange(c.code(b.get(c.url(oauth2.SetAuthURLParam("prompt", "none")))))
	if claims, err := e.Verify(t.Context(), unnamed.AccessToken); err != nil || claims.Tenant != tenancy.DefaultTenant() {
		t.Errorf("without a name: %+v, %v", claims, err)
	}
}

func names(me map[string]any) string {
	var out []string
	list, _ := me["tenants"].([]any)
	for _, item := range list {
		t, _ := item.(map[string]any)
		name, _ := t["name"].(string)
		role, _ := t["role"].(string)
		out = append(out, name+" "+role)
	}
	return strings.Join(out, ", ")
}

func TestTenantsOfOthersAreRefusedWithARemedy(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.tenant("acme", "Acme")
	e.silo("silo", "Silo")
	gone := e.tenant("gone", "Gone")
	e.status(gone, "purged", "")
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	page := b.submit(b.get(c.url(to("acme"))), "email", "ada@example.com", "password", goodPassword)
	if page.status != http.StatusForbidden || page.location != nil || !strings.Contains(page.body, "not a member of Acme") {
		t.Fatalf("no member: %d %v\n%s", page.status, page.location, page.body)
	}
	again := b.get(c.url(to("acme")))
	if again.status != http.StatusForbidden || !strings.Contains(again.body, "Sign in with another account") || !strings.Contains(again.body, "tenant=acme") {
		t.Errorf("a browser that is signed in: %d\n%s", again.status, again.body)
	}
	for name, want := range map[string]int{"nowhere": 404, "silo": 404, "ACME": 404, "a\x00b": 404, strings.Repeat("a", 5000): 404, "gone": 403} {
		v := b.get(c.url(to(name)))
		if v.status != want || v.location != nil || strings.Contains(v.body, `name="password"`) {
			t.Errorf("%.20q: %d %v", name, v.status, v.location)
		}
	}
	for _, name := range []string{"acme", "nowhere", "silo", "gone"} {
		v := b.get(c.url(to(name), oauth2.SetAuthURLParam("prompt", "none")))
		if v.location == nil || v.location.Query().Get("error") != "access_denied" || v.location.Query().Get("state") != c.state {
			t.Errorf("%s without a page: %d %v", name, v.status, v.location)
		}
	}
	if v := b.get(c.url(to("acme")) + "&tenant=default"); v.status != http.StatusBadRequest {
		t.Errorf("two tenants: %d", v.status)
	}
	direct := strings.Replace(c.url(to("acme")), "/authorize?", "/sign-up?", 1)
	if v := b.get(direct); v.status != http.StatusNotFound {
		t.Errorf("sign-up by oneself to an organisation: %d", v.status)
	}
	if v := e.browser().get(c.url(to("acme"), oauth2.SetAuthURLParam("prompt", "create"))); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("prompt=create leads to %s", v.url)
	}
}

func TestEveryStationOfATenantIsToldInItsOwnWords(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme := e.tenant("acme", "Acme")
	ada := e.user("ada@example.com")
	e.exec(`delete from identity.membership where user_id = $1`, ada.ID)
	e.join(ada, acme, tenancy.RoleOwner)
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")
	for _, s := range []struct{ status, reason, code, say string }{
		{"provisioning", "", "tenant_provisioning", "still being set up"},
		{"suspended", "The invoice of May is open.", "tenant_suspended", "Reason: The invoice of May is open."},
		{"offboarding", "", "tenant_offboarding", "being closed"},
		{"purged", "", "tenant_purged", "data is deleted"},
	} {
		e.status(acme, "active", "")
		fresh := c.exchange(c.code(b.get(c.url())))
		code := c.code(b.get(c.url()))
		e.status(acme, s.status, s.reason)
		status, problem := e.call("GET", "/v1/me", token.AccessToken, "")
		detail, _ := problem["detail"].(string)
		if status != http.StatusForbidden || problem["code"] != s.code || !strings.Contains(detail, s.say) {
			t.Errorf("%s: %d %v", s.status, status, problem)
		}
		if _, err := c.refresh(fresh.RefreshToken); oauthCode(err) != "invalid_grant" || !strings.Contains(err.Error(), s.say) {
			t.Errorf("%s: refresh: %v", s.status, err)
		}
		if _, err := c.oauth.Exchange(c.ctx, code, oauth2.VerifierOption(c.verifier)); oauthCode(err) != "invalid_grant" {
			t.Errorf("%s: a code from before: %v", s.status, err)
		}
		for _, option := range [][]oauth2.AuthCodeOption{nil, {to("acme")}} {
			if v := b.get(c.url(option...)); v.status != http.StatusForbidden || v.location != nil || !strings.Contains(v.body, s.say) {
				t.Errorf("%s: sign-in: %d %v\n%s", s.status, v.status, v.location, v.body)
			}
		}
		if stranger := e.browser().get(c.url(to("acme"))); s.reason != "" && strings.Contains(stranger.body, s.reason) {
			t.Errorf("%s: strangers read the reason", s.status)
		}
	}
}

func TestASiloHasItsOwnPoolIssuerAndKey(t *testing.T) {
	t.Parallel()
	e := open(t)
	silo, pooled := e.silo("silo", "Silo GmbH"), e.tenant("acme", "Acme")
	user, hasPassword, err := e.Provision.AddOwner(t.Context(), provision.NewMember{Pool: "silo", Tenant: silo, Email: "Ada@Example.com", Name: "Ada"})
	if err != nil || hasPassword {
		t.Fatal(err, hasPassword)
	}
	link, err := e.Provision.EnterLink(t.Context(), user)
	if err != nil || !strings.HasPrefix(link, e.server.URL+"/pools/silo/enter?token=") {
		t.Fatal(link, err)
	}
	b, c := e.browser(), e.in("silo")
	for range 2 { // mail programs look before people do
		if v := b.get(link); !strings.Contains(v.body, "Welcome to Silo GmbH") || !strings.Contains(v.body, "Ada@Example.com") {
			t.Fatalf("%d\n%s", v.status, v.body)
		}
	}
	if v := b.submit(b.get(link), "password", "short"); v.status != http.StatusUnprocessableEntity {
		t.Errorf("a weak password: %d", v.status)
	}
	if v := b.submit(b.get(link), "password", goodPassword); v.url.Path != "/" || v.url.Query().Get("tenant") != "silo" || !v.url.Query().Has("signed-in") {
		t.Fatalf("after the password: %d %s\n%s", v.status, v.url, v.body)
	}
	if v := e.browser().get(link); v.status != http.StatusNotFound {
		t.Errorf("a used link: %d", v.status)
	}
	if _, err := e.Provision.EnterLink(t.Context(), user); errs.KindOf(err) != errs.KindConflict {
		t.Errorf("a link for somebody with a password: %v", err)
	}
	token := c.exchange(c.code(b.get(c.url(oauth2.SetAuthURLParam("prompt", "none")))))
	claims, err := e.Verify(t.Context(), token.AccessToken)
	if err != nil || claims.Tenant != silo || claims.Pool != "silo" || claims.User != user {
		t.Fatalf("%+v, %v", claims, err)
	}
	if m, err := e.Membership(t.Context(), user, silo); err != nil || m.Role != tenancy.RoleOwner {
		t.Errorf("%+v, %v", m, err)
	}
	page := e.browser().get(c.url())
	if !strings.Contains(page.body, "<h1>Sign in to Silo GmbH</h1>") || strings.Contains(page.body, "sign-up") {
		t.Errorf("its page says\n%s", page.body)
	}
	if v := b.get(strings.Replace(c.url(), "/authorize?", "/sign-up?", 1)); v.status != http.StatusNotFound {
		t.Errorf("sign-up by oneself to a silo: %d", v.status)
	}
	kids := map[string]bool{}
	for _, pool := range []string{"default", "silo"} {
		kids[e.browser().get("/pools/"+pool+"/keys").body] = true
	}
	if len(kids) != 2 {
		t.Error("two pools publish the same keys")
	}
	for _, name := range []string{"acme", "default"} {
		if v := e.browser().get(c.url(to(name))); v.status != http.StatusNotFound {
			t.Errorf("the tenant %s at the silo's pool: %d", name, v.status)
		}
	}
	if name, issuer, err := e.Provision.PoolOf(t.Context(), silo); err != nil || name != "silo" || issuer != e.server.URL+"/pools/silo" {
		t.Error(name, issuer, err)
	}
	if name, issuer, err := e.Provision.PoolOf(t.Context(), pooled); err != nil || name != "default" || issuer != e.server.URL+"/pools/default" {
		t.Error(name, issuer, err)
	}
}

// Neither the database nor the authorizer lets a sign-in of one pool into a tenant of another.
func TestATokenOfOnePoolNeverWorksForATenantOfAnother(t *testing.T) {
	t.Parallel()
	e := open(t)
	silo, pooled := e.silo("silo", "Silo"), e.tenant("acme", "Acme")
	ada := e.user("ada@example.com")
	inside, _, err := e.Provision.AddOwner(t.Context(), provision.NewMember{Pool: "silo", Tenant: silo, Email: "ada@example.com", Name: "Ada"})
	if err != nil || inside == ada.ID {
		t.Fatalf("the same address in another pool is another person: %v", err)
	}
	join := `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, 'owner')`
	for _, pair := range [][2]uuid.UUID{{ada.ID, silo}, {inside, pooled}, {inside, tenancy.DefaultTenant()}} {
		if _, err := e.db.Identity.Exec(t.Context(), join, pair[0], pair[1]); err == nil || !strings.Contains(err.Error(), "another pool") {
			t.Errorf("a membership across pools: %v", err)
		}
	}
	// Even with such a row, which only a fault of ours could leave.
	e.exec(`alter table identity.membership disable trigger pool`)
	e.exec(join, ada.ID, silo)
	if _, err := e.Membership(t.Context(), ada.ID, silo); errs.KindOf(err) != errs.KindForbidden {
		t.Errorf("the authorizer: %v", err)
	}
	token := e.signIn(e.browser(), e.client(), "ada@example.com")
	e.exec(`update identity.token_family set tenant_id = $2 where user_id = $1`, ada.ID, silo)
	claims := payload(t, token.AccessToken)
	claims["tenant"] = silo
	claims["iss"] = e.server.URL + "/pools/silo"
	if status, _ := e.call("GET", "/v1/me", token.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("a token whose family is of another tenant: %d", status)
	}
}

func TestOwnersAreAddedOnceAndNeverByAnUnprovedAddress(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme, bolt := e.tenant("acme", "Acme"), e.tenant("bolt", "Bolt")
	in := provision.NewMember{Pool: "default", Tenant: acme, Email: " Eve@Example.com ", Name: "Eve"}
	user, _, err := e.Provision.AddOwner(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []uuid.UUID{acme, bolt} {
		in.Tenant, in.Email = tenant, "eve@example.com"
		if again, has, err := e.Provision.AddOwner(t.Context(), in); err != nil || again != user || has {
			t.Errorf("again: %s, %t, %v", again, has, err)
		}
	}
	// Mallory made an account with Ada's address, and waits for Ada to get rights through it.
	mallory := e.user("ada@example.com")
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")
	reset, err := e.ResetLink(t.Context(), mallory.ID)
	if err != nil {
		t.Fatal(err)
	}
	owner, has, err := e.Provision.AddOwner(t.Context(), provision.NewMember{Pool: "default", Tenant: acme, Email: "ada@example.com", Name: "Ada"})
	if err != nil || owner != mallory.ID || has {
		t.Fatal(owner, has, err)
	}
	e.Forget(owner)
	if _, err := e.Verify(t.Context(), token.AccessToken); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("a sign-in from before the address was proved: %v", err)
	}
	if v := b.get(reset); v.status != http.StatusNotFound {
		t.Errorf("a link from before: %d", v.status)
	}
	if v := b.submit(e.browserAt(b, c.url()), "email", "ada@example.com", "password", goodPassword); v.status != http.StatusUnauthorized {
		t.Errorf("a password from before: %d", v.status)
	}
	root, err := e.CreateUser(t.Context(), identity.NewUser{Email: "root@example.com", Name: "Root", Password: goodPassword, Operator: true})
	if err != nil {
		t.Fatal(err)
	}
	off := e.user("off@example.com")
	e.exec(`update identity."user" set disabled_at = now() where id = $1`, off.ID)
	for email, want := range map[string]error{root.Email: provision.ErrUnproved, off.Email: provision.ErrDisabled, "no address": nil} {
		_, _, err := e.Provision.AddOwner(t.Context(), provision.NewMember{Pool: "default", Tenant: acme, Email: email, Name: "X"})
		if err == nil || want != nil && err.Error() != want.Error() {
			t.Errorf("%s: %v", email, err)
		}
	}
	silo := e.silo("silo", "Silo")
	for _, wrong := range []provision.NewMember{{Pool: "silo", Tenant: acme}, {Pool: "default", Tenant: silo}, {Pool: "none", Tenant: acme}, {Pool: "default", Tenant: uuid.New()}} {
		wrong.Email, wrong.Name = "new@example.com", "New"
		if _, _, err := e.Provision.AddOwner(t.Context(), wrong); err == nil {
			t.Errorf("%+v was added", wrong)
		}
	}
}

// browserAt opens an address in a browser whose own session has ended.
func (e *env) browserAt(b *browser, address string) view {
	e.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		e.t.Fatal(err)
	}
	q := u.Query()
	q.Set("prompt", "login")
	u.RawQuery = q.Encode()
	return b.get(u.String())
}

func TestPoolsAreMadeOnceAndForTheirTenantAlone(t *testing.T) {
	t.Parallel()
	e := open(t)
	ctx := t.Context()
	silo, other := e.silo("silo", "Silo"), e.tenant("other", "Other")
	if err := e.Provision.MakePool(ctx, silo, "silo"); err != nil {
		t.Errorf("again: %v", err)
	}
	for name, tenant := range map[string]uuid.UUID{"silo": other, "default": tenancy.DefaultTenant(), "fresh": other, "ghost": uuid.New()} {
		if err := e.Provision.MakePool(ctx, tenant, name); err == nil {
			t.Errorf("a pool %s was made", name)
		}
	}
	e.join(e.user("ada@example.com"), other, tenancy.RoleOwner)
	if err := e.Provision.MakePool(ctx, other, "other"); errs.KindOf(err) != errs.KindConflict {
		t.Errorf("a pool that would shut people out: %v", err)
	}
	third := e.tenant("third", "Third")
	done := make(chan error, 4)
	for range cap(done) {
		go func() { done <- e.service(e.server.URL).Provision.MakePool(ctx, third, "third") }()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var pools, keys int
	err := e.db.Owner.QueryRow(ctx, `select count(distinct p.id), count(k.id) from identity.pool p join identity.signing_key k on k.pool_id = p.id where p.name = 'third'`).Scan(&pools, &keys)
	if err != nil || pools != 1 || keys != 1 {
		t.Errorf("%d pools, %d keys, %v", pools, keys, err)
	}
}

func TestRemovedTenantsLeaveNothingAndNobodyElseLosesAnything(t *testing.T) {
	t.Parallel()
	e := open(t)
	ctx := t.Context()
	acme, silo, other := e.tenant("acme", "Acme"), e.silo("silo", "Silo"), e.tenant("other", "Other")
	add := func(pool string, tenant uuid.UUID, email string) uuid.UUID {
		id, _, err := e.Provision.AddOwner(ctx, provision.NewMember{Pool: pool, Tenant: tenant, Email: email, Name: "A"})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	only, both := add("default", acme, "only@example.com"), add("default", acme, "both@example.com")
	add("default", other, "both@example.com")
	inside := add("silo", silo, "only@example.com")
	ada := e.user("ada@example.com")
	e.join(ada, acme, tenancy.RoleLearner)
	b, c := e.browser(), e.client()
	page := b.get(c.url(to("acme")))
	token := c.exchange(c.code(b.submit(page, "email", "ada@example.com", "password", goodPassword)))
	if _, err := e.Provision.EnterLink(ctx, inside); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []uuid.UUID{acme, silo, tenancy.DefaultTenant()} {
		if _, err := e.Provision.RemoveTenant(ctx, tenant); errs.KindOf(err) != errs.KindConflict {
			t.Errorf("a tenant in use: %v", err)
		}
	}
	e.status(acme, "purged", "")
	e.status(silo, "offboarding", "")
	removed, err := e.Provision.RemoveTenant(ctx, acme)
	if err != nil || removed["identity.membership"] != 3 || removed["identity.user"] != 1 || removed["identity.token_family"] != 1 || removed["identity.refresh_token"] != 1 || removed["identity.pool"] != 0 {
		t.Errorf("acme: %v, %v", removed, err)
	}
	removed, err = e.Provision.RemoveTenant(ctx, silo)
	if err != nil || removed["identity.membership"] != 1 || removed["identity.user"] != 1 || removed["identity.pool"] != 1 || removed["identity.client"] != 3 || removed["identity.signing_key"] != 1 || removed["identity.one_time_link"] != 1 {
		t.Errorf("silo: %v, %v", removed, err)
	}
	for _, tenant := range []uuid.UUID{acme, silo, uuid.New()} {
		again, err := e.Provision.RemoveTenant(ctx, tenant)
		for table, n := range again {
			if n != 0 {
				t.Errorf("again: %d of %s", n, table)
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := e.Verify(ctx, token.AccessToken); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("a sign-in to the removed tenant: %v", err)
	}
	people, err := e.People.ByIDs(ctx, []uuid.UUID{only, both, inside, ada.ID})
	if err != nil || len(people) != 2 || people[both].ID == uuid.Nil || people[ada.ID].ID == uuid.Nil {
		t.Errorf("who is left: %v, %v", people, err)
	}
	if _, err := e.Membership(ctx, both, other); err != nil {
		t.Errorf("a membership elsewhere: %v", err)
	}
	e.pass(2 * time.Second)
	if v := e.browser().get("/pools/silo/keys"); v.status != http.StatusNotFound {
		t.Errorf("the silo's pool: %d", v.status)
	}
}
