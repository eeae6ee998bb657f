package db

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Table is a table of tenant data.
type Table struct {
	Name    string
	Columns []string // that can be written
	Key     []string // of the primary key, which begins with tenant_id
	Fixed   bool     // nobody may change a row
}

// tenantTables lists the tables of tenant data in a schema, those that others refer to first.
func tenantTables(ctx context.Context, tx pgx.Tx, schema string) ([]Table, error) {
	rows, err := tx.Query(ctx, `
		with recursive t as (
			select c.oid, c.relname::text as name from pg_class c
			where c.relnamespace = to_regnamespace($1) and c.relkind = 'r' and exists (
				select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
		), depth as (
			select oid, 0 as level from t
			union
			select f.conrelid, d.level + 1 from depth d join pg_constraint f on f.confrelid = d.oid and f.contype = 'f' and f.conrelid <> f.confrelid
			where d.level < 50
		)
		select t.name, array_agg(a.attname::text order by a.attnum),
			(select array_agg(k.attname::text order by array_position(i.indkey::int2[], k.attnum))
				from pg_index i join pg_attribute k on k.attrelid = i.indrelid and k.attnum = any (i.indkey)
				where i.indrelid = t.oid and i.indisprimary),
			not exists (select from pg_class c, aclexplode(c.relacl) g
				where c.oid = t.oid and g.grantee <> c.relowner and g.privilege_type = 'UPDATE')
			and not exists (select from pg_attribute c, aclexplode(c.attacl) g where c.attrelid = t.oid and g.privilege_type = 'UPDATE')
		from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
		group by t.oid, t.name order by (select max(level) from depth d where d.oid = t.oid), t.name`, schema)
	if err != nil {
		return nil, fmt.Errorf("list tenant tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Table])
	if err == nil && len(tables) == 0 {
		err = fmt.Errorf("schema %s has no tenant tables: make it first", schema)
	}
	return tables, err
}

// follow makes a tenant's rows in one schema those that another has: it deletes, adds and changes what differs, so that a
// second time has little to do.
func follow(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, from, to string, tables []Table) error {
	// The planner knows nothing yet of a schema that was empty a moment ago: it would look through all of the growing
	// table for each row.
	if err := execAll(ctx, tx, "set local enable_nestloop = off", "set local work_mem = '64MB'"); err != nil {
		return err
	}
	for _, t := range slices.Backward(tables) {
		if _, err := tx.Exec(ctx, t.deleteMissing(from, to), tenant); err != nil {
			return fmt.Errorf("delete from %s.%s: %w", to, t.Name, err)
		}
	}
	for _, t := range tables {
		if _, err := tx.Exec(ctx, t.copyChanged(from, to), tenant); err != nil {
			return fmt.Errorf("copy %s: %w", t.Name, err)
		}
	}
	return nil
}

// deleteMissing deletes a tenant's rows that are not in the other schema.
func (t Table) deleteMissing(from, to string) string {
	return fmt.Sprintf("delete from %s t where t.tenant_id = $1 and not exists (select from %s s where s.tenant_id = $1 and %s)",
		pgx.Identifier{to, t.Name}.Sanitize(), pgx.Identifier{from, t.Name}.Sanitize(), same(t.Key))
}

// copyChanged adds a tenant's rows that are in the other schema alone, and changes those that are another there.
func (t Table) copyChanged(from, to string) string {
	alike, conflict := same(t.Key), "nothing"
	if !t.Fixed {
		alike += fmt.Sprintf(" and (%s) is not distinct from (%s)", list("t", t.Columns), list("s", t.Columns))
		sets := make([]string, len(t.Columns))
		for n, c := range t.Columns {
			c = pgx.Identifier{c}.Sanitize()
			sets[n] = c + " = excluded." + c
		}
		conflict = "update set " + strings.Join(sets, ", ")
	}
	target := pgx.Identifier{to, t.Name}.Sanitize()
	return fmt.Sprintf(`insert into %s (%s) overriding system value select %s from %s s
		where s.tenant_id = $1 and not exists (select from %s t where t.tenant_id = $1 and %s) on conflict (%s) do %s`,
		target, list("", t.Columns), list("s", t.Columns), pgx.Identifier{from, t.Name}.Sanitize(), target, alike, list("", t.Key), conflict)
}

// same compares the columns of s and t.
func same(columns []string) string {
	parts := make([]string, len(columns))
	for n, c := range columns {
		parts[n] = pgx.Identifier{"t", c}.Sanitize() + " = " + pgx.Identifier{"s", c}.Sanitize()
	}
	return strings.Join(parts, " and ")
}

// list names columns, of a table if it has a name.
func list(of string, columns []string) string {
	parts := make([]string, len(columns))
	for n, c := range columns {
		if parts[n] = (pgx.Identifier{c}).Sanitize(); of != "" {
			parts[n] = pgx.Identifier{of, c}.Sanitize()
		}
	}
	return strings.Join(parts, ", ")
}

// deleteTenant deletes a tenant's rows in a schema, those that refer to others first, and tells how many of each table.
func deleteTenant(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, schema string, tables []Table) (map[string]int64, error) {
	deleted := make(map[string]int64, len(tables))
	for n := len(tables) - 1; n >= 0; n-- {
		name := pgx.Identifier{schema, tables[n].Name}.Sanitize()
		tag, err := tx.Exec(ctx, "delete from "+name+" where tenant_id = $1", tenant)
		if err != nil {
			return nil, fmt.Errorf("delete from %s: %w", name, err)
		}
		deleted[tables[n].Name] = tag.RowsAffected()
	}
	return deleted, nil
}
