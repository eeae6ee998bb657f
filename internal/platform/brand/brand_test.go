package brand_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/brand"
	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

func TestContrastIsThatOfWCAG(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b brand.Colour
		want float64
	}{{0xffffff, 0x000000, 21}, {0x777777, 0xffffff, 4.48}, {0x767676, 0xffffff, 4.54}, {0xff0000, 0xffffff, 4.00}, {0x123456, 0x123456, 1}} {
		if got := brand.Contrast(c.a, c.b); math.Abs(got-c.want) > 0.005 || got != brand.Contrast(c.b, c.a) {
			t.Errorf("%s on %s: %.3f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

func TestEveryColourBecomesFitForEveryPage(t *testing.T) {
	t.Parallel()
	for r := 0; r < 256; r += 17 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 17 {
				c := brand.Colour(r<<16 | g<<8 | b) //nolint:gosec // 24 bits
				p := brand.NewPalette(c, c)
				for name, s := range map[string]struct {
					brand.Scheme
					grounds []brand.Colour
				}{"light": {p.Light, []brand.Colour{0xffffff, 0xf1f2f5}}, "dark": {p.Dark, []brand.Colour{0x14161b, 0x22252d}}} {
					for _, ground := range s.grounds {
						if brand.Contrast(s.Fill, ground) < 3 || brand.Contrast(s.Ring, ground) < 3 || brand.Contrast(s.Link, ground) < 4.5 {
							t.Fatalf("%s on %s pages: %+v", c, name, s.Scheme)
						}
					}
					if brand.Contrast(s.Text, s.Fill) < 4.5 || brand.Contrast(s.Text, s.Hover) < 4.5 || brand.Contrast(s.Link, s.Tint) < 4.5 || brand.Contrast(s.Scene, 0xffffff) < 7 {
						t.Fatalf("%s in its own colours on %s pages: %+v", c, name, s.Scheme)
					}
				}
			}
		}
	}
}

func TestAShadeIsToldAbout(t *testing.T) {
	t.Parallel()
	yellow := brand.NewPalette(0xffe000, 0x005a9c)
	var light, dark int
	for _, n := range yellow.Notices {
		if n.Dark {
			dark++
			if !n.Link || n.Contrast >= 4.5 || n.Wanted != 4.5 || n.Shown != yellow.Dark.Link {
				t.Errorf("on dark pages: %+v", n)
			}
			continue
		}
		light++
		if n.Link || n.Contrast >= 1.4 || n.Wanted != 3 || n.Shown != yellow.Light.Fill {
			t.Errorf("on light pages: %+v", n)
		}
	}
	if light != 1 || dark != 1 || yellow.Dark.Fill != 0xffe000 || yellow.Light.Link != 0x005a9c {
		t.Errorf("%+v", yellow)
	}
	if p := brand.NewPalette(0x7c5cff, 0x7c5cff); p.Light.Fill != 0x7c5cff || p.Dark.Fill != 0x7c5cff {
		t.Errorf("a colour that is right is changed: %+v", p)
	}
}

func TestTextsAreChecked(t *testing.T) {
	t.Parallel()
	for text, right := range map[string]bool{
		"": true, "help@example.com": true, "https://example.com/help?x=1": true, "http://example.com": false, "javascript:alert(1)": false,
		"help@example.com?bcc=all@example.com": false, "Ada <help@example.com>": false, "https://example.com@evil.example/": false, "https://": false,
		"data:text/html,x": false, "https://example.com/\"onclick=": false, "//evil.example": false, "a@b.example\r\nBcc: c@d.example": false,
		"https://example.com/" + strings.Repeat("a", 300): false,
	} {
		if fields := (brand.Brand{Support: text}).Check(); (len(fields) == 0) != right {
			t.Errorf("support %q: %+v", text, fields)
		}
	}
	bad := brand.Brand{Title: strings.Repeat("é", 61), Support: "x", Terms: "help@example.com", Privacy: "http://example.com"}
	if fields := bad.Check(); len(fields) != 4 {
		t.Errorf("not all of it: %+v", fields)
	}
	for _, title := range []string{"a\nb", "a\u202eb", "a\x00", "\xff"} {
		if fields := (brand.Brand{Title: title}).Check(); len(fields) != 1 {
			t.Errorf("title %q", title)
		}
	}
	for text, want := range map[string]string{"help@example.com": "mailto:help@example.com", "https://example.com/@help": "https://example.com/@help", "": ""} {
		if got := (brand.Brand{Support: text}).SupportURL(); got != want {
			t.Errorf("%q leads to %q", text, got)
		}
	}
}

// picture is one that shows a colour on a transparent ground.
func picture(width, height int, c color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := height / 4; y < height; y++ {
		for x := range width {
			m.Set(x, y, c)
		}
	}
	return m
}

func pngOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestALogoIsDrawnAnew(t *testing.T) {
	t.Parallel()
	script := "<script>alert(1)</script><?php system($_GET[0]); ?>"
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, picture(800, 800, color.White), nil); err != nil {
		t.Fatal(err)
	}
	comment := append([]byte("\xff\xfe\x00\x35"), script...)
	for name, file := range map[string][]byte{
		"a page behind a PNG":   append(pngOf(t, picture(300, 100, color.Black)), script...),
		"an archive behind it":  append(pngOf(t, picture(300, 300, color.Black)), "PK\x03\x04 "+script...),
		"a text within the PNG": withChunk(pngOf(t, picture(300, 100, color.Black)), "tEXt", []byte("Comment\x00"+script)),
		"a comment in a JPEG":   slices.Concat(photo.Bytes()[:2], comment, photo.Bytes()[2:]),
	} {
		logo, icon, err := brand.NewLogo(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, kept := range []brand.File{logo, icon} {
			if bytes.Contains(kept.PNG, []byte("script")) || bytes.Contains(kept.PNG, []byte("PK")) {
				t.Errorf("%s: it is still there", name)
			}
		}
		size, err := png.DecodeConfig(bytes.NewReader(logo.PNG))
		if err != nil || size.Width != logo.Width || size.Height != logo.Height || size.Height > 120 || size.Width > 720 || len(logo.Hash) != 64 {
			t.Errorf("%s: %+v, %v", name, logo.Picture, err)
		}
		if wide := logo.Width > 2*logo.Height; wide != (icon.Hash == "") {
			t.Errorf("%s: icon %+v", name, icon.Picture)
		}
	}
}

func TestMarginsAreLeftOut(t *testing.T) {
	t.Parallel()
	m := image.NewNRGBA(image.Rect(0, 0, 500, 400))
	for y := 100; y < 150; y++ {
		for x := 50; x < 350; x++ {
			m.Set(x, y, color.NRGBA{200, 30, 30, 255})
		}
	}
	logo, _, err := brand.NewLogo(pngOf(t, m))
	if err != nil || logo.Width != 300 || logo.Height != 50 {
		t.Errorf("%+v, %v", logo.Picture, err)
	}
}

func TestALogoIsSeenOnEveryPage(t *testing.T) {
	t.Parallel()
	solid := image.NewNRGBA(image.Rect(0, 0, 100, 100))
	for i := range solid.Pix {
		solid.Pix[i] = 255 * byte(i%4/3) // black
	}
	for name, c := range map[string]struct {
		shown image.Image
		want  brand.Plate
	}{
		"dark":   {picture(100, 100, color.NRGBA{20, 20, 60, 255}), brand.LightPlate},
		"light":  {picture(100, 100, color.NRGBA{255, 250, 240, 255}), brand.DarkPlate},
		"middle": {picture(100, 100, color.NRGBA{120, 90, 220, 255}), brand.NoPlate},
		"opaque": {solid, brand.NoPlate},
	} {
		logo, _, err := brand.NewLogo(pngOf(t, c.shown))
		if err != nil || logo.Plate != c.want {
			t.Errorf("%s: plate %q, %v, want %q", name, logo.Plate, err, c.want)
		}
	}
}

// withChunk puts a chunk behind a PNG's head.
func withChunk(file []byte, kind string, data []byte) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data))) //nolint:gosec // a few bytes
	chunk = append(append(chunk, kind...), data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	const head = 8 + 25
	return append(append(append([]byte{}, file[:head]...), chunk...), file[head:]...)
}

