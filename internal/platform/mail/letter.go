package mail

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"strings"
	texttemplate "text/template"
)

//go:embed template/letter.html template/letter.txt
var templates embed.FS

var (
	letterHTML = htmltemplate.Must(htmltemplate.ParseFS(templates, "template/letter.html"))
	letterText = texttemplate.Must(texttemplate.ParseFS(templates, "template/letter.txt"))
)

// Letter is a message in words: one heading, a few paragraphs and at most one thing to do. It reads the same with and
// without HTML.
type Letter struct {
	Brand      string // whose portal writes: a tenant's title or the product's name
	Title      string
	Paragraphs []string
	Button     string // what Link does, in words
	Link       string // http(s); "" for none
	Closing    []string
	Lang, Dir  string // of the words; empty: English
	Fallback   string // what leads to Link where the button does not work; empty: in English
}

// Render returns the letter as text and as HTML.
func (l Letter) Render() (text, html string, err error) {
	if l.Link != "" {
		u, err := url.Parse(l.Link)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || l.Button == "" {
			return "", "", errors.New("letter: want an http(s) link with a button's words")
		}
	}
	// One line each: what people typed must not look like a paragraph of ours.
	for _, line := range append([]string{l.Brand, l.Title, l.Button, l.Link}, append(append([]string{}, l.Paragraphs...), l.Closing...)...) {
		if !oneLine(line) {
			return "", "", errors.New("letter: every part is one line without control characters")
		}
	}
	l.Lang, l.Dir = cmp.Or(l.Lang, "en"), cmp.Or(l.Dir, "ltr")
	l.Fallback = cmp.Or(l.Fallback, "If the button does not work, open this address:")
	var plain, rich strings.Builder
	if err := letterText.Execute(&plain, l); err != nil {
		return "", "", fmt.Errorf("letter: %w", err)
	}
	if err := letterHTML.Execute(&rich, l); err != nil {
		return "", "", fmt.Errorf("letter: %w", err)
	}
	return plain.String(), rich.String(), nil
}
