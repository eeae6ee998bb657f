package auditlog

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Asked is what entries are found by.
type Asked struct {
	Action  string    `query:"action" maxLength:"100" doc:"Start of an action, such as lab. or member."`
	Actor   string    `query:"actor" maxLength:"36" doc:"Id of a person or a machine client"`
	Target  string    `query:"target" maxLength:"200" doc:"What was changed: the whole id or name"`
	Address string    `query:"address" maxLength:"64" doc:"Network address that the request came from"`
	Request string    `query:"request" maxLength:"64" doc:"Id of a request"`
	From    time.Time `query:"from" doc:"Not before"`
	To      time.Time `query:"to" doc:"Before"`
	Q       string    `query:"q" maxLength:"100" doc:"A text in the target, the detail or what changed; a page looks through 5000 entries for it"`
}

type output[T any] struct{ Body T }

func (q Asked) filter() (Filter, error) {
	f := Filter{Action: q.Action, Target: q.Target, Address: q.Address, Request: q.Request, Text: q.Q, From: q.From, To: q.To}
	err := optional(&f.Actor, q.Actor)
	return f, err
}

func optional(id *uuid.NullUUID, text string) error {
	if text == "" {
		return nil
	}
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return errID.Wrap(err)
	}
	return nil
}

// asked is what the entry about an export says of its query: by what it selects and its time, not whom or what it looks for.
func (q Asked) asked() map[string]any {
	detail, by := map[string]any{}, []string{}
	for _, part := range [][2]string{{"action", q.Action}, {"actor", q.Actor}, {"target", q.Target}, {"address", q.Address}, {"request", q.Request}, {"text", q.Q}} {
		if part[1] != "" {
			by = append(by, part[0])
		}
	}
	if len(by) > 0 {
		detail["by"] = by
	}
	for name, value := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !value.IsZero() {
			detail[name] = value
		}
	}
	return detail
}

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, entries().Operation(httpx.Operation(http.MethodGet, "/v1/tenant/audit", "list-audit", policy.TenantRead, "The organisation's audit log, the newest first", "tenant")),
		func(ctx context.Context, in *struct {
			Asked
			list.Query
		}) (*output[Page], error) {
			return s.list(ctx, policy.TenantRead, in.Asked, in.Query)
		})
	export := httpx.Operation(http.MethodGet, "/v1/tenant/audit/export", "export-audit", policy.TenantRead,
		"Entries of the audit log, the oldest first, 100000 at most; the log has an entry about it", "tenant")
	export.Responses = map[string]*huma.Response{"200": {Description: "The entries; JSON Lines have the seals that prove them as well", Content: map[string]*huma.MediaType{
		"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}, "application/jsonl": {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
	huma.Register(api, export, func(ctx context.Context, in *struct {
		Asked
		Format string `query:"format" enum:"csv,jsonl" default:"csv"`
	}) (*huma.StreamResponse, error) {
		f, err := in.filter()
		if err != nil {
			return nil, err
		}
		return s.export(ctx, f, in.Format, in.asked())
	})
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/tenant/audit/seals", "get-audit-seals", policy.TenantRead, "How far the audit log is sealed, and when it was last checked", "tenant"),
		func(ctx context.Context, _ *struct{}) (*output[Seals], error) {
			found, err := s.Seals(ctx)
			return &output[Seals]{found}, err
		})
	huma.Register(api, httpx.Operation(http.MethodPost, "/v1/tenant/audit/verify", "verify-audit", policy.TenantRead, "Check that the audit log is as it was sealed", "tenant"),
		func(ctx context.Context, _ *struct{}) (*output[*chain.Report], error) {
			r, err := s.Verify(ctx)
			if err != nil {
				return nil, err
			}
			return &output[*chain.Report]{r}, nil
		})
	huma.Register(api, entries().Operation(httpx.Operation(http.MethodGet, "/v1/operator/tenants/{id}/audit", "list-tenant-audit", policy.OperatorRead,
		"An organisation's audit log, for an operator who has entered it with a reason", "operator")),
		func(ctx context.Context, in *struct {
			ID uuid.UUID `path:"id" format:"uuid"`
			Asked
			list.Query
		}) (*output[Page], error) {
			if err := s.Inside(ctx, in.ID); err != nil {
				return nil, err
			}
			return s.list(tenancy.System(ctx, in.ID), policy.TenantSystem, in.Asked, in.Query)
		})
}

func (s *Service) list(ctx context.Context, p tenancy.Permission, q Asked, page list.Query) (*output[Page], error) {
	f, err := q.filter()
	if err != nil {
		return nil, err
	}
	found, err := s.List(ctx, p, f, page)
	if err != nil {
		return nil, err
	}
	return &output[Page]{found}, nil
}
