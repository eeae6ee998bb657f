package factor_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/factor"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// env is the factors of an installation with one person.
type env struct {
	*factor.Service
	t     *testing.T
	db    *dbtest.Database
	pool  access.Pool
	user  uuid.UUID
	ahead *atomic.Int64
}

func open(t *testing.T) *env {
	t.Helper()
	key, err := secret.Load(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, db: dbtest.New(t), ahead: new(atomic.Int64)}
	// In the middle of a time step, so that no test runs into the next one.
	start := time.Now().Truncate(30 * time.Second).Add(15 * time.Second)
	now := func() time.Time { return start.Add(time.Duration(e.ahead.Load())) }
	forget := func(uuid.UUID) {}
	e.Service = &factor.Service{
		DB: e.db.Identity, Key: key, Now: now, Throttle: throttle.New(1000, now), Forget: forget, Log: slog.New(slog.DiscardHandler),
		Sessions: &browser.Sessions{DB: e.db.Identity, Now: now, Forget: forget, Log: slog.New(slog.DiscardHandler)},
	}
	e.pool = access.Pool{Name: "default"}
	e.one(&e.pool.ID, `select id from identity.pool where name = 'default'`)
	e.user = e.person("ada@example.com")
	return e
}

func (e *env) pass(d time.Duration) { e.ahead.Add(int64(d)) }

func (e *env) one(to any, sql string, args ...any) {
	e.t.Helper()
	if err := e.db.Owner.QueryRow(e.t.Context(), sql, args...).Scan(to); err != nil {
		e.t.Fatalf("%s: %v", sql, err)
	}
}

func (e *env) exec(sql string, args ...any) {
	e.t.Helper()
	if _, err := e.db.Owner.Exec(e.t.Context(), sql, args...); err != nil {
		e.t.Fatalf("%s: %v", sql, err)
	}
}

func (e *env) person(email string) (id uuid.UUID) {
	e.t.Helper()
	e.one(&id, `insert into identity."user" (pool_id, email, email_key, name) values ($1, $2, $2, 'Ada') returning id`, e.pool.ID, email)
	return id
}

// code is what an authenticator app shows.
func (e *env) code(secret string) string {
	e.t.Helper()
	code, err := totp.GenerateCode(secret, e.Now())
	if err != nil {
		e.t.Fatal(err)
	}
	return code
}

// app is a confirmed authenticator app; its code of the present step is used up.
func (e *env) app(user uuid.UUID) string {
	e.t.Helper()
	app, err := e.BeginTOTP(e.t.Context(), e.pool, user, "ada@example.com")
	if err != nil {
		e.t.Fatal(err)
	}
	if err := e.ConfirmTOTP(e.t.Context(), user, "Phone", e.code(app.Secret)); err != nil {
		e.t.Fatal(err)
	}
	return app.Secret
}

func (e *env) try(user uuid.UUID, use factor.Use, code string) error {
	_, err := e.Verify(context.WithoutCancel(e.t.Context()), user, use, code, "192.0.2.7")
	return err
}
