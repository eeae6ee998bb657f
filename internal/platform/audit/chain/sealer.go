package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
)

// Bounds of the sealer's work.
const (
	every     = time.Second
	sealMost  = 1000 // entries of one seal
	tenants   = 500  // looked at in one round
	roundTime = 5 * time.Minute
)

// Sealer chains the entries of all tenants, and of the operators' log.
type Sealer struct {
	Keeper *db.Keeper
	Pool   *pgxpool.Pool // of the role worker
	Signer *proof.Signer
	Log    *slog.Logger
}

// Run seals every second what has been committed since, until ctx ends. Several processes may run it: one at a time seals for
// a tenant.
func (s *Sealer) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if _, err := s.Round(ctx); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "seal audit entries", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Round seals for every tenant that has entries without a seal, and tells how many entries it sealed. What fails for one tenant
// does not keep the others.
func (s *Sealer) Round(ctx context.Context) (sealed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	if sealed, err = s.Tenant(ctx, Operators()); err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "seal the operators' log", "error", err)
	}
	after := Operators() // the least of all ids
	for {
		waiting, err := s.waiting(ctx, after)
		if err != nil || len(waiting) == 0 {
			return sealed, err
		}
		for _, tenant := range waiting {
			n, err := s.Tenant(ctx, tenant)
			sealed += n
			if ctx.Err() != nil {
				return sealed, ctx.Err()
			}
			if err != nil && !errors.Is(err, db.ErrUpgrading) {
				s.Log.WarnContext(ctx, "seal a tenant's audit entries", "tenant", tenant, "error", err)
			}
		}
		after = waiting[len(waiting)-1]
	}
}

// waiting are the next tenants with entries without a seal: one look into the index for each of them.
func (s *Sealer) waiting(ctx context.Context, after uuid.UUID) ([]uuid.UUID, error) {
	rows, err := s.Pool.Query(ctx, `
		with recursive t as (
			(select tenant_id from app.audit_unsealed where tenant_id > $1 order by tenant_id limit 1)
			union all
			select (select u.tenant_id from app.audit_unsealed u where u.tenant_id > t.tenant_id order by u.tenant_id limit 1)
			from t where t.tenant_id is not null
		) select tenant_id from t where tenant_id is not null limit $2`, after, tenants)
	if err != nil {
		return nil, fmt.Errorf("look for entries without a seal: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// in runs fn where a log is kept.
func in(ctx context.Context, k *db.Keeper, log uuid.UUID, fn func(pgx.Tx) error) error {
	if log == Operators() {
		return k.InControl(ctx, fn)
	}
	return k.InTenant(ctx, log, fn)
}

// snapshotIn is in, as of one moment.
func snapshotIn(ctx context.Context, k *db.Keeper, log uuid.UUID, fn func(pgx.Tx) error) error {
	if log == Operators() {
		return k.SnapshotInControl(ctx, fn)
	}
	return k.SnapshotInTenant(ctx, log, fn)
}

// Tenant seals all that one tenant has, or the operators' log, and tells how many entries that were.
func (s *Sealer) Tenant(ctx context.Context, tenant uuid.UUID) (sealed int, err error) {
	for n := sealMost; n == sealMost; sealed += n {
		n = 0
		err := in(ctx, s.Keeper, tenant, func(tx pgx.Tx) (err error) {
			n, err = s.seal(ctx, tx, tenant)
			return err
		})
		if errors.Is(err, db.ErrNoTenant) {
			_, err = s.Pool.Exec(ctx, `delete from app.audit_unsealed where tenant_id = $1`, tenant)
			return sealed, err
		}
		if err != nil {
			return sealed, err
		}
	}
	return sealed, nil
}

// seal adds one seal in a transaction of its own: killed anywhere, it leaves nothing, and the next one does it.
func (s *Sealer) seal(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (sealed int, err error) {
	if ok, err := alone(ctx, tx, tenant); err != nil || !ok {
		return 0, err
	}
	found, gone, err := unsealed(ctx, tx, tenant)
	if err != nil || len(found)+len(gone) == 0 {
		return 0, err
	}
	head, err := headOf(ctx, tx)
	if err != nil {
		return 0, err
	}
	slices.SortFunc(found, func(a, b Entry) int { return cmp.Or(a.At.Compare(b.At), slices.Compare(a.ID[:], b.ID[:])) })
	st := statement{Kind: kindSeal, Tenant: tenant, Seq: head.Seq + 1, Previous: head.Hash}
	var newest time.Time
	for _, e := range found {
		sum, err := e.Hash(tenant)
		if err != nil {
			return 0, err
		}
		st.Entries = append(st.Entries, item{e.ID, sum})
		if e.At.After(newest) {
			newest = e.At
		}
	}
	// An entry that was taken away before it was sealed is named with a hash that nothing has, so that it is missed for ever.
	for _, id := range gone {
		st.Entries = append(st.Entries, item{id: id})
	}
	if err := s.add(ctx, tx, st, newest); err != nil {
		return 0, err
	}
	ids := st.ids()
	if _, err := tx.Exec(ctx, `delete from app.audit_unsealed where tenant_id = $1 and id = any ($2)`, tenant, ids); err != nil {
		return 0, fmt.Errorf("take the sealed from the queue: %w", err)
	}
	return len(ids), nil
}

func (s *Sealer) add(ctx context.Context, tx pgx.Tx, st statement, newest time.Time) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	if newest.IsZero() {
		newest = now
	}
	st.SealedAt, st.Newest = now.Format(timeForm), newest.UTC().Format(timeForm)
	signed, err := s.Signer.Make(ctx, st)
	if err != nil {
		return err
	}
	return insertSeal(ctx, tx, Seal{
		Seq: st.Seq, Document: signed.Document, Signature: signed.Signature, KeyID: signed.KeyID,
		Entries: len(st.Entries), Newest: newest, SealedAt: now,
	})
}
