package value

import (
	"bytes"
	"testing"
)

// Reading a JSON text costs what its length costs: no word is read with all that stands behind it.
func TestJSONIsLinear(t *testing.T) {
	text := append(append([]byte("["), bytes.Repeat([]byte("12,"), 1<<14)...), '1', ']')
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := ParseJSON(text, false); err != nil {
				b.Fatal(err)
			}
		}
	})
	if limit := int64(200 * len(text)); r.AllocedBytesPerOp() > limit {
		t.Errorf("%d bytes of text take %d of memory, at most %d are expected", len(text), r.AllocedBytesPerOp(), limit)
	}
}
