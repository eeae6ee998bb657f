package identity_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// gadget is a program without a browser.
type gadget struct {
	e        *env
	b        *browser
	pool     string
	Device   string `json:"device_code"`
	User     string `json:"user_code"`
	Page     string `json:"verification_uri"`
	Complete string `json:"verification_uri_complete"`
	Expires  int    `json:"expires_in"`
	Interval int    `json:"interval"`
}

func (e *env) gadget() *gadget {
	e.t.Helper()
	g := &gadget{e: e, b: e.browser(), pool: "/pools/default"}
	v := g.b.post(g.pool+"/device-authorization", url.Values{"client_id": {"cli"}, "scope": {"openid email offline_access nonsense"}})
	if err := json.Unmarshal([]byte(v.body), g); v.status != http.StatusOK || err != nil {
		e.t.Fatalf("device authorization: %d %s", v.status, v.body)
	}
	return g
}

// poll asks for tokens.
func (g *gadget) poll() (code string, token map[string]any) {
	g.e.t.Helper()
	v := g.b.post(g.pool+"/token", url.Values{"client_id": {"cli"}, "grant_type": {deviceGrant}, "device_code": {g.Device}})
	if err := json.Unmarshal([]byte(v.body), &token); err != nil {
		g.e.t.Fatalf("%d %s", v.status, v.body)
	}
	code, _ = token["error"].(string)
	return code, token
}

func text(token map[string]any, name string) string {
	s, _ := token[name].(string)
	return s
}

