package auditlog

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/audit/trail"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

type output[T any] struct{ Body T }

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/tenant/audit", "list-audit", policy.TenantRead, "The organisation's audit log, the newest first", "tenant"),
		func(ctx context.Context, in *struct {
			trail.Query
			trail.PageQuery
		}) (*output[trail.Page], error) {
			return s.list(ctx, policy.TenantRead, in.Query, in.PageQuery)
		})
	export := httpx.Operation(http.MethodGet, "/v1/tenant/audit/export", "export-audit", policy.TenantRead,
		"Entries of the audit log, the oldest first, 100000 at most; the log has an entry about it", "tenant")
	export.Responses = trail.Responses()
	huma.Register(api, export, func(ctx context.Context, in *struct {
		trail.Query
		trail.Format
	}) (*huma.StreamResponse, error) {
		f, err := in.Filter()
		if err != nil {
			return nil, err
		}
		return s.Exports.Stream(ctx, s.export(ctx, f, in.Format.Format, in.Asked(in.Format.Format)))
	})
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/tenant/audit/seals", "get-audit-seals", policy.TenantRead, "How far the audit log is sealed, and when it was last checked", "tenant"),
		func(ctx context.Context, _ *struct{}) (*output[trail.Seals], error) {
			found, err := s.Seals(ctx)
			return &output[trail.Seals]{found}, err
		})
	huma.Register(api, httpx.Operation(http.MethodPost, "/v1/tenant/audit/verify", "verify-audit", policy.TenantRead, "Check that the audit log is as it was sealed", "tenant"),
		func(ctx context.Context, _ *struct{}) (*output[*chain.Report], error) {
			r, err := s.Verify(ctx)
			if err != nil {
				return nil, err
			}
			return &output[*chain.Report]{r}, nil
		})
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/operator/tenants/{id}/audit", "list-tenant-audit", policy.OperatorRead,
		"An organisation's audit log, for an operator who has entered it with a reason", "operator"),
		func(ctx context.Context, in *struct {
			ID uuid.UUID `path:"id" format:"uuid"`
			trail.Query
			trail.PageQuery
		}) (*output[trail.Page], error) {
			if err := s.Inside(ctx, in.ID); err != nil {
				return nil, err
			}
			return s.list(tenancy.System(ctx, in.ID), policy.TenantSystem, in.Query, in.PageQuery)
		})
}

func (s *Service) list(ctx context.Context, p tenancy.Permission, q trail.Query, page trail.PageQuery) (*output[trail.Page], error) {
	f, err := q.Filter()
	if err != nil {
		return nil, err
	}
	before, err := page.Before()
	if err != nil {
		return nil, err
	}
	found, err := s.List(ctx, p, f, before, page.Limit)
	if err != nil {
		return nil, err
	}
	return &output[trail.Page]{found}, nil
}
