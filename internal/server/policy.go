package server

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// openData makes the way to tenants' data, which policies guard.
func (p *program) openData() error {
	if err := policy.Check(); err != nil {
		return err
	}
	p.data, p.decides = guarded(&db.DB{Pool: p.pools.app, Places: p.places, Silos: p.silos})
	p.hints.On(notify.TopicPolicy, func(id string) {
		if tenant, err := uuid.Parse(id); err == nil {
			p.decides.Forget(tenant)
		}
	}, func() { p.decides.Forget(uuid.Nil) })
	return nil
}

// permitted is what the gateway asks: whether the role has the permission, and whether the organisation's own policies take
// it away as a whole. Most routes ask once more about the row that they load; a few are about no row of the tenant's data.
func (p *program) permitted(ctx context.Context, permission tenancy.Permission) error {
	if err := policy.Authorize(ctx, permission); err != nil {
		return err
	}
	return p.data.Allow(ctx, permission, tenancy.Whole{})
}

// ownPolicies makes what organisations write their own policies with.
func (p *program) ownPolicies() *policy.Service {
	return &policy.Service{
		DB: p.data, Engine: p.decides, Names: p.names, RoleOf: p.memberRole, Find: p.find,
		Changed: func(ctx context.Context, tenant uuid.UUID) {
			err := pgx.BeginFunc(ctx, p.pools.control, func(tx pgx.Tx) error {
				return notify.Send(ctx, tx, notify.TopicPolicy, tenant.String())
			})
			if err != nil { // other processes remember the old policies for five seconds then
				p.log.WarnContext(ctx, "tell others that policies changed", "tenant", tenant, "error", err)
			}
		},
	}
}

func (p *program) memberRole(ctx context.Context, user uuid.UUID) (tenancy.Role, error) {
	m, err := p.members.Get(ctx, user)
	return m.Role, err
}

// find loads what somebody asks the simulator about, if they may see it themselves.
func (p *program) find(ctx context.Context, kind, id string) (tenancy.Resource, error) {
	if kind == "Lab" {
		return p.labs.Get(ctx, id)
	}
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil, policy.ErrResource
	}
	switch kind {
	case "Session":
		return p.sessions.Get(ctx, parsed)
	case "Group":
		g, _, err := p.groups.Get(ctx, parsed)
		return g, err
	case "Member":
		m, err := p.members.Get(ctx, parsed)
		return m.Member, err
	default:
		return nil, policy.ErrResource
	}
}

// guarded lets nobody do more with tenants' data than roles and policies say.
func guarded(data *db.DB) (*db.DB, *policy.Engine) {
	engine := policy.NewEngine(time.Now)
	data.Authorize, data.Decide, engine.DB = policy.Authorize, engine.Decide, data
	return data, engine
}
