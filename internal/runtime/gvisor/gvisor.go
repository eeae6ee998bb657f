// Package gvisor runs environments as gVisor sandboxes on this host, through the OCI command line of runsc. Everything
// that it keeps is below one directory: a root file system that all share read-only, and a directory for each
// environment, which is there as long as anything of it is.
package gvisor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	runc "github.com/containerd/go-runc"
	"golang.org/x/sys/unix"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Config of a provider.
type Config struct {
	Runsc string // the runtime; "" looks beside the program, in bin/ above the working directory, then on PATH
	Dir   string // for everything that it keeps
	Log   *slog.Logger
}

// Provider makes and reaches environments on this host.
type Provider struct {
	cfg     Config
	cgroups *cgroups // nil: no limits by cgroup
	hub     agent.Hub
	turns   chan struct{} // one for each start at a time
}

var _ sandbox.Provider = (*Provider)(nil)

// startsPerCore bounds how many sandboxes start at once: more only make each other slower.
const startsPerCore = 2

// New prepares the host's root file system and listens for the agents of the environments that run already.
func New(ctx context.Context, cfg Config) (*Provider, error) {
	found, err := findRunsc(cfg.Runsc)
	if err != nil {
		return nil, err
	}
	cfg.Runsc = found
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, fmt.Errorf("gvisor: %w", err)
	}
	p := &Provider{cfg: cfg, turns: make(chan struct{}, startsPerCore*runtime.NumCPU())}
	p.hub.Log = cfg.Log
	for _, dir := range []string{p.environments(), p.state()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("the sandboxes' directory cannot be made: %w (choose another data directory with --data)", err)
		}
	}
	if err := p.makeRootfs(); err != nil {
		return nil, err
	}
	if err := p.probe(ctx); err != nil {
		return nil, err
	}
	err = p.takeUp(ctx)
	return p, err
}

func findRunsc(name string) (string, error) {
	candidates := []string{name}
	if name == "" {
		candidates = nil
		if self, err := os.Executable(); err == nil {
			candidates = append(candidates, filepath.Join(filepath.Dir(self), "runsc"))
		}
		if wd, err := os.Getwd(); err == nil {
			for ; wd != "/"; wd = filepath.Dir(wd) {
				candidates = append(candidates, filepath.Join(wd, "bin", "runsc"))
			}
		}
	}
	for _, c := range candidates {
		if info, err := os.Stat(c); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return filepath.Abs(c)
		}
	}
	if name == "" {
		if found, err := exec.LookPath("runsc"); err == nil {
			return found, nil
		}
	}
	return "", errors.New("the gVisor runtime runsc is missing: run make build, or name it with --runsc")
}

func (p *Provider) rootless() bool { return os.Geteuid() != 0 }

func (p *Provider) environments() string     { return filepath.Join(p.cfg.Dir, "environments") }
func (p *Provider) state() string            { return filepath.Join(p.cfg.Dir, "runsc") }
func (p *Provider) home(id string) string    { return filepath.Join(p.environments(), id) }
func (p *Provider) sockets(id string) string { return filepath.Join(p.home(id), "socket") }

// runtime is runsc with the flags of every call; disk is how much may be written, where it matters.
func (p *Provider) runtime(disk int64) *runc.Runc {
	flags := []string{
		"--platform=systrap", "--network=none", "--host-uds=open", "--host-settings=ignore",
		"--ignore-cgroups", // the limits are ours: see cgroups
		fmt.Sprintf("--overlay2=root:memory,size=%d", disk),
	}
	if p.rootless() {
		flags = append(flags, "--rootless")
	}
	return &runc.Runc{Command: p.cfg.Runsc, Root: p.state(), Log: "/dev/null", ExtraArgs: flags}
}

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// takeUp listens for the agents of environments that an earlier process made; they dial in by themselves.
func (p *Provider) takeUp(ctx context.Context) error {
	ids, err := p.List(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := p.hub.Listen(id, p.sockets(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.cfg.Log.WarnContext(ctx, "take up an environment", "environment", id, "error", err)
		}
	}
	return nil
}

// Close stops listening. The environments go on, and dial the next process.
func (p *Provider) Close() error {
	p.hub.Close()
	ids, err := p.List(context.Background())
	if err != nil || len(ids) > 0 {
		return err
	}
	// The runtime keeps an empty network namespace mounted for all sandboxes, once for each that started at the same
	// time; the last one has gone. It fails when none is left, or when it is not ours to unmount.
	for err == nil {
		err = unix.Unmount(filepath.Join(p.state(), "null-netns"), unix.MNT_DETACH)
	}
	return nil
}

// Lacks names what this machine does not give us, each with what it means.
func (p *Provider) Lacks() []string {
	var lacks []string
	if p.cgroups == nil {
		lacks = append(lacks, "no cgroups can be made: memory is limited per process only, and CPU not at all (run as root to have both)")
	}
	return lacks
}

// List returns the environments of this host, half-made ones included.
func (p *Provider) List(context.Context) ([]string, error) {
	entries, err := os.ReadDir(p.environments())
	if err != nil {
		return nil, fmt.Errorf("gvisor: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if idForm.MatchString(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// connectTime is how long a call waits for an agent that is not connected at the moment.
const connectTime = 5 * time.Second

func (p *Provider) conn(ctx context.Context, id string) (*agent.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	return p.hub.Conn(ctx, id)
}

// Attach opens a terminal.
func (p *Provider) Attach(ctx context.Context, id string, at sandbox.Attachment) (sandbox.Terminal, error) {
	c, err := p.conn(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.Attach(ctx, at)
}

// Exec runs a command.
func (p *Provider) Exec(ctx context.Context, id string, cmd sandbox.Command) (sandbox.Result, error) {
	c, err := p.conn(ctx, id)
	if err != nil {
		return sandbox.Result{Code: -1}, err
	}
	return c.Exec(ctx, cmd)
}

// Dial connects to a port on loopback.
func (p *Provider) Dial(ctx context.Context, id string, port uint16) (net.Conn, error) {
	c, err := p.conn(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.Dial(ctx, port)
}

// Extend moves the deadline that the agent knows.
func (p *Provider) Extend(ctx context.Context, id string, deadline time.Time) error {
	c, err := p.conn(ctx, id)
	if err != nil {
		return err
	}
	return c.Extend(ctx, deadline)
}
