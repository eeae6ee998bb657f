package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// SnapshotInTenant runs fn as InTenant does, in a transaction that only reads and whose every statement sees the same
// moment. It takes as long as it takes and nobody waits for it: not even a move of the tenant's data, whose old rows and
// keys are part of that moment. fn may be run a second time.
func (d *DB) SnapshotInTenant(ctx context.Context, p tenancy.Permission, fn func(pgx.Tx) error) error {
	scope, err := d.scope(ctx, p)
	if err != nil {
		return err
	}
	return d.at(ctx, scope, func(pool *pgxpool.Pool, at place) error {
		return d.inTx(ctx, pool, &tenantTx{opening: snapshot, place: at, scope: scope}, p, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "select"); err != nil { // the moment is that of the first statement
				return err
			}
			return fn(tx)
		})
	})
}
