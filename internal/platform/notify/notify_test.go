package notify_test

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const patience = 30 * time.Second

// ear is one process that listens.
type ear struct {
	t     *testing.T
	hints chan string
	lost  chan struct{}
}

func listen(t *testing.T, d *dbtest.Database, topics ...string) *ear {
	t.Helper()
	h := &notify.Hub{Pool: d.Control, Log: slog.New(slog.DiscardHandler)}
	e := &ear{t: t, hints: make(chan string, 100), lost: make(chan struct{}, 100)}
	for _, topic := range topics {
		h.On(topic, func(id string) { e.hints <- topic + " " + id }, func() { e.lost <- struct{}{} })
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	e.loses()
	return e
}

// loses waits until the hub has said that hints may have been missed; it says so first when it begins to listen.
func (e *ear) loses() {
	e.t.Helper()
	select {
	case <-e.lost:
	case <-time.After(patience):
		e.t.Fatal("the hub never said that hints may have been missed")
	}
}

func (e *ear) hears(want string) {
	e.t.Helper()
	select {
	case got := <-e.hints:
		if got != want {
			e.t.Errorf("heard %q, want %q", got, want)
		}
	case <-time.After(patience):
		e.t.Fatalf("never heard %q", want)
	}
}

func send(t *testing.T, pool *pgxpool.Pool, topic, id string) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return notify.Send(t.Context(), tx, topic, id) })
}

func TestEveryProcessHearsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	ears := []*ear{listen(t, d, "tier"), listen(t, d, "tier")}
	tx, err := d.Identity.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := notify.Send(t.Context(), tx, "tier", "never"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, pool := range []*pgxpool.Pool{d.Control, d.Identity} {
		if err := send(t, pool, "other", "unheard"); err != nil {
			t.Fatal(err)
		}
		if err := send(t, pool, "tier", "a1"); err != nil {
			t.Fatal(err)
		}
		for _, e := range ears {
			e.hears("tier a1")
		}
	}
}

func TestALostConnectionIsToldAndMadeAgain(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	e := listen(t, d, notify.TopicMember)
	for range 2 {
		cut(t, d)
		e.loses() // when the connection was lost
		e.loses() // when hints are heard again
		if err := send(t, d.Control, notify.TopicMember, "b2"); err != nil {
			t.Fatal(err)
		}
		e.hears("member b2")
	}
}

// cut ends the connections that listen.
func cut(t *testing.T, d *dbtest.Database) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.Admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	done, err := conn.Exec(t.Context(), `
		select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen %'`)
	if err != nil || done.RowsAffected() != 1 {
		t.Fatalf("cut %d connections, %v; want one for each hub", done.RowsAffected(), err)
	}
}

// A flood is told as a loss: one by one it would keep every process busy.
func TestAFloodOfHintsIsToldAsALoss(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	h := &notify.Hub{Pool: d.Control, Log: slog.New(slog.DiscardHandler)}
	var heard atomic.Int64
	lost := make(chan struct{}, 10_000)
	h.On("flood", func(string) { heard.Add(1) }, func() { lost <- struct{}{} })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	e := &ear{t: t, lost: lost}
	e.loses()
	const hints = 20_000
	exec(t, d.Control, `select app.hint('flood', n::text) from generate_series(1, $1::int) n`, hints)
	e.loses()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := heard.Load(); n > hints/10 {
		t.Errorf("%d of %d hints were told one by one", n, hints)
	}
}

// The triggers: whatever takes a right away sends a hint, by whichever statement.
func TestChangesOfMembersAndTenantsAreToldByThemselves(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	var user, tenant string
	tenant = tenancy.DefaultTenant().String()
	err := d.Identity.QueryRow(t.Context(), `
		insert into identity."user" (pool_id, email, email_key, name) select id, 'a@example.com', 'a@example.com', 'A' from identity.pool
		returning id::text`).Scan(&user)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, d.Identity, `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, 'learner')`, user, tenant)
	family := `insert into identity.token_family (pool_id, user_id, tenant_id, client_id, scopes, methods, signed_in_at, expires_at)
		select id, $1, $2, 'console', '{}', '{}', now(), now() + $3::interval from identity.pool`
	e := listen(t, d, notify.TopicMember, notify.TopicTenant)
	for _, c := range []struct {
		pool *pgxpool.Pool
		sql  string
		args []any
		want string
	}{
		{d.Identity, `update identity.membership set status = 'removed' where user_id = $1`, []any{user}, "member " + user},
		{d.Identity, `update identity."user" set disabled_at = now() where id = $1`, []any{user}, "member " + user},
		{d.Control, `update control.tenant set status = 'suspended' where id = $1`, []any{tenant}, "tenant " + tenant},
		{d.Control, `update control.tenant set status = 'suspended' where id = $1`, []any{tenant}, ""},
		{d.Identity, `update identity."user" set name = 'B' where id = $1`, []any{user}, ""},
		{d.Identity, family, []any{user, tenant, "-1 hour"}, ""},
		{d.Identity, `delete from identity.token_family where user_id = $1`, []any{user}, ""}, // swept
		{d.Identity, family, []any{user, tenant, "1 hour"}, ""},
		{d.Identity, `delete from identity.token_family where user_id = $1`, []any{user}, "member " + user},
		{d.Owner, `delete from identity."user" where id = $1`, []any{user}, "member " + user},
	} {
		exec(t, c.pool, c.sql, c.args...)
		if c.want != "" {
			e.hears(c.want)
		}
	}
	if err := send(t, d.Control, notify.TopicTenant, "last"); err != nil {
		t.Fatal(err)
	}
	e.hears("tenant last")
}

func exec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// What the application's role can do with any SQL: neither send hints, nor learn the channel that it would listen to.
func TestTenantsSQLNeitherHearsNorSends(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_ = listen(t, d, notify.TopicMember)
	for _, statement := range []string{
		`select app.hint('member', 'x')`, `select app.hint_channel_name()`, `select name from app.hint_channel`, `select app.hint_member()`,
	} {
		for _, pool := range []*pgxpool.Pool{d.App.Pool, d.Worker} {
			if _, err := pool.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "42501") {
				t.Errorf("%s: %v, want a refusal", statement, err)
			}
		}
	}
	if _, err := d.Identity.Exec(t.Context(), `select app.hint_channel_name()`); err == nil {
		t.Error("identity needs to send alone")
	}
	var channel string
	if err := d.Control.QueryRow(t.Context(), `select app.hint_channel_name()`).Scan(&channel); err != nil || len(channel) < 32 {
		t.Fatalf("channel %q, %v", channel, err)
	}
	var seen int
	err := d.App.Pool.QueryRow(t.Context(), `select count(*) from pg_stat_activity where query like '%' || $1 || '%' and pid <> pg_backend_pid()`, channel).Scan(&seen)
	if err != nil || seen != 0 {
		t.Errorf("the application sees the channel's name in %d running statements, %v", seen, err)
	}
	for _, hint := range [][2]string{{"member", "Ada Lovelace"}, {"member", "ada@example.com"}, {"member", ""}, {"Member x", "1"}, {"member", strings.Repeat("a", 101)}} {
		if err := send(t, d.Control, hint[0], hint[1]); err == nil {
			t.Errorf("a hint of %q was sent: it may carry ids only", hint)
		}
	}
}
