// Package sandboxtest is what every provider of environments must do: fakes and real ones pass the same suite.
package sandboxtest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// patience is how long the suite waits for what must come; nothing waits for it to pass.
const patience = 20 * time.Second

// Run runs the suite against a provider.
func Run(t *testing.T, p sandbox.Provider) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, sandbox.Provider){
		"provision":       testProvision,
		"requires":        testRequires,
		"exec":            testExec,
		"exec bounds":     testExecBounds,
		"script hides":    testScriptHides,
		"terminal":        testTerminal,
		"replay":          testReplay,
		"two readers":     testTwoReaders,
		"back-pressure":   testBackPressure,
		"binary and utf8": testBinary,
		"input once":      testInputOnce,
		"dial":            testDial,
		"watch":           testWatch,
		"unknown":         testUnknown,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// NewID returns the id of an environment that does not exist yet.
func NewID() string {
	id := uuid.New()
	return hex.EncodeToString(id[:])
}

// Provision makes an environment that is destroyed at the test's end.
func Provision(t *testing.T, p sandbox.Provider, spec sandbox.Spec) string {
	t.Helper()
	if spec.ID == "" {
		spec.ID = NewID()
	}
	spec.Image, spec.Hostname, spec.Deadline = "toolbox", "lab", time.Now().Add(time.Hour)
	if err := p.Provision(t.Context(), spec, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Destroy(context.Background(), spec.ID); err != nil {
			t.Error(err)
		}
	})
	return spec.ID
}

