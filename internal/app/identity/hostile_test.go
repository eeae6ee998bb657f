package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// tally counts what a request could have been granted: accounts, memberships, sign-ins, grants and their tokens.
func (e *env) tally() map[string]int {
	e.t.Helper()
	counts := map[string]int{}
	for _, table := range []string{`"user"`, "membership", "browser_session", "token_family", "refresh_token", "auth_code", "federation_identity"} {
		var n int
		if err := e.db.Owner.QueryRow(e.t.Context(), `select count(*) from identity.`+table).Scan(&n); err != nil {
			e.t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

// ungranted checks that nothing was added since a tally.
func (e *env) ungranted(t *testing.T, before map[string]int) {
	t.Helper()
	for table, n := range e.tally() {
		if n > before[table] {
			t.Errorf("%d rows of %s were added", n-before[table], table)
		}
	}
}

// toldOnce checks that a log has exactly one line with a message, that it says the reason, and that no secret is anywhere.
func toldOnce(t *testing.T, log, message, reason string, secrets ...string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, message) {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 || reason == "" || !strings.Contains(lines[0], reason) {
		t.Errorf("want one line %q that says %q:\n%s", message, reason, log)
	}
	for _, secret := range secrets {
		if len(secret) >= 8 && strings.Contains(log, secret) {
			t.Errorf("the log has %.20q...:\n%s", secret, log)
		}
	}
}

// Whatever comes to the token endpoint: an error of RFC 6749, nothing granted, and one line with the reason in the log,
// without what was shown.
func TestHostileTokenRequests(t *testing.T) {
	t.Parallel()
	e := open(t)
	h := e.hostility()
	for name, tc := range h.requests() {
		t.Run(name, func(t *testing.T) {
			form := tc.form()
			secrets := h.secrets(form)
			if tc.change != nil {
				tc.change(form)
			}
			path := tc.path
			if path == "" {
				path = "/pools/default/token"
			}
			before := e.tally()
			e.log.text.Reset()
			e.pass(tc.ahead)
			v := h.browser.post(path, form)
			e.pass(-tc.ahead)
			h.refused(t, v, tc.want)
			e.ungranted(t, before)
			toldOnce(t, e.log.String(), "token request refused", tc.reason, append(secrets, h.secrets(form)...)...)
		})
	}
}

// Requests that are none of forms are refused, too.
func TestStrangeTokenRequests(t *testing.T) {
	t.Parallel()
	e := open(t)
	h := e.hostility()
	before := e.tally()
	if v := h.browser.get("/pools/default/token?" + h.code().Encode()); v.status != http.StatusMethodNotAllowed && v.status != http.StatusNotFound {
		t.Errorf("GET: %d %s", v.status, v.body)
	}
	if v := h.browser.post("/pools/default/token", h.code(), "Content-Type", "application/json"); v.status != http.StatusBadRequest || strings.Contains(v.body, "access_token") {
		t.Errorf("JSON: %d %s", v.status, v.body)
	}
	if v := h.browser.post("/pools/default/token", h.code(), "Authorization", "Bearer "+h.token.AccessToken); v.status != http.StatusUnauthorized {
		t.Errorf("a bearer at the token endpoint: %d %s", v.status, v.body)
	}
	before["auth_code"] += 3 // those that were asked for
	e.ungranted(t, before)
}

// hostility is what somebody has who means harm: codes, tokens and clients of others.
type hostility struct {
	*env
	browser    *browser
	client     *client
	token      *oauth2.Token
	id, secret string // of a machine client
	program    *client
}

func (e *env) hostility() *hostility {
	e.t.Helper()
	e.silo("other", "Other")
	owner := e.member("owner", e.tenant("acme", "Acme"), tenancy.RoleOwner)
	e.user("ada@example.com")
	h := &hostility{env: e, browser: e.browser(), client: e.client()}
	h.token = e.signIn(h.browser, h.client, "ada@example.com")
	h.id, h.secret = e.bot(owner, tenancy.RoleLearner)
	h.program, _ = e.program(owner, true)
	return h
}

// code is a good request with a new code.
func (h *hostility) code() url.Values {
	h.t.Helper()
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {"console"}, "redirect_uri": {h.client.oauth.RedirectURL}, "code_verifier": {h.client.verifier},
		"code": {h.client.code(h.browser.get(h.client.url()))},
	}
}

// used is a request with a code that was good once.
func (h *hostility) used() url.Values {
	h.t.Helper()
	form := h.code()
	h.client.exchange(form.Get("code"))
	return form
}

// refresh is a good request with a new refresh token.
func (h *hostility) refresh() url.Values {
	h.t.Helper()
	token := h.client.exchange(h.code().Get("code"))
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {"console"}, "refresh_token": {token.RefreshToken}}
}

// reused is a request with a refresh token that was good once.
func (h *hostility) reused() url.Values {
	h.t.Helper()
	form := h.refresh()
	if _, err := h.client.refresh(form.Get("refresh_token")); err != nil {
		h.t.Fatal(err)
	}
	return form
}

func (h *hostility) machine() url.Values {
	form := credentials()
	form.Set("client_id", h.id)
	form.Set("client_secret", h.secret)
	return form
}

// secrets are what a request shows that nobody else may read.
func (h *hostility) secrets(form url.Values) []string {
	all := []string{h.token.AccessToken, h.token.RefreshToken, h.secret, h.program.oauth.ClientSecret, h.client.verifier}
	for _, name := range []string{"code", "refresh_token", "client_secret", "code_verifier", "client_assertion", "device_code"} {
		all = append(all, form[name]...)
	}
	return all
}

// refused checks an answer against RFC 6749, 5.2.
func (h *hostility) refused(t *testing.T, v view, want string) {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(v.body), &answer); err != nil {
		t.Fatalf("%d %s", v.status, v.body)
	}
	status := http.StatusBadRequest
	if want == "invalid_client" {
		status = http.StatusUnauthorized
	}
	description, _ := answer["error_description"].(string)
	strange := func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }
	if v.status != status || answer["error"] != want || answer["access_token"] != nil || strings.ContainsFunc(description, strange) || v.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s, want %s", v.status, v.body, want)
	}
}

