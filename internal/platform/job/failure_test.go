package job_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/job"
)

// lines is a log that several write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// fails is a job that fails in a way of its own.
type fails struct {
	Way string `json:"way"`
}

func (fails) Kind() string { return "test.fails" }

type failing struct {
	river.WorkerDefaults[fails]
}

// ways are how jobs fail, each with a secret, and what the console says of it.
func ways() map[string]struct {
	err error
	say string
} {
	const text = "row of " + secret
	return map[string]struct {
		err error
		say string
	}{
		"ours":     {fmt.Errorf("read %s: %w", text, errs.NotFound("no_such_lab", "There is no "+text).Wrap(errors.New(text))), "no_such_lab; "},
		"database": {fmt.Errorf("%s: %w", text, &pgconn.PgError{Code: "23505", Message: text, Detail: text}), "PostgreSQL 23505; "},
		"time":     {fmt.Errorf("%s: %w", text, context.DeadlineExceeded), "timed out; "},
		"other":    {fmt.Errorf("%s: %w", text, errors.New(text)), "failed (*errors.errorString); "},
		"panic":    {errors.New(text), "panicked; "},
		"given up": {river.JobCancel(errors.New(text)), "failed ("},
	}
}

// Work fails.
func (failing) Work(_ context.Context, j *river.Job[fails]) error {
	err := ways()[j.Args.Way].err
	if j.Args.Way == "panic" {
		panic(err)
	}
	return err
}

func TestWhatErrorsTellOfStaysInTheLog(t *testing.T) {
	t.Parallel()
	d, log := dbtest.New(t), &lines{}
	workers := river.NewWorkers()
	river.AddWorker(workers, failing{})
	client, err := job.NewWorker(job.Work{Pool: d.Worker, Workers: workers, Queues: map[string]int{"default": 2}, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ended, stop := client.Subscribe(river.EventKindJobFailed, river.EventKindJobCancelled)
	defer stop()
	for way := range ways() {
		if _, err := client.Insert(t.Context(), fails{way}, &river.InsertOpts{MaxAttempts: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	for range ways() {
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatal("not all jobs ended")
		}
	}
	if err := client.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	c, err := job.NewConsole(t.Context(), d.Worker, "127.0.0.1:9090", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	mux := httpx.NewMux()
	c.Mount(mux)
	rows, err := d.Owner.Query(t.Context(), `select id, state::text, args->>'way', array_to_string(errors, ' ') from river.river_job where kind = 'test.fails'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for seen := 0; rows.Next(); seen++ {
		var id int64
		var state, way, stored string
		if err := rows.Scan(&id, &state, &way, &stored); err != nil {
			t.Fatal(err)
		}
		_, page := ask(t, mux, http.MethodGet, fmt.Sprintf("http://localhost:9090/jobs/api/jobs/%d", id))
		var shown struct{ Errors []struct{ Error string } }
		if err := json.Unmarshal([]byte(page), &shown); err != nil || len(shown.Errors) != 1 || !strings.HasPrefix(shown.Errors[0].Error, ways()[way].say) {
			t.Errorf("%s: the console says %s, want %q", way, page, ways()[way].say)
		}
		if strings.Contains(page+stored, secret) {
			t.Errorf("%s: %s tells of %s: stored %s", way, page, secret, stored)
		}
		if !strings.Contains(log.String(), fmt.Sprintf("job=%d ", id)) {
			t.Errorf("%s: the log has nothing of job %d", way, id)
		}
		if want := map[bool]string{true: "cancelled", false: "discarded"}[way == "given up"]; state != want {
			t.Errorf("%s: the job is %s, want %s", way, state, want)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(log.String(), "row of "+secret); n < len(ways()) {
		t.Errorf("the log has the text of %d errors, want %d:\n%s", n, len(ways()), log)
	}
}
