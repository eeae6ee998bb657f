package identity_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	registry "github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/consent"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const goodPassword = "vier Fische im Teich"

// env is an installation with its identity alone, over TLS as browsers need it for __Host- cookies.
type env struct {
	t      testing.TB
	db     *dbtest.Database
	server *httptest.Server
	key    *secret.Key
	ahead  *atomic.Int64 // nanoseconds that the service's clock is ahead
	mux    *httpx.Mux
	log    journal
	box    letters // every mail of sign-up and recovery
	*identity.Service
}

// journal is what the program logs.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func open(t testing.TB) *env {
	t.Helper()
	return openAt(t, "127.0.0.1")
}

// openAt is an installation whose address has this name, or this form of the loopback's.
func openAt(t testing.TB, host string) *env {
	t.Helper()
	key, err := secret.Load(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	mux := httpx.NewMux()
	server := httptest.NewUnstartedServer(httpx.Forwarded(mux, nil))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	server.URL = strings.Replace(server.URL, "127.0.0.1", host, 1)
	e := &env{t: t, db: dbtest.New(t), server: server, mux: mux, key: key, ahead: new(atomic.Int64)}
	e.Service = e.service(server.URL)
	e.Mount(mux)
	mux.HandleFunc("GET /{$}", httpx.Anybody, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "console") })
	api := httpx.NewAPI(mux)
	gate := &gateway.Gateway{Authorize: policy.Authorize, Authenticate: e.authenticate, Log: slog.New(slog.NewTextHandler(&e.log, nil))}
	api.UseMiddleware(gate.Middleware(api))
	e.Register(api)
	data := e.db.Role(policy.Authorize)
	e.Machines.DB = data
	e.Machines.Register(api)
	(&registry.Registry{Identity: e.db.Identity, DB: data, Forget: e.ForgetTenant}).Register(api)
	return e
}

// service returns one more process of the installation.
func (e *env) service(publicURL string) *identity.Service {
	e.t.Helper()
	s, err := identity.New(identity.Config{
		Pool: e.db.Identity, Key: e.key, PublicURL: publicURL, Log: slog.New(slog.NewTextHandler(&e.log, nil)), Version: "test",
		Documents: []consent.Document{{Name: "terms", Title: "terms of use", Version: "7", URL: "https://example.com/terms"}},
		Now:       func() time.Time { return time.Now().Add(time.Duration(e.ahead.Load())) },
	})
	if err != nil {
		e.t.Fatal(err)
	}
	s.Proofs.Send = e.box.writer().Send
	return s
}

// signUp goes from the sign-up page through the mail, by its code, to the end.
func (e *env) signUp(b *browser, page view, name, email, password string) view {
	e.t.Helper()
	sent := b.submit(page, "name", name, "email", email)
	if sent.url.Path != "/pools/default/sign-up/sent" {
		e.t.Fatalf("sign-up: %d %s\n%s", sent.status, sent.url, sent.body)
	}
	return b.submit(b.submit(sent, "code", e.box.code(e.t)), "password", password)
}

func (e *env) authenticate(ctx context.Context, bearer string) (tenancy.Scope, error) {
	c, err := e.Verify(ctx, bearer)
	if err != nil {
		return tenancy.Scope{}, err
	}
	m, err := e.Membership(ctx, c.User, c.Tenant)
	return tenancy.Scope{Tenant: c.Tenant, User: c.User, Role: m.Role, Operator: m.Operator, Session: c.Session}, err
}

func (e *env) pass(d time.Duration) { e.ahead.Add(int64(d)) }

func (e *env) user(email string) identity.User {
	e.t.Helper()
	u, err := e.CreateUser(e.t.Context(), identity.NewUser{Email: email, Name: "Ada Lovelace", Password: goodPassword})
	if err != nil {
		e.t.Fatal(err)
	}
	return u
}

func (e *env) exec(sql string, args ...any) {
	e.t.Helper()
	if _, err := e.db.Owner.Exec(e.t.Context(), sql, args...); err != nil {
		e.t.Fatal(err)
	}
}

// browser is a browser without scripts: cookies, links, forms.
type browser struct {
	t    testing.TB
	base string
	http *http.Client
}

func (e *env) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		e.t.Fatal(err)
	}
	client := &http.Client{
		Jar: jar, Timeout: 30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, //nolint:gosec // the test's own server
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if strings.HasPrefix(r.URL.Path, "/auth/callback") || r.URL.Path == "/foreign/callback" || len(via) > 10 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	e.t.Cleanup(client.CloseIdleConnections)
	return &browser{t: e.t, base: e.server.URL, http: client}
}

