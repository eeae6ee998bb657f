package secret_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

func load(t *testing.T, dir string) *secret.Key {
	t.Helper()
	key, err := secret.Load(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := load(t, dir).Derive("a role")
	if again := load(t, dir).Derive("a role"); again != first {
		t.Error("the second start has another key")
	}
	info, err := os.Stat(filepath.Join(dir, secret.File))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestSealedIsOpenedByTheSameKeyAndPurposeOnly(t *testing.T) {
	t.Parallel()
	key := load(t, t.TempDir())
	plain := []byte("a signing key")
	sealed, err := key.Seal("signing", plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := key.Open("signing", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("opened %q, %v", got, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	other := load(t, t.TempDir())
	for name, open := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return key.Open("totp", sealed) },
		"another key":     func() ([]byte, error) { return other.Open("signing", sealed) },
		"changed":         func() ([]byte, error) { return key.Open("signing", changed) },
		"short":           func() ([]byte, error) { return key.Open("signing", sealed[:5]) },
	} {
		if got, err := open(); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestBadKeysAreRefusedWithTheRemedy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	load(t, dir)
	name := filepath.Join(dir, secret.File)
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Load(dir, ""); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
	if err := errors.Join(os.Chmod(name, 0o600), os.WriteFile(name, []byte("short"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Load(dir, ""); err == nil {
		t.Error("a key of five bytes was taken")
	}
	if _, err := secret.Load(dir, "not base64"); err == nil {
		t.Error("a value that is not base64 was taken")
	}
}
