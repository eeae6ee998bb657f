package server

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
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
	v := letter.Voice{Name: own.Title, Provider: provider.Title, Support: own.Support, Accent: own.Primary}
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

// letterAPI adds the routes about letters.
func (p *program) letterAPI(api huma.API) {
	languages := []tenant.Language{}
	if p.letters != nil {
		for _, l := range p.letters.Book.Locales() {
			languages = append(languages, tenant.Language{Tag: l.Tag(), Name: l.Name()})
		}
	}
	(&tenant.LocaleAPI{Service: p.tenants, Languages: languages, Default: cmp.Or(p.cfg.Locale, "en"), Record: tenantLog{p}.changed}).
		Register(api, policy.TenantRead, policy.TenantWrite)
}

// changed adds an entry with what differs to the log of the caller's organisation.
func (l tenantLog) changed(ctx context.Context, tenant uuid.UUID, action string, before, after any) error {
	return l.data.InWholeTenant(ctx, policy.TenantWrite, func(tx pgx.Tx) error {
		return audit.Changed(ctx, tx, action, tenant.String(), before, after)
	})
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
