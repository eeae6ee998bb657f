package identity_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/uuid"
)

// The client that we are to the provider.
const (
	fedClient = "cloudkida at acme"
	fedSecret = "s3cret+of/the=client"
)

// liar is an identity provider that tells the truth until a test has it lie. Its fields are set before anybody calls it.
type liar struct {
	t      testing.TB
	server *httptest.Server
	key    *rsa.PrivateKey

	mu    sync.Mutex
	codes map[string]url.Values // authorization requests by the code that they got
	calls map[string]int
	told  []string // codes, states, nonces and tokens of all sign-ins

	person   map[string]any                     // claims of whoever signs in
	metadata func(map[string]any)               // changes discovery
	answer   func(url.Values)                   // changes what the browser brings back
	claims   func(map[string]any)               // changes the ID token's claims
	sign     func(claims map[string]any) string // makes the ID token
	info     map[string]any                     // what userinfo says; nil: there is none
	instead  map[string]http.HandlerFunc        // of an endpoint, by its path
}

func newLiar(t testing.TB) *liar {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	l := &liar{t: t, key: key, codes: map[string]url.Values{}}
	l.honest()
	mux := http.NewServeMux()
	for path, handler := range map[string]http.HandlerFunc{
		"/.well-known/openid-configuration": l.discovery, "/keys": l.keys, "/authorize": l.authorize, "/token": l.token, "/userinfo": l.userinfo,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			l.mu.Lock()
			l.calls[path]++
			l.mu.Unlock()
			if other := l.instead[path]; other != nil {
				other(w, r)
				return
			}
			handler(w, r)
		})
	}
	l.server = httptest.NewUnstartedServer(mux)
	l.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	l.server.StartTLS()
	t.Cleanup(l.server.Close)
	return l
}

// honest ends all lies.
func (l *liar) honest() {
	l.person = map[string]any{"sub": "ada-at-acme", "email": "ada@acme.example", "email_verified": true, "name": "Ada Lovelace"}
	l.sign = func(claims map[string]any) string { return l.signed(jose.RS256, l.key, claims) }
	l.metadata, l.answer, l.claims, l.info, l.instead, l.calls = nil, nil, nil, nil, map[string]http.HandlerFunc{}, map[string]int{}
}

// secrets are what nobody but the two of us may read.
func (l *liar) secrets() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string{fedSecret}, l.told...)
}

func (l *liar) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(l.server.Certificate())
	return pool
}

func (l *liar) reply(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

func (l *liar) discovery(w http.ResponseWriter, _ *http.Request) {
	d := map[string]any{
		"issuer": l.server.URL, "authorization_endpoint": l.server.URL + "/authorize", "token_endpoint": l.server.URL + "/token",
		"jwks_uri": l.server.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
	}
	if l.info != nil {
		d["userinfo_endpoint"] = l.server.URL + "/userinfo"
	}
	if l.metadata != nil {
		l.metadata(d)
	}
	l.reply(w, http.StatusOK, d)
}

func (l *liar) keys(w http.ResponseWriter, _ *http.Request) {
	l.reply(w, http.StatusOK, map[string]any{"keys": []any{jose.JSONWebKey{Key: l.key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
}

// authorize signs its person in without a question.
func (l *liar) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != fedClient || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" {
		l.t.Errorf("authorization request %s", r.URL)
	}
	code := uuid.NewString()
	l.mu.Lock()
	l.codes[code] = q
	l.told = append(l.told, code, q.Get("state"), q.Get("nonce"))
	l.mu.Unlock()
	back := url.Values{"state": {q.Get("state")}, "code": {code}}
	if l.answer != nil {
		l.answer(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound) //nolint:gosec // a test's provider
}

func (l *liar) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if id != fedClient || secret != fedSecret {
		l.reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "got " + secret})
		return
	}
	l.mu.Lock()
	asked, known := l.codes[r.PostFormValue("code")]
	delete(l.codes, r.PostFormValue("code"))
	l.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || asked.Get("redirect_uri") != r.PostFormValue("redirect_uri") {
		l.reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	hash := sha256.Sum256([]byte("access"))
	claims := map[string]any{
		"iss": l.server.URL, "aud": fedClient, "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": asked.Get("nonce"),
		"at_hash": base64.RawURLEncoding.EncodeToString(hash[:16]),
	}
	maps.Copy(claims, l.person)
	if l.claims != nil {
		l.claims(claims)
	}
	signed := l.sign(claims)
	l.mu.Lock()
	l.told = append(l.told, signed, r.PostFormValue("code_verifier"))
	l.mu.Unlock()
	l.reply(w, http.StatusOK, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": signed})
}

func (l *liar) userinfo(w http.ResponseWriter, _ *http.Request) { l.reply(w, http.StatusOK, l.info) }

func (l *liar) signed(algorithm jose.SignatureAlgorithm, key any, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		l.t.Error(err)
		return ""
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		l.t.Error(err)
	}
	return token
}

// unsigned is a token that nobody signed (alg none).
func unsigned(claims map[string]any) string {
	body, _ := json.Marshal(claims)
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none","kid":"k"}`)) + "." + part(body) + "."
}
