package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func tenantOf(ctx context.Context) uuid.UUID {
	s, _ := tenancy.From(ctx)
	return s.Tenant
}

func mustMake(t *testing.T, d *dbtest.Database, tenant uuid.UUID) {
	t.Helper()
	if err := d.MakeSilo(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
}

// schemaRows counts the rows of a tenant's audit log in a schema.
func schemaRows(t *testing.T, d *dbtest.Database, schema string, tenant uuid.UUID) (n int) {
	t.Helper()
	err := d.Owner.QueryRow(t.Context(), "select count(*) from "+schema+".audit_entry where tenant_id = $1", tenant).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMovesToASiloAndBackLoseNothingWhileWritesGoOn(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := d.Tenant(t, "alpha", tenancy.RoleOwner), d.Tenant(t, "bravo", tenancy.RoleOwner)
	record(t, b, d.App, "of b")
	tenant := tenantOf(a)
	mustMake(t, d, tenant)
	var written atomic.Int64
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				err := d.App.InTenant(a, anything, func(tx pgx.Tx) error { return audit.Record(a, tx, "tested", fmt.Sprint(w, n), nil) })
				if err != nil {
					t.Errorf("a write during moves: %v", err)
					return
				}
				written.Add(1)
				if got := targets(t, b, d.App); len(got) != 1 {
					t.Errorf("another tenant sees %q", got)
				}
			}
		})
	}
	for range 3 {
		if _, err := d.ToSilo(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		if err := d.CleanPool(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ToPool(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	moved, err := d.ToSilo(t.Context(), tenant)
	if err != nil || moved.Rows == 0 {
		t.Fatalf("moved %+v, %v", moved, err)
	}
	close(stop)
	writers.Wait()
	if err := d.CleanPool(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	if got, want := int64(len(targets(t, a, d.App))), written.Load(); got != want || want == 0 {
		t.Errorf("%d rows after the moves, %d were written", got, want)
	}
	if n := schemaRows(t, d, "pool", tenant); n != 0 {
		t.Errorf("%d rows were left in the pool", n)
	}
	if again, err := d.ToSilo(t.Context(), tenant); err != nil || again.Rows != 0 {
		t.Errorf("moving again: %+v, %v", again, err)
	}
}

func TestAMoveLetsOneTenantWaitAlone(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := d.Tenant(t, "alpha", tenancy.RoleOwner), d.Tenant(t, "bravo", tenancy.RoleOwner)
	tenant := tenantOf(a)
	mustMake(t, d, tenant)
	inside, finish, moved, late := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	first, asks := make(chan error, 1), make(chan error, 1)
	go func() {
		first <- d.App.InTenant(a, anything, func(tx pgx.Tx) error {
			_, err := tx.Exec(a, "select") // a transaction begins with its first statement
			close(inside)
			<-finish
			return errors.Join(err, audit.Record(a, tx, "tested", "under way", nil))
		})
	}()
	<-inside
	go func() { _, err := d.ToSilo(context.WithoutCancel(a), tenant); moved <- err }()
	waitFor(t, d, `select exists (select from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and not granted)`)
	go func() {
		late <- d.App.InTenant(a, anything, func(tx pgx.Tx) error { return audit.Record(a, tx, "tested", "late", nil) })
	}()
	go func() {
		asks <- d.App.InTenant(a, anything, func(tx pgx.Tx) error { // by a query, which opens the scope itself
			var n int
			err := tx.QueryRow(a, `select count(*) from audit_entry where target = $1`, "under way").Scan(&n)
			if err == nil && n != 1 {
				err = fmt.Errorf("%d of the write under way are there", n)
			}
			return errors.Join(err, audit.Record(a, tx, "tested", "late, after a query", nil))
		})
	}()
	for n := range 20 { // more than there are connections: nobody holds one while waiting
		record(t, b, d.App, fmt.Sprint("of b ", n))
	}
	if got := targets(t, a, d.App); len(got) != 0 {
		t.Errorf("before the move is over: %q", got)
	}
	close(finish)
	for name, c := range map[string]chan error{"the write under way": first, "the move": moved, "the late write": late, "the late write after a query": asks} {
		if err := <-c; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := schemaRows(t, d, db.SiloSchema(tenant), tenant); n != 3 {
		t.Errorf("%d rows in the silo, want all three writes", n)
	}
}

// waitFor waits until a query gives true.
func waitFor(t *testing.T, d *dbtest.Database, query string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		var yes bool
		if err := d.Owner.QueryRow(t.Context(), query).Scan(&yes); err != nil {
			t.Fatal(err)
		}
		if yes {
			return
		}
	}
	t.Fatalf("in vain: %s", query)
}

func TestAMoveThatIsCutChangesNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	tenant := tenantOf(a)
	mustMake(t, d, tenant)
	record(t, a, d.App, "one")
	inside, finish, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- d.App.InTenant(a, anything, func(tx pgx.Tx) error {
			_, err := tx.Exec(a, "select")
			close(inside)
			<-finish
			return err
		})
	}()
	<-inside
	moved := make(chan error, 1)
	go func() { _, err := d.ToSilo(context.WithoutCancel(a), tenant); moved <- err }()
	waitFor(t, d, `select exists (select from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and not granted)`)
	admin, err := pgx.Connect(t.Context(), d.Admin)
	if err != nil {
		t.Fatal(err)
	}
	_, err = admin.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted`)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-moved; err == nil {
		t.Error("a move without its connection succeeded")
	}
	close(finish)
	if err := <-done; err != nil {
		t.Error(err)
	}
	record(t, a, d.App, "two")
	if n := schemaRows(t, d, "pool", tenant); n != 2 {
		t.Errorf("%d rows in the pool", n)
	}
	if _, err := d.ToSilo(t.Context(), tenant); err != nil {
		t.Errorf("once more: %v", err)
	}
	if got := targets(t, a, d.App); len(got) != 2 {
		t.Errorf("in the silo: %q", got)
	}
}

func TestClosedTenantsServeTheProgramAlone(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	record(t, a, d.App, "one")
	if _, err := d.Control.Exec(t.Context(), `update control.tenant set status = 'suspended' where id = $1`, tenantOf(a)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first finds the old key in memory
		_, err := db.ReadInTenant(a, d.App, anything, "select target from audit_entry", nil, pgx.RowTo[string])
		if !errors.Is(err, db.ErrClosed) {
			t.Errorf("a person of a suspended tenant reads: %v", err)
		}
	}
	system := tenancy.System(t.Context(), tenantOf(a))
	if got := targets(t, system, d.App); len(got) != 1 {
		t.Errorf("the program itself reads %q", got)
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	record(t, a, d.App, "one")
	n, err := d.App.Places.RotateKeys(t.Context(), 0, 100)
	if err != nil || n < 2 {
		t.Fatalf("rotated %d, %v", n, err)
	}
	record(t, a, d.App, "two")
	if got := targets(t, a, d.App); len(got) != 2 {
		t.Errorf("after the rotation: %q", got)
	}
}

func TestSilosAreMadeOnceAndDroppedWhole(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	tenant := tenantOf(a)
	record(t, a, d.App, "one")
	for range 2 {
		mustMake(t, d, tenant)
	}
	if _, err := d.ToSilo(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	record(t, a, d.App, "two")
	if err := d.DropSilo(t.Context(), tenant); err == nil {
		t.Fatal("a silo with a living tenant's data was dropped")
	}
	if _, err := d.ToPool(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	d.App.Silos.Drop(db.SiloRole(tenant))
	for range 2 {
		if err := d.DropSilo(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	if got := targets(t, a, d.App); len(got) != 2 {
		t.Errorf("back in the pool: %q", got)
	}
}

func TestPurgeDeletesOneTenant(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a, b := d.Tenant(t, "alpha", tenancy.RoleOwner), d.Tenant(t, "bravo", tenancy.RoleOwner)
	record(t, a, d.App, "of a")
	record(t, b, d.App, "of b")
	if _, err := d.PurgeTenant(t.Context(), tenantOf(a)); err == nil {
		t.Fatal("an open tenant was purged")
	}
	if _, err := d.Control.Exec(t.Context(), `update control.tenant set status = 'offboarding' where id = $1`, tenantOf(a)); err != nil {
		t.Fatal(err)
	}
	counts, err := d.PurgeTenant(t.Context(), tenantOf(a))
	if err != nil || counts["pool.audit_entry"] != 1 {
		t.Errorf("purged %v, %v", counts, err)
	}
	left, err := d.CountTenant(t.Context(), tenantOf(a))
	if err != nil || left["pool.audit_entry"] != 0 || len(left) < 5 {
		t.Errorf("left %v, %v", left, err)
	}
	if got := targets(t, b, d.App); len(got) != 1 {
		t.Errorf("the other tenant has %q", got)
	}
}

func TestAMoveCopiesRowsThatChangedSinceTheLast(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	tenant := tenantOf(a)
	mustMake(t, d, tenant)
	run := func(statements ...string) {
		t.Helper()
		err := d.App.InTenant(a, anything, func(tx pgx.Tx) error {
			for _, s := range statements {
				if _, err := tx.Exec(a, s); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	run(`insert into lab (slug, title, version) values ('one', 'first', 1), ('two', 'second', 1), ('three', 'third', 1)`)
	if _, err := d.ToSilo(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	// The pool keeps what it had: one row goes, one comes, and two exchange their unique names.
	if _, err := d.Owner.Exec(t.Context(), `delete from `+db.SiloSchema(tenant)+`.lab where slug = 'three'`); err != nil {
		t.Fatal(err)
	}
	run(`insert into lab (slug, title, version) values ('four', 'fourth', 1)`,
		`update lab set slug = 'other' where slug = 'one'`, `update lab set slug = 'one' where slug = 'two'`, `update lab set slug = 'two' where slug = 'other'`)
	if moved, err := d.ToPool(t.Context(), tenant); err != nil || moved.Rows != 3 {
		t.Fatalf("back to the pool: %+v, %v", moved, err)
	}
	got, err := db.ReadInTenant(a, d.App, anything, `select slug || ' ' || title from lab order by title`, nil, pgx.RowTo[string])
	if want := "[two first four fourth one second]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
}
