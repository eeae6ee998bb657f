package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Errors about where a tenant's data is.
var (
	// ErrNoTenant says that a tenant is not there, or not there any more.
	ErrNoTenant = errs.NotFound("no_such_tenant", "There is no such organisation.")
	// ErrClosed says that a tenant is not open to people, such as while it is suspended.
	ErrClosed = errs.Forbidden("tenant_closed", "This organisation is not open at the moment. Ask its administrator.")
	// ErrUpgrading says that a silo's schema is older than the program.
	ErrUpgrading = errs.Unavailable("tenant_upgrading", "Your organisation's data is being brought up to date. Try again in a few minutes.")
)

// place is where a tenant's data is, and what signs its scopes.
type place struct {
	Schema  string
	Login   Role
	Key     []byte
	People  bool  // false: only the program itself may act
	Gate    int64 // the advisory lock that writers share and a move takes alone
	Version int64 // of the schema, for a silo
}

func (p place) same(o place) bool {
	return p.Schema == o.Schema && p.Login == o.Login && bytes.Equal(p.Key, o.Key)
}

func (p place) pooled() bool { return p.Schema == PoolSchema }

// Places knows where each tenant's data is. What it remembers may be old: PostgreSQL refuses the scope then, and InTenant
// asks again.
type Places struct {
	control *pgxpool.Pool
	want    int64 // version that a silo's schema must have
	known   *cache.Cache[uuid.UUID, place]
}

// PlaceLife is how long a process may take a tenant to be where it no longer is.
const PlaceLife = 5 * time.Second

// maxPlaces bounds what Places remembers: about 300 bytes each.
const maxPlaces = 50_000

// NewPlaces returns a Places that reads as the role control.
func NewPlaces(control *pgxpool.Pool) (*Places, error) {
	want, err := TenantVersion()
	if err != nil {
		return nil, err
	}
	return &Places{control: control, want: want, known: cache.New[uuid.UUID, place](maxPlaces, PlaceLife, time.Now)}, nil
}

// of returns where a scope's tenant is, if it may be served there now.
func (p *Places) of(ctx context.Context, s tenancy.Scope) (place, error) {
	found, err := p.known.Get(fault.Else(fault.PlaceOfAnother, s.Tenant, uuid.Nil), func() (place, error) { return p.read(ctx, s.Tenant) })
	switch {
	case err != nil:
		return place{}, err
	case !found.pooled() && found.Version != p.want:
		p.Forget(s.Tenant)
		return place{}, ErrUpgrading
	case !found.People && s.Role != tenancy.RoleSystem:
		p.Forget(s.Tenant)
		return place{}, ErrClosed
	}
	return found, nil
}

func (p *Places) read(ctx context.Context, tenant uuid.UUID) (place, error) {
	rows, err := p.control.Query(ctx, `
		select schema::text, login::text, key, people, gate, version from app.tenant_scope where tenant_id = $1`, tenant)
	if err != nil {
		return place{}, fmt.Errorf("read the tenant's place: %w", err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[place])
	if errors.Is(err, pgx.ErrNoRows) {
		return place{}, ErrNoTenant
	}
	if err != nil {
		return place{}, fmt.Errorf("read the tenant's place: %w", err)
	}
	return found, nil
}

// Forget drops what is remembered about a tenant.
func (p *Places) Forget(tenant uuid.UUID) {
	p.known.Forget(func(t uuid.UUID) bool { return t == tenant })
}

// RotateKeys gives new keys to at most so many tenants whose keys are older than age, and tells how many there were.
func (p *Places) RotateKeys(ctx context.Context, age time.Duration, most int) (rotated int64, err error) {
	err = p.control.QueryRow(ctx, `select app.rotate_scope_keys($1, $2)`, age, most).Scan(&rotated)
	if err != nil {
		return 0, fmt.Errorf("rotate scope keys: %w", err)
	}
	return rotated, nil
}
