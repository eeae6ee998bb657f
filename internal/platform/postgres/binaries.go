package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// findBinaries returns where the programs are, copied below the data directory when the server's user cannot reach them.
func (d dirs) findBinaries(cfg Config) (string, error) {
	found, err := Find(cfg.Binaries)
	if err != nil {
		return "", err
	}
	if d.uid < 0 || closedParent(filepath.Join(found, "bin")) == "" {
		return found, nil
	}
	return copyBinaries(found, filepath.Join(cfg.Data, "postgres-programs"))
}

// Find returns the directory of the PostgreSQL programs: dir itself when it is not empty, else postgres/ beside the
// running program, bin/postgres in the working directory or above it, or the system's PostgreSQL 18.
func Find(dir string) (string, error) {
	var candidates []string
	if dir != "" {
		candidates = []string{dir}
	} else {
		if self, err := os.Executable(); err == nil {
			candidates = append(candidates, filepath.Join(filepath.Dir(self), "postgres"))
		}
		if wd, err := os.Getwd(); err == nil {
			for ; wd != "/"; wd = filepath.Dir(wd) {
				candidates = append(candidates, filepath.Join(wd, "bin", "postgres"))
			}
		}
		candidates = append(candidates, "/usr/lib/postgresql/18")
	}
	for _, c := range candidates {
		if info, err := os.Stat(filepath.Join(c, "bin", "postgres")); err == nil && info.Mode().IsRegular() {
			return filepath.Abs(c)
		}
	}
	return "", errors.New("the PostgreSQL 18 programs are missing: run `make build`, install PostgreSQL 18 and set --postgres, or use --database-url")
}

// copyBinaries copies the programs unless the copy is already there and complete.
func copyBinaries(from, to string) (string, error) {
	source, err := os.Stat(filepath.Join(from, "bin", "postgres"))
	if err != nil {
		return "", fmt.Errorf("postgres: %w", err)
	}
	if copied, err := os.Stat(filepath.Join(to, "bin", "postgres")); err == nil &&
		copied.Size() == source.Size() && !copied.ModTime().Before(source.ModTime()) {
		return to, nil
	}
	fresh := to + ".new"
	err = errors.Join(os.RemoveAll(fresh), os.CopyFS(fresh, os.DirFS(from)), os.RemoveAll(to))
	if err == nil {
		err = os.Rename(fresh, to)
	}
	if err != nil {
		return "", fmt.Errorf("copy the PostgreSQL programs to %s: %w", to, err)
	}
	return to, nil
}

// closedParent is the first directory on the way to path that other users cannot pass, or "".
func closedParent(path string) string {
	closed := ""
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			closed = dir
		}
		if dir == filepath.Dir(dir) {
			return closed
		}
	}
}
