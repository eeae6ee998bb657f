package db

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Bounds of the connections to silos; all of them together stay below what the database gives.
const (
	perSilo   = 3
	siloIdle  = 30 * time.Second
	siloWait  = 10 * time.Second
	siloSweep = 5 * time.Second
)

var errSilosBusy = errs.Unavailable("silos_busy", "The database has no connection free for your organisation. Try again in a moment.")

// Silos opens connections for silo tenants when they are needed, as each one's own role, and closes them when they are idle.
type Silos struct {
	in   Installation
	most int

	mu    sync.Mutex
	open  map[Role]*silo
	freed chan struct{} // closed and renewed when a silo becomes idle
	done  chan struct{}
	ended chan struct{}
}

type silo struct {
	pool    *pgxpool.Pool
	key     string // of the place that it was opened for
	users   int
	idle    time.Time // since when nobody uses it
	retired bool      // the place is another one now: it closes with its last user
}

// NewSilos returns a Silos with connections to at most so many silos at once. Close ends it.
func NewSilos(in Installation, most int) *Silos {
	s := &Silos{in: in, most: most, open: map[Role]*silo{}, freed: make(chan struct{}), done: make(chan struct{}), ended: make(chan struct{})}
	go s.closeIdle()
	return s
}

// acquire returns the pool of a silo's role, to be released when it is not needed any more. It waits while as many silos as
// may be are busy. Connections that were opened before the silo was made anew are not used: their role is gone.
func (s *Silos) acquire(ctx context.Context, at place) (*pgxpool.Pool, func(), error) {
	timeout := time.NewTimer(siloWait)
	defer timeout.Stop()
	for {
		found, freed, err := s.take(ctx, at)
		if err != nil {
			return nil, nil, err
		}
		if found != nil {
			return found.pool, sync.OnceFunc(func() { s.release(found) }), nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case <-timeout.C:
			return nil, nil, errSilosBusy
		}
	}
}

// take returns the silo, opening it where there is room, or a channel that tells when it is worth asking again.
func (s *Silos) take(ctx context.Context, at place) (*silo, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.open[at.Login]
	if ok && found.key != string(at.Key) {
		s.retire(at.Login)
		ok = false
	}
	if !ok {
		if len(s.open) >= s.most && !s.closeOldest() {
			return nil, s.freed, nil
		}
		// It connects with its first use; the pool belongs to no request.
		pool, err := s.in.Open(context.WithoutCancel(ctx), at.Login, perSilo)
		if err != nil {
			return nil, nil, fmt.Errorf("open silo: %w", err)
		}
		found = &silo{pool: pool, key: string(at.Key)}
		s.open[at.Login] = found
	}
	found.users++
	return found, nil, nil
}

func (s *Silos) release(used *silo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	used.users--
	if used.users == 0 && used.retired {
		used.pool.Close()
	}
	if used.users == 0 {
		used.idle = time.Now()
		close(s.freed)
		s.freed = make(chan struct{})
	}
}

// closeOldest makes room by closing the silo that nobody has used for longest.
func (s *Silos) closeOldest() bool {
	var oldest Role
	for r, o := range s.open {
		if o.users == 0 && (oldest == "" || o.idle.Before(s.open[oldest].idle)) {
			oldest = r
		}
	}
	if oldest == "" {
		return false
	}
	s.open[oldest].pool.Close()
	delete(s.open, oldest)
	return true
}

func (s *Silos) closeIdle() {
	defer close(s.ended)
	tick := time.NewTicker(siloSweep)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case now := <-tick.C:
			s.closeUnused(now)
		}
	}
}

func (s *Silos) closeUnused(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r, o := range s.open {
		if o.users == 0 && now.Sub(o.idle) > siloIdle {
			o.pool.Close()
			delete(s.open, r)
		}
	}
}

// Drop closes the connections of one silo, such as before its role is dropped; one in use is left to its users.
func (s *Silos) Drop(r Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retire(r)
}

func (s *Silos) retire(r Role) {
	o, ok := s.open[r]
	if !ok {
		return
	}
	delete(s.open, r)
	o.retired = true
	if o.users == 0 {
		o.pool.Close()
	}
}

// Open tells to how many silos there are connections.
func (s *Silos) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Close closes all connections; the features that use them have ended by then.
func (s *Silos) Close() {
	close(s.done)
	<-s.ended
	s.mu.Lock()
	defer s.mu.Unlock()
	for r, o := range s.open {
		o.pool.Close()
		delete(s.open, r)
	}
}
