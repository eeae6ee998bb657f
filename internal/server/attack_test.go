package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/server"
)

// The attack suite is generated from the API's own description: every operation, as every persona, with ids of the
// caller's tenant and of another one. A new route is in it without an edit; one that declares no permission fails it.

// jewels are in rows of tenant b: no answer to anybody of tenant a may contain them.
const jewels = "crown-jewels"

// operation is one route with its declared permission.
type operation struct {
	Method, Path string
	Permission   tenancy.Permission
	Query        []string // names of parameters
	Body         map[string]any
}

// stage is a program with two tenants, their people and rows.
type stage struct {
	url, admin string
	operations []operation
	personas   map[string]persona
	a, b       map[string]string // ids by the name of the parameter that takes them
	tenantB    string
}

type persona struct {
	role   tenancy.Role
	status int // expected whatever is asked; 0: what the role's permissions say
	token  string
	of     string // tenant
}

type schema struct {
	Type       any               `json:"type"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Enum       []any             `json:"enum"`
	Ref        string            `json:"$ref"`
	Format     string            `json:"format"`
	Minimum    float64           `json:"minimum"`
	MinLength  int               `json:"minLength"`
}

// describe reads what the program says of itself.
func describe(t *testing.T) []operation {
	t.Helper()
	text, err := server.Describe()
	if err != nil {
		t.Fatal(err)
	}
	var api struct {
		Paths map[string]map[string]struct {
			Permission  tenancy.Permission `json:"x-permission"`
			Parameters  []struct{ Name, In string }
			RequestBody struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	var all []operation
	for path, methods := range api.Paths {
		for method, op := range methods {
			o := operation{Method: strings.ToUpper(method), Path: path, Permission: op.Permission}
			if op.Permission == "" {
				t.Errorf("%s %s declares no permission", method, path)
			}
			for _, p := range op.Parameters {
				if p.In == "query" {
					o.Query = append(o.Query, p.Name)
				}
			}
			if content, ok := op.RequestBody.Content["application/json"]; ok {
				o.Body, _ = example(content.Schema, api.Components.Schemas).(map[string]any)
			}
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(x, y operation) int { return strings.Compare(x.Path+x.Method, y.Path+y.Method) })
	return all
}

// example is a plausible value of a schema.
func example(s schema, known map[string]schema) any {
	if s.Ref != "" {
		return example(known[strings.TrimPrefix(s.Ref, "#/components/schemas/")], known)
	}
	if len(s.Enum) > 0 {
		return s.Enum[0]
	}
	switch s.Type {
	case "object":
		body := map[string]any{}
		for name, p := range s.Properties {
			if slices.Contains(s.Required, name) {
				body[name] = example(p, known)
			}
		}
		return body
	case "integer", "number":
		return s.Minimum
	case "boolean":
		return false
	case "string":
		if s.Format == "uuid" {
			return uuid.NewString()
		}
		return strings.Repeat("x", max(1, s.MinLength))
	default:
		return []any{}
	}
}

// setStage starts the program with tenants a and b.
func setStage(t *testing.T) *stage {
	t.Helper()
	dir := dataDir(t)
	cfg := config(t, dir)
	cfg.Roles = []string{server.RoleAPI, server.RoleWorker}
	r := start(t, cfg)
	admin, err := server.DatabaseURL(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{url: r.url, admin: admin, operations: describe(t), personas: map[string]persona{"nobody": {status: http.StatusUnauthorized}}}
	tenants := map[string]string{}
	for _, name := range []string{"alpha", "bravo", "shut"} {
		tenants[name] = s.one(t, `insert into control.tenant (name, title, tier) values ($1, $1, 'premium') returning id::text`, name)
	}
	s.tenantB = tenants["bravo"]
	add := func(name, tenant string, role tenancy.Role, status int) string {
		email := strings.ReplaceAll(name, " ", ".") + "@attack.example"
		user := person(t, dir, admin, r.url, email, role)
		exec(t, admin, `update identity.membership set tenant_id = $2, role = $3 where user_id = $1`, user, tenants[tenant], string(role))
		token, err := server.Token(t.Context(), server.TokenRequest{Data: dir, PublicURL: r.url, Email: email, For: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		s.personas[name] = persona{role: role, status: status, token: token, of: tenant}
		return user
	}
	users := map[string]string{}
	for _, role := range []tenancy.Role{tenancy.RoleOwner, tenancy.RoleAdmin, tenancy.RoleAuthor, tenancy.RoleInstructor, tenancy.RoleLearner} {
		users["alpha"] = add("a "+string(role), "alpha", role, 0)
	}
	users["bravo"] = add("b learner", "bravo", tenancy.RoleLearner, 0)
	_ = add("b owner", "bravo", tenancy.RoleOwner, 0)
	removed, disabled := add("removed", "alpha", tenancy.RoleOwner, http.StatusForbidden), add("disabled", "alpha", tenancy.RoleOwner, http.StatusForbidden)
	_ = add("suspended", "shut", tenancy.RoleOwner, http.StatusForbidden)
	exec(t, admin, `update identity.membership set status = 'removed' where user_id = $1`, removed)
	exec(t, admin, `update identity."user" set disabled_at = now() where id = $1`, disabled)
	exec(t, admin, `update control.tenant set status = 'suspended' where id = $1`, tenants["shut"])
	token := s.personas["a owner"].token
	dot := strings.LastIndexByte(token, '.')
	s.personas["forged"] = persona{status: http.StatusUnauthorized, token: token[:dot+1] + strings.Repeat("A", len(token)-dot-1)}
	s.a, s.b = s.rows(t, tenants["alpha"], users["alpha"], "alpha"), s.rows(t, tenants["bravo"], users["bravo"], jewels)
	return s
}

// rows makes rows of every kind for a tenant and returns the ids that routes take.
func (s *stage) rows(t *testing.T, tenant, user, mark string) map[string]string {
	t.Helper()
	lab := s.one(t, `insert into pool.lab (tenant_id, slug, title, summary, version) values ($1, $2, $2, $2, 1) returning id::text`, tenant, "lab-"+mark)
	version := s.one(t, `insert into pool.lab_version (tenant_id, lab_id, number, hash, archive)
		select $1, $2, 1, sha256($3::bytea), archive from pool.lab_version where tenant_id = $4 limit 1 returning id::text`, tenant, lab, mark, tenancy.DefaultTenant())
	session := s.one(t, `insert into pool.session (tenant_id, id, user_id, lab_id, version_id, environment_id, host, state, reason_message)
		values ($1, uuidv7(), $2, $3, $4, uuidv7(), 'test', 'ended', $5) returning id::text`, tenant, user, lab, version, mark)
	_ = s.one(t, `insert into pool.check_result (tenant_id, session_id, step, name, state, message) values ($1, $2, 0, 'c', 'passed', $3) returning name`, tenant, session, mark)
	audit := s.one(t, `insert into pool.audit_entry (tenant_id, action, target) values ($1, 'tested', $2) returning id::text`, tenant, mark)
	export := s.one(t, `insert into control.tenant_export (tenant_id, requested_by, error, state, ended_at, expires_at)
		values ($1, $2, $3, 'failed', now(), now() + interval '1 day') returning id::text`, tenant, user, mark)
	provider := s.one(t, `insert into identity.federation_provider (tenant_id, name, issuer, client_id, scopes, name_claim, role_claim, group_claim, roles,
		default_role, groups, just_in_time, enabled, by_owner)
		values ($1, $2, 'https://login.example.com', 'c', '{openid}', 'name', '', '', '{}', 'learner', '{}', true, true, true) returning id::text`, tenant, mark)
	return map[string]string{
		"provider": provider,
		"slug":     "lab-" + mark, "lab": "lab-" + mark, "session": session, "user": user, "tenant": tenant, "export": export, "actor": user, "cursor": audit,
	}
}

func (s *stage) one(t *testing.T, sql string, args ...any) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// idFor is what stands for a parameter in an address.
func idFor(path, name string, ids map[string]string) string {
	switch {
	case name == "id" && strings.HasPrefix(path, "/v1/sessions"):
		return ids["session"]
	case name == "id" && strings.HasPrefix(path, "/v1/identity-providers"):
		return ids["provider"]
	case name == "id" && strings.Contains(path, "/exports"):
		return ids["export"]
	case name == "id" && strings.HasPrefix(path, "/v1/operator/tenants"):
		return ids["tenant"]
	case ids[name] != "":
		return ids[name]
	case name == "step" || name == "hint":
		return "0"
	case name == "limit":
		return "sessions"
	case name == "name":
		return "basic"
	default:
		return uuid.NewString()
	}
}

// fill puts ids into an address and a body.
func (o operation) fill(ids map[string]string, query bool) (address string, body []byte) {
	parts := strings.Split(o.Path, "/")
	for n, part := range parts {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			parts[n] = cmp.Or(idFor(o.Path, strings.TrimSuffix(name, "}"), ids), uuid.NewString())
		}
	}
	address = strings.Join(parts, "/")
	if query {
		values := url.Values{}
		for _, name := range o.Query {
			if ids[name] != "" {
				values.Set(name, ids[name])
			}
		}
		address += "?" + values.Encode()
	}
	filled := map[string]any{}
	for name, value := range o.Body {
		if id, ok := ids[name]; ok {
			value = id
		}
		filled[name] = value
	}
	body, _ = json.Marshal(filled)
	return address, body
}

// answer is what came back: the status, the problem's code, and what was read of the body.
type answer struct {
	status int
	code   string
	text   string
}

func (s *stage) send(t *testing.T, token, method, address string, body []byte) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.url+address, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", uuid.NewString())
	req.Header.Set("If-Match", `"1"`)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer res.Body.Close()
	most := int64(1 << 20)
	if strings.Contains(res.Header.Get("Content-Type"), "event-stream") {
		most = 256 // the rest comes when something happens
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, most))
	var problem struct{ Code string }
	_ = json.Unmarshal(text, &problem)
	return answer{status: res.StatusCode, code: problem.Code, text: string(text)}
}

// denied tells whether the policy said no, unlike a rule of the feature itself.
func (a answer) denied() bool { return a.code == "forbidden" || a.code == "operator_only" }

// changes tells whether an operation may change what later ones need.
func (o operation) changes() bool { return o.Method != http.MethodGet }

// permissions compares every operation as every persona with what its declaration says.
func (s *stage) permissions(t *testing.T) (faults []string) {
	t.Helper()
	nowhere := map[string]string{}
	for _, o := range s.operations {
		for name, p := range s.personas {
			ids := s.a
			if o.changes() {
				ids = nowhere // allowed changes find nothing to change
			}
			address, _ := o.fill(ids, false)
			got := s.send(t, p.token, o.Method, address, []byte("{}"))
			allowed := slices.Contains(policy.Permissions(p.role), o.Permission)
			var fault string
			switch {
			case o.Permission == httpx.Public:
				if got.status == http.StatusUnauthorized || got.denied() {
					fault = "a public route refuses"
				}
			case p.status != 0:
				if got.status != p.status {
					fault = fmt.Sprintf("want %d", p.status)
				}
			case got.status == http.StatusInternalServerError || got.status == http.StatusUnauthorized:
				fault = "neither allowed nor denied"
			case allowed == got.denied():
				fault = fmt.Sprintf("permission %s: allowed %v", o.Permission, allowed)
			}
			if fault != "" {
				faults = append(faults, fmt.Sprintf("%s %s as %s: %d %s: %s", o.Method, o.Path, name, got.status, got.code, fault))
			}
		}
	}
	return faults
}

// crossing sends b's ids as everybody of a, in every path, query and body.
func (s *stage) crossing(t *testing.T) (faults []string) {
	t.Helper()
	before := s.digest(t)
	for _, o := range s.operations {
		for name, p := range s.personas {
			if p.of != "alpha" || p.status != 0 {
				continue
			}
			address, body := o.fill(s.b, true)
			got := s.send(t, p.token, o.Method, address, body)
			inPath := strings.Contains(o.Path, "{") && !strings.HasPrefix(o.Path, "/v1/registrations")
			if inPath && got.status < http.StatusMultipleChoices {
				faults = append(faults, fmt.Sprintf("%s %s with b's ids as %s: %d", o.Method, o.Path, name, got.status))
			}
			own, ownBody := o.fill(s.a, false)
			if !o.changes() {
				got.text += s.send(t, p.token, o.Method, own, ownBody).text
			}
			if strings.Contains(strings.ReplaceAll(got.text, address, ""), jewels) && !strings.Contains(got.text, `"status":4`) {
				faults = append(faults, fmt.Sprintf("%s %s as %s shows rows of b", o.Method, o.Path, name))
			}
		}
	}
	if after := s.digest(t); after != before {
		faults = append(faults, "rows of b changed:\n"+before+"\n"+after)
	}
	return faults
}

// digest is what all rows of b look like.
func (s *stage) digest(t *testing.T) string {
	t.Helper()
	var parts []string
	for _, table := range []string{"pool.lab", "pool.lab_version", "pool.session", "pool.check_result", "pool.audit_entry", "identity.membership", "identity.federation_provider"} {
		parts = append(parts, table+" "+s.one(t, `select coalesce(md5(string_agg(x::text, '|' order by x::text)), '') from `+table+` x where tenant_id = $1`, s.tenantB))
	}
	// b's own people ask for exports as well, which go on meanwhile: the one that was there before counts.
	parts = append(parts, "export "+s.one(t, `select coalesce(md5(string_agg(x::text, '|')), '') from control.tenant_export x where id = $1`, s.b["export"]))
	return strings.Join(parts, "\n")
}

func TestAttackEveryRouteAsEverybody(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	if len(s.operations) < 60 || len(s.personas) < 11 {
		t.Fatalf("only %d operations and %d personas", len(s.operations), len(s.personas))
	}
	for _, fault := range s.permissions(t) {
		t.Error(fault)
	}
	for _, fault := range s.crossing(t) {
		t.Error(fault)
	}
	t.Run("finds planted faults", func(t *testing.T) { s.planted(t) })
}

// planted breaks the database in ways that tests of one's own code could overlook; each must be found.
func (s *stage) planted(t *testing.T) {
	t.Helper()
	for name, c := range map[string]struct{ plant, mend string }{
		"an open policy on labs":      {`create policy planted on pool.lab using (true)`, `drop policy planted on pool.lab`},
		"an open policy on audit":     {`create policy planted on pool.audit_entry using (true)`, `drop policy planted on pool.audit_entry`},
		"labs without row security":   {`alter table pool.lab disable row level security`, `alter table pool.lab enable row level security`},
		"audit without row security":  {`alter table pool.audit_entry disable row level security`, `alter table pool.audit_entry enable row level security`},
		"open sessions":               {`create policy planted on pool.session using (true)`, `drop policy planted on pool.session`},
		"sessions without security":   {`alter table pool.session disable row level security`, `alter table pool.session enable row level security`},
		"the application is an owner": {`alter role cloudkida_app bypassrls`, `alter role cloudkida_app nobypassrls`},
	} {
		exec(t, s.admin, c.plant)
		found := s.crossing(t)
		exec(t, s.admin, c.mend)
		if len(found) == 0 {
			t.Errorf("%s was not found", name)
		}
	}
	for name, c := range map[string]struct{ plant, mend string }{
		"a learner who is an operator": {`update identity."user" set operator = true where email = 'a.learner@attack.example'`, `update identity."user" set operator = false where email = 'a.learner@attack.example'`},
		"a removed member let in":      {`update identity.membership m set status = 'active' from identity."user" u where u.id = m.user_id and u.email = 'removed@attack.example'`, `update identity.membership m set status = 'removed' from identity."user" u where u.id = m.user_id and u.email = 'removed@attack.example'`},
		"a disabled person let in":     {`update identity."user" set disabled_at = null where email = 'disabled@attack.example'`, `update identity."user" set disabled_at = now() where email = 'disabled@attack.example'`},
		"a suspended tenant let in":    {`update control.tenant set status = 'active' where name = 'shut'`, `update control.tenant set status = 'suspended' where name = 'shut'`},
		"an author made an admin":      {`update identity.membership m set role = 'admin' from identity."user" u where u.id = m.user_id and u.email = 'a.author@attack.example'`, `update identity.membership m set role = 'author' from identity."user" u where u.id = m.user_id and u.email = 'a.author@attack.example'`},
	} {
		exec(t, s.admin, c.plant)
		found := s.permissions(t)
		exec(t, s.admin, c.mend)
		if len(found) == 0 {
			t.Errorf("%s was not found", name)
		}
	}
}
