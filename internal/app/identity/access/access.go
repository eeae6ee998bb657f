// Package access decides who may act, and in which tenant: it verifies access tokens and reads memberships, remembers both
// for two seconds, and forgets them as soon as it hears of a change. It is what the gateway asks for every request.
package access

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
)

// Audience is who access tokens are for.
const Audience = "cloudkida-api"

// cacheLife is how long a change goes unseen when no hint of it is heard; streams add their own 2 s.
const cacheLife = 2 * time.Second

// Bounds of memory.
const (
	maxCached      = 50_000 // memberships and token families, each
	maxCachedPools = 10_000
	maxTokens      = 20_000 // verified tokens, of about 500 bytes each; up to twice as many
)

// ErrNoPool says that no user pool has this name.
var ErrNoPool = errs.NotFound("no_such_pool", "There is no sign-in at this address. Check it, or ask whoever sent you here.")

// Checker tells who may act.
type Checker struct {
	db        *pgxpool.Pool
	publicURL string
	keys      *keyring.Ring
	now       func() time.Time

	pools    *cache.Cache[string, Pool]
	members  *cache.Cache[memberKey, Member]
	families *cache.Cache[familyKey, struct{}]
	tokens   *cache.Recent[[sha256.Size]byte, token]
	headers  *cache.Recent[string, header]
	origins  *cache.Cache[string, bool]
}

// New returns a Checker of the pools whose issuers are below publicURL. It reads nothing yet.
func New(db *pgxpool.Pool, publicURL string, keys *keyring.Ring, now func() time.Time) *Checker {
	return &Checker{
		db: db, publicURL: publicURL, keys: keys, now: now,
		pools:    cache.New[string, Pool](maxCachedPools, cacheLife, now),
		members:  cache.New[memberKey, Member](maxCached, cacheLife, now),
		families: cache.New[familyKey, struct{}](maxCached, cacheLife, now),
		origins:  cache.New[string, bool](maxOrigins, cacheLife, now),
		tokens:   cache.NewRecent[[sha256.Size]byte, token](maxTokens),
		headers:  cache.NewRecent[string, header](maxHeaders),
	}
}

// Forget drops what is remembered about a user: this process sees a change at once. The others hear of it by a hint.
func (a *Checker) Forget(user uuid.UUID) {
	a.members.Forget(func(k memberKey) bool { return k.user == user })
	a.families.Forget(func(k familyKey) bool { return k.user == user })
}

// ForgetTenant drops what is remembered about a tenant, its people's rights and its pool included.
func (a *Checker) ForgetTenant(tenant uuid.UUID) {
	a.members.Forget(func(k memberKey) bool { return k.tenant == tenant })
	a.families.Forget(func(k familyKey) bool { return k.tenant == tenant })
	a.pools.Forget(func(string) bool { return true })
}

// forgetAll drops everything: hints may have been missed.
func (a *Checker) forgetAll() {
	a.members.Forget(func(memberKey) bool { return true })
	a.families.Forget(func(familyKey) bool { return true })
	a.pools.Forget(func(string) bool { return true })
}

// Hear lets the changes that other processes make be seen here at once.
func (a *Checker) Hear(hub *notify.Hub) {
	forget := func(one func(uuid.UUID)) func(string) {
		return func(id string) {
			if parsed, err := uuid.Parse(id); err == nil {
				one(parsed)
			} else {
				a.forgetAll() // whoever sent it meant something
			}
		}
	}
	hub.On(notify.TopicMember, forget(a.Forget), a.forgetAll)
	hub.On(notify.TopicTenant, forget(a.ForgetTenant), a.forgetAll)
}
