package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// row is what is written of a key.
type row struct {
	ID        uuid.UUID
	Public    string
	Name      string
	Machine   *uuid.UUID
	By        uuid.UUID
	Scopes    []tenancy.Permission
	Hash      []byte
	ExpiresAt time.Time
}

// read selects keys with what bounds them: the machine client while it is good, or the maker while they may act.
const read = `
	select k.id, '` + Prefix + `' || k.public_id, k.name, k.machine_id, coalesce(c.name, ''), k.created_by, coalesce(u.name, ''), k.scopes,
		k.created_at, k.rotated_at, k.expires_at, case when k.previous_until > @now then k.previous_until end, k.revoked_at,
		k.last_used_at, coalesce(k.last_used_from, ''), k.version,
		coalesce(case when k.machine_id is not null then case when c.expires_at > @now then c.role end
			when m.status = 'active' and u.disabled_at is null then m.role end, '')
	from identity.api_key k
	left join identity.machine_client c on c.id = k.machine_id
	left join identity."user" u on u.id = k.created_by
	left join identity.membership m on m.user_id = k.created_by and m.tenant_id = k.tenant_id
	where `

// ofTenant is the condition that a key is the tenant's. Row level security holds to it as well.
func ofTenant() string {
	const every = "@tenant::uuid is not null"
	return fault.Else(fault.KeyOfAnyTenant, fault.Else(fault.KeyRevokedAnywhere, "k.tenant_id = @tenant", every), every)
}

func list(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, now time.Time) ([]Key, error) {
	rows, err := tx.Query(ctx, read+ofTenant()+` order by k.id desc limit @limit`,
		pgx.NamedArgs{"tenant": tenant, "now": now, "limit": maxKeys + maxRevoked})
	if err != nil {
		return nil, fmt.Errorf("list api keys: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Key])
}

func get(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, now time.Time) (Key, error) {
	rows, err := tx.Query(ctx, read+ofTenant()+` and k.id = @id`, pgx.NamedArgs{"tenant": tenant, "id": id, "now": now})
	if err != nil {
		return Key{}, fmt.Errorf("read api key: %w", err)
	}
	k, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Key])
	if errors.Is(err, pgx.ErrNoRows) {
		return Key{}, ErrNotFound
	}
	if err != nil {
		return Key{}, fmt.Errorf("read api key: %w", err)
	}
	return k, nil
}

// machineRole is the role of a machine client of the tenant that is still good.
func machineRole(ctx context.Context, tx pgx.Tx, tenant, machine uuid.UUID, now time.Time) (role tenancy.Role, err error) {
	err = tx.QueryRow(ctx, `select role from identity.machine_client where tenant_id = $1 and id = $2 and expires_at > $3 for share`, tenant, machine, now).Scan(&role)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrMachine
	}
	if err != nil {
		return "", fmt.Errorf("read machine client: %w", err)
	}
	return role, nil
}

// room lets a key be added, and forgets the revoked ones beyond those that are kept. Changes come one after another.
func room(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	var count int
	if err := tx.QueryRow(ctx, `select count(*) from identity.api_key where tenant_id = $1 and revoked_at is null`, tenant).Scan(&count); err != nil {
		return fmt.Errorf("count api keys: %w", err)
	}
	if count >= maxKeys {
		return ErrTooMany
	}
	_, err := tx.Exec(ctx, `delete from identity.api_key where id in (
		select id from identity.api_key where tenant_id = $1 and revoked_at is not null order by revoked_at desc offset $2)`, tenant, maxRevoked)
	if err != nil {
		return fmt.Errorf("forget revoked api keys: %w", err)
	}
	return nil
}

// errTaken says that another key has the same public part.
var errTaken = errors.New("the public part of the key is taken")