// hostile is a request for tokens with something wrong.
type hostile struct {
	form   func() url.Values
	change func(url.Values)
	path   string
	ahead  time.Duration // of our clock
	want   string
	reason string
}

// requests are all that must be refused.
func (h *hostility) requests() map[string]hostile {
	all := h.grantRequests()
	maps.Copy(all, h.clientRequests())
	return all
}

func set(name, value string) func(url.Values) { return func(q url.Values) { q.Set(name, value) } }

func without(name string) func(url.Values) { return func(q url.Values) { q.Del(name) } }

func again(name, value string) func(url.Values) { return func(q url.Values) { q.Add(name, value) } }

// grantRequests have something wrong with what they show.
func (h *hostility) grantRequests() map[string]hostile {
	challenge := oauth2.S256ChallengeFromVerifier(h.client.verifier)
	const nobody, used, badVerifier = "nobody was given it", "it was used before", "invalid code_verifier"
	return map[string]hostile{
		"no code":                   {form: h.code, change: without("code"), want: "invalid_request", reason: "code missing"},
		"a nonsense code":           {form: h.code, change: set("code", "\x00\xff' or 1=1 --"), want: "invalid_grant", reason: nobody},
		"a code cut short":          {form: h.code, change: func(q url.Values) { q.Set("code", q.Get("code")[1:]) }, want: "invalid_grant", reason: nobody},
		"a code of 30 KB":           {form: h.code, change: set("code", strings.Repeat("a", 30<<10)), want: "invalid_grant", reason: nobody},
		"a form of 40 KB":           {form: h.code, change: set("code", strings.Repeat("a", 40<<10)), want: "invalid_request", reason: "the form is larger than"},
		"a replayed code":           {form: h.used, want: "invalid_grant", reason: used},
		"our clock an hour ahead":   {form: h.code, ahead: time.Hour, want: "invalid_grant", reason: "it expired at"},
		"our clock an hour behind":  {form: h.code, ahead: -time.Hour, want: "invalid_grant", reason: "it is from the future"},
		"another verifier":          {form: h.code, change: set("code_verifier", oauth2.GenerateVerifier()), want: "invalid_grant", reason: badVerifier},
		"the challenge itself":      {form: h.code, change: set("code_verifier", challenge), want: "invalid_grant", reason: badVerifier},
		"an empty verifier":         {form: h.code, change: set("code_verifier", ""), want: "invalid_request", reason: "code_verifier required"},
		"another redirect":          {form: h.code, change: func(q url.Values) { q.Set("redirect_uri", q.Get("redirect_uri")+"/") }, want: "invalid_grant", reason: "redirect_uri does not correspond"},
		"no redirect":               {form: h.code, change: without("redirect_uri"), want: "invalid_grant", reason: "redirect_uri does not correspond"},
		"a code of another pool":    {form: h.code, path: "/pools/other/token", want: "invalid_grant", reason: "it was given by another user pool"},
		"two codes":                 {form: h.code, change: again("code", "x"), want: "invalid_request", reason: "code is repeated"},
		"a code as a name, twice":   {form: h.code, change: func(q url.Values) { q[q.Get("code")] = []string{"", ""} }, want: "invalid_request", reason: "a parameter is repeated"},
		"two grant types":           {form: h.code, change: again("grant_type", "refresh_token"), want: "invalid_request", reason: "grant_type is repeated"},
		"no grant type":             {form: h.code, change: without("grant_type"), want: "invalid_request", reason: "grant_type missing"},
		"a grant that nobody has":   {form: h.code, change: set("grant_type", "password"), want: "unsupported_grant_type", reason: "only authorization_code"},
		"a refresh token as code":   {form: h.code, change: set("code", h.token.RefreshToken), want: "invalid_grant", reason: nobody},
		"an access token to renew":  {form: h.refresh, change: set("refresh_token", h.token.AccessToken), want: "invalid_grant", reason: nobody},
		"no refresh token":          {form: h.refresh, change: without("refresh_token"), want: "invalid_request", reason: "refresh_token missing"},
		"a replayed refresh token":  {form: h.reused, want: "invalid_grant", reason: used},
		"a late refresh token":      {form: h.refresh, ahead: 31 * 24 * time.Hour, want: "invalid_grant", reason: "it expired at"},
		"another pool's to refresh": {form: h.refresh, path: "/pools/other/token", want: "invalid_grant", reason: "it was given by another user pool"},
		"more scopes than given":    {form: h.refresh, change: set("scope", "openid admin"), want: "invalid_scope", reason: "a scope was not granted"},
		"an unknown device": {form: func() url.Values {
			return url.Values{"grant_type": {string(oidc.GrantTypeDeviceCode)}, "client_id": {"cli"}, "device_code": {"AAAAAAAAAAAAAAAAAAAAAA"}}
		}, want: "invalid_grant", reason: "the device code is unknown or used"},
	}
}

