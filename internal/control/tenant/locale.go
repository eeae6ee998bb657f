package tenant

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// errLocale is the answer to a language that the program does not have.
var errLocale = errs.Invalid("no_such_language", "There are no texts in this language; see errors.")

// Language is one that the program speaks.
type Language struct {
	Tag  string `json:"tag" example:"hi"`
	Name string `json:"name" example:"हिन्दी" doc:"What it calls itself"`
}

// LocaleView is the language of an organisation.
type LocaleView struct {
	Locale    string     `json:"locale" doc:"Tag of the organisation's own choice; empty: the installation's"`
	Default   string     `json:"default" doc:"Tag of the installation's language"`
	Languages []Language `json:"languages" nullable:"false" doc:"Those that there are"`
}

// LocaleSetting is what changes in the log when an organisation chooses a language.
type LocaleSetting struct {
	Locale string `json:"locale"`
}

// LocaleAPI serves the language of letters and sign-in pages for people of whom none is known.
type LocaleAPI struct {
	*Service
	Languages []Language
	Default   string
	// Record adds an entry about the change to the tenant's own audit log.
	Record func(ctx context.Context, tenant uuid.UUID, e audit.Entry) error
}

type localeInput struct {
	Body struct {
		Locale string `json:"locale" maxLength:"35" example:"hi" doc:"Tag of a language that there is; empty: the installation's"`
	}
}

// Register adds the routes.
func (a *LocaleAPI) Register(api huma.API, read, write tenancy.Permission) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/tenant/locale", "get-locale", read, "The organisation's language, for people of whom none is known", "tenant"),
		func(ctx context.Context, _ *struct{}) (*output[LocaleView], error) {
			t, err := a.own(ctx)
			if err != nil {
				return nil, err
			}
			locale, err := a.locale(ctx, a.Pool, t.ID, "")
			return &output[LocaleView]{a.view(locale)}, err
		})
	huma.Register(api, httpx.Operation(http.MethodPut, "/v1/tenant/locale", "set-locale", write, "Choose the organisation's language", "tenant"),
		func(ctx context.Context, in *localeInput) (*output[LocaleView], error) {
			locale := strings.TrimSpace(in.Body.Locale)
			return &output[LocaleView]{a.view(locale)}, a.SetLocale(ctx, locale)
		})
}

func (a *LocaleAPI) view(locale string) LocaleView {
	return LocaleView{Locale: locale, Default: a.Default, Languages: a.Languages}
}

// SetLocale chooses the language of the caller's organisation.
func (a *LocaleAPI) SetLocale(ctx context.Context, locale string) error {
	t, err := a.own(ctx)
	if err != nil {
		return err
	}
	if locale != "" && !slices.ContainsFunc(a.Languages, func(l Language) bool { return l.Tag == locale }) {
		return errLocale.WithFields(errs.Field{Path: "body.locale", Message: "Choose one of: " + a.tags() + "."})
	}
	return pgx.BeginFunc(ctx, a.Pool, func(tx pgx.Tx) error {
		before, err := a.locale(ctx, tx, t.ID, " for update")
		if err != nil || before == locale {
			return err
		}
		if _, err := tx.Exec(ctx, `update control.tenant set locale = nullif($2, '') where id = $1`, t.ID, locale); err != nil {
			return fmt.Errorf("set the tenant's language: %w", err)
		}
		// The entry commits first: nothing changes without one.
		return a.Record(ctx, t.ID, audit.Entry{
			Action: "tenant.locale_changed", Target: t.ID.String(), Before: LocaleSetting{before}, After: LocaleSetting{locale},
		})
	})
}

func (a *LocaleAPI) tags() string {
	tags := make([]string, len(a.Languages))
	for n, l := range a.Languages {
		tags[n] = l.Tag
	}
	return strings.Join(tags, ", ")
}

type rower interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func (a *LocaleAPI) locale(ctx context.Context, q rower, tenant uuid.UUID, lock string) (locale string, err error) {
	if err := q.QueryRow(ctx, `select coalesce(locale, '') from control.tenant where id = $1`+lock, tenant).Scan(&locale); err != nil {
		return "", fmt.Errorf("read the tenant's language: %w", err)
	}
	return locale, nil
}
