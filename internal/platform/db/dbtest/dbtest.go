// Package dbtest gives each test a migrated database of its own on a real PostgreSQL.
package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/postgres"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const (
	superuser = "postgres"
	template  = "cloudkida_template"
	password  = "dbtest"
	maxSilos  = 4
)

// server is the PostgreSQL of this test binary; Main starts it before any test and stops it after the last.
var server *postgres.Server //nolint:gochecknoglobals // testing.M has no way to pass values to tests

// Database is a fresh, migrated database.
type Database struct {
	App      *db.DB
	Control  *pgxpool.Pool
	Worker   *pgxpool.Pool
	Identity *pgxpool.Pool
	Owner    *pgxpool.Pool
	Admin    string // the administrator's connection string
	db.Installation
}

// Main starts PostgreSQL, runs the tests and exits. Call it from TestMain.
func Main(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "cloudkida-dbtest-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)                      //nolint:errcheck // a temporary directory
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the server runs as another user when root tests
		return fail(err)
	}
	server, err = postgres.Start(ctx, postgres.Config{
		Data: dir, Password: password, NoSync: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return fail(err)
	}
	defer server.Stop(context.Background()) //nolint:errcheck // its directory is removed next
	if err := makeTemplate(ctx); err != nil {
		return fail(err)
	}
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "dbtest:", err)
	return 1
}

func makeTemplate(ctx context.Context) error {
	if err := admin(ctx, "create database "+template); err != nil {
		return err
	}
	return installation(template).Prepare(ctx)
}

func installation(database string) db.Installation {
	return Reopen(server.URL(superuser, password, database))
}

// Reopen is the installation of a test database whose administrator's connection string another process passed on.
func Reopen(adminURL string) db.Installation {
	return db.Installation{Admin: adminURL, Password: func(r db.Role) string { return "test-" + string(r) }}
}

func admin(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, server.URL(superuser, password, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost with it
	_, err = conn.Exec(ctx, statement)
	return err
}

// New clones the migrated template; the copy is dropped when the test ends.
func New(t testing.TB) *Database {
	t.Helper()
	ctx := t.Context()
	if server == nil {
		t.Fatal("dbtest: call dbtest.Main from TestMain")
	}
	name := "t" + strings.ToLower(rand.Text())
	if err := admin(ctx, "create database "+name+" template "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := admin(ctx, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	inst := installation(name)
	// The copy has the template's rows but not its grants on the database itself.
	if err := admin(ctx, "grant connect, create on database "+name+" to cloudkida_owner"); err != nil {
		t.Fatal(err)
	}
	if err := admin(ctx, "revoke temp on database "+name+" from public"); err != nil {
		t.Fatal(err)
	}
	open := func(r db.Role) *pgxpool.Pool {
		pool, err := inst.Open(ctx, r, 8)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	control := open(db.Control)
	places, err := db.NewPlaces(control)
	if err != nil {
		t.Fatal(err)
	}
	silos := db.NewSilos(inst, maxSilos)
	t.Cleanup(silos.Close)
	return &Database{
		App: &db.DB{
			Pool: open(db.App), Places: places, Silos: silos,
			Authorize: func(context.Context, tenancy.Permission) error { return nil },
		},
		Control: control, Worker: open(db.Worker), Identity: open(db.Identity), Owner: open(db.Owner),
		Admin: inst.Admin, Installation: inst,
	}
}

// Role gives the application's role an authorizer, for tests of permissions.
func (d *Database) Role(authorize func(context.Context, tenancy.Permission) error) *db.DB {
	return &db.DB{Pool: d.App.Pool, Places: d.App.Places, Silos: d.App.Silos, Authorize: authorize}
}

// Tenant makes one more pooled tenant and returns a context whose scope is a member of it.
func (d *Database) Tenant(t testing.TB, name string, role tenancy.Role) context.Context {
	t.Helper()
	var s tenancy.Scope
	err := d.Control.QueryRow(t.Context(), `insert into control.tenant (name, title) values ($1, $1) returning id, uuidv7()`, name).Scan(&s.Tenant, &s.User)
	if err != nil {
		t.Fatal(err)
	}
	s.Role = role
	return tenancy.With(t.Context(), s)
}

// Default returns a context whose scope is a new member of the default tenant.
func (d *Database) Default(t testing.TB, role tenancy.Role) context.Context {
	t.Helper()
	s := tenancy.Scope{Tenant: tenancy.DefaultTenant(), Role: role}
	if err := d.Control.QueryRow(t.Context(), `select uuidv7()`).Scan(&s.User); err != nil {
		t.Fatal(err)
	}
	return tenancy.With(t.Context(), s)
}
