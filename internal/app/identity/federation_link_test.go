package identity_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/federation"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// prove says that a user has proved the e-mail address.
func (f *fed) prove(u identity.User) {
	f.exec(`update identity."user" set email_proved_at = now() where id = $1`, u.ID)
}

// An account is found by its address only when the provider says that it is verified and the tenant has proved the domain.
func TestAnUnprovedAddressNeverLinks(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	ada := f.user("ada@acme.example")
	f.prove(ada)
	f.join(ada, f.tenant, tenancy.RoleAuthor)
	for name, c := range map[string]struct {
		verified any
		email    string
		domains  []string
	}{
		"not verified":        {false, "ada@acme.example", []string{"acme.example"}},
		"not said":            {nil, "ada@acme.example", []string{"acme.example"}},
		"said as a number":    {1, "ada@acme.example", []string{"acme.example"}},
		"no domain":           {true, "ada@acme.example", nil},
		"another domain":      {true, "ada@acme.example", []string{"example", "mail.acme.example", "cme.example", "acme.example.org"}},
		"an odd address":      {true, "ada@acme.example@evil.example", []string{"acme.example"}},
		"a quoted local part": {true, `"x@acme.example"@evil.example`, []string{"acme.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			f.anew()
			f.domains = c.domains
			f.liar.person["email"], f.liar.person["email_verified"] = c.email, c.verified
			f.liar.person["sub"] = "evil " + name
			b, cl := f.browser(), f.client()
			v := f.enter(b, cl)
			if v.location == nil { // an odd address is no address: nobody is made
				if v.status != http.StatusForbidden || !strings.Contains(name, "odd") && !strings.Contains(name, "quoted") {
					t.Fatalf("%d\n%s", v.status, v.body)
				}
				return
			}
			_, me := f.call("GET", "/v1/me", cl.exchange(cl.code(v)).AccessToken, "")
			if me["id"] == ada.ID.String() || me["role"] != "learner" {
				t.Errorf("linked: %v", me)
			}
		})
	}
	// Nobody occupies an address by that: its owner still signs in with it, alone.
	if found, err := f.accountsByKey("ada@acme.example"); err != nil || found != 1 {
		t.Errorf("%d accounts have the address, %v", found, err)
	}
	f.anew()
	f.domains = []string{"ACME.example"}
	f.liar.person["email"] = "ADA@Acme.Example"
	if me := f.me(); me["id"] != ada.ID.String() || me["role"] != "learner" {
		t.Errorf("proved: %v", me)
	}
	f.domains = nil // what is linked stays so: by the subject
	if me := f.me(); me["id"] != ada.ID.String() {
		t.Errorf("later: %v", me)
	}
}

func (f *fed) accountsByKey(key string) (n int, err error) {
	err = f.db.Owner.QueryRow(f.t.Context(), `select count(*) from identity."user" where email_key = $1`, key).Scan(&n)
	return n, err
}

// Somebody who signed up with another person's address does not wait in that person's account.
func TestAnAccountOfAnUnprovedAddressIsHandedOver(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	squatter := f.user("ada@acme.example")
	b, c := f.browser(), f.client()
	stolen := f.signIn(b, c, "ada@acme.example")
	me := f.me()
	if me["id"] != squatter.ID.String() {
		t.Fatalf("%v", me)
	}
	if _, err := f.Verify(t.Context(), stolen.AccessToken); err == nil {
		t.Error("the squatter's sign-in goes on")
	}
	if v := f.browser(); v.submit(v.get(c.url()), "email", "ada@acme.example", "password", goodPassword).location != nil {
		t.Error("the squatter's password still opens the account")
	}
}

