package server_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/app/apikey"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// joinKeys makes API keys of every kind: they are asked everything, as people are.
func (s *stage) joinKeys(t *testing.T) {
	t.Helper()
	for _, tenant := range []string{tenantA, tenantB} {
		owner := s.who(tenant[:1] + " owner")
		s.joinKey(t, persona{name: tenant[:1] + " key", of: tenant, role: tenancy.RoleOwner, grants: apikey.Grantable(tenancy.RoleOwner)}, owner, "")
	}
	owner, admin := s.who("a owner"), s.who("a admin")
	s.joinKey(t, persona{name: "reader key", of: tenantA, role: tenancy.RoleOwner, grants: []tenancy.Permission{policy.LabRead}}, owner, "")
	s.joinKey(t, persona{name: "admin's key", of: tenantA, role: tenancy.RoleAdmin, grants: apikey.Grantable(tenancy.RoleAdmin)}, admin, "")
	bot := s.one(t, `insert into identity.machine_client (tenant_id, name, role, secret_hash, created_by, expires_at)
		values ($1, 'bot', 'author', sha256('x'), $2, now() + interval '1 day') returning id::text`, s.tenants[tenantA], owner.user)
	s.joinKey(t, persona{name: "machine's key", of: tenantA, role: tenancy.RoleAuthor, grants: apikey.Grantable(tenancy.RoleAuthor)}, owner, bot)

	revoked := s.joinKey(t, persona{name: "revoked key", of: tenantA, role: tenancy.RoleOwner, grants: apikey.Grantable(tenancy.RoleOwner), refused: http.StatusUnauthorized}, owner, "")
	if got := s.send(t, owner.token, http.MethodDelete, "/v1/api-keys/"+revoked, nil); got.status != http.StatusNoContent {
		t.Fatalf("revoke a key: %s", got)
	}
	expired := s.joinKey(t, persona{name: "expired key", of: tenantA, grants: []tenancy.Permission{policy.LabRead}, refused: http.StatusUnauthorized}, owner, "")
	s.exec(t, `update identity.api_key set expires_at = now() - interval '1 second' where id = $1`, expired)
	s.join(t, persona{name: "leaver", of: tenantA, role: tenancy.RoleAdmin, refused: http.StatusForbidden})
	s.joinKey(t, persona{name: "leaver's key", of: tenantA, grants: []tenancy.Permission{policy.LabRead}, refused: http.StatusForbidden}, s.who("leaver"), "")
	s.exec(t, `update identity.membership set status = 'disabled' where user_id = $1`, s.who("leaver").user)

	good := s.who("a key").token
	other := s.who("b key").token
	for name, text := range map[string]string{
		"key cut short":           good[:len(good)-1],
		"key of another's prefix": other[:len(apikey.Prefix)+9] + good[len(apikey.Prefix)+9:],
		"nonsense for a key":      apikey.Prefix + strings.Repeat("x", 40),
		"empty key":               apikey.Prefix,
	} {
		s.personas = append(s.personas, persona{name: name, refused: http.StatusUnauthorized, token: text})
	}
}

// joinKey makes a key as somebody and adds it to those who call.
func (s *stage) joinKey(t *testing.T, p persona, as persona, machine string) (id string) {
	t.Helper()
	wish := map[string]any{"name": p.name, "scopes": p.grants}
	if machine != "" {
		wish["machine"] = machine
	}
	body, err := json.Marshal(wish)
	if err != nil {
		t.Fatal(err)
	}
	got := s.send(t, as.token, http.MethodPost, "/v1/api-keys", body)
	var made struct{ ID, Secret string }
	if err := json.Unmarshal([]byte(got.text), &made); err != nil || got.status != http.StatusCreated {
		t.Fatalf("make the %s: %s %s", p.name, got, got.text)
	}
	p.token, p.user = made.Secret, made.ID
	s.personas = append(s.personas, p)
	return made.ID
}

// from makes a request of a key that is refused come from an address of its own: one address that guesses must wait.
func (p persona) from(r *http.Request) {
	if strings.HasPrefix(p.token, apikey.Prefix) && p.refused != 0 {
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", rand.N(256), rand.N(256), rand.N(256))) //nolint:gosec // any will do
	}
}

// A key with one scope alone is good for every route that asks for it: whatever else the route needs comes with the scope.
func TestAKeyWorksOnEveryRouteOfItsScope(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	reached := 0
	for _, p := range apikey.Grantable(tenancy.RoleOwner) {
		name := "key for " + string(p)
		s.joinKey(t, persona{name: name, of: tenantA, role: tenancy.RoleOwner, grants: []tenancy.Permission{p}}, s.who("a owner"), "")
		for _, o := range s.operations {
			if o.Permission != p {
				continue
			}
			about := nowhere()
			if !o.changes() {
				about = s.rows[tenantA]
			}
			address, body := o.fill(about)
			got := s.send(t, "", o.Method, address, body, func(r *http.Request) {
				r.Header.Set("X-Api-Key", s.who(name).token)
				if slices.Contains(o.Header, "If-Match") {
					r.Header.Set("If-Match", "*")
				}
			})
			if reached++; got.denied() || got.status == http.StatusUnauthorized || got.status >= http.StatusInternalServerError {
				t.Errorf("%s %s with the scope %s: %s %s", o.Method, o.Path, p, got, got.text)
			}
		}
	}
	if reached < 30 {
		t.Errorf("only %d routes take keys", reached)
	}
	both := func(r *http.Request) { r.Header.Set("X-Api-Key", s.who("a key").token) }
	if got := s.send(t, s.who("a owner").token, http.MethodGet, "/v1/labs", nil, both); got.status != http.StatusBadRequest {
		t.Errorf("a key and a token: %s", got)
	}
}
