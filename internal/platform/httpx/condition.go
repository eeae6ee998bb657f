package httpx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// The names of the headers.
const (
	ifMatch     = "If-Match"
	ifNoneMatch = "If-None-Match"
	etag        = "ETag"
)

// Errors of conditional requests.
var (
	ErrChanged = errs.Changed("changed_meanwhile", "Somebody else has changed this meanwhile. Load it again, then repeat your change.")
	ErrNoMatch = errs.Unconditional("if_match_missing", "Send the ETag of what you change as If-Match, so that nobody's change is lost; * means whatever it is now.")
)

// Tag is the ETag of a resource whose row counts its changes.
func Tag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// Version is the one that If-Match names. A tag that is not one of Tag's is of something else than is there.
func Version(match string) (int64, error) {
	if match == "" {
		return 0, ErrNoMatch
	}
	version, err := strconv.ParseInt(strings.Trim(match, `"`), 10, 64)
	if err != nil {
		return 0, ErrChanged.Wrap(err)
	}
	return version, nil
}

// Leases lets one request at a time change a resource.
type Leases interface {
	Take(ctx context.Context, resource string) (held context.Context, done func(), err error)
}

// reading is an operation that shows a resource.
type reading struct {
	op     *huma.Operation
	handle func(huma.Context)
}

// withinKey marks the context of a reading that is a part of another request, which has passed the middlewares already.
type withinKey struct{}

func within(ctx context.Context) bool { return ctx.Value(withinKey{}) != nil }

// hashTag is the ETag of what has no version of its own: it changes with every byte of the answer.
func hashTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// matches tells whether a list of tags has one. Weak tags never match.
func matches(list, tag string) bool {
	for each := range strings.SplitSeq(list, ",") {
		if each = strings.TrimSpace(each); each == "*" || each == tag {
			return true
		}
	}
	return false
}

// tagged gives what a reading shows its ETag, and answers 304 to who has it already. A tag that counts versions does not
// tell about everything in the answer, so that it never makes a 304.
func tagged(handle func(huma.Context)) func(huma.Context) {
	return func(hctx huma.Context) {
		c := NewCapture(hctx)
		handle(c)
		if c.Status() == http.StatusOK && c.Answer.Get(etag) == "" {
			tag := hashTag(c.Body.Bytes())
			c.SetHeader(etag, tag)
			if known := hctx.Header(ifNoneMatch); known != "" && matches(known, tag) {
				c.Answer.Del("Content-Type")
				c.Body = bytes.Buffer{}
				c.SetStatus(http.StatusNotModified)
			}
		}
		c.Send()
	}
}

// resource is what a change of path changes: what is shown there, or else above it.
func (a *API) resource(path string) (r reading, depth int) {
	for path != "" {
		if r, ok := a.readings[path]; ok {
			return r, strings.Count(path, "/")
		}
		path = path[:strings.LastIndexByte(path, '/')]
	}
	return reading{}, 0
}

// read shows a resource to a change of it, as its caller sees it, and returns the status and its ETag.
func (a *API) read(hctx huma.Context, of reading) (status int, tag string) {
	r, _ := humago.Unwrap(hctx)
	r = r.Clone(context.WithValue(hctx.Context(), withinKey{}, true))
	r.Method, r.Body, r.URL.RawQuery = http.MethodGet, http.NoBody, ""
	for _, name := range []string{ifMatch, ifNoneMatch, "Content-Type", "Content-Length"} {
		r.Header.Del(name)
	}
	c := NewCapture(humago.NewContext(of.op, r, silent{}))
	of.handle(c)
	return c.Status(), c.Answer.Get(etag)
}

// silent is where nobody listens.
type silent struct{}

func (silent) Header() http.Header         { return http.Header{} }
func (silent) Write(b []byte) (int, error) { return len(b), nil }
func (silent) WriteHeader(int)             {}

// UseConditions makes changes honour If-Match: a comparison with what is there, and no change by others until it is done.
// It comes after the middleware that finds out who asks.
func (a *API) UseConditions(leases Leases) {
	a.UseMiddleware(func(hctx huma.Context, next func(huma.Context)) {
		c, ok := hctx.Operation().Metadata[conditionKey].(condition)
		match := hctx.Header(ifMatch)
		switch {
		case !ok, c == byVersion && match != "*", match == "" && hctx.Method() == http.MethodDelete:
			next(hctx)
			return
		case match == "":
			Refuse(a, hctx, ErrNoMatch)
			return
		}
		of, depth := a.resource(hctx.Operation().Path)
		if of.handle == nil {
			next(hctx)
			return
		}
		held, done, err := leases.Take(hctx.Context(), resourceKey(hctx, depth))
		if err != nil {
			Refuse(a, hctx, err)
			return
		}
		defer done()
		a.change(huma.WithContext(hctx, held), of, c, match, next)
	})
}

// change compares and lets the handler do it, under the lease.
func (a *API) change(hctx huma.Context, of reading, how condition, match string, next func(huma.Context)) {
	status, tag := a.read(hctx, of)
	if status == http.StatusOK && match != "" && !matches(match, tag) {
		hctx.SetHeader(etag, tag)
		Refuse(a, hctx, ErrChanged)
		return
	}
	c := NewCapture(hctx)
	if how == byVersion {
		if status != http.StatusOK {
			tag = Tag(0) // which no row has: the handler says what is wrong
		}
		c.Asked = map[string]string{ifMatch: tag}
	}
	next(c)
	if c.OK() && c.Answer.Get(etag) == "" && hctx.Method() != http.MethodDelete {
		if status, tag := a.read(hctx, of); status == http.StatusOK {
			c.SetHeader(etag, tag)
		}
	}
	c.Send()
}

// resourceKey names a resource for its lease: operators share theirs, all else is of one tenant or one person.
func resourceKey(hctx huma.Context, depth int) string {
	address := hctx.URL()
	parts := strings.SplitAfter(address.Path, "/")
	path := strings.TrimSuffix(strings.Join(parts[:min(len(parts), depth+1)], ""), "/")
	scope, _ := tenancy.From(hctx.Context())
	switch {
	case strings.HasPrefix(path, "/v1/operator/"):
		return path
	case path == "/v1/me" || strings.HasPrefix(path, "/v1/me/"):
		return scope.User.String() + path
	default:
		return scope.Tenant.String() + path
	}
}
