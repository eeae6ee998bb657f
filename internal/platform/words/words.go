// Package words holds what a program says to people in the languages that it speaks: texts by key, with plural forms of
// CLDR, from one file per language. The first language is complete and stands in for any other.
package words

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Catalogue is every text in every language.
type Catalogue struct {
	matcher language.Matcher
	locales []Locale
}

// Locale is one language of a catalogue. The zero value says keys.
type Locale struct {
	tag       language.Tag
	name      string
	localizer *i18n.Localizer
	keys      map[string]bool
	said      map[string]string
}

// Said is the file of a language whose keys are texts of the program's own code, with # for numbers.
const said = "said."

// New reads TAG.json of each language, and said.TAG.json where there is one, which translates texts that have no key. The key language.name
// is what a language calls itself.
func New(files fs.FS, tags ...language.Tag) (*Catalogue, error) {
	c := &Catalogue{matcher: language.NewMatcher(tags)}
	bundle := i18n.NewBundle(tags[0])
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, tag := range tags {
		loaded, err := bundle.LoadMessageFileFS(files, tag.String()+".json")
		if err != nil {
			return nil, fmt.Errorf("words of %s: %w", tag, err)
		}
		l := Locale{tag: tag, keys: map[string]bool{}, said: map[string]string{}}
		for _, m := range loaded.Messages {
			l.keys[m.ID] = true
		}
		if tag != tags[0] {
			text, err := fs.ReadFile(files, path.Join(said+tag.String()+".json"))
			if err == nil {
				err = json.Unmarshal(text, &l.said)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("words of %s: %w", tag, err)
			}
		}
		c.locales = append(c.locales, l)
	}
	for i := range c.locales {
		l := &c.locales[i]
		l.localizer = i18n.NewLocalizer(bundle, l.tag.String())
		l.name = l.Text("language.name")
	}
	return c, nil
}

// maxWishes bounds a list of languages that a browser sends.
const maxWishes = 200

// Match is the language that suits best: wishes are lists as in Accept-Language (RFC 9110), or separated by spaces as in
// ui_locales, the most wanted list first. Nothing that suits gives the first language.
func (c *Catalogue) Match(wishes ...string) Locale {
	l, _ := c.Find(wishes...)
	return l
}

// Find is Match, and tells whether anything suits.
func (c *Catalogue) Find(wishes ...string) (l Locale, suits bool) {
	for _, wish := range wishes {
		if wish == "" || len(wish) > maxWishes {
			continue
		}
		if !strings.Contains(wish, ",") {
			wish = strings.Join(strings.Fields(wish), ",")
		}
		tags, _, err := language.ParseAcceptLanguage(wish)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, confidence := c.matcher.Match(tags...); confidence >= language.High {
			return c.locales[i], true
		}
	}
	return c.locales[0], false
}

// Locales are all languages.
func (c *Catalogue) Locales() []Locale { return slices.Clone(c.locales) }

// Known tells whether tag is exactly one of the catalogue's languages.
func (c *Catalogue) Known(tag string) bool {
	return slices.ContainsFunc(c.locales, func(l Locale) bool { return l.Tag() == tag })
}

// Tag is the language's tag, as in HTML's lang.
func (l Locale) Tag() string { return l.tag.String() }

// Name is what the language calls itself.
func (l Locale) Name() string { return l.name }

// Has tells whether the language has a key.
func (l Locale) Has(key string) bool { return l.keys[key] }

// Keys are those that the language has, in order.
func (l Locale) Keys() []string { return slices.Sorted(maps.Keys(l.keys)) }

// Dir is the direction of reading, as in HTML's dir.
func (l Locale) Dir() string {
	script, _ := l.tag.Script()
	if slices.Contains([]string{"Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm"}, script.String()) {
		return "rtl"
	}
	return "ltr"
}

// Text is what a key says, with {{.name}} filled in from pairs of names and values. The value of count picks the plural.
func (l Locale) Text(key string, pairs ...any) string {
	if l.localizer == nil {
		return key
	}
	cfg := &i18n.LocalizeConfig{MessageID: key}
	if len(pairs) > 0 {
		data := make(map[string]any, len(pairs)/2)
		for i := 0; i+1 < len(pairs); i += 2 {
			data[fmt.Sprint(pairs[i])] = pairs[i+1]
		}
		cfg.TemplateData, cfg.PluralCount = data, data["count"]
	}
	text, err := l.localizer.Localize(cfg)
	if text == "" && err != nil {
		return key
	}
	return text
}

var number = regexp.MustCompile(`[0-9]+`)

// Said is a text of the program's own code in this language, or as it is where nobody has translated it.
func (l Locale) Said(text string) string {
	translated, ok := l.said[number.ReplaceAllString(text, "#")]
	if !ok {
		return text
	}
	numbers := number.FindAllString(text, -1)
	var out strings.Builder
	for _, r := range translated {
		if r == '#' && len(numbers) > 0 {
			out.WriteString(numbers[0])
			numbers = numbers[1:]
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// SaidKeys are the texts that Said translates.
func (l Locale) SaidKeys() []string { return slices.Sorted(maps.Keys(l.said)) }
