// Package tenant is the provider's view of tenants: who they are and how far they are in their life. Everything that takes
// more than one step is a workflow, seen while it runs and taken back where it fails: suspending, resuming, another tier,
// the move between pool and silo, and off-boarding up to the signed proof that nothing is left.
package tenant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// Status is the station of a tenant's life.
type Status string

// The stations.
const (
	Provisioning Status = "provisioning"
	Active       Status = "active"
	Suspended    Status = "suspended"
	Offboarding  Status = "offboarding"
	Purged       Status = "purged"
)

// Placement is where a tenant's data is.
type Placement string

// The placements.
const (
	Pool Placement = "pool"
	Silo Placement = "silo"
)

// Tenant is an organisation, without anything of its content.
type Tenant struct {
	ID         uuid.UUID
	Name       string
	Title      string
	Status     Status
	Reason     string // what its people are told about the status
	Tier       string
	Placement  Placement
	Version    int64 // of its schema
	CreatedAt  time.Time
	PurgeAfter *time.Time
	Workflow   *uuid.UUID // the change under way
}

// Use is how much of the installation a tenant uses.
type Use struct {
	Members  int64
	Owners   int64 // who can sign in
	Sessions int64 // that run
}

// Data is where tenants' data is kept: package db.
type Data interface {
	MakeSilo(ctx context.Context, tenant uuid.UUID) error
	DropSilo(ctx context.Context, tenant uuid.UUID) error
	ToSilo(ctx context.Context, tenant uuid.UUID) (db.Moved, error)
	ToPool(ctx context.Context, tenant uuid.UUID) (db.Moved, error)
	CleanPool(ctx context.Context, tenant uuid.UUID) error
	CountTenant(ctx context.Context, tenant uuid.UUID) (map[string]int64, error)
	PurgeTenant(ctx context.Context, tenant uuid.UUID) (map[string]int64, error)
}

// Application is what the other plane does for the life of a tenant. Every method can be cut anywhere and called again.
type Application interface {
	// EndSessions ends the tenant's sessions and tells how many have not ended yet.
	EndSessions(ctx context.Context, tenant uuid.UUID) (left int, err error)
	// Record adds an entry to the tenant's own audit log.
	Record(ctx context.Context, tenant, operator uuid.UUID, e audit.Entry) error
	// RemovePeople removes what identity has of the tenant and counts the rows by table.
	RemovePeople(ctx context.Context, tenant uuid.UUID) (map[string]int64, error)
	// Archive keeps an archive of the tenant's data until then, for the operator who off-boards it; id names it.
	Archive(ctx context.Context, id, tenant, operator uuid.UUID, reason string, until time.Time) error
	// RemoveFiles deletes what is kept of the tenant outside of the database and counts it by kind.
	RemoveFiles(ctx context.Context, tenant uuid.UUID) (map[string]int64, error)
	// Uses tells how much each of some tenants uses.
	Uses(ctx context.Context, tenants []uuid.UUID) (map[uuid.UUID]Use, error)
	// TierPlacement is where tenants of a tier are, and whether everybody is offered it; an errs error for a tier that is
	// not there.
	TierPlacement(ctx context.Context, tier string) (placement Placement, offered bool, err error)
}

// Signer signs proofs.
type Signer interface {
	Sign(ctx context.Context, payload []byte) (signature []byte, key string, err error)
}

// Service changes tenants.
type Service struct {
	Pool        *pgxpool.Pool // of the role control
	Workflows   *workflow.Engine
	Data        Data
	Application Application
	Signer      Signer
	Log         *slog.Logger
	Now         func() time.Time
	Settle      time.Duration                   // after which every process knows where a moved tenant is
	Fresh       func(ctx context.Context) error // refuses an operator whose sign-in is long ago; nil: nobody is
}

// Errors of tenants.
var (
	ErrNotFound  = errs.NotFound("no_such_tenant", "There is no such organisation.")
	ErrDefault   = errs.Conflict("default_tenant", "The default organisation is part of the installation: it can be neither suspended nor moved nor off-boarded.")
	ErrStatus    = errs.Conflict("wrong_status", "")
	ErrConfirm   = errs.Invalid("wrong_name", "Type the organisation's name to confirm.").WithFields(errs.Field{Path: "body.name", Message: "This is not the organisation's name."})
	ErrPlaced    = errs.Conflict("placed_already", "The organisation's data is there already.")
	ErrNoProof   = errs.NotFound("no_proof", "There is no proof: the organisation has not been purged.")
	ErrNotInside = errs.Forbidden("enter_first", "Enter the organisation with a reason first; its audit log shows it.")
)

