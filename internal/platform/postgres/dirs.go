package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// dirs are the directories of one server.
type dirs struct {
	binaries string
	data     string
	socket   string
	uid      int // that the server runs as; -1 for our own
}

// maxSocketPath is what sockaddr_un holds, with room for the socket's own name.
const maxSocketPath = 108 - len("/.s.PGSQL.5432.lock") - 1

func socketDir(data string) string {
	dir := filepath.Join(data, "run")
	if len(dir) <= maxSocketPath {
		return dir
	}
	sum := sha256.Sum256([]byte(data))
	return filepath.Join("/tmp", "cloudkida-"+hex.EncodeToString(sum[:8]))
}

func prepare(ctx context.Context, cfg Config) (dirs, error) {
	d := dirs{data: filepath.Join(cfg.Data, "postgres"), socket: socketDir(cfg.Data), uid: -1}
	if os.Geteuid() == 0 {
		d.uid = serverUID
	}
	if err := os.MkdirAll(cfg.Data, 0o711); err != nil { //nolint:gosec // the server's user passes through it
		return dirs{}, fmt.Errorf("the data directory %s cannot be made: %w (choose another with --data)", cfg.Data, err)
	}
	if d.uid >= 0 {
		if closed := closedParent(cfg.Data); closed != "" {
			return dirs{}, fmt.Errorf("the embedded database runs as user %d, which cannot pass %s: use --data /var/lib/cloudkida or another directory whose parents are open to all (chmod o+x)", d.uid, closed)
		}
	}
	var err error
	if d.binaries, err = d.findBinaries(cfg); err != nil {
		return dirs{}, err
	}
	if err := d.own(d.socket); err != nil {
		return dirs{}, err
	}
	return d, d.initialise(ctx, cfg)
}

// own makes a directory that only the server's user, and root, can enter.
func (d dirs) own(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the data directory cannot be written: %w (choose another with --data)", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || (int(stat.Uid) != os.Geteuid() && int(stat.Uid) != d.uid) {
		return fmt.Errorf("postgres: %s belongs to somebody else: remove it, then start again", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory
		return fmt.Errorf("postgres: %w", err)
	}
	if d.uid >= 0 {
		if err := os.Lchown(dir, d.uid, d.uid); err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
	}
	return nil
}

// attributes runs a program as the server's user.
func (d dirs) attributes() *syscall.SysProcAttr {
	if d.uid < 0 {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(d.uid), Gid: uint32(d.uid), Groups: []uint32{}}} //nolint:gosec // a constant of ours
}

// initialise makes the data at the first start, beside its place and then moved there, so that a crash leaves no half.
func (d dirs) initialise(ctx context.Context, cfg Config) error {
	theirs, err := d.version(ctx)
	if err != nil {
		return err
	}
	if ours := readTrimmed(filepath.Join(d.data, "PG_VERSION")); ours != "" {
		if ours != theirs {
			return fmt.Errorf("%s holds data of PostgreSQL %s, but these programs are PostgreSQL %s: point --postgres at PostgreSQL %s, or dump there and restore into a new data directory", d.data, ours, theirs, ours)
		}
		return nil
	}
	if _, err := os.Lstat(d.data); err == nil {
		return fmt.Errorf("%s exists but holds no database: move it away, then start again", d.data)
	}
	fresh := d.data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if err := d.initdb(ctx, fresh, cfg); err != nil {
		return err
	}
	if err := os.Rename(fresh, d.data); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	return nil
}

// nobodyUID runs initdb when the program is root: initdb wants a user that has a name, which the server's has not. What
// it made is given to the server's user before anything listens.
const nobodyUID = 65534

func (d dirs) initdb(ctx context.Context, dir string, cfg Config) error {
	maker := d
	if d.uid >= 0 {
		maker.uid = nobodyUID
	}
	if err := maker.own(dir); err != nil {
		return err
	}
	args := []string{
		"--pgdata=" + dir, "--username=" + Superuser, "--pwfile=/dev/stdin", "--auth=scram-sha-256", "--encoding=UTF8",
		"--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions",
	}
	if cfg.NoSync {
		args = append(args, "--no-sync")
	}
	password, err := maker.stdin(cfg.Password + "\n")
	if err != nil {
		return err
	}
	defer password.Close()                                                               //nolint:errcheck // nothing is written to it
	cmd := exec.CommandContext(ctx, filepath.Join(d.binaries, "bin", "initdb"), args...) //nolint:gosec // our own program
	cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}, maker.attributes()
	cmd.Stdin = password
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("postgres: initdb: %w: %s", err, lastLines(string(text)))
	}
	return d.take(dir)
}

// stdin is a file in memory that the maker's user may open: a path such as /dev/stdin opens it anew.
func (d dirs) stdin(text string) (*os.File, error) {
	fd, err := unix.MemfdCreate("password", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	f := os.NewFile(uintptr(fd), "password")
	if d.uid >= 0 {
		err = f.Chown(d.uid, d.uid)
	}
	if err == nil {
		_, err = f.WriteAt([]byte(text), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("postgres: %w", err), f.Close())
	}
	return f, nil
}

// take gives a tree to the server's user.
func (d dirs) take(dir string) error {
	if d.uid < 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, d.uid, d.uid) //nolint:gosec // a tree that we have just made and nobody else can write
	})
}

func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-keptLines):], "; ")
}

func (d dirs) version(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.binaries, "bin", "postgres"), "--version") //nolint:gosec // our own program
	cmd.SysProcAttr, cmd.Dir = d.attributes(), "/"
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("postgres: %s does not run: %w", cmd.Path, err)
	}
	return major(string(text)), nil
}

// orphan is the process that serves the data already, or 0. A stale file of a crash is PostgreSQL's own to handle.
func (d dirs) orphan() int {
	first, _, _ := strings.Cut(readTrimmed(filepath.Join(d.data, "postmaster.pid")), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || pid <= 1 {
		return 0
	}
	if !strings.Contains(readTrimmed(filepath.Join("/proc", first, "cmdline")), d.data) {
		return 0
	}
	return pid
}
