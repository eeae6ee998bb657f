package group

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

const tag = "groups"

// View is a group in the API.
type View struct {
	ID          uuid.UUID  `json:"id"`
	Name        string     `json:"name" example:"Spring course"`
	Note        string     `json:"note,omitempty"`
	Parent      *uuid.UUID `json:"parent,omitempty" format:"uuid" doc:"The group that it is in; absent at the top"`
	MaxSessions *int       `json:"maxSessions,omitempty" doc:"Labs that each member may run at once; absent: the plan's limits alone"`
	CreatedAt   time.Time  `json:"createdAt"`
	Members     int64      `json:"members"`
	Labs        int64      `json:"labs" doc:"Labs that are for this group"`
	Children    int64      `json:"children" doc:"Groups in it"`
}

func view(g Group) View {
	return View{
		ID: g.ID, Name: g.Name, Note: g.Note, Parent: g.Parent, MaxSessions: g.MaxSessions, CreatedAt: g.CreatedAt,
		Members: g.Members, Labs: g.Labs, Children: g.Children,
	}
}

// Detail is a group with what its deletion would do.
type Detail struct {
	View
	Deletion Freed `json:"deletion" doc:"What deleting the group does"`
}

// List is a page of groups, by name.
type List struct {
	Items []View `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// People is a page of who is in a group.
type People struct {
	Items []member.Member `json:"items" nullable:"false"`
	Next  string          `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// Labs are the labs that are for a group.
type Labs struct {
	Items []Lab  `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

type body struct {
	Name        string     `json:"name" minLength:"1" maxLength:"400" doc:"Unique in the organisation; at most 100 characters"`
	Note        string     `json:"note,omitempty" maxLength:"2000" doc:"At most 500 characters"`
	Parent      *uuid.UUID `json:"parent,omitempty" format:"uuid" doc:"The group to be in, which must be at the top"`
	MaxSessions *int       `json:"maxSessions,omitempty" minimum:"1" maximum:"1000"`
}

func (b body) group(id uuid.UUID, version int64) Group {
	return Group{ID: id, Name: b.Name, Note: b.Note, Parent: b.Parent, MaxSessions: b.MaxSessions, Version: version}
}

type answer[T any] struct{ Body T }

func reply[T any](body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{Body: body}, nil
}

type tagged[T any] struct {
	ETag string `header:"ETag" doc:"The group's version, for If-Match"`
	Body T
}

func replyTagged[T any](g Group, body T, err error) (*tagged[T], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[T]{ETag: httpx.Tag(g.Version), Body: body}, nil
}

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"The group"`
}

type personInput struct {
	ID   uuid.UUID `path:"id" format:"uuid" doc:"The group"`
	User uuid.UUID `path:"user" format:"uuid" doc:"The member's user id"`
}

type labInput struct {
	ID   uuid.UUID `path:"id" format:"uuid" doc:"The group"`
	Slug string    `path:"slug" maxLength:"63" doc:"The lab"`
}

const path = "/v1/groups/{id}"

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, groups().Operation(httpx.Operation(http.MethodGet, "/v1/groups", "list-groups", policy.GroupRead, "Groups of the organisation, by name", tag)), s.list)
	get := httpx.Operation(http.MethodGet, path, "get-group", policy.GroupRead, "A group, with what deleting it does", tag)
	get.Errors = append(get.Errors, http.StatusNotFound)
	huma.Register(api, get, func(ctx context.Context, in *idInput) (*tagged[Detail], error) {
		g, freed, err := s.Get(ctx, in.ID)
		return replyTagged(g, Detail{View: view(g), Deletion: freed}, err)
	})
	add := httpx.Operation(http.MethodPost, "/v1/groups", "add-group", policy.GroupWrite, "Add a group", tag)
	add.DefaultStatus = http.StatusCreated
	add.Errors = append(add.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, add, func(ctx context.Context, in *struct{ Body body }) (*tagged[View], error) {
		g, err := s.Add(ctx, in.Body.group(uuid.Nil, 0))
		return replyTagged(g, view(g), err)
	})
	change := httpx.Operation(http.MethodPut, path, "change-group", policy.GroupWrite, "Change a group", tag)
	change.Errors = append(change.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, change, s.put)
	remove := httpx.Operation(http.MethodDelete, path, "remove-group", policy.GroupWrite, "Delete a group; tells what that freed", tag)
	remove.Errors = append(remove.Errors, http.StatusNotFound)
	huma.Register(api, remove, func(ctx context.Context, in *idInput) (*answer[Freed], error) { return reply(s.Remove(ctx, in.ID)) })
	s.registerPeople(api)
	s.registerLabs(api)
}

