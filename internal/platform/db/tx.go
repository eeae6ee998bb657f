package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// enterSQL opens a scope. The lock is shared by all that write for the tenant; it is not given while the tenant's data
// moves, which is an error: nobody can make a setting of this name, as it has no dot. Values are bind parameters:
// pg_stat_activity shows query texts to every session of the role.
const enterSQL = `select case when pg_try_advisory_xact_lock_shared($2) then set_config('app.scope', $1, true)
	else current_setting('tenant moving') end`

// enterReadSQL is enterSQL for what only reads, which needs no lock: it sees the data as it is before a move or after it.
const enterReadSQL = `select where set_config('app.scope', $1, true) is null`

// unknownSetting is the code of the errors that our statements make by reading a setting that cannot be.
const unknownSetting = "42704"

// errMoving says that the tenant's data is on its way to another schema at this moment.
var errMoving = errors.New("the tenant's data is being moved")

// opening is how a transaction begins.
type opening int

const (
	writing opening = iota
	snapshot
)

// begin begins a transaction. Its kind is part of BEGIN: an earlier user may have changed the defaults.
func (o opening) begin() string {
	if o == snapshot {
		return "begin isolation level repeatable read read only"
	}
	return "begin isolation level read committed read write"
}

// enter is the statement that opens the scope, and within the same as a part of a query.
func (o opening) enter() (statement, within string) {
	if o == snapshot {
		return enterReadSQL, readWithin
	}
	return enterSQL, writeWithin
}

// args are what enter takes.
func (o opening) args(token string, at place) []any {
	if o == snapshot {
		return []any{token}
	}
	return []any{token, at.Gate}
}

// tenantTx is a transaction in a tenant's scope. It begins with its first statement and in the same round trip; pgx's own
// takes one for BEGIN alone, and without bind parameters. Everything else is the connection's.
type tenantTx struct {
	conn    *pgx.Conn
	data    *DB
	opening opening
	place   place
	scope   tenancy.Scope
	renew   time.Time
	depth   int   // of savepoints
	begun   bool  // something was sent
	lent    bool  // the connection itself was, before that
	closed  bool  // the transaction is over
	decided bool  // whether the caller has the permission was asked
	refused error // why the transaction could not be opened
}

var _ pgx.Tx = (*tenantTx)(nil)

// open sends the statements that open the transaction, and those of b with them, whose results it returns.
func (tx *tenantTx) open(ctx context.Context, b *pgx.Batch) (pgx.BatchResults, error) {
	args, err := tx.sign()
	if err != nil {
		return nil, err
	}
	enter, _ := tx.opening.enter()
	whole := &pgx.Batch{}
	whole.Queue(enter, args...)
	whole.QueuedQueries = append(whole.QueuedQueries, b.QueuedQueries...)
	results, err := tx.send(ctx, whole)
	if err != nil {
		return nil, err
	}
	if _, err := results.Exec(); err != nil {
		_ = results.Close() // says the same
		return nil, tx.refuse(err)
	}
	return results, nil
}

// query sends the transaction's first query. One that only reads opens the scope itself.
func (tx *tenantTx) query(ctx context.Context, sql string, args []any) (pgx.BatchResults, error) {
	if !carries(sql) {
		return tx.open(ctx, one(sql, args))
	}
	if named, ok := args[0].(pgx.QueryRewriter); ok {
		var err error
		if sql, args, err = named.RewriteQuery(ctx, tx.conn, sql, args[1:]); err != nil {
			return nil, fmt.Errorf("named arguments: %w", err)
		}
	}
	scope, err := tx.sign()
	if err != nil {
		return nil, err
	}
	_, within := tx.opening.enter()
	return tx.send(ctx, one(scoped(sql, within, len(args)+1), slices.Concat(args, scope)))
}

// sign makes the arguments of what opens the scope.
func (tx *tenantTx) sign() ([]any, error) {
	if tx.closed {
		return nil, pgx.ErrTxClosed
	}
	now := time.Now()
	tx.renew = now.Add(renewAfter)
	return tx.opening.args(tx.place.sign(tx.scope, tx.conn.PgConn().PID(), now), tx.place), nil
}

// send begins the transaction and runs b in it.
func (tx *tenantTx) send(ctx context.Context, b *pgx.Batch) (pgx.BatchResults, error) {
	tx.begun = true
	whole := &pgx.Batch{}
	whole.Queue(tx.opening.begin())
	whole.QueuedQueries = append(whole.QueuedQueries, b.QueuedQueries...)
	results := tx.conn.SendBatch(ctx, whole)
	if _, err := results.Exec(); err != nil {
		_ = results.Close() // says the same
		return nil, tx.refuse(err)
	}
	return results, nil
}

// refuse notes why the transaction could not be opened.
func (tx *tenantTx) refuse(err error) error {
	tx.refused = fmt.Errorf("begin: %w", err)
	if moving(err) {
		tx.refused = errors.Join(errMoving, err)
	}
	return tx.refused
}

