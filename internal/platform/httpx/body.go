package httpx

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// The refusals of bodies.
var (
	errMediaType = errs.Unsupported("unsupported_media_type", "")
	errEncoding  = errs.Unsupported("unsupported_encoding", "Send the body as it is: this server takes no Content-Encoding.")
	errBody      = errs.Malformed("invalid_json", "")
	errBodySize  = errs.TooLarge("too_large", "The body is larger than this address takes.")
	errBodyTime  = errs.Timeout("body_too_slow", "The body did not arrive in time.")
)

const jsonType = "application/json"

// Bodies is added to the API behind the gateway: it reads and checks the body of every operation that takes JSON before
// anything decodes it. Who may not call the operation has not made us read a byte of it.
func Bodies(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(hctx huma.Context, next func(huma.Context)) {
		checked, err := checkBody(hctx)
		if err != nil {
			hctx.SetHeader("Connection", "close") // else the server would wait for the rest before it answers
			WriteError(api, hctx, err)
			return
		}
		next(checked)
	}
}

// WriteError answers an operation that was refused before its handler.
func WriteError(api huma.API, hctx huma.Context, err error) {
	p := ProblemOf(hctx.Context(), err)
	hctx.SetHeader("Content-Type", "application/problem+json")
	hctx.SetStatus(p.Status)                        // writes the header
	_ = api.Marshal(hctx.BodyWriter(), jsonType, p) // the client may be gone; nobody else to tell
}

func checkBody(hctx huma.Context) (huma.Context, error) {
	op := hctx.Operation()
	if op.RequestBody == nil || len(op.RequestBody.Content) == 0 {
		return hctx, nil
	}
	if err := checkType(hctx, op.RequestBody); err != nil {
		return nil, err
	}
	if op.RequestBody.Content[jsonType] == nil {
		return hctx, nil // a stream, which the operation bounds itself
	}
	if r, _ := humago.Unwrap(hctx); r.ContentLength > op.MaxBodyBytes {
		return nil, errBodySize // as its sender says
	}
	if err := hctx.SetReadDeadline(time.Now().Add(op.BodyReadTimeout)); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(hctx.BodyReader(), op.MaxBodyBytes+1))
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errBodyTime.Wrap(err)
	case int64(len(text)) > op.MaxBodyBytes, errors.As(err, &large):
		return nil, errBodySize
	case err != nil:
		return nil, errBody.Because("The body ended early.").Wrap(err)
	}
	if err := CheckJSON(text); err != nil {
		return nil, errBody.Because("The body cannot be read: %s.", err)
	}
	// A deadline that is still set would end the connection, and with it what the handler does.
	if err := hctx.SetReadDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return &readContext{parent: hctx, body: bytes.NewReader(text)}, nil
}

// checkType refuses bodies of another type than the operation takes, before anything of them is read. A client that says
// nothing is taken at the API's word.
func checkType(hctx huma.Context, body *huma.RequestBody) error {
	if encoding := hctx.Header("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return errEncoding
	}
	given := hctx.Header("Content-Type")
	if given == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(given)
	charset := params["charset"]
	if err == nil && body.Content[kind] != nil && (charset == "" || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	var takes []string
	for name := range body.Content {
		takes = append(takes, name)
	}
	return errMediaType.Because("This address takes %s, in UTF-8.", strings.Join(takes, " or "))
}

// parent is huma's context under a name that does not hide one of its methods.
type parent = huma.Context

// readContext has a body that was read.
type readContext struct {
	parent

	body io.Reader
}

// Unwrap is how huma's adapter finds the request.
func (c *readContext) Unwrap() huma.Context { return c.parent }

// BodyReader is the body.
func (c *readContext) BodyReader() io.Reader { return c.body }

// SetReadDeadline does nothing: there is nothing more to read.
func (c *readContext) SetReadDeadline(time.Time) error { return nil }
