// Package apikey is about API keys: secrets with which programs act in one tenant, within scopes. People make them, for the
// tenant or for one of its machine clients; the gateway asks this package who a key is.
package apikey

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/scoped"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Bounds.
const (
	maxKeys    = 50 // of a tenant that are not revoked
	maxRevoked = 50 // that are kept to look at
	maxOverlap = 72 * time.Hour
	// cacheLife is how long a change goes unseen when no hint of it is heard.
	cacheLife = 2 * time.Second
	maxCached = 50_000
	// noteEvery is how exact the last use is known.
	noteEvery = time.Minute
)

// Key is an API key without its secret.
type Key struct {
	ID           uuid.UUID
	Prefix       string // how it begins; tells keys apart and opens nothing
	Name         string
	Machine      *uuid.UUID // whose key it is; nil: the tenant's
	MachineName  string
	CreatedBy    uuid.UUID
	CreatorName  string
	Scopes       []tenancy.Permission
	CreatedAt    time.Time
	RotatedAt    *time.Time
	ExpiresAt    time.Time
	OldUntil     *time.Time // the secret before the last rotation is good until then
	RevokedAt    *time.Time
	LastUsedAt   *time.Time
	LastUsedFrom string
	Version      int64
	Role         tenancy.Role // of whoever bounds the key now: its machine client or its maker; "" when they may not act
}

// State is what has become of a key.
type State string

// The states. A stopped key's maker may not act in the tenant any more; it works again when they may.
const (
	Active  State = "active"
	Expired State = "expired"
	Revoked State = "revoked"
	Stopped State = "stopped"
)

// State of a key at a time.
func (k Key) State(now time.Time) State {
	switch {
	case k.RevokedAt != nil:
		return Revoked
	case !now.Before(k.ExpiresAt):
		return Expired
	case k.Role == "":
		return Stopped
	}
	return Active
}

// Asleep are the scopes that do not count now, as the role that bounds the key does not have them.
func (k Key) Asleep() []tenancy.Permission {
	out := []tenancy.Permission{}
	for _, p := range k.Scopes {
		if k.Role != "" && !slices.Contains(policy.Permissions(k.Role), p) {
			out = append(out, p)
		}
	}
	return out
}

// Wish is what somebody says of a new key.
type Wish struct {
	Name    string
	Scopes  []tenancy.Permission
	Machine *uuid.UUID
	Life    time.Duration
}

// Service makes keys and tells who they are.
type Service struct {
	Identity *pgxpool.Pool // of the role identity
	DB       *db.DB        // the tenant's data: its audit log
	Now      func() time.Time
	Log      *slog.Logger
	// Role is what a member or a machine client is in a tenant now, or why they may not act there.
	Role     func(ctx context.Context, user, tenant uuid.UUID) (tenancy.Role, error)
	Throttle *throttle.Throttle
	hash     []byte // key of the HMAC
	known    *cache.Cache[string, known]
	noted    *cache.Cache[uuid.UUID, struct{}]
}

// Open completes a Service. secret is the key of the HMAC by which keys are kept.
func Open(s Service, secret string) *Service {
	s.hash = []byte(secret)
	s.known = cache.New[string, known](maxCached, cacheLife, s.Now)
	s.noted = cache.New[uuid.UUID, struct{}](maxCached, noteEvery, s.Now)
	return &s
}

// The errors that callers can tell apart.
var (
	ErrNotFound = errs.NotFound("no_such_api_key", "Your organisation has no such API key.")
	ErrMachine  = errs.NotFound("no_such_machine_client", "Your organisation has no such machine client.")
	ErrTooMany  = errs.Conflict("too_many_api_keys", "An organisation has at most 50 API keys. Revoke one that is no longer used.")
	ErrAbove    = errs.Forbidden("scope_above_own", "You cannot give or renew scopes that you do not have, nor those of somebody above you. Ask an owner.")
	ErrPeople   = errs.Forbidden("people_only", "Only people make, change and revoke API keys.")
	ErrChanged  = errs.Changed("api_key_changed", "Somebody else has changed this key meanwhile. Load it again, then repeat your change.")
	ErrOver     = errs.Conflict("api_key_over", "This key is revoked, or whoever made it may not act here any more. Make a new one.")
	ErrGiven    = errs.Conflict("api_key_given", "The key was shown before. Sign in and make another one.")

	errKey = errs.Invalid("invalid_api_key_request", "The key cannot be made like this; see errors.")
)

// List returns the tenant's keys, the latest first, and the scopes that the caller can give.
func (s *Service) List(ctx context.Context) (found []Key, grantable []tenancy.Permission, err error) {
	err = s.access().InTenant(ctx, policy.KeyRead, func(tx pgx.Tx, scope tenancy.Scope) error {
		grantable = Grantable(scope.Role)
		found, err = list(ctx, tx, scope.Tenant, s.Now())
		return err
	})
	return found, grantable, err
}

