package policy

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const tag = "policies"

// Summary is a policy in a list.
type Summary struct {
	ID        uuid.UUID `json:"id"`
	Title     string    `json:"title" example:"Interns: introductions only, on weekdays"`
	Enabled   bool      `json:"enabled" doc:"Whether it holds"`
	Version   int64     `json:"version" doc:"Grows with every change"`
	ChangedAt time.Time `json:"changedAt"`
	ChangedBy string    `json:"changedBy,omitempty" doc:"Name of who made this version, if it is still known"`
}

// View is a policy, or one of its versions, with its text.
type View struct {
	Summary
	Text string `json:"text" doc:"In Cedar"`
}

// List is all of an organisation's policies.
type List struct {
	Items  []Summary `json:"items" nullable:"false"`
	Topics []Topic   `json:"topics" nullable:"false" doc:"The permissions that policies can take away"`
}

// History is a policy's versions, the newest first.
type History struct {
	Items []View `json:"items" nullable:"false"`
}

type body struct {
	Title   string `json:"title" minLength:"1" maxLength:"400" doc:"At most 100 characters; people who are refused read it"`
	Text    string `json:"text" maxLength:"8192" example:"forbid (principal, action, resource) when { context.hour > 24 };" doc:"In Cedar: statements that forbid"`
	Enabled bool   `json:"enabled" doc:"Whether it holds"`
}

type tagged[T any] struct {
	ETag string `header:"ETag" doc:"The policy's version, for If-Match"`
	Body T
}

