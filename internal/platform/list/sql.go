package list

import (
	"maps"

	"github.com/jackc/pgx/v5"
)

// Where is the condition, in SQL, that a row comes after a position. It is the same text for every position in one order,
// and holds nothing of the query: Args has that.
func (l List[T]) Where(p Position) string {
	id, than := "@list_id::text::uuid", " > "
	if l.Named {
		id = "@list_id::text"
	}
	if l.down(p) {
		than = " < "
	}
	var kind string
	switch s := l.Sorts[p.sort]; {
	case s.Number != nil:
		kind = "bigint"
	case s.Time != nil:
		kind = "timestamptz"
	case s.Text != nil:
		kind = "text"
	default:
		return "(@list_id::text is null or " + l.IDSQL + than + id + ")"
	}
	return "(@list_id::text is null or (" + l.Sorts[p.sort].SQL + ", " + l.IDSQL + ")" + than + "(@list_key::text::" + kind + ", " + id + "))"
}

// By is what to order by, in SQL.
func (l List[T]) By(p Position) string {
	way := ""
	if l.down(p) {
		way = " desc"
	}
	if s := l.Sorts[p.sort]; s.SQL != "" {
		return s.SQL + way + ", " + l.IDSQL + way
	}
	return l.IDSQL + way
}

// Args adds to args what Where needs.
func (l List[T]) Args(p Position, args pgx.NamedArgs) pgx.NamedArgs {
	args = maps.Clone(args)
	args["list_id"], args["list_key"] = nil, nil
	if p.from {
		args["list_id"], args["list_key"] = p.id, p.key
	}
	return args
}
