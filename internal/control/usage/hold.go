package usage

import (
	"sync"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// hold is how many answers of one kind may go on at once.
type hold struct {
	key  string
	most int64
}

// holds counts what goes on. A connection belongs to one process, and so does its count: what ends without a word, such as
// with its process, is never counted any more.
type holds struct {
	mu   sync.Mutex
	open map[string]int64
}

func newHolds() *holds { return &holds{open: map[string]int64{}} }

// take takes one of each, or none: full is the first that has none left, or -1.
func (h *holds) take(of []hold) (full int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, x := range of {
		if h.open[x.key] >= x.most {
			return i
		}
	}
	for _, x := range of {
		h.open[x.key]++
	}
	return -1
}

func (h *holds) giveBack(of []hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, x := range of {
		if h.open[x.key]--; h.open[x.key] <= 0 {
			delete(h.open, x.key)
		}
	}
}

func (s *Service) hold(of []hold) (done func(), err error) {
	if full := s.holds.take(of); full >= 0 {
		s.Limited("streams")
		return func() {}, &httpx.LimitError{Err: ErrStreams, Hit: httpx.ProblemLimit{Name: "streams", Most: of[full].most, Reset: retryHold}}
	}
	return sync.OnceFunc(func() { s.holds.giveBack(of) }), nil
}

// retryHold is after how many seconds to try again to open a stream: nobody knows when another one ends.
const retryHold = 5

// holding adds what bounds answers that go on.
func (r *rules) holding(plan tier.Plan, scope tenancy.Scope) {
	if most, bounded := plan.Limit(tier.StreamsPerUser); bounded {
		r.holds = append(r.holds, hold{"user:" + scope.User.String(), most})
	}
	if most, bounded := plan.Limit(tier.Streams); bounded {
		r.holds = append(r.holds, hold{"tenant:" + fault.Else(fault.LimitWithoutTenant, scope.Tenant.String(), ""), most})
	}
}
