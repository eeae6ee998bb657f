package directory

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// RecheckArgs is the job that checks proved domains again, each once a day.
type RecheckArgs struct{}

// Kind names the job.
func (RecheckArgs) Kind() string { return "directory.recheck" }

type recheckWorker struct {
	river.WorkerDefaults[RecheckArgs]
	service *Service
}

func (w *recheckWorker) Work(ctx context.Context, _ *river.Job[RecheckArgs]) error {
	return w.service.Recheck(ctx)
}

// Timeout leaves time for thousands of domains whose name servers do not answer.
func (w *recheckWorker) Timeout(*river.Job[RecheckArgs]) time.Duration { return time.Hour }

// AddWorkers registers the jobs of the directory.
func (s *Service) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &recheckWorker{service: s})
}
