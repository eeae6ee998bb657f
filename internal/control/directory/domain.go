package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// State is how far a domain's proof is.
type State string

// The states. A failing domain is proved still; a lost one can be proved again.
const (
	Pending State = "pending" // never proved
	Proved  State = "proved"
	Failing State = "failing" // was not found at the last checks
	Lost    State = "lost"    // failed for too long
)

// Domain is an e-mail domain of a tenant.
type Domain struct {
	ID           uuid.UUID
	Tenant       uuid.UUID
	Domain       string // in ASCII
	Token        string // what the record must say
	State        State
	Problem      string // of the last check
	CreatedAt    time.Time
	CheckedAt    *time.Time
	ProvedAt     *time.Time // while it is proved
	FailingSince *time.Time
}

// MaxDomains is how many a tenant may have.
const MaxDomains = 20

// Times and bounds of checks.
const (
	checkTime    = 5 * time.Second     // for DNS to answer
	checkEvery   = 24 * time.Hour      // a proved domain is checked
	failingMost  = 7 * 24 * time.Hour  // without its record a domain keeps the proof for so long
	silentMost   = 30 * 24 * time.Hour // and for so long where name servers do not answer: it can be our own that is away
	changeTime   = 30 * time.Second    // for one change, its entry in the tenant's log included
	recheckBatch = 100
	recheckMost  = 8 // at once
	// Each change holds a connection while the tenant's log may need another one of the same pool.
	maxChanges = 4
)

// Errors of domains.
var (
	ErrDomain = errs.NotFound("no_such_domain", "There is no such domain.")
	ErrTaken  = errs.Conflict("domain_taken", "Another organisation has proved this domain. If it should be yours, ask the operator of this installation.")
	ErrListed = errs.Conflict("domain_listed", "This domain is in your list already.")
	ErrFull   = errs.Conflict("too_many_domains", fmt.Sprintf("An organisation can have %d domains. Remove one first.", MaxDomains))
)

// plans are the titles of the plans that have e-mail domains.
func (s *Service) plans(ctx context.Context) (titles []string, err error) {
	tiers, err := s.Tiers.List(ctx, true)
	for _, t := range tiers {
		if slices.Contains(t.Features, tier.EmailDomains) {
			titles = append(titles, t.Title)
		}
	}
	return titles, err
}

// mine is the tenant of ctx and whether its plan has e-mail domains.
func (s *Service) mine(ctx context.Context) (tenant uuid.UUID, allowed bool, err error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return uuid.Nil, false, gateway.ErrSignIn
	}
	plan, err := s.Tiers.Of(ctx, scope.Tenant)
	return scope.Tenant, plan.Allows(tier.EmailDomains), err
}

// change runs fn in a transaction of few at a time.
func (s *Service) change(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	select {
	case s.changes <- struct{}{}:
		defer func() { <-s.changes }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return fn(ctx, tx) })
}

// Add adds a domain to the tenant's list. That another tenant has it is told to whoever proves it, not to everybody.
func (s *Service) Add(ctx context.Context, given string) (d Domain, err error) {
	d.Tenant, _, err = s.mine(ctx)
	if err != nil {
		return d, err
	}
	if d.Domain, err = cleanDomain(given); err != nil {
		return d, err
	}
	d.Token, d.State, d.CreatedAt = "cloudkida-verification="+rand.Text(), Pending, s.Now() // 130 bits
	err = s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := lockTenant(ctx, tx, d.Tenant); err != nil {
			return err
		}
		have, err := count(ctx, tx, d.Tenant)
		if err != nil {
			return err
		}
		if have >= MaxDomains {
			return ErrFull
		}
		if d.ID, err = insert(ctx, tx, d); err != nil {
			return err
		}
		return s.Log.Record(ctx, d.Tenant, audit.Entry{Action: "domain.added", Target: d.Domain, After: map[string]any{"state": d.State}})
	})
	return d, err
}

// Remove removes a domain of the tenant.
func (s *Service) Remove(ctx context.Context, id uuid.UUID) error {
	tenant, _, err := s.mine(ctx)
	if err != nil {
		return err
	}
	err = s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		d, err := remove(ctx, tx, tenant, id)
		if err != nil {
			return err
		}
		if err := notify.Send(ctx, tx, notify.TopicTenant, tenant.String()); err != nil {
			return err
		}
		return s.Log.Record(ctx, tenant, audit.Entry{Action: "domain.removed", Target: d.Domain, Before: map[string]any{"state": d.State}})
	})
	s.Forget()
	return err
}

// List returns the tenant's domains in the order of the alphabet.
func (s *Service) List(ctx context.Context) (found []Domain, allowed bool, err error) {
	tenant, allowed, err := s.mine(ctx)
	if err != nil {
		return nil, false, err
	}
	found, err = s.list(ctx, tenant)
	return found, allowed, err
}

