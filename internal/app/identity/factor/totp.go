package factor

import (
	"bytes"
	"context"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image/png"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

// What every authenticator app understands (RFC 6238): SHA-1, six digits, 30 seconds.
const (
	totpPeriod = 30
	totpSkew   = 1 // steps before and after, for clocks that differ
	qrSize     = 232
)

const issuerName = "Cloudkida"

// NewTOTP is an authenticator app that does not count yet.
type NewTOTP struct {
	ID     uuid.UUID
	Secret string       // in base32, to be typed
	QR     template.URL // the same as an image
}

func sealedFor(user uuid.UUID) string { return "totp of " + user.String() }

// BeginTOTP makes the secret of a new authenticator app. It counts once ConfirmTOTP has seen a code of it; an earlier one
// that was never confirmed is dropped.
func (s *Service) BeginTOTP(ctx context.Context, pool access.Pool, user uuid.UUID, email string) (NewTOTP, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuerName, AccountName: email, SecretSize: 20})
	if err != nil {
		return NewTOTP{}, fmt.Errorf("make totp: %w", err)
	}
	sealed, err := s.Key.Seal(sealedFor(user), []byte(key.Secret()))
	if err != nil {
		return NewTOTP{}, err
	}
	var id uuid.UUID
	err = s.locked(ctx, user, func(tx pgx.Tx) error {
		if err := dropUnconfirmed(ctx, tx, user, TOTP); err != nil {
			return err
		}
		if err := roomFor(ctx, tx, user, TOTP); err != nil {
			return err
		}
		id, err = insertTOTP(ctx, tx, pool.ID, user, sealed)
		return err
	})
	if err != nil {
		return NewTOTP{}, err
	}
	return describeTOTP(id, key)
}

// PendingTOTP shows the app again whose enrolment has begun; ErrNotFound when none has.
func (s *Service) PendingTOTP(ctx context.Context, user uuid.UUID, email string) (NewTOTP, error) {
	found, err := totpOf(ctx, s.DB, user, false)
	if err != nil {
		return NewTOTP{}, err
	}
	if len(found) == 0 {
		return NewTOTP{}, ErrNotFound
	}
	plain, err := s.Key.Open(sealedFor(user), found[0].Sealed)
	if err != nil {
		return NewTOTP{}, fmt.Errorf("open totp: %w", err)
	}
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(string(plain))
	if err != nil {
		return NewTOTP{}, fmt.Errorf("open totp: %w", err)
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuerName, AccountName: email, Secret: raw})
	if err != nil {
		return NewTOTP{}, fmt.Errorf("show totp: %w", err)
	}
	return describeTOTP(found[0].ID, key)
}

func describeTOTP(id uuid.UUID, key *otp.Key) (NewTOTP, error) {
	image, err := key.Image(qrSize, qrSize)
	if err != nil {
		return NewTOTP{}, fmt.Errorf("draw totp: %w", err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image); err != nil {
		return NewTOTP{}, fmt.Errorf("draw totp: %w", err)
	}
	qr := "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture.Bytes())
	return NewTOTP{ID: id, Secret: key.Secret(), QR: template.URL(qr)}, nil //nolint:gosec // base64 alone
}

// ConfirmTOTP lets the app count whose enrolment has begun, if this is a code of it.
func (s *Service) ConfirmTOTP(ctx context.Context, user uuid.UUID, name, code string) error {
	return s.locked(ctx, user, func(tx pgx.Tx) error {
		found, err := totpOf(ctx, tx, user, false)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ErrOver
		}
		step, err := s.step(user, found[0], code)
		if err != nil {
			return err
		}
		if err := confirmTOTP(ctx, tx, found[0].ID, cleanName(name, "Authenticator app"), step, s.Now()); err != nil {
			return err
		}
		return recordAdded(ctx, tx, user, TOTP)
	})
}

// useTOTP takes a code of any of the user's apps, once.
func (s *Service) useTOTP(ctx context.Context, user uuid.UUID, code string) error {
	found, err := totpOf(ctx, s.DB, user, true)
	if err != nil {
		return err
	}
	for _, f := range found {
		step, err := s.step(user, f, code)
		if errors.Is(err, ErrWrongCode) {
			continue
		}
		if err != nil {
			return err
		}
		return takeStep(ctx, s.DB, f.ID, step, s.Now())
	}
	return ErrWrongCode
}

// step is the time step whose code this is: one of now or its neighbours that is later than all used ones.
func (s *Service) step(user uuid.UUID, f storedTOTP, code string) (int64, error) {
	plain, err := s.Key.Open(sealedFor(user), f.Sealed)
	if err != nil {
		return 0, fmt.Errorf("open totp: %w", err)
	}
	code = digits(code)
	now := s.Now().Unix() / totpPeriod
	for step := now - totpSkew; step <= now+totpSkew; step++ {
		right, err := hotp.ValidateCustom(code, uint64(step), string(plain), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) //nolint:gosec // after 1970
		if err == nil && right && step > f.LastStep {
			return step, nil
		}
	}
	return 0, ErrWrongCode
}

// digits drops what people and apps put between the digits of a code.
func digits(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, code)
}
