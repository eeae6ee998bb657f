package access

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

// Path is where a pool's pages and endpoints are.
func (p Pool) Path() string { return "/pools/" + p.Name }

// Issuer is the address that a pool's tokens name as theirs.
func (a *Checker) Issuer(p Pool) string { return a.publicURL + p.Path() }

// PoolName is the name of the pool with this issuer, or "".
func (a *Checker) PoolName(issuer string) string {
	name, ok := strings.CutPrefix(issuer, a.publicURL+"/pools/")
	if !ok || strings.Contains(name, "/") {
		return ""
	}
	return name
}

// Pool returns the pool of a name, as it was at most 2 s ago.
func (a *Checker) Pool(ctx context.Context, name string) (Pool, error) {
	return a.pools.Get(name, func() (Pool, error) { return a.readPool(ctx, name) })
}

func (a *Checker) readPool(ctx context.Context, name string) (Pool, error) {
	rows, err := a.db.Query(ctx, `select id, name, tenant_id, sign_up from identity.pool where name = $1`, name)
	if err != nil {
		return Pool{}, fmt.Errorf("read pool: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Pool])
	if errors.Is(err, pgx.ErrNoRows) {
		return Pool{}, ErrNoPool
	}
	if err != nil {
		return Pool{}, fmt.Errorf("read pool: %w", err)
	}
	return p, nil
}
