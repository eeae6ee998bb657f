// Package scoped is the way to what a tenant has in identity: a transaction in which no row of another tenant is there.
package scoped

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

var errNoScope = errs.Unauthenticated("sign_in_required", "Sign in to continue.")

// Access is what the tenant's part of identity is reached with.
type Access struct {
	Identity *pgxpool.Pool // of the role identity
	DB       *db.DB        // decides about permissions
}

// InTenant runs fn for the tenant of ctx, if ctx has the permission.
func (a Access) InTenant(ctx context.Context, p tenancy.Permission, fn func(pgx.Tx, tenancy.Scope) error) error {
	scope, ok := tenancy.From(ctx)
	if !ok || scope.Tenant == uuid.Nil {
		return errNoScope
	}
	if err := a.DB.Allow(ctx, p, tenancy.Whole{}); err != nil {
		return err
	}
	return a.Of(ctx, scope.Tenant, func(tx pgx.Tx) error { return fn(tx, scope) })
}

// Of runs fn for a tenant. Its callers have made sure of the right to it.
func (a Access) Of(ctx context.Context, tenant uuid.UUID, fn func(pgx.Tx) error) error {
	// A parsed UUID has hexadecimal digits and hyphens only.
	begin := "begin; set local identity.tenant = '" + tenant.String() + "'"
	return pgx.BeginTxFunc(ctx, a.Identity, pgx.TxOptions{BeginQuery: anyTenant(begin)}, fn)
}

// anyTenant leaves the tenant out where that is a planted fault.
func anyTenant(begin string) string {
	return fault.Else(fault.KeyOfAnyTenant, fault.Else(fault.KeyRevokedAnywhere, begin, "begin"), "begin")
}

// ByPerson is InTenant for a change that only people make, one at a time among all processes for each tenant and kind of
// thing; others get people. fn gets the role that the caller has now, which has the permission: what the request began
// with may be two seconds old.
func (a Access) ByPerson(ctx context.Context, p tenancy.Permission, things string, people error, fn func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error) error {
	return a.InTenant(ctx, p, func(tx pgx.Tx, scope tenancy.Scope) error {
		if err := Lock(ctx, tx, scope.Tenant, things); err != nil {
			return err
		}
		own, ok, err := roleOf(ctx, tx, scope.Tenant, scope.User)
		if err != nil {
			return err
		}
		if !ok || scope.By() != uuid.Nil {
			return people
		}
		now := scope
		now.Role = own
		if err := a.DB.Allow(tenancy.With(ctx, now), p, tenancy.Whole{}); err != nil {
			return err
		}
		return fn(tx, now, own)
	})
}

// Lock lets one change of a tenant's things happen at a time, among all processes, until the transaction ends.
func Lock(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, things string) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: "+things+" of "+tenant.String()); err != nil {
		return fmt.Errorf("lock %s: %w", things, err)
	}
	return nil
}

// roleOf is the role of a person in the tenant now; ok is false for whoever is no member.
func roleOf(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID) (role tenancy.Role, ok bool, err error) {
	err = tx.QueryRow(ctx, `select role from identity.membership where tenant_id = $1 and user_id = $2 and status = 'active' for share`, tenant, user).Scan(&role)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read the caller's role: %w", err)
	}
	return role, true, nil
}
