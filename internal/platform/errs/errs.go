// Package errs has the one error type that crosses a feature's border: a kind that decides the HTTP status, a code for
// programs and a message for people. What is not an *Error is a fault of ours: its text stays in the log.
package errs

import (
	"errors"
	"fmt"
)

// Kind classes an error; httpx maps each to one HTTP status.
type Kind int

// The kinds, with their HTTP status.
const (
	KindInternal        Kind = iota // 500
	KindMalformed                   // 400: the request cannot be read
	KindUnauthenticated             // 401: nobody is signed in
	KindForbidden                   // 403: signed in, but not allowed
	KindNotFound                    // 404: not there, or another tenant's
	KindConflict                    // 409: the state does not allow it now
	KindTooLarge                    // 413: over a bound
	KindInvalid                     // 422: readable, but wrong; see Fields
	KindLimited                     // 429: too many requests
	KindUnavailable                 // 503: try again later
	KindUnsupported                 // 415: of a type or an encoding that is not taken
	KindTimeout                     // 408: it did not arrive in time
	KindMethod                      // 405: not with this method
	KindAddressLong                 // 414: its address is too long
	KindHeadersLarge                // 431: its headers are
	KindChanged                     // 412: not any more what the caller saw
	KindUnconditional               // 428: the caller must say what it saw
)

// Field is one problem of a request: where (a JSON pointer, a parameter or file:line) and what is wrong.
type Field struct {
	Path    string
	Message string
}

// Error is an error that a caller may see. Code is stable and in snake_case; Message is a sentence that names the remedy.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Fields  []Field
	Err     error // the cause, for the log only
}

// Error has the code, the message and the cause: it is the text for the log, not for the caller.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches errors of the same code, so that a wrapped copy is still errors.Is its original.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Wrap returns a copy with a cause for the log.
func (e *Error) Wrap(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// Because returns a copy with another message, for a code whose sentence depends on the case.
func (e *Error) Because(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// WithFields returns a copy that lists every problem of the request at once.
func (e *Error) WithFields(fields ...Field) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &c
}

// KindOf is the kind of the first *Error in err's chain, else KindInternal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// Malformed says that the request cannot be read.
func Malformed(code, message string) *Error {
	return &Error{Kind: KindMalformed, Code: code, Message: message}
}

// Unauthenticated says that nobody is signed in.
func Unauthenticated(code, message string) *Error {
	return &Error{Kind: KindUnauthenticated, Code: code, Message: message}
}

// Forbidden says that the caller may not do this.
func Forbidden(code, message string) *Error {
	return &Error{Kind: KindForbidden, Code: code, Message: message}
}

// NotFound says that there is no such thing, or that it belongs to somebody else.
func NotFound(code, message string) *Error {
	return &Error{Kind: KindNotFound, Code: code, Message: message}
}

// Conflict says that the present state does not allow it.
func Conflict(code, message string) *Error {
	return &Error{Kind: KindConflict, Code: code, Message: message}
}

// TooLarge says that a bound was passed.
func TooLarge(code, message string) *Error {
	return &Error{Kind: KindTooLarge, Code: code, Message: message}
}

// Invalid says that the request can be read but is wrong.
func Invalid(code, message string) *Error {
	return &Error{Kind: KindInvalid, Code: code, Message: message}
}

// Limited says that there were too many requests.
func Limited(code, message string) *Error {
	return &Error{Kind: KindLimited, Code: code, Message: message}
}

// Unavailable says that it may work later.
func Unavailable(code, message string) *Error {
	return &Error{Kind: KindUnavailable, Code: code, Message: message}
}

// Unsupported says that the body is of a type or an encoding that is not taken.
func Unsupported(code, message string) *Error {
	return &Error{Kind: KindUnsupported, Code: code, Message: message}
}

// Timeout says that the request did not arrive in time.
func Timeout(code, message string) *Error {
	return &Error{Kind: KindTimeout, Code: code, Message: message}
}

// MethodNotAllowed says that the address does not take the method.
func MethodNotAllowed(code, message string) *Error {
	return &Error{Kind: KindMethod, Code: code, Message: message}
}

// AddressTooLong says that the address is longer than any of ours.
func AddressTooLong(code, message string) *Error {
	return &Error{Kind: KindAddressLong, Code: code, Message: message}
}

// HeadersTooLarge says that the request's headers are too many or too long.
func HeadersTooLarge(code, message string) *Error {
	return &Error{Kind: KindHeadersLarge, Code: code, Message: message}
}

// Internal says that we failed; callers see Message, the log sees the cause.
func Internal(code, message string) *Error {
	return &Error{Kind: KindInternal, Code: code, Message: message}
}

// Changed says that what the caller wants to change is not any more what it saw.
func Changed(code, message string) *Error {
	return &Error{Kind: KindChanged, Code: code, Message: message}
}

// Unconditional says that the caller must tell what it saw of what it wants to change.
func Unconditional(code, message string) *Error {
	return &Error{Kind: KindUnconditional, Code: code, Message: message}
}
