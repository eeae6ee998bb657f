package guest

import (
	"bufio"
	"context"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Times and bounds of what is told.
const (
	tellEvery = 250 * time.Millisecond // at most
	lookEvery = time.Second            // at foreground jobs and ports, while something happens
	quietLook = 10 * time.Second       // the same while nothing happens
	maxPorts  = 64
)

// activity gathers what happened since it was last told.
type activity struct {
	mu      sync.Mutex
	now     sandbox.Activity
	stirred bool // something happened since follow last looked
	paused  int  // commands of the server's own run: their files are not the learner's
	signal  chan struct{}
}

func newActivity() *activity { return &activity{signal: make(chan struct{}, 1)} }

func (a *activity) note(change func(*sandbox.Activity)) {
	a.mu.Lock()
	change(&a.now)
	a.stirred = true
	a.mu.Unlock()
	select {
	case a.signal <- struct{}{}:
	default:
	}
}

func (a *activity) keys()  { a.note(func(now *sandbox.Activity) { now.Keys = true }) }
func (a *activity) port()  { a.note(func(now *sandbox.Activity) { now.Port = true }) }
func (a *activity) files() { a.note(func(now *sandbox.Activity) { now.Files = true }) }

// changed notes a change of files, unless a command of the server's own runs.
func (a *activity) changed() {
	a.mu.Lock()
	paused := a.paused > 0
	a.mu.Unlock()
	if !paused {
		a.files()
	}
}

// pauseFiles ignores changes of files until the returned function is called, and a moment longer: they are told late.
func (a *activity) pauseFiles() (resume func()) {
	add := func(n int) {
		a.mu.Lock()
		a.paused += n
		a.mu.Unlock()
	}
	add(1)
	return func() { time.AfterFunc(lingering, func() { add(-1) }) }
}

// take returns what happened and forgets it; what lasts, such as open ports, stays.
func (a *activity) take() sandbox.Activity {
	a.mu.Lock()
	defer a.mu.Unlock()
	told := a.now
	a.now.Keys, a.now.Files, a.now.Port = false, false, false
	return told
}

// watch tells the server what happens until its stream ends.
func (a *Agent) watch(ctx context.Context, s net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the stream
		_, _ = s.Read(make([]byte, 1))
		cancel()
	}()
	for first := true; ; first = false {
		if !first {
			select {
			case <-ctx.Done():
				return
			case <-a.activity.signal:
			}
		}
		if err := agent.WriteMessage(s, a.activity.take()); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(tellEvery):
		}
	}
}

// looked tells whether something happened since it was last asked.
func (a *activity) looked() (stirred bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	stirred, a.stirred = a.stirred, false
	return stirred
}

// follow looks at what tells nothing by itself: foreground jobs, ports, and files where inotify works.
func (a *Agent) follow(ctx context.Context) {
	if w, err := newWatcher(a.cfg.Roots, a.activity.changed); err == nil {
		defer w.close()
		go w.run()
	}
	last, quiet := sandbox.Activity{}, time.Now()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !a.activity.looked() && !last.Busy && time.Since(quiet) < quietLook {
			continue
		}
		quiet = time.Now()
		now := sandbox.Activity{Busy: a.terminals.busy(), Ports: listening()}
		if now.Busy == last.Busy && slices.Equal(now.Ports, last.Ports) {
			continue
		}
		last = now
		a.activity.note(func(n *sandbox.Activity) { n.Busy, n.Ports, n.Files = now.Busy, now.Ports, true })
	}
}

// listening lists the TCP ports that somebody listens on, in order.
func listening() []uint16 {
	var ports []uint16
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name) //nolint:gosec // one of two constants
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() && len(ports) < maxPorts {
			// sl local_address rem_address st ...: state 0A listens
			fields := strings.Fields(lines.Text())
			if len(fields) < 4 || fields[3] != "0A" {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			if n, err := strconv.ParseUint(hex, 16, 16); err == nil {
				ports = append(ports, uint16(n))
			}
		}
		_ = f.Close()
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// dial connects the stream to a port on loopback.
func (a *Agent) dial(ctx context.Context, s net.Conn, port uint16) {
	var d net.Dialer
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := d.DialContext(limited, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		conn, err = d.DialContext(limited, "tcp", net.JoinHostPort("::1", strconv.Itoa(int(port))))
	}
	if err != nil {
		reply(s, err)
		return
	}
	defer conn.Close() //nolint:errcheck // it has ended
	reply(s, nil)
	a.activity.port()
	join(ctx, s, conn)
}
