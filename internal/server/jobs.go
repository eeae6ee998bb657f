package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/invitation"
	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/control/environment"
	"github.com/cloudkida/cloudkida/internal/control/upgrade"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// How many jobs of a queue run at once.
const (
	defaultWorkers  = 20
	workflowWorkers = 8
	hostWorkers     = 16 // starts of sandboxes are bounded by the machine's cores, not by this
)

// How often what nobody ended is looked for.
const reapEvery = 5 * time.Second

// SweepArgs is the job that deletes what has expired.
type SweepArgs struct{}

// Kind names the job.
func (SweepArgs) Kind() string { return "identity.sweep" }

type sweepWorker struct {
	river.WorkerDefaults[SweepArgs]
	identity    *identity.Service
	invitations *invitation.Service
}

func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[SweepArgs]) error {
	return errors.Join(w.identity.Sweep(ctx), w.invitations.Sweep(ctx))
}

// WaveArgs is the job that brings silos up to date.
type WaveArgs struct{}

// Kind names the job.
func (WaveArgs) Kind() string { return "upgrade.wave" }

type waveWorker struct {
	river.WorkerDefaults[WaveArgs]
	upgrades *upgrade.Service
}

func (w *waveWorker) Work(ctx context.Context, _ *river.Job[WaveArgs]) error {
	return w.upgrades.Wave(ctx)
}

// Timeout leaves time for many silos; one takes a fraction of a second.
func (w *waveWorker) Timeout(*river.Job[WaveArgs]) time.Duration { return time.Hour }

// RotateArgs is the job that gives tenants new scope keys.
type RotateArgs struct{}

// Kind names the job.
func (RotateArgs) Kind() string { return "scope.rotate" }

// How old a scope key becomes, and how many are replaced at a time.
const (
	scopeKeyLife  = 24 * time.Hour
	scopeKeyBatch = 2000
)

type rotateWorker struct {
	river.WorkerDefaults[RotateArgs]
	places *db.Places
}

func (w *rotateWorker) Work(ctx context.Context, _ *river.Job[RotateArgs]) error {
	_, err := w.places.RotateKeys(ctx, scopeKeyLife, scopeKeyBatch)
	return err
}

// KeysArgs is the job that gives user pools new signing keys.
type KeysArgs struct{}

// Kind names the job.
func (KeysArgs) Kind() string { return "identity.rotate-keys" }

type keysWorker struct {
	river.WorkerDefaults[KeysArgs]
	identity *identity.Service
}

func (w *keysWorker) Work(ctx context.Context, _ *river.Job[KeysArgs]) error {
	return w.identity.RotateKeys(ctx)
}

// soon adds a job of the installation itself.
func (p *program) soon(ctx context.Context, args river.JobArgs) error {
	return pgx.BeginFunc(ctx, p.pools.control, func(tx pgx.Tx) error {
		_, err := p.inserter.InsertTx(ctx, tx, args, nil)
		return err
	})
}

func every(d time.Duration, args river.JobArgs, queue string) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(d), func() (river.JobArgs, *river.InsertOpts) {
		return args, &river.InsertOpts{Queue: queue, MaxAttempts: 1}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}

// work runs jobs and the reaper of this host until ctx ends.
func (p *program) work(ctx context.Context) error {
	if p.jobs == nil {
		<-ctx.Done()
		return nil
	}
	if err := p.recoverHost(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop before it had begun
		}
		return err
	}
	// River's own context ends only after the jobs under way have: Stop waits for them.
	if err := p.jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	var revived sync.WaitGroup
	if p.cfg.Has(RoleWorker) {
		revived.Go(func() { p.workflows.Revive(ctx) })
		revived.Go(func() { p.sweepExports(ctx) })
		revived.Go(func() { p.workAudit(ctx) })
	}
	p.reap(ctx)
	revived.Wait()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := p.jobs.Stop(stop); err != nil {
		return errors.Join(p.jobs.StopAndCancel(stop), nil)
	}
	return nil
}

// reap ends what nobody ended, on this host alone, until ctx ends. It is a timer of each host rather than a job: what it
// looks at is the host's own, and a host that is gone needs nobody to do it in its place.
func (p *program) reap(ctx context.Context) {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !p.cfg.Has(RoleLab) {
			continue
		}
		if err := p.environments.Reap(ctx); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "reap environments", "error", err)
		}
	}
}

// recoverHost takes up the sessions that ran here when the process last ended.
func (p *program) recoverHost(ctx context.Context) error {
	if !p.cfg.Has(RoleLab) {
		return nil
	}
	found, err := p.environments.OnHost(ctx)
	if err != nil {
		return err
	}
	for _, e := range found {
		err := p.sessions.Recover(tenancy.System(ctx, e.Tenant), e.Session)
		if err != nil && !errors.Is(err, session.ErrNotFound) {
			p.log.WarnContext(ctx, "take up a session", "session", e.Session, "error", err)
		}
	}
	return nil
}

// expired ends a session for the reaper.
func (p *program) expired(ctx context.Context, e environment.Environment, reason environment.Reason) error {
	err := p.sessions.Expire(tenancy.System(ctx, e.Tenant), e.Session, reason == environment.ReasonLost)
	if errors.Is(err, session.ErrNotFound) {
		return environment.ErrUnknownSession
	}
	return err
}

// places gives sessions their environments.
type places struct{ *environment.Service }

// Admit asks for a place on this host.
func (p places) Admit(ctx context.Context, a session.Admission) (string, error) {
	e, err := p.Service.Admit(ctx, environment.Environment{
		ID: a.Environment, Tenant: a.Tenant, Session: a.Session, User: a.User, Lab: a.Lab,
	})
	return e.Host, err
}

// Move tells how far a session's environment is; both planes use the same words.
func (p places) Move(ctx context.Context, id uuid.UUID, to session.State, deadline time.Time) error {
	return p.Service.Move(ctx, id, environment.State(to), deadline)
}
