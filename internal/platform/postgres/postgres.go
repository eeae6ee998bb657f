// Package postgres runs the embedded database: real PostgreSQL programs, started and stopped by ours, that listen on a
// Unix socket in a closed directory and nowhere else.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Superuser is the name of the administrator; the program's own roles are made by package db.
const Superuser = "postgres"

// serverUID is the user that the server runs as when the program is root, which PostgreSQL refuses to be. No sandbox
// and no account of a usual system has it.
const serverUID = 70070

// Times of the server.
const (
	readyTime = 30 * time.Second // to accept connections; recovery after a crash included, doubled while it makes progress
	stopTime  = 15 * time.Second // for an orderly stop
)

// Config says where the server is and what it serves.
type Config struct {
	Binaries string       // holds bin/, lib/ and share/; "" looks in the usual places
	Data     string       // the program's data directory; the server uses what is below it
	Password string       // of the superuser
	NoSync   bool         // for tests: a crash of the machine may lose everything
	Log      *slog.Logger // the server's own messages
}

// Server is a running PostgreSQL.
type Server struct {
	cfg    Config
	dirs   dirs
	cmd    *exec.Cmd
	output *output
	done   chan struct{}
	err    error // of the server's end; read it after done
}

// Start starts the server, making its data at the first start, and returns once it accepts connections.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	d, err := prepare(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, dirs: d, output: &output{log: cfg.Log}, done: make(chan struct{})}
	if err := s.endOrphan(ctx); err != nil {
		return nil, err
	}
	if err := s.launch(); err != nil {
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// URL is the connection string of a user and a database.
func (s *Server) URL(user, password, database string) string {
	return connection(s.dirs.socket, user, password, database)
}

// URL is the connection string of the server of a data directory, whether it runs or not.
func URL(data, user, password, database string) string {
	return connection(socketDir(data), user, password, database)
}

func connection(socket, user, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Path: "/" + database, RawQuery: url.Values{"host": {socket}}.Encode()}
	return u.String()
}

// PID is the process id of the server.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Done is closed when the server has ended, by Stop or by itself; Err says why.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err is why the server ended; use it after Done.
func (s *Server) Err() error { return s.err }

// Stop ends the server: orderly, and at once if that takes too long or ctx ends.
func (s *Server) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	_ = s.cmd.Process.Signal(syscall.SIGINT) // "fast": transactions are rolled back
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
	}
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // "immediate": the next start recovers
	select {
	case <-s.done:
		return nil
	case <-time.After(stopTime):
		_ = s.cmd.Process.Kill()
		<-s.done
		return errors.New("postgres: the server had to be killed; the next start recovers")
	}
}

func (s *Server) arguments() []string {
	settings := map[string]string{
		"listen_addresses": "", "unix_socket_directories": s.dirs.socket, "unix_socket_permissions": "0700",
		"max_connections": "250", "shared_buffers": "128MB", "jit": "off", "io_method": "sync",
		"timezone": "UTC", "log_timezone": "UTC", "log_min_messages": "warning", "log_checkpoints": "off",
		// Statements may hold what must not be in a log.
		"log_min_error_statement": "panic", "log_line_prefix": "",
	}
	if s.cfg.NoSync {
		settings["fsync"], settings["full_page_writes"], settings["synchronous_commit"] = "off", "off", "off"
	}
	args := []string{"-D", s.dirs.data}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	return args
}

// launch starts the process. The death signal follows the thread that started it, so one goroutine keeps its thread
// until the server has ended; when the program is killed, the server goes with it and the next start recovers.
func (s *Server) launch() error {
	s.cmd = exec.Command(filepath.Join(s.dirs.binaries, "bin", "postgres"), s.arguments()...) //nolint:gosec,noctx // our own program; Stop ends it
	s.cmd.Dir, s.cmd.Env = s.dirs.data, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	s.cmd.SysProcAttr = s.dirs.attributes()
	s.cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT
	s.cmd.SysProcAttr.Setpgid = true // Ctrl-C in a terminal is ours to handle, not the server's
	s.cmd.WaitDelay = time.Second
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := s.cmd.Start(); err != nil {
			started <- err
			close(s.done)
			return
		}
		started <- nil
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("postgres: start %s: %w", s.cmd.Path, err)
	}
	return nil
}

// await returns once the server accepts connections. Recovery can take long: it says so every few seconds.
func (s *Server) await(ctx context.Context) error {
	deadline := time.Now().Add(readyTime)
	say := time.Now().Add(2 * time.Second)
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("postgres: the server ended at its start: %s", s.output.last())
		case <-ctx.Done():
			return fmt.Errorf("postgres: waiting for the server: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
		now := time.Now()
		if starting(err) && now.After(say) {
			s.cfg.Log.InfoContext(ctx, "the database is recovering from a crash")
			say, deadline = now.Add(2*time.Second), now.Add(readyTime)
		}
		if now.After(deadline) {
			return fmt.Errorf("postgres: not ready after %v: %w (%s)", readyTime, err, s.output.last())
		}
	}
}

func (s *Server) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(Superuser, s.cfg.Password, "postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// starting tells whether the server answered that it is not ready yet.
func starting(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "57P03"
}

// endOrphan ends a server that a killed program left behind a moment ago, before a new one takes its data.
func (s *Server) endOrphan(ctx context.Context) error {
	pid := s.dirs.orphan()
	if pid == 0 {
		return nil
	}
	s.cfg.Log.WarnContext(ctx, "ending a database server that an earlier process left", "pid", pid)
	_ = syscall.Kill(pid, syscall.SIGQUIT)
	deadline := time.Now().Add(stopTime)
	for s.dirs.orphan() != 0 {
		if time.Now().After(deadline) {
			return fmt.Errorf("postgres: process %d still uses %s: stop it, then start again", pid, s.dirs.data)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// major is the first number of a version: "18.4" and "postgres (PostgreSQL) 18.4" are 18.
func major(version string) string {
	fields := strings.Fields(version)
	if len(fields) == 0 {
		return ""
	}
	for _, f := range fields {
		if f[0] >= '0' && f[0] <= '9' {
			m, _, _ := strings.Cut(f, ".")
			return m
		}
	}
	return ""
}

func readTrimmed(name string) string {
	text, err := os.ReadFile(name) //nolint:gosec // a file of our own data directory
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
