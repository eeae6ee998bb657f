package usage

import (
	"context"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/limit"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// hold lets an answer go on, if there are not too many.
func (s *Service) hold(ctx context.Context, of []limit.Hold) (done func(), err error) {
	done, full, err := s.Holder.Take(ctx, of...)
	if err != nil {
		return done, err
	}
	if full >= 0 {
		s.Limited("streams")
		return done, &httpx.LimitError{Err: ErrStreams, Hit: httpx.ProblemLimit{Name: "streams", Most: of[full].Most, Reset: retryHold}}
	}
	return done, nil
}

// retryHold is after how many seconds to try again to open a stream: nobody knows when another one ends.
const retryHold = 5

// holding adds what bounds answers that go on.
func (r *rules) holding(plan tier.Plan, scope tenancy.Scope) {
	tenant := fault.Else(fault.LimitWithoutTenant, scope.Tenant.String(), "")
	if most, bounded := plan.Limit(tier.StreamsPerUser); bounded {
		r.holds = append(r.holds, limit.Hold{Key: "user:" + tenant + ":" + scope.User.String(), Most: most})
	}
	if most, bounded := plan.Limit(tier.Streams); bounded {
		r.holds = append(r.holds, limit.Hold{Key: "tenant:" + tenant, Most: most})
	}
}
