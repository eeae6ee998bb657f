package identity_test

import (
	"strings"
	"testing"
	"time"

	sessions "github.com/cloudkida/cloudkida/internal/app/identity/browser"
)

// Sign-ins and those that failed are in the log, each once, with who, how and from where, and without what was typed.
func TestSignInsAreLogged(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada := e.user("ada@example.com")
	b, c := e.browser(), e.client()
	const wrong = "a guess of somebody"
	page := b.get(c.url())
	for _, email := range []string{"ada@example.com", "nobody-here@example.com"} {
		b.submit(page, "email", email, "password", wrong)
	}
	if text := e.log.String(); strings.Contains(text, "a person signed in") {
		t.Errorf("a sign-in that there was not:\n%s", text)
	}
	e.signIn(b, c, "ada@example.com")
	text := e.log.String()
	var in, failed []string
	for line := range strings.Lines(text) {
		switch {
		case strings.Contains(line, "a person signed in"):
			in = append(in, line)
		case strings.Contains(line, "a sign-in failed"):
			failed = append(failed, line)
		}
	}
	if len(in) != 1 || !strings.Contains(in[0], "user="+ada.ID.String()) || !strings.Contains(in[0], "methods=[pwd]") || !strings.Contains(in[0], "address=127.0.0.1") {
		t.Errorf("sign-ins: %q", in)
	}
	if len(failed) != 2 || !strings.Contains(failed[0], "user="+ada.ID.String()) || !strings.Contains(failed[1], "user=00000000-") || !strings.Contains(failed[0], "step=password") {
		t.Errorf("failed sign-ins: %q", failed)
	}
	for _, secret := range []string{wrong, goodPassword, "nobody-here", "ada@example.com"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// A sign-in of a browser ends when it is not used for sessions.Idle, and after sessions.Life however much it is used.
func TestSignInsEndByThemselves(t *testing.T) {
	t.Parallel()
	e := open(t)
	e.user("ada@example.com")
	c := e.client()
	asked := func(b *browser) bool { return b.get(c.url()).url.Path == "/pools/default/sign-in" }
	idle, used := e.browser(), e.browser()
	for _, b := range []*browser{idle, used} {
		e.signIn(b, c, "ada@example.com")
	}
	began := e.ahead.Load()
	for passed := sessions.Idle / 2; passed < sessions.Life; passed += sessions.Idle / 2 {
		e.pass(sessions.Idle / 2)
		if asked(used) {
			t.Fatalf("whoever is there every few hours is asked after %s", time.Duration(e.ahead.Load()-began))
		}
		if passed == sessions.Idle && !asked(idle) {
			t.Errorf("whoever was away for %s is not asked", passed)
		}
	}
	e.pass(sessions.Idle / 2)
	if !asked(used) {
		t.Errorf("nobody is asked after %s", time.Duration(e.ahead.Load()-began))
	}
}
