package identity

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/password"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
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

// NewUser is what CreateUser needs. Zero values are those of an individual who signs up: default pool, its tenant, learner.
type NewUser struct {
	Pool     string
	Email    string
	Name     string
	Password string
	Operator bool
	Tenant   uuid.UUID
	Role     tenancy.Role
	Address  string // of the network, from which the person agreed to today's documents; empty: did not
}

// ErrEmailTaken says that a pool has this e-mail address already.
var ErrEmailTaken = errs.Conflict("email_taken", "There may be an account with this e-mail address already. Sign in with it, or use another address.")

var errUser = errs.Invalid("invalid_user", "The account cannot be made like this; see errors.")

// CreateUser adds a person with a password and one membership. Problems are reported by field: name, email, password.
func (s *Service) CreateUser(ctx context.Context, in NewUser) (User, error) {
	if in.Pool == "" {
		in.Pool = DefaultPool
	}
	pool, err := s.Pool(ctx, in.Pool)
	if err != nil {
		return User{}, err
	}
	if in.Tenant == uuid.Nil {
		in.Tenant = pool.Tenant
	}
	if in.Role == "" {
		in.Role = tenancy.RoleLearner
	}
	in, hash, err := s.prepareUser(ctx, pool, in)
	if err != nil {
		return User{}, err
	}
	var user User
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := s.Provision.TakeSeat(ctx, tx, in.Tenant); err != nil {
			return err
		}
		if user, err = insertUser(ctx, tx, pool, in, hash); err != nil || in.Address == "" {
			return err
		}
		return s.consents.Record(ctx, tx, user.ID, in.Address)
	})
	return user, err
}

// prepareUser cleans and checks what a person typed and hashes the password.
func (s *Service) prepareUser(ctx context.Context, pool Pool, in NewUser) (NewUser, string, error) {
	var fields []errs.Field
	problem := func(path, message string) {
		if message != "" {
			fields = append(fields, errs.Field{Path: path, Message: message})
		}
	}
	in.Name, in.Email = address.CleanName(in.Name), address.CleanEmail(in.Email)
	problem("name", address.CheckName(in.Name))
	problem("email", address.CheckEmail(in.Email))
	problem("password", password.CheckLength(pool.PasswordMin, in.Password, in.Name, in.Email))
	if len(fields) > 0 {
		return in, "", errUser.WithFields(fields...)
	}
	hash, err := s.passwords.Hash(ctx, in.Password)
	if err != nil {
		return in, "", busy(err)
	}
	return in, hash, nil
}

var errBusy = errs.Unavailable("busy", "Many people sign in right now. Try again in a moment.")

// busy turns a hasher's "too many" into an answer.
func busy(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return errBusy.Wrap(err)
	}
	return err
}

// People returns the names and addresses of these users, for lists that other features show.
func (s *Service) People(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]User, error) {
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

var (
	errNoUser   = errs.NotFound("no_such_user", "There is no such user.")
	errPassword = errs.Invalid("weak_password", "Choose another password; see errors.")
)

// changePassword sets a new password and ends everything that the old one opened, but for the token family to keep and
// the browser session that it came from.
func changePassword(ctx context.Context, tx pgx.Tx, user uuid.UUID, hash string, keep uuid.UUID) error {
	if err := updatePassword(ctx, tx, user, hash); err != nil {
		return err
	}
	if err := dropLinks(ctx, tx, uuid.NullUUID{UUID: user, Valid: true}); err != nil {
		return err
	}
	if err := browser.EndAll(ctx, tx, user, keep); err != nil {
		return err
	}
	return audit.OfPerson(ctx, tx, user, audit.Entry{Action: "person.password_changed", Target: user.String()})
}
