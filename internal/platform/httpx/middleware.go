package httpx

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

type requestKey struct{}

// arrival is what Base knows of a request.
type arrival struct {
	id      string
	started time.Time
}

// RequestID is the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	r, _ := ctx.Value(requestKey{}).(arrival)
	return r.id
}

// Started is when the request that ctx belongs to came in; zero without one.
func Started(ctx context.Context) time.Time {
	r, _ := ctx.Value(requestKey{}).(arrival)
	return r.started
}

// Base gives every request an id, recovers from panics and hands one line per request to log.
func Base(next http.Handler, log func(r *http.Request, status int, took time.Duration)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		id := uuid.Must(uuid.NewV7()).String()
		ctx := context.WithValue(r.Context(), requestKey{}, arrival{id, started})
		r = r.WithContext(tenancy.WithOrigin(ctx, tenancy.Origin{Request: id, Address: ClientAddress(r)}))
		w.Header().Set("X-Request-Id", id)
		rec := &recorder{ResponseWriter: w}
		defer func() { //nolint:contextcheck // the request carries its context
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
					panic(v)
				}
				slog.ErrorContext(r.Context(), "panic", "request", id, "value", v, "stack", string(debug.Stack()))
				if rec.status == 0 {
					WriteProblem(rec, r, errs.Internal("internal", "Something failed on our side. Try again; if it stays, quote the request id."))
				}
			}
			log(r, rec.status, time.Since(started))
		}()
		next.ServeHTTP(rec, r)
	})
}

// recorder remembers the status for the log. Unwrap lets http.ResponseController reach flushing and hijacking.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 || r.status < 200 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// permissionsPolicy leaves pages nothing of the device but what the console needs: the clipboard for terminals and "copy",
// the whole screen for labs, and passkeys.
const permissionsPolicy = "accelerometer=(), autoplay=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), " +
	"microphone=(), midi=(), payment=(), serial=(), usb=(), clipboard-read=(self), clipboard-write=(self), fullscreen=(self), " +
	"publickey-credentials-create=(self), publickey-credentials-get=(self)"

// SecurityHeaders sets what every answer of the platform's own origin carries. contentPolicy is the
// Content-Security-Policy for pages; a handler may replace it with a stricter one.
func SecurityHeaders(next http.Handler, contentPolicy string, secure bool) http.Handler {
	fixed := http.Header{}
	fixed.Set("Content-Security-Policy", contentPolicy)
	fixed.Set("X-Content-Type-Options", "nosniff")
	fixed.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	fixed.Set("Cross-Origin-Opener-Policy", "same-origin")
	fixed.Set("Cross-Origin-Resource-Policy", "same-origin")
	fixed.Set("X-Frame-Options", "DENY")
	fixed.Set("Permissions-Policy", permissionsPolicy)
	if secure {
		fixed.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		maps.Copy(h, fixed) // each value is shared by all answers: Set replaces it, and Add makes another, as it is full
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}
