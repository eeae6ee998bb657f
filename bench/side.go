package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
	"github.com/cloudkida/cloudkida/internal/runtime/gvisor"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// side runs environments beside the server: by our provider alone, without server and database, and by runc with the same
// root file system, the same agent and the same configuration.
type side struct {
	dir      string
	provider *gvisor.Provider
	hub      agent.Hub
	config   *specs.Spec // as the provider writes it; nil where runc cannot run
	why      string      // it cannot
}

func newSide(ctx context.Context, dir string, log *slog.Logger) (*side, error) {
	provider, err := gvisor.New(ctx, gvisor.Config{Runsc: "bin/runsc", Dir: filepath.Join(dir, "gvisor"), Log: log})
	if err != nil {
		return nil, err
	}
	s := &side{dir: dir, provider: provider, hub: agent.Hub{Log: log}}
	if os.Geteuid() != 0 {
		s.why = "runc needs root"
		return s, nil
	}
	if err := s.takeConfig(ctx); err != nil {
		return nil, errors.Join(err, s.close()) //nolint:contextcheck // it is undone whatever became of ctx
	}
	return s, nil
}

// takeConfig keeps the configuration that the provider gives to gVisor.
func (s *side) takeConfig(ctx context.Context) (err error) {
	id := newID()
	if err := s.provider.Provision(ctx, specOf(id), nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.provider.Destroy(ctx, id)) }()
	text, err := os.ReadFile(filepath.Join(s.dir, "gvisor", "environments", id, "config.json")) //nolint:gosec // a directory of ours
	if err != nil {
		return err
	}
	s.config = &specs.Spec{}
	return json.Unmarshal(text, s.config)
}

func (s *side) close() error {
	s.hub.Close()
	return s.provider.Close()
}

func newID() string {
	id := uuid.New()
	return hex.EncodeToString(id[:])
}

func specOf(id string) sandbox.Spec {
	return sandbox.Spec{ID: id, Image: "toolbox", Hostname: "lab", Deadline: time.Now().Add(10 * time.Minute)}
}

func attachment() sandbox.Attachment {
	return sandbox.Attachment{Name: "1", Client: "bench", Cols: 80, Rows: 24}
}

// gvisor provisions an environment and returns its terminal once the shell has written its first byte.
func (s *side) gvisor(ctx context.Context) (string, wire, error) {
	id := newID()
	if err := s.provider.Provision(ctx, specOf(id), nil); err != nil {
		return "", nil, err
	}
	w, err := s.provider.Attach(ctx, id, attachment())
	if err != nil {
		return "", nil, err
	}
	return id, w, firstByte(w)
}

// container is one environment by runc, prepared but not started.
type container struct {
	*side
	id     string
	bundle string
}

// prepare makes the bundle: a writable copy of the root file system and the configuration. That is not measured, in
// runc's favour.
func (s *side) prepare() (*container, error) {
	id := newID()
	c := &container{side: s, id: id, bundle: filepath.Join(s.dir, "runc", id)}
	sockets := filepath.Join(c.bundle, "socket")
	if err := os.MkdirAll(sockets, 0o755); err != nil { //nolint:gosec // as the provider's
		return nil, err
	}
	root := filepath.Join(c.bundle, "root")
	if text, err := exec.Command("cp", "-a", s.config.Root.Path, root).CombinedOutput(); err != nil { //nolint:gosec,noctx // our own directories; short
		return nil, fmt.Errorf("copy the root file system: %w: %s", err, text)
	}
	config := *s.config
	config.Root = &specs.Root{Path: root}
	config.Mounts = nil
	for _, m := range s.config.Mounts {
		if filepath.Base(m.Source) == "socket" {
			m.Source = sockets
		}
		config.Mounts = append(config.Mounts, m)
	}
	process := *s.config.Process
	process.Capabilities = held(process.Capabilities)
	config.Process = &process
	linux := *s.config.Linux
	linux.CgroupsPath = "/cloudkida-bench/" + id
	linux.Namespaces = append([]specs.LinuxNamespace{{Type: specs.NetworkNamespace}}, linux.Namespaces...)
	config.Linux = &linux
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	return c, os.WriteFile(filepath.Join(c.bundle, "config.json"), text, 0o600)
}

// held leaves out what this machine does not let even root have: gVisor's capabilities are its own, runc's the kernel's.
func held(c *specs.LinuxCapabilities) *specs.LinuxCapabilities {
	if allowed, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, unix.CAP_SYS_RESOURCE, 0, 0, 0); err == nil && allowed == 1 {
		return c
	}
	without := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return name == "CAP_SYS_RESOURCE" })
	}
	return &specs.LinuxCapabilities{Bounding: without(c.Bounding), Effective: without(c.Effective), Permitted: without(c.Permitted)}
}

// start starts the container and returns its terminal once the shell has written its first byte.
func (c *container) start(ctx context.Context) (wire, error) {
	if err := c.hub.Listen(c.id, filepath.Join(c.bundle, "socket")); err != nil {
		return nil, err
	}
	if err := c.runc(ctx, "run", "--detach", "--pid-file", filepath.Join(c.bundle, "pid"), "--bundle", c.bundle, c.id); err != nil {
		return nil, err
	}
	conn, err := c.hub.Conn(ctx, c.id)
	if err != nil {
		return nil, err
	}
	w, err := conn.Attach(ctx, attachment())
	if err != nil {
		return nil, err
	}
	return w, firstByte(w)
}

// remove ends the container with everything of it.
func (c *container) remove(ctx context.Context) error {
	c.hub.Forget(c.id)
	return errors.Join(c.runc(ctx, "delete", "--force", c.id), os.RemoveAll(c.bundle))
}

// runc runs the runtime. A container keeps what it was started with: a file, never a pipe.
func (c *container) runc(ctx context.Context, args ...string) error {
	log, err := os.OpenFile(filepath.Join(c.dir, "runc.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, fs.FileMode(0o600))
	if err != nil {
		return err
	}
	defer log.Close()                                                                                                   //nolint:errcheck // a log
	cmd := exec.CommandContext(ctx, "runc", append([]string{"--root", filepath.Join(c.dir, "runc-state")}, args...)...) //nolint:gosec // a program of the system
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("runc %s: %w", args[0], err), tail(log.Name()))
	}
	return nil
}
