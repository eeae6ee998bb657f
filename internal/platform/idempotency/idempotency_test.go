package idempotency_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/idempotency"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// shop takes orders; people are told apart by a header.
type shop struct {
	*dbtest.Database
	t        *testing.T
	mux      *httpx.Mux
	service  *idempotency.Service
	callers  map[string]tenancy.Scope
	orders   atomic.Int64
	broken   atomic.Bool
	entered  chan struct{}
	released chan struct{}
}

func open(t *testing.T) *shop {
	t.Helper()
	key, err := secret.Load(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	inserter, err := job.NewInserter()
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{
		Database: dbtest.New(t), t: t, mux: httpx.NewMux(), callers: map[string]tenancy.Scope{},
		entered: make(chan struct{}), released: make(chan struct{}),
	}
	s.service = &idempotency.Service{DB: s.App, System: "x", Jobs: inserter, Key: key, Log: slog.New(slog.DiscardHandler)}
	acme, _ := tenancy.From(s.Tenant(t, "acme", tenancy.RoleOwner))
	other, _ := tenancy.From(s.Tenant(t, "other", tenancy.RoleOwner))
	s.callers["ann"], s.callers["stranger"] = acme, other
	acme.User = uuid.New()
	s.callers["bob"] = acme
	api := httpx.NewAPI(s.mux)
	api.UseMiddleware(func(hctx huma.Context, next func(huma.Context)) {
		next(huma.WithContext(hctx, tenancy.With(hctx.Context(), s.callers[hctx.Header("X-As")])))
	}, s.service.Middleware(api))
	s.routes(api)
	return s
}

type orderIn struct {
	Body struct {
		What string `json:"what" maxLength:"1000000"`
	}
}

type orderOut struct {
	Location string `header:"Location"`
	Body     struct {
		Number int64  `json:"number"`
		Secret string `json:"secret"`
		Pad    string `json:"pad"`
	}
}

func (s *shop) routes(api *httpx.API) {
	op := httpx.Operation(http.MethodPost, "/v1/orders", "order", "x", "Order", "x")
	op.DefaultStatus = http.StatusCreated
	huma.Register(api, op, func(_ context.Context, in *orderIn) (*orderOut, error) {
		out := &orderOut{}
		out.Body.Number = s.orders.Add(1)
		switch {
		case s.broken.Load():
			return nil, errors.New("broken")
		case in.Body.What == "nothing":
			return nil, errs.Invalid("nothing", "Say what.")
		case in.Body.What == "soon":
			return nil, httpx.Limited(time.Second)
		case in.Body.What == "panic":
			panic(http.ErrAbortHandler)
		case in.Body.What == "slow":
			s.entered <- struct{}{}
			<-s.released
		case in.Body.What == "large":
			out.Body.Pad = strings.Repeat("x", 300<<10)
		}
		out.Location, out.Body.Secret = "/v1/orders/1", "crown-jewels"
		return out, nil
	})
}

func (s *shop) post(as, key, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/v1/orders", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-As", as)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

// want asks and compares the status and the number of orders that were made by then.
func (s *shop) want(as, key, body string, status int, orders int64) *httptest.ResponseRecorder {
	s.t.Helper()
	w := s.post(as, key, body)
	if w.Code != status || s.orders.Load() != orders {
		s.t.Errorf("%s %s %.40s: %d %s after %d orders, want %d after %d", as, key, body, w.Code, w.Body, s.orders.Load(), status, orders)
	}
	return w
}

func TestTheSameRequestAgainIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	const tea = `{"what":"tea"}`
	first := s.want("ann", "k1", tea, 201, 1)
	again := s.want("ann", "k1", tea, 201, 1)
	if !bytes.Equal(first.Body.Bytes(), again.Body.Bytes()) || again.Header().Get("Location") != "/v1/orders/1" ||
		again.Header().Get(idempotency.Header) != "true" || first.Header().Get(idempotency.Header) != "" || again.Header().Get("Content-Type") != "application/json" {
		t.Errorf("not the same: %v %s, then %v %s", first.Header(), first.Body, again.Header(), again.Body)
	}
	s.want("ann", "k1", `{"what":"coffee"}`, 422, 1)
	s.want("ann", "k2", tea, 201, 2)
	s.want("bob", "k1", tea, 201, 3)      // a key is its caller's own
	s.want("stranger", "k1", tea, 201, 4) // and of one tenant
	s.want("ann", "", tea, 201, 5)
	s.want("ann", "k3", `{"what":"nothing"}`, 422, 6)
	s.want("ann", "k3", `{"what":"nothing"}`, 422, 6) // a refusal is an answer
	for _, bad := range []string{"with space", strings.Repeat("x", 201), "ümlaut"} {
		s.want("ann", bad, tea, 400, 6)
	}
	s.want("ann", "k4", `{"what":"`+strings.Repeat("x", 2<<20)+`"}`, 413, 6)
}

func TestWhatFailedOnOurSideMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.broken.Store(true)
	s.want("ann", "k1", `{"what":"tea"}`, 500, 1)
	s.broken.Store(false)
	s.want("ann", "k1", `{"what":"tea"}`, 201, 2)
	s.want("ann", "k2", `{"what":"soon"}`, 429, 3)
	s.want("ann", "k2", `{"what":"soon"}`, 429, 4)
	for n := range int64(2) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is hidden")
				}
			}()
			s.want("ann", "k3", `{"what":"panic"}`, 200, 5+n)
		}()
	}
	if n := s.orders.Load(); n != 6 {
		t.Errorf("%d orders, want 6", n)
	}
}

func TestTwoAtOnceAreDoneOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	answered := make(chan int)
	go func() { answered <- s.post("ann", "k1", `{"what":"slow"}`).Code }()
	<-s.entered
	if w := s.want("ann", "k1", `{"what":"slow"}`, 409, 1); !strings.Contains(w.Body.String(), "idempotency_in_progress") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	s.released <- struct{}{}
	if code := <-answered; code != 201 {
		t.Error(code)
	}
	s.want("ann", "k1", `{"what":"slow"}`, 201, 1)
}

func TestWhatNobodyKnowsIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.want("ann", "k1", `{"what":"tea"}`, 201, 1)
	s.exec(`update pool.idempotency set status = null, answer = null, started_at = now() - interval '1 hour'`)
	if w := s.want("ann", "k1", `{"what":"tea"}`, 409, 1); !strings.Contains(w.Body.String(), "idempotency_unknown") {
		t.Error(w.Body)
	}
	s.want("ann", "k2", `{"what":"large"}`, 201, 2)
	if w := s.want("ann", "k2", `{"what":"large"}`, 409, 2); !strings.Contains(w.Body.String(), "idempotency_answer_gone") {
		t.Errorf("%.200s", w.Body)
	}
}

func (s *shop) exec(sql string) {
	s.t.Helper()
	if _, err := s.Owner.Exec(s.t.Context(), sql); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) text(sql string) (text string) {
	s.t.Helper()
	if err := s.Owner.QueryRow(s.t.Context(), sql).Scan(&text); err != nil {
		s.t.Fatal(err)
	}
	return text
}

func TestAnswersAreSealedAndBoundToTheirRow(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.want("ann", "k1", `{"what":"tea"}`, 201, 1)
	s.want("bob", "k1", `{"what":"tea"}`, 201, 2)
	rows := s.text(`select string_agg(i::text || encode(answer, 'escape'), ' ') from pool.idempotency i`)
	for _, secret := range []string{"crown-jewels", "tea"} {
		if strings.Contains(rows, secret) {
			t.Errorf("%q can be read in the database", secret)
		}
	}
	s.exec(`update pool.idempotency i set answer = o.answer from pool.idempotency o where o.user_id <> i.user_id`)
	if w := s.post("ann", "k1", `{"what":"tea"}`); w.Code != 500 || strings.Contains(w.Body.String(), "crown") {
		t.Errorf("somebody else's answer: %d %s", w.Code, w.Body)
	}
}

func TestAnswersEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	for n := range 3 {
		s.want("ann", fmt.Sprint("k", n), `{"what":"tea"}`, 201, int64(n+1))
	}
	s.want("stranger", "k0", `{"what":"tea"}`, 201, 4)
	if n := s.text(`select count(*)::text from river.river_job where kind = 'idempotency.sweep' and tenant_id is not null`); n != "2" {
		t.Errorf("%s sweeps are planned, want one of each tenant", n)
	}
	s.exec(`update pool.idempotency set until = now() - interval '1 minute' where key <> 'k1'`)
	s.want("ann", "k0", `{"what":"coffee"}`, 201, 5) // another day
	s.sweep()
	if left := s.text(`select string_agg(key, ' ' order by key) from pool.idempotency`); left != "k0 k1" {
		t.Errorf("%q are left", left)
	}
}

// sweep runs the planned jobs now, and waits for one of each tenant.
func (s *shop) sweep() {
	s.t.Helper()
	workers := river.NewWorkers()
	s.service.AddWorkers(workers)
	client, err := job.NewWorker(job.Work{
		Pool: s.Worker, Workers: workers, Queues: map[string]int{river.QueueDefault: 2}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	events, cancel := client.Subscribe(river.EventKindJobCompleted, river.EventKindJobSnoozed, river.EventKindJobFailed)
	defer cancel()
	s.exec(`update river.river_job set scheduled_at = now(), state = 'available'`)
	if err := client.Start(context.Background()); err != nil {
		s.t.Fatal(err)
	}
	defer client.Stop(context.Background()) //nolint:errcheck // the database goes next
	for range 2 {
		if e := <-events; e.Kind == river.EventKindJobFailed {
			s.t.Error(e.Job.Errors)
		}
	}
}
