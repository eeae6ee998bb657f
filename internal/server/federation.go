package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

var errNoFeature = errs.Forbidden("plan_feature", "")

// openFederation plugs into organisations' own identity providers what they need of other features.
func (p *program) openFederation() {
	f := p.identity.Federation
	f.DB = p.data
	f.Room = p.memberRoom
	f.Allowed = func(ctx context.Context, tenant uuid.UUID) error {
		plan, err := p.tiers.Of(ctx, tenant)
		if err != nil || plan.Allows(tier.OwnIdentityProvider) {
			return err
		}
		return errNoFeature.Because("Your plan (%s) has no identity providers of your own. Ask for a larger plan.", plan.Title)
	}
	f.ProvedDomains = func(ctx context.Context, tenant uuid.UUID) ([]string, error) { return p.directory.Proved(ctx, tenant) }
	f.JoinGroups = func(ctx context.Context, tenant, user uuid.UUID, names []string) error {
		return p.groups.JoinNamed(tenancy.System(ctx, tenant), user, names)
	}
}
