package identity_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// atOnce runs fn n times at the same moment and returns what succeeded.
func atOnce(n int, fn func() (*oauth2.Token, error)) (done []*oauth2.Token) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for range n {
		wg.Go(func() {
			<-start
			if token, err := fn(); err == nil {
				mu.Lock()
				defer mu.Unlock()
				done = append(done, token)
			}
		})
	}
	close(start)
	wg.Wait()
	return done
}

func TestACodeShownManyTimesAtOnceGivesNothingThatLives(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	e.signIn(b, c, "ada@example.com")
	code := c.code(b.get(c.url()))
	given := atOnce(8, func() (*oauth2.Token, error) { return c.oauth.Exchange(c.ctx, code, oauthVerifier(c)) })
	if len(given) > 1 {
		t.Errorf("one code was traded %d times", len(given))
	}
	for _, token := range given {
		if _, err := e.Verify(t.Context(), token.AccessToken); err == nil {
			t.Error("the tokens of a code that was copied live on")
		}
	}
}

func TestARefreshTokenShownManyTimesAtOnceEndsItsFamily(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	c := e.client()
	first := e.signIn(e.browser(), c, "ada@example.com")
	given := atOnce(8, func() (*oauth2.Token, error) { return c.refresh(first.RefreshToken) })
	if len(given) > 1 {
		t.Errorf("one refresh token was traded %d times", len(given))
	}
	for _, token := range given {
		if _, err := c.refresh(token.RefreshToken); oauthCode(err) != "invalid_grant" {
			t.Errorf("the next of a family that was copied: %v", err)
		}
	}
}

func TestTheSetupLinkTakenTwiceAtOnceMakesOneOperator(t *testing.T) {
	t.Parallel()
	e := open(t)
	var submits []func() // begun once every page is open: the first to end makes the links of the others void
	for _, name := range []string{"ada", "eve", "bob", "joe"} {
		link, _, err := e.SetupLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b := e.browser()
		page := b.get(link)
		submits = append(submits, func() { b.submit(page, "name", name, "email", name+"@example.com", "password", goodPassword) })
	}
	var wg sync.WaitGroup
	for _, submit := range submits {
		wg.Go(submit)
	}
	wg.Wait()
	var operators, users int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) filter (where operator), count(*) from identity."user"`).Scan(&operators, &users); err != nil || operators != 1 || users != 1 {
		t.Errorf("%d operators among %d users, %v", operators, users, err)
	}
}

// A database that does not answer is not the client's fault: nobody is signed out by it, and nothing of it is told.
func TestAnUnreachableDatabaseIsOurFault(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")
	page := b.get(c.url(oauth2.SetAuthURLParam("prompt", "login")))
	user := payload(t, token.AccessToken)["sub"]
	e.db.Identity.Close()
	if _, err := c.refresh(token.RefreshToken); oauthCode(err) != "server_error" || strings.Contains(err.Error(), "pool") {
		t.Errorf("refresh: %v", err)
	}
	if v := b.submit(page, "email", "ada@example.com", "password", goodPassword); v.status != http.StatusInternalServerError || !strings.Contains(v.body, "That did not work") || strings.Contains(v.body, "closed pool") {
		t.Errorf("sign-in: %d %s", v.status, v.body)
	}
	e.Forget(uuid.MustParse(fmt.Sprint(user)))
	if _, err := e.Verify(t.Context(), token.AccessToken); err == nil || errs.KindOf(err) != errs.KindInternal {
		t.Errorf("verify: %v", err)
	}
}
