package receipt_test

import (
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/receipt"
)

func TestName(t *testing.T) {
	const text = "2026-11-22T01:15:30Z/jura/main/42"
	r, err := receipt.ParseName(text)
	if err != nil || r != (receipt.Name{Round: 1795310130, Agency: "jura", Lane: "main", Index: 42}) || r.String() != text {
		t.Fatal(r, err)
	}
	for _, bad := range []string{
		"", "/", "///", text + "/", text + " ", " " + text, strings.Replace(text, "42", "042", 1), strings.Replace(text, "42", "+42", 1),
		strings.Replace(text, "42", "-1", 1), strings.Replace(text, "42", "", 1), strings.Replace(text, "Z", "+00:00", 1),
		strings.Replace(text, "30Z", "30.0Z", 1), strings.Replace(text, "main", "", 1), strings.Replace(text, "jura", "", 1),
		strings.Replace(text, "01:15:30", "01:15:60", 1), strings.Replace(text, "T", "t", 1), strings.Replace(text, "42", "18446744073709551616", 1),
	} {
		if r, err := receipt.ParseName(bad); err == nil {
			t.Errorf("%q is %v", bad, r)
		} else if !strings.Contains(err.Error(), "receipt") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzName shows that a text is a receipt in one spelling only.
func FuzzName(f *testing.F) {
	f.Add("2026-11-22T01:15:30Z/jura/main/42")
	f.Add("1970-01-01T00:00:01Z/a/ksi/0")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := receipt.ParseName(text); err == nil && r.String() != text {
			t.Errorf("%q is written %q", text, r)
		}
	})
}
