package server

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/group"
	"github.com/cloudkida/cloudkida/internal/app/invitation"
	"github.com/cloudkida/cloudkida/internal/app/member"
	"github.com/cloudkida/cloudkida/internal/app/session"
)

// openPeople makes members and groups, and keeps everybody who joins within the tenant's plan.
func (p *program) openPeople() {
	p.identity.Provision.Room = p.memberRoom
	p.members = &member.Service{
		Identity: p.pools.identity, DB: p.data, Forget: p.identity.Forget, Room: p.memberRoom, Log: p.log,
		Ties: p.ties, EndLabs: func(ctx context.Context, user uuid.UUID) error { return p.sessions.EndMember(ctx, user) },
	}
	p.groups = &group.Service{DB: p.data, Members: p.members}
	p.members.Leave = p.groups.Leave
}

// openInvitations makes invitations, which are sent by mail.
func (p *program) openInvitations() {
	p.invitations = &invitation.Service{
		Identity: p.pools.identity, DB: p.data, Members: p.members, People: p.identity.Provision, Letters: p.letters, Groups: p.groups,
		PublicURL: p.cfg.PublicURL, Throttle: p.throttle("invitations"), Limits: invitation.DefaultLimits(),
	}
}

// ties are what a member has in a tenant.
func (p *program) ties(ctx context.Context, tx pgx.Tx, user uuid.UUID) (t member.Ties, err error) {
	if t.Running, t.Started, err = session.CountOf(ctx, tx, user); err != nil {
		return t, err
	}
	t.Groups, err = p.groups.Of(ctx, tx, user)
	return t, err
}
