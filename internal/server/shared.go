package server

import (
	"context"
	"fmt"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/limit"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
	"github.com/cloudkida/cloudkida/internal/platform/valkey"
)

// openShared connects to the memory of all processes, if there is one (--redis-url).
func (p *program) openShared() (err error) {
	if p.cfg.RedisURL == "" {
		return nil
	}
	if p.shared, err = valkey.Open(p.cfg.RedisURL, p.log); err != nil {
		return fmt.Errorf("--redis-url: %w", err)
	}
	p.fell = p.metrics.Counter("cloudkida_limit_fallbacks_total", "Questions about limits that the shared memory could not answer.", "part")
	p.metrics.Gauge("cloudkida_shared_memory_up", "Whether the shared memory (--redis-url) is taken for there.", func() float64 {
		if p.shared.Up() {
			return 1
		}
		return 0
	})
	return nil
}

// maxThrottled bounds what a throttle remembers of strangers: keys of about 100 bytes.
const maxThrottled = 100_000

// throttle makes what slows down guessing: among all processes, if they share a memory.
func (p *program) throttle(name string) *throttle.Throttle {
	var shared *throttle.Shared
	if p.shared != nil {
		shared = &throttle.Shared{Memory: p.shared, Fell: func(error) { p.fell("throttles") }}
	}
	return throttle.In(shared, name, maxThrottled, time.Now)
}

// limiters are what counts requests and what counts answers that go on.
func (p *program) limiters() (limit.Limiter, limit.Holder) {
	memory, holds := limit.NewMemory(maxBuckets, time.Now), limit.NewMemoryHolds()
	if p.shared == nil {
		return memory, holds
	}
	p.streams = limit.NewSharedHolds(p.shared, p.log)
	return limit.Fallback{First: limit.NewShared(p.shared), Then: memory, Fell: func(error) { p.fell("requests") }},
		limit.FallbackHolds{First: p.streams, Then: holds, Fell: func(error) { p.fell("streams") }}
}

// keepHolds renews what this process holds until ctx ends.
func (p *program) keepHolds(ctx context.Context) {
	if p.streams != nil {
		p.streams.Run(ctx)
	}
}
