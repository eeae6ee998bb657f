package server_test

import (
	"fmt"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/server"
)

// patterns lists what the muxes have with this access, methods spelt out.
func patterns(routes []httpx.Route, a httpx.Access) (list []string) {
	for _, r := range routes {
		if r.Access == a {
			pattern := r.Pattern
			if !strings.Contains(pattern, " ") {
				pattern = "GET " + pattern
			}
			list = append(list, pattern)
		}
	}
	return list
}

// The suite must have somebody to ask for every access, and know every operation of the API.
func TestEveryPatternIsAttacked(t *testing.T) {
	t.Parallel()
	public, private := server.Routes()
	attacked := map[httpx.Access]string{
		httpx.ByPermission: "permissions, crossing", httpx.Anybody: "pages", httpx.PoolPage: "poolPages",
		httpx.ByTicket: "terminals", httpx.LabCookie: "labOrigins", httpx.OpsListener: "opsPages",
	}
	described := map[string]bool{}
	for _, o := range describe(t) {
		described[o.Method+" "+o.Path+" "+string(o.Permission)] = true
	}
	for _, r := range public {
		if attacked[r.Access] == "" {
			t.Errorf("%s: nothing attacks what is open by %q", r.Pattern, r.Access)
		}
		if r.Access == httpx.OpsListener {
			t.Errorf("%s is for the private listener and is on the public one", r.Pattern)
		}
		if r.Access == httpx.ByPermission && !described[r.Pattern+" "+string(r.Permission)] {
			t.Errorf("%s is not described with its permission %q", r.Pattern, r.Permission)
		}
	}
	for _, r := range private {
		if r.Access != httpx.OpsListener && r.Access != httpx.Anybody {
			t.Errorf("%s, open by %q, is on the private listener, which asks nobody who they are", r.Pattern, r.Access)
		}
	}
	// What each of these was written for: another one needs an attack of its own.
	if got := patterns(public, httpx.ByTicket); !slices.Equal(got, []string{"GET /v1/sessions/{id}/terminals/{name}"}) {
		t.Errorf("terminals attacks none of %q", got)
	}
	if got := patterns(public, httpx.LabCookie); !slices.Equal(got, []string{"GET {port}--{session}.labs.localhost/"}) {
		t.Errorf("labOrigins attacks none of %q", got)
	}
	if len(public) < 100 || len(patterns(public, httpx.PoolPage)) < 20 || len(patterns(private, httpx.OpsListener)) < 3 {
		t.Errorf("only %d and %d patterns are listed", len(public), len(private))
	}
	field, _ := reflect.TypeFor[server.Config]().FieldByName("OpsListen")
	if host, _, err := net.SplitHostPort(field.Tag.Get("default")); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("the private listener is on %q unless somebody says otherwise", field.Tag.Get("default"))
	}
}

// pages asks for what is open to anybody: it is the same for everybody, whatever they name.
func (s *stage) pages(t *testing.T) (faults []string) {
	t.Helper()
	public, _ := server.Routes()
	for _, pattern := range patterns(public, httpx.Anybody) {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{pool}", "default", "{file}", "page.css").Replace(path) +
			"?tenant=" + s.tenants[tenantB] + "&session=" + s.rows[tenantB]["session"]
		want := s.send(t, "", method, path, nil)
		for _, p := range s.personas {
			got := s.send(t, p.token, method, path, nil)
			if got.String() != want.String() || strings.Contains(got.text, jewels) {
				faults = append(faults, fmt.Sprintf("%s as %s: %s, but %s to strangers, or it shows rows", pattern, p.name, got, want))
			}
		}
	}
	return faults
}

