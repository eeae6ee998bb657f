package export_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/control/export"
	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const anything tenancy.Permission = "anything"

// fill gives the tenant of ctx rows in every table, with what is hard to write down.
func fill(t *testing.T, ctx context.Context, d *db.DB) {
	t.Helper()
	large := bytes.Repeat([]byte{0, 1, 0xff, '\n', '"'}, 5000)
	err := d.InTenant(ctx, anything, func(tx pgx.Tx) error {
		var lab, version uuid.UUID
		if err := tx.QueryRow(ctx, `insert into lab (slug, version, title, tags, overview, search)
			values ('dns', 2, E'Ä "quoted"\\ \n\t title', '{"a,b","{}",null}', '{"n": 12345678901234567890.5, "a": [null, "x"]}', to_tsvector('english', 'naming things'))
			returning id`).Scan(&lab); err != nil {
			return err
		}
		for i, content := range [][]byte{large, large, []byte("short")} {
			if err := tx.QueryRow(ctx, `insert into lab_version (lab_id, number, hash, archive, published_by) values ($1, $2, sha256($3), $3, app.user_id()) returning id`,
				lab, i+1, content).Scan(&version); err != nil {
				return err
			}
		}
		var session uuid.UUID
		if err := tx.QueryRow(ctx, `insert into session (id, user_id, lab_id, version_id, environment_id, host, state, ended_at)
			values (uuidv7(), app.user_id(), $1, $2, uuidv7(), 'h', 'ended', '2026-03-29 02:30:00.123456+02') returning id`, lab, version).Scan(&session); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into check_result (session_id, step, name, state) select $1, n, c, 'passed' from generate_series(0, 3) n, unnest(array['b', 'a', 'B', 'ä', '_']) c`, session); err != nil {
			return err
		}
		return audit.Record(ctx, tx, "lab.published", "dns", map[string]any{"version": 2})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// pack exports the tenant of ctx.
func pack(t *testing.T, ctx context.Context, d *db.DB) (archive.Manifest, []byte) {
	t.Helper()
	scope, _ := tenancy.From(ctx)
	var out bytes.Buffer
	var m archive.Manifest
	spool, err := os.Create(t.TempDir() + "/spool")
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	err = d.SnapshotInTenant(ctx, anything, func(tx pgx.Tx) (err error) {
		m, _, err = archive.Write(ctx, tx, &out, archive.Source{
			Program: "test", Schema: 1, Tenant: archive.Tenant{ID: scope.Tenant, Name: "n", Title: "T"}, Now: time.Now(), Spool: spool, Members: people(scope.User),
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, out.Bytes()
}

func people(users ...uuid.UUID) func(context.Context, func(archive.Member) error) error {
	return func(_ context.Context, yield func(archive.Member) error) error {
		for _, u := range users {
			if err := yield(archive.Member{ID: u, Email: "a@example.com", Name: "A", Role: "owner"}); err != nil {
				return err
			}
		}
		return nil
	}
}

func importer(t *testing.T, d *db.DB) *export.Importer {
	t.Helper()
	return &export.Importer{DB: d, System: anything, Schema: 1, Dir: t.TempDir(), Limits: archive.DefaultLimits()}
}

// contents are the files of an archive.
func contents(t *testing.T, packed []byte) map[string]string {
	t.Helper()
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(unpacked); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(body)
	}
}

func tenantOf(ctx context.Context) uuid.UUID {
	scope, _ := tenancy.From(ctx)
	return scope.Tenant
}

func TestATenantMovesToAnotherInstallation(t *testing.T) {
	t.Parallel()
	from, to := dbtest.New(t), dbtest.New(t)
	a, other := from.Tenant(t, "alpha", tenancy.RoleOwner), from.Tenant(t, "bravo", tenancy.RoleOwner)
	fill(t, a, from.App)
	fill(t, other, from.App)
	m, packed := pack(t, a, from.App)
	first := contents(t, packed)
	if n := len(slices.Collect(maps.Keys(first))); n != len(m.Files)+1 {
		t.Errorf("%d files, %d in the manifest", n, len(m.Files))
	}
	if got := strings.Count(first["data/check_result.jsonl"], "\n"); got != 20 {
		t.Errorf("%d check results, want those of one tenant: 20", got)
	}
	for name, body := range first {
		if name != "manifest.json" && strings.Contains(body, tenantOf(a).String()) {
			t.Errorf("%s names the tenant", name)
		}
	}
	b := to.Tenant(t, "beta", tenancy.RoleOwner)
	report, err := importer(t, to.App).Import(t.Context(), tenantOf(b), bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if seals, told := report.Rows["audit_seal"]; told {
		t.Errorf("%d seals are said to be loaded, and none is", seals)
	}
	if report.Rows["check_result"] != 20 || len(report.Members) != 1 || report.Origin.ID != tenantOf(a) {
		t.Errorf("%+v", report)
	}
	_, again := pack(t, b, to.App)
	for name, body := range contents(t, again) {
		if name != "manifest.json" && name != "members.jsonl" && body != first[name] {
			t.Errorf("%s differs:\n%.2000s\n%.2000s", name, first[name], body)
		}
	}
	if _, err := importer(t, to.App).Import(t.Context(), tenantOf(b), bytes.NewReader(packed)); !errors.Is(err, archive.ErrUsed) {
		t.Errorf("a second import: %v", err)
	}
	var others int
	if err := to.Owner.QueryRow(t.Context(), `select count(*) from lab where tenant_id <> $1`, tenantOf(b)).Scan(&others); err != nil || others != 0 {
		t.Errorf("%d rows of other tenants, %v", others, err)
	}
}

// The catalogue decides what is exported; this asks for it in another way, and a new table is exported without a change.
// Answers to repeated requests last a day and are sealed by this installation: they alone stay.
func TestEveryTenantTableAndColumnIsExported(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	if _, err := d.Owner.Exec(t.Context(), `create table planted (tenant_id uuid not null default app.tenant_id(), id int, "Odd name" real,
		primary key (tenant_id, id)); select app.protect_tenant_table('planted')`); err != nil {
		t.Fatal(err)
	}
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	m, _ := pack(t, a, d.App)
	var exported []string
	for _, f := range m.Files {
		for _, c := range f.Columns {
			exported = append(exported, f.Name+" "+c)
		}
	}
	rows, err := d.Owner.Query(t.Context(), `
		select 'data/' || c.table_name || '.jsonl ' || c.column_name from information_schema.columns c join information_schema.tables t
			on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
		where c.table_schema = 'pool' and c.table_name not like 'migration%' and c.table_name <> 'idempotency' and c.column_name <> 'tenant_id' and c.is_generated = 'NEVER'`)
	if err != nil {
		t.Fatal(err)
	}
	want, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(exported)
	if !slices.Equal(want, exported) {
		t.Errorf("exported %q,\nwant %q", exported, want)
	}
	if !slices.Contains(exported, "data/planted.jsonl Odd name") {
		t.Error("the planted table is not exported")
	}
	// What is exported can be imported by the role that serves tenants, but for the seals, which prove what is elsewhere.
	rows, err = d.Owner.Query(t.Context(), `select c.relname::text from pg_class c where c.relnamespace = 'pool'::regnamespace and c.relkind in ('r', 'p')
		and c.relname not like 'migration%' and c.relname not in ('audit_seal', 'audit_checkpoint') and not (has_table_privilege('cloudkida_app', c.oid, 'select') and has_table_privilege('cloudkida_app', c.oid, 'insert'))`)
	if err != nil {
		t.Fatal(err)
	}
	if closed, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(closed) > 0 {
		t.Errorf("tables that cannot be exported and imported: %q, %v", closed, err)
	}
}

// What fits no table of ours is refused as a whole, whatever its hashes are.
func TestRowsThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	const session = `{"session_id":"00000000-0000-7000-8000-0000000000aa","step":1,"name":"x","state":"passed","message":"","failures":0,"checked_at":"2026-01-01T00:00:00Z"}`
	columns := []string{"session_id", "step", "name", "state", "message", "failures", "checked_at"}
	for name, c := range map[string]struct {
		table   string
		columns []string
		line    string
		want    error
	}{
		"no such session":  {"check_result", columns, session, archive.ErrInvalid},
		"text as number":   {"check_result", columns, strings.Replace(session, `"step":1`, `"step":"1"`, 1), archive.ErrInvalid},
		"fraction":         {"check_result", columns, strings.Replace(session, `"step":1`, `"step":1.5`, 1), archive.ErrInvalid},
		"number as text":   {"check_result", columns, strings.Replace(session, `"message":""`, `"message":7`, 1), archive.ErrInvalid},
		"no such state":    {"check_result", columns, strings.Replace(session, `passed`, `won`, 1), archive.ErrInvalid},
		"null":             {"check_result", columns, strings.Replace(session, `"step":1`, `"step":null`, 1), archive.ErrInvalid},
		"NUL":              {"check_result", columns, strings.Replace(session, `"message":""`, `"message":"\u0000"`, 1), archive.ErrInvalid},
		"column missing":   {"check_result", columns, strings.Replace(session, `"step":1,`, ``, 1), archive.ErrInvalid},
		"column too many":  {"check_result", columns, strings.Replace(session, `"step":1`, `"step":1,"x":2`, 1), archive.ErrInvalid},
		"another's tenant": {"check_result", append(slices.Clone(columns), "tenant_id"), strings.Replace(session, `"step":1`, `"step":1,"tenant_id":"00000000-0000-7000-8000-000000000001"`, 1), archive.ErrInvalid},
		"column twice":     {"check_result", append(slices.Clone(columns), "step"), session, archive.ErrInvalid},
		"no columns":       {"check_result", nil, "{}", archive.ErrInvalid},
		"no such table":    {"migration_tenant", []string{"id"}, `{"id":1}`, archive.ErrInvalid},
		"a file of nobody": {"lab_version", []string{"archive"}, `{"archive":{"file":"` + strings.Repeat("0", 64) + `"}}`, archive.ErrInvalid},
		"a file elsewhere": {"lab_version", []string{"archive"}, `{"archive":{"file":"../../etc/passwd"}}`, archive.ErrInvalid},
		"bad hexadecimal":  {"lab_version", []string{"archive"}, `{"archive":"xyz"}`, archive.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := d.Tenant(t, "t-"+strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(name, "'", "")), " ", "-"), tenancy.RoleOwner)
			packed := handmade(t, c.table, c.columns, c.line)
			if _, err := importer(t, d.App).Import(t.Context(), tenantOf(b), bytes.NewReader(packed)); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}
