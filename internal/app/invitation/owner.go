package invitation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/seat"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// The errors of InviteOwner.
var (
	ErrHasOwner = errs.Conflict("tenant_has_owner", "This organisation has an owner who can sign in. Owners invite others themselves.")
	ErrNoTenant = errs.NotFound("no_such_tenant", "There is no such organisation.")
	ErrNotOpen  = errs.Conflict("tenant_not_open", "Nobody can join this organisation now: it is not active.")
)

// InviteOwner invites somebody to own an organisation that has no owner who can sign in: one that was imported, or whose
// last owner's account is gone. Operators may do that and nothing else to its people, or they could let themselves into any
// organisation. Its audit log shows the reason.
func (s *Service) InviteOwner(ctx context.Context, tenant uuid.UUID, email, reason string) (i Invitation, err error) {
	if err := s.DB.Authorize(ctx, policy.OperatorWrite); err != nil {
		return i, err
	}
	scope, ok := tenancy.From(ctx)
	if !ok {
		return i, db.ErrNoScope
	}
	i = Invitation{Email: address.CleanEmail(email), Role: tenancy.RoleOwner, Groups: []uuid.UUID{}}
	if err := checkOwner(i.Email, reason); err != nil {
		return i, err
	}
	if tenant == tenancy.DefaultTenant() {
		return i, ErrNoTenant // the installation's own: operators are its owners
	}
	err = s.inTenant(ctx, tenant, func(tx pgx.Tx) error {
		if err := seat.Lock(ctx, tx, tenant); err != nil {
			return err
		}
		if err := mayHaveOwner(ctx, tx, tenant); err != nil {
			return err
		}
		token, hash := opaque.New()
		if i, err = insert(ctx, tx, i, sender{User: scope.User, Operator: true}, hash); err != nil {
			return err
		}
		if i.Mails > maxSends {
			return ErrSends
		}
		if err := s.send(ctx, tx, tenant, ownerLetter, i, token); err != nil {
			return err
		}
		return s.recordOwner(ctx, tenant, i, strings.TrimSpace(reason))
	})
	return i, err
}

func checkOwner(email, reason string) error {
	var fields []errs.Field
	if address.CheckEmail(email) != "" || !mail.ValidAddress(email) {
		fields = append(fields, errs.Field{Path: "body.email", Message: "This is not an e-mail address; it looks like name@example.com."})
	}
	if strings.TrimSpace(reason) == "" {
		fields = append(fields, errs.Field{Path: "body.reason", Message: "Say why: the organisation's audit log shows it."})
	}
	if len(fields) > 0 {
		return errInvitation.WithFields(fields...)
	}
	return nil
}

// recordOwner adds to the tenant's audit log what an operator did.
func (s *Service) recordOwner(ctx context.Context, tenant uuid.UUID, i Invitation, reason string) error {
	scope, _ := tenancy.From(ctx)
	scope.Tenant, scope.Role = tenant, tenancy.RoleSystem
	ctx = tenancy.With(ctx, scope)
	return s.DB.InWholeTenant(ctx, policy.TenantSystem, func(data pgx.Tx) error {
		return audit.Record(ctx, data, "invitation.owner_sent", i.ID.String(), map[string]any{"role": i.Role, "reason": reason, "operator": true})
	})
}

// mayHaveOwner tells whether the tenant is open and has no owner who can sign in.
func mayHaveOwner(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	var status string
	var without bool
	err := tx.QueryRow(ctx, `select t.status, `+ownerless+` from control.tenant t where t.id = $1`, tenant).Scan(&status, &without)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ErrNoTenant
	case err != nil:
		return fmt.Errorf("look for owners: %w", err)
	case status != "active":
		return ErrNotOpen
	case !without:
		return ErrHasOwner
	}
	return nil
}
