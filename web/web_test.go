package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cloudkida/cloudkida/web"
)

const (
	html       = "text/html,application/xhtml+xml"
	forever    = "public, max-age=31536000, immutable"
	revalidate = "no-cache"
)

func get(t *testing.T, h http.Handler, method, target string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func sample() http.Handler {
	return web.Serve(fstest.MapFS{
		".gitkeep":            {},
		"index.html":          {Data: []byte(`<meta property="csp-nonce" nonce="CSP_NONCE"><script src="/assets/a-1.js"></script>`)},
		"favicon.svg":         {Data: []byte("<svg/>")},
		"assets/a-1.js":       {Data: []byte("console.log(1)")},
		"assets/a-1.js.gz":    {Data: []byte("packed")},
		"assets/font-2.woff2": {Data: []byte("font")},
	}, "http://*.labs.localhost:8080")
}

func TestPageHasNonceOfItsPolicy(t *testing.T) {
	t.Parallel()
	h := sample()
	nonces := map[string]bool{}
	for _, target := range []string{"/", "/labs/linux-permissions", "/sessions/1?step=2", "/auth/callback?code=x", "/index"} {
		r := get(t, h, http.MethodGet, target, map[string]string{"Accept": html})
		if r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: status %d, Cache-Control %q", target, r.StatusCode, r.Header.Get("Cache-Control"))
		}
		m := regexp.MustCompile(`nonce="([^"]+)"`).FindStringSubmatch(body(t, r))
		if len(m) != 2 || nonces[m[1]] || !strings.Contains(r.Header.Get("Content-Security-Policy"), "'nonce-"+m[1]+"'") {
			t.Errorf("%s: nonce %v is missing, used before, or not in %q", target, m, r.Header.Get("Content-Security-Policy"))
		}
		nonces[m[1]] = true
	}
}

func TestPolicyAllowsNoInlineScript(t *testing.T) {
	t.Parallel()
	policy := get(t, sample(), http.MethodGet, "/", map[string]string{"Accept": html}).Header.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "frame-src http://*.labs.localhost:8080;"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, target, encoding   string
		wantType, wantCache, got string
	}{
		{"hashed", "/assets/a-1.js", "", "text/javascript; charset=utf-8", forever, "console.log(1)"},
		{"compressed", "/assets/a-1.js", "br, gzip", "text/javascript; charset=utf-8", forever, "packed"},
		{"never compressed", "/assets/font-2.woff2", "gzip", "font/woff2", forever, "font"},
		{"not hashed", "/favicon.svg", "gzip", "image/svg+xml", revalidate, "<svg/>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := get(t, sample(), http.MethodGet, tt.target, map[string]string{"Accept-Encoding": tt.encoding})
			if got := body(t, r); got != tt.got || r.Header.Get("Content-Type") != tt.wantType || r.Header.Get("Cache-Control") != tt.wantCache {
				t.Errorf("got %q, %v", got, r.Header)
			}
			if packed := tt.got == "packed"; packed != (r.Header.Get("Content-Encoding") == "gzip") {
				t.Errorf("Content-Encoding %q", r.Header.Get("Content-Encoding"))
			}
		})
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, target, accept string
		want                         int
	}{
		{"missing asset", http.MethodGet, "/assets/gone-3.js", html, http.StatusNotFound},
		{"missing file asked for by a script", http.MethodGet, "/sessions", "*/*", http.StatusNotFound},
		{"git's file", http.MethodGet, "/.gitkeep", html, http.StatusNotFound},
		{"the packed file by its own name", http.MethodGet, "/assets/a-1.js.gz", html, http.StatusNotFound},
		{"outside of dist", http.MethodGet, "/../web.go", html, http.StatusNotFound},
		{"a form sent to a page", http.MethodPost, "/sessions", html, http.StatusMethodNotAllowed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if r := get(t, sample(), tt.method, tt.target, map[string]string{"Accept": tt.accept}); r.StatusCode != tt.want {
				t.Errorf("status %d, want %d", r.StatusCode, tt.want)
			}
		})
	}
}

func TestWithoutABuildItSaysSo(t *testing.T) {
	t.Parallel()
	r := get(t, web.Serve(fstest.MapFS{".gitkeep": {}}, ""), http.MethodGet, "/", map[string]string{"Accept": html})
	if got := body(t, r); r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got, "make build") {
		t.Errorf("status %d: %s", r.StatusCode, got)
	}
}
