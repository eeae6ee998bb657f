package identity_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

// proved makes an account whose address its owner has proved.
func (e *env) proved(email string) identity.User {
	e.t.Helper()
	u := e.user(email)
	e.exec(`update identity."user" set email_proved_at = now() where id = $1`, u.ID)
	return u
}

// to are the letters to an address, the newest last.
func (l *letters) to(email string) (found []mail.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.sent {
		if m.To == email {
			found = append(found, m)
		}
	}
	return found
}

// newest is the newest letter to an address with its link and code.
func (l *letters) newest(t testing.TB, email string) (m mail.Message, link, code string) {
	t.Helper()
	all := l.to(email)
	if len(all) == 0 {
		t.Fatalf("no mail to %s", email)
	}
	m = all[len(all)-1]
	return m, regexp.MustCompile(`https?://\S+`).FindString(m.Text), regexp.MustCompile(`\b\d{6}\b`).FindString(m.Text)
}

// askAddress asks for a new address on the page.
func (b *browser) askAddress(email string) view {
	b.t.Helper()
	return b.submit(b.get("/pools/default/address"), "email", email)
}

// signedIn is a browser in which somebody has just signed in.
func (e *env) signedIn(email string) *browser {
	e.t.Helper()
	b := e.browser()
	e.signIn(b, e.client(), email)
	return b
}

// canSignIn tells whether an address and password open an account.
func (e *env) canSignIn(email, password string) bool {
	e.t.Helper()
	b, c := e.browser(), e.client()
	v := b.submit(b.get(c.url()), "email", email, "password", password)
	return v.location != nil && v.location.Query().Get("code") != ""
}

func TestAnAddressIsChangedByTheCodeOfItsMailbox(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada := e.proved("ada@example.com")
	b, c := e.browser(), e.client()
	token := e.signIn(b, c, "ada@example.com")
	reset, err := e.ResetLink(t.Context(), ada.ID)
	if err != nil {
		t.Fatal(err)
	}
	sent := b.askAddress("Ada@new.example")
	if sent.status != http.StatusOK || sent.url.Path != "/pools/default/address/sent" {
		t.Fatalf("asked: %d %s\n%s", sent.status, sent.url, sent.body)
	}
	m, _, code := e.box.newest(t, "Ada@new.example")
	if m.Kind != "identity.address" || code == "" || m.Keep {
		t.Errorf("mail %+v", m)
	}
	if note, link, _ := e.box.newest(t, "ada@example.com"); note.Kind != "identity.address-asked" || !strings.Contains(link, "/address/object?token=") || strings.Contains(note.Text, "new.example") {
		t.Errorf("note %+v", note)
	}
	if v := b.submit(sent, "code", "12345"); v.status != http.StatusUnauthorized || !e.canSignIn("ada@example.com", goodPassword) {
		t.Fatalf("a wrong code: %d", v.status)
	}
	if v := b.submit(sent, "code", code); v.status != http.StatusOK || !strings.Contains(v.body, "Ada@new.example") {
		t.Fatalf("the right code: %d\n%s", v.status, v.body)
	}
	if e.canSignIn("ada@example.com", goodPassword) || !e.canSignIn("ada@new.example", goodPassword) {
		t.Error("the new address does not sign in alone")
	}
	if _, err := c.refresh(token.RefreshToken); err != nil {
		t.Errorf("the sign-in from before: %v", err)
	}
	if v := b.get(reset); v.status != http.StatusNotFound {
		t.Errorf("a link that went to the old mailbox: %d", v.status)
	}
	if v := b.submit(sent, "code", code); v.status != http.StatusNotFound {
		t.Errorf("the code again: %d", v.status)
	}
	if note, _, _ := e.box.newest(t, "ada@example.com"); note.Kind != "identity.address-changed" {
		t.Errorf("note %+v", note)
	}
	for _, action := range []string{"person.address_asked", "person.address_changed"} {
		var n, names int
		if err := e.db.Owner.QueryRow(t.Context(), `select count(*), count(*) filter (where concat(detail, before, after) like '%example%')
			from identity.audit_event where action = $1 and user_id = $2 and actor = $2`, action, ada.ID).Scan(&n, &names); err != nil || n != 1 || names != 0 {
			t.Errorf("%s: %d entries, %d with an address, %v", action, n, names, err)
		}
	}
}

