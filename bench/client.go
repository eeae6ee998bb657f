package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// client is a learner's program: it does over HTTP and WebSocket what the console does.
type client struct {
	url   string
	token string
	http  *http.Client
}

// session is what is measured of one.
type session struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Reason struct {
		Message string `json:"message"`
	} `json:"reason"`
}

// call sends a request and decodes the answer.
func (c *client) call(ctx context.Context, method, path string, body, answer any) error {
	return c.callWith(ctx, method, path, nil, body, answer)
}

// callWith is call with headers of its own.
func (c *client) callWith(ctx context.Context, method, path string, header http.Header, body, answer any) error {
	resp, err := c.sendWith(ctx, method, path, header, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	return json.NewDecoder(resp.Body).Decode(answer)
}

func (c *client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	return c.sendWith(ctx, method, path, nil, body)
}

func (c *client) sendWith(ctx context.Context, method, path string, header http.Header, body any) (*http.Response, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		defer resp.Body.Close() //nolint:errcheck // the answer is an error anyway
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return resp, nil
}

// await follows a session's events until it is in one of the states.
func (c *client) await(ctx context.Context, id string, states ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := c.send(ctx, http.MethodGet, "/v1/sessions/"+id+"/events", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		var s session
		if !ok || json.Unmarshal([]byte(data), &s) != nil {
			continue
		}
		for _, want := range states {
			if s.State == want {
				return nil
			}
		}
		if s.State == "failed" {
			return fmt.Errorf("the start failed: %s", s.Reason.Message)
		}
	}
	return fmt.Errorf("the events of session %s ended early: %w", id, lines.Err())
}

// start starts the lab and returns its first terminal once the shell has written its first byte.
func (c *client) start(ctx context.Context) (string, wire, error) {
	var s session
	if err := c.call(ctx, http.MethodPost, "/v1/sessions", map[string]string{"lab": "bench-prompt"}, &s); err != nil {
		return "", nil, err
	}
	if err := c.await(ctx, s.ID, "ready"); err != nil {
		return "", nil, err
	}
	w, err := c.attach(ctx, s.ID)
	if err != nil {
		return "", nil, err
	}
	return s.ID, w, firstByte(w)
}

// attach opens terminal 1 with a one-time ticket, as a browser does.
func (c *client) attach(ctx context.Context, id string) (wire, error) {
	var t struct {
		Ticket string `json:"ticket"`
	}
	if err := c.call(ctx, http.MethodPost, "/v1/sessions/"+id+"/tickets", map[string]string{"kind": "terminal"}, &t); err != nil {
		return nil, err
	}
	address := strings.Replace(c.url, "http", "ws", 1) + "/v1/sessions/" + id + "/terminals/1?client=bench&cols=80&rows=24"
	conn, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		Subprotocols: []string{"cloudkida.terminal.v1", "ticket." + t.Ticket},
		HTTPHeader:   http.Header{"Origin": {c.url}},
	})
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("open the terminal: %w (%s)", err, resp.Status)
		}
		return nil, fmt.Errorf("open the terminal: %w", err)
	}
	conn.SetReadLimit(sandbox.FrameHeader + sandbox.FrameData)
	return &socket{ctx: ctx, conn: conn}, nil
}

// end ends the session and returns once it has ended.
func (c *client) end(ctx context.Context, id string) error {
	var s session
	if err := c.call(ctx, http.MethodPost, "/v1/sessions/"+id+"/end", struct{}{}, &s); err != nil {
		return err
	}
	if s.State == "ended" {
		return nil
	}
	return c.await(ctx, id, "ended")
}
