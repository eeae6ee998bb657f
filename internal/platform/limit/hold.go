package limit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/cloudkida/cloudkida/internal/platform/valkey"
)

// Hold bounds how many of something may go on at once, such as streams of one person.
type Hold struct {
	Key  string
	Most int64
}

// Holder counts what goes on.
type Holder interface {
	// Take takes one of each, or none: full is the first that has none left, or -1. What was taken is given back by done,
	// which can be called more than once; it is never nil.
	Take(ctx context.Context, of ...Hold) (done func(), full int, err error)
}

// MemoryHolds count what goes on in one process. What ends without a word, such as with its process, is never counted any more.
type MemoryHolds struct {
	mu   sync.Mutex
	open map[string]int64
}

// NewMemoryHolds returns MemoryHolds of nothing.
func NewMemoryHolds() *MemoryHolds { return &MemoryHolds{open: map[string]int64{}} }

// Take fulfils Holder. It does not fail.
func (h *MemoryHolds) Take(_ context.Context, of ...Hold) (done func(), full int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, x := range of {
		if h.open[x.Key] >= x.Most {
			return func() {}, i, nil
		}
	}
	for _, x := range of {
		h.open[x.Key]++
	}
	return sync.OnceFunc(func() { h.giveBack(of) }), -1, nil
}

func (h *MemoryHolds) giveBack(of []Hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range of {
		if h.open[x.Key]--; h.open[x.Key] <= 0 {
			delete(h.open, x.Key)
		}
	}
}

// How long a hold of all processes lasts when nobody renews it, and how often it is renewed: what a process held that was
// killed is free again after holdLife.
const (
	holdLife   = time.Minute
	holdEvery  = 15 * time.Second
	renewBatch = 500 // holds in one round trip
)

// SharedHolds count what goes on in all processes that use the same memory.
type SharedHolds struct {
	Memory *valkey.Memory
	Log    *slog.Logger

	take *redis.Script
	mu   sync.Mutex
	open map[string][]Hold // by the id of what was taken
}

// NewSharedHolds returns SharedHolds; Run keeps what they hold.
func NewSharedHolds(m *valkey.Memory, log *slog.Logger) *SharedHolds {
	return &SharedHolds{Memory: m, Log: log, take: redis.NewScript(takeHolds), open: map[string][]Hold{}}
}

// takeHolds takes one of each key or none. A key is a set of ids by the time at which they end. Its arguments are the id, the
// life of a hold in milliseconds, and of each key how many there may be. The clock is the server's own: those of processes
// differ.
const takeHolds = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if redis.call('ZCARD', key) >= tonumber(ARGV[i + 2]) then return i - 1 end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2])
end
return -1`

// renewHolds puts off the end of ids, one of each key, whether they are still there or not: the server may have lost them.
const renewHolds = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[1], ARGV[i + 1])
  redis.call('PEXPIRE', key, ARGV[1])
end
return 0`

// Take fulfils Holder.
func (h *SharedHolds) Take(ctx context.Context, of ...Hold) (done func(), full int, err error) {
	id := uuid.NewString()
	keys, args := make([]string, len(of)), []any{id, holdLife.Milliseconds()}
	for i, x := range of {
		keys[i], args = holdKey(x), append(args, x.Most)
	}
	if len(of) == 0 {
		return func() {}, -1, nil
	}
	err = h.Memory.Do(ctx, func(ctx context.Context) (err error) {
		full, err = h.take.Run(ctx, h.Memory.Client, keys, args...).Int()
		return err
	})
	if err != nil {
		return func() {}, -1, fmt.Errorf("hold in the shared memory: %w", err)
	}
	if full >= 0 {
		return func() {}, full, nil
	}
	h.mu.Lock()
	h.open[id] = of
	h.mu.Unlock()
	return sync.OnceFunc(func() { h.giveBack(context.WithoutCancel(ctx), id) }), -1, nil
}

func holdKey(h Hold) string { return "hold:" + h.Key }

func (h *SharedHolds) giveBack(ctx context.Context, id string) {
	h.mu.Lock()
	of := h.open[id]
	delete(h.open, id)
	h.mu.Unlock()
	err := h.Memory.Do(ctx, func(ctx context.Context) error {
		_, err := h.Memory.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, x := range of {
				p.ZRem(ctx, holdKey(x), id)
			}
			return nil
		})
		return err
	})
	if err != nil { // nobody renews it: it ends by itself
		h.Log.DebugContext(ctx, "give a hold back", "error", err)
	}
}

// Run renews what is held until ctx ends.
func (h *SharedHolds) Run(ctx context.Context) {
	tick := time.NewTicker(holdEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := h.Renew(ctx); err != nil && ctx.Err() == nil {
				h.Log.WarnContext(ctx, "renew what goes on in the shared memory", "error", err)
			}
		}
	}
}

// Renew puts off the end of all that is held, a batch in one round trip.
func (h *SharedHolds) Renew(ctx context.Context) error {
	script := redis.NewScript(renewHolds)
	var keys []string
	var args []any
	send := func() error {
		if len(keys) == 0 {
			return nil
		}
		err := h.Memory.Do(ctx, func(ctx context.Context) error {
			return script.Run(ctx, h.Memory.Client, keys, append([]any{holdLife.Milliseconds()}, args...)...).Err()
		})
		keys, args = nil, nil
		return err
	}
	h.mu.Lock()
	open := make(map[string][]Hold, len(h.open))
	for id, of := range h.open {
		open[id] = of
	}
	h.mu.Unlock()
	for id, of := range open {
		for _, x := range of {
			keys, args = append(keys, holdKey(x)), append(args, id)
		}
		if len(keys) >= renewBatch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// FallbackHolds ask First, and Then where First fails: each process counts by itself while the shared memory is away.
type FallbackHolds struct {
	First, Then Holder
	// Fell is told of every question that First could not answer.
	Fell func(error)
}

// Take fulfils Holder.
func (f FallbackHolds) Take(ctx context.Context, of ...Hold) (done func(), full int, err error) {
	if done, full, err = f.First.Take(ctx, of...); err == nil {
		return done, full, nil
	}
	f.Fell(err)
	return f.Then.Take(ctx, of...)
}
