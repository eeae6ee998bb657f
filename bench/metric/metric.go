// Package metric reads what the program measures of itself, and what the system says of its memory.
package metric

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Spread is how many of some durations were at most so long.
type Spread []struct {
	most  time.Duration
	count uint64 // also of the shorter ones
}

// Read reads a histogram of seconds from the ops listener at address.
func Read(ctx context.Context, address, name string) (list Spread, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/metrics", address), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	family := families[name]
	if family == nil || len(family.GetMetric()) != 1 {
		return nil, fmt.Errorf("the program has no metric %s", name)
	}
	return spreadOf(family.GetMetric()[0].GetHistogram()), nil
}

func spreadOf(h *dto.Histogram) Spread {
	var list Spread
	for _, b := range h.GetBucket() {
		list = append(list, struct {
			most  time.Duration
			count uint64
		}{time.Duration(b.GetUpperBound() * float64(time.Second)), b.GetCumulativeCount()})
	}
	return list
}

// Since leaves out what there was before.
func (s Spread) Since(before Spread) Spread {
	left := make(Spread, len(s))
	copy(left, s)
	for i := range before {
		left[i].count -= before[i].count
	}
	return left
}

// Median is where half of the durations are, by a straight line within their bucket.
func (s Spread) Median() time.Duration {
	if len(s) == 0 {
		return 0
	}
	half := float64(s[len(s)-1].count) / 2
	var low time.Duration
	var below uint64
	for _, b := range s {
		if b.count > 0 && float64(b.count) >= half {
			return low + time.Duration(float64(b.most-low)*(half-float64(below))/float64(b.count-below))
		}
		low, below = b.most, b.count
	}
	return low
}
