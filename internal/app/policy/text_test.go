package policy_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const someGroup = "01a22177-f7d1-77a9-a603-b271bf51f8a5"

// What is refused, where, and with which words.
func TestTextsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text   string
		line, column int
		message      string
	}{
		{"nothing", "", 1, 1, "no statement"},
		{"no Cedar", "forbid (principal, action, resource)\nwhen {\n  resource.tags contains };", 3, 0, "Cannot be read"},
		{"a permission", "forbid (principal, action == Action::\"lab.read\", resource);\n permit (principal, action, resource);", 2, 2, "only takes away"},
		{"an unknown action", "forbid (principal,\n  action == Action::\"lab.reed\", resource);", 2, 13, "lab.reed"},
		{"an unknown attribute", "forbid (principal, action == Action::\"lab.read\", resource is Lab)\nwhen { resource.tagz.contains(\"x\") };", 2, 0, "tagz"},
		{"an attribute that only some have", "forbid (principal, action == Action::\"lab.read\", resource)\nwhen { resource.tags.contains(\"x\") };", 2, 0, "tags"},
		{"the way back", "forbid (principal, action == Action::\"policy.write\", resource);", 1, 0, "roles alone"},
		{"the program's own", "forbid (principal, action == Action::\"session.system\", resource);", 1, 0, "roles alone"},
		{"an operator's", "forbid (principal, action == Action::\"operator.read\", resource);", 1, 0, "roles alone"},
		{"no role", "forbid (principal in Role::\"intern\", action == Action::\"lab.read\", resource);", 1, 0, "no such role"},
		{"a group by name", "forbid (principal in Group::\"interns\", action == Action::\"lab.read\", resource);", 1, 0, "by its id"},
		{"a user by name", "forbid (principal == User::\"ada\", action == Action::\"lab.read\", resource);", 1, 0, "by the id"},
		{"another's role", "forbid (principal, action == Action::\"session.use\", resource is Session)\nwhen { resource.owner in Role::\"owner\" };", 2, 0, "Only principal has a role"},
		{"another's attributes", "forbid (principal, action == Action::\"lab.read\", resource)\nwhen { Lab::\"x\".tags.contains(\"x\") };", 2, 0, "principal and resource alone"},
		{"too long", strings.Repeat("// x\n", 2000), 1, 1, "at most 8192 bytes"},
		{"too deep", "forbid (principal, action, resource) when { " + strings.Repeat("(", 40) + "true" + strings.Repeat(")", 40) + " };", 1, 0, "nested"},
		{"too many parts", "forbid (principal, action, resource) when { true" + strings.Repeat(" && true", 300) + " };", 1, 0, "too many parts"},
		{"too many statements", strings.Repeat("forbid (principal, action, resource);\n", 21), 21, 1, "at most 20 statements"},
		{"no zone", "@zone(\"Asia/Kolkatta\")\nforbid (principal, action, resource);", 1, 0, "no such time zone"},
		{"an empty zone", "@zone(\"\") forbid (principal, action, resource);", 1, 1, "no such time zone"},
		{"the server's zone", "@zone(\"Local\") forbid (principal, action, resource);", 1, 0, "no such time zone"},
		{"a file", "@zone(\"../../etc/passwd\") forbid (principal, action, resource);", 1, 0, "no such time zone"},
		{"another annotation", "@zones(\"UTC\") forbid (principal, action, resource);", 1, 0, "means nothing"},
		{"an event", "forbid (principal, action, resource is Event);", 1, 1, "applicable action"},
		{"no text", "forbid \xff", 1, 1, "UTF-8"},
	} {
		_, found := policy.Parse(test.text)
		if len(found) == 0 {
			t.Errorf("%s: accepted", test.name)
			continue
		}
		p := found[0]
		if p.Line != test.line || test.column > 0 && p.Column != test.column || !strings.Contains(p.Message, test.message) {
			t.Errorf("%s: %+v, want line %d, column %d, %q", test.name, p, test.line, test.column, test.message)
		}
	}
}

// FuzzText looks for texts that cost much, that break the checker, or that pass it and then cannot be evaluated.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		`forbid (principal in Group::"` + someGroup + `", action == Action::"session.start", resource is Lab) unless { resource.tags.contains("intro") && context.weekday <= 5 };`,
		`forbid (principal in Role::"instructor", action == Action::"session.see-all", resource is Session) unless { resource.owner in principal.groups };`,
		`forbid (principal, action, resource) when { context.hour < 8 || context.hour * 9223372036854775807 > 2 };`,
		`forbid (principal, action, resource) when { if true then false else if true then false else true };`,
		`forbid (principal, action in [Action::"lab.read", Action::"group.read"], resource) when { context.now.offset(duration("1h")).toTime() > duration("9h") };`,
		"forbid (principal, action, resource) when { " + strings.Repeat("!", 500) + "true };",
		"forbid (principal, action, resource) when { " + strings.Repeat("(", 500),
		"forbid (principal, action, resource) when { " + strings.Repeat("[", 31) + strings.Repeat("]", 31) + " == [] };",
		`@id("x") @id("y") forbid (principal, action, resource);`,
		`@zone("Asia/Kolkata") forbid (principal, action, resource) when { context.client != "console" && context.hour > 9 };`,
		`forbid (principal, action, resource) when { "\u{110000}" == "a" };`,
		strings.Repeat("forbid (principal, action, resource);", 200),
		"permit", "@", "forbid (principal == ?principal, action, resource);", "\x00",
	} {
		f.Add(seed)
	}
	whom := tenancy.Scope{User: uuid.MustParse(someGroup), Role: tenancy.RoleInstructor}
	entities := map[string]tenancy.Entity{
		tenancy.KindTenant: {Kind: tenancy.KindTenant},
		"Lab":              {Kind: "Lab", ID: "x", Attributes: map[string]any{"slug": "x", "level": "beginner", "tags": []string{"intro"}}},
		"Session":          {Kind: "Session", ID: "x", Attributes: map[string]any{"owner": whom.User, "lab": "x", "tags": []string{}, "state": "ready"}},
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, problems := policy.Parse(text)
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("a problem without a place: %+v", p)
			}
		}
		if len(problems) > 0 {
			return
		}
		set := policy.Compile([]policy.Stored{{ID: uuid.New(), Title: "fuzzed", Text: text}})
		for _, topic := range policy.Topics() {
			for _, kind := range topic.Kinds {
				entity, known := entities[kind]
				if !known {
					continue
				}
				d := set.Decide(policy.NewWorld(whom, nil, noon()), topic.Action, entity)
				if strings.Contains(d.Failed, "cannot read the policy") {
					t.Fatalf("what can be saved cannot be read again: %q", text)
				}
				if d.Failed != "" && d.Allowed {
					t.Errorf("%s fails open: %s", topic.Action, d.Failed)
				}
			}
		}
	})
}
