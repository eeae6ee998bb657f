package cache_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/cache"
)

func TestValuesLiveFromBeforeTheyWereRead(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	c := cache.New[string, int](10, 5*time.Second, func() time.Time { return now })
	reads := 0
	get := func() int {
		v, err := c.Get("a", func() (int, error) {
			reads++
			now = now.Add(2 * time.Second) // a slow read
			return reads, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if first, second := get(), get(); first != 1 || second != 1 {
		t.Error("a fresh value was read again")
	}
	now = now.Add(3 * time.Second) // 5 s after the read began
	if get() != 2 {
		t.Error("an old value was given")
	}
}

func TestAValueReadBeforeAChangeIsNotKeptAfterIt(t *testing.T) {
	t.Parallel()
	c := cache.New[string, int](10, time.Hour, time.Now)
	_, _ = c.Get("a", func() (int, error) {
		c.Forget(func(string) bool { return true })
		return 1, nil
	})
	if v, _ := c.Get("a", func() (int, error) { return 2, nil }); v != 2 {
		t.Error("the value from before the change is still there")
	}
	if v, _ := c.Get("a", func() (int, error) { return 3, nil }); v != 2 {
		t.Error("the value from after the change was not kept")
	}
}

func TestErrorsAreNotKeptAndMemoryIsBounded(t *testing.T) {
	t.Parallel()
	c := cache.New[int, int](100, time.Hour, time.Now)
	if _, err := c.Get(1, func() (int, error) { return 0, errors.New("down") }); err == nil {
		t.Error("an error was swallowed")
	}
	for i := range 1000 {
		if v, err := c.Get(i, func() (int, error) { return i, nil }); v != i || err != nil {
			t.Fatal(v, err)
		}
	}
	kept := 0
	for i := range 1000 {
		if v, _ := c.Get(i, func() (int, error) { return -1, nil }); v == i {
			kept++
		}
	}
	if kept > 100 {
		t.Errorf("%d of at most 100 values are kept", kept)
	}
}
