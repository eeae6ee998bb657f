package invitation

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/identity/opaque"
	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/app/identity/seat"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
	"github.com/cloudkida/cloudkida/internal/platform/throttle"
)

// Next is what whoever has the link does to accept.
type Next string

// What comes next.
const (
	SignIn Next = "sign-in" // with the account of the address, then Accept
	Enter  Next = "enter"   // choose a password
	Join   Next = "join"    // the account has a password and no organisation that it could sign in to before
)

// Offer is an invitation as whoever has its link sees it.
type Offer struct {
	Organisation string       `json:"organisation" doc:"Its title"`
	Tenant       string       `json:"tenant" doc:"Its name, the parameter tenant of an authorization request"`
	Email        string       `json:"email" doc:"The address that was invited"`
	Role         tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner"`
	Next         Next         `json:"next" enum:"sign-in,enter,join"`
	NeedsName    bool         `json:"needsName" doc:"Whether a new account is made, which needs a name"`
	Claims       bool         `json:"claims" doc:"Whether there is an account of this address that nobody has proved: it becomes the caller's, and its password and sign-ins end"`
}

// Look shows an invitation to whoever has its link. It uses nothing up: mail programs open links before people do.
func (s *Service) Look(ctx context.Context, network, token string) (Offer, error) {
	if err := s.look(network); err != nil {
		return Offer{}, err
	}
	row, err := byToken(ctx, s.Identity, opaque.Hash(token), readOnly)
	if err != nil {
		return Offer{}, err
	}
	who, err := personOf(ctx, s.Identity, row)
	if err != nil {
		return Offer{}, err
	}
	if row.Accepted && !who.resumes(row) {
		return Offer{}, ErrLink
	}
	return Offer{
		Organisation: row.Title, Tenant: row.Name, Email: row.Email, Role: row.Role, Next: who.next(),
		NeedsName: !who.Found, Claims: who.Found && !who.Proved && who.HasPassword,
	}, nil
}

func (s *Service) look(network string) error {
	if wait := s.Throttle.Try(throttle.Key{Name: "look " + network, Rule: s.Limits.Look}); wait > 0 {
		return httpx.Limited(wait)
	}
	return nil
}

func (p person) next() Next {
	switch {
	case !p.Proved || !p.HasPassword:
		return Enter
	case p.Member:
		return SignIn
	default:
		return Join
	}
}

// resumes tells whether this is who accepted and has not chosen a password yet: they may come back to do it.
func (p person) resumes(row row) bool {
	return p.Found && row.User.Valid && row.User.UUID == p.ID && !p.HasPassword && p.Member
}

// Joined is what an accepted invitation came to.
type Joined struct {
	Tenant string       `json:"tenant" doc:"The name of the organisation, the parameter tenant of an authorization request that switches to it"`
	Title  string       `json:"title"`
	Role   tenancy.Role `json:"role" enum:"owner,admin,author,instructor,learner" doc:"What the caller is there now"`
}

// Accept makes the caller a member, if the proved address of their account is the invited one: having the link is not
// enough to bring it to another account.
func (s *Service) Accept(ctx context.Context, token string) (out Joined, err error) {
	scope, ok := tenancy.From(ctx)
	if !ok || scope.User == uuid.Nil {
		return Joined{}, db.ErrNoScope
	}
	err = s.take(ctx, token, func(tx pgx.Tx, row row) (uuid.UUID, error) {
		if row.Accepted {
			return uuid.Nil, ErrLink
		}
		who, err := personOf(ctx, tx, row)
		switch {
		case err != nil:
			return uuid.Nil, err
		case !who.Found || who.ID != scope.User: // also a person of another user pool
			return uuid.Nil, ErrOther
		case !who.Proved:
			return uuid.Nil, ErrUnproved
		}
		out = Joined{Tenant: row.Name, Title: row.Title}
		out.Role, err = s.join(ctx, tx, row, who.ID)
		return who.ID, err
	})
	return out, err
}

// Enter makes the person of the invited address a member and returns where they go on: to choose a password, or to sign
// in if they have one. Whoever can sign in already must do that first, and Accept.
func (s *Service) Enter(ctx context.Context, network, token, name string) (link string, err error) {
	if err := s.look(network); err != nil {
		return "", err
	}
	var user uuid.UUID
	var hasPassword bool
	var tenant string
	err = s.take(ctx, token, func(tx pgx.Tx, row row) (uuid.UUID, error) {
		tenant = row.Name
		who, err := personOf(ctx, tx, row)
		switch {
		case err != nil:
			return uuid.Nil, err
		case row.Accepted && !who.resumes(row):
			return uuid.Nil, ErrLink
		case row.Accepted:
			user = who.ID
			return user, nil
		case who.next() == SignIn:
			return uuid.Nil, ErrSignIn
		}
		user, hasPassword, err = s.People.Invited(ctx, tx, provision.NewMember{Tenant: row.Tenant, Email: row.Email, Name: name})
		if err != nil {
			return uuid.Nil, err
		}
		_, err = s.join(ctx, tx, row, user)
		return user, err
	})
	if err != nil {
		return "", err
	}
	if hasPassword {
		return s.signIn(tenant), nil
	}
	return s.People.EnterLink(ctx, user)
}

// take runs fn on the invitation that a token opens, while nobody else changes the tenant's members.
func (s *Service) take(ctx context.Context, token string, fn func(tx pgx.Tx, row row) (uuid.UUID, error)) error {
	hash := opaque.Hash(token)
	var user uuid.UUID
	err := pgx.BeginFunc(ctx, s.Identity, func(tx pgx.Tx) error {
		row, err := byToken(ctx, tx, hash, readOnly)
		if err != nil {
			return err
		}
		if err := seat.Lock(ctx, tx, row.Tenant); err != nil {
			return err
		}
		if row, err = byToken(ctx, tx, hash, lockRow); err != nil { // it may have been used or withdrawn meanwhile
			return err
		}
		user, err = fn(tx, row)
		return err
	})
	if err == nil {
		s.Members.Forget(user)
	}
	return err
}

// join uses the invitation up. Its groups and its audit entry are the tenant's data, and commit first.
func (s *Service) join(ctx context.Context, tx pgx.Tx, row row, user uuid.UUID) (tenancy.Role, error) {
	if member.Rank(row.Role) > member.Rank(tenancy.RoleLearner) && member.Rank(row.Role) > row.inviterRank() {
		return "", ErrLink.Because("Whoever invited you may not give this role any more. Ask for a new invitation.")
	}
	joined, err := s.Members.Join(ctx, tx, row.Tenant, user, row.Role)
	if err != nil {
		return "", err
	}
	role, err := settle(ctx, tx, row, user)
	if err != nil {
		return "", err
	}
	scope, _ := tenancy.From(ctx)
	ctx = tenancy.With(ctx, tenancy.Scope{Tenant: row.Tenant, User: user, Role: tenancy.RoleSystem, Request: scope.Request})
	return role, s.DB.InWholeTenant(ctx, policy.TenantSystem, func(data pgx.Tx) error {
		if err := s.Groups.Join(ctx, data, user, row.Groups); err != nil {
			return err
		}
		return audit.Record(ctx, data, "invitation.accepted", row.ID.String(), map[string]any{"role": role, "user": user, "joined": joined})
	})
}
