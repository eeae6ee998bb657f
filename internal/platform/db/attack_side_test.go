package db_test

import (
	"errors"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/db"
)

// What the application's role can reach besides tables. A new function, view or sequence is looked at here first: whatever
// runs with its owner's rights could look across tenants.
func TestTheApplicationReachesNoOtherObjects(t *testing.T) {
	t.Parallel()
	s := newAssault(t)
	for what, c := range map[string]struct{ query, want string }{
		"functions": {`select p.oid::regprocedure || case when p.prosecdef then ' definer' else '' end from pg_proc p
			where has_function_privilege('cloudkida_app', p.oid, 'execute') and has_schema_privilege('cloudkida_app', p.pronamespace, 'usage')
				and p.pronamespace::regnamespace::text not in ('pg_catalog', 'information_schema')`,
			"app.tenant_id(), app.user_id(), river.river_job_state_in_bitmask(bit,river.river_job_state)"},
		"views": {`select c.oid::regclass::text from pg_class c where c.relkind in ('v', 'm', 'f') and has_table_privilege('cloudkida_app', c.oid, 'select')
				and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema')`, "app.scope"},
		"sequences that can be read or set": {`select c.oid::regclass::text from pg_class c where case when c.relkind = 'S' then has_sequence_privilege('cloudkida_app', c.oid, 'select, update') else false end`, ""},
		// The ids of jobs are of one row: whoever adds one sees how many all have added.
		"sequences": {`select c.oid::regclass::text from pg_class c where case when c.relkind = 'S' then has_sequence_privilege('cloudkida_app', c.oid, 'usage') else false end`,
			"river.river_job_id_seq, river.river_notification_id_seq"},
		"roles to become":    {`select rolname::text from pg_roles where rolname <> 'cloudkida_app' and pg_has_role('cloudkida_app', oid, 'set')`, ""},
		"schemas to make in": {`select nspname::text from pg_namespace where has_schema_privilege('cloudkida_app', oid, 'create')`, ""},
		"tables without rows' policies": {`select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'p') and not c.relrowsecurity
			and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema') and has_any_column_privilege('cloudkida_app', c.oid, 'select, insert, update, references')`, ""},
	} {
		var got string
		if err := s.d.Owner.QueryRow(t.Context(), `select coalesce(string_agg(x, ', ' order by x), '') from (`+c.query+`) as of (x)`).Scan(&got); err != nil || got != c.want {
			t.Errorf("%s: %q, want %q, %v", what, got, c.want, err)
		}
	}
}

// Time tells nothing: for a row of somebody else PostgreSQL does exactly what it does for one that is not there, down to
// the pages that it reads.
func TestAForeignRowCostsWhatNoRowCosts(t *testing.T) {
	t.Parallel()
	s := newAssault(t)
	const foreign, none = "00000000-0000-7000-8000-00000000000b", "00000000-0000-7000-8000-00000000000c"
	planning := regexp.MustCompile(`(?s)Planning:.*`) // depends on what was planned before
	steps := func(sql string) (plan string) {
		_ = s.d.App.InTenant(s.a, anything, func(tx pgx.Tx) error {
			plan = s.try(s.a, s.begun(tx), `explain (analyze, buffers, costs off, timing off, summary off) `+sql)
			return errors.New("take it back")
		})
		return planning.ReplaceAllString(strings.NewReplacer(foreign, "X", none, "X", "secret", "Y", "nothing", "Y").Replace(plan), "")
	}
	for _, sql := range []string{
		`select * from lab where id = 'ID'`, `select * from lab where slug = 'SLUG'`, `select * from lab where tenant_id = 'TENANT' and id = 'ID'`,
		`update lab set title = 'x' where id = 'ID'`, `select from lab l where exists (select from lab_version v where v.lab_id = 'ID')`,
	} {
		ask := func(id, slug string) string {
			return steps(strings.NewReplacer("ID", id, "SLUG", slug, "TENANT", s.victim.String()).Replace(sql))
		}
		if theirs, nobodys := ask(foreign, "secret"), ask(none, "nothing"); theirs != nobodys || !strings.Contains(theirs, "actual rows=0.00") {
			t.Errorf("%s:\n%s\nand of nothing:\n%s", sql, theirs, nobodys)
		}
	}
}

// withOddities adds what is seldom thought of.
func (s *assault) withOddities(attempts map[string]string) map[string]string {
	v, silo := s.victim.String(), db.SiloSchema(s.siloed)
	maps.Copy(attempts, map[string]string{
		"notifications":          "listen hints; listen \"" + v + "\"; select pg_notify('hints', 'x'); select pg_listening_channels(); select pg_notification_queue_usage()",
		"sequences":              "select * from pg_sequences; select last_value from river.river_job_id_seq; select setval('river.river_job_id_seq', 1); select currval('river.river_job_id_seq')",
		"advisory locks":         "select * from pg_locks where locktype = 'advisory'; select pg_try_advisory_lock(hashtextextended('" + v + "', 0))",
		"row locks as an oracle": "select * from audit_entry where tenant_id = '" + v + "' for update skip locked; select * from lab for share nowait",
		"a cursor":               "declare c cursor with hold for select * from audit_entry; fetch all from c",
		"a rule":                 "create rule r as on select to lab do instead select * from audit_entry",
		"another's default":      "alter role cloudkida_app set app.scope = 'ff'; alter database " + s.conn.Config().Database + " set search_path = '" + silo + "'",
		"a system column":        "select tableoid::regclass, ctid, * from lab where ctid = '(0,1)'; select * from lab tablesample system (100)",
		"whole rows":             "select l::text, to_jsonb(l), query_to_xml('select * from lab', true, false, '') from lab l; select table_to_xml('audit_entry', true, false, '')",
	})
	return attempts
}
