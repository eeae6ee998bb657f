package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/bench/peer"
	"github.com/cloudkida/cloudkida/internal/platform/db"
)

const (
	callers         = 64 // connections at once
	identityRounds  = 3
	identityTime    = 3 * time.Second
	identityShare   = 0.6 // of the peer's requests
	queued          = 200 // sign-ins at once: as many as one address has without a wait
	queueTarget     = 50 * time.Millisecond
	identityTimeout = 30 * time.Second
)

// signIns measures the OpenID Provider beside a bare handler with the same queries and signatures, and what other people
// feel while many sign in.
func signIns(ctx context.Context, _ options, s *server, results *table) (err error) {
	learner, err := s.unlimited(ctx)
	if err != nil {
		return err
	}
	in, err := s.installation(ctx)
	if err != nil {
		return err
	}
	pool, err := in.Open(ctx, db.Identity, peer.Connections)
	if err != nil {
		return err
	}
	defer pool.Close()
	m := &provider{pool: pool, http: &http.Client{
		Timeout: identityTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 2 * callers, MaxConnsPerHost: 2 * callers},
	}}
	beside, err := s.newPeer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, beside.End()) }()
	say("token endpoint ...")
	err = m.compare(ctx, results, "refresh", func(ctx context.Context, place string) (call, error) { return m.refreshing(ctx, place) }, s.url, beside.URL)
	if err != nil {
		return err
	}
	say("authorised requests ...")
	tokens := map[string]string{s.url: learner.token, beside.URL: beside.Token}
	err = m.compare(ctx, results, "authorised request", func(_ context.Context, place string) (call, error) {
		return func(ctx context.Context) error { return m.authorised(ctx, place, tokens[place]) }, nil
	}, s.url, beside.URL)
	if err != nil {
		return err
	}
	return m.crowd(ctx, s, learner.token, results)
}

// call is one request.
type call func(ctx context.Context) error

// provider asks two places: the program and its peer.
type provider struct {
	pool *pgxpool.Pool
	http *http.Client
}

// answers are what a place answered at callers connections.
type answers struct {
	rate  float64 // requests per second
	times []time.Duration
}

// drive calls as often as it can, with callers at once, each with a call of its own.
func drive(ctx context.Context, prepare func(context.Context) (call, error)) (answers, error) {
	calls := []call{}
	for range callers {
		one, err := prepare(ctx)
		if err == nil {
			err = one(ctx) // connections and caches are warm
		}
		if err != nil {
			return answers{}, err
		}
		calls = append(calls, one)
	}
	var mu sync.Mutex
	var l answers
	begun := time.Now()
	end := begun.Add(identityTime)
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range calls {
		group.Go(func() error {
			var own []time.Duration
			for time.Now().Before(end) {
				at := time.Now()
				if err := one(ctx); err != nil {
					return err
				}
				own = append(own, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			l.times = append(l.times, own...)
			return nil
		})
	}
	err := group.Wait()
	l.rate = float64(len(l.times)) / time.Since(begun).Seconds()
	return l, err
}

// compare measures both places in turns, so that a noisy moment meets both.
func (m *provider) compare(ctx context.Context, results *table, what string, prepare func(ctx context.Context, place string) (call, error), ours, peer string) error {
	rates, times99 := map[string][]float64{}, map[string][]float64{}
	for range identityRounds {
		for _, place := range []string{ours, peer} {
			l, err := drive(ctx, func(ctx context.Context) (call, error) { return prepare(ctx, place) })
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			rates[place] = append(rates[place], l.rate)
			times99[place] = append(times99[place], float64(percentile(l.times, 0.99)))
		}
	}
	share := middle(rates[ours]) / middle(rates[peer])
	results.add(row{
		what: fmt.Sprintf("%s/s (%d at once)", what, callers), ours: fmt.Sprintf("%.0f", middle(rates[ours])), peer: fmt.Sprintf("bare handler %.0f", middle(rates[peer])),
		ratio: times(share), target: fmt.Sprintf(">= %.1f x", identityShare), met: share >= identityShare,
	})
	results.add(row{
		what: what + ", p99", ours: millis(time.Duration(middle(times99[ours]))), peer: "bare handler " + millis(time.Duration(middle(times99[peer]))),
		ratio: times(middle(times99[ours]) / middle(times99[peer])),
	})
	return nil
}

// refreshing is a program that has signed in and renews its tokens again and again.
func (m *provider) refreshing(ctx context.Context, place string) (call, error) {
	token := uuid.NewString() + uuid.NewString()
	hash := sha256.Sum256([]byte(token))
	family := uuid.Must(uuid.NewV7())
	_, err := m.pool.Exec(ctx, `
		insert into identity.token_family (id, pool_id, user_id, tenant_id, client_id, scopes, methods, signed_in_at, expires_at)
		select $1, u.pool_id, u.id, m.tenant_id, 'console', '{openid,offline_access}', '{pwd}', now(), now() + interval '1 day'
		from identity."user" u join identity.membership m on m.user_id = u.id where u.email = $2 limit 1`, family, email)
	if err != nil {
		return nil, fmt.Errorf("make a token family: %w", err)
	}
	if _, err := m.pool.Exec(ctx, `insert into identity.refresh_token (token_hash, family_id) values ($1, $2)`, hash[:], family); err != nil {
		return nil, fmt.Errorf("make a refresh token: %w", err)
	}
	return func(ctx context.Context) error {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"console"}, "refresh_token": {token}}
		var answer struct {
			Refresh string `json:"refresh_token"`
		}
		if err := m.send(ctx, http.MethodPost, place+"/pools/default/token", "", form, &answer); err != nil {
			return err
		}
		token = answer.Refresh
		return nil
	}, nil
}

