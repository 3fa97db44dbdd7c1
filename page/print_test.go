package page_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"

	"github.com/jurat-ledger/jurat/internal/qr"
)

// A damage is what print, wear and a camera do to a code. Lengths are in modules, angles in degrees, light in 255ths.
type damage struct {
	name   string
	severe bool // more than office paper and a telephone in somebody's hand do; measured, but nothing is promised

	spread float64 // how far the ink runs
	dirt   float64 // share of the code under specks of 1 to 3 modules, dark and light
	folds  int     // creases across the code, along which the ink is gone

	angle, least float64 // turned by least to angle
	tilt         float64 // how far corners are off, as a share of the side
	light        float64 // share of the light that is missing at the darkest edge
	shadow       float64 // share that is missing behind a sharp edge across the code
	lo, hi       float64 // light of ink and paper; 20 and 235 unless given
	blur         float64 // sigma
	shake        float64 // how far the camera moves
	noise        float64 // sigma
	jpeg         int     // quality; 0 for none
}

// A sheet is a code on paper, with what happened to the paper. Places are in modules from the corner of the code.
type sheet struct {
	code   *qr.Code
	damage damage
	specks []speck
	folds  []line
	edge   line // of the shadow
}

type speck struct{ x, y, radius, light float64 }

// A line goes through a place, square to a direction.
type line struct{ x, y, cos, sin float64 }

// from returns how far a place is from the line, negative on one side.
func (l *line) from(u, v float64) float64 { return (u-l.x)*l.cos + (v-l.y)*l.sin }

func newSheet(c *qr.Code, d damage, rng *rand.Rand) *sheet {
	s := &sheet{code: c, damage: d}
	n := float64(c.Side())
	across := func() line {
		sin, cos := math.Sincos(rng.Float64() * 2 * math.Pi)
		return line{n * (.2 + .6*rng.Float64()), n * (.2 + .6*rng.Float64()), cos, sin}
	}
	s.edge = across()
	for range d.folds {
		s.folds = append(s.folds, across())
	}
	for left := d.dirt * n * n; left > 0; {
		k := speck{rng.Float64() * n, rng.Float64() * n, .5 + rng.Float64(), d.lo}
		if rng.IntN(2) == 0 {
			k.light = d.hi
		}
		s.specks = append(s.specks, k)
		left -= math.Pi * k.radius * k.radius
	}
	return s
}

// at returns the light of a place.
func (s *sheet) at(u, v float64) float64 {
	light := s.damage.hi
	if s.inked(u, v) {
		light = s.damage.lo
	}
	for i := range s.specks {
		if k := &s.specks[i]; math.Hypot(u-k.x, v-k.y) < k.radius {
			light = k.light
		}
	}
	for i := range s.folds {
		switch d := s.folds[i].from(u, v); {
		case math.Abs(d) < .35:
			light += (s.damage.hi - light) * .8
		case d > 0:
			light *= .88 // it is turned away from the light
		}
	}
	if s.edge.from(u, v) > 0 {
		light *= 1 - s.damage.shadow
	}
	return light
}

func (s *sheet) inked(u, v float64) bool {
	dark := func(u, v float64) bool { return s.code.Dark(int(math.Floor(u)), int(math.Floor(v))) }
	g := s.damage.spread
	return dark(u, v) || g > 0 && (dark(u-g, v-g) || dark(u+g, v-g) || dark(u-g, v+g) || dark(u+g, v+g))
}

// photograph draws a code on a white sheet as a camera sees it, at so many pixels a module.
func photograph(c *qr.Code, px float64, d damage, rng *rand.Rand) image.Image {
	if d.hi == 0 {
		d.lo, d.hi = 20, 235
	}
	paper := newSheet(c, d, rng)
	h, w := placed(float64(c.Side()), px, d, rng)
	f := make([]float64, w*w)
	sin, cos := math.Sincos(rng.Float64() * 2 * math.Pi)
	for y := range w {
		for x := range w {
			const samples = 3 // each way
			sum := 0.0
			for s := range samples * samples {
				sum += paper.at(h.at(float64(x)+(float64(s%samples)+.5)/samples, float64(y)+(float64(s/samples)+.5)/samples))
			}
			across := (cos*(float64(x)/float64(w)-.5)+sin*(float64(y)/float64(w)-.5))/math.Sqrt2 + .5
			f[y*w+x] = sum / (samples * samples) * (1 - d.light*across)
		}
	}
	if d.blur > 0 {
		bell := func(k int) float64 { return math.Exp(-float64(k*k) / (2 * d.blur * px * d.blur * px)) }
		reach := int(math.Ceil(3 * d.blur * px))
		f = smeared(smeared(f, w, 1, reach, bell), w, w, reach, bell)
	}
	if d.shake > 0 {
		reach := int(math.Ceil(d.shake * px / 2))
		f = smeared(f, w, 1, reach, func(k int) float64 { return max(0, min(1, d.shake*px/2+.5-math.Abs(float64(k)))) })
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

// placed returns where on the sheet each place of a square photograph is, and the side of that in pixels.
func placed(n, px float64, d damage, rng *rand.Rand) (h projection, w int) {
	const margin = 6
	side := (n + 2*margin) * px
	sin, cos := math.Sincos((d.least + (d.angle-d.least)*rng.Float64()) * math.Pi / 180)
	size := side * (math.Abs(cos) + math.Abs(sin))
	var from, to [4][2]float64
	for i, k := range [4][2]float64{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}} {
		to[i] = [2]float64{n/2 + k[0]*(n/2+margin), n/2 + k[1]*(n/2+margin)}
		x, y := k[0]*side/2, k[1]*side/2
		off := func() float64 { return size/2 + (rng.Float64()*2-1)*d.tilt*side }
		from[i] = [2]float64{x*cos - y*sin + off(), x*sin + y*cos + off()}
	}
	return project(from, to), int(math.Ceil(size))
}

// smeared is f, w pixels wide, after a mean along one direction, weighted by distance up to reach: step is the distance of neighbours in f.
func smeared(f []float64, w, step, reach int, weight func(k int) float64) []float64 {
	weights := make([]float64, 2*reach+1)
	for i := range weights {
		weights[i] = weight(i - reach)
	}
	out := make([]float64, len(f))
	for i := range f {
		at := i % w // place along the direction
		if step == w {
			at = i / w
		}
		sum, all := 0.0, 0.0
		for k := max(-reach, -at); k <= min(reach, w-1-at); k++ {
			sum, all = sum+weights[k+reach]*f[i+k*step], all+weights[k+reach]
		}
		out[i] = sum / all
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
