package mailtemplate

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const columns = "kind, locale, subject, text, html, number, changed_by, changed_at"

func scan(row pgx.CollectableRow) (t Template, err error) {
	err = row.Scan(&t.Kind, &t.Locale, &t.Own.Subject, &t.Own.Text, &t.Own.HTML, &t.Number, &t.ChangedBy, &t.ChangedAt)
	return t, err
}

// maxTemplates bounds the list: it is more than there are kinds and languages.
const maxTemplates = 500

// list reads the newest version of each template.
func list(ctx context.Context, tx pgx.Tx) ([]Template, error) {
	rows, err := tx.Query(ctx, `select distinct on (kind, locale) `+columns+` from mail_template order by kind, locale, number desc limit $1`, maxTemplates)
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	return pgx.CollectRows(rows, scan)
}

// newest reads the version that holds; one of number 0 where there never was any.
func newest(ctx context.Context, tx pgx.Tx, kind, locale string) (Template, error) {
	t, err := one(ctx, tx, `select `+columns+` from mail_template where kind = $1 and locale = $2 order by number desc limit 1`, kind, locale)
	if errors.Is(err, ErrNoVersion) {
		return Template{Kind: kind, Locale: locale}, nil
	}
	return t, err
}

func version(ctx context.Context, tx pgx.Tx, kind, locale string, number int64) (Template, error) {
	return one(ctx, tx, `select `+columns+` from mail_template where kind = $1 and locale = $2 and number = $3`, kind, locale, number)
}

func one(ctx context.Context, tx pgx.Tx, sql string, args ...any) (Template, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return Template{}, fmt.Errorf("read template: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return Template{}, ErrNoVersion
	}
	if err != nil {
		return Template{}, fmt.Errorf("read template: %w", err)
	}
	return t, nil
}

func versions(ctx context.Context, tx pgx.Tx, kind, locale string) ([]Template, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from mail_template where kind = $1 and locale = $2 order by number desc limit $3`, kind, locale, maxVersions)
	if err != nil {
		return nil, fmt.Errorf("list versions of a template: %w", err)
	}
	return pgx.CollectRows(rows, scan)
}

// lock lets versions of a template be added one after another.
func lock(ctx context.Context, tx pgx.Tx, kind, locale string) error {
	scope, _ := tenancy.From(ctx)
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('mail template ' || $1, 0))`, scope.Tenant.String()+" "+kind+" "+locale)
	if err != nil {
		return fmt.Errorf("lock template: %w", err)
	}
	return nil
}

// add keeps a new version and drops what is too old.
func add(ctx context.Context, tx pgx.Tx, t Template) (Template, error) {
	t, err := one(ctx, tx, `insert into mail_template (kind, locale, number, subject, text, html) values ($1, $2, $3, $4, $5, $6) returning `+columns,
		t.Kind, t.Locale, t.Number, t.Own.Subject, t.Own.Text, t.Own.HTML)
	if err != nil {
		return t, err
	}
	_, err = tx.Exec(ctx, `delete from mail_template where kind = $1 and locale = $2 and number <= $3`, t.Kind, t.Locale, t.Number-maxVersions)
	if err != nil {
		return t, fmt.Errorf("drop old versions of a template: %w", err)
	}
	return t, nil
}
