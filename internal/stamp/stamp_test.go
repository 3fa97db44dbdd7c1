package stamp

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
)

// A sheet is a page of a test document.
type sheet struct {
	width, height float64 // points, before rotation
	box           string  // its boxes, as PDF
	rotate        int
}

// document returns a PDF with such pages, each with a light grey bar 10 points high at its lower left corner.
func document(sheets ...sheet) []byte { return with("", "", sheets...) }

// with returns a document with more in its catalog, and one object more, the last.
func with(catalog, object string, sheets ...sheet) []byte {
	var kids []string
	objects := []string{"", ""}
	for _, s := range sheets {
		kids = append(kids, fmt.Sprintf("%d 0 R", len(objects)+1))
		content := "0.8 g 0 0 100 10 re f\n"
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] %s /Rotate %d /Resources << >> /Contents %d 0 R >>", s.width, s.height, s.box, s.rotate, len(objects)+2),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
	}
	if object != "" {
		objects = append(objects, object)
	}
	objects[0] = "<< /Type /Catalog /Pages 2 0 R " + catalog + " >>"
	objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(kids))
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// black returns a PDF of one black square.
func black(width float64) []byte {
	return bytes.Replace(document(sheet{width: width, height: width}), []byte("0.8 g 0 0 100 10 re f"), []byte("0 g 0 0 999 999 re f "), 1)
}

// TestPlace puts a black square onto pages of all kinds and looks for it on what a renderer draws.
func TestPlace(t *testing.T) {
	require.Program(t, "pdftoppm")
	const side = 100 // points
	a4, landscape := sheet{width: 595, height: 842}, sheet{width: 842, height: 595}
	cropped := sheet{width: 595, height: 842, box: "/CropBox [50 60 400 700]"}
	for name, c := range map[string]struct {
		sheets []sheet
		at     Place
	}{
		"portrait":  {[]sheet{a4}, Place{Page: 1, X: 20, Y: 30}},
		"corner":    {[]sheet{a4}, Place{Page: 1}},
		"last":      {[]sheet{a4, a4, landscape}, Place{Page: -1, X: 100, Y: 100}},
		"second":    {[]sheet{a4, landscape, a4}, Place{Page: 2, X: 200, Y: 15.5}},
		"cropped":   {[]sheet{cropped}, Place{Page: 1, X: 10, Y: 12}},
		"rotated":   {[]sheet{{width: 595, height: 842, rotate: 90}}, Place{Page: 1, X: 200, Y: 20}},
		"upended":   {[]sheet{{width: 595, height: 842, rotate: 180}}, Place{Page: 1, X: 20, Y: 200}},
		"both ways": {[]sheet{{width: 595, height: 842, rotate: 270, box: cropped.box}}, Place{Page: 1, X: 150, Y: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			c.at.Width = side / points
			stamped, err := Stamp(document(c.sheets...), black(side), c.at)
			if err != nil {
				t.Fatal(err)
			}
			page := c.at.Page
			if page < 0 {
				page = len(c.sheets)
			}
			for i := range c.sheets {
				got := dark(render(t, stamped, i+1))
				if i+1 != page {
					if !got.Empty() {
						t.Errorf("page %d is stamped at %v", i+1, got)
					}
					continue
				}
				x, y := int(math.Round(c.at.X*points)), int(math.Round(c.at.Y*points))
				want := image.Rect(x, y, x+side, y+side)
				if got.Min.Sub(want.Min).In(image.Rect(-1, -1, 2, 2)) && got.Max.Sub(want.Max).In(image.Rect(-1, -1, 2, 2)) {
					continue
				}
				t.Errorf("the stamp is at %v, not %v", got, want)
			}
		})
	}
}

// render draws a page, a pixel a point.
func render(t *testing.T, document []byte, page int) image.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(path+".pdf", document, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("pdftoppm", "-r", "72", "-png", "-singlefile", "-cropbox", "-f", fmt.Sprint(page), path+".pdf", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("pdftoppm: %v %s", err, out)
	}
	f, err := os.Open(path + ".png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// dark returns the rectangle around all black pixels.
func dark(picture image.Image) (r image.Rectangle) {
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if red, _, _, _ := picture.At(x, y).RGBA(); red < 0x4000 {
				r = r.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return r
}

func TestRefused(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	plain := document(sheet{width: 595, height: 842})
	good := Place{Page: 1, X: 10, Y: 10, Width: 100 / points}
	for name, c := range map[string]struct {
		document []byte
		at       Place
		want     error
	}{
		"no PDF":   {[]byte("Dear Sir or Madam"), good, ErrDocument},
		"empty":    {nil, good, ErrDocument},
		"cut":      {plain[:100], good, ErrDocument},
		"too long": {make([]byte, MaxSize+1), good, ErrDocument},
		"signed": {with("/AcroForm << /Fields [5 0 R] /SigFlags 3 >>", `<< /Type /Annot /Subtype /Widget /FT /Sig /T (signature) /Rect [0 0 0 0]
			/V << /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /Contents <00> /ByteRange [0 1 2 3] >> >>`, sheet{width: 595, height: 842}), good, ErrSigned},
		"no page":     {plain, Place{Page: 2, Width: 30}, ErrPlace},
		"page 0":      {plain, Place{Width: 30}, ErrPlace},
		"over right":  {plain, Place{Page: 1, X: 190, Y: 10, Width: 30}, ErrPlace},
		"over bottom": {plain, Place{Page: 1, X: 10, Y: 290, Width: 30}, ErrPlace},
		"over left":   {plain, Place{Page: 1, X: -1, Y: 10, Width: 30}, ErrPlace},
		"good":        {plain, good, nil},
	} {
		if _, err := Stamp(c.document, black(100), c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if left, err := os.ReadDir(os.Getenv("HOME")); err != nil || len(left) > 0 {
		t.Errorf("the home directory holds %v, %v", left, err)
	}
}

// TestDamaged cuts and alters a document in many places: an answer or an error, never a panic.
func TestDamaged(t *testing.T) {
	plain := document(sheet{width: 595, height: 842})
	at := Place{Page: 1, X: 10, Y: 10, Width: 100 / points}
	picture := black(100)
	for i := 0; i < len(plain); i += 3 {
		if _, err := Stamp(plain[:i], picture, at); err != nil && !errors.Is(err, ErrDocument) && !errors.Is(err, ErrPlace) {
			t.Errorf("cut at %d: %v", i, err)
		}
		altered := bytes.Clone(plain)
		altered[i] ^= 1
		Stamp(altered, picture, at)
	}
}
