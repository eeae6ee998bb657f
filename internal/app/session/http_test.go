package session_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// serve serves the sessions' routes to one member, whose rights end when revoked is set.
func (f *fixture) serve(ctx context.Context, revoked *atomic.Bool) string {
	f.t.Helper()
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	scope, _ := tenancy.From(ctx)
	api.UseMiddleware(func(h huma.Context, next func(huma.Context)) {
		next(huma.WithContext(h, tenancy.With(h.Context(), scope)))
	})
	(&session.API{
		Service: f.sessions,
		People: func(context.Context, []uuid.UUID) (map[uuid.UUID]session.Learner, error) {
			return map[uuid.UUID]session.Learner{}, nil
		},
		Still: func(context.Context) error {
			if revoked.Load() {
				return errors.New("revoked")
			}
			return nil
		},
	}).Register(api)
	srv := httptest.NewServer(mux)
	f.t.Cleanup(srv.Close)
	return srv.URL
}

// events follows a session; each event comes as its name and data, and the channel is closed at the stream's end.
func (f *fixture) events(url string, id uuid.UUID) <-chan [2]string {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, url+"/v1/sessions/"+id.String()+"/events", http.NoBody)
	if err != nil {
		f.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		f.t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	events := make(chan [2]string, 1000)
	go func() { // ends with the stream
		defer close(events)
		defer res.Body.Close()
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		name := ""
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = rest
			}
			if rest, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				events <- [2]string{name, rest}
			}
		}
	}()
	return events
}

func (f *fixture) await(events <-chan [2]string, what string, is func(name, data string) bool) {
	f.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case e, open := <-events:
			if !open {
				f.t.Fatalf("the stream ended before %s", what)
			}
			if is(e[0], e[1]) {
				return
			}
		case <-deadline.C:
			f.t.Fatalf("%s did not come", what)
		}
	}
}

func TestAStreamTellsEverythingUpToTheEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	short := testLab()
	entry := short["lab.yaml"]
	entry.Data = []byte(strings.Replace(string(entry.Data), "duration: 30m", "duration: 5m", 1))
	short["lab.yaml"] = entry
	if _, err := f.sessions.Labs.Publish(f.member(tenancy.RoleAuthor), short); err != nil {
		t.Fatal(err)
	}
	ctx := f.member(tenancy.RoleLearner)
	var revoked atomic.Bool
	url := f.serve(ctx, &revoked)
	started, _, err := f.sessions.Start(ctx, "errands")
	if err != nil {
		t.Fatal(err)
	}
	events := f.events(url, started.ID)
	f.await(events, "ready", func(name, data string) bool {
		return name == "session" && strings.Contains(data, `"state":"ready"`)
	})
	f.await(events, "the warning", func(name, data string) bool {
		return name == "warning" && strings.Contains(data, "ends in 5 min")
	})
	if _, err := f.sessions.End(ctx, started.ID); err != nil {
		t.Fatal(err)
	}
	f.await(events, "the end", func(name, _ string) bool { return name == "ended" })
	if _, open := <-events; open {
		t.Error("something came after the end")
	}
}

func TestAStreamEndsWithTheRightToIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.member(tenancy.RoleLearner)
	var revoked atomic.Bool
	url := f.serve(ctx, &revoked)
	v := f.run(ctx)
	events := f.events(url, v.ID)
	for range 49 {
		f.events(url, v.ID)
	}
	res, err := http.Get(url + "/v1/sessions/" + v.ID.String() + "/events")
	if err != nil || res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one stream too many: %v, %v", res, err)
	} else {
		_ = res.Body.Close()
	}
	f.await(events, "the session", func(name, _ string) bool { return name == "session" })
	revoked.Store(true)
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for open := true; open; {
		select {
		case _, open = <-events:
		case <-deadline.C:
			t.Fatal("the stream outlives its right")
		}
	}
}
