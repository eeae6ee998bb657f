package guide

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// Finding is something wrong with a text. Line counts from 1.
type Finding struct {
	Line    int
	Message string
}

// Lint lists what is wrong with a text: blocks with unknown options or without an end, references to ports, machines or
// pictures that the lab does not have, links that lead nowhere.
func Lint(source []byte, names Names) []Finding {
	c := &checker{source: source, names: names}
	_ = ast.Walk(parse(source), func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function never fails
		if entering {
			c.node(n)
		}
		return ast.WalkContinue, nil
	})
	return c.found
}

var (
	openingFence = regexp.MustCompile("`{3,}|~{3,}")
	likeMarker   = regexp.MustCompile(`(?i)\{\{\s*(?:port|prot|ports|env|envs)\s*:[^{}]*\}\}`)
)

type checker struct {
	source []byte
	names  Names
	found  []Finding
	images int // bytes
}

func (c *checker) add(n ast.Node, format string, args ...any) {
	c.found = append(c.found, Finding{Line: c.line(c.position(n)), Message: fmt.Sprintf(format, args...)})
}

func (c *checker) line(offset int) int {
	offset = min(max(offset, 0), len(c.source))
	return 1 + bytes.Count(c.source[:offset], []byte("\n"))
}

// position is where a node begins, or where the nearest one around it does that knows.
func (c *checker) position(n ast.Node) int {
	for ; n != nil; n = n.Parent() {
		if at := n.Pos(); at >= 0 {
			return at
		}
	}
	return 0
}

func (c *checker) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.FencedCodeBlock:
		c.fence(n)
	case *ast.Link:
		c.address(n, n.Destination)
	case *ast.AutoLink:
		if n.AutoLinkType == ast.AutoLinkURL {
			c.address(n, n.URL(c.source))
		}
	case *ast.Image:
		c.image(n)
	case *markerNode:
		if n.what == "port" && !c.names.port(n.name) {
			c.add(n, "there is no port %q in lab.yaml", n.name)
		}
	case *ast.Text:
		c.misspelt(n)
	}
}

func (c *checker) fence(n *ast.FencedCodeBlock) {
	info := ""
	if n.Info != nil {
		info = string(n.Info.Segment.Value(c.source))
	}
	block, problems := ParseBlock(info)
	for _, p := range problems {
		c.add(n, "%s", p)
	}
	if block.On != "" && !c.names.machine(block.On) {
		c.add(n, "there is no machine %q in lab.yaml", block.On)
	}
	if block.Kind != Plain && strings.TrimSpace(lines(n, c.source)) == "" {
		c.add(n, "the block is empty")
	}
	c.closed(n)
}

// closed looks for the end of a block. CommonMark takes a missing one for the end of the text, which is never meant.
func (c *checker) closed(n *ast.FencedCodeBlock) {
	opening := c.lineAt(c.position(n))
	fence := openingFence.FindString(opening)
	if fence == "" {
		return
	}
	end := c.position(n) + len(opening) + 1
	if count := n.Lines().Len(); count > 0 {
		end = n.Lines().At(count - 1).Stop
		for i := range count {
			segment := n.Lines().At(i)
			inner := strings.TrimSpace(string(segment.Value(c.source)))
			if strings.HasPrefix(inner, fence) && !strings.Contains(inner[len(fence):], fence[:1]) {
				c.found = append(c.found, Finding{Line: c.line(segment.Start),
					Message: fmt.Sprintf("a block begins within the one from line %d: is that one closed?", c.line(c.position(n)))})
			}
		}
	}
	closing := strings.TrimLeft(c.lineAt(end), " \t>")
	if end >= len(c.source) || !strings.HasPrefix(closing, fence) {
		c.add(n, "the block is not closed: end it with a line of %s", fence)
	}
}

// lineAt is the rest of the line that begins at an offset.
func (c *checker) lineAt(offset int) string {
	if offset >= len(c.source) {
		return ""
	}
	line, _, _ := bytes.Cut(c.source[offset:], []byte("\n"))
	return string(line)
}

func (c *checker) address(n ast.Node, raw []byte) {
	if port := portOf(string(raw)); port != "" {
		if !c.names.port(port) {
			c.add(n, "there is no port %q in lab.yaml", port)
		}
		return
	}
	if !safeAddress(destination(raw)) {
		c.add(n, "the link to %q leads nowhere: write https://..., mailto:..., or {{port:NAME}}", shorten(string(raw)))
	}
}

func (c *checker) image(n *ast.Image) {
	reference := unescaped(n.Destination)
	data, ok := c.names.image(reference)
	switch {
	case !ok:
		c.add(n, "there is no picture %q in the lab, seen from the folder of this text; pictures from elsewhere are not shown", shorten(reference))
	case imageType(reference, data) == "":
		c.add(n, "%q is not a picture: PNG, JPEG, GIF, WebP and SVG are", shorten(reference))
	case len(data) > maxImage:
		c.add(n, "the picture %q is larger than %d KiB", shorten(reference), maxImage>>10)
	default:
		before := c.images
		c.images += len(data)
		if before <= maxImages && c.images > maxImages {
			c.add(n, "the pictures of this text are larger than %d MiB together", maxImages>>20)
		}
	}
}

// misspelt finds what looks like a marker and is none.
func (c *checker) misspelt(n *ast.Text) {
	value := n.Segment.Value(c.source)
	for _, m := range likeMarker.FindAllIndex(value, -1) {
		if !within(n, ast.KindCodeSpan) {
			line := c.line(n.Segment.Start + m[0])
			c.found = append(c.found, Finding{Line: line,
				Message: fmt.Sprintf("%q is not understood: write {{port:name}} or {{env:NAME}}, without spaces", shorten(string(value[m[0]:m[1]])))})
		}
	}
}

func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
