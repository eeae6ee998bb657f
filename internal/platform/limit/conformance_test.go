package limit_test

import (
	"context"
	"log/slog"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/limit"
	"github.com/cloudkida/cloudkida/internal/platform/valkey"
	"github.com/cloudkida/cloudkida/internal/platform/valkey/redistest"
)

// world is a limiter with a clock that the test moves.
type world struct {
	limit.Limiter

	pass func(t *testing.T, d time.Duration)
	now  func() time.Time
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func inMemory() world {
	c := &clock{now: time.Unix(1_700_000_000, 0)}
	return world{limit.NewMemory(1000, c.Now), func(_ *testing.T, d time.Duration) { c.now = c.now.Add(d) }, c.Now}
}

// onRedis moves what the server remembers into the past: its own clock cannot be moved.
func onRedis(t *testing.T) world {
	t.Helper()
	m := open(t, redistest.Start(t).URL)
	return world{limit.NewShared(m), func(t *testing.T, d time.Duration) {
		t.Helper()
		keys, err := m.Client.Keys(t.Context(), "rate:*").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			at, err := m.Client.Get(t.Context(), key).Float64()
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Client.Set(t.Context(), key, strconv.FormatFloat(at-d.Seconds(), 'f', 6, 64), 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}, time.Now}
}

func open(t *testing.T, url string) *valkey.Memory {
	t.Helper()
	m, err := valkey.Open(url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// eventually asks a limiter whose server may be slow to answer on a machine that does other work: it has 50 ms at a time.
type eventually struct{ limit.Limiter }

func (e eventually) Take(ctx context.Context, weight int64, buckets ...limit.Bucket) (levels []limit.Level, ok bool, err error) {
	for try := 0; ; try++ {
		if levels, ok, err = e.Limiter.Take(ctx, weight, buckets...); err == nil || try > 1000 {
			return levels, ok, err
		}
	}
}

// TestConformance is what both implementations promise.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) world{
		"memory": func(*testing.T) world { return inMemory() },
		"redis":  onRedis,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			for what, check := range map[string]func(t *testing.T, w world){
				"a burst, then a rate":                       burstThenRate,
				"a refusal says when it would be let pass":   retries,
				"buckets do not know of each other":          apart,
				"the narrowest refuses first":                inTurn,
				"a weight takes as many":                     weighs,
				"a weight above the burst passes when full":  heavy,
				"none is none":                               none,
				"limits change under way":                    changes,
				"huge limits do not overflow":                huge,
				"counters stop at the most":                  counts,
				"counters count in all or in none":           countsAll,
				"counters begin with what is known":          countsBase,
				"a counter without room counts nothing":      countsNone,
				"nothing asked is nothing refused":           nothing,
				"clocks that jump give no more than a burst": jumps,
			} {
				t.Run(what, func(t *testing.T) { check(t, w) })
			}
		})
	}
}

// key is one that no other check uses.
func key() string { return uuid.NewString() }

func (w world) take(t *testing.T, weight int64, buckets ...limit.Bucket) ([]limit.Level, bool) {
	t.Helper()
	levels, ok, err := eventually{w.Limiter}.Take(t.Context(), weight, buckets...)
	if err != nil {
		t.Fatal(err)
	}
	return levels, ok
}

// passes counts how many of n pass; those that the time meanwhile gave back come on top.
func (w world) passes(t *testing.T, n int, weight int64, b limit.Bucket) (passed, extra int64) {
	t.Helper()
	begun := w.now()
	for range n {
		if _, ok := w.take(t, weight, b); ok {
			passed++
		}
	}
	return passed, int64(math.Ceil(w.now().Sub(begun).Seconds() * float64(b.Rate)))
}

func (w world) wantPasses(t *testing.T, n int, weight int64, b limit.Bucket, want int64) {
	t.Helper()
	if passed, extra := w.passes(t, n, weight, b); passed < want || passed > want+extra {
		t.Errorf("%d of %d passed, want %d (and at most %d for the time it took)", passed, n, want, extra)
	}
}