// Get returns one key.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (k Key, err error) {
	err = s.access().InTenant(ctx, policy.KeyRead, func(tx pgx.Tx, scope tenancy.Scope) error {
		k, err = get(ctx, tx, scope.Tenant, id, s.Now())
		return err
	})
	return k, err
}

// Add makes a key and returns its text, which nobody can see again. Its scopes are at most what the caller may do; of a
// machine client's key, also at most what that client may do.
func (s *Service) Add(ctx context.Context, wish Wish) (k Key, text string, err error) {
	if err := wish.check(); err != nil {
		return Key{}, "", err
	}
	err = s.change(ctx, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error {
		if !within(wish.Scopes, own) {
			return ErrAbove
		}
		if wish.Machine != nil {
			role, err := machineRole(ctx, tx, scope.Tenant, *wish.Machine, s.Now())
			if err != nil {
				return err
			}
			if !within(wish.Scopes, role) || !covers(own, role) {
				return ErrAbove
			}
		}
		if k, text, err = s.make(ctx, tx, scope.Tenant, scope.User, uuid.Must(uuid.NewV7()), wish); err != nil {
			return err
		}
		return s.record(ctx, k, audit.Entry{Action: "key.created", After: k.shown()})
	})
	return k, text, err
}

func (w *Wish) check() error {
	w.Name = address.CleanName(w.Name)
	var fields []errs.Field
	if problem := address.CheckName(w.Name); problem != "" {
		fields = append(fields, errs.Field{Path: "body.name", Message: problem})
	}
	w.Scopes = slices.Compact(slices.Sorted(slices.Values(w.Scopes)))
	if len(w.Scopes) == 0 {
		fields = append(fields, errs.Field{Path: "body.scopes", Message: "Give at least one scope."})
	}
	for _, p := range w.Scopes {
		if _, ok := scopes()[p]; !ok {
			fields = append(fields, errs.Field{Path: "body.scopes", Message: "No key can have the scope " + string(p) + "."})
		}
	}
	if len(fields) > 0 {
		return errKey.WithFields(fields...)
	}
	return nil
}

// within tells whether a role has every scope.
func within(list []tenancy.Permission, role tenancy.Role) bool {
	have := policy.Permissions(role)
	return !slices.ContainsFunc(list, func(p tenancy.Permission) bool { return !slices.Contains(have, p) })
}

// covers tells whether a role has all that another one has.
func covers(role, other tenancy.Role) bool { return within(policy.Permissions(other), role) }

// make stores a new key.
func (s *Service) make(ctx context.Context, tx pgx.Tx, tenant, by, id uuid.UUID, wish Wish) (Key, string, error) {
	if err := room(ctx, tx, tenant); err != nil {
		return Key{}, "", err
	}
	for {
		text, public := newText("")
		err := insert(ctx, tx, tenant, row{
			ID: id, Public: public, Name: wish.Name, Machine: wish.Machine, By: by, Scopes: wish.Scopes, Hash: s.mac(text), ExpiresAt: s.Now().Add(wish.Life),
		})
		if errors.Is(err, errTaken) {
			continue // once in the life of a large installation
		}
		if err != nil {
			return Key{}, "", err
		}
		k, err := get(ctx, tx, tenant, id, s.Now())
		return k, text, err
	}
}

// Rename gives a key whose version is still the one that the caller saw another name.
func (s *Service) Rename(ctx context.Context, id uuid.UUID, version int64, name string) (Key, error) {
	name = address.CleanName(name)
	if problem := address.CheckName(name); problem != "" {
		return Key{}, errKey.WithFields(errs.Field{Path: "body.name", Message: problem})
	}
	return s.changeOne(ctx, id, func(tx pgx.Tx, scope tenancy.Scope, k Key, _ tenancy.Role) error {
		if k.Version != version {
			return ErrChanged
		}
		if err := rename(ctx, tx, scope.Tenant, id, name); err != nil {
			return err
		}
		return s.record(ctx, k, audit.Entry{Action: "key.renamed", Before: map[string]any{"name": k.Name}, After: map[string]any{"name": name}})
	})
}

// AnyVersion is whichever a key has.
const AnyVersion int64 = 0

