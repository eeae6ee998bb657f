package directory

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Record is what proves a domain.
type Record struct {
	Type  string `json:"type" enum:"TXT"`
	Name  string `json:"name" example:"_cloudkida-challenge.example.com"`
	Value string `json:"value"`
}

// DomainView is an e-mail domain in the API.
type DomainView struct {
	ID           uuid.UUID  `json:"id"`
	Domain       string     `json:"domain" doc:"In ASCII, as DNS has it" example:"example.com"`
	Shown        string     `json:"shown" doc:"As people read it"`
	State        State      `json:"state" enum:"pending,proved,failing,lost" doc:"failing: proved, but its record was not found at the last checks; lost: it was not found for too long"`
	Record       Record     `json:"record" doc:"What must be in DNS"`
	Problem      string     `json:"problem,omitempty" doc:"Why the last check found no proof"`
	CreatedAt    time.Time  `json:"createdAt"`
	CheckedAt    *time.Time `json:"checkedAt,omitempty"`
	ProvedAt     *time.Time `json:"provedAt,omitempty"`
	FailingSince *time.Time `json:"failingSince,omitempty"`
	LostAfter    *time.Time `json:"lostAfter,omitempty" doc:"When a failing domain is no longer proved, if its record does not come back"`
}

// Domains are all of a tenant.
type Domains struct {
	Items   []DomainView `json:"items" nullable:"false"`
	Next    string       `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
	Most    int          `json:"most" doc:"How many there can be"`
	Allowed bool         `json:"allowed" doc:"Whether the plan has e-mail domains; without, those that are there do nothing"`
	Plans   []string     `json:"plans" nullable:"false" doc:"Titles of the plans that have e-mail domains"`
}

func view(d Domain) DomainView {
	v := DomainView{
		ID: d.ID, Domain: d.Domain, Shown: shown(d.Domain), State: d.State, Record: Record{Type: "TXT", Name: recordName(d.Domain), Value: d.Token},
		Problem: d.Problem, CreatedAt: d.CreatedAt, CheckedAt: d.CheckedAt, ProvedAt: d.ProvedAt, FailingSince: d.FailingSince,
	}
	if d.FailingSince != nil {
		end := d.FailingSince.Add(failingMost)
		v.LostAfter = &end
	}
	return v
}

type output[T any] struct{ Body T }

func reply[T any](body T, err error) (*output[T], error) {
	if err != nil {
		return nil, err
	}
	return &output[T]{body}, nil
}

type askInput struct {
	httpx.Client
	Tenant string `query:"tenant" maxLength:"100" doc:"Name of an organisation"`
	Email  string `query:"email" maxLength:"320" doc:"An e-mail address. Only what is behind its @ counts, so leave the rest out: @example.com"`
	Host   string `query:"host" maxLength:"300" doc:"Host that the browser was sent to, such as example.labs.example.com"`
}

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type addInput struct {
	Body struct {
		Domain string `json:"domain" minLength:"1" maxLength:"300" doc:"What is behind the @ of the organisation's addresses" example:"example.com"`
	}
}

// Register adds the public route and those of a tenant's administrators.
func (s *Service) Register(api huma.API, read, write tenancy.Permission) {
	ask := httpx.Operation(http.MethodGet, "/v1/directory", "ask-directory", httpx.Public, "Where somebody signs in, by exactly one of an organisation's name, an e-mail address and a host", "directory")
	ask.Errors = append(ask.Errors, http.StatusBadRequest, http.StatusNotFound, http.StatusTooManyRequests)
	huma.Register(api, ask, func(ctx context.Context, in *askInput) (*output[Answer], error) {
		return reply(s.Ask(ctx, in.Address, Question{Tenant: in.Tenant, Email: in.Email, Host: in.Host}))
	})
	const base, tag = "/v1/tenant/domains", "tenant"
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, base, "list-domains", read, "E-mail domains of the organisation", tag)), s.serveList)
	add := httpx.Entitled(httpx.Operation(http.MethodPost, base, "add-domain", write, "Add an e-mail domain; it counts when its record is in DNS", tag), string(tier.EmailDomains))
	add.DefaultStatus = http.StatusCreated
	add.Errors = append(add.Errors, http.StatusConflict)
	huma.Register(api, add, func(ctx context.Context, in *addInput) (*output[DomainView], error) {
		d, err := s.Add(ctx, in.Body.Domain)
		return reply(view(d), err)
	})
	check := httpx.Entitled(httpx.Operation(http.MethodPost, base+"/{id}/check", "check-domain", write, "Look for a domain's record in DNS now", tag), string(tier.EmailDomains))
	check = httpx.Weighing(check, 5)
	check.Errors = append(check.Errors, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	huma.Register(api, check, func(ctx context.Context, in *idInput) (*output[DomainView], error) {
		d, err := s.Check(ctx, in.ID)
		return reply(view(d), err)
	})
	remove := httpx.Operation(http.MethodDelete, base+"/{id}", "remove-domain", write, "Remove an e-mail domain", tag)
	remove.Errors = append(remove.Errors, http.StatusNotFound)
	huma.Register(api, remove, func(ctx context.Context, in *idInput) (*struct{}, error) { return nil, s.Remove(ctx, in.ID) })
}

// listed is how domains are listed: an organisation has few.
func listed() list.List[DomainView] {
	return list.List[DomainView]{
		Name: "domains", ID: func(d DomainView) string { return d.ID.String() }, Whole: true,
		Sorts: []list.Sort[DomainView]{{Name: "domain", Text: func(d DomainView) string { return d.Domain }}, {Name: "created"}},
	}
}

func (s *Service) serveList(ctx context.Context, in *list.Query) (*output[Domains], error) {
	found, allowed, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	plans, err := s.plans(ctx)
	if err != nil {
		return nil, err
	}
	out := Domains{Items: make([]DomainView, len(found)), Most: MaxDomains, Allowed: allowed, Plans: append([]string{}, plans...)}
	for n, d := range found {
		out.Items[n] = view(d)
	}
	err = listed().Into(*in, &out.Items, &out.Next)
	return &output[Domains]{out}, err
}
