package directory_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/control/directory"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

const day = 24 * time.Hour

func TestADomainIsProvedByItsRecord(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	d := f.add(acme, "  @Acme.Example ")
	if d.Domain != "acme.example" || !strings.HasPrefix(d.Token, "cloudkida-verification=") || len(d.Token) < 40 {
		t.Errorf("%+v", d)
	}
	if d = f.check(acme, d, directory.Pending); !strings.Contains(d.Problem, "no TXT record at _cloudkida-challenge.acme.example") {
		t.Errorf("without a record: %q", d.Problem)
	}
	f.zone.set("_cloudkida-challenge.acme.example", d.Token+"x", "cloudkida-verification=")
	if d = f.check(acme, d, directory.Pending); !strings.Contains(d.Problem, "Another text") {
		t.Errorf("with another record: %q", d.Problem)
	}
	f.zone.set("acme.example", d.Token) // a record at another name proves nothing
	f.check(acme, d, directory.Pending)
	if got := f.whose(directory.Question{Email: "ada@acme.example"}); got != "default" {
		t.Errorf("a domain that nobody has proved leads to %s", got)
	}
	f.publish(d)
	if d = f.check(acme, d, directory.Proved); d.Problem != "" || d.ProvedAt == nil {
		t.Errorf("%+v", d)
	}
	for _, address := range []string{"ada@acme.example", "nobody@acme.example", "ADA@ACME.EXAMPLE", "@acme.example", "acme.example", `"a@b"@acme.example.`} {
		if got := f.whose(directory.Question{Email: address}); got != "acme" {
			t.Errorf("%s leads to %s", address, got)
		}
	}
	for _, address := range []string{"ada@sub.acme.example", "ada@notacme.example", "acme.example@gmail.com"} {
		if got := f.whose(directory.Question{Email: address}); got != "default" {
			t.Errorf("%s leads to %s", address, got)
		}
	}
	if err := f.Remove(acme, d.ID); err != nil {
		t.Fatal(err)
	}
	if got := f.whose(directory.Question{Email: "ada@acme.example"}); got != "default" {
		t.Errorf("a domain that was removed leads to %s", got)
	}
	want := []string{"domain.added acme.example by a person", "domain.proved acme.example by a person", "domain.removed acme.example by a person"}
	if got := f.log(acme); !slices.Equal(got, want) {
		t.Errorf("the log: %q, want %q", got, want)
	}
}

func TestDomainsThatNobodyCanHaveAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	for given, want := range map[string]string{
		"gmail.com": "", "GMail.com": "", "x.gmail.com": "", "outlook.com": "", "outlook.fr": "", "yahoo.co.uk": "", "icloud.com": "", "me@web.de": "", "163.com": "",
		"com": "", "co.uk": "", "github.io": "", "localhost": "", "192.0.2.1": "", "2001:db8::1": "", "a..example": "", "-a.example": "", "a_b.example": "",
		"": "", "ex ample.org": "", "example.org/x": "", "example.org:25": "", "xn--a.example": "", strings.Repeat("a", 64) + ".example": "",
		strings.Repeat("a.", 120) + "example": "", "a\x00b.example": "", "*.example.org": "",
		"münchen.example": "xn--mnchen-3ya.example", "BÜCHER.example": "xn--bcher-kva.example", "ｅｘａｍｐｌｅ.org": "example.org", "straße.example": "xn--strae-oqa.example",
		"mygmail.com": "mygmail.com", "cs.example.ac.uk": "cs.example.ac.uk", "me.github.io": "me.github.io", "corp.internal": "corp.internal", "ada@example.net": "example.net",
	} {
		d, err := f.Add(acme, given)
		switch {
		case want == "" && (errs.KindOf(err) != errs.KindInvalid || !strings.Contains(fmt.Sprintf("%+v", fields(err)), "body.domain")):
			t.Errorf("%q: %v, %v", given, d.Domain, err)
		case want != "" && (err != nil || d.Domain != want):
			t.Errorf("%q: %q, %v, want %q", given, d.Domain, err, want)
		}
		if err == nil {
			if err := f.Remove(acme, d.ID); err != nil {
				t.Error(err)
			}
		}
	}
}

func fields(err error) []errs.Field {
	var e *errs.Error
	if errors.As(err, &e) {
		return e.Fields
	}
	return nil
}

func TestOnlyPlansWithTheFeatureHaveDomains(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	d := f.proved(acme, "acme.example")
	f.exec(`update control.tenant set tier = 'basic' where name = 'acme'`)
	poor := f.owner("poor", "basic")
	if found, allowed, err := f.List(poor); err != nil || allowed || len(found) != 0 {
		t.Errorf("%v, %v, %v", found, allowed, err)
	}
	if got := f.whose(directory.Question{Email: "ada@acme.example"}); got != "default" {
		t.Errorf("without the feature a domain leads to %s", got)
	}
	f.exec(`update control.tenant set tier = 'premium' where name = 'acme'`)
	if got := f.whose(directory.Question{Email: "ada@acme.example"}); got != "acme" {
		t.Errorf("with it again, to %s", got)
	}
	f.exec(`update control.tenant set tier = 'basic' where name = 'acme'`)
	if err := f.Remove(acme, d.ID); err != nil {
		t.Errorf("what does nothing can be removed: %v", err)
	}
}

