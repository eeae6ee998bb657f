package federation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/app/identity/seat"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// enter finds or makes the account that a statement is about and sees to its membership of the provider's tenant.
func (s *Service) enter(ctx context.Context, in pool, p *Provider, st *Statement) (user uuid.UUID, err error) {
	proved, err := s.proves(ctx, p.Tenant, st)
	if err != nil {
		return uuid.Nil, err
	}
	err = s.inTenant(ctx, p.Tenant, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, p.Tenant); err != nil {
			return err
		}
		who, found, err := s.find(ctx, tx, in, p, st, proved)
		if err != nil {
			return err
		}
		if user, err = s.admit(ctx, tx, in, p, st, who, found, proved); err != nil {
			return err
		}
		return link(ctx, tx, p.ID, st.Subject, user, s.Now())
	})
	if err != nil {
		return uuid.Nil, err
	}
	s.Forget(user)
	if s.SetGroups != nil && p.GroupClaim != "" {
		err = s.SetGroups(tenancy.With(ctx, acting(p.Tenant, user)), p.Tenant, user, p.ID, p.groups(st.Groups))
	}
	return user, err
}

// proves tells whether the statement's e-mail address is the person's beyond doubt: the provider says so, and its tenant
// has proved that the domain is its own. Nobody else may speak for an address.
func (s *Service) proves(ctx context.Context, tenant uuid.UUID, st *Statement) (bool, error) {
	if !st.Verified || st.Email == "" || s.ProvedDomains == nil {
		return false, nil
	}
	domains, err := s.ProvedDomains(ctx, tenant)
	if err != nil {
		return false, err
	}
	_, domain, _ := strings.Cut(address.Key(st.Email), "@")
	return slices.ContainsFunc(domains, func(d string) bool { return domain != "" && strings.EqualFold(d, domain) }), nil
}

// find looks for the account: by the provider's own name for the person, or else by a proved address. An account whose
// own address nobody has proved was made by anybody: it is handed over, and nothing from before opens it.
func (s *Service) find(ctx context.Context, tx pgx.Tx, in pool, p *Provider, st *Statement, proved bool) (who person, found bool, err error) {
	who, found, err = known(ctx, tx, p.ID, st.Subject)
	byAddress := !found && err == nil && proved
	if byAddress {
		who, found, err = addressed(ctx, tx, in.ID, st.Email)
	}
	switch {
	case err != nil || !found:
		return person{}, false, err
	case who.Operator:
		return person{}, false, ErrOperator
	case who.Disabled:
		return person{}, false, access.ErrDisabled
	case byAddress && !who.Proved:
		return who, true, provision.HandOver(ctx, tx, who.ID, s.Now())
	}
	return who, true, nil
}

// admit sees that the person is a member, in the role that the provider's groups map to.
func (s *Service) admit(ctx context.Context, tx pgx.Tx, in pool, p *Provider, st *Statement, who person, found, proved bool) (uuid.UUID, error) {
	var role tenancy.Role
	var status string
	var err error
	if found {
		if role, status, err = membership(ctx, tx, p.Tenant, who.ID); err != nil {
			return uuid.Nil, err
		}
	}
	mapped := p.role(st.Roles)
	switch {
	case status == "active" && role == tenancy.RoleOwner:
		if !p.ByOwner {
			return uuid.Nil, ErrByAdmin
		}
		return who.ID, nil // ownership is given and taken by hand
	case status == "active" && (p.RoleClaim == "" || role == mapped):
		return who.ID, nil
	case status == "active":
		if err := updateRole(ctx, tx, p.Tenant, who.ID, mapped); err != nil {
			return uuid.Nil, err
		}
		return who.ID, s.record(ctx, p, who.ID, "member.role_changed", map[string]any{"from": role, "to": mapped})
	case status != "":
		return uuid.Nil, access.ErrNotMember // whoever removed them meant it
	case !p.JustInTime:
		return uuid.Nil, ErrNotInvited
	}
	if !found {
		if who.ID, err = s.newPerson(ctx, tx, in, p, st, proved); err != nil {
			return uuid.Nil, err
		}
	}
	return who.ID, s.join(ctx, tx, p, who.ID, mapped)
}

