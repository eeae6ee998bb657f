package tier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
)

const columns = `name, title, summary, position, placement, public, price, currency, limits, features, version`

// List returns all tiers, or those that are offered at sign-up, in their order. There are few: operators make them.
func (s *Service) List(ctx context.Context, public bool) ([]Tier, error) {
	rows, err := s.Pool.Query(ctx, `select `+columns+` from control.tier where public or not $1 order by position, name limit 200`, public)
	if err != nil {
		return nil, fmt.Errorf("list tiers: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Tier])
}

// Get returns one tier.
func (s *Service) Get(ctx context.Context, name string) (Tier, error) {
	rows, err := s.Pool.Query(ctx, `select `+columns+` from control.tier where name = $1`, name)
	return one(rows, err)
}

func one(rows pgx.Rows, err error) (Tier, error) {
	if err != nil {
		return Tier{}, fmt.Errorf("read tier: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Tier])
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Tier{}, ErrNotFound
	case errors.As(err, &pg) && pg.Code == "23505":
		return Tier{}, ErrTaken
	case err != nil:
		return Tier{}, fmt.Errorf("read tier: %w", err)
	}
	return t, nil
}

func (t Tier) args() pgx.NamedArgs {
	if t.Limits == nil {
		t.Limits = map[Limit]int64{}
	}
	if t.Features == nil {
		t.Features = []Feature{}
	}
	return pgx.NamedArgs{
		"name": t.Name, "title": t.Title, "summary": t.Summary, "position": t.Position, "placement": t.Placement, "public": t.Public,
		"price": t.Price, "currency": t.Currency, "limits": t.Limits, "features": t.Features, "version": t.Version,
	}
}

// Add adds a tier.
func (s *Service) Add(ctx context.Context, t Tier) (added Tier, err error) {
	if err := t.check(); err != nil {
		return Tier{}, err
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		added, err = one(tx.Query(ctx, `
			insert into control.tier (name, title, summary, position, placement, public, price, currency, limits, features)
			values (@name, @title, @summary, @position, @placement, @public, @price, @currency, @limits, @features) returning `+columns, t.args()))
		if err != nil {
			return err
		}
		return audit.Operated(ctx, tx, audit.Operation{Entry: audit.Entry{Action: "tier.added", Target: t.Name, After: added}})
	})
	return added, err
}

// Change replaces a tier whose version is still the one that the caller saw. Its placement stays: tenants would have to move.
func (s *Service) Change(ctx context.Context, t Tier) (changed Tier, err error) {
	if err := t.check(); err != nil {
		return Tier{}, err
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		before, err := one(tx.Query(ctx, `select `+columns+` from control.tier where name = $1 for update`, t.Name))
		if err != nil {
			return err
		}
		changed, err = one(tx.Query(ctx, `
			update control.tier set title = @title, summary = @summary, position = @position, public = @public, price = @price, currency = @currency,
				limits = @limits, features = @features, version = version + 1, updated_at = now()
			where name = @name and version = @version and placement = @placement returning `+columns, t.args()))
		if errors.Is(err, ErrNotFound) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
		return audit.Operated(ctx, tx, audit.Operation{Entry: audit.Entry{Action: "tier.changed", Target: t.Name, Before: before, After: changed}})
	})
	s.Forget(uuid.Nil)
	return changed, err
}

// Remove removes a tier that no tenant has.
func (s *Service) Remove(ctx context.Context, name string) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		removed, err := one(tx.Query(ctx, `delete from control.tier where name = $1 returning `+columns, name))
		if err != nil {
			return err
		}
		return audit.Operated(ctx, tx, audit.Operation{Entry: audit.Entry{Action: "tier.removed", Target: name, Before: removed}})
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23503" {
		return ErrUsed
	}
	return err
}

// OwnLimit is a limit that a tenant has in place of its tier's.
type OwnLimit struct {
	Name   Limit
	Value  int64
	Reason string
	SetAt  time.Time
}

// OwnLimits returns the limits that a tenant has in place of its tier's; there are at most as many as limits.
func (s *Service) OwnLimits(ctx context.Context, tenant uuid.UUID) ([]OwnLimit, error) {
	rows, err := s.Pool.Query(ctx, `select name, value, reason, set_at from control.tenant_limit where tenant_id = $1 order by name limit 100`, tenant)
	if err != nil {
		return nil, fmt.Errorf("read limits: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[OwnLimit])
}

// tierOf is the tier that a tenant has.
func (s *Service) tierOf(ctx context.Context, tenant uuid.UUID) (Tier, error) {
	t, err := one(s.Pool.Query(ctx, `select `+columns+` from control.tier where name = (select tier from control.tenant where id = $1)`, tenant))
	if errors.Is(err, ErrNotFound) {
		return Tier{}, ErrTenant
	}
	return t, err
}

func (s *Service) setLimit(ctx context.Context, tenant uuid.UUID, l Limit, value *int64, reason string) error {
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		args := pgx.NamedArgs{"tenant": tenant, "name": string(l), "value": value, "reason": reason}
		var before *int64
		err = tx.QueryRow(ctx, `select value from control.tenant_limit where tenant_id = @tenant and name = @name for update`, args).Scan(&before)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		change := `
			insert into control.tenant_limit (tenant_id, name, value, reason) values (@tenant, @name, @value, @reason)
			on conflict (tenant_id, name) do update set value = excluded.value, reason = excluded.reason, set_at = now()`
		if value == nil {
			change = `delete from control.tenant_limit where tenant_id = @tenant and name = @name`
		}
		if tag, err := tx.Exec(ctx, change, args); err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return audit.Operated(ctx, tx, audit.Operation{Tenant: tenant, Reason: reason, Entry: audit.Entry{
			Action: "tenant.limit", Target: tenant.String(), Detail: map[string]any{"limit": l, "value": value},
			Before: map[string]any{string(l): before}, After: map[string]any{string(l): value},
		}})
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23503" {
		return ErrTenant
	}
	if err != nil {
		return fmt.Errorf("set limit: %w", err)
	}
	return nil
}
