package report

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// A canvas is an SVG drawing in the making. Coordinates are pixels from the top left.
type canvas struct{ body bytes.Buffer }

// Colours of what is not data.
const (
	ink   = "#1a1d21"
	faint = "#6b7280"
	grid  = "#e5e7eb"
)

func (c *canvas) line(x1, y1, x2, y2 float64, colour string, width float64) {
	fmt.Fprintf(&c.body, `<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s" stroke-width="%s"/>`+"\n", px(x1), px(y1), px(x2), px(y2), colour, px(width))
}

func (c *canvas) bar(x, y, width, height float64, colour string) {
	fmt.Fprintf(&c.body, `<rect x="%s" y="%s" width="%s" height="%s" rx="2" fill="%s"/>`+"\n", px(x), px(y), px(width), px(height), colour)
}

// dot draws a point, filled with fill.
func (c *canvas) dot(x, y, radius float64, colour, fill string) {
	fmt.Fprintf(&c.body, `<circle cx="%s" cy="%s" r="%s" fill="%s" stroke="%s" stroke-width="1.6"/>`+"\n", px(x), px(y), px(radius), fill, colour)
}

func (c *canvas) path(points []point, colour string) {
	var d strings.Builder
	for i, p := range points {
		op := "L"
		if i == 0 {
			op = "M"
		}
		fmt.Fprintf(&d, "%s%s %s", op, px(p.x), px(p.y))
	}
	fmt.Fprintf(&c.body, `<path d="%s" fill="none" stroke="%s" stroke-width="2" stroke-linejoin="round"/>`+"\n", d.String(), colour)
}

// Where a text stands relative to its point.
const (
	left   = "start"
	middle = "middle"
	right  = "end"
)

func (c *canvas) text(x, y float64, anchor, colour, s string) {
	fmt.Fprintf(&c.body, `<text x="%s" y="%s" font-size="%s" text-anchor="%s" fill="%s">%s</text>`+"\n", px(x), px(y), px(small), anchor, colour, html.EscapeString(s))
}

func (c *canvas) bold(x, y, size float64, s string) {
	fmt.Fprintf(&c.body, `<text x="%s" y="%s" font-size="%s" font-weight="600" fill="%s">%s</text>`+"\n", px(x), px(y), px(size), ink, html.EscapeString(s))
}

// svg returns the drawing, with a title for those who do not see it.
func (c *canvas) svg(width, height float64, title string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%[1]s" height="%[2]s" role="img" aria-label="%[3]s" font-family="system-ui, 'DejaVu Sans', sans-serif">`+"\n",
		px(width), px(height), html.EscapeString(title))
	fmt.Fprintf(&out, `<rect width="%s" height="%s" fill="#ffffff"/>`+"\n", px(width), px(height))
	out.Write(c.body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// px writes a coordinate, to a tenth of a pixel.
func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// wide estimates the width of a small text in pixels.
func wide(s string) float64 { return float64(len([]rune(s))) * small * 0.6 }

// colours of contenders: what is ours is blue, yardsticks are grey, others have a colour each, told apart by the colour-blind
// too (Okabe and Ito's palette).
var colours = map[string]string{
	"jurat": "#0072b2", "merkle": "#0072b2", "merkle-avx512": "#0072b2", "merkle-shani": "#56b4e9", "merkle-avx2": "#009e73",
	"merkle-sha2": "#0072b2", "merkle-stdlib": "#999999", "1-thread": "#56b4e9", "2-thread": "#0072b2",
	"stdlib": "#8a8f98", "postgres": "#d55e00", "postgres-unindexed": "#e69f00", "jurat-unix": "#56b4e9", "postgres-unix": "#f0a36b",
	"gohashtree": "#009e73", "gohashtree-avx512": "#66c2a5", "tessera": "#cc79a7",
	"written": "#9aa3ad", "stored": "#0072b2",
}

// others are the colours of contenders without one of their own, by order of appearance.
var others = []string{"#cc79a7", "#009e73", "#7b5ea7", "#b8a000", "#444b55"}

// A palette gives every name a colour, for ever the same.
type palette map[string]string

func (p palette) of(name string) string {
	if c, ok := colours[name]; ok {
		return c
	}
	if p[name] == "" {
		p[name] = others[len(p)%len(others)]
	}
	return p[name]
}

// names are what contenders are called in words.
var names = map[string]string{
	"stdlib": "crypto/sha256", "merkle": "Jurat", "merkle-avx512": "Jurat, AVX-512", "merkle-shani": "Jurat, SHA-NI",
	"merkle-avx2": "Jurat, AVX2", "merkle-sha2": "Jurat, SHA2", "merkle-stdlib": "Jurat over crypto/sha256", "jurat": "Jurat", "postgres": "PostgreSQL, primary key",
	"postgres-unindexed": "PostgreSQL, no index", "jurat-unix": "Jurat, Unix socket", "postgres-unix": "PostgreSQL, Unix socket", "1-thread": "one thread", "2-thread": "two threads",
	"gohashtree-avx512": "gohashtree, AVX-512 forced", "tessera": "Tessera (in process)",
}

func named(by string) string {
	if n, ok := names[by]; ok {
		return n
	}
	return by
}
