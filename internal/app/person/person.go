// Package person gives people what is theirs: a copy of everything that the installation has about them, and its erasure
// with a proof, in identity and in every tenant that they have been a member of, each reached in its own scope.
//
// Where a person is in tenant data is found in the catalogue, by the names of columns: see columns.go. Rows that are the
// person's go, with the rows that belong to them. Rows that are the organisation's and name who acted stay with the id
// alone, which leads to nobody once the account is gone.
package person

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Accounts is what identity does for a person.
type Accounts interface {
	// ConfirmPassword returns an error of the kind invalid for another password than the user's, and slows down guessing.
	ConfirmPassword(ctx context.Context, pool string, user uuid.UUID, password string) error
	// Forget drops what this process remembers about a user's rights.
	Forget(user uuid.UUID)
}

// Labs are the environments that a person has.
type Labs interface {
	// EndOf ends the user's labs in the tenant of ctx and tells how many have not ended yet.
	EndOf(ctx context.Context, user uuid.UUID) (left int, err error)
}

// Letters are what was sent to a person.
type Letters interface {
	// CountTo and RemoveTo are about the messages to an e-mail address.
	CountTo(ctx context.Context, email string) (int64, error)
	RemoveTo(ctx context.Context, email string) error
}

// Signer signs proofs.
type Signer interface {
	Make(ctx context.Context, statement any) (proof.Proof, error)
}

// Service answers the rights of persons.
type Service struct {
	Identity *pgxpool.Pool // of the role identity
	DB       *db.DB
	Accounts Accounts
	Labs     Labs
	Letters  Letters
	Signer   Signer
	Dir      string // for a copy while it is made; the system's when empty
	Log      *slog.Logger

	once  sync.Once
	slots chan struct{}
}

// Errors of erasure.
var (
	ErrEmail = errs.Invalid("wrong_confirmation", "Type your own e-mail address to confirm.").
			WithFields(errs.Field{Path: "body.confirm", Message: "This is not your e-mail address."})
	ErrPassword   = errs.Invalid("wrong_password", "The password is not right.").WithFields(errs.Field{Path: "body.password", Message: "This is not your password."})
	ErrNoPassword = errs.Conflict("no_password", "Your account has no password to confirm this with. Ask an operator for a link to choose one.")
	ErrOwner      = errs.Conflict("last_owner", "You are the only owner of an organisation.")
	ErrOperator   = errs.Conflict("last_operator", "You are the only operator of this installation. Make somebody else an operator first.")
	ErrLabs       = errs.Unavailable("labs_ending", "Your running labs are still being ended. Try again in a minute: nothing was deleted yet.")
	ErrBusy       = errs.Unavailable("busy", "Many people do this right now. Try again in a moment.")
)

// account is a person as identity knows them.
type account struct {
	ID          uuid.UUID
	Pool        string
	Email       string
	HasPassword bool
	Operator    bool
}

// home is a tenant that a person is or was a member of.
type home struct {
	ID    uuid.UUID
	Name  string
	Title string
}

// How long the end of a person's labs is waited for, and how often it is looked at.
const (
	labsTime  = 20 * time.Second
	labsEvery = 200 * time.Millisecond
	afterTime = time.Minute // for what follows once the account is gone
)

// Counted is what there was of a person in one table.
type Counted struct {
	Where     string `json:"where" example:"identity" doc:"identity, mail, or the id of a tenant"`
	Table     string `json:"table"`
	Treatment string `json:"treatment" enum:"deleted,pseudonymous" doc:"pseudonymous: the row is the organisation's and stays, with an id that leads to nobody"`
	Before    int64  `json:"before"`
	After     int64  `json:"after"`
}

// Statement is what the proof of an erasure says.
type Statement struct {
	Kind string    `json:"kind"`
	User uuid.UUID `json:"user"`
	At   time.Time `json:"at"`
	Rows []Counted `json:"rows"`
}

