package member

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const tag = "members"

// List is a page of members, the latest account first.
type List struct {
	Items []Member `json:"items" nullable:"false"`
	Next  string   `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

type listInput struct {
	Q      string `query:"q" maxLength:"200" doc:"Start of an e-mail address, or of a word of a name"`
	Role   string `query:"role" enum:"owner,admin,author,instructor,learner" doc:"Only members of this role"`
	Status string `query:"status" enum:"active,disabled" doc:"Only members of this status"`
	list.Query
}

type listOutput struct{ Body List }

type memberOutput struct{ Body Member }

type userInput struct {
	User uuid.UUID `path:"user" format:"uuid" doc:"The member's user id"`
}

type roleInput struct {
	User uuid.UUID `path:"user" format:"uuid" doc:"The member's user id"`
	Body struct {
		Role tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner"`
	}
}

type statusInput struct {
	User uuid.UUID `path:"user" format:"uuid" doc:"The member's user id"`
	Body struct {
		Status Status `json:"status" enum:"active,disabled"`
	}
}

type viewOutput struct{ Body View }

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, members().Operation(httpx.Operation(http.MethodGet, "/v1/members", "list-members", policy.MemberRead, "Members of the organisation", tag)), s.list)
	get := httpx.Operation(http.MethodGet, "/v1/members/{user}", "get-member", policy.MemberRead,
		"A member, with what disabling or removing them does", tag)
	get.Errors = append(get.Errors, http.StatusNotFound)
	huma.Register(api, get, func(ctx context.Context, in *userInput) (*viewOutput, error) {
		v, err := s.Get(ctx, in.User)
		if err != nil {
			return nil, err
		}
		return &viewOutput{Body: v}, nil
	})
	status := httpx.Operation(http.MethodPut, "/v1/members/{user}/status", "set-member-status", policy.MemberWrite,
		"Disable a member, whose sign-ins and labs in this organisation end within seconds, or enable them again", tag)
	status.Errors = append(status.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, status, func(ctx context.Context, in *statusInput) (*memberOutput, error) {
		m, err := s.SetStatus(ctx, in.User, in.Body.Status)
		if err != nil {
			return nil, err
		}
		return &memberOutput{Body: m}, nil
	})
	change := httpx.Operation(http.MethodPatch, "/v1/members/{user}", "update-member", policy.MemberWrite,
		"Give a member another role; it holds within seconds, open labs included", tag)
	change.Errors = append(change.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, change, func(ctx context.Context, in *roleInput) (*memberOutput, error) {
		m, err := s.SetRole(ctx, in.User, in.Body.Role)
		if err != nil {
			return nil, err
		}
		return &memberOutput{Body: m}, nil
	})
	remove := httpx.Operation(http.MethodDelete, "/v1/members/{user}", "remove-member", policy.MemberWrite,
		"Remove a member, or leave; open labs and sign-ins to this organisation end within seconds, the account stays", tag)
	remove.Errors = append(remove.Errors, http.StatusNotFound, http.StatusConflict)
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *userInput) (*struct{}, error) {
		return nil, s.Remove(ctx, in.User)
	})
}

func (s *Service) list(ctx context.Context, in *listInput) (*listOutput, error) {
	at, err := members().At(in.Query)
	if err != nil {
		return nil, err
	}
	found, last, err := s.List(ctx, Filter{Q: in.Q, Role: tenancy.Role(in.Role), Status: Status(in.Status), At: at, Limit: at.Limit})
	if err != nil {
		return nil, err
	}
	out := &listOutput{Body: List{Items: append([]Member{}, found...)}}
	if last != nil {
		out.Body.Next = members().Next(at, *last)
	}
	return out, nil
}
