package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const (
	readers    = 8
	readRounds = 31
	readTime   = 100 * time.Millisecond
)

// reads measures what keeping tenants apart costs: one row by its key, with row level security and our two ways to set
// its scope, beside the same without either.
func reads(ctx context.Context, _ options, s *server, results *table) error {
	say("reads ...")
	in, err := s.installation(ctx)
	if err != nil {
		return err
	}
	app, err := in.Open(ctx, db.App, readers)
	if err != nil {
		return err
	}
	defer app.Close()
	control, err := in.Open(ctx, db.Control, 2)
	if err != nil {
		return err
	}
	defer control.Close()
	places, err := db.NewPlaces(control)
	if err != nil {
		return err
	}
	plain, err := newPlain(ctx, in.Admin)
	if err != nil {
		return err
	}
	defer plain.Close()
	r := &reading{plain: plain, app: app, undecided: &db.DB{
		Pool: app, Places: places, Authorize: func(context.Context, tenancy.Permission) error { return nil },
	}}
	engine := policy.NewEngine(time.Now)
	r.data = &db.DB{Pool: app, Places: places, Authorize: policy.Authorize, Decide: engine.Decide}
	engine.DB = r.data
	if _, err := plain.Exec(ctx, unsigned); err != nil {
		return fmt.Errorf("make the peer's table: %w", err)
	}
	if err := plain.QueryRow(ctx, `select id from pool.lab where tenant_id = $1 limit 1`, tenancy.DefaultTenant()).Scan(&r.lab); err != nil {
		return fmt.Errorf("find a lab: %w", err)
	}
	return r.compare(tenancy.With(ctx, tenancy.Scope{Tenant: tenancy.DefaultTenant(), User: uuid.New(), Role: tenancy.RoleLearner}), results)
}

// unsigned is the peer of signed scopes: the same table under row level security whose scope is a plain setting, which
// any SQL could change. Both tables are analyzed, so that the same plan reads them.
const unsigned = `
create schema if not exists unsigned;
grant usage on schema unsigned to cloudkida_app;
create or replace function unsigned.tenant_id() returns uuid language sql stable parallel safe
  return nullif(current_setting('unsigned.tenant_id', true), '')::uuid;
drop table if exists unsigned.lab;
create table unsigned.lab (like pool.lab including all);
insert into unsigned.lab select * from pool.lab;
alter table unsigned.lab enable row level security;
create policy tenant on unsigned.lab to cloudkida_app using (tenant_id = (select unsigned.tenant_id()));
grant select on unsigned.lab to cloudkida_app;
analyze pool.lab, unsigned.lab`

type reading struct {
	plain *pgxpool.Pool
	app   *pgxpool.Pool
	data  *db.DB // as the program has it
	lab   uuid.UUID

	undecided *db.DB // nothing is asked of policies
}

// compare measures every way in short turns, so that a noisy moment meets all of them: a ratio is the median of those of
// each round, as a machine's speed changes between rounds by more than ways differ.
func (r *reading) compare(ctx context.Context, results *table) error {
	ways := []func(context.Context) error{r.autocommitted, r.readInTenant, r.inTenant, r.readUnsigned, r.inUnsigned, r.readUndecided, r.inUndecided}
	const autocommitted, readSigned, inSigned, readUnsigned, inUnsigned, readUndecided, inUndecided = 0, 1, 2, 3, 4, 5, 6
	found := make([][]float64, len(ways))
	for range readRounds {
		for i, way := range ways {
			n, err := rate(ctx, way)
			if err != nil {
				return err
			}
			found[i] = append(found[i], n)
		}
	}
	for _, pair := range []struct {
		what, peerName string
		ours, peer     int
		least          float64 // of the peer's reads
	}{
		{"ReadInTenant, signed", "autocommitted", readSigned, autocommitted, 0.45},
		{"InTenant, signed", "autocommitted", inSigned, autocommitted, 0.33},
		{"ReadInTenant, signed", "plain setting", readSigned, readUnsigned, 0.75},
		{"InTenant, signed", "plain setting", inSigned, inUnsigned, 0.75},
		{"ReadInTenant, decided by policies", "undecided", readSigned, readUndecided, 0.9},
		{"InTenant, decided by policies", "undecided", inSigned, inUndecided, 0.9},
	} {
		ours, peer := middle(found[pair.ours]), middle(found[pair.peer])
		shares := make([]float64, readRounds)
		for i := range shares {
			shares[i] = found[pair.ours][i] / found[pair.peer][i]
		}
		share := middle(shares)
		results.add(row{
			what: fmt.Sprintf("reads/s, %s (%d at once)", pair.what, readers), ours: fmt.Sprintf("%.0f", ours),
			peer: fmt.Sprintf("%s %.0f", pair.peerName, peer), ratio: times(share),
			target: fmt.Sprintf(">= %.2f x", pair.least), met: share >= pair.least,
		})
	}
	return nil
}

