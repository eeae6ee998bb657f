package limit

import "context"

// Fallback asks First, and Then where First fails: limits hold in each process by itself while the shared memory is away,
// and nobody is refused for it.
type Fallback struct {
	First, Then Limiter
	// Fell is told of every question that First could not answer.
	Fell func(error)
}

// Take fulfils Limiter.
func (f Fallback) Take(ctx context.Context, weight int64, buckets ...Bucket) (levels []Level, ok bool, err error) {
	if levels, ok, err = f.First.Take(ctx, weight, buckets...); err == nil {
		return levels, ok, nil
	}
	f.Fell(err)
	return f.Then.Take(ctx, weight, buckets...)
}

// Count fulfils Limiter.
func (f Fallback) Count(ctx context.Context, counters ...Counter) (totals []int64, over int, err error) {
	if totals, over, err = f.First.Count(ctx, counters...); err == nil {
		return totals, over, nil
	}
	f.Fell(err)
	return f.Then.Count(ctx, counters...)
}
