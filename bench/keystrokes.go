package main

import (
	"context"
	"errors"
	"time"
)

// keystrokes measures from a key to its echo: through WebSocket, server and agent, and with the agent alone.
func keystrokes(ctx context.Context, c *client, s *side, count int, results *table) (err error) {
	say("%d keystrokes ...", count)
	id, w, err := c.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close(), c.end(ctx, id)) }()
	whole, err := typeKeys(w, count)
	if err != nil {
		return err
	}
	beside, direct, err := s.gvisor(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, direct.Close(), s.provider.Destroy(ctx, beside)) }()
	alone, err := typeKeys(direct, count)
	if err != nil {
		return err
	}
	p50, peer := median(whole), median(alone)
	results.add(row{
		what: "keystroke echo, p50", ours: millis(p50), peer: "agent alone " + millis(peer), ratio: times(ratio(p50, peer)),
		target: "< 2 ms", met: p50 < 2*time.Millisecond,
	})
	results.add(row{what: "keystroke echo, p99", ours: millis(percentile(whole, 0.99)), peer: "agent alone " + millis(percentile(alone, 0.99))})
	return nil
}

// typeKeys types letters, and clears the line before it wraps.
func typeKeys(w wire, count int) ([]time.Duration, error) {
	const (
		line      = 40
		clearLine = 21 // Ctrl-U
		pause     = 5 * time.Millisecond
	)
	t := &typist{wire: w}
	if _, err := t.key('x'); err != nil { // also reads what is left of the prompt
		return nil, err
	}
	var taken []time.Duration
	tick := time.NewTicker(pause) // as people type: nothing else of ours is under way
	defer tick.Stop()
	for i := range count {
		if i%line == 0 {
			if _, err := t.key(clearLine); err != nil {
				return nil, err
			}
			<-tick.C
		}
		took, err := t.key(byte('a' + i%26))
		if err != nil {
			return nil, err
		}
		taken = append(taken, took)
		<-tick.C
	}
	return taken, nil
}
