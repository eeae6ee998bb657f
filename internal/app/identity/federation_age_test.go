package identity_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// What a client asks about the age of a sign-in is asked of the provider, and its answer is held against it.
func TestTheAgeOfASignInAtAProviderIsAskedAndChecked(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	ago := func(d time.Duration) any { return time.Now().Add(-d).Unix() }
	for name, c := range map[string]struct {
		asked  string
		told   any // auth_time; nil: not told
		status int // of the page that refuses; 0: signed in
		reason string
	}{
		"not asked, not told":      {"", nil, 0, ""},
		"young enough":             {"300", ago(time.Minute), 0, ""},
		"clocks differ by seconds": {"300", ago(-30 * time.Second), 0, ""},
		"too old":                  {"300", ago(time.Hour), http.StatusForbidden, "longer ago"},
		"asked and not told":       {"300", nil, http.StatusForbidden, "does not say when"},
		"no age at all":            {"0", ago(10 * time.Minute), http.StatusForbidden, "longer ago"},
		"from the future":          {"300", ago(-time.Hour), http.StatusForbidden, "in the future"},
		"no number":                {"", "yesterday", http.StatusForbidden, "is no time"},
		"a negative one":           {"", -1, http.StatusForbidden, "is no time"},
	} {
		t.Run(name, func(t *testing.T) {
			f.anew()
			if c.told != nil {
				f.liar.person["auth_time"] = c.told
			}
			b, client := f.browser(), f.client()
			options := []oauth2.AuthCodeOption{to("acme")}
			if c.asked != "" {
				options = append(options, oauth2.SetAuthURLParam("max_age", c.asked))
			}
			page := b.get(client.url(options...))
			v := b.get("/pools/default/federation/" + f.provider.String() + "/start?" + page.url.RawQuery)
			if (v.location != nil) != (c.status == 0) || c.status != 0 && v.status != c.status {
				t.Errorf("%d %s", v.status, v.location)
			}
			if c.status != 0 {
				f.nobody(b)
			}
			if log := f.log.String(); !strings.Contains(log, c.reason) || strings.Contains(log, fedSecret) {
				t.Errorf("log without %q:\n%s", c.reason, log)
			}
		})
	}
}

// A session that was open at the provider for hours is no fresh sign-in here: what is dangerous asks for one.
func TestASignInIsAsOldAsTheProviderSays(t *testing.T) {
	t.Parallel()
	f := openFed(t)
	for told, fresh := range map[time.Duration]bool{time.Minute: true, time.Hour: false} {
		f.anew()
		f.liar.person["auth_time"] = time.Now().Add(-told).Unix()
		b, c := f.browser(), f.client()
		token := c.exchange(c.code(f.enter(b, c)))
		status, got := f.call("POST", "/v1/me/factors/recovery-codes", token.AccessToken, "")
		if (got["code"] == "step_up_required") == fresh {
			t.Errorf("%v ago: %d %v", told, status, got)
		}
	}
}