// Proved are the domains that a tenant has proved to be its own, if its plan has them.
func (s *Service) Proved(ctx context.Context, tenant uuid.UUID) (names []string, err error) {
	plan, err := s.Tiers.Of(ctx, tenant)
	if err != nil || !plan.Allows(tier.EmailDomains) {
		return nil, err
	}
	found, err := s.list(ctx, tenant)
	for _, d := range found {
		if d.ProvedAt != nil {
			names = append(names, d.Domain)
		}
	}
	return names, err
}

// Check asks DNS for the record of one of the tenant's domains, now.
func (s *Service) Check(ctx context.Context, id uuid.UUID) (Domain, error) {
	tenant, _, err := s.mine(ctx)
	if err != nil {
		return Domain{}, err
	}
	d, err := s.get(ctx, tenant, id)
	if err != nil {
		return d, err
	}
	if wait := s.Throttle.Try(
		throttle.Key{Name: "check " + tenant.String(), Rule: s.Limits.Check},
		throttle.Key{Name: "check", Rule: s.Limits.Checks},
	); wait > 0 {
		return d, httpx.Limited(wait)
	}
	return s.settle(ctx, d, s.ask(ctx, d))
}

// found is what DNS said.
type found struct {
	proved  bool
	silent  bool // it said nothing
	problem string
}

// ask asks DNS.
func (s *Service) ask(ctx context.Context, d Domain) found {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	name := recordName(d.Domain)
	records, err := s.Resolver.LookupTXT(ctx, name+".") // with the dot nothing is searched elsewhere
	var none *net.DNSError
	switch {
	case slices.ContainsFunc(records, func(text string) bool { return strings.TrimSpace(text) == d.Token }):
		return found{proved: true}
	case errors.As(err, &none) && none.IsNotFound:
		return found{problem: "There is no TXT record at " + name + ". New records can take an hour to be seen everywhere."}
	case err != nil:
		return found{silent: true, problem: "The name servers of " + d.Domain + " did not answer. Try again in a few minutes."}
	default:
		return found{problem: fmt.Sprintf("Another text is at %s (%d TXT records). Copy the value once more, without quotation marks.", name, len(records))}
	}
}

// after is the domain after a check.
func (d Domain) after(f found, now time.Time) Domain {
	d.CheckedAt, d.Problem = &now, f.problem
	grace := failingMost
	if f.silent {
		grace = silentMost
	}
	switch {
	case f.proved:
		if d.ProvedAt == nil {
			d.ProvedAt = &now
		}
		d.State, d.FailingSince = Proved, nil
	case d.State == Proved:
		d.State, d.FailingSince = Failing, &now
	case d.State == Failing && now.Sub(*d.FailingSince) >= grace:
		d.State, d.ProvedAt, d.FailingSince = Lost, nil, nil
	}
	return d
}

// settle takes note of what DNS said.
func (s *Service) settle(ctx context.Context, d Domain, f found) (after Domain, err error) {
	err = s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		before, err := lock(ctx, tx, d.Tenant, d.ID)
		if err != nil {
			return err
		}
		now := s.Now()
		after = before.after(f, now)
		if err := update(ctx, tx, after, now.Add(checkEvery)); err != nil || after.State == before.State {
			return err
		}
		if err := notify.Send(ctx, tx, notify.TopicTenant, d.Tenant.String()); err != nil {
			return err
		}
		return s.Log.Record(ctx, d.Tenant, audit.Entry{
			Action: "domain." + string(after.State), Target: d.Domain, Detail: map[string]any{"problem": f.problem},
			Before: map[string]any{"state": before.State}, After: map[string]any{"state": after.State},
		})
	})
	if errors.Is(err, ErrTaken) {
		return d, errors.Join(err, s.noteTaken(ctx, d))
	}
	s.Forget()
	return after, err
}

// noteTaken shows in the list why a domain with the right record is not proved.
func (s *Service) noteTaken(ctx context.Context, d Domain) error {
	return s.change(ctx, func(ctx context.Context, tx pgx.Tx) error {
		d, err := lock(ctx, tx, d.Tenant, d.ID)
		if err != nil {
			return err
		}
		now := s.Now()
		d.CheckedAt, d.Problem = &now, ErrTaken.Message
		return update(ctx, tx, d, now.Add(checkEvery))
	})
}

// Recheck checks the proved domains that nobody has checked for a day.
func (s *Service) Recheck(ctx context.Context) error {
	var failed []error
	for {
		due, err := s.claim(ctx, s.Now(), recheckBatch)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		results := make([]error, len(due))
		var group errgroup.Group
		group.SetLimit(recheckMost)
		for n, d := range due {
			group.Go(func() error {
				_, err := s.settle(ctx, d, s.ask(ctx, d))
				if !errors.Is(err, ErrDomain) { // removed meanwhile
					results[n] = err
				}
				return nil
			})
		}
		_ = group.Wait() // results has the errors
		failed = append(failed, errors.Join(results...))
		if len(due) < recheckBatch || ctx.Err() != nil {
			return errors.Join(failed...)
		}
	}
}
