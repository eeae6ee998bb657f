package server_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Attacks that change something, or would. What a mistake lets somebody change stays changed: they aim at rows that are
// made for one attack each.

// victim is in the rows that victims makes, followed by the tenant's name. It is no jewel: whoever changes them by mistake has
// the words in the log of their own tenant from then on.
const victim = "victim-of-"

// victims are fresh rows of a tenant, with a fresh person, and what it has besides.
func (s *stage) victims(t *testing.T, tenant string) ids {
	t.Helper()
	mark := victim + tenant + " " + uuid.NewString()
	user := s.one(t, `insert into identity."user" (pool_id, email, email_key, name)
		select id, $1, $1, 'Victim' from identity.pool where name = $2 returning id::text`, uuid.NewString()+"@attack.example", poolOf(tenant))
	s.exec(t, `insert into identity.membership (user_id, tenant_id, role) values ($1, $2, 'learner')`, user, s.tenants[tenant])
	all := maps.Clone(s.rows[tenant])
	maps.Copy(all, s.plantChangeable(t, tenant, user, mark))
	all["user"] = user
	all["policy"] = s.one(t, `insert into pool.policy (tenant_id, title, text, enabled) values ($1, $2, $3, true) returning id::text`,
		s.tenants[tenant], mark, `forbid (principal, action == Action::"lab.read", resource == Lab::"nowhere");`)
	return all
}

// changing is crossing for what changes rows of b below some addresses, aimed at fresh ones.
func (s *stage) changing(prefixes ...string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		t.Helper()
		kept := s.rows[tenantB]
		defer func() { s.rows[tenantB] = kept }()
		s.rows[tenantB] = s.victims(t, tenantB)
		return s.crossing(t, tenantA, tenantB, part{op: writing(prefixes...), persona: []string{"a owner"}})
	}
}

// writing chooses those that change something.
func writing(prefixes ...string) func(operation) bool {
	return func(o operation) bool { return o.changes() && below(prefixes...)(o) }
}

// rowsOf is where the rows of a kind are, for those that neighbours and mixed look at.
func rowsOf() map[string]string {
	return map[string]string{
		"api-key": "identity.api_key", "client": "identity.client", "group": `pool."group"`, "identity-provider": "identity.federation_provider",
		"invitation": "identity.invitation", "machine": "identity.machine_client", "policy": "pool.policy", "session": "pool.session",
		"user": "identity.membership",
	}
}

// looks is what a tenant's rows with some ids are like.
func (s *stage) looks(t *testing.T, about ids) map[string]string {
	t.Helper()
	found := map[string]string{}
	for kind, in := range rowsOf() {
		column := "id"
		if kind == "user" {
			column = "user_id"
		}
		found[kind] = s.one(t, `select coalesce((select x::text from `+in+` x where x.`+column+`::text = $1), 'nothing')`, about[kind])
	}
	return found
}

// neighbours changes rows of one's own and looks whether others of the same kind stay as they are.
func (s *stage) neighbours(t *testing.T, chosen part) (faults []string) {
	t.Helper()
	owner, done := s.who("a owner"), 0
	other := s.victims(t, tenantA)
	for _, o := range chosen.operations(s) {
		names := o.parameters()
		if len(names) != 1 || o.Method == http.MethodPost || !o.changes() || !owner.allowed(o.Permission) {
			continue
		}
		if kind, _ := kindOf(o.Path, names[0]); rowsOf()[kind] == "" {
			continue
		}
		mine := s.victims(t, tenantA)
		before := s.looks(t, other)
		got := s.ask(t, owner, o, mine)
		if got.status < http.StatusMultipleChoices {
			done++
		}
		for kind, now := range s.looks(t, other) {
			if now != before[kind] {
				faults = append(faults, fmt.Sprintf("%s %s of one %s changed another: %s", o.Method, o.Path, kind, now))
			}
		}
	}
	if chosen.op == nil && done < 8 {
		faults = append(faults, fmt.Sprintf("only %d changes were made", done))
	}
	return faults
}

