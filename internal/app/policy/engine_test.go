package policy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// noon is on a Wednesday.
func noon() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

func TestEveryPermissionIsAnAction(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "policy.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if _, known := builtin().schema.Actions[actionUID(tenancy.Permission(text))]; !known {
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
	if err := Check(); err != nil {
		t.Error(err)
	}
	for name, roles := range map[string]string{
		"an unknown action": `@id("x") permit (principal in Role::"x", action == Action::"x", resource);`,
		"a condition":       `@id("x") permit (principal, action == Action::"lab.read", resource) when { context.hour > 1 };`,
		"a prohibition":     `@id("x") forbid (principal, action == Action::"lab.read", resource);`,
		"no id":             `permit (principal, action == Action::"lab.read", resource);`,
		"no Cedar":          `permit`,
	} {
		if _, err := readRules(schemaText, []byte(roles)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := readRules([]byte("entity"), rolesText); err == nil {
		t.Error("a broken schema is accepted")
	}
}

// What the precomputed table says of each role is what Cedar says for every kind of resource: nothing is asked of Cedar
// where a tenant has no policies of its own.
func TestTheTableIsWhatCedarSays(t *testing.T) {
	t.Parallel()
	s := compile(nil)
	for role, allowed := range builtin().allowed {
		for _, p := range builtin().actions() {
			for _, kind := range builtin().schema.Actions[actionUID(p)].AppliesTo.Resources {
				w := newWorld(tenancy.Scope{User: uuid.New(), Role: role}, nil, noon())
				if got := s.decide(w, p, tenancy.Entity{Kind: string(kind), ID: "x"}); got.Allowed != allowed[p] {
					t.Errorf("%s may %s on a %s: Cedar says %t, the table %t", role, p, kind, got.Allowed, allowed[p])
				}
			}
		}
	}
}

// asked decides with the policies of these texts.
func asked(t *testing.T, w *world, p tenancy.Permission, of tenancy.Entity, texts ...string) Decision {
	t.Helper()
	var rows []stored
	for n, text := range texts {
		if _, problems := parse(text); len(problems) > 0 {
			t.Fatalf("%s: %+v", text, problems)
		}
		rows = append(rows, stored{ID: uuid.New(), Title: fmt.Sprint(n), Text: text})
	}
	return compile(rows).decide(w, p, of)
}

func TestInternsStartIntroductionsOnWeekdays(t *testing.T) {
	t.Parallel()
	interns, below, intern, other := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	members := &membership{groups: map[uuid.UUID][]uuid.UUID{intern: {below}}, parents: map[uuid.UUID]uuid.UUID{below: interns}}
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
		w := newWorld(tenancy.Scope{User: test.user, Role: tenancy.RoleLearner}, members, test.at)
		got := asked(t, w, SessionStart, tenancy.Entity{Kind: "Lab", ID: "x", Attributes: map[string]any{"slug": "x", "level": "", "tags": test.tags}}, text)
		if got.Allowed != test.allowed {
			t.Errorf("%v at %v: %+v", test.tags, test.at.Weekday(), got)
		}
	}
}

func TestInstructorsSeeSessionsOfTheirGroups(t *testing.T) {
	t.Parallel()
	course, instructor, learner, stranger := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	members := &membership{groups: map[uuid.UUID][]uuid.UUID{instructor: {course}, learner: {course}}, parents: map[uuid.UUID]uuid.UUID{}}
	text := `forbid (principal in Role::"instructor", action == Action::"session.see-all", resource is Session)
		unless { resource.owner in principal.groups };`
	for owner, allowed := range map[uuid.UUID]bool{learner: true, stranger: false} {
		w := newWorld(tenancy.Scope{User: instructor, Role: tenancy.RoleInstructor}, members, noon())
		session := tenancy.Entity{Kind: "Session", ID: "x", Attributes: map[string]any{"owner": owner, "lab": "", "tags": []string{}, "state": ""}}
		if got := asked(t, w, SessionSeeAll, session, text); got.Allowed != allowed {
			t.Errorf("%+v, want %t", got, allowed)
		}
	}
}

// What cannot be evaluated denies: to Cedar it would be as if the policy were not there.
func TestAFailingPolicyDenies(t *testing.T) {
	t.Parallel()
	w := newWorld(tenancy.Scope{User: uuid.New(), Role: tenancy.RoleOwner}, nil, noon())
	got := asked(t, w, LabRead, tenancy.Entity{Kind: tenancy.KindTenant}, `forbid (principal, action, resource) when { context.hour * 9223372036854775807 > 2 };`)
	if got.Allowed || got.Failed == "" || len(got.Titles) != 1 {
		t.Errorf("%+v", got)
	}
	broken := compile([]stored{{Title: "of another version", Text: "forbid ("}}).decide(w, LabRead, tenancy.Entity{Kind: tenancy.KindTenant})
	if broken.Allowed || broken.Failed == "" {
		t.Errorf("%+v", broken)
	}
}

// BenchmarkDecide is one decision with 50 policies of the kinds that organisations write.
func BenchmarkDecide(b *testing.B) {
	ask, err := Sample(50)
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
	members := &membership{groups: map[uuid.UUID][]uuid.UUID{user: {below}}, parents: map[uuid.UUID]uuid.UUID{below: top}}
	w := newWorld(tenancy.Scope{User: user, Role: tenancy.RoleLearner}, members, noon())
	about := tenancy.Entity{Kind: "Lab", ID: "x", Attributes: map[string]any{"slug": "x", "level": "", "tags": []string{}}}
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
			w.resource(about)
			_, why := cedar.Authorize(list, w.entities, cedar.Request{
				Principal: w.asker.UID, Action: actionUID(LabRead), Resource: cedar.NewEntityUID("Lab", "x"), Context: w.context,
			})
			if got, want := len(asked(t, w, LabRead, about, text).Titles), len(why.Reasons); got != want {
				t.Errorf("%s: %d forbid, Cedar says %d", text, got, want)
			}
		}
	}
}
