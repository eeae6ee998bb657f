package httpx

import (
	"bytes"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// request is embedded under a name that leaves its method Context visible.
type request = huma.Context

// Capture is a request whose answer is held back until Send, and whose body and headers can be replaced. It is for answers
// that are built whole, never for streams.
type Capture struct {
	request

	Answer http.Header // what the handler set
	Body   bytes.Buffer
	From   io.Reader         // the request's body in place of its own; nil: its own
	Asked  map[string]string // headers of the request in place of its own
	status int
}

// NewCapture returns a Capture around hctx.
func NewCapture(hctx huma.Context) *Capture { return &Capture{request: hctx, Answer: http.Header{}} }

// Unwrap is the request as it came.
func (c *Capture) Unwrap() huma.Context { return c.request }

// SetStatus keeps the status.
func (c *Capture) SetStatus(code int) { c.status = code }

// Status is 0 when nothing was answered.
func (c *Capture) Status() int { return c.status }

// SetHeader keeps a header of the answer.
func (c *Capture) SetHeader(name, value string) { c.Answer.Set(name, value) }

// AppendHeader keeps another value of a header of the answer.
func (c *Capture) AppendHeader(name, value string) { c.Answer.Add(name, value) }

// BodyWriter keeps the body.
func (c *Capture) BodyWriter() io.Writer { return &c.Body }

// BodyReader is the request's body.
func (c *Capture) BodyReader() io.Reader {
	if c.From != nil {
		return c.From
	}
	return c.request.BodyReader()
}

// Header is a header of the request.
func (c *Capture) Header(name string) string {
	if value, ok := c.Asked[name]; ok {
		return value
	}
	return c.request.Header(name)
}

// OK tells whether the request did what it asked for.
func (c *Capture) OK() bool {
	return c.status >= http.StatusOK && c.status < http.StatusMultipleChoices
}

// Send answers with what was kept.
func (c *Capture) Send() {
	for name, values := range c.Answer {
		for i, value := range values {
			if i == 0 {
				c.request.SetHeader(name, value)
			} else {
				c.request.AppendHeader(name, value)
			}
		}
	}
	if c.status != 0 {
		c.request.SetStatus(c.status)
	}
	if c.Body.Len() > 0 {
		_, _ = c.request.BodyWriter().Write(c.Body.Bytes()) // the client may be gone; nobody else to tell
	}
}

// Refuse answers an operation with an error, from a middleware.
func Refuse(api huma.API, hctx huma.Context, err error) {
	p := ProblemOf(hctx.Context(), err)
	hctx.SetHeader("Content-Type", p.ContentType(""))
	if errs.KindOf(err) == errs.KindConflict {
		hctx.SetHeader("Retry-After", "1")
	}
	hctx.SetStatus(p.Status)
	_ = api.Marshal(hctx.BodyWriter(), p.ContentType(""), p) // the client may be gone; nobody else to tell
}
