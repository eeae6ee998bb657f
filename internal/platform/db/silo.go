package db

import (
	"context"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/migrations"
)

// TenantGroup is the role without login that every role of tenant data is a member of: it has what all of them need
// beside their own schema, which is their own tenant's jobs.
const TenantGroup = "cloudkida_tenant"

// siloConnections bounds what one silo can take of the database's connections, whoever knows its password.
const siloConnections = 8

// SiloSchema is the schema of a tenant's silo.
func SiloSchema(tenant uuid.UUID) string { return "silo_" + hex.EncodeToString(tenant[:]) }

// SiloRole is the login role of a tenant's silo. It has rights on that schema and on nothing else.
func SiloRole(tenant uuid.UUID) Role { return Role(siloPrefix + hex.EncodeToString(tenant[:])) }

// siloPrefix begins the name of every silo's role.
const siloPrefix = "cloudkida_silo_"

// MakeSilo makes the role and the empty schema of a tenant's silo and brings the schema up to date. It can be cut anywhere
// and run again; the tenant's data stays where it is until it is moved.
func (i Installation) MakeSilo(ctx context.Context, tenant uuid.UUID) error {
	if err := i.asAdmin(ctx, func(tx pgx.Tx, database string) error {
		role := SiloRole(tenant)
		if err := i.makeRole(ctx, tx, role); err != nil {
			return err
		}
		name := pgx.Identifier{string(role)}.Sanitize()
		return execAll(ctx, tx,
			"alter role "+name+" connection limit "+strconv.Itoa(siloConnections),
			joinTenantGroup(name),
			"grant connect on database "+pgx.Identifier{database}.Sanitize()+" to "+name)
	}); err != nil {
		return fmt.Errorf("make the silo's role: %w", err)
	}
	return i.MigrateSilo(ctx, tenant)
}

// joinTenantGroup lets a role use what the group has, but not become it.
func joinTenantGroup(role string) string {
	return "grant " + TenantGroup + " to " + role + " with inherit true, set false"
}

// MigrateSilo brings the schema of a tenant's silo up to date; one process at a time does it.
func (i Installation) MigrateSilo(ctx context.Context, tenant uuid.UUID) error {
	pool, err := i.Open(ctx, Owner, 3)
	if err != nil {
		return err
	}
	defer pool.Close()
	schema, role := SiloSchema(tenant), SiloRole(tenant)
	return WithLock(ctx, pool, "cloudkida migrations "+schema, func() error {
		name := pgx.Identifier{schema}.Sanitize()
		for _, statement := range []string{
			"create schema if not exists " + name,
			"grant usage on schema " + name + " to " + pgx.Identifier{string(role)}.Sanitize(),
		} {
			if _, err := pool.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		if err := MigrateSchema(ctx, pool, schema, migrations.Tenant, "tenant", role); err != nil {
			return err
		}
		version, err := TenantVersion()
		if err != nil {
			return err
		}
		_, err = pool.Exec(ctx, `update app.tenant_scope set version = $2, problem = '' where tenant_id = $1`, tenant, version)
		if err != nil {
			return fmt.Errorf("record the silo's version: %w", err)
		}
		return nil
	})
}

// DropSilo removes the schema and the role of a tenant's silo with all that is in it. It refuses while the tenant's data
// is there and the tenant lives; what is gone already is no error.
func (i Installation) DropSilo(ctx context.Context, tenant uuid.UUID) error {
	pool, err := i.Open(ctx, Owner, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	schema := SiloSchema(tenant)
	var used bool
	err = pool.QueryRow(ctx, `
		select exists (select from app.tenant_scope s join control.tenant t on t.id = s.tenant_id
			where s.tenant_id = $1 and s.schema = $2 and t.status in ('active', 'suspended'))`, tenant, schema).Scan(&used)
	if err != nil {
		return fmt.Errorf("look up the silo: %w", err)
	}
	if used {
		return fmt.Errorf("the data of tenant %s is in its silo: move it to the pool first", tenant)
	}
	if err := i.makeRoom(ctx); err != nil {
		return err
	}
	if _, err := pool.Exec(ctx, "drop schema if exists "+pgx.Identifier{schema}.Sanitize()+" cascade"); err != nil {
		return fmt.Errorf("drop the silo's schema: %w", err)
	}
	return i.asAdmin(ctx, func(tx pgx.Tx, database string) error { return dropRole(ctx, tx, SiloRole(tenant), database) })
}

// makeRoom gives the catalogue of tables the room back that its outdated rows take. Dropping a schema changes rows there before
// it deletes them, and a full disk, which may be why a silo is dropped, has no page for them.
func (i Installation) makeRoom(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, i.Admin)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL as administrator: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is lost with an idle connection
	if _, err := conn.Exec(ctx, "vacuum pg_catalog.pg_class"); err != nil {
		return fmt.Errorf("make room in the catalogue: %w", err)
	}
	return nil
}

func dropRole(ctx context.Context, tx pgx.Tx, r Role, database string) error {
	var exists bool
	if err := tx.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, string(r)).Scan(&exists); err != nil || !exists {
		return err
	}
	name := pgx.Identifier{string(r)}.Sanitize()
	return execAll(ctx, tx,
		"revoke all on database "+pgx.Identifier{database}.Sanitize()+" from "+name,
		"drop role "+name)
}

func execAll(ctx context.Context, tx pgx.Tx, statements ...string) error {
	for _, s := range statements {
		if _, err := tx.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// TenantVersion is the version of the newest migration of tenant data.
func TenantVersion() (version int64, err error) {
	names, err := fs.Glob(migrations.Tenant, "tenant/*.sql")
	if err != nil {
		return 0, fmt.Errorf("list migrations: %w", err)
	}
	for _, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "tenant/"), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("migration %s has no number: %w", name, err)
		}
		version = max(version, n)
	}
	return version, nil
}
