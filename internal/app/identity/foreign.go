package identity

import (
	"net/http"
	"net/url"
	"slices"

	httphelper "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
)

// askConsent lets a program of others learn nothing before the person has allowed it: answered is true when they are asked.
func (s *Service) askConsent(w http.ResponseWriter, r *http.Request, pool Pool, a *authorization, b browser.Session) (answered bool, err error) {
	if !a.client.Foreign() {
		return false, nil
	}
	has, err := s.approvals.Has(r.Context(), b.User, a.ClientID, a.Scopes)
	if err != nil {
		return false, err
	}
	switch {
	case has && !slices.Contains(a.Prompt, oidc.PromptConsent):
		return false, nil
	case a.silent():
		return true, s.refuse(w, r, pool, a, &oidc.Error{ErrorType: "consent_required", Description: "the person has not allowed this"})
	}
	// Whoever may not act in the tenant hears so before they are asked for anything.
	if _, err := s.chosenTenant(r.Context(), a, b); err != nil {
		return true, s.deny(w, r, pool, a, err)
	}
	http.Redirect(w, r, pool.Path()+"/consent?"+a.query.Encode(), http.StatusSeeOther) //nolint:gosec // a path of our own
	return true, nil
}

// beginConsent is begin for somebody who is signed in; others go through sign-in first, and a is nil after that.
func (s *Service) beginConsent(w http.ResponseWriter, r *http.Request, pool Pool) (a *authorization, b browser.Session, err error) {
	if a, err = s.begin(w, r, pool); err != nil || a == nil {
		return nil, b, err
	}
	b, signedIn, err := s.sessions.Find(r, pool)
	if err != nil {
		return nil, b, err
	}
	if !signedIn || !a.client.Foreign() {
		http.Redirect(w, r, pool.Path()+"/authorize?"+a.query.Encode(), http.StatusSeeOther) //nolint:gosec // a path of our own
		return nil, b, nil
	}
	return a, b, nil
}

func (s *Service) showConsent(w http.ResponseWriter, r *http.Request, pool Pool) error {
	a, _, err := s.beginConsent(w, r, pool)
	if err != nil || a == nil {
		return err
	}
	back, err := url.Parse(a.RedirectURI)
	if err != nil {
		return errRedirect.Wrap(err)
	}
	p := page.Program{Name: a.client.Name, Home: back.Scheme + "://" + back.Host, Scopes: page.Learns(a.Scopes)}
	return s.show(w, r, pool, http.StatusOK, page.Consent, page.Data{Query: a.link(), Tenant: a.title(), Program: p})
}

func (s *Service) decideConsent(w http.ResponseWriter, r *http.Request, pool Pool) error {
	a, b, err := s.beginConsent(w, r, pool)
	if err != nil || a == nil {
		return err
	}
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	if r.PostForm.Get("decision") != "allow" {
		return s.refuse(w, r, pool, a, oidc.ErrAccessDenied().WithDescription("the person has denied the request"))
	}
	if _, err := s.chosenTenant(r.Context(), a, b); err != nil {
		return s.deny(w, r, pool, a, err)
	}
	if err := s.approvals.Give(r.Context(), pool, b.User, a.ClientID, slices.Clone(a.Scopes)); err != nil {
		return err
	}
	return s.giveAnswer(w, r, pool, a, b)
}

// introspect tells a machine client about a token of its tenant.
func (s *Service) introspect(w http.ResponseWriter, r *http.Request, pool Pool) error {
	err := client.StrictForm(r)
	if err == nil {
		var answer map[string]any
		if answer, err = s.Machines.Introspect(r, pool, s.Issuer(pool), s.Checker); err == nil {
			httphelper.MarshalJSON(w, answer)
			return nil
		}
	}
	s.refuseToken(w, r, pool, err)
	return nil
}
