// Package db is the way to tenant data: a transaction whose tenant PostgreSQL itself holds to, by row level security.
// Control and identity data need no scope: their packages use their own role's pgxpool.Pool directly.
package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// ErrNoScope is returned when a context carries no tenant: without one there is no transaction.
var ErrNoScope = errs.Unauthenticated("no_scope", "Sign in first.")

// DB reads and writes tenant data as the application's role, which owns nothing and cannot bypass row level security.
type DB struct {
	Pool *pgxpool.Pool
	// Authorize decides whether the scope in ctx has the permission; it returns an errs error when not.
	Authorize func(ctx context.Context, p tenancy.Permission) error
}

// scopeSQL sets the tenant and the actor for one transaction, as bind parameters: pg_stat_activity shows query texts.
const scopeSQL = `select set_config('app.tenant_id', $1, true), set_config('app.user_id', $2, true)`

// InTenant runs fn in one transaction that sees the tenant of ctx and no other, if ctx has the permission.
func (d *DB) InTenant(ctx context.Context, p tenancy.Permission, fn func(pgx.Tx) error) error {
	scope, err := d.scope(ctx, p)
	if err != nil {
		return err
	}
	// The scope travels with BEGIN in one round trip. BeginQuery is SQL text: both values are parsed UUIDs, and their
	// canonical form has hexadecimal digits and hyphens only.
	begin := "begin; set local app.tenant_id = '" + scope.Tenant.String() + "'; set local app.user_id = '" + scope.User.String() + "'"
	return pgx.BeginTxFunc(ctx, d.Pool, pgx.TxOptions{BeginQuery: begin}, fn)
}

// ReadInTenant runs one query in the tenant of ctx, in a single round trip, and collects its rows.
func ReadInTenant[T any](ctx context.Context, d *DB, p tenancy.Permission, query string, args pgx.NamedArgs, row pgx.RowToFunc[T]) ([]T, error) {
	scope, err := d.scope(ctx, p)
	if err != nil {
		return nil, err
	}
	// One batch is one implicit transaction: the setting is local to it.
	batch := &pgx.Batch{}
	batch.Queue(scopeSQL, scope.Tenant.String(), scope.User.String())
	if args == nil {
		batch.Queue(query)
	} else {
		batch.Queue(query, args)
	}
	results := d.Pool.SendBatch(ctx, batch)
	var list []T
	err = func() error {
		if _, err := results.Exec(); err != nil {
			return fmt.Errorf("set scope: %w", err)
		}
		rows, err := results.Query()
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, row)
		return err
	}()
	return list, errors.Join(err, results.Close())
}

func (d *DB) scope(ctx context.Context, p tenancy.Permission) (tenancy.Scope, error) {
	scope, ok := tenancy.From(ctx)
	if !ok || scope.Tenant == uuid.Nil {
		return tenancy.Scope{}, ErrNoScope
	}
	return scope, d.Authorize(ctx, p)
}