// The link of the letter changes nothing but the account that asked, in a browser that is signed in to it: otherwise a
// stranger could give an account of theirs the address of whoever follows a link too quickly.
func TestALinkGivesAnAddressToNoOtherAccount(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	e.proved("eve@example.com")
	eve := e.signedIn("eve@example.com")
	eve.askAddress("victim@example.com")
	_, first, _ := e.box.newest(t, "victim@example.com")
	e.pass(time.Minute)
	eve.askAddress("victim@example.com")
	_, link, code := e.box.newest(t, "victim@example.com")
	for name, b := range map[string]*browser{"nobody": e.browser(), "somebody else": e.signedIn("ada@example.com")} {
		if v := b.get(link); v.status != http.StatusForbidden || strings.Contains(v.body, "<form") {
			t.Errorf("%s opens the link: %d", name, v.status)
		}
		form := url.Values{}
		form.Set("token", e.formOf(b))
		form.Set("link", link[strings.Index(link, "token=")+6:])
		if v := b.post("/pools/default/address/confirm", form); v.status != http.StatusForbidden {
			t.Errorf("%s confirms: %d", name, v.status)
		}
		form.Set("code", code)
		if v := b.post("/pools/default/address/code", form); v.status == http.StatusOK && strings.Contains(v.body, "victim@example.com") {
			t.Errorf("%s uses the code: %d", name, v.status)
		}
	}
	if v := eve.get(first); v.status != http.StatusForbidden {
		t.Errorf("the earlier link: %d", v.status)
	}
	eve.get(link) // a mail program looks first
	if v := eve.submit(eve.get(link)); v.status != http.StatusOK || !e.canSignIn("victim@example.com", goodPassword) {
		t.Errorf("whoever asked: %d", v.status)
	}
	if v := eve.get(link); v.status != http.StatusForbidden {
		t.Errorf("the used link: %d", v.status)
	}
	e.pass(time.Minute)
	eve.askAddress("late@example.com")
	_, late, _ := e.box.newest(t, "late@example.com")
	e.pass(61 * time.Minute)
	if v := eve.get(late); v.status != http.StatusForbidden {
		t.Errorf("an expired link: %d", v.status)
	}
}

// formOf is the cookie's form token of a browser, from any page with a form.
func (e *env) formOf(b *browser) string {
	e.t.Helper()
	_, form := b.get("/pools/default/forgot").form(e.t)
	return form.Get("token")
}

func TestAChangeOfAddressTellsNobodyWhetherItIsTaken(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	e.proved("bob@example.com")
	e.user("unproved@example.com")
	work := e.counted()
	try := func(email string) string {
		e.exec(`delete from identity.mail_proof; delete from identity.address_change`)
		b := e.signedIn("ada@example.com")
		page := b.get("/pools/default/address")
		at, mails := work.n.Load(), e.box.len()
		sent := b.submit(page, "email", email)
		statements, mailed := work.n.Load()-at, e.box.len()-mails
		code := b.submit(sent, "code", "12345")
		return fmt.Sprint(sent.status, sent.url.Path, headers(sent), plain(sent), "\n", code.status, headers(code), plain(code), "\n", statements, " statements, mails ", mailed)
	}
	want := try("free@example.com")
	for _, email := range []string{"bob@example.com", "BOB@example.com", "unproved@example.com"} {
		e.pass(25 * time.Hour)
		if got := try(email); got != want {
			t.Errorf("%s:\n%s\nbut for a free one\n%s", email, got, want)
		}
		m, _, code := e.box.newest(t, strings.ToLower(email))
		if m.Kind != "identity.address-exists" || code != "" {
			t.Errorf("whoever has %s hears %+v", email, m)
		}
	}
}

