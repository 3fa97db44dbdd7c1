package value

import (
	"bytes"
	"errors"
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

// What is read of a JSON text takes many times its length, so texts of too many values are refused while they are read.
func TestJSONIsBounded(t *testing.T) {
	text := append(bytes.Repeat([]byte("1,"), maxJSONValues), '1', ']')
	_, err := ParseJSON(append([]byte("["), text...), true)
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeProgramLimit {
		t.Errorf("%d values and one more: %v", maxJSONValues, err)
	}
	if _, err := ParseJSON(append([]byte("["), text[4:]...), true); err != nil {
		t.Errorf("%d values: %v", maxJSONValues, err)
	}
}
