package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/policy"
)

// How many policies an organisation has at most, and how often the sample is asked.
const (
	samplePolicies = 50
	decisionRounds = 20_000
	decisionTarget = 15 * time.Microsecond
)

// decisions measures one decision about a row in an organisation with as many policies as it can have, from the row to the
// answer: entities, context and evaluation. The median is what the code takes; the 99th percentile has the machine's noise.
func decisions(ctx context.Context, _ options, _ *server, results *table) error {
	say("decisions ...")
	ask, err := policy.Sample(samplePolicies)
	if err != nil {
		return err
	}
	took := make([]time.Duration, decisionRounds)
	for n := range took {
		began := time.Now()
		if !ask() {
			return errors.New("the sample's question is refused")
		}
		took[n] = time.Since(began)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	took = took[decisionRounds/10:] // the first ones warm up
	results.add(row{
		what: fmt.Sprintf("decision with %d policies, median (p99)", samplePolicies),
		ours: fmt.Sprintf("%.1f us (%.1f us)", micros(median(took)), micros(percentile(took, 0.99))), target: "< 15 us",
		met: median(took) < decisionTarget,
	})
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
