package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const columns = `id, user_id, lab_id, version_id, environment_id, host, state, reason_code, reason_message, provisioning,
	env, created_at, ready_at, deadline, ended_at, extensions, step, step_since, hints,
	coalesce((select slug from lab where lab.id = session.lab_id), ''), coalesce((select tags from lab where lab.id = session.lab_id), '{}')`

func scan(row pgx.CollectableRow) (Session, error) {
	var s Session
	err := row.Scan(&s.ID, &s.User, &s.LabID, &s.Version, &s.Environment, &s.Host, &s.State, &s.Reason.Code, &s.Reason.Message,
		&s.Provisioning, &s.Env, &s.CreatedAt, &s.ReadyAt, &s.Deadline, &s.EndedAt, &s.Extensions, &s.Step, &s.StepSince, &s.Hints,
		&s.Slug, &s.Tags)
	return s, err
}

func one(ctx context.Context, tx pgx.Tx, where string, args ...any) (Session, error) {
	rows, err := tx.Query(ctx, "select "+columns+" from session where "+where, args...)
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return Session{}, ErrNotFound
	}
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	return s, nil
}

// lock holds a session's row for whoever has the permission for it.
func lock(ctx context.Context, tx pgx.Tx, p tenancy.Permission, id uuid.UUID) (Session, error) {
	s, err := one(ctx, tx, "id = $1 for update", id)
	if err == nil {
		err = db.Allow(ctx, tx, p, s)
	}
	return s, err
}

// running is the learner's session of a lab that is not over; ErrNotFound when there is none.
func running(ctx context.Context, tx pgx.Tx, user, lab uuid.UUID) (Session, error) {
	return one(ctx, tx, `user_id = $1 and lab_id = $2 and state in ('requested', 'admitted', 'provisioning', 'ready')`, user, lab)
}

// EndImported ends the sessions of a tenant that was imported while they ran: their environments are elsewhere.
func EndImported(ctx context.Context, tx pgx.Tx) error {
	why := endedMoved.reason()
	_, err := tx.Exec(ctx, `update session set state = 'ended', reason_code = $1, reason_message = $2, ended_at = now()
		where state not in ('ended', 'failed')`, why.Code, why.Message)
	if err != nil {
		return fmt.Errorf("end imported sessions: %w", err)
	}
	return nil
}

// CountOf counts a person's sessions in the tenant that tx is of: those that are not over, and all.
func CountOf(ctx context.Context, tx pgx.Tx, user uuid.UUID) (open, all int64, err error) {
	err = tx.QueryRow(ctx, `select count(*) filter (where state not in ('ended', 'failed')), count(*) from session where user_id = $1`, user).Scan(&open, &all)
	if err != nil {
		return 0, 0, fmt.Errorf("count a person's sessions: %w", err)
	}
	return open, all, nil
}

// errRuns is returned by insert when another request started the same lab at the same time.
var errRuns = errors.New("session: the lab runs already")

func insert(ctx context.Context, tx pgx.Tx, s Session) error {
	_, err := tx.Exec(ctx, `insert into session (id, user_id, lab_id, version_id, environment_id, host, state)
		values (@id, @user, @lab, @version, @environment, @host, @state)`,
		pgx.NamedArgs{
			"id": s.ID, "user": s.User, "lab": s.LabID, "version": s.Version, "environment": s.Environment,
			"host": s.Host, "state": s.State,
		})
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.ConstraintName == "session_running" {
		return errRuns
	}
	if err != nil {
		return fmt.Errorf("insert session: %w", err)
	}
	return nil
}

func exec(ctx context.Context, tx pgx.Tx, what, sql string, args pgx.NamedArgs) error {
	if _, err := tx.Exec(ctx, sql, args); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func setState(ctx context.Context, tx pgx.Tx, id uuid.UUID, to State, why Reason) error {
	return exec(ctx, tx, "set session state", `update session set state = @state,
		reason_code = case when @code = '' then reason_code else @code end,
		reason_message = case when @code = '' then reason_message else @message end,
		ended_at = case when @state in ('ended', 'failed') then now() else ended_at end
		where id = @id`,
		pgx.NamedArgs{"id": id, "state": to, "code": why.Code, "message": why.Message})
}

func setReady(ctx context.Context, tx pgx.Tx, id uuid.UUID, steps []ProvisioningStep, env map[string]string, deadline time.Time) error {
	return exec(ctx, tx, "set session ready", `update session set state = 'ready', ready_at = now(), step_since = now(),
		deadline = @deadline, provisioning = @steps, env = @env where id = @id`,
		pgx.NamedArgs{"id": id, "steps": steps, "env": env, "deadline": deadline})
}

func setProvisioning(ctx context.Context, tx pgx.Tx, id uuid.UUID, steps []ProvisioningStep) error {
	return exec(ctx, tx, "set provisioning steps", `update session set provisioning = @steps where id = @id`,
		pgx.NamedArgs{"id": id, "steps": steps})
}

func setDeadline(ctx context.Context, tx pgx.Tx, id uuid.UUID, deadline time.Time, extensions int) error {
	return exec(ctx, tx, "set deadline", `update session set deadline = @deadline, extensions = @extensions where id = @id`,
		pgx.NamedArgs{"id": id, "deadline": deadline, "extensions": extensions})
}

func setStep(ctx context.Context, tx pgx.Tx, id uuid.UUID, step int, env map[string]string) error {
	return exec(ctx, tx, "set step", `update session set step = @step, step_since = now(), env = env || @env where id = @id`,
		pgx.NamedArgs{"id": id, "step": step, "env": env})
}

func setHints(ctx context.Context, tx pgx.Tx, id uuid.UUID, hints map[int][]int) error {
	return exec(ctx, tx, "set hints", `update session set hints = @hints where id = @id`, pgx.NamedArgs{"id": id, "hints": hints})
}

// filter of a list of sessions.
type filter struct {
	user   *uuid.UUID // nil: everybody's
	active *bool      // nil: both
	at     list.Position
}

// sessions are listed by age: their ids are in order of time.
func sessions() list.List[Session] {
	return list.List[Session]{
		Name: "sessions", ID: func(s Session) string { return s.ID.String() }, IDSQL: "id", Sorts: []list.Sort[Session]{{Name: "created", Down: true}},
	}
}

// query is the statement of a list: with the conditions that are asked for alone, so that one plan is good for all who ask so.
func (f filter) query() string {
	where := sessions().Where(f.at)
	if f.user != nil {
		where += " and user_id = @user"
	}
	switch {
	case f.active == nil:
	case *f.active:
		where += " and state not in ('ended', 'failed')"
	default:
		where += " and state in ('ended', 'failed')"
	}
	return "select " + columns + " from session where " + where + " order by " + sessions().By(f.at) + " limit @limit"
}

// after are the arguments of query for the page after a session, or the first one.
func (f filter) after(last *Session, limit int) pgx.NamedArgs {
	if last != nil {
		f.at = sessions().After(f.at, *last)
	}
	return sessions().Args(f.at, pgx.NamedArgs{"user": f.user, "limit": limit})
}
