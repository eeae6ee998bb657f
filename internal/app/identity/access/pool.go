package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/password"
)

// Pool is a user pool: its own people, issuer and signing keys.
type Pool struct {
	ID     uuid.UUID
	Name   string
	Tenant uuid.UUID // whose learners people become who sign up by themselves
	SignUp bool
	Settings
}

// Settings are what operators set for a pool.
type Settings struct {
	Access      time.Duration // how long access tokens are good
	RefreshIdle time.Duration // a token family that is not refreshed for so long ends
	Refresh     time.Duration // and any family ends after this
	Domains     []string      // of e-mail addresses with which people may sign up by themselves; none: any
	PasswordMin int           // fewest characters of a new password
	Version     int64         // grows with every change
}

// Defaults of a pool without settings of its own.
const (
	DefaultAccess      = 10 * time.Minute
	DefaultRefreshIdle = 7 * 24 * time.Hour
	DefaultRefresh     = 30 * 24 * time.Hour
)

// MaxAccess is the longest life of any access token, by the table's own check.
const MaxAccess = time.Hour

// Admits tells whether somebody with this e-mail address may sign up by themselves.
func (p Pool) Admits(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return p.SignUp && (len(p.Domains) == 0 || slices.Contains(p.Domains, strings.ToLower(domain)))
}

// DefaultPool is the name of the pool of the default tenant and of all pooled tenants.
const DefaultPool = "default"

// Shared tells whether people of several tenants are in the pool.
func (p Pool) Shared() bool { return p.Name == DefaultPool }

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
	var p Pool
	var access, idle, refresh int64
	err := a.db.QueryRow(ctx, `
		select id, name, tenant_id, sign_up, coalesce(sign_up_domains, '{}'), coalesce(password_min, $2), version,
			coalesce(access_seconds, 0), coalesce(refresh_idle_seconds, 0), coalesce(refresh_seconds, 0)
		from identity.pool where name = $1`, name, password.MinLength).
		Scan(&p.ID, &p.Name, &p.Tenant, &p.SignUp, &p.Domains, &p.PasswordMin, &p.Version, &access, &idle, &refresh)
	if errors.Is(err, pgx.ErrNoRows) {
		return Pool{}, ErrNoPool
	}
	if err != nil {
		return Pool{}, fmt.Errorf("read pool: %w", err)
	}
	p.Access, p.RefreshIdle, p.Refresh = orDefault(access, DefaultAccess), orDefault(idle, DefaultRefreshIdle), orDefault(refresh, DefaultRefresh)
	return p, nil
}

func orDefault(seconds int64, life time.Duration) time.Duration {
	return cmp.Or(time.Duration(seconds)*time.Second, life)
}
