package policy

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Sample returns a question about starting a lab in an organisation with so many policies, for measurements: a member of
// three groups asks, and policies about groups, tags, times and sessions hold. It compiles them once; each call is one
// decision, from a row to an answer.
func Sample(n int) (ask func() bool, err error) {
	var rows []Stored
	for i := range n {
		text := []string{
			`forbid (principal in Group::"` + uuid.NewString() + `", action == Action::"session.start", resource is Lab) unless { resource.tags.contains("intro") && context.weekday <= 5 };`,
			fmt.Sprintf(`forbid (principal in Role::"learner", action == Action::"session.start", resource is Lab) when { resource.tags.contains("topic-%d") };`, i),
			`forbid (principal, action in [Action::"session.start", Action::"lab.read"], resource) when { context.hour < 1 && context.weekday > 6 };`,
			fmt.Sprintf(`forbid (principal, action == Action::"session.start", resource == Lab::"lab-%d") unless { principal in Group::"%s" };`, i, uuid.NewString()),
			`forbid (principal in Role::"instructor", action == Action::"session.see-all", resource is Session) unless { resource.owner in principal.groups };`,
		}[i%5]
		if _, problems := Parse(text); len(problems) > 0 {
			return nil, fmt.Errorf("sample policy: %s", problems[0].Message)
		}
		rows = append(rows, Stored{ID: uuid.New(), Title: fmt.Sprint("sample ", i), Text: text})
	}
	known := Compile(rows)
	scope := tenancy.Scope{User: uuid.New(), Role: tenancy.RoleLearner}
	top := uuid.New()
	groups := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	members := &Membership{Groups: map[uuid.UUID][]uuid.UUID{scope.User: groups}, Parents: map[uuid.UUID]uuid.UUID{groups[0]: top}}
	at := time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)
	about := tenancy.Entity{Kind: "Lab", ID: "linux", Attributes: map[string]any{
		"slug": "linux", "level": "beginner", "tags": []string{"intro", "linux", "files"},
	}}
	return func() bool { return known.Decide(NewWorld(scope, members, at), SessionStart, about).Allowed }, nil
}
