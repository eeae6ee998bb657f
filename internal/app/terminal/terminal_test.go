package terminal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal"
	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

const (
	origin   = "https://labs.example"
	patience = 20 * time.Second // how long a test waits for what must happen
)

// world is a running server with one session.
type world struct {
	*testing.T
	env     *environment
	service *terminal.Service
	server  *httptest.Server
	session uuid.UUID
	user    uuid.UUID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, env: &environment{}, session: uuid.New(), user: uuid.New()}
	w.service = &terminal.Service{
		Origin: origin, Tickets: &ticket.Store{}, Access: &access.Checker{Guard: w.env}, Dialer: w.env, Ports: ports{},
		Log: slog.New(slog.DiscardHandler),
	}
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	gate := &gateway.Gateway{
		Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
			user, err := uuid.Parse(bearer)
			return tenancy.Scope{Tenant: tenancy.DefaultTenant(), User: user, Role: tenancy.RoleLearner}, err
		},
		Authorize: func(context.Context, tenancy.Permission) error { return nil },
	}
	api.UseMiddleware(gate.Middleware(api))
	w.service.Register(api)
	w.service.Mount(mux)
	w.server = httptest.NewServer(httpx.Base(mux, func(*http.Request, int, time.Duration) {}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.service.Close(ctx); err != nil {
			t.Errorf("connections outlive the service: %v", err)
		}
		w.server.Close()
		if n := w.env.attachments(); n > 0 {
			t.Errorf("%d terminals were never closed", n)
		}
	})
	return w
}

type ports struct{}

func (ports) Entrance(_ context.Context, h access.Holder, port string) (string, error) {
	return "https://" + port + "--" + h.Session.String() + ".example/", nil
}

// post asks for a ticket as the world's user.
func (w *world) post(body string) (int, terminal.Ticket) {
	w.Helper()
	req, _ := http.NewRequestWithContext(w.Context(), http.MethodPost, w.server.URL+"/v1/sessions/"+w.session.String()+"/tickets", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+w.user.String())
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	var got terminal.Ticket
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		w.Fatal(err)
	}
	return res.StatusCode, got
}

func (w *world) ticket() string {
	w.Helper()
	status, got := w.post(`{"kind":"terminal"}`)
	if status != http.StatusOK || got.Ticket == "" || time.Until(*got.ExpiresAt) > ticket.Life {
		w.Fatalf("status %d, %+v", status, got)
	}
	return got.Ticket
}

// attempt is one try to open a terminal, with what a test changes about it.
type attempt struct {
	session   uuid.UUID
	path      string
	query     string
	origin    string
	protocols []string
}

func (w *world) attempt() attempt {
	return attempt{
		session: w.session, path: "1", query: "cols=120&rows=40&client=me", origin: origin,
		protocols: []string{terminal.Subprotocol, "ticket." + w.ticket()},
	}
}

func (w *world) try(a attempt) (*websocket.Conn, *http.Response, error) {
	w.Helper()
	header := http.Header{}
	if a.origin != "" {
		header.Set("Origin", a.origin)
	}
	conn, res, err := websocket.Dial(w.Context(), w.server.URL+"/v1/sessions/"+a.session.String()+"/terminals/"+a.path+"?"+a.query, &websocket.DialOptions{
		HTTPHeader: header, Subprotocols: a.protocols,
	})
	if err == nil {
		conn.SetReadLimit(1 << 20)
		w.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, res, err
}

func (w *world) open(query string) *browser {
	w.Helper()
	a := w.attempt()
	if query != "" {
		a.query = query
	}
	conn, res, err := w.try(a)
	if err != nil {
		w.Fatal(err)
	}
	for _, line := range res.Header.Values("Sec-WebSocket-Protocol") {
		if line != terminal.Subprotocol {
			w.Fatalf("the server chose %q: a ticket must not come back", line)
		}
	}
	return &browser{world: w, conn: conn}
}

// browser is one open WebSocket.
type browser struct {
	*world
	conn *websocket.Conn
	next uint64
}

func (b *browser) send(f sandbox.Frame) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if err := b.conn.Write(ctx, websocket.MessageBinary, f.Append(nil)); err != nil {
		b.Fatal(err)
	}
}

