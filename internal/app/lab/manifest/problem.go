package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds a report: who has more sees the rest after mending these.
const maxProblems = 200

// Problem is one thing that is wrong with a lab. Line and Column count from 1; 0 means the file as a whole.
type Problem struct {
	File    string // within the lab; "" is the lab's directory itself
	Line    int
	Column  int
	Message string
}

// Location is "lab.yaml:12", or the file alone.
func (p Problem) Location() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// String is "lab.yaml:12:3: message".
func (p Problem) String() string {
	location := p.Location()
	if p.Line > 0 && p.Column > 0 {
		location = fmt.Sprintf("%s:%d", location, p.Column)
	}
	if location == "" {
		return p.Message
	}
	return location + ": " + p.Message
}

// Problems is everything that is wrong with a lab.
type Problems []Problem

// Error has one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(file string, line, column int, format string, args ...any) {
	*p = append(*p, Problem{File: file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

// sorted puts the problems in reading order, lab.yaml first, each once, and bounds their number.
func (p Problems) sorted() Problems {
	if len(p) == 0 {
		return nil
	}
	list := slices.Clone(p)
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(order(a.File), order(b.File)), cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	list = slices.Compact(list)
	if more := len(list) - maxProblems; more > 0 {
		list = append(list[:maxProblems:maxProblems], Problem{Message: fmt.Sprintf("and %d more problems", more)})
	}
	return list
}

func order(file string) int {
	switch file {
	case "":
		return 0
	case Name:
		return 1
	default:
		return 2
	}
}

// suggest returns `; did you mean "x"?` for the known word closest to an unknown one, or "".
func suggest(unknown string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(unknown, k); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance is the Levenshtein distance in bytes; words far apart in length count as distant without counting.
func editDistance(a, b string) int {
	const far = 100
	if len(a) > 64 || len(b) > 64 || max(len(a), len(b))-min(len(a), len(b)) > 2 {
		return far
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
