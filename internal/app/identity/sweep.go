package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
)

// sweepBatch is how many rows one statement deletes, so that none holds locks for long.
const sweepBatch = 5000

// usedLinkLife is how long a used or expired link is kept, to tell what happened to it.
const usedLinkLife = 7 * 24 * time.Hour

// overKeyLife is how long a key that is over can be looked at, and one that has expired be rotated.
const overKeyLife = 30 * 24 * time.Hour

// Sweep deletes what has expired. It is safe to run at any time and by several processes.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.now()
	for _, sweep := range []struct {
		table, column, condition string
		before                   time.Time
	}{
		{"auth_code", "code_hash", "expires_at < $1", now.Add(-access.MaxAccess)}, // kept while a replay could end something
		{"token_family", "id", "expires_at < $1", now},
		{"browser_session", "id", "least(idle_at, expires_at) < $1", now},
		{"device_code", "device_hash", "expires_at < $1", now.Add(-access.MaxAccess)},
		{"signing_key", "id", "expires_at < $1", now},
		{"api_key", "id", "least(revoked_at, expires_at) < $1", now.Add(-overKeyLife)},
		{"federation_flow", "state_hash", "expires_at < $1", now},
		{"address_change", "id", "expires_at < $1", now},
		{"one_time_link", "token_hash", "expires_at < $1", now.Add(-usedLinkLife)},
	} {
		statement := fmt.Sprintf(`delete from identity.%[1]s where %[2]s in (
			select %[2]s from identity.%[1]s where %[3]s limit %[4]d for update skip locked)`, sweep.table, sweep.column, sweep.condition, sweepBatch)
		for {
			done, err := s.db.Exec(ctx, statement, sweep.before)
			if err != nil {
				return fmt.Errorf("sweep %s: %w", sweep.table, err)
			}
			if done.RowsAffected() < sweepBatch {
				break
			}
		}
	}
	return errors.Join(s.Factors.Sweep(ctx), s.Proofs.Sweep(ctx))
}
