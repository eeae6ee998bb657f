package identity_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/oauth2"

	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/letter/lettertest"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

// letters is a mailbox.
type letters struct {
	mu   sync.Mutex
	sent []mail.Message
}

// writer puts letters into it.
func (l *letters) writer() *letter.Writer { return lettertest.Writer(l, "Acme") }

// Send takes a letter.
func (l *letters) Send(_ context.Context, _ pgx.Tx, m mail.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, m)
	return nil
}

func (l *letters) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent)
}

func (l *letters) last(t testing.TB) mail.Message {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sent) == 0 {
		t.Fatal("no mail")
	}
	return l.sent[len(l.sent)-1]
}

func (l *letters) code(t testing.TB) string {
	t.Helper()
	return regexp.MustCompile(`\b\d{6}\b`).FindString(l.last(t).Text)
}

func (l *letters) link(t testing.TB) string {
	t.Helper()
	return regexp.MustCompile(`https?://\S+`).FindString(l.last(t).Text)
}

func create() oauth2.AuthCodeOption { return oauth2.SetAuthURLParam("prompt", "create") }

// plain is a page without what differs in every answer.
func plain(v view) string {
	return regexp.MustCompile(`value="[^"]*"|[A-Za-z0-9._%+-]+@example\.com|Wait \d+ \w+`).ReplaceAllString(v.body, "")
}

func headers(v view) string {
	h := v.header.Clone()
	h.Del("Date")
	h.Del("Content-Length") // of the address that was typed
	if h.Get("Set-Cookie") != "" {
		h["Set-Cookie"] = []string{regexp.MustCompile(`=[^;]*;`).ReplaceAllString(strings.Join(h["Set-Cookie"], "|"), "=;")}
	}
	h.Del("Retry-After") // it counts down
	return fmt.Sprint(h)
}

// counter counts statements: time is not measured, the work is.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// counted lets every statement of sign-up and recovery be counted.
func (e *env) counted() *counter {
	e.t.Helper()
	c := &counter{}
	cfg := e.db.Identity.Config()
	cfg.ConnConfig.Tracer = c
	cfg.MaxConns = 1
	pool, err := pgxpool.NewWithConfig(e.t.Context(), cfg)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(pool.Close)
	e.Proofs.DB = pool
	return c
}

func TestSignUpAndRecoveryTellNobodyWhetherAnAccountExists(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	e.exec(`insert into identity."user" (pool_id, email, email_key, name, disabled_at) select id, 'off@example.com', 'off@example.com', 'Off', now() from identity.pool`)
	work, c := e.counted(), e.client()
	signUp := func(email string) (all []string) {
		b := e.browser()
		page := b.get(c.url(create()))
		at, mails := work.n.Load(), e.box.len()
		note := func(v view) view {
			all = append(all, fmt.Sprint(v.status, headers(v), plain(v)))
			return v
		}
		if v := note(b.submit(page, "name", "Eve", "email", email)); v.status == http.StatusOK {
			note(b.submit(note(b.get("/pools/default/sign-up/sent")), "code", "12345")) // a code has six digits: never right by chance
		}
		return append(all, fmt.Sprint(work.n.Load()-at, " statements, mails ", e.box.len()-mails))
	}
	forgot := func(email string) []string {
		b := e.browser()
		page := b.get("/pools/default/forgot")
		at, mails := work.n.Load(), e.box.len()
		v := b.submit(page, "email", email)
		return []string{fmt.Sprint(v.status, headers(v), plain(v)), fmt.Sprint(work.n.Load()-at, " statements, mails ", e.box.len()-mails)}
	}
	for what, try := range map[string]func(string) []string{"sign-up": signUp, "forgot": forgot} {
		for round := range 6 { // into the waits, too
			want := try("new" + what + "@example.com")
			for _, email := range []string{"ada@example.com", "off@example.com"} {
				if got := try(email); strings.Join(got, "\n") != strings.Join(want, "\n") {
					t.Errorf("%s of %s in round %d:\n%s\nbut for nobody\n%s", what, email, round, got, want)
				}
			}
		}
		e.pass(24 * time.Hour)
	}
}

