package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/lab/run"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/runtime/sandbox"
)

// Start begins a session of the lab's latest version for the caller, or returns the one that the caller already runs.
// Its environment is provisioned by a job on the host that admitted it.
func (s *Service) Start(ctx context.Context, slug string) (started Session, created bool, err error) {
	version, err := s.Labs.Latest(ctx, slug)
	if err != nil {
		return Session{}, false, err
	}
	scope, _ := tenancy.From(ctx)
	existing, err := s.runningOf(ctx, scope.User, version.LabID)
	if !errors.Is(err, ErrNotFound) {
		return existing, false, err
	}
	if err := s.DB.Allow(ctx, policy.SessionStart, version); err != nil {
		return Session{}, false, err // before a place is taken
	}
	wanted := Session{
		ID: uuid.Must(uuid.NewV7()), User: scope.User, LabID: version.LabID, Version: version.ID,
		Environment: uuid.New(), State: Admitted,
	}
	wanted.Host, err = s.Environments.Admit(ctx, Admission{
		Environment: wanted.Environment, Session: wanted.ID, Tenant: scope.Tenant, User: scope.User, Lab: slug,
	})
	if err != nil {
		return Session{}, false, err
	}
	err = s.record(ctx, wanted, version)
	if err != nil {
		// The place is given back whatever became of the request; otherwise the reaper would do it two minutes later.
		err = errors.Join(err, s.Environments.Release(context.WithoutCancel(ctx), wanted.Environment))
	}
	if errors.Is(err, errRuns) {
		existing, err = s.runningOf(ctx, scope.User, version.LabID)
		return existing, false, err
	}
	if err != nil {
		return Session{}, false, err
	}
	started, err = s.Get(ctx, wanted.ID)
	return started, true, err
}

func (s *Service) runningOf(ctx context.Context, user, labID uuid.UUID) (found Session, err error) {
	err = s.DB.InTenant(ctx, policy.SessionStart, func(tx pgx.Tx) error {
		if found, err = running(ctx, tx, user, labID); err != nil {
			return err
		}
		return db.See(ctx, tx, policy.SessionUse, found, ErrNotFound)
	})
	return found, err
}

// record stores the session, its audit entry and its job in one transaction.
func (s *Service) record(ctx context.Context, wanted Session, version *lab.Version) error {
	return s.DB.InTenant(ctx, policy.SessionStart, func(tx pgx.Tx) error {
		if err := db.Allow(ctx, tx, policy.SessionStart, version); err != nil {
			return err
		}
		if err := s.room(ctx, tx, wanted.User); err != nil {
			return err
		}
		if err := insert(ctx, tx, wanted); err != nil {
			return err
		}
		if err := s.enqueue(ctx, tx, wanted.Host, ProvisionArgs{Session: wanted.ID}); err != nil {
			return err
		}
		return audit.Record(ctx, tx, "session.started", wanted.ID.String(),
			map[string]any{"lab": version.Slug, "version": version.Number})
	})
}

