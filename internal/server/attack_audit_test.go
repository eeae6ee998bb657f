package server_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// unrecorded are the operations that this test does not look for an entry of, each with the reason. Another operation that
// changes something must leave an entry.
func unrecorded() map[string]string {
	const within = "what a learner does within a lab of their own: kept as its results"
	const elsewhere = "held where it is made: "
	return map[string]string{
		"POST /v1/identity-providers/{id}/test":                   "changes nothing: it asks the provider",
		"POST /v1/identity-providers/{id}/test-sign-in":           "changes nothing: it makes an address for the browser",
		"POST /v1/mail/templates/{kind}/{locale}/preview":         "changes nothing",
		"POST /v1/mail/templates/{kind}/{locale}/test":            "changes nothing: it sends the caller a letter",
		"POST /v1/policies/check":                                 "changes nothing",
		"POST /v1/policies/simulate":                              "changes nothing",
		"POST /v1/registrations/key":                              elsewhere + "key.created, in the transaction of the key: internal/app/apikey; it needs a registration",
		"POST /v1/invitations/look":                               "changes nothing",
		"POST /v1/invitations/enter":                              "makes the link that accepts; accepting leaves the entry",
		"POST /v1/invitations/accept":                             elsewhere + "TestAccepting in internal/app/invitation",
		"POST /v1/invitations/bulk":                               elsewhere + "the same as one invitation each",
		"POST /v1/registrations":                                  "there is no organisation yet: the registration itself is the record",
		"POST /v1/registrations/confirm":                          "starts the workflow that makes the organisation, whose log begins with it",
		"POST /v1/registrations/enter":                            "makes a link for the browser",
		"POST /v1/sessions":                                       elsewhere + "session.started, in the transaction of the start; it needs a host",
		"POST /v1/sessions/{id}/checks/{step}/{name}/run":         within,
		"POST /v1/sessions/{id}/files":                            within,
		"POST /v1/sessions/{id}/restart":                          elsewhere + "an end and a start, both with entries; it needs a host",
		"POST /v1/sessions/{id}/steps/{step}/hints/{hint}/reveal": within,
		"POST /v1/sessions/{id}/steps/{step}/quiz":                within,
		"POST /v1/sessions/{id}/tickets":                          "changes nothing: it opens a terminal for 30 seconds",
		"POST /v1/tenant/domains/{id}/check":                      "asks the DNS; the entry is of what is found: TestDomain in internal/control/directory",
		"POST /v1/tenant/offboard":                                elsewhere + "the same as an operator's, in internal/control/tenant",
		"POST /v1/tenant/offboard/cancel":                         elsewhere + "the same as an operator's, in internal/control/tenant",
		"POST /v1/tenant/tier":                                    elsewhere + "the same as an operator's, in internal/control/tenant",
		"POST /v1/operator/tenants/{id}/resume":                   elsewhere + "tenant_test.go in internal/control/tenant; here the tenant is busy",
		"POST /v1/operator/tenants/{id}/offboard":                 elsewhere + "tenant_test.go in internal/control/tenant; here the tenant is busy",
	}
}

// try is how an operation is called so that it succeeds, where the example of its description does not do.
type try struct {
	as   string
	rows ids            // in place of a's
	set  map[string]any // in the example; nil takes a member out
	raw  []byte         // the whole body
	sql  []string       // before, with the id of a as $1 where it is used
}

