package identity_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// FuzzAccessToken: whatever is sent as a token is refused, unless it is one of ours to the last byte; and it is never a
// fault of the program.
func FuzzAccessToken(f *testing.F) {
	e := open(f)
	e.user("ada@example.com")
	token, err := e.MintAccessToken(f.Context(), "ada@example.com", time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	parts := strings.Split(token, ".")
	decoded := func(part string) string {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			f.Fatal(err)
		}
		return string(text)
	}
	head, claims := decoded(parts[0]), decoded(parts[1])
	f.Add(head, claims, parts[2])
	f.Add(`{"alg":"none","typ":"at+jwt"}`, claims, "")
	f.Add(`{"alg":"HS256","typ":"at+jwt"}`, claims, parts[2])
	f.Add(strings.Replace(head, "ES256", "ES384", 1), claims, parts[2])
	f.Add(head, strings.Replace(claims, "cloudkida-api", "x", 1), parts[2])
	f.Add(head, `{"iss":"https://evil.example/pools/default"}`, parts[2])
	f.Add(head, `{"exp":1e999}`, parts[2])
	f.Add(head, "", parts[2]+"=")
	f.Add(head+" ", claims, parts[2])
	f.Fuzz(func(t *testing.T, head, claims, signature string) {
		encode := base64.RawURLEncoding.EncodeToString
		given := encode([]byte(head)) + "." + encode([]byte(claims)) + "." + signature
		for _, text := range []string{given, head, "Bearer " + given} {
			got, err := e.Verify(t.Context(), text)
			if err == nil && text != token && !sameBytes(text, token) {
				t.Errorf("%q is taken for a token: %+v", text, got)
			}
			if err != nil && errs.KindOf(err) != errs.KindUnauthenticated {
				t.Errorf("%q: %v", text, err)
			}
			_ = access.Bearer(text)
		}
	})
}

// sameBytes tells whether two tokens are the same but for the unused bits at the end of base64.
func sameBytes(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		one, err := base64.RawURLEncoding.DecodeString(x[i])
		two, other := base64.RawURLEncoding.DecodeString(y[i])
		if err != nil || other != nil || !bytes.Equal(one, two) {
			return false
		}
	}
	return true
}
