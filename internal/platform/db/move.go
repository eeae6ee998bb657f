package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Errors of a move. In all of them the tenant's data is where it was, and nothing is lost.
var (
	// ErrMoveBusy says that a transaction of the tenant did not end in time; trying again helps.
	ErrMoveBusy = errs.Unavailable("move_busy", "A long-running change of this organisation did not end in time. Try the move again in a moment.")
	// ErrMoveFull says that the database's disk is full; trying again does not help before there is room.
	ErrMoveFull = errs.Unavailable("disk_full", "The database's disk is full: the organisation's data stayed where it was. Make room, then resume.")
)

// How long a move waits for the tenant's transactions under way. Its own take no longer than renewals allow.
const moveLockWait = "10s"

// Moved tells what a move did.
type Moved struct {
	Rows  int64         // of the tenant, in its new place
	Pause time.Duration // for which the tenant's writes waited

	started time.Time // when the pause began
}

// ToSilo moves a tenant's data from the pool to its silo, which MakeSilo has made. Writes of this tenant alone wait
// meanwhile, reads go on: most rows are copied before, and what changed since, together with the tenant's place, in one
// transaction, so that a crash leaves the data where it was. The old rows are deleted by CleanPool. Doing it again changes nothing.
func (i Installation) ToSilo(ctx context.Context, tenant uuid.UUID) (Moved, error) {
	return i.move(ctx, tenant, PoolSchema, SiloSchema(tenant), SiloRole(tenant))
}

// ToPool moves a tenant's data from its silo to the pool, as ToSilo does the other way. DropSilo removes the silo afterwards.
func (i Installation) ToPool(ctx context.Context, tenant uuid.UUID) (Moved, error) {
	return i.move(ctx, tenant, SiloSchema(tenant), PoolSchema, App)
}

// moveTries bounds how often a move begins again because rows exchanged unique values, such as names, under way.
const moveTries = 3

func (i Installation) move(ctx context.Context, tenant uuid.UUID, from, to string, login Role) (m Moved, err error) {
	for range moveTries {
		if err = i.copyAhead(ctx, tenant, from, to); err != nil {
			break
		}
		err = i.asOwner(ctx, func(tx pgx.Tx) error {
			m, err = moveIn(ctx, tx, tenant, from, to, login)
			return err
		})
		if !m.started.IsZero() {
			m.Pause = time.Since(m.started)
		}
		if !exchanged(err) {
			break
		}
	}
	if err == nil && m.Pause > 0 {
		m.Rows, err = i.rowsIn(ctx, tenant, to)
	}
	return m, moveError(err)
}

// copyAhead copies all rows before anybody waits. A row that has a unique value which another one had at an earlier try
// cannot be added beside that: then everything is copied anew.
func (i Installation) copyAhead(ctx context.Context, tenant uuid.UUID, from, to string) error {
	ahead := func(anew bool) error {
		return i.asOwner(ctx, func(tx pgx.Tx) error {
			// One moment of all tables, so that no row refers to one that came later.
			if _, err := tx.Exec(ctx, "set transaction isolation level repeatable read"); err != nil {
				return fmt.Errorf("take a snapshot: %w", err)
			}
			at, _, err := placeOf(ctx, tx, tenant)
			if err != nil || at == to {
				return err
			}
			tables, err := tenantTables(ctx, tx, from)
			if err != nil {
				return err
			}
			if anew {
				if _, err := deleteTenant(ctx, tx, tenant, to, tables); err != nil {
					return err
				}
			}
			if err := follow(ctx, tx, tenant, from, to, tables); err != nil {
				return err
			}
			return analyze(ctx, tx, to, tables)
		})
	}
	err := ahead(false)
	if exchanged(err) {
		err = ahead(true)
	}
	return err
}

