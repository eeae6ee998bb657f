package mailproof

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

// post queues a letter in tx. It is the organisation's whose own the pool is; the pool that others share has letters of the
// installation, or each of them could put its words before the people of all others.
func (s *Service) post(ctx context.Context, tx pgx.Tx, pool access.Pool, d letter.Draft) error {
	d.Kind, d.Tenant = "identity."+d.Kind, Sender(pool)
	return s.Send(ctx, tx, d)
}

// Sender is whose letters the people of a pool get; zero: the installation's.
func Sender(p access.Pool) uuid.UUID {
	if p.Shared() {
		return uuid.Nil
	}
	return p.Tenant
}

// CodeLetter is the mail with a code of the second step, in the user's language.
func (s *Service) CodeLetter(ctx context.Context, tx pgx.Tx, user uuid.UUID, code string) (letter.Draft, error) {
	var locale string
	var pool access.Pool
	err := tx.QueryRow(ctx, `select u.locale, p.name, p.tenant_id from identity."user" u join identity.pool p on p.id = u.pool_id where u.id = $1`, user).
		Scan(&locale, &pool.Name, &pool.Tenant)
	if err != nil {
		return letter.Draft{}, fmt.Errorf("read user: %w", err)
	}
	return letter.Draft{
		Kind: "identity.code", Tenant: Sender(pool), About: user, Locales: []string{locale}, Values: map[string]string{"code": code},
	}, nil
}

// PasswordChanged tells an account's owner, in the transaction that changes the password. otherwise is the language for an
// account without one; "" where none is known.
func (s *Service) PasswordChanged(ctx context.Context, tx pgx.Tx, pool access.Pool, email, otherwise string) error {
	who, err := accountOf(ctx, tx, pool, email)
	if err != nil {
		return err
	}
	if s.Send == nil || !mail.ValidAddress(who.Email) {
		return nil // an address that no mail reaches, such as one with a name of a machine
	}
	return s.post(ctx, tx, pool, letter.Draft{
		Kind: "changed", To: who.Email, Locales: []string{who.Locale, otherwise}, About: who.ID, Values: map[string]string{"link": s.Issuer(pool) + "/forgot"},
	})
}
