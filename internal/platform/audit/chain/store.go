package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const lockKey = `hashtextextended('cloudkida audit chain ' || $1::uuid, 0)`

// Reserve leaves a tenant's chain to the sealer on this very connection for as long as it is open: others pass the tenant by.
// It is for measurements, which seal when they want to.
func Reserve(ctx context.Context, conn *pgx.Conn, tenant uuid.UUID) error {
	if _, err := conn.Exec(ctx, `select pg_advisory_lock(`+lockKey+`)`, tenant); err != nil {
		return fmt.Errorf("reserve the chain: %w", err)
	}
	return nil
}

// alone takes the right to change a tenant's chain, until the transaction ends, if nobody has it.
func alone(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (ok bool, err error) {
	err = tx.QueryRow(ctx, `select pg_try_advisory_xact_lock(`+lockKey+`)`, tenant).Scan(&ok)
	if err != nil {
		return false, fmt.Errorf("lock the chain: %w", err)
	}
	return ok, nil
}

// unsealed are entries of the queue, the oldest first, and the ids of those that are there no more.
func unsealed(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (found []Entry, gone []uuid.UUID, err error) {
	rows, err := tx.Query(ctx, `select id from app.audit_unsealed where tenant_id = $1 order by id limit $2`, tenant, sealMost)
	if err != nil {
		return nil, nil, fmt.Errorf("read the queue: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(ids) == 0 {
		return nil, nil, err
	}
	there, err := entriesOf(ctx, tx, tenant, ids)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if e, ok := there[id]; ok {
			found = append(found, e)
		} else {
			gone = append(gone, id)
		}
	}
	return found, gone, nil
}

const sealColumns = `seq, document, signature, key_id, entries, newest, sealed_at`

// headOf is the last seal, or the checkpoint after which none follows, or the start of a chain.
func headOf(ctx context.Context, tx pgx.Tx) (h Head, err error) {
	var document string
	err = tx.QueryRow(ctx, `select seq, document, sealed_at from audit_seal order by seq desc limit 1`).Scan(&h.Seq, &document, &h.SealedAt)
	if err == nil {
		h.Hash = hashOf(document)
		return h, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return h, fmt.Errorf("read the last seal: %w", err)
	}
	err = tx.QueryRow(ctx, `select seq, document::jsonb->>'hash', (document::jsonb->>'at')::timestamptz from audit_checkpoint order by seq desc limit 1`).
		Scan(&h.Seq, &h.Hash, &h.SealedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return Head{Hash: start}, nil
	}
	if err != nil {
		return h, fmt.Errorf("read the checkpoint: %w", err)
	}
	return h, nil
}

func insertSeal(ctx context.Context, tx pgx.Tx, s Seal) error {
	_, err := tx.Exec(ctx, `
		insert into audit_seal (seq, document, signature, key_id, entries, newest, sealed_at)
		values (@seq, @document, @signature, @key, @entries, @newest, @sealed)`, pgx.NamedArgs{
		"seq": s.Seq, "document": s.Document, "signature": []byte(s.Signature), "key": s.KeyID, "entries": s.Entries,
		"newest": s.Newest, "sealed": s.SealedAt,
	})
	if err != nil {
		return fmt.Errorf("add a seal: %w", err)
	}
	return nil
}

// seals are the next ones after seq.
func seals(ctx context.Context, tx pgx.Tx, after int64, most int) ([]Seal, error) {
	rows, err := tx.Query(ctx, `select `+sealColumns+` from audit_seal where seq > $1 order by seq limit $2`, after, most)
	if err != nil {
		return nil, fmt.Errorf("read seals: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Seal])
}

// entriesOf are entries of a log by id.
func entriesOf(ctx context.Context, tx pgx.Tx, log uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]Entry, error) {
	rows, err := tx.Query(ctx, `select `+columns(log)+` from audit_entry e where e.id = any ($1)`, ids)
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Entry])
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	found := make(map[uuid.UUID]Entry, len(all))
	for _, e := range all {
		found[e.ID] = e
	}
	return found, nil
}

// checkpoint is the newest one, if there is any.
func checkpoint(ctx context.Context, tx pgx.Tx) (c Checkpoint, ok bool, err error) {
	err = tx.QueryRow(ctx, `select seq, document, signature, key_id from audit_checkpoint order by seq desc limit 1`).
		Scan(&c.Seq, &c.Document, (*[]byte)(&c.Signature), &c.KeyID)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read the checkpoint: %w", err)
	}
	return c, true, nil
}

// strays are entries that no seal names and that do not wait for one: somebody else than the program added them.
func strays(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, most int) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		select e.id from audit_entry e
		left join (select left(x, 36)::uuid as id from audit_seal s, jsonb_array_elements_text(s.document::jsonb->'entries') x) s on s.id = e.id
		where s.id is null and not exists (select from app.audit_unsealed u where u.tenant_id = $1 and u.id = e.id) order by e.id limit $2`, tenant, most)
	if err != nil {
		return nil, fmt.Errorf("look for entries without a seal: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// queued counts the entries that wait for a seal, up to a bound.
func queued(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (n int64, err error) {
	err = tx.QueryRow(ctx, `select count(*) from (select from app.audit_unsealed where tenant_id = $1 limit 100000) q`, tenant).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what waits: %w", err)
	}
	return n, nil
}

// old is the last seal of those at the chain's beginning that have nothing newer than a time.
func old(ctx context.Context, tx pgx.Tx, before time.Time, most int) (seq int64, err error) {
	err = tx.QueryRow(ctx, `
		select coalesce(max(seq), 0) from (select seq, newest from audit_seal order by seq limit $2) s
		where not exists (select from (select seq, newest from audit_seal order by seq limit $2) o where o.seq <= s.seq and o.newest >= least($1, now() - make_interval(secs => $3)))`, before, most, retainLeast.Seconds()).Scan(&seq)
	if err != nil {
		return 0, fmt.Errorf("look for old seals: %w", err)
	}
	return seq, nil
}

// Proofs hands out the checkpoint and the seals that name any of some entries, none of which is older than a time.
func Proofs(ctx context.Context, tx pgx.Tx, entries map[uuid.UUID]struct{}, oldest time.Time, yield func(Line) error) error {
	if c, ok, err := checkpoint(ctx, tx); err != nil {
		return err
	} else if ok {
		if err := yield(Line{Checkpoint: &c}); err != nil {
			return err
		}
	}
	var last int64
	err := tx.QueryRow(ctx, `select coalesce(min(seq), 1) - 1 from audit_seal where newest >= $1`, oldest).Scan(&last)
	if err != nil {
		return fmt.Errorf("look for seals: %w", err)
	}
	for left := len(entries); left > 0; {
		found, err := seals(ctx, tx, last, batch)
		if err != nil || len(found) == 0 {
			return err
		}
		for _, s := range found {
			last = s.Seq
			var st statement
			if err := json.Unmarshal([]byte(s.Document), &st); err != nil {
				return fmt.Errorf("read seal %d: %w", s.Seq, err)
			}
			named := 0
			for _, i := range st.Entries {
				if _, ok := entries[i.id]; ok {
					named++
				}
			}
			if left -= named; named > 0 {
				if err := yield(Line{Seal: &s}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