func (s *Service) registerPeople(api huma.API) {
	who := httpx.Operation(http.MethodGet, path+"/members", "list-group-members", policy.GroupRead, "Who is in a group", tag)
	who.Errors = append(who.Errors, http.StatusNotFound)
	huma.Register(api, people().Operation(who), s.people)
	add := httpx.Operation(http.MethodPut, path+"/members/{user}", "add-group-member", policy.GroupWrite, "Put a member of the organisation in a group", tag)
	add.Errors, add.DefaultStatus = append(add.Errors, http.StatusNotFound), http.StatusNoContent
	huma.Register(api, httpx.Unconditional(add, "puts somebody in; nothing is replaced"), func(ctx context.Context, in *personInput) (*struct{}, error) {
		return nil, s.AddPerson(ctx, in.ID, in.User)
	})
	remove := httpx.Operation(http.MethodDelete, path+"/members/{user}", "remove-group-member", policy.GroupWrite, "Take somebody out of a group", tag)
	remove.Errors, remove.DefaultStatus = append(remove.Errors, http.StatusNotFound), http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *personInput) (*struct{}, error) {
		return nil, s.RemovePerson(ctx, in.ID, in.User)
	})
}

func (s *Service) registerLabs(api huma.API) {
	all := httpx.Operation(http.MethodGet, path+"/labs", "list-group-labs", policy.GroupRead, "The labs that are for a group", tag)
	all.Errors = append(all.Errors, http.StatusNotFound)
	huma.Register(api, labs().Operation(all), func(ctx context.Context, in *struct {
		ID uuid.UUID `path:"id" format:"uuid" doc:"The group"`
		list.Query
	}) (*answer[Labs], error) {
		found, err := s.Labs(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		page, next, err := labs().Cut(in.Query, found)
		return reply(Labs{Items: page, Next: next}, err)
	})
	add := httpx.Operation(http.MethodPut, path+"/labs/{slug}", "add-group-lab", policy.GroupWrite, "Keep a lab for a group: learners in none of its groups do not see it", tag)
	add.Errors, add.DefaultStatus = append(add.Errors, http.StatusNotFound, http.StatusConflict), http.StatusNoContent
	huma.Register(api, httpx.Unconditional(add, "puts a lab in; nothing is replaced"), func(ctx context.Context, in *labInput) (*struct{}, error) { return nil, s.AddLab(ctx, in.ID, in.Slug) })
	remove := httpx.Operation(http.MethodDelete, path+"/labs/{slug}", "remove-group-lab", policy.GroupWrite, "Take a lab from a group; without another group it is for everybody", tag)
	remove.Errors, remove.DefaultStatus = append(remove.Errors, http.StatusNotFound), http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *labInput) (*struct{}, error) {
		return nil, s.RemoveLab(ctx, in.ID, in.Slug)
	})
}

func (s *Service) list(ctx context.Context, in *list.Query) (*answer[List], error) {
	at, err := groups().At(*in)
	if err != nil {
		return nil, err
	}
	found, last, err := s.List(ctx, at)
	if err != nil {
		return nil, err
	}
	out := List{Items: []View{}}
	for _, g := range found {
		out.Items = append(out.Items, view(g))
	}
	if last != nil {
		out.Next = groups().Next(at, *last)
	}
	return reply(out, nil)
}

func (s *Service) put(ctx context.Context, in *struct {
	ID    uuid.UUID `path:"id" format:"uuid" doc:"The group"`
	Match string    `header:"If-Match" doc:"The group's ETag"`
	Body  body
}) (*tagged[View], error) {
	version, err := httpx.Version(in.Match)
	if err != nil {
		return nil, err
	}
	g, err := s.Change(ctx, in.Body.group(in.ID, version))
	return replyTagged(g, view(g), err)
}

func (s *Service) people(ctx context.Context, in *struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"The group"`
	list.Query
}) (*answer[People], error) {
	at, err := people().At(in.Query)
	if err != nil {
		return nil, err
	}
	found, next, err := s.People(ctx, in.ID, at)
	return reply(People{Items: append([]member.Member{}, found...), Next: next}, err)
}
