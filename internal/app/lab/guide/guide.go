// Package guide turns the instructions of a lab, CommonMark with a few additions, into HTML that is safe to show whoever
// wrote it: raw HTML is escaped, addresses are checked, pictures come from the lab's own files.
//
// The additions: a fenced block's options ("sh run", "yaml file=~/app.yaml", see Block), {{port:web}} for the link to a
// port, and {{env:NAME}} for a variable that the lab's setup wrote.
package guide

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	markdownhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Step is the instructions of one step, as the console shows them.
type Step struct {
	Index  int        `json:"index"`
	Title  string     `json:"title"`
	HTML   string     `json:"html"`
	Hints  []Hint     `json:"hints"`
	Checks []Check    `json:"checks"`
	Quiz   []Question `json:"quiz,omitempty"`
}

// Hint has its text only for the server: a learner gets it when the hint is revealed.
type Hint struct {
	Index int    `json:"index"`
	Cost  int    `json:"cost"`
	HTML  string `json:"-"`
}

// Check names a check of the step.
type Check struct {
	Name string `json:"name"`
}

// Question is a question without its solution.
type Question struct {
	Ask     string   `json:"ask"`
	Answers []string `json:"answers"`
	Several bool     `json:"several" doc:"More than one answer is right"`
}

// Names is what a text may refer to. A nil function knows nothing.
type Names struct {
	Port    func(name string) bool
	Machine func(name string) bool
	Image   func(reference string) ([]byte, bool) // a picture of the lab, by its path relative to the text
}

func (n Names) port(name string) bool    { return n.Port != nil && n.Port(name) }
func (n Names) machine(name string) bool { return n.Machine != nil && n.Machine(name) }

func (n Names) image(reference string) ([]byte, bool) {
	if n.Image == nil {
		return nil, false
	}
	return n.Image(reference)
}

// Render returns the HTML of a text. What Lint would report is left out or shown as plain text.
func Render(source []byte, names Names) (string, error) {
	var out bytes.Buffer
	err := newMarkdown(&nodeRenderer{names: names, imageBytes: maxImages}).Convert(source, &out)
	return out.String(), err
}

// Script returns a script as a block to be read and copied, such as a solution.
func Script(script string) string {
	var b strings.Builder
	Block{Kind: Copy, Language: "sh"}.write(&b, strings.TrimRight(script, "\n")+"\n")
	return b.String()
}

// Variables lists the names of the {{env:NAME}} in a text, in code too.
func Variables(source []byte) (names []string) {
	for _, match := range variable.FindAllSubmatch(source, -1) {
		if name := string(match[1]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

var variable = regexp.MustCompile(`\{\{env:([A-Za-z_][A-Za-z0-9_]{0,63})\}\}`)

func newMarkdown(r renderer.NodeRenderer) goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(
			extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)), // no style attributes: the page's policy refuses them
			extension.Strikethrough, extension.TaskList),
		goldmark.WithParserOptions(parser.WithInlineParsers(util.Prioritized(markerParser{}, 90))),
		goldmark.WithRendererOptions(
			markdownhtml.WithXHTML(),
			renderer.WithNodeRenderers(util.Prioritized(r, 90))),
	)
}

func parse(source []byte) ast.Node {
	return newMarkdown(&nodeRenderer{}).Parser().Parse(text.NewReader(source))
}

// markerKind is the kind of the node for {{port:x}} and {{env:X}} in running text.
var markerKind = ast.NewNodeKind("Marker") //nolint:gochecknoglobals // goldmark numbers kinds in a process-wide table

type markerNode struct {
	ast.BaseInline
	what, name string
}

// Kind implements ast.Node.
func (*markerNode) Kind() ast.NodeKind { return markerKind }

// Dump implements ast.Node.
func (n *markerNode) Dump(source []byte, level int) {
	ast.DumpHelper(n, source, level, map[string]string{n.what: n.name}, nil)
}

// marker is strict on purpose: "{{ .Values.x }}" and the like are text.
var marker = regexp.MustCompile(`^\{\{(?:(port):([a-z0-9][a-z0-9-]*)|(env):([A-Za-z_][A-Za-z0-9_]{0,63}))\}\}`)

type markerParser struct{}

// Trigger implements parser.InlineParser.
func (markerParser) Trigger() []byte { return []byte{'{'} }

// Parse implements parser.InlineParser.
func (markerParser) Parse(_ ast.Node, block text.Reader, _ parser.Context) ast.Node {
	line, _ := block.PeekLine()
	match := marker.FindSubmatch(line)
	if match == nil {
		return nil
	}
	block.Advance(len(match[0]))
	return &markerNode{what: string(match[1]) + string(match[3]), name: string(match[2]) + string(match[4])}
}

func escape(s string) string { return html.EscapeString(s) }
