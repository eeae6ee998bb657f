package limit

import (
	"context"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/cloudkida/cloudkida/internal/platform/valkey"
)

// Shared is a Limiter of all processes that use the same memory. Its buckets are redis_rate's.
type Shared struct {
	memory  *valkey.Memory
	buckets *redis_rate.Limiter
	count   *redis.Script
}

// NewShared returns the limiter of a shared memory.
func NewShared(memory *valkey.Memory) *Shared {
	return &Shared{memory: memory, buckets: redis_rate.NewLimiter(memory.Client), count: redis.NewScript(count)}
}

// Take fulfils Limiter.
func (s *Shared) Take(ctx context.Context, weight int64, buckets ...Bucket) (levels []Level, ok bool, err error) {
	levels, ok = make([]Level, 0, len(buckets)), true
	err = s.memory.Do(ctx, func(ctx context.Context) error {
		for _, b := range buckets {
			b, cost := norm(b, weight)
			if closed(b) {
				levels, ok = append(levels, Level{Retry: never, Full: never}), false
				return nil
			}
			limit := redis_rate.Limit{Rate: int(b.Rate), Burst: int(b.Burst), Period: time.Second}
			got, err := s.buckets.AllowN(ctx, b.Key, limit, int(cost))
			if err != nil {
				return fmt.Errorf("ask a shared bucket: %w", err)
			}
			level := Level{Left: int64(got.Remaining), Full: got.ResetAfter}
			if got.Allowed == 0 {
				level.Retry = max(got.RetryAfter, 1)
				levels, ok = append(levels, level), false
				return nil
			}
			levels = append(levels, level)
		}
		return nil
	})
	return levels, ok, err
}

// count counts in all counters or in none, so it looks at all of them first. Its answer begins with the number of the
// first one that is full, from 0, or with -1.
const count = `
local totals, over = {-1}, -1
for i, key in ipairs(KEYS) do
  local most, base = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1])
  totals[i + 1] = math.max(tonumber(redis.call('GET', key) or '0'), base)
  if over < 0 and totals[i + 1] >= most then over = i - 1 end
end
totals[1] = over
if over < 0 then
  for i, key in ipairs(KEYS) do
    totals[i + 1] = totals[i + 1] + 1
    redis.call('SET', key, string.format('%.0f', totals[i + 1]), 'EX', ARGV[3 * i])
  end
end
return totals`

// keepAfter is how long a counter outlives its window: the clocks of processes differ.
const keepAfter = time.Hour

// Count fulfils Limiter.
func (s *Shared) Count(ctx context.Context, counters ...Counter) (totals []int64, over int, err error) {
	if len(counters) == 0 {
		return nil, -1, nil
	}
	keys, args := make([]string, len(counters)), make([]any, 0, 3*len(counters))
	for i, c := range counters {
		keys[i] = "count:" + c.Key
		args = append(args, c.Most, c.Base, int64(max(time.Until(c.Until)+keepAfter, time.Minute)/time.Second))
	}
	var got []int64
	err = s.memory.Do(ctx, func(ctx context.Context) (err error) {
		got, err = s.count.Run(ctx, s.memory.Client, keys, args...).Int64Slice()
		return err
	})
	if err != nil {
		return nil, -1, fmt.Errorf("count in the shared memory: %w", err)
	}
	return got[1:], int(got[0]), nil
}
