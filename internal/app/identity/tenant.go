package identity

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Tenant is what people see of a tenant.
type Tenant struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name"`
	Title string    `json:"title"`
}

// MyTenant is a tenant that the caller may switch to, by a new authorization with its name as the parameter tenant.
type MyTenant struct {
	ID    uuid.UUID    `json:"id"`
	Name  string       `json:"name" doc:"The parameter tenant of an authorization request that switches to it"`
	Title string       `json:"title"`
	Role  tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner"`
}

// maxMyTenants bounds the list of a person's tenants.
const maxMyTenants = 200

func (s *Service) tenant(ctx context.Context, id uuid.UUID) (t Tenant, err error) {
	err = s.db.QueryRow(ctx, `select id, name, title from control.tenant where id = $1`, id).Scan(&t.ID, &t.Name, &t.Title)
	if err != nil {
		return Tenant{}, fmt.Errorf("read tenant: %w", err)
	}
	return t, nil
}

// tenantNamed finds a tenant and the user pool that its people sign in with.
func (s *Service) tenantNamed(ctx context.Context, name string) (t Tenant, pool string, err error) {
	err = s.db.QueryRow(ctx, `
		select t.id, t.name, t.title, p.name from control.tenant t join identity.pool p on p.id = identity.pool_of(t.id)
		where t.name = $1 and t.status <> 'purged'`, name).Scan(&t.ID, &t.Name, &t.Title, &pool)
	if errors.Is(err, pgx.ErrNoRows) {
		return Tenant{}, "", errNoPortal
	}
	if err != nil {
		return Tenant{}, "", fmt.Errorf("read tenant: %w", err)
	}
	return t, pool, nil
}

// tenantsOf are the tenants that a user may sign in to now, the one joined first at the top.
func (s *Service) tenantsOf(ctx context.Context, user uuid.UUID) ([]MyTenant, error) {
	rows, err := s.db.Query(ctx, `
		select t.id, t.name, t.title, m.role from identity.membership m join control.tenant t on t.id = m.tenant_id
		where m.user_id = $1 and m.status = 'active' and t.status = 'active'
			and identity.pool_of(t.id) = (select pool_id from identity."user" where id = $1)
		order by m.created_at, m.tenant_id limit $2`, user, maxMyTenants)
	if err != nil {
		return nil, fmt.Errorf("read the user's tenants: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[MyTenant])
}

var errNoPortal = errs.NotFound("no_such_tenant",
	"There is no organisation of this name here. Check the address that you came from, or ask whoever gave it to you.")

var tenantName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// portal finds the tenant that a sign-in is for: the one that is named, if its people are in this pool; else the one
// that the pool belongs to, or none in the pool default, whose people choose by where they are members.
func (s *Service) portal(ctx context.Context, pool Pool, name string) (*Tenant, error) {
	if name == "" && pool.Name == DefaultPool {
		return nil, nil //nolint:nilnil // none is meant
	}
	if name != "" && !tenantName.MatchString(name) {
		return nil, errNoPortal
	}
	var t Tenant
	var status string
	err := s.db.QueryRow(ctx, `
		select id, name, title, status from control.tenant where identity.pool_of(id) = $1
			and case when $2 = '' then id = $3 else name = $2 end`, pool.ID, name, pool.Tenant).Scan(&t.ID, &t.Name, &t.Title, &status)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNoPortal
	}
	if err != nil {
		return nil, fmt.Errorf("read tenant: %w", err)
	}
	if status == "purged" { // the other stations are told after sign-in, to its people alone
		return nil, access.ErrTenantPurged
	}
	return &t, nil
}

// homeTenant is the tenant that a user's token is for when the client asks for none: the one that they joined first of
// those that are open, else the first of all, so that they hear why it is closed.
func (s *Service) homeTenant(ctx context.Context, user uuid.UUID) (uuid.UUID, error) {
	var tenant uuid.UUID
	err := s.db.QueryRow(ctx, `
		select m.tenant_id from identity.membership m join control.tenant t on t.id = m.tenant_id
		where m.user_id = $1 and m.status = 'active'
		order by t.status = 'active' desc, m.created_at, m.tenant_id limit 1`, user).Scan(&tenant)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, access.ErrNotMember
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("read memberships: %w", err)
	}
	return tenant, nil
}
