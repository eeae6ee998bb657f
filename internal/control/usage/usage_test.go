package usage_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/control/usage"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/limit"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/valkey"
	"github.com/cloudkida/cloudkida/internal/platform/valkey/redistest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

// world is a tenant of the tier basic with a clock that only the test moves.
type world struct {
	*usage.Service

	t      *testing.T
	d      *dbtest.Database
	tiers  *tier.Service
	clock  *clock
	tenant uuid.UUID
	hit    []string
}

// noon is in the middle of a day and of a month.
func noon() time.Time { return time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC) }

func newWorld(t *testing.T) *world {
	t.Helper()
	d := dbtest.New(t)
	w := &world{t: t, d: d, tiers: tier.New(d.Control), clock: &clock{now: noon()}}
	scope, _ := tenancy.From(d.Tenant(t, "acme", tenancy.RoleOwner))
	w.tenant = scope.Tenant
	w.Service = w.process()
	return w
}

// process is one of several that serve the same installation.
func (w *world) process() *usage.Service {
	return usage.New(usage.Config{
		Pool: w.d.Control, Plans: w.tiers.Of, Limiter: limit.NewMemory(10_000, w.clock.Now), Holder: limit.NewMemoryHolds(), AddressRate: 10,
		Limited: func(name string) { w.hit = append(w.hit, name) }, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler),
	})
}

func (w *world) limits(list map[tier.Limit]int64) { w.limitsOf(w.tenant, list) }

func (w *world) limitsOf(tenant uuid.UUID, list map[tier.Limit]int64) {
	w.t.Helper()
	for name, n := range list {
		if err := w.tiers.SetLimit(w.t.Context(), tenant, name, &n, ""); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) person() tenancy.Scope {
	return tenancy.Scope{Tenant: w.tenant, User: uuid.New(), Role: tenancy.RoleLearner, Session: uuid.New()}
}

func (w *world) machine() tenancy.Scope {
	return tenancy.Scope{Tenant: w.tenant, User: uuid.New(), Role: tenancy.RoleAdmin, Machine: true}
}

// answer is what became of a request.
type answer struct {
	err    error
	hit    httpx.ProblemLimit
	header http.Header
	done   func()
}

func (a answer) refused() bool { return a.err != nil }

func (w *world) ask(by *usage.Service, s tenancy.Scope, call gateway.Call) answer {
	w.t.Helper()
	ctx := w.t.Context()
	if s.Tenant != uuid.Nil {
		ctx = tenancy.With(ctx, s)
	}
	call.Weight = max(1, call.Weight)
	a := answer{header: http.Header{}}
	a.done, a.err = by.Admit(ctx, call, a.header)
	if a.err != nil {
		var e *httpx.LimitError
		if !errors.As(a.err, &e) {
			w.t.Fatal(a.err)
		}
		a.hit = e.Hit
	}
	return a
}

// passes tells how many of n requests pass, and the last refusal.
func (w *world) passes(n int, s tenancy.Scope) (passed int, last answer) {
	w.t.Helper()
	for range n {
		if a := w.ask(w.Service, s, gateway.Call{}); a.refused() {
			last = a
		} else {
			passed++
		}
	}
	return passed, last
}

func TestPeopleHaveARateOfTheirOwnAndOneTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits(map[tier.Limit]int64{tier.Rate: 10, tier.Burst: 50, tier.UserRate: 2, tier.UserBurst: 20})
	w.limitsOf(tenancy.DefaultTenant(), map[tier.Limit]int64{tier.UserRate: 5, tier.UserBurst: 25})
	ada := w.person()
	first := w.ask(w.Service, ada, gateway.Call{})
	if policy, left := first.header.Get("RateLimit-Policy"), first.header.Get("RateLimit"); policy != `"user";q=20;w=10, "organisation";q=50;w=5` || left != `"user";r=19;t=1, "organisation";r=49;t=1` {
		t.Errorf("headers %s and %s", policy, left)
	}
	passed, last := w.passes(30, ada)
	if passed != 19 || !errors.Is(last.err, usage.ErrRate) || last.hit != (httpx.ProblemLimit{Name: "user", Most: 20, Window: 10, Reset: 1}) {
		t.Errorf("%d more passed; then %+v, %v", passed, last.hit, last.err)
	}
	if wait := httpx.HeadersOf(last.err).Get("Retry-After"); wait != "1" || last.header.Get("RateLimit") != `"user";r=0;t=10` {
		t.Errorf("Retry-After %q, RateLimit %s", wait, last.header.Get("RateLimit"))
	}
	elsewhere := ada
	elsewhere.Session = uuid.New()
	if !w.ask(w.Service, elsewhere, gateway.Call{}).refused() {
		t.Error("another token of the same person passes")
	}
	elsewhere.Tenant = tenancy.DefaultTenant()
	if a := w.ask(w.Service, elsewhere, gateway.Call{}); a.refused() || a.header.Get("RateLimit-Policy") != `"user";q=25;w=5` {
		t.Errorf("in another tenant the same person has not its rate: %v, %s", a.err, a.header.Get("RateLimit-Policy"))
	}
	if !w.ask(w.Service, ada, gateway.Call{}).refused() {
		t.Error("what a person did in another tenant changes their rate here")
	}
	for range 2 {
		w.passes(20, w.person())
	}
	late := w.ask(w.Service, w.person(), gateway.Call{})
	if !late.refused() || late.hit.Name != "organisation" {
		t.Errorf("after 50 of all people: %+v", late.hit)
	}
	if a := w.ask(w.Service, w.machine(), gateway.Call{}); a.refused() {
		t.Errorf("people kept a program out: %v", a.err)
	}
	w.clock.now = w.clock.now.Add(time.Second)
	if passed, _ := w.passes(10, ada); passed != 2 {
		t.Errorf("%d of 10 passed after a second, want 2", passed)
	}
	if strings.Join(w.hit[:2], " ") != "user user" {
		t.Errorf("counted as limited: %v", w.hit)
	}
}

func TestOneTenantsNoiseIsNotAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits(map[tier.Limit]int64{tier.Rate: 1, tier.Burst: 20})
	for _, kind := range []func() tenancy.Scope{w.person, w.machine} {
		if passed, _ := w.passes(100, kind()); passed != 20 {
			t.Errorf("%d of 100 passed, want 20", passed)
		}
	}
	other, _ := tenancy.From(w.d.Tenant(t, "other", tenancy.RoleOwner))
	for _, machine := range []bool{false, true} {
		scope := tenancy.Scope{Tenant: other.Tenant, User: uuid.New(), Machine: machine}
		if passed, last := w.passes(50, scope); passed != 50 {
			t.Errorf("%d of 50 passed in another tenant: %v", passed, last.err)
		}
	}
}

func TestOperatorsAreUnderNoTenantsLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits(map[tier.Limit]int64{tier.Rate: 0, tier.Burst: 0, tier.UserRate: 0, tier.DailyRequests: 0})
	if _, last := w.passes(1, w.person()); last.hit.Name != "user" || last.hit.Reset < 60 {
		t.Errorf("nothing is allowed, but %+v", last.hit)
	}
	operator := w.person()
	operator.Operator = true
	if passed, last := w.passes(1000, operator); passed != 1000 {
		t.Errorf("%d of 1000 passed: %v", passed, last.err)
	}
	if passed, last := w.passes(5000, operator); passed != 1000 || last.hit.Name != "operator" {
		t.Errorf("%d more passed: %+v", passed, last.hit)
	}
}

func TestWhoIsNobodyIsLimitedByAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	passed := 0
	for range 200 {
		if !w.ask(w.Service, tenancy.Scope{}, gateway.Call{Address: "192.0.2.1"}).refused() {
			passed++
		}
	}
	refused := w.ask(w.Service, w.person(), gateway.Call{Address: "192.0.2.1", Refused: true})
	if passed != 100 || refused.hit.Name != "address" {
		t.Errorf("%d passed; then a bad token: %+v", passed, refused.hit)
	}
	if w.ask(w.Service, tenancy.Scope{}, gateway.Call{Address: "192.0.2.2"}).refused() || w.ask(w.Service, w.person(), gateway.Call{Address: "192.0.2.1"}).refused() {
		t.Error("another address, or somebody who is signed in, is refused for it")
	}
	w.AddressRate = 0
	for range 2000 {
		if w.ask(w.Service, tenancy.Scope{}, gateway.Call{Address: "192.0.2.1"}).refused() {
			t.Fatal("there is no limit, but it refuses")
		}
	}
}

func TestWeightsTakeAsMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits(map[tier.Limit]int64{tier.Rate: 1, tier.Burst: 50, tier.UserRate: 1, tier.UserBurst: 50})
	ada := w.person()
	for n := range 3 {
		if refused := w.ask(w.Service, ada, gateway.Call{Weight: httpx.MaxWeight}).refused(); refused != (n == 2) {
			t.Errorf("the %d. of 20 each: refused %t", n+1, refused)
		}
	}
	if passed, _ := w.passes(20, ada); passed != 10 {
		t.Errorf("%d small ones passed, want 10", passed)
	}
	twenty, nineteen := int64(20), int64(19)
	if err := w.tiers.SetLimit(t.Context(), w.tenant, tier.Burst, &nineteen, ""); !errors.Is(err, tier.ErrValue) {
		t.Errorf("a burst below the heaviest request: %v", err)
	}
	if err := w.tiers.SetLimit(t.Context(), w.tenant, tier.UserBurst, &twenty, ""); err != nil {
		t.Error(err)
	}
}

