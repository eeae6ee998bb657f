package brand

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
)

// Colour is an opaque sRGB colour, 0xRRGGBB.
type Colour uint32

var hexColour = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// ParseColour reads #rrggbb.
func ParseColour(text string) (c Colour, ok bool) {
	if !hexColour.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseUint(text[1:], 16, 32)
	return Colour(n), err == nil
}

// String is the colour as #rrggbb.
func (c Colour) String() string { return "#" + c.hex() }

func (c Colour) hex() string { return fmt.Sprintf("%06x", uint32(c)) }

func (c Colour) channels() [3]float64 {
	return [3]float64{float64(c >> 16 & 0xff), float64(c >> 8 & 0xff), float64(c & 0xff)}
}

// mix moves c a part of the way, 0 to 1, to another colour.
func (c Colour) mix(to Colour, part float64) Colour {
	var out Colour
	from, target := c.channels(), to.channels()
	for i := range from {
		out = out<<8 | Colour(math.Round(from[i]+(target[i]-from[i])*part))
	}
	return out
}

// luminance is the relative luminance of WCAG 2.2.
func (c Colour) luminance() float64 {
	weights, sum := [3]float64{0.2126, 0.7152, 0.0722}, 0.0
	for i, v := range c.channels() {
		v /= 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weights[i] * v
	}
	return sum
}

// Contrast is the contrast ratio of two colours by WCAG 2.2, 1 to 21.
func Contrast(a, b Colour) float64 {
	lighter, darker := a.luminance(), b.luminance()
	if lighter < darker {
		lighter, darker = darker, lighter
	}
	return (lighter + 0.05) / (darker + 0.05)
}

// What WCAG 2.2 AA asks for: of text (1.4.3), and of what one operates (1.4.11).
const (
	TextContrast    = 4.5
	ControlContrast = 3.0
)

const (
	white Colour = 0xffffff
	black Colour = 0x000000
)

// Scheme is a brand's colours on light or on dark pages, each with the contrast that it needs there.
type Scheme struct {
	Fill  Colour // of buttons
	Hover Colour // of buttons under the pointer
	Text  Colour // on both
	Link  Colour // of text on the page, and on Tint
	Ring  Colour // around what has the focus
	Tint  Colour // behind what is chosen
	Scene Colour // of large areas with white text
}

// Notice is a colour that a page shows in another shade, and why.
type Notice struct {
	Dark     bool    // on dark pages, as opposed to light ones
	Link     bool    // the accent as text; else the primary colour of buttons
	Contrast float64 // of the colour as it was chosen
	Wanted   float64
	Shown    Colour
}

// Palette is a brand's colours on every page.
type Palette struct {
	Light, Dark Scheme
	Notices     []Notice
}

// ground is what the pages of one scheme are made of.
type ground struct {
	page   Colour // of pages
	worst  Colour // the ground with the least contrast that text and buttons stand on
	toward Colour // where there is more contrast
	tint   float64
}

// The grounds of web/src/app/theme.ts and of the hosted pages' style.css; their worst ones are rows under the pointer.
func grounds() (light, dark ground) {
	return ground{page: white, worst: 0xf1f2f5, toward: black, tint: 0.08}, ground{page: 0x14161b, worst: 0x22252d, toward: white, tint: 0.16}
}

// nudge moves c as little as needed to have a contrast to all grounds.
func (g ground) nudge(c Colour, want float64, grounds ...Colour) Colour {
	const steps = 50
	for i := range steps {
		moved, right := c.mix(g.toward, float64(i)/steps), true
		for _, each := range grounds {
			right = right && Contrast(moved, each) >= want
		}
		if right {
			return moved
		}
	}
	return g.toward
}

// scheme makes two colours fit for the ground.
func (g ground) scheme(primary, accent Colour) Scheme {
	s := Scheme{Fill: g.nudge(primary, ControlContrast, g.page, g.worst), Tint: g.page.mix(accent, g.tint)}
	s.Text = white
	if Contrast(white, s.Fill) < TextContrast {
		s.Text = black // one of the two is enough on every colour
	}
	away := black
	if s.Text == black {
		away = white
	}
	s.Hover = s.Fill.mix(g.toward, 0.12)
	if Contrast(s.Text, s.Hover) < TextContrast {
		s.Hover = s.Fill.mix(away, 0.12)
	}
	s.Link = g.nudge(accent, TextContrast, g.page, g.worst, s.Tint)
	s.Ring = g.nudge(accent, ControlContrast, g.page, g.worst)
	dim := ground{toward: black}
	s.Scene = dim.nudge(primary.mix(black, 0.45), 7, white)
	return s
}

// NewPalette makes two colours fit for every page. No colour is refused: where one has too little contrast, a shade of it
// that has enough is shown, and a notice says so.
func NewPalette(primary, accent Colour) Palette {
	light, dark := grounds()
	p := Palette{Light: light.scheme(primary, accent), Dark: dark.scheme(primary, accent)}
	for _, each := range []struct {
		dark bool
		ground
		Scheme
	}{{false, light, p.Light}, {true, dark, p.Dark}} {
		if each.Fill != primary {
			p.Notices = append(p.Notices, Notice{Dark: each.dark, Contrast: least(primary, each.page, each.worst), Wanted: ControlContrast, Shown: each.Fill})
		}
		if each.Link != accent {
			p.Notices = append(p.Notices, Notice{Dark: each.dark, Link: true, Contrast: least(accent, each.page, each.worst, each.Tint), Wanted: TextContrast, Shown: each.Link})
		}
	}
	return p
}

// least is the smallest contrast of a colour to its grounds.
func least(c Colour, grounds ...Colour) float64 {
	found := 21.0
	for _, g := range grounds {
		found = min(found, Contrast(c, g))
	}
	return found
}