// Erase deletes the caller. It can be repeated until it succeeds: the account goes last, so that whoever was interrupted
// can sign in and ask again.
func (s *Service) Erase(ctx context.Context, confirm, password string) (p proof.Proof, err error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return p, db.ErrNoScope
	}
	who, err := s.account(ctx, scope.User)
	if err != nil {
		return p, err
	}
	if err := s.confirm(ctx, who, confirm, password); err != nil {
		return p, err
	}
	homes, err := s.homes(ctx, who.ID)
	if err != nil {
		return p, err
	}
	// Nothing may happen to somebody who would be refused in the end.
	if err := pgx.BeginFunc(ctx, s.Identity, func(tx pgx.Tx) error { return mayLeave(ctx, tx, who) }); err != nil {
		return p, err
	}
	for _, h := range homes {
		if err := s.endLabs(tenancy.System(ctx, h.ID), who.ID); err != nil {
			return p, err
		}
	}
	counted, err := s.erase(ctx, who, homes)
	if err != nil {
		return p, err
	}
	s.Accounts.Forget(who.ID)
	s.Log.InfoContext(ctx, "a person was erased", "user", who.ID, "request", scope.Request)
	return s.prove(ctx, who.ID, counted)
}

// Confirm checks the caller's password, before something is done that cannot be undone.
func (s *Service) Confirm(ctx context.Context, password string) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return db.ErrNoScope
	}
	who, err := s.account(ctx, scope.User)
	if err != nil {
		return err
	}
	return s.confirm(ctx, who, who.Email, password)
}

func (s *Service) confirm(ctx context.Context, who account, email, password string) error {
	switch {
	case !sameEmail(email, who.Email):
		return ErrEmail
	case !who.HasPassword:
		return ErrNoPassword
	}
	err := s.Accounts.ConfirmPassword(ctx, who.Pool, who.ID, password)
	if errs.KindOf(err) == errs.KindInvalid {
		return ErrPassword.Wrap(err)
	}
	return err
}

// endLabs ends a person's labs in one tenant: an environment that runs would write rows again.
func (s *Service) endLabs(ctx context.Context, user uuid.UUID) error {
	ctx, cancel := context.WithTimeout(ctx, labsTime)
	defer cancel()
	tick := time.NewTicker(labsEvery)
	defer tick.Stop()
	for {
		left, err := s.Labs.EndOf(ctx, user)
		if errors.Is(err, context.DeadlineExceeded) {
			return ErrLabs.Wrap(err)
		}
		if err != nil || left == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ErrLabs.Wrap(ctx.Err())
		case <-tick.C:
		}
	}
}

// erase deletes a person's rows everywhere and then the account, which is locked meanwhile.
func (s *Service) erase(ctx context.Context, who account, homes []home) (counted []Counted, err error) {
	err = pgx.BeginFunc(ctx, s.Identity, func(tx pgx.Tx) error {
		counted = nil
		if err := mayLeave(ctx, tx, who); err != nil {
			return err
		}
		for _, h := range homes {
			found, err := s.eraseIn(ctx, h.ID, who.ID, true)
			if err != nil {
				return err
			}
			counted = append(counted, found...)
		}
		letters, err := s.eraseLetters(ctx, who.Email)
		if err != nil {
			return err
		}
		found, err := leave(ctx, tx, who.ID)
		counted = append(append(counted, letters), found...)
		return err
	})
	if err != nil {
		return nil, err
	}
	// A request that had begun before may have written once more. The account is gone: whether anybody still waits for the
	// answer or not, this and the proof follow.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterTime)
	defer cancel()
	for _, h := range homes {
		again, err := s.eraseIn(ctx, h.ID, who.ID, false)
		if err != nil {
			s.Log.ErrorContext(ctx, "look once more for rows of an erased person", "user", who.ID, "tenant", h.ID, "error", err)
			continue
		}
		merge(counted, again)
	}
	return counted, nil
}

// merge takes over what there is after a second look.
func merge(counted, again []Counted) {
	for _, a := range again {
		for i, c := range counted {
			if c.Where == a.Where && c.Table == a.Table && c.Treatment == a.Treatment {
				counted[i].After = a.After
			}
		}
	}
}

func (s *Service) eraseLetters(ctx context.Context, email string) (c Counted, err error) {
	c = Counted{Where: "mail", Table: "mail_message", Treatment: deleted}
	if c.Before, err = s.Letters.CountTo(ctx, email); err != nil {
		return c, err
	}
	if err := s.Letters.RemoveTo(ctx, email); err != nil {
		return c, err
	}
	c.After, err = s.Letters.CountTo(ctx, email)
	return c, err
}

// prove signs what was counted and keeps the proof, which the person takes along.
func (s *Service) prove(ctx context.Context, user uuid.UUID, counted []Counted) (proof.Proof, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterTime)
	defer cancel()
	p, err := s.Signer.Make(ctx, Statement{Kind: "person.erasure", User: user, At: time.Now().UTC(), Rows: counted})
	if err != nil {
		return p, err
	}
	return p, s.keep(ctx, user, p)
}
