package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// wire is a terminal, however it is reached: sandbox.Terminal is one, and so is a browser's WebSocket.
type wire interface {
	Read() (sandbox.Frame, error)
	Write(f sandbox.Frame) error
	Close() error
}

// socket is a terminal over WebSocket.
type socket struct {
	ctx  context.Context //nolint:containedctx // the connection lives as long as its measurement
	conn *websocket.Conn
}

// Read returns the next frame.
func (s *socket) Read() (sandbox.Frame, error) {
	_, data, err := s.conn.Read(s.ctx)
	if err != nil {
		return sandbox.Frame{}, err
	}
	return sandbox.ParseFrame(data)
}

// Write sends a frame.
func (s *socket) Write(f sandbox.Frame) error {
	return s.conn.Write(s.ctx, websocket.MessageBinary, f.Append(nil))
}

// Close ends the connection without waiting for the other side.
func (s *socket) Close() error { return s.conn.CloseNow() }

// firstByte reads until the shell has written something.
func firstByte(w wire) error {
	for {
		f, err := w.Read()
		if err != nil {
			return fmt.Errorf("wait for the prompt: %w", err)
		}
		if f.Type == sandbox.FrameOutput && len(f.Data) > 0 {
			return nil
		}
	}
}

// typist types into a terminal and waits for the echo of each key.
type typist struct {
	wire
	frame uint64
}

// key types one byte and returns how long its echo took.
func (t *typist) key(b byte) (time.Duration, error) {
	t.frame++
	begun := time.Now()
	if err := t.Write(sandbox.Frame{Type: sandbox.FrameInput, N: t.frame, Data: []byte{b}}); err != nil {
		return 0, err
	}
	for {
		data, err := t.output()
		if err != nil {
			return 0, err
		}
		if len(data) > 0 {
			return time.Since(begun), nil
		}
	}
}

// output returns the next output, which it acknowledges.
func (t *typist) output() ([]byte, error) {
	f, err := t.Read()
	switch {
	case err != nil:
		return nil, err
	case f.Type == sandbox.FrameExit:
		return nil, errors.New("the shell ended")
	case f.Type != sandbox.FrameOutput:
		return nil, nil
	}
	return f.Data, t.Write(sandbox.Frame{Type: sandbox.FrameOutputAck, N: f.N + uint64(len(f.Data))})
}
