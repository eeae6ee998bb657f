package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/fault"
)

// querier is the pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// maxList bounds what a user can have of all kinds.
const maxList = 3 * maxOfKind

func listFactors(ctx context.Context, q querier, user uuid.UUID) ([]Factor, error) {
	rows, err := q.Query(ctx, `
		select id, kind, name, created_at, used_at from identity.factor
		where user_id = $1 and confirmed_at is not null order by id limit $2`, user, maxList)
	if err != nil {
		return nil, fmt.Errorf("list factors: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Factor])
	if err != nil {
		return nil, fmt.Errorf("list factors: %w", err)
	}
	return append([]Factor{}, found...), nil
}

func dropUnconfirmed(ctx context.Context, tx pgx.Tx, user uuid.UUID, kind Kind) error {
	if _, err := tx.Exec(ctx, `delete from identity.factor where user_id = $1 and kind = $2 and confirmed_at is null`, user, string(kind)); err != nil {
		return fmt.Errorf("drop unconfirmed factor: %w", err)
	}
	return nil
}

// roomFor refuses one more of what a user has enough of.
func roomFor(ctx context.Context, tx pgx.Tx, user uuid.UUID, kind Kind) error {
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from identity.factor where user_id = $1 and kind = $2`, user, string(kind)).Scan(&n); err != nil {
		return fmt.Errorf("count factors: %w", err)
	}
	if n >= maxOfKind {
		return ErrTooMany
	}
	return nil
}

type storedTOTP struct {
	ID       uuid.UUID
	Sealed   []byte
	LastStep int64
}

func totpOf(ctx context.Context, q querier, user uuid.UUID, confirmed bool) ([]storedTOTP, error) {
	rows, err := q.Query(ctx, `
		select id, sealed, last_step from identity.factor
		where user_id = $1 and kind = 'totp' and (confirmed_at is not null) = $2 order by id limit $3`, user, confirmed, maxOfKind)
	if err != nil {
		return nil, fmt.Errorf("read totp: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[storedTOTP])
	if err != nil {
		return nil, fmt.Errorf("read totp: %w", err)
	}
	return found, nil
}

func insertTOTP(ctx context.Context, tx pgx.Tx, pool, user uuid.UUID, sealed []byte) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `
		insert into identity.factor (pool_id, user_id, kind, name, sealed) values ($1, $2, 'totp', 'Authenticator app', $3) returning id`,
		pool, user, sealed).Scan(&id)
	if err != nil {
		return id, fmt.Errorf("insert totp: %w", err)
	}
	return id, nil
}

func confirmTOTP(ctx context.Context, tx pgx.Tx, id uuid.UUID, name string, step int64, now time.Time) error {
	_, err := tx.Exec(ctx, `update identity.factor set name = $2, last_step = $3, confirmed_at = $4 where id = $1`, id, name, step, now)
	if err != nil {
		return fmt.Errorf("confirm totp: %w", err)
	}
	return nil
}

// takeStep uses a time step up; of two tries at once one wins.
func takeStep(ctx context.Context, q querier, id uuid.UUID, step int64, now time.Time) error {
	done, err := q.Exec(ctx, `update identity.factor set last_step = $2, used_at = $3 where id = $1 and last_step < $2`, id, step, now)
	if err != nil {
		return fmt.Errorf("take totp: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrWrongCode
	}
	return nil
}

func removeFactor(ctx context.Context, tx pgx.Tx, user, id uuid.UUID) (kind Kind, err error) {
	own := fault.Else(fault.FactorOfAnybody, "user_id = $2", "$2::uuid is not null")
	err = tx.QueryRow(ctx, `delete from identity.factor where id = $1 and `+own+` returning kind`, id, user).Scan(&kind)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("remove factor: %w", err)
	}
	return kind, nil
}

func removeAll(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	for _, table := range []string{"factor", "recovery_code", "challenge"} {
		if _, err := tx.Exec(ctx, `delete from identity.`+table+` where user_id = $1`, user); err != nil {
			return fmt.Errorf("remove every %s: %w", table, err)
		}
	}
	return nil
}

func replaceRecoveryCodes(ctx context.Context, tx pgx.Tx, user uuid.UUID, hashes [][]byte) error {
	if err := dropRecoveryCodes(ctx, tx, user); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `insert into identity.recovery_code (user_id, code_hash) select $1, unnest($2::bytea[])`, user, hashes)
	if err != nil {
		return fmt.Errorf("insert recovery codes: %w", err)
	}
	return nil
}

func dropRecoveryCodes(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from identity.recovery_code where user_id = $1`, user); err != nil {
		return fmt.Errorf("drop recovery codes: %w", err)
	}
	return nil
}

func countRecoveryCodes(ctx context.Context, q querier, user uuid.UUID) (left int, err error) {
	err = q.QueryRow(ctx, `select count(*) from identity.recovery_code where user_id = $1 and used_at is null`, user).Scan(&left)
	if err != nil {
		return 0, fmt.Errorf("count recovery codes: %w", err)
	}
	return left, nil
}

func takeRecoveryCode(ctx context.Context, q querier, user uuid.UUID, hash []byte, now time.Time) error {
	done, err := q.Exec(ctx, `update identity.recovery_code set used_at = $3 where user_id = $1 and code_hash = $2 and used_at is null`, user, hash, now)
	if err != nil {
		return fmt.Errorf("take recovery code: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrWrongCode
	}
	return nil
}

type storedPasskey struct {
	ID         uuid.UUID
	Credential []byte
}

func passkeysOf(ctx context.Context, q querier, user uuid.UUID) ([]storedPasskey, error) {
	rows, err := q.Query(ctx, `
		select id, credential from identity.factor where user_id = $1 and kind = 'passkey' and confirmed_at is not null order by id limit $2`, user, maxOfKind)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[storedPasskey])
}

func insertPasskey(ctx context.Context, tx pgx.Tx, pool, user uuid.UUID, name string, id, credential []byte, now time.Time) error {
	_, err := tx.Exec(ctx, `
		insert into identity.factor (pool_id, user_id, kind, name, credential_id, credential, confirmed_at)
		values ($1, $2, 'passkey', $3, $4, $5, $6)`, pool, user, name, id, credential, now)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return errPasskey.Wrap(err) // WebAuthn, 7.1, step 26: a key belongs to one account
	}
	if err != nil {
		return fmt.Errorf("insert passkey: %w", err)
	}
	return nil
}

