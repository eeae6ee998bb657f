package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const anything tenancy.Permission = "anything"

func record(t *testing.T, ctx context.Context, d *db.DB, target string) {
	t.Helper()
	err := d.InTenant(ctx, anything, func(tx pgx.Tx) error { return audit.Record(ctx, tx, "tested", target, nil) })
	if err != nil {
		t.Fatal(err)
	}
}

func targets(t *testing.T, ctx context.Context, d *db.DB) []string {
	t.Helper()
	list, err := db.ReadInTenant(ctx, d, anything, "select target from audit_entry where action = @action order by id",
		pgx.NamedArgs{"action": "tested"}, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTenantsSeeTheirOwnRowsOnly(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := d.Tenant(t, "alpha", tenancy.RoleOwner), d.Tenant(t, "bravo", tenancy.RoleOwner)
	record(t, a, d.App, "of a")
	record(t, b, d.App, "of b")
	if got := targets(t, a, d.App); len(got) != 1 || got[0] != "of a" {
		t.Errorf("tenant a sees %q", got)
	}
	if got := targets(t, b, d.App); len(got) != 1 || got[0] != "of b" {
		t.Errorf("tenant b sees %q", got)
	}
}

func TestScopeEndsWithItsTransaction(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	conn, err := d.App.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Release() // there is one connection now, which every call below uses in turn
	record(t, a, d.App, "of a")
	_ = targets(t, a, d.App)
	var n int
	if err := d.App.Pool.QueryRow(t.Context(), "select count(*) from audit_entry").Scan(&n); err != nil || n != 0 {
		t.Errorf("without a scope: %d rows, %v; want none", n, err)
	}
}

func TestWithoutScopeNothingIsSeenOrWritten(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	record(t, d.Tenant(t, "alpha", tenancy.RoleOwner), d.App, "of a")
	for _, ctx := range []context.Context{t.Context(), tenancy.With(t.Context(), tenancy.Scope{User: uuid.New()})} {
		err := d.App.InTenant(ctx, anything, func(pgx.Tx) error { t.Error("fn ran without a tenant"); return nil })
		if !errors.Is(err, db.ErrNoScope) {
			t.Errorf("InTenant without a tenant: %v", err)
		}
		if _, err := db.ReadInTenant(ctx, d.App, anything, "select 1", nil, pgx.RowTo[int]); !errors.Is(err, db.ErrNoScope) {
			t.Errorf("ReadInTenant without a tenant: %v", err)
		}
	}
	_, err := d.App.Pool.Exec(t.Context(), `insert into audit_entry (action, target) values ('x', 'y')`)
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		t.Fatalf("an insert without a scope: %v, want an error of PostgreSQL", err)
	}
}

func TestNobodyWritesIntoAnotherTenant(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := d.Tenant(t, "alpha", tenancy.RoleOwner), d.Tenant(t, "bravo", tenancy.RoleOwner)
	other, _ := tenancy.From(b)
	err := d.App.InTenant(a, anything, func(tx pgx.Tx) error {
		_, err := tx.Exec(a, `insert into audit_entry (tenant_id, action, target) values ($1, 'tested', 'forged')`, other.Tenant)
		return err
	})
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "42501" {
		t.Errorf("writing another tenant's row: %v, want 42501", err)
	}
	err = d.App.InTenant(a, anything, func(tx pgx.Tx) error {
		_, err := tx.Exec(a, `delete from audit_entry`)
		return err
	})
	if !errors.As(err, &pgErr) || pgErr.Code != "42501" {
		t.Errorf("deleting audit entries: %v, want 42501", err)
	}
}

func TestPermissionIsAskedBeforeAnyQuery(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	denied := errs.Forbidden("denied", "No.")
	guarded := d.Role(func(context.Context, tenancy.Permission) error { return denied })
	ctx := d.Tenant(t, "alpha", tenancy.RoleLearner)
	if err := guarded.InTenant(ctx, anything, func(pgx.Tx) error { t.Error("fn ran"); return nil }); !errors.Is(err, denied) {
		t.Errorf("InTenant: %v", err)
	}
	if _, err := db.ReadInTenant(ctx, guarded, anything, "select 1", nil, pgx.RowTo[int]); !errors.Is(err, denied) {
		t.Errorf("ReadInTenant: %v", err)
	}
}

func TestMigratorSeesRowsOfAllTenants(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	record(t, d.Tenant(t, "alpha", tenancy.RoleOwner), d.App, "of a")
	record(t, d.Tenant(t, "bravo", tenancy.RoleOwner), d.App, "of b")
	tag, err := d.Owner.Exec(t.Context(), `update audit_entry set detail = '{"backfilled": true}' where action = 'tested'`)
	if err != nil || tag.RowsAffected() != 2 {
		t.Errorf("a backfill changed %d rows, %v; want 2", tag.RowsAffected(), err)
	}
}

func TestPreparingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	if err := d.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A read opens its scope in the statement that reads: whatever that has of parts of its own sees the tenant, and no other.
func TestAReadIsWithinItsScopeAsAWhole(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := d.Tenant(t, "reader", tenancy.RoleOwner), d.Tenant(t, "other", tenancy.RoleOwner)
	record(t, a, d.App, "own")
	record(t, b, d.App, "foreign")
	for name, query := range map[string]string{
		"plain":           `select target from audit_entry`,
		"a condition":     `select 'own' where exists (select from audit_entry where target = 'own') and not exists (select from audit_entry where target = 'foreign')`,
		"one beside rows": `select target from audit_entry where (select count(*) from audit_entry) = 1`,
		"with":            `with all_of as materialized (select target from audit_entry) select target from all_of`,
		"an aggregate":    `select string_agg(target, ',') from audit_entry`,
		"a union":         `select target from audit_entry union select target from audit_entry`,
		"limited":         `select target from audit_entry order by id limit @limit`,
		"with a comment":  `select target from audit_entry -- of the tenant`,
		"joined":          `select x.target from audit_entry x join lateral (select from audit_entry y where y.id = x.id) z on true`,
	} {
		got, err := db.ReadInTenant(a, d.App, anything, query, pgx.NamedArgs{"limit": 5}, pgx.RowTo[string])
		if err != nil || len(got) != 1 || got[0] != "own" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
