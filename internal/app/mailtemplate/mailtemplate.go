// Package mailtemplate is what organisations say themselves in letters: for each kind of letter and each language a subject,
// a text and HTML in place of the program's own. What they may say, and how it is filled in, is package letter's.
package mailtemplate

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/cache"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Feature is what an organisation's plan must have. What is there can always be seen, tried and given up.
const Feature = "mail-templates"

// maxVersions is how many versions of a template are kept.
const maxVersions = 10

// How long a template is remembered, and how many.
const (
	remembered    = 2 * time.Second
	maxRemembered = 64
)

// Template is what is said in one kind of letter in one language.
type Template struct {
	Kind, Locale string
	Own          letter.Source // empty parts are the program's
	Number       int64         // of the version that holds; 0: there never was one
	ChangedBy    *uuid.UUID
	ChangedAt    time.Time
}

// The errors that callers can tell apart.
var (
	ErrNotFound  = errs.NotFound("no_such_template", "There is no such letter that organisations can write, or not in this language. Load the list again.")
	ErrNoVersion = errs.NotFound("no_such_template_version", "The template has no such version. Load its history again.")
	ErrShared    = errs.Conflict("shared_letter", "People of several organisations get this letter: it is the installation's. Organisations with a user pool of their own write it themselves.")
	ErrPerson    = errs.Conflict("no_mailbox", "Only a person with an e-mail address can be sent a test. Sign in to the console.")

	errTemplate = errs.Invalid("invalid_template", "The letter cannot be like this; see errors.")
)

// Service keeps templates.
type Service struct {
	DB     *db.DB
	Letter *letter.Writer
	// OwnPool tells whether an organisation has a user pool of its own.
	OwnPool func(ctx context.Context, tenant uuid.UUID) (bool, error)
	// Entitled is nil where an organisation's plan has Feature.
	Entitled func(ctx context.Context, tenant uuid.UUID) error
	// Names gives the names of people, Address the e-mail address of one.
	Names   func(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error)
	Address func(ctx context.Context, user uuid.UUID) (string, error)
	// Deliver queues a message in a transaction of its own.
	Deliver  func(ctx context.Context, m mail.Message) error
	Throttle *throttle.Throttle
	recent   *cache.Cache[at, letter.Source]
}

// at is where a template is.
type at struct {
	tenant       uuid.UUID
	kind, locale string
}

// New completes a Service.
func New(s Service) *Service {
	s.recent = cache.New[at, letter.Source](maxRemembered, remembered, time.Now)
	return &s
}

// of finds the kind of a template that organisations can have.
func (s *Service) of(kind, locale string) (letter.Kind, error) {
	k, ok := letter.KindNamed(kind)
	if !ok || k.Author == letter.Program || !s.Letter.Book.Known(locale) {
		return letter.Kind{}, ErrNotFound
	}
	return k, nil
}

// writable is nil where the caller's organisation can write a kind of letter.
func (s *Service) writable(ctx context.Context, k letter.Kind) error {
	if k.Author != letter.PoolOwner {
		return nil
	}
	scope, _ := tenancy.From(ctx)
	own, err := s.OwnPool(ctx, scope.Tenant)
	if err == nil && !own {
		err = ErrShared
	}
	return err
}

// List returns the templates that the organisation has, by kind and language; what is not there is the program's.
func (s *Service) List(ctx context.Context) (found []Template, err error) {
	err = s.DB.InWholeTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error {
		found, err = list(ctx, tx)
		return err
	})
	return found, err
}

// Get returns one template.
func (s *Service) Get(ctx context.Context, kind, locale string) (t Template, err error) {
	if _, err := s.of(kind, locale); err != nil {
		return t, err
	}
	err = s.DB.InWholeTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error {
		t, err = newest(ctx, tx, kind, locale)
		return err
	})
	return t, err
}

// Versions returns what a template was, the newest first.
func (s *Service) Versions(ctx context.Context, kind, locale string) (found []Template, err error) {
	if _, err := s.of(kind, locale); err != nil {
		return nil, err
	}
	err = s.DB.InWholeTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error {
		found, err = versions(ctx, tx, kind, locale)
		return err
	})
	return found, err
}

// Save makes a source the newest version. It holds within two seconds, and at once in this process.
func (s *Service) Save(ctx context.Context, kind, locale string, own letter.Source) (Template, error) {
	k, err := s.of(kind, locale)
	if err != nil {
		return Template{}, err
	}
	own, err = s.checked(k, own)
	if err != nil {
		return Template{}, err
	}
	return s.change(ctx, k, locale, "mail_template.changed", func(context.Context, pgx.Tx) (letter.Source, error) { return own, nil })
}

// Restore makes an earlier version the newest. It is checked anew: the program may have learned since.
func (s *Service) Restore(ctx context.Context, kind, locale string, number int64) (Template, error) {
	k, err := s.of(kind, locale)
	if err != nil {
		return Template{}, err
	}
	return s.change(ctx, k, locale, "mail_template.restored", func(ctx context.Context, tx pgx.Tx) (letter.Source, error) {
		old, err := version(ctx, tx, kind, locale, number)
		if err != nil {
			return letter.Source{}, err
		}
		return s.checked(k, old.Own)
	})
}

