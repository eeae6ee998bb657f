package server

import (
	"context"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

var errNoFeature = errs.Forbidden("plan_feature", "")

// openFederation plugs into organisations' own identity providers what they need of other features.
func (p *program) openFederation() {
	f := p.identity.Federation
	f.DB = p.data
	f.MemberRoom = func(ctx context.Context, tenant uuid.UUID, members int64) error {
		plan, err := p.tiers.Of(ctx, tenant)
		if err != nil {
			return err
		}
		return plan.Room(tier.Members, members)
	}
	f.Allowed = func(ctx context.Context, tenant uuid.UUID) error {
		plan, err := p.tiers.Of(ctx, tenant)
		if err != nil || plan.Allows(tier.OwnIdentityProvider) {
			return err
		}
		return errNoFeature.Because("Your plan (%s) has no identity providers of your own. Ask for a larger plan.", plan.Title)
	}
	// No domain is proved before there is a way to prove one: until then nobody is found by an e-mail address.
	f.ProvedDomains = func(context.Context, uuid.UUID) ([]string, error) { return nil, nil }
}
