package invitation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/invitation"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func (w *world) report(as context.Context, csv string) string {
	w.t.Helper()
	wishes, err := invitation.ParseList(csv, tenancy.RoleLearner)
	if err != nil {
		w.t.Fatal(err)
	}
	lines, err := w.Invite(as, wishes)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, l := range lines {
		if (l.Problem == "") != (l.Outcome == invitation.Invited || l.Outcome == invitation.Renewed) {
			w.t.Errorf("line %d is %s with the problem %q", l.Line, l.Outcome, l.Problem)
		}
		out = append(out, fmt.Sprintf("%d %s", l.Line, l.Outcome))
	}
	return strings.Join(out, ", ")
}

func TestAListIsReportedLineByLine(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.add("member@acme.example", tenancy.RoleLearner)
	w.person("known@else.example", true)
	w.newGroup("Spring course")
	w.newGroup("Team 2")
	admin, _ := w.add("adam@acme.example", tenancy.RoleAdmin)
	got := w.report(admin, strings.Join([]string{
		"Role;E-Mail;Groups",
		"learner;new@else.example;Spring Course | team 2",
		";known@else.example;",
		"",
		"AUTHOR;author@else.example",
		"owner;boss@else.example;",
		"king;king@else.example;",
		"learner;NEW@else.example;",
		"learner;member@acme.example;",
		"learner;not an address;",
		"learner;lost@else.example;Nowhere",
		`learner;"Bad"quote@else.example;`,
		"learner;\"last@else.example\";",
	}, "\r\n"))
	want := "2 invited, 3 invited, 5 invited, 6 refused, 7 refused, 8 duplicate, 9 member, 10 refused, 11 refused, 12 refused, 13 invited"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var mails int
	if err := w.db.Control.QueryRow(t.Context(), `select count(*) from control.mail_message where tenant_id = $1 and kind = 'invitation'`, w.tenant).Scan(&mails); err != nil || mails != 4 {
		t.Errorf("%d mails, %v", mails, err)
	}
	found, err := w.List(admin, invitation.Filter{Limit: 100})
	if err != nil || len(found) != 4 || len(found[3].Groups) != 2 || found[1].Role != tenancy.RoleAuthor {
		t.Errorf("%+v, %v", found, err)
	}
	if got := w.actions(); got != "invitation.sent invitation.sent invitation.sent invitation.sent" {
		t.Errorf("the log has %s", got)
	}
	if again := w.report(admin, "new@else.example"); again != "1 renewed" {
		t.Errorf("again: %s", again)
	}
	if found, err = w.List(admin, invitation.Filter{Limit: 100}); err != nil || len(found) != 4 || len(found[3].Groups) != 2 || found[3].Mails != 2 {
		t.Errorf("renewed: %+v, %v", found, err)
	}
}

func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	for name, csv := range map[string]string{
		"too long": strings.Repeat("a@b.example\n", 1001), "too large": strings.Repeat("x", 256<<10+1), "empty": "", "blank": "\n\r\n", "header alone": "email,role",
		"not UTF-8": "a@b.example\xff", "NUL": "a@b\x00.example",
	} {
		if _, err := invitation.ParseList(csv, tenancy.RoleLearner); errs.KindOf(err) != errs.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if wishes, err := invitation.ParseList("\ufeff"+strings.Repeat("a@b.example\n", 1000), tenancy.RoleLearner); err != nil || len(wishes) != 1000 || wishes[999].Line != 1000 || wishes[0].Email != "a@b.example" {
		t.Errorf("a full list: %d, %v", len(wishes), err)
	}
	wishes, err := invitation.ParseList("a@b.example,\"open\nb@b.example,learner\n", tenancy.RoleLearner)
	if err != nil || len(wishes) != 1 || wishes[0].Problem == "" || wishes[0].Line != 1 {
		t.Errorf("an open quote: %+v, %v", wishes, err)
	}
}

