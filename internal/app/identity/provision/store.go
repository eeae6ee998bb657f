package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
)

type tenant struct{ name, status string }

func readTenant(ctx context.Context, tx pgx.Tx, id uuid.UUID) (t tenant, err error) {
	err = tx.QueryRow(ctx, `select name, status from control.tenant where id = $1`, id).Scan(&t.name, &t.status)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, ErrNoTenant
	}
	if err != nil {
		return t, fmt.Errorf("read tenant: %w", err)
	}
	return t, nil
}

// insertPool makes a tenant's pool with the clients that the pool default has, or finds the one that it has.
func insertPool(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, name string) (pool uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `select id from identity.pool where tenant_id = $1`, tenant).Scan(&pool)
	if errors.Is(err, pgx.ErrNoRows) {
		var people bool
		if err := tx.QueryRow(ctx, `select exists (select from identity.membership where tenant_id = $1)`, tenant).Scan(&people); err != nil {
			return uuid.Nil, fmt.Errorf("look for members: %w", err)
		}
		if people {
			return uuid.Nil, ErrHasPeople
		}
		err = tx.QueryRow(ctx, `
			insert into identity.pool (name, tenant_id, sign_up) values ($1, $2, false) on conflict (name) do nothing returning id`, name, tenant).Scan(&pool)
		if errors.Is(err, pgx.ErrNoRows) {
			return uuid.Nil, ErrPoolTaken
		}
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("make pool: %w", err)
	}
	_, err = tx.Exec(ctx, `
		insert into identity.client (pool_id, id, name, redirect_uris, post_logout_uris, grants)
		select $1, c.id, c.name, c.redirect_uris, c.post_logout_uris, c.grants
		from identity.client c join identity.pool p on p.id = c.pool_id where p.name = 'default' and c.tenant_id is null
		on conflict (pool_id, id) do nothing`, pool)
	if err != nil {
		return uuid.Nil, fmt.Errorf("make the pool's clients: %w", err)
	}
	return pool, nil
}

// poolNamed is the pool of a tenant, if this is its name.
func poolNamed(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, name string) (pool uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `select id from identity.pool where id = identity.pool_of($1) and name = $2`, tenant, name).Scan(&pool)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, ErrOtherPool
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("read pool: %w", err)
	}
	return pool, nil
}

type person struct {
	ID                                      uuid.UUID
	Proved, HasPassword, Operator, Disabled bool
}

func findPerson(ctx context.Context, tx pgx.Tx, pool uuid.UUID, email string) (p person, found bool, err error) {
	rows, err := tx.Query(ctx, `
		select id, email_proved_at is not null, password_hash is not null, operator, disabled_at is not null
		from identity."user" where pool_id = $1 and email_key = $2 for update`, pool, address.Key(email))
	if err != nil {
		return p, false, fmt.Errorf("read user: %w", err)
	}
	p, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[person])
	if errors.Is(err, pgx.ErrNoRows) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("read user: %w", err)
	}
	return p, true, nil
}

func insertPerson(ctx context.Context, tx pgx.Tx, pool uuid.UUID, in NewMember) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `
		insert into identity."user" (pool_id, email, email_key, email_proved_at, name)
		values (@pool, @email, @key, now(), @name) returning id`, pgx.NamedArgs{
		"pool": pool, "email": in.Email, "key": address.Key(in.Email), "name": in.Name,
	}).Scan(&id)
	if err != nil {
		return uuid.Nil, fmt.Errorf("insert user: %w", err)
	}
	return id, nil
}

// HandOver gives an account to whoever has proved its address: no password, link or sign-in from before is left.
func HandOver(ctx context.Context, tx pgx.Tx, user uuid.UUID, now time.Time) error {
	for _, statement := range []string{
		`delete from identity.one_time_link where user_id = $1`,
		`delete from identity.auth_code where user_id = $1`,
		`delete from identity.token_family where user_id = $1`,
		`delete from identity.browser_session where user_id = $1`,
		`delete from identity.federation_identity where user_id = $1`,
		`delete from identity.factor where user_id = $1`,
		`delete from identity.recovery_code where user_id = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, user); err != nil {
			return fmt.Errorf("hand an account over: %w", err)
		}
	}
	_, err := tx.Exec(ctx, `update identity."user" set email_proved_at = $2, password_hash = null, updated_at = now() where id = $1`, user, now)
	if err != nil {
		return fmt.Errorf("hand an account over: %w", err)
	}
	return nil
}

func insertOwner(ctx context.Context, tx pgx.Tx, user, tenant uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		insert into identity.membership as m (user_id, tenant_id, role) values ($1, $2, 'owner')
		on conflict (user_id, tenant_id) do update set role = 'owner', status = 'active', epoch = m.epoch + 1
		where m.role <> 'owner' or m.status <> 'active'`, user, tenant)
	if err != nil {
		return fmt.Errorf("insert owner: %w", err)
	}
	return nil
}