func TestWhomAProviderDoesNotOpen(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	ada := f.user("ada@acme.example")
	f.prove(ada)
	f.join(ada, f.tenant, tenancy.RoleLearner)
	member := `update identity.membership set status = $2, role = $3 where user_id = $1`
	for _, c := range []struct {
		name, want string
		sql        []any
		undo       []any
	}{
		{"removed", "not a member", []any{member, ada.ID, "removed", "learner"}, []any{member, ada.ID, "active", "learner"}},
		{"disabled", "disabled", []any{`update identity."user" set disabled_at = now() where id = $1`, ada.ID}, []any{`update identity."user" set disabled_at = null where id = $1`, ada.ID}},
		{"operator", "Operators", []any{`update identity."user" set operator = true where id = $1`, ada.ID}, []any{`update identity."user" set operator = false where id = $1`, ada.ID}},
		{"owner", "Sign in with your password", []any{`with o as (update identity.federation_provider set by_owner = false) ` + member, ada.ID, "active", "owner"}, []any{member, ada.ID, "active", "learner"}},
	} {
		for _, linked := range []bool{false, true} {
			f.anew()
			if linked {
				f.me()
			}
			f.exec(c.sql[0].(string), c.sql[1:]...) //nolint:forcetypeassert,errcheck // a literal
			if v := f.refused(http.StatusForbidden); !strings.Contains(v.body, c.want) {
				t.Errorf("%s, linked %t: %s", c.name, linked, v.body)
			}
			f.exec(c.undo[0].(string), c.undo[1:]...) //nolint:forcetypeassert,errcheck // a literal
		}
	}
	f.anew()
	f.exec(member, ada.ID, "active", "owner")
	f.liar.person["roles"] = "teachers"
	if me := f.me(); me["role"] != "owner" {
		t.Errorf("an owner is now %v", me["role"])
	}
}

func TestNewcomersNeedRoomAndInvitation(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	full := errs.Conflict("plan_limit", "No room.")
	f.Federation.Room = func(context.Context, uuid.UUID) (func(int64) error, error) {
		return func(members int64) error {
			if members >= 1 {
				return full
			}
			return nil
		}, nil
	}
	if v := f.refused(http.StatusConflict); !strings.Contains(v.body, "No room.") {
		t.Errorf("%s", v.body)
	}
	f.Federation.Room = nil
	d := f.draft()
	d.JustInTime = false
	p, err := f.Federation.Update(f.owner, f.provider, 1, d)
	if err != nil {
		t.Fatal(err)
	}
	if v := f.refused(http.StatusForbidden); !strings.Contains(v.body, "not a member") || f.people("ada@acme.example") != 0 {
		t.Errorf("%s", v.body)
	}
	d.JustInTime = true
	if _, err = f.Federation.Update(f.owner, f.provider, p.Version, d); err != nil {
		t.Fatal(err)
	}
	f.liar.person["email"] = nil
	if v := f.refused(http.StatusForbidden); !strings.Contains(v.body, "no e-mail address") {
		t.Errorf("%s", v.body)
	}
	// Many providers tell it at userinfo alone.
	delete(f.liar.person, "email")
	delete(f.liar.person, "name")
	f.liar.info = map[string]any{"sub": "ada-at-acme", "email": "ada@acme.example", "email_verified": true, "name": "Ada of userinfo"}
	f.exec(`update identity.federation_provider set version = version + 1`) // discovery is read again
	if me := f.me(); me["name"] != "Ada of userinfo" {
		t.Errorf("%v", me)
	}
}

// What a tenant's provider says opens that tenant alone, whatever else the person is.
func TestAProviderOpensItsOwnTenantAlone(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	bolt := f.env.tenant("bolt", "Bolt")
	ada := f.user("ada@acme.example")
	f.prove(ada)
	f.join(ada, f.tenant, tenancy.RoleLearner)
	f.join(ada, bolt, tenancy.RoleOwner)
	b, c := f.browser(), f.client()
	c.code(f.enter(b, c))
	if v := b.get(c.url(to("bolt"))); v.location != nil || !strings.Contains(v.body, "<h1>Sign in to Bolt</h1>") {
		t.Errorf("another tenant: %s\n%s", v.location, v.body)
	}
	claims, err := f.Verify(t.Context(), c.exchange(c.code(b.get(c.url()))).AccessToken)
	if err != nil || claims.Tenant != f.tenant {
		t.Errorf("no tenant named: %+v, %v", claims, err)
	}
	// bolt's page does not lead to acme's provider, and acme's provider not to bolt.
	page := f.browser().get(c.url(to("bolt")))
	if strings.Contains(page.body, "Acme SSO") {
		t.Error("the button is on another tenant's page")
	}
	if v := f.browser().get("/pools/default/federation/" + f.provider.String() + "/start?" + page.url.RawQuery); v.status != http.StatusNotFound {
		t.Errorf("another tenant's start: %d", v.status)
	}
}

