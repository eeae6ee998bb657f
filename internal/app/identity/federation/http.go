package federation

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

const tag = "identity-providers"

// View is an identity provider in the API. Its secret can be set and never read.
type View struct {
	ID          uuid.UUID               `json:"id"`
	Name        string                  `json:"name" doc:"On the button of the sign-in page"`
	Issuer      string                  `json:"issuer" example:"https://login.example.com"`
	ClientID    string                  `json:"clientId"`
	HasSecret   bool                    `json:"hasSecret" doc:"Whether a client secret is kept"`
	Scopes      []string                `json:"scopes" nullable:"false"`
	NameClaim   string                  `json:"nameClaim"`
	RoleClaim   string                  `json:"roleClaim" doc:"Empty: roles are given by hand"`
	GroupClaim  string                  `json:"groupClaim" doc:"Empty: groups are given by hand"`
	Roles       map[string]tenancy.Role `json:"roles" doc:"Value of the role claim to role; the highest that maps counts"`
	DefaultRole tenancy.Role            `json:"defaultRole" enum:"admin,author,instructor,learner" doc:"Of people whose claim maps to none"`
	Groups      map[string]string       `json:"groups" doc:"Value of the group claim to the name of a group"`
	JustInTime  bool                    `json:"justInTime" doc:"Whether people who are new become members"`
	SecondStep  bool                    `json:"secondStep" doc:"Whether the provider asks for the second step itself; else people take that of this sign-in after it, where it asks for one"`
	Enabled     bool                    `json:"enabled"`
	ByOwner     bool                    `json:"byOwner" doc:"Whether an owner has saved these settings; only then it signs owners in"`
	RedirectURI string                  `json:"redirectUri" doc:"What the provider must know as ours"`
	LastTest    []Step                  `json:"lastTest" nullable:"false" doc:"Steps of the last test sign-in; empty without one"`
	TestedAt    *time.Time              `json:"testedAt,omitempty"`
}

func (s *Service) view(p *Provider, redirect string) View {
	v := View{
		ID: p.ID, Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, HasSecret: p.sealed != nil, Scopes: p.Scopes, NameClaim: p.NameClaim,
		RoleClaim: p.RoleClaim, GroupClaim: p.GroupClaim, Roles: p.Roles, DefaultRole: p.DefaultRole, Groups: p.Groups, JustInTime: p.JustInTime, SecondStep: p.SecondStep,
		Enabled: p.Enabled, ByOwner: p.ByOwner, RedirectURI: redirect, LastTest: p.LastTest, TestedAt: p.TestedAt,
	}
	if v.LastTest == nil {
		v.LastTest = []Step{}
	}
	return v
}

// ViewList is everything about how the organisation's people sign in.
type ViewList struct {
	Items       []View `json:"items" nullable:"false"`
	Next        string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
	RedirectURI string `json:"redirectUri" doc:"What providers must know as ours"`
	OnlyThrough bool   `json:"onlyThrough" doc:"Whether people sign in only by these; owners may otherwise, which is logged"`
	RuleETag    string `json:"ruleETag" doc:"For If-Match when the rule is changed"`
}

// listed is how providers are listed: a tenant has few.
func listed() list.List[View] {
	return list.List[View]{
		Name: "identity-providers", ID: func(v View) string { return v.ID.String() }, Whole: true,
		Sorts: []list.Sort[View]{{Name: "name", Text: func(v View) string { return strings.ToLower(v.Name) }}, {Name: "created"}},
	}
}

// RuleView is how the organisation's people may sign in.
type RuleView struct {
	OnlyThrough bool `json:"onlyThrough"`
}

// Steps are what a test came to.
type Steps struct {
	Steps []Step `json:"steps" nullable:"false"`
}

// TestLink is where a test sign-in begins: it works once, within ten minutes.
type TestLink struct {
	Link string `json:"link" format:"uri"`
}

