package throttle_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/throttle"
	"github.com/cloudkida/cloudkida/internal/platform/valkey"
	"github.com/cloudkida/cloudkida/internal/platform/valkey/redistest"
)

// node is a throttle of a process that shares a real server with others; fell counts what the server did not answer.
func node(t *testing.T, url string, c *clock, fell *int) *throttle.Throttle {
	t.Helper()
	m, err := valkey.Open(url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return throttle.In(&throttle.Shared{Memory: m, Fell: func(error) { *fell++ }}, "test", 100, c.Now)
}

// Whoever guesses at several processes waits as if there were one.
func TestGuessesAreCountedOnceAmongAllProcesses(t *testing.T) {
	t.Parallel()
	server, c, fell := redistest.Start(t), &clock{now: time.Unix(1_000_000, 0)}, 0
	one, two := node(t, server.URL, c, &fell), node(t, server.URL, c, &fell)
	ada := throttle.Key{Name: "ada", Rule: rule()}
	for i, th := range []*throttle.Throttle{one, two, one} {
		if got := th.Try(ada); got != 0 {
			t.Fatalf("try %d waits %v", i, got)
		}
	}
	for _, th := range []*throttle.Throttle{one, two} {
		if got, still := th.Wait(ada), th.Try(ada); got != time.Second || still != time.Second {
			t.Errorf("it waits %v, then %v; want a second", got, still)
		}
	}
	other := throttle.In(nil, "other", 10, c.Now)
	if got := other.Try(ada); got != 0 {
		t.Errorf("a throttle that shares nothing waits %v", got)
	}
	c.now = c.now.Add(time.Second)
	if got := two.Try(ada); got != 0 {
		t.Errorf("after the wait it waits %v", got)
	}
	two.Reset(ada)
	if got := one.Try(ada); got != 0 || fell != 0 {
		t.Errorf("after a reset it waits %v; the server did not answer %d times", got, fell)
	}
}

// Both ways to count say the same to the same tries, so that it does not matter which one answers.
func TestBothWaysToCountAgree(t *testing.T) {
	t.Parallel()
	c, fell := &clock{now: time.Unix(1_000_000, 0)}, 0
	shared, alone := node(t, redistest.Start(t).URL, c, &fell), throttle.New(100, c.Now)
	keys := []throttle.Key{
		{Name: "account", Rule: rule()},
		{Name: "pool", Rule: throttle.Rule{Free: 3, First: 100 * time.Millisecond, Max: time.Second, Forget: time.Hour, Heal: 20 * time.Second}},
		{Name: "free", Rule: throttle.Rule{Free: 1000, Forget: time.Minute}},
	}
	steps := []time.Duration{0, 0, 0, 0, time.Second, 0, 2 * time.Second, 4 * time.Second, 3 * time.Second, 20 * time.Second, 90 * time.Second, 0, 0, 0, time.Hour + time.Minute, 0, 0, 0, 0}
	for i, step := range steps {
		c.now = c.now.Add(step)
		if a, b := shared.Try(keys...), alone.Try(keys...); a != b {
			t.Errorf("step %d: shared waits %v, alone %v", i, a, b)
		}
		if i%5 == 4 {
			shared.Forgive(keys[1:]...)
			alone.Forgive(keys[1:]...)
		}
		for _, k := range keys {
			if a, b := shared.Wait(k), alone.Wait(k); a != b {
				t.Errorf("step %d: %s: shared waits %v, alone %v", i, k.Name, a, b)
			}
		}
	}
	if fell != 0 {
		t.Errorf("the server did not answer %d times", fell)
	}
}

// While the server is away each process counts by itself: nobody is let guess without end, and nobody is kept out.
func TestEachProcessCountsAloneWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	server, c, fell := redistest.Start(t), &clock{now: time.Unix(1_000_000, 0)}, 0
	one, two := node(t, server.URL, c, &fell), node(t, server.URL, c, &fell)
	server.Stop()
	ada := throttle.Key{Name: "ada", Rule: rule()}
	for range 3 {
		if one.Try(ada) != 0 {
			t.Fatal("it waits at once")
		}
	}
	if got := one.Try(ada); got != time.Second {
		t.Errorf("it waits %v, want a second", got)
	}
	if got := two.Try(ada); got != 0 || fell == 0 {
		t.Errorf("another process waits %v; %d questions fell back", got, fell)
	}
}

// A clock that is an hour off, of this process or of another one, keeps nobody out for longer than their failures cost.
func TestAWrongClockKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	right, ahead, fell := &clock{now: time.Unix(1_000_000, 0)}, &clock{now: time.Unix(1_003_600, 0)}, 0
	url := redistest.Start(t).URL
	one, other := node(t, url, ahead, &fell), node(t, url, right, &fell)
	set := throttle.New(100, ahead.Now) // in one process, whose clock is set back below
	ada := throttle.Key{Name: "ada", Rule: rule()}
	for _, th := range []*throttle.Throttle{one, set} {
		if got := th.Try(ada); got != 0 {
			t.Fatalf("the first try waits %v", got)
		}
	}
	ahead.now = right.now
	for name, th := range map[string]*throttle.Throttle{"another process": other, "the same, set back": set} {
		if wait, try := th.Wait(ada), th.Try(ada); wait != 0 || try != 0 {
			t.Errorf("%s: it waits %v, then %v", name, wait, try)
		}
	}
}
