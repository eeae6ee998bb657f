package guide

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/util"
)

// Bounds of pictures, which travel within the text.
const (
	maxImage  = 512 << 10 // one
	maxImages = 2 << 20   // all of one text
)

// nodeRenderer writes what is ours, and what goldmark would write in a less safe way.
type nodeRenderer struct {
	names      Names
	imageBytes int // what is left for pictures
}

// RegisterFuncs implements renderer.NodeRenderer.
func (r *nodeRenderer) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindFencedCodeBlock, r.fence)
	reg.Register(ast.KindCodeBlock, r.indented)
	reg.Register(ast.KindCodeSpan, r.codeSpan)
	reg.Register(ast.KindHTMLBlock, r.htmlBlock)
	reg.Register(ast.KindRawHTML, r.rawHTML)
	reg.Register(ast.KindLink, r.link)
	reg.Register(ast.KindAutoLink, r.autoLink)
	reg.Register(ast.KindImage, r.image)
	reg.Register(extast.KindTaskCheckBox, r.checkBox)
	reg.Register(markerKind, r.marker)
}

func put(w util.BufWriter, s string) { _, _ = w.WriteString(s) } // errors stay in the writer until its Flush

func lines(n ast.Node, source []byte) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		segment := n.Lines().At(i)
		b.Write(segment.Value(source))
	}
	return b.String()
}

func (r *nodeRenderer) fence(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	f := n.(*ast.FencedCodeBlock) //nolint:errcheck,forcetypeassert // registered for this kind only
	info := ""
	if f.Info != nil {
		info = string(f.Info.Segment.Value(source))
	}
	block, _ := ParseBlock(info)
	writeBlock(w, block, lines(n, source))
	return ast.WalkSkipChildren, nil
}

func (r *nodeRenderer) indented(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		writeBlock(w, Block{Kind: Plain}, lines(n, source))
	}
	return ast.WalkSkipChildren, nil
}

func writeBlock(w util.BufWriter, block Block, code string) {
	var b strings.Builder
	block.write(&b, code)
	put(w, b.String())
}

// codeSpan is `code` within a text; a variable stands for its value there, too.
func (r *nodeRenderer) codeSpan(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(source))
		}
	}
	code := strings.ReplaceAll(b.String(), "\n", " ")
	put(w, "<code>")
	at := 0
	for _, m := range variable.FindAllStringSubmatchIndex(code, -1) {
		put(w, escape(code[at:m[0]])+variableSpan(code[m[2]:m[3]]))
		at = m[1]
	}
	put(w, escape(code[at:])+"</code>")
	return ast.WalkSkipChildren, nil
}

func variableSpan(name string) string {
	return fmt.Sprintf(`<span data-env="%s">$%s</span>`, escape(name), escape(name))
}

func (r *nodeRenderer) htmlBlock(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	raw := lines(n, source)
	if b := n.(*ast.HTMLBlock); b.HasClosure() { //nolint:errcheck,forcetypeassert // registered for this kind only
		raw += string(b.ClosureLine.Value(source))
	}
	raw = strings.TrimSpace(raw)
	if !isComment(raw) {
		put(w, "<p>"+escape(raw)+"</p>\n")
	}
	return ast.WalkSkipChildren, nil
}

func (r *nodeRenderer) rawHTML(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	raw := string(n.(*ast.RawHTML).Segments.Value(source)) //nolint:errcheck,forcetypeassert // registered for this kind only
	if !isComment(raw) {
		put(w, escape(raw))
	}
	return ast.WalkSkipChildren, nil
}

// isComment tells whether raw HTML is one comment and nothing else: authors leave notes for each other.
func isComment(raw string) bool {
	return strings.HasPrefix(raw, "<!--") && strings.Index(raw, "-->") == len(raw)-len("-->")
}

// destination is the address of a link as a browser would see it: references such as &#106; are resolved, so that what is
// looked at is what would be followed.
func destination(raw []byte) string { return string(util.URLEscape(raw, true)) }

