// Package usage holds tenants to their usage plans: how fast their people and programs may ask, how many requests programs
// may make in a day and a month, and how many answers may go on at once. Limits are the tier's, the tenant's own in their
// place, and what a tenant allows one of its programs. docs/limits.md tells callers of them.
package usage

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/limit"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Limits of those who have no plan. Operators must get in whatever a tenant does, so they are under no tenant's limits.
const (
	operatorRate  = 500 // requests a second, of one operator
	operatorBurst = 2000
	addressBurst  = 10 // seconds of the rate of one address: a class behind one address signs in at once
	addressHolds  = 200
	operatorHolds = 200
)

// How long limits of programs are remembered, and of how many tenants.
const (
	limitLife  = 5 * time.Second
	maxTenants = 50_000
)

// Config is what a Service is made of.
type Config struct {
	Pool    *pgxpool.Pool // of the role control
	Plans   func(ctx context.Context, tenant uuid.UUID) (tier.Plan, error)
	Limiter limit.Limiter
	Holder  limit.Holder // of answers that go on
	// AddressRate is how many requests a second one network address may make while nobody is signed in; 0: any number.
	AddressRate int64
	// Limited is told the name of every limit that refused.
	Limited func(name string)
	Now     func() time.Time
	Log     *slog.Logger
}

// Service admits requests.
type Service struct {
	Config

	programs *cache.Cache[uuid.UUID, map[uuid.UUID]ProgramLimit]
	meter    *meter
}

// New returns a Service. Run keeps what it counts.
func New(cfg Config) *Service {
	return &Service{
		Config: cfg, programs: cache.New[uuid.UUID, map[uuid.UUID]ProgramLimit](maxTenants, limitLife, cfg.Now),
		meter: newMeter(),
	}
}

// Forget drops what is remembered of a tenant's limits; of all with the zero id.
func (s *Service) Forget(tenant uuid.UUID) {
	s.programs.Forget(func(t uuid.UUID) bool { return tenant == uuid.Nil || t == tenant })
}

// program is the API key or machine client that acts, or the zero UUID for people.
func program(s tenancy.Scope) uuid.UUID {
	switch {
	case s.Key != uuid.Nil:
		return s.Key
	case s.Machine:
		return s.User
	}
	return uuid.Nil
}

// rule is one limit that a request is under: a bucket or a counter, and what it is called.
type rule struct {
	name    string
	bucket  limit.Bucket
	counter limit.Counter
	window  window // of the counter
}

// rules are all that a request is under.
type rules struct {
	buckets  []rule // the narrowest first
	counters []rule
	program  *counted     // what is counted, of a program
	holds    []limit.Hold // for an answer that goes on
}

// Admit fulfils the gateway's seam.
func (s *Service) Admit(ctx context.Context, call gateway.Call, header http.Header) (done func(), err error) {
	r, err := s.rules(ctx, call)
	if err != nil {
		return func() {}, err
	}
	told, err := s.ask(ctx, r, call.Weight)
	told.write(header)
	if err != nil {
		return func() {}, err
	}
	if !call.Stream {
		return func() {}, nil
	}
	return s.hold(ctx, r.holds)
}

// ask takes from all buckets, then counts, so that what came too soon is not counted. It tells what is left.
func (s *Service) ask(ctx context.Context, r rules, weight int) (told standing, err error) {
	buckets := make([]limit.Bucket, len(r.buckets))
	for i, x := range r.buckets {
		buckets[i] = x.bucket
	}
	levels, ok, err := s.Limiter.Take(ctx, int64(weight), buckets...)
	if err != nil {
		return nil, err
	}
	for i, level := range levels {
		told = append(told, r.buckets[i].standing(level))
	}
	if !ok {
		hit := r.buckets[len(levels)-1]
		s.Limited(hit.name)
		return told, tooFast(told[len(told)-1], levels[len(levels)-1].Retry)
	}
	if r.program == nil || fault.On(fault.QuotaNotCounted) {
		return told, nil
	}
	counters := make([]limit.Counter, len(r.counters))
	for i, x := range r.counters {
		counters[i] = x.counter
	}
	totals, over, err := s.Limiter.Count(ctx, counters...)
	if err != nil {
		return told, err
	}
	for i, total := range totals {
		told = append(told, r.counters[i].used(total, s.Now()))
	}
	if over >= 0 {
		hit := r.counters[over]
		s.Limited(hit.name)
		return told, tooMany(hit, s.Now())
	}
	s.meter.add(*r.program)
	return told, nil
}

