// Package provision makes and removes what a tenant has in identity: the user pool of a silo, the first owner of any
// tenant, and all of it again. Its callers are durable workflows: every function can be cut short anywhere and run again.
package provision

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/seat"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// EnterLinkLife is how long the link to choose the first password is good.
const EnterLinkLife = 3 * 24 * time.Hour

// Service provisions in the database of identity.
type Service struct {
	DB        *pgxpool.Pool // of the role identity
	Keys      *keyring.Ring
	PublicURL string // how browsers reach the installation, without a path
	Now       func() time.Time
	Forget    func(tenant uuid.UUID) // drops what this process remembers of a tenant
	Room      seat.Room              // whether the plan has room for one more member
}

// NewMember is somebody whose e-mail address is proved.
type NewMember struct {
	Pool   string // must be the tenant's: see PoolOf
	Tenant uuid.UUID
	Email  string
	Name   string // of a person who is new to the pool; others keep theirs
}

// The errors that callers can tell apart.
var (
	ErrNoTenant    = errs.NotFound("no_such_tenant", "There is no such tenant.")
	ErrPoolTaken   = errs.Conflict("pool_taken", "Another tenant has a user pool of this name. Choose another name.")
	ErrPoolName    = errs.Invalid("pool_name", "A silo's user pool has the tenant's own name, and the tenant default has the pool default.")
	ErrHasPeople   = errs.Conflict("tenant_has_people", "The tenant has members in the shared user pool, who would lose their access. Remove them first, or leave the tenant's sign-in where it is.")
	ErrOtherPool   = errs.Conflict("other_pool", "The tenant's people are in another user pool. Ask for the tenant's pool first.")
	ErrUnproved    = errs.Conflict("operator_unproved", "This e-mail address belongs to an operator of the installation who has not proved it. Use another address, or let the operator change theirs.")
	ErrDisabled    = errs.Conflict("account_disabled", "The account with this e-mail address is disabled. Use another address, or ask whoever runs the installation.")
	ErrHasPassword = errs.Conflict("has_password", "This person has a password already and signs in with it.")
	ErrActive      = errs.Conflict("tenant_active", "The tenant is in use. Off-board it first.")
	ErrNoUser      = errs.NotFound("no_such_user", "There is no such user.")

	errMember = errs.Invalid("invalid_member", "The owner cannot be made like this; see errors.")
)

