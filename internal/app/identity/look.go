package identity

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
)

// Brands knows how tenants look; the zero id is the provider.
type Brands interface {
	Of(ctx context.Context, tenant uuid.UUID) (brand.Brand, error)
}

// lookCookie is the name of the tenant whose pages a browser was shown last: those that belong to no way in, such as a
// link of a letter or the end of a session, look like them. Nothing else is taken from it.
const (
	lookCookie = "__Host-cloudkida-look"
	lookLife   = 30 * 24 * time.Hour
)

// dress gives a page the brand of the tenant that it is for, or else the provider's. A brand that cannot be read keeps
// nobody out.
func (s *Service) dress(w http.ResponseWriter, r *http.Request, pool Pool, d *page.Data) {
	d.Brand = brand.Default()
	if s.Brands == nil {
		return
	}
	tenant := s.shownTenant(w, r, pool, d)
	b, err := s.Brands.Of(r.Context(), tenant)
	if err == nil && !b.Own && tenant != uuid.Nil {
		b, err = s.Brands.Of(r.Context(), uuid.Nil)
	}
	if err != nil {
		s.log.WarnContext(r.Context(), "a page is shown without its brand", "tenant", tenant, "error", err)
		return
	}
	d.Brand = b
	if b.Own && d.Tenant != "" {
		d.Tenant = b.Title // one name for one organisation
	}
}

// shownTenant is the tenant that a page is for; the zero id where it is for none, or for one of another pool.
func (s *Service) shownTenant(w http.ResponseWriter, r *http.Request, pool Pool, d *page.Data) uuid.UUID {
	name, way := "", false
	for _, query := range []string{string(d.Query), r.URL.RawQuery} {
		values, err := url.ParseQuery(query)
		if way = err == nil && values.Has("client_id"); way { // it is a way in, and says whose
			name = values.Get(paramTenant)
			break
		}
	}
	kept, err := r.Cookie(lookCookie)
	if !way && err == nil {
		name = kept.Value
	}
	if pool.ID == uuid.Nil { // of an error before any pool was read
		if pool, err = s.Pool(r.Context(), pool.Name); err != nil {
			return uuid.Nil
		}
	}
	portal, err := s.portal(r.Context(), pool, name)
	if err != nil { // of another pool, or of nobody: no more than no name at all
		portal, err = s.portal(r.Context(), pool, "")
	}
	if err != nil || portal == nil {
		return uuid.Nil
	}
	if way && name == portal.Name && (kept == nil || kept.Value != name) {
		browser.SetCookie(w, lookCookie, name, lookLife)
	}
	return portal.ID
}

// lookOf is a tenant's brand for the API.
func (s *Service) lookOf(ctx context.Context, tenant uuid.UUID) (brand.View, error) {
	if s.Brands == nil {
		return brand.Default().View(), nil
	}
	b, err := s.Brands.Of(ctx, tenant)
	return b.View(), err
}
