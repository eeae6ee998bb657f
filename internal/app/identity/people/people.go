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

// ByIDs returns the names and addresses of these users, for lists that other features show.
func (s *Service) ByIDs(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]User, error) {
	found, err := s.usersByID(ctx, users)
	if err != nil {
		return nil, err
	}
	people := make(map[uuid.UUID]User, len(found))
	for _, u := range found {
		people[u.ID] = u
	}
	return people, nil
}
