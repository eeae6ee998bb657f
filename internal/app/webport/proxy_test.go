package webport_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// show answers with the request as the program got it.
func show(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s host=%s body=%s\n", r.Method, r.RequestURI, r.Host, body)
	_ = r.Header.Write(w)
}

func TestProgramSeesTheRequestWithoutWhatIsOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.HandlerFunc(show))
	_, body := w.visit(http.MethodPost, "/a%2Fb//c?x=1;y=%zz&q=a+b", func(r *http.Request) {
		r.Header.Set("Cookie", r.Header.Get("Cookie")+"; theirs=1; __Host-CloudKida-Session=secret; cloudkida_x=secret; __Secure-cloudkida=secret; odd; v=\"a b\"")
		r.Header.Add("Cookie", "second=2; __Host-cloudkida-y=secret")
		r.Header.Set("Authorization", "Bearer secret")
		r.Header.Set("Proxy-Authorization", "Basic secret")
		r.Header.Set("X-Forwarded-For", "6.6.6.6")
		r.Header.Set("X-Forwarded-Host", "console.example")
		r.Header.Set("Forwarded", "for=6.6.6.6")
		r.Header.Set("Connection", "X-Drop")
		r.Header.Set("X-Drop", "hop")
		r.Header.Set("X-Theirs", "kept")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader("form")), 4
	})
	for _, gone := range []string{"secret", "loudkida-port", "6.6.6.6", "console.example", "X-Drop", "Authorization"} {
		if strings.Contains(body, gone) {
			t.Errorf("%q reached the program:\n%s", gone, body)
		}
	}
	for _, kept := range []string{
		"POST /a%2Fb//c?x=1;y=%zz&q=a+b host=" + w.host + " body=form", "Cookie: theirs=1; odd; v=\"a b\"; second=2\r\n",
		"X-Theirs: kept", "X-Forwarded-Host: " + w.host, "X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1\r\n",
	} {
		if !strings.Contains(body, kept) {
			t.Errorf("%q did not reach the program:\n%s", kept, body)
		}
	}
	if w.lab.as.User != w.holder.User || w.lab.as.Role != tenancy.RoleLearner || w.lab.dialled[0] != w.holder.Session {
		t.Errorf("dialled %v in the name of %+v", w.lab.dialled, w.lab.as)
	}
	if w.lab.traffic == 0 {
		t.Error("traffic was not reported")
	}
}

func TestProgramCannotReachBeyondItsOrigin(t *testing.T) {
	t.Parallel()
	name := make(chan string, 1)
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		host := <-name
		for _, line := range []string{
			"a=1; Path=/", "b=2; Domain=" + host, "c=3; domain=." + strings.ToUpper(host), "d=4; Domain=",
			"no1=x; Domain=labs.example.com", "no2=x; Domain=example.com; Path=/", "no3=x; Domain=" + host + "; DOMAIN = .example.com",
			"no4=x;domain\t=\texample.com", "__Host-cloudkida-port=no5; Path=/; Secure", "__HOST-CLOUDKIDA-port=no6; Path=/; Secure", "=no7", "no8",
			"=__Host-cloudkida-port=no9", "cloudkida=no10",
		} {
			w.Header().Add("Set-Cookie", line)
		}
		w.Header().Set("Clear-Site-Data", `"cookies"`)
		w.Header().Set("Alt-Svc", `h2="evil.example:443"`)
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("Content-Security-Policy", "script-src 'self'")
	}))
	name <- strings.TrimSuffix(w.host, ":8443")
	res, _ := w.visit(http.MethodGet, "/", nil)
	lines := res.Header.Values("Set-Cookie")
	if got := strings.Join(lines, "\n"); strings.Contains(got, "no") || len(lines) != 4 {
		t.Errorf("cookies that passed:\n%s", got)
	}
	for _, gone := range []string{"Clear-Site-Data", "Alt-Svc", "X-Frame-Options"} {
		if v := res.Header.Get(gone); v != "" {
			t.Errorf("%s: %s passed", gone, v)
		}
	}
	if got := res.Header.Values("Content-Security-Policy"); !slices.Equal(got, []string{"script-src 'self'", "frame-ancestors 'self' https://example.com"}) {
		t.Errorf("policies %q", got)
	}
}

func TestEarlyHintsSetNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "early=1; Domain=example.com")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Set-Cookie")
		_, _ = io.WriteString(w, "late")
	}))
	conn := w.raw(http.MethodGet, "/", "")
	answer, _ := io.ReadAll(conn)
	if s := string(answer); strings.Contains(s, "early") || !strings.HasPrefix(s, "HTTP/1.1 200") || !strings.Contains(s, "frame-ancestors") {
		t.Errorf("answered %s", s)
	}
}

