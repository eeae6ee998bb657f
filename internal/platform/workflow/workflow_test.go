package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/internal/platform/workflow/workflowtest"
)

func TestMain(m *testing.M) { workflowtest.Main(m, build) }

type input struct{ Name string }

// insert is an idempotent effect that can be seen: a tenant of this name.
func insert(e *workflow.Engine, suffix string) func(context.Context, *workflow.Run) error {
	return func(ctx context.Context, r *workflow.Run) error {
		var in input
		if err := r.Input(&in); err != nil {
			return err
		}
		_, err := e.Pool.Exec(ctx, `insert into control.tenant (name, title) values ($1, $1) on conflict (name) do nothing`, in.Name+suffix)
		return err
	}
}

func build(ctx context.Context, in db.Installation) (*workflow.Engine, error) {
	e, err := workflowtest.NewEngine(ctx, in)
	if err != nil {
		return nil, err
	}
	e.Add(workflow.Definition{Kind: "three", Title: "Three steps", Steps: []workflow.Step{
		{Name: "one", Title: "First", Do: insert(e, "-one")},
		{Name: "two", Title: "Second", Do: func(ctx context.Context, r *workflow.Run) error {
			if err := r.Progress(ctx, 1, 2, "half"); err != nil {
				return err
			}
			return errors.Join(insert(e, "-two")(ctx, r), r.Keep(ctx, map[string]int{"answer": 42}))
		}},
		{Name: "three", Title: "Third", Do: func(ctx context.Context, r *workflow.Run) error {
			var kept map[string]int
			if err := r.State(&kept); err != nil || kept["answer"] != 42 {
				return workflow.Permanent(fmt.Errorf("kept %v, %w", kept, err))
			}
			return insert(e, "-three")(ctx, r)
		}},
	}})
	return e, nil
}

func newEngine(t *testing.T) *workflow.Engine {
	t.Helper()
	d := dbtest.New(t)
	e, err := build(t.Context(), d.Installation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Pool.Close)
	return e
}