// opsPages asks for the private listener's pages: nobody finds them on the public one, and no row of a tenant is in them.
func (s *stage) opsPages(t *testing.T) (faults []string) {
	t.Helper()
	_, private := server.Routes()
	for _, pattern := range patterns(private, httpx.OpsListener) {
		method, path, _ := strings.Cut(pattern, " ")
		for _, p := range s.personas {
			if got := s.send(t, p.token, method, path, nil); got.status != http.StatusNotFound {
				faults = append(faults, fmt.Sprintf("%s on the public listener as %s: %s", pattern, p.name, got))
			}
		}
	}
	metrics := s.send(t, "", http.MethodGet, s.ops+"/metrics", nil)
	if metrics.status != http.StatusOK || !strings.Contains(metrics.text, "cloudkida_http_request_seconds") {
		faults = append(faults, "the private listener has no metrics")
	}
	for tenant, about := range s.rows {
		for kind, id := range about {
			if len(id) == len(uuid.Nil.String()) && strings.Contains(metrics.text, id) || strings.Contains(metrics.text, jewels) {
				faults = append(faults, fmt.Sprintf("the metrics name the %s of %s", kind, tenant))
			}
		}
	}
	if api := s.send(t, s.who("operator").token, http.MethodGet, s.ops+"/v1/me", nil); api.status != http.StatusNotFound {
		faults = append(faults, "the API answers on the private listener: "+api.String())
	}
	return append(faults, s.jobsConsole(t)...)
}

// jobsConsole asks for the jobs as somebody who reaches the private listener: no content of a tenant is in them, nothing
// goes through that changes one, and no other name of the host is answered.
func (s *stage) jobsConsole(t *testing.T) (faults []string) {
	t.Helper()
	console := s.ops + job.ConsolePath
	html := func(r *http.Request) { r.Header.Set("Accept", "text/html") }
	if page := s.send(t, "", http.MethodGet, console+"/", nil, html); page.status != http.StatusOK || !strings.Contains(page.text, "<html") {
		faults = append(faults, "the private listener has no jobs console: "+page.String())
	}
	before := s.one(t, `select coalesce(md5(string_agg(kind || args::text, '|' order by id)), '') from river.river_job where kind = 'attack.test'`)
	for _, state := range []string{"available", "running", "completed", "discarded", "retryable", "scheduled", "pending", "cancelled"} {
		got := s.send(t, "", http.MethodGet, console+"/api/jobs?limit=1000&state="+state, nil)
		if got.status != http.StatusOK {
			faults = append(faults, fmt.Sprintf("the jobs console, state %s: %s", state, got))
		}
		if strings.Contains(got.text, jewels) {
			faults = append(faults, "the jobs console shows what a job carries besides ids")
		}
		if state == "discarded" && !strings.Contains(got.text, "attack.test") {
			faults = append(faults, "the jobs console does not show the job that was planted")
		}
	}
	id := s.one(t, `select id::text from river.river_job where kind = 'attack.test' limit 1`)
	if got := s.send(t, "", http.MethodGet, console+"/api/jobs/"+id, nil); got.status != http.StatusOK || strings.Contains(got.text, jewels) {
		faults = append(faults, "the jobs console shows what one job carries besides ids: "+got.String())
	}
	for _, change := range []string{
		"POST /api/jobs/retry", "POST /api/jobs/cancel", "POST /api/jobs/delete", "PUT /api/queues/default/pause", "PUT /api/queues/default/resume",
		"PATCH /api/queues/default", "DELETE /api/jobs/" + id, "POST /",
	} {
		method, path, _ := strings.Cut(change, " ")
		if got := s.send(t, s.who("operator").token, method, console+path, []byte(`{"ids":["`+id+`"]}`)); got.status != http.StatusMethodNotAllowed {
			faults = append(faults, fmt.Sprintf("the jobs console takes %s: %s", change, got))
		}
	}
	if after := s.one(t, `select coalesce(md5(string_agg(kind || args::text, '|' order by id)), '') from river.river_job where kind = 'attack.test' and state = 'discarded'`); after != before {
		faults = append(faults, "the planted job changed by way of the jobs console")
	}
	for _, host := range []string{"attacker.example", "attacker.example:9090", "localhost.attacker.example", "127.0.0.1.nip.example"} {
		for _, path := range []string{"/", "/api/jobs"} {
			got := s.send(t, "", http.MethodGet, console+path, nil, html, func(r *http.Request) { r.Host = host })
			if got.status != http.StatusForbidden || got.code != "foreign_host" {
				faults = append(faults, fmt.Sprintf("the jobs console answers to the name %s: %s", host, got))
			}
		}
	}
	return faults
}
