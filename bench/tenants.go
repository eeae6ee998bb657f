package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// How many tenants the installation is filled with, and how often what people wait for is timed.
const (
	manyPooled  = 10_000
	manySilos   = 200
	timedCalls  = 200
	timedSignIn = 20
)

// tenants measures sign-up of organisations, and what people wait for with few tenants and with many.
func tenants(ctx context.Context, _ options, s *server, results *table) error {
	operator, err := s.signUp(ctx)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		tier string
		runs int
		most time.Duration
	}{{"basic", 10, time.Second}, {"platinum", 3, 5 * time.Second}} {
		say("sign-up of organisations, " + c.tier + " ...")
		var times []time.Duration
		for n := range c.runs {
			took, err := operator.register(ctx, c.tier, n)
			if err != nil {
				return err
			}
			times = append(times, took)
		}
		took := median(times)
		results.add(row{what: "proved address to ready, " + c.tier, ours: seconds(took), target: "< " + seconds(c.most), met: took < c.most})
	}
	return crowd(ctx, s, operator, results)
}

var mailToken = regexp.MustCompile(`/register/confirm#token=([\w-]+)`)

// register signs an organisation up and returns the time from the proof of its address to its being ready.
func (c *client) register(ctx context.Context, tier string, n int) (time.Duration, error) {
	name := fmt.Sprintf("%s-bench-%c", tier, 'a'+n)
	body := map[string]string{"title": "Bench " + name, "name": name, "email": name + "@bench.example", "adminName": "Bench", "tier": tier}
	var receipt struct {
		ID string `json:"id"`
	}
	if err := c.callWith(ctx, http.MethodPost, "/v1/registrations", http.Header{"Idempotency-Key": {uuid.NewString()}}, body, &receipt); err != nil {
		return 0, err
	}
	token, err := c.mailedToken(ctx, name)
	if err != nil {
		return 0, err
	}
	started := time.Now()
	if err := c.call(ctx, http.MethodPost, "/v1/registrations/confirm", map[string]string{"token": token}, &struct{}{}); err != nil {
		return 0, err
	}
	return c.untilReady(ctx, receipt.ID, token, started)
}

// untilReady follows a registration's events until it is ready.
func (c *client) untilReady(ctx context.Context, id, token string, started time.Time) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	resp, err := c.sendWith(ctx, http.MethodGet, "/v1/registrations/"+id+"/events", http.Header{"Registration-Token": {token}}, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		var status struct {
			State string `json:"state"`
		}
		if ok && json.Unmarshal([]byte(data), &status) == nil && status.State == "ready" {
			return time.Since(started), nil
		}
	}
	return 0, fmt.Errorf("the events of registration %s ended early: %w", id, lines.Err())
}

// mailedToken takes the link's token from the operator's mailbox.
func (c *client) mailedToken(ctx context.Context, name string) (string, error) {
	var list struct {
		Items []struct {
			ID string `json:"id"`
			To string `json:"to"`
		} `json:"items"`
	}
	if err := c.call(ctx, http.MethodGet, "/v1/operator/mail", nil, &list); err != nil {
		return "", err
	}
	for _, m := range list.Items {
		if !strings.HasPrefix(m.To, name+"@") {
			continue
		}
		var message struct {
			Text string `json:"text"`
		}
		if err := c.call(ctx, http.MethodGet, "/v1/operator/mail/"+m.ID, nil, &message); err != nil {
			return "", err
		}
		if found := mailToken.FindStringSubmatch(message.Text); found != nil {
			return found[1], nil
		}
	}
	return "", fmt.Errorf("no mail to %s", name)
}

// crowd times what people wait for before and after many tenants are there.
func crowd(ctx context.Context, s *server, operator *client, results *table) error {
	in, err := s.installation(ctx)
	if err != nil {
		return err
	}
	waits := []struct {
		what string
		runs int
		do   func(context.Context) error
	}{
		{"catalogue", timedCalls, func(ctx context.Context) error {
			return operator.call(ctx, http.MethodGet, "/v1/labs", nil, &struct{}{})
		}},
		{"directory by name", timedCalls, func(ctx context.Context) error { return operator.find(ctx, "tenant=default") }},
		{"directory by a domain that nobody asked for before", timedCalls, func(ctx context.Context) error {
			return operator.find(ctx, "email=@"+uuid.NewString()+".example")
		}},
		{"sign-in", timedSignIn, s.signIn},
	}
	measure := func() (medians []time.Duration, err error) {
		for _, w := range waits {
			took, err := repeat(ctx, w.runs, w.do)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.what, err)
			}
			medians = append(medians, took)
		}
		return medians, nil
	}
	few, err := measure()
	if err != nil {
		return err
	}
	silos, err := fillUp(ctx, in)
	if err != nil {
		return err
	}
	many, err := measure()
	if err != nil {
		return err
	}
	for n, w := range waits {
		share := ratio(many[n], few[n])
		results.add(row{
			what: fmt.Sprintf("%s with %d tenants and %d silos", w.what, manyPooled, manySilos), ours: millis(many[n]),
			peer: "with 14: " + millis(few[n]), ratio: times(share), target: "<= 1.50 x", met: share <= 1.5,
		})
	}
	return idleSilos(ctx, in, silos, results)
}

