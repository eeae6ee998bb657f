package guest

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"

	"github.com/cloudkida/cloudkida/internal/runtime/agent"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Bounds of terminals.
const (
	maxTerminals   = 9
	maxClients     = 64                 // whose numbers of input frames are remembered, per terminal
	maxAttachments = 32                 // per terminal
	lead           = sandbox.Window / 2 // how far the output may be ahead of a reader that makes progress
	stalledAfter   = 5 * time.Second    // without progress a reader no longer holds the output back
	queuedInputs   = 64                 // frames that wait for a program that does not read
)

// terminals are the environment's terminals by name.
type terminals struct {
	start    func(tty *os.File) (pid int, ended <-chan syscall.WaitStatus, err error)
	activity *activity

	mu sync.Mutex
	by map[string]*terminal
}

// terminal is a shell on a PTY. It outlives those who attach to it; when its shell ends, the next attachment starts another.
type terminal struct {
	activity *activity

	mu      sync.Mutex
	changed *sync.Cond // output came, a reader acknowledged, came or went
	master  *os.File   // nil when no shell runs
	shell   int
	out     ring
	marks   marks
	exited  bool
	code    int
	size    uint64 // columns<<16 | rows
	readers map[*reader]struct{}
	seen    map[string]uint64 // the last input frame of each client
	input   chan input
	over    chan struct{} // closed when the shell that reads input has ended
	stall   *time.Timer   // wakes the output when a reader that holds it may have stalled
}

type input struct {
	data []byte
	done func() // after it was written
}

// startShell starts the learner's login shell.
func (a *Agent) startShell(tty *os.File) (int, <-chan syscall.WaitStatus, error) {
	u := a.cfg.Learner
	if u.UID >= 0 {
		_ = tty.Chown(u.UID, u.UID) // as login does: programs open their terminal by its name
	}
	env := append(a.environ(u, nil), "TERM=xterm-256color", "COLORTERM=truecolor")
	return a.cfg.Starter.Start([]string{"/bin/bash", "-l"}, &os.ProcAttr{
		Dir: u.Home, Env: env, Files: []*os.File{tty, tty, tty},
		Sys: attributes(u, syscall.SysProcAttr{Setsid: true, Setctty: true}),
	})
}

// get returns a terminal with a running shell.
func (ts *terminals) get(at sandbox.Attachment) (*terminal, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(at.Name) != 1 || at.Name[0] < '1' || at.Name[0] > '9' {
		return nil, errors.New("terminals are named 1 to 9")
	}
	t, ok := ts.by[at.Name]
	if !ok {
		if ts.by == nil {
			ts.by = map[string]*terminal{}
		}
		t = &terminal{
			activity: ts.activity, out: ring{size: sandbox.Retained}, readers: map[*reader]struct{}{}, seen: map[string]uint64{},
			size: uint64(80)<<16 | 24,
		}
		t.changed = sync.NewCond(&t.mu)
		t.stall = time.AfterFunc(stalledAfter, t.changed.Broadcast)
		ts.by[at.Name] = t
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.master != nil {
		return t, nil
	}
	if at.Cols > 0 && at.Rows > 0 {
		t.size = uint64(at.Cols)<<16 | uint64(at.Rows)
	}
	err := t.launch(ts.start)
	return t, err
}

// launch starts the shell; t.mu is held.
func (t *terminal) launch(start func(*os.File) (int, <-chan syscall.WaitStatus, error)) error {
	master, tty, err := pty.Open()
	if err != nil {
		return err
	}
	defer tty.Close() //nolint:errcheck // the shell has its own
	_ = pty.Setsize(master, winsize(t.size))
	pid, ended, err := start(tty)
	if err != nil {
		return errors.Join(err, master.Close())
	}
	t.marks = marks{}
	t.master, t.shell, t.exited = master, pid, false
	t.input, t.over = make(chan input, queuedInputs), make(chan struct{})
	go t.pump(master, ended, t.over)
	go t.feed(master, t.input, t.over)
	return nil
}

func winsize(n uint64) *pty.Winsize {
	return &pty.Winsize{Cols: uint16(n >> 16), Rows: uint16(n)} //nolint:gosec // two numbers of 16 bits
}

// pump moves the shell's output into the ring until the shell has ended, no faster than its readers take it.
func (t *terminal) pump(master *os.File, ended <-chan syscall.WaitStatus, over chan struct{}) {
	buffer := make([]byte, sandbox.FrameData)
	for {
		n, err := master.Read(buffer)
		if n > 0 {
			t.mu.Lock()
			t.out.write(buffer[:n])
			t.marks.read(buffer[:n])
			t.changed.Broadcast()
			for t.held() {
				t.changed.Wait()
			}
			t.mu.Unlock()
			t.activity.files()
		}
		if err != nil {
			break // EIO: nobody has the terminal open any more
		}
	}
	status := <-ended
	t.mu.Lock()
	t.master, t.exited, t.code = nil, true, code(status)
	close(over)
	t.input = nil
	t.changed.Broadcast()
	t.mu.Unlock()
	_ = master.Close()
	t.activity.files()
}

// held tells whether a reader that makes progress is too far behind; t.mu is held.
func (t *terminal) held() bool {
	for r := range t.readers {
		if t.out.total-min(r.sent, t.out.total) <= lead {
			continue
		}
		if time.Since(r.progress) < stalledAfter {
			t.stall.Reset(stalledAfter)
			return true
		}
	}
	return false
}

// feed types what readers send, in order, at the speed at which the program in the terminal takes it.
func (t *terminal) feed(master *os.File, inputs <-chan input, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case in := <-inputs:
			if _, err := master.Write(in.data); err == nil {
				in.done()
			}
		}
	}
}

