// Package load asks a server over connections that cost as little as they can, so that whoever asks does not make all that
// is asked look alike; at a steady rate it does so from a process of its own.
package load

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// timeout bounds the wait for a connection and for an answer.
const timeout = 30 * time.Second

// Request is one GET as it goes over the wire.
func Request(address, token string) []byte {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // the bench's own
	}
	return []byte("GET " + u.Path + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAuthorization: Bearer " + token + "\r\nAccept: application/json\r\n\r\n")
}

// Connection is one client.
type Connection struct {
	net.Conn
	in *bufio.Reader
}

// Connect connects to the host that a request names.
func Connect(ctx context.Context, raw []byte) (*Connection, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", r.Host)
	if err != nil {
		return nil, err
	}
	return &Connection{conn, bufio.NewReader(conn)}, nil
}

// Ask sends a request, reads the answer to its end and holds its status against those that are wanted.
func (c *Connection) Ask(raw []byte, want ...int) (status int, err error) {
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return 0, err
	}
	if _, err := c.Write(raw); err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	for _, status := range want {
		if res.StatusCode == status {
			_, err = io.Copy(io.Discard, res.Body)
			return status, err
		}
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<12))
	return res.StatusCode, fmt.Errorf("%s: %s: %s", c.RemoteAddr(), res.Status, text)
}