// Rotate gives a key another secret and life, and returns its text. The old secret is good for overlap longer, if it was at
// all; one that was in its overlap still ends at once.
func (s *Service) Rotate(ctx context.Context, id uuid.UUID, version int64, overlap, life time.Duration) (k Key, text string, err error) {
	k, err = s.changeOne(ctx, id, func(tx pgx.Tx, scope tenancy.Scope, k Key, own tenancy.Role) error {
		switch {
		case version != AnyVersion && k.Version != version:
			return ErrChanged
		case k.RevokedAt != nil || k.Role == "":
			return ErrOver
		case !within(k.Scopes, own) || !covers(own, k.Role):
			return ErrAbove // whoever rotates a key sees its secret, and so can do what it can
		}
		now := s.Now()
		var public string
		text, public = newText(k.Prefix[len(Prefix):])
		until := now.Add(min(overlap, maxOverlap))
		if k.ExpiresAt.Before(until) {
			until = k.ExpiresAt
		}
		if err := rotate(ctx, tx, scope.Tenant, row{ID: id, Public: public, Hash: s.mac(text), ExpiresAt: now.Add(life)}, now, until); err != nil {
			return err
		}
		return s.record(ctx, k, audit.Entry{
			Action: "key.rotated", Detail: map[string]any{"oldUntil": until},
			Before: map[string]any{"expiresAt": k.ExpiresAt}, After: map[string]any{"expiresAt": now.Add(life)},
		})
	})
	return k, text, err
}

// Revoke ends a key at once. Whoever may manage keys may revoke any: it takes rights and gives none.
func (s *Service) Revoke(ctx context.Context, id uuid.UUID) error {
	_, err := s.changeOne(ctx, id, func(tx pgx.Tx, scope tenancy.Scope, k Key, _ tenancy.Role) error {
		if k.RevokedAt != nil {
			return nil
		}
		if err := revoke(ctx, tx, scope.Tenant, id, s.Now()); err != nil {
			return err
		}
		return s.record(ctx, k, audit.Entry{Action: "key.revoked", Before: k.shown()})
	})
	return err
}

// First makes the key that the first owner of a new tenant is given, once for each id. The caller has proved to be the owner.
func (s *Service) First(ctx context.Context, tenant, owner, id uuid.UUID) (text string, err error) {
	err = s.access().Of(ctx, tenant, func(tx pgx.Tx) error {
		if err := scoped.Lock(ctx, tx, tenant, things); err != nil {
			return err
		}
		if _, err := get(ctx, tx, tenant, id, s.Now()); err == nil {
			return ErrGiven
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		var k Key
		if k, text, err = s.make(ctx, tx, tenant, owner, id, Wish{Name: "First key", Scopes: first(), Life: DefaultDays * day}); err != nil {
			return err
		}
		ctx := tenancy.With(ctx, tenancy.Scope{Tenant: tenant, User: owner, Role: tenancy.RoleSystem})
		return s.DB.InWholeTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error {
			return audit.Add(ctx, tx, k.entry(audit.Entry{Action: "key.created", After: k.shown()}))
		})
	})
	return text, err
}

const things = "api keys"

// change runs fn on the tenant's keys. The entry in the tenant's log commits first, see package member.
func (s *Service) change(ctx context.Context, fn func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error) error {
	return s.access().ByPerson(ctx, policy.KeyWrite, things, ErrPeople, fn)
}

// changeOne runs fn on a key and returns it as it is then.
func (s *Service) changeOne(ctx context.Context, id uuid.UUID, fn func(tx pgx.Tx, scope tenancy.Scope, k Key, own tenancy.Role) error) (k Key, err error) {
	err = s.change(ctx, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error {
		if k, err = get(ctx, tx, scope.Tenant, id, s.Now()); err != nil {
			return err
		}
		if err := fn(tx, scope, k, own); err != nil {
			return err
		}
		k, err = get(ctx, tx, scope.Tenant, id, s.Now())
		return err
	})
	if err == nil {
		s.Forget(k.Prefix[len(Prefix):])
	}
	return k, err
}

func (s *Service) access() scoped.Access { return scoped.Access{Identity: s.Identity, DB: s.DB} }

func (s *Service) record(ctx context.Context, k Key, e audit.Entry) error {
	return s.DB.InWholeTenant(ctx, policy.KeyWrite, func(tx pgx.Tx) error { return audit.Add(ctx, tx, k.entry(e)) })
}

// entry completes what is recorded of a key: by its name and prefix people know it.
func (k Key) entry(e audit.Entry) audit.Entry {
	e.Target = k.ID.String()
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	e.Detail["name"], e.Detail["prefix"] = k.Name, k.Prefix
	return e
}

// shown is what the log says of a key that is made or ended.
func (k Key) shown() map[string]any {
	out := map[string]any{"scopes": k.Scopes, "expiresAt": k.ExpiresAt}
	if k.Machine != nil {
		out["machine"] = *k.Machine
	}
	return out
}

// mac is how a key's text is kept.
func (s *Service) mac(text string) []byte {
	mac := hmac.New(sha256.New, s.hash)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
