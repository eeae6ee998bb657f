package cache_test

import (
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/cache"
)

func TestRecentKeepsWhatIsUsedAndNeverMoreThanItsBound(t *testing.T) {
	t.Parallel()
	const size = 10
	r := cache.NewRecent[int, int](size)
	r.Put(-1, 42)
	for i := range 100 * size {
		r.Put(i, i)
		if v, ok := r.Get(-1); !ok || v != 42 {
			t.Fatalf("after %d others, what is used all the time is %d, %t", i, v, ok)
		}
		if n := r.Len(); n > 2*size {
			t.Fatalf("%d values are kept, want %d at most", n, 2*size)
		}
	}
	if _, ok := r.Get(0); ok {
		t.Error("what was not used for long is kept")
	}
	r.Drop(-1)
	if _, ok := r.Get(-1); ok {
		t.Error("what was dropped is kept")
	}
}
