package group_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
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

// school is a tenant with labs.
type school struct {
	*group.Service
	t      *testing.T
	db     *dbtest.Database
	labs   *lab.Service
	tenant uuid.UUID
	owner  context.Context //nolint:containedctx // who acts
}

func open(t *testing.T) *school {
	t.Helper()
	d := dbtest.New(t)
	data := d.Role(policy.Authorize)
	members := &member.Service{Identity: d.Identity, DB: data, Forget: func(uuid.UUID) {}}
	s := &school{t: t, db: d, Service: &group.Service{DB: data, Members: members}, labs: &lab.Service{DB: data}}
	members.Leave = s.Leave
	return s.another("acme")
}

func (s *school) another(name string) *school {
	s.t.Helper()
	scope, _ := tenancy.From(s.db.Tenant(s.t, name, tenancy.RoleOwner))
	o := *s
	o.tenant = scope.Tenant
	o.owner, _ = o.add("owner."+name, tenancy.RoleOwner)
	return &o
}

func (s *school) add(name string, role tenancy.Role) (context.Context, uuid.UUID) {
	s.t.Helper()
	var user uuid.UUID
	err := s.db.Identity.QueryRow(s.t.Context(), `
		with u as (insert into identity."user" (pool_id, email, email_key, name) select id, $1 || '@x.example', $1 || '@x.example', $1 from identity.pool where name = 'default' returning id)
		insert into identity.membership (user_id, tenant_id, role) select id, $2, $3 from u returning user_id`, name, s.tenant, string(role)).Scan(&user)
	if err != nil {
		s.t.Fatal(err)
	}
	return tenancy.With(s.t.Context(), tenancy.Scope{Tenant: s.tenant, User: user, Role: role, Request: "r1"}), user
}

