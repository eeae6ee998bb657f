package identity

import (
	"context"
	"net/http"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/onetime"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/app/identity/people"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// newcomer is whose link to the first password this is, and the tenant that they come to.
func (s *Service) newcomer(ctx context.Context, pool Pool, token string) (people.Account, Tenant, error) {
	who, err := s.linkAccount(ctx, pool, onetime.Enter, token)
	if err != nil {
		return people.Account{}, Tenant{}, err
	}
	if who.Disabled {
		return people.Account{}, Tenant{}, access.ErrDisabled
	}
	home, err := s.homeTenant(ctx, who.ID)
	if err != nil {
		return people.Account{}, Tenant{}, err
	}
	tenant, err := s.tenant(ctx, home)
	return who, tenant, err
}

// showEnter does not use the link up: mail programs open links before people do.
func (s *Service) showEnter(w http.ResponseWriter, r *http.Request, pool Pool) error {
	token := r.URL.Query().Get("token")
	who, tenant, err := s.newcomer(r.Context(), pool, token)
	if err != nil {
		return err
	}
	return s.show(w, r, pool, http.StatusOK, page.Enter, page.Data{Link: token, Email: who.Email, Tenant: tenant.Title})
}

// enter sets the first password of a person and signs them in.
func (s *Service) enter(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	ctx, link := r.Context(), r.PostForm.Get("link")
	who, tenant, err := s.newcomer(ctx, pool, link)
	if err != nil {
		return err
	}
	hash, err := s.People.Hash(ctx, pool, who.User, r.PostForm.Get("password"))
	if err != nil {
		return s.showProblem(w, r, pool, page.Enter, page.Data{Link: link, Email: who.Email, Tenant: tenant.Title}, err)
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := s.links.Take(ctx, tx, pool, onetime.Enter, link); err != nil {
			return err
		}
		if err := people.FirstPassword(ctx, tx, who.ID, hash); err != nil {
			return err
		}
		return s.consents.Record(ctx, tx, who.ID, httpx.ClientAddress(r))
	})
	if err != nil {
		return err
	}
	s.log.InfoContext(ctx, "a person chose the first password by a one-time link", "user", who.ID)
	next := url.Values{paramTenant: {tenant.Name}}
	if _, open, err := s.admit(w, r, pool, who.ID, next, false); err != nil || !open {
		return err
	}
	s.arrive(w, r, tenant.Name)
	return nil
}

// arrive sends a browser that has just signed in here to the console, which then asks silently who it is; tenant is "" for
// the default one.
func (s *Service) arrive(w http.ResponseWriter, r *http.Request, tenant string) {
	query := url.Values{"signed-in": {""}}
	if tenant != "" {
		query.Set(paramTenant, tenant)
	}
	http.Redirect(w, r, s.publicURL+"/?"+query.Encode(), http.StatusSeeOther)
}
