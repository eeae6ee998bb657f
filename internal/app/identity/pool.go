package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Pool is a user pool: its own people, issuer and signing keys.
type Pool struct {
	ID     uuid.UUID
	Name   string
	Tenant uuid.UUID // whose learners people become who sign up by themselves
	SignUp bool
}

// path is where a pool's pages and endpoints are.
func (p Pool) path() string { return "/pools/" + p.Name }

// issuer is the address that a pool's tokens name as theirs.
func (s *Service) issuer(p Pool) string { return s.publicURL + p.path() }

// poolName is the name of the pool with this issuer, or "".
func (s *Service) poolName(issuer string) string {
	name, ok := strings.CutPrefix(issuer, s.publicURL+"/pools/")
	if !ok || strings.Contains(name, "/") {
		return ""
	}
	return name
}

// pool returns the pool of a name, as it was at most 2 s ago.
func (s *Service) pool(ctx context.Context, name string) (Pool, error) {
	return s.pools.Get(name, func() (Pool, error) { return s.readPool(ctx, name) })
}

func (s *Service) readPool(ctx context.Context, name string) (Pool, error) {
	rows, err := s.db.Query(ctx, `select id, name, tenant_id, sign_up from identity.pool where name = $1`, name)
	if err != nil {
		return Pool{}, fmt.Errorf("read pool: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Pool])
	if errors.Is(err, pgx.ErrNoRows) {
		return Pool{}, errNoPool
	}
	if err != nil {
		return Pool{}, fmt.Errorf("read pool: %w", err)
	}
	return p, nil
}