func TestNobodyInvitesAboveTheirRole(t *testing.T) {
	t.Parallel()
	w := open(t)
	admin, adam := w.add("adam@acme.example", tenancy.RoleAdmin)
	one := func(as context.Context, role tenancy.Role) (invitation.Reported, error) {
		report, err := w.Invite(as, []invitation.Wish{{Line: 1, Email: "x@new.example", Role: role}})
		if err != nil {
			return invitation.Reported{}, err
		}
		return report[0], nil
	}
	if r, err := one(admin, tenancy.RoleOwner); err != nil || r.Outcome != invitation.Refused {
		t.Errorf("an owner by an admin: %+v, %v", r, err)
	}
	for _, role := range []tenancy.Role{tenancy.RoleInstructor, tenancy.RoleAuthor, tenancy.RoleLearner} {
		ctx, _ := w.add(string(role)+"@acme.example", role)
		if _, err := one(ctx, tenancy.RoleLearner); errs.KindOf(err) != errs.KindForbidden {
			t.Errorf("by %s: %v", role, err)
		}
	}
	// Neither does somebody change, resend or withdraw one above their role.
	i, _ := w.invite(w.owner, "chief@new.example", tenancy.RoleOwner)
	if report, err := w.Invite(admin, []invitation.Wish{{Line: 1, Email: "chief@new.example", Role: tenancy.RoleLearner}}); err != nil || report[0].Outcome != invitation.Refused {
		t.Errorf("renewed to less: %+v, %v", report, err)
	}
	if err := w.Revoke(admin, i.ID); !errors.Is(err, member.ErrAbove) {
		t.Errorf("withdrawn: %v", err)
	}
	if _, err := w.Resend(admin, i.ID); !errors.Is(err, member.ErrAbove) {
		t.Errorf("sent again: %v", err)
	}
	// A scope from before a demotion has no power.
	if _, err := w.Members.SetRole(w.owner, adam, tenancy.RoleLearner); err != nil {
		t.Fatal(err)
	}
	if _, err := one(admin, tenancy.RoleLearner); errs.KindOf(err) != errs.KindForbidden {
		t.Errorf("by a former admin: %v", err)
	}
}

// The report is the same whether an address has an account somewhere, a proved one, or none.
func TestAnInviterLearnsNothingOfAccounts(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.person("proved@else.example", true)
	w.person("unproved@else.example", false)
	w.another("bolt").add("elsewhere@else.example", tenancy.RoleOwner)
	w.exec(`update identity."user" set disabled_at = now() where email_key = 'unproved@else.example'`)
	got := w.report(w.owner, "proved@else.example\nunproved@else.example\nelsewhere@else.example\nnobody@else.example")
	if got != "1 invited, 2 invited, 3 invited, 4 invited" {
		t.Error(got)
	}
}

func TestAnothersInvitationsAreNotFound(t *testing.T) {
	t.Parallel()
	acme := open(t)
	bolt := acme.another("bolt")
	i, _ := bolt.invite(bolt.owner, "x@new.example", tenancy.RoleLearner)
	theirs := bolt.newGroup("Theirs")
	if err := acme.Revoke(acme.owner, i.ID); !errors.Is(err, invitation.ErrNotFound) {
		t.Errorf("withdrawn: %v", err)
	}
	if _, err := acme.Resend(acme.owner, i.ID); !errors.Is(err, invitation.ErrNotFound) {
		t.Errorf("sent again: %v", err)
	}
	if found, err := acme.List(acme.owner, invitation.Filter{Limit: 10}); err != nil || len(found) != 0 {
		t.Errorf("listed: %v, %v", found, err)
	}
	if report, err := acme.Invite(acme.owner, []invitation.Wish{{Line: 1, Email: "y@new.example", Role: tenancy.RoleLearner, Groups: []string{theirs.String()}}}); err != nil || report[0].Outcome != invitation.Refused {
		t.Errorf("into another's group: %+v, %v", report, err)
	}
	// The same address may be invited by both.
	acme.invite(acme.owner, "x@new.example", tenancy.RoleLearner)
	// The database itself: with the tenant's setting, no statement sees another tenant's invitations.
	tx, err := acme.db.Identity.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context()) //nolint:errcheck // nothing is kept
	var seen int
	if _, err = tx.Exec(t.Context(), `select set_config('identity.tenant', $1, true)`, acme.tenant.String()); err == nil {
		err = tx.QueryRow(t.Context(), `select count(*) from identity.invitation`).Scan(&seen)
	}
	if err != nil || seen != 1 {
		t.Errorf("%d seen, %v", seen, err)
	}
}

