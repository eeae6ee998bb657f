package factor

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/access"
	"github.com/cloudkida/cloudkida/internal/app/identity/setting"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Mine are one's own ways to sign in beside the password.
type Mine struct {
	Items         []Factor `json:"items" nullable:"false"`
	RecoveryCodes int      `json:"recoveryCodes" doc:"How many are not used yet"`
	Required      bool     `json:"required" doc:"Whether one must have a second step"`
	Page          string   `json:"page" format:"uri" doc:"Where one adds more: it needs the browser's own sign-in"`
}

// Codes are recovery codes, shown once.
type Codes struct {
	Codes []string `json:"codes" nullable:"false"`
}

// Settings say how people of an organisation sign in.
type Settings struct {
	Pool   string `json:"pool" doc:"Whose people and keys the sign-in has"`
	Shared bool   `json:"shared" doc:"Other organisations sign in here, too; operators alone change it"`
	MFA    Policy `json:"mfa"`
}

var errRoles = errs.Invalid("invalid_mfa", "Name roles with required_for, and only then.")

type mineOutput struct{ Body Mine }

type codesOutput struct{ Body Codes }

type settingsOutput struct{ Body Settings }

type policyInput struct{ Body Policy }

type poolInput struct {
	Pool string `path:"pool" maxLength:"40" doc:"Name of a user pool, such as default"`
}

type poolPolicyInput struct {
	Pool string `path:"pool" maxLength:"40" doc:"Name of a user pool, such as default"`
	Body Policy
}

const tag = "identity"

// Register adds the routes.
func (s *Service) Register(api huma.API) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/me/factors", "list-my-factors", httpx.SignedIn, "One's own ways to sign in beside the password", tag), s.mine)
	remove := httpx.Operation(http.MethodDelete, "/v1/me/factors/{id}", "remove-my-factor", httpx.SignedIn, "Remove one of them; needs a sign-in of the last 10 minutes", tag)
	remove.DefaultStatus = http.StatusNoContent
	remove.Errors = append(remove.Errors, http.StatusNotFound, http.StatusConflict)
	huma.Register(api, remove, func(ctx context.Context, in *struct {
		ID uuid.UUID `path:"id" format:"uuid" doc:"Of the list"`
	}) (*struct{}, error) {
		return nil, s.removeMine(ctx, in.ID)
	})
	renew := httpx.Operation(http.MethodPost, "/v1/me/factors/recovery-codes", "renew-recovery-codes", httpx.SignedIn, "Make new recovery codes, shown once; needs a sign-in of the last 10 minutes", tag)
	renew.Errors = append(renew.Errors, http.StatusConflict)
	huma.Register(api, renew, s.renew)
	reset := httpx.Operation(http.MethodPost, "/v1/operator/users/{id}/factors/reset", "reset-factors", policy.OperatorWrite, "Remove every factor of somebody who has lost them; their sign-ins end", "operator")
	reset.DefaultStatus = http.StatusNoContent
	reset.Errors = append(reset.Errors, http.StatusNotFound)
	huma.Register(api, reset, func(ctx context.Context, in *struct {
		ID uuid.UUID `path:"id" format:"uuid" doc:"The user's id"`
	}) (*struct{}, error) {
		return nil, s.operatorReset(ctx, in.ID)
	})
	s.registerSettings(api)
}

func (s *Service) registerSettings(api huma.API) {
	huma.Register(api, httpx.Operation(http.MethodGet, "/v1/sign-in-settings", "get-sign-in-settings", policy.TenantRead, "How the organisation's people sign in", tag),
		func(ctx context.Context, _ *struct{}) (*settingsOutput, error) {
			scope, _ := tenancy.From(ctx)
			return show(readSettings(ctx, s.DB, scope.Tenant))
		})
	put := httpx.Operation(http.MethodPut, "/v1/sign-in-settings", "put-sign-in-settings", policy.TenantWrite, "Say who of the organisation needs a second step; for organisations with a sign-in of their own", tag)
	put.Errors = append(put.Errors, http.StatusConflict)
	huma.Register(api, put, func(ctx context.Context, in *policyInput) (*settingsOutput, error) {
		scope, _ := tenancy.From(ctx)
		found, err := readSettings(ctx, s.DB, scope.Tenant)
		if err == nil && found.Shared {
			err = setting.ErrShared
		}
		if err != nil {
			return nil, err
		}
		return show(s.setPolicy(ctx, found.Pool, in.Body, func(tx pgx.Tx, e audit.Entry) error { return audit.OfTenant(ctx, tx, scope.Tenant, e) }))
	})
	get := httpx.Operation(http.MethodGet, "/v1/operator/pools/{pool}/factors", "get-pool-factors", policy.OperatorRead, "How the people of a user pool sign in", "operator")
	get.Errors = append(get.Errors, http.StatusNotFound)
	huma.Register(api, get, func(ctx context.Context, in *poolInput) (*settingsOutput, error) {
		return show(readPoolSettings(ctx, s.DB, in.Pool))
	})
	set := httpx.Operation(http.MethodPut, "/v1/operator/pools/{pool}/factors", "put-pool-factors", policy.OperatorWrite, "Say who of a user pool needs a second step", "operator")
	set.Errors = append(set.Errors, http.StatusNotFound)
	huma.Register(api, set, func(ctx context.Context, in *poolPolicyInput) (*settingsOutput, error) {
		return show(s.setPolicy(ctx, in.Pool, in.Body, func(tx pgx.Tx, e audit.Entry) error { return audit.Operated(ctx, tx, audit.Operation{Entry: e}) }))
	})
}

