package tier

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// ErrFeature is the answer to whoever's plan lacks a feature.
var ErrFeature = errs.Forbidden("plan_feature", "")

// Entitled is nil where a tenant's plan has a feature, and an error that names the plans that do where it has not. Routes
// declare their feature and the gateway asks here; what has no route asks by itself.
func (s *Service) Entitled(ctx context.Context, tenant uuid.UUID, f Feature) error {
	plan, err := s.Of(ctx, tenant)
	if err != nil || plan.Allows(f) {
		return err
	}
	tiers, err := s.List(ctx, true)
	if err != nil {
		return err
	}
	var have []string
	for _, t := range tiers {
		if slices.Contains(t.Features, f) {
			have = append(have, t.Title)
		}
	}
	if len(have) == 0 {
		return ErrFeature.Because("Your plan (%s) does not have %s. Ask the operator of this installation.", plan.Title, f.words())
	}
	return ErrFeature.Because("Your plan (%s) does not have %s; these have: %s. Ask the operator of this installation for one of them.",
		plan.Title, f.words(), strings.Join(have, ", "))
}

func (f Feature) words() string {
	switch f {
	case EmailDomains:
		return "e-mail domains"
	case OwnIdentityProvider:
		return "identity providers of your own"
	case Branding:
		return "a brand of your own"
	case MailTemplates:
		return "letters in your own words"
	}
	return string(f)
}
