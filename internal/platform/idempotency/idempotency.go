// Package idempotency answers a POST that comes again with the same Idempotency-Key as it was answered before, without doing
// it again. It knows no feature: it stands before all of them.
package idempotency

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Bounds: how long an answer is kept and how large it may be; how long a request may be under way before nobody knows what
// became of it; how long keeping may take after the client has gone.
const (
	keep      = 24 * time.Hour
	maxAnswer = 256 << 10
	underWay  = 2 * time.Minute
	patience  = 10 * time.Second
	maxKey    = 200
)

// Header says that an answer is one that was given before.
const Header = "Idempotency-Replayed"

// Answers to keys that cannot be honoured.
var (
	ErrKey     = errs.Malformed("idempotency_key_invalid", "An Idempotency-Key has 1 to 200 visible ASCII characters, such as a UUID.")
	ErrReused  = errs.Invalid("idempotency_key_reused", "This Idempotency-Key was sent with another request. Use a new key for each request.")
	ErrRunning = errs.Conflict("idempotency_in_progress", "The request with this Idempotency-Key is under way. Send it again in a moment for its answer.")
	ErrUnknown = errs.Conflict("idempotency_unknown",
		"The request with this Idempotency-Key was interrupted, so that nobody knows whether it was done. Look, and use a new key if it was not.")
	ErrLarge = errs.Conflict("idempotency_answer_gone", "This request was done. Its answer was too large to be kept: read what it made instead.")
)

// Service keeps answers.
type Service struct {
	DB     *db.DB
	System tenancy.Permission // of the program itself, in every tenant
	Jobs   *job.Client
	Key    *secret.Key
	Log    *slog.Logger
}

// request is one that has a key.
type request struct {
	tenancy.Scope
	operation, key string
	fingerprint    []byte
}

// answer is what was said to it.
type answer struct {
	Status int         `json:"-"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
}

// Middleware comes after the one that finds out who asks: keys are each caller's own.
func (s *Service) Middleware(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(hctx huma.Context, next func(huma.Context)) {
		key, op := hctx.Header("Idempotency-Key"), hctx.Operation()
		if key == "" || !httpx.TakesKey(op) {
			next(hctx)
			return
		}
		scope, ok := tenancy.From(hctx.Context())
		if !ok || !valid(key) {
			httpx.Refuse(api, hctx, ErrKey)
			return
		}
		c := httpx.NewCapture(hctx)
		body, whole := read(hctx, op)
		c.From = body
		if !whole { // which the handler refuses
			next(c)
			c.Send()
			return
		}
		r := request{Scope: scope, operation: op.OperationID, key: key, fingerprint: s.fingerprint(hctx, body)}
		before, err := s.claim(hctx.Context(), r)
		if err != nil {
			httpx.Refuse(api, hctx, err)
			return
		}
		if before != nil {
			replay(c, before)
			return
		}
		s.do(c, r, next)
	}
}

// do runs the handler and keeps what it says. What failed on our side, or came too soon, may be tried again with the key.
func (s *Service) do(c *httpx.Capture, r request, next func(huma.Context)) {
	done := false
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), patience)
		defer cancel()
		var err error
		if status := c.Status(); !done || status < http.StatusOK || status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
			err = s.forget(ctx, r)
		} else {
			err = s.store(ctx, r, &answer{Status: status, Header: c.Answer, Body: c.Body.Bytes()})
		}
		if err != nil {
			s.Log.WarnContext(ctx, "an answer was not kept for its idempotency key", "operation", r.operation, "error", err)
		}
		if done {
			c.Send()
		}
	}()
	next(c)
	done = true
}

func replay(c *httpx.Capture, before *answer) {
	for name, values := range before.Header {
		for _, value := range values {
			c.AppendHeader(name, value)
		}
	}
	c.SetHeader(Header, "true")
	c.SetStatus(before.Status)
	_, _ = c.BodyWriter().Write(before.Body) // a buffer
	c.Send()
}

func valid(key string) bool {
	for _, b := range []byte(key) {
		if b < '!' || b > '~' {
			return false
		}
	}
	return len(key) <= maxKey
}

// read reads the body within the operation's own bounds; whole is false when it could not.
func read(hctx huma.Context, op *huma.Operation) (body *bytes.Reader, whole bool) {
	if op.BodyReadTimeout > 0 {
		_ = hctx.SetReadDeadline(time.Now().Add(op.BodyReadTimeout)) // the handler sets it again, and says when it cannot
	}
	from := hctx.BodyReader()
	if from == nil {
		return bytes.NewReader(nil), true
	}
	limit := op.MaxBodyBytes
	text, err := io.ReadAll(io.LimitReader(from, limit+1))
	return bytes.NewReader(text), err == nil && int64(len(text)) <= limit
}

// fingerprint tells requests apart without telling what is in them.
func (s *Service) fingerprint(hctx huma.Context, body *bytes.Reader) []byte {
	address := hctx.URL()
	mac := hmac.New(sha256.New, []byte(s.Key.Derive("idempotency fingerprint")))
	fmt.Fprintf(mac, "%s\n%s\n%s\n", hctx.Method(), address.RequestURI(), hctx.Header("Content-Type"))
	_, _ = body.WriteTo(mac) // a hash takes all
	_, _ = body.Seek(0, io.SeekStart)
	return mac.Sum(nil)
}

// purpose binds what is sealed to its row.
func (r request) purpose() string {
	return fmt.Sprintf("idempotency %s %s %s %s", r.Tenant, r.User, r.operation, r.key)
}

func (s *Service) seal(r request, a *answer) ([]byte, error) {
	if len(a.Body) > maxAnswer {
		return nil, nil
	}
	a.Header.Del("Set-Cookie")
	text, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return s.Key.Seal(r.purpose(), text)
}

func (s *Service) open(r request, status int, sealed []byte) (*answer, error) {
	if sealed == nil {
		return nil, ErrLarge
	}
	text, err := s.Key.Open(r.purpose(), sealed)
	if err != nil {
		return nil, err
	}
	a := &answer{Status: status}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	return a, nil
}
