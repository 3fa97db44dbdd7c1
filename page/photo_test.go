package page_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/jurat-ledger/jurat/internal/qr"
	"github.com/jurat-ledger/jurat/page"
	"github.com/jurat-ledger/jurat/page/check"
)

// A damage is what a camera does to a code. Lengths are in modules, tilt is a share of the side.
type damage struct {
	name                                    string
	blur, noise, angle, tilt, light, lo, hi float64
	jpeg                                    int
	turns                                   bool // angle is the most; each picture has its own
}

var damages = []damage{
	{name: "as drawn"},
	{name: "blurred, sigma 0.35 module", blur: .35},
	{name: "noise, sigma 25 of 255", noise: 25},
	{name: "turned by 1 to 10 degrees", angle: 10, turns: true},
	{name: "upside down", angle: 180},
	{name: "tilted, corners off by 3 % of the side", tilt: .03},
	{name: "JPEG of quality 15", jpeg: 15},
	{name: "light falling to 25 %", light: .75},
	{name: "grey on grey, 105 and 150", lo: 105, hi: 150},
	{name: "photograph: all but the last, milder", blur: .3, noise: 10, angle: 10, turns: true, tilt: .03, jpeg: 60, light: .5, lo: 50, hi: 200},
}

// TestRecognition reads codes of seals, versions 20 to 27, as a camera sees them: one of each damage at 4 pixels a module.
// With JURAT_SOAK=1 it reads many at 3, 4 and 6 and prints the rows of the table in docs/page.md.
func TestRecognition(t *testing.T) {
	b := startBrowser(t)
	tab := b.open("file://" + folder(t, must(page.Files(verifier(t))), check.Trust{}))
	rng := rand.New(rand.NewPCG(1, 2))
	pixels, count := []float64{4}, 1
	soak := os.Getenv("JURAT_SOAK") != ""
	if soak {
		pixels, count = []float64{3, 4, 6}, 10
	}
	read, all := 0, 0
	for _, d := range damages {
		row := ""
		for _, px := range pixels {
			ok := 0
			for i := range count {
				text := []byte("JS1:")
				for len(text) < 950+650*(i+1)/count {
					text = append(text, qr.Alphabet[rng.IntN(len(qr.Alphabet))])
				}
				if tab.scan(photograph(must(qr.Encode(string(text))), px, d, rng)) == string(text) {
					ok++
				}
			}
			row += fmt.Sprintf(" %d of %d |", ok, count)
			if px == 4 {
				read, all = read+ok, all+count
			}
		}
		if soak {
			t.Logf("| %s |%s", d.name, row)
		}
	}
	if read*100 < all*99 {
		t.Errorf("%d of %d codes were read at 4 pixels a module, want 99 %%", read, all)
	}
}

// scan reads a picture as the page does, by the reader of scan.js.
func (t *tab) scan(picture image.Image) (text string) {
	t.t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.t.Fatal(err)
	}
	t.eval(fmt.Sprintf(`juratScan.picture(new Blob([Uint8Array.from(atob('%s'), (c) => c.charCodeAt(0))], {type: 'image/png'})).then((text) => text || '')`,
		base64.StdEncoding.EncodeToString(file.Bytes())), &text)
	return text
}

// photograph draws a code on a white sheet as a camera sees it.
func photograph(c *qr.Code, px float64, d damage, rng *rand.Rand) image.Image {
	if d.turns {
		d.angle = 1 + (d.angle-1)*rng.Float64()
	}
	if d.hi == 0 {
		d.lo, d.hi = 20, 235
	}
	const margin = 6
	n := float64(c.Side())
	side := (n + 2*margin) * px
	sin, cos := math.Sincos(d.angle * math.Pi / 180)
	size := side * (math.Abs(cos) + math.Abs(sin))
	var from, to [4][2]float64
	for i, k := range [4][2]float64{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}} {
		to[i] = [2]float64{n/2 + k[0]*(n/2+margin), n/2 + k[1]*(n/2+margin)}
		x, y := k[0]*side/2, k[1]*side/2
		off := func() float64 { return size/2 + (rng.Float64()*2-1)*d.tilt*side }
		from[i] = [2]float64{x*cos - y*sin + off(), x*sin + y*cos + off()}
	}
	h := project(from, to)
	w := int(math.Ceil(size))
	f := make([]float64, w*w)
	lit := rng.Float64() * 2 * math.Pi
	for y := range w {
		for x := range w {
			const samples = 3 // each way
			sum := 0.0
			for s := range samples * samples {
				u, v := h.at(float64(x)+(float64(s%samples)+.5)/samples, float64(y)+(float64(s/samples)+.5)/samples)
				if c.Dark(int(math.Floor(u)), int(math.Floor(v))) {
					sum += d.lo
				} else {
					sum += d.hi
				}
			}
			across := (math.Cos(lit)*(float64(x)/size-.5)+math.Sin(lit)*(float64(y)/size-.5))/math.Sqrt2 + .5
			f[y*w+x] = sum / (samples * samples) * (1 - d.light*across)
		}
	}
	if d.blur > 0 {
		f = blurred(blurred(f, w, 1, d.blur*px), w, w, d.blur*px)
	}
	grey := image.NewGray(image.Rect(0, 0, w, w))
	for i, p := range f {
		grey.Pix[i] = uint8(max(0, min(255, p+rng.NormFloat64()*d.noise)))
	}
	if d.jpeg == 0 {
		return grey
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, grey, &jpeg.Options{Quality: d.jpeg}); err != nil {
		panic(err)
	}
	return must(jpeg.Decode(&file))
}

// blurred is f after a Gaussian along one direction: step is the distance of neighbours in it.
func blurred(f []float64, w, step int, sigma float64) []float64 {
	reach := int(math.Ceil(3 * sigma))
	out := make([]float64, len(f))
	for i := range f {
		at := i % w // place along the direction
		if step == w {
			at = i / w
		}
		sum, weights := 0.0, 0.0
		for k := max(-reach, -at); k <= min(reach, w-1-at); k++ {
			g := math.Exp(-float64(k*k) / (2 * sigma * sigma))
			sum, weights = sum+g*f[i+k*step], weights+g
		}
		out[i] = sum / weights
	}
	return out
}

// A projection maps places of a photograph to places of what is on it.
type projection [8]float64

func (h *projection) at(x, y float64) (u, v float64) {
	w := h[6]*x + h[7]*y + 1
	return (h[0]*x + h[1]*y + h[2]) / w, (h[3]*x + h[4]*y + h[5]) / w
}

// project solves for the projection of four places to four others, by elimination.
func project(from, to [4][2]float64) (h projection) {
	var m [8][9]float64
	for i := range 4 {
		x, y, u, v := from[i][0], from[i][1], to[i][0], to[i][1]
		m[2*i] = [9]float64{x, y, 1, 0, 0, 0, -u * x, -u * y, u}
		m[2*i+1] = [9]float64{0, 0, 0, x, y, 1, -v * x, -v * y, v}
	}
	for c := range 8 {
		pivot := c
		for r := c; r < 8; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[pivot][c]) {
				pivot = r
			}
		}
		m[c], m[pivot] = m[pivot], m[c]
		for r := range 8 {
			for k, factor := 8, m[r][c]/m[c][c]; r != c && k >= c; k-- {
				m[r][k] -= factor * m[c][k]
			}
		}
	}
	for i := range h {
		h[i] = m[i][8] / m[i][i]
	}
	return h
}