func (s *school) publish(slugs ...string) {
	s.t.Helper()
	for _, slug := range slugs {
		_, err := s.labs.Publish(s.owner, manifest.Tree{
			"lab.yaml": {Data: []byte(fmt.Sprintf(`apiVersion: cloudkida/v1
slug: %s
title: %s
summary: About it.
level: beginner
duration: 30m
tags: [%s]
environment: {machines: [{name: shell, image: toolbox}]}
steps: [{title: First, text: steps/01.md, points: 1}]
`, slug, slug, slug))},
			"steps/01.md": {Data: []byte("Do it.\n")},
		})
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *school) group(g group.Group) group.Group {
	s.t.Helper()
	added, err := s.Add(s.owner, g)
	if err != nil {
		s.t.Fatal(err)
	}
	return added
}

func (s *school) ok(all ...error) {
	s.t.Helper()
	if err := errors.Join(all...); err != nil {
		s.t.Fatal(err)
	}
}

// sees is the catalogue of somebody, by list, by tags and one by one: all say the same.
func (s *school) sees(ctx context.Context, all ...string) string {
	s.t.Helper()
	found, _, err := s.labs.List(ctx, lab.Filter{Limit: 50})
	if err != nil {
		s.t.Fatal(err)
	}
	tags, err := s.labs.Tags(ctx, lab.Filter{Limit: 50})
	if err != nil || len(tags) != len(found) {
		s.t.Errorf("%d tags for %d labs, %v", len(tags), len(found), err)
	}
	var listed, got, startable []string
	for _, l := range found {
		listed = append(listed, l.Slug)
	}
	for _, slug := range all {
		if _, err := s.labs.Get(ctx, slug); err == nil {
			got = append(got, slug)
		} else if !errors.Is(err, lab.ErrNotFound) {
			s.t.Error(err)
		}
		if _, err := s.labs.Latest(ctx, slug); err == nil {
			startable = append(startable, slug)
		} else if !errors.Is(err, lab.ErrNotFound) {
			s.t.Error(err)
		}
	}
	if fmt.Sprint(listed) != fmt.Sprint(got) || fmt.Sprint(listed) != fmt.Sprint(startable) {
		s.t.Errorf("lists %s, gets %s, starts %s", listed, got, startable)
	}
	return strings.Join(listed, " ")
}

func TestLabsOfAGroupAreForItsMembersAndStaff(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.publish("aa", "bb", "cc", "dd")
	course := s.group(group.Group{Name: "Course"})
	team := s.group(group.Group{Name: "Team", Parent: &course.ID})
	other := s.group(group.Group{Name: "Other"})
	pupil, pupilID := s.add("pupil", tenancy.RoleLearner)
	mate, mateID := s.add("mate", tenancy.RoleLearner)
	stranger, _ := s.add("stranger", tenancy.RoleLearner)
	s.ok(s.AddPerson(s.owner, course.ID, pupilID), s.AddPerson(s.owner, team.ID, mateID),
		s.AddLab(s.owner, course.ID, "bb"), s.AddLab(s.owner, team.ID, "cc"), s.AddLab(s.owner, other.ID, "dd"))
	for _, c := range []struct {
		who  string
		ctx  context.Context //nolint:containedctx // who acts
		want string
	}{
		{"of no group", stranger, "aa"},
		{"of the course", pupil, "aa bb"},
		{"of a team in the course", mate, "aa bb cc"},
		{"owner", s.owner, "aa bb cc dd"},
		{"the program", tenancy.System(t.Context(), s.tenant), "aa bb cc dd"},
	} {
		if got := s.sees(c.ctx, "aa", "bb", "cc", "dd"); got != c.want {
			t.Errorf("%s sees %q, want %q", c.who, got, c.want)
		}
	}
	for _, role := range []tenancy.Role{tenancy.RoleAdmin, tenancy.RoleAuthor, tenancy.RoleInstructor} {
		ctx, _ := s.add(string(role), role)
		if got := s.sees(ctx, "aa", "bb", "cc", "dd"); got != "aa bb cc dd" {
			t.Errorf("%s sees %q", role, got)
		}
	}
	// A lab of two groups is for both; taken from one it stays with the other, taken from the last it is for all.
	s.ok(s.AddLab(s.owner, course.ID, "dd"), s.RemoveLab(s.owner, other.ID, "dd"))
	if got := s.sees(stranger, "aa", "bb", "cc", "dd") + ", " + s.sees(pupil, "aa", "bb", "cc", "dd"); got != "aa, aa bb dd" {
		t.Error(got)
	}
	s.ok(s.RemoveLab(s.owner, course.ID, "dd"), s.RemovePerson(s.owner, course.ID, pupilID))
	if got := s.sees(stranger, "aa", "bb", "cc", "dd") + ", " + s.sees(pupil, "aa", "bb", "cc", "dd"); got != "aa dd, aa dd" {
		t.Error(got)
	}
	// A removed member who comes back is in none of the groups from before.
	s.ok(s.Members.Remove(s.owner, mateID))
	if people, _, err := s.People(s.owner, team.ID, uuid.Nil, 10); err != nil || len(people) != 0 {
		t.Errorf("the team has %v, %v", people, err)
	}
	if got := s.sees(mate, "aa", "bb", "cc", "dd"); got != "aa dd" {
		t.Error(got)
	}
}

func TestGroupsAreNestedOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	top := s.group(group.Group{Name: "Top"})
	middle := s.group(group.Group{Name: "Middle", Parent: &top.ID})
	lone := s.group(group.Group{Name: "Lone"})
	try := func(g group.Group) error { _, err := s.Add(s.owner, g); return err }
	move := func(g group.Group, parent *uuid.UUID) error {
		g.Parent = parent
		_, err := s.Change(s.owner, g)
		return err
	}
	for name, err := range map[string]error{
		"below a nested one": try(group.Group{Name: "Bottom", Parent: &middle.ID}),
		"moved below one":    move(lone, &middle.ID),
		"with groups below":  move(top, &lone.ID),
		"in itself":          move(lone, &lone.ID),
	} {
		if !errors.Is(err, group.ErrNested) {
			t.Errorf("%s: %v", name, err)
		}
	}
	nobody := uuid.New()
	if err := try(group.Group{Name: "Orphan", Parent: &nobody}); !errors.Is(err, group.ErrNotFound) {
		t.Errorf("below nothing: %v", err)
	}
	// The database holds to it, whatever the statement.
	for name, statement := range map[string]string{
		"nested twice":          `insert into "group" (name, name_key, parent_id, nested) select 'x', 'x', id, true from "group" where name = 'Middle'`,
		"nested without a mark": `insert into "group" (name, name_key, parent_id) select 'x', 'x', id from "group" where name = 'Top'`,
		"a mark alone":          `insert into "group" (name, name_key, nested) values ('x', 'x', true)`,
		"below a marked parent": `insert into "group" (name, name_key, parent_id, nested, parent_nested) select 'x', 'x', id, true, true from "group" where name = 'Middle'`,
		"parent moved":          `update "group" set parent_id = (select id from "group" where name = 'Lone'), nested = true where name = 'Top'`,
	} {
		err := s.DB.InTenant(s.owner, policy.GroupWrite, func(tx pgx.Tx) error { _, err := tx.Exec(s.owner, statement); return err })
		if err == nil {
			t.Errorf("%s: allowed", name)
		}
	}
}

