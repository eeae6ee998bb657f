package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// plan is a usage plan that remembers what it was asked, and refuses what it is told to.
type plan struct {
	calls  []gateway.Call
	known  []bool
	over   int
	refuse bool
}

func (p *plan) admit(ctx context.Context, c gateway.Call, h http.Header) (func(), error) {
	_, known := tenancy.From(ctx)
	p.calls, p.known = append(p.calls, c), append(p.known, known)
	h.Set("RateLimit", `"user";r=1;t=1`)
	if p.refuse {
		return func() {}, &httpx.LimitError{Err: errs.Limited("rate_limited", "Too many."), Hit: httpx.ProblemLimit{Name: "user", Most: 5, Window: 2, Reset: 3}}
	}
	return func() { p.over++ }, nil
}

func TestTheUsagePlanIsAskedBeforeThePermission(t *testing.T) {
	t.Parallel()
	mux, p, asked := httpx.NewMux(), &plan{}, 0
	api := httpx.NewAPI(mux)
	g := &gateway.Gateway{
		Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
			if bearer != "good" {
				return tenancy.Scope{}, gateway.ErrSignIn
			}
			return tenancy.Scope{Role: tenancy.RoleLearner}, nil
		},
		Admit:     p.admit,
		Authorize: func(context.Context, tenancy.Permission) error { asked++; return errs.Forbidden("forbidden", "No.") },
	}
	api.UseMiddleware(g.Middleware(api))
	nothing := func(context.Context, *struct{}) (*struct{}, error) { return nil, nil } //nolint:nilnil // no body
	huma.Register(api, httpx.Streaming(httpx.Weighing(httpx.Operation(http.MethodGet, "/heavy", "heavy", "other", "Heavy", "test"), 7)), nothing)
	huma.Register(api, httpx.Operation(http.MethodGet, "/open", "open", httpx.Public, "Open", "test"), nothing)
	for _, c := range []struct {
		path, token  string
		refuse       bool
		status       int
		call         gateway.Call
		known, asked bool
	}{
		{path: "/heavy", token: "good", status: 403, call: gateway.Call{Permission: "other", Weight: 7, Stream: true}, known: true, asked: true},
		{path: "/heavy", token: "good", refuse: true, status: 429, call: gateway.Call{Permission: "other", Weight: 7, Stream: true}, known: true},
		{path: "/heavy", token: "bad", status: 401, call: gateway.Call{Permission: "other", Weight: 7, Stream: true, Refused: true}},
		{path: "/heavy", token: "bad", refuse: true, status: 429, call: gateway.Call{Permission: "other", Weight: 7, Stream: true, Refused: true}},
		{path: "/open", status: 204, call: gateway.Call{Permission: httpx.Public, Weight: 1}},
		{path: "/open", refuse: true, status: 429, call: gateway.Call{Permission: httpx.Public, Weight: 1}},
	} {
		*p, asked = plan{refuse: c.refuse}, 0
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+c.token)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		c.call.Address = "192.0.2.1"
		if w.Code != c.status || len(p.calls) != 1 || p.calls[0] != c.call || p.known[0] != c.known || (asked == 1) != c.asked {
			t.Errorf("%+v: %d, asked for %+v (known %v) and %d permissions", c, w.Code, p.calls, p.known, asked)
		}
		if !c.refuse && p.over != 1 || w.Header().Get("RateLimit") == "" {
			t.Errorf("%+v: ended %d times, header %v", c, p.over, w.Header())
		}
		if c.refuse {
			var problem httpx.Problem
			err := json.Unmarshal(w.Body.Bytes(), &problem)
			if err != nil || problem.Code != "rate_limited" || problem.Limit == nil || problem.Limit.Reset != 3 || w.Header().Get("Retry-After") != "3" {
				t.Errorf("%+v: %s, %v, Retry-After %q", c, w.Body, err, w.Header().Get("Retry-After"))
			}
		}
	}
}

func TestWeightsThatCouldNeverPassAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, weight := range []int{0, -1, httpx.MaxWeight + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a weight of %d was taken", weight)
				}
			}()
			httpx.Weighing(httpx.Operation(http.MethodGet, "/x", "x", "may", "X", "test"), weight)
		}()
	}
}
