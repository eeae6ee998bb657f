package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// How many people a pool and its tenant are filled with, and what many may cost more than few.
const (
	fewUsers        = 1_000
	manyUsers       = 1_000_000
	usersShare      = 1.5
	browsers        = 300 // calls of each kind
	passwordSignIns = 100 // with a password, most of which is argon2
)

// users measures what people wait for in a pool of a thousand and in one of a million, all of them members of one tenant
// and signed in to a browser.
func users(ctx context.Context, _ options, s *server, results *table) error {
	operator, err := s.signUp(ctx)
	if err != nil {
		return err
	}
	in, err := s.installation(ctx)
	if err != nil {
		return err
	}
	admin, err := pgxpool.New(ctx, in.Admin)
	if err != nil {
		return err
	}
	defer admin.Close()
	p := &people{server: s, operator: operator, admin: admin, http: &http.Client{
		Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	waits := p.waits()
	few, err := p.measure(ctx, 0, fewUsers, waits)
	if err != nil {
		return err
	}
	many, err := p.measure(ctx, fewUsers, manyUsers, waits)
	if err != nil {
		return err
	}
	for n, w := range waits {
		share := ratio(many[n], few[n])
		results.add(row{
			what: fmt.Sprintf("%s, %d users", w.what, manyUsers), ours: millis(many[n]), peer: fmt.Sprintf("with %d: %s", fewUsers, millis(few[n])),
			ratio: times(share), target: fmt.Sprintf("<= %.2f x", usersShare), met: share <= usersShare,
		})
	}
	return nil
}

// people is a pool that is filled.
type people struct {
	server   *server
	operator *client
	admin    *pgxpool.Pool
	http     *http.Client
}

// wait is something that people wait for.
type wait struct {
	what string
	runs int
	do   func(ctx context.Context) error
}

// name is the n-th person's, as fill makes it: one of twenty first names, and a last name of their own.
func name(n int) (first, last string) {
	firsts := strings.Fields(firstNames)
	digits := strings.NewReplacer("0", "a", "1", "e", "2", "i", "3", "o", "4", "u", "5", "ra", "6", "ne", "7", "ti", "8", "so", "9", "mu")
	return firsts[n%len(firsts)], "K" + digits.Replace(fmt.Sprintf("%06d", n*7919%1_000_003))
}

const firstNames = "Asha Ravi Priya Arjun Meera Kiran Anita Vikram Leela Rohan Nina Omar Sofia Jonas Emma Lucas Hana Mateo Ines Felix"

// fill adds the people from one number to another, with a membership and a session in a browser each. Rows are copied
// without triggers and checks of references: a million inserts would only measure those.
func (p *people) fill(ctx context.Context, from, to int) error {
	const chunk = 50_000
	var hashed string
	if err := p.admin.QueryRow(ctx, `select password_hash from identity."user" where email = $1`, email).Scan(&hashed); err != nil {
		return err
	}
	for at := from; at < to; at += chunk {
		err := pgx.BeginFunc(ctx, p.admin, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `set local session_replication_role = replica`); err != nil {
				return err
			}
			var names, emails []string
			for n := at; n < min(at+chunk, to); n++ {
				first, last := name(n)
				names, emails = append(names, first+" "+last), append(emails, address(n))
			}
			_, err := tx.Exec(ctx, `
				with made as (
					insert into identity."user" (pool_id, email, email_key, name, password_hash)
					select p.id, n.email, n.email, n.name, $3 from identity.pool p, unnest($1::text[], $2::text[]) n (name, email) where p.name = 'default'
					returning id, pool_id, email), joined as (
					insert into identity.membership (user_id, tenant_id, role) select id, $4, 'learner' from made)
				insert into identity.browser_session (token_hash, pool_id, user_id, methods, idle_at, expires_at)
				select sha256(convert_to('session of ' || email, 'UTF8')), pool_id, id, '{pwd}', now() + interval '1 day', now() + interval '1 day' from made`,
				names, emails, hashed, tenancy.DefaultTenant())
			return err
		})
		if err != nil {
			return fmt.Errorf("add people: %w", err)
		}
	}
	_, err := p.admin.Exec(ctx, "vacuum analyze")
	return err
}

func address(n int) string {
	first, last := name(n)
	return strings.ToLower(first + "." + last + "@crowd.example")
}

