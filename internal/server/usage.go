package server

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/control/usage"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
)

// maxBuckets bounds what a process remembers of limits: keys of about 150 bytes.
const maxBuckets = 200_000

// openUsage makes what holds callers to their usage plans: by the memory of all processes, if there is one.
func (p *program) openUsage() {
	limiter, holder := p.limiters()
	p.usage = usage.New(usage.Config{
		Pool: p.pools.control, Plans: p.tiers.Of, Limiter: limiter, Holder: holder, AddressRate: p.cfg.AddressRate, Now: time.Now, Log: p.log,
		Limited: p.metrics.Counter("cloudkida_limited_requests_total", "Requests that a limit refused, by limit.", "limit"),
	})
	p.hints.On(notify.TopicPlan, func(id string) {
		tenant, err := uuid.Parse(id)
		if err != nil {
			tenant = uuid.Nil // a tier, which is of many tenants
		}
		p.forgetPlans(tenant)
	}, func() { p.forgetPlans(uuid.Nil) })
}

func (p *program) forgetPlans(tenant uuid.UUID) {
	p.tiers.Forget(tenant)
	p.usage.Forget(tenant)
}

// programsOf lists the programs of the caller's tenant; whole is false when the caller may not see all kinds of them: then one that
// is not in the list may be there all the same.
func (p *program) programsOf(ctx context.Context) (list []usage.Program, whole bool, err error) {
	machines, err := p.identity.Machines.List(ctx)
	hidden := errs.KindOf(err) == errs.KindForbidden
	if err != nil && !hidden {
		return nil, false, err
	}
	for _, m := range machines {
		list = append(list, usage.Program{ID: m.ID, Name: m.Name, Kind: "machine"})
	}
	keys, _, err := p.keys.List(ctx)
	hidden = hidden || errs.KindOf(err) == errs.KindForbidden
	if err != nil && errs.KindOf(err) != errs.KindForbidden {
		return nil, false, err
	}
	for _, k := range keys {
		list = append(list, usage.Program{ID: k.ID, Name: k.Name, Kind: "key"})
	}
	return list, !hidden, nil
}

func (p *program) usageAPI(api huma.API) {
	(&usage.API{Service: p.usage, Programs: p.programsOf, Record: tenantLog{p}.Record}).
		Register(api, policy.TenantRead, policy.MachineWrite, policy.OperatorRead)
}
