package branding_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/branding"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type fixture struct {
	*branding.Service
	t *testing.T
	d *dbtest.Database
	// broken is what the tenants' logs answer.
	broken error
}

// Record writes a tenant's log.
func (f *fixture) Record(ctx context.Context, tenant uuid.UUID, e audit.Entry) error {
	if f.broken != nil {
		return f.broken
	}
	scope, _ := tenancy.From(ctx)
	ctx = tenancy.With(ctx, tenancy.Scope{Tenant: tenant, User: scope.User, Role: tenancy.RoleSystem})
	return f.d.App.InTenant(ctx, "any", func(tx pgx.Tx) error { return audit.Add(ctx, tx, e) })
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, d: dbtest.New(t)}
	f.Service = branding.New(f.d.Control, tier.New(f.d.Control), f, time.Now)
	return f
}

// owner makes a tenant of a tier with an owner.
func (f *fixture) owner(name, tierName string) context.Context {
	f.t.Helper()
	ctx := f.d.Tenant(f.t, name, tenancy.RoleOwner)
	f.exec(`update control.tenant set tier = $2, title = initcap($1) where name = $1`, name, tierName)
	return ctx
}

func (f *fixture) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.d.Owner.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatal(err)
	}
	f.Forget(uuid.Nil)
}

func (f *fixture) of(ctx context.Context) brand.Brand {
	f.t.Helper()
	scope, _ := tenancy.From(ctx)
	b, err := f.Of(f.t.Context(), scope.Tenant)
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *fixture) set(ctx context.Context, provider bool, to branding.Settings) {
	f.t.Helper()
	if err := f.Set(ctx, provider, to); err != nil {
		f.t.Fatal(err)
	}
}

