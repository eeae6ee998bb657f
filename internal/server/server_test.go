package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/server"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// dataDir is a directory that the embedded database's user can reach when root tests.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cloudkida-server-") //nolint:usetesting // a short path that every user can pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func config(t testing.TB, dir string) server.Config {
	t.Helper()
	return server.Config{
		Data: dir, Listen: freeAddress(t), Roles: []string{server.RoleAPI, server.RoleWorker, server.RoleLab}, Host: "test", LogFormat: "text",
	}
}

// output is what the program says, readable while it says it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// length is how much there is so far.
func (o *output) length() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Len()
}

// since is what came after so much.
func (o *output) since(from int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text.Bytes()[from:])
}

// running is a program that serves.
type running struct {
	t    testing.TB
	url  string
	out  *output
	stop func() error
}

func start(t testing.TB, cfg server.Config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, out: &output{}, url: "http://localhost:" + cfg.Listen[strings.LastIndex(cfg.Listen, ":")+1:]}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, cfg, r.out, slog.Default()) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	deadline := time.Now().Add(patience)
	for !strings.Contains(r.out.String(), "Stop with Ctrl-C") {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the program ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the program was not ready in time")
		}
	}
	return r
}

// call answers the status and the body of one request.
func (r *running) call(method, path string) (int, []byte, http.Header) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	keepsPromise(r.t, req, res, body)
	return res.StatusCode, body, res.Header
}

func TestTheProgram(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	cfg := config(t, dir)
	r := start(t, cfg)
	t.Run("answers", func(t *testing.T) { answers(t, r) })
	t.Run("refuses strangers", func(t *testing.T) { strangers(t, r) })
	t.Run("is alone on its data", func(t *testing.T) {
		err := server.Run(t.Context(), config(t, dir), io.Discard, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "in use by process") {
			t.Errorf("a second program on the same data: %v", err)
		}
	})
	t.Run("says that its port is taken", func(t *testing.T) {
		second := config(t, dataDir(t))
		second.Listen = cfg.Listen
		err := server.Run(t.Context(), second, io.Discard, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("a port in use: %v", err)
		}
	})
	if !strings.Contains(r.out.String(), "/pools/default/setup?token=") {
		t.Errorf("the first start prints no link for the first operator: %q", r.out)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, config(t, dir))
	if !strings.Contains(again.out.String(), "/pools/default/setup?token=") {
		t.Errorf("nobody used the link, but the second start prints none: %q", again.out)
	}
}

func answers(t *testing.T, r *running) {
	t.Helper()
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ready", "/openapi.json": `"openapi": "3.1.0"`, "/docs": "/docs/swagger-ui-bundle.js",
		"/docs/swagger-ui-bundle.js": "SwaggerUI", "/v1/config": `"clientId":"console"`,
		"/pools/default/.well-known/openid-configuration": `"issuer":"` + r.url + `/pools/default"`,
	} {
		status, body, h := r.call(http.MethodGet, path)
		if status != http.StatusOK || !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Request-Id") == "" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: headers %v", path, h)
		}
	}
	if status, _, _ := r.call(http.MethodGet, "/metrics"); status == http.StatusOK {
		t.Error("metrics are on the public listener")
	}
	if status, body, _ := r.call(http.MethodGet, "/v1/none"); status != http.StatusNotFound || !bytes.Contains(body, []byte("no_such_address")) {
		t.Errorf("an unknown address: %d %s", status, body)
	}
}

// strangers tries every route of the API without signing in, and with a token that is none.
func strangers(t *testing.T, r *running) {
	t.Helper()
	_, text, _ := r.call(http.MethodGet, "/openapi.json")
	var api struct {
		Paths map[string]map[string]struct {
			Security []any `json:"security"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	var public []string
	for path, methods := range api.Paths {
		filled := strings.NewReplacer("{id}", "01a20c53-7505-7ec9-8759-c6ba0cffa20a", "{", "", "}", "").Replace(path)
		for method, op := range methods {
			if len(op.Security) == 0 {
				public = append(public, method+" "+path)
				continue
			}
			status, body, _ := r.call(strings.ToUpper(method), filled)
			if status != http.StatusUnauthorized {
				t.Errorf("%s %s as a stranger: %d %.200s", method, path, status, body)
			}
		}
	}
	slices.Sort(public)
	if want := []string{
		"get /v1/config", "get /v1/directory", "get /v1/proof-key", "get /v1/registrations/names", "get /v1/registrations/{id}", "get /v1/registrations/{id}/events", "get /v1/tiers",
		"post /v1/invitations/enter", "post /v1/invitations/look", "post /v1/registrations",
		"post /v1/registrations/confirm", "post /v1/registrations/enter", "post /v1/registrations/key",
	}; !slices.Equal(public, want) {
		t.Errorf("open to everybody: %q, want %q", public, want)
	}
	if len(api.Paths) < 20 {
		t.Errorf("only %d addresses are described", len(api.Paths))
	}
}

func TestTheDescriptionIsWhatIsCommitted(t *testing.T) {
	t.Parallel()
	got, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("..", "..", "api", "openapi.json"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("api/openapi.json is out of date: run make gen (%v)", err)
	}
}

func TestBadSettingsAreReportedTogether(t *testing.T) {
	t.Parallel()
	cfg := server.Config{Data: t.TempDir(), Listen: "nonsense", PublicURL: "ftp://x/path", Roles: []string{"lab", "chef"}, Capacity: -1, SMTPURL: "smtp://u:hunter2@", DNSServer: "nowhere"}
	err := cfg.Complete()
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a password is repeated: %v", err)
	}
	for _, want := range []string{"--smtp-url", "--dns-server", "--listen", "--public-url", `"chef"`, "--roles lab", "--capacity"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word about %s in: %v", want, err)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct{ url, labs string }{
		"":                         {"http://localhost:8080", "labs.localhost:8080"},
		"https://Labs.Example:443": {"https://labs.example", "labs.labs.example"},
		"http://localhost:80/":     {"http://localhost", "labs.localhost"},
	} {
		cfg := server.Config{Data: t.TempDir(), Listen: "127.0.0.1:8080", PublicURL: in, Roles: []string{"api"}, Host: "h"}
		if err := cfg.Complete(); err != nil || cfg.PublicURL != want.url || cfg.LabsDomain != want.labs {
			t.Errorf("%q: %q, %q, %v", in, cfg.PublicURL, cfg.LabsDomain, err)
		}
	}
	cfg := server.Config{Data: t.TempDir(), Listen: "127.0.0.1:8080", PublicURL: "http://labs.example", Roles: []string{"api"}, Host: "h"}
	if err := cfg.Complete(); err == nil || !strings.Contains(err.Error(), "https") {
		t.Errorf("plain http in public: %v", err)
	}
}

func TestDataThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	cfg := config(t, "/proc/cloudkida")
	err := server.Run(t.Context(), cfg, io.Discard, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "--data") || errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the remedy", err)
	}
}

// What a route reads from its address must be described: huma overlooks parameters of embedded structs.
func TestEveryParameterOfAnAddressIsDescribed(t *testing.T) {
	t.Parallel()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	for path, methods := range api.Paths {
		for method, op := range methods {
			for _, part := range strings.Split(path, "/") {
				name, inside := strings.CutPrefix(part, "{")
				if inside && !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool {
					return p.In == "path" && p.Name == strings.TrimSuffix(name, "}")
				}) {
					t.Errorf("%s %s does not describe %s", method, path, part)
				}
			}
		}
	}
}
