package mail

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
)

// Queue is where deliveries run: a slow mail server holds up other mail only. QueueWorkers is how many run at once.
const (
	Queue        = "mail"
	QueueWorkers = 4
)

// maxAttempts spreads over about two hours: longer than most greylisting and restarts of mail servers.
const maxAttempts = 9

// deliveryTime bounds one try.
const deliveryTime = time.Minute

// SendArgs is the job that delivers a message.
type SendArgs struct {
	Message uuid.UUID `json:"message"`
}

// Kind names the job.
func (SendArgs) Kind() string { return "mail.send" }

// SweepArgs is the job that deletes old mail.
type SweepArgs struct{}

// Kind names the job.
func (SweepArgs) Kind() string { return "mail.sweep" }

// AddWorkers registers the jobs of mail.
func (s *Service) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &sendWorker{service: s})
	river.AddWorker(workers, &sweepWorker{service: s})
}

type sendWorker struct {
	river.WorkerDefaults[SendArgs]
	service *Service
}

func (w *sendWorker) Timeout(*river.Job[SendArgs]) time.Duration { return deliveryTime }

func (w *sendWorker) NextRetry(j *river.Job[SendArgs]) time.Time {
	return time.Now().Add(w.service.backoff(j.Attempt))
}

func (w *sendWorker) Work(ctx context.Context, j *river.Job[SendArgs]) error {
	return w.service.deliver(ctx, j.Args.Message, j.Attempt >= j.MaxAttempts)
}

type sweepWorker struct {
	river.WorkerDefaults[SweepArgs]
	service *Service
}

func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[SweepArgs]) error {
	return w.service.Sweep(ctx)
}

func (s *Service) backoff(n int) time.Duration {
	if s.Backoff != nil {
		return s.Backoff(n)
	}
	return 30 * time.Second << min(n-1, 6)
}

// errAgain makes River try again. Why it failed is in the message's row, for operators: addresses stay out of the log.
var errAgain = errors.New("mail was not delivered; GET /v1/operator/mail says why")

// deliver makes one try. A message without a job to come has an outcome afterwards, whatever the mail server did. A crash
// between delivery and settling sends it twice, with the same Message-ID.
func (s *Service) deliver(ctx context.Context, id uuid.UUID, last bool) error {
	m, err := get(ctx, s.Pool, id, readOnly)
	if errors.Is(err, errNotFound) {
		return nil
	}
	if err != nil || m.State != Queued {
		return err
	}
	if s.SMTP == nil { // the mail server was taken away after this was queued
		return settle(ctx, s.Pool, id, Sent, false, "")
	}
	outcome, problem := s.SMTP.deliver(ctx, m)
	if outcome == Queued && last {
		outcome = Failed
	}
	// The outcome is recorded even if the try used up its time.
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := settle(record, s.Pool, id, outcome, outcome == Sent && !m.Keep, problem); err != nil {
		return err
	}
	switch outcome {
	case Queued:
		return errAgain
	case Failed, Bounced:
		s.Log.WarnContext(ctx, "mail was not delivered", "message", id, "kind", m.Kind, "state", outcome)
	case Sent:
	}
	return nil
}
