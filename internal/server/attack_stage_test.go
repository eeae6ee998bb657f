package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/keyring"
	"github.com/cloudkida/cloudkida/internal/app/lab/manifest"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/job"
	"github.com/cloudkida/cloudkida/internal/platform/secret"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
	"github.com/cloudkida/cloudkida/labs"
)

// jewels are in rows of every tenant, followed by its name: no answer to anybody of another one may contain them.
const jewels = "crown-jewels-of-"

// Every persona can sign in with it.
const stagePassword = "vier Fische im Teich"

// The tenants: a and b share a user pool and tables, as most do; sierra has a user pool of its own; shut is suspended.
const (
	tenantA   = "alpha"
	tenantB   = "bravo"
	ownPool   = "sierra"
	suspended = "shut"
)

// stage is a program with tenants, their people and rows.
type stage struct {
	url, ops, dir string
	key           *secret.Key
	db            *pgxpool.Pool // as the database's owner
	people        *identity.Service
	data          *db.DB // as the program's own role
	roles         map[db.Role]*pgxpool.Pool
	inserter      *job.Client
	operations    []operation
	personas      []persona
	tenants       map[string]string // ids by name
	rows          map[string]ids    // by tenant
	spare         string            // a ticket that was made at the beginning
	spareUntil    time.Time
	mistaken      atomic.Bool // a mistake is planted: what is answered then is promised nowhere
}

// persona is somebody who calls.
type persona struct {
	name     string
	of       string // tenant
	role     tenancy.Role
	operator bool
	refused  int                  // what is answered whatever is asked; 0: what the permissions say
	grants   []tenancy.Permission // scopes of an API key; nil: somebody
	token    string
	user     string
	email    string
}

// setStage starts the program with all tenants.
func setStage(t *testing.T) *stage {
	t.Helper()
	dir := dataDir(t)
	cfg := config(t, dir)
	cfg.Roles, cfg.OpsListen = []string{server.RoleAPI, server.RoleWorker}, freeAddress(t)
	r := start(t, cfg)
	s := &stage{url: r.url, ops: "http://" + cfg.OpsListen, dir: dir, operations: describe(t), tenants: map[string]string{}, rows: map[string]ids{}}
	s.connect(t)
	s.withoutRates(t)
	for _, name := range []string{tenantA, tenantB, ownPool, suspended} {
		s.tenants[name] = s.one(t, `insert into control.tenant (name, title, tier) values ($1, $1, 'premium') returning id::text`, name)
	}
	if err := s.people.Provision.MakePool(t.Context(), uuid.MustParse(s.tenants[ownPool]), ownPool); err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{tenantA, tenantB} {
		for _, role := range []tenancy.Role{tenancy.RoleOwner, tenancy.RoleAdmin, tenancy.RoleAuthor, tenancy.RoleInstructor, tenancy.RoleLearner} {
			s.join(t, persona{name: tenant[:1] + " " + string(role), of: tenant, role: role})
		}
		s.plant(t, tenant, s.who(tenant[:1]+" learner").user)
	}
	s.join(t, persona{name: "s owner", of: ownPool, role: tenancy.RoleOwner})
	s.join(t, persona{name: "operator", of: tenantA, role: tenancy.RoleLearner, operator: true})
	s.exec(t, `update identity."user" set operator = true where id = $1`, s.who("operator").user)
	s.joinTwo(t)
	s.joinOutsiders(t)
	s.joinForgers(t)
	s.joinKeys(t)
	s.exec(t, `update control.tenant set status = 'suspended' where id = $1`, s.tenants[suspended])
	s.spare, s.spareUntil = s.ticket(t, s.who("a learner"), "terminal", "")
	return s
}

