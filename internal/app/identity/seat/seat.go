// Package seat keeps the members of a tenant within its plan, however they join.
package seat

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Room looks up a tenant's plan: fits tells whether it has room for one more member beside so many. It is nil where
// nothing bounds them, so that nobody counts the many of such a tenant.
type Room func(ctx context.Context, tenant uuid.UUID) (fits func(used int64) error, err error)

// Lock lets one change of a tenant's members happen at a time, among all processes, until the transaction ends.
func Lock(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "identity: members of "+tenant.String()); err != nil {
		return fmt.Errorf("lock members: %w", err)
	}
	return nil
}

// Take asks for a seat, before the membership is added in the same transaction: joins are counted one after another, so
// that two at once do not both take the last seat. Disabled members have none. A nil Room bounds nothing.
func Take(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, room Room) error {
	if room == nil {
		return nil
	}
	fits, err := room(ctx, tenant)
	if err != nil || fits == nil {
		return err
	}
	if err := Lock(ctx, tx, tenant); err != nil {
		return err
	}
	var used int64
	err = tx.QueryRow(ctx, `select count(*) from identity.membership where tenant_id = $1 and status = 'active'`, tenant).Scan(&used)
	if err != nil {
		return fmt.Errorf("count members: %w", err)
	}
	return fits(used)
}
