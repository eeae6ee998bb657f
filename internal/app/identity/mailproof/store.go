package mailproof

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
)

// proof is one sign-up under way.
type proof struct {
	ID     uuid.UUID
	Email  string
	Name   string
	Query  string
	Locale string
	Handle []byte
	ByCode bool
	Sends  int
}

const columns = `id, email, name, query, locale, handle_hash, by_code, sends`

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// account is the account of an address; the zero value when there is none.
type account struct {
	ID     uuid.UUID
	Name   string
	Email  string
	Locale string
}

func accountOf(ctx context.Context, q querier, pool access.Pool, email string) (a account, err error) {
	err = q.QueryRow(ctx, `select id, name, email, locale from identity."user" where pool_id = $1 and email_key = $2`,
		pool.ID, address.Key(email)).Scan(&a.ID, &a.Name, &a.Email, &a.Locale)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return a, fmt.Errorf("read user: %w", err)
	}
	return a, nil
}

// insert adds a sign-up, in place of the oldest with this address where there are many.
func insert(ctx context.Context, tx pgx.Tx, pool access.Pool, p proof, expires time.Time) error {
	key := address.Key(p.Email)
	_, err := tx.Exec(ctx, `delete from identity.mail_proof where purpose = 'sign-up' and id in (
		select id from identity.mail_proof where pool_id = $1 and email_key = $2 and purpose = 'sign-up' order by id desc offset $3)`, pool.ID, key, maxOpen-1)
	if err != nil {
		return fmt.Errorf("drop sign-ups: %w", err)
	}
	_, err = tx.Exec(ctx, `
		insert into identity.mail_proof (id, pool_id, purpose, email, email_key, name, query, locale, handle_hash, expires_at)
		values (@id, @pool, 'sign-up', @email, @key, @name, @query, @locale, @handle, @expires)`, pgx.NamedArgs{
		"id": p.ID, "pool": pool.ID, "email": p.Email, "key": key, "name": p.Name, "query": p.Query, "locale": p.Locale, "handle": p.Handle, "expires": expires,
	})
	if err != nil {
		return fmt.Errorf("insert sign-up: %w", err)
	}
	return nil
}

// arm sets what proves the mailbox; nil hashes leave nothing that could. Earlier links and codes of the row are over.
func arm(ctx context.Context, tx pgx.Tx, id uuid.UUID, token, code []byte) error {
	_, err := tx.Exec(ctx, `update identity.mail_proof set token_hash = $2, code_hash = $3 where id = $1 and used_at is null`, id, token, code)
	if err != nil {
		return fmt.Errorf("arm sign-up: %w", err)
	}
	return nil
}

func find(ctx context.Context, q querier, pool access.Pool, condition string, hash []byte, now time.Time) (p proof, err error) {
	rows, err := q.Query(ctx, `select `+columns+` from identity.mail_proof
		where pool_id = $1 and purpose = 'sign-up' and used_at is null and expires_at > $3 and `+condition+` = $2`, pool.ID, hash, now)
	if err != nil {
		return p, fmt.Errorf("read sign-up: %w", err)
	}
	p, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[proof])
	if errors.Is(err, pgx.ErrNoRows) {
		return p, ErrOver
	}
	if err != nil {
		return p, fmt.Errorf("read sign-up: %w", err)
	}
	return p, nil
}

// tryCode counts a try and returns the code's hash, which is nil where no code proves anything.
func tryCode(ctx context.Context, q querier, id uuid.UUID) (hash []byte, err error) {
	err = q.QueryRow(ctx, `update identity.mail_proof set code_tries = code_tries + 1 where id = $1 and code_tries < $2 returning code_hash`, id, codeTries).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errCode.Because("This code was tried too often. Use the link in the mail, or start again.")
	}
	if err != nil {
		return nil, fmt.Errorf("try code: %w", err)
	}
	return hash, nil
}

// trade turns a right code into the token of the page that follows; of two at once one wins.
func trade(ctx context.Context, q querier, id uuid.UUID, code, token []byte) error {
	done, err := q.Exec(ctx, `update identity.mail_proof set token_hash = $3, code_hash = null, by_code = true where id = $1 and code_hash = $2`, id, code, token)
	if err != nil {
		return fmt.Errorf("take code: %w", err)
	}
	if done.RowsAffected() == 0 {
		return errCode
	}
	return nil
}

// countSend counts one more mail of a sign-up.
func countSend(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	done, err := tx.Exec(ctx, `update identity.mail_proof set sends = sends + 1 where id = $1 and sends < $2`, id, maxSends)
	if err != nil {
		return fmt.Errorf("count mail: %w", err)
	}
	if done.RowsAffected() == 0 {
		return errSent
	}
	return nil
}

// take uses a proof up, and with it every other sign-up with the address.
func take(ctx context.Context, tx pgx.Tx, pool access.Pool, p proof, token []byte) error {
	done, err := tx.Exec(ctx, `delete from identity.mail_proof where id = $1 and token_hash = $2`, p.ID, token)
	if err != nil {
		return fmt.Errorf("take sign-up: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrOver
	}
	if _, err := tx.Exec(ctx, `delete from identity.mail_proof where pool_id = $1 and email_key = $2 and purpose = 'sign-up'`, pool.ID, address.Key(p.Email)); err != nil {
		return fmt.Errorf("drop sign-ups: %w", err)
	}
	return nil
}

// insertReset adds a link to choose a new password. The statements are the same for an address without an account, for
// which there is no row. Earlier links stay: otherwise anybody could end those of others by asking for new ones.
func insertReset(ctx context.Context, tx pgx.Tx, pool access.Pool, user uuid.UUID, token []byte, expires time.Time) error {
	_, err := tx.Exec(ctx, `delete from identity.one_time_link where kind = 'reset' and token_hash in (
		select token_hash from identity.one_time_link where user_id = $1 and kind = 'reset' order by created_at desc offset $2)`, user, maxReset-1)
	if err != nil {
		return fmt.Errorf("drop links: %w", err)
	}
	_, err = tx.Exec(ctx, `insert into identity.one_time_link (token_hash, pool_id, kind, user_id, expires_at)
		select $1, pool_id, 'reset', id, $4 from identity."user" where pool_id = $2 and id = $3`, token, pool.ID, user, expires)
	if err != nil {
		return fmt.Errorf("insert link: %w", err)
	}
	return nil
}

// Sweep deletes what has expired. It is safe to run at any time.
func (s *Service) Sweep(ctx context.Context) error {
	const batch = 5000
	for {
		done, err := s.DB.Exec(ctx, `delete from identity.mail_proof where id in (
			select id from identity.mail_proof where expires_at < $1 limit $2 for update skip locked)`, s.Now(), batch)
		if err != nil {
			return fmt.Errorf("sweep proofs: %w", err)
		}
		if done.RowsAffected() < batch {
			return nil
		}
	}
}
