package lab_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// serve runs the API; the bearer token is the name of a role in the default tenant.
func serve(t *testing.T, f fixture) string {
	t.Helper()
	mux := httpx.NewMux()
	api := httpx.NewAPI(mux)
	g := &gateway.Gateway{
		Authorize: policy.Authorize,
		Authenticate: func(_ context.Context, bearer string) (tenancy.Scope, error) {
			scope, _ := tenancy.From(f.db.Default(t, tenancy.Role(bearer)))
			return scope, nil
		},
	}
	api.UseMiddleware(g.Middleware(api))
	f.labs.Register(api)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func call(t *testing.T, method, address, role string, body io.Reader) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+role)
	if body != nil {
		req.Header.Set("Content-Type", "application/gzip")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatalf("%s %s: %d: %v", method, address, resp.StatusCode, err)
	}
	return resp.StatusCode, out
}

func packed(t *testing.T, tree manifest.Tree) io.Reader {
	t.Helper()
	archive, err := tree.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(archive)
}

func TestPushAndRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	base := serve(t, f)
	content := tree("dns", "Names", []string{"net"}, nil)
	status, out := call(t, "POST", base+"/v1/labs", "author", packed(t, content))
	if status != 201 || out["slug"] != "dns" || out["version"] != 1.0 || out["created"] != true {
		t.Fatalf("push: %d %v", status, out)
	}
	if status, out = call(t, "POST", base+"/v1/labs", "author", packed(t, content)); status != 200 || out["created"] != false {
		t.Errorf("push again: %d %v", status, out)
	}
	if status, out = call(t, "POST", base+"/v1/labs", "learner", packed(t, content)); status != 403 || out["code"] != "forbidden" {
		t.Errorf("push as a learner: %d %v", status, out)
	}
	status, out = call(t, "GET", base+"/v1/labs/dns", "learner", nil)
	want := `{"durationSeconds":1800,"level":"intermediate","locales":["en"],"points":10,"ports":[{"name":"web","port":8080}],` +
		`"requires":["git"],"slug":"dns","stepCount":2,"stepTitles":["First","Second"],"summary":"Learn something about Names.",` +
		`"tags":["net"],"title":"Names","version":1}`
	if got, _ := json.Marshal(out); status != 200 || string(got) != want {
		t.Errorf("get: %d %s\nwant %s", status, got, want)
	}
	if status, out = call(t, "GET", base+"/v1/labs/nothing", "learner", nil); status != 404 || out["code"] != "lab_not_found" {
		t.Errorf("get nothing: %d %v", status, out)
	}
}

func TestPushReportsProblemsWithTheirLines(t *testing.T) {
	t.Parallel()
	base := serve(t, newFixture(t))
	broken := tree("dns", "Names", nil, map[string]string{"steps/01.md": "one\n\n```sh rnu\nls\n```\n"})
	status, out := call(t, "POST", base+"/v1/labs", "author", packed(t, broken))
	if status != 422 || out["code"] != "lab_invalid" {
		t.Fatalf("%d %v", status, out)
	}
	first, _ := out["errors"].([]any)[0].(map[string]any)
	if first["location"] != "steps/01.md:3" || !strings.Contains(first["message"].(string), `"rnu"`) { //nolint:errcheck,forcetypeassert // fails the test
		t.Errorf("errors: %v", out["errors"])
	}
}

func TestPushRefusesHostileArchives(t *testing.T) {
	t.Parallel()
	base := serve(t, newFixture(t))
	for name, c := range map[string]struct {
		body   []byte
		status int
		code   string
	}{
		"not gzip":      {[]byte("hello"), 422, "lab_archive"},
		"empty":         {nil, 422, "lab_archive"},
		"cut off":       {bomb(t, "lab.yaml", 100)[:30], 422, "lab_archive"},
		"bomb":          {bomb(t, "lab.yaml", 1<<30), 422, "lab_archive"},
		"leads out":     {archive(t, tar.Header{Name: "../../etc/passwd", Typeflag: tar.TypeReg}), 422, "lab_archive"},
		"absolute":      {archive(t, tar.Header{Name: "/etc/passwd", Typeflag: tar.TypeReg}), 422, "lab_archive"},
		"symbolic link": {archive(t, tar.Header{Name: "lab.yaml", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), 422, "lab_archive"},
		"device":        {archive(t, tar.Header{Name: "lab.yaml", Typeflag: tar.TypeChar}), 422, "lab_archive"},
		"too large":     {noise(t, 18<<20), 413, "lab_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, out := call(t, "POST", base+"/v1/labs", "author", bytes.NewReader(c.body))
			if status != c.status || out["code"] != c.code {
				t.Errorf("%d %v, want %d %s", status, out, c.status, c.code)
			}
		})
	}
}

func TestListPagesByCursor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	base := serve(t, f)
	author := f.db.Default(t, tenancy.RoleAuthor)
	for _, slug := range []string{"lab-c", "lab-a", "lab-b"} {
		publish(t, f, author, tree(slug, "Same title", []string{"x"}, nil))
	}
	seen := map[string]bool{}
	next, pages := "", 0
	for {
		status, out := call(t, "GET", base+"/v1/labs?limit=2&cursor="+url.QueryEscape(next), "learner", nil)
		if status != 200 {
			t.Fatalf("page %d: %d %v", pages, status, out)
		}
		for _, item := range out["items"].([]any) { //nolint:errcheck,forcetypeassert // fails the test
			seen[item.(map[string]any)["slug"].(string)] = true //nolint:errcheck,forcetypeassert // fails the test
		}
		pages++
		next, _ = out["next"].(string)
		if next == "" {
			break
		}
	}
	if len(seen) != 3 || pages != 2 {
		t.Errorf("%d labs in %d pages: %v", len(seen), pages, seen)
	}
	if status, out := call(t, "GET", base+"/v1/labs?cursor=%25%25", "learner", nil); status != 400 || out["code"] != "invalid_cursor" {
		t.Errorf("a made-up cursor: %d %v", status, out)
	}
}

// archive is a tar.gz with one entry.
func archive(t *testing.T, head tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&head); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// bomb is a tar.gz with one file of size zeros.
func bomb(t *testing.T, name string, size int64) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: size, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, io.LimitReader(zeros{}, size)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// noise is a tar.gz that is larger than an upload may be: its files cannot be compressed.
func noise(t *testing.T, size int) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	const part = 1 << 20
	data := make([]byte, part)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	// Ignored names are not kept, so that only the size of the upload is tried.
	for i := range size / part {
		if err := w.WriteHeader(&tar.Header{Name: ".git/" + strings.Repeat("x", i+1), Typeflag: tar.TypeReg, Size: part}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
