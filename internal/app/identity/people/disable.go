package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/browser"
	"github.com/cloudkida/cloudkida/internal/app/identity/onetime"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/gateway"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

var errOwnAccount = errs.Conflict("own_account", "You cannot disable your own account. Ask another operator.")

// Register adds the routes with which an operator shuts a person out of the installation.
func (s *Service) Register(api huma.API) {
	type input struct {
		ID uuid.UUID `path:"id" format:"uuid"`
	}
	disable := httpx.Operation(http.MethodPost, "/v1/operator/users/{id}/disable", "disable-user", policy.OperatorWrite,
		"Refuse a user in every organisation, and end all that they are signed in to", "operator")
	disable.DefaultStatus = http.StatusNoContent
	huma.Register(api, disable, func(ctx context.Context, in *input) (*struct{}, error) {
		return nil, s.setDisabled(ctx, in.ID, true)
	})
	enable := httpx.Operation(http.MethodPost, "/v1/operator/users/{id}/enable", "enable-user", policy.OperatorWrite,
		"Let a disabled user in again", "operator")
	enable.DefaultStatus = http.StatusNoContent
	huma.Register(api, enable, func(ctx context.Context, in *input) (*struct{}, error) {
		return nil, s.setDisabled(ctx, in.ID, false)
	})
}

// setDisabled shuts a person out of every tenant of their pool, or lets them in again. What they were signed in to has
// ended: whoever is let in signs in anew. A trigger tells every process.
func (s *Service) setDisabled(ctx context.Context, user uuid.UUID, disabled bool) error {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return gateway.ErrSignIn
	}
	if disabled && scope.User == user {
		return errOwnAccount
	}
	if err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error { return s.disable(ctx, tx, scope.User, user, disabled) }); err != nil {
		return err
	}
	s.Forget(user)
	s.Log.InfoContext(ctx, "an operator changed who may sign in", "operator", scope.User, "user", user, "disabled", disabled, "request", scope.Request)
	return nil
}

func (s *Service) disable(ctx context.Context, tx pgx.Tx, by, user uuid.UUID, disabled bool) error {
	var operator bool
	err := tx.QueryRow(ctx, `select operator from identity."user" where id = $1`, user).Scan(&operator)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNone
	}
	if err == nil && operator {
		err = stillIn(ctx, tx, by)
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		update identity."user" set disabled_at = case when $2 then coalesce(disabled_at, $3) end, updated_at = $3 where id = $1`, user, disabled, s.Now())
	if err != nil {
		return fmt.Errorf("disable user: %w", err)
	}
	e := audit.Entry{Action: "person.enabled", Target: user.String()}
	if disabled {
		e.Action = "person.disabled"
	}
	if err := errors.Join(audit.OfPerson(ctx, tx, user, e), audit.Operated(ctx, tx, audit.Operation{Entry: e})); err != nil {
		return err
	}
	if !disabled {
		return nil
	}
	if err := onetime.Drop(ctx, tx, uuid.NullUUID{UUID: user, Valid: true}); err != nil {
		return err
	}
	return browser.EndAll(ctx, tx, user, uuid.Nil)
}

// stillIn has changes of operators wait for each other, and refuses one by an operator who was disabled meanwhile: two
// who disable each other at once would leave none.
func stillIn(ctx context.Context, tx pgx.Tx, operator uuid.UUID) error {
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('identity: operators', 0))`); err != nil {
		return fmt.Errorf("lock operators: %w", err)
	}
	var in bool
	if err := tx.QueryRow(ctx, `select disabled_at is null from identity."user" where id = $1`, operator).Scan(&in); err != nil {
		return fmt.Errorf("read operator: %w", err)
	}
	if !in {
		return errOwnAccount
	}
	return nil
}
