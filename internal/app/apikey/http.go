package apikey

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const (
	tag  = "api-keys"
	path = "/v1/api-keys/{id}"
	day  = 24 * time.Hour

	// DefaultDays is how long a key is good unless somebody says otherwise.
	DefaultDays = 90
)

// View is a key in the API.
type View struct {
	ID             uuid.UUID            `json:"id"`
	Prefix         string               `json:"prefix" example:"ck_3f9a2c7e" doc:"How the key begins, to tell keys apart"`
	Name           string               `json:"name"`
	Machine        *uuid.UUID           `json:"machine,omitempty" format:"uuid" doc:"The machine client whose key it is; absent: the organisation's own"`
	MachineName    string               `json:"machineName,omitempty"`
	Scopes         []tenancy.Permission `json:"scopes" nullable:"false"`
	Asleep         []tenancy.Permission `json:"asleep" nullable:"false" doc:"Scopes that do not count now, as whoever made the key does not have them any more"`
	State          State                `json:"state" enum:"active,expired,revoked,stopped" doc:"stopped: whoever made it may not act here any more"`
	CreatedBy      uuid.UUID            `json:"createdBy"`
	CreatorName    string               `json:"creatorName,omitempty"`
	CreatedAt      time.Time            `json:"createdAt"`
	RotatedAt      *time.Time           `json:"rotatedAt,omitempty"`
	ExpiresAt      time.Time            `json:"expiresAt"`
	OldSecretUntil *time.Time           `json:"oldSecretUntil,omitempty" doc:"The secret before the last rotation is good until then"`
	RevokedAt      *time.Time           `json:"revokedAt,omitempty"`
	LastUsedAt     *time.Time           `json:"lastUsedAt,omitempty" doc:"Exact to a minute"`
	LastUsedFrom   string               `json:"lastUsedFrom,omitempty" doc:"Network address"`
	Version        int64                `json:"version" doc:"Grows with every change; send it as If-Match"`
}

func (s *Service) view(k Key) View {
	return View{
		ID: k.ID, Prefix: k.Prefix, Name: k.Name, Machine: k.Machine, MachineName: k.MachineName, Scopes: k.Scopes, Asleep: k.Asleep(), State: k.State(s.Now()),
		CreatedBy: k.CreatedBy, CreatorName: k.CreatorName, CreatedAt: k.CreatedAt, RotatedAt: k.RotatedAt, ExpiresAt: k.ExpiresAt, OldSecretUntil: k.OldUntil,
		RevokedAt: k.RevokedAt, LastUsedAt: k.LastUsedAt, LastUsedFrom: k.LastUsedFrom, Version: k.Version,
	}
}

// Made is a key with its text, which is told once.
type Made struct {
	View
	Key string `json:"secret" doc:"The whole key, shown once"`
}

// List is all of a tenant's keys.
type List struct {
	Items     []View               `json:"items" nullable:"false"`
	Next      string               `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
	Grantable []tenancy.Permission `json:"grantable" nullable:"false" doc:"The scopes that you can give"`
}

type answer[T any] struct{ Body T }

type tagged[T any] struct {
	ETag string `header:"ETag" doc:"The key's version, for If-Match"`
	Body T
}

func replyTagged[T any](k Key, body T, err error) (*tagged[T], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[T]{ETag: httpx.Tag(k.Version), Body: body}, nil
}

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid" doc:"The key's id"`
}

// listed is how keys are listed: a tenant has few.
func listed() list.List[View] {
	return list.List[View]{
		Name: "api-keys", ID: func(v View) string { return v.ID.String() }, Whole: true,
		Sorts: []list.Sort[View]{
			{Name: "created", Down: true},
			{Name: "name", Text: func(v View) string { return v.Name }},
			{Name: "expires", Time: func(v View) time.Time { return v.ExpiresAt }},
		},
	}
}

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, "/v1/api-keys", "list-api-keys", policy.KeyRead, "The organisation's API keys, the latest first", tag)),
		func(ctx context.Context, in *list.Query) (*answer[List], error) {
			found, grantable, err := s.List(ctx)
			if err != nil {
				return nil, err
			}
			out := List{Items: []View{}, Grantable: grantable}
			for _, k := range found {
				out.Items = append(out.Items, s.view(k))
			}
			err = listed().Into(*in, &out.Items, &out.Next)
			return &answer[List]{out}, err
		})
	get := httpx.Operation(http.MethodGet, path, "get-api-key", policy.KeyRead, "An API key, without its secret", tag)
	get.Errors = append(get.Errors, http.StatusNotFound)
	huma.Register(api, get, func(ctx context.Context, in *idInput) (*tagged[View], error) {
		k, err := s.Get(ctx, in.ID)
		return replyTagged(k, s.view(k), err)
	})
	add := httpx.Operation(http.MethodPost, "/v1/api-keys", "add-api-key", policy.KeyWrite, "Make an API key; its scopes are at most what you may do", tag)
	add.DefaultStatus = http.StatusCreated
	add.Errors = append(add.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, add, s.add)
	s.registerChanges(api)
}

