// Package auditlog shows a tenant's audit log: to those of its people who may see it, and to operators who have entered the
// tenant with a reason, which the log shows as well. It finds entries, exports them, and checks the log's seals.
package auditlog

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/audit/trail"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Service reads audit logs.
type Service struct {
	DB    *db.DB
	Names trail.Names
	// Inside tells whether the operator in ctx has entered a tenant.
	Inside  func(ctx context.Context, tenant uuid.UUID) error
	Exports *trail.Exporter
}

// List returns the entries before one, the newest first.
func (s *Service) List(ctx context.Context, p tenancy.Permission, f trail.Filter, before uuid.NullUUID, limit int) (trail.Page, error) {
	read := func(ctx context.Context, sql string, args pgx.NamedArgs) ([]trail.Row, error) {
		return db.ReadInTenant(ctx, s.DB, p, sql, args, pgx.RowToStructByPos[trail.Row])
	}
	return trail.Organisation().List(ctx, read, s.Names, f, before, limit)
}

// export is an export of the caller's log.
func (s *Service) export(ctx context.Context, f trail.Filter, format string, detail map[string]any) trail.Export {
	scope, _ := tenancy.From(ctx)
	return trail.Export{
		Log: trail.Organisation(), Tenant: scope.Tenant, Name: "audit", Filter: f, Format: format,
		Begin: func(ctx context.Context) error {
			return s.DB.InWholeTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error { return audit.Record(ctx, tx, "audit.exported", "", detail) })
		},
		In: func(ctx context.Context, fn func(pgx.Tx) error) error {
			return s.DB.SnapshotInTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error {
				if err := db.Allow(ctx, tx, policy.TenantRead, tenancy.Whole{}); err != nil {
					return err
				}
				return fn(tx)
			})
		},
	}
}

// Seals tells how far the caller's log is sealed.
func (s *Service) Seals(ctx context.Context) (out trail.Seals, err error) {
	checked, err := db.ReadInTenant(ctx, s.DB, policy.TenantRead, trail.LastChecked, pgx.NamedArgs{"action": trail.ActionVerified}, pgx.RowToStructByPos[trail.Verified])
	if err != nil {
		return out, err
	}
	scope, _ := tenancy.From(ctx)
	return trail.SealsOf(ctx, s.Exports.Chain, scope.Tenant, checked)
}

// Verify checks the caller's log and leaves an entry that says how it came out.
func (s *Service) Verify(ctx context.Context) (*chain.Report, error) {
	if err := s.DB.Allow(ctx, policy.TenantRead, tenancy.Whole{}); err != nil {
		return nil, err
	}
	scope, _ := tenancy.From(ctx)
	r, e, err := trail.Check(ctx, s.Exports.Chain, scope.Tenant)
	if err != nil {
		return nil, err
	}
	return r, s.DB.InWholeTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error { return audit.Add(ctx, tx, e) })
}
