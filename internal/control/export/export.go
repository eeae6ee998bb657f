// Package export lets a tenant's data leave and enter an installation: archives that are made in the background, kept for
// some days and downloaded by the tenant's owners, and the import of one into a new tenant. What is in an archive is
// package archive's.
package export

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// Kind of the workflow that makes an archive.
const Kind = "tenant.export"

// Bounds of what is kept.
const (
	maxKept = 3                  // archives of one tenant; making another deletes the oldest
	maxLife = 7 * 24 * time.Hour // of an archive
	maxList = 50                 // exports that are listed
)

// State of an export.
type State string

// The states of an export.
const (
	Pending State = "pending"
	Ready   State = "ready"
	Failed  State = "failed"
)

// Export is one archive that was asked for.
type Export struct {
	ID        uuid.UUID
	Tenant    uuid.UUID
	Workflow  uuid.UUID
	State     State
	Error     string
	By        uuid.UUID
	Operator  bool
	Reason    string
	Host      string
	Rows      int64
	Bytes     int64
	Manifest  []byte // SHA-256
	CreatedAt time.Time
	EndedAt   *time.Time
	ExpiresAt *time.Time
}

// Errors of exports.
var (
	ErrNotFound  = errs.NotFound("no_such_export", "There is no such export, or it has expired. Make a new one.")
	ErrNotReady  = errs.Conflict("export_not_ready", "This export is not ready yet. Wait until it is.")
	ErrElsewhere = errs.Unavailable("export_elsewhere", "The archive is on another host of this installation.")
	ErrOwners    = errs.Forbidden("owners_export", "This export was made by the organisation itself. Make one of your own, with a reason.")
	ErrReason    = errs.Invalid("reason_missing", "Say why you need the organisation's data; its audit log shows it.").
			WithFields(errs.Field{Path: "body.reason", Message: "Want 5 to 500 characters."})
)

// Service makes and keeps archives.
type Service struct {
	DB      *db.DB
	Control *pgxpool.Pool // of the role control
	Engine  *workflow.Engine
	// Export is the permission of those who may download a tenant's data, System that of the program itself.
	Export, System tenancy.Permission
	// Members calls yield for every person of a tenant, ordered by id.
	Members func(ctx context.Context, tenant uuid.UUID, yield func(archive.Member) error) error
	// Room tells whether the tenant's plan allows one more beside those that are being made; nil allows any number.
	Room    func(ctx context.Context, tenant uuid.UUID, making int64) error
	Files   Files
	Program string // version
	Schema  int64  // version of the tenant tables
	Log     *slog.Logger
}

// Request starts an export of the caller's tenant.
func (s *Service) Request(ctx context.Context) (Export, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return Export{}, db.ErrNoScope
	}
	return s.start(ctx, s.Export, Export{Tenant: scope.Tenant, By: scope.User})
}

// RequestFor starts an export of any tenant for an operator, whose reason the tenant's audit log shows.
func (s *Service) RequestFor(ctx context.Context, tenant uuid.UUID, reason string) (Export, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return Export{}, db.ErrNoScope
	}
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < 5 || n > 500 {
		return Export{}, ErrReason
	}
	return s.start(operatorIn(ctx, tenant), s.System, Export{Tenant: tenant, By: scope.User, Operator: true, Reason: reason})
}

// operatorIn is the scope of an operator within a tenant: the program acts, and the audit log names the operator.
func operatorIn(ctx context.Context, tenant uuid.UUID) context.Context {
	scope, _ := tenancy.From(ctx)
	return tenancy.With(ctx, tenancy.Scope{Tenant: tenant, User: scope.User, Role: tenancy.RoleSystem, Request: scope.Request})
}

// start records the request with its workflow, after the tenant's audit log has it.
func (s *Service) start(ctx context.Context, p tenancy.Permission, e Export) (Export, error) {
	e.ID = uuid.Must(uuid.NewV7())
	// Asked twice: before the log says that it was requested, and where no other can be requested beside it.
	if err := pgx.BeginFunc(ctx, s.Control, func(tx pgx.Tx) error { return s.room(ctx, tx, e) }); err != nil {
		return Export{}, err
	}
	if err := s.record(ctx, p, "tenant.export_requested", e); err != nil {
		return Export{}, err
	}
	err := pgx.BeginFunc(ctx, s.Control, func(tx pgx.Tx) (err error) {
		if err := s.room(ctx, tx, e); err != nil {
			return err
		}
		e.Workflow, err = s.Engine.Start(ctx, tx, workflow.Start{Kind: Kind, Tenant: e.Tenant, Actor: e.By, Input: input{e.ID}})
		if err != nil {
			return err
		}
		e.State, e.CreatedAt, err = Pending, time.Now(), insert(ctx, tx, e)
		return err
	})
	return e, err
}

