package brand

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"github.com/cloudkida/cloudkida/internal/platform/errs"
)

// Bounds of pictures.
const (
	MaxUpload = 512 << 10 // bytes of a file
	maxSide   = 4096      // pixels
	maxPixels = 4_000_000 // what decoding takes is 4 to 8 bytes of each
	// A logo is shown 40 pixels high and 240 wide at most; this is enough for screens with three for one.
	logoWidth, logoHeight = 720, 120
	iconSide              = 96
	// A logo that is wider than this would be a line in a tab: the mark is shown there.
	iconRatio = 1.5
)

// Errors of pictures.
var (
	ErrPicture = errs.Invalid("invalid_logo", "This file cannot be used as a logo; see errors.")
	errSVG     = refuse("SVG files can hold programs, so they are not taken. Save it as PNG, at least 240 pixels wide.")
	errKind    = refuse("This is not a PNG, JPEG or WebP picture.")
	errLarge   = refuse("The file is larger than 512 KiB. Save it smaller.")
	errPixels  = refuse(fmt.Sprintf("The picture has too many pixels: at most %d by side and 4 million in all. Save it smaller.", maxSide))
	errBroken  = refuse("The picture is damaged or incomplete. Save it anew.")
	errBlank   = refuse("Nothing can be seen in this picture: all of it is transparent.")
)

func refuse(message string) *errs.Error {
	return ErrPicture.WithFields(errs.Field{Path: "body.file", Message: message})
}

// File is a picture that is ready to be kept and served.
type File struct {
	Picture

	PNG []byte
}

// NewLogo makes a logo and a picture for tabs of a file that somebody sent. Nothing of the file itself is kept: what its
// pixels show is drawn anew, so that neither a script nor a second file within it, nor what a camera noted, gets through. A
// logo too wide for tabs gives no icon.
func NewLogo(file []byte) (logo, icon File, err error) {
	shown, err := decode(file)
	if err != nil {
		return logo, icon, err
	}
	plate, found := plateOf(shown)
	if !found {
		return logo, icon, errBlank
	}
	shown = trim(shown)
	fitted := fit(shown, logoWidth, logoHeight)
	if logo, err = encode(fitted, plate); err != nil {
		return logo, icon, err
	}
	size := fitted.Bounds()
	if float64(size.Dx()) > iconRatio*float64(size.Dy()) || float64(size.Dy()) > iconRatio*float64(size.Dx()) {
		return logo, icon, nil
	}
	icon, err = encode(square(fit(shown, iconSide, iconSide)), plate)
	return logo, icon, err
}

