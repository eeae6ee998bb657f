package throttle_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func rule() throttle.Rule {
	return throttle.Rule{Free: 2, First: time.Second, Max: 4 * time.Second, Forget: time.Minute}
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func start(size int) (*throttle.Throttle, *clock) {
	c := &clock{now: time.Unix(1_000_000, 0)}
	return throttle.New(size, c.Now), c
}

func TestWaitsGrowAndAreForgotten(t *testing.T) {
	t.Parallel()
	th, c := start(10)
	ada := throttle.Key{Name: "ada", Rule: rule()}
	for i, want := range []time.Duration{0, 0, 0, time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second} {
		if got := th.Try(ada); got != want {
			t.Fatalf("try %d: wait %v, want %v", i, got, want)
		} else if got > 0 {
			c.now = c.now.Add(got)
			if again := th.Try(ada); again != 0 {
				t.Fatalf("try %d: wait %v after waiting", i, again)
			}
		}
	}
	if got := th.Try(throttle.Key{Name: "bob", Rule: rule()}); got != 0 {
		t.Errorf("another account waits %v", got)
	}
	c.now = c.now.Add(2 * time.Minute)
	for range 3 {
		if got := th.Try(ada); got != 0 {
			t.Errorf("after a long pause: wait %v", got)
		}
	}
}

func TestARefusedTryDoesNotCountAndARightOneIsForgiven(t *testing.T) {
	t.Parallel()
	th, c := start(10)
	account, address := throttle.Key{Name: "account", Rule: rule()}, throttle.Key{Name: "address", Rule: throttle.Rule{Free: 100, Forget: time.Minute}}
	for range 50 {
		if th.Try(account, address) != 0 {
			t.Fatal("a right try waited")
		}
		th.Forgive(account, address)
	}
	for range 3 {
		th.Try(account, address)
	}
	for range 1000 {
		if th.Try(account, address) == 0 {
			t.Fatal("a try passed inside the wait")
		}
	}
	if th.Try(address) != 0 {
		t.Error("refused tries were counted for the address")
	}
	th.Reset(account)
	if th.Try(account) != 0 {
		t.Error("a reset key waits")
	}
	_ = c
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	th, _ := start(100)
	first := throttle.Key{Name: "first", Rule: throttle.Rule{Free: 0, First: time.Hour, Max: time.Hour, Forget: time.Hour}}
	th.Try(first)
	if th.Try(first) == 0 {
		t.Fatal("not counted")
	}
	for i := range 100 {
		th.Try(throttle.Key{Name: strconv.Itoa(i), Rule: rule()})
	}
	if th.Try(first) != 0 {
		t.Error("the oldest of 101 keys is still there")
	}
}
