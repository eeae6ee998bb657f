package server

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/identity/provision"
	"github.com/cloudkida/cloudkida/internal/app/lab"
	"github.com/cloudkida/cloudkida/internal/control/registration"
	"github.com/cloudkida/cloudkida/internal/control/tier"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/labs"
)

// openRegistration makes public sign-up from what the other features can do.
func (p *program) openRegistration() {
	p.registration = &registration.Service{
		Pool: p.pools.control, Workflows: p.workflows, Letters: p.letters, Mail: p.mail, Tiers: openTiers{p.tiers},
		Silos:     siloMaker{installation: p.store.installation, places: p.places, silos: p.silos},
		Identity:  newcomers{p.identity.Provision},
		Keys:      firstKeys{p},
		Labs:      sampleLabs{labs: p.labs, installation: p.store.installation},
		PublicURL: p.cfg.PublicURL, Throttle: p.throttle("sign-up"), Limits: registration.DefaultLimits(), Log: p.log,
	}
	p.workflows.Add(p.registration.Definition())
}

// openTiers are the tiers that organisations can sign up for, with their placement.
type openTiers struct{ *tier.Service }

// Placement says where tenants of a tier have their data.
func (o openTiers) Placement(ctx context.Context, name string) (registration.Placement, error) {
	t, err := o.Get(ctx, name)
	if errors.Is(err, tier.ErrNotFound) || err == nil && !t.Public {
		return "", registration.ErrTier
	}
	return registration.Placement(t.Placement), err
}

// siloMaker puts tenants in schemas of their own.
type siloMaker struct {
	installation db.Installation
	places       *db.Places
	silos        *db.Silos
}

// Make makes the silo and lets the tenant's data be there from the beginning.
func (m siloMaker) Make(ctx context.Context, tenant uuid.UUID) error {
	if err := m.installation.MakeSilo(ctx, tenant); err != nil {
		return err
	}
	_, err := m.installation.ToSilo(ctx, tenant)
	m.places.Forget(tenant)
	return err
}

// Drop removes the silo. The tenant's place becomes the pool again first, so that nobody looks for a schema that is gone.
func (m siloMaker) Drop(ctx context.Context, tenant uuid.UUID) error {
	if _, err := m.installation.ToPool(ctx, tenant); err != nil {
		return err
	}
	m.places.Forget(tenant)
	m.silos.Drop(db.SiloRole(tenant))
	return m.installation.DropSilo(ctx, tenant)
}

// newcomers makes the first people of a tenant.
type newcomers struct{ *provision.Service }

// AddOwner makes the first owner in the tenant's own pool, or in the one that pooled tenants share.
func (n newcomers) AddOwner(ctx context.Context, o registration.Owner) (user uuid.UUID, hasPassword bool, err error) {
	pool, _, err := n.PoolOf(ctx, o.Tenant)
	if err != nil {
		return uuid.Nil, false, err
	}
	return n.Service.AddOwner(ctx, provision.NewMember{Pool: pool, Tenant: o.Tenant, Email: o.Email, Name: o.Name})
}

// RemoveTenant removes them.
func (n newcomers) RemoveTenant(ctx context.Context, tenant uuid.UUID) error {
	_, err := n.Service.RemoveTenant(ctx, tenant)
	return err
}

// sampleLabs gives new tenants the labs of the program.
type sampleLabs struct {
	labs         *lab.Service
	installation db.Installation
}

// Add publishes them.
func (l sampleLabs) Add(ctx context.Context, tenant uuid.UUID) error {
	return l.labs.Seed(ctx, tenant, labs.FS)
}

// Remove deletes what the tenant has: nothing but these, while it has not opened.
func (l sampleLabs) Remove(ctx context.Context, tenant uuid.UUID) error {
	_, err := l.installation.PurgeTenant(ctx, tenant)
	return err
}
