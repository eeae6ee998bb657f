// Package branding keeps what organisations look like, and what the provider does: the brands of package platform/brand,
// their logos, and who may change them. Whoever shows pages or writes letters asks Of.
package branding

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// How long a brand may be remembered, and how many are.
const (
	brandLife = 5 * time.Second
	maxBrands = 50_000
)

const (
	changeTime = 30 * time.Second // for one change, its entry in the tenant's log included
	// Each change decodes one picture at most and holds a connection while the tenant's log may need another one.
	maxChanges = 4
)

// TenantLog is the tenants' own audit logs.
type TenantLog interface {
	// Record adds an entry; the actor is who ctx says.
	Record(ctx context.Context, tenant uuid.UUID, e audit.Entry) error
}

// Tiers knows what plans allow.
type Tiers interface {
	Of(ctx context.Context, tenant uuid.UUID) (tier.Plan, error)
	List(ctx context.Context, public bool) ([]tier.Tier, error)
}

// Service keeps brands.
type Service struct {
	Pool    *pgxpool.Pool // of the role control
	Tiers   Tiers
	Log     TenantLog
	brands  *cache.Cache[uuid.UUID, brand.Brand]
	changes chan struct{} // a place for each change under way
}

// New returns a Service.
func New(pool *pgxpool.Pool, tiers Tiers, log TenantLog, now func() time.Time) *Service {
	return &Service{
		Pool: pool, Tiers: tiers, Log: log, brands: cache.New[uuid.UUID, brand.Brand](maxBrands, brandLife, now), changes: make(chan struct{}, maxChanges),
	}
}

// Settings is what somebody has chosen; what is empty is taken from elsewhere.
type Settings struct {
	Title   string
	Primary *brand.Colour
	Accent  *brand.Colour
	Support string
	Terms   string
	Privacy string
	Logo    brand.Picture
	Icon    brand.Picture
}

// over is the brand that comes of the settings: what is left empty is as below. Logo and mark go with the title: an
// organisation with a colour of its own does not show its provider's logo beside it.
func (s Settings) over(below brand.Brand, title string) brand.Brand {
	b := below
	b.Title = cmp.Or(s.Title, title)
	if s == (Settings{}) {
		return b
	}
	b.Own, b.Logo, b.Icon, b.Letter = true, s.Logo, s.Icon, brand.LetterOf(b.Title)
	if s.Primary != nil {
		b.Primary = *s.Primary
	}
	if s.Accent != nil {
		b.Accent = *s.Accent
	}
	b.Support, b.Terms, b.Privacy = cmp.Or(s.Support, b.Support), cmp.Or(s.Terms, b.Terms), cmp.Or(s.Privacy, b.Privacy)
	return b
}

// Of is the brand of a tenant as of at most 5 s ago; of the provider itself for the zero id. A tenant without a brand of
// its own, or whose plan has none, has its title and all else of the provider.
func (s *Service) Of(ctx context.Context, tenant uuid.UUID) (brand.Brand, error) {
	return s.brands.Get(tenant, func() (brand.Brand, error) {
		own, below, allowed, err := s.read(ctx, tenant)
		if err != nil || !allowed {
			return below, err
		}
		shown := own.over(below, below.Title)
		shown.Own = shown.Own && tenant != uuid.Nil
		return shown, nil
	})
}

// read is what was chosen for a tenant, what people see of whatever was not, and whether the plan lets it be seen.
func (s *Service) read(ctx context.Context, tenant uuid.UUID) (own Settings, below brand.Brand, allowed bool, err error) {
	if own, err = get(ctx, s.Pool, tenant, ""); err != nil || tenant == uuid.Nil {
		return own, brand.Default(), true, err
	}
	provider, err := s.Of(ctx, uuid.Nil)
	if err != nil {
		return own, brand.Brand{}, false, err
	}
	title, allowed, err := s.tenant(ctx, tenant)
	return own, Settings{}.over(provider, titleOf(tenant, title, provider)), allowed, err
}

