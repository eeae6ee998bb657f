package job_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/job"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const (
	someID = "00000000-0000-7000-8000-00000000ab1e"
	secret = "crown-jewels"
)

// open returns the console of a database with one failed job, which carries what no job should.
func open(t *testing.T, listen string) (*dbtest.Database, http.Handler) {
	t.Helper()
	d := dbtest.New(t)
	_, err := d.Worker.Exec(t.Context(), `insert into river.river_job (kind, args, metadata, queue, state, max_attempts, attempt, finalized_at, tags, errors, tenant_id)
		values ('lab.test', jsonb_build_object('session', $1::text, 'number', 7, 'deep', jsonb_build_array(jsonb_build_object('password', $2::text))),
			jsonb_build_object('output', $2::text), 'default', 'discarded', 1, 1, now(), array['crown-jewels'],
			array[jsonb_build_object('at', now(), 'attempt', 1, 'error', 'dial ' || $2::text, 'trace', $2::text),
				jsonb_build_object('at', now(), 'attempt', 2, 'error', $2::text || '; the log has the rest, by the id of the job', 'trace', ''),
				jsonb_build_object('at', now(), 'attempt', 3, 'error', 'PostgreSQL 40001; the log has the rest, by the id of the job', 'trace', $2::text)], $1::uuid)`, someID, secret)
	if err != nil {
		t.Fatal(err)
	}
	c, err := job.NewConsole(t.Context(), d.Worker, listen, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	mux := httpx.NewMux()
	c.Mount(mux)
	return d, mux
}

func ask(t *testing.T, h http.Handler, method, address string, change ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, address, strings.NewReader(`{"ids":["1"]}`))
	r.Header.Set("Accept", "text/html")
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestConsoleShowsIDsOfJobsAlone(t *testing.T) {
	t.Parallel()
	_, h := open(t, "127.0.0.1:9090")
	if res, page := ask(t, h, http.MethodGet, "http://localhost:9090/jobs/"); res.StatusCode != http.StatusOK || !strings.Contains(page, `src="/jobs/assets/`) {
		t.Errorf("the page: %d %s", res.StatusCode, page)
	}
	res, list := ask(t, h, http.MethodGet, "http://localhost:9090/jobs/api/jobs?state=discarded")
	var jobs struct{ Data []struct{ ID json.Number } }
	if err := json.Unmarshal([]byte(list), &jobs); err != nil || res.StatusCode != http.StatusOK || len(jobs.Data) != 1 {
		t.Fatalf("the list: %d %s", res.StatusCode, list)
	}
	_, one := ask(t, h, http.MethodGet, "http://localhost:9090/jobs/api/jobs/"+jobs.Data[0].ID.String())
	for name, text := range map[string]string{"list": list, "job": one} {
		if !strings.Contains(text, someID) || !strings.Contains(text, `number\":7`) || name == "job" && !strings.Contains(text, "PostgreSQL 40001") || strings.Contains(text, secret) {
			t.Errorf("the %s shows other things than ids and numbers: %s", name, text)
		}
	}
}

func TestConsoleChangesNothing(t *testing.T) {
	t.Parallel()
	d, h := open(t, "127.0.0.1:9090")
	state := func() (text string) {
		t.Helper()
		err := d.Worker.QueryRow(t.Context(), `select (select string_agg(x::text, '|' order by id) from river.river_job x)
			|| coalesce((select string_agg(q::text, '|' order by name) from river.river_queue q), '')`).Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := state()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "QUERY"} {
		for _, path := range []string{"/jobs/", "/jobs/api/jobs/retry", "/jobs/api/jobs/cancel", "/jobs/api/jobs/delete", "/jobs/api/queues/default", "/jobs/api/queues/default/pause"} {
			if res, _ := ask(t, h, method, "http://localhost:9090"+path, func(r *http.Request) {
				r.Header.Set("X-Http-Method-Override", http.MethodPost)
			}); res.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, res.StatusCode)
			}
		}
	}
	if after := state(); after != before {
		t.Errorf("jobs changed from %s to %s", before, after)
	}
}

// Were a way to write found through River's page, PostgreSQL would refuse it all the same.
func TestConsoleReadsInReadOnlyTransactions(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	pool, err := db.OpenReadOnly(t.Context(), d.Worker, 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: job.Schema})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Insert(t.Context(), args{}, nil); err == nil || !strings.Contains(err.Error(), "read-only transaction") {
		t.Errorf("added a job: %v", err)
	}
}

type args struct{}

func (args) Kind() string { return "test" }

func TestConsoleRefusesOtherHosts(t *testing.T) {
	t.Parallel()
	_, h := open(t, "ops.internal:9090")
	for host, want := range map[string]int{
		"localhost:9090": 200, "LOCALHOST": 200, "127.0.0.1:9090": 200, "[::1]:9090": 200, "10.0.0.7": 200, "ops.internal:9090": 200,
		"attacker.example:9090": 403, "localhost.attacker.example": 403, "127.0.0.1.attacker.example": 403, "": 403, "ops.internal.": 403, "other.internal": 403,
	} {
		for _, path := range []string{"/jobs/", "/jobs/api/jobs", "/jobs/assets/none.js"} {
			res, body := ask(t, h, http.MethodGet, "http://localhost"+path, func(r *http.Request) { r.Host = host })
			if (res.StatusCode == http.StatusForbidden) != (want == http.StatusForbidden) || want == http.StatusForbidden && !strings.Contains(body, "foreign_host") {
				t.Errorf("%s at %q: %d %.80s, want %d", path, host, res.StatusCode, body, want)
			}
		}
	}
	if res, _ := ask(t, h, http.MethodGet, "http://localhost/jobs/"); !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("the page has no content policy")
	}
}
