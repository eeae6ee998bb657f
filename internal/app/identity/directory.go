package identity

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// SignInPlace is where the people of a tenant sign in.
type SignInPlace struct {
	Issuer   string
	ClientID string // of the console
	SignUp   bool   // whether people may make an account by themselves
}

// SignInOf finds where the people of a tenant sign in.
func (s *Service) SignInOf(ctx context.Context, tenant uuid.UUID) (SignInPlace, error) {
	var pool Pool
	err := s.db.QueryRow(ctx, `select name, sign_up from identity.pool where id = identity.pool_of($1)`, tenant).Scan(&pool.Name, &pool.SignUp)
	if err != nil {
		return SignInPlace{}, fmt.Errorf("read the tenant's pool: %w", err)
	}
	return SignInPlace{Issuer: s.issuer(pool), ClientID: ConsoleClient, SignUp: pool.SignUp && tenant == tenancy.DefaultTenant()}, nil
}
