package server_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// dialled is a connection of its own to a listener: a client would mend what is sent.
func dialled(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// floods sends heads that are too much to both listeners, and heads and bodies that come by and by.
func (s *stage) floods(t *testing.T) {
	t.Helper()
	for name, listener := range map[string]struct{ address, page string }{"public": {s.url, "/healthz"}, "private": {s.ops, "/metrics"}} {
		for flood, c := range map[string]struct {
			head string
			want int
		}{
			"as it should be":       {"", http.StatusOK},
			"1,000 headers":         {strings.Repeat("X-A: b\r\n", 1000), http.StatusRequestHeaderFieldsTooLarge},
			"1,000 names":           {strings.Repeat("A: b\r\nB: b\r\nC: b\r\nD: b\r\n", 250), http.StatusRequestHeaderFieldsTooLarge},
			"a header of 1 MB":      {"X-A: " + strings.Repeat("b", 1<<20) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
			"cookies of 1 MB":       {strings.Repeat("Cookie: "+strings.Repeat("b=c; ", 2000)+"\r\n", 100), http.StatusRequestHeaderFieldsTooLarge},
			"a name of 1 MB":        {strings.Repeat("a", 1<<20) + ": b\r\n", http.StatusRequestHeaderFieldsTooLarge},
			"a length that is none": {"Content-Length: 1e9\r\n", http.StatusBadRequest},
			"another host as well":  {"Host: example.com\r\n", http.StatusBadRequest},
		} {
			conn := dialled(t, listener.address)
			head := "GET " + listener.page + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(listener.address, "http://") + "\r\n"
			_, _ = io.WriteString(conn, head+c.head+"\r\n") // the server may have answered and gone before the end
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("%s, %s: %v", name, flood, err)
			} else if _ = res.Body.Close(); res.StatusCode != c.want || c.want != http.StatusOK && !res.Close {
				t.Errorf("%s, %s: %s, closed %t; want %d", name, flood, res.Status, res.Close, c.want)
			}
		}
	}
}

// drops sends text a byte at a time, one a second, until the server has answered or ended the connection.
func drops(t *testing.T, conn net.Conn, text string) (res *http.Response, code string) {
	t.Helper()
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		var err error
		if res, err = http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
			return
		}
		var problem struct{ Code string }
		_ = json.NewDecoder(res.Body).Decode(&problem) // the private listener's pages are none
		code = problem.Code
		_ = res.Body.Close()
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-answered:
			return res, code
		case <-tick.C:
			_, _ = io.WriteString(conn, text[n%len(text):n%len(text)+1]) // the end of the connection is seen by the reader
		}
	}
}

// Whoever sends a head or a body a byte a second is heard out for a while and then told, or cut off: they hold neither a listener
// nor somebody who answers. Who may not call is told before anything of the body comes.
func TestWhoeverIsSlowIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	host := "Host: " + strings.TrimPrefix(s.url, "http://") + "\r\n"
	length := "Content-Length: 10000\r\n\r\n"
	for name, c := range map[string]struct {
		address, head string
		want          []int // 0: the connection ends without an answer
		code          string
	}{
		"a body":               {s.url, "POST /v1/groups HTTP/1.1\r\n" + host + "Authorization: Bearer " + s.who("a owner").token + "\r\nContent-Type: application/json\r\n" + length, []int{408}, "body_too_slow"},
		"pieces":               {s.url, "POST /v1/groups HTTP/1.1\r\n" + host + "Authorization: Bearer " + s.who("a owner").token + "\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n", []int{408}, "body_too_slow"},
		"a body of a stranger": {s.url, "POST /v1/groups HTTP/1.1\r\n" + host + length, []int{401}, "sign_in_required"},
		"a body of a learner":  {s.url, "POST /v1/groups HTTP/1.1\r\n" + host + "Authorization: Bearer " + s.who("a learner").token + "\r\n" + length, []int{403}, "forbidden"},
		"a form":               {s.url, "POST /pools/default/sign-in HTTP/1.1\r\n" + host + "Content-Type: application/x-www-form-urlencoded\r\n" + length, []int{408}, "body_too_slow"},
		"a head":               {s.url, "GET /healthz HTTP/1.1\r\n", []int{0, 408}, ""},
		"a private head":       {s.ops, "GET /metrics HTTP/1.1\r\n", []int{0, 408}, ""},
		"a private body":       {s.ops, "POST /metrics HTTP/1.1\r\nHost: " + strings.TrimPrefix(s.ops, "http://") + "\r\n" + length, []int{200, 404, 405}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dialled(t, c.address)
			if _, err := io.WriteString(conn, c.head); err != nil {
				t.Fatal(err)
			}
			res, code := drops(t, conn, "x: "+strings.Repeat("a", 10_000))
			status, ends := 0, true
			if res != nil {
				status, ends = res.StatusCode, res.Close
			}
			if !slices.Contains(c.want, status) || !ends || c.code != "" && code != c.code {
				t.Errorf("%d %s, closed %t; want %v %s", status, code, ends, c.want, c.code)
			}
		})
	}
}