// clientRequests have something wrong with who shows it.
func (h *hostility) clientRequests() map[string]hostile {
	const wrong = "the client's secret is not right"
	return map[string]hostile{
		"another client": {form: h.code, change: set("client_id", "cli"), want: "unauthorized_client", reason: "this client has no such grant"},
		"somebody else's program": {form: h.code, change: func(q url.Values) {
			q.Set("client_id", h.program.oauth.ClientID)
			q.Set("client_secret", h.program.oauth.ClientSecret)
		}, want: "invalid_grant", reason: "it was given to another client"},
		"somebody else's program renews": {form: h.refresh, change: func(q url.Values) {
			q.Set("client_id", h.program.oauth.ClientID)
			q.Set("client_secret", h.program.oauth.ClientSecret)
		}, want: "invalid_grant", reason: "it was given to another client"},
		"a program's other secret": {form: h.code, change: func(q url.Values) {
			q.Set("client_id", h.program.oauth.ClientID)
			q.Set("client_secret", h.program.oauth.ClientSecret[1:])
		}, want: "invalid_client", reason: wrong},
		"a secret without need":    {form: h.code, change: set("client_secret", "x"), want: "invalid_client", reason: wrong},
		"a client assertion":       {form: h.code, change: set("client_assertion", "eyJ.e30.x"), want: "invalid_client", reason: "client assertions are not supported"},
		"no client":                {form: h.code, change: without("client_id"), want: "invalid_client", reason: "there is no such client"},
		"a client with a zero":     {form: h.code, change: set("client_id", "con\x00sole2"), want: "invalid_client", reason: "there is no such client"},
		"two clients":              {form: h.code, change: again("client_id", "console"), want: "invalid_request", reason: "client_id is repeated"},
		"a machine's other secret": {form: h.machine, change: set("client_secret", h.secret[1:]), want: "invalid_client", reason: "the machine client's secret is not right"},
		"a machine without secret": {form: h.machine, change: without("client_secret"), want: "invalid_client", reason: "the machine client's secret is not right"},
		"a machine in capitals":    {form: h.machine, change: set("client_id", "{"+h.id+"}"), want: "invalid_client", reason: "the client id is none of a machine client"},
		"a machine that is none":   {form: h.machine, change: set("client_id", uuid.NewString()), want: "invalid_client", reason: "the pool has no such machine client"},
		"a machine asks for more":  {form: h.machine, change: set("scope", "openid"), want: "invalid_scope", reason: "machine clients have no scopes"},
		"a machine at other pools": {form: h.machine, path: "/pools/other/token", want: "invalid_client", reason: "the pool has no such machine client"},
		"a machine of years ago":   {form: h.machine, ahead: 10 * 366 * 24 * time.Hour, want: "invalid_client", reason: "the machine client's secret has expired"},
		"a machine's code": {form: h.code, change: func(q url.Values) {
			q.Set("client_id", h.id)
			q.Set("client_secret", h.secret)
		}, want: "invalid_client", reason: "there is no such client"},
	}
}

