// Package password decides which passwords are good enough and keeps them as argon2id hashes. The rules are those of
// NIST SP 800-63B: a minimum length, no rules on kinds of characters, no expiry, and none that attackers try first.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
)

// Lengths in characters after normalisation. A longest one exists only to bound the work of one request.
const (
	MinLength = 8
	MaxLength = 256
)

// The cost of one hash: OWASP's first choice for argon2id, 19 MiB and two passes, about 25 ms.
const (
	memoryKiB = 19 << 10
	passes    = 2
	threads   = 1
	saltSize  = 16
	hashSize  = 32
)

// ErrBusy says that too many hashes wait already.
var ErrBusy = errors.New("password: too many sign-ins at once")

// Hasher makes and checks hashes, a few at a time: hashing must not take the whole machine from other requests.
type Hasher struct {
	running  *semaphore.Weighted
	waiting  *semaphore.Weighted
	dummy    string
	computed atomic.Int64
}

// Computed is how many hashes it has computed: what a sign-in costs must not tell whether there is an account.
func (h *Hasher) Computed() int64 { return h.computed.Load() }

// NewHasher returns a Hasher that computes at most running hashes at once while at most waiting others wait.
func NewHasher(running, waiting int) *Hasher {
	h := &Hasher{running: semaphore.NewWeighted(int64(running)), waiting: semaphore.NewWeighted(int64(running + waiting))}
	h.dummy = encode(rand.Text())
	return h
}

// Hash returns the hash of a password in PHC form.
func (h *Hasher) Hash(ctx context.Context, password string) (hash string, err error) {
	err = h.run(ctx, func() { hash = encode(password) })
	return hash, err
}

// Verify tells whether a password has this hash. An empty hash stands for an account that does not exist or has no
// password: it costs the same time and is never right.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (right bool, err error) {
	exists := hash != ""
	if !exists {
		hash = h.dummy
	}
	var verifyErr error
	if err := h.run(ctx, func() { right, verifyErr = verify(hash, password) }); err != nil {
		return false, err
	}
	return right && exists, verifyErr
}

func (h *Hasher) run(ctx context.Context, fn func()) error {
	if !h.waiting.TryAcquire(1) {
		return ErrBusy
	}
	defer h.waiting.Release(1)
	if err := h.running.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer h.running.Release(1)
	h.computed.Add(1)
	fn()
	return nil
}

// Stale tells whether a hash was made at another cost than today's, so that the next sign-in should renew it.
func Stale(hash string) bool {
	return !strings.HasPrefix(hash, prefix())
}

func prefix() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, memoryKiB, passes, threads)
}

// normal is the one form in which a password is hashed, whatever keyboard or system it was typed on.
func normal(password string) []byte { return norm.NFC.Bytes([]byte(password)) }

func encode(password string) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // it never fails: see crypto/rand
	hash := argon2.IDKey(normal(password), salt, passes, memoryKiB, threads, hashSize)
	return prefix() + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(hash)
}

var errFormat = errors.New("password: a stored hash cannot be read")

// Bounds of what a stored hash may ask for, so that a changed row cannot exhaust the machine.
const (
	maxMemoryKiB = 1 << 20
	maxPasses    = 16
)

func verify(encoded, password string) (bool, error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errFormat
	}
	var version int
	var memory, time uint32
	var lanes uint8
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &lanes); err != nil {
		return false, errFormat
	}
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	want, wantErr := base64.RawStdEncoding.DecodeString(parts[5])
	if errors.Join(saltErr, wantErr) != nil || version != argon2.Version || len(want) < 16 || len(want) > 64 ||
		memory > maxMemoryKiB || time < 1 || time > maxPasses || lanes < 1 {
		return false, errFormat
	}
	got := argon2.IDKey(normal(password), salt, time, memory, lanes, uint32(len(want))) //nolint:gosec // at most 64
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// Check returns what is wrong with a new password of at least MinLength characters, see CheckLength.
func Check(password string, about ...string) string {
	return CheckLength(MinLength, password, about...)
}

// CheckLength returns what is wrong with a new password of at least so many characters, as a sentence that says what to
// do, or "". About are the person's own words, such as name and e-mail address, and the name of where they sign in: they must not
// be most of the password, and neither must the product's.
func CheckLength(least int, password string, about ...string) string {
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return "Type a password that consists of characters."
	}
	text := norm.NFC.String(password)
	switch n := utf8.RuneCountInString(text); {
	case n < least:
		return fmt.Sprintf("Use at least %d characters. A few words in a row are easy to remember.", least)
	case n > MaxLength:
		return fmt.Sprintf("Use at most %d characters.", MaxLength)
	}
	folded := strings.ToLower(text)
	switch {
	case common(folded), leaked(folded):
		return "Many people use this password, so it is among the first that are tried. Choose another."
	case monotonous(folded):
		return "This is one pattern repeated, so it is easy to guess. Choose something less regular."
	case personal(folded, about):
		return "This is mostly your own name, your e-mail address or the name of this site. Choose something that others cannot guess."
	}
	return ""
}
