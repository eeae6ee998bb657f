package invitation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/app/invitation"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestANewPersonEntersByTheLink(t *testing.T) {
	t.Parallel()
	w := open(t)
	spring := w.newGroup("Spring")
	_, token := w.invite(w.owner, "Nora@new.example", tenancy.RoleLearner, "spring")
	offer, err := w.Look(t.Context(), "n", token)
	if err != nil || offer.Next != invitation.Enter || !offer.NeedsName || offer.Claims || offer.Email != "Nora@new.example" {
		t.Errorf("%+v, %v", offer, err)
	}
	if w.role("nora@new.example") != "" {
		t.Error("looking lets in")
	}
	if _, err := w.Enter(t.Context(), "n", token, " "); errs.KindOf(err) != errs.KindInvalid {
		t.Errorf("without a name: %v", err)
	}
	first, err := w.Enter(t.Context(), "n", token, "Nora New")
	if err != nil || !strings.HasPrefix(first, "https://labs.example/pools/default/enter?token=") {
		t.Fatalf("%s, %v", first, err)
	}
	if got := w.role("nora@new.example"); got != "learner" {
		t.Errorf("role %q", got)
	}
	var proved bool
	if err := w.db.Identity.QueryRow(t.Context(), `select email_proved_at is not null and password_hash is null from identity."user" where email_key = 'nora@new.example'`).Scan(&proved); err != nil || !proved {
		t.Errorf("the address is not proved: %v", err)
	}
	people, _, err := w.groups.People(w.owner, spring, list.Position{Limit: 10})
	if err != nil || len(people) != 1 || people[0].Name != "Nora New" {
		t.Errorf("the group has %v, %v", people, err)
	}
	// Until the password is chosen, the mail leads back to it, and to nothing else.
	second, err := w.Enter(t.Context(), "n", token, "Somebody else")
	if err != nil || second == first {
		t.Errorf("again: %s, %v", second, err)
	}
	w.exec(`update identity."user" set password_hash = 'x' where email_key = 'nora@new.example'`)
	if _, err := w.Enter(t.Context(), "n", token, "Nora"); !errors.Is(err, invitation.ErrLink) {
		t.Errorf("a used link: %v", err)
	}
	if _, err := w.Look(t.Context(), "n", token); !errors.Is(err, invitation.ErrLink) {
		t.Errorf("a used link: %v", err)
	}
	if got := w.actions(); got != "invitation.sent invitation.accepted" {
		t.Errorf("the log has %s", got)
	}
}

func TestWhoHasAnAccountSignsInFirst(t *testing.T) {
	t.Parallel()
	acme := open(t)
	bolt := acme.another("bolt")
	ann, id := bolt.add("ann@bolt.example", tenancy.RoleAuthor)
	_, token := acme.invite(acme.owner, "ANN@bolt.example", tenancy.RoleInstructor)
	if offer, err := acme.Look(t.Context(), "n", token); err != nil || offer.Next != invitation.SignIn || offer.NeedsName {
		t.Errorf("%+v, %v", offer, err)
	}
	if _, err := acme.Enter(t.Context(), "n", token, "Mallory"); !errors.Is(err, invitation.ErrSignIn) {
		t.Errorf("in without signing in: %v", err)
	}
	joined, err := acme.Accept(ann, token)
	if err != nil || joined.Tenant != "acme" || joined.Role != tenancy.RoleInstructor {
		t.Fatalf("%+v, %v", joined, err)
	}
	if got := acme.role("ann@bolt.example") + " " + bolt.role("ann@bolt.example"); got != "instructor author" {
		t.Errorf("roles: %s", got)
	}
	if _, err := acme.Accept(ann, token); !errors.Is(err, invitation.ErrLink) {
		t.Errorf("twice: %v", err)
	}
	var by uuid.UUID
	if err := acme.db.Owner.QueryRow(t.Context(), `select actor from audit_entry where action = 'invitation.accepted' and tenant_id = $1`, acme.tenant).Scan(&by); err != nil || by != id {
		t.Errorf("the log says %s, %v", by, err)
	}
}

func TestALinkIsWorthNothingToAnotherAccount(t *testing.T) {
	t.Parallel()
	acme := open(t)
	bolt := acme.another("bolt")
	mallory, _ := bolt.add("mallory@bolt.example", tenancy.RoleOwner)
	bolt.add("ann@bolt.example", tenancy.RoleLearner)
	for _, email := range []string{"ann@bolt.example", "nobody@new.example"} {
		_, token := acme.invite(acme.owner, email, tenancy.RoleAdmin)
		if _, err := acme.Accept(mallory, token); !errors.Is(err, invitation.ErrOther) {
			t.Errorf("%s's link by another: %v", email, err)
		}
	}
	if got := acme.role("mallory@bolt.example"); got != "" {
		t.Errorf("mallory is %s", got)
	}
	if _, err := acme.Accept(t.Context(), "x"); err == nil {
		t.Error("accepted by nobody")
	}
}

