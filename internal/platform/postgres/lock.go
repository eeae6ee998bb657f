package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// LockData takes a data directory for this process until the returned file is closed, or the process ends in any way.
func LockData(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // the embedded database's user passes through it
		return nil, fmt.Errorf("the data directory %s cannot be made: %w (choose another with --data)", dir, err)
	}
	name := filepath.Join(dir, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // an operator's own directory
	if err != nil {
		return nil, fmt.Errorf("the data directory %s cannot be written: %w (choose another with --data)", dir, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		owner := readTrimmed(name)
		_ = f.Close()
		return nil, fmt.Errorf("the data directory %s is in use by process %s: stop it first, or choose another with --data", dir, owner)
	}
	if err == nil {
		err = errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n"))
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	return f, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}
