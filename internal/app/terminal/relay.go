package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Deadlines of a connection.
const (
	attachTime = 10 * time.Second // until the environment's agent answered
	writeTime  = 10 * time.Second // for one message to a browser that does not read
	pingEvery  = 15 * time.Second
	pongTime   = 10 * time.Second
	closeTime  = 2 * time.Second // for the browser to answer a close
)

// serve is the whole life of one connection.
func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	o, err := s.parseOpening(r)
	if err != nil {
		httpx.WriteProblem(w, r, err)
		return
	}
	holder, refused := s.Tickets.Redeem(o.ticket, o.session, ticket.Terminal, "")
	c := &conn{}
	c.ws, err = websocket.Accept(&hijacker{ResponseWriter: w, conn: &c.tcp}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{Subprotocol},
		InsecureSkipVerify: true, // parseOpening compared the origin, exactly
	})
	if err != nil {
		return // answered
	}
	// From here on a browser learns why by the close code: it hides the status of a failed upgrade from scripts.
	if refused != nil {
		c.close(refused)
		return
	}
	ctx, done, err := s.open.Add(r.Context(), holder, maxPerSession, maxPerUser)
	if err != nil {
		c.close(err)
		return
	}
	defer done()
	err = s.attach(ctx, c, holder, o.at)
	s.Log.DebugContext(ctx, "terminal closed", "session", o.session, "terminal", o.at.Name, "reason", err)
	c.close(err)
	c.running.Wait()
}

// attach relays between the browser and the environment until one side, the server or the holder's right ends.
func (s *Service) attach(ctx context.Context, c *conn, holder access.Holder, at sandbox.Attachment) error {
	ctx, stop, err := s.Access.Keep(ctx, holder)
	if err != nil {
		return err
	}
	defer stop()
	// The terminal may live as long as the context that it was opened with: the deadline is for opening only.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(attachTime, func() { cancel(sandbox.ErrUnreachable) })
	term, err := s.Dialer.Terminal(ctx, holder.Session, at)
	if err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	defer term.Close() //nolint:errcheck // the connection is over, whatever becomes of it
	if !late.Stop() {
		return sandbox.ErrUnreachable
	}
	for _, run := range []func(context.Context, sandbox.Terminal) error{c.toTerminal, c.toBrowser, c.ping} {
		c.running.Go(func() { cancel(run(ctx, term)) })
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// conn is the browser's side.
type conn struct {
	ws      *websocket.Conn
	tcp     net.Conn
	running sync.WaitGroup
}

// The library closes the socket at once when a context of Read or Write is cancelled, and then no close code can be sent.
// So the three loops below look at ctx between messages only; conn.close ends the calls that wait.

// toTerminal passes on what the browser sends.
func (c *conn) toTerminal(ctx context.Context, term sandbox.Terminal) error {
	c.ws.SetReadLimit(sandbox.FrameHeader + sandbox.FrameData)
	for {
		kind, message, err := c.ws.Read(context.WithoutCancel(ctx))
		if err != nil {
			return browserError(err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if kind != websocket.MessageBinary {
			return fmt.Errorf("%w: text", errBrowserFrame)
		}
		frame, err := fromBrowser(message)
		if err != nil {
			return err
		}
		if err := term.Write(frame); err != nil {
			return fmt.Errorf("write to terminal: %w", err)
		}
	}
}

// fromBrowser decodes a message and refuses what a browser may not send.
func fromBrowser(message []byte) (sandbox.Frame, error) {
	frame, err := sandbox.ParseFrame(message)
	if err != nil {
		return frame, fmt.Errorf("%w: %w", errBrowserFrame, err)
	}
	switch frame.Type {
	case sandbox.FrameInput, sandbox.FrameOutputAck:
	case sandbox.FrameResize:
		frame.N = uint64(clamp(frame.N>>16))<<16 | uint64(clamp(frame.N&0xffff))
	case sandbox.FrameOutput, sandbox.FrameInputAck, sandbox.FrameSize, sandbox.FrameExit:
		return frame, fmt.Errorf("%w: type %d", errBrowserFrame, frame.Type)
	}
	return frame, nil
}

// toBrowser passes on what the environment sends. It holds one frame at a time: when the browser does not read, it does
// not read either, and the agent stops at sandbox.Window.
func (c *conn) toBrowser(ctx context.Context, term sandbox.Terminal) error {
	var message []byte
	exited := false
	for {
		frame, err := term.Read()
		if err != nil && exited {
			return errShellEnded
		}
		if err != nil {
			return fmt.Errorf("read from terminal: %w", err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if message, err = appendToBrowser(message[:0], frame); err != nil {
			return err
		}
		exited = frame.Type == sandbox.FrameExit || exited && frame.Type != sandbox.FrameOutput
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
		err = c.ws.Write(limited, websocket.MessageBinary, message)
		cancel()
		if err != nil {
			return browserError(err)
		}
	}
}

// appendToBrowser encodes a frame and refuses what an environment may not send: its agent is within the learner's reach.
func appendToBrowser(message []byte, frame sandbox.Frame) ([]byte, error) {
	switch frame.Type {
	case sandbox.FrameOutput:
		if len(frame.Data) > sandbox.FrameData {
			return message, errAgentFrame
		}
	case sandbox.FrameInputAck, sandbox.FrameSize, sandbox.FrameExit:
		if len(frame.Data) > 0 {
			return message, errAgentFrame
		}
	case sandbox.FrameInput, sandbox.FrameOutputAck, sandbox.FrameResize:
		return message, errAgentFrame
	default:
		return message, errAgentFrame
	}
	return frame.Append(message), nil
}

// ping finds browsers that went away without a word.
func (c *conn) ping(ctx context.Context, _ sandbox.Terminal) error {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), pongTime)
		err := c.ws.Ping(limited)
		cancel()
		if err != nil {
			return browserError(err)
		}
	}
}

// close tells the browser why and ends the connection, within closeTime even when the browser does not care.
func (c *conn) close(reason error) {
	_ = c.tcp.SetDeadline(time.Now().Add(closeTime)) // the library's own wait can last as long as a peer likes
	code, text := closing(reason)
	_ = c.ws.Close(code, text) // already closed, or the browser is gone: over in any case
}

// hijacker hands out the TCP connection, whose deadline the library does not offer.
type hijacker struct {
	http.ResponseWriter
	conn *net.Conn
}

// Hijack takes the connection over, as http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	*h.conn = conn
	return conn, rw, err
}