func (b *browser) typeText(text []byte) {
	b.Helper()
	b.next++
	b.send(sandbox.Frame{Type: sandbox.FrameInput, N: b.next, Data: text})
}

func (b *browser) read() (sandbox.Frame, error) {
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	_, message, err := b.conn.Read(ctx)
	if err != nil {
		return sandbox.Frame{}, err
	}
	return sandbox.ParseFrame(message)
}

// wantOutput reads until n bytes of output have come, from offset on without a gap.
func (b *browser) wantOutput(offset uint64, n int) []byte {
	b.Helper()
	var got []byte
	for len(got) < n {
		f, err := b.read()
		if err != nil {
			b.Fatal(err)
		}
		if f.Type != sandbox.FrameOutput {
			continue
		}
		if f.N != offset+uint64(len(got)) {
			b.Fatalf("output at %d, want %d", f.N, offset+uint64(len(got)))
		}
		got = append(got, f.Data...)
	}
	return got
}

func (b *browser) wantClose(code websocket.StatusCode) {
	b.Helper()
	wantClose(b.T, b.conn, code)
}

func wantClose(t *testing.T, conn *websocket.Conn, code websocket.StatusCode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, _, err := conn.Read(ctx)
		if err == nil {
			continue
		}
		if got := websocket.CloseStatus(err); got != code {
			t.Fatalf("closed with %d (%v), want %d", got, err, code)
		}
		return
	}
}

func TestTicketsNeedARunningSessionOfTheCaller(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if status, got := w.post(`{"kind":"port","port":"web"}`); status != http.StatusOK || !strings.HasPrefix(got.URL, "https://web--") {
		t.Errorf("port: %d %+v", status, got)
	}
	if status, _ := w.post(`{"kind":"shell"}`); status != http.StatusUnprocessableEntity {
		t.Errorf("unknown kind: %d", status)
	}
	w.env.refuse(errEnded)
	w.user = uuid.New() // nothing is remembered of this one
	if status, got := w.post(`{"kind":"terminal"}`); status != http.StatusConflict || got.Ticket != "" {
		t.Errorf("ended session: %d %+v", status, got)
	}
}

func TestOpeningIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cases := map[string]struct {
		change func(*attempt)
		status int
	}{
		"another origin":     {func(a *attempt) { a.origin = "https://evil.example" }, 403},
		"the server's host":  {func(a *attempt) { a.origin = w.server.URL }, 403},
		"no origin":          {func(a *attempt) { a.origin = "" }, 403},
		"origin null":        {func(a *attempt) { a.origin = "null" }, 403},
		"no subprotocol":     {func(a *attempt) { a.protocols = nil }, 400},
		"no ticket":          {func(a *attempt) { a.protocols = a.protocols[:1] }, 400},
		"no version":         {func(a *attempt) { a.protocols = a.protocols[1:] }, 400},
		"terminal 0":         {func(a *attempt) { a.path = "0" }, 400},
		"terminal 10":        {func(a *attempt) { a.path = "10" }, 400},
		"no client":          {func(a *attempt) { a.query = "cols=1" }, 400},
		"a long client":      {func(a *attempt) { a.query = "client=" + strings.Repeat("a", 65) }, 400},
		"an odd client":      {func(a *attempt) { a.query = "client=a%0Ab" }, 400},
		"columns in words":   {func(a *attempt) { a.query = "client=me&cols=many" }, 400},
		"a negative offset":  {func(a *attempt) { a.query = "client=me&offset=-1" }, 400},
		"an offset past all": {func(a *attempt) { a.query = "client=me&offset=18446744073709551616" }, 400},
	}
	for name, c := range cases {
		a := w.attempt()
		c.change(&a)
		_, res, err := w.try(a)
		if err == nil {
			t.Errorf("%s: opened", name)
			continue
		}
		if res == nil || res.StatusCode != c.status {
			t.Errorf("%s: %v %v, want %d", name, res, err, c.status)
			continue
		}
		body, _ := io.ReadAll(res.Body)
		if bytes.Contains(body, []byte(strings.TrimPrefix(a.protocolTicket(), "ticket."))) {
			t.Errorf("%s: the ticket came back: %s", name, body)
		}
	}
}

