package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	pgxuuid "github.com/vgarvardt/pgx-google-uuid/v5"

	"github.com/cloudkida/cloudkida/migrations"
)

// Role is a login role of the program. Each sees only what its part of the program needs.
type Role string

// The roles. Owner owns every table and is used by migrations alone.
const (
	Owner    Role = "cloudkida_owner"
	Control  Role = "cloudkida_control"
	App      Role = "cloudkida_app"
	Worker   Role = "cloudkida_worker"
	Identity Role = "cloudkida_identity"
)

// Roles lists every role of the program.
func Roles() []Role { return []Role{Owner, Control, App, Worker, Identity} }

// PoolSchema holds the data of all pooled tenants.
const PoolSchema = "pool"

// minVersion is PostgreSQL 18: uuidv7() is built in from there on.
const minVersion = 180000

// Installation is one database with the program's roles in it.
type Installation struct {
	// Admin connects as a role with CREATEROLE that owns the database; superuser is not needed.
	Admin string
	// Password derives a role's password; the same one on every start.
	Password func(Role) string
}

// Prepare makes the roles and applies all migrations. It can be run at every start and by several processes at once.
func (i Installation) Prepare(ctx context.Context) error {
	if err := i.makeRoles(ctx); err != nil {
		return err
	}
	return i.migrate(ctx)
}

// URL is the connection string of a role: the administrator's with another user and password.
func (i Installation) URL(r Role) (string, error) {
	cfg, err := pgx.ParseConfig(i.Admin)
	if err != nil {
		return "", fmt.Errorf("database url: %w", err)
	}
	u, err := url.Parse(i.Admin)
	if err != nil || u.Scheme == "" {
		return "", fmt.Errorf("database url: want postgres://user:password@host/database, not key=value form")
	}
	u.User = url.UserPassword(string(r), i.Password(r))
	u.Path = "/" + cfg.Database
	return u.String(), nil
}

// Open opens a pool of at most size connections as the role. The pooled tenants' schema comes first in the search path
// of the application and pg_temp last, so that no temporary table shadows a real one.
func (i Installation) Open(ctx context.Context, r Role, size int32) (*pgxpool.Pool, error) {
	text, err := i.URL(r)
	if err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}
	cfg.MaxConns = size
	cfg.MaxConnIdleTime = 5 * time.Minute
	cfg.ConnConfig.ConnectTimeout = 10 * time.Second
	cfg.ConnConfig.RuntimeParams["application_name"] = string(r)
	path := schemaOf(r) + ", pg_temp"
	cfg.ConnConfig.RuntimeParams["search_path"] = path
	// PostgreSQL reports every change of the search path: a connection on which somebody left another one is not used
	// again. The role needs no such care: ours may become no other.
	cfg.PrepareConn = func(_ context.Context, c *pgx.Conn) (bool, error) {
		return c.PgConn().ParameterStatus("search_path") == path, nil
	}
	cfg.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		pgxuuid.Register(c.TypeMap()) // as their 16 bytes: without it they go as text, both ways
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open pool of %s: %w", r, err)
	}
	return pool, nil
}

// OpenReadOnly returns a pool of the same role as another one, on which transactions only read unless SQL says otherwise,
// and no statement takes longer than most.
func OpenReadOnly(ctx context.Context, like *pgxpool.Pool, size int32, most time.Duration) (*pgxpool.Pool, error) {
	cfg := like.Config()
	cfg.MaxConns, cfg.MinConns, cfg.MinIdleConns = size, 0, 0
	cfg.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(most.Milliseconds(), 10)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open pool that reads: %w", err)
	}
	return pool, nil
}

// schemaOf is where a role finds tables without naming their schema.
func schemaOf(r Role) string {
	switch schema, silo := strings.CutPrefix(string(r), siloPrefix); {
	case silo:
		return "silo_" + schema
	case r == App || r == Owner:
		return PoolSchema
	default:
		return "pg_catalog"
	}
}

func (i Installation) makeRoles(ctx context.Context) error {
	return i.asAdmin(ctx, func(tx pgx.Tx, database string) error {
		var version int
		if err := tx.QueryRow(ctx, `select current_setting('server_version_num')::int`).Scan(&version); err != nil {
			return fmt.Errorf("read server version: %w", err)
		}
		if version < minVersion {
			return fmt.Errorf("PostgreSQL %d is too old: Cloudkida needs PostgreSQL 18 or newer (--database-url)", version/10000)
		}
		for _, r := range Roles() {
			if err := i.makeRole(ctx, tx, r); err != nil {
				return err
			}
		}
		if err := makeTenantGroup(ctx, tx); err != nil {
			return err
		}
		return grantDatabase(ctx, tx, database)
	})
}

