package identity_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// set changes the settings of the pool default as an operator.
func (e *env) set(token, match, body string) (int, map[string]any, string) {
	e.t.Helper()
	return e.setAt("/v1/operator/pools/default", token, match, body)
}

func (e *env) setAt(path, token, match, body string) (int, map[string]any, string) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodPut, e.server.URL+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	if match != "" {
		r.Header.Set("If-Match", match)
	}
	v := e.browser().do(r)
	var answer map[string]any
	if err := json.Unmarshal([]byte(v.body), &answer); err != nil {
		e.t.Fatalf("%d %q", v.status, v.body)
	}
	return v.status, answer, v.header.Get("ETag")
}

func (e *env) operatorToken() string {
	e.t.Helper()
	if _, err := e.CreateUser(e.t.Context(), identity.NewUser{Email: "op@example.com", Name: "Op", Password: goodPassword, Operator: true}); err != nil {
		e.t.Fatal(err)
	}
	token, err := e.MintAccessToken(e.t.Context(), "op@example.com", time.Hour)
	if err != nil {
		e.t.Fatal(err)
	}
	return token
}

func TestSettingsOfAPoolAreChangedByOneAtATime(t *testing.T) {
	t.Parallel()
	e := open(t)
	operator := e.operatorToken()
	if status, now := e.call("GET", "/v1/operator/pools/default", operator, ""); status != http.StatusOK || now["signUp"] != "open" || now["accessMinutes"] != nil || now["issuer"] != e.server.URL+"/pools/default" {
		t.Fatalf("at first: %d %v", status, now)
	}
	status, now, tag := e.set(operator, `"1"`, `{"signUp":"domains","domains":["Example.org","example.org"],"accessMinutes":5,"refreshIdleHours":2,"refreshHours":3,"passwordMin":20}`)
	if status != http.StatusOK || tag != `"2"` || now["accessMinutes"] != 5.0 || now["passwordMin"] != 20.0 || len(now["domains"].([]any)) != 1 { //nolint:errcheck,forcetypeassert // it is a list
		t.Fatalf("set: %d %v %s", status, now, tag)
	}
	for name, c := range map[string]struct {
		match, body string
		want        int
	}{
		"a stale tag":              {`"1"`, `{"signUp":"open"}`, http.StatusPreconditionFailed},
		"no tag":                   {``, `{"signUp":"open"}`, http.StatusPreconditionRequired},
		"too short":                {`"2"`, `{"signUp":"open","accessMinutes":4}`, http.StatusUnprocessableEntity},
		"too long":                 {`"2"`, `{"signUp":"open","accessMinutes":61}`, http.StatusUnprocessableEntity},
		"idle for longer than all": {`"2"`, `{"signUp":"open","refreshIdleHours":10,"refreshHours":9}`, http.StatusUnprocessableEntity},
		"short passwords":          {`"2"`, `{"signUp":"open","passwordMin":7}`, http.StatusUnprocessableEntity},
		"no domains":               {`"2"`, `{"signUp":"domains"}`, http.StatusUnprocessableEntity},
		"domains for nothing":      {`"2"`, `{"signUp":"open","domains":["example.org"]}`, http.StatusUnprocessableEntity},
		"a domain that is none":    {`"2"`, `{"signUp":"domains","domains":["exa mple"]}`, http.StatusUnprocessableEntity},
		"an unknown rule":          {`"2"`, `{"signUp":"all"}`, http.StatusUnprocessableEntity},
	} {
		if status, answer, _ := e.set(operator, c.match, c.body); status != c.want {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	e.user("ada@example.com")
	token, err := e.MintAccessToken(t.Context(), "op@example.com", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := e.call("GET", "/v1/operator/pools/none", token, ""); status != http.StatusNotFound {
		t.Errorf("no such pool: %d", status)
	}
}

func TestSettingsOfAPoolHold(t *testing.T) {
	t.Parallel()
	e := open(t)
	operator := e.operatorToken()
	e.user("ada@example.com")
	if status, answer, _ := e.set(operator, `"1"`, `{"signUp":"domains","domains":["example.org"],"accessMinutes":5,"refreshIdleHours":2,"refreshHours":3,"passwordMin":20}`); status != http.StatusOK {
		t.Fatal(answer)
	}
	b, c := e.browser(), e.client()
	page := b.get(c.url(oauth2.SetAuthURLParam("prompt", "create")))
	const long = "siebzehn Krähen auf dem Dach"
	for name, email := range map[string]string{"another domain": "eve@example.com", "a domain that ends alike": "eve@notexample.org"} {
		if v := b.submit(page, "name", "Eve", "email", email); v.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, v.status)
		}
	}
	choose := b.submit(b.submit(page, "name", "Eve", "email", "eve@Example.org"), "code", e.box.code(t))
	if !strings.Contains(choose.body, "At least 20 characters") {
		t.Error("the page does not say how long a password must be")
	}
	if v := b.submit(choose, "password", "acht Zeichen reichen"[:19]); v.status != http.StatusUnprocessableEntity {
		t.Errorf("a short password: %d", v.status)
	}
	token := c.exchange(c.code(b.submit(choose, "password", long)))
	claims := payload(t, token.AccessToken)
	if life, _ := claims["exp"].(float64); life-claims["iat"].(float64) != 300 || token.Expiry.After(time.Now().Add(5*time.Minute)) { //nolint:errcheck,forcetypeassert // numbers
		t.Errorf("claims %v", claims)
	}
	for range 2 { // each within the idle time, and the third after the longest
		e.pass(80 * time.Minute)
		refreshed, err := c.refresh(token.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		token = refreshed
	}
	e.pass(25 * time.Minute)
	if _, err := c.refresh(token.RefreshToken); oauthCode(err) != "invalid_grant" {
		t.Errorf("after three hours: %v", err)
	}
	token = c.exchange(c.code(b.get(c.url())))
	e.pass(2*time.Hour + time.Minute)
	if _, err := c.refresh(token.RefreshToken); oauthCode(err) != "invalid_grant" {
		t.Errorf("after two idle hours: %v", err)
	}
	operator, err := e.MintAccessToken(t.Context(), "op@example.com", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if status, answer, _ := e.set(operator, `"2"`, `{"signUp":"invitation"}`); status != http.StatusOK {
		t.Fatal(answer)
	}
	if v := e.browser().get(c.url(oauth2.SetAuthURLParam("prompt", "create"))); v.url.Path != "/pools/default/sign-in" || strings.Contains(v.body, "Create an account") {
		t.Errorf("by invitation, but the page is %s", v.url)
	}
}

func TestPoolsAreListedWithTheirKeysAndPeople(t *testing.T) {
	t.Parallel()
	e := open(t)
	operator := e.operatorToken()
	e.silo("maple", "Maple Academy")
	e.silo("cedar", "Cedar School")
	_, page := e.call("GET", "/v1/operator/pools?limit=2", operator, "")
	_, rest := e.call("GET", "/v1/operator/pools?limit=2&cursor="+page["next"].(string), operator, "") //nolint:errcheck,forcetypeassert // the test fails
	var names []any
	for _, p := range []map[string]any{page, rest} {
		for _, item := range p["items"].([]any) { //nolint:errcheck,forcetypeassert // the test fails
			pool := item.(map[string]any) //nolint:errcheck,forcetypeassert // the test fails
			names = append(names, pool["name"], pool["shared"], pool["mfa"])
		}
	}
	if got := fmt.Sprint(names, rest["next"]); got != "[cedar false optional default true optional maple false optional] <nil>" {
		t.Errorf("pools %s", got)
	}
	if _, got := e.call("GET", "/v1/operator/pools?q=ma", operator, ""); len(got["items"].([]any)) != 1 { //nolint:errcheck,forcetypeassert // the test fails
		t.Errorf("by the start of a name: %v", got)
	}
	states := func() string {
		operator, err := e.MintAccessToken(t.Context(), "op@example.com", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		_, got := e.call("GET", "/v1/operator/pools/default/keys", operator, "")
		var all []any
		for _, k := range got["items"].([]any) { //nolint:errcheck,forcetypeassert // the test fails
			all = append(all, k.(map[string]any)["state"])                                        //nolint:errcheck,forcetypeassert // the test fails
			if _, secret := k.(map[string]any)["sealed"]; secret || len(k.(map[string]any)) > 4 { //nolint:errcheck,forcetypeassert // the test fails
				t.Errorf("a key tells %v", k)
			}
		}
		return fmt.Sprint(all)
	}
	for _, want := range []string{"[signing]", "[next signing]", "[signing retired]", "[signing]"} {
		if got := states(); got != want {
			t.Errorf("keys %s, want %s", got, want)
		}
		if want == "[signing]" {
			e.call("POST", "/v1/operator/pools/default/keys/rotate", operator, "")
			continue
		}
		e.pass(map[string]time.Duration{"[next signing]": 11 * time.Minute, "[signing retired]": 66 * time.Minute}[want])
	}
	ada := e.user("ada@example.com")
	e.exec(`insert into identity.factor (pool_id, user_id, kind, name, confirmed_at) select pool_id, id, 'email', 'mail', now() from identity."user" where id = $1`, ada.ID)
	operator, err := e.MintAccessToken(t.Context(), "op@example.com", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, got := e.call("GET", "/v1/operator/pools/default/people", operator, ""); got["people"] != 2.0 || got["without"] != 1.0 || got["more"] != false {
		t.Errorf("people %v", got)
	}
	for _, path := range []string{"keys", "people"} {
		if status, _ := e.call("GET", "/v1/operator/pools/none/"+path, operator, ""); status != http.StatusNotFound {
			t.Errorf("%s of no pool: %d", path, status)
		}
	}
}

// An organisation sets up the pool that is its own; of the shared one it sees the rules and nothing else.
func TestAnOrganisationSetsItsOwnPoolUp(t *testing.T) {
	t.Parallel()
	e := open(t)
	shared := e.member("owner", e.tenant("acme", "Acme"), tenancy.RoleOwner)
	if _, got := e.call("GET", "/v1/sign-in-settings/pool", shared, ""); got["shared"] != true || got["name"] != "default" {
		t.Errorf("shared: %v", got)
	}
	if status, got, _ := e.setAt("/v1/sign-in-settings/pool", shared, `"1"`, `{"signUp":"open"}`); status != http.StatusConflict || got["code"] != "shared_sign_in" {
		t.Errorf("change a shared pool: %d %v", status, got)
	}
	for _, c := range []struct{ method, path string }{{"POST", "/v1/sign-in-settings/keys/rotate"}, {"GET", "/v1/sign-in-settings/people"}} {
		if status, got := e.call(c.method, c.path, shared, ""); status != http.StatusConflict || got["code"] != "shared_sign_in" {
			t.Errorf("%s %s of a shared pool: %d %v", c.method, c.path, status, got)
		}
	}
	silo := e.silo("maple", "Maple Academy")
	if _, err := e.CreateUser(t.Context(), identity.NewUser{Pool: "maple", Tenant: silo, Role: tenancy.RoleOwner, Email: "maya@example.com", Name: "Maya", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	owner := e.signIn(e.browser(), e.in("maple"), "maya@example.com").AccessToken
	if status, now, tag := e.setAt("/v1/sign-in-settings/pool", owner, `"1"`, `{"signUp":"invitation","passwordMin":20}`); status != http.StatusOK || tag != `"2"` || now["passwordMin"] != 20.0 || now["shared"] != false {
		t.Errorf("own: %d %v", status, now)
	}
	if status, got := e.call("POST", "/v1/sign-in-settings/keys/rotate", owner, ""); status != http.StatusOK || got["key"] == "" {
		t.Errorf("rotate: %d %v", status, got)
	}
	if _, got := e.call("GET", "/v1/sign-in-settings/keys", owner, ""); len(got["items"].([]any)) != 2 { //nolint:errcheck,forcetypeassert // the test fails
		t.Errorf("keys %v", got)
	}
	var n int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity.audit_event where tenant_id = $1 and action in ('pool.changed', 'pool.keys_rotated')`, silo).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d entries in the organisation's log, %v", n, err)
	}
	if _, got := e.call("GET", "/v1/operator/pools/default", e.operatorToken(), ""); got["passwordMin"] != nil {
		t.Errorf("another pool changed: %v", got)
	}
}