func updatePasskey(ctx context.Context, q querier, id uuid.UUID, credential []byte, now time.Time) error {
	if _, err := q.Exec(ctx, `update identity.factor set credential = $2, used_at = $3 where id = $1`, id, credential, now); err != nil {
		return fmt.Errorf("update passkey: %w", err)
	}
	return nil
}

// insertEmail lets codes by mail count and the address be proved.
func insertEmail(ctx context.Context, tx pgx.Tx, pool, user uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `
		insert into identity.factor (pool_id, user_id, kind, name, confirmed_at) values ($1, $2, 'email', 'Codes by mail', $3) on conflict do nothing`,
		pool, user, now)
	if err == nil {
		_, err = tx.Exec(ctx, `update identity."user" set email_proved_at = $2 where id = $1 and email_proved_at is null`, user, now)
	}
	if err != nil {
		return fmt.Errorf("insert mail factor: %w", err)
	}
	return nil
}

func noteEmail(ctx context.Context, q querier, user uuid.UUID, now time.Time) error {
	if _, err := q.Exec(ctx, `update identity.factor set used_at = $2 where user_id = $1 and kind = 'email'`, user, now); err != nil {
		return fmt.Errorf("note mail factor: %w", err)
	}
	return nil
}

// readOwner reads a user of a pool who may sign in.
func readOwner(ctx context.Context, q querier, pool, user uuid.UUID) (*owner, error) {
	o := &owner{ID: user}
	err := q.QueryRow(ctx, `select email, name from identity."user" where id = $1 and pool_id = $2 and disabled_at is null`, user, pool).Scan(&o.Email, &o.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrOver
	}
	if err != nil {
		return nil, fmt.Errorf("read user: %w", err)
	}
	return o, nil
}

func readDemand(ctx context.Context, q querier, pool, user uuid.UUID) (d demand, err error) {
	err = q.QueryRow(ctx, `
		select p.mfa = 'off', p.mfa = 'required' or (p.mfa = 'required_for' and (
			('operator' = any (p.mfa_roles) and u.operator) or exists (
				select from identity.membership m where m.user_id = u.id and m.status = 'active' and m.role = any (p.mfa_roles)))),
			exists (select from identity.factor f where f.user_id = u.id and f.confirmed_at is not null)
		from identity."user" u join identity.pool p on p.id = u.pool_id where u.id = $1 and p.id = $2`, user, pool).
		Scan(&d.off, &d.required, &d.has)
	if errors.Is(err, pgx.ErrNoRows) {
		return d, errNoUser
	}
	if err != nil {
		return d, fmt.Errorf("read demand: %w", err)
	}
	return d, nil
}
