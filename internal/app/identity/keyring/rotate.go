package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// Life is how long a key signs before the next one takes its place.
	Life = 30 * 24 * time.Hour
	// Lead is how long a new key is published before it signs: more than our own processes (keysLife) and what others
	// remember of our keys (Cache-Control of the endpoint, 5 minutes) together.
	Lead = 10 * time.Minute
	// Tail is how long a key is published after it signed its last token: the longest life of one, and clocks that differ.
	Tail = time.Hour + 5*time.Minute
)

// Rotation is what a rotation has done.
type Rotation struct {
	Key       string    // that signs next
	SignsAt   time.Time // from then on
	Until     time.Time // the old keys are published until then
	Scheduled bool      // it was on its way already
}

// Rotate publishes a new key of a pool, which takes over after Lead. One that is on its way already is not followed by
// another, so that asking twice does no harm.
func (r *Ring) Rotate(ctx context.Context, pool uuid.UUID, record func(pgx.Tx, Rotation) error) (done Rotation, err error) {
	if _, err := r.All(ctx, pool); err != nil { // which makes the first
		return Rotation{}, err
	}
	err = pgx.BeginFunc(ctx, r.db, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, pool); err != nil {
			return err
		}
		keys, err := r.load(ctx, tx, pool)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			return errors.New("rotate signing keys: the pool has none")
		}
		now := r.now()
		if next := keys[0]; next.signs.After(now) {
			done = Rotation{Key: next.id, SignsAt: next.signs, Until: next.signs.Add(Tail), Scheduled: true}
			return record(tx, done)
		}
		next, err := r.insert(ctx, tx, pool, now.Add(Lead))
		if err != nil {
			return err
		}
		done = Rotation{Key: next.id, SignsAt: next.signs, Until: next.signs.Add(Tail)}
		_, err = tx.Exec(ctx, `update identity.signing_key set retired_at = $3, expires_at = $4 where pool_id = $1 and id <> $2 and retired_at is null`,
			pool, next.id, done.SignsAt, done.Until)
		if err != nil {
			return fmt.Errorf("retire signing keys: %w", err)
		}
		return record(tx, done)
	})
	if err != nil {
		return Rotation{}, err
	}
	r.forget(pool)
	return done, nil
}

// RotateDue rotates the keys of every pool whose key has signed for Life. It is safe to run at any time and by several
// processes.
func (r *Ring) RotateDue(ctx context.Context) (rotated int, err error) {
	rows, err := r.db.Query(ctx, `
		select pool_id from identity.signing_key group by pool_id having max(signs_at) <= $1 order by pool_id`, r.now().Add(-Life))
	if err != nil {
		return 0, fmt.Errorf("look for old signing keys: %w", err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, fmt.Errorf("look for old signing keys: %w", err)
	}
	for _, pool := range due {
		done, err := r.Rotate(ctx, pool, func(pgx.Tx, Rotation) error { return nil })
		if err != nil {
			return rotated, err
		}
		if !done.Scheduled {
			rotated++
		}
	}
	return rotated, nil
}

func (r *Ring) forget(pool uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pools, pool)
}

func lock(ctx context.Context, tx pgx.Tx, pool uuid.UUID) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: signing key "+pool.String()); err != nil {
		return fmt.Errorf("lock signing keys: %w", err)
	}
	return nil
}
