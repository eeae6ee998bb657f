package tenant_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/internal/platform/workflow/workflowtest"
)

func TestMain(m *testing.M) {
	workflowtest.Main(m, func(ctx context.Context, in db.Installation) (*workflow.Engine, error) {
		s, err := build(ctx, in)
		if err != nil {
			return nil, err
		}
		return s.Workflows, nil
	})
}

const masterKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// plane stands for the application: its sessions are rows of the tenant itself, its files are none.
type plane struct{ data *db.DB }

func (p plane) EndSessions(ctx context.Context, tenant uuid.UUID) (left int, err error) {
	ctx = tenancy.System(ctx, tenant)
	err = p.data.InTenant(ctx, "any", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update session set state = 'ended' where state <> 'ended'`)
		return err
	})
	return 0, err
}

func (p plane) Record(ctx context.Context, id, operator uuid.UUID, e audit.Entry) error {
	ctx = tenancy.With(ctx, tenancy.Scope{Tenant: id, User: operator, Role: tenancy.RoleSystem})
	return p.data.InTenant(ctx, "any", func(tx pgx.Tx) error { return audit.Add(ctx, tx, e) })
}

func (plane) RemovePeople(context.Context, uuid.UUID) (map[string]int64, error) {
	return map[string]int64{"membership": 3}, nil
}
func (plane) Archive(context.Context, uuid.UUID, uuid.UUID, uuid.UUID, string, time.Time) error {
	return nil
}
func (plane) RemoveFiles(context.Context, uuid.UUID) (map[string]int64, error) {
	return map[string]int64{"archive": 1}, nil
}
func (plane) Uses(context.Context, []uuid.UUID) (map[uuid.UUID]tenant.Use, error) {
	return map[uuid.UUID]tenant.Use{}, nil
}
func (plane) TierPlacement(_ context.Context, tier string) (tenant.Placement, bool, error) {
	switch tier {
	case "platinum":
		return tenant.Silo, true, nil
	case "none":
		return "", false, errs.NotFound("no_such_tier", "There is no such tier.")
	default:
		return tenant.Pool, tier != "default", nil
	}
}

func build(ctx context.Context, in db.Installation) (*tenant.Service, error) {
	e, err := workflowtest.NewEngine(ctx, in)
	if err != nil {
		return nil, err
	}
	app, err := in.Open(ctx, db.App, 4)
	if err != nil {
		return nil, err
	}
	places, err := db.NewPlaces(e.Pool)
	if err != nil {
		return nil, err
	}
	key, err := secret.Load("/nowhere", masterKey)
	if err != nil {
		return nil, err
	}
	signer, err := proof.New(key)
	if err != nil {
		return nil, err
	}
	data := &db.DB{Pool: app, Places: places, Silos: db.NewSilos(in, 4), Authorize: func(context.Context, tenancy.Permission) error { return nil }}
	s := &tenant.Service{
		Pool: e.Pool, Workflows: e, Data: in, Application: plane{data}, Signer: signer, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	s.AddWorkflows()
	return s, nil
}

type fixture struct {
	*tenant.Service
	d        *dbtest.Database
	operator context.Context //nolint:containedctx // a fixture's persona
	id       uuid.UUID
	member   context.Context //nolint:containedctx // a fixture's persona
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	d := dbtest.New(t)
	s, err := build(t.Context(), d.Installation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Pool.Close)
	f := &fixture{Service: s, d: d, operator: d.Default(t, tenancy.RoleOwner)}
	f.member, f.id = populate(t, d)
	return f
}

// populate makes a tenant with some rows.
func populate(t *testing.T, d *dbtest.Database) (context.Context, uuid.UUID) {
	t.Helper()
	ctx := d.Tenant(t, "acme", tenancy.RoleOwner)
	scope, _ := tenancy.From(ctx)
	err := d.App.InTenant(ctx, "any", func(tx pgx.Tx) error {
		for n := range 5 {
			if err := audit.Record(ctx, tx, "tested", strings.Repeat("x", n+1), nil); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `insert into lab (slug, title) values ('dns', 'DNS'), ('git', 'Git')`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ctx, scope.Tenant
}

func (f *fixture) finish(t *testing.T, w workflow.Workflow, err error) workflow.Workflow {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Workflows.Run(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	if w, err = f.Workflows.Get(t.Context(), w.ID); err != nil {
		t.Fatal(err)
	}
	return w
}

func (f *fixture) want(t *testing.T, w workflow.Workflow, state workflow.State, status tenant.Status, tier string, placement tenant.Placement) {
	t.Helper()
	got, err := f.Get(t.Context(), f.id)
	if err != nil || w.State != state || got.Status != status || got.Tier != tier || got.Placement != placement {
		t.Errorf("%s (%s), tenant %s %s %s, %v; want %s, %s %s %s", w.State, w.Error, got.Status, got.Tier, got.Placement, err, state, status, tier, placement)
	}
}

// rows counts what the tenant sees of its labs.
func (f *fixture) labs() (int, error) {
	found, err := db.ReadInTenant(f.member, f.d.App, "any", `select slug from lab`, nil, pgx.RowTo[string])
	return len(found), err
}

func TestSuspendedTenantsAreClosedUntilTheyAreResumed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, err := f.Suspend(f.operator, f.id, "The invoice is not paid.")
	f.want(t, f.finish(t, w, err), workflow.Succeeded, tenant.Suspended, "basic", tenant.Pool)
	if _, err := f.labs(); !errors.Is(err, db.ErrClosed) {
		t.Errorf("a member of a suspended tenant: %v", err)
	}
	if _, err := f.Suspend(f.operator, f.id, "again"); !errors.Is(err, tenant.ErrStatus) {
		t.Errorf("suspended again: %v", err)
	}
	w, err = f.Resume(f.operator, f.id)
	f.want(t, f.finish(t, w, err), workflow.Succeeded, tenant.Active, "basic", tenant.Pool)
	if n, err := f.labs(); n != 2 || err != nil {
		t.Errorf("resumed: %d labs, %v", n, err)
	}
	entries, err := db.ReadInTenant(f.member, f.d.App, "any", `select action || ' ' || coalesce(detail->>'reason', '') from audit_entry where action like 'tenant.%' order by id`, nil, pgx.RowTo[string])
	if err != nil || strings.Join(entries, ";") != "tenant.suspended The invoice is not paid.;tenant.resumed " {
		t.Errorf("the tenant's log: %q, %v", entries, err)
	}
}

func TestTiersMoveTheDataThereAndBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, c := range []struct {
		tier      string
		placement tenant.Placement
	}{{"platinum", tenant.Silo}, {"premium", tenant.Pool}, {"standard", tenant.Pool}, {"platinum", tenant.Silo}} {
		w, err := f.ChangeTier(f.operator, f.id, c.tier)
		f.want(t, f.finish(t, w, err), workflow.Succeeded, tenant.Active, c.tier, c.placement)
		f.d.App.Places.Forget(f.id) // a test does not wait for it as the program does
		if n, err := f.labs(); n != 2 || err != nil {
			t.Errorf("as %s: %d labs, %v", c.tier, n, err)
		}
	}
	if _, err := f.Move(f.operator, f.id, tenant.Silo); !errors.Is(err, tenant.ErrPlaced) {
		t.Errorf("moved to where it is: %v", err)
	}
}

func TestTheDefaultTenantStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, suspend := f.Suspend(f.operator, tenancy.DefaultTenant(), "reason")
	_, move := f.Move(f.operator, tenancy.DefaultTenant(), tenant.Silo)
	_, offboard := f.Offboard(f.operator, tenancy.DefaultTenant(), "default", "reason", 0)
	_, tier := f.ChangeTier(f.operator, tenancy.DefaultTenant(), "platinum")
	for what, err := range map[string]error{"suspend": suspend, "move": move, "off-board": offboard, "tier": tier} {
		if !errors.Is(err, tenant.ErrDefault) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestOffboardingCanBeCancelledInItsGrace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if _, err := f.Offboard(f.operator, f.id, "acne", "reason", time.Hour); !errors.Is(err, tenant.ErrConfirm) {
		t.Errorf("another name: %v", err)
	}
	w, err := f.Offboard(f.operator, f.id, "acme", "They asked for it.", time.Hour)
	w = f.finish(t, w, err)
	f.want(t, w, workflow.Waiting, tenant.Offboarding, "basic", tenant.Pool)
	if _, err := f.Suspend(f.operator, f.id, "reason"); !errors.Is(err, tenant.ErrStatus) {
		t.Errorf("another change meanwhile: %v", err)
	}
	if err := f.Workflows.Cancel(f.operator, w.ID); err != nil {
		t.Fatal(err)
	}
	f.want(t, f.finish(t, w, nil), workflow.Cancelled, tenant.Active, "basic", tenant.Pool)
	if n, err := f.labs(); n != 2 || err != nil {
		t.Errorf("after the cancel: %d labs, %v", n, err)
	}
}

func checkPurged(t *testing.T, s *tenant.Service, id uuid.UUID) {
	t.Helper()
	p, err := s.Proof(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := s.Signer.(*proof.Signer)
	if !ed25519.Verify(signer.Public(), []byte(p.Document), p.Signature) || p.KeyID == "" {
		t.Error("the proof's signature is not right")
	}
	var said struct {
		Tenant                 uuid.UUID
		Before, Deleted, After map[string]int64
	}
	if err := json.Unmarshal([]byte(p.Document), &said); err != nil {
		t.Fatal(err)
	}
	data := "pool."
	if said.Before["silo.lab"] > 0 {
		data = "silo."
	}
	if said.Tenant != id || said.Before[data+"lab"] != 2 || said.Deleted[data+"lab"] != 2 || said.After["pool.lab"] != 0 || said.Deleted["identity.membership"] != 3 {
		t.Errorf("the proof says %s", p.Document)
	}
}

func TestPurgedTenantsLeaveASignedProof(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := dbTenant(t, f.d, "other")
	w, err := f.ChangeTier(f.operator, f.id, "platinum")
	_ = f.finish(t, w, err)
	if _, err := f.Proof(t.Context(), f.id); !errors.Is(err, tenant.ErrNoProof) {
		t.Errorf("a proof before: %v", err)
	}
	w, err = f.Offboard(f.operator, f.id, "acme", "They asked for it.", 0)
	f.want(t, f.finish(t, w, err), workflow.Succeeded, tenant.Purged, "platinum", tenant.Silo)
	checkPurged(t, f.Service, f.id)
	var schemas int
	if err := f.d.Owner.QueryRow(t.Context(), `select count(*) from pg_namespace where nspname = $1`, db.SiloSchema(f.id)).Scan(&schemas); err != nil || schemas != 0 {
		t.Errorf("%d schemas are left, %v", schemas, err)
	}
	left, err := db.ReadInTenant(other, f.d.App, "any", `select target from audit_entry`, nil, pgx.RowTo[string])
	if err != nil || len(left) != 1 {
		t.Errorf("another tenant has %q, %v", left, err)
	}
}

func dbTenant(t *testing.T, d *dbtest.Database, name string) context.Context {
	t.Helper()
	ctx := d.Tenant(t, name, tenancy.RoleOwner)
	err := d.App.InTenant(ctx, "any", func(tx pgx.Tx) error { return audit.Record(ctx, tx, "tested", "of "+name, nil) })
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

func TestOperatorsLookInsideWithAReasonOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.MustBeInside(f.operator, f.id); !errors.Is(err, tenant.ErrNotInside) {
		t.Errorf("without a reason: %v", err)
	}
	if _, err := f.Enter(f.operator, f.id, "They asked for help with a lab."); err != nil {
		t.Fatal(err)
	}
	if err := f.MustBeInside(f.operator, f.id); err != nil {
		t.Errorf("inside: %v", err)
	}
	if err := f.MustBeInside(f.d.Default(t, tenancy.RoleOwner), f.id); !errors.Is(err, tenant.ErrNotInside) {
		t.Errorf("another operator: %v", err)
	}
	seen, err := db.ReadInTenant(f.member, f.d.App, "any", `select detail->>'reason' from audit_entry where action = 'operator.entered'`, nil, pgx.RowTo[string])
	if err != nil || len(seen) != 1 || seen[0] != "They asked for help with a lab." {
		t.Errorf("the tenant's log: %q, %v", seen, err)
	}
}

func TestTenantsAreFound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_ = dbTenant(t, f.d, "bravo")
	for want, filter := range map[string]tenant.Filter{
		"bravo acme default": {}, "acme": {Q: "ACM"}, "bravo acme": {Status: tenant.Active, Tier: "basic"}, "": {Placement: tenant.Silo}, "default": {Q: "cloudk"},
	} {
		filter.Limit = 10
		found, err := f.List(t.Context(), filter)
		var names []string
		for _, x := range found {
			names = append(names, x.Name)
		}
		if err != nil || strings.Join(names, " ") != want {
			t.Errorf("%+v: %q, %v", filter, names, err)
		}
	}
}
