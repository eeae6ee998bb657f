package db_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestASnapshotSeesOneMomentOfOneTenant(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := d.Tenant(t, "alpha", tenancy.RoleOwner), d.Tenant(t, "bravo", tenancy.RoleOwner)
	record(t, a, d.App, "before")
	record(t, b, d.App, "of another")
	err := d.App.SnapshotInTenant(a, anything, func(tx pgx.Tx) error {
		for range 2 {
			var n int
			if err := tx.QueryRow(a, "select count(*) from audit_entry").Scan(&n); err != nil || n != 1 {
				t.Errorf("%d rows, %v; want 1", n, err)
			}
			record(t, a, d.App, "meanwhile")
		}
		_, err := tx.Exec(a, "insert into audit_entry (action, target) values ('x', 'y')")
		return err
	})
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "25006" {
		t.Errorf("a write in a snapshot: %v, want 25006", err)
	}
	if got := targets(t, a, d.App); len(got) != 3 {
		t.Errorf("afterwards: %q", got)
	}
	if err := d.App.SnapshotInTenant(t.Context(), anything, nil); !errors.Is(err, db.ErrNoScope) {
		t.Errorf("without a scope: %v", err)
	}
}

// A move neither waits for a snapshot nor changes what it sees.
func TestASnapshotGoesOnWhileItsTenantMoves(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	record(t, a, d.App, "before")
	scope, _ := tenancy.From(a)
	if err := d.MakeSilo(t.Context(), scope.Tenant); err != nil {
		t.Fatal(err)
	}
	err := d.App.SnapshotInTenant(a, anything, func(tx pgx.Tx) error {
		if _, err := d.ToSilo(t.Context(), scope.Tenant); err != nil {
			t.Fatal(err)
		}
		record(t, a, d.App, "after")
		if err := d.CleanPool(t.Context(), scope.Tenant); err != nil {
			t.Fatal(err)
		}
		var n int
		err := tx.QueryRow(a, "select count(*) from audit_entry").Scan(&n)
		if n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // now from the silo
		err = d.App.SnapshotInTenant(a, anything, func(tx pgx.Tx) error {
			var n int
			err := tx.QueryRow(a, "select count(*) from audit_entry").Scan(&n)
			if n != 2 {
				t.Errorf("%d rows, want 2", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