// claim gives a PNG's head another size.
func claim(file []byte, width, height uint32) []byte {
	out := bytes.Clone(file)
	binary.BigEndian.PutUint32(out[16:], width)
	binary.BigEndian.PutUint32(out[20:], height)
	binary.BigEndian.PutUint32(out[29:], crc32.ChecksumIEEE(out[12:29]))
	return out
}

func TestWhatIsNoLogoIsRefused(t *testing.T) {
	t.Parallel()
	good := pngOf(t, picture(64, 64, color.Black))
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"nothing":              {nil, "not a PNG"},
		"an SVG":               {[]byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), "SVG"},
		"a page":               {[]byte("<!doctype html><script>alert(1)</script>"), "not a PNG"},
		"a GIF with a program": {[]byte("GIF89a/*" + strings.Repeat("x", 50) + "*/=alert(1)"), "not a PNG"},
		"a bomb":               {claim(good, 60_000, 60_000), "too many pixels"},
		"a long bomb":          {claim(good, 4096, 4096), "too many pixels"},
		"a line":               {claim(good, 100_000, 1), "too many pixels"},
		"half a file":          {good[:len(good)/2], "damaged"},
		"a head alone":         {[]byte("\x89PNG\r\n\x1a\n"), "damaged"},
		"a WebP bomb":          {[]byte("RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\x3f\x00\xff\x3f\x00"), "too many pixels"},
		"a JPEG of nothing":    {[]byte("\xff\xd8\xff\xe0\x00\x10JFIF"), "damaged"},
		"too large a file":     {append(bytes.Clone(good), make([]byte, brand.MaxUpload)...), "larger than"},
		"nothing to see":       {pngOf(t, image.NewNRGBA(image.Rect(0, 0, 10, 10))), "transparent"},
	} {
		_, _, err := brand.NewLogo(c.file)
		var known *errs.Error
		if !errors.As(err, &known) || known.Code != "invalid_logo" || len(known.Fields) != 1 || !strings.Contains(known.Fields[0].Message, c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func FuzzLogo(f *testing.F) {
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Add([]byte("RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		logo, icon, err := brand.NewLogo(file)
		for _, kept := range []brand.File{logo, icon} {
			if err != nil || kept.PNG == nil {
				continue
			}
			if _, err := png.Decode(bytes.NewReader(kept.PNG)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFilesFollowFromTheirNames(t *testing.T) {
	t.Parallel()
	acme := brand.Brand{Letter: brand.LetterOf("«acme» & Co"), Primary: 0xc2410c, Accent: 0x0f766e}
	for path, kind := range map[string]string{acme.SheetPath(): "text/css; charset=utf-8", acme.MarkPath(): "image/svg+xml"} {
		file, ok := brand.Drawn(strings.TrimPrefix(path, brand.Path))
		if !ok || file.Kind != kind {
			t.Errorf("%s: %v", path, file.Kind)
		}
		w := httptest.NewRecorder()
		file.Write(w)
		if h := w.Header(); !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %v", path, h)
		}
	}
	if file, _ := brand.Drawn(strings.TrimPrefix(acme.MarkPath(), brand.Path)); !strings.Contains(string(file.Text), ">A</text>") {
		t.Errorf("the mark is %s", file.Text)
	}
	sheet := strings.TrimPrefix(acme.SheetPath(), brand.Path)
	for _, name := range []string{
		"", "x", "style.css", "c2410c-0f766e-000000000000.css", "mark-c2410c-3c.svg", "mark-c2410c-041.svg", "mark-c2410c-fffff.svg", "mark-C2410C-41.svg",
		sheet + "x", "../" + sheet, strings.Replace(sheet, "c2410c", "C2410C", 1),
	} {
		if _, ok := brand.Drawn(name); ok {
			t.Errorf("%q is drawn", name)
		}
	}
	if b := brand.Default(); b.SheetPath() != "" || b.IconPath() != "" || brand.LetterOf(b.Title) != 0 {
		t.Errorf("the product has files of its own: %q %q", b.SheetPath(), b.IconPath())
	}
}
