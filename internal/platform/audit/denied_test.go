package audit_test

import (
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// watch is what counts denials and relays events, with a tenant.
type watch struct {
	t       *testing.T
	d       *dbtest.Database
	denials *audit.Denials
	relay   *audit.Relay
	scope   tenancy.Scope
}

func newWatch(t *testing.T) *watch {
	t.Helper()
	d := dbtest.New(t)
	quiet := slog.New(slog.DiscardHandler)
	scope, _ := tenancy.From(d.Tenant(t, "alpha", tenancy.RoleOwner))
	return &watch{
		t: t, d: d, scope: scope, denials: &audit.Denials{DB: d.App, Identity: d.Identity, System: "any", Log: quiet, Now: time.Now},
		relay: &audit.Relay{Identity: d.Identity, DB: d.App, System: "any", Log: quiet},
	}
}

// entries are the entries of a tenant with an action: target and attempts.
func (w *watch) entries(tenant uuid.UUID, action string) map[string]int {
	w.t.Helper()
	list, err := db.ReadInTenant(tenancy.System(w.t.Context(), tenant), w.d.App, "any",
		`select target || ' ' || coalesce(actor::text, '-') || ' ' || kind || ' ' || address, coalesce((detail->>'attempts')::int, 1) from audit_entry where action = @action`, pgx.NamedArgs{"action": action},
		func(row pgx.CollectableRow) (e struct {
			name string
			n    int
		}, err error) {
			return e, row.Scan(&e.name, &e.n)
		})
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]int{}
	for _, e := range list {
		found[e.name] += e.n
	}
	return found
}

func TestDenialsAreCountedAndWrittenOnce(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	ctx := tenancy.WithOrigin(t.Context(), tenancy.Origin{Request: "r", Address: "192.0.2.1"})
	try := audit.Denial{Tenant: w.scope.Tenant, Actor: w.scope.User, Kind: tenancy.Person, Action: "access.denied", Target: "POST /v1/labs", Code: "forbidden"}
	for range 1000 {
		w.denials.Add(ctx, try)
	}
	if n := len(w.entries(w.scope.Tenant, "access.denied")); n != 0 {
		t.Errorf("%d entries before the minute is over", n)
	}
	w.denials.Flush(t.Context())
	w.denials.Flush(t.Context())
	want := "POST /v1/labs " + w.scope.User.String() + " person 192.0.2.1"
	if got := w.entries(w.scope.Tenant, "access.denied"); len(got) != 1 || got[want] != 1000 {
		t.Errorf("%v, want 1000 times %s", got, want)
	}
}

// However many addresses an attacker asks: a bounded number of entries a minute, and no attempt is forgotten.
func TestAnAttackerCannotFillALog(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	other, _ := tenancy.From(w.d.Tenant(t, "bravo", tenancy.RoleOwner))
	for n := range 20_000 {
		w.denials.Add(t.Context(), audit.Denial{Tenant: w.scope.Tenant, Actor: w.scope.User, Kind: tenancy.Person, Action: "access.denied", Target: strconv.Itoa(n)})
	}
	w.denials.Add(t.Context(), audit.Denial{Tenant: other.Tenant, Actor: other.User, Kind: tenancy.Person, Action: "access.denied", Target: "x"})
	w.denials.Flush(t.Context())
	got, all := w.entries(w.scope.Tenant, "access.denied"), 0
	for _, n := range got {
		all += n
	}
	if len(got) != 51 || all != 20_000 {
		t.Errorf("%d entries of %d attempts", len(got), all)
	}
	if got := w.entries(other.Tenant, "access.denied"); len(got) != 1 {
		t.Errorf("the other tenant's: %v", got)
	}
}

// What happens to an account reaches each organisation of the person once, whatever is tried again.
func TestWhatHappensToAnAccountReachesEveryOrganisation(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	second, _ := tenancy.From(w.d.Tenant(t, "bravo", tenancy.RoleOwner))
	stranger, _ := tenancy.From(w.d.Tenant(t, "charlie", tenancy.RoleOwner))
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := w.d.Owner.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	user := uuid.New()
	exec(`insert into identity."user" (id, pool_id, email, email_key, name) select $1, id, 'a@example.com', 'a@example.com', 'A' from identity.pool where name = 'default'`, user)
	for _, tenant := range []uuid.UUID{w.scope.Tenant, second.Tenant} {
		exec(`insert into identity.membership (user_id, tenant_id, role) values ($1, $2, 'learner')`, user, tenant)
	}
	operator := tenancy.With(t.Context(), tenancy.Scope{Tenant: stranger.Tenant, User: stranger.User, Role: tenancy.RoleOwner, Operator: true, Kind: tenancy.Person, Address: "192.0.2.2"})
	err := pgx.BeginFunc(operator, w.d.Identity, func(tx pgx.Tx) error {
		return audit.OfPerson(operator, tx, user, audit.Entry{Action: "person.factors_reset", Target: "x"})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := audit.OfPerson(t.Context(), w.d.Identity, user, audit.Entry{Action: "person.factors_reset", Target: "self"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.relay.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, tenant := range []uuid.UUID{w.scope.Tenant, second.Tenant} {
		got := w.entries(tenant, "person.factors_reset")
		if len(got) != 2 || got["x "+stranger.User.String()+" operator 192.0.2.2"] != 1 || got["self "+user.String()+" person "] != 1 {
			t.Errorf("%v", got)
		}
	}
	if got := w.entries(stranger.Tenant, "person.factors_reset"); len(got) != 0 {
		t.Errorf("another organisation has %v", got)
	}
	var left int
	if err := w.d.Owner.QueryRow(t.Context(), `select count(*) from identity.audit_event`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d events are left, %v", left, err)
	}
}

// One organisation whose log cannot be written keeps nobody else waiting, and gets its entry when it can.
func TestALogThatCannotBeWrittenGetsItsEntryLater(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	second, _ := tenancy.From(w.d.Tenant(t, "bravo", tenancy.RoleOwner))
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := w.d.Owner.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`alter table audit_entry add constraint full_disk check (target <> 'first') not valid`)
	for target, tenant := range map[string]uuid.UUID{"first": w.scope.Tenant, "second": second.Tenant} {
		if err := audit.OfTenant(t.Context(), w.d.Identity, tenant, audit.Entry{Action: "tested", Target: target}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.relay.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.entries(second.Tenant, "tested")) != 1 || len(w.entries(w.scope.Tenant, "tested")) != 0 {
		t.Error("the other one did not get its entry")
	}
	exec(`alter table audit_entry drop constraint full_disk`)
	exec(`update identity.audit_event set not_before = now()`)
	if err := w.relay.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.entries(w.scope.Tenant, "tested")) != 1 {
		t.Error("it never got its entry")
	}
}
