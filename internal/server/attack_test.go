package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// The attack suite is generated: from the API's description and from what the muxes list. Every pattern is asked by every
// persona, and what they must be answered is computed from what the pattern declares. A new route is in it without an
// edit; one that declares nothing does not start. docs/security-tests.md tells more.

// answer is what came back: the status, the problem's code, and what was read of the body.
type answer struct {
	status int
	code   string
	text   string
	header http.Header
}

// String leaves out what is different each time.
func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.code) }

// denied tells whether the policy said no, unlike a rule of the feature itself.
func (a answer) denied() bool {
	return slices.Contains([]string{"forbidden", "operator_only", "scope_missing", "people_only"}, a.code)
}

// send asks with a token, if there is one. What comes with change is put into the request at last.
func (s *stage) send(t *testing.T, token, method, address string, body []byte, change ...func(*http.Request)) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if strings.HasPrefix(address, "/") {
		address = s.url + address
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	for _, f := range change {
		f(req)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer res.Body.Close()
	most := int64(1 << 20)
	if strings.Contains(res.Header.Get("Content-Type"), "event-stream") {
		most = 256 // the rest comes when something happens
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, most))
	known.learn(method+" "+address, text)
	if int64(len(text)) < most && strings.HasPrefix(address, s.url) && !s.mistaken.Load() { // else there may be more, or it is another listener's
		keepsPromise(t, req, res, text)
	}
	for _, cookie := range res.Cookies() {
		known.add("cookie "+cookie.Name, cookie.Value)
	}
	var problem struct{ Code string }
	_ = json.Unmarshal(text, &problem)
	return answer{status: res.StatusCode, code: problem.Code, text: string(text), header: res.Header}
}

// ask asks an operation about rows.
func (s *stage) ask(t *testing.T, p persona, o operation, about ids) answer {
	t.Helper()
	address, body := o.fill(about)
	return s.send(t, p.token, o.Method, address, body, func(r *http.Request) {
		for _, name := range o.Header {
			r.Header.Set(name, uuid.NewString())
			if name == "If-Match" {
				r.Header.Set(name, "*")
			}
		}
		r.Header.Set("X-Tenant-Id", about["tenant"]) // what a careless handler could read
		p.from(r)
	})
}

// allowed is what the declared permission says.
func (p persona) allowed(permission tenancy.Permission) bool {
	switch {
	case permission == httpx.Public:
		return true
	case p.grants != nil && !slices.Contains(p.grants, permission):
		return false
	case permission == policy.OperatorRead || permission == policy.OperatorWrite:
		return p.refused == 0 && p.operator
	default:
		return p.refused == 0 && slices.Contains(policy.Permissions(p.role), permission)
	}
}

// endsOthers tells whether a change is meant to end other sign-ins of the same person, which two personas are.
func (o operation) endsOthers(p persona) bool {
	return o.Method == http.MethodDelete && o.Path == "/v1/me/sessions" && strings.HasPrefix(p.name, "both")
}

// part chooses what is asked: all of it where nothing is said.
type part struct {
	op      func(operation) bool
	persona []string
}

func (c part) operations(s *stage) []operation {
	if c.op == nil {
		return s.operations
	}
	return slices.DeleteFunc(slices.Clone(s.operations), func(o operation) bool { return !c.op(o) })
}

func (c part) personas(s *stage, want func(persona) bool) []persona {
	return slices.DeleteFunc(slices.Clone(s.personas), func(p persona) bool {
		return !want(p) || len(c.persona) > 0 && !slices.Contains(c.persona, p.name)
	})
}

// permissions compares every operation as every persona with what its declaration says.
func (s *stage) permissions(t *testing.T, chosen part) (faults []string) {
	t.Helper()
	for _, o := range chosen.operations(s) {
		for _, p := range chosen.personas(s, func(persona) bool { return true }) {
			if o.endsOthers(p) {
				continue
			}
			about := nowhere() // allowed changes find nothing to change
			if own := s.rows[p.of]; own != nil && !o.changes() {
				about = maps.Clone(own)
			}
			got, allowed := s.ask(t, p, o, about), p.allowed(o.Permission)
			var fault string
			switch {
			case o.Permission == httpx.Public:
				if got.status == http.StatusUnauthorized || got.denied() {
					fault = "a public route refuses"
				}
			case p.refused != 0:
				if got.status != p.refused {
					fault = fmt.Sprintf("want %d", p.refused)
				}
			case got.status >= http.StatusInternalServerError || got.code == "sign_in_required" || got.code == "invalid_token":
				fault = "neither allowed nor denied"
			case allowed == got.denied():
				fault = fmt.Sprintf("permission %s: allowed %v", o.Permission, allowed)
			case allowed && got.status == http.StatusUnprocessableEntity && got.code == "invalid_request":
				fault = "the request is not valid, so that its handler was not reached: " + got.text
			}
			if fault != "" {
				faults = append(faults, fmt.Sprintf("%s %s as %s: %s: %s", o.Method, o.Path, p.name, got, fault))
			}
		}
	}
	return faults
}

