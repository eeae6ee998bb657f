package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/server"
)

// listed is a list of the description, with the ways to sort it.
type listed struct {
	operation

	sorts   []string
	takes   map[string]bool     // parameters of its query
	filters map[string][]string // those that choose rows, with the values that the description names; none: any text
}

// lists are the operations whose answer has items; faults are what they lack of what every list has.
func lists(t *testing.T, text []byte) (found []listed, faults []string) {
	t.Helper()
	var api struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Schema   struct {
					Enum    []string
					Format  string
					Minimum int
					Maximum int
				}
			}
			Responses map[string]struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	for path, methods := range api.Paths {
		answer := methods["get"].Responses["200"].Content["application/json"].Schema.resolve(api.Components.Schemas)
		if kind, _ := answer.Properties["items"].Type.(string); kind != "array" {
			continue
		}
		l := listed{operation: operation{Method: http.MethodGet, Path: path}, takes: map[string]bool{}, filters: map[string][]string{}}
		has := map[string]bool{"next": answer.Properties["next"].Type == "string"}
		for _, p := range methods["get"].Parameters {
			l.takes[p.Name] = p.In == "query"
			switch {
			case p.In == "query" && p.Name == "sort":
				l.sorts, has["sort"] = p.Schema.Enum, len(p.Schema.Enum) > 1
			case p.In == "query" && p.Name == "limit":
				has["limit"] = p.Schema.Minimum == 1 && p.Schema.Maximum == 200
			case p.In == "query" && p.Name == "cursor":
				has["cursor"] = true
			case p.In == "query" && p.Schema.Format == "date-time":
				l.filters[p.Name] = []string{"2000-01-01T00:00:00Z", time.Now().AddDate(0, 0, -100).UTC().Format(time.RFC3339), "2100-01-01T00:00:00Z"}
			case p.In == "query":
				l.filters[p.Name] = p.Schema.Enum
			}
		}
		for _, name := range []string{"next", "sort", "limit", "cursor"} {
			if !has[name] {
				faults = append(faults, "GET "+path+" lacks "+name+": make it a list.List")
			}
		}
		found = append(found, l)
	}
	slices.SortFunc(found, func(x, y listed) int { return strings.Compare(x.Path, y.Path) })
	return found, faults
}

func TestEveryListIsDescribedAlike(t *testing.T) {
	t.Parallel()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	found, faults := lists(t, text)
	for _, fault := range faults {
		t.Error(fault)
	}
	for _, name := range []string{"sort", "limit", "cursor"} {
		planted := strings.ReplaceAll(string(text), `"name": "`+name+`"`, `"name": "other"`)
		if _, faults := lists(t, []byte(planted)); len(faults) != len(found) {
			t.Errorf("without %s: %d faults of %d lists", name, len(faults), len(found))
		}
	}
}

// row is an item of a list.
type row map[string]any

// name tells rows apart.
func (r row) name() string {
	for _, field := range []string{"id", "client", "slug", "domain"} {
		if id, ok := r[field].(string); ok {
			if version, ok := r["version"]; ok {
				return fmt.Sprint(id, " ", version) // the versions of one policy have its id
			}
			return id
		}
	}
	for _, field := range []string{"name", "tenant"} {
		if id, ok := r[field].(string); ok {
			return id
		}
	}
	return fmt.Sprint(map[string]any(r))
}

// page asks for one page.
func (s *stage) page(t *testing.T, as persona, address string, query url.Values) (rows []row, next string) {
	t.Helper()
	got := s.send(t, as.token, http.MethodGet, address+"?"+query.Encode(), nil, as.from)
	var body struct {
		Items []row
		Next  string
	}
	if err := json.Unmarshal([]byte(got.text), &body); err != nil || got.status != http.StatusOK {
		t.Fatalf("GET %s?%s as %s: %s %v", address, query.Encode(), as.name, got.text, err)
	}
	return body.Items, body.Next
}