func (a attempt) protocolTicket() string {
	for _, p := range a.protocols {
		if strings.HasPrefix(p, "ticket.") {
			return p
		}
	}
	return "ticket.none"
}

func TestTicketOpensOneConnectionToItsSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.attempt()
	if _, _, err := w.try(a); err != nil {
		t.Fatal(err)
	}
	again, _, err := w.try(a)
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, again, terminal.CodeTicketRefused)
	other := w.attempt()
	other.session = uuid.New()
	elsewhere, _, err := w.try(other)
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, elsewhere, terminal.CodeTicketRefused)
	forged := w.attempt()
	forged.protocols[1] = "ticket.AAAA"
	guess, _, err := w.try(forged)
	if err != nil {
		t.Fatal(err)
	}
	wantClose(t, guess, terminal.CodeTicketRefused)
}

func TestBytesPassAsTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.open("cols=1&rows=100000&client=me-1")
	all := make([]byte, 0, 70_000)
	for i := range 70_000 {
		all = append(all, byte(i), byte(i>>8))
	}
	all = append(all, "\x00\xff\xfe नमस्ते 👩‍💻\xe2\x82"...)
	for at := 0; at < len(all); at += sandbox.FrameData {
		b.typeText(all[at:min(at+sandbox.FrameData, len(all))])
	}
	if got := b.wantOutput(0, len(all)); !bytes.Equal(got, all) {
		t.Error("what was typed came back changed")
	}
	if a := w.env.seen[0]; a.Name != "1" || a.Client != "me-1" || a.Cols != 2 || a.Rows != 500 {
		t.Errorf("attached as %+v", a)
	}
	if w.env.as.User != w.user || w.env.as.Role != tenancy.RoleLearner {
		t.Errorf("attached in the name of %+v", w.env.as)
	}
}

func TestResizeIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.open("")
	for sent, want := range map[uint64]uint64{100<<16 | 30: 100<<16 | 30, 0: 2<<16 | 2, 1<<63 | 9999: 500<<16 | 500} {
		b.send(sandbox.Frame{Type: sandbox.FrameResize, N: sent})
		b.typeText([]byte("x")) // comes back when the server has dealt with what was before it
		b.wantOutput(b.next-1, 1)
		if f := <-w.env.one().typed; f.N != want {
			t.Errorf("resize to %x arrived as %x, want %x", sent, f.N, want)
		}
		<-w.env.one().typed
	}
}

func TestReconnectReplaysFromItsOffset(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env.print([]byte("0123456789"))
	first := w.open("")
	first.wantOutput(0, 10)
	_ = first.conn.CloseNow()
	w.env.print([]byte("abcdef"))
	second := w.open("client=me&offset=7")
	if got := second.wantOutput(7, 9); string(got) != "789abcdef" {
		t.Errorf("replayed %q", got)
	}
}

func TestTwoBrowsersShareATerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.open("client=one"), w.open("client=two")
	one.typeText([]byte("from one "))
	two.wantOutput(0, 9)
	one.wantOutput(0, 9)
	two.typeText([]byte("from two"))
	if got := string(one.wantOutput(9, 8)) + "|" + string(two.wantOutput(9, 8)); got != "from two|from two" {
		t.Errorf("got %q", got)
	}
}
