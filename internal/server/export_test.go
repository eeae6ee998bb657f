package server

import (
	"context"
	"log/slog"
	"net/http"
)

// Open is the program without listeners and without work in the background: what answers requests, and what ends it.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (public http.Handler, closeAll func(), err error) {
	if err := cfg.Complete(); err != nil {
		return nil, nil, err
	}
	store, err := openStore(ctx, cfg, log)
	if err != nil {
		return nil, nil, err
	}
	p, err := assemble(ctx, cfg, store, log)
	if err != nil {
		store.close(log)
		return nil, nil, err
	}
	public, _ = p.handler()
	return public, func() { p.close(); store.close(log) }, nil
}
