package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudkida/cloudkida/internal/server"
)

// What programs end with: docs/cli.md.
const (
	exitSignIn   = 3
	exitNotFound = 5
)

// program is the real one, built by TestMain.
var program string //nolint:gochecknoglobals // testing.M has no way to pass values to tests

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cloudkida-program-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	program = filepath.Join(dir, "cloudkida")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-o", program, ".") //nolint:gosec // the test's own path
	if text, err := cmd.CombinedOutput(); err != nil {
		panic(string(text))
	}
	return m.Run()
}

// desk is somebody's machine, with a real server that it can reach.
type desk struct {
	t    *testing.T
	url  string
	link string // of the first operator
	home string
	data string // of the server
	env  []string
}

// lines is what the server says, line by line.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) find(pattern string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return regexp.MustCompile(pattern).FindString(l.text.String())
}

func open(t *testing.T) *desk {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cloudkida-cli-") //nolint:usetesting // a short path that the database's user can pass
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	out, ended := &lines{}, make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, server.Config{
			Data: dir, Listen: address, Roles: []string{server.RoleAPI, server.RoleWorker}, Host: "test", LogFormat: "text",
		}, out, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(time.Minute); out.find("Stop with Ctrl-C") == ""; {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the server ended: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the server was not ready in time")
		}
	}
	d := &desk{t: t, url: "http://localhost:" + address[strings.LastIndex(address, ":")+1:], home: t.TempDir(), data: dir, link: out.find(`http\S+/setup\?token=\S+`)}
	d.env = append(os.Environ(), "XDG_CONFIG_HOME="+d.home, "CLOUDKIDA_TOKEN=", "CLOUDKIDA_SERVER=")
	return d
}

// run runs the program and returns what it printed, its errors, and its exit code.
func (d *desk) run(args ...string) (out, problems string, code int) {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), program, args...) //nolint:gosec // the program under test
	cmd.Env = d.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return stdout.String(), stderr.String(), exit.ExitCode()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), 0
}

// want runs the program and looks for what it must say.
func (d *desk) want(code int, say string, args ...string) string {
	d.t.Helper()
	out, problems, got := d.run(args...)
	if got != code || !strings.Contains(out+problems, say) {
		d.t.Errorf("%v: exit code %d, want %d and %q:\n%s%s", args, got, code, say, out, problems)
	}
	return out
}

// browser is one without scripts. It keeps secure cookies on localhost, as browsers do.
type browser struct {
	t       *testing.T
	base    string
	cookies map[string]string
}

func (b *browser) do(method, address string, form url.Values) (text string) {
	b.t.Helper()
	for range 10 {
		if strings.HasPrefix(address, "/") {
			address = b.base + address
		}
		req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			b.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range b.cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value}) //nolint:gosec // of a request
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			b.t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		for _, c := range resp.Cookies() {
			b.cookies[c.Name] = c.Value
		}
		to, err := resp.Location()
		if err != nil {
			return string(body)
		}
		method, address, form = http.MethodGet, to.String(), nil
	}
	b.t.Fatal("it leads from page to page")
	return ""
}

// submit fills in the form of a page.
func (b *browser) submit(page string, fields ...string) string {
	b.t.Helper()
	action := regexp.MustCompile(`<form method="post" action="([^"]*)"`).FindStringSubmatch(page)
	if action == nil {
		b.t.Fatalf("no form:\n%s", page)
	}
	values := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="(?:hidden|radio)" name="([^"]*)"[^>]* value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		values.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	page = b.do(http.MethodPost, html.UnescapeString(action[1]), values)
	return page
}

// signIn makes the first operator in a browser, and signs the program in with it.
func (d *desk) signIn() {
	d.t.Helper()
	b := &browser{t: d.t, base: d.url, cookies: map[string]string{}}
	page := b.do(http.MethodGet, d.link, nil)
	b.submit(page, "name", "Olga", "email", "olga@example.com", "password", "vier Fische im Teich")
	cmd := exec.CommandContext(d.t.Context(), program, "login", "--server", d.url) //nolint:gosec // the program under test
	cmd.Env = d.env
	says, err := cmd.StderrPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	var said strings.Builder
	for scan := bufio.NewScanner(says); scan.Scan(); {
		said.WriteString(scan.Text() + "\n")
		code := regexp.MustCompile(`type the code (\S+)`).FindStringSubmatch(scan.Text())
		if code == nil {
			continue
		}
		page := b.do(http.MethodGet, "/pools/default/device?user_code="+code[1], nil)
		if page = b.submit(page, "decision", "approve"); !strings.Contains(page, "You are all set") {
			d.t.Fatalf("the device is not approved:\n%s", page)
		}
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "olga@example.com") {
		d.t.Fatalf("login: %v\n%s%s", err, said.String(), out.String())
	}
}

