package letter

import (
	"fmt"
	"html"
	htmltemplate "html/template"
	"net/url"
	"slices"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
	"unicode/utf8"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
	"github.com/cloudkida/cloudkida/internal/platform/mail"
)

// Bounds of a source. A letter that is filled in has the bounds of mail.
const (
	MaxSubject = 200 // characters
	MaxText    = 20 << 10
	MaxHTML    = 60 << 10
)

// Source is a letter before it is filled in: variables stand in it as {{.name}}. An empty part is the program's own.
type Source struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// Empty tells whether all of it is the program's own.
func (s Source) Empty() bool { return s == Source{} }

// over is a source with the parts of another where it has none.
func (s Source) over(base Source) Source {
	for _, part := range []struct{ own, base *string }{{&s.Subject, &base.Subject}, {&s.Text, &base.Text}, {&s.HTML, &base.HTML}} {
		if *part.own == "" {
			*part.own = *part.base
		}
	}
	return s
}

// The parts, as fields of errors name them.
const (
	partSubject = "subject"
	partText    = "text"
	partHTML    = "html"
)

// Clean brings a source into the form in which it is kept.
func (s Source) Clean() Source {
	s.Subject = strings.TrimSpace(s.Subject)
	for _, part := range []*string{&s.Text, &s.HTML} {
		*part = strings.TrimSpace(strings.ReplaceAll(*part, "\r\n", "\n"))
	}
	return s
}

// Check says all that is wrong with a source of a kind; nil where a letter can be made of it.
func (s Source) Check(k Kind) (fields []errs.Field) {
	for _, part := range []struct {
		name, text string
		size, most int
		unit       string
	}{
		{partSubject, s.Subject, utf8.RuneCountInString(s.Subject), MaxSubject, "characters"},
		{partText, s.Text, len(s.Text), MaxText, "bytes"},
		{partHTML, s.HTML, len(s.HTML), MaxHTML, "bytes"},
	} {
		if part.text == "" {
			continue
		}
		var found []string
		if part.size > part.most {
			found = append(found, fmt.Sprintf("Too long: at most %d %s.", part.most, part.unit))
		} else {
			found = k.check(part.name, part.text)
		}
		for _, problem := range found {
			fields = append(fields, errs.Field{Path: part.name, Message: problem})
		}
	}
	return fields
}

// check says what is wrong with one part.
func (k Kind) check(part, text string) (problems []string) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) || part == partSubject && !mail.OneLine(text) {
		return []string{"There are characters in it that no letter can have."}
	}
	used, problem := variables(text)
	if problem != "" {
		return []string{problem}
	}
	for _, name := range used {
		v, known := k.variable(name)
		switch {
		case !known:
			problems = append(problems, fmt.Sprintf("There is no variable {{.%s}} in this kind of letter. It has: %s.", name, k.names()))
		case v.Secret && part == partSubject:
			problems = append(problems, fmt.Sprintf("{{.%s}} lets its reader in: it must not stand in the subject, which lists show.", name))
		}
	}
	if len(problems) > 0 {
		return problems
	}
	filled, err := k.fill(part, text, k.Samples())
	if err != nil {
		return []string{"This HTML cannot be filled in safely: close every tag, put quotes around every value, and use variables in text and in href only."}
	}
	if part == partSubject {
		return nil
	}
	for _, v := range k.Variables {
		switch {
		case !v.Required:
		case part == partHTML && v.Link && !strings.Contains(filled, `href="`+html.EscapeString(v.Sample)+`"`):
			problems = append(problems, fmt.Sprintf(`The link is missing: write <a href="{{.%s}}">...</a>. Without it the letter is worth nothing.`, v.Name))
		case !strings.Contains(filled, html.EscapeString(v.Sample)):
			problems = append(problems, fmt.Sprintf("{{.%s}} is missing. Without it the letter is worth nothing.", v.Name))
		}
	}
	return problems
}

func (k Kind) names() string {
	names := make([]string, len(k.Variables))
	for n, v := range k.Variables {
		names[n] = "{{." + v.Name + "}}"
	}
	return strings.Join(names, ", ")
}

// variables are the names that stand in a text, in order and once each. A text can say a variable and nothing else between
// braces: no condition, no loop, no function and no other template, so that filling it in takes one pass over it.
func variables(text string) (names []string, problem string) {
	t, err := texttemplate.New("letter").Parse(text)
	if err != nil {
		return nil, "Between double braces a variable stands and nothing else: {{.name}}."
	}
	if len(t.Templates()) > 1 || t.Tree == nil {
		return nil, "A letter cannot define templates."
	}
	for _, node := range t.Root.Nodes {
		switch node := node.(type) {
		case *parse.TextNode:
		case *parse.ActionNode:
			name, ok := plain(node)
			if !ok {
				return nil, fmt.Sprintf("Line %d: between double braces a variable stands and nothing else: {{.name}}.", node.Line)
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		default:
			return nil, "Conditions, loops and templates are not for letters: between double braces a variable stands and nothing else."
		}
	}
	return names, ""
}

// plain is the name of a variable that stands alone between braces.
func plain(node *parse.ActionNode) (name string, ok bool) {
	if len(node.Pipe.Decl) > 0 || len(node.Pipe.Cmds) != 1 || len(node.Pipe.Cmds[0].Args) != 1 {
		return "", false
	}
	field, ok := node.Pipe.Cmds[0].Args[0].(*parse.FieldNode)
	if !ok || len(field.Ident) != 1 {
		return "", false
	}
	return field.Ident[0], true
}

// fill puts values into one part. HTML is cleaned afterwards, so that nothing that a value, a rule of escaping or an old
// source let through reaches a reader.
func (k Kind) fill(part, text string, values map[string]string) (string, error) {
	if _, problem := variables(text); problem != "" {
		return "", fmt.Errorf("fill in %s of %s: %s", part, k.Name, problem)
	}
	var out strings.Builder
	var err error
	if part == partHTML {
		var t *htmltemplate.Template
		if t, err = htmltemplate.New("letter").Option("missingkey=error").Parse(text); err == nil {
			err = t.Execute(&out, values)
		}
	} else {
		var t *texttemplate.Template
		if t, err = texttemplate.New("letter").Option("missingkey=error").Parse(text); err == nil {
			err = t.Execute(&out, values)
		}
	}
	if err != nil {
		return "", fmt.Errorf("fill in %s of %s: %w", part, k.Name, err)
	}
	if part == partHTML {
		return clean(out.String())
	}
	return out.String(), nil
}

// checkValues refuses what is no line, so that nothing that people typed looks like a paragraph of ours, and links that
// lead nowhere.
func (k Kind) checkValues(values map[string]string) error {
	for _, v := range k.Variables {
		value, given := values[v.Name]
		switch {
		case !given || v.Required && value == "":
			return fmt.Errorf("letter %s: no value for %s", k.Name, v.Name)
		case !mail.OneLine(value):
			return fmt.Errorf("letter %s: the value of %s is not one line", k.Name, v.Name)
		case v.Link:
			u, err := url.Parse(value)
			if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
				return fmt.Errorf("letter %s: %s is no http(s) address", k.Name, v.Name)
			}
		}
	}
	return nil
}
