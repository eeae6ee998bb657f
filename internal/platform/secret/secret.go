// Package secret seals what must not be readable in the database or its backups, by one master key that is kept apart.
package secret

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// size of the master key in bytes.
const size = 32

// File is the name of the master key's file in the data directory.
const File = "master.key"

// Key is the master key. Each purpose has a key of its own, derived from it.
type Key struct {
	master [size]byte
}

// String hides the key from logs.
func (k *Key) String() string { return "secret.Key" }

// Load takes the key from value, in base64, or else from the file master.key in dir, which it makes at the first start.
func Load(dir, value string) (*Key, error) {
	if value != "" {
		key, err := parse(value)
		if err != nil {
			return nil, fmt.Errorf("the master key that was set: %w", err)
		}
		return key, nil
	}
	name := filepath.Join(dir, File)
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return create(name)
	}
	if err != nil {
		return nil, fmt.Errorf("the master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the master key %s can be read by others: chmod 600 it, and think about who has read it", name)
	}
	text, err := os.ReadFile(name) //nolint:gosec // an operator's own directory
	if err != nil {
		return nil, fmt.Errorf("the master key: %w", err)
	}
	key, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("the master key %s: %w; put the right one back from where you keep its copy", name, err)
	}
	return key, nil
}

func parse(text string) (*Key, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != size {
		return nil, fmt.Errorf("want %d bytes in base64", size)
	}
	return &Key{master: [size]byte(raw)}, nil
}

// create makes a key beside its place and links it there, so that two first starts at once agree and a crash leaves no half.
func create(name string) (*Key, error) {
	var key Key
	_, _ = rand.Read(key.master[:]) // it never fails: see crypto/rand
	f, err := os.CreateTemp(filepath.Dir(name), File+".*")
	if err != nil {
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it has its other name by then
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key.master[:]) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	if err := os.Link(f.Name(), name); err != nil {
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	return &key, nil
}

func (k *Key) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.master[:], nil, "cloudkida "+purpose, size)
	if err != nil {
		panic(err) // only for lengths beyond HKDF's, which size is not
	}
	return key
}

// Derive returns a text of 43 URL-safe characters that is always the same for a purpose, such as a role's password.
func (k *Key) Derive(purpose string) string {
	return base64.RawURLEncoding.EncodeToString(k.derive("derive " + purpose))
}

// Seal encrypts plain for a purpose; only Open with the same purpose reads it.
func (k *Key) Seal(purpose string, plain []byte) ([]byte, error) {
	aead, err := k.aead(purpose)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(nonce) // it never fails: see crypto/rand
	return aead.Seal(nonce, nonce, plain, nil), nil
}

// ErrSealed is returned by Open for what was sealed by another key, for another purpose, or was changed.
var ErrSealed = errors.New("secret: cannot be opened with this master key")

// Open decrypts what Seal made for the same purpose.
func (k *Key) Open(purpose string, sealed []byte) ([]byte, error) {
	aead, err := k.aead(purpose)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, ErrSealed
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

func (k *Key) aead(purpose string) (cipher.AEAD, error) {
	aead, err := chacha20poly1305.NewX(k.derive("seal " + purpose))
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	return aead, nil
}
