package webport_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/terminal/access"
	"github.com/cloudkida/cloudkida/internal/app/terminal/ticket"
	"github.com/cloudkida/cloudkida/internal/app/webport"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const patience = 20 * time.Second // how long a test waits for what must happen

var (
	errEnded  = errs.Conflict("session_not_ready", "The lab is not running.")
	errNoPort = errs.NotFound("port_not_found", "The lab has no such port.")
)

// lab is one session, whose port "web" (8080) leads to a learner's program. It is the Dialer and the Guard of the tests.
type lab struct {
	mu      sync.Mutex
	refusal error // of the guard
	dialErr error
	program *httptest.Server // nil: nothing listens
	as      tenancy.Scope
	dialled []uuid.UUID
	traffic int
}

func (l *lab) Allow(_ context.Context, h access.Holder) (tenancy.Scope, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return tenancy.Scope{Tenant: h.Tenant, User: h.User, Role: tenancy.RoleLearner}, l.refusal
}

func (l *lab) PortNumber(_ context.Context, _ uuid.UUID, name string) (uint16, error) {
	if name != "web" {
		return 0, errNoPort
	}
	return 8080, nil
}

func (l *lab) Port(ctx context.Context, session uuid.UUID, _ string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.as, _ = tenancy.From(ctx)
	l.dialled = append(l.dialled, session)
	if l.dialErr != nil {
		return nil, l.dialErr
	}
	if l.program == nil {
		return nil, io.EOF
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.program.Listener.Addr().String())
	if err == nil {
		context.AfterFunc(ctx, func() { _ = conn.Close() })
	}
	return conn, err
}

func (l *lab) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// world is a running server: the console, and before it the ports of labs.
type world struct {
	*testing.T
	lab     *lab
	service *webport.Service
	server  *httptest.Server
	holder  access.Holder
	host    string // of the session's port "web"
}

func newWorld(t *testing.T, program http.Handler) *world {
	t.Helper()
	w := &world{T: t, lab: &lab{}, holder: access.Holder{Tenant: tenancy.DefaultTenant(), User: uuid.New(), Session: uuid.New()}}
	if program != nil {
		w.lab.program = httptest.NewServer(program)
		t.Cleanup(w.lab.program.Close)
	}
	w.service = &webport.Service{
		Console: &url.URL{Scheme: "https", Host: "example.com"}, Labs: &url.URL{Scheme: "https", Host: "labs.example.com:8443"},
		Key: bytes.Repeat([]byte{7}, 32), Tickets: &ticket.Store{}, Access: &access.Checker{Guard: w.lab}, Dialer: w.lab,
		Traffic: func(uuid.UUID) { w.lab.set(func() { w.lab.traffic++ }) },
		Log:     slog.New(slog.DiscardHandler),
	}
	console := http.HandlerFunc(func(res http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(res, "the console") })
	w.server = httptest.NewServer(httpx.Base(w.service.Handler(console), func(*http.Request, int, time.Duration) {}))
	w.host = "web--" + w.holder.Session.String() + ".labs.example.com:8443"
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.service.Close(ctx); err != nil {
			t.Errorf("requests outlive the service: %v", err)
		}
		w.server.Close()
	})
	return w
}

// request is one to the lab's host; edit changes it, when not nil.
func (w *world) do(method, path string, edit func(*http.Request)) (*http.Response, string) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	w.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, w.server.URL+path, nil)
	if err != nil {
		w.Fatal(err)
	}
	req.Host = w.host
	if edit != nil {
		edit(req)
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	return res, string(body)
}

// entrance returns the path and query of a fresh way in.
func (w *world) entrance() string {
	w.Helper()
	to, err := w.service.Entrance(w.Context(), w.holder, "web")
	if err != nil {
		w.Fatal(err)
	}
	at, err := url.Parse(to)
	if err != nil || at.Host != w.host || at.Scheme != "https" {
		w.Fatalf("entrance %q, %v", to, err)
	}
	return at.RequestURI()
}

