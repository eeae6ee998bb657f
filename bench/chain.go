package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/bench/load"
	"github.com/cloudkida/cloudkida/bench/metric"
	"github.com/cloudkida/cloudkida/bench/peer"
	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

const (
	chainRounds = 5
	chainTime   = 2 * time.Second
	chainCalls  = 3000 // of one caller alone, each round
	chainShare  = 0.5  // of the bare handler's reads
	chainPeer   = 2.0  // of PocketBase's reads

	// gateMetric is how long requests took to come to their operation, by the program's own clock.
	gateMetric    = "cloudkida_gate_seconds"
	chainCached   = 30 * time.Microsecond
	chainUncached = 150 * time.Microsecond
)

// chain measures what an authorised request costs: one row of a tenant through everything that stands before it, beside a
// bare handler and beside PocketBase; and the chain alone, on requests that are refused right behind it.
func chain(ctx context.Context, opts options, s *server, results *table) (err error) {
	learner, err := s.unlimited(ctx)
	if err != nil {
		return err
	}
	bare, err := s.newPeer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.End()) }()
	places := []place{
		{"", request(s.url+"/v1/labs/bench-prompt", learner.token)},
		{"bare handler", request(bare.URL+"/v1/labs/bench-prompt", bare.Token)},
	}
	pocketbase, err := s.newPocketBase(ctx)
	if err != nil {
		say("PocketBase is left out: %v", err)
	} else {
		defer func() { err = errors.Join(err, pocketbase.End()) }()
		places = append(places, place{"PocketBase", request(pocketbase.URL, pocketbase.Token)})
	}
	say("authorised reads ...")
	stop, err := s.profile(ctx, opts.Profile)
	if err != nil {
		return err
	}
	if err := errors.Join(readers64(ctx, places, results), stop()); err != nil {
		return err
	}
	say("the chain alone ...")
	return alone(ctx, s, bare, learner.token, results)
}

// place is who is asked, and the request as it goes over the wire.
type place struct {
	name string
	raw  func() []byte
}

// request is one GET, always the same.
func request(address, token string) func() []byte {
	raw := load.Request(address, token)
	return func() []byte { return raw }
}

// readers64 measures every place in turns, with as many connections at once as callers.
func readers64(ctx context.Context, places []place, results *table) error {
	rates, p99 := make([][]float64, len(places)), make([][]float64, len(places))
	for range chainRounds {
		for i, p := range places {
			l, err := p.flood(ctx)
			if err != nil {
				return err
			}
			rates[i], p99[i] = append(rates[i], l.rate), append(p99[i], float64(percentile(l.times, 0.99)))
		}
	}
	for i, p := range places[1:] {
		least := chainShare
		if i > 0 {
			least = chainPeer
		}
		ours, peer := middle(rates[0]), middle(rates[i+1])
		results.add(row{
			what: fmt.Sprintf("authorised reads of one record/s (%d at once)", callers), ours: fmt.Sprintf("%.0f", ours), peer: fmt.Sprintf("%s %.0f", p.name, peer),
			ratio: times(ours / peer), target: fmt.Sprintf(">= %.1f x", least), met: ours/peer >= least,
		})
		results.add(row{
			what: "authorised reads, p99", ours: millis(time.Duration(middle(p99[0]))), peer: p.name + " " + millis(time.Duration(middle(p99[i+1]))),
			ratio: times(middle(p99[0]) / middle(p99[i+1])),
		})
	}
	return nil
}

