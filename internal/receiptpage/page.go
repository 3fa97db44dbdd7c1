// Package receiptpage draws the page about a receipt: what was filed, by whom, when and what was answered, in words and as a QR code, with the
// record that proves it attached to the PDF. The same record gives the same bytes.
//
// The code is that of the seal, if the receipt has one: it proves the filing without a network. Else it is the reference of the receipt, by which
// jurat receipt finds it again. A Page knows nothing of keys: whoever makes one has verified the record.
package receiptpage

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"

	"codeberg.org/go-pdf/fpdf"

	"github.com/jurat-ledger/jurat/internal/paper"
	"github.com/jurat-ledger/jurat/internal/qr"
	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/ksi"
	"github.com/jurat-ledger/jurat/merkle/receipt"
	"github.com/jurat-ledger/jurat/merkle/seal"
)

// A Page is a page about a receipt.
type Page struct {
	record *receipt.Record
	json   []byte
	text   string // of the code
	sealed bool
	code   *qr.Code
}

// New makes the page of a record; the seal, nil for none, is that of the record's leaf.
func New(r *receipt.Record, s *seal.Seal) (*Page, error) {
	p := &Page{record: r, text: r.Reference().Text()}
	if s != nil {
		if err := r.CheckSeal(s); err != nil {
			return nil, err
		}
		p.text, p.sealed = s.Text(), true
	}
	var err error
	if p.code, err = qr.Encode(p.text); err != nil {
		return nil, err
	}
	p.json, err = r.JSON()
	return p, err
}

const title = "Receipt"

// facts are the lines of the page, name and value.
func (p *Page) facts() [][2]string {
	r := p.record
	facts := [][2]string{{"Filed by", r.Agency}, {"When", receipt.When(r.Round)}, {"Receipt", r.Name.String()}, {"Ledger", r.Server},
		{"Digest", r.Leaf.Algorithm().String() + " " + hex.EncodeToString(r.Leaf.Digest())}, {"Proof", basis(r.Signature)}}
	if r.Leaf.Algorithm() == merkle.SHA256 {
		facts = append(facts, [2]string{"Check string", seal.CheckString(merkle.Digest(r.Leaf.Digest()), r.Name.String())})
	}
	for _, c := range r.Counters {
		said, who := "received", c.Agency
		if c.Server != r.Server { // an agency of this name is another one there
			who += " at " + c.Server
		}
		if c.Status != "" {
			said = c.Status
		}
		facts = append(facts, [2]string{"Answered by", fmt.Sprintf("%s: %s, %s (receipt %s)", who, said, receipt.When(c.Round), c.Name)})
	}
	if len(r.Counters) == 0 {
		facts = append(facts, [2]string{"Answered by", "nobody yet, as far as this page knows"})
	}
	return facts
}

// basis says what vouches for the time.
func basis(s *ksi.Signature) string {
	if p, ok := s.PublicationRecord(); ok {
		return "rests on the publication of " + p.Publication.Time.String()
	}
	return fmt.Sprintf("signed by the calendar key %x", s.CertificateID())
}

// explanation says what the page is for.
func (p *Page) explanation() []string {
	code := "The code names the receipt and the hash; it proves nothing by itself."
	if p.sealed {
		code = "The code is a seal: it proves the filing without a network, to any program that reads seals."
	}
	return []string{
		"A document with the hash above was filed at the time above, which no one can change any more, and by the agency above. Whose " +
			"document it is, and what it says, the ledger does not know: keep the document itself, unchanged, with this page.",
		code + " The file receipt.json, attached to this page, holds the whole proof. Check it offline: this PDF itself on the ledger's " +
			"verification page, or by",
		"    jurat receipt receipt.json --certificate calendar.crt",
	}
}

// Text returns the page as plain text, with the code's text in the place of the code.
func (p *Page) Text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s\n\n", title, strings.Repeat("=", len(title)))
	for _, f := range p.facts() {
		fmt.Fprintf(&b, "%-14s%s\n", f[0], f[1])
	}
	fmt.Fprintf(&b, "\n%s\n", p.text)
	return b.Bytes()
}

// PDF returns the page in A4.
func (p *Page) PDF() ([]byte, error) {
	d := paper.New(title+" "+p.record.Name.String(), p.record.Round.Time())
	d.SetLang("en")
	d.SetAttachments([]fpdf.Attachment{{Content: p.json, Filename: "receipt.json", Description: "The proof of " + p.record.Name.String()}})
	d.Heading(title, 5)
	d.Facts(p.facts(), 32, 6.5, "Digest")
	d.Ln(4)
	p.draw(d)
	d.Paragraphs(p.explanation())
	return d.Bytes()
}

// draw puts the code on the page, 0.5 mm a module, and below that a reference as text.
func (p *Page) draw(d *paper.Page) {
	const module = 0.5
	_, bottom := d.GetPageSize()
	if d.GetY()+p.code.Size(module) > bottom-paper.Margin {
		d.AddPage()
	}
	x, y := d.GetXY()
	y += qr.Quiet * module
	d.Code(p.code, x, y, module)
	d.SetY(y + float64(p.code.Side()+qr.Quiet)*module)
	if !p.sealed {
		d.SetFont(paper.Mono, "", 7)
		d.MultiCell(paper.Width, 3.5, p.text, "", "", false)
	}
	d.Ln(3)
}