func TestOnlyThroughTheProvider(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	ada := f.user("ada@acme.example")
	f.prove(ada)
	f.join(ada, f.tenant, tenancy.RoleLearner)
	b, c := f.browser(), f.client()
	signIn := func(b *browser, email string) view {
		return b.submit(b.get(c.url(to("acme"))+"&with=password"), "email", email, "password", goodPassword)
	}
	before := c.exchange(c.code(signIn(b, "ada@acme.example")))
	if _, err := f.Federation.SetRule(f.owner, true, 7); err == nil {
		t.Error("an old version was taken")
	}
	rule, err := f.Federation.SetRule(f.owner, true, 0)
	if err != nil || !rule.OnlyThrough {
		t.Fatal(rule, err)
	}
	f.Forget(ada.ID)
	if _, err := f.Verify(t.Context(), before.AccessToken); err == nil {
		t.Error("a sign-in by password goes on")
	}
	if v := b.get(c.url(to("acme"))); v.location != nil || !strings.Contains(v.body, "lets people in only by its own identity provider") {
		t.Errorf("the browser's session: %s\n%s", v.location, v.body)
	}
	page := f.browser().get(c.url(to("acme")))
	if strings.Contains(page.body, `name="password"`) || !strings.Contains(page.body, "Continue with Acme SSO") {
		t.Errorf("the page:\n%s", page.body)
	}
	other := f.browser()
	other.get(c.url(to("acme")))
	owners := other.get("/pools/default/sign-in?" + page.url.RawQuery + "&with=password")
	if v := other.submit(owners, "email", "ada@acme.example", "password", goodPassword); v.location != nil || v.status != http.StatusForbidden {
		t.Errorf("by password: %d %s", v.status, v.location)
	}
	if v := other.submit(owners, "email", "olga@owners.example", "password", goodPassword); v.location == nil || !strings.HasSuffix(f.actions(), "sign_in.without_identity_provider") {
		t.Errorf("an owner: %d, log %s", v.status, f.actions())
	}
	if me := f.me(); me["id"] != ada.ID.String() {
		t.Errorf("by the provider: %v", me)
	}
	// The last provider cannot go while nobody could sign in without it.
	d := f.draft()
	d.Enabled = false
	if _, err := f.Federation.Update(f.owner, f.provider, 1, d); errs.KindOf(err) != errs.KindConflict {
		t.Errorf("switched off: %v", err)
	}
	if err := f.Federation.Remove(f.owner, f.provider, 1); errs.KindOf(err) != errs.KindConflict {
		t.Errorf("removed: %v", err)
	}
	if _, err := f.Federation.SetRule(f.owner, false, rule.Version); err != nil {
		t.Error(err)
	}
	token := c.exchange(c.code(f.enter(f.browser(), c)))
	if err := f.Federation.Remove(f.owner, f.provider, 1); err != nil {
		t.Fatal(err)
	}
	f.Forget(ada.ID)
	if _, err := f.Verify(t.Context(), token.AccessToken); err == nil {
		t.Error("what a removed provider opened goes on")
	}
}

func TestASecretIsSentToItsOwnIssuerAlone(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	d := f.draft()
	d.Issuer, d.Secret = "https://evil.example.com", nil
	if _, err := f.Federation.Update(f.owner, f.provider, 1, d); errs.KindOf(err) != errs.KindInvalid {
		t.Errorf("another issuer without the secret: %v", err)
	}
	f.me()
	given := "new"
	d.Secret = &given
	p, err := f.Federation.Update(f.owner, f.provider, 1, d)
	if err != nil {
		t.Fatal(err)
	}
	var links int
	if err := f.db.Owner.QueryRow(t.Context(), `select count(*) from identity.federation_identity`).Scan(&links); err != nil || links != 0 {
		t.Errorf("%d links to another issuer's people, %v", links, err)
	}
	scope, _ := tenancy.From(f.owner)
	scope.Role = tenancy.RoleAdmin
	d.Issuer = "https://login.example.com"
	if p, err = f.Federation.Update(tenancy.With(t.Context(), scope), f.provider, p.Version, d); err != nil || p.ByOwner {
		t.Errorf("by an administrator: %+v, %v", p, err)
	}
	d.Roles["it"] = tenancy.RoleOwner
	if _, err := f.Federation.Update(f.owner, f.provider, p.Version, d); errs.KindOf(err) != errs.KindInvalid {
		t.Errorf("a role above admin: %v", err)
	}
	var row string
	if err := f.db.Owner.QueryRow(t.Context(), `select string_agg(x::text, '') from identity.federation_provider x`).Scan(&row); err != nil || strings.Contains(row, fedSecret) {
		t.Error("the secret is readable in the database")
	}
}