// format is one kind of picture.
type format struct {
	magic  func(file []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func formats() []format {
	return []format{
		{func(f []byte) bool { return bytes.HasPrefix(f, []byte("\x89PNG\r\n\x1a\n")) }, png.DecodeConfig, png.Decode},
		{func(f []byte) bool { return bytes.HasPrefix(f, []byte("\xff\xd8\xff")) }, jpeg.DecodeConfig, jpeg.Decode},
		{func(f []byte) bool {
			return len(f) > 12 && bytes.HasPrefix(f, []byte("RIFF")) && string(f[8:12]) == "WEBP"
		}, webp.DecodeConfig, webp.Decode},
	}
}

// decode reads a picture: what it is by its content, how large by its head, and only then the rest.
func decode(file []byte) (image.Image, error) {
	if len(file) > MaxUpload {
		return nil, errLarge
	}
	for _, f := range formats() {
		if !f.magic(file) {
			continue
		}
		config, err := f.config(bytes.NewReader(file))
		if err != nil || config.Width < 1 || config.Height < 1 {
			return nil, errBroken.Wrap(err)
		}
		if config.Width > maxSide || config.Height > maxSide || config.Width*config.Height > maxPixels {
			return nil, errPixels
		}
		shown, err := f.decode(bytes.NewReader(file))
		if err != nil {
			return nil, errBroken.Wrap(err)
		}
		if size := shown.Bounds(); size.Dx() != config.Width || size.Dy() != config.Height {
			return nil, errBroken // its head lied
		}
		return shown, nil
	}
	if head := bytes.ToLower(file[:min(len(file), 1024)]); bytes.Contains(head, []byte("<svg")) || bytes.Contains(head, []byte("<?xml")) {
		return nil, errSVG
	}
	return nil, errKind
}

// trim leaves out what is transparent around a picture: logos stand at the edge of a line, and look small within margins.
func trim(from image.Image) image.Image {
	if whole, ok := from.(interface{ Opaque() bool }); ok && whole.Opaque() {
		return from
	}
	alpha := func(x, y int) uint32 { _, _, _, a := from.At(x, y).RGBA(); return a }
	if plain, ok := from.(*image.NRGBA); ok { // as most are: without a colour value for each of millions
		alpha = func(x, y int) uint32 { return uint32(plain.Pix[plain.PixOffset(x, y)+3]) << 8 }
	}
	all, seen := from.Bounds(), image.Rectangle{}
	for y := all.Min.Y; y < all.Max.Y; y++ {
		for x := all.Min.X; x < all.Max.X; x++ {
			if alpha(x, y) > 0x0800 {
				seen = seen.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	part, ok := from.(interface {
		SubImage(image.Rectangle) image.Image
	})
	if !ok || seen.Empty() {
		return from
	}
	return part.SubImage(seen)
}

// fit draws a picture smaller until it is within a size; it is never made larger.
func fit(from image.Image, width, height int) *image.NRGBA {
	size := from.Bounds()
	scale := min(1, float64(width)/float64(size.Dx()), float64(height)/float64(size.Dy()))
	to := image.NewNRGBA(image.Rect(0, 0, max(1, int(float64(size.Dx())*scale+0.5)), max(1, int(float64(size.Dy())*scale+0.5))))
	draw.CatmullRom.Scale(to, to.Bounds(), from, size, draw.Src, nil)
	return to
}

// square puts a picture in the middle of a square.
func square(from *image.NRGBA) *image.NRGBA {
	side := max(from.Bounds().Dx(), from.Bounds().Dy())
	to := image.NewNRGBA(image.Rect(0, 0, side, side))
	at := image.Pt((side-from.Bounds().Dx())/2, (side-from.Bounds().Dy())/2)
	draw.Draw(to, from.Bounds().Add(at), from, image.Point{}, draw.Src)
	return to
}

func encode(shown *image.NRGBA, plate Plate) (File, error) {
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, shown); err != nil {
		return File{}, fmt.Errorf("encode picture: %w", err)
	}
	sum := sha256.Sum256(out.Bytes())
	return File{PNG: out.Bytes(), Picture: Picture{
		Hash: hex.EncodeToString(sum[:]), Width: shown.Bounds().Dx(), Height: shown.Bounds().Dy(), Plate: plate,
	}}, nil
}

// plateOf tells what a picture needs behind it; found is false where there is nothing to be seen in it.
func plateOf(shown image.Image) (plate Plate, found bool) {
	small := fit(shown, 64, 64) // enough to tell
	light, dark := grounds()
	var empty, seen, onLight, onDark int
	for y := range small.Bounds().Dy() {
		for x := range small.Bounds().Dx() {
			p := small.NRGBAAt(x, y)
			if p.A < 128 {
				empty++
				continue
			}
			seen++
			c := colourOf(p)
			if Contrast(c, light.page) >= 1.6 {
				onLight++
			}
			if Contrast(c, dark.page) >= 1.6 {
				onDark++
			}
		}
	}
	const most = 0.85 // of what is to be seen must be seen
	switch enough := int(most * float64(seen)); {
	case seen == 0:
		return NoPlate, false
	case empty == 0:
		return NoPlate, true // it has a ground of its own
	case onDark < enough && onDark <= onLight:
		return LightPlate, true
	case onLight < enough:
		return DarkPlate, true
	}
	return NoPlate, true
}

func colourOf(p color.NRGBA) Colour { return Colour(p.R)<<16 | Colour(p.G)<<8 | Colour(p.B) }
