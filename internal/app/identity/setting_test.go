package identity_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity"
)

// set changes the settings of the pool default as an operator.
func (e *env) set(token, match, body string) (int, map[string]any, string) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodPut, e.server.URL+"/v1/operator/pools/default", strings.NewReader(body))
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
	if !strings.Contains(page.body, "At least 20 characters") {
		t.Error("the page does not say how long a password must be")
	}
	const long = "siebzehn Krähen auf dem Dach"
	for name, form := range map[string][2]string{"another domain": {"eve@example.com", long}, "a domain that ends alike": {"eve@notexample.org", long}, "a short password": {"eve@example.org", "acht Zeichen reichen"[:19]}} {
		if v := b.submit(page, "name", "Eve", "email", form[0], "password", form[1]); v.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, v.status)
		}
	}
	token := c.exchange(c.code(b.submit(page, "name", "Eve", "email", "eve@Example.org", "password", long)))
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
