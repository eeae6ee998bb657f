package server

import (
	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/idempotency"
	"github.com/cloudkida/cloudkida/internal/platform/lease"
)

// openConcurrency makes what keeps requests that come twice, or at the same time, from doing harm.
func (p *program) openConcurrency() {
	p.answers = &idempotency.Service{DB: p.data, System: policy.TenantSystem, Jobs: p.inserter, Key: p.store.key, Log: p.log}
}

// concurrency honours Idempotency-Key and If-Match. It comes behind the gateway: keys and resources are the caller's own.
func (p *program) concurrency(api *httpx.API) {
	api.UseMiddleware(p.answers.Middleware(api))
	api.UseConditions(&lease.Leases{Pool: p.pools.control, Log: p.log})
}
