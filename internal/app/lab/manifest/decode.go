package manifest

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// decoder turns YAML nodes into values and collects everything that is wrong with them, so that one mistake hides no
// other. What refers to another part of the file is looked at in the end, by the functions in after.
type decoder struct {
	tree     Tree
	problems Problems
	after    []func()
}

// field is a key of a mapping.
type field struct {
	read     func(*yaml.Node)
	required bool
}

type fields map[string]field

func must(read func(*yaml.Node)) field { return field{read: read, required: true} }
func may(read func(*yaml.Node)) field  { return field{read: read} }

func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	d.problems.add(Name, n.Line, n.Column, format, args...)
}

func (d *decoder) later(fn func()) { d.after = append(d.after, fn) }

// object reads a mapping: unknown, repeated and missing keys are problems, and so are keys without a value.
func (d *decoder) object(n *yaml.Node, what string, known fields) {
	if n.Kind != yaml.MappingNode {
		d.wrongKind(n, what+" with keys and values")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, ok := known[key.Value]
		switch line, twice := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.problem(key, "a key must be a word")
			continue
		case !ok:
			d.problem(key, "unknown key %q in %s%s", short(key.Value), what, suggest(key.Value, slices.Sorted(maps.Keys(known))))
			continue
		case twice:
			d.problem(key, "%q is there twice, first in line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		if isNull(value) {
			d.problem(key, "%q has no value", key.Value)
			continue
		}
		f.read(value)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if _, there := seen[name]; known[name].required && !there {
			d.problem(n, "%s lacks the key %q", what, name)
		}
	}
}

// items returns the elements of a sequence of at most limit.
func (d *decoder) items(n *yaml.Node, what string, limit int) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		d.wrongKind(n, "a list of "+what)
		return nil
	}
	if len(n.Content) > limit {
		d.problem(n, "%d %s are too many: at most %d", len(n.Content), what, limit)
		return n.Content[:limit]
	}
	return n.Content
}

// scalar returns the text of a value that is neither a list nor a mapping.
func (d *decoder) scalar(n *yaml.Node, want string) (string, bool) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.wrongKind(n, want)
		return "", false
	}
	return n.Value, true
}

func (d *decoder) wrongKind(n *yaml.Node, want string) {
	found := "nothing"
	switch {
	case n.Kind == yaml.AliasNode:
		d.problem(n, "aliases (*%s) are not supported: write the value out", short(n.Value))
		return
	case n.Kind == yaml.MappingNode:
		found = "keys and values"
	case n.Kind == yaml.SequenceNode:
		found = "a list"
	case !isNull(n):
		found = strconv.Quote(short(n.Value))
	}
	d.problem(n, "expected %s, found %s", want, found)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// line reads a text of one line.
func (d *decoder) line(to *string, limit int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, "a text")
		text = strings.TrimSpace(text)
		switch {
		case !ok:
		case text == "":
			d.problem(n, "is empty")
		case len(text) > limit:
			d.problem(n, "is too long: %d bytes, at most %d", len(text), limit)
		case strings.ContainsFunc(text, unicode.IsControl):
			d.problem(n, "must be one line without control characters")
		default:
			*to = text
		}
	}
}

// rule is the form of a word.
type rule struct {
	matches func(string) bool
	message string
}

func (d *decoder) word(to *string, r rule) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, "a word")
		if ok && !r.matches(text) {
			d.problem(n, "%q %s", short(text), r.message)
			return
		}
		*to = text
	}
}

// words reads a list of different words.
func (d *decoder) words(to *[]string, what string, limit int, r rule) func(*yaml.Node) {
	return func(n *yaml.Node) {
		for _, item := range d.items(n, what, limit) {
			var w string
			d.word(&w, r)(item)
			if w != "" && slices.Contains(*to, w) {
				d.problem(item, "%q is there twice", w)
			} else if w != "" {
				*to = append(*to, w)
			}
		}
	}
}

// oneOf reads one of several words.
func oneOf[T ~string](d *decoder, to *T, known ...string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, choice(known))
		switch {
		case !ok:
		case !slices.Contains(known, text):
			d.problem(n, "expected %s, found %q", choice(known), short(text))
		default:
			*to = T(text)
		}
	}
}

func choice(known []string) string {
	if len(known) == 1 {
		return known[0]
	}
	return "one of " + strings.Join(known, ", ")
}

func (d *decoder) number(to *int, least, most int) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, "a number")
		if !ok {
			return
		}
		v, err := strconv.Atoi(text)
		switch {
		case errors.Is(err, strconv.ErrSyntax) || n.ShortTag() != "!!int":
			d.problem(n, "expected a whole number, found %q", short(text))
		case err != nil || v < least || v > most:
			d.problem(n, "%s is out of range: %d to %d", short(text), least, most)
		default:
			*to = v
		}
	}
}

func (d *decoder) yes(to *bool) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, "true or false")
		switch {
		case !ok:
		case text != "true" && text != "false":
			d.problem(n, "expected true or false, found %q", short(text))
		default:
			*to = text == "true"
		}
	}
}

func (d *decoder) duration(to *time.Duration, least, most time.Duration) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, "a duration such as 45m")
		if !ok {
			return
		}
		v, err := time.ParseDuration(text)
		switch {
		case err != nil:
			d.problem(n, "%q is not a duration: write 90s, 45m or 1h30m", short(text))
		case v < least || v > most:
			d.problem(n, "%s is out of range: %s to %s", text, plain(least), plain(most))
		default:
			*to = v
		}
	}
}

// plain writes 45m0s as 45m.
func plain(v time.Duration) string {
	text := v.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// units of sizes, largest first.
func units() []string { return []string{"Gi", "Mi", "Ki"} }

// size reads bytes such as 512Mi.
func (d *decoder) size(to *int64, least, most int64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, "a size such as 512Mi")
		if !ok {
			return
		}
		v, ok := parseSize(text)
		switch {
		case !ok:
			d.problem(n, "%q is not a size: write 64Mi or 2Gi", short(text))
		case v < least || v > most:
			d.problem(n, "%s is out of range: %s to %s", short(text), formatSize(least), formatSize(most))
		default:
			*to = v
		}
	}
}

func parseSize(text string) (int64, bool) {
	shift := 30
	for _, unit := range units() {
		if digits, ok := strings.CutSuffix(text, unit); ok {
			v, err := strconv.ParseInt(digits, 10, 64)
			return v << shift, err == nil && v > 0 && digits[0] != '+' && v <= math.MaxInt64>>shift
		}
		shift -= 10
	}
	return 0, false
}

func formatSize(v int64) string {
	shift := 30
	for _, unit := range units() {
		if v>>shift<<shift == v {
			return strconv.FormatInt(v>>shift, 10) + unit
		}
		shift -= 10
	}
	return strconv.FormatInt(v, 10)
}

// cores reads a part of a processor or several.
func (d *decoder) cores(to *float64, least, most float64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := d.scalar(n, `a number of cores such as "0.5"`)
		if !ok {
			return
		}
		v, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
			d.problem(n, "%q is not a number of cores: write \"0.5\" or \"2\"", short(text))
		case v < least || v > most:
			d.problem(n, "%s is out of range: %v to %v", short(text), least, most)
		default:
			*to = v
		}
	}
}

// unavailable is a key that the format knows and this version does not do.
func (d *decoder) unavailable(what string) field {
	return may(func(n *yaml.Node) { d.problem(n, "%s: not available in this version", what) })
}

// short keeps a message readable whatever is quoted in it.
func short(text string) string {
	const limit = 80
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "..."
}
