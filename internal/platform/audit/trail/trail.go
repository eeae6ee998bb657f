// Package trail is what an organisation's audit log and the operators' log have in common for those who read them: how entries
// are found, paged and exported, and what is told of their seals. Whose log it is and who may read it says the caller.
package trail

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

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
	Tenant  *uuid.UUID      `json:"tenant,omitempty" doc:"In the operators' log: which organisation it was about"`
	Title   string          `json:"tenantTitle,omitempty" doc:"In the operators' log: the organisation's name"`
	Reason  string          `json:"reason,omitempty" doc:"In the operators' log: why it was done"`
}

// Filter selects entries; zero values select all.
type Filter struct {
	Action   string // its start
	Actor    uuid.NullUUID
	Tenant   uuid.NullUUID // of the operators' log
	Target   string
	Address  string
	Request  string
	Text     string // anywhere in the target, the detail and what changed; letters of either case
	From, To time.Time
}

// Page is a page of entries, the newest first.
type Page struct {
	Items []Entry `json:"items" nullable:"false"`
	Next  string  `json:"next,omitempty" doc:"Cursor of the next page; absent on the last. With q a page may have few entries or none and still a next"`
}

// Names gives the names of people.
type Names func(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]string, error)

// Log is how one of the logs is read. Its table is called audit_entry in the schema that the reader is in.
type Log struct {
	// Name of the list: a cursor of one is no cursor of the other.
	Name string
	// Columns are those of an Entry, of the table e.
	Columns string
	// Text is what a text is looked for in, beside what every log has.
	Text string
}

const common = `e.id, e.at, e.actor, '' as name, e.kind, e.action, e.target, e.detail, e.before, e.after, e.request, e.address, `

// Organisation is the log of an organisation.
func Organisation() Log {
	return Log{Name: "audit", Columns: common + `null::uuid as tenant, '' as title, '' as reason`, Text: `''`}
}

// Operators is the operators' log, in the schema control.
func Operators() Log {
	return Log{
		Name:    "operator-audit",
		Columns: common + `e.tenant_id as tenant, coalesce((select t.title from control.tenant t where t.id = e.tenant_id), '') as title, e.reason`,
		Text:    `e.reason || ' ' || coalesce((select t.title from control.tenant t where t.id = e.tenant_id), '')`,
	}
}

// Row is what a Read gets: an entry, or where it stopped to look for a text.
type Row struct {
	Entry
	Matches bool
	Seen    int64
}

// Read runs a statement that gives rows, as somebody who may see the log.
type Read func(ctx context.Context, sql string, args pgx.NamedArgs) ([]Row, error)

// Bounds of a search and of an export.
const (
	scanMost   = 5000 // entries that one page looks through for a text, after everything that has an index
	exportPage = 1000 // entries that are read at once
	ExportMost = 100_000
)

// slack is how much later an entry's id may be than its time, which is that of the transaction's beginning.
const slack = 24 * time.Hour

// Errors of those who ask.
var (
	errID    = errs.Malformed("invalid_id", "The id of a person or an organisation is not one of ours.")
	errTimes = errs.Invalid("invalid_time", "The end of the time must be after its beginning.")
)

// Check says what is wrong with a filter.
func (f Filter) Check() error {
	if !f.From.IsZero() && !f.To.IsZero() && !f.To.After(f.From) {
		return errTimes
	}
	return nil
}

// conditions are a filter as SQL, but for the text. Each that is there has an index, or narrows down ids.
func (f Filter) conditions() (where string, args pgx.NamedArgs) {
	all, args := []string{"true"}, pgx.NamedArgs{}
	add := func(name string, value any, condition string) {
		all = append(all, condition)
		args[name] = value
	}
	if f.Action != "" {
		// A range, and no pattern: of a pattern PostgreSQL does not know whether it tells of rows that row level security
		// hides, so it would read every row before it.
		add("action", f.Action, "e.action ~>=~ @action and e.action ~<~ (@action || chr(1114111))")
	}
	if f.Actor.Valid {
		add("actor", f.Actor.UUID, "e.actor = @actor")
	}
	if f.Tenant.Valid {
		add("tenant", f.Tenant.UUID, "e.tenant_id = @tenant")
	}
	for name, value := range map[string]string{"target": f.Target, "address": f.Address, "request": f.Request} {
		if value != "" {
			add(name, value, "e."+name+" = @"+name)
		}
	}
	if !f.From.IsZero() {
		add("from", f.From, "e.at >= @from")
		add("least", idAt(f.From), "e.id >= @least")
	}
	if !f.To.IsZero() {
		add("to", f.To, "e.at < @to")
		add("most", idAt(f.To.Add(slack)), "e.id < @most")
	}
	return strings.Join(all, " and "), args
}

