package mail_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	netmail "net/mail"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// patience is how long a test waits for what must come; nothing waits for it to pass.
const patience = 20 * time.Second

type fixture struct {
	*mail.Service
	db *dbtest.Database
}

// newFixture is mail with real jobs; without a server it is the mailbox.
func newFixture(t *testing.T, server *mail.SMTP) *fixture {
	t.Helper()
	d := dbtest.New(t)
	inserter, err := job.NewInserter()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	f := &fixture{db: d, Service: &mail.Service{
		Pool: d.Control, Jobs: inserter, SMTP: server, Log: log,
		Backoff: func(int) time.Duration { return time.Millisecond },
	}}
	workers := river.NewWorkers()
	f.AddWorkers(workers)
	jobs, err := job.NewWorker(job.Work{Pool: d.Worker, Workers: workers, Queues: map[string]int{mail.Queue: 2}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := jobs.StopAndCancel(ctx); err != nil {
			t.Error(err)
		}
	})
	return f
}

func letter() mail.Message {
	return mail.Message{
		To: "ada@example.org", Subject: "Prove your address: \u00e9l\u00e8ve", Text: "Open https://labs.example/x#token=secret\n",
		HTML: "<p>Open it</p>", Kind: "test.letter",
	}
}

func (f *fixture) send(t *testing.T, pool *pgxpool.Pool, m mail.Message) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return f.Send(t.Context(), tx, m) })
}

type row struct {
	ID               uuid.UUID
	State            string
	Attempts         int
	Problem          string
	Text, HTML       string
	Sent             bool
	Tenant           *uuid.UUID
	Recipient, Title string
}

