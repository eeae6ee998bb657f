package server_test

import (
	"bytes"
	"context"
	osexec "os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// rememberTime is how long a change in the database may go unseen, with much to spare.
const rememberTime = 15 * time.Second

// planted makes a mistake, which must be found, and takes it back, after which nothing must be found any more: so it was
// this mistake that was found.
func (s *stage) planted(t *testing.T, name string, plant, mend func(), attack func() []string) {
	t.Helper()
	until := func(done func(found []string) bool) (found []string) {
		for deadline := time.Now().Add(rememberTime); ; {
			if found = attack(); done(found) || time.Now().After(deadline) {
				return found
			}
		}
	}
	s.mistaken.Store(true)
	plant()
	found := until(func(found []string) bool { return len(found) > 0 })
	mend()
	if len(found) == 0 {
		t.Errorf("not found: %s", name)
		return
	}
	t.Logf("%s: %d findings, such as %.150s", name, len(found), found[0])
	if left := until(func(found []string) bool { return len(found) == 0 }); len(left) > 0 {
		t.Fatalf("%s: after it was mended: %s", name, left[0])
	}
	s.mistaken.Store(false) // what was remembered of the mistake is forgotten by then
}

// below chooses operations by how their addresses begin.
func below(prefixes ...string) func(operation) bool {
	return func(o operation) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(o.Path, p) })
	}
}

// reading chooses those that change nothing: what a mistake lets somebody change stays changed after it was mended.
func reading(prefixes ...string) func(operation) bool {
	return func(o operation) bool { return !o.changes() && below(prefixes...)(o) }
}

// planAgain makes open connections plan their statements anew: a plan is kept with the rights that the role had.
const planAgain = `do $$ declare t text; begin
	for t in select format('%I', tablename) from pg_tables where schemaname = 'pool' and rowsecurity loop
		execute 'alter table pool.' || t || ' enable row level security';
	end loop;
end $$`

// plantedInDatabase breaks policies and rows in ways that tests of one's own code could overlook.
func (s *stage) plantedInDatabase(t *testing.T) {
	t.Helper()
	cross := func(prefixes ...string) func() []string {
		return func() []string {
			return s.crossing(t, tenantA, tenantB, part{op: reading(prefixes...), persona: []string{"a owner", "a learner"}})
		}
	}
	allow := func(names ...string) func() []string {
		return func() []string {
			return s.permissions(t, part{op: below("/v1/labs", "/v1/members", "/v1/operator/tenants"), persona: names})
		}
	}
	write := func(prefix string) func() []string {
		return func() []string { return s.changing(prefix)(t) }
	}
	labs, sessions, audit, everything := cross("/v1/labs"), cross("/v1/sessions"), cross("/v1/tenant/audit"), cross("/v1/labs", "/v1/sessions", "/v1/tenant/audit")
	person := func(email, change string) string {
		return `update identity.membership m set ` + change + ` from identity."user" u where u.id = m.user_id and u.email = '` + email + `@attack.example'`
	}
	for name, c := range map[string]struct {
		plant, mend string
		attack      func() []string
	}{
		"groups without a policy, which are deleted":    {`alter table pool."group" disable row level security`, `alter table pool."group" enable row level security`, write("/v1/groups/{id}")},
		"an open policy on policies, which are changed": {`create policy planted on pool.policy using (true) with check (true)`, `drop policy planted on pool.policy`, write("/v1/policies/{id}")},
		"an open policy on sessions, which are ended":   {`create policy planted on pool.session using (true) with check (true)`, `drop policy planted on pool.session`, write("/v1/sessions/{id}/end")},
		"jobs without a policy": {
			`alter table river.river_job disable row level security`, `alter table river.river_job enable row level security`, func() []string { return s.jobs(t) },
		},
		"an open policy on jobs that are added": {
			`create policy planted on river.river_job for insert to cloudkida_app with check (true)`, `drop policy planted on river.river_job`, func() []string { return s.jobs(t) },
		},
		"labs without a policy":       {`alter table pool.lab disable row level security`, `alter table pool.lab enable row level security`, labs},
		"audit without a policy":      {`alter table pool.audit_entry disable row level security`, `alter table pool.audit_entry enable row level security`, audit},
		"sessions without a policy":   {`alter table pool.session disable row level security`, `alter table pool.session enable row level security`, sessions},
		"the application is an owner": {`alter role cloudkida_app bypassrls;` + planAgain, `alter role cloudkida_app nobypassrls;` + planAgain, everything},
		"a learner is an operator": {
			`update identity."user" set operator = true where email = 'a.learner@attack.example'`,
			`update identity."user" set operator = false where email = 'a.learner@attack.example'`, allow("a learner"),
		},
		"a removed member is let in": {person("removed", `status = 'active'`), person("removed", `status = 'removed'`), allow("removed")},
		"a disabled person is let in": {
			`update identity."user" set disabled_at = null where email = 'disabled@attack.example'`,
			`update identity."user" set disabled_at = now() where email = 'disabled@attack.example'`, allow("disabled"),
		},
		"a suspended tenant is let in": {
			`update control.tenant set status = 'active' where name = 'shut'`,
			`update control.tenant set status = 'suspended' where name = 'shut'`, allow("suspended"),
		},
		"an author is made an admin": {person("a.author", `role = 'admin'`), person("a.author", `role = 'author'`), allow("a author")},
	} {
		s.planted(t, name, func() { s.exec(t, c.plant) }, func() { s.exec(t, c.mend) }, c.attack)
	}
}

// buildTime is how long the second build and its attacks may take, on a machine that does other work as well.
const buildTime = 8 * time.Minute

// The mistakes of package fault exist in a build of their own: this test makes it and runs TestPlantedFaultsAreFound there.
// It has the machine for itself: tests beside it promise times, and a build takes all cores.
func TestPlantedFaultsOfTheProgram(t *testing.T) { //nolint:paralleltest // see above
	ctx, cancel := context.WithTimeout(t.Context(), buildTime)
	defer cancel()
	cmd := osexec.CommandContext(ctx, "go", "test", "-tags", "plantedfaults", "-run", "^TestPlantedFaultsAreFound$", "-v", ".") //nolint:gosec // constants alone
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestPlantedFaultsAreFound")) {
		t.Fatalf("%v\n%s", err, out)
	}
}
