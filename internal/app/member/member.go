// Package member is who belongs to a tenant, and as what. People are identity's; a tenant sees those of its own members
// alone, and its administrators change their roles, disable or remove them, and hear before what that does.
//
// A membership is a row of identity and its audit entry a row of the tenant: two database roles, so two transactions. The
// entry commits first, inside of the open change: no membership ever changes without an entry in the tenant's log. What is
// left is a crash between the two commits, after which the log has an entry of a change that did not happen.
package member

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/seat"
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
	Status   Status       `json:"status" enum:"active,disabled" doc:"A disabled member cannot act in this organisation; role and groups are kept"`
	Disabled bool         `json:"disabled" doc:"Whether the operator has disabled the account: it cannot sign in anywhere"`
	JoinedAt time.Time    `json:"joinedAt"`
	Bounced  bool         `json:"mailBounced" db:"-" doc:"Whether the mailbox refused the latest letter to this person"`
}

// Resource implements tenancy.Resource.
func (m Member) Resource() tenancy.Entity {
	return tenancy.Entity{Kind: "Member", ID: m.ID.String(), Attributes: map[string]any{"user": m.ID, "role": string(m.Role)}}
}

// Status says whether a member may act in the tenant.
type Status string

// The statuses of members. A third one, removed, is of those who are members no more.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
)

// Ties are what a member has in a tenant.
type Ties struct {
	Running int64    `json:"running" doc:"Labs that run now; they end when the member is disabled or removed"`
	Started int64    `json:"started" doc:"Labs started so far; what was done in them stays with the organisation"`
	Groups  []string `json:"groups" nullable:"false" doc:"Groups, by name; a removed member leaves them, a disabled one stays in them"`
}

// Service lists and changes the members of the caller's tenant.
type Service struct {
	Identity *pgxpool.Pool        // of the role identity
	DB       *db.DB               // the tenant's data: its audit log
	Forget   func(user uuid.UUID) // drops what this process remembers; the others hear of it by a hint
	Room     seat.Room            // whether the plan has room for one more member

	// What other features have of members; each may be nil.
	Ties    func(ctx context.Context, tx pgx.Tx, user uuid.UUID) (Ties, error) // tx is of the tenant's data
	Leave   func(ctx context.Context, tx pgx.Tx, user uuid.UUID) error         // takes what a removed member leaves
	EndLabs func(ctx context.Context, user uuid.UUID) error                    // of the tenant in ctx, where the program acts
	Log     *slog.Logger
	// Bounced tells whose mailbox refused their latest letter.
	Bounced func(ctx context.Context, tenant uuid.UUID, users []uuid.UUID) (map[uuid.UUID]bool, error)
}

// The errors that callers can tell apart.
var (
	ErrNotFound  = errs.NotFound("no_such_member", "There is no such member in this organisation. The person may have left; load the list again.")
	ErrAbove     = errs.Forbidden("role_above_own", "You cannot give or take away a role above your own. Ask an owner.")
	ErrDisabled  = errs.Conflict("member_disabled", "Your access to this organisation is disabled. Ask one of its administrators to enable it.")
	ErrLastOwner = errs.Conflict("last_owner", "This is the last owner, and an organisation needs one. Make somebody else an owner first.")

	errRole    = errs.Invalid("unknown_role", "There is no such role; see errors.").WithFields(errs.Field{Path: "body.role", Message: "must be owner, admin, author, instructor or learner"})
	errStatus  = errs.Invalid("unknown_status", "There is no such status; see errors.").WithFields(errs.Field{Path: "body.status", Message: "must be active or disabled"})
	errNoScope = errs.Unauthenticated("sign_in_required", "Sign in to continue.")
)

