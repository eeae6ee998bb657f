package apikey_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/apikey"
	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// world is a tenant with people, and the service.
type world struct {
	*apikey.Service

	t      *testing.T
	db     *dbtest.Database
	rights *access.Checker
	ahead  *atomic.Int64 // nanoseconds that the service's clock is ahead
	tenant uuid.UUID
	owner  context.Context //nolint:containedctx // who acts
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: dbtest.New(t), ahead: new(atomic.Int64)}
	w.Service = w.process()
	w.tenant = w.newTenant("acme")
	w.owner = w.member("owner", tenancy.RoleOwner)
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) pass(d time.Duration) { w.ahead.Add(int64(d)) }

// process is one more process of the installation.
func (w *world) process() *apikey.Service {
	w.t.Helper()
	key, err := secret.Load(w.t.TempDir(), "")
	if err != nil {
		w.t.Fatal(err)
	}
	w.rights = access.New(w.db.Identity, "https://labs.example.com", keyring.New(w.db.Identity, key, w.now), w.now)
	return apikey.Open(apikey.Service{
		Identity: w.db.Identity, DB: w.db.Role(policy.Authorize), Now: w.now, Log: slog.New(slog.DiscardHandler), Throttle: throttle.New(100, w.now),
		Role: func(ctx context.Context, user, tenant uuid.UUID) (tenancy.Role, error) {
			m, err := w.rights.Membership(ctx, user, tenant)
			if errors.Is(err, access.ErrNotMember) || errors.Is(err, access.ErrDisabled) {
				return "", apikey.ErrStopped
			}
			return m.Role, err
		},
	}, "the key of the HMAC")
}

func (w *world) newTenant(name string) (id uuid.UUID) {
	w.t.Helper()
	if err := w.db.Control.QueryRow(w.t.Context(), `insert into control.tenant (name, title) values ($1, $1) returning id`, name).Scan(&id); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Owner.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

// member makes a person of the tenant and returns the context in which they act.
func (w *world) member(name string, role tenancy.Role) context.Context {
	w.t.Helper()
	var user uuid.UUID
	err := w.db.Owner.QueryRow(w.t.Context(), `insert into identity."user" (pool_id, email, email_key, name)
		select id, $1, $1, $2 from identity.pool where name = 'default' returning id`, name+"@example.com", "Ada "+name).Scan(&user)
	if err != nil {
		w.t.Fatal(err)
	}
	w.exec(`insert into identity.membership (user_id, tenant_id, role) values ($1, $2, $3)`, user, w.tenant, string(role))
	return tenancy.With(w.t.Context(), tenancy.Scope{Tenant: w.tenant, User: user, Role: role, Session: uuid.New()})
}

func userOf(ctx context.Context) uuid.UUID { scope, _ := tenancy.From(ctx); return scope.User }

// machine makes a machine client of the tenant.
func (w *world) machine(role tenancy.Role) (id uuid.UUID) {
	w.t.Helper()
	err := w.db.Owner.QueryRow(w.t.Context(), `insert into identity.machine_client (tenant_id, name, role, secret_hash, created_by, expires_at)
		values ($1, 'Build server', $2, sha256('x'), $3, now() + interval '300 days') returning id`, w.tenant, string(role), userOf(w.owner)).Scan(&id)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

const day = 24 * time.Hour

// add makes a key.
func (w *world) add(as context.Context, scopes ...tenancy.Permission) (apikey.Key, string) {
	w.t.Helper()
	k, text, err := w.Add(as, apikey.Wish{Name: "Grades", Scopes: scopes, Life: 90 * day})
	if err != nil {
		w.t.Fatal(err)
	}
	return k, text
}

// may tells whether a key is accepted and has a permission.
func (w *world) may(text string, p tenancy.Permission) error {
	scope, err := w.Authenticate(w.t.Context(), "192.0.2.7", text)
	if err != nil {
		return err
	}
	return policy.Authorize(tenancy.With(w.t.Context(), scope), p)
}

// want fails unless an error is the wanted one.
func want(t *testing.T, what string, got, wanted error) {
	t.Helper()
	if !errors.Is(got, wanted) || (wanted == nil) != (got == nil) {
		t.Errorf("%s: %v, want %v", what, got, wanted)
	}
}

// entries are the tenant's audit entries about keys.
func (w *world) entries() string {
	w.t.Helper()
	var text string
	err := w.db.Owner.QueryRow(w.t.Context(), `select coalesce(string_agg(action || ' ' || (detail ->> 'name'), ', ' order by id), '') from pool.audit_entry where tenant_id = $1`, w.tenant).Scan(&text)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(text)
}
