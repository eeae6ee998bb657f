package factor

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"math/big"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// A code by mail: six digits, for as long as a mail may take.
const (
	codeLife  = 10 * time.Minute
	codeTries = 5
)

// ErrNoMail says that codes by mail are not for this user.
var ErrNoMail = errs.Conflict("no_mail", "Codes by mail are not available here. Use another way.")

// sendKey slows down mail to one user: nobody's mailbox is to be filled by whoever knows a password.
func sendKey(user uuid.UUID) throttle.Key {
	return throttle.Key{Name: "factor mail " + user.String(), Rule: throttle.Rule{Free: 3, First: 30 * time.Second, Max: 15 * time.Minute, Forget: 2 * time.Hour}}
}

func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // it never fails: see crypto/rand
	}
	return fmt.Sprintf("%06d", n)
}

// codeHash ties a code to its step and its user.
func (s *Service) codeHash(p pending, code string) []byte {
	return s.mac("mail codes", p.User.String(), string(p.Hash), digits(code))
}

// sendCode mails a code for a step; an earlier one of the step is over.
func (s *Service) sendCode(ctx context.Context, p pending, to string) error {
	if s.Send == nil || !mail.ValidAddress(to) {
		return ErrNoMail
	}
	if wait := s.Throttle.Try(sendKey(p.User)); wait > 0 {
		return waiting(wait)
	}
	code := newCode()
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := setCode(ctx, tx, p.Hash, s.codeHash(p, code), s.Now().Add(codeLife)); err != nil {
			return err
		}
		d, err := s.Letter(ctx, tx, p.User, code)
		if err != nil {
			return err
		}
		d.To = to
		return s.Send(ctx, tx, d)
	})
}

// useCode takes the code that was mailed for a step, once.
func (s *Service) useCode(ctx context.Context, p pending, code string) error {
	hash, err := tryCode(ctx, s.DB, p.Hash, s.Now())
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(hash, s.codeHash(p, code)) != 1 {
		return ErrWrongCode
	}
	return dropCode(ctx, s.DB, p.Hash, hash)
}

// confirmEmail lets codes by mail count: the user has shown one, so the address is theirs.
func (s *Service) confirmEmail(ctx context.Context, pool access.Pool, p pending, code string) error {
	if err := s.useCode(ctx, p, code); err != nil {
		return err
	}
	return s.locked(ctx, p.User, func(tx pgx.Tx) error {
		if err := insertEmail(ctx, tx, pool.ID, p.User, s.Now()); err != nil {
			return err
		}
		return recordAdded(ctx, tx, p.User, Email)
	})
}
