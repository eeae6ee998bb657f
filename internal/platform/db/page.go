package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// maxRounds bounds how often a page reads on because the caller may not see what it read.
const maxRounds = 10

// Page is one page of a list. Last is the row to go on after, nil on the last page: where much is hidden from the caller
// it may be a hidden row, and the page shorter than wanted.
type Page[T any] struct {
	Rows []T
	Last *T
}

// Fill makes a page of at most want rows. read returns the rows after one, or the first ones, at most so many; refused
// tells of each whether the caller may see it, by an error or none.
func Fill[T any](want int, read func(after *T, limit int) ([]T, error), refused func([]T) ([]error, error)) (page Page[T], err error) {
	var last *T
	for range maxRounds {
		limit := want + 1
		rows, err := read(last, limit)
		if err != nil {
			return Page[T]{}, err
		}
		hidden, err := refused(rows)
		if err != nil {
			return Page[T]{}, err
		}
		for n := range rows {
			if len(hidden) > 0 && hidden[n] != nil {
				last = &rows[n]
				continue
			}
			if len(page.Rows) == want {
				page.Last = last
				return page, nil
			}
			page.Rows, last = append(page.Rows, rows[n]), &rows[n]
		}
		if len(rows) < limit {
			return page, nil
		}
	}
	page.Last = last
	return page, nil
}

// PageInTenant reads a page of rows that the caller has the permission for, as ReadInTenant does: query takes its place and
// limit from args.
func PageInTenant[T tenancy.Resource](ctx context.Context, d *DB, p tenancy.Permission, want int, query string, args func(after *T, limit int) pgx.NamedArgs, row pgx.RowToFunc[T]) (Page[T], error) {
	scope, err := d.scope(ctx, p)
	if err != nil {
		return Page[T]{}, err
	}
	if err := d.whole(ctx, p); err != nil {
		return Page[T]{}, err
	}
	read := func(after *T, limit int) (list []T, err error) {
		found, values, err := d.rewrites.of(ctx, query, args(after, limit))
		if err != nil {
			return nil, err
		}
		err = d.at(ctx, scope, func(pool *pgxpool.Pool, at place) error {
			list, err = readAt(ctx, pool, at, scope, found.sql, values, row)
			return err
		})
		return list, err
	}
	return Fill(want, read, func(rows []T) ([]error, error) { return Refused(ctx, d, p, rows) })
}

// Refused tells of each row whether the caller lacks the permission for it; nothing at all where they have it for all.
func Refused[T tenancy.Resource](ctx context.Context, d *DB, p tenancy.Permission, rows []T) ([]error, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	return d.decide(ctx, nil, p, resources(rows))
}

// Visible leaves of rows those that the caller has the permission for.
func Visible[T tenancy.Resource](ctx context.Context, d *DB, p tenancy.Permission, rows []T) ([]T, error) {
	refused, err := Refused(ctx, d, p, rows)
	return allowed(rows, refused), err
}
