package receipt_test

import (
	"bytes"
	"compress/zlib"
	"os"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/receipt"
)

// deflated packs text as PDF does.
func deflated(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestAttached takes a record out of a PDF as several programs write the same attachment.
func TestAttached(t *testing.T) {
	data, err := os.ReadFile("testdata/record.json")
	if err != nil {
		t.Fatal(err)
	}
	record := string(data)
	packed, other := deflated(t, record), deflated(t, "another attachment")
	const page = "%PDF-1.7\n4 0 obj\n<</Filter /FlateDecode /Length 3>>\nstream\nabc\nendstream\nendobj\n"
	for name, x := range map[string]struct {
		pdf   string
		found bool
	}{
		"as printed":   {page + "5 0 obj\n<</Type /EmbeddedFile /Length 7 /Filter /FlateDecode /Params <<>> >>\nstream\n" + packed + "\nendstream", true},
		"qpdf":         {page + "5 0 obj\n<< /Filter /FlateDecode /Params << >> /Type /EmbeddedFile /Length 6 0 R >>\nstream\n" + packed + "endstream", true},
		"mutool":       {page + "5 0 obj\n<</Type/EmbeddedFile/Filter/FlateDecode/Length 7>>\r\nstream\r\n" + packed + "\r\nendstream", true},
		"not packed":   {page + "5 0 obj\n<</Type/EmbeddedFile/Length 7>>\nstream\n" + record + "\nendstream", true},
		"the second":   {page + "5 0 obj\n<</Type/EmbeddedFile/Filter/FlateDecode>>\nstream\n" + other + "\nendstream\nendobj\n6 0 obj\n<</Type/EmbeddedFile/Filter/FlateDecode>>\nstream\n" + packed + "\nendstream", true},
		"no PDF":       {"5 0 obj\n<</Type/EmbeddedFile/Length 7>>\nstream\n" + record + "\nendstream", false},
		"content":      {page + "5 0 obj\n<</Length 7>>\nstream\n" + record + "\nendstream", false},
		"cut off":      {page + "5 0 obj\n<</Type/EmbeddedFile/Filter/FlateDecode>>\nstream\n" + packed[:len(packed)/2], false},
		"another":      {page + "5 0 obj\n<</Type/EmbeddedFile/Filter/FlateDecode>>\nstream\n" + other + "\nendstream", false},
		"not deflated": {page + "5 0 obj\n<</Type/EmbeddedFile/Filter/FlateDecode>>\nstream\n" + record + "\nendstream", false},
		"too many":     {page + strings.Repeat("5 0 obj\n<</Type/EmbeddedFile>>\nstream\nx\nendstream\nendobj\n", 100) + "5 0 obj\n<</Type/EmbeddedFile>>\nstream\n" + record + "\nendstream", false},
	} {
		got := strings.TrimSpace(string(receipt.Attached([]byte(x.pdf))))
		if want := strings.TrimSpace(record); x.found && got != want || !x.found && got != "" {
			t.Errorf("%s: %.100q", name, got)
		}
	}
}
