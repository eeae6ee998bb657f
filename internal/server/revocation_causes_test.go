package server_test

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

// visitor is a browser without scripts. It keeps cookies itself: those of a jar are for https alone.
type visitor struct {
	t       *testing.T
	base    string
	cookies map[string]string
}

// ask sends a request and follows nothing.
func (v *visitor) ask(method, address string, form url.Values) (location *url.URL, status int, body string) {
	v.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.base + address
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // what a browser sends
	}
	still := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := still.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		v.cookies[c.Name] = c.Value
	}
	if location, err = res.Location(); err != nil {
		location = &url.URL{}
	}
	return location, res.StatusCode, string(text)
}

// request is an authorization request of the console.
func request(base, verifier string, more ...string) string {
	q := url.Values{
		"client_id": {"console"}, "redirect_uri": {base + "/auth/callback"}, "response_type": {"code"}, "scope": {"openid offline_access"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/pools/default/authorize?" + q.Encode()
}

// tokens are what the token endpoint gives.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// trade asks a token endpoint; ok is false when it refuses.
func (v *visitor) trade(base string, form url.Values) (got tokens, ok bool) {
	v.t.Helper()
	form.Set("client_id", "console")
	_, status, body := v.ask(http.MethodPost, base+"/pools/default/token", form)
	if status != http.StatusOK {
		return got, false
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		v.t.Fatal(err)
	}
	return got, true
}

// signIn goes through the hosted page.
func (v *visitor) signIn(email string) tokens {
	v.t.Helper()
	verifier := oauth2.GenerateVerifier()
	page, _, _ := v.ask(http.MethodGet, request(v.base, verifier), nil)
	_, _, body := v.ask(http.MethodGet, page.String(), nil)
	token := regexp.MustCompile(`name="token" value="([^"]*)"`).FindStringSubmatch(body)
	if token == nil {
		v.t.Fatalf("no form at %s", page)
	}
	back, status, body := v.ask(http.MethodPost, page.String(), url.Values{"token": {html.UnescapeString(token[1])}, "email": {email}, "password": {"vier Fische im Teich"}})
	got, ok := v.trade(v.base, url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "code_verifier": {verifier}, "redirect_uri": {v.base + "/auth/callback"}})
	if !ok {
		v.t.Fatalf("sign in: %d %s %s", status, back, body)
	}
	return got
}

// silent tells whether the browser's session still gives a code.
func (v *visitor) silent(base string) bool {
	v.t.Helper()
	back, _, _ := v.ask(http.MethodGet, base+request(v.base, oauth2.GenerateVerifier(), "prompt", "none"), nil)
	return back.Query().Get("code") != ""
}

// subject is somebody with everything open that can be taken away.
type subject struct {
	visitor
	email, id, session string
	tokens             tokens
	key                string
	ended              chan string
}

// openAll signs somebody in, starts a lab, opens its terminal and events, and makes an API key.
func openAll(t *testing.T, r *running, email, id string) *subject {
	t.Helper()
	s := &subject{visitor: visitor{t: t, base: r.url, cookies: map[string]string{}}, email: email, id: id, ended: make(chan string, 2)}
	s.tokens = s.signIn(email)
	as := &caller{t: t, token: s.tokens.Access}
	var key struct {
		Secret string `json:"secret"`
	}
	as.json(http.MethodPost, r.url+"/v1/api-keys", `{"name":"Robot","scopes":["lab.read"]}`, &key)
	s.key = key.Secret
	var run struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	as.json(http.MethodPost, r.url+"/v1/sessions", `{"lab":"linux-permissions"}`, &run)
	s.session = run.ID
	for deadline := time.Now().Add(patience); run.State != "ready"; {
		if time.Now().After(deadline) {
			t.Fatalf("the session is %s", run.State)
		}
		as.json(http.MethodGet, r.url+"/v1/sessions/"+run.ID, "", &run)
	}
	go func() { as.followEvents(r.url + "/v1/sessions/" + run.ID + "/events"); s.ended <- "event stream" }()
	terminal := as.terminal(r.url, run.ID)
	go func() { readAll(terminal); s.ended <- "terminal" }()
	return s
}

// tries are what the subject can do on a node while nothing is taken away.
func (s *subject) tries(node string) map[string]func() bool {
	return map[string]func() bool{
		"API request": func() bool { return (&caller{t: s.t, token: s.tokens.Access}).status(node+"/v1/me") == http.StatusOK },
		"refresh": func() bool {
			got, ok := s.trade(node, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.tokens.Refresh}})
			if ok {
				s.tokens.Refresh = got.Refresh
			}
			return ok
		},
		"API key":        func() bool { return (&caller{t: s.t, token: s.key}).status(node+"/v1/labs") == http.StatusOK },
		"hosted session": func() bool { return s.silent(node) },
	}
}

