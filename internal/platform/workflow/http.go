package workflow

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// View is a workflow in the API.
type View struct {
	ID        uuid.UUID  `json:"id"`
	Kind      string     `json:"kind" example:"tenant.provision"`
	Title     string     `json:"title"`
	Tenant    *uuid.UUID `json:"tenant,omitempty" doc:"Which it changes"`
	Actor     *uuid.UUID `json:"actor,omitempty" doc:"Who asked for it; absent for the program itself"`
	State     State      `json:"state" enum:"running,waiting,undoing,stuck,succeeded,undone,cancelled"`
	Error     string     `json:"error,omitempty" doc:"Why it was taken back or is stuck"`
	CreatedAt time.Time  `json:"createdAt"`
	EndedAt   *time.Time `json:"endedAt,omitempty"`
	Steps     []StepView `json:"steps" nullable:"false"`
}

// View is what the API shows of a workflow.
func (w Workflow) View() View {
	v := View{ID: w.ID, Kind: w.Kind, Title: w.Title, State: w.State, Error: w.Error, CreatedAt: w.CreatedAt, EndedAt: w.EndedAt, Steps: w.Steps}
	if w.Tenant != uuid.Nil {
		v.Tenant = &w.Tenant
	}
	if w.Actor != uuid.Nil {
		v.Actor = &w.Actor
	}
	if v.Steps == nil {
		v.Steps = []StepView{}
	}
	return v
}

// hidden is told in place of errors that are for operators only.
const hidden = "This did not work. Whoever runs this installation sees why."

// Told is what people of the tenant are shown of it: texts of errors may tell about the installation.
func (v View) Told() View {
	if v.Error != "" {
		v.Error = hidden
	}
	v.Steps = slices.Clone(v.Steps)
	for n := range v.Steps {
		if v.Steps[n].Error != "" {
			v.Steps[n].Error = hidden
		}
	}
	return v
}

// Page is a page of workflows, the newest first.
type Page struct {
	Items []View `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

type listInput struct {
	Tenant string `query:"tenant" maxLength:"36" doc:"Id of a tenant"`
	State  State  `query:"state" enum:"running,waiting,undoing,stuck,succeeded,undone,cancelled" doc:"Only those in this state"`
	list.Query
}

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type output[T any] struct{ Body T }

var errID = errs.Malformed("invalid_id", "The id of the tenant is not one of ours.")

// API serves operators.
type API struct {
	*Engine
	// Still tells whether whoever is in ctx may go on to watch.
	Still func(ctx context.Context) error
}

// Register adds the routes; they need the permissions of operators.
func (a *API) Register(api huma.API, read, write tenancy.Permission) {
	huma.Register(api, workflows().Operation(httpx.Operation(http.MethodGet, "/v1/operator/workflows", "list-workflows", read, "Long changes, under way and ended", "operator")), a.list)
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/operator/workflows/{id}", "get-workflow", read, "One workflow with its steps", "operator"),
		func(ctx context.Context, in *idInput) (*output[View], error) {
			w, err := a.Get(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			return &output[View]{w.View()}, nil
		})
	events := httpx.Streaming(httpx.Operation(http.MethodGet, "/v1/operator/workflows/{id}/events", "watch-workflow", read, "The workflow now and at each change, as server-sent events named workflow", "operator"))
	huma.Register(api, events, func(ctx context.Context, in *idInput) (*huma.StreamResponse, error) {
		return a.Stream(ctx, in.ID, a.Still, func(v View) View { return v })
	})
	a.action(api, "resume", write, "Let a stuck workflow go on", a.Resume)
	a.action(api, "cancel", write, "Take a workflow back that has not ended", a.Cancel)
}

func (a *API) action(api huma.API, name string, p tenancy.Permission, summary string, do func(context.Context, uuid.UUID) error) {
	op := httpx.Operation(http.MethodPost, "/v1/operator/workflows/{id}/"+name, name+"-workflow", p, summary, "operator")
	op.DefaultStatus = http.StatusAccepted
	huma.Register(api, op, func(ctx context.Context, in *idInput) (*output[View], error) {
		if err := do(ctx, in.ID); err != nil {
			return nil, err
		}
		w, err := a.Get(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return &output[View]{w.View()}, nil
	})
}

func (a *API) list(ctx context.Context, in *listInput) (*output[Page], error) {
	at, err := workflows().At(in.Query)
	if err != nil {
		return nil, err
	}
	f := Filter{State: in.State, At: at, Limit: at.Limit + 1}
	if in.Tenant != "" {
		if f.Tenant, err = uuid.Parse(in.Tenant); err != nil {
			return nil, errID.Wrap(err)
		}
	}
	found, err := a.List(ctx, f)
	if err != nil {
		return nil, err
	}
	page := Page{Items: make([]View, 0, len(found))}
	found, page.Next = workflows().Page(at, found)
	for _, w := range found {
		page.Items = append(page.Items, w.View())
	}
	return &output[Page]{page}, nil
}

// guardEvery is how often a watcher's rights are asked for again: a revoked one is out within 5 s.
const guardEvery = 2 * time.Second

// Stream sends a workflow as server-sent events named workflow until it is over; still tells whether the caller may go on,
// and show what the caller may see of it.
func (e *Engine) Stream(ctx context.Context, id uuid.UUID, still func(context.Context) error, show func(View) View) (*huma.StreamResponse, error) {
	if _, err := e.Get(ctx, id); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // the stream's context is its request's
		events, ok := httpx.NewEvents(hctx)
		if !ok {
			return
		}
		ctx, cancel := context.WithCancel(hctx.Context())
		defer cancel()
		changes := make(chan View)
		go func() {
			defer close(changes)
			// It ends with ctx, or when the workflow is over.
			_ = e.Follow(ctx, id, func(w Workflow) error {
				select {
				case changes <- show(w.View()):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}()
		// A stream that fails has lost its reader: there is nobody to tell.
		_ = pump(ctx, events, changes, still)
	}}, nil
}

func pump(ctx context.Context, events *httpx.Events, changes <-chan View, still func(context.Context) error) error {
	alive, guard := time.NewTicker(httpx.KeepAlive), time.NewTicker(guardEvery)
	defer alive.Stop()
	defer guard.Stop()
	for {
		var err error
		select {
		case v, more := <-changes:
			if !more {
				return nil
			}
			err = events.Send("workflow", v)
		case <-alive.C:
			err = events.Alive()
		case <-guard.C:
			err = still(ctx)
		}
		if err != nil {
			return err
		}
	}
}
