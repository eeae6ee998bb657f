package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// started are the times of each way to a prompt.
type started struct{ api, gvisor, runc []time.Duration }

// starts measures from Start to the first byte of the prompt: by the API as a browser does, by the provider alone, and by
// runc. They take turns, so that what else the machine does falls on all of them.
func starts(ctx context.Context, c *client, s *side, runs int, results *table) error {
	say("%d starts of each kind ...", runs)
	var t started
	for range runs + 1 {
		if err := t.once(ctx, c, s); err != nil {
			return err
		}
	}
	api, alone := median(t.api[1:]), median(t.gvisor[1:]) // the first one warms caches
	whole := row{what: "Start (API) to first prompt byte, median", ours: millis(api), target: "< 300 ms, <= 3.5 x", met: api < 300*time.Millisecond}
	share := row{what: "  of it the runtime: gVisor alone", ours: millis(alone)}
	if s.why != "" {
		whole.peer, share.peer = s.why, s.why
		whole.target, whole.met = "< 300 ms", api < 300*time.Millisecond // without the peer there is no ratio to hold
	} else {
		peer := median(t.runc[1:])
		whole.peer, whole.ratio = "runc "+millis(peer), times(ratio(api, peer))
		whole.met = whole.met && ratio(api, peer) <= 3.5
		share.peer, share.ratio = "runc "+millis(peer), times(ratio(alone, peer))
	}
	results.add(whole)
	results.add(row{what: "Start (API) to first prompt byte, p90", ours: millis(percentile(t.api[1:], 0.9))})
	results.add(share)
	return nil
}

func (t *started) once(ctx context.Context, c *client, s *side) error {
	begun := time.Now()
	id, w, err := c.start(ctx)
	if err != nil {
		return fmt.Errorf("start by the API: %w", err)
	}
	t.api = append(t.api, time.Since(begun))
	if err := errors.Join(w.Close(), c.end(ctx, id)); err != nil {
		return err
	}

	begun = time.Now()
	id, w, err = s.gvisor(ctx)
	if err != nil {
		return fmt.Errorf("start by the provider: %w", err)
	}
	t.gvisor = append(t.gvisor, time.Since(begun))
	if err := errors.Join(w.Close(), s.provider.Destroy(ctx, id)); err != nil {
		return err
	}
	if s.why != "" {
		return nil
	}
	return t.container(ctx, s)
}

func (t *started) container(ctx context.Context, s *side) error {
	c, err := s.prepare()
	if err != nil {
		return err
	}
	begun := time.Now()
	w, err := c.start(ctx)
	if err != nil {
		say("runc is left out: %v", err)
		s.why = "runc does not start here"
		return c.remove(ctx)
	}
	t.runc = append(t.runc, time.Since(begun))
	return errors.Join(w.Close(), c.remove(ctx))
}
