package person_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/person"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

const password = "vier Fische im Teich"

// labs end when they are asked to the second time.
type labs struct {
	mu    sync.Mutex
	asked map[uuid.UUID]int // by tenant
	never bool
}

func (l *labs) EndOf(ctx context.Context, _ uuid.UUID) (int, error) {
	scope, _ := tenancy.From(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked[scope.Tenant]++
	if l.never || l.asked[scope.Tenant] == 1 {
		return 1, ctx.Err()
	}
	return 0, nil
}

type env struct {
	*person.Service
	t      *testing.T
	db     *dbtest.Database
	people *identity.Service
	labs   *labs
	signer *proof.Signer
	a, b   uuid.UUID // tenants
}

func open(t *testing.T) *env {
	t.Helper()
	key, err := secret.Load("", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	d := dbtest.New(t)
	quiet := slog.New(slog.DiscardHandler)
	people, err := identity.New(identity.Config{Pool: d.Identity, Key: key, PublicURL: "https://labs.example.com", Log: quiet, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := proof.New(key)
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, db: d, people: people, labs: &labs{asked: map[uuid.UUID]int{}}, signer: signer}
	e.Service = &person.Service{
		Identity: d.Identity, DB: d.Role(policy.Authorize), Accounts: people, Labs: e.labs, Letters: &mail.Service{Pool: d.Control}, Signer: signer, Log: quiet,
		Dir: t.TempDir(),
	}
	for name, id := range map[string]*uuid.UUID{"alpha": &e.a, "bravo": &e.b} {
		scope, _ := tenancy.From(d.Tenant(t, name, tenancy.RoleOwner))
		*id = scope.Tenant
	}
	return e
}

func (e *env) exec(sql string, args ...any) {
	e.t.Helper()
	if _, err := e.db.Owner.Exec(e.t.Context(), sql, args...); err != nil {
		e.t.Fatal(err)
	}
}

func (e *env) count(sql string, args ...any) (n int) {
	e.t.Helper()
	if err := e.db.Owner.QueryRow(e.t.Context(), sql, args...).Scan(&n); err != nil {
		e.t.Fatal(err)
	}
	return n
}

// user makes a person of both tenants who has done something in each, and returns the person's scope in the first.
func (e *env) user(email string, role tenancy.Role) (context.Context, uuid.UUID) {
	e.t.Helper()
	u, err := e.people.CreateUser(e.t.Context(), identity.NewUser{Email: email, Name: "Ada", Password: password, Tenant: e.a, Role: role})
	if err != nil {
		e.t.Fatal(err)
	}
	e.exec(`insert into identity.membership (user_id, tenant_id, role, status) values ($1, $2, 'learner', 'removed')`, u.ID, e.b)
	e.exec(`insert into identity.browser_session (token_hash, pool_id, user_id, methods, idle_at, expires_at)
		select sha256(email::bytea), pool_id, id, '{pwd}', now() + interval '1 h', now() + interval '1 h' from identity."user" where id = $1`, u.ID)
	e.exec(`with f as (insert into identity.token_family (pool_id, user_id, tenant_id, client_id, scopes, methods, signed_in_at, expires_at)
		select pool_id, id, $2, 'console', '{openid}', '{pwd}', now(), now() + interval '1 h' from identity."user" where id = $1 returning id)
		insert into identity.refresh_token (token_hash, family_id) select sha256(id::text::bytea), id from f`, u.ID, e.a)
	e.exec(`insert into identity.consent (user_id, document, version) values ($1, 'terms', '1')`, u.ID)
	e.exec(`insert into control.mail_message (id, recipient, subject, text, html, kind, keep, state) values (uuidv7(), $1, 's', 't', '', 'x', true, 'sent')`, strings.ToUpper(email))
	for _, tenant := range []uuid.UUID{e.a, e.b} {
		ctx := tenancy.With(e.t.Context(), tenancy.Scope{Tenant: tenant, User: u.ID, Role: tenancy.RoleOwner})
		e.act(ctx, u.ID)
	}
	return tenancy.With(e.t.Context(), tenancy.Scope{Tenant: e.a, User: u.ID, Role: role}), u.ID
}

// act leaves rows of every kind: a lab that was published, a session with results, an audit entry.
func (e *env) act(ctx context.Context, user uuid.UUID) {
	e.t.Helper()
	err := e.db.App.InTenant(ctx, "any", func(tx pgx.Tx) error {
		for _, sql := range []string{
			`insert into lab (slug) values ($1::uuid::text)`,
			`insert into lab_version (lab_id, number, hash, archive, published_by) select id, 1, sha256('x'), 'secret archive', $1 from lab where slug = $1::uuid::text`,
			`insert into session (id, user_id, lab_id, version_id, environment_id, host, state)
				select uuidv7(), $1, l.id, v.id, uuidv7(), 'h', 'ended' from lab l join lab_version v on v.lab_id = l.id where l.slug = $1::uuid::text`,
			`insert into check_result (session_id, step, name, state) select id, n, 'c', 'passed' from session, generate_series(1, 3) n where user_id = $1`,
			`insert into audit_entry (actor, action, target) values ($1, 'tested', 'x')`,
		} {
			if _, err := tx.Exec(ctx, sql, user); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

func TestACopyHasEverythingOfOnePerson(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada, id := e.user("ada@example.com", tenancy.RoleLearner)
	_, other := e.user("eve@example.com", tenancy.RoleOwner)
	var out bytes.Buffer
	if err := e.Copy(ada, &out); err != nil {
		t.Fatal(err)
	}
	type rows []map[string]any
	var doc struct {
		Person   uuid.UUID
		Identity map[string]rows
		Mail     map[string]int
		Tenants  []map[string]json.RawMessage
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if doc.Person != id || doc.Mail["messages"] != 1 || doc.Identity["user"][0]["email"] != "ada@example.com" || len(doc.Tenants) != 2 {
		t.Errorf("%+v", doc)
	}
	for table, want := range map[string]int{"user": 1, "membership": 2, "browser_session": 1, "token_family": 1, "consent": 1} {
		if got := len(doc.Identity[table]); got != want {
			t.Errorf("%d of %s, want %d", got, table, want)
		}
	}
	for _, tenant := range doc.Tenants {
		for table, want := range map[string]int{"session": 1, "check_result": 3, "audit_entry": 1, "lab_version": 1} {
			var found rows
			if err := json.Unmarshal(tenant[table], &found); err != nil || len(found) != want {
				t.Errorf("%s: %d of %s, want %d, %v", tenant["name"], len(found), table, want, err)
			}
		}
	}
	for what, text := range map[string]string{"another person": other.String(), "another's address": "eve@", "a password's hash": "argon2", "a secret's hash": "_hash\"", "binary content": "archive"} {
		if strings.Contains(out.String(), text) {
			t.Errorf("the copy has %s", what)
		}
	}
}

func TestErasureLeavesNothingButIds(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada, id := e.user("ada@example.com", tenancy.RoleLearner)
	eve, other := e.user("eve@example.com", tenancy.RoleOwner)
	before := e.everythingOf(eve, other)
	p, err := e.Erase(ada, " ADA@example.com ", password)
	if err != nil {
		t.Fatal(err)
	}
	var said person.Statement
	if err := p.Open(e.signer.Public(), &said); err != nil {
		t.Fatal(err)
	}
	rows := map[string]int64{}
	for _, r := range said.Rows {
		rows[r.Table+" "+r.Treatment] += r.Before
		if r.Treatment == "deleted" && r.After != 0 || r.Treatment == "pseudonymous" && r.After != r.Before {
			t.Errorf("%+v", r)
		}
	}
	for what, want := range map[string]int64{
		"user deleted": 1, "membership deleted": 2, "session deleted": 2, "check_result deleted": 6, "token_family deleted": 1, "consent deleted": 1,
		"mail_message deleted": 1, "audit_entry pseudonymous": 2, "lab_version pseudonymous": 2,
	} {
		if rows[what] != want {
			t.Errorf("%s: %d, want %d", what, rows[what], want)
		}
	}
	if said.User != id || said.Kind != "person.erasure" || e.count(`select count(*) from identity.erasure where user_id = $1`, id) != 1 {
		t.Errorf("%+v", said)
	}
	for _, sql := range []string{
		`select count(*) from identity."user" where id = $1`, `select count(*) from identity.refresh_token r join identity.token_family f on f.id = r.family_id where f.user_id = $1`,
		`select count(*) from pool.session where user_id = $1`,
	} {
		if n := e.count(sql, id); n != 0 {
			t.Errorf("%d rows: %s", n, sql)
		}
	}
	if n := e.count(`select count(*) from pool.audit_entry where action = 'person.erased' and target = $1`, id.String()); n != 2 {
		t.Errorf("%d entries about it, want one in each tenant", n)
	}
	if after := e.everythingOf(eve, other); after != before {
		t.Errorf("another person's data changed:\n%s\n%s", before, after)
	}
	if _, err := e.Erase(ada, "ada@example.com", password); !errors.Is(err, db.ErrNoScope) {
		t.Errorf("a second time: %v", err)
	}
}

// everythingOf is the copy of a person's data but for the time of its making.
func (e *env) everythingOf(ctx context.Context, _ uuid.UUID) string {
	e.t.Helper()
	var out bytes.Buffer
	if err := e.Copy(ctx, &out); err != nil {
		e.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(out.String(), `"identity"`)
	return rest
}

func TestErasureIsRefused(t *testing.T) {
	t.Parallel()
	e := open(t)
	owner, id := e.user("ada@example.com", tenancy.RoleOwner)
	rows := e.count(`select count(*) from pool.session where user_id = $1`, id)
	refused := func(confirm, secret string, want error) {
		t.Helper()
		if _, err := e.Erase(owner, confirm, secret); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	refused("eve@example.com", password, person.ErrEmail)
	refused("", password, person.ErrEmail)
	refused("ada@example.com", "wrong", person.ErrPassword)
	refused("ada@example.com", "", person.ErrPassword)
	refused("ada@example.com", password, person.ErrOwner)
	_, other := e.user("eve@example.com", tenancy.RoleOwner)
	e.exec(`update identity."user" set disabled_at = now() where id = $1`, other)
	refused("ada@example.com", password, person.ErrOwner) // who cannot sign in owns nothing
	e.exec(`update identity."user" set disabled_at = null where id = $1`, other)
	e.exec(`update identity."user" set operator = true where id = $1`, id)
	refused("ada@example.com", password, person.ErrOperator)
	e.exec(`update identity."user" set operator = false, password_hash = null where id = $1`, id)
	refused("ada@example.com", password, person.ErrNoPassword)
	if len(e.labs.asked) != 0 || e.count(`select count(*) from pool.session where user_id = $1`, id) != rows {
		t.Error("something was done to somebody who was refused")
	}
	if _, err := e.Erase(t.Context(), "ada@example.com", password); !errors.Is(err, db.ErrNoScope) {
		t.Errorf("nobody: %v", err)
	}
}

func TestOfTwoOwnersOneStays(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada, _ := e.user("ada@example.com", tenancy.RoleOwner)
	eve, _ := e.user("eve@example.com", tenancy.RoleOwner)
	results := make(chan error, 2)
	for ctx, email := range map[context.Context]string{ada: "ada@example.com", eve: "eve@example.com"} {
		go func() {
			_, err := e.Erase(ctx, email, password)
			results <- err
		}()
	}
	first, second := <-results, <-results
	if (first == nil) == (second == nil) || first != nil && !errors.Is(first, person.ErrOwner) || second != nil && !errors.Is(second, person.ErrOwner) {
		t.Errorf("%v and %v: want one erased and one refused", first, second)
	}
	if n := e.count(`select count(*) from identity.membership where tenant_id = $1 and role = 'owner'`, e.a); n != 1 {
		t.Errorf("%d owners", n)
	}
}

func TestConsentsAreListed(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada, id := e.user("ada@example.com", tenancy.RoleLearner)
	e.exec(`insert into identity.consent (user_id, document, version, at) values ($1, 'terms', '2', now() + interval '1 s')`, id)
	found, err := e.Consents(ada)
	if err != nil || len(found) != 2 || found[0].Version != "2" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestNothingIsDeletedWhileLabsRun(t *testing.T) {
	t.Parallel()
	e := open(t)
	ada, id := e.user("ada@example.com", tenancy.RoleLearner)
	e.labs.never = true
	// The password's hash takes a part of it on a busy machine.
	ctx, cancel := context.WithTimeout(ada, 3*time.Second)
	defer cancel()
	if _, err := e.Erase(ctx, "ada@example.com", password); !errors.Is(err, person.ErrLabs) {
		t.Errorf("%v, want %v", err, person.ErrLabs)
	}
	if e.count(`select count(*) from pool.session where user_id = $1`, id) != 2 || e.count(`select count(*) from identity."user" where id = $1`, id) != 1 {
		t.Error("something was deleted")
	}
}
