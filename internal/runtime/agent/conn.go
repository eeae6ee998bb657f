package agent

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Times of a connection.
const (
	helloTime    = 10 * time.Second
	replyTime    = 30 * time.Second // for what an agent answers at once
	defaultRun   = 30 * time.Second // of a command that names no time
	defaultLimit = 64 << 10
	maxLimit     = 1 << 20
)

// Conn is one agent's connection.
type Conn struct{ mux *yamux.Session }

// Accept takes up a connection that an agent made.
func Accept(raw net.Conn) (*Conn, error) {
	if err := raw.SetDeadline(time.Now().Add(helloTime)); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	var hello Hello
	if err := ReadMessage(raw, &hello); err != nil {
		return nil, fmt.Errorf("agent: hello: %w", err)
	}
	if hello.Version != Version {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrProtocol, hello.Version, Version)
	}
	if err := raw.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	mux, err := yamux.Client(raw, Multiplex())
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	return &Conn{mux: mux}, nil
}

// Close ends the connection with all its streams.
func (c *Conn) Close() error { return c.mux.Close() }

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.mux.CloseChan() }

// open starts a stream with its request. It is closed when ctx ends.
func (c *Conn) open(ctx context.Context, req Request) (*stream, error) {
	raw, err := c.mux.OpenStream()
	if err != nil {
		return nil, errors.Join(sandbox.ErrUnreachable, err)
	}
	s := &stream{Stream: raw}
	s.stop = context.AfterFunc(ctx, func() { _ = raw.Close(); _ = raw.SetDeadline(time.Unix(1, 0)) })
	if err := WriteMessage(raw, req); err != nil {
		return nil, errors.Join(sandbox.ErrUnreachable, err, s.Close())
	}
	return s, nil
}

// stream is one operation's stream, which ends with its context.
type stream struct {
	*yamux.Stream
	stop func() bool
}

// Close ends the stream and no longer waits for its context.
func (s *stream) Close() error {
	s.stop()
	return s.Stream.Close()
}

// ask sends a request and what follows it, and returns the reply.
func (c *Conn) ask(ctx context.Context, within time.Duration, req Request, follows ...[]byte) (Reply, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	s, err := c.open(ctx, req)
	if err != nil {
		return Reply{}, nil, err
	}
	defer s.Close() //nolint:errcheck // the reply is here, or the error that says why not
	for _, b := range follows {
		if _, err := s.Write(b); err != nil {
			return Reply{}, nil, unreachable(ctx, err)
		}
	}
	var reply Reply
	if err := ReadMessage(s, &reply); err != nil {
		return Reply{}, nil, unreachable(ctx, err)
	}
	if reply.Error != "" {
		return Reply{}, nil, errors.New("agent: " + printable(reply.Error))
	}
	if reply.OutputSize < 0 || reply.OutputSize > maxLimit {
		return Reply{}, nil, fmt.Errorf("%w: %d bytes of output", ErrProtocol, reply.OutputSize)
	}
	output := make([]byte, reply.OutputSize)
	if _, err := io.ReadFull(s, output); err != nil {
		return Reply{}, nil, unreachable(ctx, err)
	}
	return reply, output, nil
}

func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.Join(sandbox.ErrUnreachable, ctx.Err())
	}
	return errors.Join(sandbox.ErrUnreachable, err)
}

// printable bounds a text of the agent for errors and logs.
func printable(text string) string {
	const longest = 300
	if len(text) > longest {
		text = text[:longest]
	}
	return fmt.Sprintf("%q", text)
}

// Attach opens a terminal; it is closed when ctx ends.
func (c *Conn) Attach(ctx context.Context, at sandbox.Attachment) (sandbox.Terminal, error) {
	s, err := c.open(ctx, Request{Op: OpAttach, Attach: &at})
	if err != nil {
		return nil, err
	}
	var reply Reply
	if err := s.SetReadDeadline(time.Now().Add(replyTime)); err != nil {
		return nil, errors.Join(sandbox.ErrUnreachable, err, s.Close())
	}
	if err := ReadMessage(s, &reply); err != nil {
		return nil, errors.Join(sandbox.ErrUnreachable, err, s.Close())
	}
	if reply.Error != "" {
		return nil, errors.Join(errors.New("agent: "+printable(reply.Error)), s.Close())
	}
	if err := s.SetReadDeadline(time.Time{}); err != nil {
		return nil, errors.Join(sandbox.ErrUnreachable, err, s.Close())
	}
	return &terminal{stream: s, reader: bufio.NewReaderSize(s, sandbox.FrameHeader+sandbox.FrameData)}, nil
}

