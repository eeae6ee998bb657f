// Package federation signs people in by their organisation's own identity provider (OpenID Connect). A provider speaks for
// its own tenant alone: what it says opens no other tenant, no operator, and no account whose address its tenant has not
// proved to be of its own domain. A later protocol, such as SAML, is another exchange that ends in the same Statement.
package federation

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/seat"
	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Method is how sessions that a provider opened name it (amr): no value of RFC 8176 says who else has looked.
const Method = "fed"

// flowLife is how long a person may take at the provider.
const flowLife = 10 * time.Minute

// maxProviders bounds a tenant's list.
const maxProviders = 20

// Provider is an identity provider of a tenant.
type Provider struct {
	ID       uuid.UUID
	Tenant   uuid.UUID
	Name     string // on the button
	Issuer   string
	ClientID string
	sealed   []byte // the client secret; nil: a public client
	Settings
	ByOwner  bool // an owner has seen these settings
	LastTest []Step
	TestedAt *time.Time
	Version  int64
}

// Settings are how a provider's statements are read.
type Settings struct {
	Scopes      []string
	NameClaim   string
	RoleClaim   string // "": roles are given by hand
	GroupClaim  string // "": groups are given by hand
	Roles       map[string]tenancy.Role
	DefaultRole tenancy.Role // of those whose claim maps to none
	Groups      map[string]string
	JustInTime  bool // newcomers become members
	SecondStep  bool // the provider asks for the second step itself; else ours follows, where one is needed
	Enabled     bool
}

// Door is a provider on the sign-in page.
type Door struct {
	ID   uuid.UUID
	Name string
}

// Rule is how a tenant's people may sign in.
type Rule struct {
	OnlyThrough bool // only by one of the tenant's own providers
	Version     int64
}

// Service signs people in by providers and keeps the providers.
type Service struct {
	Identity  *pgxpool.Pool // of the role identity
	Key       *secret.Key   // seals client secrets
	PublicURL string        // how browsers reach the installation, without a path
	Client    *http.Client  // of package outbound
	CheckURL  func(string) error
	Log       *slog.Logger
	Now       func() time.Time
	Forget    func(user uuid.UUID) // drops what this process remembers of a user

	// What other features know; the server plugs it in.
	DB *db.DB // the tenants' data: their audit logs

	// ProvedDomains are the domains that the tenant has proved to be its own. nil: none is.
	ProvedDomains func(ctx context.Context, tenant uuid.UUID) ([]string, error)
	Room          seat.Room // of the plan's members
	// Allowed is nil or an error of the plan that has no identity providers of one's own. nil: every plan has.
	Allowed func(ctx context.Context, tenant uuid.UUID) error
	// SetGroups makes a user a member of those of these groups that there are, and no longer one of those that the provider
	// gave before. nil: there are no groups.
	SetGroups func(ctx context.Context, tenant, user, provider uuid.UUID, names []string) error

	once  sync.Once
	known *cache.Cache[discoveryKey, *discovered]
}

// The reasons for which a provider opens nothing. What exactly was wrong is for the log.
var (
	ErrNoProvider = errs.NotFound("no_such_identity_provider", "There is no such identity provider, or it is switched off. Start again from the sign-in page.")
	ErrFlow       = errs.Forbidden("federation_state", "This sign-in is too old, was used before, or was started in another browser. Allow cookies for this site and start again.")
	ErrRefused    = errs.Forbidden("federation_refused", "Your organisation's identity provider did not sign you in. Start again, or ask your organisation's administrator.")
	ErrAnswer     = errs.Forbidden("federation_answer", "Your organisation's identity provider gave an answer that cannot be trusted, so nobody was signed in. Tell your organisation's administrator; the reason is in the log.")
	ErrAway       = errs.Unavailable("federation_away", "Your organisation's identity provider does not answer. Try again in a minute, or tell your organisation's administrator.")
	ErrNoEmail    = errs.Forbidden("federation_no_email", "Your organisation's identity provider tells no e-mail address of yours, which is needed to make your account. Tell your organisation's administrator.")
	ErrNotInvited = errs.Forbidden("federation_not_invited", "You are not a member of this organisation yet. Ask one of its administrators to add you.")
	ErrOperator   = errs.Forbidden("federation_operator", "Operators of this installation sign in with their own password, never by an organisation's identity provider.")
	ErrByAdmin    = errs.Forbidden("federation_owner", "An administrator has changed this identity provider since an owner last saved it, so it does not sign owners in. Sign in with your password and save its settings again.")
	ErrTenant     = errs.Forbidden("federation_other_tenant", "You signed in by the identity provider of another organisation, which opens that one alone. Sign in here as well.")
	ErrOnly       = errs.Forbidden("federation_only", "This organisation lets people in only by its own identity provider. Choose it on the sign-in page.")
)

// pool is what federation needs of a user pool.
type pool struct {
	ID   uuid.UUID
	Name string
}

// callback is where providers send browsers back to. One for all providers of a pool: which one answers is bound to the
// state, and checked by its issuer.
func (s *Service) callback(name string) string {
	return s.PublicURL + "/pools/" + name + "/federation/callback"
}
