package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// own asks as somebody with a JSON body and reads the answer into out.
func (s *stage) own(t *testing.T, who persona, method, path string, body, out any, want int, header ...string) answer {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	got := s.send(t, who.token, method, path, text, func(r *http.Request) {
		if len(header) == 2 {
			r.Header.Set(header[0], header[1])
		}
	})
	if got.status != want {
		t.Fatalf("%s %s as %s: %d %s, want %d", method, path, who.name, got.status, got.text, want)
	}
	if out != nil {
		if err := json.Unmarshal([]byte(got.text), out); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// TestOrganisationsOwnPolicies goes the whole way: an owner writes a policy for a group, and its members feel it.
func TestOrganisationsOwnPolicies(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	owner, intern, author := s.who("a owner"), s.who("a instructor"), s.who("a author")
	group := s.rows[tenantA]["group"]
	s.own(t, owner, "PUT", "/v1/groups/"+group+"/members/"+intern.user, nil, nil, 204)
	policy := func(tag string) map[string]any {
		return map[string]any{"title": "Interns", "enabled": true, "text": fmt.Sprintf(`forbid (principal in Group::"%s", action == Action::"session.start", resource is Lab)
unless { resource.tags.contains("%s") && context.weekday <= 7 };`, group, tag)}
	}
	start := func(who persona, refused bool) {
		t.Helper()
		got := s.send(t, who.token, "POST", "/v1/sessions", []byte(`{"lab":"lab-alpha"}`))
		if refused != (got.code == "policy_forbids") || refused && !strings.Contains(got.text, "Interns") {
			t.Errorf("%s starts the lab: %d %s; refused: %t", who.name, got.status, got.text, refused)
		}
	}
	start(intern, false)
	var made struct {
		ID      string
		Version int
	}
	etag := s.own(t, owner, "POST", "/v1/policies", policy("intro"), &made, 201).header.Get("ETag")
	start(intern, true)
	start(author, false)
	s.own(t, owner, "PUT", "/v1/policies/"+made.ID, policy("python"), &made, 200, "If-Match", etag)
	s.own(t, owner, "PUT", "/v1/policies/"+made.ID, policy("intro"), nil, 412, "If-Match", etag)

	var answer struct {
		Allowed, Permits bool
		Policies         []struct{ ID, Title string }
	}
	question := map[string]any{"user": intern.user, "action": "session.start", "kind": "Lab", "about": "policy-two"}
	s.own(t, owner, "POST", "/v1/policies/simulate", question, &answer, 200)
	if answer.Allowed || !answer.Permits || len(answer.Policies) != 1 || answer.Policies[0].ID != made.ID {
		t.Errorf("the simulator says %+v", answer)
	}
	s.own(t, owner, "POST", "/v1/policies/"+made.ID+"/restore", map[string]any{"version": 1}, &made, 200)
	start(intern, true)
	var history struct{ Items []struct{ Version int } }
	if s.own(t, owner, "GET", "/v1/policies/"+made.ID+"/versions", nil, &history, 200); len(history.Items) != 3 || made.Version != 3 {
		t.Errorf("the history is %v, the version %d", history, made.Version)
	}
	s.own(t, owner, "DELETE", "/v1/policies/"+made.ID, nil, nil, 204)
	start(intern, false)
	if log := s.own(t, owner, "GET", "/v1/tenant/audit?action=policy.", nil, nil, 200).text; strings.Count(log, `"policy.`) != 4 || !strings.Contains(log, `tags.contains`) {
		t.Errorf("the audit log is %s", log)
	}
}

// TestNobodyIsLockedOutOfPolicies by the worst policy that there can be.
func TestNobodyIsLockedOutOfPolicies(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	owner := s.who("b owner")
	var made struct{ ID string }
	worst := map[string]any{"title": "Nothing", "enabled": true, "text": "forbid (principal, action, resource);"}
	s.own(t, s.who("b admin"), "POST", "/v1/policies", worst, &made, 201)
	for _, path := range []string{"/v1/labs", "/v1/sessions", "/v1/members", "/v1/groups", "/v1/tenant/audit", "/v1/tenant/plan", "/v1/machine-clients", "/v1/invitations", "/v1/identity-providers", "/v1/sessions/" + s.rows[tenantB]["session"], "/v1/sessions?scope=all"} {
		if got := s.send(t, owner.token, "GET", path, nil); got.code != "policy_forbids" && got.status != http.StatusNotFound {
			t.Errorf("GET %s with everything forbidden: %d %s", path, got.status, got.text)
		}
	}
	s.own(t, s.who("a owner"), "GET", "/v1/labs", nil, nil, 200)
	s.own(t, owner, "GET", "/v1/policies", nil, nil, 200)
	s.own(t, owner, "DELETE", "/v1/policies/"+made.ID, nil, nil, 204)
	s.own(t, owner, "GET", "/v1/labs", nil, nil, 200)
}
