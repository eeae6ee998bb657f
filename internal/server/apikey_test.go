package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

// What an API key and a machine client's secret have opened ends within five seconds of their end: an event stream and a
// terminal, of a revoked key, of one that was rotated without overlap, and of a client that got another secret.
func TestStreamsEndWithTheSecretThatOpenedThem(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	r := start(t, config(t, dir))
	admin, err := server.DatabaseURL(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, admin, `update control.tier set limits = limits - 'userRate'`) // it asks as fast as it can
	person(t, dir, admin, r.url, "olga@example.com", tenancy.RoleOwner)
	token, err := server.Token(t.Context(), server.TokenRequest{Data: dir, PublicURL: r.url, Email: "olga@example.com", For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	owner := &caller{t: t, token: token}
	var key, bot struct {
		ID, Secret string
		Version    int64
	}
	owner.json(http.MethodPost, r.url+"/v1/api-keys", `{"name":"Robot","scopes":["session.start"]}`, &key)
	owner.json(http.MethodPost, r.url+"/v1/machine-clients", `{"name":"Robot","role":"learner"}`, &bot)
	for _, c := range []struct {
		name, secret string
		end          func()
	}{
		{"a machine client with another secret", machineToken(t, r.url, bot.ID, bot.Secret), func() {
			owner.json(http.MethodPost, r.url+"/v1/machine-clients/"+bot.ID+"/secret", `{}`, &bot)
		}},
		{"a revoked key", key.Secret, func() {
			owner.send(http.MethodDelete, r.url+"/v1/api-keys/"+key.ID, "").Body.Close()
		}},
	} {
		as := &caller{t: t, token: c.secret}
		session, end := runLab(owner, as, r.url)
		ended := make(chan string, 2)
		go func() { as.followEvents(r.url + "/v1/sessions/" + session + "/events"); ended <- "events" }()
		terminal := as.terminal(r.url, session)
		go func() { readAll(terminal); ended <- "terminal" }()
		c.end()
		over := time.Now()
		for range 2 {
			select {
			case what := <-ended:
				t.Logf("%s: %s ended after %v", c.name, what, time.Since(over))
			case <-time.After(time.Until(over.Add(revocationTime))):
				t.Errorf("%s: a stream goes on", c.name)
			}
		}
		end()
	}
}

// machineToken gets an access token of a machine client.
func machineToken(t *testing.T, address, id, secret string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/pools/default/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || out.Token == "" {
		t.Fatalf("a token: %d %v", res.StatusCode, err)
	}
	return out.Token
}

// runLab starts a lab as somebody and waits until it is ready. end ends it as the owner, who may see it.
func runLab(owner, as *caller, address string) (id string, end func()) {
	owner.t.Helper()
	var session struct{ ID, State string }
	as.json(http.MethodPost, address+"/v1/sessions", `{"lab":"linux-permissions"}`, &session)
	wait := func(state string) {
		for deadline := time.Now().Add(patience); session.State != state; {
			if time.Now().After(deadline) {
				owner.t.Fatalf("the session is %s", session.State)
			}
			owner.json(http.MethodGet, address+"/v1/sessions/"+session.ID, "", &session)
		}
	}
	wait("ready")
	return session.ID, func() {
		owner.json(http.MethodPost, address+"/v1/sessions/"+session.ID+"/end", "", &session)
		wait("ended")
	}
}
