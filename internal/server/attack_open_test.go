package server_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// guarded is a table whose rows a role of the program sees of one tenant alone, and what that role may do with them.
type guarded struct {
	Table                string
	Role                 db.Role
	Read, Change, Delete bool
	Add                  bool
	Column               string // one that may be changed
	Columns              string // all that a row is made of
}

// guarded lists, from the catalogue, all tables that are under row level security and the roles that may do anything with them:
// what their policies say is not asked, as that is what may be wrong.
func (s *stage) guarded(t *testing.T) []guarded {
	t.Helper()
	rows, err := s.db.Query(t.Context(), `
		select c.oid::regclass::text, r.rolname, has_table_privilege(r.oid, c.oid, 'select'),
			has_any_column_privilege(r.oid, c.oid, 'update'), has_table_privilege(r.oid, c.oid, 'delete'), has_table_privilege(r.oid, c.oid, 'insert'),
			coalesce((select quote_ident(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
				and has_column_privilege(r.oid, c.oid, a.attnum, 'update') order by a.attnum desc limit 1), ''),
			(select string_agg(quote_ident(a.attname), ', ') from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
				and a.attgenerated = '' and a.attidentity <> 'a')
		from pg_class c cross join pg_roles r
		where c.relkind in ('r', 'p') and c.relrowsecurity and c.relnamespace::regnamespace::text not like 'silo\_%'
			and r.rolname in ('cloudkida_app', 'cloudkida_worker', 'cloudkida_identity')
			and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
			and (has_any_column_privilege(r.oid, c.oid, 'select, insert, update') or has_table_privilege(r.oid, c.oid, 'delete'))
			and (c.oid::regclass::text, r.rolname) not in (('river.river_job', 'cloudkida_worker')) -- which runs the jobs of all
		order by 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[guarded])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// errEnough takes back what an attack did.
var errEnough = errors.New("enough")

// within runs SQL as a role of the program, in the scope of a tenant, as the program itself enters it, and takes it back.
func (s *stage) within(t *testing.T, role db.Role, tenant, sql string, args ...any) (affected int64, err error) {
	t.Helper()
	run := func(tx pgx.Tx) error {
		var done pgconn.CommandTag
		if done, err = tx.Exec(t.Context(), sql, args...); err == nil {
			affected = done.RowsAffected()
		}
		return errEnough
	}
	if role == db.Identity {
		_ = pgx.BeginTxFunc(t.Context(), s.roles[role], pgx.TxOptions{BeginQuery: "begin; set local identity.tenant = '" + tenant + "'"}, run)
		return affected, err
	}
	d := db.DB{Pool: s.roles[role], Places: s.data.Places, Authorize: s.data.Authorize}
	ctx := tenancy.System(t.Context(), uuid.MustParse(tenant))
	if failed := d.InWholeTenant(ctx, policy.SessionSystem, run); !errors.Is(failed, errEnough) {
		t.Fatalf("%s in the scope of %s: %v", role, tenant, failed)
	}
	return affected, err
}

// raw looks with SQL that asks for everything whether a role of the program, in the scope of one tenant, comes to rows of
// another. Statements of the program ask for less: what row level security forgets, this sees first.
func (s *stage) raw(t *testing.T, from, other string, chosen ...string) (faults []string) {
	t.Helper()
	tried := 0
	for _, g := range s.guarded(t) {
		if len(chosen) > 0 && !slices.Contains(chosen, g.Table) {
			continue
		}
		ways := map[string]string{}
		if g.Read {
			ways["reads"] = `select from ` + g.Table + ` where tenant_id = $1`
		}
		if g.Change {
			ways["changes"] = `update ` + g.Table + ` set ` + g.Column + ` = ` + g.Column + ` where tenant_id = $1`
		}
		if g.Delete {
			ways["deletes"] = `delete from ` + g.Table + ` where tenant_id = $1`
			faults = append(faults, s.deletesAll(t, g, from)...)
		}
		if g.Add {
			faults = append(faults, s.adds(t, g, from, other)...)
		}
		for _, way := range slices.Sorted(maps.Keys(ways)) {
			tried++
			// An error comes from a row that was found, such as that another one refers to it.
			if n, err := s.within(t, g.Role, s.tenants[from], ways[way], s.tenants[other]); n > 0 || err != nil {
				faults = append(faults, fmt.Sprintf("%s in the scope of %s %s %d rows of %s in %s (%v)", g.Role, from, way, n, other, g.Table, err))
			}
		}
	}
	if len(chosen) == 0 && tried < 50 {
		faults = append(faults, fmt.Sprintf("only %d statements were tried", tried))
	}
	return faults
}

// deletesAll deletes without a condition, which asks the policy for deleting alone: no more may go than with one for the
// tenant's own rows and those of nobody. Where own rows cannot be deleted, as others refer to them, it tells nothing.
func (s *stage) deletesAll(t *testing.T, g guarded, from string) (faults []string) {
	t.Helper()
	all, err := s.within(t, g.Role, s.tenants[from], `delete from `+g.Table)
	if err != nil {
		return nil
	}
	own, err := s.within(t, g.Role, s.tenants[from], `delete from `+g.Table+` where tenant_id = $1 or tenant_id is null`, s.tenants[from])
	if err != nil || all > own {
		faults = append(faults, fmt.Sprintf("%s in the scope of %s deletes %d rows of %s without a condition, and %d of its own (%v)", g.Role, from, all, g.Table, own, err))
	}
	return faults
}

// adds tries to add a row of the one tenant again as one of the other. The policy is asked before any key of the table, so that
// whatever else is wrong with the row comes after it.
func (s *stage) adds(t *testing.T, g guarded, from, other string) (faults []string) {
	t.Helper()
	statement := `insert into ` + g.Table + ` (` + g.Columns + `) select ` + g.Columns + ` from (
		select (jsonb_populate_record(null::` + g.Table + `, to_jsonb(x) || jsonb_build_object('tenant_id', $1::text))).* from ` + g.Table + ` x limit 1) y`
	n, err := s.within(t, g.Role, s.tenants[from], statement, s.tenants[other])
	var pg *pgconn.PgError
	refused := errors.As(err, &pg) && pg.Code == "42501"
	if n > 0 || err != nil && !refused {
		faults = append(faults, fmt.Sprintf("%s in the scope of %s adds %d rows of %s to %s (%v)", g.Role, from, n, other, g.Table, err))
	}
	return faults
}

// Marks that an open policy leaves in the locks of a connection: a transaction that is rolled back, or may only read, keeps
// them as well.
const (
	markAny   = 710_001 // a statement came to some row of the table
	markOther = 710_002 // to one of the other tenant
)

// openPolicies opens each table that is under row level security, one after the other, to the roles that answer requests.
// SQL that asks for everything must see each. The API is asked as well: what it does not show is kept back by the
// statements' own conditions, which the policy tells by the rows that it was asked about.
func (s *stage) openPolicies(t *testing.T) {
	t.Helper()
	var tables []string
	for _, g := range s.guarded(t) {
		if g.Role != db.Worker && !slices.Contains(tables, g.Table) {
			tables = append(tables, g.Table)
		}
	}
	shown, reading := 0, part{op: func(o operation) bool { return !o.changes() }, persona: []string{"a owner", "a learner"}}
	for _, table := range tables {
		if s.one(t, `select count(*)::text from `+table+` where tenant_id = $1`, s.tenants[tenantB]) == "0" {
			t.Errorf("%s has no row of %s: add one to plant", table, tenantB)
			continue
		}
		// Its name is the last, so that it is asked first of all.
		oid := s.one(t, `select $1::regclass::oid::text`, table)
		s.mistaken.Store(true)
		s.exec(t, fmt.Sprintf(`create policy wide_open on %s to cloudkida_app, cloudkida_identity using (case when tenant_id = '%s' then pg_try_advisory_lock_shared(%d, %s)
			else pg_try_advisory_lock_shared(%d, %s) end) with check (true)`, table, s.tenants[tenantB], markOther, oid, markAny, oid))
		sql := s.raw(t, tenantA, tenantB, table)
		before := s.marks(t, oid)
		api := s.crossing(t, tenantA, tenantB, reading)
		after := s.marks(t, oid)
		s.exec(t, `drop policy wide_open on `+table)
		why := fmt.Sprintf("the API shows it %d times, such as %.150s", len(api), strings.Join(api[:min(1, len(api))], ""))
		switch {
		case len(api) > 0:
			shown++
		case after[markOther] > before[markOther]:
			why = "statements of the API come to rows of others, and nothing of them is shown"
		case after[markAny] > before[markAny]:
			why = "statements of the API come to rows of their own tenant alone, by a key of it"
		default:
			why = "no route that only reads looks there"
		}
		if len(sql) == 0 {
			t.Errorf("an open policy on %s is not found by SQL; %s", table, why)
			continue
		}
		t.Logf("an open policy on %s: %d ways by SQL, such as %s; %s", table, len(sql), sql[0], why)
		if left := s.raw(t, tenantA, tenantB, table); len(left) > 0 {
			t.Fatalf("after the policy on %s was taken away: %s", table, left[0])
		}
	}
	if shown < 5 {
		t.Errorf("the API shows only %d of %d opened tables", shown, len(tables))
	}
	if left := s.crossing(t, tenantA, tenantB, reading); len(left) > 0 {
		t.Fatalf("after the policies were taken away: %s", left[0])
	}
	s.mistaken.Store(false)
}

// marks counts the connections that left each mark for a table.
func (s *stage) marks(t *testing.T, oid string) map[int]int {
	t.Helper()
	rows, err := s.db.Query(t.Context(), `select classid::int, count(*)::int from pg_locks where locktype = 'advisory' and objid = $1::oid group by 1`, oid)
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]int{}
	var mark, n int
	if _, err := pgx.ForEachRow(rows, []any{&mark, &n}, func() error { found[mark] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return found
}

// workerPolicies opens, one after the other, each policy by which the worker comes to the rows of one tenant: to all tenants,
// with whatever else it asks for, such as an age.
func (s *stage) workerPolicies(t *testing.T) {
	t.Helper()
	rows, err := s.db.Query(t.Context(), `
		select quote_ident(p.polname), c.oid::regclass::text, p.polcmd::text, pg_get_expr(coalesce(p.polqual, p.polwithcheck), c.oid)
		from pg_policy p join pg_class c on c.oid = p.polrelid
		where 'cloudkida_worker'::regrole = any (p.polroles) and c.relnamespace = 'pool'::regnamespace order by 2, 1`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{tenantA, tenantB} { // seals of days ago, which the worker may delete
		sealed := `select exists (select from pool.audit_seal where tenant_id = $1)::text`
		for deadline := time.Now().Add(patience); s.one(t, sealed, s.tenants[tenant]) != "true"; {
			if time.Now().After(deadline) {
				t.Fatalf("nothing of %s is sealed", tenant)
			}
		}
		s.exec(t, `update pool.audit_seal set newest = now() - interval '2 days' where tenant_id = $1`, s.tenants[tenant])
	}
	type policy struct{ Name, Table, Command, Condition string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[policy])
	if err != nil || len(all) < 8 {
		t.Fatalf("the worker has %d policies, %v", len(all), err)
	}
	for _, p := range all {
		own := ofScope.FindString(p.Condition)
		if own == "" {
			t.Errorf("the policy %s on %s names no scope: %s", p.Name, p.Table, p.Condition)
			continue
		}
		clause := map[bool]string{true: "with check", false: "using"}[p.Command == "a"]
		alter := func(condition string) {
			s.exec(t, `alter policy `+p.Name+` on `+p.Table+` `+clause+` (`+condition+`)`)
		}
		alter(strings.Replace(p.Condition, own, "true", 1))
		found := s.raw(t, tenantA, tenantB, p.Table)
		alter(p.Condition)
		if len(found) == 0 {
			t.Errorf("the policy %s on %s, open to all tenants, is not found", p.Name, p.Table)
			continue
		}
		t.Logf("the policy %s on %s: %s", p.Name, p.Table, found[0])
		if left := s.raw(t, tenantA, tenantB, p.Table); len(left) > 0 {
			t.Fatalf("after the policy %s on %s was mended: %s", p.Name, p.Table, left[0])
		}
	}
}

// ofScope is the condition that a row is the scope's tenant's, as PostgreSQL writes it.
var ofScope = regexp.MustCompile(`(?s)\(tenant_id = \( SELECT s\.tenant_id\s+FROM app\.scope.*?\)\)`)
