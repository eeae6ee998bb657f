package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Files keeps archives in a directory of one host: tenant/export.tar.gz. What is being written has another ending.
type Files struct {
	Dir  string
	Host string
	// Create makes a new file for writing; nil: in the directory. Tests fill a disk with it.
	Create func(name string) (*os.File, error)
}

// File is an archive that is open for reading. Close it.
type File struct {
	*os.File
	ModTime time.Time
}

const (
	doneEnd  = ".tar.gz"
	partEnd  = ".part"  // an archive that is being written
	spoolEnd = ".spool" // one table of it
)

// strayLife is how long a file that nobody knows of is left alone: its export may be at its beginning.
const strayLife = 24 * time.Hour

func (f Files) name(e Export, end string) string {
	return filepath.Join(f.Dir, e.Tenant.String(), e.ID.String()+end)
}

// create makes a file anew, whatever an earlier try left there.
func (f Files) create(name string) (*os.File, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove an old file: %w", err)
	}
	if f.Create != nil {
		return f.Create(name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of archives: %w", err)
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // an operator's directory and two UUIDs
	if err != nil {
		return nil, fmt.Errorf("make an archive's file: %w", err)
	}
	return file, nil
}

// write calls fn with a new archive and a spool, and puts the archive in its place if fn succeeds, so that it survives a
// crash from there on. Otherwise nothing is left.
func (f Files) write(e Export, fn func(out, spool *os.File) error) (err error) {
	part, spool := f.name(e, partEnd), f.name(e, spoolEnd)
	defer func() { err = errors.Join(err, removeAny(part), removeAny(spool)) }()
	table, err := f.create(spool)
	if err != nil {
		return err
	}
	defer table.Close() //nolint:errcheck // it is removed
	out, err := f.create(part)
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // closed below when it matters
	if err := fn(out, table); err != nil {
		return err
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, f.name(e, doneEnd)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(part))
}

func syncDir(name string) error {
	dir, err := os.Open(name) //nolint:gosec // a directory of ours
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func removeAny(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f Files) open(e Export) (*File, error) {
	file, err := os.Open(f.name(e, doneEnd))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open archive: %w", err), file.Close())
	}
	return &File{File: file, ModTime: info.ModTime()}, nil
}

func (f Files) size(e Export) (int64, error) {
	info, err := os.Stat(f.name(e, doneEnd))
	if err != nil {
		return 0, fmt.Errorf("look at the archive: %w", err)
	}
	return info.Size(), nil
}

func (f Files) remove(e Export) error {
	return errors.Join(removeAny(f.name(e, doneEnd)), removeAny(f.name(e, partEnd)), removeAny(f.name(e, spoolEnd)))
}

func (f Files) removeTenant(tenant uuid.UUID) error {
	if err := os.RemoveAll(filepath.Join(f.Dir, tenant.String())); err != nil {
		return fmt.Errorf("delete archives: %w", err)
	}
	return nil
}

// sweep deletes old files that no export has.
func (f Files) sweep(known func(uuid.UUID) (bool, error)) error {
	names, err := filepath.Glob(filepath.Join(f.Dir, "*", "*"))
	if err != nil {
		return fmt.Errorf("list archives: %w", err)
	}
	var all []error
	for _, name := range names {
		info, err := os.Lstat(name)
		if err != nil || time.Since(info.ModTime()) < strayLife {
			continue
		}
		base, _, _ := strings.Cut(filepath.Base(name), ".")
		id, err := uuid.Parse(base)
		is := false
		if err == nil {
			if is, err = known(id); err != nil {
				return err
			}
		}
		if !is {
			all = append(all, removeAny(name))
		}
	}
	return errors.Join(all...)
}
