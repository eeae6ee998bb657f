package branding

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Every statement names the tenant: tables of control have no row level security. The provider's row has none.

// ErrPicture is the answer to a name that no picture has.
var ErrPicture = errs.NotFound("no_such_picture", "There is no such picture. It may have been replaced.")

func owner(tenant uuid.UUID) uuid.NullUUID {
	return uuid.NullUUID{UUID: tenant, Valid: tenant != uuid.Nil}
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// get reads settings; those of nobody are empty.
func get(ctx context.Context, from querier, tenant uuid.UUID, lock string) (s Settings, err error) {
	var primary, accent *string
	err = from.QueryRow(ctx, `
		select title, primary_colour, accent_colour, support, terms, privacy, logo, icon from control.brand where tenant_id is not distinct from $1`+lock, owner(tenant)).
		Scan(&s.Title, &primary, &accent, &s.Support, &s.Terms, &s.Privacy, &s.Logo, &s.Icon)
	if errors.Is(err, pgx.ErrNoRows) {
		return Settings{}, nil
	}
	if err != nil {
		return Settings{}, fmt.Errorf("read brand: %w", err)
	}
	s.Primary, s.Accent = colourOf(primary), colourOf(accent)
	return s, nil
}

func colourOf(text *string) *brand.Colour {
	if text == nil {
		return nil
	}
	c, ok := brand.ParseColour(*text)
	if !ok {
		return nil
	}
	return &c
}

func textOf(c *brand.Colour) *string {
	if c == nil {
		return nil
	}
	return new(c.String())
}

// lock reads settings and keeps others from changing them meanwhile.
func lock(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (Settings, error) {
	if _, err := tx.Exec(ctx, `insert into control.brand (tenant_id) values ($1) on conflict do nothing`, owner(tenant)); err != nil {
		return Settings{}, fmt.Errorf("lock brand: %w", err)
	}
	return get(ctx, tx, tenant, " for update")
}

// keptPictures is how many of an owner stay that are no longer used, for the letters that show them.
const keptPictures = 8

// put writes settings, and pictures where there are new ones. Those before stay for a while, unless there is none any more:
// whoever removes a logo may have to.
func put(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, s Settings, pictures ...brand.File) error {
	args := pgx.NamedArgs{
		"tenant": owner(tenant), "title": s.Title, "primary": textOf(s.Primary), "accent": textOf(s.Accent), "support": s.Support, "terms": s.Terms, "privacy": s.Privacy,
		"logo": s.Logo, "icon": s.Icon,
	}
	batch := &pgx.Batch{}
	batch.Queue(`
		update control.brand set title = @title, primary_colour = @primary, accent_colour = @accent, support = @support, terms = @terms, privacy = @privacy,
			logo = @logo, icon = @icon, updated_at = now() where tenant_id is not distinct from @tenant`, args)
	for _, p := range pictures {
		if p.Hash != "" {
			batch.Queue(`insert into control.brand_picture (tenant_id, hash, content) values ($1, $2, $3)
				on conflict (tenant_id, hash) do update set created_at = now()`, owner(tenant), p.Hash, p.PNG)
		}
	}
	kept := keptPictures
	if s.Logo.Hash == "" {
		kept = 0
	}
	batch.Queue(`
		delete from control.brand_picture where tenant_id is not distinct from $1 and hash <> all ($2) and hash not in (
			select hash from control.brand_picture where tenant_id is not distinct from $1 order by created_at desc, hash limit $3)`,
		owner(tenant), []string{s.Logo.Hash, s.Icon.Hash}, kept)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write brand: %w", err)
	}
	return nil
}

// tenant reads what a tenant is called, and whether its plan has brands.
func (s *Service) tenant(ctx context.Context, id uuid.UUID) (title string, allowed bool, err error) {
	err = s.Pool.QueryRow(ctx, `select t.title, $2 = any (i.features) from control.tenant t join control.tier i on i.name = t.tier where t.id = $1`,
		id, string(tier.Branding)).Scan(&title, &allowed)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, tier.ErrTenant
	}
	if err != nil {
		return "", false, fmt.Errorf("read tenant: %w", err)
	}
	return title, allowed, nil
}

// Picture is a picture's PNG by its hash. The same one of several tenants is one.
func (s *Service) Picture(ctx context.Context, hash string) (png []byte, err error) {
	err = s.Pool.QueryRow(ctx, `select content from control.brand_picture where hash = $1 limit 1`, hash).Scan(&png)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrPicture
	}
	if err != nil {
		return nil, fmt.Errorf("read picture: %w", err)
	}
	return png, nil
}

// RemoveTenant deletes a tenant's brand and returns how many rows there were. It can be repeated.
func (s *Service) RemoveTenant(ctx context.Context, tenant uuid.UUID) (n int64, err error) {
	defer s.Forget(tenant)
	err = s.Pool.QueryRow(ctx, `
		with pictures as (delete from control.brand_picture where tenant_id = $1 returning 1), brands as (delete from control.brand where tenant_id = $1 returning 1)
		select (select count(*) from pictures) + (select count(*) from brands)`, tenant).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("remove brand: %w", err)
	}
	return n, nil
}
