// Package upgrade brings silos up to date in waves: the pool's schema is migrated before the program serves anybody, then
// one silo that goes first, the canary, and only after it the rest. A silo that fails stops alone: its tenant is told to
// wait, operators see why and can try it again.
package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

// State is how far a silo's upgrade is.
type State string

// The states. A silo that is not current does not serve its tenant.
const (
	Current State = "current"
	Waiting State = "waiting" // for its turn
	Failed  State = "failed"  // until somebody tries it again
)

// Silo is a tenant's own schema with its version.
type Silo struct {
	Tenant  uuid.UUID
	Name    string
	Title   string
	Canary  bool
	Version int64
	State   State
	Problem string // why it failed
}

// Migrator brings one silo up to date, as often as it is asked.
type Migrator interface {
	MigrateSilo(ctx context.Context, tenant uuid.UUID) error
}

// Service runs the waves.
type Service struct {
	Pool     *pgxpool.Pool // of the role control
	Migrator Migrator
	Want     int64 // the version that every silo must have
	Log      *slog.Logger
}

// ErrNoSilo says that a tenant has no silo that could be upgraded.
var ErrNoSilo = errs.NotFound("no_such_silo", "This organisation has no silo.")

// Wave brings every silo up to date that waits: the canary first, and the others once no canary is behind. What fails is
// recorded and does not keep the others, except when it is the canary. One process at a time does it.
func (s *Service) Wave(ctx context.Context) error {
	return s.alone(ctx, func() error {
		var last uuid.UUID
		for {
			next, err := s.next(ctx)
			if err != nil || next == nil {
				return err
			}
			if next.Tenant == last {
				return fmt.Errorf("the silo of tenant %s is still not at version %d", last, s.Want)
			}
			last = next.Tenant
			if err := s.upgrade(ctx, *next); err != nil {
				return err
			}
		}
	})
}

// upgrade brings one silo up to date or records why not; only a cancelled ctx and a lost database are errors.
func (s *Service) upgrade(ctx context.Context, silo Silo) error {
	err := s.Migrator.MigrateSilo(ctx, silo.Tenant)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	problem := ""
	if err != nil {
		problem = reason(err)
		s.Log.ErrorContext(ctx, "a silo could not be brought up to date", "tenant", silo.Tenant, "canary", silo.Canary, "error", err)
	} else {
		s.Log.InfoContext(ctx, "a silo is up to date", "tenant", silo.Tenant, "version", s.Want)
	}
	return s.record(ctx, silo.Tenant, problem)
}

// reason is what operators may see of an error: PostgreSQL's message, without the detail that may quote the tenant's rows.
func reason(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code)
	}
	return err.Error()
}

// Retry gives a silo that failed its turn again; the next wave takes it.
func (s *Service) Retry(ctx context.Context, tenant uuid.UUID) error {
	found, err := s.clear(ctx, tenant)
	if err == nil && !found {
		err = ErrNoSilo
	}
	return err
}

// alone runs fn unless another process runs a wave.
func (s *Service) alone(ctx context.Context, fn func() error) error {
	return s.Pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		var mine bool
		err := c.QueryRow(ctx, `select pg_try_advisory_lock(hashtextextended('cloudkida upgrade wave', 0))`).Scan(&mine)
		if err != nil || !mine {
			return err
		}
		err = fn()
		_, unlock := c.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock(hashtextextended('cloudkida upgrade wave', 0))`)
		return errors.Join(err, unlock)
	})
}

// siloRows selects silos in the order of their turns: canaries, then the oldest. Without a canary the oldest goes first.
const siloRows = `
	select t.id, t.name, t.title, t.canary or (not exists (select from control.tenant c join app.tenant_scope cs on cs.tenant_id = c.id
			where c.canary and cs.schema <> 'pool') and t.id = (select tenant_id from app.tenant_scope where schema <> 'pool' order by tenant_id limit 1)) as first,
		s.version, case when s.version = @want then 'current' when s.problem <> '' then 'failed' else 'waiting' end as state, s.problem
	from app.tenant_scope s join control.tenant t on t.id = s.tenant_id
	where s.schema <> 'pool'`

// next is the silo whose turn it is; nil when nobody may go on.
func (s *Service) next(ctx context.Context) (*Silo, error) {
	rows, err := s.Pool.Query(ctx, `
		with silo as (`+siloRows+`)
		select * from silo where state = 'waiting'
			and (first or not exists (select from silo c where c.first and c.state <> 'current'))
		order by first desc, id limit 1`, pgx.NamedArgs{"want": s.Want})
	if err != nil {
		return nil, fmt.Errorf("find the next silo: %w", err)
	}
	silo, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[Silo])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // nobody's turn is no error
	}
	if err != nil {
		return nil, fmt.Errorf("find the next silo: %w", err)
	}
	return silo, nil
}

// silos are listed by the age of their tenants.
func silos() list.List[Silo] {
	return list.List[Silo]{
		Name: "upgrades", ID: func(s Silo) string { return s.Tenant.String() }, IDSQL: "id", Sorts: []list.Sort[Silo]{{Name: "created"}},
	}
}

// List returns at most limit silos from a position on, those with problems among them in no special place.
func (s *Service) List(ctx context.Context, at list.Position, limit int) ([]Silo, error) {
	rows, err := s.Pool.Query(ctx, `with silo as (`+siloRows+`) select * from silo where `+silos().Where(at)+` order by `+silos().By(at)+` limit @limit`,
		silos().Args(at, pgx.NamedArgs{"want": s.Want, "limit": limit}))
	if err != nil {
		return nil, fmt.Errorf("list silos: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Silo])
}

func (s *Service) record(ctx context.Context, tenant uuid.UUID, problem string) error {
	if _, err := s.Pool.Exec(ctx, `update app.tenant_scope set problem = left($2, 1000) where tenant_id = $1`, tenant, problem); err != nil {
		return fmt.Errorf("record the upgrade: %w", err)
	}
	return nil
}

func (s *Service) clear(ctx context.Context, tenant uuid.UUID) (bool, error) {
	found := false
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update app.tenant_scope set problem = '' where tenant_id = $1 and schema <> 'pool'`, tenant)
		if found = tag.RowsAffected() == 1; err != nil || !found {
			return err
		}
		return audit.Operated(ctx, tx, audit.Operation{Entry: audit.Entry{Action: "upgrade.retried", Target: tenant.String()}, Tenant: tenant})
	})
	if err != nil {
		return false, fmt.Errorf("clear the problem: %w", err)
	}
	return found, nil
}