// TestEachCauseRevokesEverythingOnEveryNode goes through causes by effects: what each takes away is refused on both nodes
// within five seconds, and what it leaves goes on. The measured times are in the test's log.
func TestEachCauseRevokesEverythingOnEveryNode(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := start(t, config(t, dir))
	admin, err := server.DatabaseURL(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, admin, `update control.tier set limits = limits - 'userRate' - 'userBurst' - 'rate' - 'burst'`) // it asks as fast as it can
	second := start(t, neighbour(t, dir, admin, first.url))
	owner := person(t, dir, admin, first.url, "olga@example.com", tenancy.RoleOwner)
	exec(t, admin, `update identity."user" set operator = true where id = $1`, owner)
	token := func(email string) *caller {
		t.Helper()
		made, err := server.Token(t.Context(), server.TokenRequest{Data: dir, PublicURL: first.url, Email: email, For: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return &caller{t: t, token: made}
	}
	olga := token("olga@example.com")
	send := func(c *caller, method, path, body string) {
		t.Helper()
		res := c.send(method, second.url+path, body)
		defer res.Body.Close()
		if text, _ := io.ReadAll(res.Body); res.StatusCode >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
		}
	}
	for _, cause := range []struct {
		name string
		do   func(s *subject)
		undo string
		keys bool // API keys are no sign-in: they go on
	}{
		{"remove the member", func(s *subject) { send(olga, http.MethodDelete, "/v1/members/"+s.id, "") }, `update identity.membership set status = 'active' where user_id = $1`, false},
		{"disable the user", func(s *subject) { send(olga, http.MethodPost, "/v1/operator/users/"+s.id+"/disable", "") }, `update identity."user" set disabled_at = null where id = $1`, false},
		{"suspend the tenant", func(*subject) {
			exec(t, admin, `update control.tenant set status = 'suspended' where name = 'default'`)
		}, `update control.tenant set status = 'active' where name = 'default' and $1::uuid is not null`, false},
		{"change the password", func(s *subject) {
			send(token(s.email), http.MethodPost, "/v1/me/password", `{"current":"vier Fische im Teich","new":"neun Hechte im See"}`)
		}, `select $1::uuid`, true},
		{"sign out everywhere", func(s *subject) { send(token(s.email), http.MethodDelete, "/v1/me/sessions", "") }, `select $1::uuid`, true},
	} {
		email := strings.ReplaceAll(cause.name, " ", ".") + "@example.com"
		s := openAll(t, first, email, person(t, dir, admin, first.url, email, tenancy.RoleAdmin))
		nodes := map[string]string{"node 1": first.url, "node 2": second.url}
		for node, address := range nodes {
			for effect, try := range s.tries(address) {
				if !try() {
					t.Fatalf("before %q, %s on %s is refused", cause.name, effect, node)
				}
			}
		}
		cause.do(s)
		s.measure(cause.name, nodes, cause.keys)
		exec(t, admin, cause.undo, s.id) // what runs would outlive the program
		s.end(token(s.email), first.url)
	}
}

// measure waits until everything is refused, but for keys where they stay, and says how long each took.
func (s *subject) measure(cause string, nodes map[string]string, keys bool) {
	s.t.Helper()
	since := time.Now()
	for node, address := range nodes {
		for effect, try := range s.tries(address) {
			if keys && effect == "API key" {
				if !try() {
					s.t.Errorf("%s: %s on %s is refused", cause, effect, node)
				}
				continue
			}
			for try() {
				if time.Since(since) > revocationTime {
					s.t.Errorf("%s: %s on %s goes on", cause, effect, node)
					break
				}
			}
			s.t.Logf("%s: %s on %s refused after at most %v", cause, effect, node, time.Since(since).Round(time.Millisecond))
		}
	}
	for range 2 {
		select {
		case what := <-s.ended:
			s.t.Logf("%s: %s ended after at most %v", cause, what, time.Since(since).Round(time.Millisecond))
		case <-time.After(time.Until(since.Add(revocationTime))):
			s.t.Errorf("%s: a stream goes on", cause)
		}
	}
}

// end ends the subject's lab.
func (s *subject) end(as *caller, node string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); as.status(node+"/v1/me") != http.StatusOK && time.Now().Before(deadline); {
	}
	var run struct {
		State string `json:"state"`
	}
	for deadline := time.Now().Add(patience); run.State != "ended" && run.State != "failed" && time.Now().Before(deadline); {
		res := as.send(http.MethodPost, node+"/v1/sessions/"+s.session+"/end", "")
		res.Body.Close()
		as.json(http.MethodGet, node+"/v1/sessions/"+s.session, "", &run)
	}
}