// Whether a lab is restricted is kept beside it: what two people do at once to its groups, and a group that goes with its
// rows, leave it true.
func TestALabIsRestrictedWhileAGroupHasIt(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.publish("aa")
	stranger, _ := s.add("stranger", tenancy.RoleLearner)
	for round := range 20 {
		a, b := s.group(group.Group{Name: fmt.Sprint("a", round)}), s.group(group.Group{Name: fmt.Sprint("b", round)})
		s.ok(s.AddLab(s.owner, a.ID, "aa"))
		done := make(chan error, 2)
		go func() { done <- s.RemoveLab(s.owner, a.ID, "aa") }()
		go func() { done <- s.AddLab(s.owner, b.ID, "aa") }()
		s.ok(<-done, <-done)
		if got := s.sees(stranger, "aa"); got != "" {
			t.Fatalf("round %d: a lab of a group is seen by everybody", round)
		}
		go func() { done <- s.AddLab(s.owner, a.ID, "aa") }()
		go func() { done <- func() error { _, err := s.Remove(s.owner, b.ID); return err }() }()
		s.ok(<-done, <-done)
		if got := s.sees(stranger, "aa"); got != "" {
			t.Fatalf("round %d: a lab of a group is seen by everybody once another group is gone", round)
		}
		_, err := s.Remove(s.owner, a.ID)
		s.ok(err)
		if got := s.sees(stranger, "aa"); got != "aa" {
			t.Fatalf("round %d: a lab of no group is hidden", round)
		}
	}
}

// One makes b a parent while the other makes it a child: whichever comes first, there are never three levels.
func TestNestingAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	for round := range 5 {
		a := s.group(group.Group{Name: fmt.Sprint("a", round)})
		b := s.group(group.Group{Name: fmt.Sprint("b", round)})
		c := s.group(group.Group{Name: fmt.Sprint("c", round)})
		done := make(chan error, 2)
		for _, move := range [][2]group.Group{{b, a}, {c, b}} {
			go func() {
				g := move[0]
				g.Parent = &move[1].ID
				_, err := s.Change(s.owner, g)
				done <- err
			}()
		}
		refused := 0
		for range 2 {
			if err := <-done; errors.Is(err, group.ErrNested) {
				refused++
			} else if err != nil {
				t.Error(err)
			}
		}
		if refused != 1 {
			t.Errorf("%d refused", refused)
		}
	}
}

