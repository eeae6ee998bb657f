package policy_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// noon is on a Wednesday.
func noon() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

// ourSchema is the program's own.
func ourSchema(t *testing.T) (text []byte, actions map[tenancy.Permission]resolved.Action) {
	t.Helper()
	text, err := os.ReadFile("schema.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	var s schema.Schema
	if err := s.UnmarshalCedar(text); err != nil {
		t.Fatal(err)
	}
	known, err := s.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	actions = map[tenancy.Permission]resolved.Action{}
	for uid, action := range known.Actions {
		actions[tenancy.Permission(uid.ID)] = action
	}
	return text, actions
}

func TestEveryPermissionIsAnAction(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "policy.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, actions := ourSchema(t)
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		value, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("%v is no text", spec.Names)
		}
		text, err := strconv.Unquote(value.Value)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if _, known := actions[tenancy.Permission(text)]; !known {
			t.Errorf("the schema has no action %q", text)
		}
		return true
	})
	if n < 20 {
		t.Errorf("found %d permissions", n)
	}
}

// Mistakes in our own files are found before anything is served.
func TestOurOwnFilesAreChecked(t *testing.T) {
	t.Parallel()
	if err := policy.Check(); err != nil {
		t.Error(err)
	}
	schemaText, _ := ourSchema(t)
	const sound = `@id("x") permit (principal in Role::"x", action == Action::"lab.read", resource);`
	if err := policy.CheckRules(schemaText, []byte(sound)); err != nil {
		t.Error(err)
	}
	for name, roles := range map[string]string{
		"an unknown action": `@id("x") permit (principal in Role::"x", action == Action::"x", resource);`,
		"a condition":       `@id("x") permit (principal, action == Action::"lab.read", resource) when { context.hour > 1 };`,
		"a prohibition":     `@id("x") forbid (principal, action == Action::"lab.read", resource);`,
		"no id":             `permit (principal, action == Action::"lab.read", resource);`,
		"no Cedar":          `permit`,
	} {
		if err := policy.CheckRules(schemaText, []byte(roles)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := policy.CheckRules([]byte("entity"), []byte(sound)); err == nil {
		t.Error("a broken schema is accepted")
	}
}

// What the precomputed table says of each role is what Cedar says for every kind of resource: nothing is asked of Cedar
// where a tenant has no policies of its own.
func TestTheTableIsWhatCedarSays(t *testing.T) {
	t.Parallel()
	none := policy.Compile(nil)
	_, actions := ourSchema(t)
	for _, role := range []tenancy.Role{
		tenancy.RoleLearner, tenancy.RoleInstructor, tenancy.RoleAuthor, tenancy.RoleAdmin, tenancy.RoleOwner, tenancy.RoleSystem, "operator", "stranger",
	} {
		permits := 0
		for p, action := range actions {
			for _, kind := range action.AppliesTo.Resources {
				w := policy.NewWorld(tenancy.Scope{User: uuid.New(), Role: role}, nil, noon())
				got := none.Decide(w, p, tenancy.Entity{Kind: string(kind), ID: "x"})
				if got.Allowed != got.Permits {
					t.Errorf("%s may %s on a %s: Cedar says %t, the table %t", role, p, kind, got.Allowed, got.Permits)
				}
				if got.Permits {
					permits++
				}
			}
		}
		if permits == 0 != (role == "stranger") {
			t.Errorf("%s has %d permissions", role, permits)
		}
	}
}

// asked decides with the policies of these texts.
func asked(t *testing.T, w *policy.World, p tenancy.Permission, of tenancy.Entity, texts ...string) policy.Decision {
	t.Helper()
	var rows []policy.Stored
	for n, text := range texts {
		if _, problems := policy.Parse(text); len(problems) > 0 {
			t.Fatalf("%s: %+v", text, problems)
		}
		rows = append(rows, policy.Stored{ID: uuid.New(), Title: strconv.Itoa(n), Text: text})
	}
	return policy.Compile(rows).Decide(w, p, of)
}

func TestInternsStartIntroductionsOnWeekdays(t *testing.T) {
	t.Parallel()
	interns, below, intern, other := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	members := &policy.Membership{Groups: map[uuid.UUID][]uuid.UUID{intern: {below}}, Parents: map[uuid.UUID]uuid.UUID{below: interns}}
	text := fmt.Sprintf(`forbid (principal in Group::"%s", action == Action::"session.start", resource is Lab)
		unless { resource.tags.contains("intro") && context.weekday <= 5 };`, interns)
	for _, test := range []struct {
		user    uuid.UUID
		tags    []string
		at      time.Time
		allowed bool
	}{
		{intern, []string{"intro"}, noon(), true},
		{intern, []string{"other"}, noon(), false},
		{intern, []string{"intro"}, noon().AddDate(0, 0, 3), false}, // a Saturday
		{intern, []string{"intro"}, noon().AddDate(0, 0, 4), false}, // a Sunday
		{intern, []string{"intro"}, noon().AddDate(0, 0, 5), true},
		{other, []string{"other"}, noon().AddDate(0, 0, 3), true},
	} {
		w := policy.NewWorld(tenancy.Scope{User: test.user, Role: tenancy.RoleLearner}, members, test.at)
		got := asked(t, w, policy.SessionStart, tenancy.Entity{Kind: "Lab", ID: "x", Attributes: map[string]any{"slug": "x", "level": "", "tags": test.tags}}, text)
		if got.Allowed != test.allowed {
			t.Errorf("%v at %v: %+v", test.tags, test.at.Weekday(), got)
		}
	}
}

// Times are of the zone that a statement names, in whichever order statements stand, and of UTC without one.
func TestTimesAreOfTheZoneThatAStatementNames(t *testing.T) {
	t.Parallel()
	const evening = `forbid (principal, action == Action::"session.start", resource is Lab) when { context.hour >= 18 };`
	const weekend = `@zone("Asia/Kolkata") forbid (principal, action == Action::"session.start", resource is Lab) when { context.weekday > 5 };`
	lab := tenancy.Entity{Kind: "Lab", ID: "x", Attributes: map[string]any{"slug": "x", "level": "", "tags": []string{}}}
	for _, test := range []struct {
		name, text string
		at         time.Time
		allowed    bool
	}{
		{"17:30 in India", `@zone("Asia/Kolkata") ` + evening, time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC), true},
		{"18:00 in India", `@zone("Asia/Kolkata") ` + evening, time.Date(2026, 1, 7, 12, 30, 0, 0, time.UTC), false},
		{"12:30 in UTC", evening, time.Date(2026, 1, 7, 12, 30, 0, 0, time.UTC), true},
		{"Friday night in UTC, Saturday in India", weekend, time.Date(2026, 1, 9, 19, 0, 0, 0, time.UTC), false},
		{"Sunday night in UTC, Monday in India", weekend, time.Date(2026, 1, 11, 19, 0, 0, 0, time.UTC), true},
		{"the second of both", evening + weekend, time.Date(2026, 1, 10, 2, 0, 0, 0, time.UTC), false},
		{"the first of both", weekend + evening, time.Date(2026, 1, 8, 18, 0, 0, 0, time.UTC), false},
		{"summer in Berlin", `@zone("Europe/Berlin") ` + evening, time.Date(2026, 7, 7, 16, 0, 0, 0, time.UTC), false},
		{"winter in Berlin", `@zone("Europe/Berlin") ` + evening, time.Date(2026, 1, 7, 16, 30, 0, 0, time.UTC), true},
	} {
		w := policy.NewWorld(tenancy.Scope{User: uuid.New(), Role: tenancy.RoleLearner}, nil, test.at.In(time.FixedZone("elsewhere", -7*3600)))
		if got := asked(t, w, policy.SessionStart, lab, test.text); got.Allowed != test.allowed || !got.Allowed && len(got.Titles) != 1 {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
	failing := asked(t, policy.NewWorld(tenancy.Scope{User: uuid.New(), Role: tenancy.RoleLearner}, nil, noon()), policy.SessionStart, lab,
		`@zone("Asia/Kolkata") forbid (principal, action, resource) when { context.hour * 9223372036854775807 > 2 };`)
	if failing.Allowed || failing.Failed == "" {
		t.Errorf("a failing statement with a zone: %+v", failing)
	}
	if unknown := policy.Compile([]policy.Stored{{Title: "x", Text: `@zone("Mars/Base") forbid (principal, action == Action::"lab.write", resource);`}}).
		Decide(policy.NewWorld(tenancy.Scope{User: uuid.New(), Role: tenancy.RoleOwner}, nil, noon()), policy.LabRead, lab); unknown.Allowed {
		t.Error("a zone that is not there any more leaves everything open")
	}
}

// Policies know by what somebody asks.
func TestPoliciesKnowTheKindOfClient(t *testing.T) {
	t.Parallel()
	key := uuid.New()
	for through, scope := range map[string]tenancy.Scope{
		"console": {}, "cli": {Client: "cli"}, "program": {Client: "program"}, "key": {Key: key, Client: "console"},
		"machine": {Machine: true}, "machine ": {Kind: tenancy.Machine}, "key ": {Key: key, Machine: true},
	} {
		scope.User, scope.Role = uuid.New(), tenancy.RoleOwner
		for _, client := range []string{"console", "cli", "program", "key", "machine"} {
			text := `forbid (principal, action == Action::"tenant.export", resource) when { context.client == "` + client + `" };`
			got := asked(t, policy.NewWorld(scope, nil, noon()), policy.TenantExport, tenancy.Entity{Kind: tenancy.KindTenant}, text)
			if forbids := client == strings.TrimSpace(through); got.Allowed == forbids {
				t.Errorf("%q asks, %s is forbidden: %+v", through, client, got)
			}
		}
	}
}

func TestInstructorsSeeSessionsOfTheirGroups(t *testing.T) {
	t.Parallel()
	course, instructor, learner, stranger := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	members := &policy.Membership{Groups: map[uuid.UUID][]uuid.UUID{instructor: {course}, learner: {course}}, Parents: map[uuid.UUID]uuid.UUID{}}
	text := `forbid (principal in Role::"instructor", action == Action::"session.see-all", resource is Session)
		unless { resource.owner in principal.groups };`
	for owner, allowed := range map[uuid.UUID]bool{learner: true, stranger: false} {
		w := policy.NewWorld(tenancy.Scope{User: instructor, Role: tenancy.RoleInstructor}, members, noon())
		session := tenancy.Entity{Kind: "Session", ID: "x", Attributes: map[string]any{"owner": owner, "lab": "", "tags": []string{}, "state": ""}}
		if got := asked(t, w, policy.SessionSeeAll, session, text); got.Allowed != allowed {
			t.Errorf("%+v, want %t", got, allowed)
		}
	}
}

// What cannot be evaluated denies: to Cedar it would be as if the policy were not there.
func TestAFailingPolicyDenies(t *testing.T) {
	t.Parallel()
	w := policy.NewWorld(tenancy.Scope{User: uuid.New(), Role: tenancy.RoleOwner}, nil, noon())
	got := asked(t, w, policy.LabRead, tenancy.Entity{Kind: tenancy.KindTenant}, `forbid (principal, action, resource) when { context.hour * 9223372036854775807 > 2 };`)
	if got.Allowed || got.Failed == "" || len(got.Titles) != 1 {
		t.Errorf("%+v", got)
	}
	broken := policy.Compile([]policy.Stored{{Title: "of another version", Text: "forbid ("}}).Decide(w, policy.LabRead, tenancy.Entity{Kind: tenancy.KindTenant})
	if broken.Allowed || broken.Failed == "" {
		t.Errorf("%+v", broken)
	}
}

// BenchmarkDecide is one decision with 50 policies of the kinds that organisations write.
func BenchmarkDecide(b *testing.B) {
	ask, err := policy.Sample(50)
	if err != nil || !ask() {
		b.Fatal("the sample does not allow", err)
	}
	for b.Loop() {
		ask()
	}
}

// Which policies are asked is chosen without Cedar; with all of their heads in place it says the same.
func TestChoosingPoliciesIsWhatCedarSays(t *testing.T) {
	t.Parallel()
	top, below, other, user := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	members := &policy.Membership{Groups: map[uuid.UUID][]uuid.UUID{user: {below}}, Parents: map[uuid.UUID]uuid.UUID{below: top}}
	w := policy.NewWorld(tenancy.Scope{User: user, Role: tenancy.RoleLearner}, members, noon())
	about := tenancy.Entity{Kind: "Lab", ID: "x", Attributes: map[string]any{"slug": "x", "level": "", "tags": []string{}}}
	uid := func(kind cedar.EntityType, id uuid.UUID) cedar.EntityUID {
		return cedar.NewEntityUID(kind, cedar.String(id.String()))
	}
	lab := cedar.NewEntityUID("Lab", "x")
	entities := cedar.EntityMap{lab: {UID: lab}}
	for child, parents := range map[cedar.EntityUID][]cedar.EntityUID{
		uid("User", user):   {uid("Group", below), cedar.NewEntityUID("Role", "learner")},
		uid("Group", below): {uid("Group", top)},
	} {
		entities[child] = cedar.Entity{UID: child, Parents: cedar.NewEntityUIDSet(parents...)}
	}
	for _, who := range []string{
		"principal", "principal is User", `principal == User::"` + user.String() + `"`, `principal == User::"` + other.String() + `"`,
		`principal in User::"` + user.String() + `"`, `principal in Group::"` + below.String() + `"`, `principal in Group::"` + top.String() + `"`,
		`principal in Group::"` + other.String() + `"`, `principal is User in Group::"` + top.String() + `"`, `principal is User in Group::"` + other.String() + `"`,
		`principal in Role::"learner"`, `principal in Role::"owner"`,
	} {
		for _, action := range []string{"action", `action == Action::"lab.read"`, `action in [Action::"lab.read", Action::"group.read"]`, `action == Action::"lab.write"`} {
			text := "forbid (" + who + ", " + action + ", resource);"
			list, err := cedar.NewPolicySetFromBytes("", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			_, why := cedar.Authorize(list, entities, cedar.Request{Principal: uid("User", user), Action: cedar.NewEntityUID("Action", "lab.read"), Resource: lab})
			if got, want := len(asked(t, w, policy.LabRead, about, text).Titles), len(why.Reasons); got != want {
				t.Errorf("%s: %d forbid, Cedar says %d", text, got, want)
			}
		}
	}
}
