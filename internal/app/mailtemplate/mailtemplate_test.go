package mailtemplate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/mailtemplate"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/letter/lettertest"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type fixture struct {
	*mailtemplate.Service
	db       *dbtest.Database
	data     *db.DB
	sent     []mail.Message
	ownPool  bool
	entitled bool
}

var errPlan = errs.Forbidden("plan_feature", "Your plan does not have it.")

func newFixture(t *testing.T) *fixture {
	t.Helper()
	d := dbtest.New(t)
	f := &fixture{db: d, data: d.Role(policy.Authorize), entitled: true}
	f.Service = mailtemplate.New(mailtemplate.Service{
		DB: f.data, Letter: lettertest.Writer(nil, "Acme"), Throttle: throttle.New(100, time.Now),
		OwnPool: func(context.Context, uuid.UUID) (bool, error) { return f.ownPool, nil },
		Entitled: func(context.Context, uuid.UUID) error {
			if !f.entitled {
				return errPlan
			}
			return nil
		},
		Names:   func(context.Context, []uuid.UUID) (map[uuid.UUID]string, error) { return nil, nil }, //nolint:nilnil // nobody is known
		Address: func(context.Context, uuid.UUID) (string, error) { return "ada@example.org", nil },
		Deliver: func(_ context.Context, m mail.Message) error { f.sent = append(f.sent, m); return nil },
	})
	f.Letter.Own = f.Own
	return f
}

