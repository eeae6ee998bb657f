package httpx_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

type nameInput struct {
	Body struct {
		Name string `json:"name"`
	}
}

// site is an API with one operation that takes JSON, over a real connection.
func site(t *testing.T, patience time.Duration, handler func(context.Context, *nameInput) (*struct{}, error)) *httptest.Server {
	t.Helper()
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	api.UseMiddleware(httpx.Bodies(api))
	op := httpx.Operation(http.MethodPost, "/v1/names", "add-name", httpx.Public, "Add a name")
	op.BodyReadTimeout = patience
	huma.Register(api, op, handler)
	server := httptest.NewServer(httpx.Bounded(mux))
	t.Cleanup(server.Close)
	return server
}

// say opens a connection, sends text and returns what is answered while the connection stays open.
func say(t *testing.T, server *httptest.Server, text string) *http.Response {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

const post = "POST /v1/names HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

func TestABodyThatDoesNotCome(t *testing.T) {
	t.Parallel()
	server := site(t, 50*time.Millisecond, func(context.Context, *nameInput) (*struct{}, error) {
		t.Error("the handler was called")
		return &struct{}{}, nil
	})
	res := say(t, server, post+"Content-Length: 20\r\n\r\n{\"name\":")
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(body), "body_too_slow") || !res.Close {
		t.Errorf("%s %s, closed %t, %v", res.Status, body, res.Close, err)
	}
}

func TestABodyThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	server := site(t, time.Minute, func(context.Context, *nameInput) (*struct{}, error) {
		t.Error("the handler was called")
		return &struct{}{}, nil
	})
	if res := say(t, server, post+"Content-Length: 10000000\r\n\r\n"); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("as its sender says: %s", res.Status)
	}
	piece := strings.Repeat("x", 1<<20+10)
	if res := say(t, server, post+"Transfer-Encoding: chunked\r\n\r\n"+fmt.Sprintf("%x\r\n%s", len(piece), piece)); res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("in pieces: %s", res.Status)
	}
}

// TestTheDeadlineOfABodyIsNotTheHandlers: one that is still set after the body would end what the handler does.
func TestTheDeadlineOfABodyIsNotTheHandlers(t *testing.T) {
	t.Parallel()
	const deadline = 50 * time.Millisecond
	server := site(t, deadline, func(ctx context.Context, in *nameInput) (*struct{}, error) {
		select {
		case <-ctx.Done():
			t.Errorf("the handler was ended: %v", ctx.Err())
		case <-time.After(4 * deadline): // which is what is tried
		}
		return &struct{}{}, nil
	})
	if res := say(t, server, post+"Content-Length: 12\r\n\r\n{\"name\":\"a\"}"); res.StatusCode != http.StatusNoContent {
		t.Errorf("%s", res.Status)
	}
}

func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	const friend = "https://friend.example"
	mux := httpx.NewMux()
	mux.HandleFunc("GET /v1/x", httpx.Anybody, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	mux.HandleFunc("GET /page", httpx.Anybody, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	h := httpx.CrossOrigin(mux, httpx.CrossOriginPath, func(_ context.Context, origin string) (bool, error) { return origin == friend, nil })
	for name, c := range map[string]struct {
		method, path string
		origins      []string
		status       int
		allowed      string
	}{
		"no other page":                  {http.MethodGet, "/v1/x", nil, 200, ""},
		"a friend":                       {http.MethodGet, "/v1/x", []string{friend}, 200, friend},
		"a friend asks first":            {http.MethodOptions, "/v1/x", []string{friend}, 204, friend},
		"somebody":                       {http.MethodGet, "/v1/x", []string{"https://evil.example"}, 200, ""},
		"somebody asks first":            {http.MethodOptions, "/v1/x", []string{"https://evil.example"}, 403, ""},
		"somebody beside a friend":       {http.MethodGet, "/v1/x", []string{friend, "https://evil.example"}, 200, ""},
		"a page without an origin":       {http.MethodGet, "/v1/x", []string{"null"}, 200, ""},
		"a friend at a page of our own":  {http.MethodGet, "/page", []string{friend}, 200, ""},
		"a name that ends like a friend": {http.MethodGet, "/v1/x", []string{"https://not-friend.example"}, 200, ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, http.NoBody)
		r.Header["Origin"] = c.origins
		if c.method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := w.Header()
		if w.Code != c.status || got.Get("Access-Control-Allow-Origin") != c.allowed || got.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", name, w.Code, got)
		}
		if strings.HasPrefix(c.path, "/v1/") && got.Get("Vary") != "Origin" {
			t.Errorf("%s: what one origin gets may be kept for another: %v", name, got)
		}
	}
}

// TestARefusalDoesNotWaitForTheBody: who may not call is told at once, and the connection is not held for what they do not
// send.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	mux := httpx.NewMux()
	mux.HandleFunc("POST /refused", httpx.Anybody, func(w http.ResponseWriter, r *http.Request) {
		httpx.WriteProblem(w, r, errs.Forbidden("forbidden", "No."))
	})
	mux.HandleFunc("POST /read", httpx.Anybody, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	server := httptest.NewServer(httpx.Bounded(mux))
	t.Cleanup(server.Close)
	for name, head := range map[string]string{
		"a length": "Content-Length: 100\r\n\r\n", "pieces": "Transfer-Encoding: chunked\r\n\r\n", "half": "Content-Length: 10\r\n\r\n12345", "all of it": "Content-Length: 5\r\n\r\n12345",
	} {
		res := say(t, server, "POST /refused HTTP/1.1\r\nHost: x\r\n"+head)
		if _, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusForbidden || !res.Close {
			t.Errorf("%s: %s, closed %t, %v", name, res.Status, res.Close, err)
		}
	}
	if res := say(t, server, "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345"); res.StatusCode != http.StatusOK || res.Close {
		t.Errorf("a body that was read: %s, closed %t", res.Status, res.Close)
	}
}
