package auditlog

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/list"
	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

const columns = `e.id, e.at, e.actor, '' as name, e.kind, e.action, e.target, e.detail, e.before, e.after, e.request, e.address`

// scanMost is how many entries one page looks through for a text, after everything that has an index.
const scanMost = 5000

// slack is how much later an entry's id may be than its time, which is that of the transaction's beginning.
const slack = 24 * time.Hour

// conditions are a filter as SQL, but for the text. Each that is there has an index, or narrows down ids.
func (f Filter) conditions() (where string, args pgx.NamedArgs) {
	list, args := []string{"true"}, pgx.NamedArgs{}
	add := func(name string, value any, condition string) {
		list = append(list, condition)
		args[name] = value
	}
	if f.Action != "" {
		// A pattern that begins with the text itself is a range of the index.
		add("action", strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Action)+"%", "e.action like @action")
	}
	if f.Actor.Valid {
		add("actor", f.Actor.UUID, "e.actor = @actor")
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
	return strings.Join(list, " and "), args
}

// idAt is the least UUIDv7 of a time.
func idAt(t time.Time) (id uuid.UUID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(0, t.UnixMilli())))
	copy(id[:6], ms[2:])
	id[6], id[8] = 0x70, 0x80
	return id
}

// entries are listed by age.
func entries() list.List[Entry] {
	return list.List[Entry]{
		Name: "audit", ID: func(e Entry) string { return e.ID.String() }, IDSQL: "e.id", Sorts: []list.Sort[Entry]{{Name: "at", Down: true}},
	}
}

// search returns a page of entries and one more. Where it did not look through all that there is, last is where it stopped.
func search(ctx context.Context, d *db.DB, p tenancy.Permission, f Filter, at list.Position) (found []Entry, last uuid.NullUUID, err error) {
	where, args := f.conditions()
	where += " and " + entries().Where(at)
	args["limit"] = at.Limit + 1
	args, order, least := entries().Args(at, args), entries().By(at), "max"
	if entries().Down(at) {
		least = "min"
	}
	if f.Text == "" {
		found, err = db.ReadInTenant(ctx, d, p, `select `+columns+` from audit_entry e where `+where+` order by `+order+` limit @limit`, args, pgx.RowToStructByPos[Entry])
		if err != nil {
			return nil, last, fmt.Errorf("read audit log: %w", err)
		}
		return found, last, nil
	}
	args["text"], args["scan"] = strings.ToLower(f.Text), scanMost
	type scanned struct {
		Entry
		Matches bool
		Seen    int64
	}
	window := `(select * from audit_entry e where ` + where + ` order by ` + order + ` limit @scan)`
	rows, err := db.ReadInTenant(ctx, d, p, `
		with w as materialized `+window+`, n as (select count(*) as seen, `+least+`(id::text)::uuid as least from w),
		hit as (select `+columns+` from w e where strpos(lower(e.target || ' ' || e.action || ' ' || e.detail::text || ' ' || coalesce(e.before::text, '') || ' ' || coalesce(e.after::text, '')), @text) > 0
			order by `+order+` limit @limit)
		select h.*, true, n.seen from hit h, n
		union all select n.least, now(), null, '', 'program', '', '', '{}', null, null, '', '', false, n.seen from n where n.seen = @scan`, args, pgx.RowToStructByPos[scanned])
	if err != nil {
		return nil, last, fmt.Errorf("search audit log: %w", err)
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

// exportPage is how many entries are read at once.
const exportPage = 1000

// each calls fn for every entry of a filter, the oldest first, until there were most of them.
func each(ctx context.Context, tx pgx.Tx, f Filter, most int, fn func(Entry) error) error {
	n := 0
	where, args := f.conditions()
	args["limit"] = exportPage
	var after uuid.UUID
	for n < most {
		args["after"] = after
		rows, err := tx.Query(ctx, `select `+columns+` from audit_entry e where `+where+` and e.id > @after order by e.id limit @limit`, args)
		if err != nil {
			return fmt.Errorf("read audit log: %w", err)
		}
		page, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Entry])
		if err != nil {
			return fmt.Errorf("read audit log: %w", err)
		}
		for _, e := range page {
			if f.Text == "" || strings.Contains(strings.ToLower(e.Target+" "+e.Action+" "+string(e.Detail)+" "+string(e.Before)+" "+string(e.After)), strings.ToLower(f.Text)) {
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
