package member_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// organisation is a tenant with members.
type organisation struct {
	t      *testing.T
	db     *dbtest.Database
	tenant uuid.UUID
	*member.Service
}

func open(t *testing.T) *organisation {
	t.Helper()
	d := dbtest.New(t)
	data := d.Role(policy.Authorize)
	o := &organisation{t: t, db: d, Service: &member.Service{Identity: d.Identity, DB: data, Forget: func(uuid.UUID) {}}}
	return o.another("acme")
}

// another is one more tenant of the same installation.
func (o *organisation) another(name string) *organisation {
	o.t.Helper()
	scope, _ := tenancy.From(o.db.Tenant(o.t, name, tenancy.RoleOwner))
	return &organisation{t: o.t, db: o.db, tenant: scope.Tenant, Service: o.Service}
}

// add makes a person a member and returns a context in which they act.
func (o *organisation) add(name string, role tenancy.Role) (context.Context, uuid.UUID) {
	o.t.Helper()
	var user uuid.UUID
	err := o.db.Identity.QueryRow(o.t.Context(), `
		insert into identity."user" (pool_id, email, email_key, name) select id, $1, $1, $2 from identity.pool where name = 'default' returning id`,
		strings.ToLower(name)+"."+uuid.NewString()[:8]+"@example.com", name).Scan(&user)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.join(user, role), user
}

func (o *organisation) join(user uuid.UUID, role tenancy.Role) context.Context {
	o.t.Helper()
	_, err := o.db.Identity.Exec(o.t.Context(), `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, $3)`, user, o.tenant, string(role))
	if err != nil {
		o.t.Fatal(err)
	}
	return tenancy.With(o.t.Context(), tenancy.Scope{Tenant: o.tenant, User: user, Role: role, Request: "r1"})
}

func (o *organisation) roles(ctx context.Context, f member.Filter) string {
	o.t.Helper()
	if f.Limit == 0 {
		f.Limit = 100
	}
	found, _, err := o.List(ctx, f)
	if err != nil {
		o.t.Fatal(err)
	}
	var out []string
	for _, m := range found {
		out = append(out, m.Name+" "+string(m.Role))
	}
	return strings.Join(out, ", ")
}

// entries are the audit log's, as the tenant sees them.
func (o *organisation) entries(ctx context.Context) string {
	o.t.Helper()
	list, err := db.ReadInTenant(ctx, o.db.App, policy.MemberRead, `select action || ' ' || target || ' ' || coalesce(after->>'role', before->>'role', detail->>'role') from audit_entry where actor is not null order by id`, pgx.NamedArgs{}, pgx.RowTo[string])
	if err != nil {
		o.t.Fatal(err)
	}
	return strings.Join(list, "\n")
}

