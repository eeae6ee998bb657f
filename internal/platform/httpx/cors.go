package httpx

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// What pages of other origins may send and read. Cookies are never among it: a page elsewhere acts by a token that it
// holds, or not at all.
const (
	corsMethods = "GET, POST, PUT, PATCH, DELETE"
	corsHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key"
	corsExposed = "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
	corsMaxAge  = "600"
)

var errOrigin = errs.Forbidden("origin_not_registered", "Pages of this origin may not call this address. Register a program with a redirect address there first.")

// CrossOrigin lets pages of other origins call the addresses that open says, if they are known. A preflight has no token,
// so that no tenant is known yet: any tenant's origin passes it, and the request's token decides alone.
func CrossOrigin(next http.Handler, open func(path string) bool, known func(ctx context.Context, origin string) (bool, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !open(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		allowed := false
		if origin != "" && len(r.Header.Values("Origin")) == 1 {
			var err error
			if allowed, err = known(r.Context(), origin); err != nil {
				slog.WarnContext(r.Context(), "look for an origin", "error", err) // the page is told no
			}
		}
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Expose-Headers", corsExposed)
		}
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		if !allowed {
			WriteProblem(w, r, errOrigin)
			return
		}
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
		w.WriteHeader(http.StatusNoContent)
	})
}

// CrossOriginPath tells which addresses are for programs of others: the API and the OpenID endpoints, no page of ours.
func CrossOriginPath(path string) bool {
	if strings.HasPrefix(path, "/v1/") {
		return true
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/pools/"), "/")
	switch rest {
	case "token", "userinfo", "keys", "revoke", ".well-known/openid-configuration":
		return strings.HasPrefix(path, "/pools/")
	}
	return false
}
