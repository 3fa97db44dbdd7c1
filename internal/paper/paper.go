// Package paper draws PDF: pages of A4 to print and keep, with a heading, facts, paragraphs and QR codes, and pages with nothing but a
// code. The same calls give the same bytes, but for the date in a page of a code. What is drawn is lines, areas and text in fonts that
// the file holds.
package paper

import (
	"bytes"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/jurat-ledger/jurat/internal/qr"
)

// Lengths on a page of A4, in millimetres.
const (
	Margin = 25.0
	Width  = 160.0 // of what is written
)

// The fonts of a Page.
const (
	Text = "go"
	Mono = "mono"
)

// A Page is a document of A4 that begins with one page.
type Page struct{ *fpdf.Fpdf }

// New returns a page. Name and date stand in the document's properties.
func New(name string, at time.Time) *Page {
	p := &Page{fpdf.New("P", "mm", "A4", "")}
	p.SetCatalogSort(true)
	p.SetCreationDate(at)
	p.SetModificationDate(at)
	p.SetTitle(name, true)
	p.AddUTF8FontFromBytes(Text, "", bytes.Clone(goregular.TTF)) // fpdf writes into what it is given
	p.AddUTF8FontFromBytes(Mono, "", bytes.Clone(gomono.TTF))
	p.SetMargins(Margin, Margin, Margin)
	p.AddPage()
	return p
}

// Heading writes the title, underlined, and leaves a gap below.
func (p *Page) Heading(title string, gap float64) {
	p.SetFont(Text, "", 18)
	p.CellFormat(Width, 14, title, "B", 1, "", false, 0, "")
	p.Ln(gap)
}

// Facts writes names and values, the names in a column that is label wide, lines line high. The value of the fact named digest is in
// small type of one width: all of a SHA-256 stands on one line.
func (p *Page) Facts(facts [][2]string, label, line float64, digest string) {
	for _, f := range facts {
		p.SetFont(Text, "", 11)
		p.CellFormat(label, line, f[0], "", 0, "", false, 0, "")
		if f[0] == digest {
			p.SetFont(Mono, "", 8)
		}
		p.MultiCell(Width-label, line, f[1], "", "", false)
	}
}

// Paragraphs writes text. A paragraph that is indented is a command.
func (p *Page) Paragraphs(list []string) {
	for _, paragraph := range list {
		p.SetFont(Text, "", 10)
		if strings.HasPrefix(paragraph, " ") {
			p.SetFont(Mono, "", 10)
		}
		p.MultiCell(Width, 5.5, paragraph, "", "", false)
		p.Ln(2)
	}
}

// Code draws a code, without its white margin, with its upper left corner at x, y and modules of this width.
func (p *Page) Code(code *qr.Code, x, y, module float64) {
	for _, r := range code.Runs() {
		p.Rect(x+float64(r.X)*module, y+float64(r.Y)*module, float64(r.Length)*module, module, "F")
	}
}

// Bytes ends the document and returns it.
func (p *Page) Bytes() ([]byte, error) {
	var b bytes.Buffer
	err := p.Output(&b)
	return b.Bytes(), err
}

// CodePage returns a page with nothing but a code, so many millimetres wide with its white margin.
func CodePage(code *qr.Code, width float64) ([]byte, error) {
	module, err := code.Module(width)
	if err != nil {
		return nil, err
	}
	p := &Page{fpdf.NewCustom(&fpdf.InitType{UnitStr: "mm", Size: fpdf.SizeType{Wd: width, Ht: width}})}
	p.SetCatalogSort(true)
	p.SetMargins(0, 0, 0)
	p.SetAutoPageBreak(false, 0)
	p.AddPage()
	p.Code(code, qr.Quiet*module, qr.Quiet*module, module)
	return p.Bytes()
}