func TestMailIsBounded(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.Limits.Daily = 3
	if got := w.report(w.owner, "a@x.example\nb@x.example\nc@x.example\nd@x.example"); got != "1 invited, 2 invited, 3 invited, 4 refused" {
		t.Error(got)
	}
	found, err := w.List(w.owner, invitation.Filter{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	w.exec(`update identity.invitation set sent_at = now() - interval '2 minutes'`)
	if _, err := w.Resend(w.owner, found[0].ID); !errors.Is(err, invitation.ErrDaily) {
		t.Errorf("one more: %v", err)
	}
	w.exec(`update identity.invitation set sent_at = now() - interval '25 hours'`)
	if got := w.report(w.owner, "d@x.example"); got != "1 invited" {
		t.Errorf("the next day: %s", got)
	}
	// One address does not get mail without end, whoever asks for it.
	w.Limits.Daily = 1000
	refused := 0
	for n := range 10 {
		o := w.another(fmt.Sprintf("org%d", n))
		if o.report(o.owner, "poor@victim.example") == "1 refused" {
			refused++
		}
	}
	if refused == 0 {
		t.Error("ten mails to one address")
	}
}

func TestPagesAndStates(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.report(w.owner, "a@x.example\nb@x.example\nc@x.example")
	var seen []string
	var last uuid.UUID
	f := invitation.Filter{Limit: 1}
	for {
		page, err := w.List(w.owner, f)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		seen, last = append(seen, page[0].Email), page[0].ID
		f.At = list.Behind(last)
	}
	if fmt.Sprint(seen) != "[c@x.example b@x.example a@x.example]" {
		t.Errorf("page by page: %s", seen)
	}
	if err := w.Revoke(w.owner, last); err != nil {
		t.Fatal(err)
	}
	w.exec(`update identity.invitation set expires_at = now() where email = 'b@x.example'`)
	for state, want := range map[invitation.State]string{invitation.Open: "c@x.example", invitation.Expired: "b@x.example", invitation.Revoked: "a@x.example"} {
		if found, err := w.List(w.owner, invitation.Filter{State: state, Limit: 9}); err != nil || len(found) != 1 || found[0].Email != want {
			t.Errorf("%s: %+v, %v", state, found, err)
		}
	}
	if err := w.Revoke(w.owner, last); !errors.Is(err, invitation.ErrOver) {
		t.Errorf("twice: %v", err)
	}
	w.exec(`update identity.invitation set expires_at = now() - interval '31 days' where email <> 'c@x.example'`)
	if err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, err := w.List(w.owner, invitation.Filter{Limit: 9}); err != nil || len(found) != 1 {
		t.Errorf("after the sweep: %+v, %v", found, err)
	}
}

// Without the audit entry nothing is sent.
func TestAnInvitationWithoutItsEntryIsNone(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.exec(`alter table audit_entry add constraint full_disk check (action <> 'invitation.sent') not valid`)
	if _, err := w.Invite(w.owner, []invitation.Wish{{Line: 1, Email: "a@x.example", Role: tenancy.RoleLearner}}); err == nil {
		t.Fatal("sent without an entry")
	}
	var mails int
	if err := w.db.Control.QueryRow(t.Context(), `select count(*) from control.mail_message`).Scan(&mails); err != nil || mails != 0 {
		t.Errorf("%d mails, %v", mails, err)
	}
}

func TestTheAPI(t *testing.T) {
	t.Parallel()
	w := open(t)
	learner, _ := w.add("lea@acme.example", tenancy.RoleLearner)
	people := map[string]context.Context{"owner": w.owner, "learner": learner}
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	g := &gateway.Gateway{Authorize: policy.Authorize, Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
		scope, _ := tenancy.From(people[bearer])
		return scope, nil
	}}
	api.UseMiddleware(g.Middleware(api))
	w.Register(api)
	i, token := w.invite(w.owner, "new@x.example", tenancy.RoleLearner)
	for _, c := range []struct {
		as, method, path, body string
		status                 int
		say                    string
	}{
		{"owner", "POST", "/v1/invitations", `{"email":"a@x.example","role":"learner"}`, 201, `"state":"open"`},
		{"owner", "POST", "/v1/invitations", `{"email":"lea@acme.example","role":"learner"}`, 409, "already_member"},
		{"owner", "POST", "/v1/invitations", `{"email":"nonsense","role":"learner"}`, 422, "body.email"},
		{"owner", "POST", "/v1/invitations", `{"email":"b@x.example","role":"king"}`, 422, ""},
		{"owner", "POST", "/v1/invitations", `{"email":"b@x.example","role":"learner","groups":["` + uuid.NewString() + `"]}`, 422, "body.groups"},
		{"learner", "POST", "/v1/invitations", `{"email":"b@x.example","role":"learner"}`, 403, ""},
		{"owner", "POST", "/v1/invitations/bulk", `{"csv":"c@x.example,author\nc@x.example"}`, 200, `"sent":1`},
		{"owner", "POST", "/v1/invitations/bulk", `{"csv":" "}`, 422, "body.csv"},
		{"owner", "POST", "/v1/invitations/bulk", `{"csv":"` + strings.Repeat("x", 1<<20) + `"}`, 413, ""},
		{"learner", "POST", "/v1/invitations/bulk", `{"csv":"c@x.example"}`, 403, ""},
		{"owner", "GET", "/v1/invitations?limit=1", "", 200, `"next":`},
		{"owner", "GET", "/v1/invitations?state=revoked", "", 200, `"items":[]`},
		{"owner", "GET", "/v1/invitations?cursor=x", "", 400, "invalid_cursor"},
		{"learner", "GET", "/v1/invitations", "", 403, ""},
		{"owner", "POST", "/v1/invitations/" + i.ID.String() + "/resend", "", 429, ""},
		{"", "POST", "/v1/invitations/look", `{"token":"` + token + `"}`, 200, `"organisation":`},
		{"", "POST", "/v1/invitations/look", `{"token":"x"}`, 404, "invitation_link_over"},
		{"", "POST", "/v1/invitations/accept", `{"token":"` + token + `"}`, 401, ""},
		{"learner", "POST", "/v1/invitations/accept", `{"token":"` + token + `"}`, 403, "invitation_for_another"},
		{"", "POST", "/v1/invitations/enter", `{"token":"` + token + `","name":"New"}`, 200, "/enter?token="},
		{"owner", "DELETE", "/v1/invitations/" + i.ID.String(), "", 409, "invitation_over"},
		{"owner", "DELETE", "/v1/invitations/" + uuid.NewString(), "", 404, "no_such_invitation"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		if c.as != "" {
			r.Header.Set("Authorization", "Bearer "+c.as)
		}
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, r)
		if answer.Code != c.status || !strings.Contains(answer.Body.String(), c.say) {
			t.Errorf("%s %s %s: %d %.300s", c.as, c.method, c.path, answer.Code, answer.Body)
		}
		if c.as == "owner" && strings.Contains(answer.Body.String(), token) {
			t.Errorf("%s %s shows the token", c.method, c.path)
		}
	}
}
