package db_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
)

// faults lists what breaks the rules of tenant data, from the database's own catalogue: one line per fault. Tenant data
// are all tables of the schema pool, and every table elsewhere that has a tenant_id under row level security's rule.
const faults = `
with tenant_table as (
  select c.oid, c.oid::regclass::text as name, n.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity,
    (select attnum from pg_attribute a where a.attrelid = c.oid and attname = 'tenant_id' and not attisdropped) as tenant
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and (n.nspname = 'pool' or n.nspname like 'silo\_%' or c.oid = 'river.river_job'::regclass)
    and c.relname not like 'migration%'
)
select name || ': has no tenant_id' from tenant_table where tenant is null
union all
select name || ': row level security is not enabled and forced' from tenant_table where not (relrowsecurity and relforcerowsecurity)
union all
select t.name || ': no policy for the application' from tenant_table t where not exists (
  select from pg_policies p where p.schemaname = t.nspname and p.tablename = t.relname
    and (p.roles[1] in ('cloudkida_app', 'cloudkida_tenant') or p.roles[1] = 'cloudkida_' || t.nspname) and p.qual like '%app.scope%' and p.with_check like '%app.scope%')
union all
select t.name || ': no policy for the migrator' from tenant_table t where not exists (
  select from pg_policies p where p.schemaname = t.nspname and p.tablename = t.relname
    and 'cloudkida_owner' = any (p.roles))
union all
select t.name || ': policy ' || p.policyname || ' is for everybody' from tenant_table t join pg_policies p
  on p.schemaname = t.nspname and p.tablename = t.relname where 'public' = any (p.roles)
union all
select t.name || ': unique index ' || i.indexrelid::regclass || ' does not start with tenant_id'
  from tenant_table t join pg_index i on i.indrelid = t.oid
  where t.nspname = 'pool' and i.indisunique and i.indkey[0] is distinct from t.tenant
union all
select t.name || ': foreign key ' || f.conname || ' does not start with tenant_id'
  from tenant_table t join pg_constraint f on f.conrelid = t.oid
  where f.contype = 'f' and f.confrelid in (select oid from tenant_table) and f.conkey[1] is distinct from t.tenant
union all
select 'role ' || rolname || ' may bypass row level security' from pg_roles
  where rolname like 'cloudkida%' and (rolsuper or rolbypassrls)
union all
select c.oid::regclass || ' is owned by ' || r.rolname from pg_class c join pg_roles r on r.oid = c.relowner
  where r.rolname like 'cloudkida%' and r.rolname <> 'cloudkida_owner'
union all
select 'role ' || rolname || ' may make temporary tables' from pg_roles
  where rolname in ('cloudkida_app', 'cloudkida_worker', 'cloudkida_control', 'cloudkida_identity')
    and has_database_privilege(rolname, current_database(), 'temp')
order by 1`

func sweep(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), faults)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEveryTenantTableKeepsTheRules(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for _, fault := range sweep(t, d.Owner) {
		t.Error(fault)
	}
}

func TestTheSweepFindsPlantedFaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ sql, want string }{
		"no column":  {`create table planted (id int)`, "planted: has no tenant_id"},
		"no rls":     {`create table planted (tenant_id uuid, id int)`, "not enabled and forced"},
		"not forced": {`create table planted (tenant_id uuid); alter table planted enable row level security`, "not enabled and forced"},
		"no policy":  {`create table planted (tenant_id uuid)`, "no policy for the application"},
		"open policy": {`create table planted (tenant_id uuid); select app.protect_tenant_table('planted');
			create policy everybody on planted using (true)`, "is for everybody"},
		"unique key": {`create table planted (tenant_id uuid, slug text unique); select app.protect_tenant_table('planted')`, "does not start with tenant_id"},
		"foreign key": {`create table planted (tenant_id uuid, id uuid, other uuid, primary key (tenant_id, id), unique (id, tenant_id),
			unique (tenant_id, other), foreign key (other, tenant_id) references planted (id, tenant_id))`, "foreign key"},
		"migrator": {`create table planted (tenant_id uuid); select app.protect_tenant_table('planted'); drop policy migrator on planted`, "no policy for the migrator"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dbtest.New(t)
			if _, err := d.Owner.Exec(context.Background(), c.sql); err != nil {
				t.Fatal(err)
			}
			if found := strings.Join(sweep(t, d.Owner), "\n"); !strings.Contains(found, c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}