func (w *world) setProgram(id uuid.UUID, rate, daily any) {
	w.t.Helper()
	_, err := w.d.Control.Exec(w.t.Context(), `insert into control.program_limit (tenant_id, program_id, rate, daily) values ($1, $2, $3, $4)`, w.tenant, id, rate, daily)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Forget(w.tenant)
}

func TestProgramsHaveQuotasAndPeopleHaveNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits(map[tier.Limit]int64{tier.DailyRequests: 10, tier.MonthlyRequests: 25})
	robot, other := w.machine(), w.machine()
	first := w.ask(w.Service, robot, gateway.Call{Weight: 5})
	if got := first.header.Get("RateLimit"); !strings.HasSuffix(got, `"day";r=9;t=43200, "month";r=24;t=1512000`) {
		t.Errorf("RateLimit %s; quotas count requests, not weights", got)
	}
	passed, last := w.passes(20, other)
	if passed != 9 || !errors.Is(last.err, usage.ErrDaily) || last.hit != (httpx.ProblemLimit{Name: "day", Most: 10, Window: 86400, Reset: 43200}) {
		t.Errorf("%d passed; then %+v, %v", passed, last.hit, last.err)
	}
	if wait := httpx.HeadersOf(last.err).Get("Retry-After"); wait != "43200" || !strings.Contains(last.err.Error(), "12 hours") {
		t.Errorf("Retry-After %s; %v", wait, last.err)
	}
	if passed, last := w.passes(30, w.person()); passed != 30 {
		t.Errorf("people have a quota: %d passed, %v", passed, last.err)
	}
	w.clock.now = w.clock.now.Add(12 * time.Hour)
	if passed, _ := w.passes(20, robot); passed != 10 {
		t.Errorf("%d passed on the next day", passed)
	}
	w.clock.now = w.clock.now.AddDate(0, 0, 1)
	passed, last = w.passes(20, robot)
	if passed != 5 || !errors.Is(last.err, usage.ErrMonthly) || last.hit.Name != "month" {
		t.Errorf("%d passed of the month's rest; then %+v", passed, last.hit)
	}
	w.clock.now = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	if passed, _ := w.passes(20, robot); passed != 10 {
		t.Errorf("%d passed in the next month", passed)
	}
}

func TestOneProgramIsHeldToLess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow, small, key := w.machine(), w.machine(), w.person()
	key.Key = uuid.New()
	w.setProgram(slow.User, 1, nil)
	w.setProgram(small.User, nil, 3)
	w.setProgram(key.Key, nil, 2)
	if passed, last := w.passes(40, slow); passed != httpx.MaxWeight || last.hit.Name != "key" {
		t.Errorf("%d passed; %+v", passed, last.hit)
	}
	if passed, last := w.passes(10, small); passed != 3 || last.hit.Name != "key-day" || !strings.Contains(last.err.Error(), "This key") {
		t.Errorf("%d passed; %+v, %v", passed, last.hit, last.err)
	}
	if passed, _ := w.passes(10, key); passed != 2 {
		t.Errorf("%d of an API key's passed", passed)
	}
	if passed, last := w.passes(10, w.machine()); passed != 10 {
		t.Errorf("%d passed of another program: %v", passed, last.err)
	}
}

