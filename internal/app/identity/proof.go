package identity

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/mailproof"
	"github.com/cloudkida/cloudkida/internal/app/identity/people"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/words"
)

// openProofs makes what people do by proving a mailbox.
func (s *Service) openProofs() {
	s.Proofs = &mailproof.Service{
		DB: s.db, Key: s.key, Throttle: s.throttle, Now: s.now, Log: s.log, Issuer: s.Issuer, Words: s.pages.Words, Home: s.publicURL + "/", Console: ConsoleClient,
		Site: mailproof.Site{
			Show: s.show, Problem: s.showProblem, ReadForm: s.readForm, Begin: s.beginProof, Locale: s.locale, Insert: s.insertProved, Enter: s.enterProved,
			SignedIn: s.Factors.Session, Forget: s.Forget,
			Here: func(r *http.Request, pool access.Pool) (bool, error) {
				_, in, err := s.sessions.Find(r, pool)
				return in, err
			},
			Hash: func(ctx context.Context, pool access.Pool, name, email, given string) (string, error) {
				return s.People.Hash(ctx, pool, User{Name: name, Email: email}, given)
			},
		},
	}
}

func (s *Service) beginProof(w http.ResponseWriter, r *http.Request, pool Pool) (*mailproof.Request, error) {
	a, err := s.begin(w, r, pool)
	if err != nil || a == nil {
		return nil, err
	}
	return &mailproof.Request{Query: a.query, SignUp: a.signUp(pool)}, nil
}

// insertProved makes the account of an individual, in the pool's own tenant.
func (s *Service) insertProved(ctx context.Context, tx pgx.Tx, pool Pool, who mailproof.Person) (uuid.UUID, error) {
	if err := s.Provision.TakeSeat(ctx, tx, pool.Tenant); err != nil {
		return uuid.Nil, err
	}
	user, err := people.Insert(ctx, tx, pool, NewUser{
		Name: who.Name, Email: who.Email, Tenant: pool.Tenant, Role: tenancy.RoleLearner, Proved: true, Locale: who.Locale,
	}, who.Hash)
	if err != nil {
		return uuid.Nil, err
	}
	return user.ID, s.consents.Record(ctx, tx, user.ID, who.Address)
}

// enterProved signs a new account in. Where no program waits for it, the console is next, and asks silently.
func (s *Service) enterProved(w http.ResponseWriter, r *http.Request, pool Pool, user uuid.UUID, query url.Values, here bool) error {
	if !here {
		if _, open, err := s.admit(w, r, pool, user, nil, false); err != nil || !open {
			return err
		}
		s.arrive(w, r, "")
		return nil
	}
	a, err := s.beginWith(w, r, pool, query)
	if err != nil || a == nil {
		return err
	}
	b, open, err := s.admit(w, r, pool, user, a.query, a.strong())
	if err != nil || !open {
		return err
	}
	return s.answer(w, r, pool, a, b)
}

// locale is the language of a page: as the program that sends people here says, else as the browser does, else that of the
// organisation whose people sign in, else the installation's.
func (s *Service) locale(r *http.Request, pool Pool) words.Locale {
	l, suits := s.pages.Words.Find(r.URL.Query().Get("ui_locales"), r.Header.Get("Accept-Language"))
	if suits {
		return l
	}
	return s.pages.Words.Match(s.tenantLocale(r.Context(), pool, r.URL.Query().Get("tenant")), s.defaultLocale)
}

// tenantLocale is the language of the organisation that a page is for; "" where there is none, or it cannot be read: no
// page is kept from anybody for that.
func (s *Service) tenantLocale(ctx context.Context, pool Pool, name string) (locale string) {
	if name != "" && !tenantName.MatchString(name) {
		return ""
	}
	err := s.db.QueryRow(ctx, `
		select coalesce(locale, '') from control.tenant where identity.pool_of(id) = $1
			and case when $2 = '' then id = $3 else name = $2 end`, pool.ID, name, pool.Tenant).Scan(&locale)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		s.log.WarnContext(ctx, "read the language of an organisation", "pool", pool.Name, "error", err)
	}
	return locale
}

// readable is where the page is that a browser can read again, in another language, too.
func readable(r *http.Request) *url.URL {
	if r.Method != http.MethodGet {
		return nil
	}
	return r.URL
}