// idAt is the least UUIDv7 of a time.
func idAt(t time.Time) (id uuid.UUID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(0, t.UnixMilli())))
	copy(id[:6], ms[2:])
	id[6], id[8] = 0x70, 0x80
	return id
}

// Entries is how a log is listed: by age.
func (l Log) Entries() list.List[Entry] {
	return list.List[Entry]{
		Name: l.Name, ID: func(e Entry) string { return e.ID.String() }, IDSQL: "e.id", Sorts: []list.Sort[Entry]{{Name: "at", Down: true}},
	}
}

// List returns a page of entries.
func (l Log) List(ctx context.Context, read Read, names Names, f Filter, q list.Query) (page Page, err error) {
	at, err := l.Entries().At(q)
	if err != nil {
		return Page{}, err
	}
	if err := f.Check(); err != nil {
		return Page{}, err
	}
	found, last, err := l.search(ctx, read, f, at)
	if err != nil {
		return Page{}, err
	}
	found, page.Next = l.Entries().Page(at, found)
	if page.Next == "" && last.Valid { // not all that there is was looked through
		page.Next = l.Entries().Next(at, Entry{ID: last.UUID})
	}
	page.Items, err = names.add(ctx, found)
	return page, err
}

// add adds the names of the actors.
func (n Names) add(ctx context.Context, entries []Entry) ([]Entry, error) {
	if entries == nil {
		entries = []Entry{}
	}
	var actors []uuid.UUID
	for _, e := range entries {
		if e.Actor != nil {
			actors = append(actors, *e.Actor)
		}
	}
	names, err := n(ctx, actors)
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

// search returns a page of entries and one more. Where it did not look through all that there is, last is where it stopped.
func (l Log) search(ctx context.Context, read Read, f Filter, at list.Position) (found []Entry, last uuid.NullUUID, err error) {
	where, args := f.conditions()
	where += " and " + l.Entries().Where(at)
	args["limit"] = at.Limit + 1
	args, order, furthest := l.Entries().Args(at, args), l.Entries().By(at), "max"
	if l.Entries().Down(at) {
		furthest = "min"
	}
	sql := `select ` + l.Columns + `, true, 0 from audit_entry e where ` + where + ` order by ` + order + ` limit @limit`
	if f.Text != "" {
		args["text"], args["scan"] = strings.ToLower(f.Text), scanMost
		sql = `
		with w as materialized (select * from audit_entry e where ` + where + ` order by ` + order + ` limit @scan),
		n as (select count(*) as seen, ` + furthest + `(id::text)::uuid as furthest from w),
		hit as (select ` + l.Columns + ` from w e
			where strpos(lower(concat_ws(' ', e.target, e.action, e.detail::text, e.before::text, e.after::text, ` + l.Text + `)), @text) > 0
			order by ` + order + ` limit @limit)
		select h.*, true, n.seen from hit h, n
		union all select n.furthest, now(), null, '', 'program', '', '', '{}', null, null, '', '', null, '', '', false, n.seen from n where n.seen = @scan`
	}
	rows, err := read(ctx, sql, args)
	if err != nil {
		return nil, last, fmt.Errorf("read audit log: %w", err)
	}
	for _, r := range rows {
		if r.Matches {
			found = append(found, r.Entry)
		} else {
			last = uuid.NullUUID{UUID: r.ID, Valid: true}
		}
	}
	return found, last, nil
}

// has tells whether an entry has the text that is looked for.
func (f Filter) has(e Entry) bool {
	if f.Text == "" {
		return true
	}
	all := strings.Join([]string{e.Target, e.Action, string(e.Detail), string(e.Before), string(e.After), e.Reason, e.Title}, " ")
	return strings.Contains(strings.ToLower(all), strings.ToLower(f.Text))
}

// each calls fn for every entry of a filter, the oldest first, until there were most of them.
func (l Log) each(ctx context.Context, tx pgx.Tx, f Filter, most int, fn func(Entry) error) error {
	n := 0
	where, args := f.conditions()
	args["limit"] = exportPage
	var after uuid.UUID
	for n < most {
		args["after"] = after
		rows, err := tx.Query(ctx, `select `+l.Columns+` from audit_entry e where `+where+` and e.id > @after order by e.id limit @limit`, args)
		if err != nil {
			return fmt.Errorf("read audit log: %w", err)
		}
		page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Entry])
		if err != nil {
			return fmt.Errorf("read audit log: %w", err)
		}
		for _, e := range page {
			if f.has(e) {
				if err := fn(e); err != nil {
					return err
				}
				if n++; n == most {
					return nil
				}
			}
			after = e.ID
		}
		if len(page) < exportPage {
			return nil
		}
	}
	return nil
}
