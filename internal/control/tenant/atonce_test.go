package tenant_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// Operators in two processes ask for everything at the same moment, off-boarding twice: one change begins, and the others are
// told that one is under way. Whatever it is, the organisation comes out of it well, and the next change can begin.
func TestOfChangesAskedForAtOnceOneBegins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other, err := build(t.Context(), f.d.Installation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Pool.Close)
	var asks []func() (workflow.Workflow, error)
	for _, s := range []*tenant.Service{f.Service, other} {
		asks = append(
			asks,
			func() (workflow.Workflow, error) {
				return s.Offboard(f.operator, f.id, "acme", "They asked for it.", 0)
			},
			func() (workflow.Workflow, error) { return s.Offboard(f.operator, f.id, "acme", "They asked again.", 0) },
			func() (workflow.Workflow, error) { return s.Suspend(f.operator, f.id, "The invoice is not paid.") },
			func() (workflow.Workflow, error) { return s.Move(f.operator, f.id, tenant.Silo) },
			func() (workflow.Workflow, error) { return s.ChangeTier(f.operator, f.id, "platinum") },
		)
	}
	var mu sync.Mutex
	var begun []uuid.UUID
	var all sync.WaitGroup
	for _, ask := range asks {
		all.Go(func() {
			w, err := ask()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				begun = append(begun, w.ID)
			case !errors.Is(err, workflow.ErrBusy):
				t.Errorf("%v, want that another change is under way", err)
			}
		})
	}
	all.Wait()
	if len(begun) != 1 {
		t.Fatalf("%d changes have begun", len(begun))
	}
	// Both processes run it at once, as after a failure of the network between them.
	for _, s := range []*tenant.Service{f.Service, other} {
		all.Go(func() {
			if err := s.Workflows.Run(context.WithoutCancel(t.Context()), begun[0]); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	all.Wait()
	w, err := f.Workflows.Get(t.Context(), begun[0])
	if err != nil || w.State != workflow.Succeeded {
		t.Fatalf("%s is %s (%s), %v", w.Kind, w.State, w.Error, err)
	}
	got, err := f.Get(t.Context(), f.id)
	if err != nil || got.Workflow != nil {
		t.Errorf("the tenant after it: %+v, %v", got, err)
	}
	_, err = f.Offboard(f.operator, f.id, "acme", "They asked for it.", 0)
	if purged := got.Status == tenant.Purged; purged == (err == nil) {
		t.Errorf("off-boarded after it is %s: %v", got.Status, err)
	}
}
