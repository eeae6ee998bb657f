package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/apikey"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

func TestAKeyActsWithItsScopesAndNoMore(t *testing.T) {
	t.Parallel()
	w := open(t)
	k, text := w.add(w.owner, policy.LabRead, policy.SessionStart)
	scope, err := w.Authenticate(t.Context(), "192.0.2.7", text)
	if err != nil || scope.Tenant != w.tenant || scope.User != k.ID || scope.Key != k.ID || scope.By() != k.ID || scope.Operator || scope.Machine || scope.Session != uuid.Nil {
		t.Fatalf("%+v, %v", scope, err)
	}
	for _, p := range policy.Permissions(tenancy.RoleOwner) {
		allowed := slices.Contains([]tenancy.Permission{policy.LabRead, policy.SessionStart, policy.SessionUse}, p) // which starting needs
		if err := w.may(text, p); (err == nil) != allowed {
			t.Errorf("%s: %v", p, err)
		}
	}
	if errs.KindOf(w.may(text, policy.OperatorRead)) != errs.KindForbidden {
		t.Error("a key reads what operators read")
	}
	var stored string
	if err := w.db.Owner.QueryRow(t.Context(), `select k::text from identity.api_key k`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stored, text[12:]) || strings.Contains(fmt.Sprintf("%+v", k), text[12:]) {
		t.Errorf("the secret is in %s or %+v", stored, k)
	}
	found, err := w.Get(w.owner, k.ID)
	if err != nil || found.LastUsedAt == nil || found.LastUsedFrom != "192.0.2.7" || found.CreatorName != "Ada owner" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestScopesAreAtMostTheMakersOwn(t *testing.T) {
	t.Parallel()
	w := open(t)
	admin, author := w.member("admin", tenancy.RoleAdmin), w.member("author", tenancy.RoleAuthor)
	bot, strong := w.machine(tenancy.RoleAuthor), w.machine(tenancy.RoleOwner)
	none := uuid.New()
	for name, c := range map[string]struct {
		as   context.Context //nolint:containedctx // who acts
		wish apikey.Wish
		want error
	}{
		"beyond one's role":             {admin, apikey.Wish{Scopes: []tenancy.Permission{policy.TenantExport}}, apikey.ErrAbove},
		"by somebody without the right": {author, apikey.Wish{Scopes: []tenancy.Permission{policy.LabRead}}, nil},
		"beyond the machine's role":     {w.owner, apikey.Wish{Scopes: []tenancy.Permission{policy.MemberRead}, Machine: &bot}, apikey.ErrAbove},
		"of a machine above oneself":    {admin, apikey.Wish{Scopes: []tenancy.Permission{policy.LabRead}, Machine: &strong}, apikey.ErrAbove},
		"of no machine":                 {admin, apikey.Wish{Scopes: []tenancy.Permission{policy.LabRead}, Machine: &none}, apikey.ErrMachine},
	} {
		c.wish.Name, c.wish.Life = name, day
		_, text, err := w.Add(c.as, c.wish)
		if c.want == nil && errs.KindOf(err) == errs.KindForbidden {
			continue
		}
		want(t, name, err, c.want)
		if text != "" {
			t.Errorf("%s: a key all the same", name)
		}
	}
	for _, p := range []tenancy.Permission{policy.KeyWrite, policy.MachineWrite, policy.ClientWrite, policy.IDPWrite, policy.MemberWrite, policy.PolicyWrite, policy.TenantClose, policy.OperatorWrite, policy.TenantSystem, httpx.SignedIn, "lab.*", ""} {
		_, _, err := w.Add(w.owner, apikey.Wish{Name: "x", Scopes: []tenancy.Permission{policy.LabRead, p}, Life: day})
		if errs.KindOf(err) != errs.KindInvalid {
			t.Errorf("the scope %q: %v", p, err)
		}
	}
	_, text := w.add(w.owner, policy.KeyRead)
	scope, err := w.Authenticate(t.Context(), "192.0.2.7", text)
	if err != nil {
		t.Fatal(err)
	}
	scope.Grants = nil // whatever a key could do by mistake
	_, _, err = w.Add(tenancy.With(t.Context(), scope), apikey.Wish{Name: "x", Scopes: []tenancy.Permission{policy.LabRead}, Life: day})
	want(t, "a key makes a key", err, apikey.ErrPeople)
}

// A permission that nobody has thought about is for people alone; whoever adds one says here which it is.
func TestEveryPermissionIsForKeysOrForPeople(t *testing.T) {
	t.Parallel()
	people := []tenancy.Permission{
		httpx.SignedIn, policy.KeyWrite, policy.MachineWrite, policy.ClientWrite, policy.IDPWrite, policy.MemberWrite, policy.TenantClose,
		policy.PolicyRead, policy.PolicyWrite,
	}
	for _, p := range policy.Permissions(tenancy.RoleOwner) {
		if slices.Contains(people, p) == slices.Contains(apikey.Grantable(tenancy.RoleOwner), p) {
			t.Errorf("%s: can API keys have it? Put it into scopes of package apikey, or into this list", p)
		}
	}
	if got := apikey.Grantable(tenancy.RoleLearner); len(got) != 3 || slices.Contains(got, policy.LabWrite) {
		t.Errorf("a learner can give %v", got)
	}
}

func TestAKeyIsWorthWhatItsMakerIs(t *testing.T) {
	t.Parallel()
	w := open(t)
	admin := w.member("admin", tenancy.RoleAdmin)
	k, text := w.add(admin, policy.LabRead, policy.LabWrite, policy.MemberRead)
	change := func(sql string) {
		w.exec(sql, userOf(admin))
		w.pass(3 * time.Second) // which is longer than anything is remembered
	}
	want(t, "an administrator's", w.may(text, policy.MemberRead), nil)
	change(`update identity.membership set role = 'author' where user_id = $1`)
	want(t, "an author's", w.may(text, policy.LabWrite), nil)
	if errs.KindOf(w.may(text, policy.MemberRead)) != errs.KindForbidden {
		t.Error("an author's key still reads members")
	}
	if now, err := w.Get(w.owner, k.ID); err != nil || !slices.Equal(now.Asleep(), []tenancy.Permission{policy.MemberRead}) || now.State(w.now()) != apikey.Active {
		t.Errorf("%+v, %v", now, err)
	}
	for _, sql := range []string{
		`update identity.membership set status = 'disabled' where user_id = $1`,
		`update identity.membership set status = 'removed' where user_id = $1`,
		`update identity."user" set disabled_at = now() where id = $1`,
	} {
		change(sql)
		want(t, sql, w.may(text, policy.LabRead), apikey.ErrStopped)
		now, err := w.Get(w.owner, k.ID)
		if err != nil || now.State(w.now()) != apikey.Stopped {
			t.Errorf("%s: %+v, %v", sql, now, err)
		}
		_, _, err = w.Rotate(w.owner, k.ID, now.Version, time.Hour, day) // which would make the old secret good again
		want(t, "rotate a stopped key", err, apikey.ErrOver)
		change(`with u as (update identity."user" set disabled_at = null where id = $1) update identity.membership set status = 'active' where user_id = $1`)
		want(t, "back", w.may(text, policy.LabRead), nil)
	}
	w.exec(`update control.tenant set status = 'suspended' where id = $1`, w.tenant)
	w.pass(3 * time.Second)
	if err := w.may(text, policy.LabRead); errs.KindOf(err) != errs.KindForbidden || errors.Is(err, apikey.ErrStopped) {
		t.Errorf("in a suspended tenant: %v", err)
	}
}

func TestAKeyOfAMachineClientIsThatClient(t *testing.T) {
	t.Parallel()
	w := open(t)
	admin, bot := w.member("admin", tenancy.RoleAdmin), w.machine(tenancy.RoleAuthor)
	k, text, err := w.Add(admin, apikey.Wish{Name: "Build", Scopes: []tenancy.Permission{policy.LabWrite}, Machine: &bot, Life: day})
	if err != nil {
		t.Fatal(err)
	}
	scope, err := w.Authenticate(t.Context(), "192.0.2.7", text)
	if err != nil || scope.User != bot || scope.Key != k.ID || scope.Role != tenancy.RoleAuthor || scope.By() != k.ID || k.MachineName != "Build server" {
		t.Fatalf("%+v, %v", scope, err)
	}
	w.exec(`update identity.membership set status = 'removed' where user_id = $1`, userOf(admin))
	w.pass(3 * time.Second)
	want(t, "when who made it has left", w.may(text, policy.LabWrite), nil)
	w.exec(`delete from identity.machine_client where id = $1`, bot)
	w.pass(3 * time.Second)
	want(t, "when the client is gone", w.may(text, policy.LabWrite), apikey.ErrUnknown)
}

func TestRotationOverlaps(t *testing.T) {
	t.Parallel()
	w := open(t)
	k, first := w.add(w.owner, policy.LabRead)
	turn := func(overlap time.Duration) string {
		t.Helper()
		now, text, err := w.Rotate(w.owner, k.ID, k.Version, overlap, 30*day)
		if err != nil || text[:12] != first[:12] {
			t.Fatalf("%q, %v", text, err)
		}
		k = now
		return text
	}
	second := turn(24 * time.Hour)
	for name, text := range map[string]string{"old": first, "new": second} {
		want(t, name+" in the overlap", w.may(text, policy.LabRead), nil)
	}
	if k.OldUntil == nil || k.RotatedAt == nil {
		t.Errorf("%+v", k)
	}
	_, _, err := w.Rotate(w.owner, k.ID, k.Version-1, 0, day)
	want(t, "twice at once", err, apikey.ErrChanged)
	w.pass(24*time.Hour + time.Second)
	want(t, "old after the overlap", w.may(first, policy.LabRead), apikey.ErrExpired)
	want(t, "new after the overlap", w.may(second, policy.LabRead), nil)

	third := turn(72 * time.Hour)
	fourth := turn(72 * time.Hour)
	want(t, "the one before the last", w.may(second, policy.LabRead), apikey.ErrUnknown)
	want(t, "the last", w.may(third, policy.LabRead), nil)
	fifth := turn(0)
	want(t, "without an overlap", w.may(fourth, policy.LabRead), apikey.ErrUnknown)
	w.pass(30 * day)
	want(t, "expired", w.may(fifth, policy.LabRead), apikey.ErrExpired)
	sixth := turn(72 * time.Hour)
	want(t, "what had expired is not good again", w.may(fifth, policy.LabRead), apikey.ErrUnknown)
	want(t, "after an end", w.may(sixth, policy.LabRead), nil)
}

func TestWhoeverRotatesHasTheKeysRights(t *testing.T) {
	t.Parallel()
	w := open(t)
	admin := w.member("admin", tenancy.RoleAdmin)
	for _, scopes := range [][]tenancy.Permission{{policy.TenantExport}, {policy.LabRead}} {
		k, _ := w.add(w.owner, scopes...)
		_, text, err := w.Rotate(admin, k.ID, k.Version, time.Hour, day)
		want(t, "an owner's key by an administrator", err, apikey.ErrAbove)
		if text != "" {
			t.Error("the secret is told all the same")
		}
		want(t, "revoke it", w.Revoke(admin, k.ID), nil) // which gives nothing
	}
	k, _ := w.add(admin, policy.LabRead)
	_, _, err := w.Rotate(w.owner, k.ID, k.Version, time.Hour, day)
	want(t, "an administrator's key by an owner", err, nil)
}

func TestRevocationHoldsAtOnceInEveryProcess(t *testing.T) {
	t.Parallel()
	w := open(t)
	here := w.Service
	other := w.process()
	hub := &notify.Hub{Pool: w.db.Control, Log: slog.New(slog.DiscardHandler)}
	other.Hear(hub)
	heard := make(chan string, 100)
	hub.On(notify.TopicKey, func(public string) { heard <- public }, func() { heard <- "" })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-heard // it listens from now on
	k, text := w.add(w.owner, policy.LabRead)
	for _, process := range []*apikey.Service{here, other} {
		if _, err := process.Authenticate(t.Context(), "192.0.2.7", text); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "revoke", here.Revoke(w.owner, k.ID), nil)
	for public := ""; public != k.Prefix[3:]; public = <-heard {
	}
	// No clock has moved: what is remembered would still hold.
	for name, process := range map[string]*apikey.Service{"here": here, "there": other} {
		_, err := process.Authenticate(t.Context(), "192.0.2.7", text)
		want(t, name, err, apikey.ErrRevoked)
		_, err = process.Renew(t.Context(), w.tenant, k.ID)
		want(t, "a stream "+name, err, apikey.ErrRevoked)
	}
	_, _, err := w.Rotate(w.owner, k.ID, k.Version+1, time.Hour, day)
	want(t, "rotate what is revoked", err, apikey.ErrOver)
	want(t, "revoke it again", w.Revoke(w.owner, k.ID), nil)
	if got := w.entries(); got != "key.created Grades, key.revoked Grades" {
		t.Errorf("the log has %s", got)
	}
}

func TestGuessesMakeAnAddressWait(t *testing.T) {
	t.Parallel()
	w := open(t)
	_, good := w.add(w.owner, policy.LabRead)
	_, over := w.add(w.owner, policy.LabRead)
	list, _, err := w.List(w.owner)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "revoke", w.Revoke(w.owner, list[0].ID), nil)
	from := func(address, text string) error {
		_, err := w.Authenticate(t.Context(), address, text)
		return err
	}
	for range 200 { // a program that nobody has told
		want(t, "a revoked key", from("192.0.2.1", over), apikey.ErrRevoked)
		want(t, "what can be no key", from("192.0.2.1", "ck_nonsense"), apikey.ErrUnknown)
	}
	want(t, "another key from there", from("192.0.2.1", good), nil)
	limited := false
	for range 100 {
		if err := from("198.51.100.1", example); errs.KindOf(err) == errs.KindLimited {
			limited = true
		}
	}
	if !limited {
		t.Error("a hundred guesses cost nothing")
	}
	want(t, "a key that is known, from there", from("198.51.100.1", good), nil)
	want(t, "from elsewhere", from("203.0.113.1", example), apikey.ErrUnknown)
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	w := open(t)
	k, _ := w.add(w.owner, policy.LabRead)
	w.exec(`insert into identity.api_key (tenant_id, public_id, name, created_by, scopes, secret_hash, expires_at)
		select $1, lpad(n::text, 8, 'x'), 'x', $2, '{lab.read}', sha256('x'), now() from generate_series(1, 49) n`, w.tenant, userOf(w.owner))
	_, _, err := w.Add(w.owner, apikey.Wish{Name: "x", Scopes: []tenancy.Permission{policy.LabRead}, Life: day})
	want(t, "the 51st", err, apikey.ErrTooMany)
	want(t, "revoke one", w.Revoke(w.owner, k.ID), nil)
	w.exec(`insert into identity.api_key (tenant_id, public_id, name, created_by, scopes, secret_hash, expires_at, revoked_at)
		select $1, lpad(n::text, 8, 'y'), 'x', $2, '{lab.read}', sha256('x'), now(), now() - interval '1 day' from generate_series(1, 60) n`, w.tenant, userOf(w.owner))
	w.add(w.owner, policy.LabRead)
	list, _, err := w.List(w.owner)
	revoked := slices.DeleteFunc(slices.Clone(list), func(k apikey.Key) bool { return k.RevokedAt == nil })
	if err != nil || len(list) != 100 || len(revoked) != 50 || !slices.ContainsFunc(revoked, func(r apikey.Key) bool { return r.ID == k.ID }) {
		t.Errorf("%d keys, %d revoked, %v", len(list), len(revoked), err)
	}
	_, _, err = w.Add(w.owner, apikey.Wish{Name: " ", Life: day})
	var wrong *errs.Error
	if !errors.As(err, &wrong) || len(wrong.Fields) != 2 {
		t.Errorf("no name and no scope: %v", err)
	}
}

