package httpx_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// panics tells whether f does.
func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestMuxTakesNothingUndeclared(t *testing.T) {
	t.Parallel()
	page := func(http.ResponseWriter, *http.Request) {}
	none := func(context.Context, *struct{}) (*struct{}, error) { return nil, nil } //nolint:nilnil // never called
	for name, add := range map[string]func(*httpx.Mux){
		"a pattern without access":       func(m *httpx.Mux) { m.HandleFunc("GET /a", "", page) },
		"a pattern with a new access":    func(m *httpx.Mux) { m.HandleFunc("GET /a", "friends", page) },
		"a pattern with no permission":   func(m *httpx.Mux) { m.HandleFunc("GET /a", httpx.ByPermission, page) },
		"a permission beside the access": func(m *httpx.Mux) { m.Declare(httpx.Route{Pattern: "/", Access: httpx.Anybody, Permission: "x"}) },
		"an operation without permission": func(m *httpx.Mux) {
			huma.Register(httpx.NewAPI(m), huma.Operation{Method: http.MethodGet, Path: "/a", OperationID: "a"}, none)
		},
		"an operation with an empty permission": func(m *httpx.Mux) {
			huma.Register(httpx.NewAPI(m), httpx.Operation(http.MethodGet, "/a", "a", "", "A"), none)
		},
	} {
		if !panics(func() { add(httpx.NewMux()) }) {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestMuxListsWhatItHas(t *testing.T) {
	t.Parallel()
	m := httpx.NewMux()
	m.HandleFunc("GET /page", httpx.PoolPage, func(http.ResponseWriter, *http.Request) {})
	huma.Register(httpx.NewAPI(m), httpx.Operation(http.MethodPost, "/v1/a", "a", "a.write", "A"),
		func(context.Context, *struct{}) (*struct{}, error) { return nil, nil }) //nolint:nilnil // never called
	want := []httpx.Route{
		{Pattern: "GET /page", Access: httpx.PoolPage},
		{Pattern: "POST /v1/a", Access: httpx.ByPermission, Permission: "a.write"},
	}
	if got := m.Routes(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
