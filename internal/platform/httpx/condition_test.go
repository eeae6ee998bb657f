package httpx_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// turns lets one at a time in, as a lease over processes does.
type turns struct{ sync.Mutex }

func (t *turns) Take(ctx context.Context, _ string) (context.Context, func(), error) {
	t.Lock()
	return ctx, t.Unlock, nil
}

// counters is an API with one resource of which nothing counts the changes, one that has versions, and one below the first.
type counters struct {
	mux   *httpx.Mux
	value atomic.Int64
	asked atomic.Int64 // what passed the middlewares
}

type counterBody struct {
	Value int64 `json:"value"`
}

func newCounters(t *testing.T) *counters {
	t.Helper()
	c := &counters{mux: httpx.NewMux()}
	api := httpx.NewAPI(c.mux)
	api.UseMiddleware(func(hctx huma.Context, next func(huma.Context)) { c.asked.Add(1); next(hctx) })
	api.UseConditions(&turns{})
	type out struct{ Body counterBody }
	type in struct{ Body counterBody }
	set := func(_ context.Context, in *in) (*out, error) { c.value.Store(in.Body.Value); return &out{in.Body}, nil }
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/c", "get-c", "x", "C", "c"), func(context.Context, *struct{}) (*out, error) {
		return &out{counterBody{c.value.Load()}}, nil
	})
	huma.Register(api, httpx.Operation(http.MethodPut, "/v1/c", "put-c", "x", "C", "c"), set)
	huma.Register(api, httpx.Operation(http.MethodPut, "/v1/c/part", "put-part", "x", "C", "c"), set)
	huma.Register(api, httpx.Unconditional(httpx.Operation(http.MethodPut, "/v1/c/free", "put-free", "x", "C", "c"), "nothing is lost"), set)
	huma.Register(api, httpx.Operation(http.MethodDelete, "/v1/c", "delete-c", "x", "C", "c"), func(context.Context, *struct{}) (*struct{}, error) {
		c.value.Store(0)
		return nil, nil //nolint:nilnil // no body
	})
	type tagged struct {
		ETag string `header:"ETag"`
		Body counterBody
	}
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/v", "get-v", "x", "V", "v"), func(context.Context, *struct{}) (*tagged, error) {
		return &tagged{httpx.Tag(c.value.Load()), counterBody{c.value.Load()}}, nil
	})
	huma.Register(api, httpx.Operation(http.MethodPut, "/v1/v", "put-v", "x", "V", "v"), func(_ context.Context, in *struct {
		Match string `header:"If-Match"`
		Body  counterBody
	},
	) (*tagged, error) {
		version, err := httpx.Version(in.Match)
		if err != nil {
			return nil, err
		}
		if !c.value.CompareAndSwap(version, version+1) {
			return nil, httpx.ErrChanged
		}
		return &tagged{httpx.Tag(version + 1), counterBody{version + 1}}, nil
	})
	return c
}

func (c *counters) ask(t *testing.T, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	c.mux.ServeHTTP(w, r)
	return w
}

func TestChangesHoldToWhatWasSeen(t *testing.T) {
	t.Parallel()
	c := newCounters(t)
	first := c.ask(t, "GET", "/v1/c", "").Header().Get("ETag")
	if first == "" || c.ask(t, "GET", "/v1/c", "").Header().Get("ETag") != first {
		t.Fatal("the ETag is not the same for the same")
	}
	changed := c.ask(t, "PUT", "/v1/c", `{"value":1}`, "If-Match", first)
	second := changed.Header().Get("ETag")
	if changed.Code != 200 || second == first || second != c.ask(t, "GET", "/v1/c", "").Header().Get("ETag") {
		t.Fatalf("a change gives %d and ETag %s after %s", changed.Code, second, first)
	}
	for _, try := range []struct {
		method, path, match string
		status              int
		code                string
	}{
		{"PUT", "/v1/c", "", 428, "if_match_missing"},
		{"PUT", "/v1/c", first, 412, "changed_meanwhile"},
		{"PUT", "/v1/c", "W/" + second, 412, "changed_meanwhile"},
		{"PUT", "/v1/c/part", first, 412, "changed_meanwhile"},
		{"PUT", "/v1/c/part", `"x", ` + second, 200, ""},
		{"PUT", "/v1/c/part", "*", 200, ""},
		{"PUT", "/v1/c/free", "", 200, ""},
		{"DELETE", "/v1/c", first, 412, "changed_meanwhile"},
		{"DELETE", "/v1/c", "", 204, ""},
		{"PUT", "/v1/v", "", 428, "if_match_missing"},
		{"PUT", "/v1/v", `"7"`, 412, "changed_meanwhile"},
		{"PUT", "/v1/v", first, 412, "changed_meanwhile"},
		{"PUT", "/v1/v", `"0"`, 200, ""},
		{"PUT", "/v1/v", "*", 200, ""},
	} {
		headers := []string{"If-Match", try.match}
		if try.match == "" {
			headers = nil
		}
		got := c.ask(t, try.method, try.path, `{"value":1}`, headers...)
		if got.Code != try.status || !strings.Contains(got.Body.String(), try.code) {
			t.Errorf("%s %s with %q: %d %s, want %d %s", try.method, try.path, try.match, got.Code, got.Body, try.status, try.code)
		}
	}
}

func TestWhatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	c := newCounters(t)
	tag := c.ask(t, "GET", "/v1/c", "").Header().Get("ETag")
	if got := c.ask(t, "GET", "/v1/c", "", "If-None-Match", tag); got.Code != 304 || got.Body.Len() != 0 || got.Header().Get("ETag") != tag {
		t.Errorf("%d %q", got.Code, got.Body)
	}
	if got := c.ask(t, "GET", "/v1/c", "", "If-None-Match", `"other"`); got.Code != 200 {
		t.Errorf("another tag: %d", got.Code)
	}
	// A version does not tell about everything that is shown.
	tag = c.ask(t, "GET", "/v1/v", "").Header().Get("ETag")
	if got := c.ask(t, "GET", "/v1/v", "", "If-None-Match", tag); got.Code != 200 {
		t.Errorf("a version: %d", got.Code)
	}
}

func TestAChangePassesTheMiddlewaresOnce(t *testing.T) {
	t.Parallel()
	c := newCounters(t)
	c.ask(t, "PUT", "/v1/c", `{"value":1}`, "If-Match", "*")
	if n := c.asked.Load(); n != 1 {
		t.Errorf("%d times", n)
	}
}

func TestNoChangeIsLost(t *testing.T) {
	t.Parallel()
	c := newCounters(t)
	const clients, changes = 8, 25
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for done := 0; done < changes; {
				now := c.ask(t, "GET", "/v1/c", "")
				var value int64
				if _, after, ok := strings.Cut(now.Body.String(), ":"); ok {
					value, _ = strconv.ParseInt(strings.TrimRight(after, "}\n"), 10, 64)
				}
				body := `{"value":` + strconv.FormatInt(value+1, 10) + `}`
				if c.ask(t, "PUT", "/v1/c", body, "If-Match", now.Header().Get("ETag")).Code == 200 {
					done++
				}
			}
		})
	}
	wg.Wait()
	if got := c.value.Load(); got != clients*changes {
		t.Errorf("%d changes were told to be done, and %d were", clients*changes, got)
	}
}
