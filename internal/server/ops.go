package server

import (
	"context"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/job"
)

// openOps makes what the private listener serves besides metrics.
func (p *program) openOps(ctx context.Context) (err error) {
	if p.cfg.OpsListen != "" {
		p.console, err = job.NewConsole(ctx, p.pools.worker, p.cfg.OpsListen, p.log)
	}
	return err
}

// opsMux is everything that the private listener serves.
func (p *program) opsMux() *httpx.Mux {
	mux := p.metrics.Handler(p.ready)
	p.console.Mount(mux)
	return mux
}
