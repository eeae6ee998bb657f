package tenant

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// ownGrace is how long an owner's off-boarding can be taken back: nobody loses an organisation by one wrong evening.
const ownGrace = 30 * 24 * time.Hour

// ownReason is what people are told when the owner gives no reason.
const ownReason = "An owner of the organisation closed it."

// Errors of what owners do to their own tenant.
var (
	errScope        = errs.Unauthenticated("sign_in_required", "Sign in to continue.")
	ErrNotOffered   = errs.Invalid("tier_not_offered", "Choose one of the plans that are offered.").WithFields(errs.Field{Path: "body.tier", Message: "This plan is not offered."})
	ErrSameTier     = errs.Conflict("same_tier", "The organisation has this plan already.")
	ErrDefaultTier  = errs.Conflict("default_tenant", "The default organisation is part of the installation: its operators choose its tier.")
	ErrNotOffboards = errs.NotFound("nothing_to_take_back", "There is nothing that you could take back. Ask whoever runs this installation.")
)

// OffboardOwn closes the caller's tenant as Offboard does, after confirm has said that it is really the owner.
func (s *Service) OffboardOwn(ctx context.Context, name, reason string, confirm func(context.Context) error) (workflow.Workflow, error) {
	t, err := s.own(ctx)
	if err != nil {
		return workflow.Workflow{}, err
	}
	if t.ID == tenancy.DefaultTenant() {
		return workflow.Workflow{}, ErrDefault
	}
	if name != t.Name {
		return workflow.Workflow{}, ErrConfirm
	}
	if err := confirm(ctx); err != nil {
		return workflow.Workflow{}, err
	}
	reason = cmp.Or(strings.TrimSpace(reason), ownReason)
	return s.start(ctx, t.ID, kindOffboard, change{Reason: reason, Until: s.Now().Add(ownGrace), Own: true}, Active)
}

// ChangeOwnTier gives the caller's tenant one of the tiers that are offered.
func (s *Service) ChangeOwnTier(ctx context.Context, tier string) (workflow.Workflow, error) {
	t, err := s.own(ctx)
	if err != nil {
		return workflow.Workflow{}, err
	}
	if t.ID == tenancy.DefaultTenant() {
		return workflow.Workflow{}, ErrDefaultTier
	}
	placement, offered, err := s.Application.TierPlacement(ctx, tier)
	if errs.KindOf(err) == errs.KindNotFound || err == nil && !offered {
		return workflow.Workflow{}, ErrNotOffered
	}
	if err != nil {
		return workflow.Workflow{}, err
	}
	if tier == t.Tier {
		return workflow.Workflow{}, ErrSameTier
	}
	return s.start(ctx, t.ID, kindTier, change{Tier: tier, Placement: placement, Own: true}, Active)
}

// TakeBackOwn cancels the off-boarding that the caller asked for. An operator's is not the owner's to take back.
func (s *Service) TakeBackOwn(ctx context.Context) (workflow.Workflow, error) {
	t, err := s.own(ctx)
	if err != nil {
		return workflow.Workflow{}, err
	}
	if t.Workflow == nil {
		return workflow.Workflow{}, ErrNotOffboards
	}
	w, err := s.Workflows.Get(ctx, *t.Workflow)
	if err != nil {
		return workflow.Workflow{}, err
	}
	if scope, _ := tenancy.From(ctx); w.Kind != kindOffboard || w.Actor != scope.User {
		return workflow.Workflow{}, ErrNotOffboards
	}
	if err := s.Workflows.Cancel(ctx, w.ID); err != nil {
		return workflow.Workflow{}, err
	}
	return s.Workflows.Get(ctx, w.ID)
}

// OwnWorkflow returns a workflow of the caller's tenant; another tenant's is not there.
func (s *Service) OwnWorkflow(ctx context.Context, id uuid.UUID) (workflow.Workflow, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return workflow.Workflow{}, errScope
	}
	w, err := s.Workflows.Get(ctx, id)
	if err == nil && w.Tenant != scope.Tenant {
		err = workflow.ErrNotFound
	}
	if err != nil {
		return workflow.Workflow{}, err
	}
	return w, nil
}

// own is the caller's tenant.
func (s *Service) own(ctx context.Context) (Tenant, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return Tenant{}, errScope
	}
	return s.Get(ctx, scope.Tenant)
}

// OwnAPI serves owners. Which tenant it is comes from their scope, never from an address or a body.
type OwnAPI struct {
	*Service
	// Confirm checks the caller's password.
	Confirm func(ctx context.Context, password string) error
	// Still tells whether the caller may go on to watch: the end of their organisation is something to see.
	Still func(ctx context.Context) error
}