// crossing sends the ids of one tenant as everybody of another, in every path, query and body, and looks whether anything
// of it comes back or changes. What exists elsewhere must be refused exactly as what does not exist at all.
func (s *stage) crossing(t *testing.T, from, to string, chosen part) (faults []string) {
	t.Helper()
	before := s.digest(t, to)
	for _, o := range chosen.operations(s) {
		for _, p := range chosen.personas(s, func(p persona) bool { return p.of == from && p.refused == 0 }) {
			if p.operator && p.allowed(o.Permission) && !slices.Contains(policy.Permissions(p.role), o.Permission) {
				continue // operators are there for all tenants
			}
			if o.endsOthers(p) {
				continue
			}
			got := s.ask(t, p, o, s.rows[to])
			if fault := s.refusal(t, p, o, got); fault != "" {
				faults = append(faults, fmt.Sprintf("%s %s with ids of %s as %s: %s: %s", o.Method, o.Path, to, p.name, got, fault))
			}
			if strings.Contains(got.text, jewels+to) {
				faults = append(faults, fmt.Sprintf("%s %s with ids of %s as %s shows what it is", o.Method, o.Path, to, p.name))
			}
			if !o.changes() {
				faults = append(faults, s.shows(t, p, o, to)...)
			}
		}
	}
	return append(faults, s.changed(t, to, before)...)
}

// shows asks for all that somebody can see at home and looks for another tenant's rows in it.
func (s *stage) shows(t *testing.T, p persona, o operation, other string) (faults []string) {
	t.Helper()
	own := s.rows[p.of]
	if own == nil {
		own = nowhere()
	}
	for _, query := range o.widest() {
		got := s.send(t, p.token, o.Method, o.address(own)+"?"+query, nil)
		if strings.Contains(got.text, jewels+other) {
			faults = append(faults, fmt.Sprintf("%s %s?%s as %s shows rows of %s", o.Method, o.Path, query, p.name, other))
		}
		if strings.HasPrefix(p.name, "both") {
			continue // they may see what they are and did elsewhere
		}
		for kind, id := range s.rows[other] {
			if len(id) == len(uuid.Nil.String()) && strings.Contains(got.text, id) {
				faults = append(faults, fmt.Sprintf("%s %s?%s as %s names the %s of %s", o.Method, o.Path, query, p.name, kind, other))
			}
		}
	}
	return faults
}

// refusal says what is wrong with an answer to another tenant's ids.
func (s *stage) refusal(t *testing.T, p persona, o operation, got answer) string {
	t.Helper()
	switch {
	case !p.allowed(o.Permission):
		if !got.denied() {
			return "want the policy's refusal"
		}
		return ""
	case o.Permission == httpx.Public && got.status == http.StatusTooManyRequests:
		return "" // of one address, after what came before: see registrations
	case o.takesID() && got.status != http.StatusNotFound:
		return "want 404"
	case !o.takesID() && o.changes():
		return "" // changes of the caller's own, whatever stands in the query
	}
	none := s.ask(t, p, o, nowhere())
	if o.Permission == httpx.Public && none.status == http.StatusTooManyRequests {
		return "" // the limit of one address lies between the two
	}
	if none.String() != got.String() {
		return "tells that it exists: an id of nothing gives " + none.String()
	}
	return ""
}

// changed tells which rows of a tenant are not as before.
func (s *stage) changed(t *testing.T, tenant string, before map[string]string) (faults []string) {
	t.Helper()
	after := s.digest(t, tenant)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if after[name] != before[name] {
			faults = append(faults, fmt.Sprintf("rows of %s changed in %s: %s, then %s", tenant, name, before[name], after[name]))
		}
	}
	return faults
}

// peers asks about a colleague's session, which those who may not see all sessions must not even know of.
func (s *stage) peers(t *testing.T, chosen part) (faults []string) {
	t.Helper()
	before := s.digest(t, tenantA)
	for _, o := range chosen.operations(s) {
		if !strings.HasPrefix(o.Path, "/v1/sessions/{id}") {
			continue
		}
		for _, name := range []string{"a author", "both in a", "operator"} {
			p := s.who(name)
			if got := s.ask(t, p, o, s.rows[tenantA]); got.status != http.StatusNotFound {
				faults = append(faults, fmt.Sprintf("%s %s of a colleague as %s: %s: want 404", o.Method, o.Path, p.name, got))
			}
		}
	}
	return append(faults, s.changed(t, tenantA, before)...)
}

