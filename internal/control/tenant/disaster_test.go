package tenant_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/postgres"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// cluster is a PostgreSQL of a test's own, which it may restart or starve.
type cluster struct {
	t      *testing.T
	dir    string
	server *postgres.Server
	in     db.Installation
}

func newCluster(t *testing.T, dir string) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: dir}
	c.start()
	t.Cleanup(func() { _ = c.server.Stop(context.Background()) })
	c.in = db.Installation{Admin: c.server.URL(postgres.Superuser, "super", "labs"), Password: func(r db.Role) string { return "test-" + string(r) }}
	if err := errors.Join(c.in.CreateDatabase(t.Context()), c.in.Prepare(t.Context())); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cluster) start() {
	c.t.Helper()
	var err error
	c.server, err = postgres.Start(c.t.Context(), postgres.Config{Data: c.dir, Password: "super", NoSync: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) restart() {
	if err := c.server.Stop(context.WithoutCancel(c.t.Context())); err != nil {
		c.t.Error(err)
	}
	c.start()
}

// service makes a tenant with so many audit entries, and what changes it.
func (c *cluster) service(rows int) (*tenant.Service, uuid.UUID) {
	c.t.Helper()
	s, err := build(c.t.Context(), c.in)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(s.Pool.Close)
	var id uuid.UUID
	if err := s.Pool.QueryRow(c.t.Context(), `insert into control.tenant (name, title) values ('acme', 'Acme') returning id`).Scan(&id); err != nil {
		c.t.Fatal(err)
	}
	owner, err := c.in.Open(c.t.Context(), db.Owner, 1)
	if err != nil {
		c.t.Fatal(err)
	}
	defer owner.Close()
	_, err = owner.Exec(c.t.Context(), `insert into audit_entry (tenant_id, action, target) select $1, 'tested', repeat('x', 500) from generate_series(1, $2::int)`, id, rows)
	if err != nil {
		c.t.Fatal(err)
	}
	return s, id
}

func (c *cluster) entries(s *tenant.Service, id uuid.UUID) int {
	c.t.Helper()
	p, ok := s.Application.(plane)
	if !ok {
		c.t.Fatal("another application")
	}
	return connected(c.t, func() (int, error) {
		n, err := db.ReadInTenant(tenancy.System(c.t.Context(), id), p.data, "any", `select count(*) from audit_entry where action = 'tested'`, nil, pgx.RowTo[int])
		return append(n, 0)[0], err
	})
}

func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cloudkida-tenant-") //nolint:usetesting // a short path that every user can pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// PostgreSQL is restarted in the middle of every step of every change of an organisation, from its suspension to its purge.
func TestEveryChangeSurvivesRestartsOfPostgreSQL(t *testing.T) {
	t.Parallel()
	c := newCluster(t, tempDir(t))
	s, id := c.service(1000)
	ctx := tenancy.System(t.Context(), tenancy.DefaultTenant())
	for _, change := range []struct {
		name  string
		begin func() (workflow.Workflow, error)
	}{
		{"suspend", func() (workflow.Workflow, error) { return s.Suspend(ctx, id, "reason") }},
		{"resume", func() (workflow.Workflow, error) { return s.Resume(ctx, id) }},
		{"to a silo", func() (workflow.Workflow, error) { return s.Move(ctx, id, tenant.Silo) }},
		{"to the pool", func() (workflow.Workflow, error) { return s.Move(ctx, id, tenant.Pool) }},
		{"to platinum", func() (workflow.Workflow, error) { return s.ChangeTier(ctx, id, "platinum") }},
		{"off-board", func() (workflow.Workflow, error) { return s.Offboard(ctx, id, "acme", "reason", 0) }},
	} {
		restarted := map[string]bool{}
		s.Workflows.At = func(step, moment string) {
			if moment == workflow.AfterEffect && !restarted[step] {
				restarted[step] = true
				c.restart()
			}
		}
		w := connected(t, change.begin)
		for end := time.Now().Add(time.Minute); !w.Over(); {
			_ = s.Workflows.Run(t.Context(), w.ID) // fails with each restart
			w = connected(t, func() (workflow.Workflow, error) { return s.Workflows.Get(t.Context(), w.ID) })
			if time.Now().After(end) {
				t.Fatalf("%s: %s after %v", change.name, w.State, restarted)
			}
		}
		if w.State != workflow.Succeeded || len(restarted) < 2 {
			t.Fatalf("%s: %s after restarts in %v: %s", change.name, w.State, restarted, w.Error)
		}
		if change.name == "off-board" {
			break
		}
		if got := c.entries(s, id); got != 1000 {
			t.Fatalf("%s: %d entries are left", change.name, got)
		}
	}
	p := connected(t, func() (tenant.Proof, error) { return s.Proof(t.Context(), id) })
	var said struct{ Before, Deleted, After map[string]int64 }
	if err := json.Unmarshal([]byte(p.Document), &said); err != nil {
		t.Fatal(err)
	}
	if n := said.Before["silo.audit_entry"]; n < 1000 || said.Deleted["silo.audit_entry"] != n || said.After["pool.audit_entry"] != 0 {
		t.Errorf("the proof says %s", p.Document)
	}
}

// connected asks until PostgreSQL is there again: the pool finds its connections dead one after another.
func connected[T any](t *testing.T, ask func() (T, error)) T {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		got, err := ask()
		if err == nil {
			return got
		}
		var pg *pgconn.PgError
		if errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "57P") || time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestAMoveOntoAFullDiskIsTakenBack(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root can mount a small disk")
	}
	dir := tempDir(t)
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=260m,mode=755", "cloudkida-test", dir).CombinedOutput(); err != nil { //nolint:gosec // a directory of this test
		t.Skipf("NOT TESTED: a small disk cannot be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "umount", "-l", dir).Run() }) //nolint:gosec // a directory of this test
	c := newCluster(t, dir)
	c.moveLog()
	s, id := c.service(90_000) // about 60 MB with its index
	w, err := s.Move(tenancy.System(t.Context(), tenancy.DefaultTenant()), id, tenant.Silo)
	if err != nil {
		t.Fatal(err)
	}
	filler, err := os.Create(dir + "/filler")
	if err != nil {
		t.Fatal(err)
	}
	fill(t, filler)
	run := s.Workflows.Run(t.Context(), w.ID)
	if err := os.Remove(filler.Name()); err != nil { // room again, as an operator makes
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; {
		_ = s.Workflows.Run(t.Context(), w.ID)
		if w, err = s.Workflows.Get(t.Context(), w.ID); err == nil && (w.Over() || w.State == workflow.Stuck) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s, %v, %v", w.State, run, err)
		}
	}
	if got := c.entries(s, id); got != 90_000 {
		t.Errorf("%s: %d entries are left", w.State, got)
	}
	if w.State != workflow.Undone || !strings.Contains(w.Error, "disk is full") {
		t.Errorf("%s because: %s", w.State, w.Error)
	}
}

// moveLog puts the write-ahead log on another disk: without room for it, PostgreSQL ends, which is another disaster.
func (c *cluster) moveLog() {
	c.t.Helper()
	if err := c.server.Stop(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	logs, err := filepath.Glob(c.dir + "/*/pg_wal")
	if err != nil || len(logs) != 1 {
		c.t.Fatalf("logs %q, %v", logs, err)
	}
	elsewhere := tempDir(c.t)
	if out, err := exec.CommandContext(c.t.Context(), "cp", "-a", logs[0], elsewhere+"/pg_wal").CombinedOutput(); err != nil { //nolint:gosec // paths of this test
		c.t.Fatalf("%v: %s", err, out)
	}
	if err := errors.Join(os.RemoveAll(logs[0]), os.Symlink(elsewhere+"/pg_wal", logs[0])); err != nil {
		c.t.Fatal(err)
	}
	c.start()
}

// fill leaves a little room on the disk of f: enough for PostgreSQL to live, too little for a copy.
func fill(t *testing.T, f *os.File) {
	t.Helper()
	block := make([]byte, 1<<20)
	for {
		if _, err := f.Write(block); err != nil {
			break
		}
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(info.Size()-24<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
}
