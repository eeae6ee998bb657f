package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// row is a row of control.request_count.
type row struct {
	Tenant, Program uuid.UUID
	Period          string
	Since           time.Time
	Requests        int64
}

// window is the row's, with its end.
func (r row) window() window {
	today, thisMonth := windows(r.Tenant, r.Program, r.Since)
	if period(r.Period) == day {
		return today
	}
	return thisMonth
}

// read reads the rows of one program and of its tenant.
func read(ctx context.Context, pool *pgxpool.Pool, c counted) (map[window]int64, error) {
	return collect(pool.Query(ctx, `
		select tenant_id, program_id, period, since, requests from control.request_count
		where tenant_id = @tenant and program_id in (@program, @all) and (period, since) in (('day', @day), ('month', @month))`,
		pgx.NamedArgs{"tenant": c.day.tenant, "program": c.day.program, "all": uuid.Nil, "day": c.day.since, "month": c.month.since}))
}

// mostPrograms is how many programs of one tenant are listed; it can have fewer, but removed ones have counts as well.
const mostPrograms = 500

// readTenant reads what every program of a tenant has today and in this month, the busiest first, and the tenant's own rows.
func readTenant(ctx context.Context, pool *pgxpool.Pool, tenant uuid.UUID, now time.Time) (map[window]int64, error) {
	today, thisMonth := windows(tenant, uuid.Nil, now)
	return collect(pool.Query(ctx, `
		select tenant_id, program_id, period, since, requests from control.request_count
		where tenant_id = @tenant and (period, since) in (('day', @day), ('month', @month))
		order by program_id = @all desc, requests desc limit @most`,
		pgx.NamedArgs{"tenant": tenant, "all": uuid.Nil, "day": today.since, "month": thisMonth.since, "most": 2 * mostPrograms}))
}

func collect(rows pgx.Rows, err error) (map[window]int64, error) {
	if err != nil {
		return nil, fmt.Errorf("read counts of requests: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, fmt.Errorf("read counts of requests: %w", err)
	}
	counts := make(map[window]int64, len(found))
	for _, r := range found {
		counts[r.window()] = r.Requests
	}
	return counts, nil
}

// write adds counts to the rows and returns what these are now. The order keeps processes from waiting for each other; of
// tenants that are gone nothing is kept.
func write(ctx context.Context, pool *pgxpool.Pool, counts map[window]int64) (map[window]int64, error) {
	var tenants, programs []uuid.UUID
	var periods []string
	var since []time.Time
	var requests []int64
	for w, n := range counts {
		tenants, programs, periods = append(tenants, w.tenant), append(programs, w.program), append(periods, string(w.period))
		since, requests = append(since, w.since), append(requests, n)
	}
	return collect(pool.Query(ctx, `
		insert into control.request_count as c (tenant_id, program_id, period, since, requests)
		select n.* from unnest(@tenants::uuid[], @programs::uuid[], @periods::text[], @since::date[], @requests::bigint[]) n (tenant, program, period, since, requests)
		join control.tenant t on t.id = n.tenant order by 1, 2, 3, 4
		on conflict (tenant_id, period, since, program_id) do update set requests = c.requests + excluded.requests
		returning tenant_id, program_id, period, since, requests`,
		pgx.NamedArgs{"tenants": tenants, "programs": programs, "periods": periods, "since": since, "requests": requests}))
}

// How long counts are kept, and how many go at a time.
const (
	keepDays   = 62
	keepMonths = 25
	sweepBatch = 10_000
)

func sweep(ctx context.Context, pool *pgxpool.Pool, now time.Time) error {
	for _, old := range []struct {
		period period
		before time.Time
	}{{day, now.AddDate(0, 0, -keepDays)}, {month, now.AddDate(0, -keepMonths, 0)}} {
		_, err := pool.Exec(ctx, `
			delete from control.request_count where ctid in (
				select ctid from control.request_count where period = $1 and since < $2 limit $3)`, string(old.period), old.before.UTC(), sweepBatch)
		if err != nil {
			return fmt.Errorf("delete old counts: %w", err)
		}
	}
	return nil
}

// ProgramLimit is what a tenant allows one of its programs; what is nil is bounded by the tenant's plan alone.
type ProgramLimit struct {
	Rate    *int64
	Burst   *int64
	Daily   *int64
	Monthly *int64
}

func (l ProgramLimit) most(p period) *int64 {
	if p == day {
		return l.Daily
	}
	return l.Monthly
}

// maxProgramLimits is how many programs of one tenant may have limits of their own.
const maxProgramLimits = 1000

// limitsOf are the limits of a tenant's programs, as of at most 5 s ago.
func (s *Service) limitsOf(ctx context.Context, tenant uuid.UUID) (map[uuid.UUID]ProgramLimit, error) {
	return s.programs.Get(tenant, func() (map[uuid.UUID]ProgramLimit, error) {
		rows, err := s.Pool.Query(ctx, `select program_id, rate, burst, daily, monthly from control.program_limit where tenant_id = $1 limit $2`, tenant, maxProgramLimits)
		if err != nil {
			return nil, fmt.Errorf("read limits of programs: %w", err)
		}
		limits := map[uuid.UUID]ProgramLimit{}
		var id uuid.UUID
		var l ProgramLimit
		_, err = pgx.ForEachRow(rows, []any{&id, &l.Rate, &l.Burst, &l.Daily, &l.Monthly}, func() error {
			limits[id] = l
			l = ProgramLimit{}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read limits of programs: %w", err)
		}
		return limits, nil
	})
}

// setLimit gives a program limits, or takes them all back. record is called with what they were before the change commits.
func setLimit(ctx context.Context, pool *pgxpool.Pool, tenant, id uuid.UUID, l ProgramLimit, record func(before ProgramLimit) error) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		var before ProgramLimit
		err := tx.QueryRow(ctx, `select rate, burst, daily, monthly from control.program_limit where tenant_id = $1 and program_id = $2 for update`, tenant, id).
			Scan(&before.Rate, &before.Burst, &before.Daily, &before.Monthly)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("read limits of a program: %w", err)
		}
		if err := writeLimit(ctx, tx, tenant, id, l); err != nil {
			return err
		}
		return record(before)
	})
}

func writeLimit(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, l ProgramLimit) error {
	change := `
		insert into control.program_limit (tenant_id, program_id, rate, burst, daily, monthly)
		select @tenant, @program, @rate::bigint, @burst::bigint, @daily::bigint, @monthly::bigint
		where (select count(*) from control.program_limit where tenant_id = @tenant and program_id <> @program) < @most
		on conflict (tenant_id, program_id) do update set rate = excluded.rate, burst = excluded.burst, daily = excluded.daily, monthly = excluded.monthly, set_at = now()`
	if l == (ProgramLimit{}) {
		change = `delete from control.program_limit where tenant_id = @tenant and program_id = @program`
	}
	tag, err := tx.Exec(ctx, change, pgx.NamedArgs{
		"tenant": tenant, "program": id, "rate": l.Rate, "burst": l.Burst, "daily": l.Daily, "monthly": l.Monthly, "most": maxProgramLimits,
	})
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == "23503":
		return ErrProgram
	case err != nil:
		return fmt.Errorf("set limits of a program: %w", err)
	case tag.RowsAffected() == 0 && l != (ProgramLimit{}):
		return errTooManyLimits
	}
	return nil
}