// logo is a file that shows a colour.
func logo(t *testing.T, c color.Color, width, height int) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.Set(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func colour(c brand.Colour) *brand.Colour { return &c }

func TestABrandComesOfItsOwnAndTheProviders(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme, basic := f.owner("acme", "standard"), f.owner("basic", "basic")
	individuals := f.d.Default(t, tenancy.RoleOwner)
	if b := f.of(acme); b != (brand.Brand{Title: "Acme", Primary: brand.DefaultPrimary, Accent: brand.DefaultAccent}) {
		t.Errorf("nothing set: %+v", b)
	}
	f.set(acme, true, branding.Settings{Title: "Provider", Primary: colour(0x0f766e), Support: "help@provider.example", Terms: "https://provider.example/terms"})
	below := brand.Brand{Title: "Acme", Primary: 0x0f766e, Accent: brand.DefaultAccent, Letter: 'P', Support: "help@provider.example", Terms: "https://provider.example/terms"}
	if b := f.of(acme); b != below {
		t.Errorf("the provider's: %+v", b)
	}
	if b := f.of(individuals); b.Title != "Provider" || b.Own {
		t.Errorf("individuals: %+v", b)
	}
	f.set(acme, false, branding.Settings{Accent: colour(0xc2410c), Support: "https://acme.example/help"})
	f.set(basic, false, branding.Settings{Title: "Not in the plan"})
	want := below
	want.Own, want.Accent, want.Letter, want.Support = true, 0xc2410c, 'A', "https://acme.example/help"
	if b := f.of(acme); b != want {
		t.Errorf("its own: %+v", b)
	}
	if b := f.of(basic); b.Title != "Basic" || b.Own || b.Letter != 'P' {
		t.Errorf("a plan without: %+v", b)
	}
	f.exec(`update control.tenant set tier = 'standard' where name = 'basic'`)
	if b := f.of(basic); b.Title != "Not in the plan" || !b.Own {
		t.Errorf("a plan with: %+v", b)
	}
	f.set(acme, false, branding.Settings{})
	if b := f.of(acme); b != below {
		t.Errorf("taken back: %+v", b)
	}
	if _, err := f.Of(t.Context(), uuid.New()); !errors.Is(err, tier.ErrTenant) {
		t.Errorf("of nobody: %v", err)
	}
}

func TestALogoReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme, bravo := f.owner("acme", "standard"), f.owner("bravo", "standard")
	f.set(acme, false, branding.Settings{Title: "Labs of Acme"})
	first, second := logo(t, color.Black, 200, 100), logo(t, color.NRGBA{200, 30, 30, 255}, 100, 100)
	for ctx, file := range map[context.Context][]byte{acme: first, bravo: first} {
		if err := f.SetLogo(ctx, false, file); err != nil {
			t.Fatal(err)
		}
	}
	old := f.of(acme)
	if old.Logo.Hash == "" || old.Logo != f.of(bravo).Logo || old.Title != "Labs of Acme" || old.Icon.Hash != "" {
		t.Fatalf("%+v", old)
	}
	if err := f.SetLogo(acme, false, second); err != nil {
		t.Fatal(err)
	}
	now := f.of(acme)
	if now.Logo.Hash == old.Logo.Hash || now.Icon.Hash == "" {
		t.Errorf("%+v", now)
	}
	for _, hash := range []string{now.Logo.Hash, now.Icon.Hash, old.Logo.Hash} { // the last is in letters, and bravo's
		if kept, err := f.Picture(t.Context(), hash); err != nil || !bytes.HasPrefix(kept, []byte("\x89PNG")) {
			t.Errorf("%s: %v", hash, err)
		}
	}
	if err := f.SetLogo(bravo, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Picture(t.Context(), old.Logo.Hash); err != nil {
		t.Errorf("one organisation removes another one's picture: %v", err)
	}
	if err := f.SetLogo(acme, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Picture(t.Context(), old.Logo.Hash); !errors.Is(err, branding.ErrPicture) {
		t.Errorf("the picture of nobody: %v", err)
	}
	if b := f.of(bravo); b.Own || b.Logo.Hash != "" {
		t.Errorf("without its logo: %+v", b)
	}
	if err := f.SetLogo(acme, false, second); err != nil {
		t.Fatal(err)
	}
	f.set(acme, false, branding.Settings{Title: "Acme again"})
	if b := f.of(acme); b.Logo != now.Logo || b.Icon != now.Icon {
		t.Errorf("other settings change the logo: %+v", b)
	}
	scope, _ := tenancy.From(acme)
	for red := range uint8(20) {
		if err := f.SetLogo(acme, false, logo(t, color.NRGBA{red, 200, 0, 255}, 200, 100)); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.lines(`select count(*)::text from control.brand_picture`); n[0] != "8" {
		t.Errorf("%s pictures are kept, want 8", n)
	}
	for _, want := range []int64{9, 0} {
		if n, err := f.RemoveTenant(t.Context(), scope.Tenant); n != want || err != nil {
			t.Errorf("removed %d, %v, want %d", n, err, want)
		}
	}
}

func TestChangesAreInTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	f.set(acme, false, branding.Settings{Title: "One", Primary: colour(0x112233)})
	f.set(acme, false, branding.Settings{Title: "Two", Primary: colour(0x112233), Privacy: "https://acme.example/privacy"})
	if err := f.SetLogo(acme, false, logo(t, color.Black, 10, 10)); err != nil {
		t.Fatal(err)
	}
	f.set(acme, true, branding.Settings{Title: "Provider"})
	scope, _ := tenancy.From(acme)
	got := f.lines(`select action || ' ' || before::text || ' ' || after::text from pool.audit_entry where tenant_id = $1 and actor = $2 order by id`, scope.Tenant, scope.User)
	hash := f.of(acme).Logo.Hash
	if want := []string{
		`brand.changed {"title": "", "primary": ""} {"title": "One", "primary": "#112233"}`,
		`brand.changed {"title": "One", "privacy": ""} {"title": "Two", "privacy": "https://acme.example/privacy"}`,
		`brand.logo-changed {"logo": ""} {"logo": "` + hash + `"}`,
	}; !slices.Equal(got, want) {
		t.Errorf("the tenant's log:\n%s", strings.Join(got, "\n"))
	}
	if got := f.lines(`select action || ' ' || after::text from control.audit_entry where tenant_id is null and action like 'brand%' and actor = $1`, scope.User); !slices.Equal(got, []string{`brand.changed {"title": "Provider"}`}) {
		t.Errorf("the operators' log: %q", got)
	}
	f.broken = errors.New("no log today")
	if err := f.Set(acme, false, branding.Settings{Title: "Three"}); !errors.Is(err, f.broken) {
		t.Errorf("without a log: %v", err)
	}
	if b := f.of(acme); b.Title != "Two" {
		t.Errorf("a change without an entry: %+v", b)
	}
}

func (f *fixture) lines(sql string, args ...any) []string {
	f.t.Helper()
	rows, err := f.d.Owner.Query(f.t.Context(), sql, args...)
	if err != nil {
		f.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		f.t.Fatal(err)
	}
	return lines
}

func TestWhatIsNoBrandIsRefusedWhole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	f.set(acme, false, branding.Settings{Title: "Acme"})
	if err := f.Set(acme, false, branding.Settings{Title: "Evil", Support: "javascript:alert(1)"}); !errors.Is(err, branding.ErrBrand) {
		t.Error(err)
	}
	if err := f.SetLogo(acme, false, []byte("<svg onload=alert(1)>")); !errors.Is(err, brand.ErrPicture) {
		t.Error(err)
	}
	if err := f.Set(t.Context(), false, branding.Settings{}); err == nil {
		t.Error("nobody changes a brand")
	}
	if b := f.of(acme); b.Title != "Acme" || b.Support != "" || b.Logo.Hash != "" {
		t.Errorf("%+v", b)
	}
}
