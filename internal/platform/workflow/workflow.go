// Package workflow runs long changes in steps, as River jobs: each step can be cut anywhere and run again, what is done is
// not done twice, a failure for good is taken back in reverse order, and everybody who waits sees every step with its time.
package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/job"
)

// State is how far a workflow is.
type State string

// The states of a workflow. A stuck one could not be taken back: an operator resumes it.
const (
	Running   State = "running"
	Waiting   State = "waiting"
	Undoing   State = "undoing"
	Stuck     State = "stuck"
	Succeeded State = "succeeded"
	Undone    State = "undone"
	Cancelled State = "cancelled"
)

// StepState is how far a step is.
type StepState string

// The states of a step.
const (
	StepPending StepState = "pending"
	StepRunning StepState = "running"
	StepWaiting StepState = "waiting"
	StepDone    StepState = "done"
	StepFailed  StepState = "failed"
	StepUndone  StepState = "undone"
)

// Step is one part of a workflow. Do and Undo may be cut anywhere and are run again from their beginning.
type Step struct {
	Name  string // stable: "schema"
	Title string // what people read: "Make the database schema"
	Do    func(ctx context.Context, r *Run) error
	Undo  func(ctx context.Context, r *Run) error // nil: nothing to take back
	// Final steps have no way back: what fails for good is stuck until an operator resumes it, and nobody can cancel.
	Final bool
}

// Definition is a kind of workflow. Its steps may change between releases only for workflows that start later.
type Definition struct {
	Kind  string // stable: "tenant.provision"
	Title string // what people read
	Steps []Step
}

// Start is a workflow to be.
type Start struct {
	Kind   string
	Key    string    // the same kind and key find the workflow that was started before; empty: always a new one
	Tenant uuid.UUID // which it changes, one workflow at a time; may be zero
	Actor  uuid.UUID // who asked for it; zero: the program
	Input  any       // ids, names, numbers: no secret and no tenant's content
}

// Workflow is what people see of one.
type Workflow struct {
	ID        uuid.UUID
	Kind      string
	Title     string
	Tenant    uuid.UUID
	Actor     uuid.UUID
	State     State
	Error     string // why it was taken back or is stuck
	CreatedAt time.Time
	EndedAt   *time.Time
	Steps     []StepView

	version int64
}

// Over tells whether nothing more will happen.
func (w Workflow) Over() bool { return w.EndedAt != nil }

// StepView is what people see of a step.
type StepView struct {
	Name      string     `json:"name"`
	Title     string     `json:"title"`
	State     StepState  `json:"state" enum:"pending,running,waiting,done,failed,undone"`
	Attempt   int        `json:"attempt" doc:"How often it was begun"`
	StartedAt *time.Time `json:"startedAt,omitempty"`
	EndedAt   *time.Time `json:"endedAt,omitempty"`
	Done      int64      `json:"done" doc:"How much of total is done; both 0 where nothing is counted"`
	Total     int64      `json:"total"`
	Note      string     `json:"note,omitempty" doc:"What it does just now"`
	Error     string     `json:"error,omitempty" doc:"Why the last try failed"`
}

// Errors of the engine.
var (
	// ErrBusy says that a tenant's other workflow has not ended.
	ErrBusy = errs.Conflict("change_under_way", "Another change of this organisation is under way. Wait until it has ended.")
	// ErrNotFound says that there is no such workflow.
	ErrNotFound = errs.NotFound("no_such_workflow", "There is no such workflow.")
	// ErrNotStuck says that there is nothing to resume.
	ErrNotStuck = errs.Conflict("workflow_not_stuck", "Only a workflow that is stuck can be resumed.")
	// ErrOver says that a workflow cannot be cancelled any more.
	ErrOver = errs.Conflict("workflow_over", "This workflow has ended, or is being taken back already.")
	// ErrFollowers says that too many watch already.
	ErrFollowers = errs.Unavailable("too_many_watchers", "Too many people watch right now. Reload the page in a moment.")
)

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that trying again does not help: the workflow is taken back now.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

type later struct{ at time.Time }

func (l later) Error() string { return "waits until " + l.at.UTC().Format(time.RFC3339) }

// Later makes a step wait: its Do runs again at that time.
func Later(at time.Time) error { return later{at} }

// Moments of a step at which Engine.At is called.
const (
	BeforeEffect = "before"
	AfterEffect  = "after" // it has happened but is not recorded yet
)

// Bounds.
const (
	maxFollowers = 200
	followEvery  = 100 * time.Millisecond
	reviveEvery  = 2 * time.Second
	reviveAfter  = 3 * time.Second
	reviveMost   = 50
	stepTime     = 15 * time.Minute
)