// join makes a member of somebody who never was one, if the plan has room.
func (s *Service) join(ctx context.Context, tx pgx.Tx, p *Provider, user uuid.UUID, role tenancy.Role) error {
	if err := seat.Take(ctx, tx, p.Tenant, s.Room); err != nil {
		return err
	}
	if err := insertMember(ctx, tx, p.Tenant, user, role); err != nil {
		return err
	}
	return s.record(ctx, p, user, "member.joined", map[string]any{"role": role})
}

// newPerson makes an account without a password. An address that is not proved is only shown: the account is not found by
// it, so that no provider can occupy somebody else's address.
func (s *Service) newPerson(ctx context.Context, tx pgx.Tx, in pool, p *Provider, st *Statement, proved bool) (uuid.UUID, error) {
	if st.Email == "" {
		return uuid.Nil, ErrNoEmail
	}
	name := st.Name
	if name == "" {
		local, _, _ := strings.Cut(st.Email, "@")
		name = address.CleanName(local)
	}
	if address.CheckName(name) != "" {
		name = "New member"
	}
	if proved {
		now := s.Now()
		return insertPerson(ctx, tx, in.ID, st.Email, address.Key(st.Email), name, &now)
	}
	sum := sha256.Sum256([]byte(st.Subject))
	return insertPerson(ctx, tx, in.ID, st.Email, "federation:"+p.ID.String()+":"+hex.EncodeToString(sum[:]), name, nil)
}

// rank orders the roles that a provider may give.
func rank(r tenancy.Role) int {
	return slices.Index([]tenancy.Role{tenancy.RoleLearner, tenancy.RoleInstructor, tenancy.RoleAuthor, tenancy.RoleAdmin}, r)
}

// role is the highest that the values map to, or the one for everybody else.
func (p *Provider) role(values []string) tenancy.Role {
	best := tenancy.Role("")
	for _, v := range values {
		if r := p.Roles[v]; rank(r) > rank(best) {
			best = r
		}
	}
	if rank(best) < 0 {
		best = p.DefaultRole
	}
	if rank(best) < 0 {
		best = tenancy.RoleLearner
	}
	return best
}

// groups are those that the values map to.
func (p *Provider) groups(values []string) []string {
	names := []string{}
	for _, v := range values {
		if name := p.Groups[v]; name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// acting is who a sign-in's entries in the tenant's log name: the person, by the program's own right.
func acting(tenant, user uuid.UUID) tenancy.Scope {
	return tenancy.Scope{Tenant: tenant, User: user, Role: tenancy.RoleSystem}
}

// record writes into the tenant's log before the change commits: no membership changes without an entry.
func (s *Service) record(ctx context.Context, p *Provider, user uuid.UUID, action string, detail map[string]any) error {
	detail["identityProvider"] = p.Name
	return s.enterLog(ctx, p.Tenant, user, action, user.String(), detail)
}

func (s *Service) enterLog(ctx context.Context, tenant, user uuid.UUID, action, target string, detail map[string]any) error {
	scope := acting(tenant, user)
	if now, ok := tenancy.From(ctx); ok {
		scope.Request = now.Request
	}
	ctx = tenancy.With(ctx, scope)
	return s.DB.InWholeTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error { return audit.Record(ctx, tx, action, target, detail) })
}

// MayEnter tells whether a signed-in member may have a token for a tenant. vouched is the tenant whose provider signed
// the person in, if one did: it speaks for itself alone. Where only the tenant's providers let people in, owners still
// come in by other means, as a provider that is broken could otherwise never be mended; each time is in the tenant's log.
func (s *Service) MayEnter(ctx context.Context, tenant, user uuid.UUID, m access.Member, vouched uuid.NullUUID) error {
	if vouched.Valid {
		switch {
		case vouched.UUID != tenant:
			return ErrTenant
		case m.Operator:
			return ErrOperator
		}
		return nil
	}
	rule, err := readRule(ctx, s.Identity, tenant)
	if err != nil || !rule.OnlyThrough {
		return err
	}
	if m.Role != tenancy.RoleOwner {
		return ErrOnly
	}
	s.Log.WarnContext(ctx, "an owner came in without the organisation's identity provider", "tenant", tenant, "user", user)
	return s.enterLog(ctx, tenant, user, "sign_in.without_identity_provider", user.String(), map[string]any{})
}
