package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/grant"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
)

// maxWaiting bounds the devices of a pool that wait at once. Codes stay hard to guess with as many.
const maxWaiting = 10_000

// Start makes the codes of a device that asks from a network address.
func (s *Service) Start(ctx context.Context, pool access.Pool, by *client.Client, scopes []string, from string) (Codes, error) {
	device, hash := opaque.New()
	code, now := newUserCode(), s.Now()
	made, err := s.DB.Exec(ctx, `
		insert into identity.device_code (device_hash, user_hash, pool_id, client_id, scopes, asked_from, created_at, expires_at)
		select @device, @user, @pool, @client, @scopes, @from, @now, @expires
		where (select count(*) from (select from identity.device_code where pool_id = @pool and expires_at > @now limit @most) w) < @most`, pgx.NamedArgs{
		"device": hash, "user": s.hash(pool.ID, code), "pool": pool.ID, "client": by.ID, "scopes": scopes, "from": from,
		"now": now, "expires": now.Add(Life), "most": maxWaiting,
	})
	if err != nil {
		return Codes{}, fmt.Errorf("insert device code: %w", err)
	}
	if made.RowsAffected() == 0 {
		return Codes{}, errSlow
	}
	return Codes{Device: device, User: Show(code)}, nil
}

// Find returns the device that waits with a code, as a person has typed it.
func (s *Service) Find(ctx context.Context, pool access.Pool, typed string) (Request, error) {
	code, ok := Clean(typed)
	if !ok {
		return Request{}, ErrCode
	}
	var r Request
	err := s.DB.QueryRow(ctx, `
		select d.device_hash, c.name, d.asked_from, d.created_at, d.scopes
		from identity.device_code d join identity.client c on c.pool_id = d.pool_id and c.id = d.client_id
		where d.pool_id = $1 and d.user_hash = $2 and d.decided_at is null and d.expires_at > $3`, pool.ID, s.hash(pool.ID, code), s.Now()).
		Scan(&r.hash, &r.Client, &r.From, &r.AskedAt, &r.Scopes)
	if errors.Is(err, pgx.ErrNoRows) {
		return Request{}, ErrCode
	}
	if err != nil {
		return Request{}, fmt.Errorf("read device code: %w", err)
	}
	return r, nil
}

// Approve lets a device in. It can be decided once.
func (s *Service) Approve(ctx context.Context, r Request, by Approval) error {
	return s.decide(ctx, `
		update identity.device_code set decided_at = @now, user_id = @user, tenant_id = @tenant, browser_session_id = @session, methods = @methods, signed_in_at = @signed_in
		where device_hash = @hash and decided_at is null and expires_at > @now`, pgx.NamedArgs{
		"hash": r.hash, "now": s.Now(), "user": by.User, "tenant": by.Tenant, "session": by.Session, "methods": by.Methods, "signed_in": by.SignedInAt,
	})
}

// Deny turns a device away.
func (s *Service) Deny(ctx context.Context, r Request) error {
	return s.decide(ctx, `update identity.device_code set decided_at = @now where device_hash = @hash and decided_at is null and expires_at > @now`,
		pgx.NamedArgs{"hash": r.hash, "now": s.Now()})
}

func (s *Service) decide(ctx context.Context, statement string, args pgx.NamedArgs) error {
	done, err := s.DB.Exec(ctx, statement, args)
	if err != nil {
		return fmt.Errorf("decide about a device: %w", err)
	}
	if done.RowsAffected() == 0 {
		return ErrCode
	}
	return nil
}

// waiting is a device that asks whether somebody has decided.
type waiting struct {
	grant.Grant
	user, tenant uuid.NullUUID
	decided      bool
	used         bool
	expires      time.Time
	polled       *time.Time
	pause        time.Duration
	signedIn     *time.Time
}

// Take answers a device's poll: with a grant once somebody has approved, and with one of RFC 8628's errors before.
func (s *Service) Take(ctx context.Context, pool access.Pool, by, code string) (*grant.Grant, error) {
	hash := opaque.Hash(code)
	var w waiting
	var refusal error
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) (err error) {
		if w, err = lockDevice(ctx, tx, pool, by, hash); err != nil {
			return err
		}
		refusal, err = s.poll(ctx, tx, w, hash)
		if err != nil || refusal != nil {
			return err
		}
		w.Client = by
		return s.Grants.Open(ctx, tx, pool, &w.Grant)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, errDevice
	case err != nil:
		return nil, fmt.Errorf("poll of a device: %w", err)
	case refusal != nil && w.used:
		return nil, s.Grants.EndReused(ctx, `
			delete from identity.token_family f using identity.device_code d
			where d.device_hash = $1 and d.pool_id = $2 and f.id = d.family_id returning f.user_id, f.client_id`, hash, pool, refusal)
	case refusal != nil:
		return nil, refusal
	}
	return &w.Grant, nil
}

// poll is what a device hears now; nil when it is let in.
func (s *Service) poll(ctx context.Context, tx pgx.Tx, w waiting, hash []byte) (refusal, err error) {
	now := s.Now()
	switch {
	case w.used:
		return errDevice, nil
	case !now.Before(w.expires):
		return errExpired, nil
	case w.decided && !w.user.Valid:
		return errDenied, nil
	case w.decided:
		_, err = tx.Exec(ctx, `update identity.device_code set used_at = $2 where device_hash = $1`, hash, now)
	case w.polled != nil && now.Sub(*w.polled) < w.pause:
		refusal = errSlow
		_, err = tx.Exec(ctx, `update identity.device_code set polled_at = $2, pause_seconds = least(pause_seconds + 5, 60) where device_hash = $1`, hash, now)
	default:
		refusal = errPending
		_, err = tx.Exec(ctx, `update identity.device_code set polled_at = $2 where device_hash = $1`, hash, now)
	}
	if err != nil {
		return nil, fmt.Errorf("note a poll: %w", err)
	}
	return refusal, nil
}

func lockDevice(ctx context.Context, tx pgx.Tx, pool access.Pool, by string, hash []byte) (w waiting, err error) {
	var pause int64
	err = tx.QueryRow(ctx, `
		select family_id, user_id, tenant_id, browser_session_id, coalesce(methods, '{}'), signed_in_at, scopes,
			decided_at is not null, used_at is not null, expires_at, polled_at, pause_seconds
		from identity.device_code where device_hash = $1 and pool_id = $2 and client_id = $3 for update`, hash, pool.ID, by).
		Scan(&w.Family, &w.user, &w.tenant, &w.Session, &w.Methods, &w.signedIn, &w.Scopes, &w.decided, &w.used, &w.expires, &w.polled, &pause)
	if err != nil {
		return w, err
	}
	w.pause = time.Duration(pause) * time.Second
	w.User, w.Tenant = w.user.UUID, w.tenant.UUID
	if w.signedIn != nil {
		w.SignedInAt = *w.signedIn
	}
	return w, nil
}
