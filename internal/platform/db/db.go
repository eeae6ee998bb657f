// Package db is the way to tenant data: a transaction whose tenant PostgreSQL itself holds to, by row level security.
// Control and identity data need no scope: their packages use their own role's pgxpool.Pool directly.
package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// ErrNoScope is returned when a context carries no tenant: without one there is no transaction.
var ErrNoScope = errs.Unauthenticated("no_scope", "Sign in first.")

// DB reads and writes tenant data: of pooled tenants as the application's role, of a silo as its own. Neither owns
// anything nor can bypass row level security.
type DB struct {
	Pool   *pgxpool.Pool // of the application's role
	Places *Places
	Silos  *Silos
	// Authorize decides whether the scope in ctx has the permission; it returns an errs error when not.
	Authorize func(ctx context.Context, p tenancy.Permission) error
	// Decide decides on resources; no transaction ends well without having asked it. Nil, in tests of what knows no
	// policies, decides nothing and asks for nothing.
	Decide Decide

	rewrites rewrites
}

// How long a write waits for the end of a move of its tenant's data, and how often it looks.
const (
	moveWait  = 15 * time.Second
	moveFirst = 2 * time.Millisecond
	moveMost  = 50 * time.Millisecond
)

var errBusyMoving = errs.Unavailable("tenant_moving", "Your organisation's data is being moved. Try again in a moment.")

// InTenant runs fn in one transaction that sees the tenant of ctx and no other, if ctx has the permission. The scope is
// signed and PostgreSQL verifies it. fn loads what it is about and asks Allow; where it has not, the transaction fails. fn
// may be run a second time, after a rollback, when the tenant's data has moved.
func (d *DB) InTenant(ctx context.Context, p tenancy.Permission, fn func(pgx.Tx) error) error {
	scope, err := d.scope(ctx, p)
	if err != nil {
		return err
	}
	return d.at(ctx, scope, func(pool *pgxpool.Pool, at place) error {
		for wait, until := moveFirst, time.Now().Add(moveWait); ; wait = min(2*wait, moveMost) {
			err := d.inTx(ctx, pool, &tenantTx{opening: writing, place: at, scope: scope}, p, fn)
			if !errors.Is(err, errMoving) {
				return err
			}
			if time.Now().After(until) {
				return errBusyMoving.Wrap(err)
			}
			// No connection is held meanwhile: other tenants need it.
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (d *DB) inTx(ctx context.Context, pool *pgxpool.Pool, tx *tenantTx, p tenancy.Permission, fn func(pgx.Tx) error) (err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	tx.conn, tx.data = conn.Conn(), d
	defer func() {
		if !tx.closed { // fn failed or panicked
			err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
		}
		err = cmp.Or(tx.refused, err) // whatever fn made of it
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if d.Decide != nil && !tx.decided {
		return undecided(p)
	}
	return tx.Commit(ctx)
}

// maxMoves bounds how often a caller follows a tenant whose place changes under it.
const maxMoves = 5

// at runs fn where the tenant's data is, and again when PostgreSQL refuses it there because the place has changed.
func (d *DB) at(ctx context.Context, scope tenancy.Scope, fn func(*pgxpool.Pool, place) error) error {
	at, err := d.Places.of(ctx, scope)
	if err != nil {
		return err
	}
	for range maxMoves {
		if err = d.with(ctx, at, fn); !elsewhere(err) {
			return err
		}
		d.Places.Forget(scope.Tenant)
		now, again := d.Places.of(ctx, scope)
		if again != nil {
			return again
		}
		if now.same(at) {
			return err
		}
		at = now
	}
	return errBusyMoving.Wrap(err)
}

// with runs fn on connections that may reach the place.
func (d *DB) with(ctx context.Context, at place, fn func(*pgxpool.Pool, place) error) error {
	if at.pooled() {
		return fn(d.Pool, at)
	}
	pool, release, err := d.Silos.acquire(ctx, at)
	if err != nil {
		return err
	}
	defer release()
	return fn(pool, at)
}

// elsewhere tells whether an error may come from a place that is no longer the tenant's: its scope is refused, or its
// silo's role or schema is gone.
func elsewhere(err error) bool {
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	if errors.As(err, &connect) {
		return true
	}
	if !errors.As(err, &pg) {
		return false
	}
	return pg.Code == unknownSetting && strings.Contains(pg.Message, "scope refused") ||
		pg.Code == "42P01" || pg.Code == "3F000" // undefined_table, invalid_schema_name
}

// ReadInTenant runs one query in the tenant of ctx, in a single round trip, and collects its rows. It decides on the tenant
// as a whole, and leaves of rows that are resources those that the caller has the permission for.
func ReadInTenant[T any](ctx context.Context, d *DB, p tenancy.Permission, query string, args pgx.NamedArgs, row pgx.RowToFunc[T]) ([]T, error) {
	scope, err := d.scope(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := d.whole(ctx, p); err != nil {
		return nil, err
	}
	found, values, err := d.rewrites.of(ctx, query, args)
	if err != nil {
		return nil, err
	}
	var list []T
	err = d.at(ctx, scope, func(pool *pgxpool.Pool, at place) error {
		list, err = readAt(ctx, pool, at, scope, found.sql, values, row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return filter(ctx, d, p, list)
}

// readAt runs a query that opens its own scope, its last argument. It is an implicit transaction: the setting ends with it.
func readAt[T any](ctx context.Context, pool *pgxpool.Pool, at place, scope tenancy.Scope, query string, args []any, row pgx.RowToFunc[T]) ([]T, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, query, append(args, at.sign(scope, conn.Conn().PgConn().PID(), time.Now()))...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, row)
}

func (d *DB) scope(ctx context.Context, p tenancy.Permission) (tenancy.Scope, error) {
	scope, ok := tenancy.From(ctx)
	if !ok || scope.Tenant == uuid.Nil {
		return tenancy.Scope{}, ErrNoScope
	}
	return scope, d.Authorize(ctx, p)
}
