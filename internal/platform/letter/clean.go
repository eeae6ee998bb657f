package letter

import (
	"regexp"

	"github.com/microcosm-cc/bluemonday"
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
	p.AllowStyles("color", "background-color", "text-align", "text-decoration", "font-weight", "font-style", "font-size", "line-height",
		"padding", "padding-top", "padding-right", "padding-bottom", "padding-left", "margin", "margin-top", "margin-right", "margin-bottom", "margin-left",
		"border", "border-top", "border-bottom", "border-color", "border-radius", "border-collapse", "width", "max-width", "height", "vertical-align").Globally()
	p.AllowStyles("display").MatchingEnum("inline", "inline-block", "block").Globally()
	return p
}

// clean leaves of HTML what a letter may have.
func clean(text string) string { return allowed().Sanitize(text) }
