package tier

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
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
func (s *Service) Add(ctx context.Context, t Tier) (Tier, error) {
	if err := t.check(); err != nil {
		return Tier{}, err
	}
	return one(s.Pool.Query(ctx, `
		insert into control.tier (name, title, summary, position, placement, public, price, currency, limits, features)
		values (@name, @title, @summary, @position, @placement, @public, @price, @currency, @limits, @features) returning `+columns, t.args()))
}

// Change replaces a tier whose version is still the one that the caller saw. Its placement stays: tenants would have to move.
func (s *Service) Change(ctx context.Context, t Tier) (Tier, error) {
	if err := t.check(); err != nil {
		return Tier{}, err
	}
	changed, err := one(s.Pool.Query(ctx, `
		update control.tier set title = @title, summary = @summary, position = @position, public = @public, price = @price, currency = @currency,
			limits = @limits, features = @features, version = version + 1, updated_at = now()
		where name = @name and version = @version and placement = @placement returning `+columns, t.args()))
	if errors.Is(err, ErrNotFound) {
		if _, err := s.Get(ctx, t.Name); err != nil {
			return Tier{}, err
		}
		return Tier{}, ErrChanged
	}
	s.Forget(uuid.Nil)
	return changed, err
}

// Remove removes a tier that no tenant has.
func (s *Service) Remove(ctx context.Context, name string) error {
	tag, err := s.Pool.Exec(ctx, `delete from control.tier where name = $1`, name)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == "23503":
		return ErrUsed
	case err != nil:
		return fmt.Errorf("remove tier: %w", err)
	case tag.RowsAffected() == 0:
		return ErrNotFound
	}
	return nil
}
