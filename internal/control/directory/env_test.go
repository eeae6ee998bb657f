package directory_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/branding"
	"github.com/cloudkida/cloudkida/internal/control/directory"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const publicURL = "https://labs.example"

// clock is a time that only tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// doors is identity: every tenant has an issuer of its own.
type doors struct{}

func (doors) SignIn(_ context.Context, tenant uuid.UUID) (directory.SignIn, error) {
	return directory.SignIn{Issuer: publicURL + "/pools/" + tenant.String(), ClientID: "console", SignUp: tenant == tenancy.DefaultTenant()}, nil
}

// logs are the tenants' logs; broken ones take nothing.
type logs struct {
	d      *dbtest.Database
	mu     sync.Mutex
	broken bool
}

var errLog = errors.New("no log today")

func (l *logs) Record(ctx context.Context, tenant uuid.UUID, e audit.Entry) error {
	l.mu.Lock()
	broken := l.broken
	l.mu.Unlock()
	if broken {
		return errLog
	}
	scope, _ := tenancy.From(ctx)
	ctx = tenancy.With(ctx, tenancy.Scope{Tenant: tenant, User: scope.User, Role: tenancy.RoleSystem})
	return l.d.App.InTenant(ctx, "any", func(tx pgx.Tx) error { return audit.Add(ctx, tx, e) })
}

type fixture struct {
	*directory.Service
	t      *testing.T
	d      *dbtest.Database
	zone   *zone
	clock  *clock
	logs   *logs
	brands *branding.Service
}

// Forget drops what is remembered, as a hint does.
func (f *fixture) Forget() {
	f.brands.Forget(uuid.Nil)
	f.Service.Forget()
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	d := dbtest.New(t)
	f := &fixture{
		t: t, d: d, zone: &zone{records: map[string][]string{}}, logs: &logs{d: d},
		clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
	}
	generous := throttle.Rule{Free: 10_000, Forget: time.Hour}
	f.brands = branding.New(d.Control, tier.New(d.Control), f.logs, f.clock.Now)
	f.Service = directory.New(directory.Config{
		Pool: d.Control, PublicURL: publicURL, Identity: doors{}, Tiers: tier.New(d.Control), Brands: f.brands, Log: f.logs, Resolver: f.zone.serve(t),
		Throttle: throttle.New(1000, f.clock.Now), Limits: directory.Limits{Unknown: generous, Check: generous, Checks: generous}, Now: f.clock.Now,
	})
	return f
}

// owner makes a tenant of a tier with an owner.
func (f *fixture) owner(name, tierName string) context.Context {
	f.t.Helper()
	ctx := f.d.Tenant(f.t, name, tenancy.RoleOwner)
	f.exec(`update control.tenant set tier = $2, title = initcap($1) where name = $1`, name, tierName)
	return ctx
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.d.Owner.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatal(err)
	}
	f.Forget()
}

func (f *fixture) add(ctx context.Context, domain string) directory.Domain {
	f.t.Helper()
	d, err := f.Add(ctx, domain)
	if err != nil {
		f.t.Fatalf("add %s: %v", domain, err)
	}
	return d
}

// publish puts the record of a domain into DNS.
func (f *fixture) publish(d directory.Domain) {
	f.zone.set("_cloudkida-challenge."+d.Domain, "v=spf1 -all", d.Token)
}

func (f *fixture) unpublish(d directory.Domain) { f.zone.drop("_cloudkida-challenge." + d.Domain) }

// proved adds a domain and proves it.
func (f *fixture) proved(ctx context.Context, domain string) directory.Domain {
	f.t.Helper()
	d := f.add(ctx, domain)
	f.publish(d)
	return f.check(ctx, d, directory.Proved)
}

func (f *fixture) check(ctx context.Context, d directory.Domain, want directory.State) directory.Domain {
	f.t.Helper()
	got, err := f.Check(ctx, d.ID)
	if err != nil || got.State != want {
		f.t.Fatalf("check %s: %s, %q, %v; want %s", d.Domain, got.State, got.Problem, err, want)
	}
	return got
}

// whose is the name of the tenant that a question leads to.
func (f *fixture) whose(q directory.Question) string {
	f.t.Helper()
	a, err := f.Ask(f.t.Context(), "192.0.2.1", q)
	if err != nil {
		f.t.Fatalf("%+v: %v", q, err)
	}
	return a.Tenant.Name
}

// log is what the tenant's audit log says, the oldest entry first; entries of people end with "by a person".
func (f *fixture) log(ctx context.Context) (lines []string) {
	f.t.Helper()
	scope, _ := tenancy.From(ctx)
	rows, err := f.d.Owner.Query(f.t.Context(), `
		select action || ' ' || target || case when actor is null then '' else ' by a person' end from pool.audit_entry where tenant_id = $1 order by id`, scope.Tenant)
	if err != nil {
		f.t.Fatal(err)
	}
	if lines, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		f.t.Fatal(err)
	}
	return lines
}
