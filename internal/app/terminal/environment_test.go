package terminal_test

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

var (
	errEnded   = errs.Conflict("session_not_ready", "The lab is not running.")
	errRemoved = errs.Forbidden("removed", "You are not a member any more.")
)

// environment is one session with one shell, which prints what is typed. It is the Dialer and the Guard of the tests.
type environment struct {
	mu       sync.Mutex
	refusal  error // of the guard
	dialErr  error
	shell    []byte
	attached map[*attachment]struct{}
	seen     []sandbox.Attachment
	as       tenancy.Scope
	greedy   bool // sends without waiting for acknowledgements
}

func (e *environment) Allow(_ context.Context, h access.Holder) (tenancy.Scope, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return tenancy.Scope{Tenant: h.Tenant, User: h.User, Role: tenancy.RoleLearner}, e.refusal
}

func (e *environment) refuse(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refusal = err
}

func (e *environment) Terminal(ctx context.Context, _ uuid.UUID, at sandbox.Attachment) (sandbox.Terminal, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.as, _ = tenancy.From(ctx)
	e.seen = append(e.seen, at)
	if e.dialErr != nil {
		return nil, e.dialErr
	}
	a := &attachment{environment: e, sent: at.Offset, frames: make(chan sandbox.Frame, 16), typed: make(chan sandbox.Frame, 16), over: make(chan struct{})}
	if e.attached == nil {
		e.attached = map[*attachment]struct{}{}
	}
	e.attached[a] = struct{}{}
	a.catchUp()
	return a, nil
}

// print is output of the shell, to everybody who is attached.
func (e *environment) print(data []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shell = append(e.shell, data...)
	for a := range e.attached {
		a.catchUp()
	}
}

// one returns the only attachment.
func (e *environment) one() *attachment {
	e.mu.Lock()
	defer e.mu.Unlock()
	for a := range e.attached {
		return a
	}
	return nil
}

func (e *environment) attachments() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.attached)
}

// attachment sends sandbox.Window unacknowledged bytes at most, as an agent does.
type attachment struct {
	environment *environment
	sent, acked uint64
	frames      chan sandbox.Frame
	typed       chan sandbox.Frame
	once        sync.Once
	over        chan struct{}
	err         error // of Read, after over
	written     int   // bytes handed to Read's caller
}

// catchUp is called under the environment's lock.
func (a *attachment) catchUp() {
	for a.sent < uint64(len(a.environment.shell)) && (a.environment.greedy || a.sent-a.acked < sandbox.Window) {
		n := min(uint64(len(a.environment.shell))-a.sent, sandbox.FrameData)
		select {
		case a.frames <- sandbox.Frame{Type: sandbox.FrameOutput, N: a.sent, Data: a.environment.shell[a.sent : a.sent+n]}:
			a.sent += n
		default:
			return
		}
	}
}

func (a *attachment) Read() (sandbox.Frame, error) {
	select {
	case f := <-a.frames:
		a.environment.mu.Lock()
		defer a.environment.mu.Unlock()
		a.written += len(f.Data)
		a.catchUp()
		return f, nil
	case <-a.over:
		if a.err != nil {
			return sandbox.Frame{}, a.err
		}
		return sandbox.Frame{}, io.EOF
	}
}

func (a *attachment) Write(f sandbox.Frame) error {
	f.Data = append([]byte(nil), f.Data...)
	switch f.Type {
	case sandbox.FrameInput:
		a.environment.print(f.Data)
	case sandbox.FrameOutputAck:
		a.environment.mu.Lock()
		a.acked = f.N
		a.catchUp()
		a.environment.mu.Unlock()
		return nil
	default:
	}
	select {
	case a.typed <- f:
		return nil
	case <-a.over:
		return errors.New("closed")
	}
}

func (a *attachment) Close() error {
	a.end(nil)
	a.environment.mu.Lock()
	defer a.environment.mu.Unlock()
	delete(a.environment.attached, a)
	return nil
}

// end makes Read fail, as when the agent is lost.
func (a *attachment) end(err error) {
	a.once.Do(func() {
		a.err = err
		close(a.over)
	})
}

func (a *attachment) handedOut() int {
	a.environment.mu.Lock()
	defer a.environment.mu.Unlock()
	return a.written
}