func TestWhoHasAnAccountIsToldByMailAlone(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	b, c := e.browser(), e.client()
	sent := b.submit(b.get(c.url(create())), "name", "Buy cheap pills", "email", "ADA@example.com")
	if m := e.box.last(t); m.Kind != "identity.exists" || m.To != "ada@example.com" || !strings.HasSuffix(e.box.link(t), "/pools/default/forgot") || strings.Contains(m.Text+m.HTML+m.Subject, "pills") {
		t.Errorf("mail %+v", m)
	}
	if v := b.submit(sent, "code", e.box.code(t)); v.status != http.StatusUnauthorized {
		t.Errorf("no code: %d", v.status)
	}
	var n int
	if err := e.db.Owner.QueryRow(t.Context(), `select count(*) from identity.mail_proof where token_hash is not null or code_hash is not null`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows could prove an address that has an account, %v", n, err)
	}
}

func TestALinkProvesAnAddressOnAnotherDevice(t *testing.T) {
	t.Parallel()
	e := open(t)
	here, phone, c := e.browser(), e.browser(), e.client()
	page := here.get(c.url(create()))
	here.submit(page, "name", "Ada", "email", "ada@example.com")
	m, first := e.box.last(t), e.box.link(t)
	if m.Keep || strings.Contains(m.Text, "Ada") || !strings.Contains(m.HTML, "<html lang=\"en\" dir=\"ltr\">") {
		t.Errorf("mail %+v", m)
	}
	v := here.get("/pools/default/sign-up/sent")
	_, form := v.form(t)
	if v := here.post("/pools/default/sign-up/again", form); v.status != http.StatusOK || !strings.Contains(v.body, "a new mail") {
		t.Errorf("again: %d %s", v.status, v.body)
	}
	if v := phone.get(first); v.status != http.StatusNotFound {
		t.Errorf("the earlier link: %d", v.status)
	}
	second := e.box.link(t)
	phone.get(second) // a mail program looks first
	choose := phone.get(second)
	if v := phone.submit(choose, "password", goodPassword); v.url.Path != "/" || !v.url.Query().Has("signed-in") {
		t.Fatalf("after the password: %d %s\n%s", v.status, v.url, v.body)
	}
	c.exchange(c.code(phone.get(c.url()))) // signed in
	if v := here.get(c.url()); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("the browser that asked is signed in, too: %s", v.url)
	}
	for name, v := range map[string]view{"the used link": phone.get(second), "the used form": phone.submit(choose, "password", goodPassword), "a made-up link": phone.get("/pools/default/sign-up/confirm?token=abc"), "no link": phone.get("/pools/default/sign-up/confirm")} {
		if v.status != http.StatusNotFound {
			t.Errorf("%s: %d", name, v.status)
		}
	}
	var proved bool
	if err := e.db.Owner.QueryRow(t.Context(), `select email_proved_at is not null from identity."user"`).Scan(&proved); err != nil || !proved {
		t.Errorf("proved %v, %v", proved, err)
	}
}

func TestCodesOfSignUpAreNotGuessed(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, c := e.browser(), e.client()
	sent := b.submit(b.get(c.url(create())), "name", "Ada", "email", "ada@example.com")
	right := e.box.code(t)
	wrong := "000000"
	if wrong == right {
		wrong = "000001"
	}
	if v := e.browser().get("/pools/default/sign-up/sent"); v.url.Path == "/pools/default/sign-up/sent" {
		t.Error("another browser sees a sign-up")
	}
	for range 5 {
		if v := b.submit(sent, "code", wrong); v.status != http.StatusUnauthorized {
			t.Fatalf("a wrong code: %d", v.status)
		}
	}
	if v := b.submit(sent, "code", right); v.status != http.StatusUnauthorized {
		t.Errorf("the right code after five wrong ones: %d", v.status)
	}
	for i := 0; ; i++ { // with new sign-ups, too
		e.pass(time.Hour) // beyond the waits between mails
		sent = b.submit(b.get(c.url(create())), "name", "Ada", "email", "ada@example.com")
		v := b.submit(sent, "code", "12345")
		for range 4 {
			if v.status == http.StatusUnauthorized {
				v = b.submit(sent, "code", "12345")
			}
		}
		if v.status == http.StatusTooManyRequests {
			break
		}
		if i == 5 {
			t.Fatal("guessing goes on with new sign-ups")
		}
	}
}