// room refuses an export of the tenant's own that its plan has no room for. Operators' are their own matter.
func (s *Service) room(ctx context.Context, tx pgx.Tx, e Export) error {
	if s.Room == nil || e.Operator {
		return nil
	}
	making, err := lockMaking(ctx, tx, e.Tenant)
	if err != nil {
		return err
	}
	return s.Room(ctx, e.Tenant, making)
}

// record writes to the tenant's audit log.
func (s *Service) record(ctx context.Context, p tenancy.Permission, action string, e Export) error {
	detail := map[string]any{}
	if e.Operator {
		detail["operator"], detail["reason"] = true, e.Reason
	}
	return s.DB.InWholeTenant(ctx, p, func(tx pgx.Tx) error { return audit.Record(ctx, tx, action, e.ID.String(), detail) })
}

// List returns the newest exports of the caller's tenant, those of operators included.
func (s *Service) List(ctx context.Context) ([]Export, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, db.ErrNoScope
	}
	return readAll(ctx, s.Control, scope.Tenant, maxList)
}

// ListOf returns the newest exports of any tenant.
func (s *Service) ListOf(ctx context.Context, tenant uuid.UUID) ([]Export, error) {
	return readAll(ctx, s.Control, tenant, maxList)
}

// Open opens an archive of the caller's tenant and records that it is taken out.
func (s *Service) Open(ctx context.Context, id uuid.UUID) (Export, *File, error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return Export{}, nil, db.ErrNoScope
	}
	e, err := s.ready(ctx, scope.Tenant, id)
	if err != nil {
		return Export{}, nil, err
	}
	return s.open(ctx, s.Export, e)
}

// OpenFor opens an archive that an operator asked for, with the reason of that time.
func (s *Service) OpenFor(ctx context.Context, tenant, id uuid.UUID) (Export, *File, error) {
	e, err := s.ready(ctx, tenant, id)
	if err != nil {
		return Export{}, nil, err
	}
	if !e.Operator {
		return Export{}, nil, ErrOwners
	}
	return s.open(operatorIn(ctx, tenant), s.System, e)
}

func (s *Service) ready(ctx context.Context, tenant, id uuid.UUID) (Export, error) {
	e, err := get(ctx, s.Control, tenant, id)
	if fault.On(fault.ExportOfAnyTenant) || fault.On(fault.ExportTellsExistence) {
		e, err = byID(ctx, s.Control, id)
	}
	switch {
	case fault.On(fault.ExportTellsExistence) && err == nil && e.Tenant != tenant:
		return Export{}, ErrOwners
	case err != nil:
		return Export{}, err
	case e.State != Ready:
		return Export{}, ErrNotReady
	case e.ExpiresAt.Before(time.Now()):
		return Export{}, ErrNotFound
	case e.Host != s.Files.Host:
		return Export{}, ErrElsewhere.Because("The archive is on the host %s of this installation: ask there.", e.Host)
	}
	return e, nil
}

func (s *Service) open(ctx context.Context, p tenancy.Permission, e Export) (Export, *File, error) {
	if err := s.record(ctx, p, "tenant.export_downloaded", e); err != nil {
		return Export{}, nil, err
	}
	f, err := s.Files.open(e)
	return e, f, err
}

// RemoveTenant deletes every archive of a tenant that this host has, and tells how many there were; a purge calls it.
func (s *Service) RemoveTenant(ctx context.Context, tenant uuid.UUID) (int64, error) {
	n, err := removeAll(ctx, s.Control, tenant)
	return n, errors.Join(err, s.Files.removeTenant(tenant))
}

// Sweep deletes archives that have expired and files that nobody knows of, on this host.
func (s *Service) Sweep(ctx context.Context) error {
	gone, err := expire(ctx, s.Control, s.Files.Host, time.Now())
	for _, e := range gone {
		err = errors.Join(err, s.Files.remove(e))
	}
	if err != nil {
		return err
	}
	return s.Files.sweep(func(id uuid.UUID) (bool, error) { return known(ctx, s.Control, id) })
}
