// Package operatorlog shows the operators' log: what operators did to the installation, its tiers, user pools and mail, and to
// tenants as a whole. Entries are added by whoever makes a change, in its transaction, and nobody can change one; the log is
// sealed, searched and exported as an organisation's is.
package operatorlog

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/audit/trail"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// API shows the log.
type API struct {
	Pool    *pgxpool.Pool // of the role control
	Names   trail.Names
	Exports *trail.Exporter
}

// Query is what entries are found by.
type Query struct {
	trail.Query
	Tenant string `query:"tenant" maxLength:"36" doc:"Id of an organisation"`
}

func (q Query) filter() (trail.Filter, error) {
	f, err := q.Filter()
	if err == nil {
		err = trail.Optional(&f.Tenant, q.Tenant)
	}
	return f, err
}

type output[T any] struct{ Body T }

// Register adds the routes; they need the permission of operators.
func (a *API) Register(api huma.API, read tenancy.Permission) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/operator/audit", "list-operator-audit", read, "What operators did to the installation, the newest first", "operator"),
		func(ctx context.Context, in *struct {
			Query
			trail.PageQuery
		}) (*output[trail.Page], error) {
			f, err := in.filter()
			if err != nil {
				return nil, err
			}
			before, err := in.Before()
			if err != nil {
				return nil, err
			}
			page, err := trail.Operators().List(ctx, a.read, a.Names, f, before, in.Limit)
			return &output[trail.Page]{page}, err
		})
	export := httpx.Operation(http.MethodGet, "/v1/operator/audit/export", "export-operator-audit", read,
		"Entries of the operators' log, the oldest first, 100000 at most; the log has an entry about it", "operator")
	export.Responses = trail.Responses()
	huma.Register(api, export, func(ctx context.Context, in *struct {
		Query
		trail.Format
	}) (*huma.StreamResponse, error) {
		f, err := in.filter()
		if err != nil {
			return nil, err
		}
		detail := in.Asked(in.Format.Format)
		if f.Tenant.Valid {
			detail["tenant"] = f.Tenant.UUID
		}
		return a.Exports.Stream(ctx, a.export(f, in.Format.Format, detail))
	})
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/operator/audit/seals", "get-operator-audit-seals", read, "How far the operators' log is sealed, and when it was last checked", "operator"),
		func(ctx context.Context, _ *struct{}) (*output[trail.Seals], error) {
			found, err := a.seals(ctx)
			return &output[trail.Seals]{found}, err
		})
	huma.Register(api, httpx.Operation(http.MethodPost, "/v1/operator/audit/verify", "verify-operator-audit", read, "Check that the operators' log is as it was sealed", "operator"),
		func(ctx context.Context, _ *struct{}) (*output[*chain.Report], error) {
			r, e, err := trail.Check(ctx, a.Exports.Chain, chain.Operators())
			if err != nil {
				return nil, err
			}
			return &output[*chain.Report]{r}, a.record(ctx, e)
		})
}

func (a *API) read(ctx context.Context, sql string, args pgx.NamedArgs) (found []trail.Row, err error) {
	err = db.SnapshotInControl(ctx, a.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, sql, args)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[trail.Row])
		return err
	})
	return found, err
}

func (a *API) export(f trail.Filter, format string, detail map[string]any) trail.Export {
	return trail.Export{
		Log: trail.Operators(), Tenant: chain.Operators(), Name: "operators-log", Filter: f, Format: format,
		Begin: func(ctx context.Context) error {
			return a.record(ctx, audit.Entry{Action: "audit.exported", Detail: detail})
		},
		In: func(ctx context.Context, fn func(pgx.Tx) error) error { return db.SnapshotInControl(ctx, a.Pool, fn) },
	}
}

func (a *API) seals(ctx context.Context) (out trail.Seals, err error) {
	var checked []trail.Verified
	err = db.SnapshotInControl(ctx, a.Pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, trail.LastChecked, pgx.NamedArgs{"action": trail.ActionVerified})
		if err != nil {
			return err
		}
		checked, err = pgx.CollectRows(rows, pgx.RowToStructByPos[trail.Verified])
		return err
	})
	if err != nil {
		return out, err
	}
	return trail.SealsOf(ctx, a.Exports.Chain, chain.Operators(), checked)
}

// record leaves an entry about the log itself.
func (a *API) record(ctx context.Context, e audit.Entry) error {
	return pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error { return audit.Operated(ctx, tx, audit.Operation{Entry: e}) })
}
