package auditlog

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

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Bounds of one export.
const (
	exportMost = 100_000
	writeTime  = 10 * time.Second // for which a client may take nothing
	exportTime = 5 * time.Minute
)

var errExports = errs.Limited("too_many_exports", "Others export audit logs at this moment. Try again in a minute.")

// export streams entries as CSV or JSON Lines, and leaves an entry that says so before the first is sent.
func (s *Service) export(ctx context.Context, f Filter, format string, detail map[string]any) (*huma.StreamResponse, error) {
	if !f.From.IsZero() && !f.To.IsZero() && !f.To.After(f.From) {
		return nil, errTimes
	}
	select {
	case s.exporting <- struct{}{}:
	default:
		return nil, errExports
	}
	detail["format"] = format
	err := s.DB.InWholeTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error { return audit.Record(ctx, tx, "audit.exported", "", detail) })
	if err != nil {
		<-s.exporting
		return nil, err
	}
	if format == "jsonl" {
		s.sealed(ctx)
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) { //nolint:contextcheck // the stream's context is its request's
		defer func() { <-s.exporting }()
		ctx, cancel := context.WithTimeout(hctx.Context(), exportTime)
		defer cancel()
		kind, name := "text/csv; charset=utf-8", "audit.csv"
		if format == "jsonl" {
			kind, name = "application/jsonl", "audit.jsonl"
		}
		hctx.SetHeader("Content-Type", kind)
		hctx.SetHeader("Content-Disposition", `attachment; filename="`+name+`"`)
		if err := s.write(ctx, patient(hctx.BodyWriter()), f, format); err != nil {
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
func (s *Service) sealed(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sealWait)
	defer cancel()
	scope, _ := tenancy.From(ctx)
	look := time.NewTicker(sealLook)
	defer look.Stop()
	for {
		if state, err := s.Chain.State(ctx, scope.Tenant); err != nil || state.Waiting == 0 {
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

func (s *Service) write(ctx context.Context, out io.Writer, f Filter, format string) error {
	return s.DB.SnapshotInTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error {
		if err := db.Allow(ctx, tx, policy.TenantRead, tenancy.Whole{}); err != nil {
			return err
		}
		if format == "jsonl" {
			return writeLines(ctx, tx, out, f)
		}
		return writeCSV(ctx, tx, out, f)
	})
}

// writeLines writes entries, and then the seals that prove them, as cloudkida audit verify --file reads them.
func writeLines(ctx context.Context, tx pgx.Tx, out io.Writer, f Filter) error {
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	ids, first := map[uuid.UUID]struct{}{}, time.Time{}
	err := each(ctx, tx, f, exportMost, func(e Entry) error {
		if ids[e.ID] = struct{}{}; first.IsZero() || e.At.Before(first) {
			first = e.At
		}
		return lines.Encode(chain.Line{Entry: &chain.Entry{
			ID: e.ID, At: e.At, Actor: e.Actor, Action: e.Action, Target: e.Target, Detail: e.Detail, Request: e.Request,
			Kind: string(e.Kind), Before: e.Before, After: e.After, Address: e.Address,
		}})
	})
	if err != nil {
		return err
	}
	return chain.Proofs(ctx, tx, ids, first, func(l chain.Line) error { return lines.Encode(l) })
}

func writeCSV(ctx context.Context, tx pgx.Tx, out io.Writer, f Filter) error {
	rows := csv.NewWriter(out)
	if err := rows.Write([]string{"time", "actor", "kind", "action", "target", "detail", "before", "after", "request", "address", "id"}); err != nil {
		return err
	}
	err := each(ctx, tx, f, exportMost, func(e Entry) error {
		actor := ""
		if e.Actor != nil {
			actor = e.Actor.String()
		}
		return rows.Write([]string{
			e.At.UTC().Format(time.RFC3339Nano), actor, string(e.Kind), cell(e.Action), cell(e.Target), cell(string(e.Detail)), cell(string(e.Before)),
			cell(string(e.After)), cell(e.Request), cell(e.Address), e.ID.String(),
		})
	})
	rows.Flush()
	if err != nil {
		return err
	}
	return rows.Error()
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
