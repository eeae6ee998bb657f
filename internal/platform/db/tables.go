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
	Final   bool     // rows are only ever added and refer to no other: the serving role may neither change nor delete them
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
		select t.name, array_agg(a.attname::text order by a.attnum), not exists (
				select from pg_constraint f where f.conrelid = t.oid and f.contype = 'f')
			and not exists (select from pg_class c, aclexplode(c.relacl) g
				where c.oid = t.oid and g.grantee <> c.relowner and g.privilege_type in ('UPDATE', 'DELETE'))
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

// copyFinal copies the rows that no longer change and are not there yet.
func copyFinal(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, from, to string, tables []Table) error {
	for _, t := range tables {
		if t.Final {
			if _, err := t.copy(ctx, tx, tenant, from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyTenant copies the rows of a tenant from one schema to another and tells how many are there. Rows that an earlier
// move left behind are deleted before, but for those that never change.
func copyTenant(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, from, to string, tables []Table) (total int64, err error) {
	changing := slices.DeleteFunc(slices.Clone(tables), func(t Table) bool { return t.Final })
	if _, err := deleteTenant(ctx, tx, tenant, to, changing); err != nil {
		return 0, err
	}
	restore := func() error { return nil }
	if to != PoolSchema {
		if restore, err = dropForeignKeys(ctx, tx, to); err != nil {
			return 0, err
		}
	}
	for _, t := range tables {
		copied, err := t.copy(ctx, tx, tenant, from, to)
		if err != nil {
			return 0, err
		}
		if t.Final {
			err := tx.QueryRow(ctx, "select count(*) from "+pgx.Identifier{to, t.Name}.Sanitize()+" where tenant_id = $1", tenant).Scan(&copied)
			if err != nil {
				return 0, fmt.Errorf("count %s: %w", t.Name, err)
			}
		}
		total += copied
	}
	return total, restore()
}

// copy copies a tenant's rows of one table; of a final one those that are missing.
func (t Table) copy(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, from, to string) (int64, error) {
	columns := make([]string, len(t.Columns))
	for n, c := range t.Columns {
		columns[n] = pgx.Identifier{c}.Sanitize()
	}
	source, target, list := pgx.Identifier{from, t.Name}.Sanitize(), pgx.Identifier{to, t.Name}.Sanitize(), strings.Join(columns, ", ")
	statement := fmt.Sprintf("insert into %s (%s) select %s from %s s where tenant_id = $1", target, list, list, source)
	if t.Final {
		statement += fmt.Sprintf(" and not exists (select from %s t where t.tenant_id = $1 and t.id = s.id)", target)
	}
	tag, err := tx.Exec(ctx, statement, tenant)
	if err != nil {
		return 0, fmt.Errorf("copy %s: %w", t.Name, err)
	}
	return tag.RowsAffected(), nil
}

// dropForeignKeys drops the foreign keys within a silo's schema, which nobody else uses during a move, and returns what
// brings them back. What is copied keeps them already; CleanPool proves it after the move, when nobody waits.
func dropForeignKeys(ctx context.Context, tx pgx.Tx, schema string) (restore func() error, err error) {
	rows, err := tx.Query(ctx, `
		select format('alter table %s drop constraint %I', conrelid::regclass, conname),
			format('alter table %s add constraint %I %s not valid', conrelid::regclass, conname, replace(pg_get_constraintdef(oid), ' NOT VALID', ''))
		from pg_constraint where connamespace = to_regnamespace($1) and contype = 'f' order by conname`, schema)
	if err != nil {
		return nil, fmt.Errorf("list foreign keys: %w", err)
	}
	type key struct{ Drop, Add string }
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[key])
	if err != nil {
		return nil, fmt.Errorf("list foreign keys: %w", err)
	}
	for _, k := range keys {
		if err := execAll(ctx, tx, k.Drop); err != nil {
			return nil, err
		}
	}
	return func() error {
		for _, k := range keys {
			if err := execAll(ctx, tx, k.Add); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// validateForeignKeys checks the foreign keys that a move brought back unchecked.
func validateForeignKeys(ctx context.Context, tx pgx.Tx, schema string) error {
	rows, err := tx.Query(ctx, `
		select format('alter table %s validate constraint %I', conrelid::regclass, conname)
		from pg_constraint where connamespace = to_regnamespace($1) and contype = 'f' and not convalidated order by conname`, schema)
	if err != nil {
		return fmt.Errorf("list foreign keys: %w", err)
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list foreign keys: %w", err)
	}
	return execAll(ctx, tx, statements...)
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
