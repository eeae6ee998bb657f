package sandbox_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

func TestFramesSurviveTheirEncoding(t *testing.T) {
	t.Parallel()
	for _, f := range []sandbox.Frame{
		{Type: sandbox.FrameOutput, N: 1<<64 - 1, Data: []byte("\x00\xff नमस्ते")},
		{Type: sandbox.FrameInput, N: 1, Data: bytes.Repeat([]byte{0x1b}, sandbox.FrameData)},
		{Type: sandbox.FrameOutput}, {Type: sandbox.FrameInput, N: 2},
		{Type: sandbox.FrameInputAck, N: 7}, {Type: sandbox.FrameSize, N: 80<<16 | 24}, {Type: sandbox.FrameExit, N: 130},
		{Type: sandbox.FrameOutputAck, N: 1 << 40}, {Type: sandbox.FrameResize, N: 500<<16 | 2},
	} {
		got, err := sandbox.ParseFrame(f.Append(nil))
		if err != nil || got.Type != f.Type || got.N != f.N || !bytes.Equal(got.Data, f.Data) {
			t.Errorf("type %d, N %d came back as type %d, N %d: %v", f.Type, f.N, got.Type, got.N, err)
		}
	}
	if got := (sandbox.Frame{Type: sandbox.FrameInput, N: 0x0102030405060708, Data: []byte("x")}).Append([]byte("before")); string(got) != "before\x10\x01\x02\x03\x04\x05\x06\x07\x08x" {
		t.Errorf("encoded as %q", got)
	}
}

func TestMalformedFramesAreRefused(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"nothing":            nil,
		"half a header":      {16, 0, 0, 0, 0, 0, 0, 0},
		"type 0":             make([]byte, sandbox.FrameHeader),
		"an unknown type":    {5, 0, 0, 0, 0, 0, 0, 0, 1},
		"an exit with data":  {4, 0, 0, 0, 0, 0, 0, 0, 1, 'x'},
		"an ack with data":   {17, 0, 0, 0, 0, 0, 0, 0, 1, 'x'},
		"a resize with data": {18, 0, 80, 0, 24, 0, 0, 0, 1, 'x'},
		"one byte too many":  append([]byte{1}, make([]byte, sandbox.FrameHeader+sandbox.FrameData)...),
	} {
		if f, err := sandbox.ParseFrame(b); !errors.Is(err, sandbox.ErrFrame) {
			t.Errorf("%s: %+v, %v: want ErrFrame", name, f, err)
		}
	}
}

// FuzzParseFrame holds the parser, which reads what browsers and agents send, to its bounds and to being the inverse of Append.
func FuzzParseFrame(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(sandbox.Frame{Type: sandbox.FrameOutput, N: 5, Data: []byte("hello")}.Append(nil))
	f.Add(sandbox.Frame{Type: sandbox.FrameResize, N: 80<<16 | 24}.Append(nil))
	f.Add(append([]byte{1}, make([]byte, sandbox.FrameHeader+sandbox.FrameData)...))
	f.Add([]byte{4, 0, 0, 0, 0, 0, 0, 0, 1, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := sandbox.ParseFrame(b)
		if err != nil {
			if !errors.Is(err, sandbox.ErrFrame) {
				t.Errorf("error %v does not wrap ErrFrame", err)
			}
			return
		}
		if len(frame.Data) > sandbox.FrameData {
			t.Errorf("%d bytes of data", len(frame.Data))
		}
		if !bytes.Equal(frame.Append(nil), b) {
			t.Errorf("% x comes back as % x", b, frame.Append(nil))
		}
	})
}
