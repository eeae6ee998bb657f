package registration_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/workflow"
	"github.com/cloudkida/cloudkida/internal/platform/workflow/workflowtest"
)

// begin registers and confirms without HTTP.
func begin(t *testing.T, d *dbtest.Database, e *workflow.Engine, name, tier string) uuid.UUID {
	t.Helper()
	newWorld(t, d)
	f := &fixture{Service: service(e), t: t, db: d}
	if _, err := f.Register(t.Context(), "192.0.2.1", "key of "+name, wishOf(name, tier)); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Confirm(t.Context(), f.token("ada@example.org"), ""); err != nil {
		t.Fatal(err)
	}
	var id uuid.UUID
	if err := d.Control.QueryRow(t.Context(), `select id from control.workflow`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}

// made checks that a tenant is there whole, and once.
func made(name, placement string, things int) func(*testing.T, *dbtest.Database, workflow.Workflow) {
	return func(t *testing.T, d *dbtest.Database, w workflow.Workflow) {
		t.Helper()
		if w.State != workflow.Succeeded {
			t.Errorf("it is %s: %s", w.State, w.Error)
		}
		for sql, want := range map[string]int{
			`select count(*) from control.tenant where name = '` + name + `' and status = 'active' and placement = '` + placement + `' and id = '` + w.Tenant.String() + `'`: 1,
			`select count(*) from control.tenant`:                                                      2,
			`select count(*) from control.world`:                                                       things,
			`select count(*) from control.registration where state = 'ready' and owner_id is not null`: 1,
			`select count(*) from control.mail_message where kind = 'registration.welcome' and tenant_id = '` + w.Tenant.String() + `' and keep`: 1,
		} {
			if n := count(t, d, sql); n != want {
				t.Errorf("%s: %d, want %d", sql, n, want)
			}
		}
	}
}

// undone checks that nothing is left and that the name is free.
func undone(t *testing.T, d *dbtest.Database, w workflow.Workflow) {
	t.Helper()
	if w.State != workflow.Undone {
		t.Errorf("it is %s: %s", w.State, w.Error)
	}
	for sql, want := range map[string]int{
		`select count(*) from control.tenant where status = 'purged' and name like 'undone-%'`:  1,
		`select count(*) from control.tenant`:                                                   2,
		`select count(*) from control.world`:                                                    0,
		`select count(*) from control.registration where state = 'failed' and owner_id is null`: 1,
		`select count(*) from control.mail_message where tenant_id is not null`:                 0,
	} {
		if n := count(t, d, sql); n != want {
			t.Errorf("%s: %d, want %d", sql, n, want)
		}
	}
}

func TestKilledInEveryStepThePooledTenantIsMadeOnce(t *testing.T) {
	t.Parallel()
	workflowtest.Kill(t, workflowtest.Case{
		Build: build, Steps: []string{"reserve", "silo", "identity", "labs", "open", "welcome"},
		Start: func(t *testing.T, d *dbtest.Database, e *workflow.Engine) uuid.UUID {
			t.Helper()
			return begin(t, d, e, "acme", "basic")
		},
		Check: made("acme", "pool", 2),
	})
}

func TestKilledInEveryStepTheSiloIsMadeOnce(t *testing.T) {
	t.Parallel()
	workflowtest.Kill(t, workflowtest.Case{
		Build: build, Steps: []string{"silo", "identity", "open"},
		Start: func(t *testing.T, d *dbtest.Database, e *workflow.Engine) uuid.UUID {
			t.Helper()
			return begin(t, d, e, "acme", "platinum")
		},
		Check: made("acme", "silo", 4),
	})
}

func TestKilledOnTheWayToAFailureNothingIsLeft(t *testing.T) {
	t.Parallel()
	workflowtest.Kill(t, workflowtest.Case{
		Build: build, Steps: []string{"reserve", "silo", "identity"},
		Start: func(t *testing.T, d *dbtest.Database, e *workflow.Engine) uuid.UUID {
			t.Helper()
			return begin(t, d, e, "broken", "platinum")
		},
		Check: undone,
	})
}

func TestAfterAFailureTheNameIsFreeAndAnotherCanBeTried(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.registered("broken", "ada@example.org", "basic")
	if a := f.confirm(token, ""); a.field(t, "state") != "provisioning" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := f.call(http.MethodGet, "/v1/registrations/names?name=broken", ""); strings.Contains(a.body, `"free":true`) {
		t.Errorf("a claimed name is free: %s", a.body)
	}
	f.run()
	a := f.call(http.MethodGet, "/v1/registrations/"+id, "", "Registration-Token", token)
	if a.field(t, "state") != "failed" || a.field(t, "problem") == "" || strings.Contains(a.body, "do not come") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := f.call(http.MethodGet, "/v1/registrations/names?name=broken", ""); !strings.Contains(a.body, `"free":true`) {
		t.Errorf("the name is not free again: %s", a.body)
	}
	if a := f.confirm(token, "mended"); a.field(t, "state") != "provisioning" || a.field(t, "name") != "mended" {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.run()
	if a := f.confirm(token, ""); a.field(t, "state") != "ready" || a.field(t, "signIn") != publicURL+"/?tenant=mended" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := f.count(`select count(*) from control.world`); n != 2 {
		t.Errorf("%d things are left of both", n)
	}
}

func TestAnAccountThatIsDisabledOwnsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.registered("acme", "disabled@example.org", "platinum")
	f.confirm(token, "")
	f.run()
	a := f.call(http.MethodGet, "/v1/registrations/"+id, "", "Registration-Token", token)
	if a.field(t, "state") != "failed" || a.field(t, "problem") != errDisabled.Message {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := f.count(`select count(*) from control.world`); n != 0 {
		t.Errorf("%d things are left", n)
	}
}

func TestCancelledBeforeItBeganTheNameIsFree(t *testing.T) {
	t.Parallel()
	for _, again := range []string{"confirm", "sweep"} {
		f := newFixture(t)
		_, token := f.registered("acme", "ada@example.org", "basic")
		f.confirm(token, "")
		var id uuid.UUID
		if err := f.db.Control.QueryRow(t.Context(), `select workflow_id from control.registration`).Scan(&id); err != nil {
			t.Fatal(err)
		}
		if err := f.Workflows.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		f.run()
		if again == "sweep" {
			f.exec(`update control.registration set proved_at = now() - interval '2 minutes'`)
			if err := f.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := f.count(`select count(*) from control.registration where state = 'failed'`); n != 1 {
				t.Error("the sweep did not free the name")
			}
			continue
		}
		if a := f.confirm(token, ""); a.field(t, "state") != "provisioning" {
			t.Errorf("%d %s", a.status, a.body)
		}
		f.run()
		if a := f.confirm(token, ""); a.field(t, "state") != "ready" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

// noMail cannot queue anything.
type noMail struct{}

func (noMail) Send(context.Context, pgx.Tx, letter.Draft) error { return errors.New("no mail today") }

func TestATenantInUseIsNotTakenBackForWantOfAMail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.registered("acme", "ada@example.org", "basic")
	working := f.Letters
	f.Letters = noMail{}
	f.confirm(token, "")
	f.run()
	a := f.call(http.MethodGet, "/v1/registrations/"+id, "", "Registration-Token", token)
	if a.field(t, "state") != "ready" || !strings.Contains(a.body, `"state":"waiting"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.Letters = working
	f.run()
	if n := f.count(`select count(*) from control.mail_message where kind = 'registration.welcome'`); n != 1 {
		t.Errorf("%d welcomes", n)
	}
}
