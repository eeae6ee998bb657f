package archive

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Table is one tenant table, as the catalogue describes it. tenant_id is left out: the archive has one tenant, and whoever
// imports it has another.
type Table struct {
	Name    string
	Columns []Column // in the table's order
	Key     []string // the primary key without tenant_id: what rows are ordered by
}

// Column is one column of a tenant table that holds data of its own.
type Column struct {
	Name    string
	Kind    string // what its JSON is: bool, integer, number, any, array, object, bytea, string
	Collate bool   // its order depends on the database's language unless it is told not to
}

// tablesSQL lists the tenant tables of the schema that the transaction is in, those that others refer to first. A table
// whose comment says that it is transient holds nothing that lasts.
const tablesSQL = `
with recursive t as (
	select c.oid, c.relname::text as name from pg_class c
	where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and exists (
		select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
		and coalesce(obj_description(c.oid, 'pg_class'), '') not like 'transient:%'
), depth as (
	select oid, 0 as level from t
	union
	select f.conrelid, d.level + 1 from depth d join pg_constraint f on f.confrelid = d.oid and f.contype = 'f' and f.conrelid <> f.confrelid
	where d.level < 50
)
select t.name,
	(select array_agg(a.attname::text order by a.attnum) from pg_attribute a
		where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attname <> 'tenant_id'),
	(select array_agg(case
			when y.typname = 'bool' then 'bool'
			when y.typname in ('int2', 'int4', 'int8') then 'integer'
			when y.typname in ('numeric', 'float4', 'float8') then 'number'
			when y.typname in ('json', 'jsonb') then 'any'
			when y.typname = 'bytea' then 'bytea'
			when y.typcategory = 'A' then 'array'
			when y.typcategory = 'C' then 'object'
			else 'string' end order by a.attnum)
		from pg_attribute a join pg_type b on b.oid = a.atttypid join pg_type y on y.oid = coalesce(nullif(b.typbasetype, 0), b.oid)
		where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attname <> 'tenant_id'),
	(select array_agg(a.attcollation <> 0 order by a.attnum) from pg_attribute a
		where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attname <> 'tenant_id'),
	coalesce((select array_agg(a.attname::text order by k.place) from pg_index i
		cross join unnest(i.indkey) with ordinality k (number, place)
		join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number
		where i.indrelid = t.oid and i.indisprimary and a.attname <> 'tenant_id'), '{}')
from t order by (select max(level) from depth d where d.oid = t.oid), t.name`

// Tables lists the tenant tables where the transaction is, in the order of their foreign keys.
func Tables(ctx context.Context, tx pgx.Tx) ([]Table, error) {
	rows, err := tx.Query(ctx, tablesSQL)
	if err != nil {
		return nil, fmt.Errorf("list tenant tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Table, err error) {
		var columns, kinds []string
		var collate []bool
		if err := row.Scan(&t.Name, &columns, &kinds, &collate, &t.Key); err != nil {
			return t, err
		}
		for i, name := range columns {
			t.Columns = append(t.Columns, Column{Name: name, Kind: kinds[i], Collate: collate[i]})
		}
		return t, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list tenant tables: %w", err)
	}
	for _, t := range tables {
		if len(t.Key) == 0 {
			return nil, fmt.Errorf("tenant table %s has no primary key to order its rows by", t.Name)
		}
	}
	return tables, nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func (t Table) columnNames() []string {
	list := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		list[i] = c.Name
	}
	return list
}

func (t Table) column(name string) (Column, bool) {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return Column{}, false
	}
	return t.Columns[i], true
}

// order is the same in every database, whatever its language.
func (t Table) order() string {
	parts := make([]string, len(t.Key))
	for i, name := range t.Key {
		parts[i] = quote(name)
		if c, ok := t.column(name); ok && c.Collate {
			parts[i] += ` collate "C"`
		}
	}
	return strings.Join(parts, ", ")
}

// rowsSQL gives every row as one line of JSON, its large values as the hash of their file.
func (t Table) rowsSQL() string {
	parts := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		name := quote(c.Name)
		if c.Kind != "bytea" {
			parts[i] = "t." + name
			continue
		}
		parts[i] = fmt.Sprintf(`case when octet_length(t.%[1]s) > %[2]d then json_build_object('file', encode(sha256(t.%[1]s), 'hex'))
			when t.%[1]s is not null then to_json(encode(t.%[1]s, 'hex')) end as %[1]s`, name, inlineBytes)
	}
	return "select row_to_json(r)::text from (select " + strings.Join(parts, ", ") + " from " + quote(t.Name) + " t order by " + t.order() + ") r"
}

// filesSQL gives the large values of one column.
func (t Table) filesSQL(column string) string {
	return fmt.Sprintf("select %[1]s from %[2]s where octet_length(%[1]s) > %[3]d order by %[4]s", quote(column), quote(t.Name), inlineBytes, t.order())
}

// insertSQL adds one row from JSON ($1) and the bytea columns' values ($2 and on), or null for those that the JSON has.
func (t Table) insertSQL(columns []string) string {
	into, from := make([]string, len(columns)), make([]string, len(columns))
	parameter := 1
	for i, name := range columns {
		into[i], from[i] = quote(name), "r."+quote(name)
		if c, ok := t.column(name); ok && c.Kind == "bytea" {
			parameter++
			from[i] = fmt.Sprintf("$%d::bytea", parameter)
		}
	}
	return fmt.Sprintf("insert into %[1]s (%[2]s) select %[3]s from json_populate_record(null::%[1]s, $1::json) r",
		quote(t.Name), strings.Join(into, ", "), strings.Join(from, ", "))
}