func TestAForgottenPasswordIsChosenAnew(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	c, b, there := e.client(), e.browser(), e.browser()
	e.signIn(there, c, "ada@example.com")
	page := b.get(c.url())
	if !strings.Contains(page.body, "/pools/default/forgot?") {
		t.Error("the sign-in page has no way to a new password")
	}
	b.submit(b.get("/pools/default/forgot"), "email", "ADA@example.com")
	first := e.box.link(t)
	b.submit(b.get("/pools/default/forgot"), "email", "ada@example.com")
	form := b.get(first) // asking again ended nothing
	if form.status != http.StatusOK || e.box.last(t).Keep || e.box.last(t).To != "ada@example.com" {
		t.Fatalf("link: %d, mail %+v", form.status, e.box.last(t))
	}
	if v := b.submit(form, "password", "fünf Vögel auf dem Dach", "stay", "yes"); v.status != http.StatusOK || e.box.last(t).Kind != "identity.changed" {
		t.Fatalf("reset: %d, mail %s", v.status, e.box.last(t).Kind)
	}
	if v := b.get(e.box.link(t)); v.url.Path != "/pools/default/forgot" {
		t.Errorf("“that was not me” leads to %s", v.url)
	}
	c.code(there.get(c.url())) // chose to stay
	if v := b.get(c.url()); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("a reset signs in: %s", v.url)
	}
	b.submit(b.get("/pools/default/forgot"), "email", "ada@example.com")
	late := e.box.link(t)
	e.pass(61 * time.Minute)
	if v := b.get(late); v.status != http.StatusNotFound {
		t.Errorf("an old link: %d", v.status)
	}
	b.submit(b.get("/pools/default/forgot"), "email", "ada@example.com")
	b.submit(b.get(e.box.link(t)), "password", "sechs Bären im Wald")
	if v := there.get(c.url()); v.url.Path != "/pools/default/sign-in" {
		t.Errorf("who did not choose to stay is still signed in: %s", v.url)
	}
}

func TestASecondStepIsAskedForAfterAReset(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.withApp("ada@example.com")
	c, b := e.client(), e.browser()
	b.submit(b.get("/pools/default/forgot"), "email", "ada@example.com")
	b.submit(b.get(e.box.link(t)), "password", "fünf Vögel auf dem Dach")
	if v := b.submit(b.get(c.url()), "email", "ada@example.com", "password", "fünf Vögel auf dem Dach"); v.url.Path != "/pools/default/challenge" {
		t.Errorf("sign-in after a reset ends at %s", v.url)
	}
}

func TestAskingForMailIsSlowedDown(t *testing.T) {
	t.Parallel()
	e := open(t)
	b := e.browser()
	page := b.get("/pools/default/forgot")
	var waits []string
	for range 12 {
		v := b.submit(page, "email", "ada@example.com")
		if v.status == http.StatusTooManyRequests {
			waits = append(waits, v.header.Get("Retry-After"))
			e.pass(time.Hour) // and on
			continue
		}
	}
	if len(waits) < 3 || e.box.len() > 9 {
		t.Errorf("waits %v, %d mails", waits, e.box.len())
	}
	for i := range 320 { // many mailboxes from one place
		if v := b.submit(page, "email", fmt.Sprintf("p%d@example.com", i)); v.status == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("one place asks for as many mails as it likes")
}

func TestSignUpFormsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	e := open(t)
	b, c := e.browser(), e.client()
	for name, page := range map[string]view{"sign-up": b.get(c.url(create())), "forgot": b.get("/pools/default/forgot")} {
		address, form := page.form(t, "name", "Eve", "email", "eve@example.com")
		for what, v := range map[string]view{
			"no cookie":  e.browser().post(address, form),
			"cross-site": b.post(address, form, "Sec-Fetch-Site", "cross-site"),
			"no token":   b.post(address, url.Values{"name": {"Eve"}, "email": {"eve@example.com"}}),
		} {
			if v.status != http.StatusForbidden {
				t.Errorf("%s, %s: %d", name, what, v.status)
			}
		}
	}
	if e.box.len() != 0 {
		t.Errorf("%d mails went out", e.box.len())
	}
}
