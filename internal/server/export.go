package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/control/export"
	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
)

// exportDir is the directory of archives in a data directory.
func exportDir(data string) string { return filepath.Join(data, "exports") }

// newExports makes the service of archives and makes its workflow known.
func (p *program) newExports(data *db.DB, schema int64) *export.Service {
	s := &export.Service{
		DB: data, Control: p.pools.control, Engine: p.workflows, Export: policy.TenantExport, System: policy.TenantSystem,
		Members: p.roster, Files: export.Files{Dir: exportDir(p.cfg.Data), Host: p.cfg.Host}, Program: Version, Schema: schema, Log: p.log,
	}
	p.workflows.Add(s.Workflow())
	return s
}

// roster gives an export the tenant's people.
func (p *program) roster(ctx context.Context, tenant uuid.UUID, yield func(archive.Member) error) error {
	return p.members.Roster(ctx, tenant, func(m member.RosterEntry) error {
		return yield(archive.Member{ID: m.ID, Email: m.Email, Name: m.Name, Role: string(m.Role)})
	})
}

// exportSweepEvery is how often archives that have expired are deleted, by each host its own.
const exportSweepEvery = time.Hour

// sweepExports deletes archives that have expired, until ctx ends.
func (p *program) sweepExports(ctx context.Context) {
	tick := time.NewTicker(exportSweepEvery)
	defer tick.Stop()
	for {
		if err := p.exports.Sweep(ctx); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "sweep exports", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ImportRequest asks for a new tenant with the data of an archive, on the server's own machine.
type ImportRequest struct {
	Data, MasterKey, DatabaseURL string
	Archive                      string
	Name, Title                  string // of the new tenant; the title is the archive's when empty
	Manifest                     string // the expected SHA-256 of the manifest; empty: any
}

var errManifest = errors.New("this is another archive than --manifest says: its manifest has another hash")

// ImportTenant makes a tenant and loads an archive into it. The server must be running: its database is. When it fails the
// tenant stays closed and empty, and the same command goes on with it.
func ImportTenant(ctx context.Context, r ImportRequest, log *slog.Logger) (report export.Report, err error) {
	file, err := os.Open(r.Archive)
	if err != nil {
		return report, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	data, control, done, err := openTenantData(ctx, r)
	if err != nil {
		return report, err
	}
	defer done()
	schema, err := db.TenantVersion()
	if err != nil {
		return report, err
	}
	if err := os.MkdirAll(exportDir(r.Data), 0o700); err != nil {
		return report, fmt.Errorf("make the directory of archives: %w", err)
	}
	var tenant uuid.UUID
	importer := &export.Importer{
		DB: data, System: policy.TenantSystem, Schema: schema, Dir: exportDir(r.Data), Limits: archive.DefaultLimits(),
		Loaded: func(ctx context.Context, tx pgx.Tx, loaded export.Report) error {
			if err := session.EndImported(ctx, tx); err != nil {
				return err
			}
			return audit.Record(ctx, tx, "tenant.imported", tenant.String(), map[string]any{
				"origin": loaded.Origin.ID, "manifest": loaded.Manifest, "rows": loaded.Rows,
			})
		},
	}
	report, err = importer.ImportNew(ctx, file, func(found export.Report) (_ uuid.UUID, err error) {
		if r.Manifest != "" && found.Manifest != r.Manifest {
			return tenant, errManifest
		}
		tenant, err = newTenant(ctx, control, r.Name, cmp.Or(r.Title, found.Origin.Title, r.Name))
		return tenant, err
	})
	if err != nil {
		return report, err
	}
	log.InfoContext(ctx, "an archive was imported", "tenant", tenant, "manifest", report.Manifest)
	return report, openTenant(ctx, control, tenant)
}

// openTenantData connects to the tenants' data as the program itself does.
func openTenantData(ctx context.Context, r ImportRequest) (data *db.DB, control *pgxpool.Pool, done func(), err error) {
	in, err := openInstallation(r.Data, r.MasterKey, r.DatabaseURL)
	if err != nil {
		return nil, nil, nil, err
	}
	const connections = 2
	if control, err = in.Open(ctx, db.Control, connections); err != nil {
		return nil, nil, nil, err
	}
	app, err := in.Open(ctx, db.App, connections)
	if err != nil {
		control.Close()
		return nil, nil, nil, err
	}
	places, err := db.NewPlaces(control)
	if err != nil {
		control.Close()
		app.Close()
		return nil, nil, nil, err
	}
	silos := db.NewSilos(in, 1)
	data, _ = guarded(&db.DB{Pool: app, Places: places, Silos: silos})
	return data, control, func() { silos.Close(); app.Close(); control.Close() }, nil
}

// openInstallation is the database of a server that runs on this machine, or of the url.
func openInstallation(data, masterKey, url string) (in db.Installation, err error) {
	key, err := secret.Load(data, masterKey)
	if err != nil {
		return in, err
	}
	if url == "" {
		if url, err = DatabaseURL(data, masterKey); err != nil {
			return in, err
		}
	}
	return db.Installation{Admin: url, Password: func(role db.Role) string { return key.Derive("database role " + string(role)) }}, nil
}

// importing marks a tenant whose import has not ended; its people are told so.
const importing = "Its data is being imported."

// newTenant makes a tenant that is closed to people, or finds the one that an earlier import left.
func newTenant(ctx context.Context, control *pgxpool.Pool, name, title string) (id uuid.UUID, err error) {
	err = control.QueryRow(ctx, `
		insert into control.tenant as t (name, title, status, status_reason) values ($1, left($2, 200), 'suspended', $3)
		on conflict (name) do update set updated_at = now() where t.status = 'suspended' and t.status_reason = $3
		returning id`, name, title, importing).Scan(&id)
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == "23514":
		return id, errors.New("--name: want 3 to 40 letters a to z, digits and hyphens, such as acme-academy")
	case errors.As(err, &pg) && pg.Code == "23505":
		return id, fmt.Errorf("--name: %s is too much like the name of another organisation; choose one that nobody mistakes", name)
	case errors.Is(err, pgx.ErrNoRows):
		return id, fmt.Errorf("--name: there is an organisation %s already; import into a new one", name)
	case err != nil:
		return id, fmt.Errorf("make the tenant: %w (is the server running?)", err)
	}
	return id, nil
}

func openTenant(ctx context.Context, control *pgxpool.Pool, id uuid.UUID) error {
	_, err := control.Exec(ctx, `
		update control.tenant set status = 'active', status_reason = '', updated_at = now()
		where id = $1 and status = 'suspended' and status_reason = $2`, id, importing)
	if err != nil {
		return fmt.Errorf("open the tenant: %w", err)
	}
	return nil
}
