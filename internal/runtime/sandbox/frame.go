package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// FrameType says what a terminal frame carries.
type FrameType byte

// The frames of a terminal. The same encoding goes from the agent through the server to the browser.
const (
	FrameOutput    FrameType = 1  // to the reader: N is the byte offset of Data in the terminal's whole output; a jump means lost bytes
	FrameInputAck  FrameType = 2  // to the reader: every input frame up to N of this client was typed
	FrameSize      FrameType = 3  // to the reader: the terminal is N>>16 columns by N&0xffff rows now
	FrameExit      FrameType = 4  // to the reader: the shell ended with code N; the next attachment starts a new one
	FrameInput     FrameType = 16 // from the reader: N is this client's frame number, from 1 on; numbers already seen are dropped
	FrameOutputAck FrameType = 17 // from the reader: it has processed output up to offset N; at most Window bytes are sent unacknowledged
	FrameResize    FrameType = 18 // from the reader: N is columns<<16 | rows
)

// Bounds of the protocol.
const (
	FrameHeader = 9         // bytes: the type, then N as 64 bits, big-endian
	FrameData   = 32 << 10  // largest Data
	Window      = 256 << 10 // unacknowledged output per attachment
	Retained    = 256 << 10 // output kept per terminal for replay
)

// Frame is one message of a terminal, in either direction.
type Frame struct {
	Type FrameType
	N    uint64
	Data []byte
}

// ErrFrame is wrapped by all errors of ParseFrame.
var ErrFrame = errors.New("sandbox: malformed terminal frame")

// Append adds the frame's encoding to b.
func (f Frame) Append(b []byte) []byte {
	b = append(b, byte(f.Type))
	b = binary.BigEndian.AppendUint64(b, f.N)
	return append(b, f.Data...)
}

// ParseFrame decodes one whole message; Data aliases b.
func ParseFrame(b []byte) (Frame, error) {
	if len(b) < FrameHeader || len(b) > FrameHeader+FrameData {
		return Frame{}, fmt.Errorf("%w: %d bytes", ErrFrame, len(b))
	}
	f := Frame{Type: FrameType(b[0]), N: binary.BigEndian.Uint64(b[1:]), Data: b[FrameHeader:]}
	switch f.Type {
	case FrameOutput, FrameInput:
		return f, nil
	case FrameInputAck, FrameSize, FrameExit, FrameOutputAck, FrameResize:
		if len(f.Data) == 0 {
			return f, nil
		}
		return Frame{}, fmt.Errorf("%w: type %d carries no data", ErrFrame, f.Type)
	default:
		return Frame{}, fmt.Errorf("%w: unknown type %d", ErrFrame, f.Type)
	}
}