// turned asks for all pages of so many rows.
func (s *stage) turned(t *testing.T, as persona, address, sort string, limit int) (rows []row) {
	t.Helper()
	query := url.Values{"limit": {strconv.Itoa(limit)}, "sort": {sort}}
	for range 1000 {
		page, next := s.page(t, as, address, query)
		if len(page) > limit {
			t.Errorf("GET %s with limit %d: %d rows", address, limit, len(page))
		}
		rows = append(rows, page...)
		if next == "" {
			return rows
		}
		query.Set("cursor", next)
	}
	t.Errorf("GET %s has no last page", address)
	return rows
}

// goes tells which way the rows go by a field, if they have it and it is a time or a number.
func goes(rows []row, sort string) (rising, falling bool) {
	rising, falling = true, true
	for n := 1; n < len(rows); n++ {
		var way int
		for _, field := range []string{sort, sort + "At"} {
			switch a, b := rows[n-1][field], rows[n][field]; x := a.(type) {
			case float64:
				y, _ := b.(float64)
				way = int(y - x)
			case string:
				before, err := time.Parse(time.RFC3339Nano, x)
				after, err2 := time.Parse(time.RFC3339Nano, fmt.Sprint(b))
				if err == nil && err2 == nil {
					way = after.Compare(before)
				} else if err != nil && field == sort {
					way = strings.Compare(strings.ToLower(fmt.Sprint(b)), strings.ToLower(x))
				}
			}
		}
		rising, falling = rising && way >= 0, falling && way <= 0
	}
	return rising, falling
}

// crowd makes lists long enough to be paged: rows of the tenant a, and of the installation.
func (s *stage) crowd(t *testing.T) {
	t.Helper()
	a, learner := s.tenants[tenantA], s.who("a learner").user
	for _, sql := range []string{
		`insert into pool."group" (tenant_id, name, name_key) select $1, 'group' || n, 'group' || n from generate_series(1, 7) n`,
		`insert into pool.lab (tenant_id, slug, title, summary, version, search) select $1, 'crowd-' || n, 'title' || (n % 3), '', 1, to_tsvector('') from generate_series(1, 7) n`,
		`insert into pool.audit_entry (tenant_id, action, target) select $1, 'tested', n::text from generate_series(1, 7) n`,
		`insert into pool.group_lab (tenant_id, group_id, lab_id) select $1, (select id from pool."group" where tenant_id = $1 and name like 'crown%'), id from pool.lab where tenant_id = $1 on conflict do nothing`,
		`insert into pool.group_member (tenant_id, group_id, user_id) select $1, (select id from pool."group" where tenant_id = $1 and name like 'crown%'), m.user_id
			from identity.membership m where m.tenant_id = $1 on conflict do nothing`,
		`insert into control.tenant (name, title, tier) select 'crowd' || n || left($1::text, 1), 'x', 'basic' from generate_series(1, 7) n`,
		`insert into control.workflow (kind, tenant_id, input, state, ended_at) select 'tenant.export', $1, '{}', 'succeeded', now() from generate_series(1, 7) n`,
		`insert into control.mail_message (id, tenant_id, recipient, subject, text, html, kind, keep, state, sent_at)
			select uuidv7(), $1, 'x@attack.example', 'x', 'x', 'x', 'test', true, 'sent', now() from generate_series(1, 7) n`,
		`insert into control.audit_entry (actor, kind, action, target, tenant_id) select null, 'program', 'tested', n::text, $1 from generate_series(1, 7) n`,
		`insert into identity.invitation (tenant_id, email, email_key, role, token_hash, expires_at)
			select $1, n || '@crowd.example', n || '@crowd.example', 'learner', sha256(('crowd ' || n)::bytea), now() + interval '1 day' from generate_series(1, 7) n`,
		`insert into control.email_domain (tenant_id, domain, token, created_at, next_check_at) select $1, 'crowd' || n || '.example', 'x', now(), now() + interval '1 day' from generate_series(1, 3) n`,
		`insert into identity.consent (user_id, document, version, at) select (select user_id from identity.membership where tenant_id = $1 and role = 'learner' order by user_id limit 1), 'terms', n::text, now() from generate_series(1, 4) n`,
	} {
		s.exec(t, sql, a)
	}
	s.exec(t, `insert into pool.session (tenant_id, id, user_id, lab_id, version_id, environment_id, host, state, ended_at, deadline)
		select $1, uuidv7(), $2, l.id, v.id, uuidv7(), 'test', 'ended', now(), now() from pool.lab l join pool.lab_version v on v.tenant_id = l.tenant_id and v.lab_id = l.id, generate_series(1, 7)
		where l.tenant_id = $1`, a, learner)
	s.exec(t, `insert into identity.api_key (tenant_id, public_id, name, created_by, scopes, secret_hash, expires_at)
		select $1, 'crowd00' || n, 'crowd' || (n % 2), $2, '{lab.read}', sha256('x'), now() + n * interval '1 day' from generate_series(1, 5) n`, a, s.who("a owner").user)
	s.exec(t, `insert into identity.browser_session (token_hash, pool_id, user_id, methods, idle_at, expires_at)
		select sha256(('crowd' || n)::bytea), pool_id, id, '{pwd}', now() + interval '1 hour', now() + interval '1 hour' from identity."user", generate_series(1, 4) n where id = $1`, learner)
}

