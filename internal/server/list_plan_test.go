package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/server"
)

const (
	throng  = 20_000 // rows of each list that has pages
	touched = 2000   // the most that one step of a plan may read for a page of 20
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
		insert into pool.lab (tenant_id, slug, title, summary, version, search) select $a, 'throng-' || n, 'title' || (n % 997), '', 1, '' from generate_series(1, $n) n;
		insert into pool.session (tenant_id, id, user_id, lab_id, version_id, environment_id, host, state, ended_at, deadline)
			select $a, uuidv7(), $user, l.id, v.id, uuidv7(), 'test', 'ended', now(), now()
			from pool.lab l join pool.lab_version v on v.tenant_id = l.tenant_id and v.lab_id = l.id, generate_series(1, $n) where l.tenant_id = $a;
		insert into pool.audit_entry (tenant_id, action, target) select $a, 'tested', n::text from generate_series(1, $n) n;
		insert into control.audit_entry (action, target, tenant_id) select 'tested', n::text, $a from generate_series(1, $n) n;
		insert into control.tenant (name, title, tier) select 'throng-' || n, 'x', 'basic' from generate_series(1, $n) n;
		insert into identity.pool (name, tenant_id) select name, id from control.tenant where name like 'throng-%';
		insert into control.workflow (kind, tenant_id, input, state, ended_at) select 'tenant.export', uuidv7(), '{}', 'succeeded', now() from generate_series(1, $n) n;
		insert into control.mail_message (id, tenant_id, recipient, subject, text, html, kind, keep, state, sent_at)
			select uuidv7(), $a, 'x@attack.example', 'x', 'x', 'x', 'test', true, 'sent', now() from generate_series(1, $n) n;
		set session_replication_role = origin; analyze`
	for name, value := range map[string]string{"$n": strconv.Itoa(throng), "$a": "'" + s.tenants[tenantA] + "'::uuid", "$mark": "'" + mark + "'", "$user": "'" + s.who("a learner").user + "'"} {
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

// greedy are the steps of the plans in a log that read many rows, and the plan that they are of.
func greedy(log string) (found []string) {
	for _, plan := range strings.Split(log, "plan:")[1:] {
		if strings.Contains(plan, "group by") {
			continue // counts of what is behind the rows of a page, such as an organisation's members
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
			if _, what, _ := strings.Cut(line, "message="); read > touched {
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
func (s *stage) barrier(t *testing.T, n int) {
	t.Helper()
	mark := fmt.Sprintf("barrier %d of %s", n, s.tenants[tenantA])
	s.exec(t, `do $$ begin raise log '`+mark+`'; end $$`)
	for deadline := time.Now().Add(patience); !strings.Contains(logged.String(), mark); {
		if time.Now().After(deadline) {
			t.Fatal("PostgreSQL's log does not come")
		}
	}
}

// Whatever a list is sorted by, a page of it reads not many more rows than it shows.
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
	plans, long := 0, 0
	for _, l := range found {
		as, address := s.asker(l.Path), l.address(s.rows[tenantA])
		for _, sort := range l.sorts {
			query := url.Values{"limit": {"20"}, "sort": {sort}}
			for page := range 2 {
				got, n := s.frugal(t, as, address, query)
				plans += n
				_, next, _ := strings.Cut(got.text, `"next":"`)
				if next, _, _ = strings.Cut(next, `"`); next == "" {
					break
				}
				long += page
				query.Set("cursor", next)
			}
		}
	}
	for _, address := range []string{"/v1/members", "/v1/operator/users"} {
		for _, q := range []string{"person", "person 1", "1", "19876@throng.example", "nobody"} { // all, half, half, one, none
			s.frugal(t, s.asker(address), address, url.Values{"limit": {"20"}, "q": {q}})
		}
	}
	if plans < len(found) || long < 20 {
		t.Errorf("%d plans of %d lists, %d second pages", plans, len(found), long)
	}
}

// frugal asks for a page and looks at the plans that PostgreSQL had for it. It returns how many there were.
func (s *stage) frugal(t *testing.T, as persona, address string, query url.Values) (got answer, plans int) {
	t.Helper()
	from := len(logged.String())
	got = s.send(t, as.token, http.MethodGet, address+"?"+query.Encode(), nil, as.from)
	s.barrier(t, from)
	log := logged.String()[from:]
	if found := greedy(log); len(found) > 0 {
		t.Errorf("GET %s?%s: a step reads many rows: %.4000s", address, query.Encode(), strings.Join(found, "\n"))
	}
	return got, strings.Count(log, "plan:")
}
