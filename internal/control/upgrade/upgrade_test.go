package upgrade_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/upgrade"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/migrations"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type fixture struct {
	*dbtest.Database
	*upgrade.Service
	tenants []context.Context // in the order of their turns
}

// newFixture has three silos that are one version behind.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	d := dbtest.New(t)
	want, err := db.TenantVersion()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Database: d, Service: &upgrade.Service{Pool: d.Control, Migrator: d.Installation, Want: want, Log: slog.New(slog.DiscardHandler)}}
	for _, name := range []string{"alpha", "bravo", "charlie"} {
		ctx := d.Tenant(t, name, tenancy.RoleOwner)
		f.tenants = append(f.tenants, ctx)
		if err := d.MakeSilo(ctx, tenant(ctx)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ToSilo(ctx, tenant(ctx)); err != nil {
			t.Fatal(err)
		}
		schema := db.SiloSchema(tenant(ctx)) // as it was before there were groups
		f.exec(t, "drop schema "+schema+" cascade")
		f.exec(t, "create schema "+schema)
		if err := db.MigrateSchema(ctx, d.Owner, schema, before(t, "tenant/0050"), "tenant", db.SiloRole(tenant(ctx))); err != nil {
			t.Fatal(err)
		}
		f.exec(t, `update app.tenant_scope set version = 40 where tenant_id = '`+tenant(ctx).String()+`'`)
	}
	return f
}

// before are the migrations of tenant data that an older program had.
func before(t *testing.T, first string) fs.FS {
	t.Helper()
	names, err := fs.Glob(migrations.Tenant, "tenant/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	older := fstest.MapFS{}
	for _, name := range names {
		text, err := migrations.Tenant.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name < first {
			older[name] = &fstest.MapFile{Data: text}
		}
	}
	return older
}

func tenant(ctx context.Context) uuid.UUID {
	s, _ := tenancy.From(ctx)
	return s.Tenant
}

func (f *fixture) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := f.Owner.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// breakSilo makes the last migration fail in the silo of the n-th tenant.
func (f *fixture) breakSilo(t *testing.T, n int) {
	t.Helper()
	schema := db.SiloSchema(tenant(f.tenants[n]))
	f.exec(t, "create table "+schema+".group_lab (x int)")
}

func (f *fixture) mend(t *testing.T, n int) {
	t.Helper()
	f.exec(t, "drop table "+db.SiloSchema(tenant(f.tenants[n]))+".group_lab")
}

func (f *fixture) states(t *testing.T) (states []upgrade.State) {
	t.Helper()
	found, err := f.List(t.Context(), list.Position{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found {
		if (s.State == upgrade.Failed) != (s.Problem != "") {
			t.Errorf("state %s with problem %q", s.State, s.Problem)
		}
		states = append(states, s.State)
	}
	return states
}

func (f *fixture) serves(ctx context.Context) error {
	_, err := db.ReadInTenant(ctx, f.App, "any", "select 1", nil, pgx.RowTo[int])
	return err
}

func (f *fixture) want(t *testing.T, states ...upgrade.State) {
	t.Helper()
	if got := f.states(t); !slices.Equal(got, states) {
		t.Errorf("states %v, want %v", got, states)
	}
	for n, state := range states {
		err := f.serves(f.tenants[n])
		if state == upgrade.Current && err != nil || state != upgrade.Current && !errors.Is(err, db.ErrUpgrading) {
			t.Errorf("silo %d is %s and serves with %v", n, state, err)
		}
	}
}

func TestAWaveBringsAllUpToDate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.want(t, upgrade.Waiting, upgrade.Waiting, upgrade.Waiting)
	for range 2 {
		if err := f.Wave(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.want(t, upgrade.Current, upgrade.Current, upgrade.Current)
	}
}

func TestOneSiloThatFailsStopsAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.breakSilo(t, 1)
	if err := f.Wave(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.want(t, upgrade.Current, upgrade.Failed, upgrade.Current)
	f.mend(t, 1)
	if err := f.Wave(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.want(t, upgrade.Current, upgrade.Failed, upgrade.Current) // not before somebody asks
	if err := f.Retry(t.Context(), tenant(f.tenants[1])); err != nil {
		t.Fatal(err)
	}
	if err := f.Wave(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.want(t, upgrade.Current, upgrade.Current, upgrade.Current)
}

func TestACanaryThatFailsKeepsTheRest(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(t, `update control.tenant set canary = true where name = 'charlie'`)
	f.breakSilo(t, 2)
	if err := f.Wave(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.want(t, upgrade.Waiting, upgrade.Waiting, upgrade.Failed)
	f.mend(t, 2)
	if err := f.Retry(t.Context(), tenant(f.tenants[2])); err != nil {
		t.Fatal(err)
	}
	if err := f.Wave(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.want(t, upgrade.Current, upgrade.Current, upgrade.Current)
}

func TestProblemsDoNotQuoteRows(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.breakSilo(t, 0)
	if err := f.Wave(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := f.List(t.Context(), list.Position{}, 1)
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Problem, "SQLSTATE") || strings.Contains(list[0].Problem, "DETAIL") {
		t.Errorf("problem %+v, %v", list, err)
	}
	if err := f.Retry(t.Context(), uuid.New()); !errors.Is(err, upgrade.ErrNoSilo) {
		t.Errorf("retry of an unknown tenant: %v", err)
	}
}
