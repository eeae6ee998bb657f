package server_test

import (
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/server"
)

// archive is a program whose organisations have old audit logs.
type archive struct {
	stage
	t *testing.T
}

func openArchive(t *testing.T) *archive {
	t.Helper()
	return openArchiveAt(t, time.Now)
}

// openArchiveAt is an archive whose entries grow old by a clock.
func openArchiveAt(t *testing.T, clock func() time.Time) *archive {
	t.Helper()
	cfg := config(t, dataDir(t))
	cfg.Clock = clock
	cfg.Roles = []string{server.RoleAPI, server.RoleWorker}
	a := &archive{stage: stage{dir: cfg.Data, tenants: map[string]string{}}, t: t}
	a.url = start(t, cfg).url
	a.connect(t)
	return a
}

// add makes an entry of so many days ago as the program's own role does, which has it wait for its seal.
func (a *archive) add(name string, days int) {
	a.t.Helper()
	a.exec(a.t, `with e as (insert into pool.audit_entry (tenant_id, action, target, at) values ($1, 'tested', $2, now() - make_interval(days => $3)) returning tenant_id, id)
		insert into app.audit_unsealed (tenant_id, id) select tenant_id, id from e`, a.tenants[name], strconv.Itoa(days), days)
}

// make adds a tenant of a tier. The job also runs by itself: what is to be kept must be so from the beginning.
func (a *archive) make(name, tier string) {
	a.t.Helper()
	a.tenants[name] = a.one(a.t, `insert into control.tenant (name, title, tier) values ($1, $1, $2) returning id::text`, name, tier)
}

// move gives a tenant another tier.
func (a *archive) move(name, tier string) {
	a.t.Helper()
	a.exec(a.t, `update control.tenant set tier = $2 where id = $1`, a.tenants[name], tier)
}

// age gives tenants' logs an entry of each age, the oldest first and each with a seal of its own.
func (a *archive) age(ages map[string][]int) {
	a.t.Helper()
	for n := range 3 {
		for name, days := range ages {
			if n < len(days) {
				a.add(name, days[n])
			}
		}
		for name := range ages {
			a.settled(a.t, name)
		}
	}
}

// left are the ages that a tenant's entries had when they were made.
func (a *archive) left(name string) (ages []int) {
	a.t.Helper()
	schema := "pool"
	if at := a.one(a.t, `select coalesce((select nspname from pg_namespace where nspname = 'silo_' || replace($1, '-', '')), '')`, a.tenants[name]); at != "" {
		schema = at
	}
	rows, err := a.db.Query(a.t.Context(), `select target::int from `+schema+`.audit_entry where tenant_id = $1 and action = 'tested' order by 1 desc`, a.tenants[name])
	if err != nil {
		a.t.Fatal(err)
	}
	ages, err = pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		a.t.Fatal(err)
	}
	return ages
}

