package policy_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func as(t *testing.T, role tenancy.Role, operator bool) context.Context {
	t.Helper()
	return tenancy.With(t.Context(), tenancy.Scope{Tenant: tenancy.DefaultTenant(), User: uuid.New(), Role: role, Operator: operator})
}

// TestRoles is the whole table: what a role may do, and that it may do nothing else.
func TestRoles(t *testing.T) {
	t.Parallel()
	all := []tenancy.Permission{
		policy.LabRead, policy.LabWrite, policy.SessionStart, policy.SessionUse, policy.SessionSeeAll, policy.SessionSystem,
		policy.MemberRead, policy.MemberWrite, policy.OperatorRead, policy.OperatorWrite, httpx.SignedIn,
		policy.TenantExport, policy.TenantSystem, policy.GroupRead, policy.GroupWrite, policy.TenantClose,
		policy.MachineRead, policy.MachineWrite, policy.ClientRead, policy.ClientWrite, policy.IDPRead, policy.IDPWrite,
		policy.KeyRead, policy.KeyWrite, policy.TenantRead, policy.TenantWrite, policy.PolicyRead, policy.PolicyWrite,
	}
	for _, p := range actions(t) {
		if !slices.Contains(all, p) {
			t.Errorf("%s is an action of the schema: say here which roles have it", p)
		}
	}
	table := map[tenancy.Role]string{ // in the order of all
		tenancy.RoleLearner:    "x.xx......x.................",
		tenancy.RoleInstructor: "x.xxx.x...x..x..............",
		tenancy.RoleAuthor:     "xxxx......x.................",
		tenancy.RoleAdmin:      "xxxxx.xx..x..xx.xx..xxxxxxxx",
		tenancy.RoleOwner:      "xxxxx.xx..xx.xxxxxxxxxxxxxxx",
		tenancy.RoleSystem:     "xx.xxx......x...............",
		"stranger":             "............................",
		"":                     "............................",
	}
	for role, row := range table {
		for i, p := range all {
			err := policy.Authorize(as(t, role, false), p)
			if may := row[i] == 'x'; may != (err == nil) {
				t.Errorf("%q may %s: got %v, want %t", role, p, err, may)
			} else if !may && errs.KindOf(err) != errs.KindForbidden {
				t.Errorf("%q, %s: %v is not a refusal", role, p, err)
			}
		}
	}
}

// actions are those that the schema declares.
func actions(t *testing.T) (all []tenancy.Permission) {
	t.Helper()
	text, err := os.ReadFile("schema.cedarschema")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`"([a-z.-]+)"`)
	for line := range strings.Lines(string(text)) {
		if names, _, ok := strings.Cut(line, " appliesTo "); ok {
			for _, m := range name.FindAllStringSubmatch(names, -1) {
				all = append(all, tenancy.Permission(m[1]))
			}
		}
	}
	if len(all) < 28 {
		t.Fatalf("only %d actions were found", len(all))
	}
	return all
}

func TestOperatorsRunTheInstallationWhateverTheirRole(t *testing.T) {
	t.Parallel()
	ctx := as(t, tenancy.RoleLearner, true)
	for _, p := range []tenancy.Permission{policy.OperatorRead, policy.OperatorWrite} {
		if err := policy.Authorize(ctx, p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	if err := policy.Authorize(ctx, policy.LabWrite); err == nil {
		t.Error("an operator has an author's rights in a tenant without being one")
	}
}

func TestWithoutAScopeOnlyPublicIsOpen(t *testing.T) {
	t.Parallel()
	if err := policy.Authorize(t.Context(), httpx.Public); err != nil {
		t.Error(err)
	}
	for _, p := range []tenancy.Permission{policy.LabRead, policy.OperatorRead, httpx.SignedIn} {
		if err := policy.Authorize(t.Context(), p); errs.KindOf(err) != errs.KindUnauthenticated {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// What a credential grants narrows its role, and widens nothing.
func TestGrantsNarrowARole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		role   tenancy.Role
		grants []tenancy.Permission
		ask    tenancy.Permission
		may    bool
	}{
		{tenancy.RoleOwner, nil, policy.LabWrite, true},
		{tenancy.RoleOwner, []tenancy.Permission{}, policy.LabWrite, false},
		{tenancy.RoleOwner, []tenancy.Permission{policy.LabRead}, policy.LabRead, true},
		{tenancy.RoleOwner, []tenancy.Permission{policy.LabRead}, policy.LabWrite, false},
		{tenancy.RoleLearner, []tenancy.Permission{policy.LabWrite}, policy.LabWrite, false},
		{tenancy.RoleOwner, []tenancy.Permission{policy.OperatorRead}, policy.OperatorRead, false},
	} {
		ctx := tenancy.With(t.Context(), tenancy.Scope{Role: c.role, Grants: c.grants})
		if err := policy.Authorize(ctx, c.ask); (err == nil) != c.may {
			t.Errorf("%s with %v asks for %s: %v", c.role, c.grants, c.ask, err)
		}
	}
}
