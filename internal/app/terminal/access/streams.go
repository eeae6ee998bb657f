package access

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Errors of Streams.
var (
	ErrTooMany = errs.Limited("too_many_connections", "This lab is open in too many windows. Close one and try again.")
	ErrClosing = errs.Unavailable("server_stops", "The server is restarting. Your lab goes on; this comes back by itself.")
)

// Streams counts the streams that are open and ends them when the server stops. Its zero value is ready to use; it must
// not be copied.
type Streams struct {
	mu         sync.Mutex
	cancels    map[*context.CancelCauseFunc]struct{}
	perSession map[uuid.UUID]int
	perUser    map[uuid.UUID]int
	closed     bool
	running    sync.WaitGroup
}

// Add counts a stream, unless there are perSession streams of its session or perUser of its user. The context that it
// returns is cancelled with ErrClosing as its cause by Close; the caller calls done when the stream has ended.
func (s *Streams) Add(ctx context.Context, h Holder, perSession, perUser int) (counted context.Context, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrClosing
	}
	if s.perSession[h.Session] >= perSession || s.perUser[h.User] >= perUser {
		return nil, nil, ErrTooMany
	}
	if s.cancels == nil {
		s.cancels = map[*context.CancelCauseFunc]struct{}{}
		s.perSession, s.perUser = map[uuid.UUID]int{}, map[uuid.UUID]int{}
	}
	counted, cancel := context.WithCancelCause(ctx)
	s.cancels[&cancel] = struct{}{}
	s.perSession[h.Session]++
	s.perUser[h.User]++
	s.running.Add(1)
	return counted, func() {
		cancel(context.Canceled)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.cancels, &cancel)
		decrement(s.perSession, h.Session)
		decrement(s.perUser, h.User)
		s.running.Done()
	}, nil
}

// Close refuses new streams, cancels the open ones and waits for them until ctx ends.
func (s *Streams) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	for cancel := range s.cancels {
		(*cancel)(ErrClosing)
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.running.Wait() // every stream has deadlines of its own, so this ends even when ctx does before
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func decrement(counts map[uuid.UUID]int, id uuid.UUID) {
	if counts[id]--; counts[id] == 0 {
		delete(counts, id)
	}
}
