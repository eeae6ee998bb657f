// Package peer holds what the program is measured beside: a bare handler with the same queries, and PocketBase. Each serves
// in a process of its own.
package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// How long a peer may take to start and to stop.
const (
	startLimit = time.Minute
	stopLimit  = 30 * time.Second
)

// Process is a peer that serves in a process of its own: in the bench's it would share the garbage collector and the
// scheduler with what puts load on it.
type Process struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	cmd   *exec.Cmd
}

// Begin starts a peer and reads the line of JSON that says where it is.
func Begin(ctx context.Context, env []string, name string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.CommandContext(context.WithoutCancel(ctx), name, args...)} //nolint:gosec // a program of ours
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	line := make(chan error, 1)
	go func() {
		reader := bufio.NewReader(out)
		text, err := reader.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(text, p)
		}
		line <- err
		_, _ = reader.WriteTo(io.Discard) // until it ends; what it says further is of no interest
	}()
	select {
	case err = <-line:
	case <-time.After(startLimit):
		err = fmt.Errorf("not ready after %s", startLimit)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), p.End())
	}
	return p, nil
}

// End stops the peer.
func (p *Process) End() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop a peer: %w", err)
	}
	kill := time.AfterFunc(stopLimit, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	var status *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &status) {
		return fmt.Errorf("a peer's end: %w", err)
	}
	return nil
}
