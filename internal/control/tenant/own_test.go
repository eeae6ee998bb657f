package tenant_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

var errWrong = errors.New("another password")

func right(context.Context) error { return nil }
func wrong(context.Context) error { return errWrong }

// log is what the tenant's own audit log says of changes: the action, and whether an operator made it.
func (f *fixture) log(t *testing.T) string {
	t.Helper()
	entries, err := db.ReadInTenant(f.member, f.d.App, "any",
		`select action || coalesce(' ' || (detail->>'operator'), '') from audit_entry where action ~ '^(tenant|operator)[.]' order by id`, nil, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(entries, ", ")
}

func TestOwnersCloseTheirOrganisationAndTakeItBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for what, c := range map[string]struct {
		ctx     context.Context //nolint:containedctx // a persona
		name    string
		confirm func(context.Context) error
		want    error
	}{
		"another name":       {f.member, "acne", right, tenant.ErrConfirm},
		"another password":   {f.member, "acme", wrong, errWrong},
		"the default tenant": {f.d.Default(t, tenancy.RoleOwner), "default", right, tenant.ErrDefault},
	} {
		if _, err := f.OffboardOwn(c.ctx, c.name, "", c.confirm); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	f.want(t, workflow.Workflow{}, "", tenant.Active, "basic", tenant.Pool)
	if _, err := f.TakeBackOwn(f.member); !errors.Is(err, tenant.ErrNotOffboards) {
		t.Errorf("nothing to take back: %v", err)
	}
	w, err := f.OffboardOwn(f.member, "acme", "  ", right)
	w = f.finish(t, w, err)
	f.want(t, w, workflow.Waiting, tenant.Offboarding, "basic", tenant.Pool)
	closed, err := f.Get(t.Context(), f.id)
	if err != nil || !strings.Contains(closed.Reason, "owner") || closed.PurgeAfter == nil || time.Until(*closed.PurgeAfter) < 29*24*time.Hour {
		t.Errorf("told %q, deleted after %v, %v", closed.Reason, closed.PurgeAfter, err)
	}
	if _, err := f.OffboardOwn(f.member, "acme", "again", right); !errors.Is(err, tenant.ErrStatus) {
		t.Errorf("closed again: %v", err)
	}
	if _, err := f.TakeBackOwn(f.member); err != nil {
		t.Fatal(err)
	}
	f.want(t, f.finish(t, w, nil), workflow.Cancelled, tenant.Active, "basic", tenant.Pool)
	if log := f.log(t); log != "tenant.offboarded" {
		t.Errorf("the tenant's log: %q", log)
	}
}

func TestOwnersDoNotTakeBackWhatOperatorsDo(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, err := f.Offboard(f.operator, f.id, "acme", "They broke the terms.", time.Hour)
	w = f.finish(t, w, err)
	if _, err := f.TakeBackOwn(f.member); !errors.Is(err, tenant.ErrNotOffboards) {
		t.Errorf("%v", err)
	}
	f.want(t, w, workflow.Waiting, tenant.Offboarding, "basic", tenant.Pool)
}

func TestOwnersChooseAmongThePlansThatAreOffered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for tier, want := range map[string]error{"default": tenant.ErrNotOffered, "none": tenant.ErrNotOffered, "basic": tenant.ErrSameTier} {
		if _, err := f.ChangeOwnTier(f.member, tier); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", tier, err, want)
		}
	}
	if _, err := f.ChangeOwnTier(f.d.Default(t, tenancy.RoleOwner), "premium"); !errors.Is(err, tenant.ErrDefaultTier) {
		t.Errorf("the default tenant: %v", err)
	}
	w, err := f.ChangeOwnTier(f.member, "platinum")
	f.want(t, f.finish(t, w, err), workflow.Succeeded, tenant.Active, "platinum", tenant.Silo)
	if log := f.log(t); log != "tenant.changed" {
		t.Errorf("the tenant's log: %q", log)
	}
}

func TestOwnersSeeTheirOwnWorkflowsOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w, err := f.Suspend(f.operator, f.id, "The invoice is not paid.")
	w = f.finish(t, w, err)
	if seen, err := f.OwnWorkflow(f.member, w.ID); err != nil || seen.ID != w.ID {
		t.Errorf("one's own: %v", err)
	}
	other := f.d.Tenant(t, "bravo", tenancy.RoleOwner)
	if _, err := f.OwnWorkflow(other, w.ID); !errors.Is(err, workflow.ErrNotFound) {
		t.Errorf("another tenant's: %v", err)
	}
	if _, err := f.OwnWorkflow(f.member, uuid.New()); !errors.Is(err, workflow.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
}

func TestPeopleAreNotToldWhatErrorsSay(t *testing.T) {
	t.Parallel()
	v := workflow.View{Error: "secret host", Steps: []workflow.StepView{{Name: "move", Error: "secret host"}, {Name: "tier"}}}
	told := v.Told()
	if strings.Contains(told.Error+told.Steps[0].Error, "secret") || told.Error == "" || told.Steps[0].Error == "" || told.Steps[1].Error != "" {
		t.Errorf("%+v", told)
	}
	if v.Steps[0].Error != "secret host" {
		t.Error("operators do not see the error any more")
	}
}

func TestOperatorsLeaveBeforeTheirTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.Leave(f.operator, f.id); err != nil {
		t.Errorf("left without having entered: %v", err)
	}
	until, err := f.Enter(f.operator, f.id, "They asked for help with a lab.")
	if err != nil {
		t.Fatal(err)
	}
	if inside, err := f.Inside(f.operator, f.id); err != nil || inside == nil || inside.Sub(until).Abs() > time.Millisecond {
		t.Errorf("inside until %v, want %v, %v", inside, until, err)
	}
	if inside, err := f.Inside(f.d.Default(t, tenancy.RoleOwner), f.id); err != nil || inside != nil {
		t.Errorf("another operator is inside until %v, %v", inside, err)
	}
	for range 2 {
		if err := f.Leave(f.operator, f.id); err != nil {
			t.Error(err)
		}
	}
	if err := f.MustBeInside(f.operator, f.id); !errors.Is(err, tenant.ErrNotInside) {
		t.Errorf("after leaving: %v", err)
	}
	if log := f.log(t); log != "operator.entered true, operator.left true" {
		t.Errorf("the tenant's log: %q", log)
	}
}