// OwnChanges are the changes of the caller's organisation.
type OwnChanges struct {
	Items     []workflow.View `json:"items" nullable:"false"`
	Next      string          `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
	GraceDays int             `json:"graceDays" doc:"How long an organisation that its owner closes can be reopened"`
}

type ownOffboardBody struct {
	Name     string `json:"name" maxLength:"40" doc:"The organisation's name, typed to confirm"`
	Password string `json:"password" maxLength:"1024" doc:"The caller's own"`
	Reason   string `json:"reason,omitempty" maxLength:"500" doc:"Shown to its people when they sign in"`
}

// ownChanges is how they are listed: the newest few are shown.
func ownChanges() list.List[workflow.View] {
	return list.List[workflow.View]{
		Name: "own-workflows", ID: func(v workflow.View) string { return v.ID.String() }, Whole: true, Sorts: []list.Sort[workflow.View]{{Name: "created", Down: true}},
	}
}

// maxOwnChanges bounds what is shown of the past.
const maxOwnChanges = 20

// Register adds the routes; all need the permission of owners.
func (a *OwnAPI) Register(api huma.API, owner tenancy.Permission) {
	huma.Register(api, ownChanges().Operation(httpx.Operation(http.MethodGet, "/v1/tenant/workflows", "list-own-workflows", owner, "The newest changes of the organisation, under way and ended", "tenant")),
		func(ctx context.Context, in *list.Query) (*output[OwnChanges], error) { return a.changes(ctx, *in) })
	get := httpx.Operation(http.MethodGet, "/v1/tenant/workflows/{id}", "get-own-workflow", owner, "One change of the organisation with its steps", "tenant")
	get.Errors = append(get.Errors, http.StatusNotFound)
	huma.Register(api, get, func(ctx context.Context, in *idInput) (*output[workflow.View], error) {
		return told(a.OwnWorkflow(ctx, in.ID))
	})
	watch := httpx.Streaming(httpx.Operation(http.MethodGet, "/v1/tenant/workflows/{id}/events", "watch-own-workflow", owner, "The change now and at each step, as server-sent events named workflow", "tenant"))
	watch.Errors = append(watch.Errors, http.StatusNotFound)
	huma.Register(api, watch, func(ctx context.Context, in *idInput) (*huma.StreamResponse, error) {
		if _, err := a.OwnWorkflow(ctx, in.ID); err != nil {
			return nil, err
		}
		return a.Workflows.Stream(ctx, in.ID, a.Still, workflow.View.Told)
	})
	a.registerChanges(api, owner)
}

func (a *OwnAPI) registerChanges(api huma.API, owner tenancy.Permission) {
	change := func(path, id, summary string) huma.Operation {
		op := httpx.Operation(http.MethodPost, path, id, owner, summary, "tenant")
		op.DefaultStatus = http.StatusAccepted
		op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
		return op
	}
	huma.Register(api, change("/v1/tenant/offboard", "offboard-own-tenant", "Close the caller's organisation and delete everything after a grace period"),
		func(ctx context.Context, in *struct{ Body ownOffboardBody }) (*output[workflow.View], error) {
			b := in.Body
			return told(a.OffboardOwn(ctx, b.Name, b.Reason, func(ctx context.Context) error { return a.Confirm(ctx, b.Password) }))
		})
	huma.Register(api, change("/v1/tenant/offboard/cancel", "cancel-own-offboard", "Reopen the organisation that the caller has just closed"),
		func(ctx context.Context, _ *struct{}) (*output[workflow.View], error) {
			return told(a.TakeBackOwn(ctx))
		})
	huma.Register(api, change("/v1/tenant/tier", "change-own-tier", "Give the caller's organisation another of the plans that are offered"),
		func(ctx context.Context, in *struct{ Body tierBody }) (*output[workflow.View], error) {
			return told(a.ChangeOwnTier(ctx, in.Body.Tier))
		})
}

func (a *OwnAPI) changes(ctx context.Context, q list.Query) (*output[OwnChanges], error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, errScope
	}
	found, err := a.Workflows.List(ctx, workflow.Filter{Tenant: scope.Tenant, Limit: maxOwnChanges})
	if err != nil {
		return nil, err
	}
	out := OwnChanges{Items: make([]workflow.View, len(found)), GraceDays: int(ownGrace / (24 * time.Hour))}
	for n, w := range found {
		out.Items[n] = w.View().Told()
	}
	err = ownChanges().Into(q, &out.Items, &out.Next)
	return &output[OwnChanges]{out}, err
}

func told(w workflow.Workflow, err error) (*output[workflow.View], error) {
	if err != nil {
		return nil, err
	}
	return &output[workflow.View]{w.View().Told()}, nil
}