func start(t *testing.T, e *workflow.Engine, s workflow.Start) uuid.UUID {
	t.Helper()
	var id uuid.UUID
	err := pgx.BeginFunc(t.Context(), e.Pool, func(tx pgx.Tx) (err error) {
		id, err = e.Start(t.Context(), tx, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func run(t *testing.T, e *workflow.Engine, id uuid.UUID) workflow.Workflow {
	t.Helper()
	if err := e.Run(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w, err := e.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func states(w workflow.Workflow) (list []string) {
	for _, s := range w.Steps {
		list = append(list, s.Name+" "+string(s.State))
	}
	return list
}

func tenants(t *testing.T, pool *pgxpool.Pool, like string) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), `select count(*) from control.tenant where name like $1`, like).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKilledInEveryStepItStillEnds(t *testing.T) {
	t.Parallel()
	workflowtest.Kill(t, workflowtest.Case{
		Build: build, Steps: []string{"one", "two", "three"},
		Start: func(t *testing.T, _ *dbtest.Database, e *workflow.Engine) uuid.UUID {
			t.Helper()
			return start(t, e, workflow.Start{Kind: "three", Input: input{"acme"}})
		},
		Check: func(t *testing.T, d *dbtest.Database, w workflow.Workflow) {
			t.Helper()
			if w.State != workflow.Succeeded || tenants(t, d.Control, "acme-%") != 3 {
				t.Errorf("%s, %v, %d tenants", w.State, states(w), tenants(t, d.Control, "acme-%"))
			}
		},
	})
}

func TestStepsAreSeenAndKeysFindTheSameWorkflow(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	s := workflow.Start{Kind: "three", Key: "k", Input: input{"acme"}}
	id := start(t, e, s)
	var seen []workflow.State
	followed := make(chan error, 1)
	go func() {
		followed <- e.Follow(t.Context(), id, func(w workflow.Workflow) error { seen = append(seen, w.State); return nil })
	}()
	w := run(t, e, id)
	if err := <-followed; err != nil {
		t.Fatal(err)
	}
	if w.State != workflow.Succeeded || !w.Over() || seen[len(seen)-1] != workflow.Succeeded {
		t.Errorf("%+v, seen %v", w, seen)
	}
	two := w.Steps[1]
	if two.State != workflow.StepDone || two.Attempt != 1 || two.StartedAt == nil || two.EndedAt == nil || two.Total != 2 || w.Title != "Three steps" {
		t.Errorf("second step %+v of %q", two, w.Title)
	}
	if again := start(t, e, s); again != id {
		t.Errorf("the same key started %s, want %s", again, id)
	}
}

func TestFailuresAreTriedAgainThenTakenBack(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	var log []string
	note := func(what string, err error) func(context.Context, *workflow.Run) error {
		return func(context.Context, *workflow.Run) error { log = append(log, what); return err }
	}
	failing := errs.Conflict("full", "The shelf is full.")
	e.Add(workflow.Definition{Kind: "back", Steps: []workflow.Step{
		{Name: "a", Do: note("a", nil), Undo: note("undo a", nil)},
		{Name: "b", Do: note("b", nil)},
		{Name: "c", Do: note("c", failing), Undo: note("undo c", nil)},
		{Name: "d", Do: note("d", nil), Undo: note("undo d", nil)},
	}})
	w := run(t, e, start(t, e, workflow.Start{Kind: "back", Input: 1}))
	if want := []string{"a", "b", "c", "c", "c", "undo c", "undo a"}; !slices.Equal(log, want) {
		t.Errorf("ran %q, want %q", log, want)
	}
	if got := strings.Join(states(w), ", "); w.State != workflow.Undone || got != "a undone, b undone, c undone, d pending" || w.Error != "The shelf is full." {
		t.Errorf("%s (%s): %s", w.State, w.Error, got)
	}
	log = nil
	e.Add(workflow.Definition{Kind: "at once", Steps: []workflow.Step{{Name: "a", Do: note("a", workflow.Permanent(failing))}}})
	if w := run(t, e, start(t, e, workflow.Start{Kind: "at once", Input: 1})); w.State != workflow.Undone || len(log) != 1 {
		t.Errorf("permanent: %s after %q", w.State, log)
	}
}

func TestWhatCannotBeTakenBackIsStuckUntilResumed(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	broken := true
	e.Add(workflow.Definition{Kind: "stuck", Steps: []workflow.Step{
		{Name: "a", Do: func(context.Context, *workflow.Run) error { return nil }, Undo: func(context.Context, *workflow.Run) error {
			if broken {
				panic("still broken")
			}
			return nil
		}},
		{Name: "b", Do: func(context.Context, *workflow.Run) error { return workflow.Permanent(errors.New("secret text")) }},
	}})
	id := start(t, e, workflow.Start{Kind: "stuck", Input: 1})
	if w := run(t, e, id); w.State != workflow.Stuck || w.Over() || strings.Contains(w.Error, "secret") {
		t.Fatalf("%s: %s", w.State, w.Error)
	}
	if w := run(t, e, id); w.State != workflow.Stuck {
		t.Errorf("run again: %s", w.State)
	}
	broken = false
	if err := e.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if w := run(t, e, id); w.State != workflow.Undone {
		t.Errorf("resumed: %s", w.State)
	}
	if err := e.Resume(t.Context(), id); !errors.Is(err, workflow.ErrNotStuck) {
		t.Errorf("resume of an ended one: %v", err)
	}
	if err := e.Resume(t.Context(), uuid.New()); !errors.Is(err, workflow.ErrNotFound) {
		t.Errorf("resume of none: %v", err)
	}
}

func TestWaitingEndsInTimeOrByCancel(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	var mu sync.Mutex
	until := time.Now().Add(time.Hour)
	undone := false
	e.Add(workflow.Definition{Kind: "waits", Steps: []workflow.Step{
		{Name: "a", Do: func(context.Context, *workflow.Run) error { return nil }, Undo: func(context.Context, *workflow.Run) error { undone = true; return nil }},
		{Name: "b", Do: func(context.Context, *workflow.Run) error {
			mu.Lock()
			defer mu.Unlock()
			if time.Now().Before(until) {
				return workflow.Later(until)
			}
			return nil
		}},
	}})
	id := start(t, e, workflow.Start{Kind: "waits", Input: 1})
	if w := run(t, e, id); w.State != workflow.Waiting || w.Steps[1].State != workflow.StepWaiting {
		t.Fatalf("%s %v", w.State, states(w))
	}
	until = time.Time{}
	if w := run(t, e, id); w.State != workflow.Succeeded {
		t.Errorf("after its time: %s", w.State)
	}
	until = time.Now().Add(time.Hour)
	id = start(t, e, workflow.Start{Kind: "waits", Input: 1})
	_ = run(t, e, id)
	if err := e.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if w := run(t, e, id); w.State != workflow.Cancelled || !undone {
		t.Errorf("cancelled: %s, undone %v", w.State, undone)
	}
	if err := e.Cancel(t.Context(), id); !errors.Is(err, workflow.ErrOver) {
		t.Errorf("cancel again: %v", err)
	}
}

func TestOneRunnerAtATimeAndOneWorkflowPerTenant(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	e.Add(workflow.Definition{Kind: "slow", Steps: []workflow.Step{{Name: "a", Do: func(context.Context, *workflow.Run) error {
		entered <- struct{}{}
		<-leave
		return nil
	}}}})
	tenant := uuid.New()
	id := start(t, e, workflow.Start{Kind: "slow", Tenant: tenant, Input: 1})
	done := make(chan error, 1)
	go func() { done <- e.Run(t.Context(), id) }()
	<-entered
	if w := run(t, e, id); w.State != workflow.Running { // returns at once: another one runs it
		t.Errorf("a second runner: %s", w.State)
	}
	err := pgx.BeginFunc(t.Context(), e.Pool, func(tx pgx.Tx) error {
		_, err := e.Start(t.Context(), tx, workflow.Start{Kind: "slow", Tenant: tenant, Input: 1})
		return err
	})
	if !errors.Is(err, workflow.ErrBusy) {
		t.Errorf("a second workflow of the tenant: %v", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(entered) != 0 {
		t.Error("the step ran twice")
	}
	_ = start(t, e, workflow.Start{Kind: "slow", Tenant: tenant, Input: 1})
}

func TestFinalStepsGoForwardOnly(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	broken, undone := true, false
	e.Add(workflow.Definition{Kind: "final", Steps: []workflow.Step{
		{Name: "a", Do: func(context.Context, *workflow.Run) error { return nil }, Undo: func(context.Context, *workflow.Run) error { undone = true; return nil }},
		{Name: "b", Final: true, Do: func(context.Context, *workflow.Run) error {
			if broken {
				return errors.New("broken")
			}
			return nil
		}},
	}})
	id := start(t, e, workflow.Start{Kind: "final", Input: 1})
	if w := run(t, e, id); w.State != workflow.Stuck || undone {
		t.Fatalf("%s, undone %v", w.State, undone)
	}
	broken = false
	if err := e.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if w := run(t, e, id); w.State != workflow.Succeeded || undone {
		t.Errorf("resumed: %s, undone %v", w.State, undone)
	}
}
