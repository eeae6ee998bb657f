package brand

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Served is a file below Path.
type Served struct {
	Kind string // its media type
	Text []byte
}

var (
	sheetFile   = regexp.MustCompile(`^([0-9a-f]{6})-([0-9a-f]{6})-[0-9a-f]{12}\.css$`)
	markFile    = regexp.MustCompile(`^mark-([0-9a-f]{6})-([0-9a-f]{2,5})\.svg$`)
	pictureFile = regexp.MustCompile(`^([0-9a-f]{64})\.png$`)
)

// PictureHash is the hash of the picture that a file's name is of; "" for what is none.
func PictureHash(file string) string {
	if found := pictureFile.FindStringSubmatch(file); found != nil {
		return found[1]
	}
	return ""
}

// Drawn makes what follows from a file's name alone: colours as a style sheet, and marks. Nothing of any organisation is
// read for it.
func Drawn(file string) (s Served, ok bool) {
	if found := sheetFile.FindStringSubmatch(file); found != nil {
		primary, _ := ParseColour("#" + found[1])
		accent, _ := ParseColour("#" + found[2])
		// A name of another release holds other shades: they must not be kept under this one's name.
		return Served{"text/css; charset=utf-8", sheet(primary, accent)}, file == sheetName(primary, accent)
	}
	if found := markFile.FindStringSubmatch(file); found != nil {
		colour, _ := ParseColour("#" + found[1])
		code, err := strconv.ParseInt(found[2], 16, 32)
		letter := rune(code)
		if err != nil || letter != '#' && !markable(letter) || file != markName(colour, letter) {
			return Served{}, false
		}
		return Served{"image/svg+xml", mark(colour, letter)}, true
	}
	return Served{}, false
}

// Write serves a file whose name changes with its content. Whatever it is, a browser that opens it runs nothing of it.
func (s Served) Write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", s.Kind)
	h.Set("Content-Length", strconv.Itoa(len(s.Text)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	_, _ = w.Write(s.Text) // the client may be gone
}

// markable tells whether a letter can stand in a mark: one that needs no other beside it.
func markable(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func markName(c Colour, letter rune) string { return fmt.Sprintf("mark-%s-%02x.svg", c.hex(), letter) }

// mark is a letter on the colour of buttons.
func mark(c Colour, letter rune) []byte {
	s := NewPalette(c, c).Light
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="%s"/>`+
		`<text x="16" y="16" dy=".36em" text-anchor="middle" font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif" font-size="18" font-weight="700" fill="%s">%s</text></svg>`,
		s.Fill, s.Text, html.EscapeString(string(letter)))
}

func sheetName(primary, accent Colour) string {
	sum := sha256.Sum256(sheet(primary, accent))
	return primary.hex() + "-" + accent.hex() + "-" + hex.EncodeToString(sum[:6]) + ".css"
}

// sheet sets the variables of the hosted pages' style sheet, after which it comes.
func sheet(primary, accent Colour) []byte {
	p := NewPalette(primary, accent)
	var out strings.Builder
	out.WriteString(":root {" + p.Light.variables() + "}\n")
	out.WriteString("@media (prefers-color-scheme: dark) { :root {" + p.Dark.variables() + "} }\n")
	return []byte(out.String())
}

func (s Scheme) variables() string {
	return fmt.Sprintf(" --accent: %s; --accent-hover: %s; --on-accent: %s; --link: %s; --ring: %s; --scene: %s; --scene-light: %s; --scene-side: %s; ",
		s.Fill, s.Hover, s.Text, s.Link, s.Ring, s.Scene, s.Scene.mix(white, 0.12), s.Scene.mix(black, 0.25))
}