func TestADeviceSignsInThroughABrowser(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada := e.user("ada@example.com")
	acme := e.tenant("acme", "Acme")
	e.join(ada, acme, tenancy.RoleAuthor)
	g := e.gadget()
	if g.Page != e.server.URL+"/pools/default/device" || g.Complete != g.Page+"?user_code="+g.User || g.Expires != 600 || g.Interval != 5 || len(g.User) != 9 {
		t.Errorf("answer %+v", g)
	}
	if code, _ := g.poll(); code != "authorization_pending" {
		t.Errorf("the first poll: %s", code)
	}
	if code, _ := g.poll(); code != "slow_down" {
		t.Errorf("a poll at once: %s", code)
	}
	e.pass(6 * time.Second)
	if code, _ := g.poll(); code != "slow_down" {
		t.Errorf("6 s after being told to slow down: %s", code)
	}
	e.pass(16 * time.Second)
	if code, _ := g.poll(); code != "authorization_pending" {
		t.Errorf("16 s later: %s", code)
	}

	b := e.browser()
	page := b.get(g.Complete)
	if page.url.Path != "/pools/default/sign-in" {
		t.Fatalf("nobody is signed in, but the page is %s", page.url)
	}
	page = b.submit(page, "email", "ada@example.com", "password", goodPassword)
	for _, want := range []string{g.User, "Cloudkida command line", "127.0.0.1", "ada@example.com", "Acme"} {
		if page.url.Path != "/pools/default/device" || !strings.Contains(page.body, want) {
			t.Fatalf("%s does not say %q:\n%s", page.url, want, page.body)
		}
	}
	done := b.submit(page, "tenant", acme.String(), "decision", "approve")
	if !strings.Contains(done.body, "You are all set") {
		t.Fatalf("%d\n%s", done.status, done.body)
	}
	if v := b.get(g.Complete); v.status != http.StatusNotFound {
		t.Errorf("a code that is decided: %d", v.status)
	}
	e.pass(time.Second)
	code, token := g.poll()
	claims, err := e.Verify(t.Context(), text(token, "access_token"))
	if code != "" || err != nil || claims.Tenant != acme || claims.User != ada.ID || claims.Client != "cli" || text(token, "id_token") == "" || text(token, "scope") != "email offline_access openid" {
		t.Fatalf("%s %v: %+v, %v", code, token, claims, err)
	}
	refresh := url.Values{"client_id": {"cli"}, "grant_type": {"refresh_token"}, "refresh_token": {text(token, "refresh_token")}}
	if v := b.post("/pools/default/token", refresh); v.status != http.StatusOK {
		t.Errorf("refresh: %d %s", v.status, v.body)
	}
	if code, _ := g.poll(); code != "invalid_grant" {
		t.Errorf("a device code twice: %s", code)
	}
	if _, err := e.Verify(t.Context(), text(token, "access_token")); errs.KindOf(err) != errs.KindUnauthenticated {
		t.Errorf("the replay did not end what the code gave: %v", err)
	}
	var kept int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity.device_code d where d::text like '%' || $1 || '%' or d::text like '%' || $2 || '%'`,
		g.Device, strings.ReplaceAll(g.User, "-", "")).Scan(&kept); err != nil || kept != 0 {
		t.Errorf("%d rows have a code as it is, %v", kept, err)
	}
}

func TestDevicesThatAreNotLetIn(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	e.signIn(b, c, "ada@example.com")

	denied := e.gadget()
	page := b.get(denied.Page + "?user_code=" + strings.ToLower(strings.ReplaceAll(denied.User, "-", "+")))
	if v := b.post("/pools/default/device", url.Values{"user_code": {denied.User}, "decision": {"approve"}, "token": {"forged"}}); v.status != http.StatusForbidden {
		t.Errorf("a forged form: %d", v.status)
	}
	if v := b.submit(page); v.status != http.StatusUnprocessableEntity {
		t.Errorf("no decision: %d", v.status)
	}
	foreign := e.tenant("acme", "Acme")
	if v := b.submit(page, "tenant", foreign.String(), "decision", "approve"); v.status != http.StatusForbidden {
		t.Errorf("a tenant of others: %d", v.status)
	}
	if v := b.submit(page, "decision", "deny"); !strings.Contains(v.body, "Denied") {
		t.Errorf("deny: %d\n%s", v.status, v.body)
	}
	if code, _ := denied.poll(); code != "access_denied" {
		t.Errorf("denied: %s", code)
	}

	late := e.gadget()
	page = b.get(late.Complete)
	e.pass(11 * time.Minute)
	if v := b.submit(page, "decision", "approve"); v.status != http.StatusNotFound {
		t.Errorf("approved too late: %d", v.status)
	}
	if code, _ := late.poll(); code != "expired_token" {
		t.Errorf("too late: %s", code)
	}

	ended := e.gadget()
	b.submit(b.get(ended.Complete), "decision", "approve")
	b.submit(b.get("/pools/default/end-session"))
	if code, _ := ended.poll(); code != "invalid_grant" {
		t.Errorf("approved by a session that has ended: %s", code)
	}
	for name, form := range map[string]url.Values{
		"unknown":        {"client_id": {"cli"}, "grant_type": {deviceGrant}, "device_code": {"x"}},
		"another client": {"client_id": {"console"}, "grant_type": {deviceGrant}, "device_code": {e.gadget().Device}},
		"no code":        {"client_id": {"cli"}, "grant_type": {deviceGrant}},
	} {
		v := b.post("/pools/default/token", form)
		if v.status != http.StatusBadRequest || strings.Contains(v.body, "access_token") {
			t.Errorf("%s: %d %s", name, v.status, v.body)
		}
	}
	if v := b.post("/pools/default/device-authorization", url.Values{"client_id": {"console"}}); !strings.Contains(v.body, "unauthorized_client") {
		t.Errorf("the console as a device: %d %s", v.status, v.body)
	}
}

// The page's client has no grant, so what its way through sign-in brings back is worth nothing.
func TestTheDevicePagesOwnCodesAreWorthNothing(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	e.signIn(b, c, "ada@example.com")
	c.oauth.ClientID, c.oauth.RedirectURL = "device-page", e.server.URL+"/pools/default/device"
	v := b.get(c.url())
	code := v.url.Query().Get("code")
	if v.url.Path != "/pools/default/device" || code == "" {
		t.Fatalf("ends at %s", v.url)
	}
	if _, err := c.oauth.Exchange(c.ctx, code, oauth2.VerifierOption(c.verifier)); oauthCode(err) != "unauthorized_client" {
		t.Errorf("it is traded: %v", err)
	}
}

func TestUserCodesAreSafeToTypeAndHardToGuess(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	e.signIn(b, c, "ada@example.com")
	seen := map[string]bool{}
	for range 20 {
		code := e.gadget().User
		if seen[code] || strings.ContainsAny(code, "AEIOUY01lI") || code[4] != '-' {
			t.Errorf("code %s", code)
		}
		seen[code] = true
	}
	var statuses []int
	for i := range 14 {
		statuses = append(statuses, b.get(fmt.Sprintf("/pools/default/device?user_code=BBBB-BBB%c", "BCDFGHJKLMNPQRST"[i])).status)
	}
	if statuses[0] != http.StatusNotFound || !slices.Contains(statuses, http.StatusTooManyRequests) {
		t.Errorf("guesses: %v", statuses)
	}
	var limited int
	for range 70 {
		if v := b.post("/pools/default/device-authorization", url.Values{"client_id": {"cli"}}); strings.Contains(v.body, "slow_down") {
			limited++
		}
	}
	if limited == 0 {
		t.Error("one address may ask for any number of codes")
	}
}

func TestDevicesInASilosPool(t *testing.T) {
	t.Parallel()
	e := open(t)
	silo := e.silo("silo", "Silo")
	if _, err := e.CreateUser(t.Context(), identity.NewUser{Pool: "silo", Email: "sue@example.com", Name: "Sue", Password: goodPassword}); err != nil {
		t.Fatal(err)
	}
	g := &gadget{e: e, b: e.browser(), pool: "/pools/silo"}
	v := g.b.post(g.pool+"/device-authorization", url.Values{"client_id": {"cli"}, "scope": {"openid"}})
	if err := json.Unmarshal([]byte(v.body), g); err != nil {
		t.Fatal(v.body)
	}
	b := e.browser()
	page := b.submit(b.get(g.Complete), "email", "sue@example.com", "password", goodPassword)
	b.submit(page, "decision", "approve")
	if other := (&gadget{e: e, b: g.b, pool: "/pools/default", Device: g.Device}); other.Device != "" {
		if code, _ := other.poll(); code != "invalid_grant" {
			t.Errorf("a device code of another pool: %s", code)
		}
	}
	_, token := g.poll()
	if claims, err := e.Verify(t.Context(), text(token, "access_token")); err != nil || claims.Tenant != silo || claims.Pool != "silo" {
		t.Errorf("%v: %+v, %v", token, claims, err)
	}
}
