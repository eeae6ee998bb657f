package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/bench/peer"
	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

const (
	chainRounds = 5
	chainTime   = 2 * time.Second
	chainCalls  = 3000 // of one caller alone, each round
	chainShare  = 0.5  // of the bare handler's reads
	chainPeer   = 2.0  // of PocketBase's reads

	chainCached   = 30 * time.Microsecond
	chainUncached = 150 * time.Microsecond
)

// chain measures what an authorised request costs: one row of a tenant through everything that stands before it, beside a
// bare handler and beside PocketBase; and the chain alone, on requests that are refused right behind it.
func chain(ctx context.Context, opts options, s *server, results *table) (err error) {
	operator, err := s.signUp(ctx)
	if err != nil {
		return err
	}
	bare, err := s.newPeer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.End()) }()
	places := []place{
		{"", request(s.url+"/v1/labs/bench-prompt", operator.token)},
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
	return alone(ctx, s, bare, operator.token, results)
}

// place is who is asked, and the request as it goes over the wire.
type place struct {
	name string
	raw  func() []byte
}

// request is one GET, always the same.
func request(address, token string) func() []byte {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // the bench's own
	}
	raw := []byte("GET " + u.Path + " HTTP/1.1\r\nHost: " + u.Host + "\r\nAuthorization: Bearer " + token + "\r\nAccept: application/json\r\n\r\n")
	return func() []byte { return raw }
}

func host(raw []byte) string {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		panic(err) // the bench's own
	}
	return r.Host
}

// connection is one client that costs as little as it can, so that its own work does not make all places look alike.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func connect(ctx context.Context, address string) (*connection, error) {
	conn, err := (&net.Dialer{Timeout: identityTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, bufio.NewReader(conn)}, nil
}

// ask sends a request and reads the answer to its end.
func (c *connection) ask(raw []byte, want int) error {
	if err := c.SetDeadline(time.Now().Add(identityTimeout)); err != nil {
		return err
	}
	if _, err := c.Write(raw); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	if res.StatusCode != want {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<12))
		return fmt.Errorf("%s: %s: %s", c.RemoteAddr(), res.Status, text)
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
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
func (p place) flood(ctx context.Context) (load, error) {
	raw := p.raw()
	address := host(raw)
	all := make([][]time.Duration, callers)
	var clients []*connection
	defer func() {
		for _, c := range clients {
			_ = c.Close() // it was only read
		}
	}()
	for range callers {
		c, err := connect(ctx, address)
		if err != nil {
			return load{}, err
		}
		clients = append(clients, c)
		if err := c.ask(raw, http.StatusOK); err != nil { // connections and caches are warm
			return load{}, err
		}
	}
	begun := time.Now()
	end := begun.Add(chainTime)
	var group errgroup.Group
	for i, c := range clients {
		group.Go(func() error {
			for at := time.Now(); at.Before(end); at = time.Now() {
				if err := c.ask(raw, http.StatusOK); err != nil {
					return err
				}
				all[i] = append(all[i], time.Since(at))
			}
			return nil
		})
	}
	err := group.Wait()
	var l load
	for _, own := range all {
		l.times = append(l.times, own...)
	}
	l.rate = float64(len(l.times)) / time.Since(begun).Seconds()
	return l, err
}

// alone measures the chain without a query: how much longer than a bare handler the program takes for a request that
// every check lets pass and whose id is none. Each of the second kind brings a token that was never seen.
func alone(ctx context.Context, s *server, beside *peer.Process, token string, results *table) error {
	mint, err := s.minter(ctx, token)
	if err != nil {
		return err
	}
	const path = "/v1/sessions/none"
	known := request(s.url+path, token)
	bare := request(beside.URL+path, token)
	fresh := func() []byte { return request(s.url+path, mint())() }
	var found [3][]float64
	for range chainRounds {
		for i, raw := range []func() []byte{bare, known, fresh} {
			took, err := one(ctx, raw)
			if err != nil {
				return err
			}
			found[i] = append(found[i], float64(took))
		}
	}
	base := time.Duration(middle(found[0]))
	for i, target := range []time.Duration{chainCached, chainUncached} {
		took := time.Duration(middle(found[i+1])) - base
		results.add(row{
			what: []string{"the chain alone, p50, token seen before", "the chain alone, p50, token never seen"}[i],
			ours: fmt.Sprintf("%d us", took.Microseconds()), peer: fmt.Sprintf("over a bare handler's %d us", base.Microseconds()),
			target: fmt.Sprintf("< %d us", target.Microseconds()), met: took < target,
		})
	}
	return nil
}

// one is the median of what one caller alone waits.
func one(ctx context.Context, raw func() []byte) (time.Duration, error) {
	c, err := connect(ctx, host(raw()))
	if err != nil {
		return 0, err
	}
	defer c.Close() //nolint:errcheck // it was only read
	var took []time.Duration
	for range chainCalls {
		text := raw()
		at := time.Now()
		if err := c.ask(text, http.StatusUnprocessableEntity); err != nil {
			return 0, err
		}
		took = append(took, time.Since(at))
	}
	return median(took), nil
}

// minter makes tokens of the same sign-in, each another one.
func (s *server) minter(ctx context.Context, token string) (func() string, error) {
	in, err := s.installation(ctx)
	if err != nil {
		return nil, err
	}
	key, err := secret.Load(s.data, "")
	if err != nil {
		return nil, err
	}
	pool, err := in.Open(ctx, db.Identity, 1)
	if err != nil {
		return nil, err
	}
	defer pool.Close() // the keys are read by then
	people, err := identity.New(identity.Config{Pool: pool, Key: key, PublicURL: s.url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
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
