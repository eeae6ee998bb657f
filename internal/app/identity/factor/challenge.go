package factor

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
)

// purpose is what a challenge is part of.
type purpose string

const (
	forSignIn  purpose = "sign-in" // the password was right
	forPasskey purpose = "passkey" // a passkey alone; nobody is known yet
	forEnrol   purpose = "enrol"   // somebody signed in adds a factor
)

// pending is a step that is not over, as its row has it.
type pending struct {
	Hash     []byte
	Purpose  purpose
	User     uuid.UUID // zero for forPasskey
	Session  uuid.NullUUID
	Methods  []string
	Voucher  browser.Voucher // of the identity provider that has spoken, in place of a password
	CodeHash []byte
	Ceremony []byte
}

// cookie has the token of the step that is under way. It is never that of a session.
func cookie(p access.Pool) string { return "__Host-cloudkida-step-" + p.Name }

// open begins a step in this browser, in place of an earlier one.
func (s *Service) open(w http.ResponseWriter, r *http.Request, pool access.Pool, p pending) (pending, error) {
	token, hash := opaque.New()
	p.Hash = hash
	ctx, earlier := r.Context(), []byte(nil)
	if c, err := r.Cookie(cookie(pool)); err == nil {
		earlier = opaque.Hash(c.Value)
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		if err := dropChallenge(ctx, tx, earlier); err != nil {
			return err
		}
		return insertChallenge(ctx, tx, pool.ID, p, s.Now().Add(pendingLife))
	})
	if err != nil {
		return p, err
	}
	browser.SetCookie(w, cookie(pool), token, pendingLife)
	return p, nil
}

// find returns the step that this browser is in; ErrOver when it is in none of this purpose.
func (s *Service) find(r *http.Request, pool access.Pool, of purpose) (pending, error) {
	c, err := r.Cookie(cookie(pool))
	if err != nil {
		return pending{}, ErrOver.Wrap(err)
	}
	return findChallenge(r.Context(), s.DB, pool.ID, opaque.Hash(c.Value), of, s.Now())
}

// take ends a step that was passed; of two answers at once one wins.
func (s *Service) take(w http.ResponseWriter, r *http.Request, pool access.Pool, p pending) error {
	if err := takeChallenge(r.Context(), s.DB, p.Hash); err != nil {
		return err
	}
	browser.DropCookie(w, cookie(pool))
	return nil
}

// Lead sends somebody whose password was right to the step that is still needed; led is false when none is, and the
// browser has no answer yet.
func (s *Service) Lead(w http.ResponseWriter, r *http.Request, pool access.Pool, user uuid.UUID, query url.Values, wanted bool) (led bool, err error) {
	return s.lead(w, r, pool, pending{User: user, Methods: []string{MethodPassword}}, query, wanted)
}

// LeadVouched does the same for somebody for whom an identity provider has vouched.
func (s *Service) LeadVouched(
	w http.ResponseWriter, r *http.Request, pool access.Pool, user uuid.UUID, by browser.Voucher, method string, query url.Values, wanted bool,
) (led bool, err error) {
	return s.lead(w, r, pool, pending{User: user, Methods: []string{method}, Voucher: by}, query, wanted)
}

func (s *Service) lead(w http.ResponseWriter, r *http.Request, pool access.Pool, p pending, query url.Values, wanted bool) (led bool, err error) {
	need, err := s.Need(r.Context(), pool, p.User, wanted)
	if err != nil || need == Nothing {
		return false, err
	}
	p.Purpose = forSignIn
	if _, err := s.open(w, r, pool, p); err != nil {
		return false, err
	}
	path := "/challenge"
	if need == Enrol {
		path = "/factors/new"
	}
	http.Redirect(w, r, address(pool, path, query), http.StatusSeeOther) //nolint:gosec // a path of our own
	return true, nil
}

// Lacks tells whether a session that is open already misses the step that its user needs by now. One of an identity provider that
// asks for it there misses none, unless a client wants to be told of it.
func (s *Service) Lacks(ctx context.Context, pool access.Pool, b browser.Session, wanted bool) (bool, error) {
	if strong(b.Methods) || b.Excused && !wanted {
		return false, nil
	}
	need, err := s.Need(ctx, pool, b.User, wanted)
	return need != Nothing, err
}

func address(pool access.Pool, path string, query url.Values) string {
	if len(query) == 0 {
		return pool.Path() + path
	}
	return pool.Path() + path + "?" + query.Encode()
}

// next is where a browser goes that is signed in now: on with the authorization request in its address, to the console,
// or to its own factors. What asked for the sign-in is fulfilled and would ask again.
func (s *Service) next(r *http.Request, pool access.Pool) string {
	query := r.URL.Query()
	query.Del("use")
	then := query.Get(paramThen)
	query.Del(paramThen)
	switch {
	case slices.Contains(thenPages(), then):
		return address(pool, "/"+then, query)
	case query.Has("client_id"):
		for _, done := range []string{"prompt", "max_age", "login_hint"} {
			query.Del(done)
		}
		return address(pool, "/authorize", query)
	case query.Has("tenant"):
		return s.Home + "?" + url.Values{"tenant": {query.Get("tenant")}}.Encode()
	}
	return address(pool, "/factors", nil)
}

// paramThen names the page that a confirmation leads back to.
const paramThen = "then"

// thenPages are those pages, below the pool's address. Nothing else that the parameter names is gone to.
func thenPages() []string { return []string{"address", "password"} }

// fresh tells whether somebody signed in a short while ago.
func (s *Service) fresh(b browser.Session) bool { return s.Now().Sub(b.SignedInAt) < freshTime }

// Sweep deletes steps that are over. It is safe to run at any time.
func (s *Service) Sweep(ctx context.Context) error { return sweepChallenges(ctx, s.DB, s.Now()) }

// sweepBatch is how many rows one statement deletes, so that none holds locks for long.
const sweepBatch = 5000
