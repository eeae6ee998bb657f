package server

import (
	"context"
	"log/slog"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/obs"
)

// Routes lists every pattern of the public listener and of the private one, without a program that serves them.
func Routes() (public, private []httpx.Route) {
	p := skeleton()
	p.cfg = Config{PublicURL: "http://localhost", LabsDomain: "labs.localhost"}
	p.metrics = obs.New(slog.New(slog.DiscardHandler))
	_, mux := p.handler()
	return mux.Routes(), p.metrics.Handler(func(context.Context) error { return nil }).Routes()
}
