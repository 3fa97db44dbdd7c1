package ksi

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"github.com/jurat-ledger/jurat/merkle"
	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/merkle/tlv"
)

// A kind says how to print the value of an element.
type kind uint8

const (
	octets kind = iota
	nested
	number
	index // chain index
	second
	micros
	algorithm
	imprint
	text
	legacy
)

// A description says what an element is.
type description struct {
	name     string
	kind     kind
	children descriptions // of kind nested
}

type descriptions map[tlv.Tag]description

var (
	describedMetadata = descriptions{
		tagPadding:     {name: "padding"},
		tagClientID:    {name: "client id", kind: text},
		tagMachineID:   {name: "machine id", kind: text},
		tagSequence:    {name: "sequence number", kind: number},
		tagRequestTime: {name: "request time", kind: micros},
	}
	describedLink = descriptions{
		tagCorrection: {name: "level correction", kind: number},
		tagSibling:    {name: "sibling", kind: imprint},
		tagLegacyID:   {name: "legacy client id", kind: legacy},
		tagMetadata:   {"metadata", nested, describedMetadata},
	}
	describedAggregation = descriptions{
		tagTime:      {name: "time", kind: second},
		tagIndex:     {name: "chain index", kind: index},
		tagInputData: {name: "input data"},
		tagInput:     {name: "input", kind: imprint},
		tagAlgorithm: {name: "hash algorithm", kind: algorithm},
		tagLeft:      {"left link", nested, describedLink},
		tagRight:     {"right link", nested, describedLink},
	}
	describedCalendar = descriptions{
		tagPublicationTime: {name: "publication time", kind: second},
		tagTime:            {name: "time", kind: second},
		tagInput:           {name: "input", kind: imprint},
		tagLeft:            {name: "left link, sibling", kind: imprint},
		tagRight:           {name: "right link, sibling", kind: imprint},
	}
	describedPublishedData = descriptions{
		tagPublishedTime: {name: "publication time", kind: second},
		tagPublishedRoot: {name: "calendar root", kind: imprint},
	}
	describedPublication = descriptions{
		tagPublishedData: {"published data", nested, describedPublishedData},
		tagReference:     {name: "reference", kind: text},
		tagRepository:    {name: "repository", kind: text},
	}
	describedAuthentication = descriptions{
		tagPublishedData: {"published data", nested, describedPublishedData},
		tagSignatureData: {"signature data", nested, descriptions{
			tagSignatureType:  {name: "signature type", kind: text},
			tagSignatureValue: {name: "signature"},
			tagCertificateID:  {name: "certificate id"},
			tagCertificateURI: {name: "certificate repository", kind: text},
		}},
	}
	describedRFC3161 = descriptions{
		tagTime:            {name: "time", kind: second},
		tagIndex:           {name: "chain index", kind: index},
		tagInputData:       {name: "input data"},
		tagInput:           {name: "input", kind: imprint},
		tagTSTPrefix:       {name: "TSTInfo prefix"},
		tagTSTSuffix:       {name: "TSTInfo suffix"},
		tagTSTAlgorithm:    {name: "TSTInfo hash algorithm", kind: algorithm},
		tagSignedPrefix:    {name: "signed attributes prefix"},
		tagSignedSuffix:    {name: "signed attributes suffix"},
		tagSignedAlgorithm: {name: "signed attributes hash algorithm", kind: algorithm},
	}
	described = descriptions{
		tagSignature: {"signature", nested, descriptions{
			tagAggregation:    {"aggregation chain", nested, describedAggregation},
			tagCalendar:       {"calendar chain", nested, describedCalendar},
			tagPublication:    {"publication record", nested, describedPublication},
			tagAuthentication: {"calendar authentication record", nested, describedAuthentication},
			tagRFC3161:        {"RFC 3161 record", nested, describedRFC3161},
		}},
	}
)

const (
	textColumn  = 56 // where the bytes of an element start, after its offsets
	textIndent  = 2
	bytesOnLine = 32 // of a value that has lines of its own
	shortValue  = 8  // a value of so many bytes stands beside its header
)

// Text writes every element of the signature, one after the other as they stand in it: offsets, meaning and bytes, and
// below each link the node that it leads to, after an arrow. Text does not verify: a broken signature looks no different.
func (s *Signature) Text(w io.Writer) error {
	p := textPrinter{nodes: s.trace()}
	p.elements(tlv.NewReader(s.raw), described, 0)
	_, err := p.out.WriteTo(w)
	return err
}

