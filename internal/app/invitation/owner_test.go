package invitation_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/invitation"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// operator is somebody who runs the installation, and is a learner in an organisation of their own.
func (w *world) operator() context.Context {
	return tenancy.With(w.t.Context(), tenancy.Scope{
		Tenant: tenancy.DefaultTenant(), User: w.person("op@provider.example", true), Role: tenancy.RoleLearner, Operator: true, Request: "r2",
	})
}

func (w *world) orphan() {
	w.t.Helper()
	w.exec(`update identity.membership set status = 'removed' where tenant_id = $1 and role = 'owner'`, w.tenant)
}

func TestAnOperatorInvitesTheFirstOwner(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.orphan()
	op := w.operator()
	i, err := w.InviteOwner(op, w.tenant, " New@acme.example ", "imported from the old installation")
	if err != nil || i.Role != tenancy.RoleOwner || i.Email != "New@acme.example" {
		t.Fatalf("%+v, %v", i, err)
	}
	if _, err := w.Enter(t.Context(), "n", w.token("new@acme.example"), "New Owner"); err != nil {
		t.Fatal(err)
	}
	if got := w.role("new@acme.example"); got != "owner" {
		t.Errorf("the invited is %q", got)
	}
	var reason string
	err = w.db.Owner.QueryRow(t.Context(), `select detail->>'reason' from pool.audit_entry where action = 'invitation.owner_sent' and tenant_id = $1`, w.tenant).Scan(&reason)
	if err != nil || reason != "imported from the old installation" {
		t.Errorf("the audit log says %q (%v)", reason, err)
	}
}

// An operator lets nobody into an organisation that has an owner, also not by a link from before.
func TestAnOperatorInvitesNoSecondOwner(t *testing.T) {
	t.Parallel()
	w := open(t)
	op := w.operator()
	if _, err := w.InviteOwner(op, w.tenant, "mole@provider.example", "curious"); !errors.Is(err, invitation.ErrHasOwner) {
		t.Fatalf("beside an owner: %v", err)
	}
	w.orphan()
	for _, email := range []string{"one@acme.example", "two@acme.example"} {
		if _, err := w.InviteOwner(op, w.tenant, email, "nobody is left"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Enter(t.Context(), "n", w.token("one@acme.example"), "One"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Enter(t.Context(), "n", w.token("two@acme.example"), "Two"); !errors.Is(err, invitation.ErrLink) {
		t.Errorf("a second owner by an operator's link: %v", err)
	}
	if got := w.role("two@acme.example"); got != "" {
		t.Errorf("the second is %q", got)
	}
}

func TestWhoMayInviteAnOwner(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.orphan()
	if _, err := w.InviteOwner(w.owner, w.tenant, "x@acme.example", "because"); errs.KindOf(err) != errs.KindForbidden {
		t.Errorf("somebody who is no operator: %v", err)
	}
	op := w.operator()
	for name, c := range map[string]struct {
		tenant        uuid.UUID
		email, reason string
		want          errs.Kind
	}{
		"no organisation":   {uuid.New(), "x@acme.example", "because", errs.KindNotFound},
		"the installation":  {tenancy.DefaultTenant(), "x@acme.example", "because", errs.KindNotFound},
		"no address":        {w.tenant, "nobody", "because", errs.KindInvalid},
		"without a reason":  {w.tenant, "x@acme.example", " \t", errs.KindInvalid},
		"two in an address": {w.tenant, "a@acme.example,b@acme.example", "because", errs.KindInvalid},
	} {
		if _, err := w.InviteOwner(op, c.tenant, c.email, c.reason); errs.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.exec(`update control.tenant set status = 'suspended' where id = $1`, w.tenant)
	if _, err := w.InviteOwner(op, w.tenant, "x@acme.example", "because"); !errors.Is(err, invitation.ErrNotOpen) {
		t.Errorf("a suspended organisation: %v", err)
	}
}
