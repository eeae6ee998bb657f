package server_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

// busy is an organisation whose learners are in sessions.
type busy struct {
	*running

	db       *pgxpool.Pool
	id       string
	operator *caller
	owner    *caller
	learners []*caller
	sessions []string
	ended    chan string // what was open and is not any more
}

func newBusy(t *testing.T) *busy {
	t.Helper()
	dir := dataDir(t)
	b := &busy{running: start(t, config(t, dir)), ended: make(chan string, 4)}
	admin, err := server.DatabaseURL(dir, "")
	if err == nil {
		b.db, err = pgxpool.New(t.Context(), admin)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.db.Close)
	exec(t, admin, `update control.tier set limits = limits - 'userRate' - 'userBurst' - 'rate' - 'burst'`) // it asks as fast as it can
	if err := b.db.QueryRow(t.Context(), `insert into control.tenant (name, title, tier) values ('acme', 'Acme', 'premium') returning id::text`).Scan(&b.id); err != nil {
		t.Fatal(err)
	}
	join := func(email string, role tenancy.Role, acme bool) *caller {
		user := person(t, dir, admin, b.url, email, role)
		if acme {
			exec(t, admin, `update identity.membership set tenant_id = $2, role = $3 where user_id = $1`, user, b.id, string(role))
		} else {
			exec(t, admin, `update identity."user" set operator = true where id = $1`, user)
		}
		token, err := server.Token(t.Context(), server.TokenRequest{Data: dir, PublicURL: b.url, Email: email, For: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return &caller{t: t, token: token}
	}
	b.operator, b.owner = join("olga@example.com", tenancy.RoleOwner, false), join("ada@example.com", tenancy.RoleOwner, true)
	b.publish(t)
	for _, email := range []string{"lea@example.com", "max@example.com"} {
		b.learners = append(b.learners, join(email, tenancy.RoleLearner, true))
	}
	return b
}

// publish gives the organisation a lab.
func (b *busy) publish(t *testing.T) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/v1/labs", bytes.NewReader(labArchive(t, "linux-permissions", "acme-lab", "Acme")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+b.owner.token)
	req.Header.Set("Content-Type", "application/gzip")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("publish: %d", res.StatusCode)
	}
}

// learn brings every learner into a session with a terminal and its events open.
func (b *busy) learn(t *testing.T) {
	t.Helper()
	for _, c := range b.learners {
		var run struct{ ID, State string }
		c.json(http.MethodPost, b.url+"/v1/sessions", `{"lab":"acme-lab"}`, &run)
		for deadline := time.Now().Add(patience); run.State != "ready"; {
			if time.Now().After(deadline) {
				t.Fatalf("the session is %s", run.State)
			}
			c.json(http.MethodGet, b.url+"/v1/sessions/"+run.ID, "", &run)
		}
		b.sessions = append(b.sessions, run.ID)
		go func() { c.followEvents(b.url + "/v1/sessions/" + run.ID + "/events"); b.ended <- "event stream" }()
		terminal := c.terminal(b.url, run.ID)
		go func() { readAll(terminal); b.ended <- "terminal" }()
	}
}

func (b *busy) count(t *testing.T, sql string) (n int) {
	t.Helper()
	if err := b.db.QueryRow(t.Context(), sql, b.id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// change is a workflow as operators see it.
type change struct{ ID, State, Error string }

// until waits for a state of a workflow.
func (b *busy) until(t *testing.T, w change, state string) {
	t.Helper()
	for deadline := time.Now().Add(patience); w.State != state; {
		if time.Now().After(deadline) {
			t.Fatalf("the workflow is %s, want %s: %s", w.State, state, w.Error)
		}
		b.operator.json(http.MethodGet, b.url+"/v1/operator/workflows/"+w.ID, "", &w)
	}
}

// An operator off-boards an organisation whose learners are in sessions: they are out within five seconds, their sandboxes
// go, and when it is taken back all is there but what ran.
func TestOffboardingWithLearnersInSessions(t *testing.T) {
	t.Parallel()
	b := newBusy(t)
	b.learn(t)
	var w change
	b.operator.json(http.MethodPost, b.url+"/v1/operator/tenants/"+b.id+"/offboard", `{"name":"acme","reason":"They left us.","graceDays":30}`, &w)
	closed := time.Now()
	for _, c := range b.learners {
		for c.status(b.url+"/v1/me") == http.StatusOK {
			if time.Since(closed) > revocationTime {
				t.Fatal("a learner is still answered")
			}
		}
	}
	for range 2 * len(b.learners) {
		select {
		case what := <-b.ended:
			t.Logf("%s ended after %v", what, time.Since(closed))
		case <-time.After(time.Until(closed.Add(revocationTime))):
			t.Fatal("a stream goes on")
		}
	}
	b.until(t, w, "waiting") // for the end of grace: all before it is done
	if n := b.count(t, `select count(*) from pool.session where tenant_id = $1 and state = 'ended'`); n != len(b.learners) {
		t.Errorf("%d sessions have ended", n)
	}
	if n := b.count(t, `select count(*) from runtime.environment where tenant_id = $1`); n != 0 {
		t.Errorf("%d environments are left", n)
	}
	if n := b.count(t, `select count(*) from control.tenant_export where tenant_id = $1 and state = 'ready'`); n != 1 {
		t.Errorf("%d archives", n)
	}
	b.operator.json(http.MethodPost, b.url+"/v1/operator/workflows/"+w.ID+"/cancel", "", &w)
	b.until(t, w, "cancelled")
	for n, c := range b.learners {
		for deadline := time.Now().Add(patience); c.status(b.url+"/v1/me") != http.StatusOK; {
			if time.Now().After(deadline) {
				t.Fatal("a learner is not let in again")
			}
		}
		var run struct{ State string }
		c.json(http.MethodGet, b.url+"/v1/sessions/"+b.sessions[n], "", &run)
		if status := c.status(b.url + "/v1/labs/acme-lab"); run.State != "ended" || status != http.StatusOK {
			t.Errorf("the session is %s, the lab %d", run.State, status)
		}
	}
}