// authorised is a request whose token is checked before one query.
func (m *provider) authorised(ctx context.Context, place, token string) error {
	var list struct{ Items []any }
	return m.send(ctx, http.MethodGet, place+"/v1/me/grants", token, nil, &list)
}

func (m *provider) send(ctx context.Context, method, address, token string, form url.Values, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	} else {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := m.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", method, address, resp.Status, text)
	}
	return json.Unmarshal(text, answer)
}

// crowd has many people sign in at once, and tells how long others wait for an answer meanwhile.
func (m *provider) crowd(ctx context.Context, s *server, token string, results *table) error {
	say("%d sign-ins at once ...", queued)
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar, Timeout: identityTimeout}
	challenge := sha256.Sum256([]byte("bench"))
	address := s.url + "/pools/default/sign-in?" + url.Values{
		"client_id": {"console"}, "redirect_uri": {s.url + "/auth/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	page, err := s.page(ctx, browser, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	hidden := url.Values{}
	for _, field := range hiddenField.FindAllStringSubmatch(page, -1) {
		hidden.Set(field[1], field[2])
	}
	var done, busy atomic.Int64
	begun := time.Now()
	group, signing := errgroup.WithContext(ctx)
	for n := range queued {
		group.Go(func() error {
			form := url.Values{"token": hidden["token"], "email": {fmt.Sprintf("nobody-%d@example.org", n)}, "password": {"not the password"}}
			status, err := s.signInWrongly(signing, browser, address, form)
			done.Add(1)
			if status == http.StatusServiceUnavailable {
				busy.Add(1) // told to try again: nobody waits for longer than 10 s
			}
			return err
		})
	}
	var waits []time.Duration
	for done.Load() < queued {
		at := time.Now()
		if err := m.authorised(ctx, s.url, token); err != nil {
			return errors.Join(err, group.Wait())
		}
		waits = append(waits, time.Since(at))
	}
	took := time.Since(begun)
	if err := group.Wait(); err != nil {
		return err
	}
	worst := percentile(waits, 0.99)
	results.add(row{what: fmt.Sprintf("%d sign-ins at once, %d told to try again", queued, busy.Load()), ours: seconds(took)})
	results.add(row{
		what: fmt.Sprintf("p99 of %d other requests meanwhile", len(waits)), ours: millis(worst), target: "< " + millis(queueTarget), met: worst < queueTarget,
	})
	return nil
}

// signInWrongly costs what any sign-in costs; the accounts do not exist, so that the database stays as it is.
func (s *server) signInWrongly(ctx context.Context, browser *http.Client, address string, form url.Values) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", s.url)
	resp, err := browser.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // the status says it all
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusServiceUnavailable {
		return resp.StatusCode, fmt.Errorf("a wrong password was answered by %s", resp.Status)
	}
	return resp.StatusCode, nil
}
