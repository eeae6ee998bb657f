// Package people keeps the accounts of user pools: who they are of, their passwords, and whether they are let in.
package people

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/password"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// User is a person in a user pool.
type User struct {
	ID        uuid.UUID
	Email     string
	Name      string
	Operator  bool // runs the installation
	Disabled  bool
	CreatedAt time.Time
}

// Account is what sign-in needs of a user.
type Account struct {
	User
	Hash string // empty: no password
}

// Draft is what an account is made of. Zero values are those of an individual who signs up: default pool, its tenant, learner.
type Draft struct {
	Pool     string
	Email    string
	Name     string
	Password string
	Operator bool
	Tenant   uuid.UUID
	Role     tenancy.Role
	Proved   bool   // the e-mail address is theirs
	Locale   string // that they read; empty: as their browser says
	Address  string // of the network, from which the person agreed to today's documents; empty: did not
}

// The errors that callers can tell apart.
var (
	ErrNone       = errs.NotFound("no_such_user", "There is no such user.")
	ErrInvalid    = errs.Invalid("invalid_user", "The account cannot be made like this; see errors.")
	ErrPassword   = errs.Invalid("weak_password", "Choose another password; see errors.")
	ErrEmailTaken = errs.Conflict("email_taken", "There may be an account with this e-mail address already. Sign in with it, or use another address.")
)

// Service keeps the people of one installation.
type Service struct {
	DB        *pgxpool.Pool // of the role identity
	Passwords *password.Hasher
	Now       func() time.Time
	Log       *slog.Logger
	Forget    func(user uuid.UUID) // what is remembered of them
}

// Prepare cleans and checks what a person typed and hashes the password. Problems are reported by field: name, email, password.
func (s *Service) Prepare(ctx context.Context, pool access.Pool, in Draft) (Draft, string, error) {
	var fields []errs.Field
	problem := func(path, message string) {
		if message != "" {
			fields = append(fields, errs.Field{Path: path, Message: message})
		}
	}
	in.Name, in.Email = address.CleanName(in.Name), address.CleanEmail(in.Email)
	problem("name", address.CheckName(in.Name))
	problem("email", address.CheckEmail(in.Email))
	problem("password", password.CheckLength(pool.PasswordMin, in.Password, in.Name, in.Email, pool.Name))
	if len(fields) > 0 {
		return in, "", ErrInvalid.WithFields(fields...)
	}
	hash, err := s.Passwords.Hash(ctx, in.Password)
	if err != nil {
		return in, "", busy(err)
	}
	return in, hash, nil
}

// ByIDs returns the names and addresses of these users, for what operators see.
func (s *Service) ByIDs(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]User, error) {
	return byID(s.usersByID(ctx, users, uuid.NullUUID{}))
}

// Known returns the names and addresses of those of these users who are members of a tenant, or were, and of operators. Rows
// of a tenant can name anybody: an archive that was imported has the ids that somebody wrote into it.
func (s *Service) Known(ctx context.Context, tenant uuid.UUID, users []uuid.UUID) (map[uuid.UUID]User, error) {
	if fault.On(fault.AnybodyIsKnown) {
		return s.ByIDs(ctx, users)
	}
	return byID(s.usersByID(ctx, users, uuid.NullUUID{UUID: tenant, Valid: true}))
}

// Names are the names of users, for what operators see.
func (s *Service) Names(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error) {
	found, err := s.ByIDs(ctx, users)
	return each(found, func(u User) string { return u.Name }), err
}

// Emails are the addresses of users, for what operators see.
func (s *Service) Emails(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error) {
	found, err := s.ByIDs(ctx, users)
	return each(found, func(u User) string { return u.Email }), err
}

// KnownNames are the names of those of these users whom Known finds.
func (s *Service) KnownNames(ctx context.Context, tenant uuid.UUID, users []uuid.UUID) (map[uuid.UUID]string, error) {
	found, err := s.Known(ctx, tenant, users)
	return each(found, func(u User) string { return u.Name }), err
}

func each(found map[uuid.UUID]User, of func(User) string) map[uuid.UUID]string {
	texts := make(map[uuid.UUID]string, len(found))
	for id, u := range found {
		texts[id] = of(u)
	}
	return texts
}

func byID(found []User, err error) (map[uuid.UUID]User, error) {
	if err != nil {
		return nil, err
	}
	people := make(map[uuid.UUID]User, len(found))
	for _, u := range found {
		people[u.ID] = u
	}
	return people, nil
}
