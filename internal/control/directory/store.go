package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Every statement names the tenant: tables of control have no row level security.

const columns = `d.id, d.tenant_id, d.domain, d.token, d.state, d.problem, d.created_at, d.checked_at, d.proved_at, d.failing_since`

// tenantNamed finds a tenant. One whose data is deleted is unknown; a suspended one is told of when its people sign in.
func (s *Service) tenantNamed(ctx context.Context, name string) (t Tenant, err error) {
	err = s.Pool.QueryRow(ctx, `select id, name, title from control.tenant where name = $1 and status <> 'purged'`, name).Scan(&t.ID, &t.Name, &t.Title)
	if errors.Is(err, pgx.ErrNoRows) {
		return Tenant{}, ErrUnknown
	}
	if err != nil {
		return Tenant{}, fmt.Errorf("read tenant: %w", err)
	}
	return t, nil
}

// tenantOfDomain finds the tenant that has proved a domain, or else the default one: by the same statement, so that
// nobody tells one from the other by the time that it takes.
func (s *Service) tenantOfDomain(ctx context.Context, domain string) (t Tenant, proved bool, err error) {
	err = s.Pool.QueryRow(ctx, `
		with owner as (
			select o.id from control.email_domain d join control.tenant o on o.id = d.tenant_id join control.tier i on i.name = o.tier
			where d.domain = @domain and d.state in ('proved', 'failing') and o.status <> 'purged' and @feature = any (i.features))
		select t.id, t.name, t.title, exists (select from owner) from control.tenant t where t.id = coalesce((select id from owner), @default)`,
		pgx.NamedArgs{"domain": domain, "feature": string(tier.EmailDomains), "default": tenancy.DefaultTenant()}).Scan(&t.ID, &t.Name, &t.Title, &proved)
	if err != nil {
		return Tenant{}, false, fmt.Errorf("read tenant of domain: %w", err)
	}
	return t, proved, nil
}

// lockTenant keeps others from adding a domain to the tenant meanwhile.
func lockTenant(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	if _, err := tx.Exec(ctx, `select from control.tenant where id = $1 for no key update`, tenant); err != nil {
		return fmt.Errorf("lock tenant: %w", err)
	}
	return nil
}

func count(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (n int, err error) {
	if err := tx.QueryRow(ctx, `select count(*) from control.email_domain where tenant_id = $1`, tenant).Scan(&n); err != nil {
		return 0, fmt.Errorf("count domains: %w", err)
	}
	return n, nil
}

func insert(ctx context.Context, tx pgx.Tx, d Domain) (id uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `
		insert into control.email_domain (tenant_id, domain, token, created_at, next_check_at) values (@tenant, @domain, @token, @now, @now) returning id`,
		pgx.NamedArgs{"tenant": d.Tenant, "domain": d.Domain, "token": d.Token, "now": d.CreatedAt}).Scan(&id)
	if unique(err) {
		return uuid.Nil, ErrListed
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("insert domain: %w", err)
	}
	return id, nil
}

func unique(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}

func (s *Service) list(ctx context.Context, tenant uuid.UUID) ([]Domain, error) {
	rows, err := s.Pool.Query(ctx, `select `+columns+` from control.email_domain d where d.tenant_id = $1 order by d.domain limit $2`, tenant, MaxDomains)
	if err != nil {
		return nil, fmt.Errorf("list domains: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Domain])
}

func (s *Service) get(ctx context.Context, tenant, id uuid.UUID) (Domain, error) {
	rows, err := s.Pool.Query(ctx, `select `+columns+` from control.email_domain d where d.tenant_id = $1 and d.id = $2`, tenant, id)
	return one(rows, err)
}

func lock(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (Domain, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from control.email_domain d where d.tenant_id = $1 and d.id = $2 for update`, tenant, id)
	return one(rows, err)
}

func remove(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (Domain, error) {
	rows, err := tx.Query(ctx, `delete from control.email_domain d where d.tenant_id = $1 and d.id = $2 returning `+columns, tenant, id)
	return one(rows, err)
}

func one(rows pgx.Rows, err error) (Domain, error) {
	if err != nil {
		return Domain{}, fmt.Errorf("read domain: %w", err)
	}
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Domain])
	if errors.Is(err, pgx.ErrNoRows) {
		return Domain{}, ErrDomain
	}
	if err != nil {
		return Domain{}, fmt.Errorf("read domain: %w", err)
	}
	return d, nil
}

// update writes what a check found; ErrTaken where another tenant has proved the domain.
func update(ctx context.Context, tx pgx.Tx, d Domain, next time.Time) error {
	_, err := tx.Exec(ctx, `
		update control.email_domain set state = @state, problem = @problem, checked_at = @checked, proved_at = @proved,
			failing_since = @failing, next_check_at = @next
		where tenant_id = @tenant and id = @id`, pgx.NamedArgs{
		"state": string(d.State), "problem": d.Problem, "checked": d.CheckedAt, "proved": d.ProvedAt, "failing": d.FailingSince, "next": next,
		"tenant": d.Tenant, "id": d.ID,
	})
	if unique(err) {
		return ErrTaken.Wrap(err)
	}
	if err != nil {
		return fmt.Errorf("update domain: %w", err)
	}
	return nil
}

// claim returns proved domains that are due, of all tenants, and puts their next check off, so that no other process
// checks them as well and a domain that cannot be written does not come again at once.
func (s *Service) claim(ctx context.Context, now time.Time, most int) ([]Domain, error) {
	rows, err := s.Pool.Query(ctx, `
		with due as (
			select id from control.email_domain where state in ('proved', 'failing') and next_check_at <= @now
			order by next_check_at limit @most for update skip locked)
		update control.email_domain d set next_check_at = @next from due where d.id = due.id returning `+columns,
		pgx.NamedArgs{"now": now, "most": most, "next": now.Add(checkEvery)})
	if err != nil {
		return nil, fmt.Errorf("claim domains: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Domain])
}

// RemoveTenant deletes the domains of a tenant that is purged and counts them. Others can prove them then.
func (s *Service) RemoveTenant(ctx context.Context, tenant uuid.UUID) (int64, error) {
	tag, err := s.Pool.Exec(ctx, `delete from control.email_domain where tenant_id = $1`, tenant)
	if err != nil {
		return 0, fmt.Errorf("remove domains: %w", err)
	}
	s.Forget()
	return tag.RowsAffected(), nil
}
