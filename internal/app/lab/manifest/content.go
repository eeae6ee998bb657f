package manifest

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/cloudkida/cloudkida/internal/app/lab/guide"
)

// maxContent bounds one script or text.
const maxContent = 256 << 10

// content returns a file of the lab that lab.yaml names.
func (d *decoder) content(n *yaml.Node, kind string) (name string, data []byte, ok bool) {
	name, ok = d.scalar(n, "the path of "+kind)
	if !ok {
		return "", nil, false
	}
	if path.IsAbs(name) || badPath(path.Clean(name)) != "" {
		d.problem(n, "%q must be a path within the lab", short(name))
		return "", nil, false
	}
	name = path.Clean(name)
	e, ok := d.tree[name]
	switch {
	case !ok:
		d.problem(n, "there is no file %q in the lab%s", name, suggest(name, d.tree.Paths()))
		return "", nil, false
	case len(e.Data) > maxContent:
		d.problem(n, "%s is larger than %d KiB", name, maxContent>>10)
		return "", nil, false
	}
	return name, e.Data, true
}

// script reads a script. Its mode does not matter: it is sent to its interpreter.
func (d *decoder) script(to *Script) func(*yaml.Node) {
	return func(n *yaml.Node) {
		name, data, ok := d.content(n, "a script")
		if !ok {
			return
		}
		script := Script(data)
		switch i := bytes.IndexByte(data, '\r'); {
		case bytes.IndexByte(data, 0) >= 0:
			d.problem(n, "%s is not a script but a binary file", name)
		case i >= 0 && i+1 < len(data) && data[i+1] == '\n':
			d.problems.add(name, 1+bytes.Count(data[:i], []byte("\n")), 0, "ends its lines with CR LF, which a shell takes for a part of the command: save it with LF")
		case script.Empty():
			d.problem(n, "%s has no command", name)
		default:
			*to = script
		}
	}
}

// text reads Markdown in all locales of the lab: steps/01.md is the first one's, steps/01.hi.md that of hi.
func (d *decoder) text(l *Lab, to *Text) func(*yaml.Node) {
	return func(n *yaml.Node) {
		name, data, ok := d.content(n, "a Markdown file")
		if !ok {
			return
		}
		// Locales, ports and machines may stand further down in the file.
		d.later(func() {
			*to = Text{Path: name, Markdown: map[string]string{}}
			d.markdown(l, to, l.Locales[0], name, data)
			for _, locale := range l.Locales[1:] {
				extension := path.Ext(name)
				translated := strings.TrimSuffix(name, extension) + "." + locale + extension
				if e, ok := d.tree[translated]; !ok {
					d.problem(n, "there is no %q, the text for the locale %s", translated, locale)
				} else if len(e.Data) > maxContent {
					d.problem(n, "%s is larger than %d KiB", translated, maxContent>>10)
				} else {
					d.markdown(l, to, locale, translated, e.Data)
				}
			}
		})
	}
}

func (d *decoder) markdown(l *Lab, to *Text, locale, name string, data []byte) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case !utf8.Valid(data):
		d.problems.add(name, 0, 0, "is not UTF-8")
		return
	case len(bytes.TrimSpace(data)) == 0:
		d.problems.add(name, 0, 0, "is empty")
		return
	}
	for _, f := range guide.Lint(data, l.Names(name)) {
		d.problems.add(name, f.Line, 0, "%s", f.Message)
	}
	to.Markdown[locale] = string(data)
}

// Names is what the lab's text at a path may refer to.
func (l *Lab) Names(textPath string) guide.Names {
	return guide.Names{
		Port: func(name string) bool {
			return slices.ContainsFunc(l.Ports(), func(p Port) bool { return p.Name == name })
		},
		Machine: func(name string) bool { return hasMachine(l, name) },
		Image:   func(reference string) ([]byte, bool) { return l.tree.Image(textPath, reference) },
	}
}

// Image finds a picture that a text refers to, relative to the text's own path.
func (t Tree) Image(textPath, reference string) ([]byte, bool) {
	if path.IsAbs(reference) {
		return nil, false
	}
	e, ok := t[path.Join(path.Dir(textPath), reference)]
	return e.Data, ok
}
