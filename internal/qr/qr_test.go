package qr

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// text returns n characters of Alphabet.
func text(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = Alphabet[rng.IntN(len(Alphabet))]
	}
	return string(b)
}

func mustEncode(t testing.TB, text string) *Code {
	t.Helper()
	c, err := Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The least sizes are those of ISO/IEC 18004, table 7: the most characters that a version holds at level M.
func TestVersions(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for most, version := range map[int]int{20: 1, 970: 20, 1637: 27, 3391: 40} {
		if got, want := mustEncode(t, text(rng, most)).Side(), 17+4*version; got != want {
			t.Errorf("%d characters: %d modules, want %d", most, got, want)
		}
		c, err := Encode(text(rng, most+1))
		switch {
		case version == 40 && err == nil:
			t.Errorf("%d characters: no error", most+1)
		case version < 40 && c.Side() != 17+4*(version+1):
			t.Errorf("%d characters: %d modules", most+1, c.Side())
		}
	}
	for _, bad := range []string{"", "a", "JS1:ü", "A\nB"} {
		if _, err := Encode(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestModule(t *testing.T) {
	c := mustEncode(t, text(rand.New(rand.NewPCG(2, 2)), 1600))
	least := c.Size(MinModule)
	if m, err := c.Module(least + 1e-6); err != nil || m < MinModule {
		t.Errorf("%g mm: %g, %v", least, m, err)
	}
	for _, width := range []float64{least - 0.1, 0, -1} {
		if _, err := c.Module(width); err == nil || !strings.Contains(err.Error(), "43.9 mm wide") {
			t.Errorf("%g mm: %v", width, err)
		}
		if _, err := c.SVG(width, ""); err == nil {
			t.Errorf("%g mm: an SVG", width)
		}
	}
}

// Pictures show the modules that Dark says, and nothing else.
func TestPictures(t *testing.T) {
	c := mustEncode(t, text(rand.New(rand.NewPCG(3, 3)), 300))
	const pixels = 3
	data, err := c.PNG(pixels)
	if err != nil {
		t.Fatal(err)
	}
	p, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Bounds().Dx(), pixels*(c.Side()+2*Quiet); got != want {
		t.Fatalf("%d pixels wide, want %d", got, want)
	}
	for y := range p.Bounds().Dy() {
		for x := range p.Bounds().Dx() {
			r, _, _, _ := p.At(x, y).RGBA()
			if (r == 0) != c.Dark(x/pixels-Quiet, y/pixels-Quiet) {
				t.Fatalf("pixel %d, %d", x, y)
			}
		}
	}
	for _, bad := range []int{0, -1, 1000} {
		if _, err := c.PNG(bad); err == nil {
			t.Errorf("%d pixels: no error", bad)
		}
	}
	n := 0
	for _, r := range c.Runs() {
		for i := range r.Length {
			if !c.Dark(r.X+i, r.Y) {
				t.Fatalf("run %v", r)
			}
		}
		n += r.Length
	}
	for y := range c.Side() {
		for x := range c.Side() {
			if c.Dark(x, y) {
				n--
			}
		}
	}
	if n != 0 {
		t.Errorf("%d modules more in runs", n)
	}
	svg, err := c.SVG(60, "a < b & c")
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