// room asks whether the tenant's plan and the learner's groups have room for one more session. Starts of one tenant are counted one
// after another, so that two at once do not both take the last place.
func (s *Service) room(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	scope, _ := tenancy.From(ctx)
	var running, own int64
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('sessions of ' || $1::text, 0))`, scope.Tenant.String())
	if err == nil {
		err = tx.QueryRow(ctx, `
			select count(*), count(*) filter (where user_id = $1) from session
			where state in ('requested', 'admitted', 'provisioning', 'ready', 'ending')`, user).Scan(&running, &own)
	}
	if err != nil {
		return fmt.Errorf("count sessions: %w", err)
	}
	if s.Room != nil {
		if err := s.Room(ctx, scope.Tenant, running, own); err != nil {
			return err
		}
	}
	return group.Room(ctx, tx, user, own)
}

// enqueue adds a job that only the environment's own host may do.
func (s *Service) enqueue(ctx context.Context, tx pgx.Tx, host string, args river.JobArgs) error {
	if _, err := s.Jobs.InsertTx(ctx, tx, args, &river.InsertOpts{Queue: job.HostQueue(host)}); err != nil {
		return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
	}
	return nil
}

// Provision makes the session's environment. What goes wrong ends in a failed session that says why, not in an error:
// the learner tries again, the job does not.
func (s *Service) Provision(ctx context.Context, id uuid.UUID) error {
	if !s.Keepers.starts.claim(id) { // before the row is read: what it says is this job's alone to change from here
		return nil
	}
	defer s.Keepers.starts.release(id)
	found, version, err := s.load(ctx, policy.SessionSystem, id)
	if err != nil {
		return err
	}
	switch found.State {
	case Requested, Admitted:
	case Provisioning:
		// The process that worked on it died half way: what it left may have run half a setup.
		if err := s.Provider.Destroy(ctx, found.Sandbox()); err != nil {
			return fmt.Errorf("destroy a half-made environment: %w", err)
		}
	case Ready, Ending, Ended, Failed:
		return nil
	}
	until := time.Now().Add(provisionTime)
	if err := s.move(ctx, found, Provisioning, until); err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	p := newProgress(found.CreatedAt, version.Manifest.HasSetup(), func() { s.Keepers.publish(id) })
	s.Keepers.starts.set(id, p)
	defer s.Keepers.starts.set(id, nil)
	env, err := s.build(ctx, found, version, p)
	if err != nil {
		return s.fail(context.WithoutCancel(ctx), found, p.snapshot(false), err)
	}
	return s.ready(ctx, found, version, p.snapshot(true), env)
}

// build provisions and sets up; env is what the setup wrote for the instructions.
func (s *Service) build(ctx context.Context, found Session, version *lab.Version, p *progress) (env map[string]string, err error) {
	spec := run.Spec(version.Manifest)
	spec.ID = found.Sandbox()
	spec.Deadline = time.Now().Add(version.Manifest.Duration)
	if err := s.Provider.Provision(ctx, spec, p.report); err != nil {
		return nil, err
	}
	env = map[string]string{}
	if version.Manifest.HasSetup() {
		err = p.run("setup", func() error {
			env, err = run.Setup(ctx, s.Provider, spec.ID, version.Manifest)
			return err
		})
	}
	if err == nil {
		s.warm(ctx, spec.ID)
	}
	return env, err
}

// warm starts the shell of the first terminal, so that its prompt is there when the learner's browser comes.
func (s *Service) warm(ctx context.Context, environment string) {
	term, err := s.Provider.Attach(ctx, environment, sandbox.Attachment{Name: "1", Client: "warm"})
	if err != nil {
		s.Log.WarnContext(ctx, "start the first shell", "environment", environment, "error", err)
		return
	}
	_ = term.Close() // the shell goes on
}

func (s *Service) ready(ctx context.Context, found Session, version *lab.Version, steps []ProvisioningStep, env map[string]string) error {
	deadline := time.Now().Add(version.Manifest.Duration)
	ended := false
	err := s.DB.InTenant(ctx, policy.SessionSystem, func(tx pgx.Tx) error {
		now, err := lock(ctx, tx, policy.SessionSystem, found.ID)
		if err != nil || now.State != Provisioning {
			ended = err == nil // the learner ended it while it started: the job that ends it has it from here
			return err
		}
		return setReady(ctx, tx, found.ID, steps, env, deadline)
	})
	if err != nil {
		return err
	}
	if ended {
		return s.Provider.Destroy(ctx, found.Sandbox())
	}
	if err := s.Environments.Move(ctx, found.Environment, Ready, deadline); err != nil {
		return err
	}
	s.Keepers.keep(ctx, s, found.ID)
	s.Keepers.publish(found.ID)
	return nil
}

func (s *Service) move(ctx context.Context, found Session, to State, deadline time.Time) error {
	err := s.DB.InTenant(ctx, policy.SessionSystem, func(tx pgx.Tx) error {
		if err := db.Allow(ctx, tx, policy.SessionSystem, found); err != nil {
			return err
		}
		return setState(ctx, tx, found.ID, to, Reason{})
	})
	if err != nil {
		return err
	}
	return s.Environments.Move(ctx, found.Environment, to, deadline)
}

// fail records why the start went wrong and leaves nothing behind.
func (s *Service) fail(ctx context.Context, found Session, steps []ProvisioningStep, cause error) error {
	why := explain(cause)
	s.Log.WarnContext(ctx, "session failed to start", "session", found.ID, "code", why.Code, "error", cause)
	err := s.DB.InTenant(ctx, policy.SessionSystem, func(tx pgx.Tx) error {
		now, err := lock(ctx, tx, policy.SessionSystem, found.ID)
		if err != nil || !now.State.Alive() {
			return err // the learner ended it while it started
		}
		if err := setProvisioning(ctx, tx, found.ID, steps); err != nil {
			return err
		}
		if err := setState(ctx, tx, found.ID, Failed, why); err != nil {
			return err
		}
		return audit.Record(ctx, tx, "session.failed", found.ID.String(), map[string]any{"code": why.Code})
	})
	s.Keepers.publish(found.ID)
	return errors.Join(err, s.Environments.Remove(ctx, found.Environment))
}

// explain is what a learner may read of why a start failed.
func explain(err error) Reason {
	var requires *sandbox.RequiresError
	var known *errs.Error
	var setup *run.ScriptError
	switch {
	case errors.As(err, &requires):
		return Reason{"image_lacks_commands", requires.Error()}
	case errors.As(err, &setup):
		return Reason{"setup_failed", setup.Error()}
	case errors.As(err, &known):
		return Reason{known.Code, known.Message}
	case errors.Is(err, context.DeadlineExceeded):
		return Reason{"start_timeout", "The lab did not start in time. Try again."}
	default:
		return Reason{"start_failed", "The environment could not be made. Try again; if it stays, tell the people who run this installation: the log of the server says why."}
	}
}
