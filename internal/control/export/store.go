package export

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/db"
)

const columns = `id, tenant_id, coalesce(workflow_id, '00000000-0000-0000-0000-000000000000'), state, error, requested_by, operator, reason,
	host, rows, bytes, manifest, created_at, ended_at, expires_at`

func insert(ctx context.Context, tx pgx.Tx, e Export) error {
	_, err := tx.Exec(ctx, `
		insert into control.tenant_export (id, tenant_id, workflow_id, requested_by, operator, reason)
		values (@id, @tenant, @workflow, @by, @operator, @reason)`, pgx.NamedArgs{
		"id": e.ID, "tenant": e.Tenant, "workflow": e.Workflow, "by": e.By, "operator": e.Operator, "reason": e.Reason,
	})
	if err != nil {
		return fmt.Errorf("insert export: %w", err)
	}
	return nil
}

// lockMaking counts what is being made for a tenant, and keeps others from starting one until tx ends.
func lockMaking(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (making int64, err error) {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "exports of "+tenant.String()); err != nil {
		return 0, fmt.Errorf("lock exports: %w", err)
	}
	err = tx.QueryRow(ctx, `select count(*) from control.tenant_export where tenant_id = $1 and state = 'pending' and not operator`, tenant).Scan(&making)
	if err != nil {
		return 0, fmt.Errorf("count exports: %w", err)
	}
	return making, nil
}

func get(ctx context.Context, pool *pgxpool.Pool, tenant, id uuid.UUID) (Export, error) {
	return one(pool.Query(ctx, `select `+columns+` from control.tenant_export where tenant_id = $1 and id = $2`, tenant, id))
}

func byID(ctx context.Context, pool *pgxpool.Pool, id uuid.UUID) (Export, error) {
	return one(pool.Query(ctx, `select `+columns+` from control.tenant_export where id = $1`, id))
}

func one(rows pgx.Rows, err error) (Export, error) {
	if err != nil {
		return Export{}, fmt.Errorf("read export: %w", err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Export])
	if errors.Is(err, pgx.ErrNoRows) {
		return Export{}, ErrNotFound
	}
	if err != nil {
		return Export{}, fmt.Errorf("read export: %w", err)
	}
	return e, nil
}

func many(what string, rows pgx.Rows, err error) ([]Export, error) {
	if err != nil {
		return nil, fmt.Errorf("%s exports: %w", what, err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Export])
	if err != nil {
		return nil, fmt.Errorf("%s exports: %w", what, err)
	}
	return found, nil
}

func readAll(ctx context.Context, pool *pgxpool.Pool, tenant uuid.UUID, limit int) ([]Export, error) {
	rows, err := pool.Query(ctx, `select `+columns+` from control.tenant_export where tenant_id = $1 order by id desc limit $2`, tenant, limit)
	return many("list", rows, err)
}

// finish makes an export ready, unless it was given up meanwhile.
func finish(ctx context.Context, pool *pgxpool.Pool, e Export) error {
	tag, err := pool.Exec(ctx, `
		update control.tenant_export set state = 'ready', error = '', host = @host, rows = @rows, bytes = @bytes, manifest = @manifest,
			ended_at = now(), expires_at = @expires
		where id = @id and state = 'pending'`, pgx.NamedArgs{
		"id": e.ID, "host": e.Host, "rows": e.Rows, "bytes": e.Bytes, "manifest": e.Manifest, "expires": e.ExpiresAt,
	})
	if err != nil {
		return fmt.Errorf("finish export: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return nil
}

// fail gives an export up; its row tells why until it expires. An empty message keeps the one that is there.
func fail(ctx context.Context, pool *pgxpool.Pool, id uuid.UUID, over bool, message, host string, expires time.Time) error {
	_, err := pool.Exec(ctx, `
		update control.tenant_export set error = coalesce(nullif(@message, ''), error), host = @host,
			state = case when @over then 'failed' else state end, ended_at = case when @over then now() end,
			expires_at = case when @over then @expires::timestamptz end
		where id = @id and state = 'pending'`, pgx.NamedArgs{"id": id, "over": over, "message": message, "host": host, "expires": expires})
	if err != nil {
		return fmt.Errorf("fail export: %w", err)
	}
	return nil
}

// surplus deletes the rows of a tenant's oldest exports on a host, those that have ended, but for the newest few.
func surplus(ctx context.Context, pool *pgxpool.Pool, tenant uuid.UUID, host string, keep int) ([]Export, error) {
	rows, err := pool.Query(ctx, `
		delete from control.tenant_export where id in (
			select id from control.tenant_export where tenant_id = $1 and host = $2 and state <> 'pending' order by id desc offset $3)
		returning `+columns, tenant, host, keep)
	return many("delete old", rows, err)
}

func expire(ctx context.Context, pool *pgxpool.Pool, host string, now time.Time) ([]Export, error) {
	rows, err := pool.Query(ctx, `delete from control.tenant_export where host = $1 and expires_at < $2 returning `+columns, host, now)
	return many("expire", rows, err)
}

func removeAll(ctx context.Context, pool *pgxpool.Pool, tenant uuid.UUID) (int64, error) {
	tag, err := pool.Exec(ctx, `delete from control.tenant_export where tenant_id = $1`, tenant)
	if err != nil {
		return 0, fmt.Errorf("delete exports: %w", err)
	}
	return tag.RowsAffected(), nil
}

func known(ctx context.Context, pool *pgxpool.Pool, id uuid.UUID) (is bool, err error) {
	err = pool.QueryRow(ctx, `select exists (select from control.tenant_export where id = $1 and state <> 'failed')`, id).Scan(&is)
	if err != nil {
		return false, fmt.Errorf("look up export: %w", err)
	}
	return is, nil
}

func tenantOf(ctx context.Context, pool *pgxpool.Pool, id uuid.UUID) (t archive.Tenant, err error) {
	t.ID = id
	err = pool.QueryRow(ctx, `select name, title from control.tenant where id = $1`, id).Scan(&t.Name, &t.Title)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, db.ErrNoTenant
	}
	if err != nil {
		return t, fmt.Errorf("read tenant: %w", err)
	}
	return t, nil
}
