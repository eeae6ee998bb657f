// Package fake is a provider for tests of what stands above the seam: its environments are directories of this machine,
// its agents run in the test's own process, and its commands as the test's own user. It isolates nothing.
package fake

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
	"github.com/cloudkida/cloudkida/internal/runtime/agent/guest"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Provider makes fake environments.
type Provider struct {
	dir string

	mu   sync.Mutex
	by   map[string]*environment
	fail map[string]error // by step
	hold chan struct{}    // Provision waits for it, when not nil
}

var _ sandbox.Provider = (*Provider)(nil)

// environment is one directory with an agent.
type environment struct {
	conn   *agent.Conn
	cancel context.CancelFunc
	gone   chan struct{} // closed when it was killed or destroyed
	done   sync.WaitGroup
}

// home is where the fake puts the learner's home directory.
const home = "/home/learner"

// New returns a provider whose environments live below dir. Close it at the end.
func New(dir string) *Provider {
	return &Provider{dir: dir, by: map[string]*environment{}, fail: map[string]error{}}
}

// FailAt makes every start fail at the step, with err; nil makes it work again.
func (p *Provider) FailAt(step string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail[step] = err
}

// Hold makes starts wait until the returned function is called.
func (p *Provider) Hold() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	hold := make(chan struct{})
	p.hold = hold
	return sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.hold = nil
		close(hold)
	})
}

// Kill ends an environment as if its process 1 had died. It stays listed until it is destroyed.
func (p *Provider) Kill(id string) {
	p.mu.Lock()
	e := p.by[id]
	p.mu.Unlock()
	if e != nil {
		e.end()
	}
}

// Close ends every environment.
func (p *Provider) Close() error {
	ids, err := p.List(context.Background())
	for _, id := range ids {
		if err := p.Destroy(context.Background(), id); err != nil {
			return err
		}
	}
	return err
}

func (e *environment) end() {
	select {
	case <-e.gone:
		return
	default:
	}
	close(e.gone)
	e.cancel()
	_ = e.conn.Close()
	e.done.Wait()
}

func (p *Provider) root(id string) string { return filepath.Join(p.dir, id) }

// Provision makes a directory and an agent for it.
func (p *Provider) Provision(ctx context.Context, spec sandbox.Spec, report func(sandbox.Step)) error {
	if report == nil {
		report = func(sandbox.Step) {}
	}
	p.mu.Lock()
	hold, existing := p.hold, p.by[spec.ID]
	p.mu.Unlock()
	if existing != nil {
		return nil
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e := &environment{gone: make(chan struct{})}
	steps := []struct {
		name string
		run  func() error
	}{
		{"rootfs", func() error { return os.MkdirAll(p.root(spec.ID)+home, 0o755) }}, //nolint:gosec // a test's directory
		{"sandbox", func() error { return nil }},
		{"agent", func() error { return p.connect(spec, e) }}, //nolint:contextcheck // the agent outlives the call
		{"files", func() error {
			for _, f := range spec.Files {
				if err := e.conn.Place(ctx, f); err != nil {
					return err
				}
			}
			return nil
		}},
		{"requires", func() error {
			missing, err := e.conn.Lookup(ctx, spec.Requires)
			if err == nil && len(missing) > 0 {
				return &sandbox.RequiresError{Image: "toolbox", Missing: missing}
			}
			return err
		}},
	}
	for _, s := range steps {
		step := sandbox.Step{Name: s.name, Started: time.Now()}
		report(step)
		p.mu.Lock()
		step.Err = p.fail[s.name]
		p.mu.Unlock()
		if step.Err == nil {
			step.Err = s.run()
		}
		step.Ended = time.Now()
		report(step)
		if step.Err != nil {
			if e.conn != nil {
				e.end()
			}
			return fmt.Errorf("%s: %w", s.name, errorsWith(step.Err, os.RemoveAll(p.root(spec.ID))))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by[spec.ID] = e
	return nil
}

func errorsWith(err, also error) error {
	if also != nil {
		return fmt.Errorf("%w; %w", err, also)
	}
	return err
}

// connect runs the agent in this process, over a pipe.
func (p *Provider) connect(spec sandbox.Spec, e *environment) error {
	root := p.root(spec.ID)
	a := guest.New(guest.Config{
		Learner:  guest.User{Name: "learner", UID: -1, Home: root + home},
		Root:     guest.User{Name: "root", UID: -1, Home: root + home},
		Hostname: spec.Hostname, Deadline: spec.Deadline, Starter: guest.Children{}, Roots: []string{root + home},
		Place: func(path string) string {
			if strings.HasPrefix(path, root) {
				return path
			}
			return filepath.Join(root, path)
		},
	})
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	once := make(chan net.Conn, 1)
	once <- theirs
	e.done.Go(func() {
		a.Run(ctx, func(ctx context.Context) (net.Conn, error) {
			select {
			case c := <-once:
				return c, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
	})
	conn, err := agent.Accept(ours)
	if err != nil {
		cancel()
		return err
	}
	e.conn = conn
	return nil
}

func (p *Provider) get(id string) (*environment, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.by[id]
	if !ok {
		return nil, sandbox.ErrNotFound
	}
	select {
	case <-e.gone:
		return nil, sandbox.ErrUnreachable
	default:
		return e, nil
	}
}

// Attach opens a terminal.
func (p *Provider) Attach(ctx context.Context, id string, at sandbox.Attachment) (sandbox.Terminal, error) {
	e, err := p.get(id)
	if err != nil {
		return nil, err
	}
	return e.conn.Attach(ctx, at)
}

// Exec runs a command.
func (p *Provider) Exec(ctx context.Context, id string, cmd sandbox.Command) (sandbox.Result, error) {
	e, err := p.get(id)
	if err != nil {
		return sandbox.Result{Code: -1}, err
	}
	return e.conn.Exec(ctx, cmd)
}

// Dial connects to a port of this machine.
func (p *Provider) Dial(ctx context.Context, id string, port uint16) (net.Conn, error) {
	e, err := p.get(id)
	if err != nil {
		return nil, err
	}
	return e.conn.Dial(ctx, port)
}

// Watch reports what happens.
func (p *Provider) Watch(ctx context.Context, id string) (<-chan sandbox.Activity, error) {
	p.mu.Lock()
	e, ok := p.by[id]
	p.mu.Unlock()
	if !ok {
		return nil, sandbox.ErrNotFound
	}
	out := make(chan sandbox.Activity)
	send := func(a sandbox.Activity) {
		select {
		case out <- a:
		case <-ctx.Done():
		}
	}
	go func() { // ends with ctx or the environment
		defer close(out)
		_ = e.conn.Watch(ctx, send)
		select {
		case <-e.gone:
			send(sandbox.Activity{Gone: true})
		case <-ctx.Done():
		}
	}()
	return out, nil
}

// Extend moves the deadline.
func (p *Provider) Extend(ctx context.Context, id string, deadline time.Time) error {
	e, err := p.get(id)
	if err != nil {
		return err
	}
	return e.conn.Extend(ctx, deadline)
}

// Destroy removes an environment; its processes have ended by then.
func (p *Provider) Destroy(ctx context.Context, id string) error {
	p.mu.Lock()
	e := p.by[id]
	delete(p.by, id)
	p.mu.Unlock()
	if e == nil {
		return nil
	}
	e.end()
	return os.RemoveAll(p.root(id))
}

// List returns the environments.
func (p *Provider) List(context.Context) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]string, 0, len(p.by))
	for id := range p.by {
		ids = append(ids, id)
	}
	return ids, nil
}
