// Package obs shows operators what the program does: one log line and one observation per request, and the metrics and
// health pages of the ops listener. Labels are bounded: routes are patterns, never paths.
package obs

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// Metrics are the program's own, beside those of the Go runtime and the process.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	gate     prometheus.Histogram
	log      *slog.Logger
}

// New returns metrics of one process.
func New(log *slog.Logger) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "cloudkida_http_request_seconds", Help: "Time to answer a request, by route and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "status"}),
		gate: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "cloudkida_gate_seconds", Help: "Time from a request's first line to its operation: who asks, their plan, their rights.",
			Buckets: []float64{10e-6, 15e-6, 20e-6, 25e-6, 30e-6, 40e-6, 50e-6, 75e-6, 100e-6, 125e-6, 150e-6, 200e-6, 300e-6, .001, .01, .1, 1},
		}),
		log: log,
	}
	m.registry.MustRegister(m.requests, m.gate, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a number that is read when the metrics are.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter adds a count of events by a label of few values; what it returns counts one.
func (m *Metrics) Counter(name, help, label string) func(value string) {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	m.registry.MustRegister(c)
	return func(value string) { c.WithLabelValues(value).Inc() }
}

// Request observes one answered request; it is the log of httpx.Base.
func (m *Metrics) Request(r *http.Request, status int, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "none"
	}
	if status == 0 {
		status = http.StatusOK // a hijacked connection, such as a WebSocket
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	// The pattern, not the path: paths and queries may hold what must not be in a log.
	m.log.Log(r.Context(), level, "request", "route", route, "status", status, "took", took)
}

// Passed observes a request that the gate has let through.
func (m *Metrics) Passed(took time.Duration) { m.gate.Observe(took.Seconds()) }

// Handler serves /metrics, /healthz, /readyz and the profiler; it belongs on a private listener.
func (m *Metrics) Handler(ready func(context.Context) error) *httpx.Mux {
	mux := httpx.NewMux()
	mux.Handle("GET /metrics", httpx.OpsListener, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	AddHealth(mux, ready)
	mux.HandleFunc("GET /debug/pprof/", httpx.OpsListener, pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", httpx.OpsListener, pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", httpx.OpsListener, pprof.Trace)
	return mux
}

// AddHealth adds /healthz (the process answers) and /readyz (it can do its work).
func AddHealth(mux *httpx.Mux, ready func(context.Context) error) {
	mux.HandleFunc("GET /healthz", httpx.Anybody, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", httpx.Anybody, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			m := "not ready: the database does not answer\n"
			http.Error(w, m, http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
}