// Somebody signs up with the address of another and waits for an invitation to it.
func TestAnUnprovedAddressLinksNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	squatter := w.person("vera@victim.example", false)
	home := w.another("home")
	home.join(squatter, tenancy.RoleLearner)
	_, token := w.invite(w.owner, "vera@victim.example", tenancy.RoleLearner)
	if _, err := w.Accept(home.as(squatter, tenancy.RoleLearner), token); !errors.Is(err, invitation.ErrUnproved) {
		t.Fatalf("accepted: %v", err)
	}
	if _, err := w.db.Identity.Exec(t.Context(), `
		insert into identity.browser_session (token_hash, pool_id, user_id, methods, idle_at, expires_at)
		select 'h', pool_id, id, '{}', now() + interval '1 hour', now() + interval '1 hour' from identity."user" where id = $1`, squatter); err != nil {
		t.Fatal(err)
	}
	if offer, err := w.Look(t.Context(), "n", token); err != nil || !offer.Claims || offer.Next != invitation.Enter {
		t.Errorf("%+v, %v", offer, err)
	}
	if _, err := w.Enter(t.Context(), "n", token, ""); err != nil {
		t.Fatal(err)
	}
	var left bool
	err := w.db.Identity.QueryRow(t.Context(), `
		select password_hash is not null or email_proved_at is null or exists (select from identity.browser_session where user_id = u.id)
		from identity."user" u where id = $1`, squatter).Scan(&left)
	if err != nil || left {
		t.Errorf("what opened the account before opens it still: %v", err)
	}
	if got := w.role("vera@victim.example"); got != "learner" {
		t.Errorf("role %q", got)
	}
}

// A proved account without any organisation cannot sign in: the mail is its way back.
func TestAnAccountWithoutAnOrganisationJoins(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.person("lea@left.example", true)
	_, token := w.invite(w.owner, "lea@left.example", tenancy.RoleLearner)
	if offer, err := w.Look(t.Context(), "n", token); err != nil || offer.Next != invitation.Join {
		t.Errorf("%+v, %v", offer, err)
	}
	link, err := w.Enter(t.Context(), "n", token, "")
	if err != nil || link != "https://labs.example/?tenant=acme" {
		t.Errorf("%s, %v", link, err)
	}
	var kept bool
	if err := w.db.Identity.QueryRow(t.Context(), `select password_hash = 'x' from identity."user" where email_key = 'lea@left.example'`).Scan(&kept); err != nil || !kept {
		t.Errorf("the password is gone: %v", err)
	}
}

