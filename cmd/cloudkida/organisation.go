package main

import (
	"context"
	"net/http"
	"net/url"

	"github.com/google/uuid"
)

// TenantListCmd lists organisations, for operators.
type TenantListCmd struct {
	remote
	limits
	Query  string `arg:"" optional:"" help:"Part of a name."`
	Status string `help:"Only those of this status." placeholder:"STATUS"`
}

// Run prints them.
func (c *TenantListCmd) Run(ctx context.Context) error {
	q := url.Values{}
	if c.Query != "" {
		q.Set("q", c.Query)
	}
	if c.Status != "" {
		q.Set("status", c.Status)
	}
	return c.list(ctx, "/v1/operator/tenants?"+q.Encode(), c.Limit, "id", "name", "title", "tier", "placement", "status", "members")
}

// oneTenant names an organisation.
type oneTenant struct {
	remote
	ID uuid.UUID `arg:"" help:"The organisation's id; see tenant list."`
}

func (o oneTenant) path() string { return "/v1/operator/tenants/" + o.ID.String() }

// TenantShowCmd shows an organisation.
type TenantShowCmd struct{ oneTenant }

// Run prints it.
func (c *TenantShowCmd) Run(ctx context.Context) error {
	return c.show(ctx, c.path(), "id", "name", "title", "tier", "placement", "status", "reason", "members", "sessions", "createdAt")
}

// TenantSuspendCmd closes an organisation for its people.
type TenantSuspendCmd struct {
	oneTenant
	Reason string `help:"Why; its people read it." required:"" placeholder:"TEXT"`
}

// Run begins it.
func (c *TenantSuspendCmd) Run(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, c.path()+"/suspend", map[string]any{"reason": c.Reason}, "kind", "state", "id")
}

// TenantResumeCmd opens a suspended organisation.
type TenantResumeCmd struct{ oneTenant }

// Run begins it.
func (c *TenantResumeCmd) Run(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, c.path()+"/resume", map[string]any{}, "kind", "state", "id")
}
