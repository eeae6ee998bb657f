package httpx

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// LimitError refuses a request because of a limit. Its problem names the limit, and its header says when to come again.
type LimitError struct {
	Err *errs.Error
	Hit ProblemLimit
}

// Error is the text for the log.
func (e *LimitError) Error() string { return e.Err.Error() }

// Unwrap returns the error with its kind and code.
func (e *LimitError) Unwrap() error { return e.Err }

// GetHeaders is Retry-After.
func (e *LimitError) GetHeaders() http.Header {
	return http.Header{"Retry-After": {strconv.FormatInt(max(1, e.Hit.Reset), 10)}}
}

// HeadersOf are the headers that belong to an error's answer.
func HeadersOf(err error) http.Header {
	if with := huma.HeadersError(nil); errors.As(err, &with) {
		return with.GetHeaders()
	}
	return nil
}

// Limited refuses a request that came too soon, and says when to come again.
func Limited(wait time.Duration) error {
	text := Wait(wait)
	return huma.ErrorWithHeaders(
		errs.Limited("too_many_requests", "").Because("Too many requests. Wait %s, then try again.", text),
		http.Header{"Retry-After": {strconv.FormatInt(Seconds(wait), 10)}})
}

// Seconds rounds a time up to whole seconds.
func Seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// Wait is a time in words for people.
func Wait(d time.Duration) string {
	seconds := Seconds(d)
	switch {
	case seconds <= 1:
		return "1 second"
	case seconds >= 3*60*60:
		return strconv.FormatInt((seconds+3599)/3600, 10) + " hours"
	case seconds >= 120:
		return strconv.FormatInt((seconds+59)/60, 10) + " minutes"
	default:
		return strconv.FormatInt(seconds, 10) + " seconds"
	}
}
