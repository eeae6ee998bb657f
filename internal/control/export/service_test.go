package export_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/export"
	"github.com/cloudkida/cloudkida/internal/control/export/archive"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/internal/platform/workflow/workflowtest"
)

func service(t *testing.T) (*dbtest.Database, *export.Service) {
	t.Helper()
	d := dbtest.New(t)
	s, err := newService(t.Context(), d.Installation)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Engine.Pool.Close)
	t.Cleanup(s.DB.Pool.Close)
	t.Cleanup(func() { _ = os.RemoveAll(dirOf(d.Installation)) })
	return d, s
}

// made requests an export as the scope of ctx and makes it.
func made(t *testing.T, ctx context.Context, s *export.Service) export.Export {
	t.Helper()
	e, err := s.Request(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Engine.Run(t.Context(), e.Workflow); err != nil {
		t.Fatal(err)
	}
	return e
}

func newest(t *testing.T, ctx context.Context, s *export.Service) export.Export {
	t.Helper()
	found, err := s.List(ctx)
	if err != nil || len(found) == 0 {
		t.Fatalf("%d exports, %v", len(found), err)
	}
	return found[0]
}

func archives(t *testing.T, s *export.Service) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.Files.Dir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestAnExportIsMadeKeptAndTakenOut(t *testing.T) {
	t.Parallel()
	d, s := service(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	fill(t, a, d.App)
	asked := made(t, a, s)
	e, f, err := s.Open(a, asked.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	packed, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	files := contents(t, packed)
	if sum := sha256.Sum256([]byte(files["manifest.json"])); !bytes.Equal(sum[:], e.Manifest) || e.Bytes != int64(len(packed)) || e.Rows < 25 {
		t.Errorf("%+v", e)
	}
	if !strings.Contains(files["data/audit_entry.jsonl"], "tenant.export_requested") {
		t.Error("the audit log does not show the request")
	}
	b := d.Tenant(t, "bravo", tenancy.RoleOwner)
	if _, _, err := s.Open(b, asked.ID); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("another tenant's archive: %v", err)
	}
	for range 4 {
		made(t, a, s)
	}
	if names := archives(t, s); len(names) != 3 {
		t.Errorf("%d archives are kept: %q", len(names), names)
	}
	if _, _, err := s.Open(a, asked.ID); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("an archive that made room: %v", err)
	}
	if n, err := s.RemoveTenant(t.Context(), tenantOf(a)); err != nil || n != 3 || len(archives(t, s)) != 0 {
		t.Errorf("%d removed, %v, %q are left", n, err, archives(t, s))
	}
}

func TestArchivesExpire(t *testing.T) {
	t.Parallel()
	d, s := service(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	asked := made(t, a, s)
	if _, err := d.Control.Exec(t.Context(), `update control.tenant_export set expires_at = now() - interval '1 s'`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Open(a, asked.ID); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("an expired archive: %v", err)
	}
	stray := filepath.Join(s.Files.Dir, tenantOf(a).String(), uuid.NewString()+".part")
	fresh := filepath.Join(s.Files.Dir, tenantOf(a).String(), uuid.NewString()+".spool")
	for _, name := range []string{stray, fresh} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(stray, time.Time{}, time.Now().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if names := archives(t, s); len(names) != 1 || names[0] != fresh {
		t.Errorf("after the sweep: %q", names)
	}
}

func TestAFullDiskLeavesNothing(t *testing.T) {
	t.Parallel()
	d, s := service(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	fill(t, a, d.App)
	s.Files.Create = func(name string) (*os.File, error) {
		if strings.HasSuffix(name, ".part") {
			return os.OpenFile("/dev/full", os.O_RDWR, 0)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return nil, err
		}
		return os.Create(name)
	}
	asked := made(t, a, s)
	w, err := s.Engine.Get(t.Context(), asked.Workflow)
	if err != nil || w.State != workflow.Undone || !strings.Contains(w.Error, "disk is full") {
		t.Errorf("%s %q, %v", w.State, w.Error, err)
	}
	if e := newest(t, a, s); e.State != export.Failed || !strings.Contains(e.Error, "disk is full") {
		t.Errorf("%+v", e)
	}
	if names := archives(t, s); len(names) != 0 {
		t.Errorf("left: %q", names)
	}
	if _, _, err := s.Open(a, asked.ID); !errors.Is(err, export.ErrNotReady) {
		t.Errorf("open: %v", err)
	}
}

func TestKilledInEveryStepAnExportStillEnds(t *testing.T) {
	t.Parallel()
	workflowtest.Kill(t, workflowtest.Case{
		Build: build, Steps: []string{"write", "tidy"},
		Start: func(t *testing.T, d *dbtest.Database, e *workflow.Engine) uuid.UUID {
			t.Helper()
			s, err := newService(t.Context(), d.Installation)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Engine.Pool.Close)
			t.Cleanup(s.DB.Pool.Close)
			t.Cleanup(func() { _ = os.RemoveAll(dirOf(d.Installation)) })
			a := d.Tenant(t, "alpha", tenancy.RoleOwner)
			fill(t, a, d.App)
			asked, err := s.Request(a)
			if err != nil {
				t.Fatal(err)
			}
			return asked.Workflow
		},
		Check: func(t *testing.T, d *dbtest.Database, w workflow.Workflow) {
			t.Helper()
			names, err := filepath.Glob(filepath.Join(dirOf(d.Installation), "*", "*"))
			if w.State != workflow.Succeeded || err != nil || len(names) != 1 || !strings.HasSuffix(names[0], ".tar.gz") {
				t.Errorf("%s, files %q, %v", w.State, names, err)
			}
		},
	})
}

func TestOneExportAtATime(t *testing.T) {
	t.Parallel()
	d, s := service(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	if _, err := s.Request(a); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Request(a); !errors.Is(err, workflow.ErrBusy) {
		t.Errorf("a second request: %v", err)
	}
	if _, err := s.RequestFor(a, uuid.New(), "because of a court"); !errors.Is(err, db.ErrNoTenant) {
		t.Errorf("of no tenant: %v", err)
	}
}

// site serves the routes to whoever is in the header X-As.
func site(t *testing.T, s *export.Service, people map[string]context.Context) *httptest.Server {
	t.Helper()
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	gate := &gateway.Gateway{
		Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
			ctx, ok := people[bearer]
			if !ok {
				return tenancy.Scope{}, gateway.ErrSignIn
			}
			scope, _ := tenancy.From(ctx)
			scope.Operator = bearer == "operator"
			return scope, nil
		},
		Authorize: func(ctx context.Context, p tenancy.Permission) error {
			scope, _ := tenancy.From(ctx)
			if p == "operator" && !scope.Operator || p == "owner" && scope.Role != tenancy.RoleOwner {
				return errs.Forbidden("no", "No.")
			}
			return nil
		},
	}
	api.UseMiddleware(gate.Middleware(api))
	(&export.API{Service: s, Still: func(context.Context) error { return nil }}).Register(api, "owner", "operator", "operator")
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func call(t *testing.T, method, address, as, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+as)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[len(pair)-1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestDownloads(t *testing.T) {
	t.Parallel()
	d, s := service(t)
	a := d.Tenant(t, "alpha", tenancy.RoleOwner)
	fill(t, a, d.App)
	server := site(t, s, map[string]context.Context{
		"owner": a, "stranger": d.Tenant(t, "bravo", tenancy.RoleOwner), "operator": d.Default(t, tenancy.RoleLearner),
	})
	own := made(t, a, s)
	base := server.URL + "/v1/operator/tenants/" + tenantOf(a).String() + "/exports"
	res, text := call(t, http.MethodPost, base, "operator", `{"reason":"A court asked for it"}`)
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("%s: %s", res.Status, text)
	}
	theirs := newest(t, a, s)
	if err := s.Engine.Run(t.Context(), theirs.Workflow); err != nil {
		t.Fatal(err)
	}
	path := server.URL + "/v1/tenant/exports/" + own.ID.String() + "/archive"
	res, whole := call(t, http.MethodGet, path, "owner", "")
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment;") || len(contents(t, []byte(whole))) < 5 {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	res, part := call(t, http.MethodGet, path, "owner", "", "Range", "bytes=100-199", "If-Range", res.Header.Get("ETag"))
	if res.StatusCode != http.StatusPartialContent || part != whole[100:200] {
		t.Errorf("range: %s, %d bytes", res.Status, len(part))
	}
	for _, c := range []struct {
		method, path, as, body string
		want                   int
	}{
		{http.MethodGet, path, "stranger", "", http.StatusNotFound},
		{http.MethodGet, path, "operator", "", http.StatusForbidden},
		{http.MethodGet, base + "/" + own.ID.String() + "/archive", "operator", "", http.StatusForbidden}, // no reason was given for it
		{http.MethodGet, base + "/" + theirs.ID.String() + "/archive", "operator", "", http.StatusOK},
		{http.MethodGet, base + "/" + theirs.ID.String() + "/archive", "owner", "", http.StatusForbidden},
		{http.MethodGet, base, "owner", "", http.StatusForbidden},
		{http.MethodPost, base, "operator", `{"reason":"   "}`, http.StatusUnprocessableEntity},
		{http.MethodPost, base, "operator", `{}`, http.StatusUnprocessableEntity},
		{http.MethodGet, server.URL + "/v1/tenant/exports", "nobody", "", http.StatusUnauthorized},
	} {
		if res, text := call(t, c.method, c.path, c.as, c.body); res.StatusCode != c.want {
			t.Errorf("%s %s as %s: %s, want %d (%.200s)", c.method, c.path, c.as, res.Status, c.want, text)
		}
	}
	var seen int
	err := d.Owner.QueryRow(t.Context(), `select count(*) from audit_entry where detail->>'reason' = 'A court asked for it' and tenant_id = $1`, tenantOf(a)).Scan(&seen)
	if err != nil || seen != 2 { // the request and the download
		t.Errorf("%d entries with the operator's reason, %v", seen, err)
	}
	if _, err := (&export.Importer{DB: d.App, System: anything, Schema: 1, Dir: t.TempDir(), Limits: archive.DefaultLimits()}).
		Import(t.Context(), tenantOf(d.Tenant(t, "charlie", tenancy.RoleOwner)), strings.NewReader(whole)); err != nil {
		t.Errorf("import what was downloaded: %v", err)
	}
}
