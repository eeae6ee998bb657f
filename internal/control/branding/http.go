package branding

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// maxBody is enough for the largest picture in base64.
const maxBody = brand.MaxUpload/3*4 + 4096

// SettingsView is what was chosen; what is empty is taken from elsewhere.
type SettingsView struct {
	Title   string `json:"title" maxLength:"240" doc:"What the pages are headed with, at most 60 characters; empty: the organisation's own title" example:"Labs of Acme"`
	Primary string `json:"primary" pattern:"^(#[0-9A-Fa-f]{6})?$" doc:"Of buttons; empty: the provider's" example:"#0f766e"`
	Accent  string `json:"accent" pattern:"^(#[0-9A-Fa-f]{6})?$" doc:"Of links; empty: the provider's" example:"#115e59"`
	Support string `json:"support" maxLength:"300" doc:"Where people ask: an e-mail address or an https address" example:"help@example.com"`
	Terms   string `json:"terms" maxLength:"300" doc:"Https address of the terms of use" example:"https://example.com/terms"`
	Privacy string `json:"privacy" maxLength:"300" doc:"Https address of what is done with personal data" example:"https://example.com/privacy"`
}

// OwnView is a brand as whoever changes it sees it.
type OwnView struct {
	Settings SettingsView `json:"settings"`
	HasLogo  bool         `json:"hasLogo"`
	Shown    brand.View   `json:"shown" doc:"What people see now"`
	Below    brand.View   `json:"below" doc:"What people see of whatever is left empty"`
	Notices  []NoticeView `json:"notices" nullable:"false"`
	Allowed  bool         `json:"allowed" doc:"Whether the plan has a brand; without, what is set is kept and not shown"`
	Plans    []string     `json:"plans" nullable:"false" doc:"Titles of the plans that have a brand"`
}

// NoticeView is a colour that is shown in another shade, and why.
type NoticeView struct {
	Scheme   string  `json:"scheme" enum:"light,dark" doc:"The pages on which it is so"`
	Colour   string  `json:"colour" enum:"primary,accent"`
	Contrast float64 `json:"contrast" doc:"Of the colour as it was chosen, to the page: 1 to 21"`
	Wanted   float64 `json:"wanted" doc:"The least that WCAG 2.2 AA allows: 4.5 for text, 3 for buttons"`
	Shown    string  `json:"shown" doc:"The nearest shade that has it"`
}

// Colours are two colours made fit for every page.
type Colours struct {
	Light   brand.SchemeView `json:"light"`
	Dark    brand.SchemeView `json:"dark"`
	Notices []NoticeView     `json:"notices" nullable:"false"`
}

type output[T any] struct{ Body T }

type setInput struct{ Body SettingsView }

type logoInput struct {
	Body struct {
		File []byte `json:"file" doc:"A PNG, JPEG or WebP picture of at most 512 KiB, in base64. It is drawn anew; nothing else of the file is kept" example:"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQMAAAAl21bKAAAAA1BMVEUPdm5/SejIAAAADklEQVR4nGJgAAQAAP//AAIAAUu7KZ8AAAAASUVORK5CYII="`
	}
}

type coloursInput struct {
	Primary string `query:"primary" default:"#5151cd" pattern:"^#[0-9A-Fa-f]{6}$" example:"#0f766e"`
	Accent  string `query:"accent" default:"#4543b4" pattern:"^#[0-9A-Fa-f]{6}$" example:"#115e59"`
}

// Register adds the routes of a tenant's administrators and of operators.
func (s *Service) Register(api huma.API, read, write, operatorRead, operatorWrite tenancy.Permission) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/brand/colours", "get-brand-colours", httpx.SignedIn, "Two colours as pages would show them, with enough contrast", "brand"),
		func(_ context.Context, in *coloursInput) (*output[Colours], error) {
			primary, _ := brand.ParseColour(in.Primary)
			accent, _ := brand.ParseColour(in.Accent)
			p := brand.NewPalette(primary, accent)
			return &output[Colours]{Colours{Light: p.Light.View(), Dark: p.Dark.View(), Notices: notices(p)}}, nil
		})
	entitled := func(op huma.Operation) huma.Operation { return httpx.Entitled(op, string(tier.Branding)) }
	s.register(api, routes{base: "/v1/tenant/brand", prefix: "", of: "the organisation", tag: "tenant", read: read, write: write, change: entitled})
	s.register(api, routes{base: "/v1/operator/brand", prefix: "operator-", of: "the provider, which organisations without one have", tag: "operator",
		read: operatorRead, write: operatorWrite, provider: true, change: func(op huma.Operation) huma.Operation { return op }})
}