// asker is who asks for a list.
func (s *stage) asker(path string) persona {
	switch {
	case strings.HasPrefix(path, "/v1/operator/"):
		return s.who("operator")
	case strings.HasPrefix(path, "/v1/me/"), path == "/v1/sessions":
		return s.who("a learner")
	}
	return s.who("a owner")
}

func TestEveryListPagesAndSorts(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	s.crowd(t)
	s.exec(t, `insert into control.operator_entry (operator, tenant_id, reason, until) values ($1, $2, 'for a test', now() + interval '1 hour')`, s.who("operator").user, s.tenants[tenantA])
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	found, _ := lists(t, text)
	cursors := map[string]string{} // of the page after the first row, by address
	for _, l := range found {
		as, address := s.asker(l.Path), l.address(s.rows[tenantA])
		if _, next := s.page(t, as, address, url.Values{"limit": {"1"}}); next != "" {
			cursors[address] = next
		}
		s.sortsAndPages(t, l, as, address)
	}
	if len(cursors) < len(found)*2/3 {
		t.Errorf("only %d of %d lists are long enough to be paged: plant more rows in crowd", len(cursors), len(found))
	}
	for _, l := range found {
		s.refusesQueries(t, l, cursors)
	}
	s.foreignCursors(t, found)
	s.pagesStay(t)
}

// sortsAndPages compares the pages of a list, in every order, with the whole of it.
func (s *stage) sortsAndPages(t *testing.T, l listed, as persona, address string) {
	t.Helper()
	names := func(rows []row) (list []string) {
		for _, r := range rows {
			list = append(list, r.name())
		}
		return list
	}
	for _, sort := range l.sorts {
		whole, paged := names(s.turned(t, as, address, sort, 200)), s.turned(t, as, address, sort, 3)
		if !slices.Equal(whole, names(paged)) {
			t.Errorf("GET %s?sort=%s in pages of 3: %v, at once: %v", address, sort, names(paged), whole)
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(whole))); len(unique) != len(whole) {
			t.Errorf("GET %s?sort=%s has rows twice: %v", address, sort, whole)
		}
		field, down := strings.CutPrefix(sort, "-")
		other := "-" + field
		if down {
			other = field
		}
		back := names(s.turned(t, as, address, other, 200))
		slices.Reverse(back)
		if !slices.Equal(whole, back) {
			t.Errorf("GET %s: %s is not the other way round than %s", address, other, sort)
		}
		if rising, falling := goes(paged, field); down && !falling || !down && !rising {
			t.Errorf("GET %s?sort=%s is not sorted by %s: %v", address, sort, field, paged)
		}
	}
}

