// Package auditlog shows a tenant's audit log: to those of its people who may see it, and to operators who have entered the
// tenant with a reason, which the log shows as well. It finds entries, exports them, and checks the log's seals.
package auditlog

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/audit"
	"github.com/cloudkida/cloudkida/internal/platform/audit/chain"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Entry is one change, one look by an operator, or what was denied.
type Entry struct {
	ID      uuid.UUID       `json:"id"`
	At      time.Time       `json:"at"`
	Actor   *uuid.UUID      `json:"actor,omitempty" doc:"Who did it; absent for the program itself"`
	Name    string          `json:"actorName,omitempty" doc:"Of the actor, if it is still known"`
	Kind    tenancy.Kind    `json:"actorKind" enum:"person,machine,key,operator,program" doc:"What the actor is"`
	Action  string          `json:"action" example:"lab.published"`
	Target  string          `json:"target"`
	Detail  json.RawMessage `json:"detail" doc:"An object; its members depend on the action"`
	Before  json.RawMessage `json:"before,omitempty" doc:"What has changed, as it was; absent for what was made"`
	After   json.RawMessage `json:"after,omitempty" doc:"What has changed, as it is; absent for what was removed"`
	Request string          `json:"request,omitempty" doc:"Id of the request"`
	Address string          `json:"address,omitempty" doc:"Of the network that the request came from"`
}

// Filter selects entries; zero values select all.
type Filter struct {
	Action   string // its start
	Actor    uuid.NullUUID
	Target   string
	Address  string
	Request  string
	Text     string // anywhere in the target, the detail and what changed; letters of either case
	From, To time.Time
}

// Service reads audit logs.
type Service struct {
	DB *db.DB
	// Names gives the names of people.
	Names func(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error)
	// Inside tells whether the operator in ctx has entered a tenant.
	Inside func(ctx context.Context, tenant uuid.UUID) error
	Chain  *chain.Verifier
	// Exporting bounds how many exports are written at once; it is made by New.
	exporting chan struct{}
}

// maxExporting is how many exports a process writes at once: each holds a connection of the database.
const maxExporting = 3

// New returns a Service.
func New(data *db.DB, names func(context.Context, []uuid.UUID) (map[uuid.UUID]string, error), inside func(context.Context, uuid.UUID) error, v *chain.Verifier) *Service {
	return &Service{DB: data, Names: names, Inside: inside, Chain: v, exporting: make(chan struct{}, maxExporting)}
}

// Page is a page of entries, the newest first.
type Page struct {
	Items []Entry `json:"items" nullable:"false"`
	Next  string  `json:"next,omitempty" doc:"Cursor of the next page; absent on the last. With q a page may have few entries or none and still a next"`
}

var (
	errID    = errs.Malformed("invalid_id", "The id of a person is not one of ours.")
	errTimes = errs.Invalid("invalid_time", "The end of the time must be after its beginning.")
)

// List returns a page of entries.
func (s *Service) List(ctx context.Context, p tenancy.Permission, f Filter, q list.Query) (Page, error) {
	at, err := entries().At(q)
	if err != nil {
		return Page{}, err
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.To.After(f.From) {
		return Page{}, errTimes
	}
	found, last, err := search(ctx, s.DB, p, f, at)
	if err != nil {
		return Page{}, err
	}
	page := Page{}
	found, page.Next = entries().Page(at, found)
	if page.Next == "" && last.Valid { // not all that there is was looked through
		page.Next = entries().Next(at, Entry{ID: last.UUID})
	}
	page.Items, err = s.named(ctx, found)
	return page, err
}

// named adds the names of the actors.
func (s *Service) named(ctx context.Context, entries []Entry) ([]Entry, error) {
	if entries == nil {
		entries = []Entry{}
	}
	var actors []uuid.UUID
	for _, e := range entries {
		if e.Actor != nil {
			actors = append(actors, *e.Actor)
		}
	}
	names, err := s.Names(ctx, actors)
	if err != nil {
		return nil, err
	}
	for n, e := range entries {
		if e.Actor != nil {
			entries[n].Name = names[*e.Actor]
		}
	}
	return entries, nil
}

// Seals is how far a log is sealed, and when it was last checked.
type Seals struct {
	Seq      int64      `json:"seq" doc:"Number of the last seal; 0: there is none yet"`
	Hash     string     `json:"hash" doc:"SHA-256 of the last seal: keep SEQ:HASH apart, and cloudkida audit verify --holds proves that the log still has it"`
	SealedAt *time.Time `json:"sealedAt,omitempty"`
	Waiting  int64      `json:"waiting" doc:"Entries that wait for their seal, which takes a second"`
	Deleted  int64      `json:"deleted" doc:"Entries that were deleted because they were older than the plan keeps them"`
	Verified *Verified  `json:"verified,omitempty" doc:"The last check that somebody asked for"`
}

// Verified is a check that was made.
type Verified struct {
	At     time.Time `json:"at"`
	Intact bool      `json:"intact"`
	Seq    int64     `json:"seq" doc:"Up to which seal"`
}

// actionVerified is the entry that a check leaves.
const actionVerified = "audit.verified"

// Seals tells how far the caller's log is sealed.
func (s *Service) Seals(ctx context.Context) (out Seals, err error) {
	checked, err := db.ReadInTenant(ctx, s.DB, policy.TenantRead, `
		select at, (detail->>'intact')::boolean, (detail->>'seq')::bigint from audit_entry
		where action = @action order by action, id desc limit 1`, pgx.NamedArgs{"action": actionVerified}, pgx.RowToStructByPos[Verified])
	if err != nil {
		return out, err
	}
	scope, _ := tenancy.From(ctx)
	state, err := s.Chain.State(ctx, scope.Tenant)
	if err != nil {
		return out, err
	}
	out = Seals{Seq: state.Head.Seq, Hash: state.Head.Hash, Waiting: state.Waiting, Deleted: state.Deleted}
	if state.Head.Seq > 0 {
		out.SealedAt = &state.Head.SealedAt
	}
	if len(checked) > 0 {
		out.Verified = &checked[0]
	}
	return out, nil
}

// verifyTime bounds a check that somebody waits for; the command line takes as long as it takes.
const verifyTime = 20 * time.Second

// Verify checks the caller's log and leaves an entry that says how it came out.
func (s *Service) Verify(ctx context.Context) (*chain.Report, error) {
	if err := s.DB.Allow(ctx, policy.TenantRead, tenancy.Whole{}); err != nil {
		return nil, err
	}
	scope, _ := tenancy.From(ctx)
	r, err := s.Chain.Verify(ctx, scope.Tenant, chain.Limits{Time: verifyTime})
	if err != nil {
		return nil, err
	}
	detail := map[string]any{"intact": r.Intact(), "seq": r.Head.Seq, "entries": r.Entries, "seals": r.Seals}
	if !r.Intact() {
		detail["first"] = r.Faults[0].String()
	}
	err = s.DB.InWholeTenant(ctx, policy.TenantRead, func(tx pgx.Tx) error {
		return audit.Record(ctx, tx, actionVerified, r.Head.String(), detail)
	})
	return r, err
}