// unescaped is the text that some Markdown stands for, with its backslashes and references resolved.
func unescaped(raw []byte) string {
	return string(util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(raw))))
}

// safeAddress tells whether a link may lead there.
func safeAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return u.Opaque != ""
	}
	return false
}

// portOf is the port that a link's address {{port:web}} names, or "".
func portOf(address string) string {
	if m := marker.FindStringSubmatch(address); len(m) > 0 && m[0] == address {
		return m[2]
	}
	return ""
}

func openLink(address string) string {
	return fmt.Sprintf(`<a href="%s" target="_blank" rel="noopener noreferrer">`, escape(address))
}

func openPort(name string) string { return fmt.Sprintf(`<a data-port="%s" href="#">`, escape(name)) }

func (r *nodeRenderer) link(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	raw := n.(*ast.Link).Destination //nolint:errcheck,forcetypeassert // registered for this kind only
	port, address := portOf(string(raw)), destination(raw)
	switch {
	case port != "" && r.names.port(port) && entering:
		put(w, openPort(port))
	case port != "" && !r.names.port(port), port == "" && !safeAddress(address):
		// The text stays, without a link.
	case entering:
		put(w, openLink(address))
	default:
		put(w, "</a>")
	}
	return ast.WalkContinue, nil
}

func (r *nodeRenderer) autoLink(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	l := n.(*ast.AutoLink) //nolint:errcheck,forcetypeassert // registered for this kind only
	address, label := destination(l.URL(source)), escape(string(l.Label(source)))
	if l.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
		address = "mailto:" + address
	}
	if safeAddress(address) {
		label = openLink(address) + label + "</a>"
	}
	put(w, label)
	return ast.WalkSkipChildren, nil
}

func (r *nodeRenderer) image(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	image := n.(*ast.Image) //nolint:errcheck,forcetypeassert // registered for this kind only
	alt := plainText(n, source)
	reference := unescaped(image.Destination)
	data, ok := r.names.image(reference)
	kind := imageType(reference, data)
	if !ok || kind == "" || len(data) > maxImage || len(data) > r.imageBytes {
		put(w, escape(alt))
		return ast.WalkSkipChildren, nil
	}
	r.imageBytes -= len(data)
	put(w, fmt.Sprintf(`<img src="data:%s;base64,%s" alt="%s"`, kind, base64.StdEncoding.EncodeToString(data), escape(alt)))
	if len(image.Title) > 0 {
		put(w, fmt.Sprintf(` title="%s"`, escape(unescaped(image.Title))))
	}
	put(w, " />")
	return ast.WalkSkipChildren, nil
}

// imageType is the media type of a picture, or "" for what is none. An SVG is safe in <img>: its scripts don't run there.
func imageType(name string, data []byte) string {
	if strings.EqualFold(path.Ext(name), ".svg") {
		return "image/svg+xml"
	}
	switch kind := http.DetectContentType(data); kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return kind
	}
	return ""
}

func plainText(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) { // the function never fails
		if t, ok := c.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return unescaped([]byte(b.String()))
}

func (r *nodeRenderer) checkBox(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	switch {
	case !entering:
	case n.(*extast.TaskCheckBox).IsChecked: //nolint:errcheck,forcetypeassert // registered for this kind only
		put(w, "\u2611 ")
	default:
		put(w, "\u2610 ")
	}
	return ast.WalkContinue, nil
}

func (r *nodeRenderer) marker(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	m := n.(*markerNode) //nolint:errcheck,forcetypeassert // registered for this kind only
	switch {
	case m.what == "env":
		put(w, variableSpan(m.name))
	case !r.names.port(m.name) || within(n, ast.KindLink):
		put(w, escape(m.name))
	default:
		put(w, openPort(m.name)+escape(m.name)+"</a>")
	}
	return ast.WalkContinue, nil
}

func within(n ast.Node, kind ast.NodeKind) bool {
	for n = n.Parent(); n != nil; n = n.Parent() {
		if n.Kind() == kind {
			return true
		}
	}
	return false
}
