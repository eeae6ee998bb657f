package session

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
)

// ProvisionArgs is the job that makes a session's environment.
type ProvisionArgs struct {
	Session uuid.UUID `json:"session"`
}

// Kind names the job.
func (ProvisionArgs) Kind() string { return "session.provision" }

// InsertOpts allows one try, because a start that fails is shown to the learner, who tries again.
func (ProvisionArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// EndArgs is the job that removes a session's environment.
type EndArgs struct {
	Session uuid.UUID `json:"session"`
}

// Kind names the job.
func (EndArgs) Kind() string { return "session.end" }

// InsertOpts allows a few tries; after them the reaper goes on.
func (EndArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 5} }

// AddWorkers registers the session's jobs.
func (s *Service) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &provisionWorker{service: s})
	river.AddWorker(workers, &endWorker{service: s})
}

type provisionWorker struct {
	river.WorkerDefaults[ProvisionArgs]
	service *Service
}

func (w *provisionWorker) Timeout(*river.Job[ProvisionArgs]) time.Duration {
	return provisionTime + time.Minute
}

func (w *provisionWorker) Work(ctx context.Context, j *river.Job[ProvisionArgs]) error {
	return w.service.Provision(ctx, j.Args.Session)
}

type endWorker struct {
	river.WorkerDefaults[EndArgs]
	service *Service
}

func (w *endWorker) Timeout(*river.Job[EndArgs]) time.Duration { return endingTime }

func (w *endWorker) Work(ctx context.Context, j *river.Job[EndArgs]) error {
	return w.service.Finish(ctx, j.Args.Session)
}

// again adds a job anew after a restart; the one that the dead process held finds nothing to do when River rescues it.
func (s *Service) again(ctx context.Context, found Session, args river.JobArgs) error {
	return s.DB.InTenant(ctx, policy.SessionSystem, func(tx pgx.Tx) error {
		if err := db.Allow(ctx, tx, policy.SessionSystem, found); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, found.Host, args)
	})
}
