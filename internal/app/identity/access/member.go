package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Member is what a user is in a tenant, by the server's own rows.
type Member struct {
	Role     tenancy.Role
	Status   string // active; others are refused before anybody sees them
	Operator bool
	Epoch    int64
	Machine  bool // a machine client, not a person
}

// memberActive is the status of those who may act.
const memberActive = "active"

// The reasons for which a signed-in person may not act.
var (
	ErrNotMember          = errs.Forbidden("not_a_member", "You are not a member of this organisation. Ask one of its administrators to add you.")
	ErrDisabled           = errs.Forbidden("account_disabled", "This account is disabled. Ask whoever runs your labs.")
	ErrTenantProvisioning = errs.Forbidden("tenant_provisioning", "This organisation is still being set up. Try again in a minute.")
	ErrTenantSuspended    = errs.Forbidden("tenant_suspended", "This organisation is suspended. Ask its administrators, or whoever runs this installation.")
	ErrTenantOffboarding  = errs.Forbidden("tenant_offboarding", "This organisation is being closed, so nobody works in it any more. Its administrators can ask whoever runs this installation to reopen it.")
	ErrTenantPurged       = errs.Forbidden("tenant_purged", "This organisation was closed and its data is deleted. Sign in to another one, or register a new one.")
)

// closed is why nobody may act in a tenant of this status; nil when people may. What nobody has heard of is closed.
func closed(status, reason string) error {
	refusal := ErrTenantSuspended
	switch status {
	case "active":
		return nil
	case "provisioning":
		refusal = ErrTenantProvisioning
	case "offboarding":
		refusal = ErrTenantOffboarding
	case "purged":
		refusal = ErrTenantPurged
	}
	if reason == "" {
		return refusal
	}
	return refusal.Because("%s Reason: %s", refusal.Message, reason)
}

type memberKey struct{ user, tenant uuid.UUID }

// Membership is what a user is in a tenant. It may be 2 s old; disabled users, removed members and members of a suspended
// tenant get an error of the kind forbidden. With ErrTenantOffboarding comes what they were: owners see the end of theirs.
func (a *Checker) Membership(ctx context.Context, user, tenant uuid.UUID) (Member, error) {
	return a.members.Get(memberKey{user, fault.Else(fault.MemberOfAnyTenant, tenant, uuid.Nil)}, func() (Member, error) { return a.ReadMember(ctx, user, tenant) })
}

// ReadMember is Membership as of now. A machine client is what its own row says, in its own tenant.
func (a *Checker) ReadMember(ctx context.Context, user, tenant uuid.UUID) (Member, error) {
	var m Member
	var disabled bool
	var tenantStatus, reason string
	err := a.db.QueryRow(ctx, `
		select m.role, m.status, u.operator, m.epoch, u.disabled_at is not null, t.status, t.status_reason
		from identity.membership m join identity."user" u on u.id = m.user_id join control.tenant t on t.id = m.tenant_id
		where m.user_id = $1 and m.tenant_id = $2 and u.pool_id = identity.pool_of(t.id)`, user, tenant).
		Scan(&m.Role, &m.Status, &m.Operator, &m.Epoch, &disabled, &tenantStatus, &reason)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return a.readMachine(ctx, user, tenant)
	case err != nil:
		return Member{}, fmt.Errorf("read membership: %w", err)
	case disabled:
		return Member{}, ErrDisabled
	case m.Status != memberActive:
		return Member{}, ErrNotMember
	}
	err = fault.Else(fault.SuspendedTenant, closed(tenantStatus, reason), nil)
	if err != nil && !errors.Is(err, ErrTenantOffboarding) {
		return Member{}, err
	}
	return m, err
}

func (a *Checker) readMachine(ctx context.Context, id, tenant uuid.UUID) (Member, error) {
	m := Member{Status: memberActive, Machine: true}
	var status, reason string
	err := a.db.QueryRow(ctx, `
		select m.role, t.status, t.status_reason from identity.machine_client m join control.tenant t on t.id = m.tenant_id
		where m.id = $1 and m.tenant_id = $2 and m.expires_at > $3`, id, tenant, a.now()).Scan(&m.Role, &status, &reason)
	if errors.Is(err, pgx.ErrNoRows) {
		return Member{}, ErrNotMember
	}
	if err != nil {
		return Member{}, fmt.Errorf("read machine client: %w", err)
	}
	if err := closed(status, reason); err != nil {
		return Member{}, err
	}
	return m, nil
}
