package provision

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/address"
	"github.com/cloudkida/cloudkida/internal/app/identity/seat"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Invited finds or makes, in tx, the account of somebody who proved an address by a link that was mailed there. A new one
// has no password and needs an EnterLink; one that nobody had proved is handed over, as by AddOwner.
func (s *Service) Invited(ctx context.Context, tx pgx.Tx, in NewMember) (user uuid.UUID, hasPassword bool, err error) {
	in.Email, in.Name = address.CleanEmail(in.Email), address.CleanName(in.Name)
	if problem := address.CheckEmail(in.Email); problem != "" {
		return uuid.Nil, false, errMember.WithFields(errs.Field{Path: "email", Message: problem})
	}
	var pool uuid.UUID
	if err := tx.QueryRow(ctx, `select identity.pool_of($1)`, in.Tenant).Scan(&pool); err != nil {
		return uuid.Nil, false, fmt.Errorf("read the tenant's pool: %w", err)
	}
	return s.person(ctx, tx, pool, in)
}

// TakeSeat asks for a seat in the tenant before a membership is added in tx.
func (s *Service) TakeSeat(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	return seat.Take(ctx, tx, tenant, s.Room)
}

// seatOwner asks for a seat unless the user has one: a workflow may add its owner twice.
func (s *Service) seatOwner(ctx context.Context, tx pgx.Tx, user, tenant uuid.UUID) error {
	var has bool
	err := tx.QueryRow(ctx, `select exists (select from identity.membership where user_id = $1 and tenant_id = $2 and status = 'active')`, user, tenant).Scan(&has)
	if err != nil {
		return fmt.Errorf("read membership: %w", err)
	}
	if has {
		return nil
	}
	return s.TakeSeat(ctx, tx, tenant)
}
