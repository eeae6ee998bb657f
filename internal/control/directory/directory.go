// Package directory tells, before anybody is signed in, which tenant somebody belongs to and where its people sign in: by
// the tenant's name, by the host that a browser was sent to, or by an e-mail address, of which nothing but the domain
// counts. So no answer tells whether an address has an account. Tenants prove their e-mail domains by DNS.
package directory

import (
	"context"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// How long an answer may be remembered, and how many are.
const (
	answerLife = 5 * time.Second
	maxAnswers = 50_000
)

// Identity knows where the people of a tenant sign in.
type Identity interface {
	SignIn(ctx context.Context, tenant uuid.UUID) (SignIn, error)
}

// SignIn is where the people of a tenant sign in.
type SignIn struct {
	Issuer   string // of their user pool
	ClientID string // of the console
	SignUp   bool   // whether people may make an account by themselves
}

// Tiers knows what plans allow.
type Tiers interface {
	Of(ctx context.Context, tenant uuid.UUID) (tier.Plan, error)
	List(ctx context.Context, public bool) ([]tier.Tier, error)
}

// TenantLog is the tenants' own audit logs.
type TenantLog interface {
	// Record adds an entry; the actor is who ctx says, or the program itself.
	Record(ctx context.Context, tenant uuid.UUID, e audit.Entry) error
}

// Resolver asks DNS; a *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Limits say how often a caller may ask in vain, and a tenant have its domains checked; Checks is for all tenants
// together.
type Limits struct {
	Unknown, Check, Checks throttle.Rule
}

// DefaultLimits suit an installation on the internet.
func DefaultLimits() Limits {
	return Limits{
		Unknown: throttle.Rule{Free: 300, First: time.Second, Max: 10 * time.Second, Forget: 5 * time.Minute},
		Check:   throttle.Rule{Free: 20, First: 10 * time.Second, Max: 2 * time.Minute, Forget: 10 * time.Minute},
		Checks:  throttle.Rule{Free: 500, First: 100 * time.Millisecond, Max: 100 * time.Millisecond, Forget: time.Minute},
	}
}

// Config is what a Service is made from.
type Config struct {
	Pool      *pgxpool.Pool // of the role control
	PublicURL string        // how browsers reach the installation, without a path
	Identity  Identity
	Tiers     Tiers
	Brands    Brands
	Log       TenantLog
	Resolver  Resolver
	Throttle  *throttle.Throttle
	Limits    Limits
	Now       func() time.Time
}

// Service is the directory.
type Service struct {
	Config
	host    string // of PublicURL, without a port
	answers *cache.Cache[Question, Answer]
	changes chan struct{} // a place for each change under way
}

// New returns a Service.
func New(c Config) *Service {
	s := &Service{Config: c, answers: cache.New[Question, Answer](maxAnswers, answerLife, c.Now), changes: make(chan struct{}, maxChanges)}
	if u, err := url.Parse(c.PublicURL); err == nil {
		s.host = hostname(u.Host)
	}
	return s
}

// Tenant is what everybody may know of a tenant.
type Tenant struct {
	ID    uuid.UUID `json:"id"`
	Name  string    `json:"name" doc:"In addresses, and the parameter tenant of authorization requests"`
	Title string    `json:"title"`
}

// Branding is what a tenant's pages look like.
type Branding struct{ brand.View }

// Brands knows how tenants look.
type Brands interface {
	Of(ctx context.Context, tenant uuid.UUID) (brand.Brand, error)
}

// Answer is what a sign-in page needs.
type Answer struct {
	Issuer   string   `json:"issuer" doc:"OpenID Provider to sign in with" example:"https://labs.example.com/pools/default"`
	ClientID string   `json:"clientId" doc:"OpenID client of the console"`
	APIURL   string   `json:"apiUrl" doc:"Where the API is; its addresses begin with /v1" example:"https://labs.example.com"`
	Tenant   Tenant   `json:"tenant"`
	SignUp   bool     `json:"signUp" doc:"Whether people may sign up by themselves"`
	Branding Branding `json:"branding"`
}

// Question is what is known of somebody who wants to sign in: exactly one of these.
type Question struct {
	Tenant string // a tenant's name
	Email  string // an address, or what is behind its @
	Host   string // that a browser was sent to, with or without a port
}

// Errors of questions.
var (
	ErrUnknown = errs.NotFound("no_such_tenant",
		"There is no organisation of this name here. Check the address that you came from, or ask whoever gave it to you.")
	errQuestion = errs.Malformed("one_question", "Ask by exactly one of tenant, email and host.")
	errEmail    = errs.Invalid("invalid_email", "This is not an e-mail address.").
			WithFields(errs.Field{Path: "query.email", Message: "An e-mail address looks like name@example.com."})
	errHost = errs.NotFound("no_such_host", "")
)

// Ask answers a question of somebody at an address of the network. Answers that are remembered and those about tenants
// that are there cost nothing, so that a school behind one address is never slowed down; guessing is.
func (s *Service) Ask(ctx context.Context, address string, q Question) (Answer, error) {
	q, err := s.clean(q)
	if err != nil {
		return Answer{}, err
	}
	return s.answers.Get(q, func() (Answer, error) {
		guess := throttle.Key{Name: "directory " + address, Rule: s.Limits.Unknown}
		if wait := s.Throttle.Try(guess); wait > 0 {
			return Answer{}, httpx.Limited(wait)
		}
		t, known, err := s.find(ctx, q)
		if known {
			s.Throttle.Forgive(guess)
		}
		if err != nil {
			return Answer{}, err
		}
		return s.answer(ctx, t)
	})
}

// Forget drops what is remembered: a tenant or a domain has changed. There are few answers, and they live for seconds.
func (s *Service) Forget() {
	s.answers.Forget(func(Question) bool { return true })
}

// find tells whose people are meant; known is false where nobody is and the answer is the default tenant's all the same.
func (s *Service) find(ctx context.Context, q Question) (t Tenant, known bool, err error) {
	if q.Email != "" {
		t, known, err = s.tenantOfDomain(ctx, q.Email)
		return t, known, err
	}
	t, err = s.tenantNamed(ctx, q.Tenant)
	return t, err == nil, err
}

func (s *Service) answer(ctx context.Context, t Tenant) (Answer, error) {
	in, err := s.Identity.SignIn(ctx, t.ID)
	if err != nil {
		return Answer{}, err
	}
	b, err := s.Brands.Of(ctx, t.ID)
	return Answer{
		Issuer: in.Issuer, ClientID: in.ClientID, APIURL: s.PublicURL, Tenant: t, SignUp: in.SignUp, Branding: Branding{b.View()},
	}, err
}