func TestAListHasTheTenantsOwnMembersAlone(t *testing.T) {
	t.Parallel()
	acme := open(t)
	bolt := acme.another("bolt")
	owner, _ := acme.add("Olga", tenancy.RoleOwner)
	_, both := acme.add("Bea", tenancy.RoleAuthor)
	_, left := acme.add("Leo", tenancy.RoleLearner)
	acme.add("Ann_e", tenancy.RoleLearner)
	theirs, _ := bolt.add("Oskar", tenancy.RoleOwner)
	bolt.join(both, tenancy.RoleLearner)
	if err := acme.Remove(owner, left); err != nil {
		t.Fatal(err)
	}
	if got := acme.roles(owner, member.Filter{}); got != "Ann_e learner, Bea author, Olga owner" {
		t.Errorf("acme: %s", got)
	}
	if got := bolt.roles(theirs, member.Filter{}); got != "Oskar owner, Bea learner" {
		t.Errorf("bolt: %s", got)
	}
	for q, want := range map[string]string{"OLG": "Olga owner", "olga.": "Olga owner", "\tolga\t": "Olga owner", "an": "Ann_e learner", "ann_": "Ann_e learner", "nn": "", "a_n": "", "_": "", "%": "", "example": "", "Oskar": "", `\`: ""} {
		if got := acme.roles(owner, member.Filter{Q: q}); got != want {
			t.Errorf("%q finds %q, want %q", q, got, want)
		}
	}
	if got := acme.roles(owner, member.Filter{Role: tenancy.RoleAuthor}); got != "Bea author" {
		t.Errorf("authors: %s", got)
	}
	var pages []string
	f := member.Filter{Limit: 1}
	for {
		found, _, err := acme.List(owner, f)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			break
		}
		pages, f.Before = append(pages, found[0].Name), found[0].ID
	}
	if fmt.Sprint(pages) != "[Ann_e Bea Olga]" {
		t.Errorf("page by page: %s", pages)
	}
}

func TestRolesChangeUpToOnesOwn(t *testing.T) {
	t.Parallel()
	o := open(t)
	ctx := map[tenancy.Role]context.Context{}
	id := map[tenancy.Role]uuid.UUID{}
	for _, r := range []tenancy.Role{tenancy.RoleOwner, tenancy.RoleAdmin, tenancy.RoleAuthor, tenancy.RoleInstructor, tenancy.RoleLearner} {
		ctx[r], id[r] = o.add(string(r), r)
	}
	_, spare := o.add("spare", tenancy.RoleLearner)
	for _, c := range []struct {
		by, of tenancy.Role
		to     tenancy.Role // "": remove
		want   error
	}{
		{tenancy.RoleAdmin, tenancy.RoleOwner, tenancy.RoleLearner, member.ErrAbove},
		{tenancy.RoleAdmin, tenancy.RoleOwner, "", member.ErrAbove},
		{tenancy.RoleAdmin, tenancy.RoleLearner, tenancy.RoleOwner, member.ErrAbove},
		{tenancy.RoleAdmin, tenancy.RoleAdmin, tenancy.RoleOwner, member.ErrAbove},
		{tenancy.RoleOwner, tenancy.RoleOwner, tenancy.RoleAdmin, member.ErrLastOwner},
		{tenancy.RoleOwner, tenancy.RoleOwner, "", member.ErrLastOwner},
	} {
		var err error
		if c.to == "" {
			err = o.Remove(ctx[c.by], id[c.of])
		} else {
			_, err = o.SetRole(ctx[c.by], id[c.of], c.to)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s makes %s %q: %v, want %v", c.by, c.of, c.to, err, c.want)
		}
	}
	for _, r := range []tenancy.Role{tenancy.RoleAuthor, tenancy.RoleInstructor, tenancy.RoleLearner} {
		if _, err := o.SetRole(ctx[r], spare, tenancy.RoleLearner); errs.KindOf(err) != errs.KindForbidden {
			t.Errorf("%s changes a role: %v", r, err)
		}
		if err := o.Remove(ctx[r], id[r]); errs.KindOf(err) != errs.KindForbidden {
			t.Errorf("%s removes: %v", r, err)
		}
	}
	if _, err := o.SetRole(ctx[tenancy.RoleOwner], spare, "king"); errs.KindOf(err) != errs.KindInvalid {
		t.Errorf("an unknown role: %v", err)
	}
	if _, err := o.SetRole(ctx[tenancy.RoleOwner], spare, tenancy.RoleSystem); errs.KindOf(err) != errs.KindInvalid {
		t.Errorf("the program's own role: %v", err)
	}
	if got := o.entries(ctx[tenancy.RoleOwner]); got != "" {
		t.Errorf("what was refused is in the log:\n%s", got)
	}
	if m, err := o.SetRole(ctx[tenancy.RoleAdmin], spare, tenancy.RoleAdmin); err != nil || m.Role != tenancy.RoleAdmin {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := o.SetRole(ctx[tenancy.RoleAdmin], spare, tenancy.RoleAdmin); err != nil {
		t.Error(err)
	}
	if _, err := o.SetRole(ctx[tenancy.RoleOwner], spare, tenancy.RoleOwner); err != nil {
		t.Error(err)
	}
	if err := o.Remove(ctx[tenancy.RoleOwner], id[tenancy.RoleOwner]); err != nil { // leaves: there is another one
		t.Error(err)
	}
	// The one who left acts on with a scope from before.
	if _, err := o.SetRole(ctx[tenancy.RoleOwner], spare, tenancy.RoleLearner); errs.KindOf(err) != errs.KindNotFound {
		t.Errorf("somebody who has left changes a role: %v", err)
	}
	want := fmt.Sprintf("member.role_changed %[1]s admin\nmember.role_changed %[1]s owner\nmember.removed %[2]s owner", spare, id[tenancy.RoleOwner])
	if got := o.entries(ctx[tenancy.RoleAdmin]); got != want {
		t.Errorf("the log has\n%s\nwant\n%s", got, want)
	}
}

// A stale scope does not help: the role is read in the change's own transaction.
func TestAScopeFromBeforeADemotionHasNoPower(t *testing.T) {
	t.Parallel()
	o := open(t)
	first, a := o.add("A", tenancy.RoleOwner)
	second, b := o.add("B", tenancy.RoleOwner)
	if _, err := o.SetRole(first, b, tenancy.RoleLearner); err != nil {
		t.Fatal(err)
	}
	if err := o.Remove(second, a); errs.KindOf(err) != errs.KindForbidden {
		t.Errorf("a demoted owner removes: %v", err)
	}
}

func TestOneOwnerStaysHoweverManyLeaveAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t)
	for round := range 5 {
		o := o.another(fmt.Sprintf("round-%d", round))
		owners := map[uuid.UUID]context.Context{}
		for i := range 4 {
			ctx, id := o.add(fmt.Sprint("owner", i), tenancy.RoleOwner)
			owners[id] = ctx
		}
		done := make(chan error, len(owners))
		leave := true // or only hand the role back
		for id, ctx := range owners {
			leave = !leave
			go func(leave bool) {
				if leave {
					done <- o.Remove(ctx, id)
					return
				}
				_, err := o.SetRole(ctx, id, tenancy.RoleLearner)
				done <- err
			}(leave)
		}
		refused := 0
		for range owners {
			if err := <-done; errors.Is(err, member.ErrLastOwner) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		var left int
		err := o.db.Owner.QueryRow(t.Context(), `select count(*) from identity.membership where tenant_id = $1 and role = 'owner' and status = 'active'`, o.tenant).Scan(&left)
		if err != nil || refused != 1 || left != 1 {
			t.Fatalf("%d refused, %d owners left, %v", refused, left, err)
		}
	}
}

// A disabled owner cannot act: one who leaves the organisation to nobody else is the last.
func TestADisabledOwnerIsNoOwner(t *testing.T) {
	t.Parallel()
	o := open(t)
	ctx, id := o.add("A", tenancy.RoleOwner)
	_, disabled := o.add("B", tenancy.RoleOwner)
	if _, err := o.db.Identity.Exec(t.Context(), `update identity."user" set disabled_at = now() where id = $1`, disabled); err != nil {
		t.Fatal(err)
	}
	if err := o.Remove(ctx, id); !errors.Is(err, member.ErrLastOwner) {
		t.Errorf("%v", err)
	}
}

func TestOthersMembersAreNotFound(t *testing.T) {
	t.Parallel()
	acme := open(t)
	bolt := acme.another("bolt")
	owner, _ := acme.add("Olga", tenancy.RoleOwner)
	_, theirs := bolt.add("Oskar", tenancy.RoleOwner)
	_, also := bolt.add("Lea", tenancy.RoleLearner)
	for _, id := range []uuid.UUID{theirs, also, uuid.New(), uuid.Nil} {
		if _, err := acme.SetRole(owner, id, tenancy.RoleLearner); !errors.Is(err, member.ErrNotFound) {
			t.Errorf("role of %s: %v", id, err)
		}
		if err := acme.Remove(owner, id); !errors.Is(err, member.ErrNotFound) {
			t.Errorf("removal of %s: %v", id, err)
		}
	}
	if got := acme.entries(owner); got != "" {
		t.Errorf("the log has %s", got)
	}
	// The database itself: with the tenant's setting, no statement sees or changes another tenant's memberships.
	tx, err := acme.db.Identity.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context()) //nolint:errcheck // nothing is kept
	if _, err := tx.Exec(t.Context(), `select set_config('identity.tenant', $1, true)`, acme.tenant.String()); err != nil {
		t.Fatal(err)
	}
	var seen int
	if err := tx.QueryRow(t.Context(), `select count(*) from identity.membership`).Scan(&seen); err != nil || seen != 1 {
		t.Errorf("%d memberships, %v, want the tenant's one", seen, err)
	}
	for _, statement := range []string{`update identity.membership set role = 'learner' where user_id = $1`, `delete from identity.membership where user_id = $1`} {
		if done, err := tx.Exec(t.Context(), statement, theirs); err != nil || done.RowsAffected() != 0 {
			t.Errorf("%s: %d rows, %v", statement, done.RowsAffected(), err)
		}
	}
	if _, err := tx.Exec(t.Context(), `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, 'owner')`, also, tenancy.DefaultTenant()); err == nil {
		t.Error("a membership of another tenant was added")
	}
}

// Without its audit entry no change happens.
func TestAChangeWithoutItsEntryIsNone(t *testing.T) {
	t.Parallel()
	o := open(t)
	ctx, _ := o.add("Olga", tenancy.RoleOwner)
	_, lea := o.add("Lea", tenancy.RoleLearner)
	if _, err := o.db.Owner.Exec(t.Context(), `alter table audit_entry add constraint full_disk check (action <> 'member.removed') not valid`); err != nil {
		t.Fatal(err)
	}
	if err := o.Remove(ctx, lea); err == nil {
		t.Fatal("removed without an entry")
	}
	if got := o.roles(ctx, member.Filter{}); got != "Lea learner, Olga owner" {
		t.Errorf("members: %s", got)
	}
}

func TestRemovalEndsSignInsToThisTenantAlone(t *testing.T) {
	t.Parallel()
	acme := open(t)
	bolt := acme.another("bolt")
	owner, _ := acme.add("Olga", tenancy.RoleOwner)
	_, lea := acme.add("Lea", tenancy.RoleLearner)
	bolt.join(lea, tenancy.RoleLearner)
	for _, tenant := range []uuid.UUID{acme.tenant, bolt.tenant} {
		_, err := acme.db.Identity.Exec(t.Context(), `
			insert into identity.token_family (pool_id, user_id, tenant_id, client_id, scopes, methods, signed_in_at, expires_at)
			select id, $1, $2, 'console', '{}', '{}', now(), now() + interval '1 hour' from identity.pool`, lea, tenant)
		if err != nil {
			t.Fatal(err)
		}
	}
	var forgotten []uuid.UUID
	acme.Forget = func(user uuid.UUID) { forgotten = append(forgotten, user) }
	if err := acme.Remove(owner, lea); err != nil {
		t.Fatal(err)
	}
	var left uuid.UUID
	if err := acme.db.Identity.QueryRow(t.Context(), `select tenant_id from identity.token_family where user_id = $1`, lea).Scan(&left); err != nil || left != bolt.tenant {
		t.Errorf("sign-ins left: %s, %v", left, err)
	}
	if len(forgotten) != 1 || forgotten[0] != lea {
		t.Errorf("forgotten: %v", forgotten)
	}
}

func TestTheAPI(t *testing.T) {
	t.Parallel()
	o := open(t)
	ctx := map[string]context.Context{}
	var lea uuid.UUID
	ctx["owner"], _ = o.add("Olga", tenancy.RoleOwner)
	ctx["instructor"], _ = o.add("Ines", tenancy.RoleInstructor)
	ctx["learner"], lea = o.add("Lea", tenancy.RoleLearner)
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	g := &gateway.Gateway{Authorize: policy.Authorize, Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
		scope, _ := tenancy.From(ctx[bearer])
		return scope, nil
	}}
	api.UseMiddleware(g.Middleware(api))
	o.Register(api)
	for _, c := range []struct {
		as, method, path, body string
		status                 int
		say                    string
	}{
		{"owner", "GET", "/v1/members?limit=2", "", 200, `"next":`},
		{"owner", "GET", "/v1/members?role=learner", "", 200, `"name":"Lea"`},
		{"owner", "GET", "/v1/members?q=nobody", "", 200, `"items":[]`},
		{"owner", "GET", "/v1/members?q=%00", "", 200, `"items":[]`},
		{"owner", "GET", "/v1/members?q=%ff", "", 200, `"items":[]`},
		{"owner", "GET", "/v1/members?cursor=x", "", 400, "invalid_cursor"},
		{"owner", "GET", "/v1/members?limit=1000", "", 422, ""},
		{"owner", "GET", "/v1/members?role=king", "", 422, ""},
		{"instructor", "GET", "/v1/members", "", 200, `"items":`},
		{"learner", "GET", "/v1/members", "", 403, ""},
		{"instructor", "PATCH", "/v1/members/" + lea.String(), `{"role":"author"}`, 403, ""},
		{"owner", "PATCH", "/v1/members/" + lea.String(), `{"role":"king"}`, 422, ""},
		{"owner", "PATCH", "/v1/members/" + lea.String(), `{"role":"author"}`, 200, `"role":"author"`},
		{"owner", "PATCH", "/v1/members/" + uuid.NewString(), `{"role":"author"}`, 404, "no_such_member"},
		{"owner", "DELETE", "/v1/members/nobody", "", 422, ""},
		{"owner", "DELETE", "/v1/members/" + lea.String(), "", 204, ""},
		{"owner", "DELETE", "/v1/members/" + lea.String(), "", 404, "no_such_member"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+c.as)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.say) {
			t.Errorf("%s %s %s: %d %s", c.as, c.method, c.path, w.Code, w.Body)
		}
	}
}