func TestKeysOfOtherTenantsAreNotThere(t *testing.T) {
	t.Parallel()
	w := open(t)
	k, _ := w.add(w.owner, policy.LabRead)
	bot := w.machine(tenancy.RoleLearner)
	w.tenant = w.newTenant("bolt")
	theirs := w.member("theirs", tenancy.RoleOwner)
	if list, _, err := w.List(theirs); err != nil || len(list) != 0 {
		t.Errorf("they see %v, %v", list, err)
	}
	_, err := w.Get(theirs, k.ID)
	want(t, "get", err, apikey.ErrNotFound)
	_, err = w.Rename(theirs, k.ID, 1, "x")
	want(t, "rename", err, apikey.ErrNotFound)
	_, _, err = w.Rotate(theirs, k.ID, 1, time.Hour, day)
	want(t, "rotate", err, apikey.ErrNotFound)
	want(t, "revoke", w.Revoke(theirs, k.ID), apikey.ErrNotFound)
	_, _, err = w.Add(theirs, apikey.Wish{Name: "x", Scopes: []tenancy.Permission{policy.LabRead}, Machine: &bot, Life: day})
	want(t, "for another's machine", err, apikey.ErrMachine)
	_, err = w.Renew(t.Context(), w.tenant, k.ID)
	want(t, "a stream of another tenant", err, apikey.ErrUnknown)
	if _, err := w.db.App.Pool.Exec(t.Context(), `select from identity.api_key`); err == nil {
		t.Error("the application's role reads keys")
	}
	if named, err := w.Rename(w.owner, k.ID, 1, "  Other   name "); err != nil || named.Name != "Other name" || named.Version != 2 {
		t.Errorf("%+v, %v", named, err)
	}
}

func TestTheFirstKeyIsGivenOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	id := uuid.New()
	text, err := w.First(t.Context(), w.tenant, userOf(w.owner), id)
	want(t, "first", err, nil)
	want(t, "it works", w.may(text, policy.LabWrite), nil)
	if errs.KindOf(w.may(text, policy.TenantExport)) != errs.KindForbidden {
		t.Error("it takes all data out")
	}
	again, err := w.First(t.Context(), w.tenant, userOf(w.owner), id)
	want(t, "again", err, apikey.ErrGiven)
	if again != "" {
		t.Error("it is told again")
	}
	if got := w.entries(); got != "key.created First key" {
		t.Errorf("the log has %s", got)
	}
}
