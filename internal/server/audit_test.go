package server_test

import (
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/server"
)

// archive is a program whose audit logs grow old.
type archive struct {
	stage
	*server.Program
	t *testing.T
}

func openArchive(t *testing.T) *archive {
	t.Helper()
	cfg := config(t, dataDir(t))
	cfg.Roles = []string{server.RoleAPI}
	p, err := server.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	a := &archive{stage: stage{url: "http://localhost", dir: cfg.Data, tenants: map[string]string{}}, Program: p, t: t}
	a.connect(t)
	return a
}

// aged makes a tenant of a tier whose log has an entry of so many days ago each, the oldest first and each with a seal of its own,
// and one of now.
func (a *archive) aged(name, tier string, days ...int) {
	a.t.Helper()
	a.tenants[name] = a.one(a.t, `insert into control.tenant (name, title, tier) values ($1, $1, $2) returning id::text`, name, tier)
	for _, n := range append(days, 0) {
		a.add(name, n)
	}
}

// add makes an entry of so many days ago as the program's own role does, which has it wait for its seal, and seals it.
func (a *archive) add(name string, days int) {
	a.t.Helper()
	a.exec(a.t, `with e as (insert into pool.audit_entry (tenant_id, action, target, at) values ($1, 'tested', $2, now() - make_interval(days => $3)) returning tenant_id, id)
		insert into app.audit_unsealed (tenant_id, id) select tenant_id, id from e`, a.tenants[name], strconv.Itoa(days), days)
	if err := a.Seal(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}

// left are the ages that a tenant's entries had when they were made.
func (a *archive) left(name string) (ages []int) {
	a.t.Helper()
	rows, err := a.db.Query(a.t.Context(), `select target::int from pool.audit_entry where tenant_id = $1 and action = 'tested' order by 1 desc`, a.tenants[name])
	if err != nil {
		a.t.Fatal(err)
	}
	ages, err = pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		a.t.Fatal(err)
	}
	return ages
}

// on lets a day come on which the job runs.
func (a *archive) on(day int) {
	a.t.Helper()
	if err := a.Retain(a.t.Context(), time.Now().AddDate(0, 0, day)); err != nil {
		a.t.Fatal(err)
	}
}

// verified is what `cloudkida audit verify --tenant` finds: a chain that holds, of which so many entries are left.
func (a *archive) verified(name string, left, deleted int64) {
	a.t.Helper()
	err := server.VerifyAudit(a.t.Context(), server.VerifyRequest{Data: a.dir, Tenant: name}, func(_ string, r *chain.Report) error {
		if !r.Intact() || r.Entries != left || r.Deleted != deleted || r.Waiting != 0 {
			a.t.Errorf("%s: %+v, want %d entries, %d deleted and no fault", name, r, left, deleted)
		}
		return nil
	})
	if err != nil {
		a.t.Error(err)
	}
}

// keeps is for how many days a tier keeps logs.
func (a *archive) keeps(tier string) int {
	a.t.Helper()
	days, err := strconv.Atoi(a.one(a.t, `select limits->>'auditDays' from control.tier where name = $1`, tier))
	if err != nil {
		a.t.Fatalf("%s: %v", tier, err)
	}
	return days
}

// Each tier keeps entries for its own time, to the day, and what is left of a log proves itself.
func TestAuditLogsAreKeptAsLongAsTheTierSays(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	tiers := []string{"basic", "standard", "premium"}
	below := 0
	for _, tier := range tiers {
		if a.keeps(tier) <= below {
			t.Fatalf("%s keeps %d days, no more than the tier below", tier, a.keeps(tier))
		}
		below = a.keeps(tier)
		a.aged(tier+"-log", tier, a.keeps(tier)+1, a.keeps(tier)-1)
	}
	a.aged("forever", "basic", 5000)
	a.exec(t, `insert into control.tenant_limit (tenant_id, name, value) values ($1, 'auditDays', 100000)`, a.tenants["forever"])
	for _, c := range []struct{ day, left int }{{-5, 3}, {0, 2}, {2, 1}, {10, 1}} {
		a.on(c.day)
		for _, tier := range tiers {
			if left := a.left(tier + "-log"); len(left) != c.left || left[len(left)-1] != 0 {
				t.Errorf("%s, day %d: %v are left, want %d", tier, c.day, left, c.left)
			}
			a.verified(tier+"-log", int64(c.left), int64(3-c.left))
		}
	}
	if left := a.left("forever"); len(left) != 2 {
		t.Errorf("an organisation with a limit of its own: %v", left)
	}
	a.verified("forever", 2, 0)
}

// A log is kept as the tier says that its organisation has now.
func TestAChangeOfTierChangesHowLongTheLogIsKept(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	const up, down = "rising", "falling"
	between := (a.keeps("basic") + a.keeps("standard")) / 2
	a.aged(up, "basic", between)
	a.aged(down, "standard", between)
	for name, tier := range map[string]string{up: "standard", down: "basic"} {
		a.exec(t, `update control.tenant set tier = $2 where id = $1`, a.tenants[name], tier)
	}
	a.on(0)
	for name, want := range map[string]int64{up: 2, down: 1} {
		if left := a.left(name); len(left) != int(want) {
			t.Errorf("%s: %v are left, want %d", name, left, want)
		}
		a.verified(name, want, 2-want)
	}
	a.add(down, 0) // what comes later is sealed behind what was deleted
	a.verified(down, 2, 1)
}
