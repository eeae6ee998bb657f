package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/page"
	"github.com/cloudkida/cloudkida/internal/app/identity/password"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// linkKind is what a one-time link is good for.
type linkKind string

const (
	linkSetup linkKind = "setup"
	linkReset linkKind = "reset"
	linkEnter linkKind = "enter" // provision makes them
)

var (
	errSetupLink = errs.NotFound("setup_link_over", "This link has been used or has expired. If nobody has set this installation up yet, start the program again: it prints a new link.")
	errEnterLink = errs.NotFound("enter_link_over", "This link has been used or has expired. Sign in with the password that you chose, or ask whoever invited you for a new link.")
	errResetLink = errs.NotFound("reset_link_over", "This link has been used or has expired. Ask whoever gave it to you for a new one.")
)

// SetupLink makes a one-time link with which the first operator makes their account. It is needed only while no operator
// exists.
func (s *Service) SetupLink(ctx context.Context) (link string, needed bool, err error) {
	pool, err := s.Pool(ctx, DefaultPool)
	if err != nil {
		return "", false, err
	}
	exists, err := s.operatorExists(ctx, s.db)
	if err != nil || exists {
		return "", false, err
	}
	link, err = s.makeLink(ctx, pool, linkSetup, uuid.NullUUID{}, setupLinkLife)
	return link, err == nil, err
}

// ResetLink makes a one-time link with which a user chooses a new password; earlier ones of the same user end.
func (s *Service) ResetLink(ctx context.Context, user uuid.UUID) (string, error) {
	var name string
	err := s.db.QueryRow(ctx, `select p.name from identity."user" u join identity.pool p on p.id = u.pool_id where u.id = $1`, user).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errNoUser
	}
	if err != nil {
		return "", fmt.Errorf("read user: %w", err)
	}
	pool, err := s.Pool(ctx, name)
	if err != nil {
		return "", err
	}
	return s.makeLink(ctx, pool, linkReset, uuid.NullUUID{UUID: user, Valid: true}, resetLinkLife)
}