// flood asks as often as it can.
func (p place) flood(ctx context.Context) (answers, error) {
	raw := p.raw()
	all := make([][]time.Duration, callers)
	var clients []*load.Connection
	defer func() {
		for _, c := range clients {
			_ = c.Close() // it was only read
		}
	}()
	for range callers {
		c, err := load.Connect(ctx, raw)
		if err != nil {
			return answers{}, err
		}
		clients = append(clients, c)
		if _, err := c.Ask(raw, http.StatusOK); err != nil { // connections and caches are warm
			return answers{}, err
		}
	}
	begun := time.Now()
	end := begun.Add(chainTime)
	var group errgroup.Group
	for i, c := range clients {
		group.Go(func() error {
			for at := time.Now(); at.Before(end); at = time.Now() {
				if _, err := c.Ask(raw, http.StatusOK); err != nil {
					return err
				}
				all[i] = append(all[i], time.Since(at))
			}
			return nil
		})
	}
	err := group.Wait()
	var l answers
	for _, own := range all {
		l.times = append(l.times, own...)
	}
	l.rate = float64(len(l.times)) / time.Since(begun).Seconds()
	return l, err
}

// alone measures the chain without a query: what the program itself says that requests took to come to their operation,
// where these are refused as their id is none. Beside it stands how much longer than at a bare handler one caller waits for
// such an answer, errors and all. Each request of the second kind brings a token that was never seen.
func alone(ctx context.Context, s *server, beside *peer.Process, token string, results *table) error {
	mint, err := s.minter(ctx, token)
	if err != nil {
		return err
	}
	const path = "/v1/sessions/none"
	known := request(s.url+path, token)
	bare := request(beside.URL+path, token)
	fresh := func() []byte { return request(s.url+path, mint())() }
	var waits, gates [3][]float64
	for range chainRounds {
		for i, raw := range []func() []byte{bare, known, fresh} {
			before, err := metric.Read(ctx, s.ops, gateMetric)
			if err != nil {
				return err
			}
			took, err := one(ctx, raw)
			if err != nil {
				return err
			}
			after, err := metric.Read(ctx, s.ops, gateMetric)
			if err != nil {
				return err
			}
			waits[i], gates[i] = append(waits[i], float64(took)), append(gates[i], float64(after.Since(before).Median()))
		}
	}
	base := time.Duration(middle(waits[0]))
	for i, target := range []time.Duration{chainCached, chainUncached} {
		what := []string{"token seen before", "token never seen"}[i]
		took, longer := time.Duration(middle(gates[i+1])), time.Duration(middle(waits[i+1]))-base
		results.add(row{
			what: "the chain alone, p50, " + what, ours: fmt.Sprintf("%d us", took.Microseconds()),
			target: fmt.Sprintf("< %d us", target.Microseconds()), met: took < target,
		})
		results.add(row{
			what: "a caller alone waits longer, p50, " + what, ours: fmt.Sprintf("%d us", longer.Microseconds()),
			peer: fmt.Sprintf("over a bare handler's %d us", base.Microseconds()),
		})
	}
	return nil
}

// one is the median of what one caller alone waits.
func one(ctx context.Context, raw func() []byte) (time.Duration, error) {
	c, err := load.Connect(ctx, raw())
	if err != nil {
		return 0, err
	}
	defer c.Close() //nolint:errcheck // it was only read
	var took []time.Duration
	for range chainCalls {
		text := raw()
		at := time.Now()
		if _, err := c.Ask(text, http.StatusUnprocessableEntity); err != nil {
			return 0, err
		}
		took = append(took, time.Since(at))
	}
	return median(took), nil
}

// minter makes tokens of the same sign-in, each another one.
func (s *server) minter(ctx context.Context, token string) (func() string, error) {
	people, done, err := s.people(ctx)
	if err != nil {
		return nil, err
	}
	defer done() // the keys are read by then
	claims, err := people.Parse(ctx, token)
	if err != nil {
		return nil, err
	}
	home, err := people.Pool(ctx, identity.DefaultPool)
	if err != nil {
		return nil, err
	}
	var made []string
	for range (chainCalls + 1) * chainRounds {
		t, err := people.Sign(ctx, home, time.Hour, access.TokenClaims{
			Subject: claims.User, Audience: access.Audience, Tenant: claims.Tenant, Client: claims.Client, Session: claims.Session,
		})
		if err != nil {
			return nil, err
		}
		made = append(made, t)
	}
	return func() string {
		t := made[0]
		made = made[1:]
		return t
	}, nil
}
