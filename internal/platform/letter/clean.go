package letter

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Sizes that leave everything in its place: what is pulled up, or flows out of a box that is too low for it, covers what
// the program itself says below.
var (
	margins    = regexp.MustCompile(`^((\d{1,3}(\.\d{1,2})?(px|em|rem|pt|%)?|auto)( |$)){1,4}$`)
	lineHeight = regexp.MustCompile(`^(normal|[1-9](\.\d{1,2})?(em)?|[1-9]\d(\.\d{1,2})?px|[1-9]\d{2}%)$`)
)

// allowed is what HTML of a letter may have: text with its forms, links, pictures that a browser asks for by https, tables
// as mail has them, and harmless styles. Everything else, scripts and forms before all, is left out.
func allowed() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "h1", "h2", "h3", "h4", "strong", "b", "em", "i", "u", "s", "small", "sub", "sup",
		"ul", "ol", "li", "blockquote", "pre", "code", "span", "div", "center", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption")
	p.AllowURLSchemes("https", "http", "mailto")
	p.RequireParseableURLs(true)
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("src").Matching(regexp.MustCompile(`^https://`)).OnElements("img")
	p.AllowAttrs("alt", "title").Matching(bluemonday.Paragraph).OnElements("img", "a")
	p.AllowAttrs("width", "height", "border", "cellpadding", "cellspacing", "colspan", "rowspan").Matching(bluemonday.NumberOrPercent).
		OnElements("img", "table", "td", "th")
	p.AllowAttrs("align").Matching(regexp.MustCompile(`(?i)^(left|right|center|justify)$`)).OnElements("p", "div", "td", "th", "tr", "table", "h1", "h2", "h3", "h4", "img")
	p.AllowAttrs("dir").Matching(bluemonday.Direction).Globally()
	p.AllowAttrs("lang").Matching(regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)).Globally()
	p.AllowStyles("color", "background-color", "text-align", "text-decoration", "font-weight", "font-style", "font-size",
		"padding", "padding-top", "padding-right", "padding-bottom", "padding-left",
		"border", "border-top", "border-bottom", "border-color", "border-radius", "border-collapse", "width", "max-width", "vertical-align").Globally()
	p.AllowStyles("margin", "margin-top", "margin-right", "margin-bottom", "margin-left").Matching(margins).Globally()
	p.AllowStyles("line-height").Matching(lineHeight).Globally()
	p.AllowStyles("display").MatchingEnum("inline", "inline-block", "block").Globally()
	return p
}

// clean leaves of HTML what a letter may have, in whole elements: what is not closed would go on in what the program says
// below, and what is closed too often would end what is around it.
func clean(text string) (string, error) {
	p := allowed()
	nodes, err := html.ParseFragment(strings.NewReader(p.Sanitize(text)), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil {
		return "", fmt.Errorf("clean HTML: %w", err)
	}
	var whole strings.Builder
	for _, n := range nodes {
		if err := html.Render(&whole, n); err != nil {
			return "", fmt.Errorf("clean HTML: %w", err)
		}
	}
	return p.Sanitize(whole.String()), nil // a parser may put things elsewhere: what comes out is looked at, too
}
