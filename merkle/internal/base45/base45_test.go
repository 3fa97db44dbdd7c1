package base45_test

import (
	"bytes"
	"testing"

	"github.com/jurat-ledger/jurat/merkle/internal/base45"
)

// TestBase45 has the examples of RFC 9285, every pair of bytes, and what is no base45.
func TestBase45(t *testing.T) {
	for text, data := range map[string]string{"BB8": "AB", "%69 VD92EX0": "Hello!!", "UJCLQE7W581": "base-45", "QED8WEX0": "ietf!"} {
		if got := base45.Append(nil, []byte(data)); string(got) != text {
			t.Errorf("%q is written %q, want %q", data, got, text)
		}
		if got, err := base45.Decode(text); err != nil || string(got) != data {
			t.Errorf("%q is read as %q: %v", text, got, err)
		}
	}
	for n := range 1 << 16 {
		for _, data := range [][]byte{{byte(n)}, {byte(n >> 8), byte(n)}} {
			if got, err := base45.Decode(string(base45.Append(nil, data))); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%x is read as %x: %v", data, got, err)
			}
		}
	}
	for _, text := range []string{"A", "GGW", ":::", "::", "V5", "bb8", "B,8", "BB8A", "é"} {
		if got, err := base45.Decode(text); err == nil {
			t.Errorf("%q is read as %x", text, got)
		}
	}
}