func (s *Service) add(ctx context.Context, in *struct {
	Body struct {
		Name    string               `json:"name" maxLength:"400" doc:"At most 100 characters" example:"Grade export"`
		Scopes  []tenancy.Permission `json:"scopes" minItems:"1" maxItems:"100" example:"[\"lab.read\"]" doc:"Of those that the list calls grantable"`
		Machine *uuid.UUID           `json:"machine,omitempty" format:"uuid" doc:"The machine client whose key it shall be; absent: the organisation's own"`
		Days    int                  `json:"days,omitempty" minimum:"1" maximum:"365" default:"90" doc:"How long it is good"`
	}
}) (*tagged[Made], error) {
	k, text, err := s.Add(ctx, Wish{Name: in.Body.Name, Scopes: in.Body.Scopes, Machine: in.Body.Machine, Life: time.Duration(in.Body.Days) * day})
	return replyTagged(k, Made{View: s.view(k), Key: text}, err)
}

func (s *Service) registerChanges(api huma.API) {
	rename := httpx.Operation(http.MethodPut, path, "rename-api-key", policy.KeyWrite, "Give an API key another name", tag)
	rename.Errors = append(rename.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, rename, func(ctx context.Context, in *struct {
		ID    uuid.UUID `path:"id" format:"uuid" doc:"The key's id"`
		Match string    `header:"If-Match" doc:"The key's ETag"`
		Body  struct {
			Name string `json:"name" maxLength:"400" doc:"At most 100 characters"`
		}
	}) (*tagged[View], error) {
		version, err := httpx.Version(in.Match)
		if err != nil {
			return nil, err
		}
		k, err := s.Rename(ctx, in.ID, version, in.Body.Name)
		return replyTagged(k, s.view(k), err)
	})
	rotate := httpx.Operation(http.MethodPost, path+"/rotate", "rotate-api-key", policy.KeyWrite, "Give an API key another secret; the old one is good for an overlap", tag)
	rotate.Errors = append(rotate.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, rotate, func(ctx context.Context, in *struct {
		ID    uuid.UUID `path:"id" format:"uuid" doc:"The key's id"`
		Match string    `header:"If-Match" doc:"The key's ETag"`
		Body  struct {
			OverlapHours int `json:"overlapHours,omitempty" minimum:"0" maximum:"72" doc:"For how long the old secret is good as well; 0: it ends at once"`
			Days         int `json:"days,omitempty" minimum:"1" maximum:"365" default:"90" doc:"How long the new secret is good"`
		}
	}) (*tagged[Made], error) {
		version := AnyVersion
		if in.Match != "*" {
			var err error
			if version, err = httpx.Version(in.Match); err != nil {
				return nil, err
			}
		}
		k, text, err := s.Rotate(ctx, in.ID, version, time.Duration(in.Body.OverlapHours)*time.Hour, time.Duration(in.Body.Days)*day)
		return replyTagged(k, Made{View: s.view(k), Key: text}, err)
	})
	revoke := httpx.Operation(http.MethodDelete, path, "revoke-api-key", policy.KeyWrite, "End an API key; it is refused everywhere within seconds", tag)
	revoke.DefaultStatus = http.StatusNoContent
	revoke.Errors = append(revoke.Errors, http.StatusNotFound)
	huma.Register(api, revoke, func(ctx context.Context, in *idInput) (*struct{}, error) { return nil, s.Revoke(ctx, in.ID) })
}

// Describe says in the API's description which operations take a key: those whose permission a key can carry. It is called
// when all are registered.
func Describe(api huma.API) {
	doc := api.OpenAPI()
	doc.Components.SecuritySchemes["apiKey"] = &huma.SecurityScheme{
		Type: "apiKey", In: "header", Name: gateway.KeyHeader, Description: "An API key (" + Prefix + "...), which may stand in Authorization: Bearer as well",
	}
	keyed := scopes()
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			p, _ := httpx.PermissionOf(op)
			if _, ok := keyed[p]; ok {
				op.Security = append(slices.Clone(op.Security), map[string][]string{"apiKey": {}})
			}
		}
	}
}
