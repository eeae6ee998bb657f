package registration

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// State of a registration.
type State string

// The states. Pending: nobody has proved the address. Proved: the workflow runs, and the name is claimed.
const (
	Pending State = "pending"
	Proved  State = "proved"
	Ready   State = "ready"
	Failed  State = "failed"
)

// registration is one row.
type registration struct {
	ID uuid.UUID
	Wish
	State       State
	Placement   Placement
	Attempt     int
	Tenant      uuid.NullUUID
	Workflow    uuid.NullUUID
	Owner       uuid.NullUUID
	HasPassword bool
	Welcomed    bool
	KeyGiven    bool

	keyHash, bodyHash, tokenHash []byte
	expiresAt                    time.Time
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

const columns = `id, title, name, email, admin_name, tier, state, placement, attempt, tenant_id, workflow_id, owner_id, has_password, welcomed_at is not null, key_given_at is not null, expires_at, locale`

func scan(row pgx.CollectableRow) (r registration, err error) {
	err = row.Scan(&r.ID, &r.Title, &r.Name, &r.Email, &r.AdminName, &r.Tier, &r.State, &r.Placement, &r.Attempt, &r.Tenant, &r.Workflow, &r.Owner, &r.HasPassword, &r.Welcomed, &r.KeyGiven, &r.expiresAt, &r.Locale)
	return r, err
}

// insert adds a registration unless one with its key is there.
func insert(ctx context.Context, tx pgx.Tx, r *registration) (fresh bool, err error) {
	err = tx.QueryRow(ctx, `
		insert into control.registration (key_hash, body_hash, token_hash, title, name, email, admin_name, tier, locale, expires_at)
		values (@key, @body, @token, @title, @name, @email, @admin, @tier, @locale, now() + @life::interval)
		on conflict (key_hash) do nothing returning id, expires_at`, pgx.NamedArgs{
		"key": r.keyHash, "body": r.bodyHash, "token": r.tokenHash, "title": r.Title, "name": r.Name, "email": r.Email,
		"admin": r.AdminName, "tier": r.Tier, "locale": r.Locale, "life": linkLife,
	}).Scan(&r.ID, &r.expiresAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("insert registration: %w", err)
	}
	return true, nil
}

func byKey(ctx context.Context, q querier, keyHash []byte) (a Accepted, body []byte, found bool, err error) {
	err = q.QueryRow(ctx, `select id, created_at + $2::interval, body_hash from control.registration where key_hash = $1`, keyHash, linkLife).
		Scan(&a.ID, &a.ExpiresAt, &body)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, nil, false, nil
	}
	if err != nil {
		return a, nil, false, fmt.Errorf("look up registration: %w", err)
	}
	return a, body, true, nil
}

// How a row is read.
const (
	lockRow  = " for update"
	readOnly = ""
)

func byToken(ctx context.Context, q querier, tokenHash []byte, how string) (registration, error) {
	return one(ctx, q, `token_hash = $1 and expires_at > now()`+how, tokenHash)
}

func byID(ctx context.Context, q querier, id uuid.UUID) (registration, error) {
	return one(ctx, q, `id = $1`, id)
}