// change is what a workflow of a tenant is started with.
type change struct {
	Reason    string    `json:"reason,omitempty"`
	Tier      string    `json:"tier,omitempty"`
	OldTier   string    `json:"oldTier,omitempty"`
	Placement Placement `json:"placement,omitempty"`
	Status    Status    `json:"status,omitempty"` // before
	// OldPlacement is before; workflows that an earlier release started do not have it.
	OldPlacement Placement `json:"oldPlacement,omitempty"`
	Own          bool      `json:"own,omitempty"` // asked for by an owner of the tenant, not by an operator
	Until        time.Time `json:"until,omitzero"`
}

// difference is what a workflow of a kind changes of the tenant, for the logs.
func (c change) difference(kind string) (before, after map[string]any) {
	before, after = map[string]any{}, map[string]any{}
	to, ends := map[string]Status{kindSuspend: Suspended, kindResume: Active, kindOffboard: Offboarding}[kind]
	if ends {
		before["status"], after["status"] = c.Status, to
	}
	if c.Tier != "" {
		before["tier"], after["tier"] = c.OldTier, c.Tier
	}
	if c.Placement != "" && c.OldPlacement != "" && c.Placement != c.OldPlacement {
		before["placement"], after["placement"] = c.OldPlacement, c.Placement
	}
	return before, after
}

// start locks the tenant, checks it, and starts a workflow together with the entry in the operators' log.
func (s *Service) start(ctx context.Context, id uuid.UUID, kind string, c change, allowed ...Status) (workflow.Workflow, error) {
	if id == tenancy.DefaultTenant() && kind != kindTier {
		return workflow.Workflow{}, ErrDefault
	}
	scope, _ := tenancy.From(ctx)
	var started uuid.UUID
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		t, err := lockTenant(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := t.mustBe(allowed...); err != nil {
			return err
		}
		c.Status, c.OldTier, c.OldPlacement = t.Status, t.Tier, t.Placement
		if c.Placement != "" && kind == kindMove && c.Placement == t.Placement {
			return ErrPlaced
		}
		started, err = s.Workflows.Start(ctx, tx, workflow.Start{Kind: kind, Tenant: id, Actor: scope.User, Input: c})
		if err != nil {
			return err
		}
		before, after := c.difference(kind)
		return record(ctx, tx, id, c.Reason, audit.Entry{
			Action: kind, Detail: map[string]any{"tier": c.Tier, "placement": c.Placement, "own": c.Own}, Before: before, After: after,
		})
	})
	if err != nil {
		return workflow.Workflow{}, err
	}
	return s.Workflows.Get(ctx, started)
}

func (t Tenant) mustBe(allowed ...Status) error {
	words := make([]string, 0, len(allowed))
	for _, a := range allowed {
		if t.Status == a {
			return nil
		}
		words = append(words, string(a))
	}
	return ErrStatus.Because("The organisation is %s; this needs one that is %s.", t.Status, strings.Join(words, " or "))
}

// Suspend closes a tenant to its people, who are told the reason, and ends its sessions.
func (s *Service) Suspend(ctx context.Context, id uuid.UUID, reason string) (workflow.Workflow, error) {
	return s.start(ctx, id, kindSuspend, change{Reason: strings.TrimSpace(reason)}, Active)
}

// Resume opens a suspended tenant.
func (s *Service) Resume(ctx context.Context, id uuid.UUID) (workflow.Workflow, error) {
	return s.start(ctx, id, kindResume, change{}, Suspended)
}

// ChangeTier gives a tenant another tier, and its data the placement of that tier.
func (s *Service) ChangeTier(ctx context.Context, id uuid.UUID, tier string) (workflow.Workflow, error) {
	placement, _, err := s.Application.TierPlacement(ctx, tier)
	if err != nil {
		return workflow.Workflow{}, err
	}
	if id == tenancy.DefaultTenant() && placement != Pool {
		return workflow.Workflow{}, ErrDefault
	}
	return s.start(ctx, id, kindTier, change{Tier: tier, Placement: placement}, Active, Suspended)
}

