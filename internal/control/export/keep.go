package export

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Keep makes an archive for an operator within another workflow, such as the off-boarding of its tenant, and keeps it
// until then. It can be cut anywhere and run again with the same id.
func (s *Service) Keep(ctx context.Context, id, tenant, operator uuid.UUID, reason string, until time.Time) error {
	e, err := byID(ctx, s.Control, id)
	if errors.Is(err, ErrNotFound) {
		e = Export{ID: id, Tenant: tenant, By: operator, Operator: true, Reason: reason, State: Pending}
		err = pgx.BeginFunc(ctx, s.Control, func(tx pgx.Tx) error { return insert(ctx, tx, e) })
	}
	if err != nil || e.State == Ready {
		return err
	}
	if until = until.Add(maxLife); until.After(time.Now()) {
		e.ExpiresAt = &until
	}
	return s.make(ctx, e, func(int64, int64) error { return nil })
}
