package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/onetime"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/app/identity/people"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// SetupLink makes a one-time link with which the first operator makes their account. It is needed only while no operator
// exists.
func (s *Service) SetupLink(ctx context.Context) (link string, needed bool, err error) {
	pool, err := s.Pool(ctx, DefaultPool)
	if err != nil {
		return "", false, err
	}
	exists, err := people.OperatorExists(ctx, s.db)
	if err != nil || exists {
		return "", false, err
	}
	link, err = s.links.Make(ctx, pool, onetime.Setup, uuid.NullUUID{}, setupLinkLife)
	return link, err == nil, err
}

// ResetLink makes a one-time link with which a user chooses a new password; earlier ones of the same user end.
func (s *Service) ResetLink(ctx context.Context, user uuid.UUID) (string, error) {
	pool, err := s.poolOf(ctx, user)
	if err != nil {
		return "", err
	}
	return s.links.Make(ctx, pool, onetime.Reset, uuid.NullUUID{UUID: user, Valid: true}, resetLinkLife)
}

// poolOf is the pool that a user is of.
func (s *Service) poolOf(ctx context.Context, user uuid.UUID) (Pool, error) {
	var name string
	err := s.db.QueryRow(ctx, `select p.name from identity."user" u join identity.pool p on p.id = u.pool_id where u.id = $1`, user).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return Pool{}, people.ErrNone
	}
	if err != nil {
		return Pool{}, fmt.Errorf("read user: %w", err)
	}
	return s.Pool(ctx, name)
}

func (s *Service) showSetup(w http.ResponseWriter, r *http.Request, pool Pool) error {
	token := r.URL.Query().Get("token")
	if _, err := s.links.Find(r.Context(), pool, onetime.Setup, token); err != nil {
		return err
	}
	if exists, err := people.OperatorExists(r.Context(), s.db); err != nil || exists {
		return cmp.Or(err, error(onetime.ErrSetup))
	}
	return s.show(w, r, pool, http.StatusOK, page.Setup, page.Data{Link: token})
}

// setup makes the first operator, who also owns the pool's own tenant.
func (s *Service) setup(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	ctx, link := r.Context(), r.PostForm.Get("link")
	if _, err := s.links.Find(ctx, pool, onetime.Setup, link); err != nil {
		return err
	}
	d := page.Data{Link: link, Name: clip(r.PostForm.Get("name"), address.MaxName), Email: clip(r.PostForm.Get("email"), address.MaxEmail)}
	in, hash, err := s.People.Prepare(ctx, pool, NewUser{
		Name: r.PostForm.Get("name"), Email: r.PostForm.Get("email"), Password: r.PostForm.Get("password"),
		Operator: true, Tenant: pool.Tenant, Role: tenancy.RoleOwner,
	})
	if err != nil {
		return s.showProblem(w, r, pool, page.Setup, d, err)
	}
	var user User
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, "first operator"); err != nil {
			return err
		}
		if exists, err := people.OperatorExists(ctx, tx); err != nil || exists {
			return cmp.Or(err, error(onetime.ErrSetup))
		}
		if err := s.links.Take(ctx, tx, pool, onetime.Setup, link); err != nil {
			return err
		}
		user, err = people.Insert(ctx, tx, pool, in, hash)
		return err
	})
	if errors.Is(err, onetime.ErrSetup) {
		return err
	}
	if err != nil {
		return s.showProblem(w, r, pool, page.Setup, d, err)
	}
	s.log.InfoContext(ctx, "the first operator has set the installation up", "user", user.ID)
	if _, open, err := s.admit(w, r, pool, user.ID, nil, false); err != nil || !open {
		return err
	}
	s.arrive(w, r, "")
	return nil
}

func (s *Service) showReset(w http.ResponseWriter, r *http.Request, pool Pool) error {
	token := r.URL.Query().Get("token")
	who, err := s.linkAccount(r.Context(), pool, onetime.Reset, token)
	if err != nil {
		return err
	}
	return s.show(w, r, pool, http.StatusOK, page.Reset, page.Data{Link: token, Email: who.Email})
}

// linkAccount is whose link this is.
func (s *Service) linkAccount(ctx context.Context, pool Pool, kind onetime.Kind, token string) (people.Account, error) {
	user, err := s.links.Find(ctx, pool, kind, token)
	if err != nil {
		return people.Account{}, err
	}
	return s.People.ByID(ctx, user.UUID)
}

// reset sets a new password and ends every session of the user, unless they want to stay signed in elsewhere. The second
// step of those who have one is asked for as ever.
func (s *Service) reset(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	ctx, link, given := r.Context(), r.PostForm.Get("link"), r.PostForm.Get("password")
	who, err := s.linkAccount(ctx, pool, onetime.Reset, link)
	if err != nil {
		return err
	}
	d := page.Data{Link: link, Email: who.Email}
	hash, err := s.People.Hash(ctx, pool, who.User, given)
	if err != nil {
		return s.showProblem(w, r, pool, page.Reset, d, err)
	}
	locale := s.locale(r, pool).Tag() // before the transaction: it may ask the database
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := s.links.Take(ctx, tx, pool, onetime.Reset, link); err != nil {
			return err
		}
		if err := people.ChangePassword(ctx, tx, who.ID, hash, uuid.Nil, r.PostForm.Get("stay") == "yes"); err != nil {
			return err
		}
		return s.Proofs.PasswordChanged(ctx, tx, pool, who.Email, locale)
	})
	if err != nil {
		return err
	}
	s.Forget(who.ID)
	pair, byAccount, _ := signInKeys(pool, who.Email, httpx.ClientAddress(r))
	s.throttle.Reset(pair, byAccount)
	s.log.InfoContext(ctx, "a password was reset by a one-time link", "user", who.ID)
	return s.show(w, r, pool, http.StatusOK, page.Changed, page.Data{})
}

// lock serialises a rare transaction among all processes until it ends.
func lock(ctx context.Context, tx pgx.Tx, what string) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: "+what); err != nil {
		return fmt.Errorf("lock %s: %w", what, err)
	}
	return nil
}