// raw sends a request as it is, with a good cookie, and returns the connection to read the answer from.
func (w *world) raw(method, target, more string) net.Conn {
	w.Helper()
	cookie := w.enter(nil)
	conn, err := net.Dial("tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	text := method + " " + target + " HTTP/1.1\r\nHost: " + w.host + "\r\nCookie: " + cookie.Name + "=" + cookie.Value + "\r\n"
	if !strings.Contains(more, "Connection:") {
		text += "Connection: close\r\n"
	}
	if _, err := io.WriteString(conn, text+more+"\r\n"); err != nil {
		w.Fatal(err)
	}
	return conn
}

func TestOddRequestLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.HandlerFunc(show))
	read := func(method, target, more string) string {
		answer, _ := io.ReadAll(w.raw(method, target, more))
		return string(answer)
	}
	// The host of an absolute address goes before the Host header, for the choice of handler and for the program alike.
	if got := read("GET", "http://example.com/v1/me", ""); !strings.Contains(got, "the console") {
		t.Errorf("absolute address of the console: %s", got)
	}
	got := read("GET", "http://user:pass@"+w.host+"/x", "")
	if !strings.Contains(got, "GET /x host="+w.host) || strings.Contains(got, "Authorization") {
		t.Errorf("absolute address with a user: %s", got)
	}
	if got = read("GET", "http://web--"+strings.Repeat("0", 36)+".labs.example.com/", ""); !strings.Contains(got, " 404 ") {
		t.Errorf("absolute address of no session: %s", got)
	}
	if got = read("GET", "//evil.example/x", ""); !strings.Contains(got, "GET //evil.example/x host="+w.host) {
		t.Errorf("a path like a host: %s", got)
	}
	if got = read("CONNECT", w.host, ""); !strings.Contains(got, " 404 ") {
		t.Errorf("CONNECT: %s", got)
	}
	if got = read("OPTIONS", "*", ""); strings.Contains(got, "console") {
		t.Errorf("OPTIONS *: %s", got)
	}
	smuggled := "5\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	if got = read("POST", "/y", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"+smuggled); strings.Contains(got, "smuggled") {
		t.Errorf("two lengths: %s", got)
	}
	if got = read("POST", "/y", "Transfer-Encoding: chunked, identity\r\n\r\n"+smuggled); strings.Contains(got, "POST /y") {
		t.Errorf("an unknown transfer encoding: %s", got)
	}
}

func TestStreamsFlowAndEndWithTheSession(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	}))
	answer := bufio.NewReader(w.raw(http.MethodGet, "/events", ""))
	for line := ""; !strings.HasPrefix(line, "data: 1"); {
		var err error
		if line, err = answer.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	w.lab.set(func() { w.lab.refusal = errEnded })
	if _, err := io.ReadAll(answer); errors.Is(err, context.DeadlineExceeded) {
		t.Error("the stream outlives its session")
	}
	<-left
}

func TestWebSocketsPassAndEndWithTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Cookie"), "cloudkida") {
			t.Error("our cookie reached the program")
		}
		conn, err := websocket.Accept(w, r, nil) // wants Origin and Host to agree, as programs do
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			kind, message, err := conn.Read(r.Context())
			if err != nil || conn.Write(r.Context(), kind, append([]byte("echo "), message...)) != nil {
				return
			}
		}
	}))
	cookie := w.enter(nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, w.server.URL+"/socket", &websocket.DialOptions{
		Host: w.host, HTTPHeader: http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}, "Origin": {"https://" + w.host}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	if err := conn.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, message, err := conn.Read(ctx); err != nil || string(message) != "echo hello" {
		t.Fatalf("%q %v", message, err)
	}
	w.lab.set(func() { w.lab.refusal = errEnded })
	if _, _, err := conn.Read(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("the WebSocket outlives its session: %v", err)
	}
}

func TestFailuresAreSaidPlainly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := http.NewResponseController(w).Hijack()
		_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH\r\n")
		_ = conn.Close()
	}))
	if res, body := w.visit(http.MethodGet, "/", nil); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "port_answer") {
		t.Errorf("not HTTP: %d %s", res.StatusCode, body)
	}
	for reason, code := range map[error]string{
		sandbox.ErrUnreachable: "environment_unreachable", sandbox.ErrNotFound: "session_gone", errNoPort: "port_not_found", errEnded: "session_not_ready",
	} {
		w.lab.set(func() { w.lab.dialErr = reason })
		if _, body := w.visit(http.MethodGet, "/", nil); !strings.Contains(body, code) {
			t.Errorf("%v: %s", reason, body)
		}
	}
	ended := newWorld(t, http.HandlerFunc(show))
	ended.lab.refusal = errEnded
	if res, body := ended.visit(http.MethodGet, "/", nil); res.StatusCode != http.StatusConflict || !strings.Contains(body, "session_not_ready") {
		t.Errorf("ended: %d %s", res.StatusCode, body)
	}
}

func TestLargeBodiesPassBothWays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	}))
	large := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	_, body := w.visit(http.MethodPut, "/", func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(large)), -1 })
	if body != large {
		t.Errorf("%d bytes came back of %d", len(body), len(large))
	}
}

func TestServerStops(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
	}))
	conn := w.raw(http.MethodGet, "/", "")
	<-started
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.service.Close(ctx); err != nil {
		t.Error(err)
	}
	if answer, _ := io.ReadAll(conn); !strings.Contains(string(answer), "server_stops") {
		t.Errorf("answered %s", answer)
	}
}
