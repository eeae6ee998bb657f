package server_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

// ownerStage is a program with two organisations and their people.
type ownerStage struct {
	*running
	dir    string
	people map[string]*caller
}

func (s *ownerStage) code(t *testing.T, as, method, path, body string, want int) (code string) {
	t.Helper()
	res := s.people[as].send(method, s.url+path, body)
	defer res.Body.Close()
	var problem struct{ Code string }
	_ = json.NewDecoder(res.Body).Decode(&problem)
	if want != 0 && res.StatusCode != want {
		t.Errorf("%s %s as %s: %d %s, want %d", method, path, as, res.StatusCode, problem.Code, want)
	}
	return problem.Code
}

func newOwnerStage(t *testing.T) *ownerStage {
	t.Helper()
	return ownerStageOf(t, func(*server.Config) {})
}

// ownerStageOf is that of a program with other settings.
func ownerStageOf(t *testing.T, change func(*server.Config)) *ownerStage {
	t.Helper()
	dir := dataDir(t)
	cfg := config(t, dir)
	cfg.Roles = []string{server.RoleAPI, server.RoleWorker}
	change(&cfg)
	r := start(t, cfg)
	admin, err := server.DatabaseURL(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	s := &ownerStage{running: r, dir: dir, people: map[string]*caller{}}
	tenants := map[string]uuid.UUID{}
	for _, name := range []string{"acme", "bravo"} {
		var id uuid.UUID
		if err := conn.QueryRow(t.Context(), `insert into control.tenant (name, title, tier) values ($1, $1, 'basic') returning id`, name).Scan(&id); err != nil {
			t.Fatal(err)
		}
		tenants[name] = id
	}
	for name, p := range map[string]struct {
		tenant string
		role   tenancy.Role
	}{"owner": {"acme", tenancy.RoleOwner}, "admin": {"acme", tenancy.RoleAdmin}, "stranger": {"bravo", tenancy.RoleOwner}} {
		email := name + "@example.org"
		user := person(t, dir, admin, r.url, email, p.role)
		exec(t, admin, `update identity.membership set tenant_id = $2, role = $3 where user_id = $1`, user, tenants[p.tenant], string(p.role))
		token, err := server.Token(t.Context(), server.TokenRequest{Data: dir, PublicURL: r.url, Email: email, For: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		s.people[name] = &caller{t: t, token: token}
	}
	return s
}

// An owner closes the organisation with their password, sees the steps although everybody is out, and takes it back.
func TestOwnersCloseTheirOwnOrganisation(t *testing.T) {
	t.Parallel()
	s := newOwnerStage(t)
	const path, good = "/v1/tenant/offboard", `{"name":"acme","password":"vier Fische im Teich"}`
	_ = s.code(t, "admin", http.MethodPost, path, good, http.StatusForbidden)
	_ = s.code(t, "stranger", http.MethodPost, path, good, http.StatusUnprocessableEntity) // acme is not the name of theirs
	if code := s.code(t, "owner", http.MethodPost, path, `{"name":"acme","password":"fünf"}`, http.StatusUnprocessableEntity); code != "wrong_password" {
		t.Errorf("another password: %s", code)
	}
	_ = s.code(t, "owner", http.MethodGet, "/v1/me", "", http.StatusOK)

	var w struct{ ID, State string }
	s.people["owner"].json(http.MethodPost, s.url+path, good, &w)
	own := "/v1/tenant/workflows/" + w.ID
	for deadline := time.Now().Add(patience); w.State != "waiting"; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the off-boarding is %s", w.State)
		}
		s.people["owner"].json(http.MethodGet, s.url+own, "", &w)
	}
	for _, who := range []string{"owner", "admin"} {
		if code := s.code(t, who, http.MethodGet, "/v1/me", "", http.StatusForbidden); code != "tenant_offboarding" {
			t.Errorf("%s: %s", who, code)
		}
	}
	_ = s.code(t, "owner", http.MethodGet, "/v1/tenant/exports", "", http.StatusForbidden)
	_ = s.code(t, "admin", http.MethodGet, own, "", http.StatusForbidden)
	_ = s.code(t, "stranger", http.MethodGet, own, "", http.StatusNotFound)
	_ = s.code(t, "stranger", http.MethodGet, own+"/events", "", http.StatusNotFound)
	_ = s.code(t, "owner", http.MethodPost, path, good, http.StatusConflict)
	_ = s.code(t, "owner", http.MethodPost, "/v1/tenant/tier", `{"tier":"standard"}`, http.StatusConflict)
	_ = s.code(t, "stranger", http.MethodPost, path+"/cancel", "", http.StatusNotFound)
	watched := make(chan struct{})
	go func() { s.people["owner"].followEvents(s.url + own + "/events"); close(watched) }()

	_ = s.code(t, "owner", http.MethodPost, path+"/cancel", "", http.StatusAccepted)
	select {
	case <-watched: // the stream ends with the workflow, not with the closing
	case <-time.After(patience):
		t.Fatal("the stream goes on")
	}
	s.people["owner"].json(http.MethodGet, s.url+own, "", &w)
	if w.State != "cancelled" {
		t.Errorf("the off-boarding is %s", w.State)
	}
	for deadline := time.Now().Add(patience); s.code(t, "admin", http.MethodGet, "/v1/me", "", 0) != ""; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("people are not in again")
		}
	}
}
