package apikey

import (
	"slices"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// scopes are the permissions that a key can carry, and for each the other ones that its routes need. What is not here no
// key has: whatever makes or changes keys, machine clients, programs, members and how people sign in is for people alone, as
// is the end of the organisation. A new permission is for people until somebody puts it here.
func scopes() map[tenancy.Permission][]tenancy.Permission {
	return map[tenancy.Permission][]tenancy.Permission{
		policy.LabRead:       nil,
		policy.LabWrite:      {policy.LabRead},
		policy.SessionStart:  {policy.LabRead, policy.SessionUse},
		policy.SessionUse:    nil,
		policy.SessionSeeAll: {policy.SessionUse},
		policy.MemberRead:    nil,
		policy.GroupRead:     {policy.MemberRead}, // who is in them
		policy.GroupWrite:    {policy.GroupRead, policy.MemberRead},
		policy.TenantRead:    {policy.LabRead}, // what the catalogue takes of the plan
		policy.TenantWrite:   {policy.TenantRead, policy.LabRead},
		policy.TenantExport:  nil,
		policy.KeyRead:       nil,
		policy.MachineRead:   nil,
		policy.ClientRead:    nil,
		policy.IDPRead:       nil,
	}
}

// Grantable are the scopes that somebody of a role can give a key, in a fixed order.
func Grantable(r tenancy.Role) []tenancy.Permission {
	out := []tenancy.Permission{}
	for p := range scopes() {
		if slices.Contains(policy.Permissions(r), p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// first are the scopes of the key that an organisation's first owner is given: to teach with labs, and to read.
func first() []tenancy.Permission {
	return []tenancy.Permission{
		policy.GroupRead, policy.GroupWrite, policy.LabRead, policy.LabWrite, policy.MemberRead,
		policy.SessionSeeAll, policy.SessionStart, policy.SessionUse, policy.TenantRead,
	}
}

// grants are scopes with all that they need. Never nil, which would restrict nothing.
func grants(of []tenancy.Permission) []tenancy.Permission {
	out := []tenancy.Permission{}
	for _, p := range of {
		out = append(append(out, p), scopes()[p]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