func burstThenRate(t *testing.T, w world) {
	t.Helper()
	b := limit.Bucket{Key: key(), Rate: 2, Burst: 10}
	levels, ok := w.take(t, 1, b)
	if !ok || levels[0].Left != 9 || levels[0].Full <= 0 || levels[0].Full > time.Second || levels[0].Retry != 0 {
		t.Errorf("the first of ten leaves %+v, %t", levels, ok)
	}
	w.wantPasses(t, 20, 1, b, 9)
	w.pass(t, 2*time.Second)
	w.wantPasses(t, 20, 1, b, 4)
	w.pass(t, time.Hour)
	w.wantPasses(t, 20, 1, b, 10)
}

func retries(t *testing.T, w world) {
	t.Helper()
	b := limit.Bucket{Key: key(), Rate: 1, Burst: 5}
	w.wantPasses(t, 5, 1, b, 5)
	levels, ok := w.take(t, 3, b)
	if ok {
		t.Fatal("three more passed")
	}
	if retry := levels[0].Retry; retry <= 0 || retry > 3*time.Second {
		t.Errorf("try again in %s, want at most 3 s", retry)
	}
	w.pass(t, levels[0].Retry+time.Millisecond)
	if levels, ok = w.take(t, 3, b); !ok {
		t.Errorf("after the time that was said: %+v", levels)
	}
}

func apart(t *testing.T, w world) {
	t.Helper()
	a, b := limit.Bucket{Key: key(), Rate: 1, Burst: 3}, limit.Bucket{Key: key(), Rate: 1, Burst: 3}
	w.wantPasses(t, 10, 1, a, 3)
	w.wantPasses(t, 3, 1, b, 3)
}

func inTurn(t *testing.T, w world) {
	t.Helper()
	narrow, wide := limit.Bucket{Key: key(), Rate: 1, Burst: 2}, limit.Bucket{Key: key(), Rate: 1, Burst: 10}
	for range 2 {
		if levels, ok := w.take(t, 1, narrow, wide); !ok || len(levels) != 2 {
			t.Fatalf("%+v, %t", levels, ok)
		}
	}
	for range 50 {
		if levels, ok := w.take(t, 1, narrow, wide); !ok && len(levels) != 1 {
			t.Fatalf("the narrow one refuses, but %d were asked", len(levels))
		}
	}
	if levels, _ := w.take(t, 1, wide); levels[0].Left < 1 {
		t.Errorf("what the narrow one refused was taken from the wide one: %d left", levels[0].Left)
	}
}

func weighs(t *testing.T, w world) {
	t.Helper()
	w.wantPasses(t, 10, 5, limit.Bucket{Key: key(), Rate: 1, Burst: 20}, 4)
}

func heavy(t *testing.T, w world) {
	t.Helper()
	b := limit.Bucket{Key: key(), Rate: 1, Burst: 3}
	if levels, ok := w.take(t, 20, b); !ok || levels[0].Left != 0 {
		t.Errorf("a full bucket: %+v, %t", levels, ok)
	}
	if _, ok := w.take(t, 20, b); ok {
		t.Error("an empty bucket let a weight pass that it can never hold")
	}
}

func none(t *testing.T, w world) {
	t.Helper()
	for _, b := range []limit.Bucket{{Rate: 0, Burst: 10}, {Rate: 10, Burst: 0}, {Rate: -1, Burst: 10}, {Rate: 10, Burst: math.MinInt64}, {}} {
		b.Key = key()
		if levels, ok := w.take(t, 1, b); ok || levels[0].Retry <= 0 {
			t.Errorf("%+v lets pass: %+v", b, levels)
		}
	}
	for _, weight := range []int64{0, -5, math.MinInt64} {
		b := limit.Bucket{Key: key(), Rate: 1, Burst: 5}
		if levels, ok := w.take(t, weight, b); !ok || levels[0].Left != 4 {
			t.Errorf("a weight of %d: %+v, %t; want it to count as one", weight, levels, ok)
		}
	}
}

