package identity

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/people"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// User is a person in a user pool.
type User = people.User

// NewUser is what CreateUser needs.
type NewUser = people.Draft

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
	in, hash, err := s.People.Prepare(ctx, pool, in)
	if err != nil {
		return User{}, err
	}
	var user User
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := s.Provision.TakeSeat(ctx, tx, in.Tenant); err != nil {
			return err
		}
		if user, err = people.Insert(ctx, tx, pool, in, hash); err != nil || in.Address == "" {
			return err
		}
		return s.consents.Record(ctx, tx, user.ID, in.Address)
	})
	return user, err
}
