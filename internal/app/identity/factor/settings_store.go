package factor

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

// readSettings are those of the pool that a tenant's people sign in with. It is shared but for a silo's own.
func readSettings(ctx context.Context, q querier, tenant uuid.UUID) (Settings, error) {
	return settings(ctx, q, `p.id = identity.pool_of($1)`, tenant)
}

func readPoolSettings(ctx context.Context, q querier, name string) (Settings, error) {
	return settings(ctx, q, `p.name = $1`, name)
}

func settings(ctx context.Context, q querier, where string, arg any) (s Settings, err error) {
	err = q.QueryRow(ctx, `select p.name, p.name = 'default', p.mfa, p.mfa_roles from identity.pool p where `+where, arg).
		Scan(&s.Pool, &s.Shared, &s.MFA.Mode, &s.MFA.Roles)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, access.ErrNoPool
	}
	if err != nil {
		return s, fmt.Errorf("read sign-in settings: %w", err)
	}
	return s, nil
}

func updatePolicy(ctx context.Context, q querier, pool string, p Policy) error {
	roles := append([]string{}, p.Roles...)
	done, err := q.Exec(ctx, `update identity.pool set mfa = $2, mfa_roles = $3 where name = $1`, pool, string(p.Mode), roles)
	if err != nil {
		return fmt.Errorf("update sign-in settings: %w", err)
	}
	if done.RowsAffected() == 0 {
		return access.ErrNoPool
	}
	return nil
}

func poolOf(ctx context.Context, q querier, user uuid.UUID) (p access.Pool, err error) {
	err = q.QueryRow(ctx, `select p.id, p.name, p.tenant_id, p.sign_up from identity."user" u join identity.pool p on p.id = u.pool_id where u.id = $1`, user).
		Scan(&p.ID, &p.Name, &p.Tenant, &p.SignUp)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, errNoUser
	}
	if err != nil {
		return p, fmt.Errorf("read pool: %w", err)
	}
	return p, nil
}