// analyze lets the planner know of the rows that were copied.
func analyze(ctx context.Context, tx pgx.Tx, schema string, tables []Table) error {
	for _, t := range tables {
		if err := execAll(ctx, tx, "analyze "+pgx.Identifier{schema, t.Name}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}

// exchanged tells whether a row could not be copied beside another that has its unique value.
func exchanged(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" // unique_violation
}

// moveError names the remedy of what can go wrong in PostgreSQL.
func moveError(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch pg.Code {
	case "55P03": // lock_not_available
		return ErrMoveBusy.Wrap(err)
	case "53100": // disk_full
		return ErrMoveFull.Wrap(err)
	default:
		return err
	}
}

// placeOf is a tenant's schema and the lock of its writes.
func placeOf(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (schema string, gate int64, err error) {
	err = tx.QueryRow(ctx, `select schema::text, gate from app.tenant_scope where tenant_id = $1`, tenant).Scan(&schema, &gate)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", 0, ErrNoTenant
	}
	if err != nil {
		return "", 0, fmt.Errorf("read the tenant's place: %w", err)
	}
	return schema, gate, nil
}

func moveIn(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, from, to string, login Role) (m Moved, err error) {
	at, gate, err := placeOf(ctx, tx, tenant)
	if err != nil || at == to {
		return m, err
	}
	if _, err := tx.Exec(ctx, "set local lock_timeout = '"+moveLockWait+"'"); err != nil {
		return m, fmt.Errorf("bound the wait: %w", err)
	}
	m.started = time.Now()
	// Every write of the tenant shares this lock: those under way end first, later ones wait without a connection.
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, gate); err != nil {
		return m, fmt.Errorf("wait for the tenant's writes: %w", err)
	}
	tables, err := tenantTables(ctx, tx, from)
	if err != nil {
		return m, err
	}
	if err := follow(ctx, tx, tenant, from, to, tables); err != nil {
		return m, err
	}
	_, err = tx.Exec(ctx, `update app.tenant_scope set schema = $2, login = $3, key = app.random_key(), changed_at = now() where tenant_id = $1`,
		tenant, to, string(login))
	if err != nil {
		return m, fmt.Errorf("change the tenant's place: %w", err)
	}
	placement := "silo"
	if to == PoolSchema {
		placement = "pool"
	}
	if _, err := tx.Exec(ctx, `update control.tenant set placement = $2, updated_at = now() where id = $1`, tenant, placement); err != nil {
		return m, fmt.Errorf("change the tenant's placement: %w", err)
	}
	return m, nil
}

// CleanPool deletes the rows that a tenant left in the pool when it moved to its silo.
func (i Installation) CleanPool(ctx context.Context, tenant uuid.UUID) error {
	return i.asOwner(ctx, func(tx pgx.Tx) error {
		var schema string
		// The row's lock keeps a move back to the pool waiting.
		if err := tx.QueryRow(ctx, `select schema::text from app.tenant_scope where tenant_id = $1 for update`, tenant).Scan(&schema); err != nil {
			return fmt.Errorf("read the tenant's place: %w", err)
		}
		if schema == PoolSchema {
			return fmt.Errorf("the data of tenant %s is in the pool: nothing may be deleted there", tenant)
		}
		tables, err := tenantTables(ctx, tx, PoolSchema)
		if err != nil {
			return err
		}
		_, err = deleteTenant(ctx, tx, tenant, PoolSchema, tables)
		return err
	})
}

// rowsIn counts a tenant's rows in a schema.
func (i Installation) rowsIn(ctx context.Context, tenant uuid.UUID, schema string) (total int64, err error) {
	err = i.asOwner(ctx, func(tx pgx.Tx) error {
		tables, err := tenantTables(ctx, tx, schema)
		if err != nil {
			return err
		}
		counts, err := countRows(ctx, tx, tenant, schema, tables)
		for _, n := range counts {
			total += n
		}
		return err
	})
	return total, err
}

func countRows(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, schema string, tables []Table) (map[string]int64, error) {
	counts := make(map[string]int64, len(tables))
	for _, t := range tables {
		var n int64
		err := tx.QueryRow(ctx, "select count(*) from "+pgx.Identifier{schema, t.Name}.Sanitize()+" where tenant_id = $1", tenant).Scan(&n)
		if err != nil {
			return nil, fmt.Errorf("count %s.%s: %w", schema, t.Name, err)
		}
		counts[t.Name] = n
	}
	return counts, nil
}

// CountTenant counts a tenant's rows in every table of tenant data, wherever they are: "pool.lab", "silo.lab".
func (i Installation) CountTenant(ctx context.Context, tenant uuid.UUID) (map[string]int64, error) {
	counts := map[string]int64{}
	err := i.asOwner(ctx, func(tx pgx.Tx) error {
		return eachSchema(ctx, tx, tenant, func(label, schema string, tables []Table) error {
			found, err := countRows(ctx, tx, tenant, schema, tables)
			for name, n := range found {
				counts[label+"."+name] = n
			}
			return err
		})
	})
	return counts, err
}

// PurgeTenant deletes a tenant's rows in every table of tenant data, wherever they are, and tells how many of each. The
// tenant must be closed to people; writes of the program under way end first.
func (i Installation) PurgeTenant(ctx context.Context, tenant uuid.UUID) (map[string]int64, error) {
	counts := map[string]int64{}
	err := i.asOwner(ctx, func(tx pgx.Tx) error {
		var gate int64
		var people bool
		err := tx.QueryRow(ctx, `select gate, people from app.tenant_scope where tenant_id = $1`, tenant).Scan(&gate, &people)
		if err != nil {
			return fmt.Errorf("read the tenant's place: %w", err)
		}
		if people {
			return fmt.Errorf("tenant %s is open: off-board it first", tenant)
		}
		if _, err := tx.Exec(ctx, `select set_config('lock_timeout', $1, true), pg_advisory_xact_lock($2)`, moveLockWait, gate); err != nil {
			return fmt.Errorf("wait for the tenant's writes: %w", err)
		}
		if _, err := tx.Exec(ctx, `delete from app.audit_unsealed where tenant_id = $1`, tenant); err != nil {
			return fmt.Errorf("take the tenant's entries from the sealer: %w", err)
		}
		return eachSchema(ctx, tx, tenant, func(label, schema string, tables []Table) error {
			deleted, err := deleteTenant(ctx, tx, tenant, schema, tables)
			for name, n := range deleted {
				counts[label+"."+name] = n
			}
			return err
		})
	})
	return counts, moveError(err)
}

// eachSchema calls fn for the pool and, where there is one, for the tenant's silo.
func eachSchema(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, fn func(label, schema string, tables []Table) error) error {
	for label, schema := range map[string]string{"pool": PoolSchema, "silo": SiloSchema(tenant)} {
		var there bool
		if err := tx.QueryRow(ctx, `select to_regnamespace($1) is not null`, schema).Scan(&there); err != nil {
			return fmt.Errorf("look for schema %s: %w", schema, err)
		}
		if !there {
			continue
		}
		tables, err := tenantTables(ctx, tx, schema)
		if err != nil {
			return err
		}
		if err := fn(label, schema, tables); err != nil {
			return err
		}
	}
	return nil
}

func (i Installation) asOwner(ctx context.Context, fn func(pgx.Tx) error) error {
	pool, err := i.Open(ctx, Owner, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	return pgx.BeginFunc(ctx, pool, fn)
}
