package identity

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/client"
	"github.com/cloudkida/cloudkida/internal/app/identity/factor"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/app/identity/people"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// paramReturn names where the page to change a password leads back to, together with client_id.
const paramReturn = "return_to"

var (
	errReturn     = errs.Malformed("unknown_return", "The program that sent you here wants you back at an address that is not registered, so this page does not lead there. You can change your password in your profile.")
	errOldWrong   = people.ErrPassword.WithFields(errs.Field{Path: "current", Message: "This is not your current password."})
	errNoPassword = errs.Conflict("no_password", "Your account has no password yet. Have a link sent to choose one: “Forgot your password?” is on the sign-in page.")
)

// showPassword asks for the current password and a new one.
func (s *Service) showPassword(w http.ResponseWriter, r *http.Request, pool Pool) error {
	program, err := s.cameFrom(r.Context(), pool, r.URL.Query())
	if err != nil {
		return err
	}
	_, who, err := s.passwordOwner(w, r, pool)
	if err != nil || who == nil {
		return err
	}
	return s.show(w, r, pool, http.StatusOK, page.Password, passwordData(r, *who, program))
}

// postPassword changes the password of whoever is signed in. All that the old one opened elsewhere ends; this browser goes on
// with a new session.
func (s *Service) postPassword(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	ctx := r.Context()
	program, err := s.cameFrom(ctx, pool, r.URL.Query())
	if err != nil {
		return err
	}
	b, who, err := s.passwordOwner(w, r, pool)
	if err != nil || who == nil {
		return err
	}
	d := passwordData(r, *who, program)
	if err := s.replacePassword(ctx, r, pool, *who, b); err != nil {
		return s.showProblem(w, r, pool, page.Password, d, err)
	}
	methods := b.Methods
	if b.Vouched.Valid { // the password has proved who it is now
		methods = []string{factor.MethodPassword}
	}
	if _, err := s.sessions.Open(w, r, pool, b.User, methods...); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "a user changed the password", "user", who.ID)
	return s.show(w, r, pool, http.StatusOK, page.PasswordDone, d)
}

func passwordData(r *http.Request, who people.Account, program page.Program) page.Data {
	query := url.Values{}
	for _, name := range []string{"client_id", paramReturn, "ui_locales"} {
		if r.URL.Query().Has(name) {
			query.Set(name, r.URL.Query().Get(name))
		}
	}
	return page.Data{Email: who.Email, Program: program, Query: (&authorization{query: query}).link()}
}

// passwordOwner is whoever is signed in. The current password proves that it is them; whoever has a second factor has proved
// that a short while ago, too. Nil: the browser was sent elsewhere.
func (s *Service) passwordOwner(w http.ResponseWriter, r *http.Request, pool Pool) (b browser.Session, who *people.Account, err error) {
	ctx := r.Context()
	b, ok, err := s.Factors.Session(w, r, pool, "", false)
	if err != nil || !ok {
		return b, nil, err
	}
	need, err := s.Factors.Need(ctx, pool, b.User, false)
	if err != nil {
		return b, nil, err
	}
	if need != factor.Nothing {
		if b, ok, err = s.Factors.Session(w, r, pool, "password", true); err != nil || !ok {
			return b, nil, err
		}
	}
	found, err := s.People.ByID(ctx, b.User)
	return b, &found, err
}

func (s *Service) replacePassword(ctx context.Context, r *http.Request, pool Pool, who people.Account, b browser.Session) error {
	if who.Hash == "" {
		return errNoPassword
	}
	if err := s.confirm(ctx, pool, who, r.PostForm.Get("current")); err != nil {
		if errors.Is(err, errCurrent) {
			return errOldWrong
		}
		return err
	}
	hash, err := s.People.Hash(ctx, pool, who.User, r.PostForm.Get("password"))
	if err != nil {
		return err
	}
	locale := s.locale(r, pool).Tag() // before the transaction: it may ask the database
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := people.ReplacePassword(ctx, tx, who.ID, hash, b.ID); err != nil {
			return err
		}
		return s.Proofs.PasswordChanged(ctx, tx, pool, who.Email, locale)
	})
	s.Forget(who.ID)
	return err
}

// cameFrom is the program to lead back to, and where: an address that is registered for it, as it stands. Without one the
// profile is next.
func (s *Service) cameFrom(ctx context.Context, pool Pool, query url.Values) (page.Program, error) {
	if !query.Has("client_id") && !query.Has(paramReturn) {
		return page.Program{}, nil
	}
	ids, returns := query["client_id"], query[paramReturn]
	if len(ids) != 1 || len(returns) != 1 {
		return page.Program{}, errReturn
	}
	found, err := s.clients.Find(ctx, pool.Name, ids[0])
	if errors.Is(err, client.ErrNone) {
		return page.Program{}, errClient
	}
	if err != nil {
		return page.Program{}, err
	}
	if !slices.Contains(found.Redirects, returns[0]) && !slices.Contains(found.PostLogout, returns[0]) {
		return page.Program{}, errReturn
	}
	return page.Program{Name: found.Name, Home: returns[0]}, nil
}
