package registration

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// SweepArgs is the job that deletes registrations which are over.
type SweepArgs struct{}

// Kind names the job.
func (SweepArgs) Kind() string { return "registration.sweep" }

type sweepWorker struct {
	river.WorkerDefaults[SweepArgs]
	service *Service
}

func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[SweepArgs]) error {
	return w.service.Sweep(ctx)
}

// AddWorkers registers the jobs of registration.
func (s *Service) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &sweepWorker{service: s})
}

// Sweep deletes what nobody proved in time and what ended long ago, and frees names whose workflow was cancelled before
// it began.
func (s *Service) Sweep(ctx context.Context) error {
	for {
		deleted, err := sweep(ctx, s.Pool)
		if err != nil {
			return err
		}
		if deleted < sweepBatch {
			break
		}
	}
	rows, err := claims(ctx, s.Pool)
	if err != nil {
		return err
	}
	var all []error
	for _, row := range rows {
		all = append(all, pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return s.release(ctx, tx, &row) }))
	}
	return errors.Join(all...)
}