func TestAChangeOfAddressNeedsAYoungSignIn(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	b := e.signedIn("ada@example.com")
	asked := b.get("/pools/default/address")
	e.pass(11 * time.Minute)
	v := b.submit(asked, "email", "new@example.com")
	if v.url.Path != "/pools/default/factors/confirm" || e.box.len() != 0 {
		t.Fatalf("ten minutes later: %s, %d mails", v.url, e.box.len())
	}
	if v := b.submit(v, "password", "wrong"); v.status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong password: %d", v.status)
	}
	if v := b.submit(v, "password", goodPassword); v.status != http.StatusOK || v.url.Path != "/pools/default/address" {
		t.Errorf("after the password: %d %s", v.status, v.url)
	}
	for _, then := range []string{"//evil.example", "https://evil.example", "authorize", "../..", "sign-in", "address/../x"} {
		v := b.submit(b.get("/pools/default/factors/confirm?then="+url.QueryEscape(then)), "password", goodPassword)
		if v.url.Host != b.get("/").url.Host || v.url.Path != "/pools/default/factors" {
			t.Errorf("then=%s leads to %s", then, v.url)
		}
	}
	if v := e.browser().get("/pools/default/address"); v.url.Path != "/" {
		t.Errorf("a stranger: %s", v.url)
	}
	// An identity provider of an organisation's speaks for that one alone; the account is the person's.
	e.exec(`insert into identity.federation_provider (tenant_id, name, issuer, client_id, scopes, name_claim, role_claim, group_claim, roles, default_role, groups, just_in_time, enabled, by_owner)
		select tenant_id, 'Own', 'https://idp.example', 'c', '{}', '', '', '', '{}', 'learner', '{}', true, true, true from identity.pool where name = 'default'`)
	e.exec(`update identity.browser_session set provider_id = (select id from identity.federation_provider)`)
	if v := b.get("/pools/default/address"); v.status != http.StatusConflict || strings.Contains(v.body, "<form") {
		t.Errorf("by an identity provider: %d", v.status)
	}
}

func TestWhoseAddressIsOfAPoolsDomainsStaysInThem(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.proved("ada@example.com")
	e.proved("guest@else.example")
	e.exec(`update identity.pool set sign_up_domains = '{example.com}'`)
	e.pass(3 * time.Second)
	ada := e.signedIn("ada@example.com")
	for _, email := range []string{"ada@else.example", "ada@example.com.evil.example", "ADA@example.com", "nonsense", ""} {
		if v := ada.askAddress(email); v.status != http.StatusUnprocessableEntity || e.box.len() != 0 {
			t.Errorf("%q: %d, %d mails", email, v.status, e.box.len())
		}
	}
	if v := ada.askAddress("countess@example.com"); v.status != http.StatusOK {
		t.Errorf("within the domains: %d", v.status)
	}
	if v := e.signedIn("guest@else.example").askAddress("guest@other.example"); v.status != http.StatusOK {
		t.Errorf("somebody who was invited: %d", v.status)
	}
}

