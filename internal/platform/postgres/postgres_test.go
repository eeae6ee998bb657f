package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/postgres"
)

const password = "a password of the test"

// dataDir is a directory that the server's user can reach when root tests.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cloudkida-postgres-") //nolint:usetesting // a short path that every user can pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, dir string) *postgres.Server {
	t.Helper()
	s, err := postgres.Start(t.Context(), config(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func config(dir string) postgres.Config {
	return postgres.Config{Data: dir, Password: password, Log: slog.New(slog.DiscardHandler)}
}

func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var got string
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestDataOutlivesTheServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := start(t, dir)
	url := first.URL(postgres.Superuser, password, "postgres")
	query(t, url, "with c as (select 1) select set_config('x.y', 'z', false) from c")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "create table kept (v text); insert into kept values ('here')"); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := start(t, dir)
	if got := query(t, second.URL(postgres.Superuser, password, "postgres"), "select v from kept"); got != "here" {
		t.Errorf("kept %q", got)
	}
	if postgres.URL(dir, "u", "p", "d") != second.URL("u", "p", "d") {
		t.Error("the URL of a data directory is not that of its server")
	}
}

func TestItListensOnAClosedSocketOnly(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, dir)
	if got := query(t, s.URL(postgres.Superuser, password, "postgres"), "show listen_addresses"); got != "" {
		t.Errorf("listens on %q", got)
	}
	info, err := os.Stat(filepath.Join(dir, "run"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("socket directory: %v, %v; want 0700", info.Mode(), err)
	}
	if _, err := pgx.Connect(t.Context(), s.URL(postgres.Superuser, "wrong", "postgres")); err == nil {
		t.Error("a wrong password was taken")
	}
	if os.Geteuid() == 0 {
		stat, _ := info.Sys().(*syscall.Stat_t)
		if stat.Uid == 0 {
			t.Error("the server runs as root")
		}
	}
}

func TestRecoversWhenTheServerIsKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := start(t, dir)
	conn, err := pgx.Connect(t.Context(), first.URL(postgres.Superuser, password, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "create table kept (v text); insert into kept values ('committed')"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(first.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-first.Done()
	second := start(t, dir)
	if got := query(t, second.URL(postgres.Superuser, password, "postgres"), "select v from kept"); got != "committed" {
		t.Errorf("kept %q", got)
	}
}

// TestMain lets the test binary stand for a program that is killed: see TestEndsWithItsProgram.
func TestMain(m *testing.M) {
	dir := os.Getenv("POSTGRES_TEST_SERVE")
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := postgres.Start(context.Background(), config(dir))
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println(s.PID())
	<-time.After(time.Minute) // it is killed long before
}

// serveElsewhere starts a server in another process, as uid when that is not negative.
func serveElsewhere(t *testing.T, dir string, uid int) (program *exec.Cmd, said string) {
	t.Helper()
	cmd := exec.Command(testBinary(t, uid)) //nolint:gosec // this very binary
	cmd.Env = append(os.Environ(), "POSTGRES_TEST_SERVE="+dir)
	if uid >= 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}} //nolint:gosec // a small constant
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	buffer := make([]byte, 4096)
	n, err := out.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(string(buffer[:n]))
}

// testBinary is this test's program at a place that the user can reach.
func testBinary(t *testing.T, uid int) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if uid < 0 {
		return self
	}
	text, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(dataDir(t), "program")
	if err := os.WriteFile(place, text, 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return place
}

func TestEndsWithItsProgramAndStartsAgain(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	program, said := serveElsewhere(t, dir, -1)
	if err := program.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	start(t, dir)
	if pid := strings.TrimSpace(said); pid == "" {
		t.Error("the program never served")
	}
}

func TestRunsWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		start(t, dataDir(t)) // it is not root that tests
		return
	}
	dir := dataDir(t)
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if _, said := serveElsewhere(t, dir, nobody); strings.HasPrefix(said, "failed") {
		t.Error(said)
	}
}

func TestRefusesDataOfAnotherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if err := start(t, dir).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "postgres", "PG_VERSION")
	if err := os.WriteFile(name, []byte("16\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := postgres.Start(t.Context(), config(dir))
	if err == nil || !strings.Contains(err.Error(), "PostgreSQL 16") || !strings.Contains(err.Error(), "--postgres") {
		t.Errorf("%v; want an error that names both versions and the remedy", err)
	}
}

func TestSaysWhyTheDataCannotBeUsed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(dataDir(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"below a file": filepath.Join(file, "data"), "read-only": "/proc/cloudkida"} {
		if _, err := postgres.LockData(dir); err == nil || !strings.Contains(err.Error(), "--data") {
			t.Errorf("%s: %v; want the remedy", name, err)
		}
	}
	if os.Geteuid() == 0 {
		closed := t.TempDir() // below /tmp, but closed to others
		if err := os.Chmod(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := postgres.Start(t.Context(), config(closed)); err == nil || !strings.Contains(err.Error(), "--data") {
			t.Errorf("a closed directory: %v; want the remedy", err)
		}
	}
}

func TestOneProcessAtATimeUsesTheData(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first, err := postgres.LockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = postgres.LockData(dir)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("%v; want the process that has it", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := postgres.LockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

func TestLongDataDirectoriesHaveAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("long/", 20)+"end")
	s := start(t, dir)
	query(t, s.URL(postgres.Superuser, password, "postgres"), "select 'ok'")
	var d net.Dialer
	if _, err := d.DialContext(t.Context(), "unix", filepath.Join(dir, "run", ".s.PGSQL.5432")); err == nil {
		t.Error("a path that long cannot be a socket's")
	}
}
