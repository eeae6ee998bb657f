package db_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// treasure is in a row of the victim's; nothing that an attacker gets may contain it.
const treasure = "crown-jewels"

// assault is an attacker who runs any SQL on the connections of a role, within and without the scope of tenant a.
type assault struct {
	t      *testing.T
	d      *dbtest.Database
	a      context.Context //nolint:containedctx // the attacker's own scope
	victim uuid.UUID       // in the pool
	siloed uuid.UUID       // in a silo
	conn   *pgx.Conn
}

func newAssault(t *testing.T) *assault {
	t.Helper()
	d := dbtest.New(t)
	a, b, c := d.Tenant(t, "attacker", tenancy.RoleOwner), d.Tenant(t, "victim", tenancy.RoleOwner), d.Tenant(t, "siloed", tenancy.RoleOwner)
	mustMake(t, d, tenantOf(c))
	if _, err := d.ToSilo(t.Context(), tenantOf(c)); err != nil {
		t.Fatal(err)
	}
	for _, ctx := range []context.Context{b, c} {
		record(t, ctx, d.App, treasure)
		err := d.App.InTenant(ctx, anything, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `insert into lab (id, slug, title) values ('00000000-0000-7000-8000-00000000000b', 'secret', $1)`, treasure)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `insert into river.river_job (args, kind, max_attempts, queue, state) values (jsonb_build_object('x', $1::text), 'x', 1, 'default', 'available')`, treasure)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	record(t, a, d.App, "own")
	conn, err := pgx.ConnectConfig(t.Context(), d.App.Pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &assault{t: t, d: d, a: a, victim: tenantOf(b), siloed: tenantOf(c), conn: conn}
}

// try runs SQL (several statements, simple protocol) and returns everything that comes back, errors included.
func (s *assault) try(ctx context.Context, conn *pgx.Conn, sql string) string {
	var out strings.Builder
	results := conn.PgConn().Exec(ctx, sql)
	for results.NextResult() {
		r := results.ResultReader()
		for r.NextRow() {
			for _, v := range r.Values() {
				out.Write(v)
				out.WriteByte('\n')
			}
		}
		tag, err := r.Close()
		fmt.Fprintln(&out, tag, detail(err))
	}
	fmt.Fprintln(&out, detail(results.Close()))
	return out.String()
}

func detail(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.Join([]string{pg.Message, pg.Detail, pg.Hint, pg.Where}, " ")
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// begun is the connection of a transaction that has its scope: before the first statement it has none.
func (s *assault) begun(tx pgx.Tx) *pgx.Conn {
	s.t.Helper()
	var own string
	if err := tx.QueryRow(s.a, `select target from audit_entry`).Scan(&own); err != nil || own != "own" {
		s.t.Fatalf("the attacker is not in their own scope: %q, %v", own, err)
	}
	return tx.Conn()
}

// forge is a scope for the victim, of a key that the attacker makes up.
func (s *assault) forge(until time.Time, mac string) string {
	return fmt.Sprintf("%016x", until.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).Microseconds()) + hex.EncodeToString(s.victim[:]) + strings.Repeat("0", 32) + mac
}

func (s *assault) attempts() map[string]string {
	v, silo := s.victim.String(), db.SiloSchema(s.siloed)
	mac := strings.Repeat("ab", 32)
	soon := time.Now().Add(30 * time.Second)
	return s.withOddities(map[string]string{
		"read all":                "select * from audit_entry; select * from lab; select * from river.river_job",
		"name the tenant":         "select * from audit_entry where tenant_id = '" + v + "'",
		"or true":                 "select * from audit_entry where tenant_id = '" + v + "' or 1 = 1",
		"old setting":             "set app.tenant_id = '" + v + "'; select * from audit_entry",
		"forged scope":            "select set_config('app.scope', '" + s.forge(soon, mac) + "', false); select * from audit_entry",
		"expired scope":           "select set_config('app.scope', '" + s.forge(time.Now().Add(-time.Hour), mac) + "', false); select * from audit_entry",
		"scope without a mac":     "select set_config('app.scope', '" + s.forge(soon, "") + "', false); select * from audit_entry",
		"garbage scope":           "select set_config('app.scope', 'zz', false); select * from audit_entry",
		"long scope":              "select set_config('app.scope', repeat('ab', 1000000), false); select * from audit_entry",
		"the owner":               "set role cloudkida_owner; select * from audit_entry",
		"other roles":             "set role cloudkida_worker; select * from river.river_job",
		"the group":               "set role cloudkida_tenant; select * from river.river_job",
		"the silo's role":         "set role " + string(db.SiloRole(s.siloed)) + "; select * from " + silo + ".audit_entry",
		"session authorization":   "set session authorization cloudkida_owner; select * from audit_entry",
		"row security off":        "set row_security = off; select * from audit_entry",
		"the silo's schema":       "set search_path = " + silo + "; select * from audit_entry",
		"the silo's table":        "select * from " + silo + ".audit_entry",
		"keys":                    "select * from app.tenant_scope",
		"keys through statistics": "select * from pg_stats where tablename in ('tenant_scope', 'audit_entry'); select * from pg_statistic",
		"new keys":                "select app.rotate_scope_keys('0', 100); select app.random_key()",
		"control":                 "select * from control.tenant",
		"identity":                `select * from identity."user"`,
		"environments":            "select * from runtime.environment",
		"own function":            "create function pg_temp.f() returns text language sql security definer as 'select 1'",
		"temporary table":         "create temp table audit_entry (x int); select * from pg_temp.audit_entry",
		"own schema":              "create schema mine",
		"own table":               "create table pool.mine (x int)",
		"own view":                "create view pool.mine as select * from audit_entry",
		"own trigger":             "create trigger t before insert on lab for each row execute function suppress_redundant_updates_trigger()",
		"own policy":              "create policy mine on audit_entry using (true)",
		"disable":                 "alter table audit_entry disable row level security",
		"own the table":           "alter table audit_entry owner to cloudkida_app",
		"copy out":                "copy audit_entry to stdout",
		"copy a file":             "copy lab from '/etc/passwd'",
		"copy a program":          "copy lab from program 'id'",
		"copy a query":            "copy (select * from audit_entry) to stdout",
		"explain":                 "explain (analyze, verbose) select * from audit_entry where target like 'crown%'",
		"write":                   "insert into audit_entry (tenant_id, action, target) values ('" + v + "', 'x', 'planted')",
		"update":                  "update lab set title = 'planted' where id = '00000000-0000-7000-8000-00000000000b'",
		"delete":                  "delete from session; delete from check_result",
		"truncate":                "truncate audit_entry, lab cascade",
		"merge":                   "merge into lab l using (select '00000000-0000-7000-8000-00000000000b'::uuid as id) s on l.id = s.id when matched then update set title = 'planted' when not matched then do nothing",
		"take over a row":         "update lab set tenant_id = '" + v + "'",
		"foreign key":             "insert into lab_version (tenant_id, lab_id, number, hash, archive) values ('" + v + "', '00000000-0000-7000-8000-00000000000b', 1, sha256(''), '')",
		"jobs":                    "select args from river.river_job; update river.river_job set kind = 'planted'; delete from river.river_job",
		"a job for the victim":    "insert into river.river_job (args, kind, max_attempts, queue, state, tenant_id) values ('{}', 'planted', 1, 'default', 'available', '" + v + "')",
		"a job for nobody":        "insert into river.river_job (args, kind, max_attempts, queue, state, tenant_id) values ('{}', 'planted', 1, 'default', 'available', null)",
		"activity":                "select query from pg_stat_activity",
		"prepared statements":     "select statement from pg_prepared_statements; select * from pg_cursors",
		"large objects":           "select lo_import('/etc/passwd')",
		"files":                   "select pg_read_file('/etc/passwd'); select pg_ls_dir('.')",
		"dblink":                  "create extension dblink",
		"foreign data":            "create server s foreign data wrapper postgres_fdw",
		"do block":                "do $$ begin execute 'select * from control.tenant'; end $$",
		"definer functions":       "select app.follow_tenant(); select app.protect_tenant_table('audit_entry')",
		"error as an oracle":      "select 1 / (length(target) - 12) from audit_entry",
		"cast as an oracle":       "select target::int from audit_entry where tenant_id = '" + v + "'",
		"leaky operator":          "select * from lab where title ~ '[' or title::int = 1",
		"constraint as an oracle": "insert into lab (tenant_id, id, slug) values ('" + v + "', '00000000-0000-7000-8000-00000000000b', 'secret')",
		"conflict as an oracle":   "insert into lab (tenant_id, id, slug) values ('" + v + "', '00000000-0000-7000-8000-00000000000b', 'secret') on conflict do nothing returning *",
		"the scope's view":        "select * from app.scope; explain (analyze, verbose) select * from app.scope",
		"view with a leaky qual":  "select * from app.scope where tenant_id::text::int = 1",
		"statistics of functions": "select * from pg_stat_user_functions; select * from pg_stat_statements",
		"settings of others":      "select * from pg_db_role_setting; select current_setting('app.scope', true)",
		"password hashes":         "select * from pg_authid; select * from pg_shadow",
	})
}

// harmless tells whether what came back shows nothing of the victims.
func harmless(got string) bool {
	return !strings.Contains(got, treasure) && !strings.Contains(got, "root:")
}

// unharmed checks that the victims' rows are as they were.
func (s *assault) unharmed(after string) {
	s.t.Helper()
	for schema, tenant := range map[string]uuid.UUID{"pool": s.victim, db.SiloSchema(s.siloed): s.siloed} {
		var rows, planted int
		err := s.d.Owner.QueryRow(s.t.Context(), `select (select count(*) from `+schema+`.audit_entry where tenant_id = $1) + (select count(*) from `+schema+`.lab where tenant_id = $1),
			(select count(*) from `+schema+`.lab where title = 'planted') + (select count(*) from `+schema+`.audit_entry where target = 'planted')`, tenant).Scan(&rows, &planted)
		if err != nil || rows != 2 || planted != 0 {
			s.t.Errorf("after %s: %d rows, %d planted, %v", after, rows, planted, err)
		}
	}
	var jobs int
	err := s.d.Worker.QueryRow(s.t.Context(), `select count(*) from river.river_job where kind = 'x' and tenant_id in ($1, $2)`, s.victim, s.siloed).Scan(&jobs)
	if err != nil || jobs != 2 {
		s.t.Errorf("after %s: %d jobs of the victims, %v", after, jobs, err)
	}
	if err := s.d.Worker.QueryRow(s.t.Context(), `select count(*) from river.river_job where kind = 'planted'`).Scan(&jobs); err != nil || jobs != 0 {
		s.t.Errorf("after %s: %d planted jobs, %v", after, jobs, err)
	}
}

func TestRawSQLWithoutAScopeGetsNothing(t *testing.T) {
	t.Parallel()
	s := newAssault(t)
	for name, sql := range s.attempts() {
		conn, err := pgx.ConnectConfig(t.Context(), s.d.App.Pool.Config().ConnConfig)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.try(t.Context(), conn, sql); !harmless(got) {
			t.Errorf("%s: %.300s", name, got)
		}
		s.unharmed(name)
		_ = conn.Close(t.Context())
	}
}

func TestRawSQLInAnotherScopeGetsNothing(t *testing.T) {
	t.Parallel()
	s := newAssault(t)
	for name, sql := range s.attempts() {
		_ = s.d.App.InTenant(s.a, anything, func(tx pgx.Tx) error {
			if got := s.try(s.a, s.begun(tx), sql); !harmless(got) {
				t.Errorf("%s: %.300s", name, got)
			}
			return errors.New("take it back")
		})
		s.unharmed(name)
		// Whatever was done to the connection: the next user of it, and another tenant, are not touched.
		if got := targets(t, s.a, s.d.App); len(got) != 1 || got[0] != "own" {
			t.Fatalf("after %s the attacker's tenant reads %q", name, got)
		}
	}
}

func TestTheSilosRoleHasRightsOnNothingElse(t *testing.T) {
	t.Parallel()
	s := newAssault(t)
	text, err := s.d.URL(db.SiloRole(s.siloed))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for name, sql := range s.attempts() {
		if got := s.try(t.Context(), conn, sql); !harmless(got) {
			t.Errorf("%s: %.300s", name, got)
		}
	}
	s.unharmed("the silo's role")
	if got := s.try(t.Context(), conn, "reset all; select * from pool.lab"); !strings.Contains(got, "permission denied") {
		t.Errorf("the pool's tables: %s", got)
	}
	// Everything that the role may touch is in its own schema, but for jobs.
	var outside []string
	rows, err := s.d.Owner.Query(t.Context(), `
		select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname not in ($2, 'pg_catalog', 'information_schema', 'pg_toast') and c.relkind in ('r', 'p', 'v', 'm', 'f')
			and has_table_privilege($1, c.oid, 'select, insert, update, delete') order by 1`,
		string(db.SiloRole(s.siloed)), db.SiloSchema(s.siloed))
	if err == nil {
		outside, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil || strings.Join(outside, " ") != "app.scope river.river_job" {
		t.Errorf("outside of its schema: %q, %v", outside, err)
	}
}

func TestAStolenScopeIsWorthNothingElsewhere(t *testing.T) {
	t.Parallel()
	s := newAssault(t)
	b := tenancy.System(t.Context(), s.victim)
	var stolen string
	err := s.d.App.InTenant(b, anything, func(tx pgx.Tx) error {
		if err := tx.QueryRow(b, `select current_setting('app.scope')`).Scan(&stolen); err != nil {
			return err
		}
		// While the victim's transaction is open, on another connection of the same role.
		got := s.try(b, s.conn, "select set_config('app.scope', '"+stolen+"', false); select * from audit_entry")
		if !strings.Contains(got, "scope refused") || !harmless(got) {
			t.Errorf("a stolen scope: %s", got)
		}
		return nil
	})
	if err != nil || stolen == "" {
		t.Fatal(err)
	}
	// The same token with one part changed each, on its own connection.
	err = s.d.App.InTenant(b, anything, func(tx pgx.Tx) error {
		if err := tx.QueryRow(b, `select current_setting('app.scope')`).Scan(&stolen); err != nil {
			return err
		}
		for name, forged := range map[string]string{
			"later expiry": fmt.Sprintf("%016x", time.Now().Add(time.Hour).Unix()) + stolen[16:],
			"other actor":  stolen[:48] + strings.Repeat("1", 32) + stolen[80:],
			"other tenant": stolen[:16] + hex.EncodeToString(s.siloed[:]) + stolen[48:],
			"longer":       stolen + "00", "shorter": stolen[:len(stolen)-2],
		} {
			got := s.try(b, tx.Conn(), "savepoint s; select set_config('app.scope', '"+forged+"', true); select target from audit_entry")
			if !strings.Contains(got, "scope refused") {
				t.Errorf("%s: %s", name, got)
			}
			_ = s.try(b, tx.Conn(), "rollback to s")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoScopeIsSeenInTheActivityOfOthers(t *testing.T) {
	t.Parallel()
	s := newAssault(t)
	b := tenancy.System(t.Context(), s.victim)
	err := s.d.App.InTenant(b, anything, func(tx pgx.Tx) error {
		if _, err := tx.Exec(b, `select from audit_entry where target = $1`, treasure); err != nil {
			return err
		}
		got := s.try(b, s.conn, "select * from pg_stat_activity; select * from pg_locks")
		if !harmless(got) || strings.Contains(got, s.victim.String()) || strings.Contains(got, hex.EncodeToString(s.victim[:])) {
			t.Errorf("activity shows the victim: %s", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAPoisonedConnectionServesTheNextTenantWell(t *testing.T) {
	t.Parallel()
	s := newAssault(t)
	for name, poison := range map[string]string{
		"the path": "set search_path = pg_catalog", "the scope": "set app.scope = 'ff'", "read only": "set default_transaction_read_only = on",
		"an ended transaction": "commit; set app.scope = 'ff'; set row_security = off", "a new one": "commit; begin; set search_path = 'x'",
	} {
		_ = s.d.App.InTenant(s.a, anything, func(tx pgx.Tx) error { _ = s.try(s.a, tx.Conn(), poison); return nil })
		_ = s.d.App.InTenant(s.a, anything, func(tx pgx.Tx) error { _ = s.try(s.a, s.begun(tx), poison); return nil })
		for range 3 {
			if got := targets(t, s.a, s.d.App); len(got) != 1 {
				t.Errorf("after %s: %q", name, got)
			}
			record(t, tenancy.System(t.Context(), s.victim), s.d.App, "fine")
		}
		_, err := s.d.Owner.Exec(t.Context(), `delete from audit_entry where target = 'fine'`)
		if err != nil {
			t.Fatal(err)
		}
		s.unharmed(name)
	}
}
