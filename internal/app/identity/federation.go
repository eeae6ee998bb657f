package identity

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/federation"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// addDoors shows the organisation's own identity providers on the sign-in page, and only those where its rule says so.
func (s *Service) addDoors(r *http.Request, a *authorization, d *page.Data) error {
	if a.portal == nil {
		return nil
	}
	doors, rule, err := s.Federation.Doors(r.Context(), a.portal.ID)
	d.Doors, d.Only = doors, rule.OnlyThrough && len(doors) > 0 && r.URL.Query().Get("with") != "password"
	return err
}

// startFederation sends the browser to an identity provider of the organisation.
func (s *Service) startFederation(w http.ResponseWriter, r *http.Request, pool Pool) error {
	a, err := s.begin(w, r, pool)
	if err != nil || a == nil {
		return err
	}
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil || a.portal == nil {
		return federation.ErrNoProvider
	}
	from := throttle.Key{Name: "federation " + httpx.ClientAddress(r), Rule: throttle.Rule{Free: 300, First: time.Second, Max: time.Minute, Forget: 15 * time.Minute}}
	if wait := s.throttle.Try(from); wait > 0 {
		return page.Limited(w, wait)
	}
	to, err := s.Federation.Start(w, r, pool, a.portal.ID, id, a.query)
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // the provider's own address, which its discovery names
	return nil
}

// testFederation does the same for an administrator who tests a provider.
func (s *Service) testFederation(w http.ResponseWriter, r *http.Request, pool Pool) error {
	to, err := s.Federation.StartTest(w, r, pool)
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // the provider's own address, which its discovery names
	return nil
}

// endFederation goes on with the authorization request once the provider has spoken.
func (s *Service) endFederation(w http.ResponseWriter, r *http.Request, pool Pool) error {
	done, err := s.Federation.Finish(r, pool)
	if err != nil {
		s.failWith(w, r, pool, page.Data{Query: (&authorization{query: done.Query}).link()}, err)
		return nil
	}
	if done.Test {
		return s.show(w, r, pool, http.StatusOK, page.Tested, page.Data{})
	}
	a, err := s.beginWith(w, r, pool, done.Query)
	if err != nil || a == nil {
		return err
	}
	by := browser.Voucher{Provider: uuid.NullUUID{UUID: done.Provider, Valid: true}, At: done.At}
	if !done.Excused {
		if led, err := s.Factors.LeadVouched(w, r, pool, done.User, by, federation.Method, a.query, a.strong()); err != nil || led {
			return err
		}
	}
	b, err := s.sessions.OpenVouched(w, r, pool, done.User, by, federation.Method)
	if err != nil {
		return err
	}
	b.Vouched = uuid.NullUUID{UUID: done.Tenant, Valid: true}
	return s.answer(w, r, pool, a, b)
}

// mayOpen tells whether a session may be used for a tenant: by its user's membership, and by how they signed in.
func (s *Service) mayOpen(ctx context.Context, b browser.Session, tenant uuid.UUID) error {
	m, err := s.ReadMember(ctx, b.User, tenant)
	if err != nil {
		return err
	}
	return s.Federation.MayEnter(ctx, tenant, b.User, m, b.Vouched)
}

// enterBy tells whether a session's way of signing in opens a tenant. Whoever is refused for it is led to the tenant's own
// sign-in page, even if they asked for no tenant.
func (s *Service) enterBy(ctx context.Context, a *authorization, b browser.Session, tenant uuid.UUID, m access.Member) error {
	err := s.Federation.MayEnter(ctx, tenant, b.User, m, b.Vouched)
	if a.portal != nil || !errors.Is(err, federation.ErrOnly) {
		return err
	}
	found, readErr := s.tenant(ctx, tenant)
	if readErr != nil {
		return readErr
	}
	a.portal = &found
	a.query.Set(paramTenant, found.Name)
	return err
}
