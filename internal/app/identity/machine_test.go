package identity_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// member makes a person of a tenant and returns their access token.
func (e *env) member(name string, tenant uuid.UUID, role tenancy.Role) string {
	e.t.Helper()
	u := e.user(name + "@example.com")
	e.exec(`update identity.membership set tenant_id = $2, role = $3 where user_id = $1`, u.ID, tenant, string(role))
	token, err := e.MintAccessToken(e.t.Context(), name+"@example.com", time.Hour)
	if err != nil {
		e.t.Fatal(err)
	}
	return token
}

// bot makes a machine client by the API.
func (e *env) bot(token string, role tenancy.Role) (id, secret string) {
	e.t.Helper()
	status, made := e.call("POST", "/v1/machine-clients", token, fmt.Sprintf(`{"name":"Build server","role":%q,"days":30}`, role))
	if status != http.StatusCreated {
		e.t.Fatalf("make a machine client: %d %v", status, made)
	}
	return text(made, "id"), text(made, "secret")
}

func credentials() url.Values { return url.Values{"grant_type": {"client_credentials"}} }

// withBasic asks an endpoint with client_secret_basic.
func (e *env) withBasic(path, id, secret string, form url.Values) view {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, e.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return e.browser().do(r)
}

func (e *env) botToken(id, secret string) string {
	e.t.Helper()
	v := e.withBasic("/pools/default/token", id, secret, credentials())
	var token map[string]any
	if err := json.Unmarshal([]byte(v.body), &token); err != nil || v.status != http.StatusOK {
		e.t.Fatalf("token: %d %s", v.status, v.body)
	}
	if token["refresh_token"] != nil || token["id_token"] != nil || token["expires_in"] != 600.0 {
		e.t.Errorf("a machine's token comes with %v", token)
	}
	return text(token, "access_token")
}

