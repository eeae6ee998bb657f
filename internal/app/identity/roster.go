package identity

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// RosterEntry is a member as the tenant's own export has it: who it is, and nothing that opens anything.
type RosterEntry struct {
	ID    uuid.UUID
	Email string
	Name  string
	Role  tenancy.Role
}

// rosterPage is how many members are read at once.
const rosterPage = 1000

// Roster calls yield for every active member of a tenant, ordered by id.
func (s *Service) Roster(ctx context.Context, tenant uuid.UUID, yield func(RosterEntry) error) error {
	for after := uuid.Nil; ; {
		rows, err := s.db.Query(ctx, `
			select u.id, u.email, u.name, m.role from identity.membership m join identity."user" u on u.id = m.user_id
			where m.tenant_id = $1 and m.status = 'active' and m.user_id > $2 order by m.user_id limit $3`, tenant, after, rosterPage)
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[RosterEntry])
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		for _, m := range page {
			if err := yield(m); err != nil {
				return err
			}
		}
		if len(page) < rosterPage {
			return nil
		}
		after = page[len(page)-1].ID
	}
}
