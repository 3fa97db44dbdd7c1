package receipt

import (
	"bytes"
	"compress/zlib"
	"io"
)

// MaxPDF is the length of the longest PDF in which Attached looks, in bytes.
const MaxPDF = 8 << 20

// IsPDF reports whether a file that begins like this is a PDF.
func IsPDF(head []byte) bool { return bytes.HasPrefix(head, []byte("%PDF-")) }

const (
	maxAttached   = 64   // attachments that are looked into
	maxDictionary = 4096 // bytes of what describes one
)

// Attached returns the record that is attached to a PDF, as receipts to print are, nil if there is none. It reads what other programs write
// who open and save such a page: a stream's dictionary stands in front of it in plain text in every PDF that is not encrypted. That the PDF
// shows what the record says is not known.
func Attached(pdf []byte) []byte {
	if !IsPDF(pdf) || len(pdf) > MaxPDF {
		return nil
	}
	word := []byte("stream")
	for at, tried := 0, 0; tried < maxAttached; {
		i := bytes.Index(pdf[at:], word)
		if i < 0 {
			return nil
		}
		dictionary := pdf[at+max(0, i-maxDictionary) : at+i] // not from before the last stream: each byte is looked at once
		at += i + len(word)
		dictionary = dictionary[bytes.LastIndex(dictionary, []byte("obj"))+1:]
		body, ok := bytes.CutPrefix(bytes.TrimPrefix(pdf[at:], []byte("\r")), []byte("\n"))
		if !ok || !bytes.Contains(dictionary, []byte("/EmbeddedFile")) {
			continue
		}
		tried++
		if record := unpacked(body, bytes.Contains(dictionary, []byte("/FlateDecode"))); IsRecord(record) {
			return record
		}
	}
	return nil
}

// unpacked returns what a stream holds that begins like this, nil if that is no record.
func unpacked(body []byte, deflated bool) []byte {
	if !deflated {
		body, _, _ = bytes.Cut(body, []byte("endstream"))
		return body
	}
	r, err := zlib.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil
	}
	head := make([]byte, 4096)
	n, err := io.ReadFull(r, head)
	if err == nil || err == io.ErrUnexpectedEOF {
		head = head[:n]
	}
	if !IsRecord(head) {
		return nil
	}
	rest, err := io.ReadAll(io.LimitReader(r, MaxRecord))
	if err != nil {
		return nil
	}
	return append(head, rest...)
}