// reader is one attachment.
type reader struct {
	sent     uint64 // offset up to which output was sent
	acked    uint64 // offset up to which the reader has processed it
	progress time.Time
	size     uint64 // that it was told
	client   string
	ack      uint64 // last input frame to acknowledge
	acknow   bool
	gone     bool
}

// attach serves one attachment until its stream or ctx ends.
func (ts *terminals) attach(ctx context.Context, s net.Conn, at sandbox.Attachment) {
	t, err := ts.get(at)
	if err == nil {
		var r *reader
		if r, err = t.join(at); err == nil {
			reply(s, nil)
			stop := context.AfterFunc(ctx, func() { _ = s.Close() })
			defer stop()
			go t.listen(s, r)
			t.send(s, r)
			return
		}
	}
	reply(s, err)
}

func (t *terminal) join(at sandbox.Attachment) (*reader, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.readers) >= maxAttachments {
		return nil, errors.New("too many are attached to this terminal")
	}
	if _, known := t.seen[at.Client]; !known && len(t.seen) >= maxClients {
		clear(t.seen) // forgetting them means at worst that a frame is typed twice
	}
	r := &reader{sent: at.Offset, acked: at.Offset, progress: time.Now(), client: at.Client}
	if last, known := t.seen[at.Client]; known {
		r.ack, r.acknow = last, true // the client learns which frames it need not send again
	}
	if at.Offset < t.out.first() || at.Offset > t.out.total {
		r.sent = t.out.first()
		r.acked = r.sent
	}
	if at.Cols > 0 && at.Rows > 0 {
		t.resize(uint64(at.Cols)<<16 | uint64(at.Rows))
	}
	t.readers[r] = struct{}{}
	return r, nil
}

// resize sets the terminal's size: the last who asks decides; t.mu is held.
func (t *terminal) resize(n uint64) {
	if n>>16 == 0 || n&0xffff == 0 || n>>32 != 0 {
		return
	}
	t.size = n
	if t.master != nil {
		_ = pty.Setsize(t.master, winsize(n))
	}
	t.changed.Broadcast()
}

// send sends output, sizes and acknowledgements until the attachment or the shell has ended.
func (t *terminal) send(s net.Conn, r *reader) {
	defer t.leave(r)
	buffer := make([]byte, sandbox.FrameData)
	for {
		frames, last := t.next(r, buffer)
		for _, f := range frames {
			if err := agent.WriteFrame(s, f); err != nil {
				return
			}
		}
		if last {
			return
		}
	}
}

// next waits for something to tell the reader. last means that nothing comes after it.
func (t *terminal) next(r *reader, buffer []byte) (frames []sandbox.Frame, last bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if r.gone {
			return nil, true
		}
		if r.size != t.size {
			r.size = t.size
			frames = append(frames, sandbox.Frame{Type: sandbox.FrameSize, N: t.size})
		}
		if r.acknow {
			r.acknow = false
			frames = append(frames, sandbox.Frame{Type: sandbox.FrameInputAck, N: r.ack})
		}
		if r.sent < t.out.total && r.sent-r.acked < sandbox.Window {
			room := min(uint64(len(buffer)), sandbox.Window-(r.sent-r.acked))
			from, n := t.out.read(buffer[:room], r.sent)
			if from > r.sent {
				r.acked = from // what was lost needs no acknowledgement
			}
			r.sent = from + uint64(n) //nolint:gosec // n is positive
			frames = append(frames, sandbox.Frame{Type: sandbox.FrameOutput, N: from, Data: buffer[:n]})
			t.changed.Broadcast()
		} else if t.exited && r.sent >= t.out.total {
			return append(frames, sandbox.Frame{Type: sandbox.FrameExit, N: uint64(t.code)}), true //nolint:gosec // 0 to 255
		}
		if len(frames) > 0 {
			return frames, false
		}
		t.changed.Wait()
	}
}

// listen takes what the reader sends until its stream ends.
func (t *terminal) listen(s net.Conn, r *reader) {
	for {
		f, err := agent.ReadFrame(s)
		if err != nil {
			t.mu.Lock()
			r.gone = true
			t.changed.Broadcast()
			t.mu.Unlock()
			return
		}
		switch f.Type {
		case sandbox.FrameInput:
			t.typed(r, f)
		case sandbox.FrameOutputAck:
			t.acknowledged(r, f.N)
		case sandbox.FrameResize:
			t.mu.Lock()
			t.resize(f.N)
			t.mu.Unlock()
		default: // a server sends nothing else
		}
	}
}

func (t *terminal) acknowledged(r *reader, offset uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if offset > r.acked && offset <= r.sent {
		r.acked, r.progress = offset, time.Now()
		t.changed.Broadcast()
	}
}

// typed queues an input frame unless it was seen before, and acknowledges it once it is written.
func (t *terminal) typed(r *reader, f sandbox.Frame) {
	t.activity.keys()
	t.mu.Lock()
	seen := f.N <= t.seen[r.client]
	if !seen {
		t.seen[r.client] = f.N
	}
	inputs, over := t.input, t.over
	t.mu.Unlock()
	done := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		r.ack, r.acknow = max(r.ack, f.N), true
		t.changed.Broadcast()
	}
	if seen {
		done()
		return
	}
	if inputs == nil {
		return
	}
	select {
	case inputs <- input{data: f.Data, done: done}:
	case <-over: // nobody reads what was typed
	}
}

func (t *terminal) leave(r *reader) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.gone = true
	delete(t.readers, r)
	t.changed.Broadcast()
}

// busy tells whether a program other than a shell has the foreground of a terminal.
func (ts *terminals) busy() bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for _, t := range ts.by {
		if t.foreground() {
			return true
		}
	}
	return false
}