func changes(t *testing.T, w world) {
	t.Helper()
	b := limit.Bucket{Key: key(), Rate: 1, Burst: 10}
	w.wantPasses(t, 10, 1, b, 10)
	b.Rate, b.Burst = 100, 30
	w.take(t, 1, b)
	w.pass(t, 11*time.Second) // what was owed is owed at the old rate
	if passed, _ := w.passes(t, 30, 1, b); passed != 30 {
		t.Errorf("with a higher burst %d of 30 pass", passed)
	}
	b.Rate, b.Burst = 1, 1
	w.pass(t, time.Minute)
	w.wantPasses(t, 1, 1, b, 1)
}

func huge(t *testing.T, w world) {
	t.Helper()
	for _, weight := range []int64{1, math.MaxInt64} {
		b := limit.Bucket{Key: key(), Rate: math.MaxInt64, Burst: math.MaxInt64}
		if levels, ok := w.take(t, weight, b); !ok || levels[0].Left < 0 || levels[0].Full < 0 {
			t.Errorf("a weight of %d: %+v, %t", weight, levels, ok)
		}
	}
	slow := limit.Bucket{Key: key(), Rate: 1, Burst: math.MaxInt64}
	if levels, ok := w.take(t, math.MaxInt64, slow); !ok || levels[0].Full <= 0 {
		t.Errorf("%+v, %t", levels, ok)
	}
}

func (w world) counter(most int64) limit.Counter {
	return limit.Counter{Key: key(), Most: most, Until: w.now().Add(time.Hour)}
}

func (w world) count(t *testing.T, counters ...limit.Counter) ([]int64, int) {
	t.Helper()
	var totals []int64
	var over int
	var err error
	for range 1000 { // see eventually
		if totals, over, err = w.Count(t.Context(), counters...); err == nil {
			return totals, over
		}
	}
	t.Fatal(err)
	return nil, 0
}

func counts(t *testing.T, w world) {
	t.Helper()
	c := w.counter(3)
	for n := range int64(3) {
		if totals, over := w.count(t, c); over != -1 || totals[0] != n+1 {
			t.Fatalf("the %d. gives %v, %d", n+1, totals, over)
		}
	}
	for range 2 {
		if totals, over := w.count(t, c); over != 0 || totals[0] != 3 {
			t.Errorf("the fourth gives %v, %d", totals, over)
		}
	}
}

func countsAll(t *testing.T, w world) {
	t.Helper()
	a, b := w.counter(10), w.counter(1)
	if _, over := w.count(t, a, b); over != -1 {
		t.Fatal(over)
	}
	for range 3 {
		if totals, over := w.count(t, a, b); over != 1 || totals[0] != 1 || totals[1] != 1 {
			t.Fatalf("a full second one gives %v, %d; want it to count in neither", totals, over)
		}
	}
}

func countsBase(t *testing.T, w world) {
	t.Helper()
	c := w.counter(10)
	c.Base = 7
	if totals, _ := w.count(t, c); totals[0] != 8 {
		t.Errorf("after seven: %d", totals[0])
	}
	c.Base = 2 // somebody knows less
	if totals, _ := w.count(t, c); totals[0] != 9 {
		t.Errorf("after eight: %d", totals[0])
	}
	c.Base = 1 << 52 // and somebody more
	if totals, over := w.count(t, c); totals[0] != 1<<52 || over != 0 {
		t.Errorf("after 2^52: %d, %d", totals[0], over)
	}
}

func countsNone(t *testing.T, w world) {
	t.Helper()
	for _, most := range []int64{0, -1} {
		if totals, over := w.count(t, w.counter(most)); over != 0 || totals[0] != 0 {
			t.Errorf("at most %d: %v, %d", most, totals, over)
		}
	}
}

func nothing(t *testing.T, w world) {
	t.Helper()
	if levels, ok := w.take(t, 5); !ok || len(levels) != 0 {
		t.Error("no bucket refuses")
	}
	if totals, over := w.count(t); over != -1 || len(totals) != 0 {
		t.Error("no counter refuses")
	}
}

func jumps(t *testing.T, w world) {
	t.Helper()
	b := limit.Bucket{Key: key(), Rate: 1, Burst: 5}
	w.wantPasses(t, 10, 1, b, 5)
	w.pass(t, 365*24*time.Hour)
	w.wantPasses(t, 10, 1, b, 5)
}