// Rank orders the roles by power; 0 is none.
func Rank(r tenancy.Role) int {
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

// List returns members whose address starts with the text or whose name contains it, the latest account first, and the member to go
// on after unless it is the last page.
func (s *Service) List(ctx context.Context, f Filter) (found []Member, last *Member, err error) {
	page, err := db.Fill(f.Limit, func(after *Member, limit int) (rows []Member, err error) {
		f.Limit = limit
		if after != nil {
			f.Before = after.ID
		}
		err = s.read(ctx, func(tx pgx.Tx, tenant uuid.UUID) error {
			rows, err = list(ctx, tx, tenant, f)
			return err
		})
		return rows, err
	}, func(rows []Member) ([]error, error) { return db.Refused(ctx, s.DB, policy.MemberRead, rows) })
	if err != nil {
		return nil, nil, err
	}
	return page.Rows, page.Last, s.markBounced(ctx, page.Rows)
}

// markBounced marks those whose mailbox refused their latest letter.
func (s *Service) markBounced(ctx context.Context, members []Member) error {
	scope, ok := tenancy.From(ctx)
	if s.Bounced == nil || !ok || len(members) == 0 {
		return nil
	}
	users := make([]uuid.UUID, len(members))
	for n, m := range members {
		users[n] = m.ID
	}
	found, err := s.Bounced(ctx, scope.Tenant, users)
	for n, m := range members {
		members[n].Bounced = found[m.ID]
	}
	return err
}

// Among returns those of these users who are members that the caller may see, by id.
func (s *Service) Among(ctx context.Context, users []uuid.UUID) (found map[uuid.UUID]Member, err error) {
	err = s.read(ctx, func(tx pgx.Tx, tenant uuid.UUID) error {
		found, err = among(ctx, tx, tenant, users)
		return err
	})
	if err != nil {
		return nil, err
	}
	visible, err := db.Visible(ctx, s.DB, policy.MemberRead, slices.Collect(maps.Values(found)))
	if len(visible) < len(found) {
		clear(found)
		for _, m := range visible {
			found[m.ID] = m
		}
	}
	return found, err
}

// View is a member with what disabling or removing them does.
type View struct {
	Member
	Ties
	LastOwner bool `json:"lastOwner" doc:"Whether this is the last owner who can sign in: such a one can be neither disabled nor removed, and keeps the role"`
}

// Get shows a member with what they have here, so that it can be said what a change does before it happens.
func (s *Service) Get(ctx context.Context, user uuid.UUID) (v View, err error) {
	err = s.read(ctx, func(tx pgx.Tx, tenant uuid.UUID) error {
		if v.Member, err = find(ctx, tx, tenant, user, readOnly); err != nil || v.Role != tenancy.RoleOwner {
			return err
		}
		v.LastOwner, err = lastOwner(ctx, tx, user)
		return err
	})
	v.Groups = []string{}
	if err != nil || s.Ties == nil {
		return v, err
	}
	err = s.DB.InTenant(ctx, policy.MemberRead, func(tx pgx.Tx) error {
		if err := db.See(ctx, tx, policy.MemberRead, v.Member, ErrNotFound); err != nil {
			return err
		}
		v.Ties, err = s.Ties(ctx, tx, user)
		return err
	})
	return v, err
}

// SetRole gives a member another role.
func (s *Service) SetRole(ctx context.Context, user uuid.UUID, role tenancy.Role) (m Member, err error) {
	if Rank(role) == 0 {
		return Member{}, errRole
	}
	err = s.change(ctx, user, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role, now Member) error {
		m = now
		m.Role = role
		if now.Role == role {
			return nil
		}
		if Rank(role) > Rank(own) {
			return ErrAbove
		}
		if err := updateRole(ctx, tx, scope.Tenant, user, role); err != nil {
			return err
		}
		return s.record(ctx, tx, now, audit.Entry{Action: "member.role_changed", Before: map[string]any{"role": now.Role}, After: map[string]any{"role": role}}, nil)
	})
	return m, err
}

// SetStatus disables a member, whose sign-ins and labs in this tenant end, or enables them again if the plan has room.
func (s *Service) SetStatus(ctx context.Context, user uuid.UUID, to Status) (m Member, err error) {
	if to != Active && to != Disabled {
		return Member{}, errStatus
	}
	err = s.change(ctx, user, func(tx pgx.Tx, scope tenancy.Scope, _ tenancy.Role, now Member) error {
		m = now
		m.Status = to
		if now.Status == to {
			return nil
		}
		if to == Active {
			if err := seat.Take(ctx, tx, scope.Tenant, s.Room); err != nil {
				return err
			}
		}
		if err := updateStatus(ctx, tx, scope.Tenant, user, string(to)); err != nil {
			return err
		}
		action := map[Status]string{Active: "member.enabled", Disabled: "member.disabled"}[to]
		return s.record(ctx, tx, now, audit.Entry{
			Action: action, Detail: map[string]any{"role": now.Role}, Before: map[string]any{"status": now.Status}, After: map[string]any{"status": to},
		}, nil)
	})
	if err == nil && to == Disabled {
		s.endLabs(ctx, user)
	}
	return m, err
}