func one(ctx context.Context, q querier, condition string, arg any) (registration, error) {
	rows, err := q.Query(ctx, `select `+columns+` from control.registration where `+condition, arg)
	if err != nil {
		return registration{}, fmt.Errorf("read registration: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return registration{}, errLink
	}
	if err != nil {
		return registration{}, fmt.Errorf("read registration: %w", err)
	}
	return r, nil
}

// nameFree returns errNameTaken when a tenant, or a registration other than self whose address is proved, has a name that
// looks like this one.
func nameFree(ctx context.Context, q querier, name string, self uuid.UUID) error {
	var taken bool
	err := q.QueryRow(ctx, `
		select exists (select from control.tenant where skeleton = control.name_skeleton($1))
			or exists (select from control.registration where skeleton = control.name_skeleton($1) and state = 'proved' and id <> $2)`, name, self).Scan(&taken)
	if err != nil {
		return fmt.Errorf("look up name: %w", err)
	}
	if taken {
		return errNameTaken
	}
	return nil
}

// claim marks the address as proved and takes the name for the attempt that begins.
func claim(ctx context.Context, tx pgx.Tx, r registration) error {
	_, err := tx.Exec(ctx, `
		update control.registration set state = 'proved', name = @name, attempt = @attempt, placement = @placement, tenant_id = @tenant, expires_at = @expires,
			proved_at = coalesce(proved_at, now()), ended_at = null, owner_id = null, has_password = false, welcomed_at = null, key_given_at = null
		where id = @id`,
		pgx.NamedArgs{"id": r.ID, "name": r.Name, "attempt": r.Attempt, "placement": string(r.Placement), "tenant": r.Tenant, "expires": r.expiresAt})
	if taken(err) {
		return errNameTaken
	}
	if err != nil {
		return fmt.Errorf("claim name: %w", err)
	}
	return nil
}

// taken tells whether a name is somebody else's: by the unique keys of tenants or of claims.
func taken(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "23505" {
		return false
	}
	return pg.ConstraintName == "registration_claim" || pg.ConstraintName == "tenant_skeleton" || pg.ConstraintName == "tenant_name_key"
}

func setWorkflow(ctx context.Context, tx pgx.Tx, id, workflow uuid.UUID) error {
	if _, err := tx.Exec(ctx, `update control.registration set workflow_id = $2 where id = $1`, id, workflow); err != nil {
		return fmt.Errorf("note workflow: %w", err)
	}
	return nil
}

// fail ends the attempt that was to make a tenant; its name is free again.
func fail(ctx context.Context, q querier, tenant uuid.UUID) error {
	_, err := q.Exec(ctx, `
		update control.registration set state = 'failed', ended_at = now(), owner_id = null
		where tenant_id = $1 and state in ('proved', 'ready')`, tenant)
	if err != nil {
		return fmt.Errorf("end registration: %w", err)
	}
	return nil
}

// insertTenant makes the tenant's row, or finds the one that an attempt which was cut has made.
func insertTenant(ctx context.Context, q querier, id uuid.UUID, r registration) error {
	_, err := q.Exec(ctx, `
		insert into control.tenant (id, name, title, status, tier, placement) values (@id, @name, @title, 'provisioning', @tier, @placement)
		on conflict (id) do nothing`,
		pgx.NamedArgs{"id": id, "name": r.Name, "title": r.Title, "tier": r.Tier, "placement": string(r.Placement)})
	if taken(err) {
		return errNameTaken
	}
	if err != nil {
		return fmt.Errorf("insert tenant: %w", err)
	}
	return nil
}

// dropTenant leaves of a tenant that never opened its id alone, which workflows and logs speak of.
func dropTenant(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		update control.tenant set status = 'purged', name = 'undone-' || replace(id::text, '-', ''), title = 'Undone registration', updated_at = now()
		where id = $1 and status = 'provisioning'`, id)
	if err != nil {
		return fmt.Errorf("drop tenant: %w", err)
	}
	return nil
}

// setStatus moves a tenant from one status to another; it is nothing when the tenant is elsewhere.
func setStatus(ctx context.Context, q querier, tenant uuid.UUID, from, to string) error {
	_, err := q.Exec(ctx, `update control.tenant set status = $3, updated_at = now() where id = $1 and status = $2`, tenant, from, to)
	if err != nil {
		return fmt.Errorf("set the tenant's status: %w", err)
	}
	return nil
}

func setKeyGiven(ctx context.Context, q querier, id uuid.UUID) error {
	if _, err := q.Exec(ctx, `update control.registration set key_given_at = now() where id = $1`, id); err != nil {
		return fmt.Errorf("note the first key: %w", err)
	}
	return nil
}

func setOwner(ctx context.Context, q querier, id, owner uuid.UUID, hasPassword bool) error {
	_, err := q.Exec(ctx, `update control.registration set owner_id = $2, has_password = $3 where id = $1`, id, owner, hasPassword)
	if err != nil {
		return fmt.Errorf("note owner: %w", err)
	}
	return nil
}

func setReady(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		update control.registration set state = 'ready', ended_at = now(), expires_at = now() + $2::interval where id = $1 and state = 'proved'`, id, linkLife)
	if err != nil {
		return fmt.Errorf("end registration: %w", err)
	}
	return nil
}

// setWelcomed notes that the welcome was sent; first is false when it had been.
func setWelcomed(ctx context.Context, tx pgx.Tx, id uuid.UUID) (first bool, err error) {
	done, err := tx.Exec(ctx, `update control.registration set welcomed_at = now() where id = $1 and welcomed_at is null`, id)
	if err != nil {
		return false, fmt.Errorf("note welcome: %w", err)
	}
	return done.RowsAffected() == 1, nil
}

// sweepBatch bounds one round of a sweep.
const sweepBatch = 10_000

// sweep deletes registrations that nobody proved in time and those that ended long ago.
func sweep(ctx context.Context, q querier) (deleted int64, err error) {
	done, err := q.Exec(ctx, `
		delete from control.registration where id in (
			select id from control.registration
			where (state = 'pending' and expires_at < now()) or (state in ('ready', 'failed') and ended_at < now() - @keep::interval)
			limit @most for update skip locked)`, pgx.NamedArgs{"keep": keepEnded, "most": sweepBatch})
	if err != nil {
		return 0, fmt.Errorf("sweep registrations: %w", err)
	}
	return done.RowsAffected(), nil
}

// claims are registrations whose workflow should run.
func claims(ctx context.Context, q querier) ([]registration, error) {
	rows, err := q.Query(ctx, `select `+columns+` from control.registration where state = 'proved' and proved_at < now() - interval '1 minute' order by expires_at limit 1000`)
	if err != nil {
		return nil, fmt.Errorf("read claims: %w", err)
	}
	return pgx.CollectRows(rows, scan)
}
