package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// named puts the id of a person of b into rows of a, as an archive can that somebody wrote by hand and had imported. Whoever
// reads those rows is told neither the name nor the address of that person.
func (s *stage) named(t *testing.T) (faults []string) {
	t.Helper()
	victim, owner := s.who("b learner"), s.who("a owner")
	entry := s.one(t, `insert into pool.audit_entry (tenant_id, actor, kind, action, target) values ($1, $2, 'person', 'tested', 'named') returning id::text`, s.tenants[tenantA], victim.user)
	session := s.one(t, `insert into pool.session (tenant_id, id, user_id, lab_id, version_id, environment_id, host, state, ended_at, deadline)
		select l.tenant_id, uuidv7(), $2, l.id, v.id, uuidv7(), 'test', 'ended', now(), now()
		from pool.lab l join pool.lab_version v on v.tenant_id = l.tenant_id and v.lab_id = l.id where l.tenant_id = $1 limit 1 returning id::text`, s.tenants[tenantA], victim.user)
	defer func() {
		s.exec(t, `delete from pool.audit_entry where id = $1`, entry)
		s.exec(t, `delete from pool.session where id = $1`, session)
	}()
	for address, row := range map[string]string{
		"/v1/tenant/audit?target=named": entry, "/v1/tenant/audit/export?format=csv&target=named": entry,
		"/v1/sessions?scope=all&limit=200": session, "/v1/sessions/" + session: session,
	} {
		got := s.send(t, owner.token, http.MethodGet, address, nil)
		switch {
		case got.status != http.StatusOK || !strings.Contains(got.text, row):
			faults = append(faults, "GET "+address+" does not show the row that was planted: "+got.String())
		case strings.Contains(got.text, victim.email), strings.Contains(got.text, "Ada "+victim.name):
			faults = append(faults, "GET "+address+" tells who a person of another tenant is")
		}
	}
	return faults
}
