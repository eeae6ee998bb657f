package db_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// A transaction begins with its first statement, whatever that is: each is in the scope, and a failure leaves nothing.
func TestATransactionBeginsWithAnyStatement(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ctx := d.Tenant(t, "alpha", tenancy.RoleOwner)
	record(t, ctx, d.App, "one")
	statements := firstQueries(ctx)
	maps.Copy(statements, firstChanges(ctx))
	for name, first := range statements {
		err := d.App.InTenant(ctx, anything, func(tx pgx.Tx) error {
			if err := first(tx); err != nil {
				return err
			}
			return audit.Record(ctx, tx, "tested", "after "+name, nil)
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := targets(t, ctx, d.App); len(got) != 17 {
		t.Errorf("%d entries, want 17: %q", len(got), got)
	}
}

// firstQueries are queries of one entry, "one".
func firstQueries(ctx context.Context) map[string]func(pgx.Tx) error {
	return map[string]func(pgx.Tx) error{
		"row": func(tx pgx.Tx) error {
			var target string
			return tx.QueryRow(ctx, `select target from audit_entry where target = $1`, "one").Scan(&target)
		},
		"row without arguments": func(tx pgx.Tx) error {
			var target string
			return tx.QueryRow(ctx, `select target from audit_entry`).Scan(&target)
		},
		"a row that cannot be, which the planner knows": func(tx pgx.Tx) error {
			var target string
			err := tx.QueryRow(ctx, `select target from audit_entry where $1::text is null and false`, "").Scan(&target)
			if !errors.Is(err, pgx.ErrNoRows) {
				return fmt.Errorf("%w, want no rows", err)
			}
			return nil
		},
		"rows without columns": func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `select from audit_entry where target = $1`, "one")
			rows.Close()
			if n := rows.CommandTag().RowsAffected(); n != 1 {
				err = errors.Join(err, fmt.Errorf("%d rows, want 1", n))
			}
			return errors.Join(err, rows.Err())
		},
		"a row with two columns of a name": func(tx pgx.Tx) error {
			var a, b string
			return tx.QueryRow(ctx, `select target, target from audit_entry where target = @target`, pgx.NamedArgs{"target": "one"}).Scan(&a, &b)
		},
		"a row with a place and a limit": func(tx pgx.Tx) error {
			var target string
			return tx.QueryRow(ctx, `select target from audit_entry where $1 = '' order by id limit 1 offset 0`, "").Scan(&target)
		},
		"a row that is locked": func(tx pgx.Tx) error {
			var n int
			return tx.QueryRow(ctx, `select n from generate_series(1, $1::int) n for update`, 1).Scan(&n)
		},
		"rows that nobody closes": func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `select target from audit_entry where target = @t`, pgx.NamedArgs{"t": "one"})
			n := 0
			for rows.Next() {
				n++
			}
			if n != 1 {
				err = errors.Join(err, pgx.ErrNoRows)
			}
			return errors.Join(err, rows.Err())
		},
		"rows that are left early": func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `select n from generate_series(1, $1::int) n`, 1000)
			rows.Next()
			rows.Close()
			return errors.Join(err, rows.Err())
		},
		"rows with a format": func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, `select target from audit_entry where target = $1`, pgx.QueryResultFormats{pgx.TextFormatCode}, "one")
			rows.Close()
			return errors.Join(err, rows.Err())
		},
	}
}

// firstChanges are statements that are no single query.
func firstChanges(ctx context.Context) map[string]func(pgx.Tx) error {
	return map[string]func(pgx.Tx) error{
		"change": func(tx pgx.Tx) error { return audit.Record(ctx, tx, "tested", "two", nil) },
		"several at once": func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `select; select`)
			return err
		},
		"batch": func(tx pgx.Tx) error {
			b := &pgx.Batch{}
			b.Queue(`select target from audit_entry`).QueryRow(func(row pgx.Row) error {
				var target string
				return row.Scan(&target)
			})
			return tx.SendBatch(ctx, b).Close()
		},
		"savepoint": func(tx pgx.Tx) error {
			inner, err := tx.Begin(ctx)
			if err != nil {
				return err
			}
			return inner.Rollback(ctx)
		},
		"nothing": func(pgx.Tx) error { return nil },
	}
}

// A transaction whose first statement fails is over, even if its function goes on.
func TestNothingFollowsAFirstStatementThatFails(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ctx := d.Tenant(t, "alpha", tenancy.RoleOwner)
	for name, c := range map[string]struct{ sql, code string }{
		"at once":       {`select $1::text from nowhere`, "42P01"},
		"while it runs": {`select 1 / length($1) from generate_series(1, 3)`, "22012"},
	} {
		for range 2 { // the connection serves the next
			var first error
			err := d.App.InTenant(ctx, anything, func(tx pgx.Tx) error {
				_, first = tx.Exec(ctx, c.sql, "")
				_ = audit.Record(ctx, tx, "tested", "never", nil)
				return nil
			})
			var pg *pgconn.PgError
			if !errors.As(first, &pg) || pg.Code != c.code {
				t.Errorf("%s: %v, want %s", name, first, c.code)
			}
			if err == nil {
				t.Errorf("%s: the transaction was committed", name)
			}
		}
	}
	if got := targets(t, ctx, d.App); len(got) != 0 {
		t.Errorf("left over: %q", got)
	}
	cut, cancel := context.WithCancel(ctx)
	err := d.App.InTenant(ctx, anything, func(tx pgx.Tx) error {
		cancel()
		_, err := tx.Exec(cut, `select $1::text`, "")
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	record(t, ctx, d.App, "fine")
}
