package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/server"
)

// organisation is one that signs up.
type organisation struct {
	*running
	db   *pgx.Conn
	name string
}

func (o *organisation) send(method, path string, body any, header ...string) map[string]any {
	o.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		o.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(o.t.Context(), method, o.url+path, bytes.NewReader(text))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if len(header) == 2 {
		req.Header.Set(header[0], header[1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&out); err != nil || res.StatusCode >= 300 {
		o.t.Fatalf("%s %s: %d %v, %v", method, path, res.StatusCode, out, err)
	}
	return out
}

var registrationToken = regexp.MustCompile(`#token=(\w+)`)

func (o *organisation) token(email string) string {
	o.t.Helper()
	var text string
	err := o.db.QueryRow(o.t.Context(), `select text from control.mail_message where recipient = $1 and kind = 'registration.confirm'`, email).Scan(&text)
	if err != nil {
		o.t.Fatal(err)
	}
	return registrationToken.FindStringSubmatch(text)[1]
}

// signUp goes the whole way and returns how long it took from the proof to the open door.
func (o *organisation) signUp(email, tier string) (took time.Duration, status map[string]any, token string) {
	o.t.Helper()
	o.send(http.MethodPost, "/v1/registrations", map[string]string{
		"title": "Organisation " + o.name, "name": o.name, "email": email, "adminName": "Ada", "tier": tier,
	}, "Idempotency-Key", uuid.NewString())
	token = o.token(email)
	started := time.Now()
	status = o.send(http.MethodPost, "/v1/registrations/confirm", map[string]string{"token": token})
	for status["state"] == "provisioning" && time.Since(started) < patience {
		<-time.After(10 * time.Millisecond)
		status = o.send(http.MethodGet, fmt.Sprint("/v1/registrations/", status["id"]), nil, "Registration-Token", token)
	}
	return time.Since(started), status, token
}

func TestOrganisationsSignUpByThemselves(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	r := start(t, config(t, dir))
	address, err := server.DatabaseURL(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	for _, c := range []struct{ name, email, tier, pool, schema string }{
		{"acme", "ada@example.org", "basic", "default", "pool"},
		{"bravo", "bob@example.org", "platinum", "bravo", "silo_"},
	} {
		o := &organisation{running: r, db: db, name: c.name}
		took, status, token := o.signUp(c.email, c.tier)
		if status["state"] != "ready" {
			t.Fatalf("%s: %v", c.name, status)
		}
		t.Logf("%s was ready %v after its address was proved", c.tier, took)
		if status["firstKey"] != true {
			t.Errorf("%s: no first key: %v", c.name, status)
		}
		key, _ := o.send(http.MethodPost, "/v1/registrations/key", map[string]string{"token": token})["secret"].(string)
		for path, want := range map[string]int{"/v1/labs": http.StatusOK, "/v1/members": http.StatusOK, "/v1/api-keys": http.StatusForbidden} {
			if got := (&caller{t: t, token: key}).status(r.url + path); got != want {
				t.Errorf("%s: %s with the first key: %d", c.name, path, got)
			}
		}
		if again := (&caller{t: t}).send(http.MethodPost, r.url+"/v1/registrations/key", `{"token":"`+token+`"}`); again.StatusCode != http.StatusConflict {
			t.Errorf("%s: the first key again: %d", c.name, again.StatusCode)
		}
		link, _ := o.send(http.MethodPost, "/v1/registrations/enter", map[string]string{"token": token})["link"].(string)
		if !strings.HasPrefix(link, r.url+"/pools/"+c.pool+"/enter?token=") {
			t.Errorf("%s enters at %q", c.name, link)
		}
		code, page, _ := r.call(http.MethodGet, strings.TrimPrefix(link, r.url))
		if code != http.StatusOK || !bytes.Contains(page, []byte("Organisation "+c.name)) {
			t.Errorf("%s: %d %.300s", c.name, code, page)
		}
		var schema string
		var labs int
		err := db.QueryRow(t.Context(), `select s.schema::text from app.tenant_scope s join control.tenant t on t.id = s.tenant_id where t.name = $1 and t.status = 'active'`, c.name).Scan(&schema)
		if err == nil {
			err = db.QueryRow(t.Context(), `select count(*) from `+pgx.Identifier{schema, "lab"}.Sanitize()+` l join control.tenant t on t.id = l.tenant_id where t.name = $1`, c.name).Scan(&labs)
		}
		if err != nil || !strings.HasPrefix(schema, c.schema) || labs < 5 {
			t.Errorf("%s is in %q with %d labs, %v", c.name, schema, labs, err)
		}
	} // A step that fails for good: the pool's name is another tenant's. What was made before it goes again.
	if _, err := db.Exec(t.Context(), `insert into identity.pool (name, tenant_id) select 'charlie', id from control.tenant where name = 'acme'`); err != nil {
		t.Fatal(err)
	}
	o := &organisation{running: r, db: db, name: "charlie"}
	if _, status, _ := o.signUp("eve@example.org", "platinum"); status["state"] == "ready" || status["problem"] == "" {
		t.Fatalf("%v", status)
	}
	for open, deadline := 1, time.Now().Add(patience); open > 0; <-time.After(10 * time.Millisecond) {
		if err := db.QueryRow(t.Context(), `select count(*) from control.workflow where ended_at is null`).Scan(&open); err != nil || time.Now().After(deadline) {
			t.Fatalf("it is not taken back: %v", err)
		}
	}
	var left int
	err = db.QueryRow(t.Context(), `
		select (select count(*) from control.tenant where name = 'charlie') + (select count(*) from app.tenant_scope where schema like 'silo%')
			+ (select count(*) from pg_namespace where nspname like 'silo%') + (select count(*) from pg_roles where rolname like 'cloudkida_silo_%')
			+ (select count(*) from control.workflow where state = 'stuck')`).Scan(&left)
	if err != nil || left != 3 { // the place, the schema and the role of bravo
		t.Errorf("%d things are left of silos, want 3, %v", left, err)
	}
}