type body struct {
	Name        string                  `json:"name" maxLength:"60"`
	Issuer      string                  `json:"issuer" maxLength:"500"`
	ClientID    string                  `json:"clientId" maxLength:"500"`
	Secret      *string                 `json:"clientSecret,omitempty" maxLength:"2000" doc:"Absent: as it is. Empty: none, for a public client."`
	Scopes      []string                `json:"scopes,omitempty" maxItems:"20" doc:"openid is always there. Default: openid, email, profile"`
	NameClaim   string                  `json:"nameClaim,omitempty" maxLength:"200" default:"name"`
	RoleClaim   string                  `json:"roleClaim,omitempty" maxLength:"200"`
	GroupClaim  string                  `json:"groupClaim,omitempty" maxLength:"200"`
	Roles       map[string]tenancy.Role `json:"roles,omitempty" maxProperties:"200"`
	DefaultRole tenancy.Role            `json:"defaultRole,omitempty" enum:"admin,author,instructor,learner" default:"learner"`
	Groups      map[string]string       `json:"groups,omitempty" maxProperties:"500"`
	JustInTime  bool                    `json:"justInTime,omitempty"`
	SecondStep  *bool                   `json:"secondStep,omitempty" doc:"Whether the provider asks for the second step itself. Absent: it does"`
	Enabled     bool                    `json:"enabled,omitempty"`
}

func (b body) draft() Draft {
	d := Draft{Name: b.Name, Issuer: b.Issuer, ClientID: b.ClientID, Secret: b.Secret, Settings: Settings{
		Scopes: b.Scopes, NameClaim: b.NameClaim, RoleClaim: b.RoleClaim, GroupClaim: b.GroupClaim, Roles: b.Roles, DefaultRole: b.DefaultRole,
		Groups: b.Groups, JustInTime: b.JustInTime, SecondStep: b.SecondStep == nil || *b.SecondStep, Enabled: b.Enabled,
	}}
	if len(d.Scopes) == 0 {
		d.Scopes = []string{"openid", "email", "profile"}
	}
	if d.Roles == nil {
		d.Roles = map[string]tenancy.Role{}
	}
	if d.Groups == nil {
		d.Groups = map[string]string{}
	}
	return d
}

type output[T any] struct{ Body T }

func reply[T any](body T, err error) (*output[T], error) {
	if err != nil {
		return nil, err
	}
	return &output[T]{Body: body}, nil
}

