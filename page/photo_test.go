package page_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/qr"
	"github.com/jurat-ledger/jurat/merkle/seal"
	"github.com/jurat-ledger/jurat/page"
	"github.com/jurat-ledger/jurat/page/check"
)

var rewrite = flag.Bool("rewrite", false, "write the table of docs/page.md anew; with JURAT_SOAK=1")

var damages = []damage{
	{name: "as drawn"},
	{name: "ink that ran, by 0.15 module", spread: .15},
	{name: "blurred, sigma 0.35 module", blur: .35},
	{name: "blurred, sigma 0.4 module", blur: .4},
	{name: "shaken, by 0.6 module", shake: .6},
	{name: "noise, sigma 25 of 255", noise: 25},
	{name: "turned by 1 to 10 degrees", least: 1, angle: 10},
	{name: "turned by anything", angle: 360},
	{name: "tilted, corners off by 3 % of the side", tilt: .03},
	{name: "JPEG of quality 30", jpeg: 30},
	{name: "light falling to 25 %", light: .75},
	{name: "a shadow's edge across it, 45 % less light", shadow: .45},
	{name: "grey on grey, 105 and 150 of 255", lo: 105, hi: 150},
	{name: "dirt on 0.1 % of it", dirt: .001},
	{name: "folded twice", folds: 2},
	{name: "photograph: ink, blur, noise, turn, tilt, JPEG and light, milder", spread: .08, blur: .3, noise: 10, least: 1, angle: 10, tilt: .03, jpeg: 60, light: .5, lo: 50, hi: 200},
	{name: "the same of a sheet with dirt on 0.1 % of it, folded once", spread: .08, blur: .3, noise: 10, least: 1, angle: 10, tilt: .03, jpeg: 60, light: .5, lo: 50, hi: 200, dirt: .001, folds: 1},
	{name: "blurred, sigma 0.5 module", severe: true, blur: .5},
	{name: "noise, sigma 45 of 255", severe: true, noise: 45},
	{name: "tilted, corners off by 6 % of the side", severe: true, tilt: .06},
	{name: "JPEG of quality 15", severe: true, jpeg: 15},
	{name: "dirt on 0.5 % of it", severe: true, dirt: .005},
	{name: "photograph of a sheet with dirt on 0.3 % of it, folded once", severe: true, spread: .08, blur: .3, noise: 10, least: 1, angle: 10, tilt: .03, jpeg: 60, light: .5, lo: 50, hi: 200, dirt: .003, folds: 1},
}

// pictures is how many of each kind the table counts, promised how many at 4 pixels a module of those that are not severe: 306 in all.
const pictures, promised = 6, 18

// TestRecognition has the page's reader read seals as a camera sees them: one with each damage at 4 pixels a module, or with JURAT_SOAK=1 many at
// 3, 4 and 6, which is the table in docs/page.md.
func TestRecognition(t *testing.T) {
	b := startBrowser(t)
	tab := b.open("file://" + folder(t, must(page.Files(code(t))), check.Trust{}))
	pixels := []float64{4}
	soak := os.Getenv("JURAT_SOAK") != ""
	if soak {
		pixels = []float64{3, 4, 6}
	}
	texts := sealTexts(t, 40)
	var table strings.Builder
	fmt.Fprintf(&table, "| picture, %d of each | 3 pixels a module | 4, of %d if upright | 6 |\n|---|---|---|---|\n", pictures, promised)
	read, all := 0, 0
	for i, d := range damages {
		name := d.name
		if d.severe {
			name = "*" + name + "*"
		}
		fmt.Fprintf(&table, "| %s |", name)
		for _, px := range pixels {
			ok, count := 0, pictures
			if px == 4 && !d.severe {
				count = promised
			}
			if !soak {
				count = 1
			}
			for k := range count {
				rng := rand.New(rand.NewPCG(uint64(i), uint64(px)<<32|uint64(k)))
				text := texts[(k*17+i*7)%len(texts)]
				if tab.scan(photograph(must(qr.Encode(text)), px, d, rng)) == text {
					ok++
				}
			}
			fmt.Fprintf(&table, " %d |", ok)
			if px == 4 && !d.severe {
				read, all = read+ok, all+count
				if ok*100 < count*99 {
					t.Logf("%s: %d of %d", d.name, ok, count)
				}
			}
		}
		table.WriteByte('\n')
	}
	if read*100 < all*99 {
		t.Errorf("%d of %d codes were read at 4 pixels a module, want 99 %%", read, all)
	}
	if soak {
		fmt.Fprintf(&table, "\nAt 4 pixels a module, without the severe ones: %d of %d, %.1f %%.\n", read, all, 100*float64(read)/float64(all))
		checkTable(t, table.String())
	}
}

// checkTable compares the table in docs/page.md, or writes it.
func checkTable(t *testing.T, table string) {
	t.Helper()
	const path, begin, end = "../docs/page.md", "<!-- codes that were read -->\n", "<!-- end of codes that were read -->"
	text := string(must(os.ReadFile(path)))
	before, rest, ok := strings.Cut(text, begin)
	was, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok || !ok2:
		t.Errorf("%s has no place for the table:\n%s", path, table)
	case *rewrite:
		if err := os.WriteFile(path, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case was != table:
		t.Errorf("%s has another table; -rewrite writes this one:\n%s", path, table)
	}
}

// sealTexts returns seals whose codes are of versions 18 to 27: one of the test data of package seal, with ever more fields.
func sealTexts(t testing.TB, n int) (texts []string) {
	t.Helper()
	s := must(seal.Parse(sealVectors(t).Vectors[0].Text))
	short := len(s.Text())
	for i := range n {
		letters := rand.New(rand.NewPCG(7, uint64(i)))
		word := make([]byte, (1610-short)*i/n*2/3)
		for k := range word {
			word[k] = "abcdefghijklmnopqrstuvwxyz 0123456789.,-"[letters.IntN(40)]
		}
		more := *s
		more.Fields = append(must(seal.FieldsFromJSON(fmt.Appendf(nil, `{"extract": %q}`, "no. "+string(word)))), s.Fields...)
		slices.SortFunc(more.Fields, func(a, b seal.Field) int {
			return cmp.Or(cmp.Compare(len(a.Key), len(b.Key)), cmp.Compare(a.Key, b.Key))
		})
		texts = append(texts, must(seal.Parse(more.Text())).Text())
	}
	if first, last := must(qr.Encode(texts[0])).Side(), must(qr.Encode(texts[n-1])).Side(); first > 93 || last != 125 {
		t.Errorf("the codes have %d to %d modules a side", first, last)
	}
	return texts
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
