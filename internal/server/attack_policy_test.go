package server_test

import (
	"fmt"
	"net/http"
	"testing"
)

// plantPolicy gives a tenant two labs, one of which its own policy hides from its instructor. In the two tenants it is not
// the same one.
func (s *stage) plantPolicy(t testing.TB, tenant, hidden string) string {
	t.Helper()
	for _, slug := range []string{"one", "two"} {
		s.exec(t, `insert into pool.lab (tenant_id, slug, title, summary, version, search) values ($1, 'policy-' || $2::text, $3, '', 1, '')`, s.tenants[tenant], slug, jewels+tenant)
	}
	text := fmt.Sprintf(`forbid (principal == User::"%s", action == Action::"lab.read", resource == Lab::"policy-%s");`, s.who(tenant[:1]+" instructor").user, hidden)
	return s.one(t, `insert into pool.policy (tenant_id, title, text, enabled) values ($1, $2, $3, true) returning id::text`, s.tenants[tenant], jewels+tenant, text)
}

// policies asks for what organisations' own policies say: in each it is another thing, and holds for one person.
func (s *stage) policies(t *testing.T) (faults []string) {
	t.Helper()
	for tenant, hidden := range map[string]string{tenantA: "one", tenantB: "two"} {
		for _, slug := range []string{"one", "two"} {
			for _, role := range []string{"instructor", "author"} {
				want := http.StatusOK
				if role == "instructor" && slug == hidden {
					want = http.StatusNotFound
				}
				who := s.who(tenant[:1] + " " + role)
				if got := s.send(t, who.token, http.MethodGet, "/v1/labs/policy-"+slug, nil); got.status != want {
					faults = append(faults, fmt.Sprintf("GET /v1/labs/policy-%s as %s: %s, want %d", slug, who.name, got, want))
				}
			}
		}
	}
	return faults
}