type terminal struct {
	*stream
	reader *bufio.Reader
}

// Read returns the next frame of the terminal.
func (t *terminal) Read() (sandbox.Frame, error) {
	f, err := ReadFrame(t.reader)
	if err != nil {
		return sandbox.Frame{}, errors.Join(sandbox.ErrUnreachable, err)
	}
	return f, nil
}

// Write sends a frame.
func (t *terminal) Write(f sandbox.Frame) error {
	if err := WriteFrame(t.stream, f); err != nil {
		return errors.Join(sandbox.ErrUnreachable, err)
	}
	return nil
}

// Exec runs a command to its end.
func (c *Conn) Exec(ctx context.Context, cmd sandbox.Command) (sandbox.Result, error) {
	timeout, limit := cmd.Timeout, cmd.Limit
	if timeout <= 0 {
		timeout = defaultRun
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	e := &Exec{
		ScriptSize: len(cmd.Script), StdinSize: len(cmd.Stdin), Argv: cmd.Argv, User: cmd.User, Dir: cmd.Dir, Env: cmd.Env,
		Timeout: timeout, Limit: min(limit, maxLimit),
	}
	if e.User == "" {
		e.User = "learner"
	}
	// The agent is given a little longer than the command: it has to kill it and to answer.
	reply, output, err := c.ask(ctx, timeout+helloTime, Request{Op: OpExec, Exec: e}, cmd.Script, cmd.Stdin)
	if err != nil {
		return sandbox.Result{Code: -1}, err
	}
	return sandbox.Result{Code: reply.Code, Output: output, Truncated: reply.Truncated, TimedOut: reply.TimedOut, Took: reply.Took}, nil
}

// Dial connects to a port on the environment's loopback; the connection ends with ctx.
func (c *Conn) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	s, err := c.open(ctx, Request{Op: OpDial, Port: port})
	if err != nil {
		return nil, err
	}
	var reply Reply
	if err := s.SetReadDeadline(time.Now().Add(helloTime)); err != nil {
		return nil, errors.Join(sandbox.ErrUnreachable, err, s.Close())
	}
	if err := ReadMessage(s, &reply); err != nil {
		return nil, errors.Join(sandbox.ErrUnreachable, err, s.Close())
	}
	if reply.Error != "" {
		return nil, errors.Join(errors.New("agent: "+printable(reply.Error)), s.Close())
	}
	if err := s.SetReadDeadline(time.Time{}); err != nil {
		return nil, errors.Join(sandbox.ErrUnreachable, err, s.Close())
	}
	return s, nil
}

// maxPorts is how many open ports an agent may tell of.
const maxPorts = 64

// Watch calls each with what the agent reports until the connection or ctx ends.
func (c *Conn) Watch(ctx context.Context, each func(sandbox.Activity)) error {
	s, err := c.open(ctx, Request{Op: OpWatch})
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // it has ended
	for {
		var a sandbox.Activity
		if err := ReadMessage(s, &a); err != nil {
			return unreachable(ctx, err)
		}
		a.Gone = false // only the provider knows that
		a.Ports = a.Ports[:min(len(a.Ports), maxPorts)]
		each(a)
	}
}

// Extend tells the agent its new deadline.
func (c *Conn) Extend(ctx context.Context, deadline time.Time) error {
	_, _, err := c.ask(ctx, replyTime, Request{Op: OpExtend, Deadline: deadline})
	return err
}

// Place puts a file into the environment.
func (c *Conn) Place(ctx context.Context, f sandbox.File) error {
	_, _, err := c.ask(ctx, replyTime, Request{Op: OpFile, File: &File{Path: f.Path, Mode: f.Mode, User: f.User, Size: len(f.Data)}}, f.Data)
	return err
}

// Lookup returns those of the commands that are not on the learner's PATH.
func (c *Conn) Lookup(ctx context.Context, commands []string) (missing []string, err error) {
	reply, _, err := c.ask(ctx, replyTime, Request{Op: OpLookup, Commands: commands})
	return reply.Missing, err
}