// refusesQueries tries what a list has not.
func (s *stage) refusesQueries(t *testing.T, l listed, cursors map[string]string) {
	t.Helper()
	as, address := s.asker(l.Path), l.address(s.rows[tenantA])
	type try struct {
		status int
		where  string
	}
	tries := map[string]try{
		"limit=0": {422, "query.limit"}, "limit=201": {422, "query.limit"}, "limit=x": {422, "query.limit"},
		"sort=nonsense": {422, "query.sort"}, "sort=" + l.sorts[0] + "x": {422, "query.sort"}, "nonsense=1": {422, "query.nonsense"},
		"cursor=x": {400, "query.cursor"}, "cursor=bnVsbA": {400, "query.cursor"}, "cursor=e30": {400, "query.cursor"},
	}
	for _, stray := range []string{"tenant", "tenant_id"} { // what a careless handler could read
		if !l.takes[stray] {
			tries[stray+"="+s.tenants[tenantB]] = try{422, "query." + stray}
		}
	}
	for of, cursor := range cursors {
		one := slices.ContainsFunc([]string{"/audit", "/tiers", "/exports"}, func(end string) bool { // at two addresses
			return strings.HasSuffix(of, end) && strings.HasSuffix(address, end)
		})
		if of != address && !one {
			tries["cursor="+cursor] = try{400, "query.cursor"} // of another list
			break
		}
	}
	if own := cursors[address]; own != "" {
		tries["cursor="+own+"&sort="+url.QueryEscape(l.sorts[1])] = try{400, "query.cursor"} // of another order
	}
	for _, query := range slices.Sorted(maps.Keys(tries)) {
		want := tries[query]
		got := s.send(t, as.token, http.MethodGet, address+"?"+query, nil, as.from)
		if got.status != want.status || !strings.Contains(got.text, `"`+want.where+`"`) {
			t.Errorf("GET %s?%s: %d %s, want %d naming %s", address, query, got.status, got.text, want.status, want.where)
		}
	}
}

// foreignCursors goes on in a's lists after rows of b: a cursor is a place in an order, not a key to anybody's rows.
func (s *stage) foreignCursors(t *testing.T, found []listed) {
	t.Helper()
	for _, l := range found {
		if as := s.asker(l.Path); as.operator || l.takesID() {
			continue
		}
		address := l.address(nil) // no part of it is an id
		for _, sort := range l.sorts {
			_, cursor := s.page(t, s.who("b owner"), address, url.Values{"limit": {"1"}, "sort": {sort}})
			if cursor == "" {
				continue
			}
			got := s.send(t, s.who("a owner").token, http.MethodGet, address+"?"+url.Values{"cursor": {cursor}, "sort": {sort}}.Encode(), nil)
			if got.status != http.StatusOK || strings.Contains(got.text, jewels+tenantB) || strings.Contains(got.text, s.tenants[tenantB]) {
				t.Errorf("GET %s after a row of another organisation: %d %s", address, got.status, got.text)
			}
		}
	}
}

// pagesStay adds a row before a page and takes one away while somebody turns pages.
func (s *stage) pagesStay(t *testing.T) {
	t.Helper()
	owner, query := s.who("a owner"), url.Values{"limit": {"3"}, "sort": {"name"}}
	first, next := s.page(t, owner, "/v1/groups", query)
	query.Set("cursor", next)
	want, _ := s.page(t, owner, "/v1/groups", query)
	s.exec(t, `insert into pool."group" (tenant_id, name, name_key) values ($1, 'aaa', 'aaa')`, s.tenants[tenantA])
	s.exec(t, `delete from pool."group" where id = $1`, first[2]["id"])
	if got, _ := s.page(t, owner, "/v1/groups", query); len(got) != 3 || !slices.EqualFunc(got, want, func(x, y row) bool { return x.name() == y.name() }) {
		t.Errorf("the second page was %v and is %v", want, got)
	}
}