func TestAMachineClientActsForItsTenantWithItsRole(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme := e.tenant("acme", "Acme")
	admin := e.member("admin", acme, tenancy.RoleAdmin)
	id, secret := e.bot(admin, tenancy.RoleAdmin)
	token := e.botToken(id, secret)
	claims, err := e.Verify(t.Context(), token)
	if err != nil || claims.User.String() != id || claims.Tenant != acme || !claims.Machine() {
		t.Fatalf("%+v, %v", claims, err)
	}
	m, err := e.Membership(t.Context(), claims.User, claims.Tenant)
	if err != nil || m.Role != tenancy.RoleAdmin || m.Operator {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := e.Membership(t.Context(), claims.User, tenancy.DefaultTenant()); errs.KindOf(err) != errs.KindForbidden {
		t.Errorf("in another tenant: %v", err)
	}
	if status, list := e.call("GET", "/v1/machine-clients", token, ""); status != http.StatusOK || !strings.Contains(fmt.Sprint(list), "Build server") || strings.Contains(fmt.Sprint(list), secret) {
		t.Errorf("by its own role: %d %v", status, list)
	}
	if status, body := e.call("POST", "/v1/machine-clients", token, `{"name":"Copy","role":"learner"}`); status != http.StatusForbidden || body["code"] != "people_only" {
		t.Errorf("a machine makes a machine: %d %v", status, body)
	}
	if status, _ := e.call("GET", "/v1/me", token, ""); status != http.StatusNotFound {
		t.Errorf("me: %d", status)
	}
	posted := credentials()
	posted.Set("client_id", id)
	posted.Set("client_secret", secret)
	if v := e.browser().post("/pools/default/token", posted); v.status != http.StatusOK {
		t.Errorf("client_secret_post: %d %s", v.status, v.body)
	}
	if v := e.browser().post("/pools/default/userinfo", nil, "Authorization", "Bearer "+token); v.status != http.StatusUnauthorized {
		t.Errorf("userinfo of a machine: %d %s", v.status, v.body)
	}
	var stored string
	err = e.db.Owner.QueryRow(t.Context(), `select m::text from identity.machine_client m where last_used_at is not null`).Scan(&stored)
	if err != nil || strings.Contains(stored, secret) {
		t.Errorf("stored %s, %v", stored, err)
	}
	rows, err := e.db.Owner.Query(t.Context(), `select action || ' ' || target || ' ' || (after->>'role') from pool.audit_entry where tenant_id = $1`, acme)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(entries) != 1 || entries[0] != "machine.created "+id+" admin" {
		t.Errorf("log %q, %v", entries, err)
	}
}

func TestMachineClientsWhoseRightEndsAreOutAtOnceInEveryProcess(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme := e.tenant("acme", "Acme")
	owner := e.member("owner", acme, tenancy.RoleOwner)
	for name, end := range map[string]func(id string){
		"rotated": func(id string) {
			if status, made := e.call("POST", "/v1/machine-clients/"+id+"/secret", owner, `{"days":1}`); status != http.StatusOK || text(made, "secret") == "" {
				t.Errorf("rotate: %d %v", status, made)
			}
		},
		"removed": func(id string) {
			if status, _ := e.call("DELETE", "/v1/machine-clients/"+id, owner, ""); status != http.StatusNoContent {
				t.Errorf("remove: %d", status)
			}
		},
		"expired": func(id string) {
			e.exec(`update identity.machine_client set expires_at = now() - interval '1 day' where id = $1`, id)
		},
	} {
		id, secret := e.bot(owner, tenancy.RoleLearner)
		token := e.botToken(id, secret)
		other := e.neighbour()
		if _, err := other.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		end(id)
		deadline := time.Now().Add(patience)
		for err := error(nil); err == nil; _, err = other.Verify(t.Context(), token) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: another process never hears of it", name)
			}
		}
		e.pass(2 * time.Second)
		if _, err := e.Verify(t.Context(), token); errs.KindOf(err) != errs.KindUnauthenticated {
			t.Errorf("%s: here %v", name, err)
		}
		if v := e.withBasic("/pools/default/token", id, secret, credentials()); v.status != http.StatusUnauthorized || v.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: the old secret gives %d %s", name, v.status, v.body)
		}
	}
	id, secret := e.bot(owner, tenancy.RoleLearner)
	token := e.botToken(id, secret)
	e.status(acme, "suspended", "")
	if status, _ := e.call("GET", "/v1/me/grants", token, ""); status != http.StatusForbidden {
		t.Errorf("in a suspended tenant: %d", status)
	}
	if v := e.withBasic("/pools/default/token", id, secret, credentials()); !strings.Contains(v.body, "invalid_grant") {
		t.Errorf("a token of a suspended tenant: %d %s", v.status, v.body)
	}
}

