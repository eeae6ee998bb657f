// Package member is who belongs to a tenant, and as what. People are identity's; a tenant sees those of its own members
// alone, and its administrators change their roles or remove them.
//
// A membership is a row of identity and its audit entry a row of the tenant: two database roles, so two transactions. The
// entry commits first, inside of the open change: no membership ever changes without an entry in the tenant's log. What is
// left is a crash between the two commits, after which the log has an entry of a change that did not happen.
package member

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Member is one person in a tenant.
type Member struct {
	ID       uuid.UUID    `json:"id" doc:"The user"`
	Email    string       `json:"email"`
	Name     string       `json:"name"`
	Role     tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner"`
	Disabled bool         `json:"disabled" doc:"Whether the operator has disabled the account: it cannot sign in anywhere"`
	JoinedAt time.Time    `json:"joinedAt"`
}

// Service lists and changes the members of the caller's tenant.
type Service struct {
	Identity *pgxpool.Pool        // of the role identity
	DB       *db.DB               // the tenant's data: its audit log
	Forget   func(user uuid.UUID) // drops what this process remembers; the others hear of it by a hint
}

// The errors that callers can tell apart.
var (
	ErrNotFound  = errs.NotFound("no_such_member", "There is no such member in this organisation. The person may have left; load the list again.")
	ErrAbove     = errs.Forbidden("role_above_own", "You cannot give or take away a role above your own. Ask an owner.")
	ErrLastOwner = errs.Conflict("last_owner", "This is the last owner, and an organisation needs one. Make somebody else an owner first.")

	errRole    = errs.Invalid("unknown_role", "There is no such role; see errors.").WithFields(errs.Field{Path: "body.role", Message: "must be owner, admin, author, instructor or learner"})
	errNoScope = errs.Unauthenticated("sign_in_required", "Sign in to continue.")
)

// rank orders the roles; 0 is none.
func rank(r tenancy.Role) int {
	switch r {
	case tenancy.RoleOwner:
		return 5
	case tenancy.RoleAdmin:
		return 4
	case tenancy.RoleAuthor:
		return 3
	case tenancy.RoleInstructor:
		return 2
	case tenancy.RoleLearner:
		return 1
	default:
		return 0
	}
}

// List returns members whose address starts with the text or whose name contains it, the latest account first.
func (s *Service) List(ctx context.Context, f Filter) (found []Member, err error) {
	err = s.read(ctx, func(tx pgx.Tx, tenant uuid.UUID) error {
		found, err = list(ctx, tx, tenant, f)
		return err
	})
	return found, err
}

// SetRole gives a member another role.
func (s *Service) SetRole(ctx context.Context, user uuid.UUID, role tenancy.Role) (m Member, err error) {
	if rank(role) == 0 {
		return Member{}, errRole
	}
	err = s.change(ctx, user, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role, now Member) error {
		m = now
		m.Role = role
		if now.Role == role {
			return nil
		}
		if rank(role) > rank(own) {
			return ErrAbove
		}
		if err := updateRole(ctx, tx, scope.Tenant, user, role); err != nil {
			return err
		}
		return s.record(ctx, tx, now, "member.role_changed", map[string]any{"from": now.Role, "to": role})
	})
	return m, err
}

// Remove takes a member out of the tenant. Their sign-ins to it end; the account stays theirs, as does what they did.
func (s *Service) Remove(ctx context.Context, user uuid.UUID) error {
	return s.change(ctx, user, func(tx pgx.Tx, scope tenancy.Scope, _ tenancy.Role, now Member) error {
		if err := remove(ctx, tx, scope.Tenant, user); err != nil {
			return err
		}
		return s.record(ctx, tx, now, "member.removed", map[string]any{"role": now.Role})
	})
}

// change runs fn on a member whom the caller may change, one change of the tenant's members at a time. The caller's role
// is read again: what the request began with may be two seconds old.
func (s *Service) change(ctx context.Context, user uuid.UUID, fn func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role, now Member) error) error {
	scope, err := s.scope(ctx, policy.MemberWrite)
	if err != nil {
		return err
	}
	err = s.inTenant(ctx, scope.Tenant, func(tx pgx.Tx) error {
		if err := lock(ctx, tx, scope.Tenant); err != nil {
			return err
		}
		own, err := get(ctx, tx, scope.Tenant, scope.User)
		if err != nil {
			return err
		}
		if err := policy.Authorize(tenancy.With(ctx, tenancy.Scope{Tenant: scope.Tenant, User: scope.User, Role: own.Role}), policy.MemberWrite); err != nil {
			return err
		}
		now, err := get(ctx, tx, scope.Tenant, user)
		if err != nil {
			return err
		}
		if rank(now.Role) > rank(own.Role) {
			return ErrAbove
		}
		return fn(tx, scope, own.Role, now)
	})
	if err == nil {
		s.Forget(user)
	}
	return err
}

// record ends a change of who was a member: once nothing can refuse it any more, its entry is written.
func (s *Service) record(ctx context.Context, tx pgx.Tx, who Member, action string, detail map[string]any) error {
	if who.Role == tenancy.RoleOwner {
		if err := keepOwner(ctx, tx); err != nil {
			return err
		}
	}
	return s.DB.InTenant(ctx, policy.MemberWrite, func(data pgx.Tx) error {
		return audit.Record(ctx, data, action, who.ID.String(), detail)
	})
}

func (s *Service) read(ctx context.Context, fn func(tx pgx.Tx, tenant uuid.UUID) error) error {
	scope, err := s.scope(ctx, policy.MemberRead)
	if err != nil {
		return err
	}
	return s.inTenant(ctx, scope.Tenant, func(tx pgx.Tx) error { return fn(tx, scope.Tenant) })
}

func (s *Service) scope(ctx context.Context, p tenancy.Permission) (tenancy.Scope, error) {
	scope, ok := tenancy.From(ctx)
	if !ok || scope.Tenant == uuid.Nil {
		return tenancy.Scope{}, errNoScope
	}
	return scope, s.DB.Authorize(ctx, p)
}