// retain runs the job that deletes what is too old, and waits for its end.
func (a *archive) retain() {
	a.t.Helper()
	id := a.one(a.t, `insert into river.river_job (kind, args, queue, state, max_attempts) values ('audit.retain', '{}', 'default', 'available', 1) returning id::text`)
	for deadline := time.Now().Add(patience); ; {
		switch state := a.one(a.t, `select state::text from river.river_job where id = $1::bigint`, id); {
		case state == "completed":
			return
		case state == "discarded" || time.Now().After(deadline):
			a.t.Fatalf("the job is %s: %s", state, a.one(a.t, `select coalesce(errors::text, '') from river.river_job where id = $1::bigint`, id))
		}
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

// Each tier keeps entries for its own time, to the day, and what is left of a log proves itself. An organisation with a limit of its
// own is held to that.
func TestAuditLogsAreKeptAsLongAsTheTierSays(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	const forever = "forever"
	ages, below := map[string][]int{forever: {5000, 0}}, 0
	a.make(forever, "basic")
	a.exec(t, `insert into control.tenant_limit (tenant_id, name, value) values ($1, 'auditDays', 100000)`, a.tenants[forever])
	for _, tier := range []string{"basic", "standard", "premium"} {
		days := a.keeps(tier)
		if days <= below {
			t.Fatalf("%s keeps %d days, no more than the tier below", tier, days)
		}
		a.make(tier+"-log", tier)
		below, ages[tier+"-log"] = days, []int{days + 1, days - 1, 0}
	}
	a.age(ages)
	a.retain()
	for name, days := range ages {
		want := int64(2)
		if left := a.left(name); len(left) != int(want) || left[1] != 0 || name != forever && left[0] != days[1] {
			t.Errorf("%s: of %v days %v are left", name, days, left)
		}
		a.verified(name, want, int64(len(days))-want)
	}
}

// silo moves a tenant's data into a schema of its own, as an upgrade does.
func (a *archive) silo(name string) {
	a.t.Helper()
	admin, err := server.DatabaseURL(a.dir, "")
	if err != nil {
		a.t.Fatal(err)
	}
	in := db.Installation{Admin: admin, Password: func(role db.Role) string { return a.key.Derive("database role " + string(role)) }}
	tenant := uuid.MustParse(a.tenants[name])
	if err := in.MakeSilo(a.t.Context(), tenant); err != nil {
		a.t.Fatal(err)
	}
	if _, err := in.ToSilo(a.t.Context(), tenant); err != nil {
		a.t.Fatal(err)
	}
	if err := in.CleanPool(a.t.Context(), tenant); err != nil {
		a.t.Fatal(err)
	}
}

// The clock moves on, and nothing else: in each tier, a silo's too, what becomes too old goes, what is younger stays, and each chain
// proves what is left of it. What the database knows to be of today stays wherever the clock stands.
func TestEntriesGrowOldByTheClock(t *testing.T) {
	t.Parallel()
	var days atomic.Int64
	a := openArchiveAt(t, func() time.Time { return time.Now().AddDate(0, 0, int(days.Load())) })
	tiers := []string{"basic", "standard", "premium", "platinum"}
	ages := map[string][]int{}
	for _, tier := range tiers {
		ages[tier+"-clock"] = []int{10, 5, 0}
		a.make(tier+"-clock", tier)
	}
	a.age(ages)
	a.silo("platinum-clock")
	for n, tier := range tiers {
		days.Store(int64(a.keeps(tier) - 7))
		a.retain()
		for m, other := range tiers {
			want := []int{10, 5, 0}
			switch {
			case m < n:
				want = want[2:]
			case m == n:
				want = want[1:]
			}
			if left := a.left(other + "-clock"); !slices.Equal(left, want) {
				t.Errorf("%s, %d days on: entries of %v are left, want %v", other, days.Load(), left, want)
			}
			a.verified(other+"-clock", int64(len(want)), int64(3-len(want)))
		}
	}
}

// A log is kept as the tier says that its organisation has now, and goes on behind what was deleted.
func TestAChangeOfTierChangesHowLongTheLogIsKept(t *testing.T) {
	t.Parallel()
	a := openArchive(t)
	const up, down = "rising", "falling"
	between := (a.keeps("basic") + a.keeps("standard")) / 2
	a.make(up, "basic")
	a.make(down, "standard")
	a.move(up, "standard")
	a.age(map[string][]int{up: {between, 0}, down: {between, 0}})
	a.retain()
	a.verified(down, 2, 0)
	a.move(down, "basic")
	for deadline := time.Now().Add(patience); len(a.left(down)) > 1 && time.Now().Before(deadline); { // the program hears of the change
		a.retain()
	}
	for name, want := range map[string]int64{up: 2, down: 1} {
		if left := a.left(name); len(left) != int(want) {
			t.Errorf("%s: %v are left, want %d", name, left, want)
		}
		a.verified(name, want, 2-want)
	}
	a.add(down, 0)
	a.settled(t, down)
	a.verified(down, 2, 1)
}