// Reset gives a letter back to the program. Versions stay.
func (s *Service) Reset(ctx context.Context, kind, locale string) error {
	k, err := s.of(kind, locale)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, k, locale, "mail_template.reset", func(context.Context, pgx.Tx) (letter.Source, error) { return letter.Source{}, nil })
	return err
}

func (s *Service) checked(k letter.Kind, own letter.Source) (letter.Source, error) {
	own = own.Clean()
	if fields := own.Check(k); len(fields) > 0 {
		for n := range fields {
			fields[n].Path = "body." + fields[n].Path
		}
		return own, errTemplate.WithFields(fields...)
	}
	return own, nil
}

// told is what the log says of a template: the texts themselves are in its versions.
type told struct {
	Version   int64  `json:"version"`
	Subject   string `json:"subject"`
	TextBytes int    `json:"textBytes"`
	HTMLBytes int    `json:"htmlBytes"`
}

func (t Template) told() told {
	return told{Version: t.Number, Subject: t.Own.Subject, TextBytes: len(t.Own.Text), HTMLBytes: len(t.Own.HTML)}
}

// change adds a version with its entry in the log. What is the same as before adds none.
func (s *Service) change(ctx context.Context, k letter.Kind, locale, action string, next func(context.Context, pgx.Tx) (letter.Source, error)) (t Template, err error) {
	err = s.DB.InWholeTenant(ctx, policy.TenantWrite, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, k.Name, locale); err != nil {
			return err
		}
		before, err := newest(ctx, tx, k.Name, locale)
		if err != nil {
			return err
		}
		own, err := next(ctx, tx)
		if err != nil {
			return err
		}
		if t = before; own == before.Own {
			return nil
		}
		if !own.Empty() {
			if err := s.writable(ctx, k); err != nil {
				return err
			}
		}
		if t, err = add(ctx, tx, Template{Kind: k.Name, Locale: locale, Own: own, Number: before.Number + 1}); err != nil {
			return err
		}
		entry := audit.Entry{Action: action, Target: k.Name + "/" + locale, Before: before.told(), After: t.told()}
		if own.Empty() {
			entry.After = nil
		}
		return audit.Add(ctx, tx, entry)
	})
	scope, _ := tenancy.From(ctx)
	s.recent.Forget(func(a at) bool { return a.tenant == scope.Tenant })
	return t, err
}

// Own is what an organisation says in a kind of letter, for package letter. Without the feature it says nothing.
func (s *Service) Own(ctx context.Context, tenant uuid.UUID, kind, locale string) (letter.Source, error) {
	return s.recent.Get(at{tenant, kind, locale}, func() (own letter.Source, err error) {
		ctx := tenancy.System(ctx, tenant)
		err = s.DB.InWholeTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error {
			t, err := newest(ctx, tx, kind, locale)
			own = t.Own
			return err
		})
		if err != nil || own.Empty() {
			return own, err
		}
		if err := s.Entitled(ctx, tenant); errs.KindOf(err) == errs.KindForbidden {
			return letter.Source{}, nil
		} else if err != nil {
			return letter.Source{}, err
		}
		return own, nil
	})
}

// Preview fills a source in with samples, in the organisation's own look.
func (s *Service) Preview(ctx context.Context, kind, locale string, own letter.Source) (m mail.Message, err error) {
	k, err := s.of(kind, locale)
	if err != nil {
		return m, err
	}
	if own, err = s.checked(k, own); err != nil {
		return m, err
	}
	scope, ok := tenancy.From(ctx)
	if !ok {
		return m, db.ErrNoScope
	}
	var voice letter.Voice
	if voice, err = s.Letter.Voice(ctx, scope.Tenant); err != nil {
		return m, err
	}
	return s.Letter.Book.Write(k, s.Letter.Book.Locale(locale), own, voice, letter.Draft{
		Kind: k.Name, Tenant: scope.Tenant, To: "sample@example.com", Values: k.Samples(),
	})
}

// testRule bounds letters to oneself.
func testRule() throttle.Rule {
	return throttle.Rule{Free: 5, First: 30 * time.Second, Max: 10 * time.Minute, Forget: time.Hour}
}

// Test sends a source with samples in it to the caller, and to nobody else, and returns where it went.
func (s *Service) Test(ctx context.Context, kind, locale string, own letter.Source) (to string, err error) {
	scope, _ := tenancy.From(ctx)
	if scope.Kind != tenancy.Person {
		return "", ErrPerson
	}
	m, err := s.Preview(ctx, kind, locale, own)
	if err != nil {
		return "", err
	}
	if to, err = s.Address(ctx, scope.User); err != nil {
		return "", err
	}
	if !mail.ValidAddress(to) {
		return "", ErrPerson
	}
	if wait := s.Throttle.Try(throttle.Key{Name: "test mail " + scope.User.String(), Rule: testRule()}); wait > 0 {
		return "", httpx.Limited(wait)
	}
	m.To, m.Kind, m.Keep, m.About = to, "test."+kind, true, scope.User
	return to, s.Deliver(ctx, m)
}