func TestWhoMayMakeMachineClients(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme, bolt := e.tenant("acme", "Acme"), e.tenant("bolt", "Bolt")
	owner, admin := e.member("owner", acme, tenancy.RoleOwner), e.member("admin", acme, tenancy.RoleAdmin)
	author, theirs := e.member("author", acme, tenancy.RoleAuthor), e.member("theirs", bolt, tenancy.RoleOwner)
	id, _ := e.bot(owner, tenancy.RoleOwner)
	for name, c := range map[string]struct {
		method, path, token, body string
		want                      int
	}{
		"above one's own role":   {"POST", "", admin, `{"name":"x","role":"owner"}`, http.StatusForbidden},
		"rotate one above":       {"POST", "/" + id + "/secret", admin, `{"days":1}`, http.StatusForbidden},
		"remove one above":       {"DELETE", "/" + id, admin, "", http.StatusForbidden},
		"an author":              {"POST", "", author, `{"name":"x","role":"learner"}`, http.StatusForbidden},
		"an author's list":       {"GET", "", author, "", http.StatusForbidden},
		"of another tenant":      {"DELETE", "/" + id, theirs, "", http.StatusNotFound},
		"rotate another's":       {"POST", "/" + id + "/secret", theirs, `{"days":1}`, http.StatusNotFound},
		"no name":                {"POST", "", owner, `{"name":" ","role":"learner"}`, http.StatusUnprocessableEntity},
		"forever":                {"POST", "", owner, `{"name":"x","role":"learner","days":5000}`, http.StatusUnprocessableEntity},
		"the program's own role": {"POST", "", owner, `{"name":"x","role":"system"}`, http.StatusUnprocessableEntity},
	} {
		if status, body := e.call(c.method, "/v1/machine-clients"+c.path, c.token, c.body); status != c.want {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
	if _, list := e.call("GET", "/v1/machine-clients", theirs, ""); strings.Contains(fmt.Sprint(list), id) {
		t.Errorf("another tenant sees %v", list)
	}
	e.exec(`insert into identity.machine_client (tenant_id, name, role, secret_hash, created_by, expires_at)
		select $1, 'x', 'learner', sha256('x'), uuidv7(), now() from generate_series(1, 49)`, acme)
	if status, body := e.call("POST", "/v1/machine-clients", owner, `{"name":"x","role":"learner"}`); status != http.StatusConflict {
		t.Errorf("the 51st: %d %v", status, body)
	}
}

func TestIntrospectionTellsATenantAboutItsOwnTokensAlone(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme, bolt := e.tenant("acme", "Acme"), e.tenant("bolt", "Bolt")
	owner, theirs := e.member("owner", acme, tenancy.RoleOwner), e.member("theirs", bolt, tenancy.RoleOwner)
	id, secret := e.bot(owner, tenancy.RoleLearner)
	own := e.botToken(id, secret)
	ask := func(token string) map[string]any {
		v := e.withBasic("/pools/default/introspect", id, secret, url.Values{"token": {token}})
		var answer map[string]any
		if err := json.Unmarshal([]byte(v.body), &answer); err != nil || v.status != http.StatusOK {
			t.Fatalf("introspect: %d %s", v.status, v.body)
		}
		return answer
	}
	for name, token := range map[string]string{"a person's": owner, "its own": own} {
		if a := ask(token); a["active"] != true || a["tenant"] != acme.String() || a["iss"] != e.server.URL+"/pools/default" || a["aud"] != "cloudkida-api" || a["exp"] == nil {
			t.Errorf("%s: %v", name, a)
		}
	}
	for name, token := range map[string]string{"another tenant's": theirs, "none": "nonsense", "one cut short": own[:len(own)-5], "huge": strings.Repeat("x", 20<<10)} {
		if a := ask(token); len(a) != 1 || a["active"] != false {
			t.Errorf("%s: %v", name, a)
		}
	}
	e.exec(`update identity.membership set status = 'removed' where tenant_id = $1`, acme)
	if a := ask(owner); len(a) != 1 || a["active"] != false {
		t.Errorf("a removed member's: %v", a)
	}
	e.silo("silo", "Silo")
	for name, v := range map[string]view{
		"without a secret":  e.browser().post("/pools/default/introspect", url.Values{"client_id": {id}, "token": {own}}),
		"another secret":    e.withBasic("/pools/default/introspect", id, "x", url.Values{"token": {own}}),
		"a public client":   e.browser().post("/pools/default/introspect", url.Values{"client_id": {"console"}, "token": {own}}),
		"at another pool":   e.withBasic("/pools/silo/introspect", id, secret, url.Values{"token": {own}}),
		"with its bearer":   e.browser().post("/pools/default/introspect", url.Values{"token": {own}}, "Authorization", "Bearer "+own),
		"named in two ways": e.withBasic("/pools/default/introspect", id, secret, url.Values{"token": {own}, "client_id": {id}, "client_secret": {secret}}),
	} {
		if v.status == http.StatusOK || strings.Contains(v.body, "active") {
			t.Errorf("%s: %d %s", name, v.status, v.body)
		}
	}
}