// MakePool makes a silo's own user pool with its console client and its first signing key.
func (s *Service) MakePool(ctx context.Context, tenant uuid.UUID, name string) error {
	if name == "default" || tenant == tenancy.DefaultTenant() {
		return ErrPoolName
	}
	var pool uuid.UUID
	err := s.locked(ctx, tenant, func(tx pgx.Tx) error {
		t, err := readTenant(ctx, tx, tenant)
		if err != nil {
			return err
		}
		if t.name != name {
			return ErrPoolName
		}
		pool, err = insertPool(ctx, tx, tenant, name)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := s.Keys.All(ctx, pool); err != nil { // which makes the first
		return err
	}
	s.Forget(tenant)
	return nil
}

// PoolOf is the user pool of a tenant's people: its name, and the issuer that they sign in with.
func (s *Service) PoolOf(ctx context.Context, tenant uuid.UUID) (name, issuer string, err error) {
	err = s.DB.QueryRow(ctx, `
		select p.name from control.tenant t join identity.pool p on p.id = identity.pool_of(t.id) where t.id = $1`, tenant).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", ErrNoTenant
	}
	if err != nil {
		return "", "", fmt.Errorf("read the tenant's pool: %w", err)
	}
	return name, s.PublicURL + "/pools/" + name, nil
}

// AddOwner makes a person with a proved e-mail address an owner of the tenant: one whom the pool has already, or a new
// one without a password, who needs an EnterLink. An account of this address that nobody has proved was made by anybody:
// it becomes the one of whoever has proved the address now, and everything that opened it before is void.
func (s *Service) AddOwner(ctx context.Context, in NewMember) (user uuid.UUID, hasPassword bool, err error) {
	in.Email, in.Name = address.CleanEmail(in.Email), address.CleanName(in.Name)
	if problem := address.CheckEmail(in.Email); problem != "" {
		return uuid.Nil, false, errMember.WithFields(errs.Field{Path: "email", Message: problem})
	}
	err = s.locked(ctx, in.Tenant, func(tx pgx.Tx) error {
		if _, err := readTenant(ctx, tx, in.Tenant); err != nil {
			return err
		}
		pool, err := poolNamed(ctx, tx, in.Tenant, in.Pool)
		if err != nil {
			return err
		}
		user, hasPassword, err = s.person(ctx, tx, pool, in)
		if err != nil {
			return err
		}
		if err := s.seatOwner(ctx, tx, user, in.Tenant); err != nil {
			return err
		}
		return insertOwner(ctx, tx, user, in.Tenant)
	})
	if err != nil {
		return uuid.Nil, false, err
	}
	s.Forget(in.Tenant)
	return user, hasPassword, nil
}

// person finds or makes the account of a proved address.
func (s *Service) person(ctx context.Context, tx pgx.Tx, pool uuid.UUID, in NewMember) (uuid.UUID, bool, error) {
	who, found, err := findPerson(ctx, tx, pool, in.Email)
	switch {
	case err != nil:
		return uuid.Nil, false, err
	case !found:
		if problem := address.CheckName(in.Name); problem != "" {
			return uuid.Nil, false, errMember.WithFields(errs.Field{Path: "name", Message: problem})
		}
		id, err := insertPerson(ctx, tx, pool, in)
		return id, false, err
	case who.Disabled:
		return uuid.Nil, false, ErrDisabled
	case who.Proved:
		return who.ID, who.HasPassword, nil
	case who.Operator:
		return uuid.Nil, false, ErrUnproved
	default:
		return who.ID, false, HandOver(ctx, tx, who.ID, s.Now())
	}
}

// EnterLink makes a one-time link with which a person without a password chooses one; earlier links end.
func (s *Service) EnterLink(ctx context.Context, user uuid.UUID) (string, error) {
	token, hash := opaque.New()
	var pool string
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		var id uuid.UUID
		var hasPassword bool
		err := tx.QueryRow(ctx, `
			select p.id, p.name, u.password_hash is not null from identity."user" u join identity.pool p on p.id = u.pool_id
			where u.id = $1 for update of u`, user).Scan(&id, &pool, &hasPassword)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return ErrNoUser
		case err != nil:
			return fmt.Errorf("read user: %w", err)
		case hasPassword:
			return ErrHasPassword
		}
		return insertLink(ctx, tx, hash, id, user, s.Now().Add(EnterLinkLife))
	})
	if err != nil {
		return "", err
	}
	return s.PublicURL + "/pools/" + pool + "/enter?token=" + url.QueryEscape(token), nil
}

// NoPassword refuses somebody who has a password: they sign in with it.
func (s *Service) NoPassword(ctx context.Context, user uuid.UUID) error {
	var has bool
	err := s.DB.QueryRow(ctx, `select password_hash is not null from identity."user" where id = $1`, user).Scan(&has)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNoUser
	case err != nil:
		return fmt.Errorf("read user: %w", err)
	case has:
		return ErrHasPassword
	}
	return nil
}

// RemoveTenant removes everything that a tenant has in identity: memberships, sign-ins, its pool, and the people whom no
// other tenant has; operators stay. It returns how many rows of each table went. A tenant in use is refused.
func (s *Service) RemoveTenant(ctx context.Context, tenant uuid.UUID) (map[string]int64, error) {
	if tenant == tenancy.DefaultTenant() {
		return nil, ErrActive
	}
	removed := map[string]int64{}
	err := s.locked(ctx, tenant, func(tx pgx.Tx) error {
		t, err := readTenant(ctx, tx, tenant)
		if err != nil && !errors.Is(err, ErrNoTenant) {
			return err
		}
		if err == nil && (t.status == "active" || t.status == "suspended") {
			return ErrActive
		}
		return remove(ctx, tx, tenant, removed)
	})
	if err != nil {
		return nil, err
	}
	s.Forget(tenant)
	return removed, nil
}

// ForgetTenant drops what this process remembers of a tenant.
func (s *Service) ForgetTenant(tenant uuid.UUID) { s.Forget(tenant) }

// locked runs fn in a transaction, one at a time for each tenant among all processes.
func (s *Service) locked(ctx context.Context, tenant uuid.UUID, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: tenant "+tenant.String()); err != nil {
			return fmt.Errorf("lock tenant: %w", err)
		}
		return fn(tx)
	})
}
