package provision

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// SignIn is where the people of a tenant sign in, and whether they may make an account there by themselves.
func (s *Service) SignIn(ctx context.Context, tenant uuid.UUID) (issuer string, signUp bool, err error) {
	var pool string
	err = s.DB.QueryRow(ctx, `select name, sign_up from identity.pool where id = identity.pool_of($1)`, tenant).Scan(&pool, &signUp)
	if err != nil {
		return "", false, fmt.Errorf("read the tenant's pool: %w", err)
	}
	return s.PublicURL + "/pools/" + pool, signUp && tenant == tenancy.DefaultTenant(), nil
}
