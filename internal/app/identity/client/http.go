package client

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

// RegisteredList is all that a tenant has registered.
type RegisteredList struct {
	Items []Registered `json:"items" nullable:"false"`
	Next  string       `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// listed is how programs are listed: a tenant registers few.
func listed() list.List[Registered] {
	return list.List[Registered]{
		Name: "oauth-clients", ID: func(r Registered) string { return r.ID }, Named: true, Whole: true,
		Sorts: []list.Sort[Registered]{
			{Name: "created", Down: true, Time: func(r Registered) time.Time { return r.CreatedAt }},
			{Name: "name", Text: func(r Registered) string { return r.Name }},
		},
	}
}

type output[T any] struct{ Body T }

type tagged struct {
	ETag string `header:"ETag" doc:"The program's version, for If-Match"`
	Body Registered
}

func replyTagged(c Registered, err error) (*tagged, error) {
	if err != nil {
		return nil, err
	}
	return &tagged{ETag: httpx.Tag(c.Version), Body: c}, nil
}

// WishBody is what owners say of a program.
type WishBody struct {
	Name         string   `json:"name" maxLength:"400" doc:"At most 100 characters"`
	RedirectURIs []string `json:"redirectUris" minItems:"1" maxItems:"10" example:"[\"https://app.example.com/callback\"]" doc:"Compared as they stand: https, or http on loopback"`
	PostLogout   []string `json:"postLogoutRedirectUris,omitempty" maxItems:"10" example:"[\"https://app.example.com/signed-out\"]" doc:"Where the program may send people after signing out; compared as they stand"`
}

func (b WishBody) wish() Wish {
	return Wish(b)
}

type idInput struct {
	Client string `path:"client" format:"uuid" doc:"client_id of the program"`
}

// Register adds the routes.
func (r *Registry) Register(api huma.API) {
	const base, tag = "/v1/oauth-clients", "programs"
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, base, "list-oauth-clients", policy.ClientRead, "Programs that may ask the organisation's people to sign in", tag)),
		func(ctx context.Context, in *list.Query) (*output[RegisteredList], error) {
			found, err := r.List(ctx)
			if err != nil {
				return nil, err
			}
			out := &output[RegisteredList]{RegisteredList{Items: found}}
			return out, listed().Into(*in, &out.Body.Items, &out.Body.Next)
		})
	add := httpx.Operation(http.MethodPost, base, "register-oauth-client", policy.ClientWrite,
		"Register a program; people are asked before it learns anything, and its tokens never open this API", tag)
	add.DefaultStatus = http.StatusCreated
	add.Errors = append(add.Errors, http.StatusConflict)
	huma.Register(api, add, func(ctx context.Context, in *struct {
		Body struct {
			WishBody
			Confidential bool `json:"confidential,omitempty" doc:"The program can keep a secret"`
		}
	}) (*output[Made], error) {
		made, err := r.Add(ctx, in.Body.wish(), in.Body.Confidential)
		return &output[Made]{made}, err
	})
	r.registerChanges(api, base, tag)
}

func (r *Registry) registerChanges(api huma.API, base, tag string) {
	get := httpx.Operation(http.MethodGet, base+"/{client}", "get-oauth-client", policy.ClientRead, "A program, without its secret", tag)
	get.Errors = append(get.Errors, http.StatusNotFound)
	huma.Register(api, get, func(ctx context.Context, in *idInput) (*tagged, error) { return replyTagged(r.Get(ctx, in.Client)) })
	change := httpx.Operation(http.MethodPut, base+"/{client}", "change-oauth-client", policy.ClientWrite, "Change a program's name and addresses; sign-ins go on", tag)
	change.Errors = append(change.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, change, func(ctx context.Context, in *struct {
		Client string `path:"client" format:"uuid" doc:"client_id of the program"`
		Match  string `header:"If-Match" doc:"The program's version"`
		Body   WishBody
	}) (*tagged, error) {
		version, err := httpx.Version(in.Match)
		if err != nil {
			return nil, err
		}
		return replyTagged(r.Change(ctx, in.Client, version, in.Body.wish()))
	})
	rotate := httpx.Operation(http.MethodPost, base+"/{client}/secret", "rotate-oauth-client-secret", policy.ClientWrite, "Give a program another secret; the old one ends at once", tag)
	rotate.Errors = append(rotate.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, rotate, func(ctx context.Context, in *idInput) (*output[Made], error) {
		made, err := r.Rotate(ctx, in.Client)
		return &output[Made]{made}, err
	})
	remove := httpx.Operation(http.MethodDelete, base+"/{client}", "remove-oauth-client", policy.ClientWrite, "Remove a program; people's sign-ins to it end", tag)
	remove.DefaultStatus = http.StatusNoContent
	remove.Errors = append(remove.Errors, http.StatusNotFound)
	huma.Register(api, remove, func(ctx context.Context, in *idInput) (*struct{}, error) { return nil, r.Remove(ctx, in.Client) })
}
