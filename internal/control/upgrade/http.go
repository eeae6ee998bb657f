package upgrade

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// View is a silo as operators see it.
type View struct {
	Tenant  uuid.UUID `json:"tenant"`
	Name    string    `json:"name"`
	Title   string    `json:"title"`
	Canary  bool      `json:"canary" doc:"Whether this silo goes first"`
	Version int64     `json:"version" doc:"Of its schema"`
	State   State     `json:"state" enum:"current,waiting,failed" doc:"A silo that is not current does not serve its organisation"`
	Problem string    `json:"problem,omitempty" doc:"Why it failed"`
}

// Page is a page of silos.
type Page struct {
	Want  int64  `json:"want" doc:"The version that every silo must have, and that the pool has"`
	Items []View `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

type pageOutput struct{ Body Page }

// API is the operator's view of upgrades.
type API struct {
	*Service
	// Go starts a wave soon; it is called after a silo was given its turn again.
	Go func(ctx context.Context) error
}

// Register adds the routes; they need the permissions of operators.
func (a *API) Register(api huma.API, read, write tenancy.Permission) {
	huma.Register(api, silos().Operation(httpx.Operation(http.MethodGet, "/v1/operator/upgrades", "list-upgrades", read, "Silos with the versions of their schemas", "operator")), a.list)
	retry := httpx.Operation(http.MethodPost, "/v1/operator/upgrades/{tenant}/retry", "retry-upgrade", write, "Try again to bring a silo up to date", "operator")
	retry.DefaultStatus = http.StatusAccepted
	huma.Register(api, retry, func(ctx context.Context, in *struct {
		Tenant uuid.UUID `path:"tenant" format:"uuid"`
	}) (*struct{}, error) {
		if err := a.Retry(ctx, in.Tenant); err != nil {
			return nil, err
		}
		return nil, a.Go(ctx)
	})
}

func (a *API) list(ctx context.Context, in *list.Query) (*pageOutput, error) {
	at, err := silos().At(*in)
	if err != nil {
		return nil, err
	}
	found, err := a.List(ctx, at, at.Limit+1)
	if err != nil {
		return nil, err
	}
	page := Page{Want: a.Want, Items: make([]View, 0, len(found))}
	found, page.Next = silos().Page(at, found)
	for _, s := range found {
		page.Items = append(page.Items, View(s))
	}
	return &pageOutput{Body: page}, nil
}
