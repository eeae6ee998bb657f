package trail

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Bounds of one export.
const (
	writeTime  = 10 * time.Second // for which a client may take nothing
	exportTime = 5 * time.Minute
)

// jsonl is the format that proves itself; the other one is csv.
const jsonl = "jsonl"

// Format is which of both an export has.
type Format struct {
	Format string `query:"format" enum:"csv,jsonl" default:"csv"`
}

// ErrExports says that a process writes as many exports as it may.
var ErrExports = errs.Limited("too_many_exports", "Others export audit logs at this moment. Try again in a minute.")

// maxExporting is how many exports a process writes at once: each holds a connection of the database.
const maxExporting = 3

// Exporter bounds how many exports a process writes at once.
type Exporter struct {
	Chain *chain.Verifier
	slots chan struct{}
}

// NewExporter returns an Exporter of logs that a Verifier can check.
func NewExporter(v *chain.Verifier) *Exporter {
	return &Exporter{Chain: v, slots: make(chan struct{}, maxExporting)}
}

// Export is what one export needs.
type Export struct {
	Log    Log
	Tenant uuid.UUID // chain.Operators for the operators' log
	Name   string    // of the file, without its extension
	Filter Filter
	Format string
	// Begin leaves the entry that says so, before the first one is sent.
	Begin func(ctx context.Context) error
	// In runs fn as of one moment, where the log is, for those who may see it.
	In func(ctx context.Context, fn func(pgx.Tx) error) error
}

// Responses describe what an export answers.
func Responses() map[string]*huma.Response {
	return map[string]*huma.Response{"200": {Description: "The entries; JSON Lines have the seals that prove them as well", Content: map[string]*huma.MediaType{
		"text/csv": {Schema: &huma.Schema{Type: huma.TypeString}}, "application/jsonl": {Schema: &huma.Schema{Type: huma.TypeString}},
	}}}
}

// Stream answers with entries as CSV or JSON Lines, the oldest first.
func (x *Exporter) Stream(ctx context.Context, e Export) (*huma.StreamResponse, error) {
	if err := e.Filter.Check(); err != nil {
		return nil, err
	}
	select {
	case x.slots <- struct{}{}:
	default:
		return nil, ErrExports
	}
	if err := e.Begin(ctx); err != nil {
		<-x.slots
		return nil, err
	}
	if e.Format == jsonl {
		x.sealed(ctx, e.Tenant)
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // the stream's context is its request's
		defer func() { <-x.slots }()
		ctx, cancel := context.WithTimeout(hctx.Context(), exportTime)
		defer cancel()
		kind, name := "text/csv; charset=utf-8", e.Name+".csv"
		if e.Format == jsonl {
			kind, name = "application/jsonl", e.Name+".jsonl"
		}
		hctx.SetHeader("Content-Type", kind)
		hctx.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		if err := e.write(ctx, patient(hctx.BodyWriter())); err != nil {
			panic(http.ErrAbortHandler) // the answer has begun: whoever reads it must see that it is cut
		}
	}}, nil
}

// How long an export waits for the sealer, so that what was done a moment ago has its proof as well.
const (
	sealWait = 3 * time.Second
	sealLook = 100 * time.Millisecond
)

// sealed waits until nothing waits for its seal, for a while. What is not sealed by then is exported without.
func (x *Exporter) sealed(ctx context.Context, tenant uuid.UUID) {
	ctx, cancel := context.WithTimeout(ctx, sealWait)
	defer cancel()
	look := time.NewTicker(sealLook)
	defer look.Stop()
	for {
		if state, err := x.Chain.State(ctx, tenant); err != nil || state.Waiting == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// patient gives each write its own time: an answer of minutes has none as a whole.
func patient(w io.Writer) io.Writer {
	if out, ok := w.(http.ResponseWriter); ok {
		return &patientWriter{Writer: out, control: http.NewResponseController(out)}
	}
	return w
}

type patientWriter struct {
	io.Writer
	control *http.ResponseController
}

func (p *patientWriter) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, fmt.Errorf("write the export: %w", err)
	}
	return p.Writer.Write(b)
}

func (e Export) write(ctx context.Context, out io.Writer) error {
	return e.In(ctx, func(tx pgx.Tx) error {
		if e.Format == jsonl {
			return e.writeLines(ctx, tx, out)
		}
		return e.writeCSV(ctx, tx, out)
	})
}

// writeLines writes entries, and then the seals that prove them, as cloudkida audit verify --file reads them.
func (e Export) writeLines(ctx context.Context, tx pgx.Tx, out io.Writer) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	ids, first := map[uuid.UUID]struct{}{}, time.Time{}
	err := e.Log.each(ctx, tx, e.Filter, ExportMost, func(e Entry) error {
		if ids[e.ID] = struct{}{}; first.IsZero() || e.At.Before(first) {
			first = e.At
		}
		return lines.Encode(chain.Line{Entry: &chain.Entry{
			ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Target: e.Target, Detail: e.Detail, Request: e.Request,
			Kind: string(e.Kind), Before: e.Before, After: e.After, Address: e.Address, Tenant: e.Tenant, Reason: e.Reason,
		}})
	})
	if err != nil {
		return err
	}
	return chain.Proofs(ctx, tx, ids, first, func(l chain.Line) error { return lines.Encode(l) })
}

func (e Export) writeCSV(ctx context.Context, tx pgx.Tx, out io.Writer) error {
	rows := csv.NewWriter(out)
	header := []string{"time", "actor", "kind", "action", "target", "detail", "before", "after", "request", "address", "id"}
	operators := e.Tenant == chain.Operators()
	if operators {
		header = append(header, "tenant", "reason")
	}
	if err := rows.Write(header); err != nil {
		return err
	}
	err := e.Log.each(ctx, tx, e.Filter, ExportMost, func(e Entry) error {
		line := []string{
			e.At.UTC().Format(time.RFC3339Nano), text(e.Actor), string(e.Kind), cell(e.Action), cell(e.Target), cell(string(e.Detail)), cell(string(e.Before)),
			cell(string(e.After)), cell(e.Request), cell(e.Address), e.ID.String(),
		}
		if operators {
			line = append(line, text(e.Tenant), cell(e.Reason))
		}
		return rows.Write(line)
	})
	rows.Flush()
	if err != nil {
		return err
	}
	return rows.Error()
}

func text(id *uuid.UUID) string {
	if id == nil {
		return ""
	}
	return id.String()
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(text string) string {
	if text == "" {
		return ""
	}
	switch text[0] {
	case '=', '+', '-', '@', '\t', '\r':
		return "'" + text
	}
	return text
}
