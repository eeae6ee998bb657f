// Package guest is the agent's own half: what runs inside an environment. It keeps terminals that outlive browsers and
// servers, runs commands, places files and tells what happens. It trusts the server that it dials and nobody else.
package guest

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
)

// grace is how long after its deadline an environment waits for a server that is away.
const grace = 2 * time.Minute

// Config is what an agent knows from its start.
type Config struct {
	Learner  User
	Root     User
	Hostname string
	Deadline time.Time
	Starter  Starter
	Roots    []string // directories whose changes count as activity
	// Place maps a path that the server names to one here; nil leaves it as it is.
	Place func(path string) string
}

// User is somebody whom commands run as.
type User struct {
	Name string
	UID  int // -1: whoever runs the agent
	Home string
}

// Agent serves one environment.
type Agent struct {
	cfg       Config
	terminals terminals
	activity  *activity

	mu       sync.Mutex
	deadline time.Time
}

// New returns an agent. Run it to follow what happens in the environment.
func New(cfg Config) *Agent {
	a := &Agent{cfg: cfg, deadline: cfg.Deadline, activity: newActivity()}
	a.terminals.start = a.startShell
	a.terminals.activity = a.activity
	return a
}

// Run dials the server again and again until ctx ends, or the deadline has passed and no server came for a while.
func (a *Agent) Run(ctx context.Context, dial func(context.Context) (net.Conn, error)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { a.follow(ctx) })
	pause := time.Millisecond
	for ctx.Err() == nil && !a.over() {
		raw, err := dial(ctx)
		if err == nil {
			pause = time.Millisecond
			_ = a.Serve(ctx, raw) // the server went away: it, or the next one, is dialled again
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
	cancel()
}

func (a *Agent) over() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.deadline.IsZero() && time.Now().After(a.deadline.Add(grace))
}

// Serve answers one server's connection until it ends.
func (a *Agent) Serve(ctx context.Context, raw net.Conn) error {
	defer raw.Close() //nolint:errcheck // it has ended
	if err := agent.WriteMessage(raw, agent.Hello{Version: agent.Version}); err != nil {
		return err
	}
	mux, err := yamux.Server(raw, agent.Multiplex())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = mux.Close() })
	defer stop()
	var streams sync.WaitGroup
	defer streams.Wait()
	defer mux.Close() //nolint:errcheck // it has ended
	for {
		s, err := mux.AcceptStream()
		if err != nil {
			return err
		}
		streams.Go(func() {
			defer s.Close() //nolint:errcheck // it has ended
			a.serve(ctx, s)
		})
	}
}

func (a *Agent) serve(ctx context.Context, s *yamux.Stream) {
	var req agent.Request
	if err := agent.ReadMessage(s, &req); err != nil {
		return
	}
	switch {
	case req.Op == agent.OpAttach && req.Attach != nil:
		a.terminals.attach(ctx, s, *req.Attach)
	case req.Op == agent.OpExec && req.Exec != nil:
		a.exec(ctx, s, *req.Exec)
	case req.Op == agent.OpFile && req.File != nil:
		reply(s, a.place(s, *req.File))
	case req.Op == agent.OpDial:
		a.dial(ctx, s, req.Port)
	case req.Op == agent.OpWatch:
		a.watch(ctx, s)
	case req.Op == agent.OpLookup:
		_ = agent.WriteMessage(s, agent.Reply{Missing: a.lookup(req.Commands)})
	case req.Op == agent.OpExtend:
		a.mu.Lock()
		a.deadline = req.Deadline
		a.mu.Unlock()
		reply(s, nil)
	default:
		reply(s, errors.New("unknown operation"))
	}
}

func reply(s net.Conn, err error) {
	r := agent.Reply{}
	if err != nil {
		r.Error = err.Error()
	}
	_ = agent.WriteMessage(s, r) // the server may be gone
}

// user is whom a name stands for.
func (a *Agent) user(name string) User {
	if name == a.cfg.Root.Name {
		return a.cfg.Root
	}
	return a.cfg.Learner
}

func (a *Agent) path(name string) string {
	if a.cfg.Place == nil {
		return name
	}
	return a.cfg.Place(name)
}

// environ is the environment of a user's processes.
func (a *Agent) environ(u User, more map[string]string) []string {
	env := []string{
		"HOME=" + u.Home, "USER=" + u.Name, "LOGNAME=" + u.Name, "SHELL=/bin/bash", "LANG=C.UTF-8", "PATH=" + searchPath,
		"HOSTNAME=" + a.cfg.Hostname,
		// Address space is limited, and each thread's arena would reserve 64 MiB of it.
		"MALLOC_ARENA_MAX=2",
	}
	for name, value := range more {
		env = append(env, name+"="+value)
	}
	return env
}

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