// tries are in the order in which they are made possible: what removes comes after what adds, see rank.
func (s *stage) tries(t *testing.T) map[string]try {
	t.Helper()
	learner, author := s.who("a learner").user, s.who("a author").email
	workflow := func(state string) string {
		return s.one(t, `insert into control.workflow (kind, tenant_id, input, state, not_before) values ('tenant.export', null, '{}', $1, now() + interval '1 day') returning id::text`, state)
	}
	device := s.one(t, `insert into identity.browser_session (token_hash, pool_id, user_id, methods, idle_at, expires_at)
		select sha256('device'), pool_id, id, '{pwd}', now() + interval '1 hour', now() + interval '1 hour' from identity."user" where id = $1 returning id::text`, learner)
	ownerless := s.one(t, `insert into control.tenant (name, title, tier) values ('ownerless', 'ownerless', 'premium') returning id::text`)
	siloed := s.one(t, `insert into control.tenant (name, title, tier) values ('siloed', 'siloed', 'premium') returning id::text`)
	s.exec(t, `update app.tenant_scope set schema = 'silo_x', login = 'cloudkida_silo_x', problem = 'x' where tenant_id = $1`, siloed)
	return map[string]try{
		"POST /v1/groups":                            {set: map[string]any{"name": "New", "parent": nil}},
		"PUT /v1/groups/{id}":                        {set: map[string]any{"name": "Other", "parent": nil}},
		"POST /v1/identity-providers":                {set: map[string]any{"issuer": "https://idp.example.com", "name": "IdP", "scopes": []string{"openid"}, "roles": map[string]any{}}},
		"PUT /v1/identity-providers/{id}":            {set: map[string]any{"issuer": "https://idp.example.com", "name": "IdP 2", "scopes": []string{"openid"}, "roles": map[string]any{}}},
		"POST /v1/invitations/{id}/resend":           {sql: []string{`update identity.invitation set sent_at = now() - interval '1 hour' where tenant_id = $1`}},
		"POST /v1/labs":                              {raw: labArchive(t, "python-http", "swept", "Swept")},
		"POST /v1/me/erasure":                        {as: "a author", set: map[string]any{"confirm": author, "password": stagePassword}},
		"POST /v1/me/factors/recovery-codes":         {as: "a learner", sql: []string{`update identity.factor set confirmed_at = now() where user_id in (select user_id from identity.membership where tenant_id = $1)`, `update identity.token_family set methods = '{mfa}' where tenant_id = $1`}},
		"DELETE /v1/me/factors/{id}":                 {as: "a learner"},
		"DELETE /v1/me/grants/{client}":              {sql: []string{`insert into identity.client_approval (pool_id, user_id, client_id, scopes) select c.pool_id, m.user_id, c.id, '{openid}' from identity.client c join identity.membership m on m.tenant_id = c.tenant_id where c.tenant_id = $1`}},
		"POST /v1/me/password":                       {as: "b instructor", set: map[string]any{"current": stagePassword, "new": "fünf Fische im Teich"}},
		"DELETE /v1/me/sessions/{id}":                {as: "a learner", rows: ids{"session": device}},
		"POST /v1/policies/{id}/restore":             {sql: []string{`insert into pool.policy_version (tenant_id, policy_id, number, title, text, enabled) select tenant_id, id, 1, title, text, enabled from pool.policy where tenant_id = $1 on conflict do nothing`}, set: map[string]any{"version": 1}},
		"POST /v1/operator/users/{id}/disable":       {rows: ids{"user": s.who("b learner").user}},
		"POST /v1/operator/users/{id}/enable":        {rows: ids{"user": s.who("b learner").user}},
		"PUT /v1/members/{user}/status":              {set: map[string]any{"status": "disabled"}, rows: ids{"user": s.who("a admin").user}},
		"PATCH /v1/members/{user}":                   {set: map[string]any{"role": "author"}, rows: ids{"user": s.who("a instructor").user}},
		"DELETE /v1/members/{user}":                  {rows: ids{"user": s.who("a instructor").user}},
		"PUT /v1/groups/{id}/labs/{slug}":            {sql: []string{`delete from pool.group_lab where tenant_id = $1`}},
		"PUT /v1/groups/{id}/members/{user}":         {rows: ids{"user": s.who("a instructor").user}},
		"POST /v1/oauth-clients/{client}/secret":     {sql: []string{`update identity.client set secret_hash = sha256('x') where tenant_id = $1`}},
		"POST /v1/operator/mail/{id}/retry":          {sql: []string{`update control.mail_message set state = 'failed' where tenant_id = $1`}},
		"POST /v1/operator/tenants/{id}/move":        {rows: ids{"tenant": s.tenants[tenantB]}, set: map[string]any{"placement": "silo"}},
		"POST /v1/operator/tenants/{id}/tier":        {rows: ids{"tenant": s.tenants[suspended]}, set: map[string]any{"tier": "standard"}, sql: []string{`update control.tenant set status = 'active' where name = 'shut' and id <> $1`}},
		"POST /v1/operator/tenants/{id}/suspend":     {rows: ids{"tenant": s.tenants[ownPool]}},
		"POST /v1/operator/tenants/{id}/owner":       {rows: ids{"tenant": ownerless}, set: map[string]any{"email": "owner@attack.example"}},
		"POST /v1/operator/tenants/{tenant}/exports": {rows: ids{"tenant": ownerless}},
		"POST /v1/operator/tiers/{name}":             {rows: ids{"plan": "fresh"}},
		"DELETE /v1/operator/tiers/{name}":           {rows: ids{"plan": "fresh"}},
		"POST /v1/operator/upgrades/{tenant}/retry":  {rows: ids{"tenant": siloed}},
		"POST /v1/operator/workflows/{id}/resume":    {rows: ids{"workflow": workflow("stuck")}},
		"POST /v1/operator/workflows/{id}/cancel":    {rows: ids{"workflow": workflow("waiting")}},
		"POST /v1/sessions/{id}/end":                 {as: "a learner"},
		"POST /v1/sessions/{id}/extend":              {as: "a learner"},
		"PUT /v1/sign-in-rule":                       {sql: []string{`insert into identity.federation_rule (tenant_id, only_through) values ($1, true)`}},
		"PUT /v1/sign-in-settings":                   {as: "s owner", set: map[string]any{"mode": "off", "roles": []any{}}},
		"PUT /v1/sign-in-settings/pool":              {as: "s owner", set: map[string]any{"signUp": "invitation", "domains": []any{}}},
		"POST /v1/sign-in-settings/keys/rotate":      {as: "s owner"},
		"PUT /v1/operator/pools/{pool}/factors":      {set: map[string]any{"mode": "off", "roles": []any{}}},
		"PUT /v1/mail/templates/{kind}/{locale}":     {set: map[string]any{"subject": "Come in", "text": "{{.link}}", "html": ""}},
		"POST /v1/mail/templates/{kind}/{locale}/restore": {sql: []string{`insert into pool.mail_template (tenant_id, kind, locale, number, subject, text, html) values ($1, 'invitation', 'hi', 1, 'Before', '', '') on conflict do nothing`,
			`insert into pool.mail_template (tenant_id, kind, locale, number, subject, text, html) select $1, 'invitation', 'hi', max(number) + 1, 'After', '', '' from pool.mail_template where tenant_id = $1`}, set: map[string]any{"version": 1}},
		"DELETE /v1/mail/templates/{kind}/{locale}": {sql: []string{`insert into pool.mail_template (tenant_id, kind, locale, number, subject, text, html) select $1, 'invitation', 'hi', coalesce(max(number), 0) + 1, 'Own', '', '' from pool.mail_template where tenant_id = $1`}},
		"POST /v1/mail/{id}/retry":                  {sql: []string{`update control.mail_message set state = 'failed' where tenant_id = $1`}},
		"POST /v1/tenant/domains":                   {set: map[string]any{"domain": "new.example"}},
	}
}

