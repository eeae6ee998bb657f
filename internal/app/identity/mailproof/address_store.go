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
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/onetime"
	"github.com/cloudkida/cloudkida/internal/app/identity/people"
)

// holder is whose address may change.
type holder struct {
	account
	Proved bool // the address that the account has
}

// readHolder reads an account; locked ones wait for each other, so that of two changes at once one is the second.
func readHolder(ctx context.Context, q querier, user uuid.UUID, locked bool) (*holder, error) {
	var h holder
	query := `select id, name, email, locale, email_proved_at is not null from identity."user" where id = $1 and disabled_at is null`
	if locked {
		query += ` for update`
	}
	err := q.QueryRow(ctx, query, user).Scan(&h.ID, &h.Name, &h.Email, &h.Locale, &h.Proved)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, people.ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read user: %w", err)
	}
	return &h, nil
}

// insertAddress adds a change of address, in place of the user's earlier ones.
func insertAddress(ctx context.Context, tx pgx.Tx, pool access.Pool, p proof, user uuid.UUID, expires time.Time) error {
	if _, err := tx.Exec(ctx, `delete from identity.mail_proof where user_id = $1`, user); err != nil {
		return fmt.Errorf("drop changes: %w", err)
	}
	_, err := tx.Exec(ctx, `
		insert into identity.mail_proof (id, pool_id, purpose, user_id, email, email_key, locale, expires_at)
		values (@id, @pool, 'address', @user, @email, @key, @locale, @expires)`, pgx.NamedArgs{
		"id": p.ID, "pool": pool.ID, "user": user, "email": p.Email, "key": address.Key(p.Email), "locale": p.Locale, "expires": expires,
	})
	if err != nil {
		return fmt.Errorf("insert change: %w", err)
	}
	return nil
}

// findAddress is the change that a user has under way; token is of its link, nil for whichever there is.
func findAddress(ctx context.Context, q querier, user uuid.UUID, token []byte, now time.Time) (p proof, err error) {
	rows, err := q.Query(ctx, `select `+columns+` from identity.mail_proof
		where user_id = $1 and purpose = 'address' and expires_at > $3 and ($2::bytea is null or token_hash = $2)`, user, token, now)
	if err != nil {
		return p, fmt.Errorf("read change: %w", err)
	}
	p, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[proof])
	if errors.Is(err, pgx.ErrNoRows) {
		return p, errNoChange
	}
	if err != nil {
		return p, fmt.Errorf("read change: %w", err)
	}
	return p, nil
}

// takeAddress uses a change up that its mailbox has proved; of two at once one wins.
func takeAddress(ctx context.Context, tx pgx.Tx, id, user uuid.UUID) error {
	done, err := tx.Exec(ctx, `delete from identity.mail_proof where id = $1 and user_id = $2 and code_hash is not null`, id, user)
	if err != nil {
		return fmt.Errorf("take change: %w", err)
	}
	if done.RowsAffected() == 0 {
		return errNoChange
	}
	return nil
}

// setAddress gives an account a proved address. Links that went to the mailbox before open nothing any more.
func setAddress(ctx context.Context, tx pgx.Tx, user uuid.UUID, email string, now time.Time) error {
	_, err := tx.Exec(ctx, `update identity."user" set email = $2, email_key = $3, email_proved_at = $4, updated_at = $4 where id = $1`,
		user, email, address.Key(email), now)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return errTaken
	}
	if err != nil {
		return fmt.Errorf("update address: %w", err)
	}
	return onetime.Drop(ctx, tx, uuid.NullUUID{UUID: user, Valid: true})
}

// maxChanges bounds the objections that an account has open at once.
const maxChanges = 20

// room refuses one more change while so many can be objected to: none of those rights is dropped for a newer one.
func room(ctx context.Context, tx pgx.Tx, user uuid.UUID, now time.Time) error {
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from identity.address_change where user_id = $1 and expires_at > $2`, user, now).Scan(&n); err != nil {
		return fmt.Errorf("count changes: %w", err)
	}
	if n >= maxChanges {
		return errOften
	}
	return nil
}

// insertChange notes the address before, unless it is noted already.
func insertChange(ctx context.Context, tx pgx.Tx, id uuid.UUID, before holder, hash []byte, now, expires time.Time) error {
	_, err := tx.Exec(ctx, `
		insert into identity.address_change (id, user_id, email, email_key, object_hash, created_at, expires_at)
		values (@id, @user, @email, @key, @hash, @now, @expires) on conflict (id) do nothing`, pgx.NamedArgs{
		"id": id, "user": before.ID, "email": before.Email, "key": address.Key(before.Email), "hash": hash, "now": now, "expires": expires,
	})
	if err != nil {
		return fmt.Errorf("insert objection: %w", err)
	}
	return nil
}

// change is one that can be objected to.
type change struct {
	ID    uuid.UUID
	User  uuid.UUID
	Email string // before
	At    time.Time
}

func findChange(ctx context.Context, q querier, pool access.Pool, hash []byte, now time.Time) (c change, err error) {
	rows, err := q.Query(ctx, `
		select c.id, c.user_id, c.email, c.created_at
		from identity.address_change c join identity."user" u on u.id = c.user_id
		where c.object_hash = $1 and u.pool_id = $2 and u.disabled_at is null and c.expires_at > $3`, hash, pool.ID, now)
	if err != nil {
		return c, fmt.Errorf("read objection: %w", err)
	}
	c, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[change])
	if errors.Is(err, pgx.ErrNoRows) {
		return c, errObjection
	}
	if err != nil {
		return c, fmt.Errorf("read objection: %w", err)
	}
	return c, nil
}

// beforeChange is how long before a change whoever asked for it may have begun to take the account over.
const beforeChange = 24 * time.Hour

// takeBack undoes a change and all that came after it. Earlier changes can still be objected to, later ones cannot: they are
// of whoever this one was of.
func takeBack(ctx context.Context, tx pgx.Tx, c change, hash []byte, now time.Time) error {
	who, err := readHolder(ctx, tx, c.User, true)
	if err != nil {
		return err
	}
	done, err := tx.Exec(ctx, `delete from identity.address_change where object_hash = $1`, hash)
	if err != nil {
		return fmt.Errorf("take objection: %w", err)
	}
	if done.RowsAffected() == 0 {
		return errObjection
	}
	if address.Key(who.Email) != address.Key(c.Email) {
		err = setAddress(ctx, tx, c.User, c.Email, now)
	}
	if errors.Is(err, errTaken) {
		return errReturn
	}
	if err != nil {
		return err
	}
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{`delete from identity.mail_proof where user_id = $1`, []any{c.User}},
		{`delete from identity.address_change where user_id = $1 and (created_at, id) >= ($2, $3)`, []any{c.User, c.At, c.ID}},
		{`delete from identity.factor where user_id = $1 and created_at > $2`, []any{c.User, c.At.Add(-beforeChange)}},
		{`delete from identity.recovery_code where user_id = $1`, []any{c.User}},
		{`update identity."user" set password_hash = null, updated_at = $2 where id = $1`, []any{c.User, now}},
	} {
		if _, err := tx.Exec(ctx, statement.sql, statement.args...); err != nil {
			return fmt.Errorf("take an account back: %w", err)
		}
	}
	if err := onetime.Drop(ctx, tx, uuid.NullUUID{UUID: c.User, Valid: true}); err != nil {
		return err
	}
	return browser.EndAll(ctx, tx, c.User, uuid.Nil)
}