func insertLink(ctx context.Context, tx pgx.Tx, hash []byte, pool, user uuid.UUID, expires time.Time) error {
	if _, err := tx.Exec(ctx, `delete from identity.one_time_link where user_id = $1`, user); err != nil {
		return fmt.Errorf("drop links: %w", err)
	}
	_, err := tx.Exec(ctx, `insert into identity.one_time_link (token_hash, pool_id, kind, user_id, expires_at) values ($1, $2, 'enter', $3, $4)`,
		hash, pool, user, expires)
	if err != nil {
		return fmt.Errorf("insert link: %w", err)
	}
	return nil
}

// people are those who go with a tenant: everybody in its own pool, and who has no membership but the tenant's.
const people = `(
	select u.id from identity."user" u where not u.operator and (
		u.pool_id = (select id from identity.pool where tenant_id = $1)
		or exists (select from identity.membership m where m.user_id = u.id and m.tenant_id = $1)
			and not exists (select from identity.membership m where m.user_id = u.id and m.tenant_id <> $1)))`

// remove deletes a tenant's rows and counts them by table. What refers to other rows goes first, so that nothing is
// deleted uncounted.
func remove(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, removed map[string]int64) error {
	// Once, before memberships go: afterwards nobody could tell who they were.
	rows, err := tx.Query(ctx, `select id from `+people+` as gone`, tenant)
	if err != nil {
		return fmt.Errorf("read the tenant's people: %w", err)
	}
	gone, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return fmt.Errorf("read the tenant's people: %w", err)
	}
	const pool = `(select id from identity.pool where tenant_id = $1)`
	for _, table := range []struct{ name, where string }{
		{"refresh_token", `family_id in (select id from identity.token_family where tenant_id = $1 or user_id = any ($2))`},
		{"token_family", `tenant_id = $1 or user_id = any ($2)`},
		{"auth_code", `tenant_id = $1 or user_id = any ($2)`},
		{"device_code", `tenant_id = $1 or user_id = any ($2) or pool_id = ` + pool},
		{"client_approval", `user_id = any ($2) or (pool_id, client_id) in (select pool_id, id from identity.client where tenant_id = $1)`},
		{"api_key", `tenant_id = $1 and $2::uuid[] is not null`},
		{"machine_client", `tenant_id = $1 and $2::uuid[] is not null`},
		{"browser_session", `user_id = any ($2) or provider_id in (select id from identity.federation_provider where tenant_id = $1)`},
		{"one_time_link", `user_id = any ($2) or pool_id = ` + pool},
		{"federation_flow", `provider_id in (select id from identity.federation_provider where tenant_id = $1) and $2::uuid[] is not null`},
		{"federation_identity", `user_id = any ($2) or provider_id in (select id from identity.federation_provider where tenant_id = $1)`},
		{"federation_provider", `tenant_id = $1 and $2::uuid[] is not null`},
		{"federation_rule", `tenant_id = $1 and $2::uuid[] is not null`},
		{"address_change", `user_id = any ($2) and $1::uuid is not null`},
		{"mail_proof", `user_id = any ($2) or pool_id = ` + pool},
		{"membership", `tenant_id = $1 or user_id = any ($2)`},
		{"invitation", `tenant_id = $1 or user_id = any ($2)`},
		{"user", `id = any ($2) and $1::uuid is not null`},
		{"client", `(tenant_id = $1 or pool_id = ` + pool + `) and $2::uuid[] is not null`},
		{"signing_key", `pool_id = ` + pool + ` and $2::uuid[] is not null`},
		{"pool", `tenant_id = $1 and $2::uuid[] is not null`},
	} {
		done, err := tx.Exec(ctx, `delete from identity.`+pgx.Identifier{table.name}.Sanitize()+` where `+table.where, tenant, gone)
		if err != nil {
			return fmt.Errorf("remove %s: %w", table.name, err)
		}
		removed["identity."+table.name] = done.RowsAffected()
	}
	return nil
}
