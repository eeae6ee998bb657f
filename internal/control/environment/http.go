package environment

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Running is one environment as an operator sees it.
type Running struct {
	ID        uuid.UUID `json:"id"`
	Session   uuid.UUID `json:"sessionId"`
	Tenant    uuid.UUID `json:"tenant"`
	Learner   string    `json:"learner" doc:"E-mail address"`
	Lab       string    `json:"lab"`
	Host      string    `json:"host"`
	State     State     `json:"state"`
	CreatedAt time.Time `json:"createdAt"`
	Deadline  time.Time `json:"deadline"`
}

// Usage is how many of the host's places are taken.
type Usage struct {
	Used  int `json:"used"`
	Total int `json:"total"`
}

// Overview is everything that runs on the host.
type Overview struct {
	Items    []Running `json:"items"`
	Next     string    `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
	Capacity Usage     `json:"capacity"`
}

type listOutput struct{ Body Overview }

// API serves operators.
type API struct {
	*Service
	// Learners gives the e-mail addresses of users.
	Learners func(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error)
}

// Register adds the routes; permission is the one that operators have.
func (a *API) Register(api huma.API, permission tenancy.Permission) {
	op := httpx.Operation(http.MethodGet, "/v1/operator/environments", "list-environments", permission,
		"What runs on this host, and for whom", "operator")
	huma.Register(api, listed().Operation(op), a.list)
}

// listed is how environments are listed: a host has room for a few hundred.
func listed() list.List[Running] {
	return list.List[Running]{
		Name: "environments", ID: func(r Running) string { return r.ID.String() }, Whole: true,
		Sorts: []list.Sort[Running]{
			{Name: "created"},
			{Name: "deadline", Time: func(r Running) time.Time { return r.Deadline }},
			{Name: "lab", Text: func(r Running) string { return r.Lab }},
		},
	}
}

func (a *API) list(ctx context.Context, in *list.Query) (*listOutput, error) {
	found, err := a.OnHost(ctx)
	if err != nil {
		return nil, err
	}
	users := make([]uuid.UUID, 0, len(found))
	for _, e := range found {
		users = append(users, e.User)
	}
	names, err := a.Learners(ctx, users)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Items = make([]Running, 0, len(found))
	for _, e := range found {
		out.Body.Items = append(out.Body.Items, Running{
			ID: e.ID, Session: e.Session, Tenant: e.Tenant, Learner: names[e.User], Lab: e.Lab,
			Host: e.Host, State: e.State, CreatedAt: e.CreatedAt, Deadline: e.Deadline,
		})
	}
	out.Body.Capacity = Usage{Used: len(found), Total: a.Capacity}
	return out, listed().Into(*in, &out.Body.Items, &out.Body.Next)
}
