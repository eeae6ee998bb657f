package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/server"
)

const (
	throng  = 20_000 // rows of each list that has pages
	touched = 2000   // the most that one step of a plan may read for a page of 20
	leafed  = 5001   // and where an audit log is looked through for a text, which no index has
)

// fillLists adds many rows to every list that has pages, without triggers and checks of references.
func (s *stage) fillLists(t *testing.T) {
	t.Helper()
	mark := jewels + tenantA
	sql := `set session_replication_role = replica;
		with made as (insert into identity."user" (pool_id, email, email_key, name)
			select p.id, n || '@throng.example', n || '@throng.example', 'Person ' || n from identity.pool p, generate_series(1, $n) n where p.name = 'default' returning id)
		insert into identity.membership (user_id, tenant_id, role, created_at) select id, $a, 'learner', now() - random() * interval '300 days' from made;
		insert into identity.invitation (tenant_id, email, email_key, role, token_hash, expires_at)
			select $a, n || '@throng.example', n || '@throng.example', 'learner', sha256(('throng ' || n)::bytea), now() + interval '1 day' from generate_series(1, $n) n;
		insert into pool."group" (tenant_id, name, name_key) select $a, 'group' || n, 'group' || n from generate_series(1, $n) n;
		insert into pool.group_member (tenant_id, group_id, user_id) select $a, g.id, m.user_id from pool."group" g, identity.membership m
			where g.tenant_id = $a and g.name = $mark and m.tenant_id = $a limit 1000 on conflict do nothing; -- which are counted
		insert into pool.lab (tenant_id, slug, title, summary, version, search)
			select $a, 'throng-' || n, 'title' || (n % 997), '', 1, to_tsvector('english', 'throng number ' || n) from generate_series(1, $n) n;
		insert into pool.session (tenant_id, id, user_id, lab_id, version_id, environment_id, host, state, ended_at, deadline)
			select $a, uuidv7(), $user, l.id, v.id, uuidv7(), 'test', 'ended', now(), now()
			from pool.lab l join pool.lab_version v on v.tenant_id = l.tenant_id and v.lab_id = l.id, generate_series(1, $n) where l.tenant_id = $a;
		insert into pool.audit_entry (id, at, tenant_id, action, target) select uuidv7(ago), now() + ago, $a, 'tested', n::text
			from generate_series(1, $n) n, lateral (select -n * interval '20 minutes' as ago);
		insert into control.audit_entry (id, at, action, target, tenant_id) select uuidv7(ago), now() + ago, 'tested', n::text, $a
			from generate_series(1, $n) n, lateral (select -n * interval '20 minutes' as ago);
		insert into control.tenant (name, title, tier) select 'throng-' || n, 'x', 'basic' from generate_series(1, $n) n;
		insert into identity.pool (name, tenant_id) select name, id from control.tenant where name like 'throng-%';
		insert into control.workflow (kind, tenant_id, input, state, ended_at) select 'tenant.export', uuidv7(), '{}', 'succeeded', now() from generate_series(1, $n) n;
		insert into control.mail_message (id, tenant_id, recipient, subject, text, html, kind, keep, state, sent_at)
			select uuidv7(), $a, 'x@attack.example', 'x', 'x', 'x', 'test', true, 'sent', now() from generate_series(1, $n) n;
		insert into control.operator_entry (operator, tenant_id, reason, until) values ($operator, $a, 'for a test', now() + interval '1 hour');
		set session_replication_role = origin; analyze`
	for name, value := range map[string]string{"$n": strconv.Itoa(throng), "$a": "'" + s.tenants[tenantA] + "'::uuid", "$mark": "'" + mark + "'", "$user": "'" + s.who("a learner").user + "'", "$operator": "'" + s.who("operator").user + "'"} {
		sql = strings.ReplaceAll(sql, name, value)
	}
	for statement := range strings.SplitSeq(sql, ";") {
		s.exec(t, statement)
	}
}