// rank is when an operation is called: first what adds and changes, then what removes, at last what ends somebody.
func (o operation) rank() int {
	switch {
	case strings.HasSuffix(o.Path, "/extend"), strings.Contains(o.Path, "recovery-codes"), strings.HasPrefix(o.Path, "/v1/me/grants"),
		o.Path == "/v1/sign-in-rule", o.Path == "/v1/tenant/domains", strings.HasPrefix(o.Path, "/v1/tenant/brand") && o.Method == http.MethodPut, o.Path == "/v1/tenant/exports":
		return 0
	case strings.HasSuffix(o.Path, "/suspend"), strings.HasPrefix(o.Path, "/v1/me/"), strings.HasSuffix(o.Path, "/reset"):
		return 4
	case o.Method == http.MethodDelete && o.Path == "/v1/members/{user}":
		return 3
	case o.Method == http.MethodDelete:
		return 2
	}
	return 1
}

// recorded is what a request left in any log: the sides of the change that its entries have, "before", "after", "before after"
// or "" of one that has neither; nothing where there is no entry. The two sides of a change are never the same.
func (s *stage) recorded(t *testing.T, request string) (sides string, ok bool) {
	t.Helper()
	found := s.one(t, `select coalesce(max(concat_ws(' ', 'entry', case when before is not null then 'before' end, case when after is not null then 'after' end)
			|| case when before = after then ' the same' else '' end), '')
		from (select request, before, after from pool.audit_entry union all select request, before, after from control.audit_entry
			union all select request, before, after from identity.audit_event) e where request = $1`, request)
	sides, ok = strings.CutPrefix(found, "entry")
	return strings.TrimSpace(sides), ok
}

