package server

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/mailtemplate"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

// openLetters makes the one way in which letters are written, and gives it to everybody who writes.
func (p *program) openLetters() error {
	book, err := letter.NewBook()
	if err != nil {
		return err
	}
	p.letters = &letter.Writer{Book: book, Mail: p.mail, Locale: p.cfg.Locale, Log: p.log, Voice: p.voice}
	p.identity.Factors.Send, p.identity.Proofs.Send = p.letters.Send, p.letters.Send
	return nil
}

// voice is how an organisation appears in its letters, or the provider for the zero id: by its brand, in its language.
func (p *program) voice(ctx context.Context, tenant uuid.UUID) (letter.Voice, error) {
	own, err := p.brands.Of(ctx, tenant)
	if err != nil {
		return letter.Voice{}, err
	}
	provider, err := p.brands.Of(ctx, uuid.Nil)
	if err != nil {
		return letter.Voice{}, err
	}
	v := letter.Voice{Name: own.Title, Provider: provider.Title, Support: own.Support, Accent: brand.NewPalette(own.Primary, own.Accent).Light.Fill}
	if path := own.Logo.Path(); path != "" {
		v.Logo = p.cfg.PublicURL + path
	}
	switch own.Logo.Plate {
	case brand.LightPlate:
		v.Ground = "#ffffff"
	case brand.DarkPlate:
		v.Ground = "#16181d"
	case brand.NoPlate:
	}
	if tenant == uuid.Nil {
		return v, nil
	}
	if err := p.pools.control.QueryRow(ctx, `select coalesce(locale, '') from control.tenant where id = $1`, tenant).Scan(&v.Locale); err != nil {
		return v, fmt.Errorf("read the language of a letter's sender: %w", err)
	}
	return v, nil
}

// openMailTemplates lets organisations write their letters themselves, and see what became of them.
func (p *program) openMailTemplates() {
	p.templates = mailtemplate.New(mailtemplate.Service{
		DB: p.data, Letter: p.letters, Names: p.names, Throttle: p.throttle("mail templates"),
		OwnPool: func(ctx context.Context, tenant uuid.UUID) (bool, error) {
			pool, _, err := p.identity.Provision.PoolOf(ctx, tenant)
			return pool != identity.DefaultPool, err
		},
		Entitled: func(ctx context.Context, tenant uuid.UUID) error {
			return p.tiers.Entitled(ctx, tenant, tier.MailTemplates)
		},
		Address: func(ctx context.Context, user uuid.UUID) (string, error) {
			found, err := p.identity.People.Emails(ctx, []uuid.UUID{user})
			return found[user], err
		},
		Deliver: func(ctx context.Context, m mail.Message) error {
			return pgx.BeginFunc(ctx, p.pools.control, func(tx pgx.Tx) error { return p.mail.Send(ctx, tx, m) })
		},
	})
	p.letters.Own = p.templates.Own
	p.invitations.Deliveries, p.members.Bounced = p.mail.Deliveries, p.mail.Bounced
}

// letterAPI adds the routes about letters.
func (p *program) letterAPI(api huma.API) {
	languages := []tenant.Language{}
	if p.letters != nil {
		for _, l := range p.letters.Book.Locales() {
			languages = append(languages, tenant.Language{Tag: l.Tag(), Name: l.Name()})
		}
	}
	(&tenant.LocaleAPI{Service: p.tenants, Languages: languages, Default: cmp.Or(p.cfg.Locale, "en"), Record: tenantLog{p}.Record}).
		Register(api, policy.TenantRead, policy.TenantWrite)
	p.templates.Register(api)
	(&mail.OwnAPI{Service: p.mail, Throttle: p.throttle("own mail"), Record: tenantLog{p}.Record}).
		Register(api, policy.TenantRead, policy.TenantWrite)
}

// checkLocale refuses a language that there are no letters in.
func checkLocale(tag string) []error {
	book, err := letter.NewBook()
	if err != nil {
		return []error{err}
	}
	if tag == "" || book.Known(tag) {
		return nil
	}
	var tags []string
	for _, l := range book.Locales() {
		tags = append(tags, l.Tag())
	}
	return []error{fmt.Errorf("--locale %q: want one of %s", tag, strings.Join(tags, ", "))}
}
