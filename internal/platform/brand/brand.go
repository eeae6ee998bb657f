// Package brand is what an organisation's people see of it wherever they look: a name, a logo, two colours, and whom they
// ask. It holds values and their rules alone; whose brand is which is kept elsewhere.
package brand

import (
	"cmp"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Product is what an installation is called whose provider has not said otherwise.
const Product = "Cloudkida"

// The product's own colours, which its style sheets have already.
const (
	DefaultPrimary Colour = 0x5151cd
	DefaultAccent  Colour = 0x4543b4
)

// Bounds of texts.
const (
	MaxTitle = 60  // characters
	maxURL   = 300 // bytes
	maxEmail = 254
)

// Brand is what pages and letters show.
type Brand struct {
	Title   string  // whose pages these are
	Primary Colour  // of buttons
	Accent  Colour  // of links, and of what has the focus
	Logo    Picture // zero: the mark stands in its place
	Icon    Picture // a square one, for tabs of browsers; zero: the mark
	Letter  rune    // of the mark, on the primary colour; 0: the product's own mark
	Support string  // an e-mail address or an https address; "" for none
	Terms   string  // https addresses; "" for none
	Privacy string
	Own     bool // an organisation's own, as opposed to the provider's
}

// Default is the brand of an installation whose provider has set none.
func Default() Brand { return Brand{Title: Product, Primary: DefaultPrimary, Accent: DefaultAccent} }

// Plain tells whether the pages' own colours are right as they are.
func (b Brand) Plain() bool { return b.Primary == DefaultPrimary && b.Accent == DefaultAccent }

// Picture names a picture that is kept under the hash of its content.
type Picture struct {
	Hash   string `json:"hash,omitempty"`  // SHA-256 of the file, in hex
	Width  int    `json:"width,omitempty"` // in pixels
	Height int    `json:"height,omitempty"`
	Plate  Plate  `json:"plate,omitempty"`
}

// Plate is what a picture with transparent parts needs behind it where the page would swallow it.
type Plate string

// The plates.
const (
	NoPlate    Plate = ""      // it is seen on every page
	LightPlate Plate = "light" // it is dark: it needs a light ground on dark pages
	DarkPlate  Plate = "dark"  // it is light: it needs a dark ground on light pages
)

// Path is where a picture is served; "" for none.
func (p Picture) Path() string {
	if p.Hash == "" {
		return ""
	}
	return Path + p.Hash + ".png"
}

// Path is where everything of brands is served: names below it change with the content, so that browsers keep it for good.
const Path = "/brand/"

// IconPath is where the picture for tabs is, which is the mark where there is no icon.
func (b Brand) IconPath() string { return cmp.Or(b.Icon.Path(), b.MarkPath()) }

// MarkPath is where the mark is; "" for the product's own, which pages have in them.
func (b Brand) MarkPath() string {
	if b.Letter == 0 {
		return ""
	}
	return Path + markName(b.Primary, b.Letter)
}

// Wide tells whether the logo has the name in it: one as wide as a line of text stands alone.
func (b Brand) Wide() bool { return float64(b.Logo.Width) > iconRatio*float64(b.Logo.Height) }

// SheetPath is where the colours are as a style sheet; "" where the pages' own are right.
func (b Brand) SheetPath() string {
	if b.Plain() {
		return ""
	}
	return Path + sheetName(b.Primary, b.Accent)
}

// SupportURL is where a link to whom people ask leads; "" for nowhere.
func (b Brand) SupportURL() string {
	if strings.Contains(b.Support, "@") && !strings.Contains(b.Support, "/") {
		return "mailto:" + b.Support
	}
	return b.Support
}

// LetterOf is what the mark of a title shows: its first letter or digit. The product has a mark of its own.
func LetterOf(title string) rune {
	if title == Product {
		return 0
	}
	for _, r := range title {
		if markable(r) {
			return unicode.ToUpper(r)
		}
	}
	return '#'
}

// Check reports every problem of a brand's texts, each at its field of a body. Empty ones are right: something else takes
// their place.
func (b Brand) Check() (fields []errs.Field) {
	problem := func(wrong bool, path, message string) {
		if wrong {
			fields = append(fields, errs.Field{Path: "body." + path, Message: message})
		}
	}
	problem(utf8.RuneCountInString(b.Title) > MaxTitle || !OneLine(b.Title), "title", "Want one line of at most "+strconv.Itoa(MaxTitle)+" characters.")
	problem(b.Support != "" && !validEmail(b.Support) && !validURL(b.Support), "support", "Want an e-mail address, such as help@example.com, or an address that begins with https://.")
	problem(b.Terms != "" && !validURL(b.Terms), "terms", wantURL)
	problem(b.Privacy != "" && !validURL(b.Privacy), "privacy", wantURL)
	return fields
}

const wantURL = "Want an address that begins with https://, of at most 300 characters."

// OneLine tells whether text can stand in a heading or a header: valid, and nothing that ends a line, hides, or turns the
// reading direction of what comes next.
func OneLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' || unicode.Is(unicode.Bidi_Control, r)
	})
}

var plainEmail = regexp.MustCompile(`^[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]+$`) // nothing that mailto: would take for its own

func validEmail(text string) bool {
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Address == text && len(text) <= maxEmail && plainEmail.MatchString(text)
}

// validURL takes https alone, a host, and nobody's name before it, which could make it look like another host.
func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxURL && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && OneLine(text) && !strings.ContainsAny(text, " \"<>\\^`{|}")
}
