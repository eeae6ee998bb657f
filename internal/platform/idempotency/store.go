package idempotency

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// inTenant works on rows as the program itself: the caller's role has no say in how answers are kept.
func (s *Service) inTenant(ctx context.Context, r request, fn func(pgx.Tx) error) error {
	return s.DB.InWholeTenant(tenancy.System(ctx, r.Tenant), s.System, fn)
}

func (r request) args() pgx.NamedArgs {
	return pgx.NamedArgs{"user": r.User, "operation": r.operation, "key": r.key, "fingerprint": r.fingerprint, "keep": keep}
}

// claim makes the request the first with its key, or returns what the first was answered.
func (s *Service) claim(ctx context.Context, r request) (before *answer, err error) {
	err = s.inTenant(ctx, r, func(tx pgx.Tx) error {
		first := false
		err := tx.QueryRow(ctx, `
			insert into idempotency as i (user_id, operation, key, fingerprint, until) values (@user, @operation, @key, @fingerprint, now() + @keep)
			on conflict (tenant_id, user_id, operation, key) do update
				set fingerprint = excluded.fingerprint, until = excluded.until, started_at = now(), status = null, answer = null where i.until < now()
			returning true`, r.args()).Scan(&first)
		if err == nil {
			before = nil
			return s.sweepLater(ctx, tx, r.Tenant)
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("claim idempotency key: %w", err)
		}
		before, err = s.find(ctx, tx, r)
		return err
	})
	return before, err
}

func (s *Service) find(ctx context.Context, tx pgx.Tx, r request) (*answer, error) {
	var fingerprint, sealed []byte
	var status *int
	var lost bool
	err := tx.QueryRow(ctx, `
		select fingerprint, status, answer, started_at < now() - @late::interval from idempotency
		where user_id = @user and operation = @operation and key = @key`, pgx.NamedArgs{
		"user": r.User, "operation": r.operation, "key": r.key, "late": underWay,
	}).Scan(&fingerprint, &status, &sealed, &lost)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // it failed at this moment
		return nil, ErrRunning
	case err != nil:
		return nil, fmt.Errorf("read idempotency key: %w", err)
	case !hmac.Equal(fingerprint, r.fingerprint):
		return nil, ErrReused
	case status == nil && lost:
		return nil, ErrUnknown
	case status == nil:
		return nil, ErrRunning
	}
	return s.open(r, *status, sealed)
}

func (s *Service) store(ctx context.Context, r request, a *answer) error {
	sealed, err := s.seal(r, a)
	if err != nil {
		return err
	}
	return s.inTenant(ctx, r, func(tx pgx.Tx) error {
		args := r.args()
		args["status"], args["answer"] = a.Status, sealed
		_, err := tx.Exec(ctx, `
			update idempotency set status = @status, answer = @answer
			where user_id = @user and operation = @operation and key = @key and fingerprint = @fingerprint and status is null`, args)
		if err != nil {
			return fmt.Errorf("keep answer: %w", err)
		}
		return nil
	})
}

func (s *Service) forget(ctx context.Context, r request) error {
	return s.inTenant(ctx, r, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			delete from idempotency where user_id = @user and operation = @operation and key = @key and fingerprint = @fingerprint and status is null`, r.args())
		if err != nil {
			return fmt.Errorf("forget idempotency key: %w", err)
		}
		return nil
	})
}

// SweepArgs is the job that deletes answers that have ended. A tenant without any has no such job.
type SweepArgs struct {
	// For makes one tenant's job another one than the next tenant's. Whose answers it deletes says the job's row alone.
	For uuid.UUID `json:"for" river:"unique"`
}

// Kind names the job.
func (SweepArgs) Kind() string { return "idempotency.sweep" }

// sweepLater adds the job unless the tenant has one.
func (s *Service) sweepLater(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	_, err := s.Jobs.InsertTx(ctx, tx, SweepArgs{For: tenant}, &river.InsertOpts{
		ScheduledAt: time.Now().Add(keep),
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
		}},
	})
	if err != nil {
		return fmt.Errorf("add sweep: %w", err)
	}
	return nil
}

type sweepWorker struct {
	river.WorkerDefaults[SweepArgs]
	answers *Service
}

// AddWorkers makes the jobs known.
func (s *Service) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &sweepWorker{answers: s})
}

// Work deletes what has ended, and comes again as long as something is left.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[SweepArgs]) error {
	var next *time.Time
	err := w.answers.DB.InWholeTenant(ctx, w.answers.System, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from idempotency where until < now()`); err != nil {
			return fmt.Errorf("delete answers: %w", err)
		}
		return tx.QueryRow(ctx, `select min(until) from idempotency`).Scan(&next)
	})
	if err != nil || next == nil {
		return err
	}
	return river.JobSnooze(max(time.Until(*next), time.Minute))
}
