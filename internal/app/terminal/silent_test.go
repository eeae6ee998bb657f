package terminal_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal"
	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// pipeListener hands out one connection without any buffer, on which the bubble's clock is the only clock.
type pipeListener struct {
	conns chan net.Conn
	over  chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.over:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error {
	close(l.over)
	return nil
}

func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// openPiped opens a terminal within a synctest bubble and returns the browser's end, from which the handshake was read.
func openPiped(t *testing.T, env *environment) *bufio.ReadWriter {
	t.Helper()
	service := &terminal.Service{
		Origin: origin, Tickets: &ticket.Store{}, Access: &access.Checker{Guard: env}, Dialer: env, Log: slog.New(slog.DiscardHandler),
	}
	mux := httpx.NewMux()
	service.Mount(mux)
	listener := pipeListener{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	browser, conn := net.Pipe()
	t.Cleanup(func() {
		_ = browser.Close()
		_ = service.Close(t.Context())
		_ = server.Close()
	})
	listener.conns <- conn
	holder := access.Holder{Tenant: tenancy.DefaultTenant(), User: uuid.New(), Session: uuid.New()}
	secret, _, err := service.Tickets.Issue(ticket.Grant{Holder: holder, Kind: ticket.Terminal})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(browser, handshake(holder.Session, secret)); err != nil {
		t.Fatal(err)
	}
	rw := bufio.NewReadWriter(bufio.NewReader(browser), bufio.NewWriter(browser))
	for line := ""; line != "\r\n"; {
		if line, err = rw.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "HTTP/") && !strings.Contains(line, " 101 ") {
			t.Fatalf("answered %q", line)
		}
	}
	return rw
}

func handshake(session uuid.UUID, secret string) string {
	return strings.Join([]string{
		"GET /v1/sessions/" + session.String() + "/terminals/1?client=raw HTTP/1.1", "Host: labs.example", "Origin: " + origin,
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Protocol: " + terminal.Subprotocol + ", ticket." + secret, "", "",
	}, "\r\n")
}

func TestBrowserThatAnswersNoPingIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env := &environment{}
		browser := openPiped(t, env)
		started := time.Now()
		if _, err := io.Copy(io.Discard, browser); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took > time.Minute {
			t.Errorf("given up after %v", took)
		}
		synctest.Wait()
		if env.attachments() > 0 {
			t.Error("its terminal was not closed")
		}
	})
}

// An agent that ignores the window does not fill the server's memory when the browser stops reading: the server holds one
// frame, and then gives the connection up.
func TestBrowserThatReadsNothingIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		env := &environment{greedy: true, shell: make([]byte, 64<<20)}
		_ = openPiped(t, env)
		synctest.Wait()
		held := env.one()
		<-time.After(time.Minute) // the bubble's clock
		if env.attachments() > 0 {
			t.Error("its terminal was not closed")
		}
		if n := held.handedOut(); n > 4*sandbox.FrameData {
			t.Errorf("the server took %d bytes for a browser that does not read", n)
		}
	})
}