// find asks the directory, as somebody else each time: whoever asks in vain too often has to wait.
func (c *client) find(ctx context.Context, query string) error {
	id := uuid.New()
	from := http.Header{"X-Forwarded-For": {netip.AddrFrom4([4]byte{10, id[0], id[1], id[2]}).String()}}
	return c.callWith(ctx, http.MethodGet, "/v1/directory?"+query, from, nil, &struct{}{})
}

// repeat returns the median of several calls, after a few that do not count.
func repeat(ctx context.Context, runs int, do func(context.Context) error) (time.Duration, error) {
	var took []time.Duration
	for n := range runs + 3 {
		started := time.Now()
		if err := do(ctx); err != nil {
			return 0, err
		}
		if n >= 3 {
			took = append(took, time.Since(started))
		}
	}
	return median(took), nil
}

// fillUp adds pooled tenants, each with the default tenant's labs in its catalogue, and silos.
func fillUp(ctx context.Context, in db.Installation) (silos []uuid.UUID, err error) {
	say(fmt.Sprintf("%d tenants ...", manyPooled))
	plain, err := pgxpool.New(ctx, in.Admin)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	_, err = plain.Exec(ctx, `
		insert into control.tenant (name, title) select 'crowd-' || translate(n::text, '0123456789', 'abcdefghjk'), 'Crowd ' || n from generate_series(1, $1::int) n`, manyPooled)
	if err == nil {
		_, err = plain.Exec(ctx, `
			insert into pool.lab (tenant_id, slug, version, title, summary, level, tags, overview, search)
			select t.id, l.slug, l.version, l.title, l.summary, l.level, l.tags, l.overview, l.search
			from control.tenant t, pool.lab l where t.name like 'crowd-%' and l.tenant_id = $1`, tenancy.DefaultTenant())
	}
	if err == nil {
		_, err = plain.Exec(ctx, "vacuum analyze")
	}
	if err != nil {
		return nil, fmt.Errorf("add tenants: %w", err)
	}
	say(fmt.Sprintf("%d silos ...", manySilos))
	rows, err := plain.Query(ctx, `select id from control.tenant where name like 'crowd-%' order by id limit $1`, manySilos)
	if err == nil {
		silos, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	}
	for _, tenant := range silos {
		if err == nil {
			err = in.MakeSilo(ctx, tenant)
		}
		if err == nil {
			_, err = in.ToSilo(ctx, tenant)
		}
	}
	return silos, err
}

// idleSilos measures what a process keeps of a silo that was used and is idle: in this very process, which uses the same
// package as the server.
func idleSilos(ctx context.Context, in db.Installation, silos []uuid.UUID, results *table) error {
	control, err := in.Open(ctx, db.Control, 2)
	if err != nil {
		return err
	}
	defer control.Close()
	places, err := db.NewPlaces(control)
	if err != nil {
		return err
	}
	const open = 32 // as the server has
	pools := db.NewSilos(in, open)
	defer pools.Close()
	data := &db.DB{Places: places, Silos: pools, Authorize: func(context.Context, tenancy.Permission) error { return nil }}
	before := heap()
	for _, tenant := range silos {
		found, err := db.ReadInTenant(tenancy.System(ctx, tenant), data, "lab.read", `select slug from lab`, nil, pgx.RowTo[string])
		if err != nil || len(found) == 0 {
			return errors.Join(err, fmt.Errorf("silo %s has %d labs", tenant, len(found)))
		}
	}
	each := (heap() - before) / int64(len(silos))
	inOpen := (heap() - before) / open
	slog.Debug("heap", "open", inOpen)
	results.add(row{what: "heap for each idle silo", ours: fmt.Sprintf("%d kB", each/1000), target: "< 200 kB", met: each < 200_000})
	results.add(row{what: "heap for each silo with open connections", ours: fmt.Sprintf("%d kB", inOpen/1000), target: "< 200 kB", met: inOpen < 200_000})
	return nil
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // far below the largest
}

// signIn signs the operator in by the hosted page, as a browser without a session does.
func (s *server) signIn(ctx context.Context) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // the code in the address is of no interest here
	}}
	query := url.Values{
		"client_id": {"console"}, "redirect_uri": {s.url + "/auth/callback"}, "response_type": {"code"}, "scope": {"openid"}, "state": {"s"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	address := s.url + "/pools/default/sign-in?" + query.Encode()
	page, err := s.page(ctx, browser, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	form := url.Values{"email": {email}, "password": {password}}
	for _, field := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], field[2])
	}
	if _, err := s.page(ctx, browser, http.MethodPost, address, form); err != nil {
		return err
	}
	at, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	for _, c := range jar.Cookies(at) {
		if strings.HasSuffix(c.Name, "cloudkida-default") {
			return nil
		}
	}
	return errors.New("nobody is signed in after the sign-in page")
}