type textPrinter struct {
	out   bytes.Buffer
	nodes map[int]tracedNode
}

func (p *textPrinter) elements(r tlv.Reader, known descriptions, depth int) {
	for r.More() {
		e, err := r.Next()
		if err != nil {
			panic("ksi: parsed signature: " + err.Error())
		}
		d, ok := known[e.Tag]
		if !ok {
			d.name = fmt.Sprintf("unknown element 0x%x", uint16(e.Tag))
		}
		value := e.Value()
		beside := e.Raw()
		if d.kind == nested || len(value) > shortValue {
			beside = beside[:len(beside)-len(value)]
		}
		label := strings.Repeat(" ", depth*textIndent) + d.name + d.meaning(&e)
		fmt.Fprintf(&p.out, "%05d-%05d  %-*s  %x\n", e.Offset, e.Offset+len(e.Raw()), textColumn, label, beside)
		switch {
		case d.kind == nested:
			p.elements(e.Children(), d.children, depth+1)
		case d.kind == imprint:
			p.lines(depth+1, "", value[1:])
		case len(value) > shortValue && d.kind != text && d.kind != legacy:
			p.lines(depth+1, "", value)
		}
		if n, ok := p.nodes[e.Offset]; ok {
			p.node(depth+1, n)
		}
	}
}

// node writes the node that a link leads to.
func (p *textPrinter) node(depth int, n tracedNode) {
	label := "=> cannot be computed here"
	if !n.hash.IsZero() {
		label = "=> " + n.hash.Algorithm().String()
	}
	if n.level > 0 {
		label += fmt.Sprintf(", level %d", n.level)
	}
	p.lines(depth, label, n.hash.Digest())
}

// lines writes a label, if any, and bytes in hex on lines of their own.
func (p *textPrinter) lines(depth int, label string, b []byte) {
	indent := strings.Repeat(" ", 13+depth*textIndent)
	if label != "" {
		fmt.Fprintf(&p.out, "%s%s\n", indent, label)
	}
	for ; len(b) > bytesOnLine; b = b[bytesOnLine:] {
		fmt.Fprintf(&p.out, "%s%x\n", indent, b[:bytesOnLine])
	}
	if len(b) > 0 {
		fmt.Fprintf(&p.out, "%s%x\n", indent, b)
	}
}

// meaning returns what stands behind the name of an element. Parse has read all values before.
func (d *description) meaning(e *tlv.Element) string {
	switch d.kind {
	case number:
		return fmt.Sprintf(" %d", mustUint(e))
	case index:
		n := mustUint(e)
		return fmt.Sprintf(" %d, %s", n, turns(n))
	case second:
		n := mustUint(e)
		if t := timeText(calendar.Second(n)); t != "" {
			return fmt.Sprintf(" %s (%d)", t, n)
		}
		return fmt.Sprintf(" %d", n)
	case micros:
		n := mustUint(e)
		if t := microsText(n); t != "" {
			return " " + t
		}
		return fmt.Sprintf(" %d µs", n)
	case algorithm:
		return " " + merkle.Algorithm(mustUint(e)).String()
	case imprint:
		return " " + merkle.Algorithm(e.Value()[0]).String()
	case text:
		s, err := e.Text()
		if err != nil {
			panic("ksi: parsed signature: " + err.Error())
		}
		return fmt.Sprintf(" %q", s)
	case legacy:
		v := e.Value()
		return fmt.Sprintf(" %q", v[3:3+v[2]])
	}
	if n := len(e.Value()); n != 1 {
		return fmt.Sprintf(", %d bytes", n)
	}
	return ", 1 byte"
}

// turns writes a chain index as the directions of its links from leaf to root.
func turns(n uint64) string {
	if n < 2 {
		return "no links"
	}
	var b strings.Builder
	for i := range bits.Len64(n) - 1 {
		b.WriteByte("RL"[n>>i&1])
	}
	return b.String() + " from the leaf"
}

func mustUint(e *tlv.Element) uint64 {
	n, err := e.Uint()
	if err != nil {
		panic("ksi: parsed signature: " + err.Error())
	}
	return n
}
