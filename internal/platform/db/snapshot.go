package db

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		return inTx(ctx, pool, at, scope, beginSnapshot, fn)
	})
}

// beginSnapshot is begin for a snapshot. The isolation level is part of BEGIN because no statement may come before it.
func beginSnapshot(ctx context.Context, conn *pgx.Conn, at place, s tenancy.Scope) (*tenantTx, error) {
	now := time.Now()
	batch := &pgx.Batch{}
	batch.Queue("begin isolation level repeatable read read only")
	batch.Queue(enterReadSQL, at.sign(s, conn.PgConn().PID(), now))
	results := conn.SendBatch(ctx, batch)
	_, beginErr := results.Exec()
	_, enterErr := results.Exec()
	if err := errors.Join(beginErr, enterErr, results.Close()); err != nil {
		return nil, fmt.Errorf("begin snapshot: %w", err)
	}
	return &tenantTx{conn: conn, place: at, scope: s, renew: now.Add(renewAfter)}, nil
}