func steps(list []federation.Step) string {
	var out []string
	for _, s := range list {
		mark := "-"
		if s.OK {
			mark = "+"
		}
		out = append(out, mark+s.Name)
	}
	return strings.Join(out, " ")
}

func TestTheTestButtonShowsEachStep(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	const path = "/.well-known/openid-configuration"
	for name, c := range map[string]struct {
		lie    func(*liar)
		want   string
		detail string // of the last step
	}{
		"honest": {func(*liar) {}, "+discovery +issuer +keys +authorize +token", "are right"},
		"wrong secret": {func(l *liar) {
			l.instead["/token"] = status(401, `{"error":"invalid_client","error_description":"`+fedSecret+`"}`)
		}, "+discovery +issuer +keys +authorize -token", "does not accept"},
		"gives tokens":   {func(l *liar) { l.instead["/token"] = status(200, `{"access_token":"x","token_type":"bearer"}`) }, "+discovery +issuer +keys +authorize -token", "never made"},
		"another issuer": {func(l *liar) { l.metadata = func(m map[string]any) { m["issuer"] = "https://x.example" } }, "+discovery -issuer", "copy its issuer"},
		"away":           {func(l *liar) { l.instead[path] = status(503, fedSecret) }, "-discovery", "503"},
		"no keys":        {func(l *liar) { l.instead["/keys"] = status(200, `{"keys":[]}`) }, "+discovery +issuer -keys +authorize +token", ""},
		"no page":        {func(l *liar) { l.instead["/authorize"] = status(400, fedSecret) }, "+discovery +issuer +keys -authorize +token", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f.anew()
			c.lie(f.liar)
			got, err := f.Federation.Test(f.owner, f.provider)
			if err != nil || steps(got) != c.want || !strings.Contains(got[len(got)-1].Detail, c.detail) {
				t.Errorf("%+v, %v; want %s", got, err, c.want)
			}
			for _, s := range got {
				if strings.Contains(s.Detail, fedSecret) {
					t.Errorf("%s tells the secret", s.Name)
				}
			}
		})
	}
	// A sign-in that only tests opens nothing and tells names alone.
	f.anew()
	f.liar.person["roles"] = "teachers"
	for _, lie := range []bool{false, true} {
		if lie {
			f.liar.claims = func(c map[string]any) { c["nonce"] = "x" }
		}
		link, err := f.Federation.TestSignIn(f.owner, f.provider)
		if err != nil {
			t.Fatal(err)
		}
		b := f.browser()
		if v := b.get(link); v.status != http.StatusOK || !strings.Contains(v.body, "Nobody was signed in") {
			t.Errorf("%d\n%s", v.status, v.body)
		}
		if v := b.get(link); v.status != http.StatusForbidden {
			t.Errorf("a second time: %d", v.status)
		}
		f.nobody(b)
		p, err := f.Federation.Get(f.owner, f.provider)
		want, last := "+answer +tokens +claims", "e-mail: verified, and of a domain that you have proved; role: instructor; groups: none"
		if lie {
			want, last = "+answer -tokens", "nonce"
		}
		if err != nil || steps(p.LastTest) != want || !strings.Contains(p.LastTest[len(p.LastTest)-1].Detail, last) {
			t.Errorf("%+v, %v", p.LastTest, err)
		}
	}
	if f.people("ada@acme.example") != 0 {
		t.Error("a test made somebody")
	}
}
