package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// openFederation plugs into organisations' own identity providers what they need of other features.
func (p *program) openFederation() {
	f := p.identity.Federation
	f.DB = p.data
	f.Room = p.memberRoom
	f.Allowed = func(ctx context.Context, tenant uuid.UUID) error {
		return p.tiers.Entitled(ctx, tenant, tier.OwnIdentityProvider)
	}
	f.ProvedDomains = func(ctx context.Context, tenant uuid.UUID) ([]string, error) { return p.directory.Proved(ctx, tenant) }
	f.SetGroups = func(ctx context.Context, tenant, user, provider uuid.UUID, names []string) error {
		return p.groups.SetNamed(tenancy.System(ctx, tenant), user, provider, names)
	}
}
