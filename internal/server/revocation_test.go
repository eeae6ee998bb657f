package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

// revocationTime is what the product promises, in every process and on everything that is open.
const revocationTime = 5 * time.Second

// Two processes share one database. Whatever takes a learner's right away in the one is refused by the other within
// five seconds: requests, an event stream and a terminal that are open.
func TestRevocationReachesEveryProcessAndEveryStream(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := start(t, config(t, dir))
	admin, err := server.DatabaseURL(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	exec(t, admin, `update control.tier set limits = limits - 'userRate'`) // it asks as fast as it can
	second := start(t, neighbour(t, dir, admin, first.url))
	user := person(t, dir, admin, first.url, "lea@example.com", tenancy.RoleLearner)
	token, err := server.Token(t.Context(), server.TokenRequest{Data: dir, PublicURL: first.url, Email: "lea@example.com", For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	as := &caller{t: t, token: token}
	var session struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	as.json(http.MethodPost, first.url+"/v1/sessions", `{"lab":"linux-permissions"}`, &session)
	defer func() { // what runs would outlive the program
		exec(t, admin, `update identity.membership set status = 'active' where user_id = $1`, user)
		if as.token, err = server.Token(t.Context(), server.TokenRequest{Data: dir, PublicURL: first.url, Email: "lea@example.com", For: time.Hour}); err != nil {
			t.Error(err)
		}
		for deadline := time.Now().Add(patience); as.status(first.url+"/v1/me") != http.StatusOK && time.Now().Before(deadline); {
		}
		as.json(http.MethodPost, first.url+"/v1/sessions/"+session.ID+"/end", "", &session)
		for deadline := time.Now().Add(patience); session.State != "ended" && time.Now().Before(deadline); {
			as.json(http.MethodGet, first.url+"/v1/sessions/"+session.ID, "", &session)
		}
	}()
	for deadline := time.Now().Add(patience); session.State != "ready"; {
		if time.Now().After(deadline) {
			t.Fatalf("the session is %s", session.State)
		}
		as.json(http.MethodGet, first.url+"/v1/sessions/"+session.ID, "", &session)
	}
	ended := make(chan string, 2)
	go func() { as.followEvents(first.url + "/v1/sessions/" + session.ID + "/events"); ended <- "events" }()
	terminal := as.terminal(first.url, session.ID)
	go func() { readAll(terminal); ended <- "terminal" }()
	for _, r := range []*running{first, second} {
		if status := as.status(r.url + "/v1/me"); status != http.StatusOK {
			t.Fatalf("%s before: %d", r.url, status)
		}
	}

	person(t, dir, admin, first.url, "olga@example.com", tenancy.RoleOwner)
	token, err = server.Token(t.Context(), server.TokenRequest{Data: dir, PublicURL: first.url, Email: "olga@example.com", For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	res := (&caller{t: t, token: token}).send(http.MethodDelete, second.url+"/v1/members/"+user, "")
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("remove the learner: %d", res.StatusCode)
	}
	revoked := time.Now()
	for _, r := range []*running{first, second} {
		for as.status(r.url+"/v1/me") == http.StatusOK {
			if time.Since(revoked) > revocationTime {
				t.Fatalf("%s still answers", r.url)
			}
		}
	}
	t.Logf("requests are refused after %v", time.Since(revoked))
	for range 2 {
		select {
		case what := <-ended:
			t.Logf("%s ended after %v", what, time.Since(revoked))
		case <-time.After(time.Until(revoked.Add(revocationTime))):
			t.Fatal("a stream goes on")
		}
	}
}

// neighbour is another process on the same database: it has the same master key and public address, and no sandboxes.
func neighbour(t *testing.T, dir, admin, publicURL string) server.Config {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, secret.File))
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t, dataDir(t))
	cfg.Roles, cfg.DatabaseURL, cfg.MasterKey, cfg.Host = []string{server.RoleAPI}, admin, strings.TrimSpace(string(key)), "neighbour"
	cfg.PublicURL = publicURL
	return cfg
}

func person(t *testing.T, dir, admin, publicURL, email string, role tenancy.Role) string {
	t.Helper()
	key, err := secret.Load(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	in := db.Installation{Admin: admin, Password: func(role db.Role) string { return key.Derive("database role " + string(role)) }}
	pool, err := in.Open(t.Context(), db.Identity, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	people, err := identity.New(identity.Config{Pool: pool, Key: key, PublicURL: publicURL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	u, err := people.CreateUser(t.Context(), identity.NewUser{Email: email, Name: "Lea", Password: "vier Fische im Teich", Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return u.ID.String()
}

func exec(t *testing.T, admin, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// caller is somebody who is signed in.
type caller struct {
	t     *testing.T
	token string
}

func (c *caller) send(method, address, body string) *http.Response {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	return res
}

func (c *caller) status(address string) int {
	c.t.Helper()
	res := c.send(http.MethodGet, address, "")
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func (c *caller) json(method, address, body string, into any) {
	c.t.Helper()
	res := c.send(method, address, body)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= http.StatusBadRequest {
		c.t.Fatalf("%s %s: %d %s %v", method, address, res.StatusCode, text, err)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(into); err != nil {
		c.t.Fatal(err)
	}
}

// followEvents reads an event stream to its end.
func (c *caller) followEvents(address string) {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		_ = lines.Text()
	}
}

func (c *caller) terminal(address, session string) *websocket.Conn {
	c.t.Helper()
	var ticket struct {
		Ticket string `json:"ticket"`
	}
	c.json(http.MethodPost, address+"/v1/sessions/"+session+"/tickets", `{"kind":"terminal"}`, &ticket)
	conn, res, err := websocket.Dial(c.t.Context(), fmt.Sprintf("%s/v1/sessions/%s/terminals/1?client=test", address, session), &websocket.DialOptions{
		Subprotocols: []string{"cloudkida.terminal.v1", "ticket." + ticket.Ticket}, HTTPHeader: http.Header{"Origin": {address}},
	})
	if err != nil {
		c.t.Fatalf("open a terminal: %v %v", err, res)
	}
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	if _, _, err := conn.Read(c.t.Context()); err != nil {
		c.t.Fatalf("the terminal says nothing: %v", err)
	}
	return conn
}

func readAll(conn *websocket.Conn) {
	for {
		if _, _, err := conn.Read(context.Background()); err != nil {
			return
		}
	}
}
