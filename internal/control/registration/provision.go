package registration

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
)

// Kind is the workflow that makes a tenant.
const Kind = "tenant.provision"

// The steps of the workflow.
const (
	stepReserve  = "reserve"
	stepSilo     = "silo"
	stepIdentity = "identity"
	stepLabs     = "labs"
	stepOpen     = "open"
	stepWelcome  = "welcome"
)

// input is what the workflow is started with; what people typed stays in the registration.
type input struct {
	Registration uuid.UUID `json:"registration"`
}

// Definition is the workflow that makes a tenant. Every step can be cut anywhere and run again.
func (s *Service) Definition() workflow.Definition {
	return workflow.Definition{Kind: Kind, Title: "Set up an organisation", Steps: []workflow.Step{
		{Name: stepReserve, Title: "Reserve the name", Do: s.reserve, Undo: s.unreserve},
		{Name: stepSilo, Title: "Make the organisation's own database schema", Do: s.makeSilo, Undo: s.dropSilo},
		{Name: stepIdentity, Title: "Prepare sign-in and the first owner", Do: s.addOwner, Undo: s.removePeople},
		{Name: stepLabs, Title: "Add the sample labs", Do: s.addLabs, Undo: s.removeLabs},
		{Name: stepOpen, Title: "Open the organisation", Do: s.open, Undo: s.close},
		{Name: stepWelcome, Title: "Send the welcome", Do: s.welcome, Undo: s.unwelcome},
	}}
}

// given reads what the workflow is about.
func (s *Service) given(ctx context.Context, r *workflow.Run) (registration, error) {
	var in input
	if err := r.Input(&in); err != nil {
		return registration{}, err
	}
	row, err := byID(ctx, s.Pool, in.Registration)
	return row, final(err)
}

// final marks what trying again does not help: answers, as opposed to faults and to what is away.
func final(err error) error {
	switch errs.KindOf(err) {
	case errs.KindInvalid, errs.KindConflict, errs.KindForbidden, errs.KindNotFound:
		return workflow.Permanent(err)
	default:
		return err
	}
}

func (s *Service) reserve(ctx context.Context, r *workflow.Run) error {
	row, err := s.given(ctx, r)
	if err != nil {
		return err
	}
	return final(insertTenant(ctx, s.Pool, r.Tenant, row))
}

// unreserve is the last to be taken back: the name is free again, and the address may try another one.
func (s *Service) unreserve(ctx context.Context, r *workflow.Run) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		return errors.Join(dropTenant(ctx, tx, r.Tenant), fail(ctx, tx, r.Tenant))
	})
}

func (s *Service) makeSilo(ctx context.Context, r *workflow.Run) error {
	row, err := s.given(ctx, r)
	if err != nil || row.Placement != Silo {
		return err
	}
	return s.Silos.Make(ctx, r.Tenant)
}

func (s *Service) dropSilo(ctx context.Context, r *workflow.Run) error {
	row, err := s.given(ctx, r)
	if err != nil || row.Placement != Silo {
		return err
	}
	return s.Silos.Drop(ctx, r.Tenant)
}

func (s *Service) addOwner(ctx context.Context, r *workflow.Run) error {
	row, err := s.given(ctx, r)
	if err != nil {
		return err
	}
	if row.Placement == Silo {
		if err := s.Identity.MakePool(ctx, r.Tenant, row.Name); err != nil {
			return final(err)
		}
	}
	owner, hasPassword, err := s.Identity.AddOwner(ctx, Owner{Tenant: r.Tenant, Email: row.Email, Name: row.AdminName})
	if err != nil {
		return final(err)
	}
	return setOwner(ctx, s.Pool, row.ID, owner, hasPassword)
}

func (s *Service) removePeople(ctx context.Context, r *workflow.Run) error {
	return s.Identity.RemoveTenant(ctx, r.Tenant)
}

func (s *Service) addLabs(ctx context.Context, r *workflow.Run) error {
	return s.Labs.Add(ctx, r.Tenant)
}

func (s *Service) removeLabs(ctx context.Context, r *workflow.Run) error {
	return s.Labs.Remove(ctx, r.Tenant)
}

func (s *Service) open(ctx context.Context, r *workflow.Run) error {
	row, err := s.given(ctx, r)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := setStatus(ctx, tx, r.Tenant, "provisioning", "active"); err != nil {
			return err
		}
		return setReady(ctx, tx, row.ID)
	})
}

// close takes the opening back when an operator cancels: nobody gets in while the rest is taken back.
func (s *Service) close(ctx context.Context, r *workflow.Run) error {
	return setStatus(ctx, s.Pool, r.Tenant, "active", "provisioning")
}

// welcomeTries is how long a welcome that cannot be queued is tried: a tenant that people use already is not taken back
// because of a mail.
const (
	welcomeAgain = time.Minute
	welcomeTries = 60
)

func (s *Service) welcome(ctx context.Context, r *workflow.Run) error {
	var tried struct{ Welcome int }
	if err := r.State(&tried); err != nil {
		return err
	}
	err := s.sendWelcome(ctx, r)
	if err == nil || tried.Welcome >= welcomeTries {
		return nil
	}
	s.Log.WarnContext(ctx, "a welcome could not be queued", "tenant", r.Tenant, "error", err)
	tried.Welcome++
	if err := r.Keep(ctx, tried); err != nil {
		return err
	}
	return workflow.Later(time.Now().Add(welcomeAgain))
}

func (s *Service) sendWelcome(ctx context.Context, r *workflow.Run) error {
	row, err := s.given(ctx, r)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		first, err := setWelcomed(ctx, tx, row.ID)
		if err != nil || !first {
			return err
		}
		return s.Letters.Send(ctx, tx, s.welcomeLetter(row))
	})
}

func (s *Service) unwelcome(ctx context.Context, r *workflow.Run) error {
	_, err := s.Mail.RemoveTenant(ctx, r.Tenant)
	return err
}
