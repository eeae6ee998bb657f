package limit_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/limit"
	"github.com/cloudkida/cloudkida/internal/platform/valkey"
	"github.com/cloudkida/cloudkida/internal/platform/valkey/redistest"
)

func TestMemoryIsBoundedAndForgetsTheOldest(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1000, 0)}
	m := limit.NewMemory(10, c.Now)
	first := limit.Bucket{Key: "first", Rate: 1, Burst: 1}
	take := func(b limit.Bucket) bool { _, ok, _ := m.Take(t.Context(), 1, b); return ok }
	if !take(first) || take(first) {
		t.Fatal("one of one")
	}
	for n := range 9 {
		take(limit.Bucket{Key: strconv.Itoa(n), Rate: 1, Burst: 1})
	}
	if take(first) {
		t.Error("one of the last ten was forgotten")
	}
	for n := range 10 {
		take(limit.Bucket{Key: strconv.Itoa(n), Rate: 1, Burst: 1})
	}
	if !take(first) {
		t.Error("the oldest of eleven is still there")
	}
}

func TestAClockThatGoesBackGivesNothing(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1_000_000, 0)}
	m := limit.NewMemory(10, c.Now)
	b := limit.Bucket{Key: "a", Rate: 1, Burst: 5}
	for n := range 20 {
		_, ok, _ := m.Take(t.Context(), 1, b)
		if ok != (n < 5) {
			t.Fatalf("the %d. passes: %t", n+1, ok)
		}
		c.now = c.now.Add(-time.Hour)
	}
}

// All of a burst and no more passes, however many ask at once.
func TestManyAtOncePassOnce(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1000, 0)}
	for name, l := range map[string]limit.Limiter{"memory": limit.NewMemory(10, c.Now), "redis": onRedis(t).Limiter} {
		counter := limit.Counter{Key: key(), Most: 50, Until: time.Now().Add(time.Hour)}
		var group sync.WaitGroup
		var mu sync.Mutex
		passed := 0
		for range 8 {
			group.Go(func() {
				for range 25 {
					_, over, err := l.Count(t.Context(), counter)
					for err != nil && t.Context().Err() == nil {
						_, over, err = l.Count(t.Context(), counter)
					}
					if over < 0 {
						mu.Lock()
						passed++
						mu.Unlock()
					}
				}
			})
		}
		group.Wait()
		// Where an answer came too late, it was counted all the same.
		if passed > 50 || name == "memory" && passed != 50 {
			t.Errorf("%s: %d of 50 passed", name, passed)
		}
	}
}

// away is what limits do while the server is away: each process goes by its own, quickly, and says so once; and by the
// server's again when it is back.
func TestAServerThatIsAwayRefusesNobody(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var log strings.Builder
	m, err := valkey.Open(server.URL, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fell := 0
	c := &clock{now: time.Unix(1000, 0)}
	l := limit.Fallback{First: limit.NewShared(m), Then: limit.NewMemory(10, c.Now), Fell: func(error) { fell++ }}
	b := limit.Bucket{Key: "a", Rate: 1, Burst: 1000}
	take := func() bool {
		_, ok, err := l.Take(t.Context(), 1, b)
		return ok && err == nil
	}
	for deadline := time.Now().Add(30 * time.Second); !take() || fell > 0; fell = 0 {
		if time.Now().After(deadline) {
			t.Fatal("the server is never used")
		}
	}
	server.Stop()
	for range 100 {
		if !take() {
			t.Fatal("somebody was refused because the server is away")
		}
		if _, over, err := l.Count(t.Context(), limit.Counter{Key: "n", Most: 1000, Until: time.Now().Add(time.Hour)}); over >= 0 || err != nil {
			t.Fatal("somebody was not counted because the server is away", err)
		}
	}
	if fell != 200 || m.Up() {
		t.Errorf("%d of 200 fell back; taken for there: %t", fell, m.Up())
	}
	server.Start()
	for deadline := time.Now().Add(30 * time.Second); !m.Up(); {
		take()
		if time.Now().After(deadline) {
			t.Fatal("the server is back, but not used")
		}
	}
	if strings.Count(log.String(), "is away") < 1 || !strings.Contains(log.String(), "there again") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestARequestThatEndsIsNotTheServersFault(t *testing.T) {
	t.Parallel()
	m := open(t, redistest.Start(t).URL)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	l := limit.NewShared(m)
	for range 10 {
		if _, _, err := l.Take(ended, 1, limit.Bucket{Key: "a", Rate: 1, Burst: 1}); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, want that it was ended", err)
		}
	}
	if !m.Up() {
		t.Error("requests that ended closed the way to the server")
	}
}

func TestAddressesOfServers(t *testing.T) {
	t.Parallel()
	for url, right := range map[string]bool{
		"redis://localhost:6379/1": true, "rediss://u:p@cache.example.com": true, "unix:///run/redis.sock": true,
		"": false, "localhost:6379": false, "https://example.com": false, "redis://h/x": false,
	} {
		if _, err := valkey.Parse(url); (err == nil) != right {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := valkey.Parse("redis://:secret@host:port"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the message shows the password: %v", err)
	}
}
