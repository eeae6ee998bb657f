// Package invitation lets people into a tenant by e-mail. The link in the mail is what proves the address: whoever opens
// it has the mailbox. It is worth one membership, for a week.
//
// Who invites never learns whether an address has an account: nothing that depends on it is looked at before the link is
// opened. As with members, a row is identity's and its audit entry the tenant's, which commits first.
package invitation

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/letter"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Bounds of invitations.
const (
	life        = 7 * 24 * time.Hour
	kept        = 30 * 24 * time.Hour // in the list, once it has expired
	maxSends    = 5                   // mails of one invitation
	resendAfter = time.Minute
	maxGroups   = 20
)

// State of an invitation.
type State string

// The states. Only an open invitation lets anybody in.
const (
	Open     State = "open"
	Expired  State = "expired"
	Accepted State = "accepted"
	Revoked  State = "revoked"
)

// Invitation is one as its tenant sees it.
type Invitation struct {
	ID        uuid.UUID    `json:"id"`
	Email     string       `json:"email"`
	Role      tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner"`
	Groups    []uuid.UUID  `json:"groups" nullable:"false" doc:"The groups that the person joins; those that are deleted by then are left out"`
	State     State        `json:"state" enum:"open,expired,accepted,revoked"`
	InvitedBy *uuid.UUID   `json:"invitedBy,omitempty" doc:"The member who invited; absent once their account is deleted"`
	Mails     int          `json:"mails" doc:"Mails sent so far; at most 5"`
	SentAt    time.Time    `json:"sentAt" doc:"When the latest was sent"`
	CreatedAt time.Time    `json:"createdAt"`
	ExpiresAt time.Time    `json:"expiresAt"`
	// Mail is how far the latest letter is.
	Mail *mail.Delivery `json:"mail,omitempty" db:"-" doc:"How far the latest letter is, as long as that is kept"`
}

// Letters sends letters.
type Letters interface {
	Send(ctx context.Context, tx pgx.Tx, d letter.Draft) error
}

// People makes the accounts of those who prove an address.
type People interface {
	Invited(ctx context.Context, tx pgx.Tx, in provision.NewMember) (user uuid.UUID, hasPassword bool, err error)
	EnterLink(ctx context.Context, user uuid.UUID) (string, error)
}

// Groups are the tenant's. Their transactions are on its data.
type Groups interface {
	Names(ctx context.Context, tx pgx.Tx) (map[uuid.UUID]string, error)
	Join(ctx context.Context, tx pgx.Tx, user uuid.UUID, groups []uuid.UUID) error // those that are there
}

// Service invites people and lets them in.
type Service struct {
	Identity  *pgxpool.Pool // of the role identity
	DB        *db.DB        // the tenant's data: its audit log and groups
	Members   *member.Service
	People    People
	Letters   Letters
	Groups    Groups
	PublicURL string // how browsers reach the installation, without a path
	Throttle  *throttle.Throttle
	Limits    Limits
	// Deliveries tells how far letters about some invitations are; nil: nobody knows.
	Deliveries func(ctx context.Context, tenant uuid.UUID, about []uuid.UUID) (map[uuid.UUID]mail.Delivery, error)
}

// Limits say how much is sent and tried. Recipient bounds mail to one address, whoever asks for it.
type Limits struct {
	Daily     int // mails of one tenant in a day
	Recipient throttle.Rule
	Look      throttle.Rule // of links, by network address
}

// DefaultLimits leave room for two full lists a day.
func DefaultLimits() Limits {
	return Limits{
		Daily:     2000,
		Recipient: throttle.Rule{Free: 5, First: 10 * time.Minute, Max: 6 * time.Hour, Forget: 24 * time.Hour},
		Look:      throttle.Rule{Free: 300, First: time.Second, Max: 10 * time.Second, Forget: 5 * time.Minute},
	}
}

// The errors that callers can tell apart.
var (
	ErrNotFound = errs.NotFound("no_such_invitation", "There is no such invitation in this organisation. Load the list again.")
	ErrOver     = errs.Conflict("invitation_over", "This invitation was accepted or withdrawn. Invite the address again if it should be let in.")
	ErrLink     = errs.NotFound("invitation_link_over", "This invitation has been used or withdrawn, or has expired. Ask whoever invited you for a new one.")
	ErrOther    = errs.Forbidden("invitation_for_another", "This invitation is for another e-mail address than the one that you are signed in with. Sign out, then open the link again.")
	ErrUnproved = errs.Conflict("address_unproved", "Nobody has proved yet that the e-mail address of your account is yours. Sign out, open the link again and choose a new password: that proves it.")
	ErrSignIn   = errs.Conflict("sign_in_to_accept", "You have an account already. Sign in with the address that was invited, then open the link again.")
	ErrMember   = errs.Conflict("already_member", "This person is a member of your organisation already.")
	ErrDaily    = errs.Limited("invitations_today", "Your organisation has sent as many invitations as it may in a day. Go on tomorrow.")
	ErrSends    = errs.Conflict("invitation_sent_often", "This invitation was sent five times. Withdraw it and ask the person for another address.")

	errInvitation = errs.Invalid("invalid_invitation", "The invitation cannot be made like this; see errors.")
)

