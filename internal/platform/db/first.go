package db

import (
	"cmp"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// firstRows are the rows of a transaction's first query, which came in one batch with BEGIN: it ends with them.
type firstRows struct {
	pgx.Rows
	results pgx.BatchResults
	tx      *tenantTx
	err     error // of the batch's end
}

// Next ends the batch after the last row, as nobody need close rows that were read to their end.
func (r *firstRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close ends rows and batch.
func (r *firstRows) Close() {
	r.Rows.Close()
	if err := r.results.Close(); r.err == nil {
		r.err = r.tx.met(err)
	}
}

// Err is what ended the rows, if not their end.
func (r *firstRows) Err() error { return r.tx.met(cmp.Or(r.Rows.Err(), r.err)) }

// firstRow is the row of a transaction's first query.
type firstRow struct {
	results pgx.BatchResults
	tx      *tenantTx
}

// Scan reads the row and ends the batch.
func (r firstRow) Scan(dest ...any) error {
	err := r.results.QueryRow().Scan(dest...)
	return r.tx.met(cmp.Or(err, r.results.Close()))
}

// failedRow is in place of a row where there can be none.
type failedRow struct{ err error }

// Scan returns why there is no row.
func (r failedRow) Scan(...any) error { return r.err }

// failedRows are in place of rows where there can be none. They are closed; what only open rows have is not there.
type failedRows struct {
	pgx.Rows
	err error
}

// Close has nothing to close.
func (failedRows) Close() {}

// Err returns why there are no rows.
func (r failedRows) Err() error { return r.err }

// Next tells that there are none.
func (failedRows) Next() bool { return false }

// CommandTag is empty.
func (failedRows) CommandTag() pgconn.CommandTag { return pgconn.CommandTag{} }

// FieldDescriptions are none.
func (failedRows) FieldDescriptions() []pgconn.FieldDescription { return nil }

// failedBatch is in place of a batch's results where there can be none.
type failedBatch struct {
	pgx.BatchResults
	err error
}

// Exec returns why there is no result.
func (b failedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, b.err }

// Query returns why there are no rows.
func (b failedBatch) Query() (pgx.Rows, error) { return failedRows{err: b.err}, b.err }

// QueryRow returns why there is no row.
func (b failedBatch) QueryRow() pgx.Row { return failedRow{b.err} }

// Close returns why there was nothing to close.
func (b failedBatch) Close() error { return b.err }