type providerOutput struct {
	ETag string `header:"ETag" doc:"The provider's version, for If-Match"`
	Body View
}

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"The identity provider"`
}

type createInput struct{ Body body }

type changeInput struct {
	ID    uuid.UUID `path:"id" format:"uuid" doc:"The identity provider"`
	Match string    `header:"If-Match" doc:"The provider's ETag"`
	Body  body
}

type removeInput struct {
	ID    uuid.UUID `path:"id" format:"uuid" doc:"The identity provider"`
	Match string    `header:"If-Match" required:"true" doc:"The provider's ETag"`
}

type ruleInput struct {
	Match string `header:"If-Match" doc:"ruleETag of the list"`
	Body  RuleView
}

type ruleOutput struct {
	ETag string `header:"ETag" doc:"The rule's version, for If-Match"`
	Body RuleView
}

// API serves a tenant's identity providers.
type API struct {
	*Service
	Throttle *throttle.Throttle
}

// feature is what an organisation's plan must have for providers of its own; what is there can always be switched off.
const feature = "own-identity-provider"

// Register adds the routes.
func (a *API) Register(api huma.API) {
	route := func(method, path, id string, p tenancy.Permission, summary string) huma.Operation {
		op := httpx.Operation(method, path, id, p, summary, tag)
		op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict)
		return op
	}
	huma.Register(api, listed().Operation(route(http.MethodGet, "/v1/identity-providers", "list-identity-providers", policy.IDPRead, "The organisation's own identity providers")),
		func(ctx context.Context, in *list.Query) (*output[ViewList], error) { return reply(a.list(ctx, *in)) })
	create := route(http.MethodPost, "/v1/identity-providers", "create-identity-provider", policy.IDPWrite, "Add an identity provider (OpenID Connect)")
	create = httpx.Entitled(create, feature)
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, func(ctx context.Context, in *createInput) (*providerOutput, error) {
		return a.reply(ctx)(a.Create(ctx, in.Body.draft()))
	})
	huma.Register(api, route(http.MethodGet, "/v1/identity-providers/{id}", "get-identity-provider", policy.IDPRead, "One identity provider, with its ETag"),
		func(ctx context.Context, in *idInput) (*providerOutput, error) {
			return a.reply(ctx)(a.Get(ctx, in.ID))
		})
	huma.Register(api, route(http.MethodPut, "/v1/identity-providers/{id}", "update-identity-provider", policy.IDPWrite,
		"Change an identity provider; switching it off, or another issuer, ends what it opened"), func(ctx context.Context, in *changeInput) (*providerOutput, error) {
		version, err := httpx.Version(in.Match)
		if err != nil {
			return nil, err
		}
		return a.reply(ctx)(a.Update(ctx, in.ID, version, in.Body.draft()))
	})
	remove := route(http.MethodDelete, "/v1/identity-providers/{id}", "remove-identity-provider", policy.IDPWrite, "Remove an identity provider; what it opened ends")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *removeInput) (*struct{}, error) {
		version, err := httpx.Version(in.Match)
		if err != nil {
			return nil, err
		}
		return nil, a.Remove(ctx, in.ID, version)
	})
	test := route(http.MethodPost, "/v1/identity-providers/{id}/test", "test-identity-provider", policy.IDPWrite, "Try every step that needs no person, and say what came of each")
	test = httpx.Entitled(test, feature)
	test.Errors = append(test.Errors, http.StatusTooManyRequests)
	huma.Register(api, test, func(ctx context.Context, in *idInput) (*output[Steps], error) { return reply(a.test(ctx, in.ID)) })
	huma.Register(api, httpx.Entitled(route(http.MethodPost, "/v1/identity-providers/{id}/test-sign-in", "begin-test-sign-in", policy.IDPWrite,
		"An address at which a browser signs in without effect; what came is in lastTest"), feature), func(ctx context.Context, in *idInput) (*output[TestLink], error) {
		link, err := a.TestSignIn(ctx, in.ID)
		return reply(TestLink{Link: link}, err)
	})
	huma.Register(api, route(http.MethodGet, "/v1/sign-in-rule", "get-sign-in-rule", policy.IDPRead, "Whether people sign in only by the organisation's identity providers"),
		func(ctx context.Context, _ *struct{}) (*ruleOutput, error) {
			_, rule, err := a.List(ctx)
			if err != nil {
				return nil, err
			}
			return &ruleOutput{ETag: httpx.Tag(rule.Version), Body: RuleView{OnlyThrough: rule.OnlyThrough}}, nil
		})
	huma.Register(api, route(http.MethodPut, "/v1/sign-in-rule", "set-sign-in-rule", policy.IDPWrite,
		"Whether people sign in only by the organisation's identity providers; sign-ins by other means end at once, but for owners"), a.setRule)
}

func (a *API) setRule(ctx context.Context, in *ruleInput) (*ruleOutput, error) {
	version, err := httpx.Version(in.Match)
	if err != nil {
		return nil, err
	}
	rule, err := a.SetRule(ctx, in.Body.OnlyThrough, version)
	if err != nil {
		return nil, err
	}
	return &ruleOutput{ETag: httpx.Tag(rule.Version), Body: RuleView{OnlyThrough: rule.OnlyThrough}}, nil
}

// reply makes an answer of a provider.
func (a *API) reply(ctx context.Context) func(*Provider, error) (*providerOutput, error) {
	return func(p *Provider, err error) (*providerOutput, error) {
		if err != nil {
			return nil, err
		}
		in, err := a.poolOf(ctx, p.Tenant)
		if err != nil {
			return nil, err
		}
		return &providerOutput{ETag: httpx.Tag(p.Version), Body: a.view(p, a.callback(in.Name))}, nil
	}
}

func (a *API) list(ctx context.Context, q list.Query) (ViewList, error) {
	found, rule, err := a.List(ctx)
	if err != nil {
		return ViewList{}, err
	}
	scope, _ := tenancy.From(ctx)
	in, err := a.poolOf(ctx, scope.Tenant)
	out := ViewList{Items: make([]View, len(found)), RedirectURI: a.callback(in.Name), OnlyThrough: rule.OnlyThrough, RuleETag: httpx.Tag(rule.Version)}
	for i, p := range found {
		out.Items[i] = a.view(p, out.RedirectURI)
	}
	if err != nil {
		return ViewList{}, err
	}
	err = listed().Into(q, &out.Items, &out.Next)
	return out, err
}

func (a *API) test(ctx context.Context, id uuid.UUID) (Steps, error) {
	scope, _ := tenancy.From(ctx)
	if wait := a.Throttle.Try(probeLimit(scope.Tenant)); wait > 0 {
		return Steps{}, httpx.Limited(wait)
	}
	steps, err := a.Test(ctx, id)
	return Steps{Steps: steps}, err
}
