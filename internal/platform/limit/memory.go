package limit

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// Memory is a Limiter of one process. It forgets the buckets and counters that were used longest ago: a bucket that is
// not asked is soon full in any case.
type Memory struct {
	now func() time.Time

	mu       sync.Mutex
	buckets  *simplelru.LRU[string, *rate.Limiter]
	counters *simplelru.LRU[string, int64]
}

// NewMemory returns a Memory of at most size buckets and as many counters. now is the clock.
func NewMemory(size int, now func() time.Time) *Memory {
	size = max(1, size)
	buckets, _ := simplelru.NewLRU[string, *rate.Limiter](size, nil) // it fails for a size below one only
	counters, _ := simplelru.NewLRU[string, int64](size, nil)
	return &Memory{now: now, buckets: buckets, counters: counters}
}

// Take fulfils Limiter. It does not fail.
func (m *Memory) Take(_ context.Context, weight int64, buckets ...Bucket) (levels []Level, ok bool, err error) {
	now := m.now()
	levels = make([]Level, 0, len(buckets))
	for _, b := range buckets {
		b, cost := norm(b, weight)
		if closed(b) {
			return append(levels, Level{Retry: never, Full: never}), false, nil
		}
		l := m.bucket(b, now)
		taken := l.AllowN(now, int(cost))
		left := l.TokensAt(now)
		level := Level{Left: max(0, int64(left)), Full: after(float64(b.Burst)-left, b.Rate)}
		if !taken {
			level.Retry = max(after(float64(cost)-left, b.Rate), 1)
			return append(levels, level), false, nil
		}
		levels = append(levels, level)
	}
	return levels, true, nil
}

// bucket finds or makes a bucket and gives it the limits that it has now.
func (m *Memory) bucket(b Bucket, now time.Time) *rate.Limiter {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.buckets.Get(b.Key)
	if !ok {
		l = rate.NewLimiter(rate.Limit(b.Rate), int(b.Burst))
		m.buckets.Add(b.Key, l)
		return l
	}
	if l.Limit() != rate.Limit(b.Rate) {
		l.SetLimitAt(now, rate.Limit(b.Rate))
	}
	if l.Burst() != int(b.Burst) {
		l.SetBurstAt(now, int(b.Burst))
	}
	return l
}

// Count fulfils Limiter. It does not fail.
func (m *Memory) Count(_ context.Context, counters ...Counter) (totals []int64, over int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	totals, over = make([]int64, len(counters)), -1
	for i, c := range counters {
		counted, _ := m.counters.Get(c.Key)
		totals[i] = max(counted, c.Base)
		if over < 0 && totals[i] >= c.Most {
			over = i
		}
	}
	if over >= 0 {
		return totals, over, nil
	}
	for i, c := range counters {
		totals[i]++
		m.counters.Add(c.Key, totals[i])
	}
	return totals, -1, nil
}
