package gvisor

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// aliveEvery is how often an environment without a connection is looked at.
const aliveEvery = 500 * time.Millisecond

// Watch reports what happens in an environment, across connections, until ctx ends or the environment has.
func (p *Provider) Watch(ctx context.Context, id string) (<-chan sandbox.Activity, error) {
	if _, err := os.Stat(p.home(id)); err != nil {
		return nil, sandbox.ErrNotFound
	}
	out := make(chan sandbox.Activity)
	go func() { // ends with ctx, or when the environment is gone
		defer close(out)
		send := func(a sandbox.Activity) {
			select {
			case out <- a:
			case <-ctx.Done():
			}
		}
		for ctx.Err() == nil {
			c, err := p.await(ctx, id)
			if err != nil {
				send(sandbox.Activity{Gone: ctx.Err() == nil})
				return
			}
			_ = c.Watch(ctx, send) // it ended with its connection; the next one is waited for
		}
	}()
	return out, nil
}

// await waits for the agent's connection as long as the environment's process is alive.
func (p *Provider) await(ctx context.Context, id string) (*agent.Conn, error) {
	for {
		short, cancel := context.WithTimeout(ctx, aliveEvery)
		c, err := p.hub.Conn(short, id)
		cancel()
		if err == nil || ctx.Err() != nil || !p.alive(id) {
			return c, err
		}
	}
}

// alive tells whether the sandbox's process is there.
func (p *Provider) alive(id string) bool {
	pid, ok := p.pid(id)
	if !ok {
		return false
	}
	command, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && strings.Contains(string(command), id)
}

// pid is the number of the sandbox's process, as the runtime wrote it.
func (p *Provider) pid(id string) (int, bool) {
	text, err := os.ReadFile(p.pidFile(id))
	if err != nil {
		return 0, false
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid, err == nil && pid > 1
}
