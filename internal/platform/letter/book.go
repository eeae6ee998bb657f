package letter

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"strings"
	texttemplate "text/template"

	"golang.org/x/text/language"

	"github.com/cloudkida/cloudkida/internal/platform/words"
)

//go:embed text/*.json
var files embed.FS

//go:embed template/*
var templates embed.FS

// Book is what every kind of letter says in every language.
type Book struct {
	words   *words.Catalogue
	sources map[key]Source
	frame   struct {
		text *texttemplate.Template
		html *htmltemplate.Template
	}
}

type key struct{ kind, locale string }

// NewBook reads the texts.
func NewBook() (*Book, error) {
	texts, err := languages()
	if err != nil {
		return nil, err
	}
	b := &Book{words: texts, sources: map[key]Source{}}
	plain, err := texttemplate.ParseFS(templates, "template/*.txt")
	if err != nil {
		return nil, fmt.Errorf("letters: %w", err)
	}
	rich, err := htmltemplate.ParseFS(templates, "template/*.html")
	if err != nil {
		return nil, fmt.Errorf("letters: %w", err)
	}
	b.frame.text, b.frame.html = plain.Lookup("frame.txt"), rich.Lookup("frame.html")
	for _, l := range texts.Locales() {
		for _, k := range Kinds() {
			s, err := compose(l, k, plain.Lookup("content.txt"), rich.Lookup("content.html"))
			if err != nil {
				return nil, err
			}
			b.sources[key{k.Name, l.Tag()}] = s
		}
	}
	return b, nil
}

func languages() (*words.Catalogue, error) {
	texts, err := fs.Sub(files, "text")
	if err != nil {
		return nil, fmt.Errorf("letters: %w", err)
	}
	return words.New(texts, language.English, language.Hindi)
}

// Source is what the program itself says in a kind of letter.
func (b *Book) Source(k Kind, locale string) Source { return b.sources[key{k.Name, locale}] }

// Locales are the languages that there are letters in.
func (b *Book) Locales() []words.Locale { return b.words.Locales() }

// Locale is the language that suits best; wishes are tags or lists of them, the most wanted first.
func (b *Book) Locale(wishes ...string) words.Locale { return b.words.Match(wishes...) }

// Known tells whether there are letters in exactly this language.
func (b *Book) Known(locale string) bool { return b.words.Known(locale) }

// content is one letter in words.
type content struct {
	Title                  string
	Paragraphs, Closing    []string
	Button, Link, Fallback string
	Accent, AccentText     string
}

// Values that stand for variables where HTML would not have them as they are: in addresses and in styles.
const (
	standInLink       = "https://link.stands.here.invalid/"
	standInAccent     = "#0a1b2c"
	standInAccentText = "#0a1b2d"
)

// compose makes the source of a kind from its texts.
func compose(l words.Locale, k Kind, plain *texttemplate.Template, rich *htmltemplate.Template) (s Source, err error) {
	pairs := make([]any, 0, 2*len(k.Variables))
	for _, v := range k.Variables {
		pairs = append(pairs, v.Name, "{{."+v.Name+"}}")
	}
	say := func(part string) string { return l.Text(k.Name+"."+part, pairs...) }
	several := func(part string) (list []string) {
		for _, suffix := range []string{"", "2"} {
			if l.Has(k.Name + "." + part + suffix) {
				list = append(list, say(part+suffix))
			}
		}
		return list
	}
	c := content{
		Title: say("title"), Paragraphs: several("text"), Closing: several("closing"), Fallback: l.Text("letter.fallback"),
		Link: "{{.link}}", Accent: standInAccent, AccentText: standInAccentText,
	}
	if l.Has(k.Name + ".button") {
		c.Button = say("button")
	}
	var text, html strings.Builder
	if err := plain.Execute(&text, c); err != nil {
		return s, fmt.Errorf("letter %s in %s: %w", k.Name, l.Tag(), err)
	}
	c.Link = standInLink
	if err := rich.Execute(&html, c); err != nil {
		return s, fmt.Errorf("letter %s in %s: %w", k.Name, l.Tag(), err)
	}
	back := strings.NewReplacer(standInLink, "{{.link}}", standInAccentText, "{{.accentText}}", standInAccent, "{{.accent}}")
	return Source{Subject: say("subject"), Text: text.String(), HTML: back.Replace(html.String())}.Clean(), nil
}
