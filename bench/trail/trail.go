// Package trail measures what audit entries cost: the write that has one beside the write that has none, writes of one
// organisation while its log is being sealed, and the sealer.
package trail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Writers is how many of one organisation write at once.
const Writers = 8

// Trail is an organisation whose writes are measured, by the program's own code in this process.
type Trail struct {
	data   *db.DB
	sealer *chain.Sealer
	ctx    context.Context //nolint:containedctx // the organisation's own scope
	tenant uuid.UUID
	closed []func()
}

// Open makes an organisation with one lab for each writer.
func Open(ctx context.Context, in db.Installation, signer *proof.Signer) (t *Trail, err error) {
	t = &Trail{}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	app, err := in.Open(ctx, db.App, Writers)
	if err != nil {
		return nil, err
	}
	t.closed = append(t.closed, app.Close)
	control, err := in.Open(ctx, db.Control, 1)
	if err != nil {
		return nil, err
	}
	t.closed = append(t.closed, control.Close)
	worker, err := in.Open(ctx, db.Worker, 1) // one connection, to which the chain is reserved
	if err != nil {
		return nil, err
	}
	t.closed = append(t.closed, worker.Close)
	places, err := db.NewPlaces(control)
	if err != nil {
		return nil, err
	}
	t.data = &db.DB{Pool: app, Places: places, Authorize: func(context.Context, tenancy.Permission) error { return nil }}
	t.sealer = &chain.Sealer{Keeper: &db.Keeper{Pool: worker, Places: places}, Pool: worker, Signer: signer, Log: slog.New(slog.DiscardHandler)}
	err = control.QueryRow(ctx, `insert into control.tenant (name, title) values ($1, $1) returning id`, "trail-"+uuid.NewString()[:8]).Scan(&t.tenant)
	if err != nil {
		return nil, fmt.Errorf("make the organisation: %w", err)
	}
	err = worker.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return chain.Reserve(ctx, c.Conn(), t.tenant) })
	if err != nil {
		return nil, err
	}
	t.ctx = tenancy.With(ctx, tenancy.Scope{Tenant: t.tenant, User: uuid.New(), Role: tenancy.RoleOwner})
	err = t.within(func(tx pgx.Tx) error {
		_, err := tx.Exec(t.ctx, `insert into lab (slug, version) select 'lab-' || n, 1 from generate_series(0, $1::int - 1) n`, Writers)
		return err
	})
	return t, err
}

// Close lets go of the database.
func (t *Trail) Close() {
	for _, closed := range t.closed {
		closed()
	}
}

func (t *Trail) within(fn func(pgx.Tx) error) error { return t.data.InTenant(t.ctx, "measured", fn) }

// Write is one change of a lab, as one of the writers makes it.
type Write func(tx pgx.Tx, writer int) error

func (t *Trail) change(tx pgx.Tx, writer int) error {
	_, err := tx.Exec(t.ctx, `update lab set version = version + 1 where slug = $1`, fmt.Sprintf("lab-%d", writer))
	return err
}

// Plain is the change alone.
func (t *Trail) Plain() Write { return t.change }

// Recorded is the change with its entry.
func (t *Trail) Recorded() Write {
	return func(tx pgx.Tx, writer int) error {
		if err := t.change(tx, writer); err != nil {
			return err
		}
		return audit.Changed(t.ctx, tx, "lab.changed", fmt.Sprintf("lab-%d", writer), map[string]any{"version": 1}, map[string]any{"version": 2})
	}
}

// Chained is the change with its entry and what a chain within the transaction needs: nobody else of the organisation may be
// between the last entry and this one, so that the next one waits until this one has committed.
func (t *Trail) Chained() Write {
	recorded := t.Recorded()
	return func(tx pgx.Tx, writer int) error {
		if _, err := tx.Exec(t.ctx, `select pg_advisory_xact_lock(hashtextextended('bench trail ' || $1::uuid, 0))`, t.tenant); err != nil {
			return err
		}
		return recorded(tx, writer)
	}
}

// Times are how long writes took that so many made at once, each one after another, for so long.
func (t *Trail) Times(w Write, writers int, long time.Duration) ([]time.Duration, error) {
	took := make([][]time.Duration, writers)
	until := time.Now().Add(long)
	var all errgroup.Group
	for n := range writers {
		all.Go(func() error {
			for began := time.Now(); began.Before(until); began = time.Now() {
				if err := t.within(func(tx pgx.Tx) error { return w(tx, n) }); err != nil {
					return err
				}
				took[n] = append(took[n], time.Since(began))
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	var list []time.Duration
	for _, some := range took {
		list = append(list, some...)
	}
	return list, nil
}

// Sealed runs fn while the organisation's log is sealed as the program seals it, once a second.
func (t *Trail) Sealed(fn func() error) error {
	done := make(chan struct{})
	var sealer errgroup.Group
	sealer.Go(func() error {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			if _, _, err := t.Seal(); err != nil {
				return err
			}
			select {
			case <-done:
				return nil
			case <-tick.C:
			}
		}
	})
	err := fn()
	close(done)
	return errors.Join(err, sealer.Wait())
}

// Seal seals all that waits, and tells how many entries that were and how long it took.
func (t *Trail) Seal() (entries int, took time.Duration, err error) {
	began := time.Now()
	entries, err = t.sealer.Tenant(t.ctx, t.tenant)
	return entries, time.Since(began), err
}

// Fill records so many entries at once.
func (t *Trail) Fill(entries int) error {
	return t.within(func(tx pgx.Tx) error {
		_, err := tx.Exec(t.ctx, `
			insert into audit_entry (action, target, detail, before, after)
			select 'lab.changed', 'lab-' || n % 8, '{}', '{"version": 1}', '{"version": 2}' from generate_series(1, $1::int) n`, entries)
		return err
	})
}