// view is where a browser is.
type view struct {
	status   int
	url      *url.URL
	location *url.URL // of the redirect to the client, if it came to that
	header   http.Header
	body     string
}

func (b *browser) do(r *http.Request) view {
	b.t.Helper()
	resp, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	v := view{status: resp.StatusCode, url: resp.Request.URL, header: resp.Header, body: string(body)}
	if l, err := resp.Location(); err == nil {
		v.location = l
	}
	return v
}

func (b *browser) get(address string) view {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(address string, form url.Values, header ...string) view {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.do(r)
}

// form is the address of a page's form with its hidden fields, and the fields that the person fills in.
func (v view) form(t testing.TB, fields ...string) (string, url.Values) {
	t.Helper()
	action := regexp.MustCompile(`<form method="post" action="([^"]*)"`).FindStringSubmatch(v.body)
	if action == nil {
		t.Fatalf("%d %s has no form:\n%s", v.status, v.url, v.body)
	}
	values := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(v.body, -1) {
		values.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return html.UnescapeString(action[1]), values
}

// submit fills in the form of a page and sends it.
func (b *browser) submit(v view, fields ...string) view {
	b.t.Helper()
	address, values := v.form(b.t, fields...)
	return b.post(address, values)
}

// client is the console's OpenID client, by independent libraries.
type client struct {
	t        testing.TB
	ctx      context.Context //nolint:containedctx // it carries the HTTP client, as the library wants it
	provider *oidc.Provider
	oauth    oauth2.Config
	verifier string
	state    string
	nonce    string
}

func (e *env) client() *client {
	e.t.Helper()
	ctx := oidc.ClientContext(e.t.Context(), e.browser().http)
	provider, err := oidc.NewProvider(ctx, e.server.URL+"/pools/default")
	if err != nil {
		e.t.Fatal(err)
	}
	endpoint := provider.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	return &client{
		t: e.t, ctx: ctx, provider: provider, verifier: oauth2.GenerateVerifier(), state: "st&te", nonce: "n-0S6",
		oauth: oauth2.Config{
			ClientID: "console", RedirectURL: e.server.URL + "/auth/callback", Endpoint: endpoint,
			Scopes: []string{"openid", "profile", "email", "offline_access"},
		},
	}
}

// url is the address that starts a sign-in.
func (c *client) url(more ...oauth2.AuthCodeOption) string {
	return c.oauth.AuthCodeURL(c.state, append([]oauth2.AuthCodeOption{oauth2.S256ChallengeOption(c.verifier), oidc.Nonce(c.nonce)}, more...)...)
}

// code takes the code out of the answer and checks what came with it.
func (c *client) code(v view) string {
	c.t.Helper()
	if v.location == nil || v.location.Path != "/auth/callback" {
		c.t.Fatalf("no answer to the client: %d %s\n%s", v.status, v.url, v.body)
	}
	q := v.location.Query()
	issuer := strings.TrimSuffix(c.oauth.Endpoint.TokenURL, "/token")
	if q.Get("state") != c.state || q.Get("iss") != issuer || q.Get("code") == "" {
		c.t.Fatalf("answer %s", v.location)
	}
	return q.Get("code")
}

func (c *client) exchange(code string) *oauth2.Token {
	c.t.Helper()
	token, err := c.oauth.Exchange(c.ctx, code, oauth2.VerifierOption(c.verifier))
	if err != nil {
		c.t.Fatal(err)
	}
	return token
}

func (c *client) refresh(token string) (*oauth2.Token, error) {
	return c.oauth.TokenSource(c.ctx, &oauth2.Token{RefreshToken: token}).Token()
}

// signIn goes through the page.
func (e *env) signIn(b *browser, c *client, email string) *oauth2.Token {
	e.t.Helper()
	return c.exchange(c.code(b.submit(b.get(c.url()), "email", email, "password", goodPassword)))
}

// call calls the API with an access token.
func (e *env) call(method, path, token, body string) (int, map[string]any) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), method, e.server.URL+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	v := e.browser().do(r)
	var decoded map[string]any
	if v.body != "" {
		if err := json.Unmarshal([]byte(v.body), &decoded); err != nil {
			e.t.Fatalf("%s %s: %d %q", method, path, v.status, v.body)
		}
	}
	return v.status, decoded
}
