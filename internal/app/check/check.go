// Package check keeps what a session's checks found and decides when they run by themselves.
package check

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// State of a check in a session.
type State string

// The states. Only the last three are stored: the others follow from the session.
const (
	Blocked State = "blocked" // another check must pass first, or its step has not begun
	Waiting State = "waiting" // it has not run yet
	Running State = "running"
	Passed  State = "passed"
	Failed  State = "failed"
	Error   State = "error" // it could not be run to its end
)

// Key names a check within a session.
type Key struct {
	Step int // from 0
	Name string
}

// Quiz is the name under which a step's quiz counts as a check of it.
const Quiz = "quiz"

// Result is what the latest run found. A check that passed stays passed.
type Result struct {
	Key
	State     State
	Message   string // the last line of output, at most 500 bytes
	Failures  int    // failed runs by the learner's button
	CheckedAt time.Time
}

// Load returns the results of a session by check.
func Load(ctx context.Context, tx pgx.Tx, session uuid.UUID) (map[Key]Result, error) {
	many, err := LoadMany(ctx, tx, []uuid.UUID{session})
	if err != nil {
		return nil, err
	}
	if many[session] == nil {
		return map[Key]Result{}, nil
	}
	return many[session], nil
}

// LoadMany returns the results of several sessions.
func LoadMany(ctx context.Context, tx pgx.Tx, sessions []uuid.UUID) (map[uuid.UUID]map[Key]Result, error) {
	rows, err := tx.Query(ctx, `select session_id, step, name, state, message, failures, checked_at
		from check_result where session_id = any ($1)`, sessions)
	if err != nil {
		return nil, fmt.Errorf("load check results: %w", err)
	}
	many := map[uuid.UUID]map[Key]Result{}
	var session uuid.UUID
	var r Result
	_, err = pgx.ForEachRow(rows, []any{&session, &r.Step, &r.Name, &r.State, &r.Message, &r.Failures, &r.CheckedAt}, func() error {
		if many[session] == nil {
			many[session] = map[Key]Result{}
		}
		many[session][r.Key] = r
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load check results: %w", err)
	}
	return many, nil
}

// Save stores a result unless the check has passed already. button tells that the learner asked for the run: only
// those count as failures towards the offer of the solution.
func Save(ctx context.Context, tx pgx.Tx, session uuid.UUID, r Result, button bool) error {
	failure := 0
	if button && r.State == Failed {
		failure = 1
	}
	_, err := tx.Exec(ctx, `insert into check_result (session_id, step, name, state, message, failures, checked_at)
		values (@session, @step, @name, @state, @message, @failure, now())
		on conflict (tenant_id, session_id, step, name) do update
		set state = excluded.state, message = excluded.message, checked_at = now(),
			failures = check_result.failures + excluded.failures
		where check_result.state <> 'passed'`,
		pgx.NamedArgs{"session": session, "step": r.Step, "name": r.Name, "state": r.State, "message": r.Message, "failure": failure})
	if err != nil {
		return fmt.Errorf("save check result: %w", err)
	}
	return nil
}
