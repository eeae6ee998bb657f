package identity_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// TestAVerifiedTokenIsRememberedForNoLongerThanItIsGood: what is remembered of a token is its signature alone.
func TestAVerifiedTokenIsRememberedForNoLongerThanItIsGood(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env, token string){
		"its time is over":  func(e *env, _ string) { e.pass(10*time.Minute + time.Second) },
		"its sign-in ended": func(e *env, _ string) { e.exec(`delete from identity.token_family`); e.pass(3 * time.Second) },
		"its key is gone":   func(e *env, _ string) { e.exec(`delete from identity.signing_key`); e.pass(61 * time.Second) },
		"its pool is gone":  func(e *env, _ string) { e.exec(`update identity.pool set name = 'renamed'`); e.pass(3 * time.Second) },
		"its key's time is over": func(e *env, _ string) {
			e.exec(`update identity.signing_key set expires_at = now() + interval '2 minutes'`)
			e.pass(3 * time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t)
			e.user("ada@example.com")
			token := e.signIn(e.browser(), e.client(), "ada@example.com").AccessToken
			for range 2 {
				if status, body := e.call("GET", "/v1/me", token, ""); status != http.StatusOK {
					t.Fatalf("before: %d %v", status, body)
				}
			}
			flipped := token[:len(token)-9] + "AAAAAAAAA"
			if _, err := e.Verify(t.Context(), flipped); errs.KindOf(err) != errs.KindUnauthenticated {
				t.Errorf("the same token with another signature: %v", err)
			}
			end(e, token)
			if _, err := e.Verify(t.Context(), token); errs.KindOf(err) != errs.KindUnauthenticated {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
