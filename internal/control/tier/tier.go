// Package tier holds what tenants are sold: limits, features, a price and a placement, as rows that operators edit. What a
// tenant may is asked in one place: Plans.Of.
package tier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// Limit names what is bounded for a tenant.
type Limit string

// The limits. A tier that does not have one does not bound it.
const (
	Members         Limit = "members"
	Sessions        Limit = "sessions"        // running at once, in the whole tenant
	SessionsPerUser Limit = "sessionsPerUser" // running at once, of one person
	Rate            Limit = "rate"            // requests a second of a tenant's people, and as many of its programs
	Burst           Limit = "burst"           // requests at once of each
	UserRate        Limit = "userRate"        // requests a second of one person
	UserBurst       Limit = "userBurst"       // requests at once of one person
	DailyRequests   Limit = "dailyRequests"   // of API keys and machine clients
	MonthlyRequests Limit = "monthlyRequests" // of API keys and machine clients
	Exports         Limit = "exports"         // being made at once
	Streams         Limit = "streams"         // open at once, in the whole tenant
	StreamsPerUser  Limit = "streamsPerUser"  // open at once, of one person
	Storage         Limit = "storage"         // bytes of published labs
	AuditDays       Limit = "auditDays"       // for which the audit log is kept
)

// Limits lists every limit.
func Limits() []Limit {
	return []Limit{
		Members, Sessions, SessionsPerUser, Rate, Burst, UserRate, UserBurst, DailyRequests, MonthlyRequests, Exports, Streams, StreamsPerUser, Storage, AuditDays,
	}
}

// checkLimit says what is wrong with a limit, or nothing.
func checkLimit(l Limit, n int64) string {
	switch {
	case !slices.Contains(Limits(), l):
		return "There is no such limit."
	case n < 0:
		return "Want 0 or more."
	case (l == Burst || l == UserBurst) && n > 0 && n < httpx.MaxWeight:
		return fmt.Sprintf("Want at least %d, which is what the heaviest request weighs, or 0 for none at all.", httpx.MaxWeight)
	}
	return ""
}

// Feature names what a tier may have.
type Feature string

// The features.
const (
	EmailDomains        Feature = "email-domains"
	OwnIdentityProvider Feature = "own-identity-provider"
	Branding            Feature = "branding"
	MailTemplates       Feature = "mail-templates"
)

// Features lists every feature.
func Features() []Feature {
	return []Feature{EmailDomains, OwnIdentityProvider, Branding, MailTemplates}
}

// Tier is what tenants are sold.
type Tier struct {
	Name      string
	Title     string
	Summary   string
	Position  int
	Placement string // pool or silo
	Public    bool   // offered at sign-up
	Price     int64  // a month, in the smallest unit of Currency
	Currency  string // ISO 4217
	Limits    map[Limit]int64
	Features  []Feature
	Version   int64 // grows with every change
}

// Plan is what one tenant may: its tier's limits and features, and its own limits in their place.
type Plan struct {
	Tier     string
	Title    string
	Price    int64
	Currency string
	limits   map[Limit]int64
	features []Feature
}

// Limit is how much the plan allows; ok is false where nothing bounds it.
func (p Plan) Limit(l Limit) (most int64, ok bool) {
	most, ok = p.limits[l]
	return most, ok
}

// Allows tells whether the plan has a feature.
func (p Plan) Allows(f Feature) bool { return slices.Contains(p.features, f) }

// Room is nil while one more fits beside what is used, and an error with the remedy when not.
func (p Plan) Room(l Limit, used int64) error {
	most, bounded := p.Limit(l)
	if !bounded || used < most {
		return nil
	}
	return ErrLimit.Because("Your plan (%s) allows %d %s, and %d are in use. End or remove some, or ask for a larger plan.", p.Title, most, words(l), used)
}

func words(l Limit) string {
	switch l {
	case Sessions:
		return "labs running at once"
	case SessionsPerUser:
		return "labs running at once for each person"
	case Storage:
		return "bytes of published labs"
	case AuditDays:
		return "days of the audit log"
	case Exports:
		return "exports being made at once"
	case Members, Rate, Burst, UserRate, UserBurst, DailyRequests, MonthlyRequests, Streams, StreamsPerUser:
		return string(l)
	}
	return string(l)
}