// routes are those of one kind of brand.
type routes struct {
	base, prefix, of, tag string
	read, write           tenancy.Permission
	provider              bool
	change                func(huma.Operation) huma.Operation
}

func (s *Service) register(api huma.API, r routes) {
	huma.Register(api, httpx.Operation(http.MethodGet, r.base, "get-"+r.prefix+"brand", r.read, "The brand of "+r.of, r.tag),
		func(ctx context.Context, _ *struct{}) (*output[OwnView], error) { return s.show(ctx, r.provider) })
	huma.Register(api, r.change(httpx.Operation(http.MethodPut, r.base, "put-"+r.prefix+"brand", r.write, "Change the brand of "+r.of+"; its logo stays", r.tag)),
		func(ctx context.Context, in *setInput) (*output[OwnView], error) {
			if err := s.Set(ctx, r.provider, in.Body.settings()); err != nil {
				return nil, err
			}
			return s.show(ctx, r.provider)
		})
	put := httpx.Weighing(r.change(httpx.Operation(http.MethodPut, r.base+"/logo", "put-"+r.prefix+"brand-logo", r.write, "Change the logo of "+r.of, r.tag)), 5)
	put.MaxBodyBytes = maxBody
	put.Errors = append(put.Errors, http.StatusRequestEntityTooLarge)
	huma.Register(api, put, func(ctx context.Context, in *logoInput) (*output[OwnView], error) {
		if in.Body.File == nil {
			in.Body.File = []byte{}
		}
		if err := s.SetLogo(ctx, r.provider, in.Body.File); err != nil {
			return nil, err
		}
		return s.show(ctx, r.provider)
	})
	huma.Register(api, httpx.Operation(http.MethodDelete, r.base+"/logo", "remove-"+r.prefix+"brand-logo", r.write, "Remove the logo of "+r.of, r.tag),
		func(ctx context.Context, _ *struct{}) (*struct{}, error) { return nil, s.SetLogo(ctx, r.provider, nil) })
}

// settings are what a body says. Its colours have passed their pattern.
func (v SettingsView) settings() Settings {
	s := Settings{
		Title: strings.TrimSpace(v.Title), Support: strings.TrimSpace(v.Support), Terms: strings.TrimSpace(v.Terms), Privacy: strings.TrimSpace(v.Privacy),
	}
	if c, ok := brand.ParseColour(v.Primary); ok {
		s.Primary = &c
	}
	if c, ok := brand.ParseColour(v.Accent); ok {
		s.Accent = &c
	}
	return s
}

func view(s Settings) SettingsView {
	v := SettingsView{Title: s.Title, Support: s.Support, Terms: s.Terms, Privacy: s.Privacy}
	if s.Primary != nil {
		v.Primary = s.Primary.String()
	}
	if s.Accent != nil {
		v.Accent = s.Accent.String()
	}
	return v
}

// show reads past what is remembered: whoever changes a brand sees it as it is.
func (s *Service) show(ctx context.Context, provider bool) (*output[OwnView], error) {
	scope, _ := tenancy.From(ctx)
	tenant := scope.Tenant
	if provider {
		tenant = [16]byte{}
	}
	own, below, allowed, err := s.read(ctx, tenant)
	if err != nil {
		return nil, err
	}
	shown := below
	if allowed {
		shown = own.over(below, below.Title)
	}
	if provider {
		shown.Own = false
	}
	plans, err := s.plans(ctx)
	return &output[OwnView]{OwnView{
		Settings: view(own), HasLogo: own.Logo.Hash != "", Shown: shown.View(), Below: below.View(), Notices: notices(brand.NewPalette(shown.Primary, shown.Accent)),
		Allowed: allowed, Plans: plans,
	}}, err
}

func notices(p brand.Palette) []NoticeView {
	list := make([]NoticeView, len(p.Notices))
	for i, n := range p.Notices {
		list[i] = NoticeView{Scheme: "light", Colour: "primary", Contrast: n.Contrast, Wanted: n.Wanted, Shown: n.Shown.String()}
		if n.Dark {
			list[i].Scheme = "dark"
		}
		if n.Link {
			list[i].Colour = "accent"
		}
	}
	return list
}

// plans are the titles of the plans that have brands.
func (s *Service) plans(ctx context.Context) ([]string, error) {
	tiers, err := s.Tiers.List(ctx, true)
	titles := []string{}
	for _, t := range tiers {
		if slices.Contains(t.Features, tier.Branding) {
			titles = append(titles, t.Title)
		}
	}
	return titles, err
}