// connect opens the program's database and a second identity service beside its own.
func (s *stage) connect(t testing.TB) {
	t.Helper()
	admin, err := server.DatabaseURL(s.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if s.key, err = secret.Load(s.dir, ""); err != nil {
		t.Fatal(err)
	}
	if s.db, err = pgxpool.New(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.db.Close)
	in := db.Installation{Admin: admin, Password: func(role db.Role) string { return s.key.Derive("database role " + string(role)) }}
	open := func(role db.Role) *pgxpool.Pool {
		pool, err := in.Open(t.Context(), role, 2)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	places, err := db.NewPlaces(open(db.Control))
	if err != nil {
		t.Fatal(err)
	}
	s.roles = map[db.Role]*pgxpool.Pool{db.App: open(db.App), db.Worker: open(db.Worker), db.Identity: open(db.Identity)}
	s.data = &db.DB{Pool: s.roles[db.App], Places: places, Authorize: policy.Authorize}
	if s.inserter, err = job.NewInserter(); err != nil {
		t.Fatal(err)
	}
	s.people, err = identity.New(identity.Config{Pool: s.roles[db.Identity], Key: s.key, PublicURL: s.url, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stage) one(t testing.TB, sql string, args ...any) (text string) {
	t.Helper()
	if err := s.db.QueryRow(t.Context(), sql, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func (s *stage) exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if len(args) == 0 {
		args = []any{pgx.QueryExecModeSimpleProtocol} // which takes several statements
	}
	if _, err := s.db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (s *stage) who(name string) persona {
	for _, p := range s.personas {
		if p.name == name {
			return p
		}
	}
	panic("nobody is called " + name)
}

// poolOf is the user pool of a tenant's people.
func poolOf(tenant string) string {
	if tenant == ownPool {
		return ownPool
	}
	return identity.DefaultPool
}

// join makes a person with a token of theirs.
func (s *stage) join(t testing.TB, p persona) {
	t.Helper()
	p.email = strings.ReplaceAll(p.name, " ", ".") + "@attack.example"
	u, err := s.people.CreateUser(t.Context(), identity.NewUser{
		Pool: poolOf(p.of), Email: p.email, Name: "Ada " + p.name, Password: stagePassword, Tenant: uuid.MustParse(s.tenants[p.of]), Role: p.role,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.user = u.ID.String()
	p.token = s.mint(t, token{of: p})
	known.add("token of "+p.name, p.token)
	known.add("password", stagePassword)
	s.personas = append(s.personas, p)
}

// joinTwo makes one person with two memberships: what they are in one tenant is nothing in the other.
func (s *stage) joinTwo(t *testing.T) {
	t.Helper()
	s.join(t, persona{name: "both in b", of: tenantB, role: tenancy.RoleOwner})
	p := s.who("both in b")
	p.name, p.of, p.role = "both in a", tenantA, tenancy.RoleLearner
	s.exec(t, `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, 'learner')`, p.user, s.tenants[tenantA])
	p.token = s.mint(t, token{of: p})
	s.personas = append(s.personas, p)
}

// joinOutsiders makes people whose tokens are right and who may do nothing.
func (s *stage) joinOutsiders(t *testing.T) {
	t.Helper()
	s.join(t, persona{name: "removed", of: tenantA, role: tenancy.RoleOwner, refused: http.StatusForbidden})
	s.join(t, persona{name: "disabled", of: tenantA, role: tenancy.RoleOwner, refused: http.StatusForbidden})
	s.join(t, persona{name: "suspended", of: suspended, role: tenancy.RoleOwner, refused: http.StatusForbidden})
	s.exec(t, `update identity.membership set status = 'removed' where user_id = $1`, s.who("removed").user)
	s.exec(t, `update identity."user" set disabled_at = now() where id = $1`, s.who("disabled").user)
	s.join(t, persona{name: "stranger", of: tenantB, role: tenancy.RoleOwner, refused: http.StatusForbidden})
	stranger := &s.personas[len(s.personas)-1]
	stranger.of = tenantA // which their token is for, in which they are nothing
	stranger.token = s.mint(t, token{of: *stranger})
}

// joinForgers makes tokens of a's owner that are wrong in one way each.
func (s *stage) joinForgers(t *testing.T) {
	t.Helper()
	owner := s.who("a owner")
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for name, wrong := range map[string]token{
		"expired":              {claims: map[string]any{"iat": now.Add(-time.Hour).Unix(), "exp": now.Add(-time.Minute).Unix()}},
		"from the future":      {claims: map[string]any{"iat": now.Add(time.Hour).Unix(), "exp": now.Add(2 * time.Hour).Unix()}},
		"other audience":       {claims: map[string]any{"aud": "console"}},
		"other installation":   {claims: map[string]any{"iss": "https://elsewhere.example/pools/default"}},
		"without a sign-in":    {claims: map[string]any{"sid": uuid.NewString()}},
		"another's sign-in":    {claims: map[string]any{"sub": s.who("a admin").user}},
		"id token":             {kind: "JWT"},
		"other key":            {key: other},
		"other pool":           {signedBy: ownPool, claims: map[string]any{"iss": s.url + "/pools/" + ownPool}},
		"other pool's key":     {signedBy: ownPool},
		"other pool's sign-in": {claims: map[string]any{"iss": s.url + "/pools/" + ownPool}},
	} {
		wrong.of = owner
		s.personas = append(s.personas, persona{name: name, refused: http.StatusUnauthorized, token: s.mint(t, wrong)})
	}
	ended := s.mint(t, token{of: owner, family: "ended"})
	dot := strings.LastIndexByte(owner.token, '.')
	s.personas = append(s.personas,
		persona{name: "nobody", refused: http.StatusUnauthorized},
		persona{name: "ended", refused: http.StatusUnauthorized, token: ended},
		persona{name: "no signature", refused: http.StatusUnauthorized, token: owner.token[:dot+1]},
		persona{name: "forged", refused: http.StatusUnauthorized, token: owner.token[:dot+1] + strings.Repeat("A", len(owner.token)-dot-1)})
}

// token is how an access token is made; everything that is not said is right.
type token struct {
	of       persona
	claims   map[string]any
	kind     string
	signedBy string            // user pool
	key      *ecdsa.PrivateKey // in place of the pool's, under its name
	family   string            // "ended": the sign-in is over
}

// mint makes an access token by hand, with the keys of the installation.
func (s *stage) mint(t testing.TB, wish token) string {
	t.Helper()
	pool, family, tenant := poolOf(wish.of.of), uuid.NewString(), s.tenants[wish.of.of]
	if wish.family != "ended" {
		s.exec(t, `insert into identity.token_family (id, pool_id, user_id, tenant_id, client_id, scopes, methods, signed_in_at, expires_at)
			select $1, p.id, $2, $3, 'console', '{openid,profile,email}', '{}', now(), now() + interval '1 hour' from identity.pool p where p.name = $4`, family, wish.of.user, tenant, pool)
	}
	if wish.signedBy != "" {
		pool = wish.signedBy
	}
	poolID := uuid.MustParse(s.one(t, `select id::text from identity.pool where name = $1`, pool))
	key, err := keyring.New(s.db, s.key, time.Now).Signer(t.Context(), poolID)
	if err != nil {
		t.Fatal(err)
	}
	private := key.Key()
	if wish.key != nil {
		private = wish.key
	}
	kind := wish.kind
	if kind == "" {
		kind = "at+jwt"
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: key.ID()}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	claims := map[string]any{
		"iss": s.url + "/pools/" + poolOf(wish.of.of), "sub": wish.of.user, "aud": access.Audience, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"jti": uuid.NewString(), "tenant": tenant, "client_id": "console", "sid": family,
	}
	maps.Copy(claims, wish.claims)
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// sharedVersion is the id of a lab's version in every tenant: an imported tenant keeps its ids, so they may be equal.
const sharedVersion = "00000000-0000-7000-8000-00000000ab1e"

// plant makes rows of every kind for a tenant, each with its jewels.
func (s *stage) plant(t testing.TB, tenant, user string) {
	t.Helper()
	id, mark := s.tenants[tenant], jewels+tenant
	slug := "lab-" + tenant
	archive := labArchive(t, "python-http", slug, mark)
	lab := s.one(t, `insert into pool.lab (tenant_id, slug, title, summary, version, search) values ($1, $2, $3, $3, 1, to_tsvector($3)) returning id::text`, id, slug, mark)
	s.exec(t, `insert into pool.lab_version (tenant_id, id, lab_id, number, hash, archive) values ($1, $2, $3, 1, sha256($4::bytea), $5)`, id, sharedVersion, lab, mark, archive)
	s.exec(t, `insert into pool.audit_entry (tenant_id, action, target) values ($1, 'tested', $2)`, id, mark)
	s.exec(t, `insert into pool.audit_entry (id, tenant_id, action, target, at) values (uuidv7(interval '-2 days'), $1, 'tested', $2, now() - interval '2 days')`, id, mark) // which the worker may delete
	export := s.one(t, `insert into control.tenant_export (tenant_id, requested_by, state, manifest, host, ended_at, expires_at)
		values ($1, $2, 'ready', sha256($3::bytea), 'test', now(), now() + interval '1 day') returning id::text`, id, user, mark)
	file := filepath.Join(s.dir, "exports", id, export+".tar.gz")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(mark), 0o600); err != nil {
		t.Fatal(err)
	}
	s.exec(t, `insert into river.river_job (kind, args, metadata, queue, state, max_attempts, attempt, finalized_at, errors, tenant_id)
		values ('attack.test', jsonb_build_object('text', $2::text), jsonb_build_object('output', $2::text), 'default', 'discarded', 1, 1, now(),
			array[jsonb_build_object('at', now(), 'attempt', 1, 'error', $2::text, 'trace', $2::text)], $1)`, id, mark)
	s.rows[tenant] = ids{
		"policy": s.plantPolicy(t, tenant, map[string]string{tenantA: "one", tenantB: "two"}[tenant]), "slug": slug, "lab": slug, "user": user, "tenant": id, "export": export, "actor": user, "q": "crown", "plan": "premium",
		"pool": identity.DefaultPool,
		"domain": s.one(t, `insert into control.email_domain (tenant_id, domain, token, created_at, next_check_at)
			values ($1, $2, $2, now(), now() + interval '1 day') returning id::text`, id, mark+".example"),
		"registration": s.one(t, `insert into control.registration (key_hash, body_hash, token_hash, title, name, email, admin_name, tier, state, tenant_id, ended_at, expires_at)
			values (sha256($1::bytea), sha256('b'), sha256(('token ' || $1)::bytea), $1, $2, 'x@attack.example', $1, 'premium', 'ready', $3, now(), now() + interval '1 day') returning id::text`, mark, tenant, id),
		"workflow": s.one(t, `insert into control.workflow (kind, tenant_id, input, state, error, ended_at) values ('tenant.export', $1, '{}', 'succeeded', $2, now()) returning id::text`, id, mark),
		"mail": s.one(t, `insert into control.mail_message (id, tenant_id, recipient, subject, text, html, kind, keep, state, sent_at)
			values (uuidv7(), $1, 'x@attack.example', $2, $2, $2, 'test', true, 'sent', now()) returning id::text`, id, mark),
	}
	maps.Copy(s.rows[tenant], s.plantChangeable(t, tenant, user, mark))
	for _, sql := range []string{ // what has no id of its own in an address
		`insert into pool.group_lab (tenant_id, group_id, lab_id) select l.tenant_id, g.id, l.id from pool.lab l join pool."group" g using (tenant_id) where tenant_id = $1 and slug like 'lab-%' and name = $2`,
		`insert into pool.mail_template (tenant_id, kind, locale, number, subject, text, html) values ($1, 'invitation', 'en', 1, 'x', 'x', $2)`,
		`insert into pool.idempotency (tenant_id, user_id, operation, key, fingerprint, until) values ($1, uuidv7(), 'x', $2, sha256('x'), now() + interval '1 day')`,
		`insert into pool.audit_checkpoint (tenant_id, seq, document, signature, key_id) values ($1, 1, json_build_object('hash', repeat('0', 64), 'at', now(), 'text', $2::text)::text, 'x', 'x')`,
		`insert into pool.policy_version (tenant_id, policy_id, number, title, text, enabled) select tenant_id, id, 1, title, text, enabled from pool.policy where tenant_id = $1 and title = $2`,
	} {
		s.exec(t, sql, id, mark)
	}
}

// plantChangeable makes rows that people may change, beside those that are there.
func (s *stage) plantChangeable(t testing.TB, tenant, user, mark string) ids {
	t.Helper()
	id := s.tenants[tenant]
	session := s.one(t, `insert into pool.session (tenant_id, id, user_id, lab_id, version_id, environment_id, host, state, reason_message, env, ready_at, deadline)
		select $1, uuidv7(), $2, id, $3, uuidv7(), 'test', 'ready', $4, jsonb_build_object('MARK', $4::text), now(), now() + interval '2 hours'
		from pool.lab where tenant_id = $1 and slug = 'lab-' || $5 returning id::text`, id, user, sharedVersion, mark, tenant)
	group := s.one(t, `insert into pool."group" (tenant_id, name, name_key) values ($1, $2, $2) returning id::text`, id, mark)
	s.exec(t, `insert into pool.group_member (tenant_id, group_id, user_id) values ($1, $2, $3)`, id, group, user)
	s.exec(t, `insert into pool.check_result (tenant_id, session_id, step, name, state, message) values ($1, $2, 0, 'folder-served', 'passed', $3)`, id, session, mark)
	machine := s.one(t, `insert into identity.machine_client (tenant_id, name, role, secret_hash, created_by, expires_at)
		values ($1, $2, 'learner', sha256('x'), $3, now() + interval '1 day') returning id::text`, id, mark, user)
	return ids{
		"session": session, "program": machine, "machine": machine, "group": group,
		"factor": s.one(t, `insert into identity.factor (pool_id, user_id, kind, name)
			select pool_id, id, 'email', $2 from identity."user" where id = $1 returning id::text`, user, mark),
		"identity-provider": s.one(t, `insert into identity.federation_provider (tenant_id, name, issuer, client_id, scopes, name_claim, role_claim, group_claim, roles,
			default_role, groups, just_in_time, enabled, by_owner)
			values ($1, $2, 'https://login.example.com', 'c', '{openid}', 'name', '', '', '{}', 'learner', '{}', true, true, true) returning id::text`, id, mark),
		"api-key": s.one(t, `insert into identity.api_key (tenant_id, public_id, name, created_by, scopes, secret_hash, expires_at)
			values ($1, left(md5($2), 8), $2, $3, '{lab.read}', sha256('x'), now() + interval '1 day') returning id::text`, id, mark, user),
		"client": s.one(t, `insert into identity.client (pool_id, id, name, redirect_uris, post_logout_uris, tenant_id, created_by)
			values (identity.pool_of($1), uuidv7()::text, $2, '{https://example.com/}', '{}', $1, $3) returning id`, id, mark, user),
		"invitation": s.one(t, `insert into identity.invitation (tenant_id, email, email_key, role, token_hash, expires_at)
			values ($1, $2, $2, 'learner', sha256(('invitation ' || $2)::bytea), now() + interval '1 day') returning id::text`, id, mark+"@attack.example"),
	}
}

// labArchive is a sample lab under another name.
func labArchive(t testing.TB, sample, slug, title string) []byte {
	t.Helper()
	fsys, err := fs.Sub(labs.FS, sample)
	if err != nil {
		t.Fatal(err)
	}
	tree, problems := manifest.ReadTree(fsys)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for name, edit := range map[string][2]string{"lab.yaml": {"slug: " + sample, "slug: " + slug}, "steps/01.md": {"\n", "\n\n" + title + "\n\n"}} {
		entry := tree[name]
		entry.Data = []byte(strings.Replace(string(entry.Data), edit[0], edit[1], 1))
		tree[name] = entry
	}
	packed, err := tree.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// settled waits until nothing is made in the background for a tenant any more, seals of its audit log included.
func (s *stage) settled(t testing.TB, tenant string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for open := 1; open > 0; {
		err := s.db.QueryRow(ctx, `select (select count(*) from control.workflow where tenant_id = $1 and ended_at is null)
			+ (select count(*) from app.audit_unsealed where tenant_id = $1) + (select count(*) from identity.audit_event)`, s.tenants[tenant]).Scan(&open)
		if err != nil {
			t.Fatalf("the workflows of %s do not end: %v", tenant, err)
		}
	}
}

// table is where rows of a tenant are, and the condition that finds them.
type table struct{ Name, Columns, Where string }

// tables lists, from the catalogue, every table that has rows of tenants.
func (s *stage) tables(t testing.TB) []table {
	t.Helper()
	// Of jobs, their state is the worker's own: what they are and for whom must stay. People are of no tenant: those that
	// are members are looked at, but for the one who is a member of both and acts as a in a.
	rows, err := s.db.Query(t.Context(), `
		with c as (
			select c.oid, n.nspname, c.relname, array_agg(a.attname::text) as columns
			from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
			where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') group by c.oid, n.nspname, c.relname
		), mine as (select format('select m.user_id from identity.membership m join identity."user" u on u.id = m.user_id
			where m.tenant_id = $1 and u.email not like %L', 'both%') as people)
		select format('%I.%I', nspname, relname), case when relname = 'river_job' then '(x.id, x.kind, x.args)::text' else 'x::text' end, case
			when 'tenant_id' = any(columns) and 'user_id' = any(columns) and nspname = 'identity' then 'tenant_id = $1 and user_id in (' || people || ')'
			-- What people do to their own accounts is in the log of each of their organisations, and so is what they were denied.
			when relname = 'audit_entry' and nspname = 'pool' then 'tenant_id = $1 and action !~ ''^(person|access)[.]'''
			when relname in ('audit_seal', 'audit_unsealed') then '' -- follow the entries, when the sealer comes to them
			-- Requests of its own programs are written some seconds later; those of anybody else's are not the tenant's.
			when relname = 'request_count' then 'tenant_id = $1 and program_id not in (select id from identity.api_key where tenant_id = $1
				union select id from identity.machine_client where tenant_id = $1 union select ''00000000-0000-0000-0000-000000000000'')'
			when 'tenant_id' = any(columns) then 'tenant_id = $1'
			when nspname = 'identity' and 'user_id' = any(columns) then 'user_id in (' || people || ')'
			when nspname || '.' || relname = 'identity.user' then 'id in (' || people || ')'
			when nspname || '.' || relname = 'identity.refresh_token' then 'family_id in (select id from identity.token_family where tenant_id = $1)'
			when nspname || '.' || relname = 'identity.federation_flow' then 'provider_id in (select id from identity.federation_provider where tenant_id = $1)'
			when nspname || '.' || relname = 'control.workflow_step' then 'workflow_id in (select id from control.workflow where tenant_id = $1)'
			when nspname || '.' || relname = 'control.tenant' then 'id = $1'
			else '' end
		from c, mine order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ofNobody are the tables without rows of one tenant: what all share, and the database's and the jobs' own books.
func ofNobody() []string {
	return []string{
		"app.audit_unsealed", "app.hint_channel", "app.migration_installation", "pool.migration_tenant", "control.lease", "control.tier", "identity.client", "identity.signing_key", "pool.audit_seal",
		"control.audit_seal", "control.audit_checkpoint",
		"river.river_leader", "river.river_migration", "river.river_notification", "river.river_queue",
	}
}

// digest is what all rows of a tenant look like, by table.
func (s *stage) digest(t *testing.T, tenant string) map[string]string {
	t.Helper()
	s.settled(t, tenant)
	return s.sums(t, tenant)
}

// sums is the digest as it is now, whatever still happens in the background.
func (s *stage) sums(t testing.TB, tenant string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for _, in := range s.tables(t) {
		if in.Where != "" {
			sums[in.Name] = s.one(t, `select count(*) || ' ' || coalesce(md5(string_agg(`+in.Columns+`, '|' order by `+in.Columns+`)), '') from `+in.Name+` x where `+in.Where, s.tenants[tenant])
		}
	}
	return sums
}
