// Package lease lets one request at a time change a resource, over all processes. No connection is held meanwhile.
package lease

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Life is how long a lease is held at most: whoever holds one must have ended by then.
const Life = 30 * time.Second

// How long somebody waits for a lease, how often it is looked for, and how long giving it back may take.
const (
	wait      = 5 * time.Second
	firstLook = 5 * time.Millisecond
	mostLook  = 100 * time.Millisecond
	giveBack  = 5 * time.Second
)

// ErrBusy is the answer when somebody else does not come to an end.
var ErrBusy = errs.Conflict("being_changed", "Somebody else is changing this at the moment. Load it again, then repeat your change.")

// Leases are kept in the role control's table.
type Leases struct {
	Pool *pgxpool.Pool
	Log  *slog.Logger
}

// Take waits until nobody else holds the resource. The context that it returns ends before the lease does; done gives it back.
func (l *Leases) Take(ctx context.Context, resource string) (held context.Context, done func(), err error) {
	key, holder := sha256.Sum256([]byte(resource)), uuid.New()
	for look, until := firstLook, time.Now().Add(wait); ; look = min(2*look, mostLook) {
		taken, err := l.try(ctx, key[:], holder)
		if err != nil {
			return nil, nil, err
		}
		if taken {
			break
		}
		if time.Now().After(until) {
			return nil, nil, ErrBusy
		}
		timer := time.NewTimer(look)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, nil, ctx.Err()
		case <-timer.C:
		}
	}
	held, cancel := context.WithTimeout(ctx, Life-giveBack)
	return held, func() { cancel(); l.giveBack(ctx, key[:], holder) }, nil
}

func (l *Leases) try(ctx context.Context, key []byte, holder uuid.UUID) (taken bool, err error) {
	err = l.Pool.QueryRow(ctx, `
		insert into control.lease as l (resource, holder, until) values ($1, $2, clock_timestamp() + $3)
		on conflict (resource) do update set holder = excluded.holder, until = excluded.until where l.until < clock_timestamp()
		returning true`, key, holder, Life).Scan(&taken)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("take a lease: %w", err)
	}
	return taken, nil
}

// giveBack also removes what crashes left; there are never more rows than requests under way.
func (l *Leases) giveBack(ctx context.Context, key []byte, holder uuid.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBack)
	defer cancel()
	_, err := l.Pool.Exec(ctx, `
		delete from control.lease where resource = $1 and holder = $2 or until < clock_timestamp() - interval '1 minute'`, key, holder)
	if err != nil {
		l.Log.WarnContext(ctx, "a lease lapses by itself", "error", err)
	}
}
