package person

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// What becomes of rows in which a person is.
const (
	deleted      = "deleted"
	pseudonymous = "pseudonymous"
)

// Columns of tenant data in which a person is, by name, and what becomes of their rows. A test fails for a table that has
// a person under another name.
func treatments() map[string]string {
	return map[string]string{
		"user_id":      deleted,      // whose row it is
		"actor":        pseudonymous, // who did it: the organisation's record
		"published_by": pseudonymous,
		"changed_by":   pseudonymous,
	}
}

// table is a table of tenant data with what leads from its rows to a person.
type table struct {
	Name    string
	Columns []string // but for tenant_id and binary ones
	Persons []string // columns of treatments
	Parents []parent // rows of this table go with rows of those
}

// parent is a foreign key that deletes along.
type parent struct {
	Name    string
	Columns []string // here
	Keys    []string // there
}

const catalogueSQL = `
	select c.relname::text,
		(select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
			and not a.attisdropped and a.attname <> 'tenant_id' and a.atttypid not in ('bytea'::regtype, 'tsvector'::regtype)),
		coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
			and not a.attisdropped and a.atttypid = 'uuid'::regtype and a.attname = any(@names)), '{}')
	from pg_class c
	where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and exists (
		select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
	order by c.relname`

const parentsSQL = `
	select child.relname::text, parent.relname::text,
		array(select a.attname::text from unnest(f.conkey) with ordinality k (n, i) join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.n order by k.i),
		array(select a.attname::text from unnest(f.confkey) with ordinality k (n, i) join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.n order by k.i)
	from pg_constraint f join pg_class child on child.oid = f.conrelid join pg_class parent on parent.oid = f.confrelid
	where f.contype = 'f' and f.confdeltype = 'c' and f.conrelid <> f.confrelid and child.relnamespace = current_schema()::regnamespace
	order by 1, 2`

// tables reads the catalogue of the schema that the transaction is in.
func tables(ctx context.Context, tx pgx.Tx) (map[string]table, error) {
	var names []string
	for name := range treatments() {
		names = append(names, name)
	}
	rows, err := tx.Query(ctx, catalogueSQL, pgx.NamedArgs{"names": names})
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	found := map[string]table{}
	var t table
	if _, err = pgx.ForEachRow(rows, []any{&t.Name, &t.Columns, &t.Persons}, func() error {
		found[t.Name] = table{Name: t.Name, Columns: slices.Clone(t.Columns), Persons: slices.Clone(t.Persons)}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	if rows, err = tx.Query(ctx, parentsSQL); err != nil {
		return nil, fmt.Errorf("list foreign keys: %w", err)
	}
	var p parent
	var child string
	if _, err = pgx.ForEachRow(rows, []any{&child, &p.Name, &p.Columns, &p.Keys}, func() error {
		if t, ok := found[child]; ok {
			t.Parents = append(t.Parents, parent{Name: p.Name, Columns: slices.Clone(p.Columns), Keys: slices.Clone(p.Keys)})
			found[child] = t
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("list foreign keys: %w", err)
	}
	return found, nil
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// maxDepth bounds how far rows that belong to rows are followed.
const maxDepth = 5

// condition chooses the rows of a table that are a person's (@user) and are treated so; "" when there can be none.
// alias is the table's name in the statement.
func condition(all map[string]table, name, treatment, alias string, depth int) string {
	var parts []string
	for _, column := range all[name].Persons {
		if treatments()[column] == treatment {
			parts = append(parts, alias+"."+quote(column)+" = @user")
		}
	}
	for _, p := range all[name].Parents {
		if depth >= maxDepth || treatment != deleted {
			break
		}
		above := fmt.Sprintf("p%d", depth)
		inner := condition(all, p.Name, treatment, above, depth+1)
		if inner == "" {
			continue
		}
		var join []string
		for i, column := range p.Columns {
			join = append(join, fmt.Sprintf("%s.%s = %s.%s", alias, quote(column), above, quote(p.Keys[i])))
		}
		parts = append(parts, fmt.Sprintf("exists (select from %s %s where %s and (%s))", quote(p.Name), above, strings.Join(join, " and "), inner))
	}
	return strings.Join(parts, " or ")
}

// owned tells whether the table has a column of its own that says whose row it is.
func (t table) owned() bool {
	return slices.ContainsFunc(t.Persons, func(c string) bool { return treatments()[c] == deleted })
}

// tally counts a person's rows in every table, by treatment.
func tally(ctx context.Context, tx pgx.Tx, all map[string]table, tenant, user uuid.UUID) (list []Counted, err error) {
	for _, name := range sorted(all) {
		for _, treatment := range []string{deleted, pseudonymous} {
			where := condition(all, name, treatment, "t", 0)
			if where == "" {
				continue
			}
			c := Counted{Where: tenant.String(), Table: name, Treatment: treatment}
			if err := tx.QueryRow(ctx, "select count(*) from "+quote(name)+" t where "+where, pgx.NamedArgs{"user": user}).Scan(&c.Before); err != nil {
				return nil, fmt.Errorf("count %s: %w", name, err)
			}
			list = append(list, c)
		}
	}
	return list, nil
}

func sorted(all map[string]table) []string {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
