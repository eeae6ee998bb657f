package terminal_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/cloudkida/cloudkida/internal/app/terminal"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

func TestBadFramesEndTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cases := map[string]struct {
		kind    websocket.MessageType
		message []byte
		code    websocket.StatusCode
	}{
		"text":               {websocket.MessageText, []byte("ls"), websocket.StatusProtocolError},
		"empty":              {websocket.MessageBinary, nil, websocket.StatusProtocolError},
		"short":              {websocket.MessageBinary, []byte{16, 0}, websocket.StatusProtocolError},
		"unknown type":       {websocket.MessageBinary, sandbox.Frame{Type: 99}.Append(nil), websocket.StatusProtocolError},
		"output":             {websocket.MessageBinary, sandbox.Frame{Type: sandbox.FrameOutput, Data: []byte("x")}.Append(nil), websocket.StatusProtocolError},
		"exit":               {websocket.MessageBinary, sandbox.Frame{Type: sandbox.FrameExit}.Append(nil), websocket.StatusProtocolError},
		"a resize with data": {websocket.MessageBinary, append(sandbox.Frame{Type: sandbox.FrameResize}.Append(nil), 1), websocket.StatusProtocolError},
		"one byte too many":  {websocket.MessageBinary, sandbox.Frame{Type: sandbox.FrameInput, N: 1, Data: make([]byte, sandbox.FrameData+1)}.Append(nil), websocket.StatusMessageTooBig},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := w.open("")
			if err := b.conn.Write(t.Context(), c.kind, c.message); err != nil {
				t.Fatal(err)
			}
			wantClose(t, b.conn, c.code)
		})
	}
	// The largest frame is fine.
	b := w.open("")
	b.typeText(make([]byte, sandbox.FrameData))
	b.wantOutput(0, sandbox.FrameData)
}

// A frame that says it has 100 MB is refused after its first 32 KiB: the browser's write fails, or it reads the refusal.
func TestHugeFrameIsRefusedEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn := w.rawOpen()
	defer conn.Close()
	const size = 100 << 20
	header := binary.BigEndian.AppendUint64([]byte{0x82, 0x80 | 127}, size)
	header = append(header, 0, 0, 0, 0 /* the mask */, byte(sandbox.FrameInput))
	if _, err := conn.Write(header); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(make([]byte, 2*sandbox.FrameData)); err != nil {
		t.Fatal(err)
	}
	// Nothing more is sent: the server must not wait for the rest.
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	answer, err := io.ReadAll(conn)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		t.Fatal(err)
	}
	if len(answer) < 4 || answer[0] != 0x88 || binary.BigEndian.Uint16(answer[2:]) != uint16(websocket.StatusMessageTooBig) {
		t.Errorf("answered % x, want a close frame with 1009", answer)
	}
}

// rawOpen opens a terminal on a plain connection.
func (w *world) rawOpen() net.Conn {
	w.Helper()
	a := w.attempt()
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	if _, err := io.WriteString(conn, handshake(w.session, strings.TrimPrefix(a.protocols[1], "ticket."))); err != nil {
		w.Fatal(err)
	}
	var head []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, b[0]) {
		if _, err := conn.Read(b); err != nil {
			w.Fatalf("%v after %q", err, head)
		}
	}
	if !strings.HasPrefix(string(head), "HTTP/1.1 101") {
		w.Fatalf("answered %q", head)
	}
	return conn
}

func TestEnvironmentsMayNotSendEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, f := range map[string]sandbox.Frame{
		"input":             {Type: sandbox.FrameInput, N: 1, Data: []byte("rm -rf ~")},
		"unknown":           {Type: 77},
		"a size with data":  {Type: sandbox.FrameSize, Data: []byte("x")},
		"a frame too large": {Type: sandbox.FrameOutput, Data: make([]byte, sandbox.FrameData+1)},
	} {
		t.Run(name, func(t *testing.T) {
			b := w.open("")
			w.env.wait(t, 1).frames <- f
			wantClose(t, b.conn, websocket.StatusInternalError)
			w.env.wait(t, 0)
		})
	}
}

