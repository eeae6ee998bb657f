package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cloudkida/cloudkida/bench/trail"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

// What audit entries may cost the writes of one organisation, 8 at once.
const (
	trailRounds = 5
	trailTime   = 2 * time.Second
	trailFill   = 20_000
	trailSealed = 0.9 // writes while the log is sealed, of those while it is not
	trailChain  = 2.0 // times the writes of a chain within their transactions
)

// trails measures writes with and without their audit entries, beside the sealer and beside what would stand in its place, and
// the sealer. Rounds take turns, so that all meet the same machine.
func trails(ctx context.Context, _ options, s *server, results *table) error {
	say("audit entries ...")
	t, err := s.trail(ctx)
	if err != nil {
		return err
	}
	defer t.Close()
	var plain, recorded, sealed, chained, one []time.Duration
	for range trailRounds {
		for _, m := range []struct {
			into    *[]time.Duration
			write   trail.Write
			writers int
			seals   bool
		}{
			{&plain, t.Plain(), trail.Writers, false}, {&recorded, t.Recorded(), trail.Writers, false}, {&sealed, t.Recorded(), trail.Writers, true},
			{&chained, t.Chained(), trail.Writers, false}, {&one, t.Recorded(), 1, false},
		} {
			write := func() error {
				times, err := t.Times(m.write, m.writers, trailTime)
				*m.into = append(*m.into, times...)
				return err
			}
			if _, _, err := t.Seal(); err != nil { // what the round before left is not this one's burden
				return err
			}
			round := write
			if m.seals {
				round = func() error { return t.Sealed(write) }
			}
			if err := round(); err != nil {
				return err
			}
		}
	}
	compareTrails(results, plain, recorded, sealed, chained, one)
	return sealing(t, float64(len(recorded))/(trailRounds*trailTime).Seconds(), results)
}

func compareTrails(results *table, plain, recorded, sealed, chained, one []time.Duration) {
	rate := func(list []time.Duration) string {
		return fmt.Sprintf("%.0f/s, p50 %s, p99 %s", float64(len(list))/(trailRounds*trailTime).Seconds(), millis(median(list)), millis(percentile(list, 0.99)))
	}
	share := func(ours, peer []time.Duration) float64 { return float64(len(ours)) / float64(len(peer)) }
	what := func(text string) string {
		return fmt.Sprintf("writes of one tenant, %d at once, %s", trail.Writers, text)
	}
	results.add(row{what: what("with audit entry"), ours: rate(recorded), peer: "without " + rate(plain), ratio: times(share(recorded, plain))})
	results.add(row{
		what: what("while its log is sealed"), ours: rate(sealed), peer: "not sealed " + rate(recorded), ratio: times(share(sealed, recorded)),
		target: fmt.Sprintf(">= %.1f x", trailSealed), met: share(sealed, recorded) >= trailSealed,
	})
	results.add(row{
		what: what("sealed afterwards"), ours: rate(sealed), peer: "chained in the write " + rate(chained), ratio: times(share(sealed, chained)),
		target: fmt.Sprintf(">= %.1f x", trailChain), met: share(sealed, chained) >= trailChain,
	})
	results.add(row{what: what("with audit entry"), ours: rate(recorded), peer: "one at a time " + rate(one), ratio: times(share(recorded, one))})
}

// sealing measures how fast the sealer takes from the queue, beside how fast one organisation fills it.
func sealing(t *trail.Trail, written float64, results *table) error {
	if err := t.Fill(trailFill); err != nil {
		return err
	}
	n, took, err := t.Seal()
	if err != nil {
		return err
	}
	if n < trailFill {
		return fmt.Errorf("%d entries were sealed of %d", n, trailFill)
	}
	sealed := float64(n) / took.Seconds()
	results.add(row{
		what: "audit entries sealed", ours: fmt.Sprintf("%.0f/s", sealed), peer: fmt.Sprintf("written by one tenant %.0f/s", written),
		ratio: times(sealed / written), target: ">= 2 x", met: sealed >= 2*written,
	})
	return nil
}

// trail makes the organisation that is measured, on the server's own database.
func (s *server) trail(ctx context.Context) (*trail.Trail, error) {
	in, err := s.installation(ctx)
	if err != nil {
		return nil, err
	}
	key, err := secret.Load(s.data, "")
	if err != nil {
		return nil, err
	}
	signer, err := proof.New(key)
	if err != nil {
		return nil, err
	}
	return trail.Open(ctx, in, signer)
}
