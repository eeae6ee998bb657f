package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// SocketName is the name of an environment's socket within its directory.
const SocketName = "agent.sock"

// Hub listens for agents: one socket for each environment, so that the socket alone says which environment calls.
type Hub struct {
	Log *slog.Logger

	mu   sync.Mutex
	by   map[string]*endpoint
	done sync.WaitGroup
}

// endpoint is where one environment's agent dials in, and its present connection.
type endpoint struct {
	listener net.Listener
	conn     *Conn         // nil while no agent is connected
	changed  chan struct{} // closed, and made anew, when conn changes
}

// Listen makes the socket of an environment in dir, replacing one that an earlier process left. Listening again is no error.
func (h *Hub) Listen(id, dir string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.by[id]; ok {
		return nil
	}
	l, err := listen(dir)
	if err != nil {
		return err
	}
	if h.by == nil {
		h.by = map[string]*endpoint{}
	}
	e := &endpoint{listener: l, changed: make(chan struct{})}
	h.by[id] = e
	h.done.Go(func() { h.accept(id, e) })
	return nil
}

// listen makes the socket through a short path: addresses of sockets have 108 bytes at most, directories do not.
func listen(dir string) (net.Listener, error) {
	if err := os.Remove(filepath.Join(dir, SocketName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("agent socket: %w", err)
	}
	d, err := os.Open(dir) //nolint:gosec // a directory of ours
	if err != nil {
		return nil, fmt.Errorf("agent socket: %w", err)
	}
	defer d.Close() //nolint:errcheck // it was only a name
	short := fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), SocketName)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("agent socket: %w", err)
	}
	l.SetUnlinkOnClose(false) // the name is a descriptor's, which is another one by then
	// Who may connect is decided by who sees the directory: it is closed, and mounted into this environment alone.
	if err := os.Chmod(filepath.Join(dir, SocketName), 0o666); err != nil { //nolint:gosec // see above
		return nil, errors.Join(fmt.Errorf("agent socket: %w", err), l.Close())
	}
	return l, nil
}

// accept takes connections until the endpoint is closed. The newest one wins: an agent that dials again lost the old one.
func (h *Hub) accept(id string, e *endpoint) {
	for {
		raw, err := e.listener.Accept()
		if err != nil {
			return
		}
		conn, err := Accept(raw)
		if err != nil {
			h.Log.Warn("an agent's connection was refused", "environment", id, "error", err)
			_ = raw.Close()
			continue
		}
		h.set(e, conn)
		h.done.Go(func() {
			<-conn.Done()
			h.unset(e, conn)
		})
	}
}

func (h *Hub) set(e *endpoint, conn *Conn) {
	h.mu.Lock()
	old := e.conn
	e.conn = conn
	close(e.changed)
	e.changed = make(chan struct{})
	h.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
}

func (h *Hub) unset(e *endpoint, conn *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.conn == conn {
		e.conn = nil
		close(e.changed)
		e.changed = make(chan struct{})
	}
}

// Conn returns the environment's connection, waiting for it until ctx ends.
func (h *Hub) Conn(ctx context.Context, id string) (*Conn, error) {
	for {
		h.mu.Lock()
		e, ok := h.by[id]
		if !ok {
			h.mu.Unlock()
			return nil, sandbox.ErrNotFound
		}
		conn, changed := e.conn, e.changed
		h.mu.Unlock()
		if conn != nil {
			return conn, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, sandbox.ErrUnreachable
		}
	}
}

// Forget closes an environment's socket and connection.
func (h *Hub) Forget(id string) {
	h.mu.Lock()
	e, ok := h.by[id]
	delete(h.by, id)
	if !ok {
		h.mu.Unlock()
		return
	}
	close(e.changed)
	e.changed = make(chan struct{})
	conn := e.conn
	h.mu.Unlock()
	_ = e.listener.Close()
	if conn != nil {
		_ = conn.Close()
	}
}

// Close forgets every environment and waits until all connections have ended. The agents dial again later.
func (h *Hub) Close() {
	h.mu.Lock()
	ids := make([]string, 0, len(h.by))
	for id := range h.by {
		ids = append(ids, id)
	}
	h.mu.Unlock()
	for _, id := range ids {
		h.Forget(id)
	}
	h.done.Wait()
}
