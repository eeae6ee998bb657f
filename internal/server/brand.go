package server

import (
	"net/http"
	"time"

	"github.com/cloudkida/cloudkida/internal/control/branding"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// openBrands makes what knows how tenants and the provider look.
func (p *program) openBrands() {
	p.brands = branding.New(p.pools.control, p.tiers, tenantLog{p}, time.Now)
	p.identity.Brands = p.brands
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
