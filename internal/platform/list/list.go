// Package list is how every list of the API pages and sorts: by limit, cursor and sort, declared once for each list. A
// page goes on after the last row of the one before, by the value that the list is sorted by and the row's id, so that
// rows that come and go in between move no others.
package list

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/httpx"
)

// usual is how long a page is when nobody says, and most how long it can be: the bound of Query.Limit.
const (
	usual = 50
	most  = 200
)

// Fresh goes before the arguments of a statement that chooses rows by what somebody asks for: PostgreSQL plans it for what was
// asked. A plan for any question could use no index: it knows neither which conditions are there nor where a pattern begins.
const Fresh = pgx.QueryExecModeCacheDescribe

// The mistakes of a query.
var (
	errCursor = errs.Malformed("invalid_cursor", "The cursor is not the next of a page of this list in this order; start from the first page.").
			WithFields(errs.Field{Path: "query.cursor", Message: "Want the next of the page before, with the same sort."})
	errSort = errs.Invalid("invalid_sort", "")
)

// Query is what every list takes; the inputs of lists embed it.
type Query struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"How many at most"`
	Cursor string `query:"cursor" doc:"next of the page before"`
	Sort   string `query:"sort" maxLength:"40" doc:"What to sort by; with - before it, the other way round"`
}

// List declares a list whose rows are T.
type List[T any] struct {
	Name  string         // its operation: a cursor is good for it alone
	ID    func(T) string // tells rows apart
	IDSQL string         // the same in SQL; "" where the rows are sorted here
	Named bool           // ids are names, not UUIDs
	Sorts []Sort[T]      // the first one unless something else is asked for
	Whole bool           // all that there is, unless limit is given: for lists that are short by their nature
}

// Sort is one way to sort a list: by one of Text, Number and Time, or, without any, by the id.
type Sort[T any] struct {
	Name   string
	Down   bool   // the greatest first where nobody asks; of the first sort only
	SQL    string // the value in SQL, never null; it should have an index, with the id behind it
	Text   func(T) string
	Number func(T) int64
	Time   func(T) time.Time
}

// Position is a page that was asked for. The zero Position is the whole list in its own order.
type Position struct {
	Limit   int
	sort    int
	flipped bool
	from    bool   // after key and id, not from the start
	key, id string // of the last row of the page before
}

// Behind is the position behind a row, in a list whose own order is that of its ids.
func Behind(id uuid.UUID) Position { return Position{from: true, id: id.String()} }

// mark is what a cursor holds.
type mark struct {
	List string `json:"l"`
	Sort string `json:"s"`
	Key  string `json:"k,omitempty"`
	ID   string `json:"i"`
}

// Operation describes an operation as this list.
func (l List[T]) Operation(op huma.Operation) huma.Operation {
	names := make([]string, 0, 2*len(l.Sorts))
	for n, s := range l.Sorts {
		pair := []string{s.Name, "-" + s.Name}
		if n == 0 && s.Down {
			slices.Reverse(pair)
		}
		names = append(names, pair...)
	}
	size := usual
	if l.Whole {
		size = 0
	}
	return httpx.Listing(op, names, size)
}

// At reads a query.
func (l List[T]) At(q Query) (Position, error) {
	p := Position{Limit: q.Limit}
	if q.Limit == 0 && !l.Whole {
		p.Limit = usual
	}
	if q.Sort != "" {
		name, down := strings.CutPrefix(q.Sort, "-")
		if p.sort = slices.IndexFunc(l.Sorts, func(s Sort[T]) bool { return s.Name == name }); p.sort < 0 {
			return Position{}, l.errSort()
		}
		p.flipped = down != l.Sorts[p.sort].Down
	}
	if q.Cursor == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return Position{}, errCursor.Wrap(err)
	}
	var m mark
	if err := json.Unmarshal(raw, &m); err != nil {
		return Position{}, errCursor.Wrap(err)
	}
	if m.List != l.Name || m.Sort != l.order(p) || !l.valid(p, m) {
		return Position{}, errCursor
	}
	p.from, p.key, p.id = true, m.Key, m.ID
	return p, nil
}

func (l List[T]) errSort() error {
	names := make([]string, len(l.Sorts))
	for n, s := range l.Sorts {
		names[n] = s.Name
	}
	message := "Want " + strings.Join(names, ", ") + ", or one of them with - before it."
	return errSort.Because("The list cannot be sorted like this.").WithFields(errs.Field{Path: "query.sort", Message: message})
}

// order is the sort of a position as a query says it.
func (l List[T]) order(p Position) string {
	if l.down(p) {
		return "-" + l.Sorts[p.sort].Name
	}
	return l.Sorts[p.sort].Name
}

func (l List[T]) down(p Position) bool { return p.flipped != l.Sorts[p.sort].Down }

// Down tells whether a page goes from the greatest row to the least.
func (l List[T]) Down(p Position) bool { return l.down(p) }

// valid tells whether a mark holds values of the list's types: PostgreSQL would fail with others.
func (l List[T]) valid(p Position, m mark) bool {
	if strings.Contains(m.Key+m.ID, "\x00") || m.ID == "" {
		return false
	}
	if !l.Named {
		if _, err := uuid.Parse(m.ID); err != nil {
			return false
		}
	}
	switch s := l.Sorts[p.sort]; {
	case s.Number != nil:
		_, err := strconv.ParseInt(m.Key, 10, 64)
		return err == nil
	case s.Time != nil:
		_, err := parseTime(m.Key)
		return err == nil
	case s.Text == nil:
		return m.Key == ""
	}
	return true
}

// parseTime takes the years that PostgreSQL and everybody's calendar have.
func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err == nil && t.Year() < 1 {
		err = errCursor
	}
	return t, err
}

// After is the position behind a row.
func (l List[T]) After(p Position, row T) Position {
	p.from, p.id, p.key = true, l.ID(row), ""
	switch s := l.Sorts[p.sort]; {
	case s.Number != nil:
		p.key = strconv.FormatInt(s.Number(row), 10)
	case s.Time != nil:
		p.key = s.Time(row).UTC().Format(time.RFC3339Nano)
	case s.Text != nil:
		p.key = s.Text(row)
	}
	return p
}

// Next is the cursor of the page after a row.
func (l List[T]) Next(p Position, row T) string {
	p = l.After(p, row)
	text, _ := json.Marshal(mark{List: l.Name, Sort: l.order(p), Key: p.key, ID: p.id}) // plain fields: it cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// Page makes a page of the rows that were read, one more than the limit, and tells the cursor of the next one.
func (l List[T]) Page(p Position, rows []T) (page []T, next string) {
	if p.Limit == 0 || len(rows) <= p.Limit {
		return rows, ""
	}
	page = rows[:p.Limit]
	return page, l.Next(p, page[p.Limit-1])
}

// Cut makes the page that was asked for of all rows of a short list.
func (l List[T]) Cut(q Query, rows []T) (page []T, next string, err error) {
	p, err := l.At(q)
	if err != nil {
		return nil, "", err
	}
	s := l.Sorts[p.sort]
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b T) int {
		c := compare(s, l.After(p, a), l.After(p, b))
		if l.down(p) {
			return -c
		}
		return c
	})
	if p.from {
		rows = slices.DeleteFunc(rows, func(row T) bool {
			c := compare(s, l.After(p, row), p)
			return c == 0 || (c > 0) == l.down(p)
		})
	}
	page, next = l.Page(p, rows)
	return append([]T{}, page...), next, nil
}

// Into cuts the rows of an answer to the page that was asked for.
func (l List[T]) Into(q Query, rows *[]T, next *string) (err error) {
	*rows, *next, err = l.Cut(q, *rows)
	return err
}

// compare compares the keys of two rows, and their ids.
func compare[T any](s Sort[T], a, b Position) (c int) {
	switch {
	case s.Number != nil:
		x, _ := strconv.ParseInt(a.key, 10, 64) // written by us, or checked
		y, _ := strconv.ParseInt(b.key, 10, 64)
		c = cmp.Compare(x, y)
	case s.Time != nil:
		x, _ := parseTime(a.key)
		y, _ := parseTime(b.key)
		c = x.Compare(y)
	default:
		c = strings.Compare(a.key, b.key)
	}
	return cmp.Or(c, strings.Compare(a.id, b.id))
}
