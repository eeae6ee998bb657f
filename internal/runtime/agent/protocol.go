// Package agent is how the server speaks with the program that is process 1 of every environment. The agent dials one
// Unix socket of the server's; over that connection, multiplexed by yamux, the server opens a stream for each thing that
// it wants: a terminal, a command, a port, a watch. Everything that comes back is untrusted and bounded.
package agent

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Version of the protocol. The agent says its own in the first message of a connection; a server speaks this one and
// the one before.
const Version = 1

// maxMessage bounds every JSON message.
const maxMessage = 256 << 10

// Hello is the first message of a connection, from the agent.
type Hello struct {
	Version int `json:"version"`
}

// Op says what a stream is for.
type Op string

// The operations.
const (
	OpAttach Op = "attach"
	OpExec   Op = "exec"
	OpDial   Op = "dial"
	OpWatch  Op = "watch"
	OpExtend Op = "extend"
	OpFile   Op = "file"
	OpLookup Op = "lookup"
)

// Request is the first message of a stream, from the server.
type Request struct {
	Op       Op                  `json:"op"`
	Attach   *sandbox.Attachment `json:"attach,omitempty"`
	Exec     *Exec               `json:"exec,omitempty"`
	File     *File               `json:"file,omitempty"`
	Port     uint16              `json:"port,omitempty"`
	Deadline time.Time           `json:"deadline,omitzero"`
	Commands []string            `json:"commands,omitempty"`
}

// Exec is a command; the script and the standard input follow the request, of the sizes it names.
type Exec struct {
	ScriptSize int               `json:"scriptSize"`
	StdinSize  int               `json:"stdinSize"`
	Argv       []string          `json:"argv,omitempty"`
	User       string            `json:"user"`
	Dir        string            `json:"dir,omitempty"`
	Env        map[string]string `json:"env,omitempty"`
	Timeout    time.Duration     `json:"timeout"`
	Limit      int               `json:"limit"`
}

// File is put in place; its content follows the request.
type File struct {
	Path string `json:"path"`
	Mode uint32 `json:"mode"`
	User string `json:"user"`
	Size int    `json:"size"`
}

// Reply answers a request. After the reply to an exec its output follows, of the size it names.
type Reply struct {
	Error      string        `json:"error,omitempty"`
	Code       int           `json:"code,omitempty"`
	OutputSize int           `json:"outputSize,omitempty"`
	Truncated  bool          `json:"truncated,omitempty"`
	TimedOut   bool          `json:"timedOut,omitempty"`
	Took       time.Duration `json:"took,omitempty"`
	Missing    []string      `json:"missing,omitempty"`
}

// ErrProtocol is wrapped by errors about messages that break the protocol.
var ErrProtocol = errors.New("agent: protocol")

// WriteMessage writes v as JSON after its length, 32 bits big-endian.
func WriteMessage(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return WriteBlock(w, text)
}

// ReadMessage reads what WriteMessage wrote, of bounded size.
func ReadMessage(r io.Reader, v any) error {
	text, err := ReadBlock(r, maxMessage)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return nil
}

// WriteBlock writes bytes after their length.
func WriteBlock(w io.Writer, b []byte) error {
	buffer := make([]byte, 4, 4+len(b))
	binary.BigEndian.PutUint32(buffer, uint32(len(b))) //nolint:gosec // blocks are bounded far below 4 GiB
	_, err := w.Write(append(buffer, b...))
	return err
}

// ReadBlock reads what WriteBlock wrote, at most limit bytes.
func ReadBlock(r io.Reader, limit int) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if int64(n) > int64(limit) {
		return nil, fmt.Errorf("%w: a block of %d bytes, at most %d", ErrProtocol, n, limit)
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}

// WriteFrame writes a terminal frame to a stream.
func WriteFrame(w io.Writer, f sandbox.Frame) error {
	return WriteBlock(w, f.Append(make([]byte, 0, sandbox.FrameHeader+len(f.Data))))
}

// ReadFrame reads a terminal frame from a stream.
func ReadFrame(r io.Reader) (sandbox.Frame, error) {
	b, err := ReadBlock(r, sandbox.FrameHeader+sandbox.FrameData)
	if err != nil {
		return sandbox.Frame{}, err
	}
	return sandbox.ParseFrame(b)
}

// Multiplex is the configuration of both ends of a connection.
func Multiplex() *yamux.Config {
	cfg := yamux.DefaultConfig()
	cfg.AcceptBacklog = 128
	cfg.KeepAliveInterval = 20 * time.Second
	cfg.ConnectionWriteTimeout = 10 * time.Second
	cfg.StreamOpenTimeout = 30 * time.Second
	cfg.LogOutput = io.Discard
	return cfg
}
