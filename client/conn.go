// Package client is the API for Go programs. What is in api.gen.go is generated from the API's description; Conn adds who
// asks, patience, and keys that make a repeated request harmless.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Tokens gives access tokens. refused is one that the server has just refused, or empty.
type Tokens interface {
	Token(ctx context.Context, refused string) (string, error)
}

// Static is an access token that cannot be renewed.
type Static string

// Token returns it once.
func (s Static) Token(_ context.Context, refused string) (string, error) {
	if refused == string(s) {
		return "", ErrSignIn
	}
	return string(s), nil
}

// Errors before anything was sent.
var (
	ErrSignIn  = errors.New("the access token is not accepted: sign in again")
	ErrAddress = errors.New("the server's address must be https, or http on this machine")
)

// Bounds of a request: how often it is sent at most, how long a wait that the server asks for is honoured, and the answer.
const (
	tries     = 4
	mostWait  = 30 * time.Second
	mostBytes = 16 << 20
)

// Conn sends requests to one server. Its zero HTTP is http.DefaultClient.
type Conn struct {
	Server *url.URL
	Tokens Tokens // nil: nobody has signed in
	HTTP   *http.Client
}

// Parse checks a server's address: a token must not travel in the clear to another machine.
func Parse(server string) (*url.URL, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, fmt.Errorf("%q: %w", server, ErrAddress)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost") || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("%q: %w", server, ErrAddress)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// API is the generated client over this connection.
func (c *Conn) API() (*ClientWithResponses, error) {
	return NewClientWithResponses(c.Server.String(), WithHTTPClient(c))
}

// Do sends a request, with a token and, for a POST, an Idempotency-Key of its own. It sends again what the server was too
// busy for, after the time that the server asks for. It never sends to another server than its own.
func (c *Conn) Do(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != c.Server.Scheme || req.URL.Host != c.Server.Host {
		return nil, fmt.Errorf("%s is not %s", req.URL.Host, c.Server.Host)
	}
	if req.Method == http.MethodPost && req.Header.Get("Idempotency-Key") == "" {
		req.Header.Set("Idempotency-Key", uuid.NewString())
	}
	refused := ""
	for try := 1; ; try++ {
		token, err := c.token(req.Context(), refused)
		if err != nil {
			return nil, err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := c.client().Do(req)
		if err != nil {
			return nil, err
		}
		wait, again := retry(resp)
		if resp.StatusCode == http.StatusUnauthorized && refused == "" && token != "" {
			refused, wait, again = token, 0, true
		}
		if !again || try == tries || !rewind(req) {
			return resp, nil
		}
		_ = resp.Body.Close() // nothing of it is used
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
	}
}

func (c *Conn) client() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultClient
}

func (c *Conn) token(ctx context.Context, refused string) (string, error) {
	if c.Tokens == nil {
		return "", nil
	}
	return c.Tokens.Token(ctx, refused)
}

// retry tells whether the server asks to come again, and when.
func retry(resp *http.Response) (wait time.Duration, again bool) {
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusConflict:
	default:
		return 0, false
	}
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	wait = time.Duration(seconds) * time.Second
	return wait, err == nil && seconds >= 0 && wait <= mostWait
}

// rewind makes the body readable once more.
func rewind(req *http.Request) bool {
	if req.Body == nil || req.Body == http.NoBody {
		return true
	}
	if req.GetBody == nil {
		return false
	}
	body, err := req.GetBody()
	req.Body = body
	return err == nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Error is the answer of a request that failed.
type Error struct {
	Status    int    `json:"status"`
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	RequestID string `json:"requestId"`
	Fields    []struct {
		Location string `json:"location"`
		Message  string `json:"message"`
	} `json:"errors"`
}

// Error is the sentence for people, with what to quote.
func (e *Error) Error() string {
	lines := []string{e.Detail}
	for _, f := range e.Fields {
		lines = append(lines, strings.TrimPrefix(f.Location+": ", ": ")+f.Message)
	}
	text := strings.Join(lines, "\n  ")
	if e.Status >= http.StatusInternalServerError && e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Check returns the *Error of an answer, if it is one.
func Check(resp *http.Response, body []byte) error {
	if resp.StatusCode < http.StatusBadRequest {
		return nil
	}
	e := &Error{}
	if json.Unmarshal(body, e) != nil || e.Detail == "" {
		e.Detail = "the server answered " + resp.Status
	}
	e.Status = resp.StatusCode
	return e
}

// Call sends body as JSON, unless it is nil, and decodes the answer into out, unless that is nil. header are pairs of more
// headers. It returns the answer's ETag.
func (c *Conn) Call(ctx context.Context, method, path string, body, out any, header ...string) (etag string, err error) {
	var from io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return "", fmt.Errorf("encode request: %w", err)
		}
		from = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Server.String()+path, from)
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostBytes))
	if err == nil {
		err = Check(resp, text)
	}
	if err == nil && out != nil && len(text) > 0 {
		err = json.Unmarshal(text, out)
	}
	return resp.Header.Get("ETag"), err
}