// wait returns an attachment once there are n of them.
func (e *environment) wait(t *testing.T, n int) *attachment {
	t.Helper()
	poll(t, func() bool { return e.attachments() == n })
	return e.one()
}

// poll waits until done says so.
func poll(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-late:
			t.Error("waited in vain")
			return
		}
	}
}

func TestReasonsToEnd(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		end  func(*world)
		code websocket.StatusCode
	}{
		"the agent is lost":     {func(w *world) { w.env.one().end(sandbox.ErrUnreachable) }, websocket.StatusTryAgainLater},
		"the connection broke":  {func(w *world) { w.env.one().end(io.ErrUnexpectedEOF) }, websocket.StatusTryAgainLater},
		"the environment ended": {func(w *world) { w.env.one().end(sandbox.ErrNotFound) }, terminal.CodeSessionGone},
		"the session ended":     {func(w *world) { w.env.refuse(errEnded) }, terminal.CodeSessionGone},
		"the user was removed":  {func(w *world) { w.env.refuse(errRemoved) }, terminal.CodeNotAllowed},
		"the guard is away":     {func(w *world) { w.env.refuse(errors.New("no database")) }, websocket.StatusTryAgainLater},
		"the server stops": {func(w *world) {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := w.service.Close(ctx); err != nil {
				w.Error(err)
			}
		}, websocket.StatusServiceRestart},
		"the shell ended": {func(w *world) {
			a := w.env.one()
			a.frames <- sandbox.Frame{Type: sandbox.FrameExit, N: 3}
			poll(w.T, func() bool { return len(a.frames) == 0 })
			a.end(nil)
		}, websocket.StatusNormalClosure},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b := w.open("")
			b.typeText([]byte("x"))
			b.wantOutput(0, 1)
			go c.end(w)
			b.wantClose(c.code)
		})
	}
}

func TestNothingIsTypedAfterARevocation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.open("")
	b.typeText([]byte("x"))
	b.wantOutput(0, 1)
	a := w.env.one()
	<-a.typed
	w.env.refuse(errRemoved)
	w.env.wait(t, 0)
	_ = b.conn.Write(t.Context(), websocket.MessageBinary, sandbox.Frame{Type: sandbox.FrameInput, N: 2, Data: []byte("y")}.Append(nil))
	b.wantClose(terminal.CodeNotAllowed)
	if len(a.typed) > 0 {
		t.Errorf("typed %q after the revocation", (<-a.typed).Data)
	}
}

func TestUnreachableEnvironmentSaysTryAgain(t *testing.T) {
	t.Parallel()
	for reason, code := range map[error]websocket.StatusCode{
		sandbox.ErrUnreachable: websocket.StatusTryAgainLater, sandbox.ErrNotFound: terminal.CodeSessionGone, errEnded: terminal.CodeSessionGone,
	} {
		w := newWorld(t)
		w.env.dialErr = reason
		w.open("").wantClose(code)
	}
}

func TestConnectionsPerSessionAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 20 {
		w.open("")
	}
	w.env.wait(t, 20)
	w.open("").wantClose(terminal.CodeTooMany)
}

// A browser that stops reading holds back its own terminal, in bounded memory, and nobody else's.
func TestSlowBrowserHoldsBackOnlyItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := w.rawOpen()
	defer slow.Close()
	held := w.env.wait(t, 1)
	quick := w.open("client=quick")
	w.env.wait(t, 2)
	block := make([]byte, sandbox.FrameData)
	var total uint64
	for range 256 { // 8 MiB, like `yes`
		w.env.print(block)
		quick.wantOutput(total, len(block))
		total += uint64(len(block))
		quick.send(sandbox.Frame{Type: sandbox.FrameOutputAck, N: total})
	}
	if n := held.handedOut(); n > sandbox.Window+sandbox.FrameData {
		t.Errorf("%d bytes were taken for a browser that acknowledges nothing, want at most its window", n)
	}
}

func TestPlainRequestIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.attempt()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/v1/sessions/"+w.session.String()+"/terminals/1?client=x", nil)
	req.Header.Set("Origin", origin)
	req.Header.Set("Sec-WebSocket-Protocol", strings.Join(a.protocols, ","))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("status %d, want 426", res.StatusCode)
	}
}
