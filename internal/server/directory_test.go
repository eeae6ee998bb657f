package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/server"
)

// ask asks the directory of the whole program.
func (r *running) ask(query string) (status int, answer map[string]any, body string) {
	r.t.Helper()
	status, text, _ := r.call(http.MethodGet, "/v1/directory?"+query)
	if err := json.Unmarshal(text, &answer); err != nil {
		r.t.Fatalf("%s: %v", text, err)
	}
	return status, answer, string(text)
}

func TestTheDirectoryOfTheProgram(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cfg := config(t, dir)
	cfg.Roles = []string{server.RoleAPI}
	r := start(t, cfg)
	admin, err := server.DatabaseURL(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	if _, err := conn.Exec(t.Context(), `
		insert into control.tenant (name, title, tier) values ('pooled', 'Pooled School', 'standard'), ('granite', 'Granite College', 'platinum');
		insert into identity.pool (name, tenant_id) select 'granite', id from control.tenant where name = 'granite';
		insert into control.email_domain (tenant_id, domain, token, state, proved_at, created_at, next_check_at)
			select id, name || '.example', 't', 'proved', now(), now(), now() + interval '1 day' from control.tenant where name in ('pooled', 'granite')`); err != nil {
		t.Fatal(err)
	}
	person(t, dir, admin, r.url, "ada@home.example", "learner")
	for query, want := range map[string]struct {
		issuer, name string
		signUp       bool
	}{
		"tenant=granite": {"/pools/granite", "granite", false}, "email=@granite.example": {"/pools/granite", "granite", false},
		"tenant=pooled": {"/pools/default", "pooled", false}, "email=a@pooled.example": {"/pools/default", "pooled", false},
		"tenant=default": {"/pools/default", "default", true}, "email=nobody@home.example": {"/pools/default", "default", true},
		"host=granite.localhost": {"/pools/granite", "granite", false}, "host=localhost": {"/pools/default", "default", true},
	} {
		status, a, body := r.ask(query)
		tenant, _ := a["tenant"].(map[string]any)
		if status != http.StatusOK || a["issuer"] != r.url+want.issuer || tenant["name"] != want.name || a["signUp"] != want.signUp || a["apiUrl"] != r.url || a["clientId"] != "console" {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	_, _, with := r.ask("email=ada@home.example")
	if _, _, without := r.ask("email=eve@home.example"); with != without {
		t.Errorf("with an account %s, without %s", with, without)
	}
	subdomains(t, r)
}

// subdomains are sent to the one origin of the console.
func subdomains(t *testing.T, r *running) {
	t.Helper()
	port := r.url[strings.LastIndex(r.url, ":"):]
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for address, want := range map[string]string{
		"granite.localhost" + port + "/":                              r.url + "/?tenant=granite",
		"Granite.localhost" + port + "/sessions?state=ended":          r.url + "/sessions?state=ended&tenant=granite",
		"granite.localhost" + port + "/%2F%2Fevil.example/x?tenant=x": "", // no address of ours has such a slash
		"a.granite.localhost" + port + "/":                            r.url + "/",
		"localhost" + port + "/":                                      "",
		"localhost.evil.example/":                                     "",
		"granite.localhost" + port + "/v1/config":                     "",
	} {
		host, path, _ := strings.Cut(address, "/")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+"/"+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.Header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", address, got, want)
		}
	}
}
