// Package access keeps a stream from outliving the right to it: a terminal or a web port that is open when its session
// ends, or when its user is removed, ends within five seconds.
package access

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// How long what is known holds. A right that was confirmed is good for Limit at most: a guard that cannot answer, because
// the database is away, ends streams too, with an error that says to try again.
const (
	Limit     = 5 * time.Second
	every     = 1500 * time.Millisecond // between two checks of one stream
	checkTime = time.Second             // for one answer of the guard
	fresh     = 500 * time.Millisecond  // answers are shared by the streams of one holder for so long
)

// maxKnown bounds the answers that are remembered.
const maxKnown = 10_000

// ErrUndecided ends a stream, or refuses it, when the guard gave no answer.
var ErrUndecided = errs.Unavailable("access_undecided", "We could not check your access just now. Try again in a few seconds.")

// Holder is who may use which session. It has ids only: role and rights are asked for again and again.
type Holder struct {
	Tenant  uuid.UUID
	User    uuid.UUID
	Session uuid.UUID
	By      uuid.UUID // an API key, a machine client's secret or a person's sign-in, that the right ends with
}

// Guard answers from the server's own rows.
type Guard interface {
	// Allow returns the scope that the holder has now, if it may use the session and the session is running. Otherwise
	// it returns an errs error: not found or conflict when the session is gone, forbidden or unauthenticated when the
	// holder may not use it (any more). Its own caches may be two seconds old: with them, a
	// shared answer and the pause between two checks, a stream ends four seconds after the revocation at the latest.
	Allow(ctx context.Context, h Holder) (tenancy.Scope, error)
}

// Checker asks a guard, once a second at most for each holder.
type Checker struct {
	Guard Guard

	mu    sync.Mutex
	known map[Holder]*answer
}

// answer is the last one of the guard; its turn makes simultaneous askers wait for one question.
type answer struct {
	turn  chan struct{} // holds one token while somebody asks
	scope tenancy.Scope
	err   error
	asked time.Time // zero before the first answer
}

// Check returns a context that acts as the holder, or the guard's refusal.
func (c *Checker) Check(ctx context.Context, h Holder) (context.Context, error) {
	scope, _, err := c.ask(ctx, h)
	if err != nil {
		return nil, err
	}
	return tenancy.With(ctx, scope), nil
}

// Keep returns a context that acts as the holder and is cancelled, with the refusal as its cause, when the right ends.
// The caller calls stop when the stream has ended.
func (c *Checker) Keep(ctx context.Context, h Holder) (kept context.Context, stop func(), err error) {
	scope, at, err := c.ask(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	kept, cancel := context.WithCancelCause(tenancy.With(ctx, scope))
	var watching sync.WaitGroup
	watching.Go(func() { cancel(c.watch(kept, h, at)) })
	return kept, func() {
		cancel(context.Canceled)
		watching.Wait()
	}, nil
}

// watch returns why the right ended. confirmed is when it was last known to be there.
func (c *Checker) watch(ctx context.Context, h Holder, confirmed time.Time) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	unsure := error(ErrUndecided)
	for {
		until, cancel := context.WithDeadline(ctx, confirmed.Add(Limit))
		select {
		case <-until.Done():
			cancel()
			return cmp.Or(context.Cause(ctx), unsure)
		case <-tick.C:
		}
		_, at, err := c.ask(until, h)
		cancel()
		switch {
		case err == nil:
			confirmed = at
		case decided(err):
			return err
		default:
			unsure = err
		}
	}
}

// ask returns the holder's scope and the time at which it was surely right.
func (c *Checker) ask(ctx context.Context, h Holder) (tenancy.Scope, time.Time, error) {
	a, began := c.answer(h), time.Now()
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return tenancy.Scope{}, time.Time{}, ErrUndecided.Wrap(ctx.Err())
	}
	defer func() { <-a.turn }()
	// A "no" is shared only by those who waited for it: the next asker may have been let in again.
	if a.asked.After(began) || a.err == nil && time.Since(a.asked) < fresh {
		return a.scope, a.asked, a.err
	}
	asked := time.Now()
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	scope, err := c.Guard.Allow(limited, h)
	if err != nil && !decided(err) {
		err = ErrUndecided.Wrap(err)
	}
	if ctx.Err() == nil { // what an impatient asker got says nothing to the others
		a.scope, a.err, a.asked = scope, err, asked
	}
	return scope, asked, err
}

func (c *Checker) answer(h Holder) *answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.known[h]; ok {
		return a
	}
	if c.known == nil || len(c.known) >= maxKnown {
		c.known = map[Holder]*answer{} // forgetting costs one question each
	}
	a := &answer{turn: make(chan struct{}, 1)}
	c.known[h] = a
	return a
}

// decided tells a refusal from a failure to answer.
func decided(err error) bool {
	switch errs.KindOf(err) {
	case errs.KindNotFound, errs.KindConflict, errs.KindForbidden, errs.KindUnauthenticated:
		return true
	default:
		return false
	}
}
