package access_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

var errRemoved = errs.Forbidden("removed", "You are not a member any more.")

// guard answers with err, or hangs until its caller gives up.
type guard struct {
	mu    sync.Mutex
	err   error
	hangs bool
	asked int
}

func (g *guard) Allow(ctx context.Context, h access.Holder) (tenancy.Scope, error) {
	g.mu.Lock()
	err, hangs := g.err, g.hangs
	g.asked++
	g.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return tenancy.Scope{}, ctx.Err()
	}
	return tenancy.Scope{Tenant: h.Tenant, User: h.User, Role: tenancy.RoleLearner}, err
}

func (g *guard) set(err error, hangs bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err, g.hangs = err, hangs
}

func (g *guard) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

func holder() access.Holder {
	return access.Holder{Tenant: uuid.New(), User: uuid.New(), Session: uuid.New()}
}

func TestStreamEndsWithinLimitOfRevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &guard{}
		c := &access.Checker{Guard: g}
		ctx, stop, err := c.Keep(t.Context(), holder())
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		if scope, ok := tenancy.From(ctx); !ok || scope.Role != tenancy.RoleLearner {
			t.Fatalf("scope %+v, %v: want the guard's", scope, ok)
		}
		<-time.After(time.Hour) // the bubble's clock
		if ctx.Err() != nil {
			t.Fatalf("ended although allowed: %v", context.Cause(ctx))
		}
		revoked := time.Now()
		g.set(errRemoved, false)
		<-ctx.Done()
		if took := time.Since(revoked); took > access.Limit {
			t.Errorf("ended %v after the revocation, want at most %v", took, access.Limit)
		}
		if !errors.Is(context.Cause(ctx), errRemoved) {
			t.Errorf("cause %v, want the guard's refusal", context.Cause(ctx))
		}
	})
}

func TestSilentGuardEndsStreamsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &guard{}
		c := &access.Checker{Guard: g}
		h := holder()
		var streams []context.Context
		for range 20 {
			ctx, stop, err := c.Keep(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			streams = append(streams, ctx)
		}
		g.set(nil, true)
		since := time.Now()
		for _, ctx := range streams {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), access.ErrUndecided) {
				t.Errorf("cause %v, want ErrUndecided", context.Cause(ctx))
			}
		}
		if took := time.Since(since); took > access.Limit {
			t.Errorf("the last of many ended after %v, want at most %v", took, access.Limit)
		}
	})
}

func TestOneFailureIsForgiven(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &guard{}
		c := &access.Checker{Guard: g}
		ctx, stop, err := c.Keep(t.Context(), holder())
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		g.set(errors.New("connection reset"), false)
		<-time.After(3 * time.Second) // the bubble's clock
		g.set(nil, false)
		<-time.After(time.Minute) // the bubble's clock
		if ctx.Err() != nil {
			t.Errorf("ended after one failure: %v", context.Cause(ctx))
		}
	})
}

func TestAnswersAreSharedButRefusalsDoNotStay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &guard{}
		c := &access.Checker{Guard: g}
		h := holder()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if _, err := c.Check(t.Context(), h); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := g.count(); n != 1 {
			t.Errorf("50 checks at once asked %d times, want 1", n)
		}
		<-time.After(2 * time.Second) // the bubble's clock
		g.set(errRemoved, false)
		if _, err := c.Check(t.Context(), h); !errors.Is(err, errRemoved) {
			t.Errorf("got %v, want the refusal", err)
		}
		g.set(nil, false)
		<-time.After(time.Millisecond) // the bubble's clock
		if _, err := c.Check(t.Context(), h); err != nil {
			t.Errorf("let in again, got %v", err)
		}
		other := h
		other.User = uuid.New()
		g.set(errRemoved, false)
		if _, err := c.Check(t.Context(), other); !errors.Is(err, errRemoved) {
			t.Errorf("another user got %v: answers must not be shared between holders", err)
		}
	})
}

func TestStreamsAreBoundedAndEndWithTheServer(t *testing.T) {
	t.Parallel()
	var s access.Streams
	h := holder()
	ctx, done, err := s.Add(t.Context(), h, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := s.Add(t.Context(), h, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = s.Add(t.Context(), h, 2, 3); !errors.Is(err, access.ErrTooMany) {
		t.Errorf("third of two per session: %v", err)
	}
	elsewhere := access.Holder{Tenant: h.Tenant, User: h.User, Session: uuid.New()}
	_, third, err := s.Add(t.Context(), elsewhere, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Session = uuid.New()
	if _, _, err = s.Add(t.Context(), elsewhere, 2, 3); !errors.Is(err, access.ErrTooMany) {
		t.Errorf("fourth of three per user: %v", err)
	}
	second()
	third()
	ended := make(chan error)
	go func() { ended <- s.Close(context.Background()) }()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), access.ErrClosing) {
		t.Errorf("cause %v, want ErrClosing", context.Cause(ctx))
	}
	done()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, _, err = s.Add(t.Context(), h, 2, 3); !errors.Is(err, access.ErrClosing) {
		t.Errorf("after Close: %v", err)
	}
}