func exec(t *testing.T, p sandbox.Provider, id string, cmd sandbox.Command) sandbox.Result {
	t.Helper()
	r, err := p.Exec(t.Context(), id, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func script(text string) sandbox.Command { return sandbox.Command{Script: []byte(text)} }

func testProvision(t *testing.T, p sandbox.Provider) {
	t.Helper()
	var steps []string
	spec := sandbox.Spec{ID: NewID(), Image: "toolbox", Deadline: time.Now().Add(time.Hour), Files: []sandbox.File{
		{Path: "/home/learner/deep/er/note.txt", Mode: 0o640, User: "learner", Data: []byte("placed\n")},
	}}
	err := p.Provision(t.Context(), spec, func(s sandbox.Step) {
		if !s.Ended.IsZero() {
			steps = append(steps, s.Name)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Destroy(context.Background(), spec.ID) })
	if want := []string{"rootfs", "sandbox", "agent", "files", "requires"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
	if err := p.Provision(t.Context(), spec, nil); err != nil {
		t.Errorf("provisioning again: %v", err)
	}
	if ids, err := p.List(t.Context()); err != nil || !slices.Contains(ids, spec.ID) {
		t.Errorf("listed %q, %v", ids, err)
	}
	if r := exec(t, p, spec.ID, script("cat deep/er/note.txt; stat -c %a deep/er/note.txt")); string(r.Output) != "placed\n640\n" {
		t.Errorf("the placed file: %q", r.Output)
	}
	for range 2 {
		if err := p.Destroy(t.Context(), spec.ID); err != nil {
			t.Errorf("destroy: %v", err)
		}
	}
	if ids, err := p.List(t.Context()); err != nil || slices.Contains(ids, spec.ID) {
		t.Errorf("after destroy: listed %q, %v", ids, err)
	}
}

func testRequires(t *testing.T, p sandbox.Provider) {
	t.Helper()
	spec := sandbox.Spec{ID: NewID(), Image: "toolbox", Deadline: time.Now().Add(time.Hour), Requires: []string{"bash", "no-such-command"}}
	err := p.Provision(t.Context(), spec, nil)
	var missing *sandbox.RequiresError
	if !errors.As(err, &missing) || !slices.Equal(missing.Missing, []string{"no-such-command"}) {
		t.Errorf("%v, want the one command that is missing", err)
	}
	if ids, err := p.List(t.Context()); err != nil || slices.Contains(ids, spec.ID) {
		t.Errorf("a failed start left its environment: %q, %v", ids, err)
	}
}

func testExec(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	for name, c := range map[string]struct {
		cmd  sandbox.Command
		code int
		out  string
	}{
		"bash by default": {script("echo $((6*7)); exit 3"), 3, "42\n"},
		"interpreter":     {script("#!/usr/bin/env python3\nprint('from python')"), 0, "from python\n"},
		"arguments":       {sandbox.Command{Argv: []string{"printf", "%s|", "a b", "c"}}, 0, "a b|c|"},
		"environment":     {sandbox.Command{Script: []byte("echo $GREETING"), Env: map[string]string{"GREETING": "hello"}}, 0, "hello\n"},
		"input":           {sandbox.Command{Script: []byte("tr a-z A-Z"), Stdin: []byte("loud")}, 0, "LOUD"},
		"directory":       {sandbox.Command{Script: []byte("echo ${PWD##*/}")}, 0, "learner\n"},
		"both outputs":    {script("echo out; echo err >&2"), 0, "out\nerr\n"},
		"a signal":        {script("kill -9 $$"), 137, ""},
	} {
		r := exec(t, p, id, c.cmd)
		if r.Code != c.code || string(r.Output) != c.out {
			t.Errorf("%s: code %d, output %q; want %d, %q", name, r.Code, r.Output, c.code, c.out)
		}
	}
	if r := exec(t, p, id, sandbox.Command{Argv: []string{"no-such-command"}}); r.Code != -1 {
		t.Errorf("a command that is not there: code %d", r.Code)
	}
	r := exec(t, p, id, script("(setsid sleep 300 &) ; echo started"))
	if string(r.Output) != "started\n" || r.TimedOut {
		t.Errorf("a script that leaves a daemon: %q, timed out %v", r.Output, r.TimedOut)
	}
}

func testExecBounds(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	r := exec(t, p, id, sandbox.Command{Script: []byte("echo begun; sleep 300 & wait"), Timeout: time.Second})
	if !r.TimedOut || r.Code == 0 || string(r.Output) != "begun\n" {
		t.Errorf("a script that never ends: timed out %v, code %d, %q", r.TimedOut, r.Code, r.Output)
	}
	r = exec(t, p, id, sandbox.Command{Script: []byte("head -c 1G /dev/zero | tr '\\0' x; echo the last line"), Timeout: 5 * time.Minute, Limit: 1000}) // a slow machine takes a minute
	if len(r.Output) != 1000 || !r.Truncated || !bytes.HasSuffix(r.Output, []byte("the last line\n")) {
		t.Errorf("1 GB of output: %d bytes, truncated %v", len(r.Output), r.Truncated)
	}
}

func testScriptHides(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	const secret = "the-answer-is-42"
	r := exec(t, p, id, script("x="+secret+"; cat /proc/self/cmdline /proc/$$/cmdline | tr '\\0' ' '; grep -rl "+"the-answer-is"+"-4[2] . /tmp 2>/dev/null; true"))
	if strings.Contains(string(r.Output), secret) {
		t.Errorf("the script shows in a command line or a file: %q", r.Output)
	}
}

func attach(t *testing.T, p sandbox.Provider, id string, at sandbox.Attachment) *client {
	t.Helper()
	if at.Name == "" {
		at.Name = "1"
	}
	ctx, cancel := context.WithCancel(t.Context())
	term, err := p.Attach(ctx, id, at)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	c := &client{t: t, term: term, frames: make(chan sandbox.Frame, 1<<16)}
	go func() { // ends with the attachment
		defer close(c.frames)
		for {
			f, err := term.Read()
			if err != nil {
				return
			}
			c.frames <- f
		}
	}()
	t.Cleanup(func() { cancel(); _ = term.Close() })
	return c
}

// client is a browser that attached.
type client struct {
	t      *testing.T
	term   sandbox.Terminal
	frames chan sandbox.Frame
	sent   uint64
	seen   []byte
	offset uint64 // after the last byte that came
	acks   uint64
	exited bool
	code   uint64
	mute   bool // it acknowledges nothing
}

func (c *client) typeText(text string) {
	c.t.Helper()
	c.sent++
	if err := c.term.Write(sandbox.Frame{Type: sandbox.FrameInput, N: c.sent, Data: []byte(text)}); err != nil {
		c.t.Fatal(err)
	}
}

// until reads frames until done says so.
func (c *client) until(what string, done func() bool) {
	c.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !done() {
		select {
		case f, open := <-c.frames:
			if !open {
				c.t.Fatalf("the terminal ended before %s; it said %q", what, last(c.seen))
			}
			c.take(f)
		case <-deadline.C:
			c.t.Fatalf("%s did not come; the terminal said %q", what, last(c.seen))
		}
	}
}

func last(b []byte) []byte { return b[max(0, len(b)-400):] }

func (c *client) take(f sandbox.Frame) {
	switch f.Type {
	case sandbox.FrameOutput:
		c.seen = append(c.seen, f.Data...)
		c.offset = f.N + uint64(len(f.Data))
		if !c.mute {
			_ = c.term.Write(sandbox.Frame{Type: sandbox.FrameOutputAck, N: c.offset})
		}
	case sandbox.FrameInputAck:
		c.acks = f.N
	case sandbox.FrameExit:
		c.exited, c.code = true, f.N
	default: // sizes; the rest goes the other way
	}
}

func (c *client) text(want string) {
	c.t.Helper()
	c.until(fmt.Sprintf("%q", want), func() bool { return bytes.Contains(c.seen, []byte(want)) })
}

func testTerminal(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	c := attach(t, p, id, sandbox.Attachment{Client: "a", Cols: 100, Rows: 30})
	c.typeText("tty; stty size; echo $TERM; echo do''ne\n")
	c.text("done\r\n")
	for _, want := range []string{"/dev/pts/", "30 100", "xterm-256color"} {
		if !bytes.Contains(c.seen, []byte(want)) {
			t.Errorf("no %q in %q", want, c.seen)
		}
	}
	c.until("the acknowledgement", func() bool { return c.acks == 1 })
	if err := c.term.Write(sandbox.Frame{Type: sandbox.FrameResize, N: 120<<16 | 40}); err != nil {
		t.Fatal(err)
	}
	c.typeText("stty size\n")
	c.text("40 120")
	c.typeText("exit 7\n")
	c.until("the shell's end", func() bool { return c.exited })
	if c.code != 7 {
		t.Errorf("the shell ended with %d", c.code)
	}
	again := attach(t, p, id, sandbox.Attachment{Client: "a"})
	again.sent = c.sent
	again.typeText("echo ag''ain\n")
	again.text("again\r\n")
}

func testReplay(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	c := attach(t, p, id, sandbox.Attachment{Client: "a"})
	c.typeText("echo fir''st\n")
	c.text("first\r\n")
	_ = c.term.Close()
	from := c.offset
	b := attach(t, p, id, sandbox.Attachment{Client: "b"})
	b.text("first\r\n")
	b.typeText("echo sec''ond\n")
	b.text("second\r\n")
	rest := attach(t, p, id, sandbox.Attachment{Client: "a", Offset: from})
	rest.text("second\r\n")
	if bytes.Contains(rest.seen, []byte("first\r\n")) {
		t.Errorf("what was seen before came again: %q", rest.seen)
	}
}

func testTwoReaders(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	a, b := attach(t, p, id, sandbox.Attachment{Client: "a"}), attach(t, p, id, sandbox.Attachment{Client: "b"})
	a.typeText("echo from''-a\n")
	a.text("from-a\r\n")
	b.text("from-a\r\n")
	b.typeText("echo from''-b\n")
	a.text("from-b\r\n")
	other := attach(t, p, id, sandbox.Attachment{Name: "2", Client: "a"})
	other.typeText("tty; echo other''s\n")
	other.text("others\r\n")
	if bytes.Contains(other.seen, []byte("from-a")) {
		t.Error("terminal 2 shows what happened in terminal 1")
	}
}

func testBackPressure(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	c := attach(t, p, id, sandbox.Attachment{Client: "a"})
	c.typeText("echo rea''dy\n")
	c.text("ready\r\n")
	c.mute = true
	c.typeText("yes\n")
	c.until("a window of output", func() bool { return len(c.seen) > sandbox.Window/2 })
	other := attach(t, p, id, sandbox.Attachment{Name: "2", Client: "a"})
	other.typeText("echo not st''arved\n")
	other.text("not starved\r\n")
	for quiet := false; !quiet; { // what is under way may come; then nothing may
		select {
		case f := <-c.frames:
			c.take(f)
		case <-time.After(300 * time.Millisecond):
			quiet = true
		}
	}
	if len(c.seen) > sandbox.Window+sandbox.FrameData {
		t.Errorf("%d bytes came without an acknowledgement, at most %d may", len(c.seen), sandbox.Window)
	}
	c.mute = false
	before := len(c.seen)
	_ = c.term.Write(sandbox.Frame{Type: sandbox.FrameOutputAck, N: c.offset})
	c.until("more output", func() bool { return len(c.seen) > before+sandbox.Window })
	c.typeText("\x03echo sto''pped\n")
	c.text("stopped\r\n")
}

func testBinary(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	c := attach(t, p, id, sandbox.Attachment{Client: "a"})
	c.typeText(`printf 'B\x00\x01\xff\xfeE\n'; echo नमस्ते-ग्राहक 🚀` + "\n")
	c.text("B\x00\x01\xff\xfeE\r\n")
	c.until("the characters", func() bool { return bytes.Contains(c.seen, []byte("\nनमस्ते-ग्राहक 🚀\r\n")) })
}

func testInputOnce(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	c := attach(t, p, id, sandbox.Attachment{Client: "a"})
	c.typeText("echo on''ce\n")
	c.text("once\r\n")
	again := attach(t, p, id, sandbox.Attachment{Client: "a", Offset: c.offset})
	again.typeText("echo on''ce\n") // the same number: it was not acknowledged as far as this one knows
	again.typeText("echo twi''ce\n")
	again.text("twice\r\n")
	if bytes.Contains(again.seen, []byte("once\r\n")) {
		t.Errorf("a frame that was sent again was typed again: %q", again.seen)
	}
}

func testDial(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	const server = `
import socket, os
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
if os.fork() == 0:
    os.setsid()
    for fd in (0, 1, 2): os.close(fd)
    while True:
        c, _ = s.accept(); c.sendall(b"you said " + c.recv(100)); c.close()
print(s.getsockname()[1])`
	r := exec(t, p, id, script("#!/usr/bin/env python3\n"+server))
	var port uint16
	if _, err := fmt.Sscan(string(r.Output), &port); err != nil {
		t.Fatalf("%v: %q", err, r.Output)
	}
	conn, err := p.Dial(t.Context(), id, port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(conn); err != nil || got.String() != "you said hello" {
		t.Errorf("%q, %v", got.String(), err)
	}
	if _, err := p.Dial(t.Context(), id, 1); err == nil || errors.Is(err, sandbox.ErrUnreachable) || errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("a port on which nobody listens: %v", err)
	}
}

func testWatch(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := Provision(t, p, sandbox.Spec{})
	events, err := p.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	await := func(what string, is func(sandbox.Activity) bool) {
		t.Helper()
		deadline := time.NewTimer(patience)
		defer deadline.Stop()
		for {
			select {
			case a, open := <-events:
				if !open {
					t.Fatalf("the watch ended before %s", what)
				}
				if is(a) {
					return
				}
			case <-deadline.C:
				t.Fatalf("%s was not told", what)
			}
		}
	}
	c := attach(t, p, id, sandbox.Attachment{Client: "a"})
	c.typeText("touch new-file; sleep 300\n")
	await("a key", func(a sandbox.Activity) bool { return a.Keys })
	await("the foreground job", func(a sandbox.Activity) bool { return a.Busy })
	c.typeText("\x03")
	await("its end", func(a sandbox.Activity) bool { return !a.Busy })
}

func testUnknown(t *testing.T, p sandbox.Provider) {
	t.Helper()
	id := NewID()
	if _, err := p.Attach(t.Context(), id, sandbox.Attachment{Name: "1"}); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("attach: %v", err)
	}
	if _, err := p.Exec(t.Context(), id, script("true")); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("exec: %v", err)
	}
	if _, err := p.Dial(t.Context(), id, 80); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("dial: %v", err)
	}
	if _, err := p.Watch(t.Context(), id); !errors.Is(err, sandbox.ErrNotFound) {
		t.Errorf("watch: %v", err)
	}
	if err := p.Destroy(t.Context(), id); err != nil {
		t.Errorf("destroy: %v", err)
	}
}
