package server

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/control/branding"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// openBrands makes what knows how tenants and the provider look.
func (p *program) openBrands() {
	p.brands = branding.New(p.pools.control, p.tiers, tenantLog{p}, time.Now)
	p.brands.Hear(p.hints)
}

// mountBrands serves what brands are made of. Names follow from the content: they tell nothing of whose it is.
func (p *program) mountBrands(mux *httpx.Mux) {
	mux.HandleFunc("GET "+brand.Path+"{file}", httpx.Anybody, func(w http.ResponseWriter, r *http.Request) {
		file := r.PathValue("file")
		if drawn, ok := brand.Drawn(file); ok {
			drawn.Write(w)
			return
		}
		hash := brand.PictureHash(file)
		if hash == "" {
			http.NotFound(w, r)
			return
		}
		png, err := p.brands.Picture(r.Context(), hash)
		if err != nil {
			httpx.WriteProblem(w, r, err)
			return
		}
		brand.Served{Kind: "image/png", Text: png}.Write(w)
	})
}

// Changed adds an entry with what differs, about who acts in ctx.
func (l tenantLog) Changed(ctx context.Context, tenant uuid.UUID, action, target string, before, after any) error {
	ctx = l.as(ctx, tenant)
	return l.data.InWholeTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error { return audit.Changed(ctx, tx, action, target, before, after) })
}
