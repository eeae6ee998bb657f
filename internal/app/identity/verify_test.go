package identity_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func payload(t testing.TB, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func decodeHeader(t testing.TB, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, kid, typ string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(raw)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// signingKey opens the pool's key as the program does.
func (e *env) signingKey() (string, *ecdsa.PrivateKey) {
	e.t.Helper()
	var kid string
	var sealed []byte
	err := e.db.Owner.QueryRow(e.t.Context(), `select k.id, k.sealed from identity.signing_key k join identity.pool p on p.id = k.pool_id where p.name = 'default'`).Scan(&kid, &sealed)
	if err != nil {
		e.t.Fatal(err)
	}
	plain, err := e.key.Open("identity signing key", sealed)
	if err != nil {
		e.t.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		e.t.Fatal(err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		e.t.Fatalf("a key of type %T", parsed)
	}
	return kid, private
}

func TestPoolsDoNotTakeEachOthersCodesTokensAndKeys(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.silo("other", "Other")
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")

	elsewhere := c.oauth
	elsewhere.Endpoint.TokenURL = e.server.URL + "/pools/other/token"
	if _, err := elsewhere.TokenSource(c.ctx, token).Token(); err != nil {
		t.Fatalf("a token that is still good needs no refresh: %v", err)
	}
	code := c.code(b.get(c.url()))
	if _, err := elsewhere.Exchange(c.ctx, code, oauthVerifier(c)); oauthCode(err) != "invalid_grant" {
		t.Errorf("a code of another pool: %v", err)
	}
	c.exchange(code) // it is not used up by that

	stolen := token.RefreshToken
	if _, err := (&client{ctx: c.ctx, oauth: elsewhere}).refresh(stolen); oauthCode(err) != "invalid_grant" {
		t.Errorf("a refresh token of another pool: %v", err)
	}
	if _, err := c.refresh(stolen); err != nil {
		t.Errorf("in its own pool: %v", err)
	}

	v := b.get(strings.Replace(c.url(), "/pools/default/", "/pools/other/", 1))
	if v.url.Path != "/pools/other/sign-in" {
		t.Fatalf("a session of one pool serves another: %s", v.url)
	}
	if v := b.submit(v, "email", "ada@example.com", "password", goodPassword); v.status != http.StatusUnauthorized {
		t.Errorf("a user of one pool signs in to another: %d", v.status)
	}
	b.get("/pools/other/keys")
	kid, key := e.signingKey()
	claims := payload(t, token.AccessToken)
	claims["iss"] = e.server.URL + "/pools/other"
	if _, err := e.Verify(t.Context(), sign(t, jose.ES256, key, kid, "at+jwt", claims)); err == nil {
		t.Error("one pool's key signs for another")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.server.URL+"/pools/other/userinfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	if v := b.do(r); v.status != http.StatusUnauthorized {
		t.Errorf("userinfo of another pool: %d", v.status)
	}
}

func TestRemovedPeopleAreOutAtOnceHereAndSoonElsewhere(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"disabled":  `update identity."user" set disabled_at = now() where id = $1`,
		"removed":   `update identity.membership set status = 'removed', epoch = epoch + 1 where user_id = $1`,
		"suspended": `update control.tenant set status = 'suspended' where id in (select tenant_id from identity.membership where user_id = $1)`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			u := e.user("ada@example.com")
			b, c := e.browser(), e.client()
			token := e.signIn(b, c, "ada@example.com")
			another := e.service(e.server.URL)
			if _, err := another.Membership(t.Context(), u.ID, tenancy.DefaultTenant()); err != nil {
				t.Fatal(err)
			}
			if status, _ := e.call("GET", "/v1/me", token.AccessToken, ""); status != http.StatusOK {
				t.Fatalf("before: %d", status)
			}
			e.exec(sql, u.ID)
			e.Forget(u.ID)
			if status, _ := e.call("GET", "/v1/me", token.AccessToken, ""); status != http.StatusForbidden {
				t.Errorf("at once: %d", status)
			}
			e.pass(2 * time.Second)
			if _, err := another.Membership(t.Context(), u.ID, tenancy.DefaultTenant()); errs.KindOf(err) != errs.KindForbidden {
				t.Errorf("in another process, 2 s later: %v", err)
			}
			if _, err := c.refresh(token.RefreshToken); oauthCode(err) != "invalid_grant" {
				t.Errorf("refresh: %v", err)
			}
			v := b.get(c.url())
			if v.location != nil {
				t.Errorf("the browser's session still gives a code: %s", v.location)
			}
			if v.url.Path == "/pools/default/sign-in" {
				v = b.submit(v, "email", "ada@example.com", "password", goodPassword)
			}
			if v.status != http.StatusForbidden || v.location != nil {
				t.Errorf("sign-in: %d %s", v.status, v.location)
			}
		})
	}
}

func TestKeysAreMadeOnceAndReadByEveryProcess(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	const processes = 4
	done := make(chan string, processes)
	for range processes {
		go func() {
			token, err := e.service(e.server.URL).MintAccessToken(t.Context(), "ADA@example.com", time.Minute)
			if err != nil {
				t.Error(err)
			}
			done <- token
		}()
	}
	for range processes {
		if _, err := e.Verify(t.Context(), <-done); err != nil {
			t.Error(err)
		}
	}
	var keys int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity.signing_key`).Scan(&keys); err != nil || keys != 1 {
		t.Errorf("%d keys, %v", keys, err)
	}
	for _, life := range []time.Duration{0, 2 * time.Hour} {
		if _, err := e.MintAccessToken(t.Context(), "ada@example.com", life); err == nil {
			t.Errorf("a token for %v", life)
		}
	}
	if _, err := e.MintAccessToken(t.Context(), "nobody@example.com", time.Minute); errs.KindOf(err) != errs.KindNotFound {
		t.Errorf("nobody: %v", err)
	}
}