// Remove takes a member out of the tenant. Their sign-ins and labs there end; the account stays theirs, and what they did
// stays the tenant's.
func (s *Service) Remove(ctx context.Context, user uuid.UUID) error {
	err := s.change(ctx, user, func(tx pgx.Tx, scope tenancy.Scope, _ tenancy.Role, now Member) error {
		if err := updateStatus(ctx, tx, scope.Tenant, user, removed); err != nil {
			return err
		}
		return s.record(ctx, tx, now, audit.Entry{Action: "member.removed", Before: map[string]any{"role": now.Role, "status": now.Status}}, func(data pgx.Tx) error {
			if s.Leave == nil {
				return nil
			}
			return s.Leave(ctx, data, user)
		})
	})
	if err == nil {
		s.endLabs(ctx, user)
	}
	return err
}

// endLabs frees what the member's labs hold. The member is out already: where it fails, the labs end by their time.
func (s *Service) endLabs(ctx context.Context, user uuid.UUID) {
	if s.EndLabs == nil {
		return
	}
	scope, _ := tenancy.From(ctx)
	ctx = tenancy.With(context.WithoutCancel(ctx), tenancy.Scope{Tenant: scope.Tenant, Role: tenancy.RoleSystem, Request: scope.Request})
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	if err := s.EndLabs(ctx, user); err != nil {
		s.Log.WarnContext(ctx, "end a former member's labs", "user", user, "error", err)
	}
}

// endTime bounds how long the answer waits for the ends of labs to be queued.
const endTime = 10 * time.Second

// Join makes a user a member in tx, if the plan has room; joined is false for one who is a member already, whose role
// stays as it is.
func (s *Service) Join(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, role tenancy.Role) (joined bool, err error) {
	if err := seat.Lock(ctx, tx, tenant); err != nil {
		return false, err
	}
	now, err := find(ctx, tx, tenant, user, lockRow)
	switch {
	case err == nil && now.Status == Active:
		return false, nil
	case err == nil:
		return false, ErrDisabled
	case !errors.Is(err, ErrNotFound):
		return false, err
	}
	if err := seat.Take(ctx, tx, tenant, s.Room); err != nil {
		return false, err
	}
	return true, join(ctx, tx, tenant, user, role)
}

// Manage runs fn in a transaction of identity in which nobody else changes the tenant's members and no row of another
// tenant is there. The caller's role is read again: what the request began with may be two seconds old.
func (s *Service) Manage(ctx context.Context, fn func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error) error {
	scope, err := s.scope(ctx, policy.MemberWrite)
	if err != nil {
		return err
	}
	return s.inTenant(ctx, scope.Tenant, func(tx pgx.Tx) error {
		if err := seat.Lock(ctx, tx, scope.Tenant); err != nil {
			return err
		}
		own, err := find(ctx, tx, scope.Tenant, scope.User, lockRow)
		if err == nil && own.Status != Active {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := policy.Authorize(tenancy.With(ctx, tenancy.Scope{Tenant: scope.Tenant, User: scope.User, Role: own.Role}), policy.MemberWrite); err != nil {
			return err
		}
		return fn(tx, scope, own.Role)
	})
}

// change runs fn on a member whom the caller may change.
func (s *Service) change(ctx context.Context, user uuid.UUID, fn func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role, now Member) error) error {
	err := s.Manage(ctx, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error {
		now, err := find(ctx, tx, scope.Tenant, user, lockRow)
		if err != nil {
			return err
		}
		if Rank(now.Role) > Rank(own) {
			return ErrAbove
		}
		if err := s.DB.Allow(ctx, policy.MemberWrite, now); err != nil {
			return err
		}
		return fn(tx, scope, own, now)
	})
	if err == nil {
		s.Forget(user)
	}
	return err
}

// record ends a change of who was a member: once nothing can refuse it any more, its entry is written, with what else
// changes in the tenant's data.
func (s *Service) record(ctx context.Context, tx pgx.Tx, who Member, e audit.Entry, also func(data pgx.Tx) error) error {
	if who.Role == tenancy.RoleOwner && who.Status == Active {
		if err := keepOwner(ctx, tx); err != nil {
			return err
		}
	}
	return s.DB.InWholeTenant(ctx, policy.MemberWrite, func(data pgx.Tx) error {
		if also != nil {
			if err := also(data); err != nil {
				return err
			}
		}
		e.Target = who.ID.String()
		return audit.Add(ctx, data, e)
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
	return scope, s.DB.Allow(ctx, p, tenancy.Whole{})
}