// A bearer token with something wrong opens nothing: an answer of RFC 6750, and one line with the reason in the log, without
// the token.
func TestHostileBearers(t *testing.T) {
	t.Parallel()
	e := open(t)
	acme := e.tenant("acme", "Acme")
	e.silo("other", "Other")
	owner := e.member("owner", acme, tenancy.RoleOwner)
	id, secret := e.bot(owner, tenancy.RoleLearner)
	kid, key := e.signingKey()
	f := forger{env: e, kid: kid, key: key, person: payload(t, owner), machine: payload(t, e.botToken(id, secret))}
	for name, bearer := range map[string]string{"a person": f.sign(f.person), "a machine": f.sign(f.machine)} {
		if status, body := e.call("GET", "/v1/me/grants", bearer, ""); status == http.StatusUnauthorized {
			t.Fatalf("a token like ours of %s: %d %v", name, status, body)
		}
	}
	for name, tc := range f.bearers(owner) {
		t.Run(name, func(t *testing.T) {
			before := e.tally()
			e.log.text.Reset()
			e.pass(tc.ahead)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.server.URL+"/v1/me/grants", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+tc.token)
			v := e.browser().do(r)
			e.pass(-tc.ahead)
			var problem map[string]any
			err = json.Unmarshal([]byte(v.body), &problem)
			challenge := v.header.Get("WWW-Authenticate")
			if err != nil || v.status != http.StatusUnauthorized || v.header.Get("Content-Type") != "application/problem+json" ||
				!strings.HasPrefix(challenge, "Bearer ") || !strings.Contains(challenge, `error="invalid_token"`) || problem["status"] != float64(401) {
				t.Errorf("%d %v %s", v.status, v.header, v.body)
			}
			e.ungranted(t, before)
			shown := append([]string{tc.token}, strings.Split(tc.token, ".")...)
			toldOnce(t, e.log.String(), "a credential is not accepted", tc.reason, shown...)
			if got, err := e.Verify(t.Context(), tc.token); tc.ahead == 0 && errs.KindOf(err) != errs.KindUnauthenticated {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// forger signs what it likes with the pool's own key.
type forger struct {
	*env
	kid             string
	key             *ecdsa.PrivateKey
	person, machine map[string]any // claims of good tokens
}

func (f *forger) sign(claims map[string]any) string {
	f.t.Helper()
	return sign(f.t, jose.ES256, f.key, f.kid, "at+jwt", claims)
}

// but is the claims with one changed, or more.
func but(claims map[string]any, changes ...any) map[string]any {
	changed := map[string]any{}
	maps.Copy(changed, claims)
	for i := 0; i+1 < len(changes); i += 2 {
		name, _ := changes[i].(string)
		changed[name] = changes[i+1]
	}
	return changed
}

// bearer is a token that must not be accepted.
type bearer struct {
	token  string
	ahead  time.Duration // of our clock
	reason string
}

func (f *forger) bearers(owner string) map[string]bearer {
	all := f.forged(owner)
	maps.Copy(all, f.mistaken())
	maps.Copy(all, f.dressed(owner))
	return all
}

// forged are tokens that nobody of ours signed as they are.
func (f *forger) forged(owner string) map[string]bearer {
	public, err := x509.MarshalPKIXPublicKey(&f.key.PublicKey)
	if err != nil {
		f.t.Fatal(err)
	}
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt","kid":"`+f.kid+`"}`)) + "." + strings.Split(owner, ".")[1] + "."
	const at, noToken, noSignature, noKey = "at+jwt", "not a signed token", "signature is not by its key", "token of an unknown key"
	return map[string]bearer{
		"nonsense":                {token: "a.b.c", reason: noToken},
		"cut in two":              {token: strings.Replace(owner, ".", "..", 1), reason: noToken},
		"huge":                    {token: f.sign(but(f.person, "pad", strings.Repeat("x", 8<<10))), reason: "token of 11"},
		"as large as headers may": {token: f.sign(but(f.person, "pad", strings.Repeat("x", 500<<10))), reason: "token of 68"},
		"alg none":                {token: none, reason: `signed by \"none\", which is not accepted`},
		"HS256, public key":       {token: sign(f.t, jose.HS256, public, f.kid, at, f.person), reason: `signed by \"HS256\", which is not accepted`},
		"a foreign key":           {token: sign(f.t, jose.ES256, foreign, f.kid, at, f.person), reason: noSignature},
		"the signature cut short": {token: owner[:len(owner)-6], reason: noSignature},
		"cut within a character":  {token: owner[:len(owner)-4], reason: "sign"}, // by its last bits it is no signature, or another
		"an unknown key":          {token: sign(f.t, jose.ES256, f.key, "other", at, f.person), reason: noKey},
		"no key":                  {token: sign(f.t, jose.ES256, f.key, "", at, f.person), reason: noKey},
		"claims that are none":    {token: f.sign(but(f.person, "sub", "ada")), reason: "claims cannot be read"},
		"type JWT":                {token: sign(f.t, jose.ES256, f.key, f.kid, "JWT", f.person), reason: "none of an access token"},
	}
}

// dressed are tokens whose header or form is not as ours, each signed as it is by the pool's own key.
func (f *forger) dressed(owner string) map[string]bearer {
	const noToken, noSignature, more = "not a signed token", "signature is not by its key", "header says more than ours do"
	own, err := jose.JSONWebKey{Key: &f.key.PublicKey}.MarshalJSON()
	if err != nil {
		f.t.Fatal(err)
	}
	part := strings.Split(owner, ".")
	under := func(header string) string {
		signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + part[1]
		hash := sha256.Sum256([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, f.key, hash[:])
		if err != nil {
			f.t.Fatal(err)
		}
		return signed + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	}
	if got, err := f.Verify(f.t.Context(), under(`{"alg":"ES256","kid":"`+f.kid+`","typ":"at+jwt"}`)); err != nil {
		f.t.Fatalf("a header like ours: %+v, %v", got, err)
	}
	all := map[string]bearer{
		"four parts":                   {token: owner + "." + part[2], reason: noToken},
		"no signature":                 {token: part[0] + "." + part[1] + ".", reason: noSignature},
		"two parts":                    {token: part[0] + "." + part[1], reason: noSignature},
		"another signature's":          {token: part[0] + "." + part[1] + "." + strings.Split(f.sign(f.machine), ".")[2], reason: noSignature},
		"claims of another":            {token: part[0] + "." + strings.Split(f.sign(f.machine), ".")[1] + "." + part[2], reason: noSignature},
		"a signature with its padding": {token: owner + "==", reason: noToken},
		"a signature of zeros":         {token: part[0] + "." + part[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)), reason: noSignature},
	}
	for name, member := range map[string]string{
		"an extension that must be known": `"crit":["exp"],"exp":1`,
		"claims that are not encoded":     `"crit":["b64"],"b64":false`,
		"b64 without crit":                `"b64":false`,
		"a key of its own":                `"jwk":` + string(own),
		"a nonce":                         `"nonce":"x"`,
		"a place of keys":                 `"jku":"https://evil.example/keys"`,
		"a type of content":               `"cty":"JWT"`,
	} {
		all[name] = bearer{token: under(`{"alg":"ES256","kid":"` + f.kid + `","typ":"at+jwt",` + member + `}`), reason: more}
	}
	return all
}

// mistaken are tokens with a right signature for somebody, something or some time else.
func (f *forger) mistaken() map[string]bearer {
	other, now := "22222222-2222-7222-8222-222222222222", time.Now()
	hours := func(h int) int64 { return now.Add(time.Duration(h) * time.Hour).Unix() }
	const ended, noSecret, future, expired, foreign = "session that has ended", "secret that is no longer good", "token from the future", "token expired at", "token of a foreign issuer"
	return map[string]bearer{
		"of a program of others":   {token: f.sign(but(f.person, "aud", f.server.URL+"/pools/default")), reason: "does not open the API"},
		"a foreign issuer":         {token: f.sign(but(f.person, "iss", "https://evil.example/pools/default")), reason: foreign},
		"a pool that is none":      {token: f.sign(but(f.person, "iss", f.server.URL+"/pools/nowhere")), reason: foreign},
		"another pool":             {token: f.sign(but(f.person, "iss", f.server.URL+"/pools/other")), reason: "token of an unknown key"},
		"another audience":         {token: f.sign(but(f.person, "aud", "console")), reason: `token for the audience \"console\"`},
		"another pool's audience":  {token: f.sign(but(f.person, "aud", f.server.URL+"/pools/other")), reason: "token for the audience"},
		"another tenant":           {token: f.sign(but(f.person, "tenant", other)), reason: ended},
		"another user":             {token: f.sign(but(f.person, "sub", other)), reason: ended},
		"another session":          {token: f.sign(but(f.person, "sid", other)), reason: ended},
		"nobody":                   {token: f.sign(but(f.person, "sub", uuid.Nil)), reason: "token without its ids"},
		"a machine elsewhere":      {token: f.sign(but(f.machine, "tenant", tenancy.DefaultTenant())), reason: noSecret},
		"a machine of two ids":     {token: f.sign(but(f.machine, "sub", other, "client_id", other)), reason: noSecret},
		"a machine as a person":    {token: f.sign(but(f.machine, "client_id", "console")), reason: ended},
		"a person as a machine":    {token: f.sign(but(f.machine, "sub", f.person["sub"])), reason: ended},
		"a machine's, of a person": {token: f.sign(but(f.machine, "sid", f.person["sid"])), reason: noSecret},
		"no end":                   {token: f.sign(but(f.person, "exp", 0)), reason: expired},
		"ended a second ago":       {token: f.sign(but(f.person, "exp", now.Add(-time.Second).Unix())), reason: expired},
		"not yet":                  {token: f.sign(but(f.person, "nbf", hours(1))), reason: future},
		"their clock ahead":        {token: f.sign(but(f.person, "iat", hours(1), "exp", hours(2))), reason: future},
		"their clock behind":       {token: f.sign(but(f.person, "iat", hours(-2), "exp", hours(-1))), reason: expired},
		"our clock ahead":          {token: f.sign(f.person), ahead: time.Hour, reason: expired},
		"our clock behind":         {token: f.sign(f.person), ahead: -time.Hour, reason: future},
		"a machine, ours ahead":    {token: f.sign(f.machine), ahead: time.Hour, reason: expired},
		"a machine, ours behind":   {token: f.sign(f.machine), ahead: -time.Hour, reason: future},
	}
}
