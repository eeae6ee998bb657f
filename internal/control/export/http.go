package export

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/platform/httpx"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// View is an export in the API.
type View struct {
	ID        uuid.UUID  `json:"id"`
	Workflow  uuid.UUID  `json:"workflow" doc:"What makes it, step by step"`
	State     State      `json:"state" enum:"pending,ready,failed"`
	Error     string     `json:"error,omitempty" doc:"Why the last try failed"`
	By        uuid.UUID  `json:"by" doc:"Who asked for it"`
	Operator  bool       `json:"operator" doc:"Whether an operator of the installation asked for it"`
	Reason    string     `json:"reason,omitempty" doc:"Why an operator did"`
	Rows      int64      `json:"rows"`
	Bytes     int64      `json:"bytes" doc:"Of the archive"`
	Manifest  string     `json:"manifest,omitempty" doc:"SHA-256 of the archive's manifest.json, in hexadecimal: keep it apart from the archive"`
	CreatedAt time.Time  `json:"createdAt"`
	EndedAt   *time.Time `json:"endedAt,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"When it is deleted"`
}

func view(e Export) View {
	return View{
		ID: e.ID, Workflow: e.Workflow, State: e.State, Error: e.Error, By: e.By, Operator: e.Operator, Reason: e.Reason, Rows: e.Rows,
		Bytes: e.Bytes, Manifest: hex.EncodeToString(e.Manifest), CreatedAt: e.CreatedAt, EndedAt: e.EndedAt, ExpiresAt: e.ExpiresAt,
	}
}

// Exports are the newest of a tenant.
type Exports struct {
	Items []View `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// listed is how exports are listed: few are kept.
func listed() list.List[View] {
	return list.List[View]{Name: "exports", ID: func(v View) string { return v.ID.String() }, Whole: true, Sorts: []list.Sort[View]{{Name: "created", Down: true}}}
}

type output[T any] struct{ Body T }

func reply(e Export, err error) (*output[View], error) {
	if err != nil {
		return nil, err
	}
	return &output[View]{view(e)}, nil
}

func replyList(q list.Query, found []Export, err error) (*output[Exports], error) {
	if err != nil {
		return nil, err
	}
	out := &output[Exports]{Exports{Items: make([]View, len(found))}}
	for i, e := range found {
		out.Body.Items[i] = view(e)
	}
	return out, listed().Into(q, &out.Body.Items, &out.Body.Next)
}

// API serves owners and operators.
type API struct {
	*Service
	// Still tells whether the caller of a long download may go on.
	Still func(ctx context.Context) error
}

type idInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

type tenantRequest struct {
	Tenant uuid.UUID `path:"tenant" format:"uuid"`
	Body   struct {
		Reason string `json:"reason" minLength:"5" maxLength:"500" doc:"Why the organisation's data is needed; its audit log shows it"`
	}
}

type tenantExport struct {
	Tenant uuid.UUID `path:"tenant" format:"uuid"`
	ID     uuid.UUID `path:"id" format:"uuid"`
}

// Register adds the routes: for a tenant's owners, and for operators with their own permissions.
func (a *API) Register(api huma.API, owner, read, write tenancy.Permission) {
	request := httpx.Weighing(httpx.Operation(http.MethodPost, "/v1/tenant/exports", "request-export", owner, "Export the organisation's data", "tenant"), 20)
	request.DefaultStatus = http.StatusAccepted
	request.Errors = append(request.Errors, http.StatusConflict)
	huma.Register(api, request, func(ctx context.Context, _ *struct{}) (*output[View], error) { return reply(a.Request(ctx)) })
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, "/v1/tenant/exports", "list-exports", owner, "Exports of the organisation's data, the newest first", "tenant")),
		func(ctx context.Context, in *list.Query) (*output[Exports], error) {
			found, err := a.List(ctx)
			return replyList(*in, found, err)
		})
	huma.Register(api, download("/v1/tenant/exports/{id}/archive", "download-export", owner, "tenant"),
		func(ctx context.Context, in *idInput) (*huma.StreamResponse, error) {
			e, f, err := a.Open(ctx, in.ID)
			return a.stream(ctx, e, f, err)
		})

	const base = "/v1/operator/tenants/{tenant}/exports"
	requestFor := httpx.Weighing(httpx.Operation(http.MethodPost, base, "request-tenant-export", write, "Export an organisation's data; its audit log shows the reason", "operator"), 20)
	requestFor.DefaultStatus = http.StatusAccepted
	requestFor.Errors = append(requestFor.Errors, http.StatusConflict, http.StatusNotFound)
	huma.Register(api, requestFor, func(ctx context.Context, in *tenantRequest) (*output[View], error) {
		return reply(a.RequestFor(ctx, in.Tenant, in.Body.Reason))
	})
	huma.Register(api, listed().Operation(httpx.Operation(http.MethodGet, base, "list-tenant-exports", read, "Exports of an organisation's data, the newest first", "operator")),
		func(ctx context.Context, in *struct {
			Tenant uuid.UUID `path:"tenant" format:"uuid"`
			list.Query
		}) (*output[Exports], error) {
			found, err := a.ListOf(ctx, in.Tenant)
			return replyList(in.Query, found, err)
		})
	huma.Register(api, download(base+"/{id}/archive", "download-tenant-export", write, "operator"),
		func(ctx context.Context, in *tenantExport) (*huma.StreamResponse, error) {
			e, f, err := a.OpenFor(ctx, in.Tenant, in.ID)
			return a.stream(ctx, e, f, err)
		})
}

func download(path, id string, p tenancy.Permission, tag string) huma.Operation {
	op := httpx.Weighing(httpx.Operation(http.MethodGet, path, id, p, "Download an archive, from any byte on (Range)", tag), 5)
	op.Errors = append(op.Errors, http.StatusNotFound, http.StatusConflict)
	content := map[string]*huma.MediaType{"application/gzip": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The archive", Content: content},
		"206": {Description: "A part of it", Content: content},
	}
	return op
}

// stream sends an archive. The answer has no length in time, so that each write has: a client that takes nothing is
// dropped, and one whose rights are gone is out within seconds.
func (a *API) stream(ctx context.Context, e Export, f *File, err error) (*huma.StreamResponse, error) {
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer f.Close() //nolint:errcheck // it was only read
		r, w := humago.Unwrap(hctx)
		h := w.Header()
		h.Set("Content-Type", "application/gzip")
		h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="cloudkida-export-%s.tar.gz"`, e.CreatedAt.UTC().Format("20060102-150405")))
		h.Set("ETag", `"`+hex.EncodeToString(e.Manifest)+`"`)
		out := &guarded{ResponseWriter: w, control: http.NewResponseController(w), still: func() error { return a.Still(ctx) }}
		http.ServeContent(out, r, "", f.ModTime, f)
	}}, nil
}

// Times of a download.
const (
	writeTime  = 30 * time.Second // for one write, of some 32 kB
	guardEvery = 4 * time.Second
)

// guarded is a response that ends when its reader stops or loses the right to read.
type guarded struct {
	http.ResponseWriter
	control *http.ResponseController
	still   func() error
	asked   time.Time
}

// Write sends a part.
func (g *guarded) Write(b []byte) (int, error) {
	now := time.Now()
	if g.asked.IsZero() {
		g.asked = now
	}
	if now.Sub(g.asked) >= guardEvery {
		if err := g.still(); err != nil {
			return 0, err
		}
		g.asked = now
	}
	if err := g.control.SetWriteDeadline(now.Add(writeTime)); err != nil {
		return 0, fmt.Errorf("download: %w", err)
	}
	return g.ResponseWriter.Write(b)
}
