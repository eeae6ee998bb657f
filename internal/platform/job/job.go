// Package job sets up River, the one way to work in the background: jobs live in the schema river of the same
// PostgreSQL and are added in the transaction of the rows that they are about.
package job

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Schema is where River's tables are.
const Schema = "river"

// Client adds jobs and, in a process that works, runs them.
type Client = river.Client[pgx.Tx]

// HostQueue is the queue of the environments on one host.
func HostQueue(host string) string { return "host-" + host }

// NewInserter returns a client that only adds jobs, in the transactions that its callers bring.
func NewInserter() (*Client, error) {
	c, err := river.NewClient(riverpgxv5.New(nil), &river.Config{Schema: Schema})
	if err != nil {
		return nil, fmt.Errorf("river inserter: %w", err)
	}
	return c, nil
}

// Work says what a working process does.
type Work struct {
	Pool     *pgxpool.Pool // of the worker role
	Workers  *river.Workers
	Queues   map[string]int // queue to how many at once
	Periodic []*river.PeriodicJob
	Log      *slog.Logger
}

// NewWorker returns a client that runs jobs once it is started.
func NewWorker(w Work) (*Client, error) {
	queues := make(map[string]river.QueueConfig, len(w.Queues))
	for name, workers := range w.Queues {
		// River's default cooldown of 100 ms would be half of a session's start.
		queues[name] = river.QueueConfig{MaxWorkers: workers, FetchCooldown: 5 * time.Millisecond, FetchPollInterval: time.Second}
	}
	c, err := river.NewClient(riverpgxv5.New(w.Pool), &river.Config{
		Schema: Schema, Logger: w.Log, Queues: queues, Workers: w.Workers, PeriodicJobs: w.Periodic,
		FetchCooldown: 5 * time.Millisecond, JobTimeout: 5 * time.Minute, RescueStuckJobsAfter: 10 * time.Minute,
		Middleware: []rivertype.Middleware{&scopeMiddleware{pool: w.Pool, log: cmp.Or(w.Log, slog.Default())}},
	})
	if err != nil {
		return nil, fmt.Errorf("river worker: %w", err)
	}
	return c, nil
}

// scopeMiddleware gives a job the scope of the tenant that its row belongs to. The row is River's and under row level
// security: whoever added the job could not have named another tenant.
type scopeMiddleware struct {
	river.MiddlewareDefaults
	pool *pgxpool.Pool
	log  *slog.Logger
}

// Work runs one job in its tenant's scope; a job without a tenant runs in none.
func (m *scopeMiddleware) Work(ctx context.Context, row *rivertype.JobRow, next func(context.Context) error) error {
	var tenant *uuid.UUID
	if err := m.pool.QueryRow(ctx, `select tenant_id from river.river_job where id = $1`, row.ID).Scan(&tenant); err != nil {
		return m.guard(ctx, row, nil, func(context.Context) error { return fmt.Errorf("read the job's tenant: %w", err) })
	}
	if fault.On(fault.JobOfItsArguments) {
		tenant = named(row)
	}
	if tenant != nil {
		ctx = tenancy.System(ctx, *tenant)
	}
	return m.guard(ctx, row, tenant, next)
}

// named is the tenant that a job's arguments name, which only a planted fault asks for.
func named(row *rivertype.JobRow) *uuid.UUID {
	var args struct{ Tenant *uuid.UUID }
	_ = json.Unmarshal(row.EncodedArgs, &args) // of other forms: none
	return args.Tenant
}
