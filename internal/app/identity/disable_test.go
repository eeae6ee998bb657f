package identity_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity"
)

func TestADisabledUserIsOutEverywhereAndInAgain(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada, operator := e.user("ada@example.com"), e.operatorToken()
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")
	link, err := e.ResetLink(t.Context(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/operator/users/" + ada.ID.String()
	for range 2 { // again changes nothing
		if status, body := e.call(http.MethodPost, path+"/disable", operator, ""); status != http.StatusNoContent {
			t.Fatalf("disable: %d %v", status, body)
		}
	}
	if status, _ := e.call(http.MethodGet, "/v1/me", token.AccessToken, ""); status != http.StatusUnauthorized && status != http.StatusForbidden {
		t.Errorf("a request with the token from before: %d", status)
	}
	if _, err := c.refresh(token.RefreshToken); err == nil {
		t.Error("the refresh token from before is good")
	}
	if v := b.get(c.url()); v.location != nil {
		t.Error("the browser from before gets a code")
	}
	if v := e.browser().get(link); v.status != http.StatusNotFound {
		t.Errorf("the link from before: %d", v.status)
	}
	visitor := e.browser()
	if v := e.password(visitor, c, "ada@example.com"); v.location != nil || visitor.cookie(sessionCookie) != "" {
		t.Errorf("the right password: %d %s", v.status, v.url)
	}
	if status, body := e.call(http.MethodPost, path+"/enable", operator, ""); status != http.StatusNoContent {
		t.Fatalf("enable: %d %v", status, body)
	}
	if status, _ := e.call(http.MethodGet, "/v1/me", token.AccessToken, ""); status != http.StatusUnauthorized {
		t.Errorf("the token from before, once she is in again: %d", status)
	}
	again := e.signIn(e.browser(), e.client(), "ada@example.com")
	if status, _ := e.call(http.MethodGet, "/v1/me", again.AccessToken, ""); status != http.StatusOK {
		t.Errorf("after a new sign-in: %d", status)
	}
	if log := e.log.String(); !strings.Contains(log, "an operator changed who may sign in") {
		t.Errorf("the log does not say who did it:\n%s", log)
	}
	if status, _ := e.call(http.MethodPost, path+"/disable", again.AccessToken, ""); status != http.StatusForbidden {
		t.Errorf("a learner disables somebody: %d", status)
	}
	if status, _ := e.call(http.MethodPost, "/v1/operator/users/"+uuid.NewString()+"/disable", operator, ""); status != http.StatusNotFound {
		t.Errorf("nobody is disabled: %d", status)
	}
}

// However operators disable each other and themselves, one is left.
func TestOneOperatorIsAlwaysLeft(t *testing.T) {
	t.Parallel()
	e := open(t)
	var ids, tokens []string
	for _, email := range []string{"olga@example.com", "otto@example.com"} {
		u, err := e.CreateUser(t.Context(), identity.NewUser{Email: email, Name: "Op", Password: goodPassword, Operator: true})
		if err != nil {
			t.Fatal(err)
		}
		ids, tokens = append(ids, u.ID.String()), append(tokens, e.signIn(e.browser(), e.client(), email).AccessToken)
	}
	if status, body := e.call(http.MethodPost, "/v1/operator/users/"+ids[0]+"/disable", tokens[0], ""); status != http.StatusConflict {
		t.Errorf("one disables oneself: %d %v", status, body)
	}
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() { e.call(http.MethodPost, "/v1/operator/users/"+ids[1-i]+"/disable", tokens[i], "") })
	}
	group.Wait()
	var left int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity."user" where operator and disabled_at is null`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d operators are left, %v", left, err)
	}
}
