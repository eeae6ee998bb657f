package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Queue is where the jobs of workflows are: those that run hold a connection each.
const Queue = "workflow"

// RunArgs is the job that runs a workflow as far as it goes.
type RunArgs struct {
	Workflow uuid.UUID `json:"workflow"`
}

// Kind names the job.
func (RunArgs) Kind() string { return "workflow.run" }

// InsertOpts puts the job in its queue. It is tried once: the engine tries steps again, and Revive the whole.
func (RunArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: Queue, MaxAttempts: 1} }

type worker struct {
	river.WorkerDefaults[RunArgs]
	engine *Engine
}

// AddWorkers adds the engine's job.
func (e *Engine) AddWorkers(workers *river.Workers) { river.AddWorker(workers, &worker{engine: e}) }

// Timeout bounds a job by its steps alone.
func (w *worker) Timeout(*river.Job[RunArgs]) time.Duration { return -1 }

func (w *worker) Work(ctx context.Context, j *river.Job[RunArgs]) error {
	return w.engine.Run(ctx, j.Args.Workflow)
}

// Run runs a workflow as far as it goes: to its end, to a step that waits, or to where it is stuck. It returns at once when
// another process runs it.
func (e *Engine) Run(ctx context.Context, id uuid.UUID) error {
	conn, err := e.Pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	var mine bool
	if err := conn.QueryRow(ctx, `select pg_try_advisory_lock(hashtextextended('workflow ' || $1::text, 0))`, id.String()).Scan(&mine); err != nil {
		return fmt.Errorf("lock workflow: %w", err)
	}
	if !mine {
		return nil
	}
	defer unlock(context.WithoutCancel(ctx), conn, id)
	r := &Run{ID: id, engine: e, conn: conn}
	if err := r.load(ctx); err != nil {
		return err
	}
	err = r.forward(ctx)
	if err == nil && r.state == Undoing {
		err = r.backward(ctx)
	}
	if errors.Is(err, errShutdown) {
		return nil
	}
	return err
}

// unlock gives the workflow free; a connection that cannot is closed, which does the same.
func unlock(ctx context.Context, conn *pgxpool.Conn, id uuid.UUID) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := conn.Exec(ctx, `select pg_advisory_unlock(hashtextextended('workflow ' || $1::text, 0))`, id.String()); err != nil {
		_ = conn.Conn().Close(ctx)
	}
}

// Run is a workflow under way, as its steps see it. What it records goes over the connection that holds the workflow's
// lock: whoever lost the lock can record nothing.
type Run struct {
	ID     uuid.UUID
	Kind   string
	Tenant uuid.UUID
	Actor  uuid.UUID

	engine *Engine
	mu     sync.Mutex // one query at a time on the connection
	conn   *pgxpool.Conn
	input  []byte
	kept   []byte
	state  State
	cancel bool
	steps  []StepView
	def    Definition
	at     int // the step that runs
}

func (r *Run) load(ctx context.Context) error {
	var tenant, actor uuid.NullUUID
	err := r.conn.QueryRow(ctx, `select kind, tenant_id, actor, input, kept, state, cancel from control.workflow where id = $1`, r.ID).
		Scan(&r.Kind, &tenant, &actor, &r.input, &r.kept, &r.state, &r.cancel)
	if err != nil {
		return fmt.Errorf("read workflow: %w", err)
	}
	r.Tenant, r.Actor = tenant.UUID, actor.UUID
	w, err := readWorkflow(ctx, r.conn, r.ID)
	if err != nil {
		return err
	}
	r.steps = w.Steps
	def, ok := r.engine.definitions[r.Kind]
	if !ok || len(def.Steps) != len(r.steps) {
		return fmt.Errorf("workflow %s: this program has no kind %q with %d steps", r.ID, r.Kind, len(r.steps))
	}
	r.def = def
	return nil
}

// Input decodes what the workflow was started with.
func (r *Run) Input(v any) error { return decode("input", r.input, v) }

