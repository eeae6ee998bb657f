package server

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/apikey"
	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// openKeys makes API keys.
func (p *program) openKeys() {
	p.keys = apikey.Open(apikey.Service{
		Identity: p.pools.identity, DB: p.data, Now: time.Now, Log: p.log, Role: p.roleOf, Throttle: p.throttle("api keys"),
	}, p.store.key.Derive("api keys"))
	p.keys.Hear(p.hints)
}

// roleOf is the role that bounds a key: of the member who made it, or of the machine client whose key it is.
func (p *program) roleOf(ctx context.Context, user, tenant uuid.UUID) (tenancy.Role, error) {
	m, err := p.identity.Membership(ctx, user, tenant)
	if errors.Is(err, access.ErrNotMember) || errors.Is(err, access.ErrDisabled) {
		return "", apikey.ErrStopped.Wrap(err)
	}
	return m.Role, err
}

// holds is the scope that a caller has now who holds a right by a sign-in, an API key or a machine client's secret. Signing
// out, a new password and the like end sign-ins, and with them all that they opened.
func (p *program) holds(ctx context.Context, tenant, user, by uuid.UUID) (tenancy.Scope, error) {
	if by == uuid.Nil {
		return p.scopeOf(ctx, user, tenant)
	}
	scope, err := p.signedIn(ctx, tenant, user, by)
	if err == nil || errs.KindOf(err) != errs.KindUnauthenticated {
		return scope, err
	}
	scope, err = p.keys.Renew(ctx, tenant, by)
	if !errors.Is(err, apikey.ErrUnknown) {
		return scope, err
	}
	if err := p.identity.SecretHolds(ctx, user, tenant, by); err != nil {
		return tenancy.Scope{}, err
	}
	scope, err = p.scopeOf(ctx, user, tenant)
	scope.Session, scope.Machine = by, true
	return scope, err
}

func (p *program) signedIn(ctx context.Context, tenant, user, by uuid.UUID) (tenancy.Scope, error) {
	if err := p.identity.SignInHolds(ctx, user, by); err != nil {
		return tenancy.Scope{}, err
	}
	scope, err := p.scopeOf(ctx, user, tenant)
	scope.Session = by
	return scope, err
}

// firstKeys gives the first owner of an organisation a key.
type firstKeys struct{ *program }

// First makes it, unless the owner has a password by now.
func (k firstKeys) First(ctx context.Context, tenant, owner, id uuid.UUID) (string, error) {
	if err := k.identity.Provision.NoPassword(ctx, owner); err != nil {
		return "", err
	}
	return k.keys.First(ctx, tenant, owner, id)
}
