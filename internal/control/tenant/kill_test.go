package tenant_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/internal/platform/workflow/workflowtest"
)

// killed runs a change whose process is killed in the middle of every step.
func killed(t *testing.T, steps []string, begin func(s *tenant.Service, operator context.Context, id uuid.UUID) (workflow.Workflow, error),
	check func(t *testing.T, s *tenant.Service, id uuid.UUID, labs int),
) {
	t.Helper()
	killedOn(t, "", workflow.Succeeded, steps, begin, check)
}

// killedOn is killed for a change that is cancelled after a step, and killed on the way back.
func killedOn(t *testing.T, cancel string, want workflow.State, steps []string,
	begin func(s *tenant.Service, operator context.Context, id uuid.UUID) (workflow.Workflow, error),
	check func(t *testing.T, s *tenant.Service, id uuid.UUID, labs int),
) {
	t.Helper()
	workflowtest.Kill(t, workflowtest.Case{
		Cancel: cancel,
		Build: func(ctx context.Context, in db.Installation) (*workflow.Engine, error) {
			s, err := build(ctx, in)
			if err != nil {
				return nil, err
			}
			return s.Workflows, nil
		},
		Steps: steps,
		Start: func(t *testing.T, d *dbtest.Database, _ *workflow.Engine) uuid.UUID {
			t.Helper()
			_, id := populate(t, d)
			s, err := build(t.Context(), d.Installation)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Pool.Close)
			w, err := begin(s, d.Default(t, tenancy.RoleOwner), id)
			if err != nil {
				t.Fatal(err)
			}
			return w.ID
		},
		Check: func(t *testing.T, d *dbtest.Database, w workflow.Workflow) {
			t.Helper()
			if w.State != want {
				t.Fatalf("%s, want %s: %s", w.State, want, w.Error)
			}
			s, err := build(t.Context(), d.Installation)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Pool.Close)
			labs, err := db.ReadInTenant(tenancy.System(t.Context(), w.Tenant), d.App, "any", `select slug from lab`, nil, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, w.Tenant, len(labs))
		},
	})
}

func TestAChangeOfTierSurvivesKills(t *testing.T) {
	t.Parallel()
	killed(t, []string{"silo", "move", "tier", "clean", "audit"},
		func(s *tenant.Service, operator context.Context, id uuid.UUID) (workflow.Workflow, error) {
			return s.ChangeTier(operator, id, "platinum")
		},
		func(t *testing.T, s *tenant.Service, id uuid.UUID, labs int) {
			t.Helper()
			got, err := s.Get(t.Context(), id)
			if err != nil || got.Tier != "platinum" || got.Placement != tenant.Silo || labs != 2 {
				t.Errorf("%+v with %d labs, %v", got, labs, err)
			}
		})
}

func TestTakingBackAChangeOfTierSurvivesKills(t *testing.T) {
	t.Parallel()
	killedOn(t, "tier", workflow.Cancelled, []string{"tier", "move", "silo"},
		func(s *tenant.Service, operator context.Context, id uuid.UUID) (workflow.Workflow, error) {
			return s.ChangeTier(operator, id, "platinum")
		},
		func(t *testing.T, s *tenant.Service, id uuid.UUID, labs int) {
			t.Helper()
			got, err := s.Get(t.Context(), id)
			if err != nil || got.Tier == "platinum" || got.Tier == "" || got.Placement != tenant.Pool || labs != 2 {
				t.Errorf("%+v with %d labs, %v", got, labs, err)
			}
		})
}

func TestAMoveBackToThePoolSurvivesKills(t *testing.T) {
	t.Parallel()
	killed(t, []string{"silo", "move", "tier", "clean", "audit"},
		func(s *tenant.Service, operator context.Context, id uuid.UUID) (workflow.Workflow, error) {
			if err := inSilo(operator, s, id); err != nil {
				return workflow.Workflow{}, err
			}
			return s.Move(operator, id, tenant.Pool)
		},
		func(t *testing.T, s *tenant.Service, id uuid.UUID, labs int) {
			t.Helper()
			got, err := s.Get(t.Context(), id)
			if err != nil || got.Placement != tenant.Pool || labs != 2 {
				t.Errorf("%+v with %d labs, %v", got, labs, err)
			}
		})
}

// inSilo moves a tenant to a silo, whole.
func inSilo(ctx context.Context, s *tenant.Service, id uuid.UUID) error {
	w, err := s.Move(ctx, id, tenant.Silo)
	if err != nil {
		return err
	}
	return s.Workflows.Run(ctx, w.ID)
}

func TestResumingSurvivesKills(t *testing.T) {
	t.Parallel()
	killed(t, []string{"open", "audit"},
		func(s *tenant.Service, operator context.Context, id uuid.UUID) (workflow.Workflow, error) {
			w, err := s.Suspend(operator, id, "reason")
			if err == nil {
				err = s.Workflows.Run(operator, w.ID)
			}
			if err != nil {
				return workflow.Workflow{}, err
			}
			return s.Resume(operator, id)
		},
		func(t *testing.T, s *tenant.Service, id uuid.UUID, labs int) {
			t.Helper()
			got, err := s.Get(t.Context(), id)
			if err != nil || got.Status != tenant.Active || labs != 2 {
				t.Errorf("%+v with %d labs, %v", got, labs, err)
			}
		})
}

func TestSuspendingSurvivesKills(t *testing.T) {
	t.Parallel()
	killed(t, []string{"close", "sessions", "audit"},
		func(s *tenant.Service, operator context.Context, id uuid.UUID) (workflow.Workflow, error) {
			return s.Suspend(operator, id, "reason")
		},
		func(t *testing.T, s *tenant.Service, id uuid.UUID, labs int) {
			t.Helper()
			got, err := s.Get(t.Context(), id)
			if err != nil || got.Status != tenant.Suspended || labs != 2 {
				t.Errorf("%+v with %d labs, %v", got, labs, err)
			}
		})
}

func TestPurgingSurvivesKills(t *testing.T) {
	t.Parallel()
	killed(t, []string{"close", "sessions", "archive", "audit", "grace", "count", "people", "data", "files", "proof"},
		func(s *tenant.Service, operator context.Context, id uuid.UUID) (workflow.Workflow, error) {
			return s.Offboard(operator, id, "acme", "reason", 0)
		},
		func(t *testing.T, s *tenant.Service, id uuid.UUID, labs int) {
			t.Helper()
			got, err := s.Get(t.Context(), id)
			if err != nil || got.Status != tenant.Purged || labs != 0 {
				t.Errorf("%+v with %d labs, %v", got, labs, err)
			}
			checkPurged(t, s, id)
		})
}