func TestChangesOfAddressAtOnce(t *testing.T) {
	t.Parallel()
	e := open(t)
	const n = 4
	browsers := make([]*browser, n)
	sent := make([]view, n)
	codes := make([]string, n)
	for i := range n { // several accounts want the same address
		e.proved(fmt.Sprintf("user%d@example.com", i))
		browsers[i] = e.signedIn(fmt.Sprintf("user%d@example.com", i))
		e.pass(time.Hour)
		browsers[i] = e.signedIn(fmt.Sprintf("user%d@example.com", i))
		sent[i] = browsers[i].askAddress("prize@example.com")
		_, _, codes[i] = e.box.newest(t, "prize@example.com")
		e.exec(`update identity.mail_proof set expires_at = now() + interval '1 day'`)
	}
	var wg sync.WaitGroup
	status := make([]int, 2*n)
	for i := range 2 * n { // and each asks twice at once
		wg.Go(func() { status[i] = browsers[i%n].submit(sent[i%n], "code", codes[i%n]).status })
	}
	wg.Wait()
	won := 0
	for _, s := range status {
		if s == http.StatusOK {
			won++
		}
	}
	var holders int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity."user" where email_key = 'prize@example.com'`).Scan(&holders); err != nil || won != 1 || holders != 1 {
		t.Errorf("%d won, %d have it, %v: %v", won, holders, err, status)
	}
}

// Whoever took an account over and gave it another address loses it to the mailbox from before: with all that they added.
func TestTheMailboxBeforeObjects(t *testing.T) {
	t.Parallel()
	for _, done := range []bool{false, true} {
		t.Run(fmt.Sprintf("done %v", done), func(t *testing.T) {
			t.Parallel()
			e := open(t)
			ada := e.proved("ada@example.com")
			thief, c := e.browser(), e.client()
			token := e.signIn(thief, c, "ada@example.com")
			e.exec(`insert into identity.factor (pool_id, user_id, sealed, kind, name, confirmed_at, created_at) select u.pool_id, u.id, f.sealed, f.kind, f.name, now(), f.at
				from identity."user" u, (values ('email', 'old', now() - interval '30 days', null::bytea), ('totp', 'new', now(), 'x')) f (kind, name, at, sealed) where u.id = $1`, ada.ID)
			e.exec(`update identity.browser_session set methods = '{pwd,otp,mfa}'`)
			sent := thief.askAddress("thief@evil.example")
			_, objection, _ := e.box.newest(t, "ada@example.com")
			if done {
				_, _, code := e.box.newest(t, "thief@evil.example")
				if v := thief.submit(sent, "code", code); v.status != http.StatusOK {
					t.Fatalf("the thief's change: %d", v.status)
				}
				e.pass(time.Minute)
				if v := thief.submit(thief.askAddress("thief2@evil.example"), "code", last(e.box.newest(t, "thief2@evil.example"))); v.status != http.StatusOK {
					t.Fatalf("the thief's second change: %d\n%s", v.status, v.body)
				}
			}
			e.pass(6 * 24 * time.Hour)
			owner := e.browser()
			owner.get(objection) // a mail program looks first
			page := owner.get(objection)
			if page.status != http.StatusOK || !strings.Contains(page.body, "ada@example.com") {
				t.Fatalf("the link: %d", page.status)
			}
			choose := owner.submit(page)
			if choose.url.Path != "/pools/default/reset" || choose.status != http.StatusOK {
				t.Fatalf("after objecting: %d %s", choose.status, choose.url)
			}
			if _, err := c.refresh(token.RefreshToken); err == nil || e.canSignIn("thief@evil.example", goodPassword) || e.canSignIn("thief2@evil.example", goodPassword) || e.canSignIn("ada@example.com", goodPassword) {
				t.Error("the thief is still in")
			}
			if v := thief.get("/pools/default/devices"); v.url.Path != "/" {
				t.Errorf("the thief's browser: %s", v.url)
			}
			if all := e.box.to("thief@evil.example"); done {
				link := regexp.MustCompile(`https?://\S+`).FindString(all[len(all)-1].Text)
				if v := thief.get(link); v.status != http.StatusNotFound {
					t.Errorf("the thief objects in turn: %d", v.status)
				}
			}
			if v := owner.get(objection); v.status != http.StatusNotFound {
				t.Errorf("the link again: %d", v.status)
			}
			if v := owner.submit(choose, "password", "neun Hechte im See"); v.status != http.StatusOK {
				t.Fatalf("a new password: %d\n%s", v.status, v.body)
			}
			var names []string
			var email string
			if err := e.db.Owner.QueryRow(t.Context(), `select u.email, array_agg(f.name) from identity."user" u join identity.factor f on f.user_id = u.id group by 1`).Scan(&email, &names); err != nil || email != "ada@example.com" || fmt.Sprint(names) != "[old]" {
				t.Errorf("%s with %v, %v", email, names, err)
			}
		})
	}
}

func last(_ mail.Message, _, code string) string { return code }

// A stranger whose address somebody mistyped gets no account by objecting.
func TestWhoNeverProvedAnAddressCannotObject(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("typo@example.com")
	b := e.signedIn("typo@example.com")
	sent := b.askAddress("right@example.com")
	_, _, code := e.box.newest(t, "right@example.com")
	b.submit(sent, "code", code)
	notes := e.box.to("typo@example.com")
	if len(notes) != 2 || !e.canSignIn("right@example.com", goodPassword) {
		t.Fatalf("%d notes", len(notes))
	}
	for _, m := range notes {
		if strings.Contains(m.Text+m.HTML, "/address/object") {
			t.Errorf("%s has a link", m.Kind)
		}
	}
	if v := e.browser().get("/pools/default/address/object?token="); v.status != http.StatusNotFound {
		t.Errorf("no token: %d", v.status)
	}
}