// rules finds the limits of whoever asks.
func (s *Service) rules(ctx context.Context, call gateway.Call) (rules, error) {
	scope, known := tenancy.From(ctx)
	switch {
	case !known || call.Refused:
		r := rules{holds: []limit.Hold{{Key: "address:" + call.Address, Most: addressHolds}}}
		if s.AddressRate > 0 {
			r.buckets = []rule{bucket("address", "address:"+call.Address, s.AddressRate, addressBurst*s.AddressRate)}
		}
		return r, nil
	case scope.Operator && program(scope) == uuid.Nil:
		key := "operator:" + scope.User.String()
		return rules{buckets: []rule{bucket("operator", key, operatorRate, operatorBurst)}, holds: []limit.Hold{{Key: key, Most: operatorHolds}}}, nil
	}
	plan, err := s.Plans(ctx, scope.Tenant)
	if err != nil {
		return rules{}, err
	}
	if program(scope) == uuid.Nil {
		return ofPerson(plan, scope), nil
	}
	return s.ofProgram(ctx, plan, scope)
}

// ofPerson are the limits of one person in a tenant, by however many tokens, and those of all people of the tenant together.
// Somebody in two tenants has the rate of each there: one bucket of both would have now the one's rate and now the other's. The programs of a tenant have as much apart from that: they cannot keep its people out.
func ofPerson(plan tier.Plan, scope tenancy.Scope) (r rules) {
	tenant := fault.Else(fault.LimitWithoutTenant, scope.Tenant, uuid.Nil).String()
	person := fault.Else(fault.LimitByToken, scope.User, scope.Session).String()
	r.add("user", "user:"+tenant+":"+person, plan, tier.UserRate, tier.UserBurst)
	r.add("organisation", "people:"+tenant, plan, tier.Rate, tier.Burst)
	r.holding(plan, scope)
	return r
}

func (s *Service) ofProgram(ctx context.Context, plan tier.Plan, scope tenancy.Scope) (r rules, err error) {
	id, tenant := program(scope), fault.Else(fault.LimitWithoutTenant, scope.Tenant, uuid.Nil).String()
	limits, err := s.limitsOf(ctx, scope.Tenant)
	if err != nil {
		return rules{}, err
	}
	own := limits[id]
	if own.Rate != nil {
		r.buckets = append(r.buckets, bucket("key", "program:"+id.String(), *own.Rate, burstOf(own)))
	}
	r.add("organisation", "programs:"+tenant, plan, tier.Rate, tier.Burst)
	r.program, err = s.meter.of(ctx, s.Pool, scope.Tenant, id, s.Now())
	if err != nil {
		return rules{}, err
	}
	for _, w := range []window{r.program.day, r.program.month} {
		if most := own.most(w.period); most != nil {
			r.counters = append(r.counters, s.meter.rule("key-"+string(w.period), w.of(id), *most))
		}
		if most, bounded := plan.Limit(w.limit()); bounded {
			r.counters = append(r.counters, s.meter.rule(string(w.period), w.of(uuid.Nil), most))
		}
	}
	r.holding(plan, scope)
	return r, nil
}

// add adds a bucket of a plan, if the plan has a rate for it; without a burst it is as much as comes in a second.
func (r *rules) add(name, key string, plan tier.Plan, rate, burst tier.Limit) {
	most, bounded := plan.Limit(rate)
	if !bounded {
		return
	}
	atOnce, ok := plan.Limit(burst)
	if !ok {
		atOnce = most
	}
	r.buckets = append(r.buckets, bucket(name, key, most, atOnce))
}

func bucket(name, key string, rate, burst int64) rule {
	return rule{name: name, bucket: limit.Bucket{Key: key, Rate: rate, Burst: burst}}
}

// burstOf lets the heaviest request pass where no burst is set.
func burstOf(l ProgramLimit) int64 {
	if l.Burst != nil {
		return *l.Burst
	}
	return max(*l.Rate, httpx.MaxWeight)
}
