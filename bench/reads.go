package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const (
	readers  = 8
	readTime = 3 * time.Second
)

// reads measures what keeping tenants apart costs: one row by its key, with row level security and our two ways to set
// its scope, beside the same without either.
func reads(ctx context.Context, s *server, results *table) error {
	say("reads ...")
	key, err := secret.Load(s.data, "")
	if err != nil {
		return err
	}
	admin, err := s.command(ctx, nil, "db", "url")
	if err != nil {
		return err
	}
	in := db.Installation{Admin: strings.TrimSpace(admin), Password: func(r db.Role) string { return key.Derive("database role " + string(r)) }}
	app, err := in.Open(ctx, db.App, readers)
	if err != nil {
		return err
	}
	defer app.Close()
	plain, err := pgxpool.New(ctx, in.Admin)
	if err != nil {
		return err
	}
	defer plain.Close()
	r := &reading{plain: plain, data: &db.DB{Pool: app, Authorize: func(context.Context, tenancy.Permission) error { return nil }}}
	if err := plain.QueryRow(ctx, `select id from pool.lab where tenant_id = $1 limit 1`, tenancy.DefaultTenant()).Scan(&r.lab); err != nil {
		return fmt.Errorf("find a lab: %w", err)
	}
	return r.compare(tenancy.With(ctx, tenancy.Scope{Tenant: tenancy.DefaultTenant(), Role: tenancy.RoleSystem}), results)
}

type reading struct {
	plain *pgxpool.Pool
	data  *db.DB
	lab   uuid.UUID
}

// compare measures each way beside its plain one.
func (r *reading) compare(ctx context.Context, results *table) error {
	for _, pair := range []struct {
		what       string
		ours, peer func(context.Context) error
		least      float64 // of the peer's reads
	}{
		{"reads/s, ReadInTenant (8 at once)", r.readInTenant, r.readPlain, 0.6},
		{"reads/s, InTenant (8 at once)", r.inTenant, r.inTransaction, 0.7},
	} {
		peer, err := rate(ctx, pair.peer)
		if err != nil {
			return err
		}
		ours, err := rate(ctx, pair.ours)
		if err != nil {
			return err
		}
		share := ours / peer
		results.add(row{
			what: pair.what, ours: fmt.Sprintf("%.0f", ours), peer: fmt.Sprintf("plain %.0f", peer), ratio: times(share),
			target: fmt.Sprintf(">= %.1f x", pair.least), met: share >= pair.least,
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

func (r *reading) readInTenant(ctx context.Context) error {
	found, err := db.ReadInTenant(ctx, r.data, "lab.read", `select slug from lab where id = @id`, pgx.NamedArgs{"id": r.lab}, pgx.RowTo[string])
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("%d rows, want 1", len(found))
	}
	return err
}

func (r *reading) readPlain(ctx context.Context) error {
	var slug string
	return r.plain.QueryRow(ctx, `select slug from pool.lab where tenant_id = $1 and id = $2`, tenancy.DefaultTenant(), r.lab).Scan(&slug)
}

func (r *reading) inTenant(ctx context.Context) error {
	return r.data.InTenant(ctx, "lab.read", func(tx pgx.Tx) error {
		var slug string
		return tx.QueryRow(ctx, `select slug from lab where id = $1`, r.lab).Scan(&slug)
	})
}

func (r *reading) inTransaction(ctx context.Context) error {
	return pgx.BeginFunc(ctx, r.plain, func(tx pgx.Tx) error {
		var slug string
		return tx.QueryRow(ctx, `select slug from pool.lab where tenant_id = $1 and id = $2`, tenancy.DefaultTenant(), r.lab).Scan(&slug)
	})
}
