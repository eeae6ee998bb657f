package invitation

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Filter narrows a list.
type Filter struct {
	State State // "": all
	At    list.Position
	Limit int
}

// invitations are listed by age.
func invitations() list.List[Invitation] {
	return list.List[Invitation]{
		Name: "invitations", ID: func(i Invitation) string { return i.ID.String() }, IDSQL: "i.id",
		Sorts: []list.Sort[Invitation]{{Name: "created", Down: true}},
	}
}

// inTenant runs fn in a transaction of identity in which no invitation of another tenant is there.
func (s *Service) inTenant(ctx context.Context, tenant uuid.UUID, fn func(pgx.Tx) error) error {
	// A parsed UUID has hexadecimal digits and hyphens only.
	begin := "begin; set local identity.tenant = '" + tenant.String() + "'"
	return pgx.BeginTxFunc(ctx, s.Identity, pgx.TxOptions{BeginQuery: begin}, fn)
}

const state = `case when i.accepted_at is not null then 'accepted' when i.revoked_at is not null then 'revoked'
	when i.expires_at <= now() then 'expired' else 'open' end`

// is the condition that an invitation is in a state, in the words of migration 0125's indexes; none for any state.
func (s State) is() string {
	switch s {
	case Open:
		return " and i.accepted_at is null and i.revoked_at is null and i.expires_at > now()"
	case Expired:
		return " and i.accepted_at is null and i.revoked_at is null and i.expires_at <= now()"
	case Accepted:
		return " and i.accepted_at is not null"
	case Revoked:
		return " and i.accepted_at is null and i.revoked_at is not null"
	}
	return ""
}

const columns = `i.id, i.email, i.role, i.groups, ` + state + `, i.invited_by, i.sends, i.sent_at, i.created_at, i.expires_at`

const mine = `i.tenant_id = current_setting('identity.tenant')::uuid`

func read(ctx context.Context, tx pgx.Tx, f Filter) ([]Invitation, error) {
	rows, err := tx.Query(ctx, `
		select `+columns+` from identity.invitation i
		where `+mine+` and `+invitations().Where(f.At)+f.State.is()+`
		order by `+invitations().By(f.At)+` limit @limit`, list.Fresh, invitations().Args(f.At, pgx.NamedArgs{"limit": f.Limit}))
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Invitation])
}

func one(ctx context.Context, tx pgx.Tx, sql string, args pgx.NamedArgs) (Invitation, error) {
	rows, err := tx.Query(ctx, sql, args)
	if err != nil {
		return Invitation{}, fmt.Errorf("invitation: %w", err)
	}
	i, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Invitation])
	if errors.Is(err, pgx.ErrNoRows) {
		return Invitation{}, ErrNotFound
	}
	if err != nil {
		return Invitation{}, fmt.Errorf("invitation: %w", err)
	}
	return i, nil
}

// get reads and locks one.
func get(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Invitation, error) {
	return one(ctx, tx, `select `+columns+` from identity.invitation i where `+mine+` and i.id = @id for update`, pgx.NamedArgs{"id": id})
}

// sender is who invites. An operator's own role in the tenant, which is none, does not bound the invitation.
type sender struct {
	User     uuid.UUID
	Operator bool
}

// insert adds an invitation, or renews the one that is open for this address, whose groups stay unless others are named.
func insert(ctx context.Context, tx pgx.Tx, i Invitation, by sender, hash []byte) (Invitation, error) {
	return one(ctx, tx, `
		insert into identity.invitation as i (tenant_id, email, email_key, role, groups, token_hash, invited_by, operator, expires_at)
		values (current_setting('identity.tenant')::uuid, @email, @key, @role, @groups, @hash, @by, @operator, now() + @life)
		on conflict (tenant_id, email_key) where accepted_at is null and revoked_at is null do update set
			email = excluded.email, role = excluded.role, groups = case when excluded.groups = '{}' then i.groups else excluded.groups end,
			token_hash = excluded.token_hash,
			invited_by = excluded.invited_by, operator = excluded.operator, expires_at = excluded.expires_at, sends = i.sends + 1, sent_at = now()
		returning `+columns, pgx.NamedArgs{
		"email": i.Email, "key": address.Key(i.Email), "role": string(i.Role), "groups": i.Groups, "hash": hash,
		"by": by.User, "operator": by.Operator, "life": life,
	})
}

func renew(ctx context.Context, tx pgx.Tx, id uuid.UUID, hash []byte, by uuid.UUID) (Invitation, error) {
	return one(ctx, tx, `
		update identity.invitation i set token_hash = @hash, invited_by = @by, operator = false, expires_at = now() + @life, sends = sends + 1, sent_at = now()
		where `+mine+` and i.id = @id returning `+columns, pgx.NamedArgs{"id": id, "hash": hash, "by": by, "life": life})
}

func revoke(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `update identity.invitation i set revoked_at = now() where `+mine+` and i.id = $1`, id); err != nil {
		return fmt.Errorf("revoke invitation: %w", err)
	}
	return nil
}

// sentToday is how many mails the tenant's invitations of the last day had. One that was sent on several days counts with
// all of its mails.
func sentToday(ctx context.Context, tx pgx.Tx) (n int, err error) {
	err = tx.QueryRow(ctx, `select coalesce(sum(i.sends), 0) from identity.invitation i where `+mine+` and i.sent_at > now() - interval '1 day'`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count invitations: %w", err)
	}
	return n, nil
}

