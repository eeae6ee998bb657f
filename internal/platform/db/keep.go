package db

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Keeper is the way of the program's own upkeep to tenant data: as the role worker, which may do more with a few tables than
// those who serve the tenant, and within the same signed scope. What it may is said where a table is made.
type Keeper struct {
	Pool   *pgxpool.Pool // of the role worker
	Places *Places
}

// InTenant runs fn in one transaction in the tenant's scope and schema. While the tenant's data moves it fails: whoever keeps
// house comes again.
func (k *Keeper) InTenant(ctx context.Context, tenant uuid.UUID, fn func(pgx.Tx) error) error {
	return k.in(ctx, tenant, writing, fn)
}

// SnapshotInTenant is InTenant in a transaction that only reads and sees one moment.
func (k *Keeper) SnapshotInTenant(ctx context.Context, tenant uuid.UUID, fn func(pgx.Tx) error) error {
	return k.in(ctx, tenant, snapshot, fn)
}

// InControl runs fn in one transaction in which the tables of the provider's own schema are named without it: the operators' log
// is kept as a tenant's is. The role may do nothing else there.
func (k *Keeper) InControl(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, k.Pool, func(tx pgx.Tx) error { return inSchema(ctx, tx, controlSchema, fn) })
}

// SnapshotInControl is InControl in a transaction that only reads and sees one moment.
func (k *Keeper) SnapshotInControl(ctx context.Context, fn func(pgx.Tx) error) error {
	return SnapshotInControl(ctx, k.Pool, fn)
}

// controlSchema is the provider's own.
const controlSchema = "control"

// SnapshotInControl runs fn in a transaction of a role that may look into the provider's own schema, whose tables are named
// without it. It only reads and sees one moment.
func SnapshotInControl(ctx context.Context, pool *pgxpool.Pool, fn func(pgx.Tx) error) error {
	how := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, pool, how, func(tx pgx.Tx) error { return inSchema(ctx, tx, controlSchema, fn) })
}

func (k *Keeper) in(ctx context.Context, tenant uuid.UUID, how opening, fn func(pgx.Tx) error) error {
	scope := tenancy.Scope{Tenant: tenant, Role: tenancy.RoleSystem}
	at, err := k.Places.of(ctx, scope)
	if err != nil {
		return err
	}
	// It keeps house for the tenant and serves nobody: there is no caller whose rights could be decided on.
	err = (&DB{}).inTx(ctx, k.Pool, &tenantTx{opening: how, place: at, scope: scope}, "", func(tx pgx.Tx) error {
		return inSchema(ctx, tx, at.Schema, fn)
	})
	if elsewhere(err) {
		k.Places.Forget(tenant) // it has moved: the next one comes right
	}
	return err
}

// KeeperTime bounds how long a transaction of a Keeper waits for anything.
const KeeperTime = 30 * time.Second

// inSchema lets fn name tables without their schema, until the transaction ends.
func inSchema(ctx context.Context, tx pgx.Tx, schema string, fn func(pgx.Tx) error) error {
	_, err := tx.Exec(ctx, `select set_config('search_path', $1, true), set_config('lock_timeout', $2, true)`,
		pgx.Identifier{schema}.Sanitize()+", pg_temp", fmt.Sprintf("%dms", KeeperTime.Milliseconds()))
	if err != nil {
		return fmt.Errorf("enter schema %s: %w", schema, err)
	}
	return fn(tx)
}
