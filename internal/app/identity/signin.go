package identity

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/factor"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// errWrong is the same whether the account exists or not.
var errWrong = errs.Unauthenticated("wrong_credentials", "This e-mail address and password do not belong together. Check both and try again.")

// How tries to sign in are slowed down. The strictest rule is for one account from one address: it stops guessing
// without letting strangers lock anybody out from elsewhere. The one for an account from anywhere has short waits for the
// same reason; the one for an address leaves room for a class behind one router. The one for a pool meets many addresses
// that try many accounts: it forgives as many wrong tries a second as a large pool has in the morning.
func signInKeys(pool Pool, email, place string) (pair, account throttle.Key, from []throttle.Key) {
	who := pool.Name + " " + address.Key(address.CleanEmail(email))
	pair = throttle.Key{Name: "pair " + who + " " + place, Rule: throttle.Rule{Free: 5, First: 2 * time.Second, Max: 5 * time.Minute, Forget: time.Hour}}
	account = throttle.Key{Name: "account " + who, Rule: throttle.Rule{Free: 30, First: 2 * time.Second, Max: time.Minute, Forget: time.Hour}}
	from = []throttle.Key{
		{Name: "sign-in " + place, Rule: throttle.Rule{Free: 200, First: time.Second, Max: time.Minute, Forget: 15 * time.Minute}},
		{Name: "pool " + pool.Name, Rule: throttle.Rule{Free: poolFree, First: 50 * time.Millisecond, Max: time.Second, Forget: time.Hour, Heal: time.Second / poolRate}},
	}
	return pair, account, from
}

// How many wrong tries a pool has at once and for each second before anybody waits.
const (
	poolFree = 5000
	poolRate = 50
)

// begin reads the authorization request that a page belongs to. Without one there is nothing to sign in to: the console
// starts the way, and begin returns nil after sending the browser there.
func (s *Service) begin(w http.ResponseWriter, r *http.Request, pool Pool) (*authorization, error) {
	return s.beginWith(w, r, pool, r.URL.Query())
}

func (s *Service) beginWith(w http.ResponseWriter, r *http.Request, pool Pool, values url.Values) (*authorization, error) {
	if !values.Has("client_id") {
		http.Redirect(w, r, s.publicURL+"/", http.StatusSeeOther)
		return nil, nil //nolint:nilnil // the answer is written
	}
	a, err := s.parseAuthorization(r.Context(), pool, values)
	if err != nil {
		return nil, err
	}
	if err := s.checkAuthorization(r.Context(), a, values); err != nil {
		return nil, errBadRequest.Wrap(err)
	}
	a.portal, err = s.portal(r.Context(), pool, a.query.Get(paramTenant))
	return a, err
}

func (s *Service) showSignIn(w http.ResponseWriter, r *http.Request, pool Pool) error {
	a, err := s.begin(w, r, pool)
	if err != nil || a == nil {
		return err
	}
	pool.SignUp = a.signUp(pool)
	d := page.Data{Query: a.link(), Tenant: a.title(), Email: clip(a.LoginHint, address.MaxEmail)}
	if err := s.addDoors(r, a, &d); err != nil {
		return err
	}
	return s.show(w, r, pool, http.StatusOK, page.SignIn, d)
}

func (s *Service) signIn(w http.ResponseWriter, r *http.Request, pool Pool) error {
	a, err := s.begin(w, r, pool)
	if err != nil || a == nil {
		return err
	}
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	pool.SignUp = a.signUp(pool)
	d := page.Data{Query: a.link(), Tenant: a.title(), Email: clip(r.PostForm.Get("email"), address.MaxEmail)}
	if err := s.addDoors(r, a, &d); err != nil {
		return err
	}
	d.Only = false // somebody has chosen the password
	user, err := s.authenticate(w, r, pool, r.PostForm)
	if err != nil {
		return s.showProblem(w, r, pool, page.SignIn, d, err)
	}
	b, open, err := s.admit(w, r, pool, user, a.query, a.strong())
	if err != nil || !open {
		return err
	}
	return s.answer(w, r, pool, a, b)
}

// failed tells that a sign-in failed. The log hears of each, with the nil id where there is no account and never with what was
// typed, which may be a password in the wrong field; an organisation hears of its people's alone.
func (s *Service) failed(ctx context.Context, pool Pool, user uuid.UUID, step string) {
	from := tenancy.OriginOf(ctx)
	s.log.InfoContext(ctx, "a sign-in failed", "user", user, "pool", pool.Name, "step", step, "address", from.Address, "request", from.Request)
	if s.FailedSignIn != nil && user != uuid.Nil {
		s.FailedSignIn(ctx, user, step)
	}
}

// admit signs in somebody whose password was right. Where a step is still needed, the browser is led there instead, and
// open is false: it has no session yet. wanted is a client's wish for that step.
func (s *Service) admit(
	w http.ResponseWriter, r *http.Request, pool Pool, user uuid.UUID, query url.Values, wanted bool,
) (b browser.Session, open bool, err error) {
	led, err := s.Factors.Lead(w, r, pool, user, query, wanted)
	if err != nil || led {
		return b, false, err
	}
	b, err = s.sessions.Open(w, r, pool, user, factor.MethodPassword)
	return b, err == nil, err
}

// openFactors makes what signs people in beside the password.
func (s *Service) openFactors() error {
	keys, err := factor.NewKeys(s.publicURL)
	s.Factors = &factor.Service{
		DB: s.db, Key: s.key, Sessions: s.sessions, Throttle: s.throttle, Keys: keys, Now: s.now, Log: s.log, Forget: s.Forget, Home: s.publicURL + "/",
		Fresh: s.RequireFresh,
		Letter: func(ctx context.Context, tx pgx.Tx, user uuid.UUID, code string) (letter.Draft, error) {
			return s.Proofs.CodeLetter(ctx, tx, user, code)
		},
		Site: factor.Site{Show: s.show, Problem: s.showProblem, ReadForm: s.readForm, Password: func(ctx context.Context, pool Pool, user uuid.UUID, given string) error {
			return s.ConfirmPassword(ctx, pool.Name, user, given)
		}},
	}
	return err
}

// authenticate finds out whose address and password these are. What it costs does not tell whether there is an account.
func (s *Service) authenticate(w http.ResponseWriter, r *http.Request, pool Pool, form url.Values) (uuid.UUID, error) {
	ctx, given := r.Context(), form.Get("password")
	pair, account, from := signInKeys(pool, form.Get("email"), httpx.ClientAddress(r))
	keys := append([]throttle.Key{pair, account}, from...)
	if wait := s.throttle.Try(keys...); wait > 0 {
		return uuid.Nil, page.Limited(w, wait)
	}
	who, err := s.People.ByEmail(ctx, pool, address.CleanEmail(form.Get("email")))
	if err != nil {
		s.throttle.Forgive(keys...)
		return uuid.Nil, err
	}
	right, err := s.People.Verify(ctx, who, given)
	if err != nil {
		s.throttle.Forgive(keys...)
		return uuid.Nil, err
	}
	if !right {
		s.failed(ctx, pool, who.ID, "password")
		return uuid.Nil, errWrong
	}
	s.throttle.Reset(pair)
	s.throttle.Forgive(append(from, account)...)
	if who.Disabled {
		return uuid.Nil, access.ErrDisabled
	}
	return who.ID, nil
}

// clip bounds what is shown back of what was typed.
func clip(text string, size int) string {
	if runes := []rune(text); len(runes) > size {
		return string(runes[:size])
	}
	return text
}