// measure fills the pool and returns the median of each wait.
func (p *people) measure(ctx context.Context, from, to int, waits []wait) (medians []time.Duration, err error) {
	say("%d users ...", to)
	if err := p.fill(ctx, from, to); err != nil {
		return nil, err
	}
	for _, w := range waits {
		took, err := repeat(ctx, w.runs, w.do)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.what, err)
		}
		medians = append(medians, took)
	}
	return medians, nil
}

// waits are what is measured: always about people who are there in both pools, and pages of the same length.
func (p *people) waits() []wait {
	search := func(what, query string, want int, q func(first, last string) string) wait {
		return wait{what: what, runs: browsers, do: func(ctx context.Context) error {
			return p.find(ctx, query, q(name(rand.IntN(fewUsers))), want) //nolint:gosec // nothing is secret here
		}}
	}
	const members = "/v1/members"
	return []wait{
		{what: "sign-in with a session: code, tokens", runs: browsers, do: p.signIn},
		{what: "sign-in with a password", runs: passwordSignIns, do: p.byPassword},
		search("members, first page", members, 50, func(string, string) string { return "" }),
		search("members by whole address", members, 1, func(first, last string) string { return first + "." + last + "@crowd.example" }),
		search("members by start of an address", members, 1, func(first, last string) string { return first + "." + last }),
		search("members by whole name", members, 1, func(first, last string) string { return first + " " + last }),
		search("members by last name", members, 1, func(_, last string) string { return last }),
		search("members by first name", members, 50, func(first, _ string) string { return first }),
		search("members by two letters", members, 50, func(first, _ string) string { return first[:2] }),
		search("members that nobody is called", members, 0, func(_, last string) string { return last + "xq" }),
		search("operator: users by whole name", "/v1/operator/users", 1, func(first, last string) string { return first + " " + last }),
	}
}

// find searches and holds the answer against how many there are at least.
func (p *people) find(ctx context.Context, path, q string, want int) error {
	var list struct {
		Items []struct {
			ID string `json:"id"`
		} `json:"items"`
	}
	if err := p.operator.call(ctx, http.MethodGet, path+"?"+url.Values{"q": {q}, "limit": {"50"}}.Encode(), nil, &list); err != nil {
		return err
	}
	if len(list.Items) < want || (want == 0 && len(list.Items) > 0) {
		return fmt.Errorf("%q finds %d people, want %d", q, len(list.Items), want)
	}
	return nil
}

// request is an authorization request of the console.
func (p *people) request(verifier string) url.Values {
	challenge := sha256.Sum256([]byte(verifier))
	return url.Values{
		"client_id": {"console"}, "redirect_uri": {p.server.url + "/auth/callback"}, "response_type": {"code"}, "scope": {"openid offline_access"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
}

// signIn is what a browser with a session does: it gets a code, and tokens for it.
func (p *people) signIn(ctx context.Context) error {
	const verifier = "a-verifier-of-at-least-forty-three-characters"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.server.url+"/pools/default/authorize?"+p.request(verifier).Encode(), http.NoBody)
	if err != nil {
		return err
	}
	req.AddCookie(&http.Cookie{Name: "__Host-cloudkida-default", Value: "session of " + address(rand.IntN(fewUsers))}) //nolint:gosec // a test's browser
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // its header says it all
	at, err := resp.Location()
	if err != nil || at.Query().Get("code") == "" {
		return fmt.Errorf("no code: %s, %w", resp.Status, err)
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"console"}, "code": {at.Query().Get("code")},
		"redirect_uri": {p.server.url + "/auth/callback"}, "code_verifier": {verifier},
	}
	text, err := p.server.page(ctx, p.http, http.MethodPost, p.server.url+"/pools/default/token", form)
	if err == nil && !strings.Contains(text, "access_token") {
		err = errors.New("no token")
	}
	return err
}

// byPassword goes through the page. Who signs in comes from an address of their own.
func (p *people) byPassword(ctx context.Context) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: p.http.CheckRedirect}
	at := p.server.url + "/pools/default/sign-in?" + p.request("verifier").Encode()
	page, err := p.server.page(ctx, browser, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	form := url.Values{"email": {address(rand.IntN(fewUsers))}, "password": {password}} //nolint:gosec // a test's person
	for _, field := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], field[2])
	}
	_, err = p.server.page(ctx, browser, http.MethodPost, at, form)
	return err
}
