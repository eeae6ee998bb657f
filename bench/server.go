package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/cloudkida/cloudkida/bench/peer"
)

// server is a running `cloudkida serve` with a fresh data directory.
type server struct {
	program string
	data    string
	url     string
	ops     string // the address of metrics and the profiler
	setup   string // the link that makes the first operator
	startup time.Duration
	cmd     *exec.Cmd
	first   *client // the operator's, once signUp has made one
	learner *client // once unlimited has made one
}

const (
	startLimit = time.Minute
	stopLimit  = 30 * time.Second

	addressRate = "--address-rate=100000" // everybody here is behind one address
)

// serve starts the program and returns once it is ready, with the time that this took.
func serve(ctx context.Context, program, dir string) (*server, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	ops, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{program: program, data: filepath.Join(dir, "data"), url: "http://localhost:" + port, ops: "127.0.0.1:" + ops}
	log, err := os.Create(filepath.Join(dir, "server.log")) //nolint:gosec // a directory of ours
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	args := []string{"serve", "--data", s.data, "--listen", "127.0.0.1:" + port, "--ops-listen=" + s.ops, addressRate}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // the program to measure
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w (run make build)", program, err)
	}
	if err := s.await(out); err != nil {
		return nil, errors.Join(err, tail(log.Name()), s.stop())
	}
	s.startup = time.Since(begun)
	return s, nil
}

// await reads what the program tells people until it says that it is ready.
func (s *server) await(out io.Reader) error {
	ready := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if link, ok := strings.CutPrefix(lines.Text(), "First operator:"); ok {
				s.setup = strings.TrimSpace(link)
			}
			if strings.HasPrefix(lines.Text(), "Stop with") {
				ready <- nil
			}
		}
		ready <- errors.New("the server ended before it was ready")
	}()
	select {
	case err := <-ready:
		return err
	case <-time.After(startLimit):
		return fmt.Errorf("the server was not ready after %s", startLimit)
	}
}

func tail(name string) error {
	text, err := os.ReadFile(name) //nolint:gosec // a file of ours
	if err != nil {
		return err
	}
	const most = 2000
	return errors.New(string(text[max(0, len(text)-most):]))
}

func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	kill := time.AfterFunc(stopLimit, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("the server's end: %w", err)
	}
	return nil
}

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// The person who runs everything here.
const (
	email    = "bench@example.org"
	password = "a few unrelated words 7"
)

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// signUp makes the first operator by the setup link, as a person would, publishes the lab and returns the API's client.
func (s *server) signUp(ctx context.Context) (*client, error) {
	if s.first != nil {
		return s.first, nil
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // where people go next is of no interest here
	}}
	page, err := s.page(ctx, browser, http.MethodGet, s.setup, nil)
	if err != nil {
		return nil, err
	}
	form := url.Values{"name": {"Bench"}, "email": {email}, "password": {password}}
	for _, field := range hiddenField.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], field[2])
	}
	action, _, _ := strings.Cut(s.setup, "?")
	if _, err := s.page(ctx, browser, http.MethodPost, action, form); err != nil {
		return nil, err
	}
	token, err := s.command(ctx, nil, "token", email, "--for", "1h")
	if err != nil {
		return nil, err
	}
	token = strings.TrimSpace(token)
	if _, err := s.command(ctx, []string{"CLOUDKIDA_TOKEN=" + token}, "lab", "push", "bench/testdata/prompt"); err != nil {
		return nil, err
	}
	s.first = &client{url: s.url, token: token, http: &http.Client{}}
	return s.first, nil
}

func (s *server) page(ctx context.Context, browser *http.Client, method, address string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", s.url)
	}
	resp, err := browser.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err == nil && resp.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("the setup page answered %s", resp.Status)
	}
	return string(text), err
}

// command runs another command of the program on this server's data.
func (s *server) command(ctx context.Context, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.program, args...) //nolint:gosec // the program to measure
	cmd.Env = append(os.Environ(), "CLOUDKIDA_DATA="+s.data, "CLOUDKIDA_SERVER="+s.url, "CLOUDKIDA_PUBLIC_URL="+s.url)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return "", fmt.Errorf("%s %s: %w: %s", s.program, args[0], err, failed.Stderr)
	}
	return string(out), err
}

// newPeer starts the bare handler on this server's database.
func (s *server) newPeer(ctx context.Context) (*peer.Process, error) {
	admin, err := s.command(ctx, nil, "db", "url")
	if err != nil {
		return nil, err
	}
	return peer.Start(ctx, strings.TrimSpace(admin), email, "--peer")
}

// newPocketBase starts PocketBase beside this server.
func (s *server) newPocketBase(ctx context.Context) (*peer.Process, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	return peer.StartPocketBase(ctx, filepath.Dir(s.data), "127.0.0.1:"+port)
}

// profileTime is how long a profile lasts.
const profileTime = 20 * time.Second

// profile begins a CPU profile of the program that goes to a file; stop waits for its end. Without a name there is none.
func (s *server) profile(ctx context.Context, name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(name) //nolint:gosec // whoever measures has named it
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.ops, int(profileTime.Seconds())), http.NoBody)
		if err != nil {
			done <- err
			return
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			done <- err
			return
		}
		_, err = io.Copy(file, resp.Body)
		done <- errors.Join(err, resp.Body.Close(), file.Close())
	}()
	return func() error { return <-done }, nil
}
