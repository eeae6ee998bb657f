package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/bench/load"
)

// What one organisation does beside the other: rates of all its people together.
const (
	noisyTimes   = 50 // its plan's rate
	noisyPeople  = 16
	quietShare   = 0.8 // of its plan's rate
	quietPeople  = 8
	noisyRounds  = 5
	noisyTime    = 2 * time.Second
	noisyWarm    = 500 * time.Millisecond
	noisyTarget  = 1.5 // of what the other waits when it is alone
	noisyRequest = "/v1/labs/bench-prompt"
)

// noisy measures what one organisation feels while another one asks many times as often as its plan allows.
func noisy(ctx context.Context, _ options, s *server, results *table) error {
	operator, err := s.signUp(ctx)
	if err != nil {
		return err
	}
	noise, rate, err := s.neighbour(ctx, operator, "noisy", "basic", noisyPeople)
	if err != nil {
		return err
	}
	noise.Rate = noisyTimes * rate
	quiet, rate, err := s.neighbour(ctx, operator, "quiet", "premium", quietPeople)
	if err != nil {
		return err
	}
	quiet.Rate = int64(quietShare * float64(rate))
	say("an organisation beside one that asks %d times a second ...", noise.Rate)
	var with, without, answered load.Result
	for range noisyRounds {
		if err := listen(ctx, &without, quiet, nil, nil); err != nil {
			return err
		}
		if err := listen(ctx, &with, quiet, &answered, &noise); err != nil {
			return err
		}
	}
	if without.Limited+with.Limited > 0 {
		return fmt.Errorf("the quiet organisation was limited %d times", without.Limited+with.Limited)
	}
	took := (noisyRounds * noisyTime).Seconds()
	results.add(row{
		what: fmt.Sprintf("noisy neighbour: its requests/s (%d offered), answered", noise.Rate), ours: fmt.Sprintf("%.0f", float64(len(answered.Times))/took),
		peer: fmt.Sprintf("told to wait %.0f", float64(answered.Limited)/took),
	})
	results.add(row{
		what: "p50 of another organisation's requests beside it", ours: millis(median(with.Times)), peer: "alone " + millis(median(without.Times)),
		ratio: times(ratio(median(with.Times), median(without.Times))),
	})
	p99, alone := percentile(with.Times, 0.99), percentile(without.Times, 0.99)
	results.add(row{
		what: fmt.Sprintf("p99 of another organisation's requests beside it (%d/s)", quiet.Rate), ours: millis(p99), peer: "alone " + millis(alone),
		ratio: times(ratio(p99, alone)), target: fmt.Sprintf("<= %.1f x", noisyTarget), met: ratio(p99, alone) <= noisyTarget,
	})
	return nil
}

// neighbour makes an organisation whose people ask, and returns what its plan allows all of them together in a second.
func (s *server) neighbour(ctx context.Context, operator *client, name, tier string, people int) (job load.Job, rate int64, err error) {
	tenant, tokens, err := s.organisation(ctx, name+"-"+uuid.NewString()[:8], tier, people)
	if err != nil {
		return job, 0, err
	}
	limits, err := operator.limits(ctx, tenant)
	if err != nil {
		return job, 0, err
	}
	if limits["rate"] == 0 {
		return job, 0, fmt.Errorf("the tier %s has no rate", tier)
	}
	return load.Job{URL: s.url + noisyRequest, Tokens: tokens, Connections: people, Warm: noisyWarm, For: noisyTime}, limits["rate"], nil
}

// listen measures the quiet organisation once, beside the noise if there is any, and adds to what was found before.
func listen(ctx context.Context, quiet *load.Result, job load.Job, heard *load.Result, noise *load.Job) (err error) {
	if noise != nil {
		wait, err := load.Start(ctx, "--load", *noise)
		if err != nil {
			return err
		}
		defer func() {
			r, failed := wait()
			heard.Times, heard.Limited = append(heard.Times, r.Times...), heard.Limited+r.Limited
			err = errors.Join(err, failed)
		}()
	}
	wait, err := load.Start(ctx, "--load", job)
	if err != nil {
		return err
	}
	r, err := wait()
	quiet.Times, quiet.Limited = append(quiet.Times, r.Times...), quiet.Limited+r.Limited
	return err
}