// registrations asks, before the limit of one address is reached, for those of tenants without the token from their mail.
func (s *stage) registrations(t *testing.T) (faults []string) {
	t.Helper()
	asked := 0
	for _, o := range s.operations {
		if o.Permission != httpx.Public || o.changes() || !o.takesID() {
			continue
		}
		asked++
		for _, tenant := range []string{tenantA, tenantB} {
			got, none := s.ask(t, persona{}, o, s.rows[tenant]), s.ask(t, persona{}, o, nowhere())
			if got.status != http.StatusNotFound || got.String() != none.String() {
				faults = append(faults, fmt.Sprintf("%s %s of %s as a stranger: %s, and for none %s: want 404", o.Method, o.Path, tenant, got, none))
			}
		}
	}
	if asked < 2 {
		faults = append(faults, fmt.Sprintf("only %d public operations take an id", asked))
	}
	return faults
}

// sameName publishes a lab under the name that another tenant's has.
func (s *stage) sameName(t *testing.T) (faults []string) {
	t.Helper()
	before := s.digest(t, tenantB)
	author, slug := s.who("a author"), s.rows[tenantB]["slug"]
	packed := labArchive(t, "python-http", slug, "Of a")
	got := s.send(t, author.token, http.MethodPost, "/v1/labs", packed, func(r *http.Request) { r.Header.Set("Content-Type", "application/gzip") })
	if got.status != http.StatusCreated {
		faults = append(faults, fmt.Sprintf("a lab that is called as one of %s: %s", tenantB, got))
	}
	if shown := s.send(t, author.token, http.MethodGet, "/v1/labs/"+slug, nil); shown.status != http.StatusOK || strings.Contains(shown.text, jewels) {
		faults = append(faults, "it is not shown as published: "+shown.text)
	}
	return append(faults, s.changed(t, tenantB, before)...)
}

// everything is the whole suite.
func (s *stage) everything(t *testing.T) (faults []string) {
	t.Helper()
	all := part{}
	faults = append(faults, s.registrations(t)...)
	faults = append(faults, s.permissions(t, all)...)
	faults = append(faults, s.crossing(t, tenantA, tenantB, all)...)
	faults = append(faults, s.crossing(t, tenantB, tenantA, all)...)
	faults = append(faults, s.crossing(t, ownPool, tenantA, all)...)
	faults = append(faults, s.peers(t, all)...)
	faults = append(faults, s.mixed(t, all)...)
	faults = append(faults, s.neighbours(t, all)...)
	faults = append(faults, s.jobs(t)...)
	faults = append(faults, s.raw(t, tenantA, tenantB)...)
	faults = append(faults, s.raw(t, tenantB, tenantA)...)
	faults = append(faults, s.named(t)...)
	faults = append(faults, s.policies(t)...)
	faults = append(faults, s.pages(t)...)
	faults = append(faults, s.poolPages(t, nil)...)
	faults = append(faults, s.terminals(t)...)
	faults = append(faults, s.labOrigins(t)...)
	faults = append(faults, s.opsPages(t)...)
	faults = append(faults, s.limits(t)...)
	return faults
}

func TestAttackEveryPatternAsEverybody(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	if len(s.operations) < 60 || len(s.personas) < 30 {
		t.Fatalf("only %d operations and %d personas", len(s.operations), len(s.personas))
	}
	for _, in := range s.tables(t) {
		if in.Where == "" && !slices.Contains(ofNobody(), in.Name) {
			t.Errorf("%s: rows in it are of which tenant? Say so in tables, or that they are ofNobody", in.Name)
		}
	}
	for _, o := range s.operations {
		for _, name := range o.parameters() {
			if kind, constant := kindOf(o.Path, name); constant == "" && (s.rows[tenantB][kind] == "" || nowhere()[kind] == "") {
				t.Errorf("%s %s: no row is planted for {%s}: add its kind to kinds and a row to plant", o.Method, o.Path, name)
			}
		}
	}
	for _, fault := range s.everything(t) {
		t.Error(fault)
	}
	for _, fault := range s.repeated(t) {
		t.Error(fault)
	}
	t.Run("finds faults of the database", func(t *testing.T) { s.plantedInDatabase(t) })
	t.Run("finds open policies", func(t *testing.T) { s.openPolicies(t) })
	t.Run("finds open policies of the worker", func(t *testing.T) { s.workerPolicies(t) })
	for _, fault := range append(s.sameName(t), s.expired(t)...) {
		t.Error(fault)
	}
}