// Move moves a tenant's data between pool and silo.
func (s *Service) Move(ctx context.Context, id uuid.UUID, to Placement) (workflow.Workflow, error) {
	return s.start(ctx, id, kindMove, change{Placement: to}, Active, Suspended)
}

// Offboard closes a tenant, keeps an archive, and deletes everything after the days of grace, in which it can be cancelled.
func (s *Service) Offboard(ctx context.Context, id uuid.UUID, name, reason string, grace time.Duration) (workflow.Workflow, error) {
	t, err := s.Get(ctx, id)
	if err != nil {
		return workflow.Workflow{}, err
	}
	if name != t.Name {
		return workflow.Workflow{}, ErrConfirm
	}
	return s.start(ctx, id, kindOffboard, change{Reason: strings.TrimSpace(reason), Until: s.Now().Add(grace)}, Active, Suspended)
}

// entryLife is how long an operator may look after having given a reason.
const entryLife = time.Hour

// Enter lets the operator in ctx read a tenant's content for an hour. The tenant's own audit log shows who and why.
func (s *Service) Enter(ctx context.Context, id uuid.UUID, reason string) (until time.Time, err error) {
	scope, _ := tenancy.From(ctx)
	reason, until = strings.TrimSpace(reason), s.Now().Add(entryLife)
	if _, err := s.Get(ctx, id); err != nil {
		return time.Time{}, err
	}
	// The tenant's log comes first: an entry that let nobody in is better than one that nobody sees.
	entered := audit.Entry{Action: "operator.entered", Target: id.String(), Detail: map[string]any{"reason": reason, "until": until, "operator": true}}
	if err := s.Application.Record(ctx, id, scope.User, entered); err != nil {
		return time.Time{}, err
	}
	return until, pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into control.operator_entry (operator, tenant_id, reason, until) values ($1, $2, $3, $4)`, scope.User, id, reason, until)
		if err != nil {
			return fmt.Errorf("insert operator entry: %w", err)
		}
		return record(ctx, tx, id, reason, audit.Entry{Action: "tenant.enter"})
	})
}

// MustBeInside tells whether the operator in ctx has entered the tenant and may still look.
func (s *Service) MustBeInside(ctx context.Context, id uuid.UUID) error {
	until, err := s.Inside(ctx, id)
	if err == nil && until == nil {
		err = ErrNotInside
	}
	return err
}

// Inside is until when the operator in ctx may look; nil when they have not entered.
func (s *Service) Inside(ctx context.Context, id uuid.UUID) (until *time.Time, err error) {
	scope, _ := tenancy.From(ctx)
	err = s.Pool.QueryRow(ctx, `select max(until) from control.operator_entry where tenant_id = $1 and operator = $2 and until > $3`, id, scope.User, s.Now()).Scan(&until)
	if err != nil {
		return nil, fmt.Errorf("read operator entry: %w", err)
	}
	return until, nil
}

// Leave ends the entry of the operator in ctx before its time. Leaving twice is no error.
func (s *Service) Leave(ctx context.Context, id uuid.UUID) error {
	scope, _ := tenancy.From(ctx)
	var left int64
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		done, err := tx.Exec(ctx, `update control.operator_entry set until = $3 where tenant_id = $1 and operator = $2 and until > $3`, id, scope.User, s.Now())
		if err != nil {
			return fmt.Errorf("end operator entry: %w", err)
		}
		if left = done.RowsAffected(); left == 0 {
			return nil
		}
		return record(ctx, tx, id, "", audit.Entry{Action: "tenant.leave", Before: map[string]any{"inside": true}})
	})
	if err != nil || left == 0 {
		return err
	}
	return s.Application.Record(ctx, id, scope.User, audit.Entry{Action: "operator.left", Target: id.String(), Detail: map[string]any{"operator": true}})
}

// Proof is the signed statement that a tenant's data is deleted.
type Proof struct {
	Document  string
	Signature []byte
	KeyID     string
}

// Proof returns a purged tenant's proof.
func (s *Service) Proof(ctx context.Context, id uuid.UUID) (p Proof, err error) {
	err = s.Pool.QueryRow(ctx, `select document, signature, key_id from control.purge_proof where tenant_id = $1`, id).Scan(&p.Document, &p.Signature, &p.KeyID)
	if errors.Is(err, pgx.ErrNoRows) {
		return Proof{}, ErrNoProof
	}
	if err != nil {
		return Proof{}, fmt.Errorf("read proof: %w", err)
	}
	return p, nil
}
