// Package opaque makes the secrets that browsers and clients show again: codes, refresh tokens, cookies, links. The
// database has their hash only.
package opaque

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// New returns a secret of 256 bits and its hash.
func New() (text string, hash []byte) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails: see crypto/rand
	text = base64.RawURLEncoding.EncodeToString(raw)
	return text, Hash(text)
}

// Hash is what the database keeps of a secret.
func Hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}