func TestTheCommandLine(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.want(exitSignIn, "cloudkida login", "member", "list")
	d.want(exitSignIn, "cloudkida login", "whoami", "--server", d.url)
	d.want(1, "must be https", "login", "--server", "http://labs.example.com")
	d.signIn()
	d.want(0, "olga@example.com", "whoami")
	var me struct {
		Email    string
		Operator bool
	}
	if err := json.Unmarshal([]byte(d.want(0, "", "whoami", "--json")), &me); err != nil || me.Email != "olga@example.com" || !me.Operator {
		t.Errorf("%+v, %v", me, err)
	}
	d.want(0, "linux-permissions", "lab", "list")
	d.want(0, "slug", "lab", "show", "linux-permissions")
	d.want(exitNotFound, "", "lab", "show", "nowhere")
	d.want(0, "ID", "session", "list")
	d.want(1, "", "session", "start", "linux-permissions") // this server runs no labs
	d.want(exitNotFound, "", "session", "end", "00000000-0000-7000-8000-00000000000f")
	d.want(0, "CREATED AT", "session", "list")
	d.want(exitSignIn, "does not accept the token", "whoami", "--server", d.url, "--token", "of-another-server")
	d.want(1, "does not answer", "whoami", "--server", "http://127.0.0.1:1", "--token", "any")
	d.want(0, "olga@example.com", "member", "list", "olga")
	d.want(exitNotFound, "member list", "member", "remove", "nobody@example.com")
	d.want(0, "Cloudkida", "tenant", "list")
	d.want(0, "placement", "tenant", "show", "00000000-0000-7000-8000-000000000001")
	d.want(80, "", "member", "role", "olga@example.com", "king")
	d.renewal()
	d.want(0, "Signed out", "logout")
	d.want(exitSignIn, "cloudkida login", "whoami")
}

// renewal lets several programs find that the access token has ended: one of them renews it, and all go on.
func (d *desk) renewal() {
	d.t.Helper()
	file := filepath.Join(d.home, "cloudkida", "credentials.json")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		d.t.Errorf("the credentials have mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		d.t.Fatal(err)
	}
	ended := regexp.MustCompile(`"expiry": "[^"]*"`).ReplaceAll(text, []byte(`"expiry": "2020-01-01T00:00:00Z"`))
	if err := os.WriteFile(file, ended, 0o600); err != nil { //nolint:gosec // in the test's own directory
		d.t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { d.want(0, "olga@example.com", "whoami") })
	}
	all.Wait()
	if err := os.Chmod(file, 0o644); err != nil { // what must be refused
		d.t.Fatal(err)
	}
	d.want(1, "can be read by others", "whoami")
	if err := os.Chmod(file, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, env: append(os.Environ(), "CLOUDKIDA_TOKEN=secret")}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		d.want(0, "complete", "completion", shell)
	}
	d.want(0, "invite", "complete", "--", "member")
	d.want(0, "--role", "complete", "--", "member", "invite")
	d.want(0, "instructor", "complete", "--", "member", "invite", "--role")
	if out := d.want(0, "serve", "complete"); strings.Contains(out, "complete\n") && !strings.Contains(out, "completion\n") {
		t.Errorf("what is hidden is offered:\n%s", out)
	}
	if shell, err := exec.LookPath("bash"); err == nil {
		out, err := exec.CommandContext(t.Context(), shell, "-c", d.want(0, "", "completion", "bash")+"complete -p cloudkida").CombinedOutput() //nolint:gosec // the program's own script
		if err != nil || !strings.Contains(string(out), "_cloudkida") {
			t.Errorf("bash: %v %s", err, out)
		}
	}
}

func TestWhatServersSendCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"items":[{"slug":"x\u001b]0;gone\u0007\u202ey"}]}`))
	}))
	defer s.Close()
	d := &desk{t: t, env: append(os.Environ(), "CLOUDKIDA_TOKEN=secret", "CLOUDKIDA_SERVER="+s.URL)}
	if out := d.want(0, "x]0;goney", "lab", "list"); strings.ContainsAny(out, "\x1b\x07\u202e") {
		t.Errorf("%q", out)
	}
}