// invite is the invitation that an organisation sends now.
func (f *fixture) invite(t *testing.T, tenant uuid.UUID) mail.Message {
	t.Helper()
	k, _ := letter.KindNamed("invitation")
	m, err := f.Letter.Write(t.Context(), letter.Draft{Kind: k.Name, Tenant: tenant, To: "bob@example.org", Values: k.Samples(), Locales: []string{"hi"}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func tenantOf(t *testing.T, ctx context.Context) uuid.UUID {
	t.Helper()
	scope, ok := tenancy.From(ctx)
	if !ok {
		t.Fatal("no scope")
	}
	return scope.Tenant
}

func TestOwnWordsAreSentAndGivenUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme, bravo := f.db.Tenant(t, "acme", tenancy.RoleAdmin), f.db.Tenant(t, "bravo", tenancy.RoleAdmin)
	before := f.invite(t, tenantOf(t, acme))
	saved, err := f.Save(acme, "invitation", "hi", letter.Source{Subject: " {{.tenant}} में आइए ", Text: "यहाँ:\r\n{{.link}}"})
	if err != nil || saved.Number != 1 || saved.Own.Subject != "{{.tenant}} में आइए" || saved.Own.Text != "यहाँ:\n{{.link}}" {
		t.Fatalf("%+v, %v", saved, err)
	}
	m := f.invite(t, tenantOf(t, acme))
	if m.Subject != "Acme में आइए" || !strings.HasPrefix(m.Text, "यहाँ:\nhttps://") || m.HTML == "" {
		t.Errorf("%+v", m)
	}
	if other := f.invite(t, tenantOf(t, bravo)); other.Subject != before.Subject {
		t.Errorf("another organisation's letter: %q", other.Subject)
	}
	if got, err := f.Get(bravo, "invitation", "hi"); err != nil || got.Number != 0 || !got.Own.Empty() {
		t.Errorf("another organisation sees %+v, %v", got, err)
	}
	f.entitled = false // the plan has changed; a fresh process remembers nothing
	fresh := mailtemplate.New(*f.Service)
	if own, err := fresh.Own(t.Context(), tenantOf(t, acme), "invitation", "hi"); err != nil || !own.Empty() {
		t.Errorf("without the plan: %+v, %v", own, err)
	}
	f.entitled = true
	if err := f.Reset(acme, "invitation", "hi"); err != nil {
		t.Fatal(err)
	}
	if m := f.invite(t, tenantOf(t, acme)); m.Subject != before.Subject || m.Text != before.Text {
		t.Errorf("after the reset: %q", m.Subject)
	}
	restored, err := f.Restore(acme, "invitation", "hi", 1)
	if err != nil || restored.Number != 3 || restored.Own != saved.Own {
		t.Errorf("%+v, %v", restored, err)
	}
	var log string
	err = f.data.InWholeTenant(acme, policy.TenantRead, func(tx pgx.Tx) error {
		return tx.QueryRow(acme, `select string_agg(action || ' ' || target || ' ' || coalesce(before::text, '-') || ' ' || coalesce(after::text, '-'), E'\n' order by id) from audit_entry`).Scan(&log)
	})
	if err != nil || strings.Count(log, "invitation/hi") != 3 || !strings.Contains(log, "mail_template.reset") || strings.Contains(log, "{{.link}}") {
		t.Errorf("%s, %v", log, err)
	}
}

func TestTheLastTenVersionsAreKept(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.db.Tenant(t, "acme", tenancy.RoleOwner)
	for n := range 13 {
		if _, err := f.Save(ctx, "invitation", "en", letter.Source{Subject: strings.Repeat("x", n+1)}); err != nil {
			t.Fatal(err)
		}
	}
	if same, err := f.Save(ctx, "invitation", "en", letter.Source{Subject: strings.Repeat("x", 13)}); err != nil || same.Number != 13 {
		t.Errorf("saving the same: %+v, %v", same, err)
	}
	found, err := f.Versions(ctx, "invitation", "en")
	if err != nil || len(found) != 10 || found[0].Number != 13 || found[9].Number != 4 {
		t.Errorf("%d versions, %v", len(found), err)
	}
	if _, err := f.Restore(ctx, "invitation", "en", 3); !errors.Is(err, mailtemplate.ErrNoVersion) {
		t.Errorf("a version that is gone: %v", err)
	}
	list, err := f.List(ctx)
	if err != nil || len(list) != 1 || list[0].Number != 13 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	admin, learner := f.db.Tenant(t, "acme", tenancy.RoleAdmin), f.db.Tenant(t, "bravo", tenancy.RoleLearner)
	good := letter.Source{Subject: "Mine"}
	for _, at := range [][2]string{{"registration.confirm", "en"}, {"invitation.owner", "en"}, {"unheard-of", "en"}, {"invitation", "fr"}, {"invitation", "EN"}} {
		if _, err := f.Save(admin, at[0], at[1], good); !errors.Is(err, mailtemplate.ErrNotFound) {
			t.Errorf("%v: %v", at, err)
		}
		if _, err := f.Get(admin, at[0], at[1]); !errors.Is(err, mailtemplate.ErrNotFound) {
			t.Errorf("%v: %v", at, err)
		}
	}
	if _, err := f.Save(admin, "identity.forgot", "en", good); !errors.Is(err, mailtemplate.ErrShared) {
		t.Errorf("a letter of the shared pool: %v", err)
	}
	f.ownPool = true
	if _, err := f.Save(admin, "identity.forgot", "en", good); err != nil {
		t.Errorf("a letter of an own pool: %v", err)
	}
	if _, err := f.Save(learner, "invitation", "en", good); errs.KindOf(err) != errs.KindForbidden {
		t.Errorf("a learner: %v", err)
	}
	_, err := f.Save(admin, "invitation", "en", letter.Source{Subject: "{{.link}}", Text: "none", HTML: "{{.secret}}"})
	var problem *errs.Error
	if !errors.As(err, &problem) || problem.Kind != errs.KindInvalid || len(problem.Fields) != 3 || problem.Fields[0].Path != "body.subject" {
		t.Errorf("%v", err)
	}
}

func TestATestGoesToOneselfAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.db.Tenant(t, "acme", tenancy.RoleAdmin)
	scope, _ := tenancy.From(ctx)
	scope.Kind = tenancy.Person
	ctx = tenancy.With(ctx, scope)
	draft := letter.Source{Subject: "Mine", HTML: `<script>x</script><a href="{{.link}}">In</a>`}
	to, err := f.Test(ctx, "invitation", "en", draft)
	if err != nil || to != "ada@example.org" || len(f.sent) != 1 {
		t.Fatalf("%s, %v", to, err)
	}
	if m := f.sent[0]; m.To != to || m.Kind != "test.invitation" || !m.Keep || !strings.Contains(m.Text, "#token=sample") || strings.Contains(m.HTML, "<script") {
		t.Errorf("%+v", m)
	}
	for range 10 {
		_, err = f.Test(ctx, "invitation", "en", draft)
	}
	if errs.KindOf(err) != errs.KindLimited || len(f.sent) > 6 {
		t.Errorf("%d letters, %v", len(f.sent), err)
	}
	scope.Kind = tenancy.Machine
	if _, err := f.Test(tenancy.With(ctx, scope), "invitation", "en", draft); !errors.Is(err, mailtemplate.ErrPerson) {
		t.Errorf("a machine: %v", err)
	}
}

// What was saved when the program had a variable that it has no more is shown as broken, and the program's own is sent.
func TestBrokenWordsAreShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx := f.db.Tenant(t, "acme", tenancy.RoleAdmin)
	want := f.invite(t, tenantOf(t, ctx))
	err := f.data.InWholeTenant(ctx, policy.TenantWrite, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into mail_template (kind, locale, number, subject, text, html) values ('invitation', 'hi', 1, 'Hello', '{{.gone}} {{.link}}', '')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	fresh := mailtemplate.New(*f.Service)
	f.Letter.Own = fresh.Own
	if m := f.invite(t, tenantOf(t, ctx)); m.Subject != want.Subject || m.Text != want.Text {
		t.Errorf("%+v", m)
	}
	if _, err := f.Restore(ctx, "invitation", "hi", 1); err == nil {
		t.Error("a broken version was restored")
	}
	if err := f.Reset(ctx, "invitation", "hi"); err != nil {
		t.Errorf("a broken one cannot be given up: %v", err)
	}
}
