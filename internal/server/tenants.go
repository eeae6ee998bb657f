package server

import (
	"cmp"
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/auditlog"
	"github.com/cloudkida/cloudkida/internal/app/identity"
	"github.com/cloudkida/cloudkida/internal/app/person"
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/control/export"
	"github.com/cloudkida/cloudkida/internal/control/operatorlog"
	"github.com/cloudkida/cloudkida/internal/control/tenant"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/trail"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
	"github.com/cloudkida/cloudkida/internal/platform/proof"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// openTenants makes what the provider does with tenants: their lives, their archives, proofs of both.
func (p *program) openTenants(schema int64) (err error) {
	if p.signer, err = proof.New(p.store.key); err != nil {
		return err
	}
	p.openAudit()
	p.exports = p.newExports(p.data, schema)
	p.tenants = &tenant.Service{
		Pool: p.pools.control, Workflows: p.workflows, Data: siloed{p.store.installation, p.silos}, Application: life{p}, Signer: p.signer,
		Log: p.log, Now: time.Now, Settle: db.PlaceLife + time.Second, Fresh: func(ctx context.Context) error { return p.identity.RequireFresh(ctx, identity.FreshTime) },
	}
	p.tenants.AddWorkflows()
	p.audits = &auditlog.Service{DB: p.data, Names: p.names, Inside: p.tenants.MustBeInside, Exports: trail.NewExporter(p.verifier)}
	p.persons = &person.Service{
		Identity: p.pools.identity, DB: p.data, Accounts: p.identity, Labs: p.sessions, Letters: p.mail, Signer: p.signer, Log: p.log,
	}
	p.hearTenants()
	return nil
}

// siloed is the database, which closes this process's connections to a silo before it drops it.
type siloed struct {
	db.Installation
	silos *db.Silos
}

// DropSilo removes a silo.
func (s siloed) DropSilo(ctx context.Context, tenant uuid.UUID) error {
	s.silos.Drop(db.SiloRole(tenant))
	return s.Installation.DropSilo(ctx, tenant)
}

// life is what the application does for the life of a tenant.
type life struct{ *program }

// EndSessions ends the tenant's sessions.
func (l life) EndSessions(ctx context.Context, tenant uuid.UUID) (int, error) {
	return l.sessions.EndAll(tenancy.System(ctx, tenant))
}

// Record adds to the tenant's audit log what an operator, or an owner by a workflow, did.
func (l life) Record(ctx context.Context, tenant, operator uuid.UUID, e audit.Entry) error {
	scope, _ := tenancy.From(ctx)
	ctx = tenancy.With(ctx, tenancy.Scope{Tenant: tenant, User: operator, Role: tenancy.RoleSystem, Request: scope.Request})
	return l.data.InWholeTenant(ctx, policy.TenantSystem, func(tx pgx.Tx) error {
		return audit.Add(ctx, tx, e)
	})
}

// RemovePeople removes the tenant from identity.
func (l life) RemovePeople(ctx context.Context, tenant uuid.UUID) (map[string]int64, error) {
	return l.identity.Provision.RemoveTenant(ctx, tenant)
}

// Archive keeps an archive.
func (l life) Archive(ctx context.Context, id, tenant, operator uuid.UUID, reason string, until time.Time) error {
	return l.exports.Keep(ctx, id, tenant, operator, reason, until)
}

// RemoveFiles deletes the tenant's archives, the mail to its people, its e-mail domains and its brand.
func (l life) RemoveFiles(ctx context.Context, tenant uuid.UUID) (map[string]int64, error) {
	archives, err := l.exports.RemoveTenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	letters, err := l.mail.RemoveTenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	domains, err := l.directory.RemoveTenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	brands, err := l.brands.RemoveTenant(ctx, tenant)
	return map[string]int64{"archive": archives, "mail": letters, "domain": domains, "brand": brands}, err
}

// Uses counts members and running sessions.
func (l life) Uses(ctx context.Context, tenants []uuid.UUID) (map[uuid.UUID]tenant.Use, error) {
	uses := make(map[uuid.UUID]tenant.Use, len(tenants))
	members, err := l.members.Count(ctx, tenants)
	if err != nil {
		return nil, err
	}
	sessions, err := l.environments.CountByTenant(ctx, tenants)
	if err != nil {
		return nil, err
	}
	for _, id := range tenants {
		uses[id] = tenant.Use{Members: members[id].Members, Owners: members[id].Owners, Sessions: sessions[id]}
	}
	return uses, nil
}

// TierPlacement is where tenants of a tier are, and whether it is offered.
func (l life) TierPlacement(ctx context.Context, name string) (tenant.Placement, bool, error) {
	t, err := l.tiers.Get(ctx, name)
	return tenant.Placement(t.Placement), t.Public, err
}

// names gives the names of people that the caller's organisation has, or had, and of operators.
func (p *program) names(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error) {
	scope, _ := tenancy.From(ctx)
	return p.identity.People.KnownNames(ctx, scope.Tenant, users)
}

// sessionRoom tells whether a plan has room for one more session.
func (p *program) sessionRoom(ctx context.Context, tenant uuid.UUID, running, own int64) error {
	plan, err := p.tiers.Of(ctx, tenant)
	if err != nil {
		return err
	}
	return cmp.Or(plan.Room(tier.Sessions, running), plan.Room(tier.SessionsPerUser, own))
}

// memberRoom tells whether a plan has room for one more member; nil where nothing bounds them.
func (p *program) memberRoom(ctx context.Context, tenant uuid.UUID) (func(used int64) error, error) {
	plan, err := p.tiers.Of(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if _, bounded := plan.Limit(tier.Members); !bounded {
		return nil, nil //nolint:nilnil // nothing bounds them
	}
	return func(used int64) error { return plan.Room(tier.Members, used) }, nil
}

// labRoom tells whether a plan has room for what is published; one byte less than the limit fits as well as the limit.
func (p *program) labRoom(ctx context.Context, tenant uuid.UUID, bytes int64) error {
	plan, err := p.tiers.Of(ctx, tenant)
	if err != nil {
		return err
	}
	return plan.Room(tier.Storage, bytes-1)
}

// uses tells how much of its plan a tenant uses.
func (p *program) uses(ctx context.Context, tenant uuid.UUID) (map[tier.Limit]int64, error) {
	found, err := life{p}.Uses(ctx, []uuid.UUID{tenant})
	if err != nil {
		return nil, err
	}
	stored, err := p.labs.Stored(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := p.usage.Requests(ctx, tenant)
	if err != nil {
		return nil, err
	}
	counts[tier.Members], counts[tier.Sessions], counts[tier.Storage] = found[tenant].Members, found[tenant].Sessions, stored
	return counts, nil
}

// hearTenants drops what this process remembers of a tenant when another one has changed it.
func (p *program) hearTenants() {
	p.hints.On(notify.TopicTenant, func(id string) {
		if tenant, err := uuid.Parse(id); err == nil {
			p.places.Forget(tenant)
			p.tiers.Forget(tenant)
		}
	}, func() { p.tiers.Forget(uuid.Nil) })
}

// tenantAPI adds the routes about tenants.
func (p *program) tenantAPI(api huma.API) {
	p.signer.Register(api)
	p.audits.Register(api)
	(&operatorlog.API{Pool: p.pools.control, Names: p.identity.People.Names, Exports: p.audits.Exports}).Register(api, policy.OperatorRead)
	p.persons.Register(api)
	(&tier.API{Service: p.tiers, Uses: p.uses}).Register(api, policy.TenantRead, policy.OperatorRead, policy.OperatorWrite)
	p.usageAPI(api)
	p.directory.Register(api, policy.TenantRead, policy.TenantWrite)
	p.brands.Register(api, policy.TenantRead, policy.TenantWrite, policy.OperatorRead, policy.OperatorWrite)
	(&tenant.API{Service: p.tenants}).Register(api, policy.OperatorRead, policy.OperatorWrite)
	(&tenant.OwnAPI{Service: p.tenants, Confirm: p.persons.Confirm, Still: p.stillOwner}).Register(api, policy.TenantClose)
	(&export.API{Service: p.exports, Still: p.still}).Register(api, policy.TenantExport, policy.OperatorRead, policy.OperatorWrite)
}
