package tier

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// View is a tier in the API.
type View struct {
	Name      string          `json:"name" example:"premium"`
	Title     string          `json:"title"`
	Summary   string          `json:"summary,omitempty"`
	Position  int             `json:"position" doc:"The order in which tiers are shown"`
	Placement string          `json:"placement" enum:"pool,silo"`
	Public    bool            `json:"public" doc:"Whether it is offered at sign-up"`
	Price     int64           `json:"price" doc:"A month, in the smallest unit of the currency"`
	Currency  string          `json:"currency" example:"USD"`
	Limits    map[Limit]int64 `json:"limits" doc:"By name; what is missing is not bounded"`
	Features  []Feature       `json:"features" nullable:"false"`
}

func view(t Tier) View {
	v := View{
		Name: t.Name, Title: t.Title, Summary: t.Summary, Position: t.Position, Placement: t.Placement, Public: t.Public,
		Price: t.Price, Currency: t.Currency, Limits: t.Limits, Features: t.Features,
	}
	if v.Features == nil {
		v.Features = []Feature{}
	}
	return v
}

// List is every tier that the caller may see.
type List struct {
	Items []View `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// listed is how tiers are listed: an installation has few.
func listed() list.List[View] {
	return list.List[View]{
		Name: "tiers", ID: func(v View) string { return v.Name }, Named: true, Whole: true,
		Sorts: []list.Sort[View]{
			{Name: "position", Number: func(v View) int64 { return int64(v.Position) }},
			{Name: "name"},
			{Name: "price", Number: func(v View) int64 { return v.Price }},
		},
	}
}

// listedLimits is how limits are listed: in the order in which they are shown, or by name.
func listedLimits() list.List[LimitView] {
	return list.List[LimitView]{
		Name: "tenant-limits", ID: func(v LimitView) string { return string(v.Name) }, Named: true, Whole: true,
		Sorts: []list.Sort[LimitView]{
			{Name: "position", Number: func(v LimitView) int64 { return int64(slices.Index(Limits(), v.Name)) }},
			{Name: "name"},
		},
	}
}

// Used is one limit of a plan with what is used of it.
type Used struct {
	Name Limit  `json:"name" enum:"members,sessions,sessionsPerUser,rate,burst,userRate,userBurst,dailyRequests,monthlyRequests,exports,streams,streamsPerUser,storage,auditDays"`
	Most *int64 `json:"most,omitempty" doc:"Absent where nothing bounds it"`
	Used *int64 `json:"used,omitempty" doc:"Absent where it is not a matter of use, such as a rate"`
}

// PlanView is what the caller's organisation may, and what it uses.
type PlanView struct {
	Tier     string    `json:"tier"`
	Title    string    `json:"title"`
	Price    int64     `json:"price" doc:"A month, in the smallest unit of the currency"`
	Currency string    `json:"currency"`
	Limits   []Used    `json:"limits" nullable:"false"`
	Features []Feature `json:"features" nullable:"false"`
}

type body struct {
	Title     string          `json:"title" maxLength:"60"`
	Summary   string          `json:"summary,omitempty" maxLength:"300"`
	Position  int             `json:"position,omitempty"`
	Placement string          `json:"placement" enum:"pool,silo" doc:"Cannot be changed later"`
	Public    bool            `json:"public"`
	Price     int64           `json:"price" minimum:"0"`
	Currency  string          `json:"currency" pattern:"^[A-Z]{3}$" example:"USD"`
	Limits    map[Limit]int64 `json:"limits" maxProperties:"50"`
	Features  []Feature       `json:"features,omitempty" maxItems:"50"`
}

func (b body) tier(name string, version int64) Tier {
	return Tier{
		Name: name, Title: strings.TrimSpace(b.Title), Summary: b.Summary, Position: b.Position, Placement: b.Placement, Public: b.Public, Price: b.Price,
		Currency: b.Currency, Limits: b.Limits, Features: b.Features, Version: version,
	}
}

type output[T any] struct{ Body T }

type tierOutput struct {
	ETag string `header:"ETag" doc:"The tier's version, for If-Match"`
	Body View
}

func reply(t Tier, err error) (*tierOutput, error) {
	if err != nil {
		return nil, err
	}
	return &tierOutput{ETag: httpx.Tag(t.Version), Body: view(t)}, nil
}

type nameInput struct {
	Name string `path:"name" pattern:"^[a-z][a-z0-9-]{1,38}$"`
}

// API serves tiers.
type API struct {
	*Service
	// Uses tells how much of each limit a tenant uses.
	Uses func(ctx context.Context, tenant uuid.UUID) (map[Limit]int64, error)
}

// Register adds the routes: for everybody, for members who may see the plan, and for operators.
func (a *API) Register(api huma.API, member, read, write tenancy.Permission) {
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, "/v1/tiers", "list-public-tiers", httpx.Public, "The tiers that are offered at sign-up", "tenant")),
		func(ctx context.Context, in *list.Query) (*output[List], error) { return a.list(ctx, true, *in) })
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/tenant/plan", "get-plan", member, "What the organisation may, and what it uses of it", "tenant"), a.plan)
	const base = "/v1/operator/tiers"
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, base, "list-tiers", read, "All tiers", "operator")),
		func(ctx context.Context, in *list.Query) (*output[List], error) { return a.list(ctx, false, *in) })
	huma.Register(api, httpx.Operation(http.MethodGet, base+"/{name}", "get-tier", read, "One tier", "operator"),
		func(ctx context.Context, in *nameInput) (*tierOutput, error) { return reply(a.Get(ctx, in.Name)) })
	add := httpx.Operation(http.MethodPost, base+"/{name}", "add-tier", write, "Add a tier", "operator")
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, func(ctx context.Context, in *struct {
		Name string `path:"name" pattern:"^[a-z][a-z0-9-]{1,38}$"`
		Body body
	}) (*tierOutput, error) {
		return reply(a.Add(ctx, in.Body.tier(in.Name, 1)))
	})
	huma.Register(api, httpx.Operation(http.MethodPut, base+"/{name}", "change-tier", write, "Change a tier; organisations that have it feel it within 5 s", "operator"),
		func(ctx context.Context, in *struct {
			Name  string `path:"name" pattern:"^[a-z][a-z0-9-]{1,38}$"`
			Match string `header:"If-Match" doc:"The tier's ETag"`
			Body  body
		}) (*tierOutput, error) {
			version, err := httpx.Version(in.Match)
			if err != nil {
				return nil, err
			}
			return reply(a.Change(ctx, in.Body.tier(in.Name, version)))
		})
	huma.Register(api, httpx.Operation(http.MethodDelete, base+"/{name}", "remove-tier", write, "Remove a tier that no organisation has", "operator"),
		func(ctx context.Context, in *nameInput) (*struct{}, error) { return nil, a.Remove(ctx, in.Name) })
	a.registerLimits(api, read, write)
}

// LimitView is one limit of an organisation: its tier's, and its own in place of it.
type LimitView struct {
	Name   Limit      `json:"name" enum:"members,sessions,sessionsPerUser,rate,burst,userRate,userBurst,dailyRequests,monthlyRequests,exports,streams,streamsPerUser,storage,auditDays"`
	Tier   *int64     `json:"tier,omitempty" doc:"Absent where the tier does not bound it"`
	Own    *int64     `json:"own,omitempty" doc:"Absent where the tier's is used"`
	Reason string     `json:"reason,omitempty" doc:"Why it has its own"`
	SetAt  *time.Time `json:"setAt,omitempty"`
}

// LimitList is every limit of an organisation.
type LimitList struct {
	Items []LimitView `json:"items" nullable:"false"`
	Next  string      `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

func (a *API) limits(ctx context.Context, tenant uuid.UUID, q list.Query) (*output[LimitList], error) {
	t, err := a.tierOf(ctx, tenant)
	if err != nil {
		return nil, err
	}
	own, err := a.OwnLimits(ctx, tenant)
	if err != nil {
		return nil, err
	}
	var out LimitList
	for _, name := range Limits() {
		v := LimitView{Name: name}
		if most, ok := t.Limits[name]; ok {
			v.Tier = &most
		}
		if n := slices.IndexFunc(own, func(o OwnLimit) bool { return o.Name == name }); n >= 0 {
			v.Own, v.Reason, v.SetAt = &own[n].Value, own[n].Reason, &own[n].SetAt
		}
		out.Items = append(out.Items, v)
	}
	err = listedLimits().Into(q, &out.Items, &out.Next)
	return &output[LimitList]{out}, err
}

type limitInput struct {
	ID    uuid.UUID `path:"id" format:"uuid"`
	Limit Limit     `path:"limit" maxLength:"40"`
}

func (a *API) registerLimits(api huma.API, read, write tenancy.Permission) {
	const base = "/v1/operator/tenants/{id}/limits"
	huma.Register(api, listedLimits().Operation(httpx.Operation(http.MethodGet, base, "list-tenant-limits", read, "Every limit of one organisation: its tier's, and its own", "operator")),
		func(ctx context.Context, in *struct {
			ID uuid.UUID `path:"id" format:"uuid"`
			list.Query
		}) (*output[LimitList], error) {
			return a.limits(ctx, in.ID, in.Query)
		})
	const path = base + "/{limit}"
	set := httpx.Operation(http.MethodPut, path, "set-tenant-limit", write, "Give one organisation a limit of its own", "operator")
	set.DefaultStatus = http.StatusNoContent
	huma.Register(api, set, func(ctx context.Context, in *struct {
		ID    uuid.UUID `path:"id" format:"uuid"`
		Limit Limit     `path:"limit" maxLength:"40"`
		Body  struct {
			Value  int64  `json:"value" minimum:"0"`
			Reason string `json:"reason,omitempty" maxLength:"300"`
		}
	}) (*struct{}, error) {
		return nil, a.SetLimit(ctx, in.ID, in.Limit, &in.Body.Value, in.Body.Reason)
	})
	huma.Register(api, httpx.Operation(http.MethodDelete, path, "unset-tenant-limit", write, "Give an organisation its tier's limit again", "operator"),
		func(ctx context.Context, in *limitInput) (*struct{}, error) {
			return nil, a.SetLimit(ctx, in.ID, in.Limit, nil, "")
		})
}

func (a *API) list(ctx context.Context, public bool, q list.Query) (*output[List], error) {
	found, err := a.List(ctx, public)
	if err != nil {
		return nil, err
	}
	out := List{Items: make([]View, len(found))}
	for n, t := range found {
		out.Items[n] = view(t)
	}
	err = listed().Into(q, &out.Items, &out.Next)
	return &output[List]{out}, err
}

var errScope = errs.Unauthenticated("sign_in_required", "Sign in to continue.")

func (a *API) plan(ctx context.Context, _ *struct{}) (*output[PlanView], error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, errScope
	}
	p, err := a.Of(ctx, scope.Tenant)
	if err != nil {
		return nil, err
	}
	uses, err := a.Uses(ctx, scope.Tenant)
	if err != nil {
		return nil, err
	}
	v := PlanView{Tier: p.Tier, Title: p.Title, Price: p.Price, Currency: p.Currency, Features: p.features}
	if v.Features == nil {
		v.Features = []Feature{}
	}
	for _, name := range Limits() {
		limit := Used{Name: name}
		if most, ok := p.Limit(name); ok {
			limit.Most = &most
		}
		if used, ok := uses[name]; ok {
			limit.Used = &used
		}
		if limit.Most != nil || limit.Used != nil {
			v.Limits = append(v.Limits, limit)
		}
	}
	return &output[PlanView]{v}, nil
}
