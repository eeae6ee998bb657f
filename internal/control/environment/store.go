package environment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// maxListed bounds every list of environments: more than any one host runs.
const maxListed = 5000

const columns = `id, tenant_id, session_id, user_id, lab, host, state, deadline, created_at`

// lockAndCount serialises admissions to one host, so that two at once cannot both take its last place.
func lockAndCount(ctx context.Context, tx pgx.Tx, host string) (used int, err error) {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('admission ' || $1, 0))`, host); err != nil {
		return 0, fmt.Errorf("lock admission: %w", err)
	}
	if err := tx.QueryRow(ctx, `select count(*) from runtime.environment where host = $1`, host).Scan(&used); err != nil {
		return 0, fmt.Errorf("count environments: %w", err)
	}
	return used, nil
}

func insert(ctx context.Context, tx pgx.Tx, e Environment) error {
	_, err := tx.Exec(ctx, `insert into runtime.environment (id, tenant_id, session_id, user_id, lab, host, state, deadline)
		values (@id, @tenant, @session, @user, @lab, @host, @state, @deadline)`,
		pgx.NamedArgs{
			"id": e.ID, "tenant": e.Tenant, "session": e.Session, "user": e.User, "lab": e.Lab,
			"host": e.Host, "state": e.State, "deadline": e.Deadline,
		})
	if err != nil {
		return fmt.Errorf("insert environment: %w", err)
	}
	return nil
}

func move(ctx context.Context, pool *pgxpool.Pool, id uuid.UUID, to State, deadline time.Time) error {
	_, err := pool.Exec(ctx, `update runtime.environment set state = $2, deadline = $3 where id = $1`, id, to, deadline)
	if err != nil {
		return fmt.Errorf("move environment: %w", err)
	}
	return nil
}

func remove(ctx context.Context, pool *pgxpool.Pool, id uuid.UUID) error {
	if _, err := pool.Exec(ctx, `delete from runtime.environment where id = $1`, id); err != nil {
		return fmt.Errorf("remove environment: %w", err)
	}
	return nil
}

func readAll(ctx context.Context, pool *pgxpool.Pool, host string) ([]Environment, error) {
	rows, err := pool.Query(ctx, `select `+columns+` from runtime.environment where host = $1 order by id limit $2`, host, maxListed)
	if err != nil {
		return nil, fmt.Errorf("list environments: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Environment])
	if err != nil {
		return nil, fmt.Errorf("list environments: %w", err)
	}
	return found, nil
}

// CountByTenant tells how many environments each of some tenants has, on all hosts.
func (s *Service) CountByTenant(ctx context.Context, tenants []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := s.Pool.Query(ctx, `select tenant_id, count(*) from runtime.environment where tenant_id = any($1) group by tenant_id`, tenants)
	if err != nil {
		return nil, fmt.Errorf("count environments: %w", err)
	}
	counts := map[uuid.UUID]int64{}
	var tenant uuid.UUID
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&tenant, &n}, func() error { counts[tenant] = n; return nil }); err != nil {
		return nil, fmt.Errorf("count environments: %w", err)
	}
	return counts, nil
}
