package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Problem is the body of every error (RFC 9457, application/problem+json).
type Problem struct {
	Type    string         `json:"type" doc:"about:blank: code says what happened" example:"about:blank"`
	Title   string         `json:"title" doc:"The status in words" example:"Conflict"`
	Status  int            `json:"status" doc:"That of the answer" example:"409"`
	Code    string         `json:"code" doc:"Stable, for programs" example:"no_capacity"`
	Detail  string         `json:"detail" doc:"For people: what happened and what to do" example:"The host is full. Try again in a few minutes."`
	Errors  []ProblemField `json:"errors,omitempty" doc:"Every problem of the request, together"`
	Limit   *ProblemLimit  `json:"limit,omitempty" doc:"The limit that was hit, with status 429"`
	Request string         `json:"requestId,omitempty" doc:"Quote it when you ask for help" example:"5f0c2d6b9a1e"`
}

// ProblemLimit is a limit that was hit.
type ProblemLimit struct {
	Name   string `json:"name" example:"organisation" doc:"As in the header RateLimit-Policy"`
	Most   int64  `json:"most" doc:"How much it allows: at once, or in the window"`
	Window int64  `json:"window,omitempty" doc:"Seconds in which all of it comes back; absent for what is open at once"`
	Reset  int64  `json:"reset" doc:"Seconds until the same request may pass"`
}

// ProblemField is one problem of a request.
type ProblemField struct {
	Location string `json:"location,omitempty" example:"body.name"`
	Message  string `json:"message" doc:"What is wrong there, for people" example:"expected length >= 1"`
}

// Error is the detail; Problem is the error that huma writes.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType turns JSON into problem+json.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func status(k errs.Kind) int {
	switch k {
	case errs.KindMalformed:
		return http.StatusBadRequest
	case errs.KindUnauthenticated:
		return http.StatusUnauthorized
	case errs.KindForbidden:
		return http.StatusForbidden
	case errs.KindNotFound:
		return http.StatusNotFound
	case errs.KindConflict:
		return http.StatusConflict
	case errs.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case errs.KindInvalid:
		return http.StatusUnprocessableEntity
	case errs.KindLimited:
		return http.StatusTooManyRequests
	case errs.KindUnavailable:
		return http.StatusServiceUnavailable
	case errs.KindUnsupported:
		return http.StatusUnsupportedMediaType
	case errs.KindTimeout:
		return http.StatusRequestTimeout
	case errs.KindMethod:
		return http.StatusMethodNotAllowed
	case errs.KindAddressLong:
		return http.StatusRequestURITooLong
	case errs.KindHeadersLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	case errs.KindChanged:
		return http.StatusPreconditionFailed
	case errs.KindUnconditional:
		return http.StatusPreconditionRequired
	case errs.KindInternal:
	}
	return http.StatusInternalServerError
}

// ProblemOf is what the caller may see of err. An unclassified error is a 500 whose text goes to the log only.
func ProblemOf(ctx context.Context, err error) *Problem {
	request := RequestID(ctx)
	var e *errs.Error
	if !errors.As(err, &e) {
		e = errs.Internal("internal", "Something failed on our side. Try again; if it stays, quote the request id.").Wrap(err)
	}
	if e.Kind == errs.KindInternal && !errors.Is(err, context.Canceled) {
		slog.ErrorContext(ctx, "request failed", "request", request, "error", err)
	}
	p := &Problem{Type: "about:blank", Title: http.StatusText(status(e.Kind)), Status: status(e.Kind), Code: e.Code, Detail: e.Message, Request: request}
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, ProblemField{Location: f.Path, Message: f.Message})
	}
	if hit := (*LimitError)(nil); errors.As(err, &hit) {
		p.Limit = &hit.Hit
	}
	return p
}

// WriteProblem answers a request that failed outside of the API: pages, proxies, WebSockets.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := ProblemOf(r.Context(), err)
	for name, values := range HeadersOf(err) {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone; nobody else to tell
}

// useHuma sets what huma has as variables: its own errors, such as failed validation, come in our form, and a list is
// described as what it is, never null.
var useHuma = sync.OnceFunc(func() { //nolint:gochecknoglobals // once per process, as the variables are
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true // "Role" is no "role": what stands before us may take them for two things
	huma.NewErrorWithContext = func(hctx huma.Context, code int, message string, list ...error) huma.StatusError {
		ctx := context.Background()
		if hctx != nil {
			ctx = hctx.Context()
		}
		if code == http.StatusInternalServerError {
			return ProblemOf(ctx, errors.Join(list...))
		}
		return requestProblem(ctx, code, message, list)
	}
	huma.NewError = func(code int, message string, list ...error) huma.StatusError {
		return huma.NewErrorWithContext(nil, code, message, list...)
	}
})

func requestProblem(ctx context.Context, code int, message string, list []error) *Problem {
	p := &Problem{Type: "about:blank", Title: http.StatusText(code), Status: code, Code: "invalid_request", Detail: message, Request: RequestID(ctx)}
	switch code {
	case http.StatusRequestEntityTooLarge:
		p.Code, p.Detail = "too_large", "The body is larger than this address takes."
	case http.StatusUnprocessableEntity:
		p.Detail = "The request has mistakes; see errors."
	}
	for _, err := range list {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			p.Errors = append(p.Errors, ProblemField{Location: d.Location, Message: d.Message})
		} else if err != nil {
			p.Errors = append(p.Errors, ProblemField{Message: err.Error()})
		}
	}
	return p
}