// rows are the counts that are stored, of all of a tenant's programs.
func (w *world) rows() string {
	w.t.Helper()
	var text string
	err := w.d.Owner.QueryRow(w.t.Context(), `
		select coalesce(string_agg(period || ' ' || since || ' ' || requests, ', ' order by period, since), '') from control.request_count
		where tenant_id = $1 and program_id = $2`, w.tenant, uuid.Nil).Scan(&text)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func TestCountsOutliveAProcessAndAddUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits(map[tier.Limit]int64{tier.DailyRequests: 30, tier.MonthlyRequests: 1000})
	robot, second := w.machine(), w.process()
	for range 8 {
		w.ask(w.Service, robot, gateway.Call{})
		w.ask(second, robot, gateway.Call{})
	}
	if got := w.rows(); got != "" {
		t.Errorf("each request was written: %s", got)
	}
	for range 2 { // the second time there is nothing to write
		if err := errors.Join(w.Flush(t.Context()), second.Flush(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.rows(); got != "day 2026-03-14 16, month 2026-03-01 16" {
		t.Errorf("stored: %s", got)
	}
	third := w.process() // after a restart
	passed := 0
	for range 40 {
		if !w.ask(third, robot, gateway.Call{}).refused() {
			passed++
		}
	}
	if passed != 14 {
		t.Errorf("%d passed after a restart, want 14", passed)
	}
	if err := third.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	uses, err := w.Requests(t.Context(), w.tenant)
	if err != nil || uses[tier.DailyRequests] != 30 || uses[tier.MonthlyRequests] != 30 {
		t.Errorf("used %v, %v; refused requests do not count", uses, err)
	}
}

func TestCountsThatCannotBeWrittenAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	robot := w.machine()
	w.passes(5, robot)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Flush(ended); err == nil {
		t.Fatal("written without a connection")
	}
	w.passes(2, robot)
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.rows(); got != "day 2026-03-14 7, month 2026-03-01 7" {
		t.Errorf("stored: %s", got)
	}
}

func TestRunWritesTheRestAtItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.passes(3, w.machine())
	cancel()
	if err := <-ended; err != nil || w.rows() != "day 2026-03-14 3, month 2026-03-01 3" {
		t.Errorf("%v; stored: %s", err, w.rows())
	}
}

func TestOnlySoManyStreamsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits(map[tier.Limit]int64{tier.Streams: 3, tier.StreamsPerUser: 2})
	ada, bob, stream := w.person(), w.person(), gateway.Call{Stream: true}
	first, second := w.ask(w.Service, ada, stream), w.ask(w.Service, ada, stream)
	third := w.ask(w.Service, ada, stream)
	if first.refused() || second.refused() || !errors.Is(third.err, usage.ErrStreams) || third.hit != (httpx.ProblemLimit{Name: "streams", Most: 2, Reset: 5}) {
		t.Errorf("%v, %v, %v %+v", first.err, second.err, third.err, third.hit)
	}
	if w.ask(w.Service, bob, stream).refused() || !w.ask(w.Service, bob, stream).refused() {
		t.Error("want one of another person, and no fourth of all")
	}
	first.done()
	first.done() // twice is once
	if w.ask(w.Service, bob, stream).refused() || !w.ask(w.Service, w.person(), stream).refused() {
		t.Error("want exactly one more after one has ended")
	}
	if w.ask(w.Service, bob, gateway.Call{}).refused() {
		t.Error("an ordinary request is refused")
	}
}

// Streams of one organisation are counted among all processes that share a memory.
func TestStreamsAreCountedAmongProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limits(map[tier.Limit]int64{tier.Streams: 2})
	memory, err := valkey.Open(redistest.Start(t).URL, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = memory.Close() })
	one, two := w.process(), w.process()
	one.Holder, two.Holder = limit.NewSharedHolds(memory, one.Log), limit.NewSharedHolds(memory, two.Log)
	stream := gateway.Call{Stream: true}
	first := w.ask(one, w.person(), stream)
	if first.refused() || w.ask(two, w.person(), stream).refused() || !w.ask(one, w.person(), stream).refused() || !w.ask(two, w.machine(), stream).refused() {
		t.Errorf("want two of both processes together: %v", first.err)
	}
	first.done()
	if w.ask(two, w.person(), stream).refused() {
		t.Error("what ended in one process is not free in the other")
	}
}

func TestTiersChangeUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.person()
	if passed, _ := w.passes(100, ada); passed != 50 {
		t.Errorf("%d of basic's burst passed", passed)
	}
	basic, err := w.tiers.Get(t.Context(), "basic")
	if err != nil {
		t.Fatal(err)
	}
	basic.Limits = map[tier.Limit]int64{} // which bounds nothing
	if _, err := w.tiers.Change(t.Context(), basic); err != nil {
		t.Fatal(err)
	}
	if passed, last := w.passes(1000, ada); passed != 1000 || last.header != nil {
		t.Errorf("%d passed without limits: %v", passed, last.err)
	}
	if h := w.ask(w.Service, ada, gateway.Call{}).header; len(h) != 0 {
		t.Errorf("headers without limits: %v", h)
	}
}

func BenchmarkAdmit(b *testing.B) {
	d := dbtest.New(b)
	tiers := tier.New(d.Control)
	scope, _ := tenancy.From(d.Tenant(b, "acme", tenancy.RoleOwner))
	million := int64(1_000_000)
	for _, l := range []tier.Limit{tier.Rate, tier.Burst, tier.UserRate, tier.UserBurst, tier.DailyRequests, tier.MonthlyRequests} {
		if err := tiers.SetLimit(b.Context(), scope.Tenant, l, &million, ""); err != nil {
			b.Fatal(err)
		}
	}
	s := usage.New(usage.Config{
		Pool: d.Control, Plans: tiers.Of, Limiter: limit.NewMemory(10_000, time.Now), Limited: func(string) {}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	for i, machine := range []bool{false, true} {
		b.Run(fmt.Sprintf("machine=%s", strconv.FormatBool(i == 1)), func(b *testing.B) {
			who := tenancy.Scope{Tenant: scope.Tenant, User: uuid.New(), Machine: machine}
			ctx := tenancy.With(b.Context(), who)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.Admit(ctx, gateway.Call{Weight: 1}, http.Header{})
			}
		})
	}
}
