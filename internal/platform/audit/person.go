package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// executor is a transaction or a pool of the role identity.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// OfPerson records what happened to a person's account, for the log of every organisation that they are a member of. tx is of
// the role identity, and the transaction of the change: a Relay brings the entry on.
func OfPerson(ctx context.Context, tx executor, user uuid.UUID, e Entry) error {
	return addEvent(ctx, tx, uuid.NullUUID{UUID: user, Valid: true}, uuid.NullUUID{}, user, e)
}

// OfTenant records a change that identity made for one organisation, for its log; otherwise it is as OfPerson.
func OfTenant(ctx context.Context, tx executor, tenant uuid.UUID, e Entry) error {
	return addEvent(ctx, tx, uuid.NullUUID{}, uuid.NullUUID{UUID: tenant, Valid: true}, uuid.Nil, e)
}

func addEvent(ctx context.Context, tx executor, user, tenant uuid.NullUUID, self uuid.UUID, e Entry) error {
	args, err := e.args(ctx)
	if err != nil {
		return err
	}
	scope, _ := tenancy.From(ctx)
	switch {
	case scope.User == uuid.Nil && self != uuid.Nil && scope.Role == "": // on the sign-in pages people are themselves
		args["actor"], args["kind"] = self, string(tenancy.Person)
	case scope.Operator && scope.User != self:
		args["kind"] = string(tenancy.Operator)
	}
	args["user"], args["tenant"] = user, tenant
	_, err = tx.Exec(ctx, `
		insert into identity.audit_event (user_id, tenant_id, actor, kind, action, target, detail, before, after, request, address)
		values (@user, @tenant, @actor, @kind, @action, @target, @detail, @before, @after, @request, @address)`, args)
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	return nil
}

// Relay brings what happened to people's accounts into the logs of their organisations.
type Relay struct {
	Identity *pgxpool.Pool // of the role identity
	DB       *db.DB
	System   tenancy.Permission // of the program itself
	Log      *slog.Logger
}

// Bounds of the relay's work.
const (
	relayEvery  = time.Second
	relayMost   = 200
	relayTime   = time.Minute
	relayAgain  = 30 * time.Second
	maxTenants  = 100                 // of one person
	relayGiveUp = "interval '7 days'" // a log that cannot be written for that long is of a tenant that is gone
)

// Run relays every second until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	for {
		if err := r.Round(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "relay audit entries", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// event is a row that waits.
type event struct {
	ID                   uuid.NullUUID
	At                   time.Time
	Actor                uuid.NullUUID
	Kind, Action, Target string
	Detail               []byte
	Before, After        []byte
	Request, Address     string
	Tenants              []uuid.UUID
}

// Round brings on what is there now. Several processes may do it: a row is one's at a time, and an entry that is there already
// is not added again.
func (r *Relay) Round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	for {
		n := 0
		err := pgx.BeginFunc(ctx, r.Identity, func(tx pgx.Tx) (err error) {
			n, err = r.some(ctx, tx)
			return err
		})
		if err != nil || n < relayMost {
			return err
		}
	}
}

func (r *Relay) some(ctx context.Context, tx pgx.Tx) (int, error) {
	rows, err := tx.Query(ctx, `
		select e.id, e.at, e.actor, e.kind, e.action, e.target, e.detail, e.before, e.after, e.request, e.address,
			case when e.tenant_id is not null then array[e.tenant_id] else array(
				select m.tenant_id from identity.membership m where m.user_id = e.user_id and m.status <> 'removed' order by m.tenant_id limit $2) end
		from identity.audit_event e where e.not_before <= now() order by e.not_before, e.id limit $1 for update of e skip locked`, relayMost, maxTenants)
	if err != nil {
		return 0, fmt.Errorf("read what happened to accounts: %w", err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e event, err error) {
		err = row.Scan(&e.ID, &e.At, &e.Actor, &e.Kind, &e.Action, &e.Target, &e.Detail, &e.Before, &e.After, &e.Request, &e.Address, &e.Tenants)
		return e, err
	})
	if err != nil {
		return 0, fmt.Errorf("read what happened to accounts: %w", err)
	}
	var done, later []uuid.UUID
	for _, e := range list {
		if err := r.deliver(ctx, e); err != nil {
			r.Log.WarnContext(ctx, "bring an audit entry to its organisation", "action", e.Action, "error", err)
			later = append(later, e.ID.UUID)
		} else {
			done = append(done, e.ID.UUID)
		}
	}
	if len(list) == 0 {
		return 0, nil
	}
	batch := &pgx.Batch{}
	batch.Queue(`delete from identity.audit_event where id = any ($1) or id = any ($2) and at < now() - `+relayGiveUp, done, later)
	batch.Queue(`update identity.audit_event set not_before = now() + $2 where id = any ($1)`, later, relayAgain)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return 0, fmt.Errorf("mark what was brought on: %w", err)
	}
	return len(list), nil
}

// deliver adds an entry to the log of every organisation. One that is gone has none.
func (r *Relay) deliver(ctx context.Context, e event) error {
	var all error
	for _, tenant := range e.Tenants {
		err := r.DB.InWholeTenant(tenancy.System(ctx, tenant), r.System, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `
				insert into audit_entry (id, at, actor, kind, action, target, detail, before, after, request, address)
				values (@id, @at, @actor, @kind, @action, @target, @detail, @before, @after, @request, @address) on conflict do nothing`, pgx.NamedArgs{
				"id": e.ID, "at": e.At, "actor": e.Actor, "kind": e.Kind, "action": e.Action, "target": e.Target, "detail": e.Detail,
				"before": e.Before, "after": e.After, "request": e.Request, "address": e.Address,
			})
			return err
		})
		if errors.Is(err, db.ErrNoTenant) || errs.KindOf(err) == errs.KindNotFound {
			err = nil
		}
		all = errors.Join(all, err)
	}
	return all
}
