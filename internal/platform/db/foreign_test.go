package db_test

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/postgres"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// A PostgreSQL that somebody else runs gives us a role with CREATEROLE that owns one database, and no more.
func TestAForeignDatabaseNeedsNoSuperuser(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "cloudkida-foreign-") //nolint:usetesting // a short path that every user can pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Start(t.Context(), postgres.Config{Data: dir, Password: "super", NoSync: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	conn, err := pgx.Connect(t.Context(), s.URL(postgres.Superuser, "super", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"create role provider login createrole password 'theirs'", "create database labs owner provider"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	in := db.Installation{Admin: s.URL("provider", "theirs", "labs"), Password: func(r db.Role) string { return url.QueryEscape(string(r)) + "/+?" }}
	for range 2 { // the second start finds everything there
		if err := in.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	pool, err := in.Open(t.Context(), db.App, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	control, err := in.Open(t.Context(), db.Control, 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(control.Close)
	places, err := db.NewPlaces(control)
	if err != nil {
		t.Fatal(err)
	}
	silos := db.NewSilos(in, 2)
	t.Cleanup(silos.Close)
	d := &db.DB{Pool: pool, Places: places, Silos: silos, Authorize: func(context.Context, tenancy.Permission) error { return nil }}
	ctx := tenancy.System(t.Context(), tenancy.DefaultTenant())
	record(t, ctx, d, "foreign")
	if got := targets(t, ctx, d); len(got) != 1 {
		t.Errorf("targets %q", got)
	}
}
