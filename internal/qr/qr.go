// Package qr draws QR codes for print and screen: text in, drawing out. It knows nothing of what the text says.
//
// A code is of error correction level M, which reads with 15 % of it damaged, in the alphanumeric mode of ISO/IEC 18004:
// digits, capital letters, space and $%*+-./: at 5.5 bits a character. The smallest version that holds the text is taken;
// 1,640 characters take version 27, 125 modules a side.
//
// # Size
//
// What decides whether a camera reads a code is the size of a module, one of its squares, on paper. MinModule is the least
// that phones read reliably from office paper at arm's length. Size, and with it all drawing on paper, refuses less and says
// how wide the code has to be. On a screen a module is a whole number of pixels, so that no scaling blurs its edges.
package qr

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode/qr"
)

const (
	// Quiet is how many modules stay white around a code, as the standard demands.
	Quiet = 4
	// MinModule is the side of the smallest module on paper, in millimetres.
	MinModule = 0.33
	// maxPixels bounds the side of a picture, in pixels.
	maxPixels = 1 << 14
)

// Alphabet are the characters that a text may hold.
const Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// A Code is the drawing of a text, without its quiet zone.
type Code struct {
	side int
	dark []bool // row by row
}

// Encode makes the code of a text of characters of Alphabet. The error says which character is none, or that the text is
// longer than any code holds, 3,391 characters.
func Encode(text string) (*Code, error) {
	if text == "" {
		return nil, errors.New("no text to draw a QR code of")
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune(Alphabet, r) }); i >= 0 {
		return nil, fmt.Errorf("byte %d of the text: a QR code holds digits, capital letters, space and $%%*+-./: only", i)
	}
	drawn, err := qr.Encode(text, qr.M, qr.AlphaNumeric)
	if err != nil {
		return nil, fmt.Errorf("a text of %d characters: %w", len(text), err)
	}
	c := &Code{side: drawn.Bounds().Dx()}
	for y := range c.side {
		for x := range c.side {
			c.dark = append(c.dark, drawn.At(x, y) == color.Black)
		}
	}
	return c, nil
}

// Side returns how many modules the code has a side.
func (c *Code) Side() int { return c.side }

// Dark reports whether a module is dark; those beside the code are not.
func (c *Code) Dark(x, y int) bool {
	return x >= 0 && y >= 0 && x < c.side && y < c.side && c.dark[y*c.side+x]
}

// full returns the modules a side with the quiet zone.
func (c *Code) full() int { return c.side + 2*Quiet }

// Size returns the side on paper in millimetres, quiet zone and all, at a module of so many millimetres.
func (c *Code) Size(module float64) float64 { return float64(c.full()) * module }

// Module returns the side of a module in millimetres if the code with its quiet zone is so many millimetres wide. The error
// says how wide it has to be at least.
func (c *Code) Module(width float64) (float64, error) {
	module := width / float64(c.full())
	if !(module >= MinModule) {
		return 0, fmt.Errorf("%g mm are too little for a code of %d by %d modules: cameras read modules of %g mm and more, so make it %.1f mm wide",
			width, c.side, c.side, MinModule, c.Size(MinModule)+0.05)
	}
	return module, nil
}

// Image returns the code with its quiet zone, black on white, at a whole number of pixels a module.
func (c *Code) Image(pixels int) (*image.Paletted, error) {
	if pixels < 1 || pixels*c.full() > maxPixels {
		return nil, fmt.Errorf("%d pixels a module: want 1 to %d for a code of this size", pixels, maxPixels/c.full())
	}
	side := c.full() * pixels
	p := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if c.Dark(x/pixels-Quiet, y/pixels-Quiet) {
				p.Pix[y*p.Stride+x] = 1
			}
		}
	}
	return p, nil
}

// PNG returns Image as a PNG file of one bit a pixel.
func (c *Code) PNG(pixels int) ([]byte, error) {
	p, err := c.Image(pixels)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, p)
	return b.Bytes(), err
}

// SVG returns the code with its quiet zone as an SVG file, so many millimetres wide. The error is that of Module. The title
// is what programs read out that cannot show pictures.
func (c *Code) SVG(width float64, title string) ([]byte, error) {
	if _, err := c.Module(width); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="%[1]gmm" height="%[1]gmm" viewBox="0 0 %[2]d %[2]d" shape-rendering="crispEdges">`,
		width, c.full())
	fmt.Fprintf(&b, "<title>%s</title><rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/><path d=\"", escape.Replace(title))
	for _, r := range c.Runs() {
		fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", r.X+Quiet, r.Y+Quiet, r.Length, r.Length)
	}
	b.WriteString("\"/></svg>\n")
	return b.Bytes(), nil
}

var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// A Run is a row of dark modules beside one another.
type Run struct{ X, Y, Length int }

// Runs returns all dark modules, row by row. Drawn as one rectangle, a run shows no hairlines between its modules.
func (c *Code) Runs() (runs []Run) {
	for y := range c.side {
		for x := 0; x < c.side; x++ {
			if !c.Dark(x, y) {
				continue
			}
			from := x
			for c.Dark(x, y) {
				x++
			}
			runs = append(runs, Run{from, y, x - from})
		}
	}
	return runs
}