// titleOf is what a tenant is called that says nothing else. Individuals are the provider's own people.
func titleOf(tenant uuid.UUID, title string, provider brand.Brand) string {
	if tenant == tenancy.DefaultTenant() && provider.Title != brand.Product {
		return provider.Title
	}
	return title
}

// Forget drops what is remembered of a tenant; of all with the zero id, from which all others come.
func (s *Service) Forget(tenant uuid.UUID) {
	s.brands.Forget(func(t uuid.UUID) bool { return tenant == uuid.Nil || t == tenant })
}

// Hear drops what another process has changed.
func (s *Service) Hear(hub *notify.Hub) {
	hub.On(notify.TopicTenant, func(id string) {
		if tenant, err := uuid.Parse(id); err == nil {
			s.Forget(tenant)
		}
	}, func() { s.Forget(uuid.Nil) })
}

// ErrBrand is the answer to what no brand can be.
var ErrBrand = errs.Invalid("invalid_brand", "The brand cannot be like this; see errors.")

// Set replaces all of a brand but its logo: of the caller's tenant, or of the provider.
func (s *Service) Set(ctx context.Context, provider bool, to Settings) error {
	if fields := (brand.Brand{Title: to.Title, Support: to.Support, Terms: to.Terms, Privacy: to.Privacy}).Check(); len(fields) > 0 {
		return ErrBrand.WithFields(fields...)
	}
	return s.change(ctx, provider, "brand.changed", nil, func(before Settings) Settings {
		to.Logo, to.Icon = before.Logo, before.Icon
		return to
	})
}

const logoRemoved = "brand.logo-removed"

// SetLogo replaces the logo by what a file shows; no file removes it.
func (s *Service) SetLogo(ctx context.Context, provider bool, file []byte) error {
	action := "brand.logo-changed"
	if file == nil {
		action = logoRemoved
	}
	return s.change(ctx, provider, action, file, func(before Settings) Settings {
		before.Logo, before.Icon = brand.Picture{}, brand.Picture{}
		return before
	})
}

// change makes a change with its entry in the log: of the tenant's that it is about, or of the operators'.
func (s *Service) change(ctx context.Context, provider bool, action string, file []byte, edit func(Settings) Settings) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return gateway.ErrSignIn
	}
	tenant := scope.Tenant
	if provider {
		tenant = uuid.Nil
	}
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	select {
	case s.changes <- struct{}{}:
		defer func() { <-s.changes }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var logo, icon brand.File
	if file != nil {
		var err error
		if logo, icon, err = brand.NewLogo(file); err != nil {
			return err
		}
	}
	defer s.Forget(tenant)
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		before, err := lock(ctx, tx, tenant)
		if err != nil {
			return err
		}
		after := edit(before)
		if file != nil {
			after.Logo, after.Icon = logo.Picture, icon.Picture
		}
		if err := put(ctx, tx, tenant, after, logo, icon); err != nil {
			return err
		}
		if err := notify.Send(ctx, tx, notify.TopicTenant, tenant.String()); err != nil {
			return err
		}
		entry := audit.Entry{Action: action, Before: before.document(), After: after.document()}
		if action == logoRemoved {
			entry.Before, entry.After = map[string]any{"logo": before.Logo.Hash}, nil
		}
		if provider {
			return audit.Operated(ctx, tx, audit.Operation{Entry: entry})
		}
		return s.Log.Record(ctx, tenant, entry)
	})
}

// document is what the log keeps of settings.
func (s Settings) document() map[string]any {
	d := map[string]any{"title": s.Title, "support": s.Support, "terms": s.Terms, "privacy": s.Privacy, "logo": s.Logo.Hash, "primary": "", "accent": ""}
	if s.Primary != nil {
		d["primary"] = s.Primary.String()
	}
	if s.Accent != nil {
		d["accent"] = s.Accent.String()
	}
	return d
}
