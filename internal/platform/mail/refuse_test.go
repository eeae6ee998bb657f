package mail_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2/humatest"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

func TestNothingGetsIntoHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	for name, change := range map[string]func(*mail.Message){
		"line in the subject":     func(m *mail.Message) { m.Subject = "Hello\r\nBcc: all@example.org" },
		"feed in the subject":     func(m *mail.Message) { m.Subject = "Hello\nX: y" },
		"separator":               func(m *mail.Message) { m.Subject = "Hello\u2028X: y" },
		"reversed subject":        func(m *mail.Message) { m.Subject = "Hello \u202egro.live" },
		"no subject":              func(m *mail.Message) { m.Subject = "" },
		"long subject":            func(m *mail.Message) { m.Subject = strings.Repeat("x", 201) },
		"line in the address":     func(m *mail.Message) { m.To = "ada@example.org\r\nBcc: all@example.org" },
		"two addresses":           func(m *mail.Message) { m.To = "ada@example.org, all@example.org" },
		"a name":                  func(m *mail.Message) { m.To = "Ada <ada@example.org>" },
		"a quoted part":           func(m *mail.Message) { m.To = `"a b"@example.org` },
		"a comment":               func(m *mail.Message) { m.To = "ada@example.org (x)" },
		"a command":               func(m *mail.Message) { m.To = "ada@example.org> SIZE=1" },
		"long address":            func(m *mail.Message) { m.To = strings.Repeat("a", 250) + "@b.example" },
		"zero byte":               func(m *mail.Message) { m.Text = "a\x00b" },
		"no text":                 func(m *mail.Message) { m.Text = "" },
		"much text":               func(m *mail.Message) { m.Text = strings.Repeat("x", 64<<10+1) },
		"a kind that is a phrase": func(m *mail.Message) { m.Kind = "Hello you" },
	} {
		m := letter()
		change(&m)
		if err := f.send(t, f.db.Control, m); errs.KindOf(err) != errs.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := f.rows(t); len(got) != 0 {
		t.Errorf("queued all the same: %+v", got)
	}
}

func TestSettingsAreRefusedWithoutRepeatingThePassword(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"http://u:secretpw@host", "smtp://u:secretpw@", "smtp://u:secretpw@host:99999", "smtp://u:secretpw@host/path", "smtp://u:secretpw@host?x=y",
		"smtp://u:secretpw%@host", "smtp://u:secretpw%0a@host", "smtp://:secretpw@host", "secretpw", "smtp://u@host",
	} {
		_, err := mail.ParseSMTP(address, "a@b.example")
		if err == nil || strings.Contains(err.Error(), "secretpw") || !strings.Contains(err.Error(), "--smtp-url") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, from := range []string{"", "nobody", "a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example"} {
		if _, err := mail.ParseSMTP("smtp://host", from); err == nil || !strings.Contains(err.Error(), "--mail-from") {
			t.Errorf("from %q: %v", from, err)
		}
	}
	for address, server := range map[string]string{"smtp://host": "host:587", "smtps://host": "host:465", "smtp://u:p%40@host:25": "host:25", "smtp://[::1]": "[::1]:587"} {
		if s, err := mail.ParseSMTP(address, "a@b.example"); err != nil || s.Server() != server {
			t.Errorf("%s: %v, %v", address, s, err)
		}
	}
}

func TestTheOperatorsMailbox(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	f.Register(api, "read", "write")
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	call := humatest.Wrap(t, api)
	for range 3 {
		if err := f.send(t, f.db.Control, letter()); err != nil {
			t.Fatal(err)
		}
	}
	rows := f.rows(t)
	first := call.Get("/v1/operator/mail?limit=2")
	if first.Code != http.StatusOK || !strings.Contains(first.Body.String(), `"transport":"mailbox"`) || strings.Contains(first.Body.String(), "secret") ||
		!strings.Contains(first.Body.String(), `"next":"`+rows[1].ID.String()) {
		t.Errorf("%d %s", first.Code, first.Body)
	}
	second := call.Get("/v1/operator/mail?limit=2&cursor=" + rows[1].ID.String())
	if body := second.Body.String(); !strings.Contains(body, rows[0].ID.String()) || strings.Contains(body, rows[1].ID.String()) || strings.Contains(body, "next") {
		t.Errorf("%d %s", second.Code, body)
	}
	if got := call.Get("/v1/operator/mail?state=failed"); !strings.Contains(got.Body.String(), `"items":[]`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	one := "/v1/operator/mail/" + rows[0].ID.String()
	if got := call.Get(one); !strings.Contains(got.Body.String(), "token=secret") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	for path, want := range map[string]int{
		"/v1/operator/mail?cursor=x": http.StatusBadRequest, "/v1/operator/mail/" + "01a20c53-7505-7ec9-8759-c6ba0cffa20a": http.StatusNotFound,
		"/v1/operator/mail/x": http.StatusUnprocessableEntity, "/v1/operator/mail?limit=1000": http.StatusUnprocessableEntity,
	} {
		if got := call.Get(path); got.Code != want {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
	if got := call.Post(one + "/retry"); got.Code != http.StatusConflict {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	f.SMTP = serve(t, serverOptions{}).local(t, "")
	if got := call.Get(one); strings.Contains(got.Body.String(), "secret") || !strings.Contains(got.Body.String(), "withheld") {
		t.Errorf("with a mail server: %d %s", got.Code, got.Body)
	}
	if got := call.Get("/v1/operator/mail"); !strings.Contains(got.Body.String(), `"transport":"smtp"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
