package db

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// enterSQL opens a scope. The lock is shared by all that write for the tenant; it is not given while the tenant's data
// moves. Values are bind parameters: pg_stat_activity shows query texts to every session of the role.
const enterSQL = `select pg_try_advisory_xact_lock_shared($2) from (select set_config('app.scope', $1, true) offset 0) s`

// enterReadSQL is enterSQL for one query, which needs no lock: it sees the data as it is before a move or after it.
const enterReadSQL = `select where set_config('app.scope', $1, true) is null`

// errMoving says that the tenant's data is on its way to another schema at this moment.
var errMoving = errors.New("the tenant's data is being moved")

// tenantTx is a transaction in a tenant's scope. It is not pgx's own because its BEGIN takes bind parameters in the same
// round trip; everything else is the connection's.
type tenantTx struct {
	conn   *pgx.Conn
	place  place
	scope  tenancy.Scope
	renew  time.Time
	depth  int  // of savepoints
	closed bool // the transaction is over
}

var _ pgx.Tx = (*tenantTx)(nil)

// begin opens a transaction in a scope: BEGIN and everything else in one round trip.
func begin(ctx context.Context, conn *pgx.Conn, at place, s tenancy.Scope) (*tenantTx, error) {
	now := time.Now()
	batch := &pgx.Batch{}
	batch.Queue("begin isolation level read committed read write") // whatever an earlier user made the default
	batch.Queue(enterSQL, at.sign(s, conn.PgConn().PID(), now), at.Gate)
	results := conn.SendBatch(ctx, batch)
	var free bool
	_, err := results.Exec()
	if err == nil {
		err = results.QueryRow().Scan(&free)
	}
	if err = errors.Join(err, results.Close()); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	tx := &tenantTx{conn: conn, place: at, scope: s, renew: now.Add(renewAfter)}
	if !free {
		return nil, errors.Join(errMoving, tx.Rollback(ctx))
	}
	return tx, nil
}

// fresh renews the scope of a transaction that goes on for long.
func (tx *tenantTx) fresh(ctx context.Context) error {
	now := time.Now()
	if tx.closed {
		return pgx.ErrTxClosed
	}
	if now.Before(tx.renew) {
		return nil
	}
	if _, err := tx.conn.Exec(ctx, enterReadSQL, tx.place.sign(tx.scope, tx.conn.PgConn().PID(), now)); err != nil {
		return fmt.Errorf("renew the scope: %w", err)
	}
	tx.renew = now.Add(renewAfter)
	return nil
}

// Exec runs a statement.
func (tx *tenantTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := tx.fresh(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return tx.conn.Exec(ctx, sql, args...)
}

// Query runs a query.
func (tx *tenantTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := tx.fresh(ctx); err != nil {
		return nil, err
	}
	return tx.conn.Query(ctx, sql, args...)
}

// QueryRow runs a query of one row.
func (tx *tenantTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := tx.fresh(ctx); err != nil {
		return failedRow{err}
	}
	return tx.conn.QueryRow(ctx, sql, args...)
}

type failedRow struct{ err error }

// Scan returns why there is no row.
func (r failedRow) Scan(...any) error { return r.err }

// CopyFrom adds many rows.
func (tx *tenantTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if err := tx.fresh(ctx); err != nil {
		return 0, err
	}
	return tx.conn.CopyFrom(ctx, table, columns, rows)
}

// SendBatch sends several statements in one round trip. A scope that cannot be renewed makes the first of them fail.
func (tx *tenantTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	_ = tx.fresh(ctx)
	return tx.conn.SendBatch(ctx, b)
}

// Prepare prepares a statement; it outlives the transaction.
func (tx *tenantTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	return tx.conn.Prepare(ctx, name, sql)
}

// Conn is the connection itself.
func (tx *tenantTx) Conn() *pgx.Conn { return tx.conn }

// Commit ends the transaction; one that had failed is rolled back, which is an error here.
func (tx *tenantTx) Commit(ctx context.Context) error {
	if tx.closed {
		return pgx.ErrTxClosed
	}
	tx.closed = true
	if err := tx.intact(ctx); err != nil {
		return err
	}
	tag, err := tx.conn.Exec(ctx, "commit")
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// Rollback ends the transaction without its changes.
func (tx *tenantTx) Rollback(ctx context.Context) error {
	if tx.closed {
		return pgx.ErrTxClosed
	}
	tx.closed = true
	if err := tx.intact(ctx); err != nil {
		return err
	}
	if _, err := tx.conn.Exec(ctx, "rollback"); err != nil {
		return fmt.Errorf("rollback: %w", err)
	}
	return nil
}

// intact closes the connection when somebody ended the transaction by SQL of their own: nothing on it can be trusted.
func (tx *tenantTx) intact(ctx context.Context) error {
	if tx.conn.IsClosed() || tx.conn.PgConn().TxStatus() != 'I' {
		return nil
	}
	return errors.Join(errEnded, tx.conn.Close(ctx))
}

var errEnded = errors.New("the transaction was ended by a statement within it")

// Begin opens a savepoint.
func (tx *tenantTx) Begin(ctx context.Context) (pgx.Tx, error) {
	name := "sp_" + strconv.Itoa(tx.depth+1)
	if _, err := tx.Exec(ctx, "savepoint "+name); err != nil {
		return nil, fmt.Errorf("savepoint: %w", err)
	}
	tx.depth++
	return &savepoint{tenantTx: tx, name: name}, nil
}

// savepoint is a transaction within a transaction.
type savepoint struct {
	*tenantTx
	name string
	over bool
}

// Commit keeps what was done since the savepoint.
func (s *savepoint) Commit(ctx context.Context) error { return s.end(ctx, "release savepoint "+s.name) }

// Rollback takes back what was done since the savepoint.
func (s *savepoint) Rollback(ctx context.Context) error {
	return s.end(ctx, "rollback to savepoint "+s.name)
}

func (s *savepoint) end(ctx context.Context, statement string) error {
	if s.over {
		return pgx.ErrTxClosed
	}
	s.over = true
	if _, err := s.conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// LargeObjects are not tenant data: nothing scopes them.
func (tx *tenantTx) LargeObjects() pgx.LargeObjects {
	panic("large objects have no tenant: keep files in a table or a bucket")
}