// asAdmin runs fn as the administrator, in one process at a time: roles belong to the whole cluster.
func (i Installation) asAdmin(ctx context.Context, fn func(tx pgx.Tx, database string) error) error {
	conn, err := pgx.Connect(ctx, i.Admin)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL as administrator: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is lost with an idle connection
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('cloudkida roles', 0))`); err != nil {
			return fmt.Errorf("lock roles: %w", err)
		}
		return fn(tx, conn.Config().Database)
	})
}

// makeTenantGroup makes the group of the roles of tenant data, of which the application's is the first.
func makeTenantGroup(ctx context.Context, tx pgx.Tx) error {
	var exists bool
	if err := tx.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, TenantGroup).Scan(&exists); err != nil {
		return fmt.Errorf("look up role %s: %w", TenantGroup, err)
	}
	if !exists {
		if err := execAll(ctx, tx, "create role "+TenantGroup+" nologin"); err != nil {
			return err
		}
	}
	return execAll(ctx, tx, joinTenantGroup(string(App)))
}

func (i Installation) makeRole(ctx context.Context, tx pgx.Tx, r Role) error {
	var exists bool
	if err := tx.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, string(r)).Scan(&exists); err != nil {
		return fmt.Errorf("look up role %s: %w", r, err)
	}
	verb := "create"
	if exists {
		verb = "alter"
	}
	// Utility statements take no bind parameters; the password is base64 of ours, quoted all the same.
	statement := fmt.Sprintf("%s role %s login password %s",
		verb, pgx.Identifier{string(r)}.Sanitize(), quoteLiteral(i.Password(r)))
	if _, err := tx.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s role %s (the administrator of --database-url needs CREATEROLE): %w", verb, r, err)
	}
	return nil
}

func grantDatabase(ctx context.Context, tx pgx.Tx, database string) error {
	name := pgx.Identifier{database}.Sanitize()
	for _, statement := range []string{
		"revoke all on database " + name + " from public",
		"grant connect, create on database " + name + " to cloudkida_owner",
		"grant connect on database " + name + " to cloudkida_control, cloudkida_app, cloudkida_worker, cloudkida_identity",
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s (the administrator of --database-url must own the database): %w", statement, err)
		}
	}
	return nil
}

func (i Installation) migrate(ctx context.Context) error {
	pool, err := i.Open(ctx, Owner, 4)
	if err != nil {
		return err
	}
	defer pool.Close()
	return WithLock(ctx, pool, "cloudkida migrations", func() error {
		for _, schema := range []string{"river", "app", PoolSchema} {
			if _, err := pool.Exec(ctx, "create schema if not exists "+pgx.Identifier{schema}.Sanitize()); err != nil {
				return fmt.Errorf("create schema %s: %w", schema, err)
			}
		}
		if _, err := pool.Exec(ctx, "grant usage on schema "+PoolSchema+" to "+string(App)); err != nil {
			return fmt.Errorf("grant schema %s: %w", PoolSchema, err)
		}
		if err := migrateRiver(ctx, pool); err != nil {
			return err
		}
		if err := MigrateSchema(ctx, pool, "app", migrations.Installation, "installation", ""); err != nil {
			return err
		}
		return MigrateSchema(ctx, pool, PoolSchema, migrations.Tenant, "tenant", App)
	})
}

// WithLock runs fn while a PostgreSQL advisory lock of that name is held, so that one process at a time does it.
func WithLock(ctx context.Context, pool *pgxpool.Pool, name string, fn func() error) error {
	return pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if _, err := c.Exec(ctx, `select pg_advisory_lock(hashtextextended($1, 0))`, name); err != nil {
			return fmt.Errorf("lock %s: %w", name, err)
		}
		err := fn()
		_, unlock := c.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock(hashtextextended($1, 0))`, name)
		return errors.Join(err, unlock)
	})
}

func migrateRiver(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: "river"})
	if err != nil {
		return fmt.Errorf("river migrator: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate river: %w", err)
	}
	return nil
}

// MigrateSchema applies the files of dir to one schema; tenantRole is the role that serves tenant data there.
func MigrateSchema(ctx context.Context, pool *pgxpool.Pool, schema string, files fs.FS, dir string, tenantRole Role) error {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		return fmt.Errorf("migrations %s: %w", dir, err)
	}
	cfg := pool.Config().ConnConfig.Copy()
	cfg.RuntimeParams["search_path"] = schema + ", pg_temp"
	if tenantRole != "" {
		cfg.RuntimeParams["app.tenant_role"] = string(tenantRole)
	}
	handle := stdlib.OpenDB(*cfg)
	defer handle.Close() //nolint:errcheck // migrations are committed by then
	return apply(ctx, handle, sub, dir)
}

func apply(ctx context.Context, handle *sql.DB, files fs.FS, dir string) error {
	p, err := goose.NewProvider(goose.DialectPostgres, handle, files,
		goose.WithTableName("migration_"+dir), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations %s: %w", dir, err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", dir, err)
	}
	return nil
}

func quoteLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// CreateDatabase makes the administrator's database where it is not there yet; it needs the right to do so.
func (i Installation) CreateDatabase(ctx context.Context) error {
	cfg, err := pgx.ParseConfig(i.Admin)
	if err != nil {
		return fmt.Errorf("database url: %w", err)
	}
	name := cfg.Database
	cfg.Database = "postgres"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL as administrator: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is lost with an idle connection
	var exists bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, name).Scan(&exists); err != nil || exists {
		return err
	}
	if _, err := conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}
