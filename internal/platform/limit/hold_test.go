package limit_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloudkida/cloudkida/internal/platform/limit"
	"github.com/cloudkida/cloudkida/internal/platform/valkey/redistest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// What every Holder does, of one process or of all.
func TestHolders(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(t *testing.T) limit.Holder{
		"memory": func(*testing.T) limit.Holder { return limit.NewMemoryHolds() },
		"shared": func(t *testing.T) limit.Holder {
			t.Helper()
			return limit.NewSharedHolds(open(t, redistest.Start(t).URL), quiet())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := fresh(t)
			ada, bob, all := limit.Hold{Key: "ada", Most: 2}, limit.Hold{Key: "bob", Most: 2}, limit.Hold{Key: "all", Most: 3}
			take := func(want int, of ...limit.Hold) func() {
				t.Helper()
				done, full, err := h.Take(t.Context(), of...)
				if err != nil || full != want {
					t.Errorf("full %d, %v; want %d", full, err, want)
				}
				return done
			}
			first := take(-1, ada, all)
			take(-1, ada, all)
			take(0, ada, all) // takes nothing of all
			take(-1, bob, all)
			take(1, bob, all) // takes nothing of bob
			first()
			first() // once is enough
			second := take(-1, bob, all)
			take(0, bob, all)
			second()
			take(-1, bob, all)
			take(0, limit.Hold{Key: "none", Most: 0})
			take(-1)
			var passed atomic.Int64
			var many sync.WaitGroup
			for range 50 {
				many.Go(func() {
					if _, full, err := h.Take(context.Background(), limit.Hold{Key: "crowd", Most: 7}); err == nil && full < 0 {
						passed.Add(1)
					}
				})
			}
			if many.Wait(); passed.Load() != 7 {
				t.Errorf("%d passed at once, want 7", passed.Load())
			}
		})
	}
}

// Processes count together; what one held that is gone is free again, what one holds and renews is not, and a server that lost
// everything hears of it again.
func TestHoldsAreOfAllProcesses(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	m := open(t, server.URL)
	one, two := limit.NewSharedHolds(m, quiet()), limit.NewSharedHolds(open(t, server.URL), quiet())
	stream := limit.Hold{Key: "stream", Most: 2}
	full := func(h *limit.SharedHolds) int {
		t.Helper()
		_, full, err := h.Take(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		return full
	}
	if full(one) != -1 || full(two) != -1 || full(one) != 0 || full(two) != 0 {
		t.Error("two processes do not count together")
	}
	ended := func() { // all holds end now
		t.Helper()
		ids, err := m.Client.ZRange(t.Context(), "hold:stream", 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if err := m.Client.ZAddXX(t.Context(), "hold:stream", redis.Z{Score: 0, Member: id}).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	ended()
	if err := one.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if full(two) != -1 || full(two) != 0 {
		t.Error("what one process renewed was freed, or what the other one did not was kept")
	}
	if err := m.Client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := one.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if full(two) != -1 || full(two) != 0 {
		t.Error("a server that lost everything does not hear of what goes on")
	}
	if left := m.Client.PTTL(t.Context(), "hold:stream").Val(); left <= 0 || left > time.Minute {
		t.Errorf("what nobody renews stays for %v", left)
	}
}

// While the server is away each process counts by itself.
func TestHoldsFallBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var fell int
	h := limit.FallbackHolds{First: limit.NewSharedHolds(open(t, server.URL), quiet()), Then: limit.NewMemoryHolds(), Fell: func(error) { fell++ }}
	server.Stop()
	stream := limit.Hold{Key: "stream", Most: 1}
	done, full, err := h.Take(t.Context(), stream)
	if err != nil || full != -1 || fell == 0 {
		t.Fatal(full, err, fell)
	}
	if _, full, err := h.Take(t.Context(), stream); err != nil || full != 0 {
		t.Error(full, err)
	}
	done()
	if _, full, err := h.Take(t.Context(), stream); err != nil || full != -1 {
		t.Error(full, err)
	}
}
