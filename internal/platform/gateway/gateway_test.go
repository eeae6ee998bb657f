package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func serve(t *testing.T) http.Handler {
	t.Helper()
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	g := &gateway.Gateway{
		Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
			if bearer != "good" {
				return tenancy.Scope{}, gateway.ErrSignIn
			}
			return tenancy.Scope{Role: tenancy.RoleLearner}, nil
		},
		Key: func(_ context.Context, address, key string) (tenancy.Scope, error) {
			if key != "ck_good" || address != "192.0.2.1" {
				return tenancy.Scope{}, errs.Unauthenticated("invalid_api_key", "No.")
			}
			return tenancy.Scope{Role: tenancy.RoleLearner, Key: uuid.New()}, nil
		},
		Excused: func(tenancy.Permission, error) bool { return false },
		Authorize: func(_ context.Context, p tenancy.Permission) error {
			if p == "may" {
				return nil
			}
			return errs.Forbidden("forbidden", "No.")
		},
	}
	// The mux takes no operation that declares nothing; the gateway does not rely on it.
	forget := func(hctx huma.Context, next func(huma.Context)) {
		if hctx.Operation().Path == "/undeclared" {
			clear(hctx.Operation().Metadata)
		}
		next(hctx)
	}
	api.UseMiddleware(forget, g.Middleware(api))
	nothing := func(context.Context, *struct{}) (*struct{}, error) { return nil, nil } //nolint:nilnil // no body
	huma.Register(api, httpx.Operation(http.MethodGet, "/may", "may", "may", "May", "test"), nothing)
	huma.Register(api, httpx.Operation(http.MethodGet, "/may-not", "may-not", "other", "May not", "test"), nothing)
	huma.Register(api, httpx.Operation(http.MethodGet, "/me", "me", httpx.SignedIn, "Me", "test"), nothing)
	huma.Register(api, httpx.Operation(http.MethodGet, "/undeclared", "undeclared", "may", "Undeclared", "test"), nothing)
	return mux
}

func TestRefusalsAreProblems(t *testing.T) {
	t.Parallel()
	h := serve(t)
	for _, c := range []struct {
		path, token, code string
		status            int
	}{
		{"/may", "good", "", http.StatusNoContent},
		{"/may", "", "sign_in_required", http.StatusUnauthorized},
		{"/may", "bad", "sign_in_required", http.StatusUnauthorized},
		{"/may-not", "good", "forbidden", http.StatusForbidden},
		{"/undeclared", "good", "undeclared_permission", http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s as %q: %d, want %d", c.path, c.token, w.Code, c.status)
		}
		if c.code == "" {
			continue
		}
		var problem struct{ Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || problem.Code != c.code {
			t.Errorf("%s as %q: %s (%v), want the code %s", c.path, c.token, w.Body, err, c.code)
		}
		if kind := w.Result().Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s as %q is %q, want application/problem+json", c.path, c.token, kind)
		}
	}
}

func TestKeysStandInEitherHeaderAndAreNobody(t *testing.T) {
	t.Parallel()
	h := serve(t)
	for _, c := range []struct {
		path, bearer, key, code string
		status                  int
	}{
		{"/may", "ck_good", "", "", http.StatusNoContent},
		{"/may", "", "ck_good", "", http.StatusNoContent},
		{"/may", "ck_bad", "", "invalid_api_key", http.StatusUnauthorized},
		{"/may", "", "good", "invalid_api_key", http.StatusUnauthorized}, // an access token is no key
		{"/may", "good", "ck_good", "two_credentials", http.StatusBadRequest},
		{"/may-not", "ck_good", "", "forbidden", http.StatusForbidden},
		{"/me", "good", "", "", http.StatusNoContent},
		{"/me", "ck_good", "", "people_only", http.StatusForbidden},
		{"/undeclared", "ck_good", "", "undeclared_permission", http.StatusForbidden},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, nil)
		if c.bearer != "" {
			r.Header.Set("Authorization", "Bearer "+c.bearer)
		}
		if c.key != "" {
			r.Header.Set(gateway.KeyHeader, c.key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var problem struct{ Code string }
		_ = json.Unmarshal(w.Body.Bytes(), &problem)
		if w.Code != c.status || problem.Code != c.code {
			t.Errorf("%s with %q and %q: %d %s", c.path, c.bearer, c.key, w.Code, w.Body)
		}
	}
}
