package invitation

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/cloudkida/cloudkida/internal/platform/tenancy"
)

// Bounds of a list.
const (
	maxList  = 256 << 10 // bytes
	maxLines = 1000
)

// ParseList reads a list of people: one a line, with the columns email, role and groups, in this order or as a first line
// names them. Columns are parted by commas or semicolons, groups by vertical bars. A line without a role has the one that
// is given. A line that cannot be read is a wish with its problem.
func ParseList(text string, role tenancy.Role) ([]Wish, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	switch {
	case len(text) > maxList:
		return nil, field("csv", "At most 256 kB at once. Cut the list into parts.")
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return nil, field("csv", "This is not text in UTF-8. Save the list as CSV in UTF-8.")
	}
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
	if first, _, _ := strings.Cut(text, "\n"); strings.Contains(first, ";") && !strings.Contains(first, ",") {
		r.Comma = ';'
	}
	columns := map[string]int{"email": 0, "role": 1, "groups": 2}
	var wishes []Wish
	for first := true; ; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			wishes = append(wishes, Wish{Line: bad.StartLine, Problem: "The quotes in this line do not match."})
			continue
		}
		if first {
			if named := header(record); named != nil {
				columns = named
				continue
			}
		}
		if strings.TrimSpace(strings.Join(record, "")) == "" {
			continue
		}
		line, _ := r.FieldPos(0)
		wishes = append(wishes, wish(line, record, columns, role))
		if len(wishes) > maxLines {
			return nil, field("csv", "At most 1,000 people at once. Cut the list into parts.")
		}
	}
	if len(wishes) == 0 {
		return nil, field("csv", "The list is empty. Write one e-mail address a line.")
	}
	return wishes, nil
}

// header is which column is where, if the line names them.
func header(record []string) map[string]int {
	columns := map[string]int{}
	for n, name := range record {
		name = strings.ToLower(strings.TrimSpace(name))
		switch name {
		case "e-mail", "mail":
			name = "email"
		case "group":
			name = "groups"
		}
		columns[name] = n
	}
	if _, ok := columns["email"]; !ok {
		return nil
	}
	return columns
}

func wish(line int, record []string, columns map[string]int, role tenancy.Role) Wish {
	at := func(name string) string {
		if n, ok := columns[name]; ok && n < len(record) {
			return strings.TrimSpace(record[n])
		}
		return ""
	}
	w := Wish{Line: line, Email: at("email"), Role: role}
	if given := at("role"); given != "" {
		w.Role = tenancy.Role(strings.ToLower(given))
	}
	for name := range strings.SplitSeq(at("groups"), "|") {
		if name = strings.TrimSpace(name); name != "" {
			w.Groups = append(w.Groups, name)
		}
	}
	return w
}
