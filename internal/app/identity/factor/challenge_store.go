package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// maxPending bounds the steps that a user can have under way at once, in all browsers together.
const maxPending = 20

func insertChallenge(ctx context.Context, tx pgx.Tx, pool uuid.UUID, p pending, expires time.Time) error {
	user := uuid.NullUUID{UUID: p.User, Valid: p.User != uuid.Nil}
	_, err := tx.Exec(ctx, `delete from identity.challenge where user_id = $1 and token_hash in (
		select token_hash from identity.challenge where user_id = $1 order by expires_at desc offset $2)`, user, maxPending-1)
	if err != nil {
		return fmt.Errorf("drop challenges: %w", err)
	}
	if p.Methods == nil {
		p.Methods = []string{}
	}
	_, err = tx.Exec(ctx, `
		insert into identity.challenge (token_hash, pool_id, user_id, purpose, browser_session_id, methods, ceremony, expires_at, provider_id, vouched_at)
		values (@hash, @pool, @user, @purpose, @session, @methods, @ceremony, @expires, @provider, @vouched)`, pgx.NamedArgs{
		"hash": p.Hash, "pool": pool, "user": user, "purpose": string(p.Purpose), "session": p.Session, "methods": p.Methods,
		"ceremony": p.Ceremony, "expires": expires, "provider": p.Voucher.Provider, "vouched": sometime(p.Voucher.At),
	})
	if err != nil {
		return fmt.Errorf("insert challenge: %w", err)
	}
	return nil
}

// sometime is a time, or null for none.
func sometime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func findChallenge(ctx context.Context, q querier, pool uuid.UUID, hash []byte, of purpose, now time.Time) (p pending, err error) {
	var user uuid.NullUUID
	var vouched *time.Time
	err = q.QueryRow(ctx, `
		select c.token_hash, c.purpose, c.user_id, c.browser_session_id, c.methods, c.code_hash, c.ceremony, c.provider_id, c.vouched_at
		from identity.challenge c left join identity."user" u on u.id = c.user_id
		where c.token_hash = $1 and c.pool_id = $2 and c.purpose = $3 and c.expires_at > $4 and u.disabled_at is null`,
		hash, pool, string(of), now).Scan(&p.Hash, &p.Purpose, &user, &p.Session, &p.Methods, &p.CodeHash, &p.Ceremony, &p.Voucher.Provider, &vouched)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, ErrOver
	}
	if err != nil {
		return p, fmt.Errorf("read challenge: %w", err)
	}
	p.User = user.UUID
	if vouched != nil {
		p.Voucher.At = *vouched
	}
	return p, nil
}

func dropChallenge(ctx context.Context, q querier, hash []byte) error {
	if _, err := q.Exec(ctx, `delete from identity.challenge where token_hash = $1`, hash); err != nil {
		return fmt.Errorf("drop challenge: %w", err)
	}
	return nil
}

func takeChallenge(ctx context.Context, q querier, hash []byte) error {
	done, err := q.Exec(ctx, `delete from identity.challenge where token_hash = $1`, hash)
	if err != nil {
		return fmt.Errorf("take challenge: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrOver
	}
	return nil
}

// countTry counts an answer before it is looked at; a challenge with too many is over.
func countTry(ctx context.Context, q querier, hash []byte) error {
	done, err := q.Exec(ctx, `update identity.challenge set tries = tries + 1 where token_hash = $1 and tries < $2`, hash, maxTries)
	if err != nil {
		return fmt.Errorf("count try: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrOver
	}
	return nil
}

func setCode(ctx context.Context, tx pgx.Tx, challenge, code []byte, expires time.Time) error {
	done, err := tx.Exec(ctx, `
		update identity.challenge set code_hash = $2, code_expires_at = $3, code_tries = 0 where token_hash = $1`,
		challenge, code, expires)
	if err != nil {
		return fmt.Errorf("set code: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrOver
	}
	return nil
}

// tryCode counts a try and returns the code's hash.
func tryCode(ctx context.Context, q querier, challenge []byte, now time.Time) (hash []byte, err error) {
	err = q.QueryRow(ctx, `
		update identity.challenge set code_tries = code_tries + 1
		where token_hash = $1 and code_hash is not null and code_expires_at > $2 and code_tries < $3 returning code_hash`,
		challenge, now, codeTries).Scan(&hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errCodeOver
	}
	if err != nil {
		return nil, fmt.Errorf("try code: %w", err)
	}
	return hash, nil
}

var errCodeOver = ErrWrongCode.Because("This code is over. Have a new one sent.")

// dropCode uses a code up; of two tries at once one wins.
func dropCode(ctx context.Context, q querier, challenge, code []byte) error {
	done, err := q.Exec(ctx, `update identity.challenge set code_hash = null where token_hash = $1 and code_hash = $2`, challenge, code)
	if err != nil {
		return fmt.Errorf("take code: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrWrongCode
	}
	return nil
}

func setCeremony(ctx context.Context, q querier, challenge, ceremony []byte) error {
	done, err := q.Exec(ctx, `update identity.challenge set ceremony = $2 where token_hash = $1`, challenge, ceremony)
	if err != nil {
		return fmt.Errorf("set ceremony: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrOver
	}
	return nil
}

// takeCeremony uses up what an answer is checked against, whether the answer is right or not.
func takeCeremony(ctx context.Context, q querier, challenge []byte) (ceremony []byte, err error) {
	err = q.QueryRow(ctx, `
		with taken as (select token_hash, ceremony from identity.challenge where token_hash = $1 and ceremony is not null for update)
		update identity.challenge c set ceremony = null from taken t where c.token_hash = t.token_hash returning t.ceremony`, challenge).Scan(&ceremony)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errPasskey
	}
	if err != nil {
		return nil, fmt.Errorf("take ceremony: %w", err)
	}
	return ceremony, nil
}

func sweepChallenges(ctx context.Context, q querier, now time.Time) error {
	for {
		done, err := q.Exec(ctx, `delete from identity.challenge where token_hash in (
			select token_hash from identity.challenge where expires_at < $1 limit $2 for update skip locked)`, now, sweepBatch)
		if err != nil {
			return fmt.Errorf("sweep challenges: %w", err)
		}
		if done.RowsAffected() < sweepBatch {
			return nil
		}
	}
}
