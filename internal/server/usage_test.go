package server_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Whoever may see API keys and machine clients reads in the usage what each is called. Whoever may see the plan alone reads that
// there are programs, not that they were removed.
func TestUsageNamesProgramsToWhoeverMaySeeThem(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	owner := s.who("a owner")
	key := func(name string, grants ...tenancy.Permission) persona {
		s.joinKey(t, persona{name: name, of: tenantA, role: tenancy.RoleOwner, grants: grants}, owner, "")
		return s.who(name)
	}
	narrowKey := key("plan key", policy.TenantRead)
	half := key("half key", policy.TenantRead, policy.KeyRead)
	wide := key("wide key", policy.TenantRead, policy.KeyRead, policy.MachineRead)
	s.joinKey(t, persona{name: "gone key", of: tenantA, role: tenancy.RoleOwner, grants: []tenancy.Permission{policy.TenantRead}}, owner, "")
	gone := s.who("gone key")
	s.send(t, gone.token, http.MethodGet, "/v1/tenant/plan", nil)
	s.exec(t, `delete from identity.api_key where id = $1`, gone.user) // long after it was revoked
	for _, c := range []struct {
		as                           persona
		path, kind, called, vanished string // of the key with the narrowest scope, and of the one that is gone
	}{
		{owner, "/v1/tenant/usage", "key", "plan key", "removed"},
		{wide, "/v1/tenant/usage", "key", "plan key", "removed"},
		{half, "/v1/tenant/usage", "key", "plan key", "program"},
		{narrowKey, "/v1/tenant/usage", "program", "", "program"},
		{s.who("operator"), "/v1/operator/tenants/" + s.tenants[tenantA] + "/usage", "program", "", "program"},
	} {
		s.send(t, narrowKey.token, http.MethodGet, "/v1/tenant/plan", nil)
		got := s.send(t, c.as.token, http.MethodGet, c.path, nil)
		var use struct {
			Programs []struct {
				ID, Name, Kind string
				Month          int64
			}
		}
		if err := json.Unmarshal([]byte(got.text), &use); err != nil || got.status != http.StatusOK {
			t.Fatalf("%s: %s %v", c.as.name, got.text, err)
		}
		found := 0
		for _, p := range use.Programs {
			switch p.ID {
			case narrowKey.user:
				if found++; p.Kind != c.kind || p.Name != c.called || p.Month == 0 {
					t.Errorf("%s: %+v, want a %s called %q", c.as.name, p, c.kind, c.called)
				}
			case gone.user:
				if found++; p.Kind != c.vanished || p.Name != "" {
					t.Errorf("%s: %+v of a key that is gone, want %s", c.as.name, p, c.vanished)
				}
			}
		}
		if found != 2 {
			t.Errorf("%s: %d of two programs are there: %s", c.as.name, found, got.text)
		}
	}
}

// metricLine is a line of the metrics.
var metricLine = regexp.MustCompile(`^(cloudkida_[a-z_]+)(?:\{(.*)\})? (\S+)$`)

// measured are the program's own metrics, by name and labels.
func (s *stage) measured(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(s.send(t, "", http.MethodGet, s.ops+"/metrics", nil).text) {
		if m := metricLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			all[m[1]+"{"+m[2]+"}"] = m[3]
		}
	}
	return all
}

// Requests, refusals and limits are in the metrics, each under labels of which there are few: whoever asks for other things, as
// other people or from elsewhere, adds no line.
func TestTheGateIsMeasuredUnderFewLabels(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	flood := func() {
		p := s.newcomer(t, narrow, tenancy.RoleOwner)
		for n, hit := 0, false; !hit; n++ {
			hit = s.read(t, p.token, n).status == http.StatusTooManyRequests
		}
		s.send(t, p.token+"x", http.MethodGet, "/v1/labs", nil)
		s.send(t, s.who("a learner").token, http.MethodGet, "/v1/api-keys", nil)
		s.send(t, s.who("a owner").token, http.MethodGet, "/v1/none/"+p.user, nil)
		s.send(t, s.who("a owner").token, http.MethodGet, "/v1/labs/lab-nowhere", nil)
	}
	for range 3 { // the first is over a person's limit, the others over the organisation's
		flood()
	}
	before := s.measured(t)
	for _, name := range []string{
		`cloudkida_limited_requests_total{limit="user"}`,
		`cloudkida_limited_requests_total{limit="organisation"}`,
		`cloudkida_http_request_seconds_count{route="GET /v1/labs",status="200"}`,
		`cloudkida_http_request_seconds_count{route="GET /v1/labs",status="429"}`,
		`cloudkida_http_request_seconds_count{route="GET /v1/labs",status="401"}`,
		`cloudkida_http_request_seconds_count{route="GET /v1/api-keys",status="403"}`,
		`cloudkida_http_request_seconds_count{route="GET /v1/labs/{slug}",status="404"}`,
	} {
		if before[name] == "" {
			t.Errorf("nothing is measured as %s", name)
		}
	}
	for range 3 {
		flood()
	}
	after := s.measured(t)
	for name := range after {
		if _, ok := before[name]; !ok && strings.Contains(name, "limit=") {
			t.Errorf("other people add %s", name)
		}
		for tenant, id := range s.tenants {
			if strings.Contains(name, id) || strings.Contains(name, `"`+tenant+`"`) {
				t.Errorf("%s tells of %s", name, tenant)
			}
		}
	}
	limited := `cloudkida_limited_requests_total{limit="organisation"}`
	if after[limited] == before[limited] {
		t.Errorf("what limits refuse is not counted: %s", after[limited])
	}
	known := []string{"user", "organisation", "key", "day", "month", "key-day", "key-month", "operator", "address", "streams"} // docs/limits.md
	for name := range after {
		if label, ok := strings.CutPrefix(name, `cloudkida_limited_requests_total{limit="`); ok && !slices.Contains(known, strings.TrimSuffix(label, `"}`)) {
			t.Errorf("%s is of no limit that is described", name)
		}
	}
}
