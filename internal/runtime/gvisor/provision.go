package gvisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	runc "github.com/containerd/go-runc"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Times of a start and an end.
const (
	startTime   = 30 * time.Second
	dialInTime  = 15 * time.Second
	destroyTime = 30 * time.Second
)

// errImage is returned for images other than the toolbox.
type errImage struct{ image string }

func (e errImage) Error() string {
	return fmt.Sprintf("this host runs labs with the image %q only, not %q", toolbox, e.image)
}

const toolbox = "toolbox"

// Provision makes an environment and waits for its agent; on failure nothing of it is left.
func (p *Provider) Provision(ctx context.Context, spec sandbox.Spec, report func(sandbox.Step)) error {
	if !idForm.MatchString(spec.ID) {
		return fmt.Errorf("gvisor: %q is no environment's id", spec.ID)
	}
	if spec.Image != "" && spec.Image != toolbox {
		return errImage{spec.Image}
	}
	if report == nil {
		report = func(sandbox.Step) {}
	}
	if p.alive(spec.ID) {
		if c, err := p.conn(ctx, spec.ID); err == nil {
			return requires(ctx, c, spec)
		}
	}
	if err := p.Destroy(ctx, spec.ID); err != nil { // half of one that a crash left
		return err
	}
	err := p.provision(ctx, spec, report)
	if err == nil {
		return nil
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), destroyTime)
	defer cancel()
	return errors.Join(err, p.Destroy(clean, spec.ID))
}

func (p *Provider) provision(ctx context.Context, spec sandbox.Spec, report func(sandbox.Step)) error {
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var conn *agent.Conn
	steps := []struct {
		name string
		run  func() error
	}{
		{"rootfs", func() error { return p.bundle(spec) }},
		{"sandbox", func() error { return p.run(ctx, spec) }},
		{"agent", func() (err error) {
			if err := p.limit(spec); err != nil {
				return err
			}
			conn, err = p.dialIn(ctx, spec.ID)
			return err
		}},
		{"files", func() error { return place(ctx, conn, spec.Files) }},
		{"requires", func() error { return requires(ctx, conn, spec) }},
	}
	for _, s := range steps {
		step := sandbox.Step{Name: s.name, Started: time.Now()}
		report(step)
		step.Err = s.run()
		step.Ended = time.Now()
		report(step)
		if step.Err != nil {
			return fmt.Errorf("%s: %w", s.name, step.Err)
		}
	}
	return nil
}

// bundle makes the environment's directory: its OCI configuration and the socket that its agent dials.
func (p *Provider) bundle(spec sandbox.Spec) error {
	if err := errors.Join(os.Mkdir(p.home(spec.ID), 0o711), os.Mkdir(p.sockets(spec.ID), 0o711)); err != nil { //nolint:gosec // its parent is closed
		return err
	}
	if err := p.cgroups.make(spec); err != nil {
		return err
	}
	if err := p.hub.Listen(spec.ID, p.sockets(spec.ID)); err != nil {
		return err
	}
	config, err := json.Marshal(p.spec(spec))
	if err != nil {
		return fmt.Errorf("encode the bundle: %w", err)
	}
	return os.WriteFile(filepath.Join(p.home(spec.ID), "config.json"), config, 0o600)
}

func (p *Provider) pidFile(id string) string { return filepath.Join(p.home(id), "pid") }

// run creates and starts the sandbox in one call. Its output would keep a pipe open for its whole life: it goes to a file.
func (p *Provider) run(ctx context.Context, spec sandbox.Spec) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	said, err := os.Create(filepath.Join(p.home(spec.ID), "runsc.log"))
	if err != nil {
		return err
	}
	defer said.Close() //nolint:errcheck // the sandbox has its own
	started, joined := make(chan int, 1), make(chan struct{})
	go func() { // ends once the runtime has started, or has not: Run closes the channel
		defer close(joined)
		if pid, ok := <-started; ok {
			_ = p.cgroups.join(spec.ID, pid) // limit looks whether it was soon enough
		}
	}()
	_, err = p.runtime(diskOf(spec)).Run(ctx, spec.ID, p.home(spec.ID), &runc.CreateOpts{
		IO: fileIO{said}, Detach: true, PidFile: p.pidFile(spec.ID), Started: started,
	})
	<-joined
	if err != nil {
		text, _ := os.ReadFile(said.Name())
		return fmt.Errorf("runsc: %w: %s", err, lastLine(text))
	}
	return nil
}

func lastLine(text []byte) string {
	const longest = 500
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	last := strings.ToValidUTF8(string(lines[len(lines)-1]), "?")
	return last[:min(len(last), longest)]
}

// limit puts the sandbox under its limits.
func (p *Provider) limit(spec sandbox.Spec) error {
	pid, ok := p.pid(spec.ID)
	if !ok {
		return errors.New("the sandbox has no process")
	}
	return p.cgroups.settle(spec, pid)
}

// dialIn waits until the agent has connected.
func (p *Provider) dialIn(ctx context.Context, id string) (*agent.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialInTime)
	defer cancel()
	return p.await(ctx, id)
}

func place(ctx context.Context, c *agent.Conn, files []sandbox.File) error {
	for _, f := range files {
		if err := c.Place(ctx, f); err != nil {
			return fmt.Errorf("place %s: %w", f.Path, err)
		}
	}
	return nil
}

func requires(ctx context.Context, c *agent.Conn, spec sandbox.Spec) error {
	if len(spec.Requires) == 0 {
		return nil
	}
	missing, err := c.Lookup(ctx, spec.Requires)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return &sandbox.RequiresError{Image: toolbox, Missing: missing}
	}
	return nil
}

// Destroy removes an environment with all that belongs to it. The directory goes last: as long as it is there, so may be
// the rest, and it can be done again.
func (p *Provider) Destroy(ctx context.Context, id string) error {
	if !idForm.MatchString(id) {
		return fmt.Errorf("gvisor: %q is no environment's id", id)
	}
	if _, err := os.Stat(p.home(id)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, destroyTime)
	defer cancel()
	if p.known(id) {
		if err := p.runtime(0).Delete(ctx, id, &runc.DeleteOpts{Force: true}); err != nil && p.known(id) {
			return fmt.Errorf("gvisor: delete %s: %w", id, err)
		}
	}
	p.hub.Forget(id)
	if err := p.cgroups.remove(id); err != nil {
		return err
	}
	if err := os.RemoveAll(p.home(id)); err != nil {
		return fmt.Errorf("gvisor: %w", err)
	}
	return nil
}

// known tells whether the runtime has state of an environment. Its files are named after the id.
func (p *Provider) known(id string) bool {
	found, err := filepath.Glob(filepath.Join(p.state(), id+"*"))
	return err != nil || len(found) > 0
}
