package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jurat-ledger/jurat/internal/paper"
	"github.com/jurat-ledger/jurat/internal/qr"
	"github.com/jurat-ledger/jurat/merkle/ksi"
)

// A sheet is one page about a publication, to be printed, signed, put up and kept.
type sheet struct {
	server      string // name that stands in every proof
	publication ksi.Publication
	references  []string
}

// checkSheet returns the error for a path that names no form of a sheet; the empty path is none.
func checkSheet(path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pdf", ".txt":
		return nil
	}
	if path == "" {
		return nil
	}
	return fmt.Errorf("%s: a sheet is a .pdf or a .txt file", path)
}

// encode returns the sheet in the form that the extension of path names, for which checkSheet has no error.
func (s *sheet) encode(path string) ([]byte, error) {
	code, err := qr.Encode(s.publication.String())
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(filepath.Ext(path), ".pdf") {
		return s.pdf(code)
	}
	return s.text(code), nil
}

const sheetTitle = "Publication of a calendar root"

// facts are the lines of the sheet above the publication string.
func (s *sheet) facts() [][2]string {
	facts := [][2]string{
		{"Ledger", s.server},
		{"As of", s.publication.Time.String()},
		{"Root", fmt.Sprintf("%s %x", s.publication.Root.Algorithm(), s.publication.Root.Digest())},
	}
	for _, r := range s.references {
		facts = append(facts, [2]string{"Published in", r})
	}
	return facts
}

// explanation says what the sheet is for, to somebody who has never seen one.
var explanation = []string{
	"The publication string stands for everything that was filed in this ledger up to the second above. Nobody can change " +
		"what was filed without changing this string. Who keeps this sheet, or a newspaper that prints the string, can check " +
		"proofs from that time for as long as paper lasts, without a key, a certificate or the ledger:",
	"    jurat verify DOCUMENT PROOF --publication STRING",
	"Upper and lower case, dashes and spaces in the string do not matter; the last seven characters are a checksum.",
}

// text writes the sheet as plain text, the code in half blocks: two modules above one another a character.
func (s *sheet) text(code *qr.Code) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s\n\n", sheetTitle, strings.Repeat("=", len(sheetTitle)))
	for _, f := range s.facts() {
		fmt.Fprintf(&b, "%-14s%s\n", f[0], f[1])
	}
	fmt.Fprintf(&b, "\nPublication string\n\n")
	for _, line := range stringLines(s.publication) {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	b.WriteString("\n")
	const quiet = 2 // modules around the code
	size := code.Side()
	for y := -quiet; y < size+quiet; y += 2 {
		b.WriteString("    ")
		for x := -quiet; x < size+quiet; x++ {
			b.WriteString([]string{" ", "▀", "▄", "█"}[dark(code, x, y)+2*dark(code, x, y+1)])
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, paragraph := range explanation {
		for _, line := range wrapped(paragraph, 76) {
			fmt.Fprintln(&b, line)
		}
		b.WriteString("\n")
	}
	return b.Bytes()
}

// dark returns 1 for a dark module of the code, 0 for a light one and for what is beside it.
func dark(code *qr.Code, x, y int) int {
	if code.Dark(x, y) {
		return 1
	}
	return 0
}

// stringLines cuts a publication string into lines that are easy to copy by hand: three groups each.
func stringLines(p ksi.Publication) (lines []string) {
	groups := strings.Split(p.String(), "-")
	const perLine = 3
	for i := 0; i < len(groups); i += perLine {
		lines = append(lines, strings.Join(groups[i:min(i+perLine, len(groups))], "-"))
	}
	return lines
}

// wrapped breaks text into lines of at most width characters. A text that is indented stays one line.
func wrapped(text string, width int) (lines []string) {
	if strings.HasPrefix(text, " ") {
		return []string{text}
	}
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// pdf writes the sheet as one page of A4. The same sheet gives the same bytes.
func (s *sheet) pdf(code *qr.Code) ([]byte, error) {
	const lineHeight, module = 7.0, 1.4
	p := paper.New(sheetTitle+" as of "+s.publication.Time.String(), s.publication.Time.Time())
	p.Heading(sheetTitle, 6)
	p.Facts(s.facts(), 35, lineHeight, "Root")
	p.Ln(6)
	p.SetFont(paper.Text, "", 11)
	p.CellFormat(paper.Width, lineHeight, "Publication string", "", 1, "", false, 0, "")
	p.SetFont(paper.Mono, "", 18)
	for _, line := range stringLines(s.publication) {
		p.CellFormat(paper.Width, 10, line, "", 1, "", false, 0, "")
	}
	p.Ln(6)
	x, y := p.GetXY()
	p.Code(code, x, y, module)
	p.SetY(y + float64(code.Side())*module + 8)
	p.Paragraphs(explanation)
	return p.Bytes()
}
