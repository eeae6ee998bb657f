package apikey

import (
	"context"
	"crypto/hmac"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// The refusals of keys. Only who has the whole key hears why.
var (
	ErrUnknown = errs.Unauthenticated("invalid_api_key", "There is no such API key. Check that it was copied whole.")
	ErrRevoked = errs.Unauthenticated("api_key_revoked", "This API key is revoked. Use another one.")
	ErrExpired = errs.Unauthenticated("api_key_expired", "This API key has expired. Rotate it in the console, or use another one.")
	ErrStopped = errs.Forbidden("api_key_stopped", "Whoever made this API key may not act in the organisation any more, so it does not work. Ask an administrator for another key.")
)

// known is what is remembered of a key.
type known struct {
	ID, Tenant, CreatedBy uuid.UUID
	Machine               uuid.NullUUID
	Scopes                []tenancy.Permission
	Hash, Old             []byte
	OldUntil, RevokedAt   *time.Time
	ExpiresAt             time.Time
}

// wrongKeys slows an address down that tries keys which are none. Keys that are known already still work from there.
func wrongKeys(address string) throttle.Key {
	return throttle.Key{Name: "api key " + address, Rule: throttle.Rule{Free: 30, First: time.Second, Max: time.Minute, Forget: 10 * time.Minute}}
}

// Authenticate returns the scope of whoever sends a key's text from a network address. What cannot be a key costs no
// look-up, and an address that sends others that are none must wait. A key that is over costs its sender no wait: it is a
// program that nobody has told, and other keys may work at its address.
func (s *Service) Authenticate(ctx context.Context, address, text string) (tenancy.Scope, error) {
	public, ok := Parse(text)
	if !ok {
		return tenancy.Scope{}, ErrUnknown
	}
	k, err := s.known.Get(public, func() (known, error) {
		if wait := s.Throttle.Wait(wrongKeys(address)); wait > 0 {
			return known{}, httpx.Limited(wait)
		}
		return s.find(ctx, public)
	})
	now := s.Now()
	if err == nil {
		err = s.proves(k, text, now)
	}
	if errors.Is(err, ErrUnknown) {
		s.Throttle.Try(wrongKeys(address)) // it counts; this one is refused in any case
	}
	if err != nil {
		return tenancy.Scope{}, err
	}
	scope, err := s.scope(ctx, k, now)
	if err == nil {
		s.note(ctx, k.ID, address)
	}
	return scope, err
}

// proves tells whether a text is the key's, now or still.
func (s *Service) proves(k known, text string, now time.Time) error {
	mac := s.mac(text)
	current := hmac.Equal(k.Hash, mac)
	old := hmac.Equal(k.Old, mac)
	if !current && !old {
		return ErrUnknown
	}
	if !current && !now.Before(*k.OldUntil) {
		return ErrExpired
	}
	return nil
}

// Renew is the scope of a key that was accepted before: streams ask as long as they are open.
func (s *Service) Renew(ctx context.Context, tenant, id uuid.UUID) (tenancy.Scope, error) {
	k, err := s.byID(ctx, tenant, id)
	if err != nil {
		return tenancy.Scope{}, err
	}
	return s.scope(ctx, k, s.Now())
}

// scope is what a key may do now: its scopes, as far as the role of its machine client or of its maker has them.
func (s *Service) scope(ctx context.Context, k known, now time.Time) (tenancy.Scope, error) {
	if k.RevokedAt != nil && !fault.On(fault.KeyAfterRevocation) {
		return tenancy.Scope{}, ErrRevoked
	}
	if !now.Before(k.ExpiresAt) {
		return tenancy.Scope{}, ErrExpired
	}
	who, user, maker, kind := k.CreatedBy, k.ID, k.CreatedBy, tenancy.APIKey
	if k.Machine.Valid {
		who, user, maker, kind = k.Machine.UUID, k.Machine.UUID, uuid.Nil, tenancy.Machine
	}
	role, err := s.Role(ctx, who, k.Tenant)
	if err != nil {
		return tenancy.Scope{}, err
	}
	return tenancy.Scope{Tenant: k.Tenant, User: user, Role: role, Key: k.ID, Maker: maker, Machine: k.Machine.Valid, Kind: kind, Grants: grants(k.Scopes)}, nil
}

// note writes down that a key was used, once a minute at most.
func (s *Service) note(ctx context.Context, id uuid.UUID, address string) {
	_, err := s.noted.Get(id, func() (struct{}, error) { return struct{}{}, s.used(ctx, id, address) })
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "the use of an API key is not written down", "key", id, "error", err)
	}
}

// Forget drops what this process remembers of a key, by its public part.
func (s *Service) Forget(public string) { s.known.Forget(func(k string) bool { return k == public }) }

// Hear lets the changes that other processes make be seen here at once.
func (s *Service) Hear(hub *notify.Hub) {
	hub.On(notify.TopicKey, s.Forget, func() { s.known.Forget(func(string) bool { return true }) })
}
