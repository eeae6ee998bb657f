package server

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Program is all of it without listeners; what works in the background does so only when a test asks.
type Program struct{ *program }

// Open assembles the program.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Program, error) {
	if err := cfg.Complete(); err != nil {
		return nil, err
	}
	store, err := openStore(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	p, err := assemble(ctx, cfg, store, log)
	if err != nil {
		store.close(log)
		return nil, err
	}
	return &Program{p}, nil
}

// Close ends it with its database.
func (p *Program) Close() {
	p.close()
	p.store.close(p.log)
}

// Handler answers what comes to the public address.
func (p *Program) Handler() http.Handler {
	public, _ := p.handler()
	return public
}

// Hear makes caches hear of changes until ctx ends.
func (p *Program) Hear(ctx context.Context) error { return p.hints.Run(ctx) }

// Seal seals what waits for it.
func (p *Program) Seal(ctx context.Context) error {
	_, err := p.sealer.Round(ctx)
	return err
}

// Retain deletes old audit entries, as the job would do at a time.
func (p *Program) Retain(ctx context.Context, now time.Time) error { return p.retainAudit(ctx, now) }
