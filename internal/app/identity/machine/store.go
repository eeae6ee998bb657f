package machine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

const columns = `id, name, role, created_by, created_at, expires_at, last_used_at`

func readAll(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) ([]Client, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from identity.machine_client where tenant_id = $1 order by id desc limit $2`, tenant, maxClients)
	if err != nil {
		return nil, fmt.Errorf("list machine clients: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Client])
}

func get(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (Client, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from identity.machine_client where tenant_id = $1 and id = $2 for update`, tenant, id)
	if err != nil {
		return Client{}, fmt.Errorf("read machine client: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Client])
	if errors.Is(err, pgx.ErrNoRows) {
		return Client{}, ErrNotFound
	}
	if err != nil {
		return Client{}, fmt.Errorf("read machine client: %w", err)
	}
	return c, nil
}

func insert(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, c *Client, hash []byte) error {
	var count int
	if err := tx.QueryRow(ctx, `select count(*) from identity.machine_client where tenant_id = $1`, tenant).Scan(&count); err != nil {
		return fmt.Errorf("count machine clients: %w", err)
	}
	if count >= maxClients {
		return ErrTooMany
	}
	err := tx.QueryRow(ctx, `
		insert into identity.machine_client (id, tenant_id, name, role, secret_hash, created_by, expires_at)
		values (@id, @tenant, @name, @role, @hash, @by, @expires) returning created_at`, pgx.NamedArgs{
		"id": c.ID, "tenant": tenant, "name": c.Name, "role": string(c.Role), "hash": hash, "by": c.CreatedBy, "expires": c.ExpiresAt,
	}).Scan(&c.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert machine client: %w", err)
	}
	return nil
}

func updateSecret(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, hash []byte, expires time.Time) error {
	_, err := tx.Exec(ctx, `update identity.machine_client set secret_id = uuidv7(), secret_hash = $3, expires_at = $4 where tenant_id = $1 and id = $2`,
		tenant, id, hash, expires)
	if err != nil {
		return fmt.Errorf("update machine client: %w", err)
	}
	return nil
}

func remove(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from identity.machine_client where tenant_id = $1 and id = $2`, tenant, id); err != nil {
		return fmt.Errorf("remove machine client: %w", err)
	}
	return nil
}

// find reads a client whose tenant's people are in this pool.
func (s *Service) find(ctx context.Context, pool access.Pool, id uuid.UUID) (p Proved, hash []byte, ok bool, err error) {
	err = s.Identity.QueryRow(ctx, `
		select id, tenant_id, secret_id, expires_at, secret_hash from identity.machine_client
		where id = $1 and identity.pool_of(tenant_id) = $2`, id, pool.ID).Scan(&p.ID, &p.Tenant, &p.Secret, &p.ExpiresAt, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return Proved{}, nil, false, nil
	}
	if err != nil {
		return Proved{}, nil, false, fmt.Errorf("read machine client: %w", err)
	}
	return p, hash, true, nil
}

// Used notes that a client has got a token.
func (s *Service) Used(ctx context.Context, id uuid.UUID) error {
	if _, err := s.Identity.Exec(ctx, `update identity.machine_client set last_used_at = $2 where id = $1`, id, s.Now()); err != nil {
		return fmt.Errorf("note the use of a machine client: %w", err)
	}
	return nil
}