// explained has PostgreSQL log how it comes to what it answers, from here on.
func (s *stage) explained(t *testing.T) {
	t.Helper()
	name := s.one(t, `select quote_ident(current_database())`)
	for setting, value := range map[string]string{
		"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on",
		"auto_explain.log_timing": "off", "auto_explain.log_parameter_max_length": "0", "auto_explain.log_nested_statements": "off",
	} {
		s.exec(t, `load 'auto_explain'; alter database `+name+` set `+setting+` = '`+value+`'`)
	}
	// A connection takes the settings of its beginning. The program makes others in place of those that are gone.
	s.exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename in ('cloudkida_app', 'cloudkida_control', 'cloudkida_identity')`)
}

// steps are what PostgreSQL counted in one step of a plan.
var steps = regexp.MustCompile(`actual rows=([\d.]+) loops=(\d+)|Rows Removed by [A-Za-z ]+: (\d+)`)

// greedy are the steps of the plans in a log that read more rows than most, and the plan that they are of. Counts of what is
// behind the rows of a page, such as the members of its organisations, read what they count besides.
func greedy(log string, most, counted float64) (found []string) {
	for _, plan := range strings.Split(log, "plan:")[1:] {
		most := most
		if strings.Contains(plan, "count(") {
			most += counted
		}
		for line := range strings.Lines(plan) {
			m := steps.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			read, _ := strconv.ParseFloat(m[1]+m[3], 64)
			if loops, err := strconv.ParseFloat(m[2], 64); err == nil {
				read *= loops
			}
			if _, what, _ := strings.Cut(line, "message="); read > most {
				found = append(found, strings.TrimSpace(what))
			}
		}
		if len(found) > 0 {
			return append(found, plan)
		}
	}
	return nil
}

// barrier waits until what was logged before is there.
func (s *stage) barrier(t *testing.T, n int) (log string) {
	t.Helper()
	mark := fmt.Sprintf("barrier %d of %s", n, s.tenants[tenantA])
	s.exec(t, `do $$ begin raise log '`+mark+`'; end $$`)
	for deadline := time.Now().Add(patience); !strings.Contains(log, mark); log = logged.since(n) {
		if time.Now().After(deadline) {
			t.Fatal("PostgreSQL's log does not come")
		}
	}
	return log
}

// Whatever a list is sorted and its rows are chosen by, a page of it reads not many more rows than it shows: where all of them
// are meant, some, or none.
func TestPagesOfListsAreReadByIndexes(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	s.explained(t)
	s.fillLists(t)
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	found, _ := lists(t, text)
	plans, long, filtered := 0, 0, 0
	for _, l := range found {
		for _, sort := range l.sorts {
			n, more := s.thrifty(t, l, url.Values{"limit": {"20"}, "sort": {sort}})
			plans, long = plans+n, long+more
		}
		filtered += s.filtered(t, l)
	}
	for _, address := range []string{"/v1/members", "/v1/operator/users"} {
		for _, q := range []string{"person", "person 1", "1", "19876@throng.example", "nobody"} { // all, half, half, one, none
			s.frugal(t, listed{operation: operation{Path: address}}, url.Values{"limit": {"20"}, "q": {q}})
		}
	}
	if plans < len(found) || long < 20 || filtered < 50 {
		t.Errorf("%d plans of %d lists, %d second pages, %d of filtered ones", plans, len(found), long, filtered)
	}
}

// filtered asks for pages of a list by each of its filters in each order. It returns how many had a second page.
func (s *stage) filtered(t *testing.T, l listed) (long int) {
	t.Helper()
	var ends []row // of the list
	for _, sort := range l.sorts {
		if len(l.filters) > 0 {
			rows, _ := s.page(t, s.asker(l.Path), l.address(s.rows[tenantA]), url.Values{"limit": {"20"}, "sort": {sort}})
			ends = append(ends, rows...)
		}
	}
	for name, values := range l.filters {
		if len(values) == 0 {
			values = s.texts(name, ends)
		}
		for _, value := range values {
			for _, sort := range l.sorts {
				_, more := s.thrifty(t, l, url.Values{"limit": {"20"}, "sort": {sort}, name: {value}})
				long += more
			}
		}
	}
	return long
}

// idFilter are the filters that take an id.
var idFilter = regexp.MustCompile(`^(actor|tenant)$`)

// texts are what a filter by any text is tried with: what rows of the list have in the field of that name, and what no row has.
func (s *stage) texts(name string, rows []row) (values []string) {
	has := map[string]bool{}
	add := func(value any) {
		if text, ok := value.(string); ok && text != "" && len(has) < 4 {
			has[text] = true
		}
	}
	for _, r := range rows {
		add(r[name])
		if many, ok := r[name+"s"].([]any); ok && len(many) > 0 {
			add(many[0])
		}
	}
	switch {
	case name == "q": // all, some, one, none
		has = map[string]bool{"throng": true, "t": true, "throng-19": true, "19876": true, "title": true, "nothing-of-this": true}
	case idFilter.MatchString(name):
		has[s.who("a learner").user], has[s.tenants[tenantA]], has[s.tenants[suspended]] = true, true, true
	default:
		has["nothing-of-this"] = true
	}
	return slices.Sorted(maps.Keys(has))
}

// thrifty asks for two pages. It returns how many plans there were, and whether there was a second page.
func (s *stage) thrifty(t *testing.T, l listed, query url.Values) (plans, long int) {
	t.Helper()
	got, plans := s.frugal(t, l, query)
	_, next, _ := strings.Cut(got.text, `"next":"`)
	if next, _, _ = strings.Cut(next, `"`); next == "" {
		return plans, 0
	}
	query.Set("cursor", next)
	_, more := s.frugal(t, l, query)
	return plans + more, 1
}

// frugal asks for a page and looks at the plans that PostgreSQL had for it. It returns how many there were.
func (s *stage) frugal(t *testing.T, l listed, query url.Values) (got answer, plans int) {
	t.Helper()
	from, as, address := logged.length(), s.asker(l.Path), l.address(s.rows[tenantA])
	most := float64(touched)
	switch text := query.Get("q") != ""; {
	case text && strings.HasSuffix(l.Path, "/audit"):
		most = leafed
	case l.Path == "/v1/labs" && (text || query.Get("tag") != ""):
		most = 2 * throng // the whole catalogue of the organisation, and what it keeps of it: see package lab
	case l.Path == "/v1/operator/tenants" && text && strings.HasSuffix(query.Get("sort"), "name"):
		most = throng // names that begin alike are beside each other, which the planner does not know
	case query.Get("scope") == "all":
		as = s.who("a owner")
	}
	got = s.send(t, as.token, http.MethodGet, address+"?"+query.Encode(), nil, as.from)
	log := s.barrier(t, from)
	if got.status != http.StatusOK {
		t.Errorf("GET %s?%s: %s", address, query.Encode(), got.text)
	}
	if found := greedy(log, most, counted(got.text)); len(found) > 0 {
		t.Errorf("GET %s?%s: a step reads many rows: %.4000s", address, query.Encode(), strings.Join(found, "\n"))
	}
	return got, strings.Count(log, "plan:")
}

// counted is the sum of the numbers of an answer's rows.
func counted(text string) (sum float64) {
	var page struct{ Items []row }
	_ = json.Unmarshal([]byte(text), &page) // who asked looks at the answer
	for _, r := range page.Items {
		for _, name := range []string{"members", "sessions", "count"} {
			if n, ok := r[name].(float64); ok {
				sum += n
			}
		}
	}
	return sum
}
