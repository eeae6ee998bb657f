package identity

import (
	"errors"
	"net/http"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// How sign-ups from one address are slowed down: many accounts, and addresses that turn out to be taken. Until e-mail
// addresses are proved, a sign-up cannot hide that one is taken; it must not become a way to try many.
func signUpKeys(address string) (made, taken throttle.Key) {
	made = throttle.Key{Name: "sign-up " + address, Rule: throttle.Rule{Free: 300, First: time.Second, Max: time.Minute, Forget: time.Hour}}
	taken = throttle.Key{Name: "taken " + address, Rule: throttle.Rule{Free: 10, First: 5 * time.Second, Max: 10 * time.Minute, Forget: time.Hour}}
	return made, taken
}

func (s *Service) beginSignUp(w http.ResponseWriter, r *http.Request, pool Pool) (*authorization, error) {
	if !pool.SignUp {
		return nil, errNoPage
	}
	a, err := s.begin(w, r, pool)
	if err == nil && a != nil && !a.signUp(pool) {
		return nil, errNoPage
	}
	return a, err
}

func (s *Service) showSignUp(w http.ResponseWriter, r *http.Request, pool Pool) error {
	a, err := s.beginSignUp(w, r, pool)
	if err != nil || a == nil {
		return err
	}
	return s.show(w, r, pool, http.StatusOK, page.SignUp, page.Data{Query: a.link()})
}

// signUp makes an account for an individual, in the pool's own tenant, and signs it in.
func (s *Service) signUp(w http.ResponseWriter, r *http.Request, pool Pool) error {
	a, err := s.beginSignUp(w, r, pool)
	if err != nil || a == nil {
		return err
	}
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	d := page.Data{Query: a.link(), Name: clip(r.PostForm.Get("name"), address.MaxName), Email: clip(r.PostForm.Get("email"), address.MaxEmail)}
	made, taken := signUpKeys(httpx.ClientAddress(r))
	if wait := s.throttle.Try(made, taken); wait > 0 {
		return s.showProblem(w, r, pool, page.SignUp, d, limited(w, wait))
	}
	if !pool.Admits(address.CleanEmail(r.PostForm.Get("email"))) {
		s.throttle.Forgive(made, taken)
		return s.showProblem(w, r, pool, page.SignUp, d, errUser.WithFields(errs.Field{Path: "email", Message: "Accounts here are for e-mail addresses of certain organisations. Use your address there, or ask for an invitation."}))
	}
	user, err := s.CreateUser(r.Context(), NewUser{
		Pool: pool.Name, Name: r.PostForm.Get("name"), Email: r.PostForm.Get("email"), Password: r.PostForm.Get("password"),
		Address: httpx.ClientAddress(r),
	})
	if !errors.Is(err, ErrEmailTaken) {
		s.throttle.Forgive(taken)
	}
	if err != nil {
		s.throttle.Forgive(made)
		return s.showProblem(w, r, pool, page.SignUp, d, err)
	}
	b, open, err := s.admit(w, r, pool, user.ID, a.query, a.strong())
	if err != nil || !open {
		return err
	}
	return s.answer(w, r, pool, a, b)
}