// mixed sends ids of one's own beside one id of another tenant, which must be as good as an id of nothing.
func (s *stage) mixed(t *testing.T, chosen part) (faults []string) {
	t.Helper()
	owner, asked := s.who("a owner"), 0
	own, foreign := s.victims(t, tenantA), s.victims(t, tenantB)
	for _, o := range chosen.operations(s) {
		places := o.places()
		if len(places) < 2 || !owner.allowed(o.Permission) {
			continue
		}
		for _, place := range places {
			asked++
			beforeA, beforeB := s.digest(t, tenantA), s.digest(t, tenantB)
			got, none := s.askMixed(t, owner, o, own, foreign, place), s.askMixed(t, owner, o, own, nowhere(), place)
			if got.String() != none.String() || got.status == http.StatusOK {
				faults = append(faults, fmt.Sprintf("%s %s with the %s of %s: %s, and with none %s", o.Method, o.Path, place, tenantB, got, none))
			}
			if strings.Contains(got.text, victim+tenantB) {
				faults = append(faults, fmt.Sprintf("%s %s with the %s of %s shows what it is", o.Method, o.Path, place, tenantB))
			}
			faults = append(faults, s.changed(t, tenantB, beforeB)...)
			faults = append(faults, s.changed(t, tenantA, beforeA)...)
		}
	}
	if chosen.op == nil && asked < 10 {
		faults = append(faults, fmt.Sprintf("only %d mixtures were tried", asked))
	}
	return faults
}

// places are where an operation takes ids, in the address and in the body.
func (o operation) places() (names []string) {
	for _, name := range o.parameters() {
		if kind, _ := kindOf(o.Path, name); kind != "" {
			names = append(names, name)
		}
	}
	return append(names, o.ids...)
}

// askMixed asks with ids of one's own in all places but one.
func (s *stage) askMixed(t *testing.T, p persona, o operation, own, other ids, place string) answer {
	t.Helper()
	about := maps.Clone(own)
	about["parent"] = own["group"] // of a group, which the body names beside the address
	if place == "parent" {
		about[place] = other["group"]
		return s.ask(t, p, o, about)
	}
	kind := place
	if slices.Contains(o.parameters(), place) {
		kind, _ = kindOf(o.Path, place)
	}
	about[kind] = other[kind]
	return s.ask(t, p, o, about)
}

// carried is what a job of a session carries, and a tenant that it has no say in.
type carried struct {
	Session string `json:"session"`
	Tenant  string `json:"tenant"`
	kind    string
}

// Kind is that of a job which the program knows.
func (c carried) Kind() string { return c.kind }

// jobs adds jobs as the application, in a's scope, which name b: they must be a's, and change nothing of b.
func (s *stage) jobs(t *testing.T) (faults []string) {
	t.Helper()
	theirs := s.victims(t, tenantB)
	s.exec(t, `update pool.session set state = 'ending' where id = $1`, theirs["session"])
	before := s.digest(t, tenantB)
	ctx := tenancy.System(t.Context(), uuid.MustParse(s.tenants[tenantA]))
	for _, kind := range []string{"session.end", "session.provision"} {
		var added int64
		err := s.data.InWholeTenant(ctx, policy.SessionSystem, func(tx pgx.Tx) error {
			args := carried{Session: theirs["session"], Tenant: s.tenants[tenantB], kind: kind}
			row, err := s.inserter.InsertTx(ctx, tx, args, &river.InsertOpts{MaxAttempts: 1})
			if err == nil {
				added = row.Job.ID
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.worked(t, added)
	}
	for name, tenant := range map[string]any{"of another tenant": s.tenants[tenantB], "of the installation": nil} {
		for _, statement := range []string{
			`insert into river.river_job (kind, args, max_attempts, tenant_id) values ('session.end', '{}', 1, $1)`,
			`update river.river_job set kind = 'session.end', tenant_id = $1`,
		} {
			err := s.data.InWholeTenant(ctx, policy.SessionSystem, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, statement, tenant)
				return err
			})
			if err == nil {
				faults = append(faults, "in the scope of a tenant a job "+name+" can be made: "+statement)
			}
		}
	}
	return append(faults, s.changed(t, tenantB, before)...)
}

// worked waits until a job is done with, however it went.
func (s *stage) worked(t *testing.T, id int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for open := true; open; {
		if err := s.db.QueryRow(ctx, `select finalized_at is null from river.river_job where id = $1`, id).Scan(&open); err != nil {
			t.Fatalf("job %d does not end: %v", id, err)
		}
	}
}