func TestNobodyReachesAnothersDomain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme, evil := f.owner("acme", "standard"), f.owner("evil", "standard")
	d := f.proved(acme, "acme.example")
	if _, err := f.Check(evil, d.ID); !errors.Is(err, directory.ErrDomain) {
		t.Errorf("another's domain was checked: %v", err)
	}
	if err := f.Remove(evil, d.ID); !errors.Is(err, directory.ErrDomain) {
		t.Errorf("another's domain was removed: %v", err)
	}
	if found, _, err := f.List(evil); err != nil || len(found) != 0 {
		t.Errorf("another's domains are listed: %v, %v", found, err)
	}
	if _, err := f.Check(evil, uuid.New()); !errors.Is(err, directory.ErrDomain) {
		t.Errorf("no domain: %v", err)
	}
	for name, do := range map[string]func(context.Context) error{
		"add":    func(ctx context.Context) error { _, err := f.Add(ctx, "x.example"); return err },
		"list":   func(ctx context.Context) error { _, _, err := f.List(ctx); return err },
		"check":  func(ctx context.Context) error { _, err := f.Check(ctx, d.ID); return err },
		"remove": func(ctx context.Context) error { return f.Remove(ctx, d.ID) },
	} {
		if err := do(t.Context()); errs.KindOf(err) != errs.KindUnauthenticated {
			t.Errorf("%s without a scope: %v", name, err)
		}
	}
	if got := f.whose(directory.Question{Email: "ada@acme.example"}); got != "acme" {
		t.Errorf("it leads to %s", got)
	}
	if got := f.log(evil); len(got) != 0 {
		t.Errorf("evil's log: %q", got)
	}
}

func TestWhoProvesADomainFirstHasIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const rivals = 5
	var owners []context.Context
	var domains []directory.Domain
	tokens := []string{"v=spf1 -all"}
	for n := range rivals {
		owners = append(owners, f.owner(fmt.Sprintf("rival-%c", 'a'+n), "standard"))
		domains = append(domains, f.add(owners[n], "shared.example"))
		tokens = append(tokens, domains[n].Token)
	}
	if _, err := f.Add(owners[0], "shared.example"); !errors.Is(err, directory.ErrListed) {
		t.Errorf("twice in one list: %v", err)
	}
	f.zone.set("_cloudkida-challenge.shared.example", tokens...)
	results := make([]error, rivals)
	var all sync.WaitGroup
	for n := range rivals {
		all.Go(func() { _, results[n] = f.Check(owners[n], domains[n].ID) })
	}
	all.Wait()
	winner := -1
	for n, err := range results {
		switch {
		case err == nil && winner < 0:
			winner = n
		case err == nil:
			t.Errorf("rivals %d and %d have both proved it", winner, n)
		case !errors.Is(err, directory.ErrTaken):
			t.Errorf("rival %d: %v", n, err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody has proved it")
	}
	loser := (winner + 1) % rivals
	found, _, err := f.List(owners[loser])
	if err != nil || found[0].State != directory.Pending || found[0].Problem != directory.ErrTaken.Message {
		t.Errorf("the loser sees %+v, %v", found, err)
	}
	if got := f.log(owners[loser]); len(got) != 1 {
		t.Errorf("the loser's log: %q", got)
	}
	if err := f.Remove(owners[winner], domains[winner].ID); err != nil {
		t.Fatal(err)
	}
	f.check(owners[loser], domains[loser], directory.Proved)
	scope, _ := tenancy.From(owners[loser])
	if n, err := f.RemoveTenant(t.Context(), scope.Tenant); err != nil || n != 1 {
		t.Errorf("purged: %d, %v", n, err)
	}
	if got := f.whose(directory.Question{Email: "a@shared.example"}); got != "default" {
		t.Errorf("after the purge it leads to %s", got)
	}
}

func TestATenantHasABoundedNumberOfDomains(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	results := make([]error, directory.MaxDomains+8)
	var all sync.WaitGroup
	for n := range results {
		all.Go(func() { _, results[n] = f.Add(acme, fmt.Sprintf("d%d.example", n)) })
	}
	all.Wait()
	full := 0
	for _, err := range results {
		if errors.Is(err, directory.ErrFull) {
			full++
		} else if err != nil {
			t.Error(err)
		}
	}
	found, _, err := f.List(acme)
	if err != nil || len(found) != directory.MaxDomains || full != 8 {
		t.Errorf("%d domains, %d refused, %v", len(found), full, err)
	}
}

func TestADomainWhoseRecordIsGoneLosesItsProof(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	d := f.proved(acme, "acme.example")
	kept := f.proved(acme, "kept.example")
	recheck := func() {
		t.Helper()
		if err := f.Recheck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	is := func(id uuid.UUID, want directory.State, leadsTo string) {
		t.Helper()
		found, _, err := f.List(acme)
		n := slices.IndexFunc(found, func(d directory.Domain) bool { return d.ID == id })
		if err != nil || n < 0 || found[n].State != want {
			t.Fatalf("%+v, %v; want %s", found, err, want)
		}
		if got := f.whose(directory.Question{Email: "a@" + found[n].Domain}); got != leadsTo {
			t.Errorf("%s and it leads to %s", want, got)
		}
	}
	f.unpublish(d)
	f.zone.queries()
	f.clock.pass(day - time.Second)
	recheck()
	if asked := f.zone.queries(); len(asked) != 0 {
		t.Errorf("checked before a day was over: %q", asked)
	}
	f.clock.pass(time.Second)
	recheck()
	is(d.ID, directory.Failing, "acme")
	is(kept.ID, directory.Proved, "acme")
	for range 6 {
		f.clock.pass(day)
		recheck()
	}
	is(d.ID, directory.Failing, "acme")
	f.publish(d)
	f.check(acme, d, directory.Proved)
	f.unpublish(d)
	for range 8 {
		f.clock.pass(day)
		recheck()
	}
	is(d.ID, directory.Lost, "default")
	is(kept.ID, directory.Proved, "acme")
	f.zone.queries()
	f.clock.pass(day)
	recheck()
	if asked := f.zone.queries(); slices.Contains(asked, "_cloudkida-challenge.acme.example") {
		t.Error("a lost domain is still checked")
	}
	f.publish(d)
	f.check(acme, d, directory.Proved)
	is(d.ID, directory.Proved, "acme")
	var got []string
	for _, line := range f.log(acme) {
		if strings.Contains(line, "acme.example") {
			got = append(got, strings.TrimPrefix(strings.ReplaceAll(line, " acme.example", ""), "domain."))
		}
	}
	want := []string{"added by a person", "proved by a person", "failing", "proved by a person", "failing", "lost", "proved by a person"}
	if !slices.Equal(got, want) {
		t.Errorf("the log: %q, want %q", got, want)
	}
}

// A week without name servers can be a fault of the installation's own.
func TestSilentNameServersTakeAProofLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	d := f.proved(acme, "acme.example")
	f.zone.breakDown(true)
	state := func() directory.State {
		t.Helper()
		if err := f.Recheck(t.Context()); err != nil {
			t.Fatal(err)
		}
		found, _, err := f.List(acme)
		if err != nil || !strings.Contains(found[0].Problem, "did not answer") {
			t.Fatalf("%+v, %v", found, err)
		}
		return found[0].State
	}
	f.clock.pass(day)
	state()
	f.clock.pass(29 * day)
	if got := state(); got != directory.Failing {
		t.Errorf("after 29 days: %s", got)
	}
	f.clock.pass(day)
	if got := state(); got != directory.Lost {
		t.Errorf("after 30 days: %s", got)
	}
	f.zone.breakDown(false)
	f.check(acme, d, directory.Proved)
}

func TestNothingChangesWithoutAnEntryInTheLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	acme := f.owner("acme", "standard")
	d := f.add(acme, "acme.example")
	f.publish(d)
	f.logs.mu.Lock()
	f.logs.broken = true
	f.logs.mu.Unlock()
	if _, err := f.Add(acme, "other.example"); !errors.Is(err, errLog) {
		t.Errorf("added: %v", err)
	}
	if _, err := f.Check(acme, d.ID); !errors.Is(err, errLog) {
		t.Errorf("proved: %v", err)
	}
	if err := f.Remove(acme, d.ID); !errors.Is(err, errLog) {
		t.Errorf("removed: %v", err)
	}
	if found, _, err := f.List(acme); err != nil || len(found) != 1 || found[0].State != directory.Pending {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestChecksAreSlowedDownForEachTenant(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Limits.Check = throttle.Rule{Free: 2, First: time.Minute, Max: time.Hour, Forget: time.Hour}
	acme, other := f.owner("acme", "standard"), f.owner("other", "standard")
	mine, theirs := f.add(acme, "acme.example"), f.add(other, "other.example")
	for range 3 {
		f.check(acme, mine, directory.Pending)
	}
	f.zone.queries()
	if _, err := f.Check(acme, mine.ID); err == nil || !strings.Contains(err.Error(), "Wait 60 seconds") {
		t.Errorf("the fourth: %v", err)
	}
	if asked := f.zone.queries(); len(asked) != 0 {
		t.Errorf("DNS was asked all the same: %q", asked)
	}
	f.check(other, theirs, directory.Pending)
	f.clock.pass(time.Minute)
	f.check(acme, mine, directory.Pending)
}
