package job

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"riverqueue.com/riverui"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// ConsolePath is where the console is on the private listener.
const ConsolePath = "/jobs"

// What the console may use of the database: it must never be what jobs wait for.
const (
	consoleConnections = 2
	consoleTime        = 10 * time.Second
)

// consolePolicy lets River's page load what comes with it and talk to its own listener. Its parts add styles to the page,
// which cannot be named beforehand; with nowhere else to load from or to send to, styles tell nobody anything.
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// readOnly is what River's page tells whoever presses one of its buttons, in the form that it takes from its own API.
const readOnly = `{"message":"This page only shows jobs. Its buttons change nothing."}`

var errForeignHost = errs.Forbidden("foreign_host", "The jobs console is not served under this host name. Open it by an IP address, as localhost, or by the name in --ops-listen.")

// Console is River's own web page, which shows operators what jobs there are and why one failed. It asks nobody who they
// are, as everything on the private listener; therefore it only reads, and shows nothing of jobs but ids and of errors but what
// they are.
type Console struct {
	pool    *pgxpool.Pool
	host    string // that the private listener was given by name
	handler http.Handler
}

// NewConsole returns a console that reads as the role of the given pool, through a few connections of its own on which
// every transaction is read-only, whatever River's page would do. listen is the private listener's address.
func NewConsole(ctx context.Context, worker *pgxpool.Pool, listen string, log *slog.Logger) (*Console, error) {
	pool, err := db.OpenReadOnly(ctx, worker, consoleConnections, consoleTime)
	if err != nil {
		return nil, err
	}
	client, err := river.NewClient(idsOnly{riverpgxv5.New(pool)}, &river.Config{Schema: Schema, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("river client of the jobs console: %w", err)
	}
	// Without its Start, which would count all jobs again and again although nobody looks: counts are then made when they
	// are asked for, bounded by River, and those of very many are estimates.
	page, err := riverui.NewHandler(&riverui.HandlerOpts{Endpoints: riverui.NewEndpoints(client, nil), Logger: log, Prefix: ConsolePath})
	if err != nil {
		return nil, fmt.Errorf("jobs console: %w", err)
	}
	host, _, _ := net.SplitHostPort(listen) // which was listened on
	return &Console{pool: pool, host: strings.ToLower(host), handler: page}, nil
}

// Close ends the console's connections.
func (c *Console) Close() {
	if c != nil && c.pool != nil {
		c.pool.Close()
	}
}

// Mount adds the console to the private listener's addresses.
func (c *Console) Mount(mux *httpx.Mux) { mux.Handle(ConsolePath+"/", httpx.OpsListener, c) }

// ServeHTTP shows the page and answers what it asks.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", consolePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !c.own(r.Host):
		httpx.WriteProblem(w, r, errForeignHost)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		h.Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMethodNotAllowed)
		_, _ = io.WriteString(w, readOnly) // the client may be gone
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), consoleTime)
	defer cancel()
	c.handler.ServeHTTP(w, r.WithContext(ctx))
}

// own tells whether a request names the listener as it is reached by right. A page elsewhere can let its own name point
// here and would then read the answers; no such name is an IP address or localhost.
func (c *Console) own(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "localhost" || host != "" && host == c.host
}

// idsOnly is River's driver as the console uses it: of what jobs carry it shows ids, numbers and switches, of what went wrong
// the class alone. By the house's rule they carry nothing else; this holds for one that does all the same.
type idsOnly struct{ riverdriver.Driver[pgx.Tx] }

// UnwrapExecutor returns what River's page reads jobs by.
func (d idsOnly) UnwrapExecutor(tx pgx.Tx) riverdriver.ExecutorTx {
	return idsOnlyTx{d.Driver.UnwrapExecutor(tx)}
}

type idsOnlyTx struct{ riverdriver.ExecutorTx }

// JobGetByID reads one job.
func (x idsOnlyTx) JobGetByID(ctx context.Context, params *riverdriver.JobGetByIDParams) (*rivertype.JobRow, error) {
	row, err := x.ExecutorTx.JobGetByID(ctx, params)
	if err == nil {
		strip(row)
	}
	return row, err
}

// JobList reads some.
func (x idsOnlyTx) JobList(ctx context.Context, params *riverdriver.JobListParams) ([]*rivertype.JobRow, error) {
	rows, err := x.ExecutorTx.JobList(ctx, params)
	for _, row := range rows {
		strip(row)
	}
	return rows, err
}

func strip(row *rivertype.JobRow) {
	row.EncodedArgs, row.Metadata, row.Tags = stripJSON(row.EncodedArgs), stripJSON(row.Metadata), []string{}
	stripErrors(row.Errors)
}

// stripJSON replaces all texts but ids.
func stripJSON(text []byte) []byte {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return []byte(`{}`)
	}
	stripped, err := json.Marshal(stripValue(value))
	if err != nil {
		return []byte(`{}`)
	}
	return stripped
}

func stripValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = stripValue(v[key])
		}
	case []any:
		for n := range v {
			v[n] = stripValue(v[n])
		}
	case string:
		if uuid.Validate(v) != nil {
			return "(hidden)"
		}
	}
	return value
}
