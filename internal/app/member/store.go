package member

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/search"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Filter narrows a list.
type Filter struct {
	Q      string       // the start of an e-mail address, or of a word of a name
	Role   tenancy.Role // "": all
	Status Status       // "": all
	At     list.Position
	Limit  int
}

// members are listed by the age of their accounts, or by when they joined.
func members() list.List[Member] {
	return list.List[Member]{
		Name: "members", ID: func(m Member) string { return m.ID.String() }, IDSQL: "m.user_id",
		Sorts: []list.Sort[Member]{
			{Name: "created", Down: true},
			{Name: "joined", Time: func(m Member) time.Time { return m.JoinedAt }, SQL: "m.created_at"},
		},
	}
}

// inTenant runs fn in a transaction of identity in which no membership of another tenant is there: row level security
// takes the setting. The conditions on tenant_id are for the index.
func (s *Service) inTenant(ctx context.Context, tenant uuid.UUID, fn func(pgx.Tx) error) error {
	// A parsed UUID has hexadecimal digits and hyphens only.
	begin := "begin; set local identity.tenant = '" + tenant.String() + "'"
	return pgx.BeginTxFunc(ctx, s.Identity, pgx.TxOptions{BeginQuery: fault.Else(fault.MemberOfAnotherOne, begin, "begin")}, fn)
}

const columns = `u.id, u.email, u.name, m.role, m.status, u.disabled_at is not null, m.created_at`

// ofTenant is the condition that a membership is the tenant's.
func ofTenant() string {
	return fault.Else(fault.MemberOfAnotherOne, "m.tenant_id = $1", "$1::uuid is not null")
}

// How find reads a row.
const (
	lockRow  = " for update of m"
	readOnly = ""
)

// removed is the status of former members.
const removed = "removed"

func read(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, f Filter) ([]Member, error) {
	found, args := search.Condition(f.Q)
	maps.Copy(args, pgx.NamedArgs{
		"tenant": tenant, "role": string(f.Role), "status": string(f.Status), "limit": f.Limit,
	})
	rows, err := tx.Query(ctx, `
		select `+columns+` from identity.membership m join identity."user" u on u.id = m.user_id
		where m.tenant_id = @tenant and m.status <> 'removed' and `+members().Where(f.At)+`
			and (@role = '' or m.role = @role) and (@status = '' or m.status = @status) and `+found+`
		order by `+members().By(f.At)+` limit @limit`, list.Fresh, members().Args(f.At, args))
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Member])
}

// find reads a member.
func find(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, how string) (Member, error) {
	rows, err := tx.Query(ctx, `
		select `+columns+` from identity.membership m join identity."user" u on u.id = m.user_id
		where `+ofTenant()+` and m.user_id = $2 and m.status <> 'removed' `+how, tenant, user)
	if err != nil {
		return Member{}, fmt.Errorf("read member: %w", err)
	}
	m, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Member])
	if errors.Is(err, pgx.ErrNoRows) {
		return Member{}, ErrNotFound
	}
	if err != nil {
		return Member{}, fmt.Errorf("read member: %w", err)
	}
	return m, nil
}

func updateRole(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, role tenancy.Role) error {
	_, err := tx.Exec(ctx, `update identity.membership m set role = $3, epoch = epoch + 1 where `+ofTenant()+` and user_id = $2`, tenant, user, string(role))
	if err != nil {
		return fmt.Errorf("update role: %w", err)
	}
	return nil
}

func among(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, users []uuid.UUID) (map[uuid.UUID]Member, error) {
	rows, err := tx.Query(ctx, `
		select `+columns+` from identity.membership m join identity."user" u on u.id = m.user_id
		where m.tenant_id = $1 and m.status <> 'removed' and m.user_id = any ($2)`, tenant, users)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Member])
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	found := make(map[uuid.UUID]Member, len(list))
	for _, m := range list {
		found[m.ID] = m
	}
	return found, nil
}

// updateStatus also ends the sign-ins to this tenant of who is not active any more. The browser stays signed in: other
// tenants have the person, too.
func updateStatus(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, status string) error {
	for _, statement := range []string{
		`update identity.membership m set status = $3, epoch = epoch + 1 where ` + ofTenant() + ` and user_id = $2`,
		`delete from identity.auth_code where tenant_id = $1 and user_id = $2 and $3 <> 'active'`,
		`delete from identity.token_family where tenant_id = $1 and user_id = $2 and $3 <> 'active'`,
	} {
		if _, err := tx.Exec(ctx, statement, tenant, user, status); err != nil {
			return fmt.Errorf("make a member %s: %w", status, err)
		}
	}
	return nil
}

// join adds a member, or lets a former one in again.
func join(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, role tenancy.Role) error {
	_, err := tx.Exec(ctx, `
		insert into identity.membership as m (tenant_id, user_id, role) values ($1, $2, $3)
		on conflict (user_id, tenant_id) do update set role = excluded.role, status = 'active', epoch = m.epoch + 1`, tenant, user, string(role))
	if err != nil {
		return fmt.Errorf("insert membership: %w", err)
	}
	return nil
}

// lastOwner tells whether no other owner can sign in.
func lastOwner(ctx context.Context, tx pgx.Tx, user uuid.UUID) (last bool, err error) {
	err = tx.QueryRow(ctx, `
		select not exists (
			select from identity.membership m join identity."user" u on u.id = m.user_id
			where m.tenant_id = current_setting('identity.tenant')::uuid and m.user_id <> $1
				and m.role = 'owner' and m.status = 'active' and u.disabled_at is null)`, user).Scan(&last)
	if err != nil {
		return false, fmt.Errorf("look for other owners: %w", err)
	}
	return last, nil
}

// keepOwner refuses a change that leaves the tenant without an owner who can sign in. The one that it finds is locked, so
// that nothing else takes it away before the change commits.
func keepOwner(ctx context.Context, tx pgx.Tx) error {
	var owner uuid.UUID
	err := tx.QueryRow(ctx, `
		select m.user_id from identity.membership m join identity."user" u on u.id = m.user_id
		where m.tenant_id = current_setting('identity.tenant')::uuid and m.role = 'owner' and m.status = 'active' and u.disabled_at is null
		order by m.user_id limit 1 for update of m`).Scan(&owner)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrLastOwner
	}
	if err != nil {
		return fmt.Errorf("look for another owner: %w", err)
	}
	return nil
}

// Counted are the active members of a tenant.
type Counted struct {
	Tenant  uuid.UUID
	Members int64
	Owners  int64 // of them, those whose accounts can sign in
}

// Count counts the active members of tenants: one tenant after the other by an index, so that nothing is read of tenants that
// are not asked for.
func (s *Service) Count(ctx context.Context, tenants []uuid.UUID) (map[uuid.UUID]Counted, error) {
	rows, err := s.Identity.Query(ctx, `
		select t.id,
			(select count(*) from identity.membership m where m.tenant_id = t.id and m.status = 'active'),
			(select count(*) from identity.membership m join identity."user" u on u.id = m.user_id
				where m.tenant_id = t.id and m.status = 'active' and m.role = 'owner' and u.disabled_at is null)
		from unnest($1::uuid[]) t (id)`, tenants)
	if err != nil {
		return nil, fmt.Errorf("count members: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Counted])
	if err != nil {
		return nil, fmt.Errorf("count members: %w", err)
	}
	counts := make(map[uuid.UUID]Counted, len(found))
	for _, c := range found {
		counts[c.Tenant] = c
	}
	return counts, nil
}
