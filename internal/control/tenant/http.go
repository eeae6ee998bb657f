package tenant

import (
	"context"
	"encoding/base64"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// View is a tenant as operators see it: nothing of its content.
type View struct {
	ID         uuid.UUID  `json:"id"`
	Name       string     `json:"name" doc:"In addresses; never given to another organisation"`
	Title      string     `json:"title"`
	Status     Status     `json:"status" enum:"provisioning,active,suspended,offboarding,purged"`
	Reason     string     `json:"reason,omitempty" doc:"What its people are told about the status"`
	Tier       string     `json:"tier"`
	Placement  Placement  `json:"placement" enum:"pool,silo"`
	Version    int64      `json:"schemaVersion" doc:"Of its silo's schema; 0 in the pool, which is always up to date"`
	CreatedAt  time.Time  `json:"createdAt"`
	PurgeAfter *time.Time `json:"purgeAfter,omitempty" doc:"When everything is deleted, while it is being off-boarded"`
	Workflow   *uuid.UUID `json:"workflow,omitempty" doc:"The change under way"`
	Members    int64      `json:"members"`
	Owners     int64      `json:"owners" doc:"Owners whose accounts can sign in; an organisation without any can be given one"`
	Sessions   int64      `json:"sessions" doc:"Running labs"`
}

// Page is a page of tenants, the newest first.
type Page struct {
	Items []View `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// ProofView is the signed statement that a tenant is deleted.
type ProofView struct {
	Document  string `json:"document" doc:"JSON, exactly as it was signed"`
	Signature string `json:"signature" doc:"Ed25519, in base64"`
	KeyID     string `json:"keyId" doc:"Of GET /v1/proof-key"`
}

// Entered tells how long an operator may look.
type Entered struct {
	Until time.Time `json:"until"`
}

// Inside tells whether an operator may look right now.
type Inside struct {
	Until *time.Time `json:"until,omitempty" doc:"Absent when the caller has not entered the organisation"`
}

type output[T any] struct{ Body T }

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type listInput struct {
	Q         string    `query:"q" maxLength:"100" doc:"Start of the name, or of a word of the title: of its first four"`
	Status    Status    `query:"status" enum:"provisioning,active,suspended,offboarding,purged"`
	Tier      string    `query:"tier" maxLength:"40"`
	Placement Placement `query:"placement" enum:"pool,silo"`
	list.Query
}

// API serves operators.
type API struct{ *Service }

// Register adds the routes; they need the permissions of operators.
func (a *API) Register(api huma.API, read, write tenancy.Permission) {
	const base = "/v1/operator/tenants"
	huma.Register(api, tenants().Operation(httpx.Operation(http.MethodGet, base, "list-tenants", read, "Organisations", "operator")), a.list)
	huma.Register(api, httpx.Operation(http.MethodGet, base+"/{id}", "get-tenant", read, "One organisation", "operator"),
		func(ctx context.Context, in *idInput) (*output[View], error) {
			t, err := a.Get(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			views, err := a.views(ctx, []Tenant{t})
			if err != nil {
				return nil, err
			}
			return &output[View]{views[0]}, nil
		})
	huma.Register(api, httpx.Operation(http.MethodGet, base+"/{id}/proof", "get-purge-proof", read, "The signed proof that a purged organisation's data is deleted", "operator"), a.proof)
	enter := httpx.Operation(http.MethodPost, base+"/{id}/enter", "enter-tenant", write, "Read an organisation's content for an hour; its audit log shows the reason", "operator")
	huma.Register(api, enter, func(ctx context.Context, in *struct {
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body reasonBody
	}) (*output[Entered], error) {
		until, err := a.Enter(ctx, in.ID, in.Body.Reason)
		if err != nil {
			return nil, err
		}
		return &output[Entered]{Entered{until}}, nil
	})
	huma.Register(api, httpx.Operation(http.MethodGet, base+"/{id}/enter", "get-entry", read, "Until when the caller may read an organisation's content", "operator"),
		func(ctx context.Context, in *idInput) (*output[Inside], error) {
			until, err := a.Inside(ctx, in.ID)
			return &output[Inside]{Inside{until}}, err
		})
	leave := httpx.Operation(http.MethodDelete, base+"/{id}/enter", "leave-tenant", write, "End the caller's entry before its hour is over", "operator")
	huma.Register(api, leave, func(ctx context.Context, in *idInput) (*struct{}, error) { return nil, a.Leave(ctx, in.ID) })
	a.registerChanges(api, base, write)
}

type reasonBody struct {
	Reason string `json:"reason" minLength:"5" maxLength:"500" doc:"Shown to the organisation" example:"The invoice of March is not paid"`
}

type tierBody struct {
	Tier string `json:"tier" minLength:"1" maxLength:"40" example:"premium"`
}

type moveBody struct {
	Placement Placement `json:"placement" enum:"pool,silo"`
}

type offboardBody struct {
	Name   string `json:"name" maxLength:"40" doc:"The organisation's name, typed to confirm"`
	Reason string `json:"reason" minLength:"5" maxLength:"500" doc:"Shown to the organisation"`
	Days   *int   `json:"graceDays,omitempty" minimum:"0" maximum:"365" doc:"How many days it can be taken back; 30 when absent"`
}

// defaultGrace is for how many days an organisation can be taken back when nothing else is said.
const defaultGrace = 30

// registerChanges adds the routes that start a workflow; all answer 202 with it.
func (a *API) registerChanges(api huma.API, base string, write tenancy.Permission) {
	starts(api, base, "suspend", write, "Close an organisation to its people and end its labs", func(ctx context.Context, id uuid.UUID, b reasonBody) (workflow.Workflow, error) {
		return a.Suspend(ctx, id, b.Reason)
	})
	starts(api, base, "resume", write, "Open a suspended organisation", func(ctx context.Context, id uuid.UUID, _ struct{}) (workflow.Workflow, error) {
		return a.Resume(ctx, id)
	})
	starts(api, base, "tier", write, "Give an organisation another tier, and its data that tier's placement", func(ctx context.Context, id uuid.UUID, b tierBody) (workflow.Workflow, error) {
		return a.ChangeTier(ctx, id, b.Tier)
	})
	starts(api, base, "move", write, "Move an organisation's data between pool and silo", func(ctx context.Context, id uuid.UUID, b moveBody) (workflow.Workflow, error) {
		return a.Move(ctx, id, b.Placement)
	})
	starts(api, base, "offboard", write, "Close an organisation and delete everything after a grace period; needs a sign-in of the last 10 minutes", func(ctx context.Context, id uuid.UUID, b offboardBody) (workflow.Workflow, error) {
		if a.Fresh != nil {
			if err := a.Fresh(ctx); err != nil {
				return workflow.Workflow{}, err
			}
		}
		days := defaultGrace
		if b.Days != nil { // huma takes 0 for nothing, and gives the default
			days = *b.Days
		}
		return a.Offboard(ctx, id, b.Name, b.Reason, time.Duration(days)*24*time.Hour)
	})
}

func starts[B any](api huma.API, base, name string, write tenancy.Permission, summary string, do func(context.Context, uuid.UUID, B) (workflow.Workflow, error)) {
	op := httpx.Operation(http.MethodPost, base+"/{id}/"+name, name+"-tenant", write, summary, "operator")
	op.DefaultStatus = http.StatusAccepted
	huma.Register(api, op, func(ctx context.Context, in *struct {
		ID   uuid.UUID `path:"id" format:"uuid"`
		Body B
	}) (*output[workflow.View], error) {
		w, err := do(ctx, in.ID, in.Body)
		if err != nil {
			return nil, err
		}
		return &output[workflow.View]{w.View()}, nil
	})
}

func (a *API) list(ctx context.Context, in *listInput) (*output[Page], error) {
	at, err := tenants().At(in.Query)
	if err != nil {
		return nil, err
	}
	found, err := a.List(ctx, Filter{Q: in.Q, Status: in.Status, Tier: in.Tier, Placement: in.Placement, At: at, Limit: at.Limit + 1})
	if err != nil {
		return nil, err
	}
	page := Page{}
	found, page.Next = tenants().Page(at, found)
	page.Items, err = a.views(ctx, found)
	return &output[Page]{page}, err
}

// views adds to tenants what they use.
func (a *API) views(ctx context.Context, tenants []Tenant) ([]View, error) {
	ids := make([]uuid.UUID, len(tenants))
	for n, t := range tenants {
		ids[n] = t.ID
	}
	uses, err := a.Application.Uses(ctx, ids)
	if err != nil {
		return nil, err
	}
	views := make([]View, len(tenants))
	for n, t := range tenants {
		version := t.Version
		if t.Placement == Pool {
			version = 0
		}
		views[n] = View{
			ID: t.ID, Name: t.Name, Title: t.Title, Status: t.Status, Reason: t.Reason, Tier: t.Tier, Placement: t.Placement, Version: version,
			CreatedAt: t.CreatedAt, PurgeAfter: t.PurgeAfter, Workflow: t.Workflow, Members: uses[t.ID].Members, Owners: uses[t.ID].Owners, Sessions: uses[t.ID].Sessions,
		}
	}
	return views, nil
}

func (a *API) proof(ctx context.Context, in *idInput) (*output[ProofView], error) {
	p, err := a.Proof(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &output[ProofView]{ProofView{Document: p.Document, Signature: base64.StdEncoding.EncodeToString(p.Signature), KeyID: p.KeyID}}, nil
}