// met looks at an error of the first query, which may be that the scope was not opened.
func (tx *tenantTx) met(err error) error {
	if moving(err) {
		return tx.refuse(err)
	}
	return err
}

// moving tells whether an error says that the tenant's lock is held by a move.
func moving(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == unknownSetting && strings.Contains(pg.Message, "tenant moving")
}

// ready opens the transaction if no statement has, and renews the scope of one that goes on for long.
func (tx *tenantTx) ready(ctx context.Context) error {
	if tx.begun {
		return tx.fresh(ctx)
	}
	results, err := tx.open(ctx, &pgx.Batch{})
	if err != nil {
		return err
	}
	return results.Close()
}

// fresh renews the scope of a transaction that goes on for long.
func (tx *tenantTx) fresh(ctx context.Context) error {
	now := time.Now()
	switch {
	case tx.refused != nil:
		return tx.refused
	case tx.closed:
		return pgx.ErrTxClosed
	case now.Before(tx.renew):
		return nil
	}
	if _, err := tx.conn.Exec(ctx, enterReadSQL, tx.place.sign(tx.scope, tx.conn.PgConn().PID(), now)); err != nil {
		return fmt.Errorf("renew the scope: %w", err)
	}
	tx.renew = now.Add(renewAfter)
	return nil
}

// begins tells whether a statement opens the transaction, as it can be sent together with what does: a batch knows no
// options, and only a statement with arguments is surely one.
func (tx *tenantTx) begins(args []any) bool {
	if tx.begun || len(args) == 0 {
		return false
	}
	switch args[0].(type) {
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		return false
	default:
		return true
	}
}

// Exec runs a statement.
func (tx *tenantTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if tx.begins(args) {
		results, err := tx.open(ctx, one(sql, args))
		if err != nil {
			return pgconn.CommandTag{}, err
		}
		tag, err := results.Exec()
		return tag, cmp.Or(err, results.Close())
	}
	if err := tx.ready(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return tx.conn.Exec(ctx, sql, args...)
}

// Query runs a query.
func (tx *tenantTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if tx.begins(args) {
		results, err := tx.query(ctx, sql, args)
		if err != nil {
			return failedRows{err: err}, err
		}
		rows, err := results.Query()
		return &firstRows{Rows: rows, results: results, tx: tx}, tx.met(err)
	}
	if err := tx.ready(ctx); err != nil {
		return failedRows{err: err}, err
	}
	return tx.conn.Query(ctx, sql, args...)
}

// QueryRow runs a query of one row.
func (tx *tenantTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if tx.begins(args) {
		results, err := tx.query(ctx, sql, args)
		if err != nil {
			return failedRow{err}
		}
		return firstRow{results, tx}
	}
	if err := tx.ready(ctx); err != nil {
		return failedRow{err}
	}
	return tx.conn.QueryRow(ctx, sql, args...)
}

// one is a batch of one statement.
func one(sql string, args []any) *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(sql, args...)
	return b
}

// CopyFrom adds many rows.
func (tx *tenantTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if err := tx.ready(ctx); err != nil {
		return 0, err
	}
	return tx.conn.CopyFrom(ctx, table, columns, rows)
}

// SendBatch sends several statements in one round trip.
func (tx *tenantTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if !tx.begun {
		results, err := tx.open(ctx, b)
		if err != nil {
			return failedBatch{err: err}
		}
		return results
	}
	if err := tx.fresh(ctx); err != nil {
		return failedBatch{err: err}
	}
	return tx.conn.SendBatch(ctx, b)
}

// Prepare prepares a statement; it outlives the transaction.
func (tx *tenantTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if err := tx.ready(ctx); err != nil {
		return nil, err
	}
	return tx.conn.Prepare(ctx, name, sql)
}

// Conn is the connection itself. Before the first statement it is in no transaction: nothing on it sees any row.
func (tx *tenantTx) Conn() *pgx.Conn {
	tx.lent = tx.lent || !tx.begun
	return tx.conn
}

// Commit ends the transaction; one that had failed is rolled back, which is an error here.
func (tx *tenantTx) Commit(ctx context.Context) error {
	if tx.closed {
		return pgx.ErrTxClosed
	}
	tx.closed = true
	if tx.unbegun() {
		return tx.refused
	}
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
	if tx.unbegun() {
		return nil
	}
	if err := tx.intact(ctx); err != nil {
		return err
	}
	if _, err := tx.conn.Exec(ctx, "rollback"); err != nil {
		return fmt.Errorf("rollback: %w", err)
	}
	return nil
}

// unbegun tells whether there is nothing to end: no statement was run, or what opens a transaction never was.
func (tx *tenantTx) unbegun() bool {
	return !tx.begun && !tx.lent || tx.refused != nil && !tx.conn.IsClosed() && tx.conn.PgConn().TxStatus() == 'I'
}

// intact closes the connection when somebody ended the transaction by SQL of their own, or was lent the connection before
// it began: nothing on it can be trusted.
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