// rate is how often per second read succeeds, with several at once.
func rate(ctx context.Context, read func(context.Context) error) (float64, error) {
	if err := read(ctx); err != nil {
		return 0, err
	}
	end := time.Now().Add(readTime)
	var count atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range readers {
		group.Go(func() error {
			for time.Now().Before(end) {
				if err := read(ctx); err != nil {
					return err
				}
				count.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(count.Load()) / readTime.Seconds(), err
}

func (r *reading) readInTenant(ctx context.Context) error { return r.read(ctx, r.data) }

func (r *reading) readUndecided(ctx context.Context) error { return r.read(ctx, r.undecided) }

func (r *reading) read(ctx context.Context, data *db.DB) error {
	found, err := db.ReadInTenant(ctx, data, "lab.read", `select slug from lab where id = @id`, pgx.NamedArgs{"id": r.lab}, pgx.RowTo[string])
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d rows, want 1", len(found))
	}
	return err
}

func (r *reading) autocommitted(ctx context.Context) error {
	var slug string
	return r.plain.QueryRow(ctx, `select slug from pool.lab where tenant_id = $1 and id = $2`, tenancy.DefaultTenant(), r.lab).Scan(&slug)
}

func (r *reading) inTenant(ctx context.Context) error { return r.in(ctx, r.data) }

func (r *reading) inUndecided(ctx context.Context) error { return r.in(ctx, r.undecided) }

func (r *reading) in(ctx context.Context, data *db.DB) error {
	return data.InWholeTenant(ctx, "lab.read", func(tx pgx.Tx) error {
		var slug string
		return tx.QueryRow(ctx, `select slug from lab where id = $1`, r.lab).Scan(&slug)
	})
}

// readUnsigned is ReadInTenant with a plain setting.
func (r *reading) readUnsigned(ctx context.Context) error {
	batch := &pgx.Batch{}
	batch.Queue(`select set_config('unsigned.tenant_id', $1, true)`, tenancy.DefaultTenant().String())
	batch.Queue(`select slug from unsigned.lab where id = @id`, pgx.NamedArgs{"id": r.lab})
	results := r.app.SendBatch(ctx, batch)
	err := func() error {
		if _, err := results.Exec(); err != nil {
			return err
		}
		rows, err := results.Query()
		if err != nil {
			return err
		}
		_, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
		return err
	}()
	return errors.Join(err, results.Close())
}

// inUnsigned is a transaction that begins with a plain setting, a bind parameter as well.
func (r *reading) inUnsigned(ctx context.Context) error {
	return pgx.BeginFunc(ctx, r.app, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select set_config('unsigned.tenant_id', $1, true)`, tenancy.DefaultTenant().String()); err != nil {
			return err
		}
		var slug string
		return tx.QueryRow(ctx, `select slug from unsigned.lab where id = $1`, r.lab).Scan(&slug)
	})
}

// middle is the median of a few figures.
func middle(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// newPlain opens as many connections as there are readers, as the other ways have.
func newPlain(ctx context.Context, url string) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = readers
	return pgxpool.NewWithConfig(ctx, cfg)
}