// List returns invitations, the latest first.
func (s *Service) List(ctx context.Context, f Filter) (found []Invitation, err error) {
	scope, ok := tenancy.From(ctx)
	if !ok {
		return nil, db.ErrNoScope
	}
	if err := s.DB.Allow(ctx, policy.MemberWrite, tenancy.Whole{}); err != nil {
		return nil, err
	}
	err = s.inTenant(ctx, scope.Tenant, func(tx pgx.Tx) error {
		found, err = list(ctx, tx, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, s.addDeliveries(ctx, scope.Tenant, found)
}

func (s *Service) addDeliveries(ctx context.Context, tenant uuid.UUID, found []Invitation) error {
	if s.Deliveries == nil || len(found) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(found))
	for n, i := range found {
		ids[n] = i.ID
	}
	known, err := s.Deliveries(ctx, tenant, ids)
	if err != nil {
		return err
	}
	for n := range found {
		if d, ok := known[found[n].ID]; ok {
			found[n].Mail = &d
		}
	}
	return nil
}

// Resend sends a new link for a week; the one before is worth nothing from then on.
func (s *Service) Resend(ctx context.Context, id uuid.UUID) (out Invitation, err error) {
	err = s.change(ctx, id, func(tx pgx.Tx, scope tenancy.Scope, now Invitation) error {
		if now.Mails >= maxSends {
			return ErrSends
		}
		if wait := time.Until(now.SentAt.Add(resendAfter)); wait > 0 {
			return httpx.Limited(wait)
		}
		if used, err := sentToday(ctx, tx); err != nil || used >= s.Limits.Daily {
			return orLimit(err)
		}
		token, hash := opaque.New()
		if out, err = renew(ctx, tx, id, hash, scope.User); err != nil {
			return err
		}
		if err := s.send(ctx, tx, scope.Tenant, memberLetter, out, token); err != nil {
			return err
		}
		return s.record(ctx, "invitation.resent", out)
	})
	return out, err
}

// Revoke makes the link worth nothing.
func (s *Service) Revoke(ctx context.Context, id uuid.UUID) error {
	return s.change(ctx, id, func(tx pgx.Tx, _ tenancy.Scope, now Invitation) error {
		if err := revoke(ctx, tx, id); err != nil {
			return err
		}
		return s.record(ctx, actionRevoked, now)
	})
}

// change runs fn on an invitation that was neither accepted nor revoked and is to no role above the caller's.
func (s *Service) change(ctx context.Context, id uuid.UUID, fn func(tx pgx.Tx, scope tenancy.Scope, now Invitation) error) error {
	return s.Members.Manage(ctx, func(tx pgx.Tx, scope tenancy.Scope, own tenancy.Role) error {
		now, err := get(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case now.State == Accepted || now.State == Revoked:
			return ErrOver
		case member.Rank(now.Role) > member.Rank(own):
			return member.ErrAbove
		}
		return fn(tx, scope, now)
	})
}

// Actions of the log that make or end an invitation.
const (
	actionSent    = "invitation.sent"
	actionRevoked = "invitation.revoked"
)

// record ends a change. The address stays out of the log, which outlives it.
func (s *Service) record(ctx context.Context, action string, all ...Invitation) error {
	return s.DB.InWholeTenant(ctx, policy.MemberWrite, func(data pgx.Tx) error {
		for _, i := range all {
			e := audit.Entry{Action: action, Target: i.ID.String(), Detail: map[string]any{"role": i.Role}}
			switch state := map[string]any{"role": i.Role}; action {
			case actionSent:
				e.After = state
			case actionRevoked:
				e.Before = state
			}
			if err := audit.Add(ctx, data, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sweep deletes what has been over for long, with the address that it went to.
func (s *Service) Sweep(ctx context.Context) error { return sweep(ctx, s.Identity) }

func orLimit(err error) error {
	if err == nil {
		err = ErrDaily
	}
	return err
}
