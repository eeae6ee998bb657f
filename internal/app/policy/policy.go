// Package policy decides who may do what, by Cedar: what each role permits (roles.cedar, for the whole installation) and
// what an organisation's own policies take away again. Every permission is an action of schema.cedarschema.
//
// It is asked twice. Authorize knows the role alone: may it do this to anything at all? The gateway and each transaction
// ask it first. Decide, which db.Allow calls, knows the resource that a Service has loaded, and the organisation's policies.
package policy

import (
	"context"
	"slices"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// The permissions.
const (
	LabRead       tenancy.Permission = "lab.read"        // see the catalogue
	LabWrite      tenancy.Permission = "lab.write"       // publish labs
	SessionStart  tenancy.Permission = "session.start"   // start a lab
	SessionUse    tenancy.Permission = "session.use"     // one's own sessions
	SessionSeeAll tenancy.Permission = "session.see-all" // everybody's sessions in the tenant
	SessionSystem tenancy.Permission = "session.system"  // what only the program itself does to a session
	MemberRead    tenancy.Permission = "member.read"
	MemberWrite   tenancy.Permission = "member.write"
	GroupRead     tenancy.Permission = "group.read"
	GroupWrite    tenancy.Permission = "group.write"
	KeyRead       tenancy.Permission = "key.read"       // see the API keys of the organisation, without their secrets
	KeyWrite      tenancy.Permission = "key.write"      // make, rotate and revoke them
	MachineRead   tenancy.Permission = "machine.read"   // see the organisation's machine clients
	MachineWrite  tenancy.Permission = "machine.write"  // make and remove them
	ClientRead    tenancy.Permission = "client.read"    // see the programs of others that the organisation has registered
	ClientWrite   tenancy.Permission = "client.write"   // register and remove them
	TenantRead    tenancy.Permission = "tenant.read"    // plan, limits and what is used of them
	TenantWrite   tenancy.Permission = "tenant.write"   // how the tenant is set up: its domains and the like
	TenantExport  tenancy.Permission = "tenant.export"  // take all of the tenant's data out
	TenantClose   tenancy.Permission = "tenant.close"   // give the tenant another plan, or end it; it holds while the tenant is being closed
	TenantSystem  tenancy.Permission = "tenant.system"  // what only the program itself does to all of a tenant's data
	PolicyRead    tenancy.Permission = "policy.read"    // see the organisation's own policies; no policy takes it away
	PolicyWrite   tenancy.Permission = "policy.write"   // change them; no policy takes it away
	IDPRead       tenancy.Permission = "idp.read"       // the tenant's own identity providers
	IDPWrite      tenancy.Permission = "idp.write"      // change and test them, and who may sign in otherwise
	OperatorRead  tenancy.Permission = "operator.read"  // the installation, across tenants
	OperatorWrite tenancy.Permission = "operator.write" // the installation, across tenants
)

var (
	errSignIn    = errs.Unauthenticated("sign_in", "Sign in first.")
	errForbidden = errs.Forbidden("forbidden", "Your role does not allow this. Ask an administrator of your organisation.")
	errScope     = errs.Forbidden("scope_missing", "The API key's scopes do not allow this. Make a key that has the scope that this address needs; /docs names it.")
	errOperator  = errs.Forbidden("operator_only", "Only operators of this installation may do this.")
)

// Authorize tells whether the scope in ctx has a permission: nil, or an error for the caller. What no rule allows is denied.
func Authorize(ctx context.Context, p tenancy.Permission) error {
	if p == httpx.Public {
		return nil
	}
	scope, ok := tenancy.From(ctx)
	switch {
	case !ok:
		return errSignIn
	case scope.Grants != nil && !slices.Contains(scope.Grants, p) && !fault.On(fault.KeyOfAnyScope):
		return errScope
	case p == OperatorRead || p == OperatorWrite:
		if scope.Operator && builtin().allowed[roleOperator][p] || fault.On(fault.OwnerIsOperator) && scope.Role == tenancy.RoleOwner ||
			fault.On(fault.PersonOfAnyTenant) && scope.Role == tenancy.RoleOwner && p == OperatorWrite {
			return nil
		}
		return errOperator
	case scope.Role != roleOperator && builtin().allowed[scope.Role][p]:
		return nil
	default:
		return errForbidden
	}
}
