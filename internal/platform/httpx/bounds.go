package httpx

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Bounds of every request, whatever it asks for. The size of its head is net/http's to bound.
const (
	maxHeaders = 100
	maxPath    = 2 << 10
	maxQuery   = 8 << 10
	// TransferTime is how long a body may take to arrive, unless its address allows more, and how long a client may take
	// nothing of the answer.
	TransferTime = 30 * time.Second
	// unreadTime is how long what nobody has read of a body may still come once the request is answered.
	unreadTime = time.Second
	// What is read of a form; anything else than a form and JSON is a stream that its address bounds.
	maxForm = 256 << 10
)

// The refusals of requests.
var (
	errHeaders = errs.HeadersTooLarge("too_many_headers", "The request has too many headers.")
	errURL     = errs.AddressTooLong("address_too_long", "The address is too long.")
	errAddress = errs.Malformed("invalid_address", "The address holds characters that no address of ours has.")
	errHost    = errs.Malformed("invalid_host", "The Host header is not the name of a host.")
	errMethod  = errs.MethodNotAllowed("method_not_allowed", "No address takes this method.")
	errForm    = errs.Malformed("invalid_form", "The form holds characters that cannot be stored.")
)

// Bounded refuses what no address of ours takes before any is asked, and sets deadlines for everything that comes and
// goes: whoever is slow holds a connection for a while, never for good.
func Bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		bound := &boundedWriter{ResponseWriter: w, control: control}
		bound.refresh()
		defer bound.refresh() // for what the server sends after the handler
		if err := checkRequest(r); err != nil {
			w.Header().Set("Connection", "close") // with whatever follows
			WriteProblem(bound, r, err)
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			if err := control.SetReadDeadline(time.Now().Add(TransferTime)); err != nil {
				WriteProblem(bound, r, err)
				return
			}
			bound.body = &boundedBody{ReadCloser: r.Body, control: control}
			defer bound.body.abandon()
			r.Body = bound.body
			if err := checkForm(w, r); err != nil {
				WriteProblem(bound, r, err)
				return
			}
		}
		next.ServeHTTP(bound, r)
	})
}

func checkRequest(r *http.Request) error {
	count := 0
	for _, values := range r.Header {
		count += len(values)
	}
	switch {
	case count > maxHeaders:
		return errHeaders
	case len(r.URL.Path) > maxPath || len(r.URL.RawQuery) > maxQuery:
		return errURL
	case !knownMethod(r.Method):
		return errMethod
	case !validHost(r.Host):
		return errHost
	case !validPath(r.URL) || !validText(r.URL.RawQuery):
		return errAddress
	}
	return nil
}

func knownMethod(m string) bool {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

// validHost takes a name or an address with a port or without. What the host means is decided elsewhere.
func validHost(host string) bool {
	const most = 253 + len(":65535")
	if host == "" || len(host) > most {
		return false
	}
	for _, c := range []byte(host) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("-._:[]", rune(c)) {
			return false
		}
	}
	return true
}

// validPath refuses ways to write one path as another: steps up, and slashes that are not one before decoding.
func validPath(u *url.URL) bool {
	if !utf8.ValidString(u.Path) || strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' }) {
		return false
	}
	if u.RawPath != "" && strings.Contains(strings.ToLower(u.RawPath), "%2f") {
		return false
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

// validText refuses what no text can hold: the character 0, and bytes that are not UTF-8 once decoded.
func validText(encoded string) bool {
	if !strings.Contains(encoded, "%") && !strings.Contains(encoded, "\x00") {
		return utf8.ValidString(encoded)
	}
	for part := range strings.FieldsFuncSeq(encoded, func(r rune) bool { return r == '&' || r == '=' }) {
		text, err := url.QueryUnescape(part)
		if err == nil && (!utf8.ValidString(text) || strings.Contains(text, "\x00")) {
			return false
		}
	}
	return true
}

// checkForm reads a form before anybody parses it.
func checkForm(w http.ResponseWriter, r *http.Request) error {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return nil
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return errEncoding
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return errBodySize.Wrap(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errBodyTime.Wrap(err)
	case err != nil:
		return errBody.Because("The body ended early.").Wrap(err)
	}
	if !validText(string(text)) {
		return errForm
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	return nil
}

// boundedBody has arrived when it ends: no deadline is left that would end what the handler does with it.
type boundedBody struct {
	io.ReadCloser

	control *http.ResponseController
	ended   atomic.Bool
}

// abandon ends the wait for what a handler has not read of the body: whoever was refused is not waited for.
func (b *boundedBody) abandon() {
	if !b.ended.Load() {
		_ = b.control.SetReadDeadline(time.Now().Add(unreadTime)) // a connection without deadlines is a test's
	}
}

// Read reads.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.ended.Store(true)
		_ = b.control.SetReadDeadline(time.Time{}) // a connection without deadlines has none to take back
	}
	return n, err
}

// boundedWriter gives the client time for every piece of the answer.
type boundedWriter struct {
	http.ResponseWriter

	control *http.ResponseController
	taken   bool // by a WebSocket, which has deadlines of its own
	body    *boundedBody
	begun   bool
}

// WriteHeader ends the connection with an answer that came before the whole body has: the server would wait for the rest
// before it sends the answer.
func (w *boundedWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.answer()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *boundedWriter) answer() {
	if !w.begun && w.body != nil && !w.body.ended.Load() {
		w.Header().Set("Connection", "close")
	}
	w.begun = true
}

func (w *boundedWriter) refresh() {
	if !w.taken {
		_ = w.control.SetWriteDeadline(time.Now().Add(TransferTime)) // a connection without deadlines is a test's
	}
}

// Write writes.
func (w *boundedWriter) Write(b []byte) (int, error) {
	w.refresh()
	w.answer()
	return w.ResponseWriter.Write(b)
}

// Hijack hands the connection over, without deadlines.
func (w *boundedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.taken = true
	return w.control.Hijack()
}

// Unwrap lets http.ResponseController reach flushing and deadlines.
func (w *boundedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