// State decodes what earlier steps kept; v stays as it is when nothing was kept.
func (r *Run) State(v any) error { return decode("kept state", r.kept, v) }

func decode(what string, text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("workflow: decode %s: %w", what, err)
	}
	return nil
}

// Keep replaces what is kept for this and later steps; it is durable when Keep returns.
func (r *Run) Keep(ctx context.Context, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("workflow: encode state: %w", err)
	}
	r.kept = text
	return r.exec(ctx, `update control.workflow set kept = $2, changed_at = now() where id = $1`, r.ID, text)
}

// Progress tells how much of the step is done, and what it does just now.
func (r *Run) Progress(ctx context.Context, done, total int64, note string) error {
	return r.record(ctx, `update control.workflow_step set done = $3, total = $4, note = left($5, 300) where workflow_id = $1 and position = $2`, r.at, done, total, note)
}

func (r *Run) exec(ctx context.Context, sql string, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.conn.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("record workflow: %w", err)
	}
	return nil
}

// record changes a step and lets those who follow see it.
func (r *Run) record(ctx context.Context, sql string, position int, args ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := pgx.BeginFunc(ctx, r.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sql, append([]any{r.ID, position}, args...)...); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update control.workflow set version = version + 1, changed_at = now() where id = $1`, r.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("record workflow step: %w", err)
	}
	return nil
}

// become changes the state of the whole.
func (r *Run) become(ctx context.Context, s State, problem string) error {
	r.state = s
	return r.exec(ctx, `
		update control.workflow set state = $2, back = back or $2 = 'undoing', error = case when $3 = '' then error else left($3, 1000) end, version = version + 1, changed_at = now(),
			ended_at = case when $2 in ('succeeded', 'undone', 'cancelled') then now() end
		where id = $1`, r.ID, string(s), problem)
}

// forward runs what is not done yet. It ends when all is done, a step waits, or the way back begins.
func (r *Run) forward(ctx context.Context) error {
	if r.state == Waiting {
		if err := r.become(ctx, Running, ""); err != nil {
			return err
		}
	}
	for n := range r.steps {
		if r.state != Running {
			return nil
		}
		if r.steps[n].State == StepDone {
			continue
		}
		if err := r.step(ctx, n); err != nil {
			return err
		}
	}
	if r.state == Running {
		return r.become(ctx, Succeeded, "")
	}
	return nil
}

// step runs one step to its end, to its waiting, or to where the way back begins.
func (r *Run) step(ctx context.Context, n int) error {
	r.at = n
	if cancelled, err := r.cancelled(ctx); err != nil || cancelled {
		return err
	}
	err := r.try(ctx, n, r.def.Steps[n].Do)
	var wait later
	switch {
	case err == nil:
		r.steps[n].State = StepDone
		return r.record(ctx, `update control.workflow_step set state = 'done', ended_at = now(), note = '', error = '' where workflow_id = $1 and position = $2`, n)
	case ctx.Err() != nil:
		return errShutdown
	case errors.As(err, &wait):
		return r.wait(ctx, n, wait.at)
	}
	r.engine.Log.ErrorContext(ctx, "a workflow's step failed for good", "workflow", r.ID, "kind", r.Kind, "step", r.steps[n].Name, "error", err)
	r.steps[n].State = StepFailed
	if err := r.record(ctx, `update control.workflow_step set state = 'failed', ended_at = now(), note = '', error = $3 where workflow_id = $1 and position = $2`, n, reason(err)); err != nil {
		return err
	}
	if r.def.Steps[n].Final {
		return r.become(ctx, Stuck, reason(err))
	}
	return r.become(ctx, Undoing, reason(err))
}

func (r *Run) wait(ctx context.Context, n int, at time.Time) error {
	r.steps[n].State = StepWaiting
	if err := r.record(ctx, `update control.workflow_step set state = 'waiting' where workflow_id = $1 and position = $2`, n); err != nil {
		return err
	}
	if err := r.exec(ctx, `update control.workflow set not_before = $2 where id = $1`, r.ID, at); err != nil {
		return err
	}
	return r.become(ctx, Waiting, "")
}

// cancelled begins the way back when somebody asked for it while there is one.
func (r *Run) cancelled(ctx context.Context) (bool, error) {
	if r.def.Steps[r.at].Final {
		return false, nil
	}
	if !r.cancel {
		if err := r.conn.QueryRow(ctx, `select cancel from control.workflow where id = $1`, r.ID).Scan(&r.cancel); err != nil {
			return false, fmt.Errorf("read workflow: %w", err)
		}
	}
	if !r.cancel {
		return false, nil
	}
	return true, r.become(ctx, Undoing, "Cancelled.")
}

// try runs fn until it succeeds, waits, fails for good, or the tries are over.
func (r *Run) try(ctx context.Context, n int, fn func(context.Context, *Run) error) error {
	delays := r.engine.Delays
	if delays == nil {
		delays = defaultDelays()
	}
	for attempt := 0; ; attempt++ {
		err := r.record(ctx, `update control.workflow_step set state = 'running', attempt = attempt + 1, started_at = coalesce(started_at, now()), ended_at = null
			where workflow_id = $1 and position = $2`, n)
		if err != nil {
			return err
		}
		err = r.once(ctx, n, fn)
		var wait later
		if err == nil || ctx.Err() != nil || errors.As(err, &wait) || errors.As(err, &permanent{}) || attempt == len(delays) {
			return err
		}
		r.engine.Log.WarnContext(ctx, "a workflow's step failed; it is tried again", "workflow", r.ID, "step", r.steps[n].Name, "error", err)
		if err := r.record(ctx, `update control.workflow_step set error = $3 where workflow_id = $1 and position = $2`, n, reason(err)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delays[attempt]):
		}
	}
}

// once runs fn within its time; a panic is an error like others.
func (r *Run) once(ctx context.Context, n int, fn func(context.Context, *Run) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	r.moment(n, BeforeEffect)
	if err := fn(ctx, r); err != nil {
		return err
	}
	r.moment(n, AfterEffect)
	return nil
}

func (r *Run) moment(n int, moment string) {
	if r.engine.At != nil {
		r.engine.At(r.steps[n].Name, moment)
	}
}

// backward takes back what was begun, the last first.
func (r *Run) backward(ctx context.Context) error {
	for n := len(r.steps) - 1; n >= 0; n-- {
		if s := r.steps[n].State; s == StepPending || s == StepUndone {
			continue
		}
		r.at = n
		if undo := r.def.Steps[n].Undo; undo != nil {
			if err := r.try(ctx, n, undo); ctx.Err() != nil {
				return errShutdown
			} else if err != nil {
				r.engine.Log.ErrorContext(ctx, "a workflow is stuck: a step could not be taken back", "workflow", r.ID, "kind", r.Kind, "step", r.steps[n].Name, "error", err)
				if err := r.record(ctx, `update control.workflow_step set state = 'failed', error = $3 where workflow_id = $1 and position = $2`, n, reason(err)); err != nil {
					return err
				}
				return r.become(ctx, Stuck, "")
			}
		}
		r.steps[n].State = StepUndone
		if err := r.record(ctx, `update control.workflow_step set state = 'undone', ended_at = now(), note = '' where workflow_id = $1 and position = $2`, n); err != nil {
			return err
		}
	}
	end := Undone
	if r.cancel {
		end = Cancelled
	}
	return r.become(ctx, end, "")
}

// reason is what operators and waiting people may see of an error: our own messages, and PostgreSQL's without the detail
// that may quote rows.
func reason(err error) string {
	var known *errs.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &known) && known.Kind != errs.KindInternal:
		return known.Message
	case errors.As(err, &pg):
		return fmt.Sprintf("The database refused: %s (SQLSTATE %s).", pg.Message, pg.Code)
	case errors.Is(err, context.DeadlineExceeded):
		return "It took too long."
	default:
		return "Something failed on our side; the log says more."
	}
}
