// Package audit records changes to tenant data, each in the transaction of the change itself.
package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Record adds an audit entry: action such as "lab.published", target such as a lab's slug or a session's id, and
// details that hold no secret. Actor, tenant and request come from the scope.
func Record(ctx context.Context, tx pgx.Tx, action, target string, detail map[string]any) error {
	scope, _ := tenancy.From(ctx)
	if detail == nil {
		detail = map[string]any{}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("audit %s: %w", action, err)
	}
	var actor *uuid.UUID
	if scope.User != uuid.Nil {
		actor = &scope.User
	}
	_, err = tx.Exec(ctx, `insert into audit_entry (actor, action, target, detail, request)
		values (@actor, @action, @target, @detail, @request)`,
		pgx.NamedArgs{"actor": actor, "action": action, "target": target, "detail": text, "request": scope.Request})
	if err != nil {
		return fmt.Errorf("audit %s: %w", action, err)
	}
	return nil
}