func (s *Service) makeLink(ctx context.Context, pool Pool, kind linkKind, user uuid.NullUUID, life time.Duration) (string, error) {
	token, hash := opaque.New()
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := dropLinks(ctx, tx, user); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into identity.one_time_link (token_hash, pool_id, kind, user_id, expires_at) values ($1, $2, $3, $4, $5)`,
			hash, pool.ID, string(kind), user, s.now().Add(life))
		if err != nil || kind != linkReset {
			return err
		}
		e := audit.Entry{Action: "person.password_reset_link", Target: user.UUID.String()}
		return errors.Join(audit.OfPerson(ctx, tx, user.UUID, e), audit.Operated(ctx, tx, audit.Operation{Entry: e}))
	})
	if err != nil {
		return "", fmt.Errorf("make %s link: %w", kind, err)
	}
	return s.Issuer(pool) + "/" + string(kind) + "?token=" + url.QueryEscape(token), nil
}

// dropLinks ends the links of a user. Setup links, which have none, stay: each process of an installation prints its own.
func dropLinks(ctx context.Context, tx pgx.Tx, user uuid.NullUUID) error {
	if _, err := tx.Exec(ctx, `delete from identity.one_time_link where user_id = $1`, user); err != nil {
		return fmt.Errorf("drop links: %w", err)
	}
	return nil
}

const linkCondition = ` where token_hash = $1 and pool_id = $2 and kind = $3 and used_at is null and expires_at > $4 `

// findLink returns whose link this is without using it up: mail programs open links before people do.
func (s *Service) findLink(ctx context.Context, pool Pool, kind linkKind, token string) (user uuid.NullUUID, found bool, err error) {
	err = s.db.QueryRow(ctx, `select user_id from identity.one_time_link`+linkCondition, opaque.Hash(token), pool.ID, string(kind), s.now()).Scan(&user)
	if errors.Is(err, pgx.ErrNoRows) {
		return user, false, nil
	}
	if err != nil {
		return user, false, fmt.Errorf("read link: %w", err)
	}
	return user, true, nil
}

// takeLink uses a link up.
func (s *Service) takeLink(ctx context.Context, tx pgx.Tx, pool Pool, kind linkKind, token string) (found bool, err error) {
	done, err := tx.Exec(ctx, `update identity.one_time_link set used_at = now()`+linkCondition, opaque.Hash(token), pool.ID, string(kind), s.now())
	if err != nil {
		return false, fmt.Errorf("take link: %w", err)
	}
	return done.RowsAffected() == 1, nil
}

func (s *Service) showSetup(w http.ResponseWriter, r *http.Request, pool Pool) error {
	token := r.URL.Query().Get("token")
	_, found, err := s.findLink(r.Context(), pool, linkSetup, token)
	if err != nil {
		return err
	}
	if exists, err := s.operatorExists(r.Context(), s.db); err != nil || exists || !found {
		return cmp.Or(err, error(errSetupLink))
	}
	return s.show(w, r, pool, http.StatusOK, page.Setup, page.Data{Link: token})
}

// setup makes the first operator, who also owns the pool's own tenant.
func (s *Service) setup(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	ctx, link := r.Context(), r.PostForm.Get("link")
	if _, found, err := s.findLink(ctx, pool, linkSetup, link); err != nil || !found {
		return cmp.Or(err, error(errSetupLink))
	}
	d := page.Data{Link: link, Name: clip(r.PostForm.Get("name"), address.MaxName), Email: clip(r.PostForm.Get("email"), address.MaxEmail)}
	in, hash, err := s.prepareUser(ctx, pool, NewUser{
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
		exists, err := s.operatorExists(ctx, tx)
		if err != nil {
			return err
		}
		if found, err := s.takeLink(ctx, tx, pool, linkSetup, link); err != nil || !found || exists {
			return cmp.Or(err, error(errSetupLink))
		}
		user, err = insertUser(ctx, tx, pool, in, hash)
		return err
	})
	if errors.Is(err, errSetupLink) {
		return err
	}
	if err != nil {
		return s.showProblem(w, r, pool, page.Setup, d, err)
	}
	s.log.InfoContext(ctx, "the first operator has set the installation up", "user", user.ID)
	if _, open, err := s.admit(w, r, pool, user.ID, nil, false); err != nil || !open {
		return err
	}
	http.Redirect(w, r, s.publicURL+"/", http.StatusSeeOther)
	return nil
}

func (s *Service) showReset(w http.ResponseWriter, r *http.Request, pool Pool) error {
	token := r.URL.Query().Get("token")
	who, err := s.linkAccount(r.Context(), pool, linkReset, token)
	if err != nil {
		return err
	}
	return s.show(w, r, pool, http.StatusOK, page.Reset, page.Data{Link: token, Email: who.Email})
}

// linkAccount is whose link this is.
func (s *Service) linkAccount(ctx context.Context, pool Pool, kind linkKind, token string) (account, error) {
	over := errResetLink
	if kind == linkEnter {
		over = errEnterLink
	}
	user, found, err := s.findLink(ctx, pool, kind, token)
	if err != nil || !found {
		return account{}, cmp.Or(err, error(over))
	}
	return s.accountByID(ctx, user.UUID)
}

// reset sets a new password and ends every session of the user.
func (s *Service) reset(w http.ResponseWriter, r *http.Request, pool Pool) error {
	if err := s.readForm(r, pool); err != nil {
		return err
	}
	ctx, link, given := r.Context(), r.PostForm.Get("link"), r.PostForm.Get("password")
	who, err := s.linkAccount(ctx, pool, linkReset, link)
	if err != nil {
		return err
	}
	d := page.Data{Link: link, Email: who.Email}
	hash, err := s.newHash(ctx, pool, who.User, given)
	if err != nil {
		return s.showProblem(w, r, pool, page.Reset, d, err)
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if found, err := s.takeLink(ctx, tx, pool, linkReset, link); err != nil || !found {
			return cmp.Or(err, error(errResetLink))
		}
		return changePassword(ctx, tx, who.ID, hash, uuid.Nil)
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

// newHash checks a new password of a user and hashes it.
func (s *Service) newHash(ctx context.Context, pool Pool, who User, given string) (string, error) {
	if problem := password.CheckLength(pool.PasswordMin, given, who.Name, who.Email); problem != "" {
		return "", errPassword.WithFields(errs.Field{Path: "password", Message: problem})
	}
	ctx, cancel := context.WithTimeout(ctx, hashTime)
	defer cancel()
	hash, err := s.passwords.Hash(ctx, given)
	return hash, busy(err)
}

// lock serialises a rare transaction among all processes until it ends.
func lock(ctx context.Context, tx pgx.Tx, what string) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: "+what); err != nil {
		return fmt.Errorf("lock %s: %w", what, err)
	}
	return nil
}
