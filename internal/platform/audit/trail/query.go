package trail

import (
	"time"

	"github.com/google/uuid"
)

// Query is what entries are found by.
type Query struct {
	Action  string    `query:"action" maxLength:"100" doc:"Start of an action, such as lab. or member."`
	Actor   string    `query:"actor" maxLength:"36" doc:"Id of a person or a machine client"`
	Target  string    `query:"target" maxLength:"200" doc:"What was changed: the whole id or name"`
	Address string    `query:"address" maxLength:"64" doc:"Network address that the request came from"`
	Request string    `query:"request" maxLength:"64" doc:"Id of a request"`
	From    time.Time `query:"from" doc:"Not before"`
	To      time.Time `query:"to" doc:"Before"`
	Q       string    `query:"q" maxLength:"100" doc:"A text in the target, the detail or what changed; a page looks through 5000 entries for it"`
}

// PageQuery says which page.
type PageQuery struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string `query:"cursor" maxLength:"36" doc:"next of the page before"`
}

// Before is the entry before which the page begins.
func (p PageQuery) Before() (before uuid.NullUUID, err error) {
	err = Optional(&before, p.Cursor)
	return before, err
}

// Filter is the query as a filter.
func (q Query) Filter() (Filter, error) {
	f := Filter{Action: q.Action, Target: q.Target, Address: q.Address, Request: q.Request, Text: q.Q, From: q.From, To: q.To}
	err := Optional(&f.Actor, q.Actor)
	return f, err
}

// Optional reads an id that may not be there.
func Optional(id *uuid.NullUUID, text string) error {
	if text == "" {
		return nil
	}
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return errCursor.Wrap(err)
	}
	return nil
}

// Asked is what the entry about an export says of its query: by what it selects and its time, not whom or what it looks for.
func (q Query) Asked(format string) map[string]any {
	detail, by := map[string]any{"format": format}, []string{}
	for _, part := range [][2]string{{"action", q.Action}, {"actor", q.Actor}, {"target", q.Target}, {"address", q.Address}, {"request", q.Request}, {"text", q.Q}} {
		if part[1] != "" {
			by = append(by, part[0])
		}
	}
	if len(by) > 0 {
		detail["by"] = by
	}
	for name, value := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !value.IsZero() {
			detail[name] = value
		}
	}
	return detail
}
