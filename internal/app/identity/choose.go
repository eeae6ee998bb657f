package identity

import (
	"net/http"

	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
)

// askTenant asks somebody who is in several organisations which one they come for, where nothing else says so. A program
// that may show no page gets the one that they joined first. asked is true when the browser has its answer.
func (s *Service) askTenant(w http.ResponseWriter, r *http.Request, pool Pool, a *authorization, b browser.Session) (asked bool, err error) {
	if a.portal != nil || b.Vouched.Valid || a.silent() || a.client.GetID() == client.DevicePage { // that page asks itself
		return false, nil
	}
	tenants, err := s.tenantsOf(r.Context(), b.User)
	if err != nil || len(tenants) < 2 {
		return false, err
	}
	d := page.Data{}
	for _, done := range []string{"prompt", "max_age", "login_hint"} { // the person has just done it
		a.query.Del(done)
	}
	for _, t := range tenants {
		a.query.Set(paramTenant, t.Name)
		d.Choices = append(d.Choices, page.Door{Title: t.Title, Role: string(t.Role), Query: a.link()})
	}
	return true, s.show(w, r, pool, http.StatusOK, page.ChooseTenant, d)
}
