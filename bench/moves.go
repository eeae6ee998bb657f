package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

// moves measures for how long a tenant's writes wait while its data moves between the pool and a silo.
func moves(ctx context.Context, _ options, s *server, results *table) error {
	in, err := s.installation(ctx)
	if err != nil {
		return err
	}
	plain, err := pgxpool.New(ctx, in.Admin)
	if err != nil {
		return err
	}
	defer plain.Close()
	for _, size := range []struct {
		rows int
		most time.Duration
	}{{100_000, time.Second}, {1_000_000, 10 * time.Second}} {
		say(fmt.Sprintf("move of %d rows ...", size.rows))
		tenant, err := fill(ctx, plain, fmt.Sprintf("moved-%d", size.rows), size.rows)
		if err != nil {
			return err
		}
		if err := in.MakeSilo(ctx, tenant); err != nil {
			return err
		}
		there, err := in.ToSilo(ctx, tenant)
		if err != nil {
			return err
		}
		if err := in.CleanPool(ctx, tenant); err != nil {
			return err
		}
		back, err := in.ToPool(ctx, tenant)
		if err != nil {
			return err
		}
		if there.Rows < int64(size.rows) || back.Rows != there.Rows {
			return fmt.Errorf("moved %d rows there and %d back, want %d", there.Rows, back.Rows, size.rows)
		}
		for what, moved := range map[string]db.Moved{"pool to silo": there, "silo to pool": back} {
			results.add(row{
				what: fmt.Sprintf("writes wait, %s, %d rows", what, moved.Rows), ours: seconds(moved.Pause),
				target: "< " + seconds(size.most), met: moved.Pause < size.most,
			})
		}
		if _, err := plain.Exec(ctx, "vacuum"); err != nil {
			return err
		}
	}
	return nil
}

// fill makes a pooled tenant with so many rows: sessions with seven check results and two audit entries each.
func fill(ctx context.Context, plain *pgxpool.Pool, name string, rows int) (tenant uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, plain, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `insert into control.tenant (name, title) values ($1, $1) returning id`, name).Scan(&tenant)
		if err != nil {
			return err
		}
		for _, statement := range []string{
			`insert into pool.lab (tenant_id, id, slug, version) values ($1, '00000000-0000-7000-8000-0000000000aa', 'lab', 1)`,
			`insert into pool.lab_version (tenant_id, id, lab_id, number, hash, archive)
			values ($1, '00000000-0000-7000-8000-0000000000ab', '00000000-0000-7000-8000-0000000000aa', 1, sha256(''), '')`,
			`insert into pool.session (tenant_id, id, user_id, lab_id, version_id, environment_id, host, state)
			select $1, uuidv7(), uuidv7(), '00000000-0000-7000-8000-0000000000aa', '00000000-0000-7000-8000-0000000000ab', uuidv7(), 'h', 'ended'
			from generate_series(1, $2::int / 10)`,
			`insert into pool.check_result (tenant_id, session_id, step, name, state, message)
			select $1, s.id, n, 'a check', 'passed', 'what was found and what was expected' from pool.session s, generate_series(1, 7) n where s.tenant_id = $1`,
			`insert into pool.audit_entry (tenant_id, action, target, detail)
			select $1, 'session.started', s.id::text, '{"lab": "lab", "version": 1}' from pool.session s, generate_series(1, 2) where s.tenant_id = $1`,
		} {
			args := []any{tenant, rows}
			if !strings.Contains(statement, "$2") {
				args = args[:1]
			}
			if _, err := tx.Exec(ctx, statement, args...); err != nil {
				return fmt.Errorf("fill: %w", err)
			}
		}
		return nil
	})
	return tenant, err
}

// installation is the server's database, with every right.
func (s *server) installation(ctx context.Context) (db.Installation, error) {
	key, err := secret.Load(s.data, "")
	if err != nil {
		return db.Installation{}, err
	}
	admin, err := s.command(ctx, nil, "db", "url")
	if err != nil {
		return db.Installation{}, err
	}
	return db.Installation{
		Admin: strings.TrimSpace(admin), Password: func(r db.Role) string { return key.Derive("database role " + string(r)) },
	}, nil
}
