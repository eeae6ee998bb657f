package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/fault"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Decide answers for each of some resources whether the scope in ctx has a permission for it: nil in its place, or the
// error for the caller. No errors at all: every one is allowed. tx is of the tenant, or nil where none is open.
type Decide func(ctx context.Context, tx pgx.Tx, p tenancy.Permission, of []tenancy.Resource) ([]error, error)

// errNotTenants says that a decision was asked for in a transaction of something else.
var errNotTenants = errs.Internal("decision_elsewhere", "We could not decide whether this is allowed.")

// errUndecided says that a transaction on tenant data asked for nothing.
var errUndecided = errs.Internal("undecided", "Nothing decided whether this is allowed, so it is not.")

// undecided is returned where a transaction would end without a decision: its Service has forgotten to ask.
func undecided(p tenancy.Permission) error {
	return errUndecided.Wrap(fmt.Errorf("a transaction with the permission %q asked for no decision: call db.Allow, or use InWholeTenant", p))
}

// Allow asks whether the caller has a permission for a resource that tx has loaded. It returns the error for the caller
// when not. Without such a question a transaction of InTenant or SnapshotInTenant fails.
func Allow(ctx context.Context, tx pgx.Tx, p tenancy.Permission, r tenancy.Resource) error {
	return first(ask(ctx, tx, p, []tenancy.Resource{r}))
}

// See is Allow for a resource that is not there for who may not see it: notFound is what they hear.
func See(ctx context.Context, tx pgx.Tx, p tenancy.Permission, r tenancy.Resource, notFound error) error {
	err := Allow(ctx, tx, p, r)
	if errs.KindOf(err) == errs.KindForbidden {
		return notFound
	}
	return err
}

// Among leaves of rows those for which the caller has the permission. It decides on the tenant as a whole first, so that
// an empty list is a decision, too.
func Among[T tenancy.Resource](ctx context.Context, tx pgx.Tx, p tenancy.Permission, rows []T) ([]T, error) {
	if err := Allow(ctx, tx, p, tenancy.Whole{}); err != nil || len(rows) == 0 {
		return nil, err
	}
	refused, err := ask(ctx, tx, p, resources(rows))
	return allowed(rows, refused), err
}

// Allow asks outside of a transaction: for what is not in the tenant's tables, and before one begins.
func (d *DB) Allow(ctx context.Context, p tenancy.Permission, r tenancy.Resource) error {
	if _, err := d.scope(ctx, p); err != nil {
		return err
	}
	return first(d.decide(ctx, nil, p, []tenancy.Resource{r}))
}

// InWholeTenant is InTenant for what concerns no single row, or whatever rows there are: it decides on the tenant as a whole.
func (d *DB) InWholeTenant(ctx context.Context, p tenancy.Permission, fn func(pgx.Tx) error) error {
	return d.InTenant(ctx, p, func(tx pgx.Tx) error {
		if err := Allow(ctx, tx, p, tenancy.Whole{}); err != nil {
			return err
		}
		return fn(tx)
	})
}

// whole decides on the tenant as a whole.
func (d *DB) whole(ctx context.Context, p tenancy.Permission) error {
	if d.Decide == nil {
		return nil
	}
	return first(d.decide(ctx, nil, p, []tenancy.Resource{tenancy.Whole{}}))
}

// first is the decision on one resource.
func first(refused []error, err error) error {
	if err != nil || len(refused) == 0 {
		return err
	}
	return refused[0]
}

func (d *DB) decide(ctx context.Context, tx pgx.Tx, p tenancy.Permission, of []tenancy.Resource) ([]error, error) {
	if d.Decide == nil || fault.On(fault.AllowAnything) {
		return nil, nil
	}
	return d.Decide(ctx, tx, p, of)
}

func ask(ctx context.Context, tx pgx.Tx, p tenancy.Permission, of []tenancy.Resource) ([]error, error) {
	in, ok := tx.(interface{ asked() *DB })
	if !ok {
		return nil, errNotTenants.Wrap(fmt.Errorf("decide on %q in a %T", p, tx))
	}
	return in.asked().decide(ctx, tx, p, of)
}

// asked notes that the transaction asks for a decision.
func (tx *tenantTx) asked() *DB {
	tx.decided = true
	return tx.data
}

func resources[T tenancy.Resource](rows []T) []tenancy.Resource {
	list := make([]tenancy.Resource, len(rows))
	for n, r := range rows {
		list[n] = r
	}
	return list
}

// allowed leaves those rows that were not refused.
func allowed[T any](rows []T, refused []error) []T {
	if len(refused) == 0 {
		return rows
	}
	left := rows[:0:0]
	for n, r := range rows {
		if refused[n] == nil {
			left = append(left, r)
		}
	}
	return left
}

// filter leaves of rows what the caller may see where the rows are resources.
func filter[T any](ctx context.Context, d *DB, p tenancy.Permission, rows []T) ([]T, error) {
	if len(rows) == 0 {
		return rows, nil
	}
	if _, ok := any(rows[0]).(tenancy.Resource); !ok || d.Decide == nil {
		return rows, nil
	}
	list := make([]tenancy.Resource, len(rows))
	for n, r := range rows {
		list[n], _ = any(r).(tenancy.Resource) // all rows are of one type
	}
	refused, err := d.decide(ctx, nil, p, list)
	return allowed(rows, refused), err
}