// oneSided are the changes of which an entry has no before, no after or neither although their method says that they replace or
// remove something, each with the reason.
func oneSided() map[string]struct{ sides, why string } {
	const back = "the organisation has the limit of its tier again"
	const joins = "it puts something into a group, which had it not"
	return map[string]struct{ sides, why string }{
		"PUT /v1/groups/{id}/labs/{slug}":                 {"after", joins},
		"PUT /v1/groups/{id}/members/{user}":              {"after", joins},
		"DELETE /v1/me/sessions":                          {"", "all of them end, whichever there are"},
		"DELETE /v1/operator/tenants/{id}/limits/{limit}": {"before after", back},
		"PATCH /v1/me":                                    {"", "names of people are in no log, so that erasing somebody leaves no trace of the name"},
	}
}

// wantSides are the sides that the entry of a change must have, by what its method says that it does.
func (o operation) wantSides() string {
	if special, ok := oneSided()[o.Method+" "+o.Path]; ok {
		return special.sides
	}
	switch o.Method {
	case http.MethodPut, http.MethodPatch:
		return "before after"
	case http.MethodDelete:
		return "before"
	}
	return ""
}

// prepared is the request of an operation that is to succeed.
func (s *stage) prepared(t *testing.T, o operation, c try) (as persona, address string, body []byte) {
	t.Helper()
	name := "a owner"
	if strings.HasPrefix(o.Path, "/v1/operator/") {
		name = "operator"
	}
	about := maps.Clone(s.rows[tenantA])
	maps.Copy(about, c.rows)
	for _, sql := range c.sql {
		s.exec(t, sql, s.tenants[tenantA])
	}
	if c.set != nil {
		o.Body = maps.Clone(o.Body)
		for member, value := range c.set {
			if o.Body[member] = value; value == nil {
				delete(o.Body, member)
			}
		}
	}
	address, body = o.fill(about)
	if c.raw != nil {
		body = c.raw
	}
	return s.who(cmp.Or(c.as, name)), address, body
}

// sendAny sends a change with whatever version it asks for: none, or that of a row that has not been changed, or once.
func (s *stage) sendAny(t *testing.T, as persona, o operation, address string, body []byte) (got answer) {
	t.Helper()
	for _, match := range []string{"", "*", `"1"`, `"0"`, `"2"`} {
		got = s.send(t, as.token, o.Method, address, body, func(r *http.Request) {
			if match != "" {
				r.Header.Set("If-Match", match)
			}
			if !json.Valid(body) {
				r.Header.Set("Content-Type", "application/gzip")
			}
		})
		if !slices.Contains([]int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusPreconditionFailed, http.StatusPreconditionRequired}, got.status) {
			break
		}
	}
	return got
}

// A successful call of whatever changes something leaves an entry in a log, with the id of its request; what replaces something
// says what was before and what is after, and what removes something what was before.
func TestEveryChangeLeavesAnEntry(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	tries, seen := s.tries(t), 0
	s.operations = slices.DeleteFunc(s.operations, func(o operation) bool { return !o.changes() })
	slices.SortStableFunc(s.operations, func(a, b operation) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, o := range s.operations {
		id := o.Method + " " + o.Path
		if _, ok := unrecorded()[id]; ok {
			continue
		}
		as, address, body := s.prepared(t, o, tries[id])
		got := s.sendAny(t, as, o, address, body)
		sides, ok := s.recorded(t, got.header.Get("X-Request-Id"))
		switch {
		case got.status >= http.StatusMultipleChoices:
			t.Errorf("%s as %s: %d %.200s: let tries call it so that it succeeds, or unrecorded say why it leaves no entry", id, as.name, got.status, got.text)
		case !ok:
			t.Errorf("%s as %s: %d, and no log has it", id, as.name, got.status)
		case o.wantSides() != "" && sides != o.wantSides():
			t.Errorf("%s as %s: its entry has %q, want %q: what was, and what is", id, as.name, sides, o.wantSides())
		default:
			seen++
		}
	}
	if seen < 40 {
		t.Errorf("only %d changes were made", seen)
	}
	for id := range unrecorded() {
		if !slices.ContainsFunc(s.operations, func(o operation) bool { return o.Method+" "+o.Path == id }) {
			t.Errorf("%s is excused and not there", id)
		}
	}
	for id := range oneSided() {
		if !slices.ContainsFunc(s.operations, func(o operation) bool { return o.Method+" "+o.Path == id }) {
			t.Errorf("%s is said to be one-sided and not there", id)
		}
	}
}
