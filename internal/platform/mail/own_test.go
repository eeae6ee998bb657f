package mail_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2/humatest"
	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// An organisation sees what was sent in its name and what became of it, never what stood in it, and nothing of others.
func TestAnOrganisationsOwnMail(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	acme, _ := tenancy.From(f.db.Tenant(t, "acme", tenancy.RoleAdmin))
	bravo, _ := tenancy.From(f.db.Tenant(t, "bravo", tenancy.RoleAdmin))
	about := uuid.New()
	for _, tenant := range []uuid.UUID{acme.Tenant, acme.Tenant, acme.Tenant, bravo.Tenant, uuid.Nil} {
		m := letter()
		m.Tenant, m.About, m.Locale, m.To = tenant, about, "hi", "to-"+tenant.String()[24:]+"@example.org"
		if err := f.send(t, f.db.Control, m); err != nil {
			t.Fatal(err)
		}
	}
	var recorded []string
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	(&mail.OwnAPI{Service: f.Service, Throttle: throttle.New(100, time.Now), Record: func(_ context.Context, tenant uuid.UUID, e audit.Entry) error {
		recorded = append(recorded, tenant.String()+" "+e.Action)
		return nil
	}}).Register(api, "read", "write")
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	call, as := humatest.Wrap(t, api), tenancy.With(t.Context(), acme)
	first := call.GetCtx(as, "/v1/mail?limit=2")
	if body := first.Body.String(); first.Code != http.StatusOK || strings.Count(body, `"id"`) != 2 || !strings.Contains(body, `"next"`) || !strings.Contains(body, `"locale":"hi"`) || !strings.Contains(body, `"mailbox":true`) {
		t.Errorf("%d %s", first.Code, body)
	}
	all := call.GetCtx(as, "/v1/mail").Body.String()
	if strings.Count(all, `"id"`) != 3 || strings.Contains(all, "secret") || strings.Contains(all, bravo.Tenant.String()[24:]) || strings.Contains(all, "000000000000@") {
		t.Errorf("%s", all)
	}
	rows := f.rows(t)
	var own, foreign uuid.UUID
	for _, r := range rows {
		switch {
		case r.Tenant == nil:
		case *r.Tenant == acme.Tenant:
			own = r.ID
		case *r.Tenant == bravo.Tenant:
			foreign = r.ID
		}
	}
	if _, err := f.db.Control.Exec(t.Context(), `update control.mail_message set state = 'bounced', last_error = 'No such user' where id in ($1, $2)`, own, foreign); err != nil {
		t.Fatal(err)
	}
	if got := call.PostCtx(as, "/v1/mail/"+foreign.String()+"/retry"); got.Code != http.StatusNotFound {
		t.Errorf("another organisation's: %d %s", got.Code, got.Body)
	}
	if got := call.GetCtx(as, "/v1/mail?state=bounced").Body.String(); strings.Count(got, `"id"`) != 1 || !strings.Contains(got, "No such user") || !strings.Contains(got, `"again":true`) {
		t.Errorf("%s", got)
	}
	of, err := f.Deliveries(t.Context(), acme.Tenant, []uuid.UUID{about, uuid.New()})
	if err != nil || len(of) != 1 {
		t.Errorf("%+v, %v", of, err)
	}
	if _, err := f.db.Control.Exec(t.Context(), `delete from control.mail_message where tenant_id is null`); err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[uuid.UUID]bool{acme.Tenant: true, uuid.New(): false} {
		if found, err := f.Bounced(t.Context(), tenant, []uuid.UUID{about}); err != nil || found[about] != want {
			t.Errorf("%s: %v, %v", tenant, found, err)
		}
	}
	if got := call.PostCtx(as, "/v1/mail/"+own.String()+"/retry"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"state":"queued"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := call.PostCtx(as, "/v1/mail/"+own.String()+"/retry"); got.Code != http.StatusConflict && got.Code != http.StatusOK {
		t.Errorf("once more: %d %s", got.Code, got.Body)
	}
	if len(recorded) == 0 || recorded[0] != acme.Tenant.String()+" mail.retried" {
		t.Errorf("%v", recorded)
	}
}

// What a mail server repeats of a letter lets nobody in who reads its answer.
func TestAServersAnswerShowsNoLinkAndNoCode(t *testing.T) {
	t.Parallel()
	f := newFixture(t, serve(t, serverOptions{refuse: func(string) error {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "blocked: https://labs.example/invitation#token=secret, code 314159"}
	}}).local(t, ""))
	m := letter()
	m.Text = "Come in: https://labs.example/invitation#token=secret or 314159"
	if err := f.send(t, f.db.Control, m); err != nil {
		t.Fatal(err)
	}
	if p := f.until(t, mail.Bounced).Problem; strings.Contains(p, "secret") || strings.Contains(p, "314159") || !strings.Contains(p, "blocked") {
		t.Error(p)
	}
}