// Engine starts and runs workflows.
type Engine struct {
	Pool *pgxpool.Pool // of the role control
	Jobs *job.Client   // adds jobs
	Log  *slog.Logger
	// Delays are the waits before each further try of a step; defaultDelays when nil.
	Delays []time.Duration
	// At is called at the moments of each step, for tests that cut the process there.
	At func(step, moment string)

	once        sync.Once
	followers   chan struct{}
	definitions map[string]Definition
}

// defaultDelays spread the tries of a step over about a minute: a database that restarts is back by then.
func defaultDelays() []time.Duration {
	return []time.Duration{
		100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 20 * time.Second,
	}
}

// Add makes a kind of workflow known, before any runs.
func (e *Engine) Add(d Definition) {
	if e.definitions == nil {
		e.definitions = map[string]Definition{}
	}
	e.definitions[d.Kind] = d
}

// Start starts a workflow in the caller's transaction, on the role control. With a key that was used before it returns the
// workflow of that time; while another one of the tenant is open it returns ErrBusy.
func (e *Engine) Start(ctx context.Context, tx pgx.Tx, s Start) (uuid.UUID, error) {
	d, ok := e.definitions[s.Kind]
	if !ok {
		return uuid.Nil, fmt.Errorf("no workflow of kind %q", s.Kind)
	}
	input, err := json.Marshal(s.Input)
	if err != nil {
		return uuid.Nil, fmt.Errorf("workflow %s: encode input: %w", s.Kind, err)
	}
	id, fresh, err := insertWorkflow(ctx, tx, s, input, d.Steps)
	if err != nil || !fresh {
		return id, err
	}
	return id, e.enqueue(ctx, tx, id)
}

func (e *Engine) enqueue(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := e.Jobs.InsertTx(ctx, tx, RunArgs{Workflow: id}, nil); err != nil {
		return fmt.Errorf("add the workflow's job: %w", err)
	}
	return nil
}

// Get returns a workflow with its steps.
func (e *Engine) Get(ctx context.Context, id uuid.UUID) (Workflow, error) {
	w, err := readWorkflow(ctx, e.Pool, id)
	w.Title = e.definitions[w.Kind].Title
	return w, err
}

// Resume lets a stuck workflow go on where it stopped.
func (e *Engine) Resume(ctx context.Context, id uuid.UUID) error {
	return e.again(ctx, id, "workflow.resumed", `update control.workflow set state = case when back then 'undoing' else 'running' end, version = version + 1, changed_at = now(), not_before = now()
		where id = $1 and state = 'stuck'`, ErrNotStuck)
}

// Cancel takes an open workflow back, at the next step or now if it waits.
func (e *Engine) Cancel(ctx context.Context, id uuid.UUID) error {
	return e.again(ctx, id, "workflow.cancelled", `update control.workflow set cancel = true, version = version + 1, changed_at = now(), not_before = now()
		where id = $1 and state in ('running', 'waiting') and not cancel`, ErrOver)
}

func (e *Engine) again(ctx context.Context, id uuid.UUID, action, change string, refused error) error {
	return pgx.BeginFunc(ctx, e.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, change, id)
		if err != nil {
			return fmt.Errorf("change workflow: %w", err)
		}
		w, err := readWorkflow(ctx, tx, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return refused
		}
		err = audit.Operated(ctx, tx, audit.Operation{
			Entry: audit.Entry{Action: action, Target: id.String(), Detail: map[string]any{"kind": w.Kind}}, Tenant: w.Tenant,
		})
		if err != nil {
			return err
		}
		return e.enqueue(ctx, tx, id)
	})
}

// Follow shows a workflow now and whenever it has changed, until it is over, show fails or ctx ends.
func (e *Engine) Follow(ctx context.Context, id uuid.UUID, show func(Workflow) error) error {
	e.once.Do(func() { e.followers = make(chan struct{}, maxFollowers) })
	select {
	case e.followers <- struct{}{}:
		defer func() { <-e.followers }()
	default:
		return ErrFollowers
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	var seen int64
	for {
		w, err := e.Get(ctx, id)
		if err != nil {
			return err
		}
		if w.version != seen {
			if err := show(w); err != nil {
				return err
			}
			seen = w.version
		}
		if w.Over() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Revive takes up workflows that a process left behind or that have waited long enough, until ctx ends. Each process that
// works runs it.
func (e *Engine) Revive(ctx context.Context) {
	tick := time.NewTicker(reviveEvery)
	defer tick.Stop()
	for {
		if err := e.reviveOnce(ctx); err != nil && ctx.Err() == nil {
			e.Log.WarnContext(ctx, "revive workflows", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (e *Engine) reviveOnce(ctx context.Context) error {
	return pgx.BeginFunc(ctx, e.Pool, func(tx pgx.Tx) error {
		ids, err := orphans(ctx, tx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := e.enqueue(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

var errShutdown = errors.New("the process is told to stop; the workflow goes on elsewhere or at the next start")
