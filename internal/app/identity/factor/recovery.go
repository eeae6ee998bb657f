package factor

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
)

// recoveryCodes is how many a user gets at once.
const recoveryCodes = 10

// plainLetters is Crockford's alphabet: no letter that looks like a digit.
const plainLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newRecoveryCode has 60 bits in three groups of four.
func newRecoveryCode() string {
	raw := make([]byte, 12)
	_, _ = rand.Read(raw) // it never fails: see crypto/rand
	var text strings.Builder
	for i, b := range raw {
		if i > 0 && i%4 == 0 {
			text.WriteByte('-')
		}
		text.WriteByte(plainLetters[b%32])
	}
	return text.String()
}

// foldRecoveryCode reads a code as people type it.
func foldRecoveryCode(given string) string {
	return strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(digits(given)))
}

func (s *Service) recoveryHash(user uuid.UUID, code string) []byte {
	return s.mac("recovery codes", user.String(), foldRecoveryCode(code))
}

// NewRecoveryCodes makes a user's recovery codes; earlier ones are over. They are shown once.
func (s *Service) NewRecoveryCodes(ctx context.Context, user uuid.UUID) (codes []string, err error) {
	err = s.locked(ctx, user, func(tx pgx.Tx) error {
		codes, err = s.renewRecoveryCodes(ctx, tx, user)
		return err
	})
	return codes, err
}

func (s *Service) renewRecoveryCodes(ctx context.Context, tx pgx.Tx, user uuid.UUID) ([]string, error) {
	codes, hashes := make([]string, recoveryCodes), make([][]byte, recoveryCodes)
	for i := range codes {
		codes[i] = newRecoveryCode()
		hashes[i] = s.recoveryHash(user, codes[i])
	}
	if err := replaceRecoveryCodes(ctx, tx, user, hashes); err != nil {
		return nil, err
	}
	return codes, audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.recovery_codes_made", Target: user.String()})
}

// firstRecoveryCodes gives a user codes who has none; nil for others.
func (s *Service) firstRecoveryCodes(ctx context.Context, user uuid.UUID) (codes []string, err error) {
	err = s.locked(ctx, user, func(tx pgx.Tx) error {
		left, err := countRecoveryCodes(ctx, tx, user)
		if err != nil || left > 0 {
			return err
		}
		codes, err = s.renewRecoveryCodes(ctx, tx, user)
		return err
	})
	return codes, err
}

// useRecoveryCode takes a code, once.
func (s *Service) useRecoveryCode(ctx context.Context, user uuid.UUID, code string) error {
	return takeRecoveryCode(ctx, s.DB, user, s.recoveryHash(user, code), s.Now())
}