func TestAnothersGroupsAreNotFound(t *testing.T) {
	t.Parallel()
	acme := open(t)
	bolt := acme.another("bolt")
	bolt.publish("theirs")
	theirs := bolt.group(group.Group{Name: "Theirs"})
	_, oskar := bolt.add("oskar", tenancy.RoleLearner)
	_, lea := acme.add("lea", tenancy.RoleLearner)
	ours := acme.group(group.Group{Name: "theirs"}) // names are the tenant's own
	get := func() error { _, _, err := acme.Get(acme.owner, theirs.ID); return err }
	people := func() error { _, _, err := acme.People(acme.owner, theirs.ID, uuid.Nil, 5); return err }
	labs := func() error { _, err := acme.Labs(acme.owner, theirs.ID); return err }
	change := func() error {
		_, err := acme.Change(acme.owner, group.Group{ID: theirs.ID, Name: "Mine", Version: 1})
		return err
	}
	parent := func() error {
		_, err := acme.Add(acme.owner, group.Group{Name: "Below", Parent: &theirs.ID})
		return err
	}
	remove := func() error { _, err := acme.Remove(acme.owner, theirs.ID); return err }
	for name, err := range map[string]error{
		"get": get(), "people": people(), "labs": labs(), "change": change(), "as parent": parent(), "remove": remove(),
		"add a person": acme.AddPerson(acme.owner, theirs.ID, lea), "remove a person": acme.RemovePerson(acme.owner, theirs.ID, oskar),
		"add a lab": acme.AddLab(acme.owner, theirs.ID, "theirs"), "remove a lab": acme.RemoveLab(acme.owner, theirs.ID, "theirs"),
	} {
		if !errors.Is(err, group.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := acme.AddPerson(acme.owner, ours.ID, oskar); !errors.Is(err, member.ErrNotFound) {
		t.Errorf("another's member: %v", err)
	}
	if err := acme.AddLab(acme.owner, ours.ID, "theirs"); !errors.Is(err, group.ErrNoLab) {
		t.Errorf("another's lab: %v", err)
	}
	// The database itself refuses a link across tenants.
	for name, statement := range map[string]string{
		"member": `insert into group_member (group_id, user_id) values ($1, $1)`,
		"lab":    `insert into group_lab (group_id, lab_id) values ($1, $1)`,
		"parent": `insert into "group" (name, name_key, nested, parent_id) values ('x', 'x', true, $1)`,
	} {
		err := acme.DB.InTenant(acme.owner, policy.GroupWrite, func(tx pgx.Tx) error { _, err := tx.Exec(acme.owner, statement, theirs.ID); return err })
		if err == nil {
			t.Errorf("%s: allowed", name)
		}
	}
}

func TestNamesAreUniqueAndChecked(t *testing.T) {
	t.Parallel()
	s := open(t)
	g := s.group(group.Group{Name: "  Spring   course "})
	if g.Name != "Spring course" || g.Version != 1 {
		t.Errorf("%+v", g)
	}
	zero := 0
	for name, bad := range map[string]struct {
		g    group.Group
		want error
	}{
		"taken":       {group.Group{Name: "SPRING COURSE"}, group.ErrTaken},
		"empty":       {group.Group{Name: " "}, nil},
		"long":        {group.Group{Name: strings.Repeat("x", 101)}, nil},
		"bar":         {group.Group{Name: "a|b"}, nil},
		"control":     {group.Group{Name: "a\x00b"}, nil},
		"turned":      {group.Group{Name: "a\u202eb"}, nil},
		"note":        {group.Group{Name: "x", Note: strings.Repeat("x", 501)}, nil},
		"no sessions": {group.Group{Name: "x", MaxSessions: &zero}, nil},
	} {
		_, err := s.Add(s.owner, bad.g)
		if bad.want != nil && !errors.Is(err, bad.want) || bad.want == nil && errs.KindOf(err) != errs.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Change(s.owner, group.Group{ID: g.ID, Name: "Autumn", Version: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Change(s.owner, group.Group{ID: g.ID, Name: "Winter", Version: 1}); !errors.Is(err, group.ErrChanged) {
		t.Errorf("over another's change: %v", err)
	}
}

func TestTheSmallestLimitHolds(t *testing.T) {
	t.Parallel()
	s := open(t)
	three, two, one := 3, 2, 1
	top := s.group(group.Group{Name: "Top", MaxSessions: &two})
	team := s.group(group.Group{Name: "Team", Parent: &top.ID, MaxSessions: &three})
	s.group(group.Group{Name: "Others", MaxSessions: &one})
	_, lea := s.add("lea", tenancy.RoleLearner)
	_, free := s.add("free", tenancy.RoleLearner)
	s.ok(s.AddPerson(s.owner, team.ID, lea))
	room := func(user uuid.UUID, running int64) error {
		return s.DB.InTenant(s.owner, policy.SessionStart, func(tx pgx.Tx) error { return group.Room(s.owner, tx, user, running) })
	}
	if err := errors.Join(room(lea, 1), room(free, 100)); err != nil {
		t.Error(err)
	}
	if err := room(lea, 2); !errors.Is(err, group.ErrLimit) || !strings.Contains(err.Error(), "Top") {
		t.Errorf("the limit of the group above: %v", err)
	}
}

func TestDeletionSaysWhatItFrees(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.publish("aa", "bb")
	five := 5
	g := s.group(group.Group{Name: "Course", MaxSessions: &five})
	child := s.group(group.Group{Name: "Team", Parent: &g.ID})
	other := s.group(group.Group{Name: "Other"})
	pupil, id := s.add("pupil", tenancy.RoleLearner)
	s.ok(s.AddPerson(s.owner, g.ID, id), s.AddLab(s.owner, g.ID, "aa"), s.AddLab(s.owner, g.ID, "bb"), s.AddLab(s.owner, other.ID, "bb"))
	_, before, err := s.Get(s.owner, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.Remove(s.owner, g.ID)
	want := group.Freed{Members: 1, Children: 1, Labs: []string{"aa"}, Limit: &five}
	if err != nil || fmt.Sprint(before.Members, before.Children, before.Labs, *before.Limit) != fmt.Sprint(want.Members, want.Children, want.Labs, *want.Limit) || fmt.Sprint(before.Labs) != fmt.Sprint(after.Labs) {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
	if left, _, err := s.Get(s.owner, child.ID); err != nil || left.Parent != nil {
		t.Errorf("the group below: %+v, %v", left, err)
	}
	if got := s.sees(pupil, "aa", "bb"); got != "aa" {
		t.Errorf("sees %s", got)
	}
	if _, err := s.Remove(s.owner, g.ID); !errors.Is(err, group.ErrNotFound) {
		t.Errorf("twice: %v", err)
	}
}

func TestEveryChangeHasItsEntry(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.publish("aa")
	_, id := s.add("pupil", tenancy.RoleLearner)
	g := s.group(group.Group{Name: "Course"})
	_, err := s.Change(s.owner, group.Group{ID: g.ID, Name: "Course 2", Version: 1})
	for range 2 { // what changes nothing has none
		s.ok(err, s.AddPerson(s.owner, g.ID, id), s.AddLab(s.owner, g.ID, "aa"))
	}
	for range 2 {
		s.ok(s.RemovePerson(s.owner, g.ID, id), s.RemoveLab(s.owner, g.ID, "aa"))
	}
	_, err = s.Remove(s.owner, g.ID)
	s.ok(err)
	got, err := db.ReadInTenant(s.owner, s.db.App, policy.MemberRead, `select substr(action, 7) from audit_entry where action like 'group.%' order by id`, pgx.NamedArgs{}, pgx.RowTo[string])
	if want := "[added changed member_added lab_added member_removed lab_removed removed]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("the log has %s, want %s, %v", got, want, err)
	}
}

func TestTheAPI(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.publish("aa")
	people := map[string]context.Context{"owner": s.owner}
	var lea uuid.UUID
	people["learner"], lea = s.add("lea", tenancy.RoleLearner)
	people["instructor"], _ = s.add("ines", tenancy.RoleInstructor)
	people["author"], _ = s.add("anna", tenancy.RoleAuthor)
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	g := &gateway.Gateway{Authorize: policy.Authorize, Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
		scope, _ := tenancy.From(people[bearer])
		return scope, nil
	}}
	api.UseMiddleware(g.Middleware(api))
	s.Register(api)
	s.group(group.Group{Name: "Another"})
	one := "/v1/groups/" + s.group(group.Group{Name: "Course"}).ID.String()
	for _, c := range []struct {
		as, method, path, match, body string
		status                        int
		say                           string
	}{
		{"owner", "POST", "/v1/groups", "", `{"name":"Third","maxSessions":2}`, 201, `"maxSessions":2`},
		{"owner", "POST", "/v1/groups", "", `{"name":"course"}`, 409, "group_name_taken"},
		{"owner", "POST", "/v1/groups", "", `{"name":"x","maxSessions":0}`, 422, ""},
		{"instructor", "POST", "/v1/groups", "", `{"name":"Mine"}`, 403, ""},
		{"owner", "GET", "/v1/groups?limit=1", "", "", 200, `"next":`},
		{"owner", "GET", "/v1/groups?cursor=x", "", "", 400, "invalid_cursor"},
		{"instructor", "GET", "/v1/groups", "", "", 200, `"name":"Another"`},
		{"author", "GET", "/v1/groups", "", "", 403, ""},
		{"learner", "GET", "/v1/groups", "", "", 403, ""},
		{"owner", "PUT", one, "", `{"name":"Course"}`, 428, "if_match_missing"},
		{"owner", "PUT", one, `"1"`, `{"name":"Course","note":"For all"}`, 200, `"note":"For all"`},
		{"owner", "PUT", one, `"1"`, `{"name":"Course"}`, 412, "group_changed"},
		{"instructor", "PUT", one, `"2"`, `{"name":"Course"}`, 403, ""},
		{"owner", "PUT", one + "/members/" + lea.String(), "", "", 204, ""},
		{"owner", "PUT", one + "/members/" + uuid.NewString(), "", "", 404, "no_such_member"},
		{"learner", "PUT", one + "/members/" + lea.String(), "", "", 403, ""},
		{"instructor", "GET", one + "/members", "", "", 200, `"name":"lea"`},
		{"owner", "PUT", one + "/labs/aa", "", "", 204, ""},
		{"owner", "PUT", one + "/labs/zz", "", "", 404, "lab_not_found"},
		{"author", "PUT", one + "/labs/aa", "", "", 403, ""},
		{"instructor", "GET", one + "/labs", "", "", 200, `"slug":"aa"`},
		{"instructor", "GET", one, "", "", 200, `"deletion":{`},
		{"owner", "DELETE", one + "/labs/aa", "", "", 204, ""},
		{"owner", "DELETE", one + "/members/" + lea.String(), "", "", 204, ""},
		{"instructor", "DELETE", one, "", "", 403, ""},
		{"owner", "DELETE", one, "", "", 200, `"labs":[]`},
		{"owner", "GET", one, "", "", 404, "no_such_group"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+c.as)
		r.Header.Set("Content-Type", "application/json")
		if c.match != "" {
			r.Header.Set("If-Match", c.match)
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.say) {
			t.Errorf("%s %s %s: %d %s", c.as, c.method, c.path, w.Code, w.Body)
		}
	}
}

// What an identity provider says of somebody is theirs while it says so, and no longer. What was done by hand stays.
func TestAProviderTakesBackTheGroupsThatItGaveAlone(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx, ada := s.add("ada", tenancy.RoleLearner)
	s.group(group.Group{Name: "Course"})
	club, hand := s.group(group.Group{Name: "Club"}), s.group(group.Group{Name: "By hand"})
	one, two := uuid.New(), uuid.New()
	says := func(provider uuid.UUID, want string, names ...string) {
		t.Helper()
		s.ok(s.SetNamed(tenancy.System(ctx, s.tenant), ada, provider, names))
		var got []string
		s.ok(s.DB.InWholeTenant(s.owner, policy.TenantRead, func(tx pgx.Tx) (err error) {
			got, err = s.Of(s.owner, tx, ada)
			return err
		}))
		if fmt.Sprint(got) != want {
			t.Errorf("after %q: %v, want %s", names, got, want)
		}
	}
	s.ok(s.AddPerson(s.owner, hand.ID, ada))
	says(one, "[By hand Club Course]", "course", "Club", "By hand", "nowhere")
	says(one, "[By hand Course]", "Course")
	says(two, "[By hand Club Course]", "Club")
	says(one, "[By hand Club]")
	says(two, "[By hand Club]", "Club")
	s.ok(s.AddPerson(s.owner, club.ID, ada)) // by hand now
	says(two, "[By hand Club]")
	says(one, "[By hand Club Course]", "Course")
	if err := s.SetNamed(tenancy.System(ctx, s.tenant), ada, one, nil); err != nil {
		t.Error(err)
	}
	var left int
	if err := s.db.Owner.QueryRow(t.Context(), `select count(*) from pool.audit_entry where tenant_id = $1 and action = 'group.member_left' and target = $2`, s.tenant, ada.String()).Scan(&left); err != nil || left != 3 {
		t.Errorf("%d entries, %v", left, err)
	}
}
