// Package limit counts requests against limits: token buckets for how fast they may come, counters for how many there may
// be in a day or a month. There are two implementations, one in the memory of a process and one that all processes share,
// and Fallback, which puts the first in the place of the second while that one is away.
package limit

import (
	"context"
	"math"
	"time"
)

// Bucket is a token bucket: it holds at most Burst tokens and gets Rate of them back each second.
type Bucket struct {
	Key   string // what is limited, such as one person
	Rate  int64
	Burst int64
}

// Level is what a bucket holds after it was asked.
type Level struct {
	Left  int64         // tokens
	Full  time.Duration // until it is full again
	Retry time.Duration // until what was refused would be allowed; 0 for what was
}

// Counter is how many there may be in one window, such as a day.
type Counter struct {
	Key   string // of what and of which window: another window has another key
	Most  int64
	Base  int64     // how many there are already, as far as the caller knows; what is counted here is never less
	Until time.Time // the window's end, when the counter may be forgotten
}

// Limiter is a set of buckets and counters.
type Limiter interface {
	// Take takes weight tokens from each bucket in turn. The first one that has too few ends it; those before it keep what
	// they gave. It returns the level of every bucket that was asked: the refusing one, if any, is the last, and ok is
	// false then. A weight above a bucket's burst takes all of it, so that nothing is refused forever.
	Take(ctx context.Context, weight int64, buckets ...Bucket) (levels []Level, ok bool, err error)
	// Count counts one more in every counter, or in none: over is the first that is full, or -1. It returns what each has.
	Count(ctx context.Context, counters ...Counter) (totals []int64, over int, err error)
}

// Bounds of a bucket, so that no sum of times overflows: whoever has more is not limited in practice.
const (
	maxRate  = 1_000_000
	maxBurst = 10_000_000
	// never is how long to wait for a bucket that gets no tokens.
	never = time.Hour
)

// norm keeps a bucket within the bounds; a weight that could never be given is as much as could.
func norm(b Bucket, weight int64) (Bucket, int64) {
	b.Rate, b.Burst = min(max(b.Rate, 0), maxRate), min(max(b.Burst, 0), maxBurst)
	return b, max(1, min(weight, b.Burst))
}

// closed tells whether a bucket never lets anything pass.
func closed(b Bucket) bool { return b.Rate == 0 || b.Burst == 0 }

// after is how long a bucket takes to get so many tokens.
func after(tokens float64, rate int64) time.Duration {
	return time.Duration(math.Ceil(max(0, tokens) / float64(rate) * float64(time.Second)))
}
