// Package audit records changes to tenant data, and what operators do to the installation, each in the transaction of the
// change itself. What is recorded holds no secret: names that may be of one are not written, whatever stands behind them.
package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Entry is what is recorded of a change; who made it and where the request came from is taken from the context.
type Entry struct {
	Action string // such as "lab.published"
	Target string // such as a lab's slug or a session's id
	Detail map[string]any
	// Before and After are the thing as it was and as it is, as anything that becomes a JSON object; nil for what was not
	// there. Only what differs is kept.
	Before, After any
}

// Record adds an entry without a difference.
func Record(ctx context.Context, tx pgx.Tx, action, target string, detail map[string]any) error {
	return Add(ctx, tx, Entry{Action: action, Target: target, Detail: detail})
}

// Changed adds an entry with what differs between before and after.
func Changed(ctx context.Context, tx pgx.Tx, action, target string, before, after any) error {
	return Add(ctx, tx, Entry{Action: action, Target: target, Before: before, After: after})
}

// Add adds an entry to the log of the tenant that tx is of.
func Add(ctx context.Context, tx pgx.Tx, e Entry) error {
	args, err := e.args(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		insert into audit_entry (actor, kind, action, target, detail, before, after, request, address)
		values (@actor, @kind, @action, @target, @detail, @before, @after, @request, @address)`, args)
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action, err)
	}
	return nil
}

// Operation is what an operator does to the installation, or to a tenant as a whole.
type Operation struct {
	Entry
	Tenant uuid.UUID // which it is about, if it is about one
	Reason string
}

// Operated adds an entry to the operators' log. tx is of the role control.
func Operated(ctx context.Context, tx pgx.Tx, o Operation) error {
	args, err := o.args(ctx)
	if err != nil {
		return err
	}
	if args["kind"] == string(tenancy.Person) {
		args["kind"] = string(tenancy.Operator)
	}
	args["tenant"], args["reason"] = optional(o.Tenant), o.Reason
	_, err = tx.Exec(ctx, `
		insert into control.audit_entry (actor, kind, action, target, tenant_id, reason, detail, before, after, request, address)
		values (@actor, @kind, @action, @target, @tenant, @reason, @detail, @before, @after, @request, @address)`, args)
	if err != nil {
		return fmt.Errorf("audit %s: %w", o.Action, err)
	}
	return nil
}

func (e Entry) args(ctx context.Context) (pgx.NamedArgs, error) {
	detail, err := document(e.Detail)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", e.Action, err)
	}
	if detail == nil {
		detail = map[string]any{}
	}
	before, after, err := difference(e.Before, e.After)
	if err != nil {
		return nil, fmt.Errorf("audit %s: %w", e.Action, err)
	}
	scope, _ := tenancy.From(ctx)
	origin := tenancy.OriginOf(ctx)
	return pgx.NamedArgs{
		"actor": optional(scope.User), "kind": string(scope.Actor()), "action": e.Action, "target": e.Target,
		"detail": text(detail), "before": text(before), "after": text(after), "request": origin.Request, "address": origin.Address,
	}, nil
}

func optional(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }

// text is a document as JSON; null for none.
func text(document map[string]any) []byte {
	if document == nil {
		return nil
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		panic("audit: what was JSON becomes JSON again: " + err.Error())
	}
	return encoded
}
