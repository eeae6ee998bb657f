package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/trustelem/zxcvbn/frequency"

	"github.com/cloudkida/cloudkida/internal/app/identity/password"
)

func TestCheckRefusesWhatAttackersTryFirst(t *testing.T) {
	t.Parallel()
	for _, weak := range []string{
		"", "short", "1234567", "password", "Password1!", "P@ssw0rd", "12345678", "iloveyou2024", "qwertyuiop", "aaaaaaaaaa",
		"abababababab", "abcdefgh", "zyxwvuts", "asdfghjkl", "ada.lovelace", "Lovelace1815", "Cloudkida2026!", "lovelace-cloudkida", "\xff\xff\xff\xff\xff\xff\xff\xff",
		"pass\x00word-long", strings.Repeat("long ", 60),
	} {
		if password.Check(weak, "Ada Lovelace", "ada.lovelace@example.com") == "" {
			t.Errorf("%q was taken", weak)
		}
	}
	for _, good := range []string{"vier Fische im Teich", "correct horse battery staple", "кот-на-крыше", "7h!xQw2z", "lovelace writes programs"} {
		if problem := password.Check(good, "Ada Lovelace", "ada.lovelace@example.com"); problem != "" {
			t.Errorf("%q: %s", good, problem)
		}
	}
}

// Each of the passwords that lead the lists of leaked ones is refused, as it stands there and in capitals: more than the 3,000
// longest-known ones of those that would be long enough.
func TestLeakedPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, known := range frequency.FrequencyLists["passwords"] {
		if len(known) < password.MinLength {
			continue
		}
		tried++
		if password.Check(known) == "" || password.Check(strings.ToUpper(known)) == "" {
			t.Errorf("%q was taken", known)
		}
	}
	if tried < 3000 {
		t.Errorf("only %d passwords were tried", tried)
	}
}

func TestVerifyKnowsThePasswordInEveryUnicodeForm(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	h := password.NewHasher(1, 1)
	composed, decomposed := "caf\u00e9-au-lait", "cafe\u0301-au-lait"
	hash, err := h.Hash(ctx, composed)
	if err != nil || password.Stale(hash) {
		t.Fatalf("hash %q, %v", hash, err)
	}
	for given, want := range map[string]bool{composed: true, decomposed: true, "cafe-au-lait": false, "": false} {
		if right, err := h.Verify(ctx, hash, given); right != want || err != nil {
			t.Errorf("%q: %v, %v", given, right, err)
		}
	}
	if right, err := h.Verify(ctx, "", composed); right || err != nil {
		t.Errorf("an account without password: %v, %v", right, err)
	}
}

func TestVerifyReadsOtherCostsAndRefusesNonsense(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(1, 1)
	// As the reference implementation makes it: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32 -e
	older := "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if right, err := h.Verify(t.Context(), older, "password"); !right || err != nil {
		t.Errorf("the reference's hash: %v, %v", right, err)
	}
	if !password.Stale(older) {
		t.Error("another cost is not stale")
	}
	for _, bad := range []string{"x", "$argon2i$v=19$m=16,t=2,p=1$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=4000000000,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"} {
		if right, err := h.Verify(t.Context(), bad, "password"); right || err == nil {
			t.Errorf("%q: %v, %v", bad, right, err)
		}
	}
}

func TestTooManyAtOnceAreRefused(t *testing.T) {
	t.Parallel()
	h := password.NewHasher(1, 0)
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			_, err := h.Hash(t.Context(), "vier Fische im Teich")
			results <- err
		}()
	}
	done := 0
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			done++
		case !errors.Is(err, password.ErrBusy):
			t.Error(err)
		}
	}
	if done == 0 {
		t.Error("nobody was served")
	}
}