func insert(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, r row) error {
	tag, err := tx.Exec(ctx, `
		insert into identity.api_key (id, tenant_id, public_id, name, machine_id, created_by, scopes, secret_hash, expires_at)
		values (@id, @tenant, @public, @name, @machine, @by, @scopes, @hash, @expires) on conflict (public_id) do nothing`, pgx.NamedArgs{
		"id": r.ID, "tenant": tenant, "public": r.Public, "name": r.Name, "machine": r.Machine, "by": r.By, "scopes": r.Scopes, "hash": r.Hash, "expires": r.ExpiresAt,
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return ErrGiven // the id was used before
	}
	if err != nil {
		return fmt.Errorf("insert api key: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errTaken
	}
	return nil
}

func rename(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, name string) error {
	one := fault.Else(fault.RenameOfAll, "id = $2", "$2::uuid is not null")
	if _, err := tx.Exec(ctx, `update identity.api_key set name = $3, version = version + 1 where tenant_id = $1 and `+one, tenant, id, name); err != nil {
		return fmt.Errorf("rename api key: %w", err)
	}
	return nil
}

func rotate(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, r row, now, oldUntil time.Time) error {
	_, err := tx.Exec(ctx, `
		update identity.api_key set secret_hash = @hash, expires_at = @expires, rotated_at = @now::timestamptz, version = version + 1,
			previous_hash = case when @until::timestamptz > @now::timestamptz then secret_hash end,
			previous_until = case when @until::timestamptz > @now::timestamptz then @until::timestamptz end
		where tenant_id = @tenant and id = @id`, pgx.NamedArgs{
		"tenant": tenant, "id": r.ID, "hash": r.Hash, "expires": r.ExpiresAt, "now": now, "until": oldUntil,
	})
	if err != nil {
		return fmt.Errorf("rotate api key: %w", err)
	}
	return nil
}

func revoke(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, now time.Time) error {
	own := fault.Else(fault.KeyRevokedAnywhere, "tenant_id = $1", "$1::uuid is not null")
	_, err := tx.Exec(ctx, `update identity.api_key set revoked_at = $3, version = version + 1 where id = $2 and `+own, tenant, id, now)
	if err != nil {
		return fmt.Errorf("revoke api key: %w", err)
	}
	return nil
}

const knownColumns = `id, tenant_id, created_by, machine_id, scopes, secret_hash, previous_hash, previous_until, revoked_at, expires_at`

// find reads a key by its public part, before any scope exists.
func (s *Service) find(ctx context.Context, public string) (known, error) {
	rows, err := s.Identity.Query(ctx, `select `+knownColumns+` from identity.api_key where public_id = $1`, public)
	return one(rows, err)
}

func (s *Service) byID(ctx context.Context, tenant, id uuid.UUID) (known, error) {
	rows, err := s.Identity.Query(ctx, `select `+knownColumns+` from identity.api_key where id = $1 and tenant_id = $2`, id, tenant)
	return one(rows, err)
}

func one(rows pgx.Rows, err error) (known, error) {
	if err != nil {
		return known{}, fmt.Errorf("look up api key: %w", err)
	}
	var k known
	k, err = pgx.CollectExactlyOneRow(rows, func(r pgx.CollectableRow) (known, error) {
		return k, r.Scan(&k.ID, &k.Tenant, &k.CreatedBy, &k.Machine, &k.Scopes, &k.Hash, &k.Old, &k.OldUntil, &k.RevokedAt, &k.ExpiresAt)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return known{}, ErrUnknown
	}
	if err != nil {
		return known{}, fmt.Errorf("look up api key: %w", err)
	}
	return k, nil
}

// used notes a use, unless another process has within the last minute or is about to.
func (s *Service) used(ctx context.Context, id uuid.UUID, address string) error {
	now := s.Now()
	_, err := s.Identity.Exec(ctx, `
		update identity.api_key set last_used_at = $2, last_used_from = left($3, 64) where id = (
			select id from identity.api_key where id = $1 and (last_used_at is null or last_used_at < $4) for update skip locked)`,
		id, now, address, now.Add(-noteEvery))
	if err != nil {
		return fmt.Errorf("note the use of an api key: %w", err)
	}
	return nil
}
