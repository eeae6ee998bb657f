package chain

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// retainMost is how many seals are deleted at once.
const retainMost = 50

// retainLeast is how long everything is kept by the database's own clock: a bit more than what it insists on itself. By the clock
// of this process a wrong one would ask for what the database then keeps, and leave a chain with holes.
const retainLeast = 25 * time.Hour

// Retain deletes a tenant's entries that are older than a time, seal by seal from the chain's beginning, and leaves a signed
// checkpoint from which the chain goes on. Entries are kept at least a day, whatever is asked. It tells how many were deleted.
func (s *Sealer) Retain(ctx context.Context, tenant uuid.UUID, before time.Time) (deleted int64, err error) {
	for {
		var n int64
		more := false
		err := s.Keeper.InTenant(ctx, tenant, func(tx pgx.Tx) (err error) {
			n, more, err = s.retain(ctx, tx, tenant, before)
			return err
		})
		deleted += n
		if err != nil || !more {
			return deleted, err
		}
	}
}

func (s *Sealer) retain(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, before time.Time) (deleted int64, more bool, err error) {
	if ok, err := alone(ctx, tx, tenant); err != nil || !ok {
		return 0, false, err
	}
	upTo, err := old(ctx, tx, before, retainMost)
	if err != nil || upTo == 0 {
		return 0, false, err
	}
	last, next, err := s.next(ctx, tx, tenant, upTo)
	if err != nil {
		return 0, false, err
	}
	tag, err := tx.Exec(ctx, `
		delete from audit_entry where id in (
			select left(x, 36)::uuid from audit_seal s, jsonb_array_elements_text(s.document::jsonb->'entries') x where s.seq <= $1)`, upTo)
	if err != nil {
		return 0, false, fmt.Errorf("delete old entries: %w", err)
	}
	next.Deleted = last.Deleted + tag.RowsAffected()
	signed, err := s.Signer.Make(ctx, next)
	if err != nil {
		return 0, false, err
	}
	batch := &pgx.Batch{}
	batch.Queue(`delete from audit_seal where seq <= $1`, upTo)
	batch.Queue(`delete from audit_checkpoint`)
	batch.Queue(`insert into audit_checkpoint (seq, document, signature, key_id) values ($1, $2, $3, $4)`, upTo, signed.Document, signed.Signature, signed.KeyID)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return 0, false, fmt.Errorf("set the checkpoint: %w", err)
	}
	return tag.RowsAffected(), true, nil
}

// next is the checkpoint after a seal, and the one that it replaces. Neither may be made up: a chain that is broken is kept as it is.
func (s *Sealer) next(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, seq int64) (last, next begin, err error) {
	keys := Keys{s.Signer.Public()}
	c, ok, err := checkpoint(ctx, tx)
	if err == nil && ok {
		last, err = keys.readCheckpoint(c)
	}
	if err != nil {
		return last, next, err
	}
	found, err := seals(ctx, tx, seq-1, 1)
	if err != nil {
		return last, next, err
	}
	if len(found) == 0 || found[0].Seq != seq {
		return last, next, fmt.Errorf("seal %d is missing", seq)
	}
	if _, err := keys.read(found[0]); err != nil {
		return last, next, fmt.Errorf("seal %d: %w", seq, err)
	}
	return last, begin{Kind: kindCheckpoint, Tenant: tenant, Seq: seq, Hash: hashOf(found[0].Document), At: time.Now().UTC().Format(timeForm)}, nil
}
