package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/app/session"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// change runs statements on the tenant's data as its owner.
func (f *fixture) change(statement string, args ...any) {
	f.t.Helper()
	ctx := f.member(tenancy.RoleOwner)
	err := f.sessions.DB.InTenant(ctx, policy.GroupWrite, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, statement, args...); return err })
	if err != nil {
		f.t.Fatal(err)
	}
}

func TestALabOfAGroupStartsForItsMembersAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.change(`insert into "group" (name, name_key) values ('g', 'g')`)
	pupil, stranger := f.member(tenancy.RoleLearner), f.member(tenancy.RoleLearner)
	before := f.run(stranger) // it is nobody's yet: what runs goes on
	scope, _ := tenancy.From(pupil)
	f.change(`insert into group_member (group_id, user_id) select id, $1 from "group"`, scope.User)
	f.change(`insert into group_lab (group_id, lab_id) select g.id, l.id from "group" g, lab l`)
	if _, err := f.sessions.Get(stranger, before.ID); err != nil {
		t.Errorf("a lab that runs: %v", err)
	}
	for name, ctx := range map[string]context.Context{"stranger": stranger, "another": f.member(tenancy.RoleLearner)} {
		if _, _, err := f.sessions.Start(ctx, "errands"); !errors.Is(err, lab.ErrNotFound) {
			t.Errorf("started by %s: %v", name, err)
		}
	}
	f.run(pupil)
	f.run(f.member(tenancy.RoleInstructor))
}

func TestAGroupsLimitHoldsBesideThePlan(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	second := testLab()
	entry := second["lab.yaml"]
	entry.Data = append([]byte(nil), entry.Data...)
	copy(entry.Data[indexOf(entry.Data, "errands"):], "chores2")
	second["lab.yaml"] = entry
	if _, err := f.sessions.Labs.Publish(f.member(tenancy.RoleAuthor), second); err != nil {
		t.Fatal(err)
	}
	pupil, free := f.member(tenancy.RoleLearner), f.member(tenancy.RoleLearner)
	scope, _ := tenancy.From(pupil)
	f.change(`insert into "group" (name, name_key, max_sessions) values ('g', 'g', 1)`)
	f.change(`insert into group_member (group_id, user_id) select id, $1 from "group"`, scope.User)
	first := f.run(pupil)
	if _, _, err := f.sessions.Start(pupil, "chores2"); !errors.Is(err, group.ErrLimit) {
		t.Errorf("a second lab: %v", err)
	}
	if n := f.places.taken(); n != 1 {
		t.Errorf("%d places are taken", n)
	}
	f.run(free)
	if _, _, err := f.sessions.Start(free, "chores2"); err != nil {
		t.Errorf("somebody of no group: %v", err)
	}
	if _, err := f.sessions.End(pupil, first.ID); err != nil {
		t.Fatal(err)
	}
	f.until(pupil, first.ID, "ended", func(v session.View) bool { return v.State == session.Ended })
	if _, _, err := f.sessions.Start(pupil, "chores2"); err != nil {
		t.Errorf("after the first: %v", err)
	}
}

func TestAFormerMembersLabsEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	pupil, other := f.member(tenancy.RoleLearner), f.member(tenancy.RoleLearner)
	theirs, others := f.run(pupil), f.run(other)
	scope, _ := tenancy.From(pupil)
	if err := f.sessions.EndMember(tenancy.System(t.Context(), scope.Tenant), scope.User); err != nil {
		t.Fatal(err)
	}
	over := f.until(pupil, theirs.ID, "ended", func(v session.View) bool { return v.State == session.Ended })
	if over.Reason == nil || over.Reason.Code != "member_left" {
		t.Errorf("reason: %+v", over.Reason)
	}
	if now, err := f.sessions.Get(other, others.ID); err != nil || now.State != session.Ready {
		t.Errorf("another's lab is %s, %v", now.State, err)
	}
	var open, all int64
	err := f.sessions.DB.InTenant(f.member(tenancy.RoleOwner), policy.MemberRead, func(tx pgx.Tx) (err error) {
		open, all, err = session.CountOf(t.Context(), tx, scope.User)
		return err
	})
	if err != nil || open != 0 || all != 1 {
		t.Errorf("%d run of %d, %v", open, all, err)
	}
}

func indexOf(text []byte, word string) int {
	for n := range text {
		if string(text[n:min(len(text), n+len(word))]) == word {
			return n
		}
	}
	return -1
}