// Errors of tiers.
var (
	ErrNotFound = errs.NotFound("no_such_tier", "There is no such tier.")
	ErrLimit    = errs.Conflict("plan_limit", "")
	ErrTaken    = errs.Conflict("tier_taken", "There is a tier of this name already.")
	ErrUsed     = errs.Conflict("tier_used", "Organisations have this tier. Give them another one first.")
	ErrChanged  = errs.Changed("tier_changed", "Somebody else has changed this tier meanwhile. Load it again, then repeat your change.")
	ErrTier     = errs.Invalid("invalid_tier", "The tier cannot be like this; see errors.")
	ErrName     = errs.Invalid("unknown_limit", "There is no such limit.")
	ErrValue    = errs.Invalid("invalid_limit", "The limit cannot be like this; see errors.")
	ErrTenant   = errs.NotFound("no_such_tenant", "There is no such organisation.")
)

// How long a plan may be remembered, and for how many tenants.
const (
	planLife = 5 * time.Second
	maxPlans = 50_000
)

// Service keeps tiers and answers what a tenant may.
type Service struct {
	Pool  *pgxpool.Pool // of the role control
	plans *cache.Cache[uuid.UUID, Plan]
}

// New returns a Service.
func New(pool *pgxpool.Pool) *Service {
	return &Service{Pool: pool, plans: cache.New[uuid.UUID, Plan](maxPlans, planLife, time.Now)}
}

// Of is what a tenant may, as of at most 5 s ago. Everything that is bounded asks here.
func (s *Service) Of(ctx context.Context, tenant uuid.UUID) (Plan, error) {
	return s.plans.Get(tenant, func() (Plan, error) { return s.read(ctx, tenant) })
}

// Forget drops what is remembered of a tenant; of all with the zero id.
func (s *Service) Forget(tenant uuid.UUID) {
	s.plans.Forget(func(t uuid.UUID) bool { return tenant == uuid.Nil || t == tenant })
}

func (s *Service) read(ctx context.Context, tenant uuid.UUID) (p Plan, err error) {
	err = s.Pool.QueryRow(ctx, `
		select i.name, i.title, i.price, i.currency, i.limits || coalesce((
			select jsonb_object_agg(l.name, l.value) from control.tenant_limit l where l.tenant_id = t.id), '{}'), i.features
		from control.tenant t join control.tier i on i.name = t.tier where t.id = $1`, tenant).
		Scan(&p.Tier, &p.Title, &p.Price, &p.Currency, &p.limits, &p.features)
	if errors.Is(err, pgx.ErrNoRows) {
		return Plan{}, ErrNotFound
	}
	if err != nil {
		return Plan{}, fmt.Errorf("read plan: %w", err)
	}
	return p, nil
}

// check reports every problem of a tier at once.
func (t Tier) check() error {
	var fields []errs.Field
	problem := func(path, message string) { fields = append(fields, errs.Field{Path: path, Message: message}) }
	if title := strings.TrimSpace(t.Title); title == "" || len(title) > 60 {
		problem("body.title", "Want 1 to 60 characters.")
	}
	for l, n := range t.Limits {
		if wrong := checkLimit(l, n); wrong != "" {
			problem("body.limits."+string(l), wrong)
		}
	}
	for _, f := range t.Features {
		if !slices.Contains(Features(), f) {
			problem("body.features", "There is no feature "+string(f)+".")
		}
	}
	if t.Name == "default" && t.Placement != "pool" {
		problem("body.placement", "Individuals are in the pool.")
	}
	if len(fields) > 0 {
		return ErrTier.WithFields(fields...)
	}
	return nil
}

// SetLimit gives a tenant a limit of its own; a nil value takes it back. The operators' log has it.
func (s *Service) SetLimit(ctx context.Context, tenant uuid.UUID, l Limit, value *int64, reason string) error {
	if !slices.Contains(Limits(), l) {
		return ErrName
	}
	if value != nil {
		if wrong := checkLimit(l, *value); wrong != "" {
			return ErrValue.WithFields(errs.Field{Path: "body.value", Message: wrong})
		}
	}
	defer s.Forget(tenant)
	return s.setLimit(ctx, tenant, l, value, strings.TrimSpace(reason))
}
