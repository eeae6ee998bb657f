package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const columns = `id, name, redirect_uris, secret_hash is not null, created_by, created_at, post_logout_uris, version`

func readAll(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) ([]Registered, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from identity.client where tenant_id = $1 order by id desc limit $2`, tenant, maxClients)
	if err != nil {
		return nil, fmt.Errorf("list clients: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Registered])
}

func get(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, id string) (Registered, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from identity.client where tenant_id = $1 and id = $2`, tenant, id)
	if err != nil {
		return Registered{}, fmt.Errorf("read client: %w", err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Registered])
	if errors.Is(err, pgx.ErrNoRows) {
		return Registered{}, ErrNotFound
	}
	if err != nil {
		return Registered{}, fmt.Errorf("read client: %w", err)
	}
	return c, nil
}

func insert(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, c *Registered, hash []byte) error {
	var count int
	if err := tx.QueryRow(ctx, `select count(*) from identity.client where tenant_id = $1`, tenant).Scan(&count); err != nil {
		return fmt.Errorf("count clients: %w", err)
	}
	if count >= maxClients {
		return ErrTooMany
	}
	err := tx.QueryRow(ctx, `
		insert into identity.client (pool_id, id, name, redirect_uris, post_logout_uris, tenant_id, secret_hash, created_by)
		values (identity.pool_of(@tenant), @id, @name, @redirects, @logout, @tenant, @hash, @by) returning created_at`, pgx.NamedArgs{
		"tenant": tenant, "id": c.ID, "name": c.Name, "redirects": c.RedirectURIs, "logout": c.PostLogout, "hash": hash, "by": c.CreatedBy,
	}).Scan(&c.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert client: %w", err)
	}
	return nil
}

func update(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, c Registered) error {
	_, err := tx.Exec(ctx, `
		update identity.client set name = @name, redirect_uris = @redirects, post_logout_uris = @logout, version = @version
		where tenant_id = @tenant and id = @id`, pgx.NamedArgs{
		"tenant": tenant, "id": c.ID, "name": c.Name, "redirects": c.RedirectURIs, "logout": c.PostLogout, "version": c.Version,
	})
	if err != nil {
		return fmt.Errorf("update client: %w", err)
	}
	return nil
}

func updateSecret(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, id string, hash []byte) error {
	if _, err := tx.Exec(ctx, `update identity.client set secret_hash = $3 where tenant_id = $1 and id = $2`, tenant, id, hash); err != nil {
		return fmt.Errorf("update client: %w", err)
	}
	return nil
}

// remove also ends what people have given to the program; what they allowed goes with the row.
func remove(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, id string) error {
	for _, statement := range []string{
		`delete from identity.auth_code where tenant_id = $1 and request ->> 'client' = $2`,
		`delete from identity.token_family where tenant_id = $1 and client_id = $2`,
		`delete from identity.client where tenant_id = $1 and id = $2`,
	} {
		if _, err := tx.Exec(ctx, statement, tenant, id); err != nil {
			return fmt.Errorf("remove client: %w", err)
		}
	}
	return nil
}
