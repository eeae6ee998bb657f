package machine

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const day = 24 * time.Hour

// List is all of a tenant's machine clients.
type List struct {
	Items []Client `json:"items" nullable:"false"`
	Next  string   `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// listed is how machine clients are listed: a tenant has few.
func listed() list.List[Client] {
	return list.List[Client]{
		Name: "machine-clients", ID: func(c Client) string { return c.ID.String() }, Whole: true,
		Sorts: []list.Sort[Client]{{Name: "created", Down: true}, {Name: "name", Text: func(c Client) string { return c.Name }}},
	}
}

type output[T any] struct{ Body T }

type idInput struct {
	Machine uuid.UUID `path:"machine" format:"uuid" doc:"The machine client's id"`
}

type rotateInput struct {
	Machine uuid.UUID `path:"machine" format:"uuid" doc:"The machine client's id"`
	Body    struct {
		Days int `json:"days,omitempty" minimum:"1" maximum:"366" default:"90" doc:"How long the new secret is good"`
	}
}

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	const base, tag = "/v1/machine-clients", "machines"
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, base, "list-machine-clients", policy.MachineRead, "Programs that act in the organisation by themselves", tag)),
		func(ctx context.Context, in *list.Query) (*output[List], error) {
			found, err := s.List(ctx)
			if err != nil {
				return nil, err
			}
			out := &output[List]{List{Items: found}}
			return out, listed().Into(*in, &out.Body.Items, &out.Body.Next)
		})
	add := httpx.Operation(http.MethodPost, base, "add-machine-client", policy.MachineWrite, "Make a machine client; its role is at most the caller's", tag)
	add.DefaultStatus = http.StatusCreated
	add.Errors = append(add.Errors, http.StatusConflict)
	huma.Register(api, add, func(ctx context.Context, in *struct {
		Body struct {
			Name string       `json:"name" maxLength:"400" doc:"At most 100 characters"`
			Role tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner"`
			Days int          `json:"days,omitempty" minimum:"1" maximum:"366" default:"90" doc:"How long the secret is good"`
		}
	}) (*output[Made], error) {
		made, err := s.Add(ctx, in.Body.Name, in.Body.Role, time.Duration(in.Body.Days)*day)
		return &output[Made]{made}, err
	})
	rotate := httpx.Operation(http.MethodPost, base+"/{machine}/secret", "rotate-machine-secret", policy.MachineWrite,
		"Give a machine client another secret; the old one and its tokens end within seconds", tag)
	rotate.Errors = append(rotate.Errors, http.StatusNotFound)
	huma.Register(api, rotate, func(ctx context.Context, in *rotateInput) (*output[Made], error) {
		made, err := s.Rotate(ctx, in.Machine, time.Duration(in.Body.Days)*day)
		return &output[Made]{made}, err
	})
	remove := httpx.Operation(http.MethodDelete, base+"/{machine}", "remove-machine-client", policy.MachineWrite, "Remove a machine client; its tokens end within seconds", tag)
	remove.DefaultStatus = http.StatusNoContent
	remove.Errors = append(remove.Errors, http.StatusNotFound)
	huma.Register(api, remove, func(ctx context.Context, in *idInput) (*struct{}, error) { return nil, s.Remove(ctx, in.Machine) })
}
