package server

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// entitled tells whether the plan of the tenant in ctx has what a route needs.
func (p *program) entitled(ctx context.Context, feature string) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return gateway.ErrSignIn
	}
	return p.tiers.Entitled(ctx, scope.Tenant, tier.Feature(feature))
}

// Permissions is the page docs/api-permissions.md: what every address needs. It is made from what each declares, so that
// it cannot differ from what the gateway does.
func Permissions() []byte {
	p := skeleton()
	mux := httpx.NewMux()
	api := p.api(mux)
	var b strings.Builder
	b.WriteString(permissionsHead)
	for _, path := range slices.Sorted(maps.Keys(api.OpenAPI().Paths)) {
		item := api.OpenAPI().Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				b.WriteString(permissionRow(op))
			}
		}
	}
	b.WriteString(pagesHead)
	_, all := p.handler()
	rows := []string{}
	for _, r := range all.Routes() {
		if r.Access != httpx.ByPermission {
			rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", r.Pattern, accessWords(r.Access)))
		}
	}
	slices.Sort(rows)
	b.WriteString(strings.Join(rows, ""))
	return []byte(b.String())
}

const permissionsHead = `# Who may call what

This page is generated from what every route declares: ` + "`make gen`" + ` writes it, and a test fails when it is old. Roles are those
of an organisation's own people; a role that has an action may be narrowed further by what the service finds, such as one's
own sessions only. *Operator* is whoever runs the installation, whatever their role in an organisation. The feature is what
the organisation's plan must have; the weight is how many requests one counts for in the limits of its plan.

| Address | Action | Resource | Roles | Feature | Weight |
|---|---|---|---|---|---|
`

const pagesHead = `
## What is not an operation of the API

Pages, streams and files. Each declares who is let in; see [security tests](security-tests.md) for how that is attacked.

| Address | Who is let in |
|---|---|
`

func permissionRow(op *huma.Operation) string {
	p, _ := httpx.PermissionOf(op)
	weight := "1"
	if declared, ok := op.Extensions["x-weight"]; ok {
		weight = fmt.Sprint(declared)
	}
	return fmt.Sprintf("| `%s %s` | %s | %s | %s | %s | %s |\n", op.Method, op.Path, p, resource(p), rolesOf(p), cmp.Or(httpx.FeatureOf(op), "-"), weight)
}

// resource is what an action is done to.
func resource(p tenancy.Permission) string {
	noun, _, found := strings.Cut(string(p), ".")
	switch {
	case p == httpx.Public:
		return "-"
	case p == httpx.SignedIn:
		return "oneself"
	case !found:
		return string(p)
	case noun == "operator":
		return "installation"
	}
	return noun
}

// rolesOf are the roles that have a permission.
func rolesOf(p tenancy.Permission) string {
	switch p {
	case httpx.Public:
		return "anybody"
	case httpx.SignedIn:
		return "every member"
	case policy.OperatorRead, policy.OperatorWrite:
		return "operator"
	}
	var have []string
	for _, role := range []tenancy.Role{tenancy.RoleOwner, tenancy.RoleAdmin, tenancy.RoleAuthor, tenancy.RoleInstructor, tenancy.RoleLearner} {
		if slices.Contains(policy.Permissions(role), p) {
			have = append(have, string(role))
		}
	}
	return cmp.Or(strings.Join(have, ", "), "nobody")
}

func accessWords(a httpx.Access) string {
	switch a {
	case httpx.Anybody:
		return "anybody: the same answer for everybody"
	case httpx.PoolPage:
		return "people of the user pool that the address names"
	case httpx.ByTicket:
		return "whoever holds a fresh one-time ticket for exactly this"
	case httpx.LabCookie:
		return "whoever entered this port of this lab with a ticket"
	case httpx.OpsListener:
		return "who reaches the private listener"
	case httpx.ByPermission:
	}
	return string(a)
}
