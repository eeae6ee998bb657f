package list_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/list"
)

type book struct {
	ID    uuid.UUID
	Title string
	Pages int64
	At    time.Time
}

func books() list.List[book] {
	return list.List[book]{
		Name: "books", ID: func(b book) string { return b.ID.String() }, IDSQL: "b.id", Whole: true,
		Sorts: []list.Sort[book]{
			{Name: "created", Down: true},
			{Name: "title", Text: func(b book) string { return b.Title }, SQL: "b.title"},
			{Name: "pages", Number: func(b book) int64 { return b.Pages }, SQL: "b.pages"},
			{Name: "at", Time: func(b book) time.Time { return b.At }, SQL: "b.at"},
		},
	}
}

func shelf() []book {
	var all []book
	now := time.Now()
	for n := range 20 {
		all = append(all, book{uuid.Must(uuid.NewV7()), string(rune('a' + n%3)), int64(n%4*7 - 3), now.Add(time.Duration(n%5) * time.Microsecond)})
	}
	return all
}

func TestPagesAreTheWholeInEveryOrder(t *testing.T) {
	t.Parallel()
	all := shelf()
	for _, sort := range []string{"", "created", "-created", "title", "-title", "pages", "-pages", "at", "-at"} {
		whole, next, err := books().Cut(list.Query{Sort: sort}, all)
		if err != nil || next != "" || len(whole) != len(all) {
			t.Fatalf("%q: %d rows, next %q, %v", sort, len(whole), next, err)
		}
		var paged []book
		for q := (list.Query{Sort: sort, Limit: 3}); ; q.Cursor = next {
			var page []book
			if page, next, err = books().Cut(q, all); err != nil || len(page) > 3 {
				t.Fatal(len(page), err)
			}
			if paged = append(paged, page...); next == "" {
				break
			}
		}
		if !slices.Equal(whole, paged) {
			t.Errorf("%q: in pages %v, at once %v", sort, paged, whole)
		}
	}
}

func TestRowsThatComeAndGoMoveNoOthers(t *testing.T) {
	t.Parallel()
	all := shelf()
	q := list.Query{Sort: "title", Limit: 4}
	first, next, _ := books().Cut(q, all)
	q.Cursor = next
	want, _, _ := books().Cut(q, all)
	all = slices.DeleteFunc(all, func(b book) bool { return b.ID == first[3].ID }) // the very one that the cursor names
	all = append(all, book{ID: uuid.New(), Title: "A"})
	if got, _, err := books().Cut(q, all); err != nil || !slices.Equal(got, want) {
		t.Errorf("the second page was %v and is %v, %v", want, got, err)
	}
}

func TestOnlyCursorsOfTheListInItsOrderAreTaken(t *testing.T) {
	t.Parallel()
	_, next, _ := books().Cut(list.Query{Limit: 1}, shelf())
	other := books()
	other.Name = "films"
	_, foreign, _ := other.Cut(list.Query{Limit: 1}, shelf())
	forged := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	id := uuid.NewString()
	for name, q := range map[string]list.Query{
		"nothing":            {Cursor: "%%"},
		"no JSON":            {Cursor: forged("x")},
		"null":               {Cursor: forged("null")},
		"of another list":    {Cursor: foreign},
		"of another order":   {Cursor: next, Sort: "created"},
		"no id":              {Cursor: forged(`{"l":"books","s":"-created","i":""}`)},
		"an id that is none": {Cursor: forged(`{"l":"books","s":"-created","i":"1"}`)},
		"a key too many":     {Cursor: forged(`{"l":"books","s":"-created","k":"x","i":"` + id + `"}`)},
		"no number":          {Cursor: forged(`{"l":"books","s":"pages","k":"1.5","i":"` + id + `"}`), Sort: "pages"},
		"a huge number":      {Cursor: forged(`{"l":"books","s":"pages","k":"99999999999999999999","i":"` + id + `"}`), Sort: "pages"},
		"no time":            {Cursor: forged(`{"l":"books","s":"at","k":"now","i":"` + id + `"}`), Sort: "at"},
		"the year 0":         {Cursor: forged(`{"l":"books","s":"at","k":"0000-01-01T00:00:00Z","i":"` + id + `"}`), Sort: "at"},
		"a character 0":      {Cursor: forged(`{"l":"books","s":"title","k":"\u0000","i":"` + id + `"}`), Sort: "title"},
	} {
		_, err := books().At(q)
		var e *errs.Error
		if !errors.As(err, &e) || e.Code != "invalid_cursor" || e.Kind != errs.KindMalformed || e.Fields[0].Path != "query.cursor" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := books().At(list.Query{Cursor: next}); err != nil {
		t.Error(err)
	}
	_, err := books().At(list.Query{Sort: "-weight"})
	var e *errs.Error
	if !errors.As(err, &e) || e.Kind != errs.KindInvalid || !strings.Contains(e.Fields[0].Message, "created, title, pages, at") {
		t.Errorf("sorted by weight: %v", err)
	}
}

func TestSQLHoldsNothingOfTheQuery(t *testing.T) {
	t.Parallel()
	row := book{ID: uuid.New(), Title: "'; drop table b --", Pages: 7, At: time.Now()}
	for sort, want := range map[string]string{
		"":       "(@list_id::text is null or b.id < @list_id::text::uuid) b.id desc",
		"-title": "(@list_id::text is null or (b.title, b.id) < (@list_key::text::text, @list_id::text::uuid)) b.title desc, b.id desc",
		"pages":  "(@list_id::text is null or (b.pages, b.id) > (@list_key::text::bigint, @list_id::text::uuid)) b.pages, b.id",
		"at":     "(@list_id::text is null or (b.at, b.id) > (@list_key::text::timestamptz, @list_id::text::uuid)) b.at, b.id",
	} {
		at, err := books().At(list.Query{Sort: sort})
		if err != nil {
			t.Fatal(err)
		}
		after := books().After(at, row)
		if got := books().Where(after) + " " + books().By(after); got != want || got != books().Where(at)+" "+books().By(at) {
			t.Errorf("%q: %s", sort, got)
		}
		if args := books().Args(after, pgx.NamedArgs{"x": 1}); args["list_id"] != row.ID.String() || args["x"] != 1 || sort == "-title" && args["list_key"] != row.Title {
			t.Errorf("%q: %v", sort, args)
		}
	}
}

// FuzzCursor reads cursors that anybody may have made: what is taken goes on somewhere, and its SQL is the same.
func FuzzCursor(f *testing.F) {
	all := shelf()
	for _, sort := range []string{"", "title", "-pages", "at"} {
		_, next, err := books().Cut(list.Query{Sort: sort, Limit: 3}, all)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(next, sort)
	}
	f.Add("bnVsbA", "title")
	f.Fuzz(func(t *testing.T, cursor, sort string) {
		at, err := books().At(list.Query{Cursor: cursor, Sort: sort})
		if err != nil {
			return
		}
		start, err := books().At(list.Query{Sort: sort})
		if err != nil || books().Where(at) != books().Where(start) {
			t.Errorf("%q %q: %s", cursor, sort, books().Where(at))
		}
		if id, ok := books().Args(at, pgx.NamedArgs{})["list_id"].(string); cursor != "" && (!ok || uuid.Validate(id) != nil) {
			t.Errorf("%q %q: goes on after %q", cursor, sort, id)
		}
		if _, _, err := books().Cut(list.Query{Cursor: cursor, Sort: sort, Limit: 3}, all); err != nil {
			t.Errorf("%q %q: %v", cursor, sort, err)
		}
	})
}
