package member_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

var errFull = errs.Conflict("plan_limit", "full")

// seats lets so many members be active.
func seats(most int64) func(context.Context, uuid.UUID) (func(int64) error, error) {
	return func(context.Context, uuid.UUID) (func(int64) error, error) {
		return func(used int64) error {
			if used >= most {
				return errFull
			}
			return nil
		}, nil
	}
}

func TestADisabledMemberIsOutAndKeepsTheirPlace(t *testing.T) {
	t.Parallel()
	o := open(t)
	owner, _ := o.add("Olga", tenancy.RoleOwner)
	ctx, adam := o.add("Adam", tenancy.RoleAdmin)
	_, lea := o.add("Lea", tenancy.RoleLearner)
	if _, err := o.db.Identity.Exec(t.Context(), `
		insert into identity.token_family (pool_id, user_id, tenant_id, client_id, scopes, methods, signed_in_at, expires_at)
		select id, $1, $2, 'console', '{}', '{}', now(), now() + interval '1 hour' from identity.pool`, adam, o.tenant); err != nil {
		t.Fatal(err)
	}
	var forgotten, ended uuid.UUID
	o.Forget = func(user uuid.UUID) { forgotten = user }
	o.EndLabs = func(ctx context.Context, user uuid.UUID) error {
		if scope, _ := tenancy.From(ctx); scope.Role == tenancy.RoleSystem && scope.Tenant == o.tenant {
			ended = user
		}
		return nil
	}
	m, err := o.SetStatus(owner, adam, member.Disabled)
	if err != nil || m.Status != member.Disabled || m.Role != tenancy.RoleAdmin || forgotten != adam || ended != adam {
		t.Fatalf("%+v, %v, forgotten %s, ended %s", m, err, forgotten, ended)
	}
	var signedIn int
	if err := o.db.Identity.QueryRow(t.Context(), `select count(*) from identity.token_family where user_id = $1`, adam).Scan(&signedIn); err != nil || signedIn != 0 {
		t.Errorf("%d sign-ins left, %v", signedIn, err)
	}
	// With a scope from before, nothing works any more.
	if err := o.Remove(ctx, lea); !errors.Is(err, member.ErrNotFound) {
		t.Errorf("a disabled admin removes: %v", err)
	}
	if got := o.roles(owner, member.Filter{Status: member.Disabled}) + "; " + o.roles(owner, member.Filter{}); got != "Adam admin; Lea learner, Adam admin, Olga owner" {
		t.Errorf("lists: %s", got)
	}
	counts, err := o.Count(t.Context(), []uuid.UUID{o.tenant})
	if err != nil || counts[o.tenant].Members != 2 {
		t.Errorf("%+v members count, %v", counts[o.tenant], err)
	}
	// Coming back needs a seat.
	o.Room = seats(2)
	if _, err := o.SetStatus(owner, adam, member.Active); !errors.Is(err, errFull) {
		t.Errorf("enabled beyond the plan: %v", err)
	}
	o.Room = seats(3)
	if m, err := o.SetStatus(owner, adam, member.Active); err != nil || m.Status != member.Active {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := o.SetStatus(owner, adam, "removed"); errs.KindOf(err) != errs.KindInvalid {
		t.Errorf("another status: %v", err)
	}
	if got, want := o.entries(owner), "member.disabled "+adam.String()+" admin\nmember.enabled "+adam.String()+" admin"; got != want {
		t.Errorf("the log has\n%s\nwant\n%s", got, want)
	}
}

func TestTheLastOwnerCannotBeDisabled(t *testing.T) {
	t.Parallel()
	o := open(t)
	owner, olga := o.add("Olga", tenancy.RoleOwner)
	admin, _ := o.add("Adam", tenancy.RoleAdmin)
	if _, err := o.SetStatus(owner, olga, member.Disabled); !errors.Is(err, member.ErrLastOwner) {
		t.Errorf("by herself: %v", err)
	}
	if _, err := o.SetStatus(admin, olga, member.Disabled); !errors.Is(err, member.ErrAbove) {
		t.Errorf("by an admin: %v", err)
	}
	_, oskar := o.add("Oskar", tenancy.RoleOwner)
	if _, err := o.SetStatus(owner, oskar, member.Disabled); err != nil {
		t.Fatal(err)
	}
	// An owner who is disabled is none who could run the organisation.
	for name, err := range map[string]error{"removed": o.Remove(owner, olga)} {
		if !errors.Is(err, member.ErrLastOwner) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The disabled one may go: the owner who stays is enough.
	if err := o.Remove(owner, oskar); err != nil {
		t.Error(err)
	}
}

func TestAMemberSaysWhatTheirRemovalDoes(t *testing.T) {
	t.Parallel()
	o := open(t)
	bolt := o.another("bolt")
	owner, olga := o.add("Olga", tenancy.RoleOwner)
	_, lea := o.add("Lea", tenancy.RoleLearner)
	_, theirs := bolt.add("Oskar", tenancy.RoleOwner)
	left := []uuid.UUID{}
	o.Ties = func(context.Context, pgx.Tx, uuid.UUID) (member.Ties, error) {
		return member.Ties{Running: 2, Started: 7, Groups: []string{"Course"}}, nil
	}
	o.Leave = func(_ context.Context, _ pgx.Tx, user uuid.UUID) error { left = append(left, user); return nil }
	if v, err := o.Get(owner, lea); err != nil || v.Running != 2 || v.Started != 7 || len(v.Groups) != 1 || v.LastOwner {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := o.Get(owner, olga); err != nil || !v.LastOwner {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := o.Get(owner, theirs); !errors.Is(err, member.ErrNotFound) {
		t.Errorf("another's member: %v", err)
	}
	if err := o.Remove(owner, lea); err != nil || len(left) != 1 || left[0] != lea {
		t.Errorf("%v, left %v", err, left)
	}
	if _, err := o.Get(owner, lea); !errors.Is(err, member.ErrNotFound) {
		t.Errorf("a former member: %v", err)
	}
}

func TestManyEnabledAtOnceStayWithinThePlan(t *testing.T) {
	t.Parallel()
	o := open(t)
	owner, _ := o.add("Olga", tenancy.RoleOwner)
	var all []uuid.UUID
	for range 4 {
		_, id := o.add("Pat", tenancy.RoleLearner)
		if _, err := o.SetStatus(owner, id, member.Disabled); err != nil {
			t.Fatal(err)
		}
		all = append(all, id)
	}
	o.Room = seats(3)
	done := make(chan error, len(all))
	for _, id := range all {
		go func() { _, err := o.SetStatus(owner, id, member.Active); done <- err }()
	}
	refused := 0
	for range all {
		if err := <-done; errors.Is(err, errFull) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused != 2 {
		t.Errorf("%d refused", refused)
	}
}