// known finds who of these addresses is a member, and the roles of open invitations. Accounts of people who are not
// members are not looked at.
func known(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, keys []string) (map[string]bool, map[string]tenancy.Role, error) {
	members, open := map[string]bool{}, map[string]tenancy.Role{}
	rows, err := tx.Query(ctx, `
		select u.email_key, '' from identity.membership m join identity."user" u on u.id = m.user_id
		where m.tenant_id = $1 and m.status <> 'removed' and u.email_key = any ($2)
		union all
		select i.email_key, i.role from identity.invitation i
		where i.tenant_id = $1 and i.accepted_at is null and i.revoked_at is null and i.email_key = any ($2)`, tenant, keys)
	if err != nil {
		return nil, nil, fmt.Errorf("look for members: %w", err)
	}
	var key, role string
	_, err = pgx.ForEachRow(rows, []any{&key, &role}, func() error {
		if role == "" {
			members[key] = true
		} else {
			open[key] = tenancy.Role(role)
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look for members: %w", err)
	}
	return members, open, nil
}

// row is an invitation as its link opens it.
type row struct {
	ID       uuid.UUID
	Tenant   uuid.UUID
	Name     string // of the tenant
	Title    string
	Email    string
	Role     tenancy.Role
	Groups   []uuid.UUID
	User     uuid.NullUUID // who accepted
	Accepted bool
	Inviter  tenancy.Role // the most that whoever invited may give now; "" for nothing
}

func (r row) inviterRank() int { return member.Rank(r.Inviter) }

// How byToken reads a row.
const (
	lockRow  = " for update of i"
	readOnly = ""
)

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// ownerless says that the tenant t has no owner who can sign in: then alone an operator may let one in.
const ownerless = `not exists (select from identity.membership o join identity."user" w on w.id = o.user_id
	where o.tenant_id = t.id and o.role = 'owner' and o.status = 'active' and w.disabled_at is null)`

// byToken finds the invitation of a link that has not expired and was not withdrawn, of a tenant that is open.
func byToken(ctx context.Context, q querier, hash []byte, how string) (row, error) {
	rows, err := q.Query(ctx, `
		select i.id, i.tenant_id, t.name, t.title, i.email, i.role, i.groups, i.user_id, i.accepted_at is not null, case
			when i.operator and `+ownerless+` then i.role
			when i.operator then '' else coalesce((
			select m.role from identity.membership m join identity."user" u on u.id = m.user_id
			where m.user_id = i.invited_by and m.tenant_id = i.tenant_id and m.status = 'active' and u.disabled_at is null), '') end
		from identity.invitation i join control.tenant t on t.id = i.tenant_id
		where i.token_hash = $1 and i.revoked_at is null and i.expires_at > now() and t.status = 'active'`+how, hash)
	if err != nil {
		return row{}, fmt.Errorf("read invitation: %w", err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[row])
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, ErrLink
	}
	if err != nil {
		return row{}, fmt.Errorf("read invitation: %w", err)
	}
	return found, nil
}

// person is the account of the invited address among the tenant's people.
type person struct {
	ID          uuid.UUID
	Found       bool
	Proved      bool
	HasPassword bool
	Member      bool // of any tenant, so that they can sign in
}

func personOf(ctx context.Context, q querier, r row) (person, error) {
	rows, err := q.Query(ctx, `
		select u.id, true, u.email_proved_at is not null, u.password_hash is not null,
			exists (select from identity.membership m where m.user_id = u.id and m.status = 'active')
		from identity."user" u where u.pool_id = identity.pool_of($1) and u.email_key = $2`, r.Tenant, address.Key(r.Email))
	if err != nil {
		return person{}, fmt.Errorf("read user: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[person])
	if errors.Is(err, pgx.ErrNoRows) {
		return person{}, nil
	}
	if err != nil {
		return person{}, fmt.Errorf("read user: %w", err)
	}
	return p, nil
}

// settle uses the invitation up and returns what the user is in the tenant.
func settle(ctx context.Context, tx pgx.Tx, r row, user uuid.UUID) (role tenancy.Role, err error) {
	err = tx.QueryRow(ctx, `
		with used as (update identity.invitation set accepted_at = now(), user_id = $2 where id = $1 returning tenant_id)
		select m.role from identity.membership m join used on used.tenant_id = m.tenant_id where m.user_id = $2`, r.ID, user).Scan(&role)
	if err != nil {
		return "", fmt.Errorf("accept invitation: %w", err)
	}
	return role, nil
}

// sweepBatch is how many rows one statement deletes, so that none holds locks for long.
const sweepBatch = 5000

func sweep(ctx context.Context, pool *pgxpool.Pool) error {
	for {
		done, err := pool.Exec(ctx, `delete from identity.invitation where id in (
			select id from identity.invitation where expires_at < now() - $1::interval limit $2 for update skip locked)`, kept, sweepBatch)
		if err != nil {
			return fmt.Errorf("sweep invitations: %w", err)
		}
		if done.RowsAffected() < sweepBatch {
			return nil
		}
	}
}