func show(found Settings, err error) (*settingsOutput, error) {
	if err != nil {
		return nil, err
	}
	return &settingsOutput{Body: found}, nil
}

// me is the caller, with the pool that they sign in with.
func (s *Service) me(ctx context.Context) (tenancy.Scope, access.Pool, error) {
	scope, _ := tenancy.From(ctx)
	pool, err := poolOf(ctx, s.DB, scope.User)
	return scope, pool, err
}

func (s *Service) mine(ctx context.Context, _ *struct{}) (*mineOutput, error) {
	scope, pool, err := s.me(ctx)
	if err != nil {
		return nil, err
	}
	list, err := s.List(ctx, scope.User)
	if err != nil {
		return nil, err
	}
	left, err := s.RecoveryCodesLeft(ctx, scope.User)
	if err != nil {
		return nil, err
	}
	d, err := readDemand(ctx, s.DB, pool.ID, scope.User)
	return &mineOutput{Body: Mine{Items: list, RecoveryCodes: left, Required: d.required, Page: s.Home[:len(s.Home)-1] + pool.Path() + "/factors"}}, err
}

func (s *Service) removeMine(ctx context.Context, id uuid.UUID) error {
	scope, pool, err := s.me(ctx)
	if err != nil {
		return err
	}
	if err := s.Fresh(ctx, freshTime); err != nil {
		return err
	}
	return s.Remove(ctx, pool, scope.User, id)
}

var errNoFactor = errs.Conflict("no_factor", "Recovery codes stand in for another way to sign in. Set one up first.")

func (s *Service) renew(ctx context.Context, _ *struct{}) (*codesOutput, error) {
	scope, _ := tenancy.From(ctx)
	if err := s.Fresh(ctx, freshTime); err != nil {
		return nil, err
	}
	list, err := s.List(ctx, scope.User)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errNoFactor
	}
	codes, err := s.NewRecoveryCodes(ctx, scope.User)
	return &codesOutput{Body: Codes{Codes: codes}}, err
}

func (s *Service) operatorReset(ctx context.Context, user uuid.UUID) error {
	scope, _ := tenancy.From(ctx)
	if err := s.Reset(ctx, user); err != nil {
		return err
	}
	s.Log.InfoContext(ctx, "an operator reset a user's factors", "operator", scope.User, "user", user, "request", scope.Request)
	return nil
}

func (s *Service) setPolicy(ctx context.Context, pool string, p Policy, record func(pgx.Tx, audit.Entry) error) (Settings, error) {
	slices.Sort(p.Roles)
	p.Roles = slices.Compact(p.Roles)
	if (p.Mode == RequiredFor) != (len(p.Roles) > 0) {
		return Settings{}, errRoles.WithFields(errs.Field{Path: "body.roles", Message: errRoles.Message})
	}
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		before, err := readPoolSettings(ctx, tx, pool)
		if err != nil {
			return err
		}
		if err := updatePolicy(ctx, tx, pool, p); err != nil {
			return err
		}
		return record(tx, audit.Entry{Action: "pool.second_step_changed", Target: pool, Before: before.MFA, After: p})
	})
	if err != nil {
		return Settings{}, err
	}
	scope, _ := tenancy.From(ctx)
	s.Log.InfoContext(ctx, "who needs a second step was changed", "pool", pool, "mode", p.Mode, "roles", p.Roles, "user", scope.User, "request", scope.Request)
	return readPoolSettings(ctx, s.DB, pool)
}
