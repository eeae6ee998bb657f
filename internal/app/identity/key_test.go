package identity_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// published are the ids of the keys that the endpoint tells.
func (e *env) published() []string {
	e.t.Helper()
	var set struct{ Keys []struct{ Kid, D string } }
	v := e.browser().get("/pools/default/keys")
	if err := json.Unmarshal([]byte(v.body), &set); err != nil || v.status != http.StatusOK {
		e.t.Fatalf("keys: %d %s", v.status, v.body)
	}
	var ids []string
	for _, k := range set.Keys {
		if k.D != "" {
			e.t.Error("a private key is published")
		}
		ids = append(ids, k.Kid)
	}
	return ids
}

// kid is the id of the key that signed a token.
func (e *env) kid(token string) string {
	e.t.Helper()
	for _, id := range e.published() {
		if strings.Contains(decodeHeader(e.t, token), `"`+id+`"`) {
			return id
		}
	}
	e.t.Fatalf("no published key signed %s", decodeHeader(e.t, token))
	return ""
}

func (e *env) mint(s *identity.Service) string {
	e.t.Helper()
	token, err := s.MintAccessToken(e.t.Context(), "ada@example.com", time.Hour)
	if err != nil {
		e.t.Fatal(err)
	}
	return token
}

func TestSigningKeysRotateWithoutEndingATokenAndInEveryProcess(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	operator, err := e.CreateUser(t.Context(), identity.NewUser{Email: "op@example.com", Name: "Op", Password: goodPassword, Operator: true})
	if err != nil {
		t.Fatal(operator, err)
	}
	other := e.service(e.server.URL)
	first := e.kid(e.mint(other)) // both processes remember the first key alone
	token, err := e.MintAccessToken(t.Context(), "op@example.com", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"a rotation", "the same asked again"} {
		status, body := e.call("POST", "/v1/operator/pools/default/keys/rotate", token, "")
		if status != http.StatusOK || text(body, "key") == first {
			t.Fatalf("%s: %d %v", what, status, body)
		}
		if got := e.published(); len(got) != 2 || !slices.Contains(got, first) || !slices.Contains(got, text(body, "key")) {
			t.Fatalf("after %s: %v", what, got)
		}
	}
	for _, s := range []*identity.Service{e.Service, other} {
		if id := e.kid(e.mint(s)); id != first {
			t.Error("the new key signs before others can know it")
		}
	}
	e.pass(keyring.Lead - time.Second)
	last := e.mint(other) // the last token of the old key, for an hour
	if e.kid(last) != first {
		t.Error("the new key signs too early")
	}
	e.pass(2 * time.Second)
	for _, s := range []*identity.Service{e.Service, other} {
		token := e.mint(s)
		if e.kid(token) == first {
			t.Error("the old key signs on")
		}
		for _, verifier := range []*identity.Service{e.Service, other} {
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Errorf("the new key: %v", err)
			}
		}
	}
	e.pass(time.Hour - 4*time.Second)
	for _, s := range []*identity.Service{e.Service, other} {
		if _, err := s.Verify(t.Context(), last); err != nil {
			t.Errorf("the old key's last token, just before its end: %v", err)
		}
	}
	e.pass(10 * time.Minute)
	if got := e.published(); len(got) != 1 || got[0] == first {
		t.Errorf("in the end: %v", got)
	}
	if _, err := e.Verify(t.Context(), last); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("the old key's token after its end: %v", err)
	}
	if err := e.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity.signing_key`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d keys are kept, %v", left, err)
	}
}

func TestSigningKeysRotateBySchedule(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	first := e.kid(e.mint(e.Service))
	processes := []*identity.Service{e.Service, e.service(e.server.URL)}
	rotate := func() {
		done := make(chan error, len(processes))
		for _, s := range processes {
			go func() { done <- s.RotateKeys(t.Context()) }()
		}
		for range processes {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	rotate()
	e.pass(keyring.Life - time.Minute)
	rotate()
	if got := e.published(); len(got) != 1 {
		t.Errorf("a young key is replaced: %v", got)
	}
	e.pass(2 * time.Minute)
	rotate()
	rotate()
	if got := e.published(); len(got) != 2 || got[1] != first {
		t.Errorf("an old key, by two processes at once: %v", got)
	}
	e.pass(keyring.Lead + time.Minute)
	if e.kid(e.mint(e.Service)) == first {
		t.Error("the new key does not sign")
	}
	e.pass(keyring.Life + time.Hour)
	rotate()
	if got := e.published(); len(got) != 2 || slices.Contains(got, first) {
		t.Errorf("a month later: %v", got)
	}
}