func TestDeadLinks(t *testing.T) {
	t.Parallel()
	w := open(t)
	ctx, _ := w.another("bolt").add("ann@bolt.example", tenancy.RoleLearner)
	for name, kill := range map[string]func(invitation.Invitation) error{
		"expired": func(i invitation.Invitation) error {
			w.exec(`update identity.invitation set expires_at = now() - interval '1 second' where id = $1`, i.ID)
			return nil
		},
		"revoked": func(i invitation.Invitation) error { return w.Revoke(w.owner, i.ID) },
		"of the suspended": func(invitation.Invitation) error {
			w.exec(`update control.tenant set status = 'suspended' where name = 'acme'`)
			return nil
		},
	} {
		w.exec(`update control.tenant set status = 'active' where name = 'acme'`)
		i, token := w.invite(w.owner, "ann@bolt.example", tenancy.RoleLearner)
		if err := kill(i); err != nil {
			t.Fatal(err)
		}
		_, looked := w.Look(t.Context(), "n", token)
		_, accepted := w.Accept(ctx, token)
		_, entered := w.Enter(t.Context(), "n", token, "Ann")
		for _, err := range []error{looked, accepted, entered} {
			if !errors.Is(err, invitation.ErrLink) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, token := range []string{"", "x", strings.Repeat("a", 200), "\x00"} {
		if _, err := w.Accept(ctx, token); !errors.Is(err, invitation.ErrLink) {
			t.Errorf("%q: %v", token, err)
		}
	}
	if got := w.role("ann@bolt.example"); got != "" {
		t.Errorf("ann is %s", got)
	}
}

func TestANewLinkEndsTheOneBefore(t *testing.T) {
	t.Parallel()
	w := open(t)
	i, first := w.invite(w.owner, "ann@new.example", tenancy.RoleLearner)
	if _, err := w.Resend(w.owner, i.ID); errs.KindOf(err) != errs.KindLimited {
		t.Errorf("at once: %v", err)
	}
	w.exec(`update identity.invitation set sent_at = now() - interval '2 minutes', expires_at = now() - interval '1 minute'`)
	again, err := w.Resend(w.owner, i.ID)
	if err != nil || again.State != invitation.Open || again.Mails != 2 {
		t.Fatalf("%+v, %v", again, err)
	}
	second := w.token("ann@new.example")
	if _, err := w.Look(t.Context(), "n", first); !errors.Is(err, invitation.ErrLink) {
		t.Errorf("the first link: %v", err)
	}
	if _, err := w.Look(t.Context(), "n", second); err != nil {
		t.Errorf("the second link: %v", err)
	}
	w.exec(`update identity.invitation set sent_at = now() - interval '2 minutes', sends = 5`)
	if _, err := w.Resend(w.owner, i.ID); !errors.Is(err, invitation.ErrSends) {
		t.Errorf("a sixth mail: %v", err)
	}
}

// What an inviter may no longer give is not given by a link from before.
func TestADemotedInvitersLinkGivesNoPower(t *testing.T) {
	t.Parallel()
	w := open(t)
	admin, id := w.add("adam@acme.example", tenancy.RoleAdmin)
	_, powerful := w.invite(admin, "friend@new.example", tenancy.RoleAdmin)
	_, harmless := w.invite(admin, "pupil@new.example", tenancy.RoleLearner)
	if _, err := w.Members.SetRole(w.owner, id, tenancy.RoleInstructor); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Enter(t.Context(), "n", powerful, "Friend"); !errors.Is(err, invitation.ErrLink) {
		t.Errorf("an admin by a demoted admin: %v", err)
	}
	if got := w.role("friend@new.example"); got != "" {
		t.Errorf("friend is %s", got)
	}
	if _, err := w.Enter(t.Context(), "n", harmless, "Pupil"); err != nil {
		t.Error(err)
	}
	_, byOwner := w.invite(w.owner, "friend@new.example", tenancy.RoleAdmin)
	if _, err := w.Enter(t.Context(), "n", byOwner, "Friend"); err != nil {
		t.Error(err)
	}
}

func TestAnInvitationNeverChangesAMembersRole(t *testing.T) {
	t.Parallel()
	w := open(t)
	bolt := w.another("bolt")
	ann, id := bolt.add("ann@bolt.example", tenancy.RoleLearner)
	_, token := w.invite(w.owner, "ann@bolt.example", tenancy.RoleLearner)
	w.join(id, tenancy.RoleAuthor)
	if out, err := w.Accept(ann, token); err != nil || out.Role != tenancy.RoleAuthor || w.role("ann@bolt.example") != "author" {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestADisabledMemberDoesNotComeBackByALink(t *testing.T) {
	t.Parallel()
	w := open(t)
	ann, id := w.another("bolt").add("ann@bolt.example", tenancy.RoleLearner)
	_, token := w.invite(w.owner, "ann@bolt.example", tenancy.RoleAdmin)
	w.join(id, tenancy.RoleLearner)
	if _, err := w.Members.SetStatus(w.owner, id, member.Disabled); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Accept(ann, token); !errors.Is(err, member.ErrDisabled) || w.role("ann@bolt.example") != "learner disabled" {
		t.Errorf("%v, %s", err, w.role("ann@bolt.example"))
	}
}

func TestARemovedMemberComesBackByALink(t *testing.T) {
	t.Parallel()
	w := open(t)
	bolt := w.another("bolt")
	ann, id := bolt.add("ann@bolt.example", tenancy.RoleLearner)
	w.join(id, tenancy.RoleAdmin)
	if err := w.Members.Remove(w.owner, id); err != nil {
		t.Fatal(err)
	}
	_, token := w.invite(w.owner, "ann@bolt.example", tenancy.RoleLearner)
	if _, err := w.Accept(ann, token); err != nil || w.role("ann@bolt.example") != "learner" {
		t.Errorf("%v, %s", err, w.role("ann@bolt.example"))
	}
}

// A plan with two seats left and six who accept at once, by both ways: two are in.
func TestManyAtOnceStayWithinThePlan(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.seats = 3 // the owner has one
	w.Members.Room = func(context.Context, uuid.UUID) (func(int64) error, error) {
		return func(used int64) error {
			if used >= w.seats {
				return errFull
			}
			return nil
		}, nil
	}
	bolt := w.another("bolt")
	done := make(chan error, 6)
	for n := range 6 {
		email := fmt.Sprintf("p%d@new.example", n)
		var ctx context.Context
		if n%2 == 0 {
			ctx, _ = bolt.add(email, tenancy.RoleLearner)
		}
		_, token := w.invite(w.owner, email, tenancy.RoleLearner)
		go func() {
			var err error
			if ctx != nil {
				_, err = w.Accept(ctx, token)
			} else {
				_, err = w.Enter(t.Context(), "n", token, "New")
			}
			done <- err
		}()
	}
	refused := 0
	for range 6 {
		if err := <-done; errors.Is(err, errFull) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	var in int
	if err := w.db.Identity.QueryRow(t.Context(), `select count(*) from identity.membership where tenant_id = $1 and status = 'active'`, w.tenant).Scan(&in); err != nil || in != 3 || refused != 4 {
		t.Errorf("%d members, %d refused, %v", in, refused, err)
	}
	// Who was refused may come when there is room, with the same link.
	var open int
	if err := w.db.Identity.QueryRow(t.Context(), `select count(*) from identity.invitation where tenant_id = $1 and accepted_at is null`, w.tenant).Scan(&open); err != nil || open != 4 {
		t.Errorf("%d invitations left, %v", open, err)
	}
}

func TestOneLinkLetsInOnceHoweverOftenItIsUsedAtOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	ann, _ := w.another("bolt").add("ann@bolt.example", tenancy.RoleLearner)
	_, token := w.invite(w.owner, "ann@bolt.example", tenancy.RoleLearner)
	done := make(chan error, 5)
	for range 5 {
		go func() { _, err := w.Accept(ann, token); done <- err }()
	}
	in := 0
	for range 5 {
		if err := <-done; err == nil {
			in++
		} else if !errors.Is(err, invitation.ErrLink) {
			t.Error(err)
		}
	}
	if in != 1 {
		t.Errorf("accepted %d times", in)
	}
}

// A silo's people are of its own pool: an account of the shared pool with the same address is another person.
func TestAnotherPoolsAccountDoesNotCount(t *testing.T) {
	t.Parallel()
	w := open(t)
	silo := w.another("silo")
	w.exec(`delete from identity.membership where tenant_id = $1`, silo.tenant)
	w.exec(`insert into identity.pool (name, tenant_id, sign_up) values ('silo', $1, false)`, silo.tenant)
	var boss uuid.UUID
	if err := w.db.Identity.QueryRow(t.Context(), `
		insert into identity."user" (pool_id, email, email_key, name) select id, 'b@silo.example', 'b@silo.example', 'Bo' from identity.pool where name = 'silo' returning id`).Scan(&boss); err != nil {
		t.Fatal(err)
	}
	silo.join(boss, tenancy.RoleOwner)
	ann, _ := w.add("ann@acme.example", tenancy.RoleLearner)
	_, token := silo.invite(silo.as(boss, tenancy.RoleOwner), "ann@acme.example", tenancy.RoleLearner)
	if _, err := silo.Accept(ann, token); !errors.Is(err, invitation.ErrOther) {
		t.Errorf("a person of the shared pool: %v", err)
	}
	link, err := silo.Enter(t.Context(), "n", token, "Ann")
	if err != nil || !strings.HasPrefix(link, "https://labs.example/pools/silo/enter?") {
		t.Errorf("%s, %v", link, err)
	}
	var pools int
	if err := w.db.Identity.QueryRow(t.Context(), `select count(distinct pool_id) from identity."user" where email_key = 'ann@acme.example'`).Scan(&pools); err != nil || pools != 2 {
		t.Errorf("%d accounts, %v", pools, err)
	}
}

// The first owner is not the only one who joins by provision: the plan holds for them, too, and a second try takes no
// second seat.
func TestProvisionStaysWithinThePlan(t *testing.T) {
	t.Parallel()
	w := open(t)
	people := w.People.(*provision.Service) //nolint:errcheck,forcetypeassert // open made it
	people.Room = func(context.Context, uuid.UUID) (func(int64) error, error) {
		return func(used int64) error {
			if used >= 2 {
				return errFull
			}
			return nil
		}, nil
	}
	add := func(email string) error {
		_, _, err := people.AddOwner(t.Context(), provision.NewMember{Pool: "default", Tenant: w.tenant, Email: email, Name: "O"})
		return err
	}
	if err := errors.Join(add("two@acme.example"), add("two@acme.example")); err != nil {
		t.Error(err)
	}
	if err := add("three@acme.example"); !errors.Is(err, errFull) {
		t.Errorf("a third: %v", err)
	}
}