type output[T any] struct{ Body T }

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"The policy"`
}

type changeInput struct {
	ID    uuid.UUID `path:"id" format:"uuid" doc:"The policy"`
	Match string    `header:"If-Match" doc:"The policy's ETag"`
	Body  body
}

type restoreInput struct {
	ID   uuid.UUID `path:"id" format:"uuid" doc:"The policy"`
	Body struct {
		Version int64 `json:"version" minimum:"1" doc:"Which version to take back"`
	}
}

// Checked is what is wrong with a text; nothing where it can be saved.
type Checked struct {
	Problems []Problem `json:"problems" nullable:"false"`
}

type checkInput struct {
	Body struct {
		Text string `json:"text" maxLength:"8192" example:"forbid (principal, action, resource) when { context.hour > 24 };"`
	}
}

type simulateInput struct {
	Body struct {
		User    uuid.UUID          `json:"user" format:"uuid" doc:"Who would ask"`
		Action  tenancy.Permission `json:"action" maxLength:"40" example:"lab.read" doc:"For which permission, such as session.start"`
		Kind    string             `json:"kind" enum:"Tenant,Lab,Session,Group,Member" doc:"About what"`
		About   string             `json:"about,omitempty" maxLength:"63" doc:"Its id; of a lab the slug; nothing for the organisation as a whole"`
		At      *time.Time         `json:"at,omitempty" example:"2026-01-05T09:00:00Z" doc:"When; now where nothing is said"`
		Through string             `json:"through,omitempty" enum:"console,cli,program,key,machine" doc:"By what; the console where nothing is said"`
		Draft   *draft             `json:"draft,omitempty" doc:"A policy that holds as if it were saved"`
	}
}

type draft struct {
	Replaces string `json:"replaces,omitempty" maxLength:"36" doc:"The saved policy that it stands for, if it is not a new one"`
	Title    string `json:"title" minLength:"1" maxLength:"400"`
	Text     string `json:"text" maxLength:"8192" example:"forbid (principal, action, resource) when { context.hour > 24 };"`
}

// Answer is what the simulator says.
type Answer struct {
	Allowed  bool     `json:"allowed"`
	Role     string   `json:"role" doc:"The role that the person has"`
	Permits  bool     `json:"permits" doc:"Whether the role permits it at all"`
	Policies []Reason `json:"policies" nullable:"false" doc:"The policies that forbid it"`
	Failed   string   `json:"failed,omitempty" doc:"Why a policy could not be evaluated, which denies"`
}

// Reason is a policy that decides.
type Reason struct {
	ID    string `json:"id,omitempty"`
	Title string `json:"title"`
}

// field is the problem as one of a request.
func (p Problem) field() errs.Field {
	return errs.Field{Path: fmt.Sprintf("body.text:%d:%d", p.Line, p.Column), Message: p.Message}
}

const path = "/v1/policies/{id}"

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/policies", "list-policies", PolicyRead, "The organisation's own policies, by title", tag), s.list)
	add := httpx.Operation(http.MethodPost, "/v1/policies", "add-policy", PolicyWrite, "Add a policy; it holds within seconds", tag)
	add.DefaultStatus = http.StatusCreated
	add.Errors = append(add.Errors, http.StatusConflict)
	huma.Register(api, add, func(ctx context.Context, in *struct{ Body body }) (*tagged[View], error) {
		p, err := s.Add(ctx, in.Body.policy(uuid.Nil, 0))
		return s.reply(ctx, p, err)
	})
	op := func(method, path, id string, p tenancy.Permission, summary string) huma.Operation {
		op := httpx.Operation(method, path, id, p, summary, tag)
		op.Errors = append(op.Errors, http.StatusNotFound)
		return op
	}
	huma.Register(api, op(http.MethodGet, path, "get-policy", PolicyRead, "A policy"), func(ctx context.Context, in *idInput) (*tagged[View], error) {
		p, err := s.Get(ctx, in.ID)
		return s.reply(ctx, p, err)
	})
	change := op(http.MethodPut, path, "change-policy", PolicyWrite, "Change a policy; its version before is kept")
	change.Errors = append(change.Errors, http.StatusConflict)
	huma.Register(api, change, func(ctx context.Context, in *changeInput) (*tagged[View], error) {
		version, err := httpx.Version(in.Match)
		if err != nil {
			return nil, err
		}
		p, err := s.Change(ctx, in.Body.policy(in.ID, version))
		return s.reply(ctx, p, err)
	})
	remove := op(http.MethodDelete, path, "remove-policy", PolicyWrite, "Delete a policy with its history; the audit log keeps its text")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *idInput) (*struct{}, error) { return nil, s.Remove(ctx, in.ID) })
	huma.Register(api, op(http.MethodGet, path+"/versions", "list-policy-versions", PolicyRead, "What a policy said before, the newest first"), s.history)
	huma.Register(api, op(http.MethodPost, path+"/restore", "restore-policy", PolicyWrite, "Make an earlier version the newest one"),
		func(ctx context.Context, in *restoreInput) (*tagged[View], error) {
			p, err := s.Restore(ctx, in.ID, in.Body.Version)
			return s.reply(ctx, p, err)
		})
	huma.Register(api, httpx.Operation(http.MethodPost, "/v1/policies/check", "check-policy", PolicyWrite, "What is wrong with a text, without saving it", tag),
		func(ctx context.Context, in *checkInput) (*output[Checked], error) {
			problems, err := s.Check(ctx, in.Body.Text)
			return &output[Checked]{Checked{Problems: append([]Problem{}, problems...)}}, err
		})
	huma.Register(api, op(http.MethodPost, "/v1/policies/simulate", "simulate-policy", PolicyRead, "Whether somebody may do something, and by which policy not"), s.simulate)
}

func (b body) policy(id uuid.UUID, version int64) Policy {
	return Policy{ID: id, Title: b.Title, Text: b.Text, Enabled: b.Enabled, Version: version}
}

func (s *Service) reply(ctx context.Context, p Policy, err error) (*tagged[View], error) {
	if err != nil {
		return nil, err
	}
	views, err := s.views(ctx, []Policy{p})
	if err != nil {
		return nil, err
	}
	return &tagged[View]{ETag: httpx.Tag(p.Version), Body: views[0]}, nil
}

// views adds the names of the authors.
func (s *Service) views(ctx context.Context, found []Policy) ([]View, error) {
	var authors []uuid.UUID
	for _, p := range found {
		if p.ChangedBy != nil {
			authors = append(authors, *p.ChangedBy)
		}
	}
	names, err := s.Names(ctx, authors)
	if err != nil {
		return nil, err
	}
	list := make([]View, len(found))
	for n, p := range found {
		list[n] = View{Text: p.Text, Summary: Summary{ID: p.ID, Title: p.Title, Enabled: p.Enabled, Version: p.Version, ChangedAt: p.ChangedAt}}
		if p.ChangedBy != nil {
			list[n].ChangedBy = names[*p.ChangedBy]
		}
	}
	return list, nil
}

func (s *Service) list(ctx context.Context, _ *struct{}) (*output[List], error) {
	found, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	views, err := s.views(ctx, found)
	if err != nil {
		return nil, err
	}
	out := List{Items: make([]Summary, len(views)), Topics: Topics()}
	for n, v := range views {
		out.Items[n] = v.Summary
	}
	return &output[List]{out}, nil
}

func (s *Service) history(ctx context.Context, in *idInput) (*output[History], error) {
	found, err := s.Versions(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	views, err := s.views(ctx, found)
	return &output[History]{History{Items: views}}, err
}

func (s *Service) simulate(ctx context.Context, in *simulateInput) (*output[Answer], error) {
	b := in.Body
	q := Question{User: b.User, Action: b.Action, Kind: b.Kind, ID: b.About, Client: b.Through}
	if b.At != nil {
		q.At = *b.At
	}
	if b.Draft != nil {
		id, err := uuid.Parse(b.Draft.Replaces)
		if err != nil {
			id = uuid.Nil // a new one
		}
		q.Draft = &Policy{ID: id, Title: b.Draft.Title, Text: b.Draft.Text}
	}
	d, err := s.Simulate(ctx, q)
	if err != nil {
		return nil, err
	}
	a := Answer{Allowed: d.Allowed, Role: d.Role, Permits: d.Permits, Failed: d.Failed, Policies: []Reason{}}
	for n, title := range d.Titles {
		a.Policies = append(a.Policies, Reason{ID: d.By[n], Title: title})
	}
	return &output[Answer]{a}, nil
}
