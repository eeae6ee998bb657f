package workflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/list"
)

func insertWorkflow(ctx context.Context, tx pgx.Tx, s Start, input []byte, steps []Step) (id uuid.UUID, fresh bool, err error) {
	args := pgx.NamedArgs{
		"kind": s.Kind, "key": s.Key, "input": input,
		"tenant": uuid.NullUUID{UUID: s.Tenant, Valid: s.Tenant != uuid.Nil}, "actor": uuid.NullUUID{UUID: s.Actor, Valid: s.Actor != uuid.Nil},
	}
	err = tx.QueryRow(ctx, `
		insert into control.workflow (kind, key, tenant_id, actor, input) values (@kind, @key, @tenant, @actor, @input)
		on conflict (kind, key) where key <> '' do nothing returning id`, args).Scan(&id)
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		if err := tx.QueryRow(ctx, `select id from control.workflow where kind = @kind and key = @key`, args).Scan(&id); err != nil {
			return uuid.Nil, false, fmt.Errorf("find workflow: %w", err)
		}
		return id, false, nil
	case errors.As(err, &pg) && pg.ConstraintName == "workflow_one_per_tenant":
		return uuid.Nil, false, ErrBusy
	case err != nil:
		return uuid.Nil, false, fmt.Errorf("insert workflow: %w", err)
	}
	names, titles := make([]string, len(steps)), make([]string, len(steps))
	for n, s := range steps {
		names[n], titles[n] = s.Name, s.Title
	}
	_, err = tx.Exec(ctx, `
		insert into control.workflow_step (workflow_id, position, name, title)
		select $1, s.position - 1, s.name, s.title from unnest($2::text[], $3::text[]) with ordinality s(name, title, position)`, id, names, titles)
	if err != nil {
		return uuid.Nil, false, fmt.Errorf("insert workflow steps: %w", err)
	}
	return id, true, nil
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// workflowColumns are those of header, steps included.
const workflowColumns = `w.id, w.kind, w.tenant_id, w.actor, w.state, w.error, w.created_at, w.ended_at, w.version, (
		select json_agg(json_build_object('name', s.name, 'title', s.title, 'state', s.state, 'attempt', s.attempt, 'startedAt', s.started_at,
			'endedAt', s.ended_at, 'done', s.done, 'total', s.total, 'note', s.note, 'error', s.error) order by s.position)
		from control.workflow_step s where s.workflow_id = w.id)`

func scanWorkflow(row pgx.CollectableRow) (w Workflow, err error) {
	var tenant, actor uuid.NullUUID
	err = row.Scan(&w.ID, &w.Kind, &tenant, &actor, &w.State, &w.Error, &w.CreatedAt, &w.EndedAt, &w.version, &w.Steps)
	w.Tenant, w.Actor = tenant.UUID, actor.UUID
	return w, err
}

func readWorkflow(ctx context.Context, q querier, id uuid.UUID) (Workflow, error) {
	rows, err := q.Query(ctx, `select `+workflowColumns+` from control.workflow w where w.id = $1`, id)
	if err != nil {
		return Workflow{}, fmt.Errorf("read workflow: %w", err)
	}
	w, err := pgx.CollectExactlyOneRow(rows, scanWorkflow)
	if errors.Is(err, pgx.ErrNoRows) {
		return Workflow{}, ErrNotFound
	}
	if err != nil {
		return Workflow{}, fmt.Errorf("read workflow: %w", err)
	}
	return w, nil
}

// Filter selects workflows; zero values select all.
type Filter struct {
	Tenant uuid.UUID
	State  State
	At     list.Position
	Limit  int
}

// workflows are listed by age.
func workflows() list.List[Workflow] {
	return list.List[Workflow]{
		Name: "workflows", ID: func(w Workflow) string { return w.ID.String() }, IDSQL: "w.id", Sorts: []list.Sort[Workflow]{{Name: "created", Down: true}},
	}
}

// List returns workflows, the newest first unless At says otherwise.
func (e *Engine) List(ctx context.Context, f Filter) ([]Workflow, error) {
	rows, err := e.Pool.Query(ctx, `
		select `+workflowColumns+` from control.workflow w
		where (@tenant::uuid is null or w.tenant_id = @tenant) and (@state = '' or w.state = @state) and `+workflows().Where(f.At)+`
		order by `+workflows().By(f.At)+` limit @limit`, list.Fresh, workflows().Args(f.At, pgx.NamedArgs{
		"tenant": uuid.NullUUID{UUID: f.Tenant, Valid: f.Tenant != uuid.Nil}, "state": string(f.State), "limit": f.Limit,
	}))
	if err != nil {
		return nil, fmt.Errorf("list workflows: %w", err)
	}
	list, err := pgx.CollectRows(rows, scanWorkflow)
	for n := range list {
		list[n].Title = e.definitions[list[n].Kind].Title
	}
	return list, err
}

// orphans are open workflows that are due and that nobody runs: whoever runs one holds its lock.
func orphans(ctx context.Context, tx pgx.Tx) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		with due as materialized (
			select id from control.workflow
			where ended_at is null and state <> 'stuck' and not_before <= now() and changed_at < now() - $1::interval
			order by not_before limit $2)
		select id from due where pg_try_advisory_xact_lock(hashtextextended('workflow ' || id::text, 0))`, reviveAfter, reviveMost)
	if err != nil {
		return nil, fmt.Errorf("find workflows that nobody runs: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