// enter returns the cookie that the entrance gives.
func (w *world) enter(edit func(*http.Request)) *http.Cookie {
	w.Helper()
	res, _ := w.do(http.MethodGet, w.entrance(), edit)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" || len(res.Cookies()) != 1 {
		w.Fatalf("entered with %d, %v", res.StatusCode, res.Header)
	}
	return res.Cookies()[0]
}

// visit makes a request with the cookie.
func (w *world) visit(method, path string, edit func(*http.Request)) (*http.Response, string) {
	w.Helper()
	cookie := w.enter(nil)
	return w.do(method, path, func(r *http.Request) {
		r.Header.Set("Cookie", cookie.Name+"="+cookie.Value)
		if edit != nil {
			edit(r)
		}
	})
}

func TestEntranceGivesACookieOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.NotFoundHandler())
	to := w.entrance()
	res, _ := w.do(http.MethodGet, to, nil)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("entrance: %d %v", res.StatusCode, res.Header)
	}
	line := res.Header.Get("Set-Cookie")
	if !strings.HasPrefix(line, "__Host-cloudkida-port=") {
		t.Errorf("cookie %q", line)
	}
	for _, want := range []string{"; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"} {
		if !strings.Contains(line, want) {
			t.Errorf("cookie %q lacks %q", line, want)
		}
	}
	if strings.Contains(line, "Domain") {
		t.Errorf("cookie %q reaches beyond its host", line)
	}
	if res, _ = w.do(http.MethodGet, to, nil); res.StatusCode != http.StatusForbidden || len(res.Cookies()) > 0 {
		t.Errorf("second use: %d", res.StatusCode)
	}
	framed := w.enter(func(r *http.Request) { r.Header.Set("Sec-Fetch-Dest", "iframe") })
	if framed.SameSite != http.SameSiteNoneMode || !framed.Partitioned || !framed.Secure {
		t.Errorf("cookie in a frame %v: browsers send it there only when it is partitioned", framed)
	}
	if res, _ = w.do(http.MethodPost, w.entrance(), nil); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
}

func TestEntranceIsForOnePlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.NotFoundHandler())
	for name, host := range map[string]string{
		"another session": "web--" + uuid.NewString() + ".labs.example.com",
		"another port":    "api--" + w.holder.Session.String() + ".labs.example.com",
	} {
		to, cookie := w.entrance(), w.enter(nil)
		res, _ := w.do(http.MethodGet, to, func(r *http.Request) { r.Host = host })
		if res.StatusCode != http.StatusForbidden || len(res.Cookies()) > 0 {
			t.Errorf("ticket of %s: %d", name, res.StatusCode)
		}
		res, _ = w.do(http.MethodGet, "/", func(r *http.Request) {
			r.Host = host
			r.AddCookie(cookie)
		})
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("cookie of %s: %d", name, res.StatusCode)
		}
	}
	if _, err := w.service.Entrance(t.Context(), w.holder, "nope"); errs.KindOf(err) != errs.KindNotFound {
		t.Errorf("a port that the lab lacks: %v", err)
	}
	for _, name := range []string{"", "-", "Web", "a.b", "a/b", "ü", strings.Repeat("a", 26)} {
		if _, err := w.service.Entrance(t.Context(), w.holder, name); errs.KindOf(err) != errs.KindNotFound {
			t.Errorf("port %q: %v", name, err)
		}
	}
}

func TestForgedCookiesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached the program") }))
	good := w.enter(nil).Value
	changed := []byte(good)
	changed[20] ^= 1
	for name, value := range map[string]string{
		"none": "", "short": "AAAA", "changed": string(changed), "cut": good[:len(good)-1], "long": good + "A", "zero": strings.Repeat("A", len(good)),
	} {
		res, _ := w.do(http.MethodGet, "/", func(r *http.Request) { r.Header.Set("Cookie", "__Host-cloudkida-port="+value) })
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	other := newWorld(t, nil)
	other.service.Key = bytes.Repeat([]byte{8}, 32)
	other.holder, other.host = w.holder, w.host
	value := other.enter(nil).Value
	res, _ := w.do(http.MethodGet, "/", func(r *http.Request) { r.Header.Set("Cookie", "__Host-cloudkida-port="+value) })
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("signed by another key: %d", res.StatusCode)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	id := w.holder.Session.String()
	console := []string{"example.com", "labs.example.com.evil.example", "xlabs.example.com", "localhost:8080", "web--" + id + ".example.com"}
	for _, host := range console {
		if _, body := w.do(http.MethodGet, "/", func(r *http.Request) { r.Host = host }); body != "the console" {
			t.Errorf("host %q was not left to the console: %q", host, body)
		}
	}
	unknown := []string{
		"labs.example.com", "labs.example.com:8443", "x.labs.example.com", "web--x.labs.example.com", "--" + id + ".labs.example.com",
		"a.web--" + id + ".labs.example.com", "web--" + strings.ReplaceAll(id, "-", "") + ".labs.example.com", "-a--" + id + ".labs.example.com",
	}
	for _, host := range unknown {
		res, body := w.do(http.MethodGet, "/", func(r *http.Request) { r.Host = host })
		if res.StatusCode != http.StatusNotFound || strings.Contains(body, "console") {
			t.Errorf("host %q: %d %q", host, res.StatusCode, body)
		}
	}
	// The case of a host, its port and a trailing dot mean nothing; whether the session exists is not told to strangers.
	for _, host := range []string{strings.ToUpper(w.host), "web--" + id + ".labs.example.com.", "web--" + uuid.NewString() + ".labs.example.com:1"} {
		if res, _ := w.do(http.MethodGet, "/", func(r *http.Request) { r.Host = host }); res.StatusCode != http.StatusForbidden {
			t.Errorf("host %q without a cookie: %d", host, res.StatusCode)
		}
	}
	if n := len(w.lab.dialled); n > 0 {
		t.Errorf("dialled %d times for strangers", n)
	}
}

func TestOwnPathsNeverReachTheProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("reached the program: %s", r.URL) }))
	for _, path := range []string{"/__cloudkida/", "/__cloudkida/other", "/__cloudkida/enter", "/%5f_cloudkida/enter?ticket=x"} {
		if res, _ := w.visit(http.MethodGet, path, nil); res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
}

func TestPagesForPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	html := func(r *http.Request) { r.Header.Set("Accept", "text/html,*/*") }
	res, body := w.visit(http.MethodGet, "/", html)
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "Nothing listens on port 8080 yet. Start your server, then reload.") ||
		!strings.Contains(body, `http-equiv="refresh"`) || !strings.Contains(body, "https://example.com/sessions/"+w.holder.Session.String()) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if policy := res.Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'self' https://example.com") {
		t.Errorf("policy %q", policy)
	}
	if w.lab.traffic > 0 {
		t.Error("a page that reloads by itself counts as traffic: the session would never be idle")
	}
	res, body = w.visit(http.MethodGet, "/api", nil)
	if res.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, `"nothing_listens"`) {
		t.Errorf("for programs: %v %s", res.Header, body)
	}
	if _, body = w.visit(http.MethodPost, "/", html); strings.Contains(body, `http-equiv="refresh"`) {
		t.Error("the answer to a form reloads: it would be sent again")
	}
	res, body = w.do(http.MethodGet, "/", html)
	if res.StatusCode != http.StatusForbidden || !strings.Contains(body, "Open this address from the lab page") || strings.Contains(body, "refresh") {
		t.Errorf("without a cookie: %d %s", res.StatusCode, body)
	}
	res, body = w.do(http.MethodGet, "/", func(r *http.Request) { r.Host = "x.labs.example.com"; html(r) })
	if res.StatusCode != http.StatusNotFound || !strings.Contains(body, "There is no lab at this address") {
		t.Errorf("unknown: %d %s", res.StatusCode, body)
	}
}