func (f *fixture) rows(t *testing.T) []row {
	t.Helper()
	rows, err := f.db.Control.Query(t.Context(), `select id, state, attempts, last_error, text, html, sent_at is not null, tenant_id, recipient, subject
		from control.mail_message order by id`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// until waits until the only message is in a state.
func (f *fixture) until(t *testing.T, state mail.State) row {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		rows := f.rows(t)
		if len(rows) == 1 && rows[0].State == string(state) {
			return rows[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("not %s: %+v", state, rows)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestMailGoesOutWithItsTransactionAlone(t *testing.T) {
	t.Parallel()
	s := serve(t, serverOptions{startTLS: true, password: "sesame"})
	f := newFixture(t, s.settings(t, "smtp", "labs:sesame@"))
	no := errors.New("no")
	err := pgx.BeginFunc(t.Context(), f.db.Control, func(tx pgx.Tx) error {
		return errors.Join(f.Send(t.Context(), tx, letter()), no)
	})
	if !errors.Is(err, no) || len(f.rows(t)) != 0 {
		t.Fatalf("rolled back: %v, %d messages", err, len(f.rows(t)))
	}
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	got := f.until(t, mail.Sent)
	if got.Text != "" || got.HTML != "" || !got.Sent || got.Attempts != 1 {
		t.Errorf("after delivery: %+v", got)
	}
	taken := s.all()
	if len(taken) != 1 || !taken[0].secured || taken[0].user != "labs" || taken[0].to != "ada@example.org" || taken[0].from != "no-reply@example.com" {
		t.Fatalf("the server took %+v", taken)
	}
	m, err := netmail.ReadMessage(strings.NewReader(taken[0].text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(m.Header.Get("Subject"))
	body, readErr := io.ReadAll(m.Body)
	if err != nil || readErr != nil || subject != letter().Subject || m.Header.Get("Message-ID") != "<"+got.ID.String()+"@example.com>" ||
		m.Header.Get("From") != `"Example Labs" <no-reply@example.com>` || m.Header.Get("Auto-Submitted") != "auto-generated" ||
		!strings.Contains(string(body), "token=3Dsecret") || !strings.Contains(string(body), "<p>Open it</p>") {
		t.Errorf("it reads\n%s", taken[0].text)
	}
}

func TestTLSFromTheFirstByte(t *testing.T) {
	t.Parallel()
	s := serve(t, serverOptions{implicit: true})
	f := newFixture(t, s.settings(t, "smtps", ""))
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	f.until(t, mail.Sent)
}

func TestAServerWithoutTLSIsRefusedButOnThisMachine(t *testing.T) {
	t.Parallel()
	s := serve(t, serverOptions{password: "sesame"})
	f := newFixture(t, s.settings(t, "smtp", "labs:sesame@"))
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	if got := f.until(t, mail.Failed); !strings.Contains(got.Problem, "STARTTLS") {
		t.Errorf("elsewhere: %+v", got)
	}
	if len(s.all()) != 0 {
		t.Error("mail went over the network in the clear")
	}
	here := newFixture(t, s.local(t, "labs:sesame@"))
	if err := here.send(t, here.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	here.until(t, mail.Sent)
}

func TestACertificateOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, serverOptions{startTLS: true})
	settings := s.settings(t, "smtp", "")
	settings.Roots = nil
	f := newFixture(t, settings)
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	if got := f.until(t, mail.Failed); !strings.Contains(got.Problem, "certificate") || len(s.all()) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestARefusedRecipientBouncesAtOnceAndCanBeTriedAgain(t *testing.T) {
	t.Parallel()
	var mended atomic.Bool
	s := serve(t, serverOptions{refuse: func(to string) error {
		if !mended.Load() {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user " + to}
		}
		return nil
	}})
	f := newFixture(t, s.local(t, ""))
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	got := f.until(t, mail.Bounced)
	if got.Attempts != 1 || !strings.Contains(got.Problem, "550") || strings.Contains(got.Problem, "ada@") || got.Text == "" {
		t.Errorf("%+v", got)
	}
	mended.Store(true)
	if _, err := f.Retry(t.Context(), got.ID); err != nil {
		t.Fatal(err)
	}
	f.until(t, mail.Sent)
	if _, err := f.Retry(t.Context(), got.ID); errs.KindOf(err) != errs.KindConflict {
		t.Errorf("a sent mail again: %v", err)
	}
	if _, err := f.Retry(t.Context(), uuid.New()); errs.KindOf(err) != errs.KindNotFound {
		t.Errorf("an unknown mail: %v", err)
	}
}

func TestABusyServerIsTriedAgain(t *testing.T) {
	t.Parallel()
	tries := 0
	s := serve(t, serverOptions{refuse: func(string) error {
		if tries++; tries < 3 {
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
		}
		return nil
	}})
	f := newFixture(t, s.local(t, ""))
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	if got := f.until(t, mail.Sent); got.Attempts != 3 || got.Problem != "" {
		t.Errorf("%+v", got)
	}
}

func TestAServerThatIsAwayIsTriedAgainUntilItFails(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	away, err := mail.ParseSMTP("smtp://"+address, "no-reply@example.com")
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, away)
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	if got := f.until(t, mail.Failed); got.Attempts != 9 || !strings.Contains(got.Problem, "refused") || got.Text == "" {
		t.Errorf("%+v", got)
	}
}

func TestAWrongPasswordIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := serve(t, serverOptions{startTLS: true, password: "sesame"})
	settings := s.settings(t, "smtp", "labs:hunter2-wrong@")
	f := newFixture(t, settings)
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	if got := f.until(t, mail.Failed); strings.Contains(got.Problem, "hunter2") || !strings.Contains(got.Problem, "535") {
		t.Errorf("%+v", got)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", settings, settings, settings, settings); strings.Contains(text, "hunter2") {
		t.Errorf("settings print as %s", text)
	}
}

func TestTheMailboxKeepsWhatNobodyDelivers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if err := f.send(t, f.db.Control, letter()); err != nil {
		t.Fatal(err)
	}
	got := f.rows(t)
	if len(got) != 1 || got[0].State != "sent" || got[0].Text == "" {
		t.Fatalf("%+v", got)
	}
	for sql, want := range map[string]int{
		`update control.mail_message set queued_at = now() - interval '6 days'`: 0,
		`update control.mail_message set queued_at = now() - interval '8 days'`: 1,
	} {
		if _, err := f.db.Owner.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if err := f.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := f.rows(t); len(got) != 1 || (got[0].Text == "") != (want == 1) {
			t.Fatalf("%s: %+v", sql, got)
		}
		if _, err := f.db.Owner.Exec(t.Context(), `update control.mail_message set text = 'again'`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.db.Owner.Exec(t.Context(), `update control.mail_message set queued_at = now() - interval '31 days'`); err != nil {
		t.Fatal(err)
	}
	if err := f.Sweep(t.Context()); err != nil || len(f.rows(t)) != 0 {
		t.Errorf("after a month: %+v, %v", f.rows(t), err)
	}
}

func TestTheMailboxIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	_, err := f.db.Owner.Exec(t.Context(), `insert into control.mail_message (id, recipient, subject, text, html, kind, keep, state)
		select uuidv7(), 'a@b.example', n::text, 'x', '', 'test', true, 'sent' from generate_series(1, 10005) n`)
	if err == nil {
		err = f.Sweep(t.Context())
	}
	if got := f.rows(t); err != nil || len(got) != 10_000 || got[0].Title != "6" {
		t.Errorf("%d are left, %v", len(got), err)
	}
}

func TestAMessageWhoseJobIsLostFails(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	_, err := f.db.Owner.Exec(t.Context(), `insert into control.mail_message (id, recipient, subject, text, html, kind, keep, state, queued_at)
		values (uuidv7(), 'a@b.example', 's', 'x', '', 'test', true, 'queued', now() - interval '25 hours')`)
	if err == nil {
		err = f.Sweep(t.Context())
	}
	if got := f.rows(t); err != nil || got[0].State != "failed" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestIdentityQueuesMailAndSeesNone(t *testing.T) {
	t.Parallel()
	s := serve(t, serverOptions{})
	f := newFixture(t, s.local(t, ""))
	if err := f.send(t, f.db.Identity, letter()); err != nil {
		t.Fatal(err)
	}
	f.until(t, mail.Sent)
	for _, sql := range []string{
		`select text from control.mail_message`, `delete from control.mail_message`, `update control.mail_message set recipient = 'x@y.example'`,
		`insert into river.river_job (kind, args, max_attempts) values ('mail.sweep', '{}', 1)`,
		`delete from river.river_job`,
	} {
		_, err := f.db.Identity.Exec(t.Context(), sql)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "42501" {
			t.Errorf("%s: %v, want 42501", sql, err)
		}
	}
	if _, err := f.db.Control.Exec(t.Context(), `insert into river.river_job (kind, args, max_attempts) values ('workflow.run', '{}', 1)`); err != nil {
		t.Fatal(err)
	}
	var others int
	if err := f.db.Identity.QueryRow(t.Context(), `select count(*) from river.river_job where kind <> 'mail.send'`).Scan(&others); err != nil || others != 0 {
		t.Errorf("identity sees %d jobs of others, %v", others, err)
	}
	var refused *pgconn.PgError
	if err := f.send(t, f.db.App.Pool, letter()); !errors.As(err, &refused) || refused.Code != "42501" {
		t.Errorf("the application's role: %v, want 42501", err)
	}
}

func TestATenantsMailIsRemovedWithIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	var tenant uuid.UUID
	if err := f.db.Control.QueryRow(t.Context(), `insert into control.tenant (name, title) values ('alpha', 'Alpha') returning id`).Scan(&tenant); err != nil {
		t.Fatal(err)
	}
	for _, of := range []uuid.UUID{tenant, uuid.Nil, tenant} {
		m := letter()
		m.Tenant = of
		if err := f.send(t, f.db.Control, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int64{2, 0} {
		if n, err := f.RemoveTenant(t.Context(), tenant); n != want || err != nil {
			t.Errorf("removed %d, %v; want %d", n, err, want)
		}
	}
	if got := f.rows(t); len(got) != 1 || got[0].Tenant != nil {
		t.Errorf("left: %+v", got)
	}
}
