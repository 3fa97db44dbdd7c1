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

// A JSON text is read while its values fit into what the settings allow.
func TestJSONTakesMemory(t *testing.T) {
	s := DefaultSettings()
	s.Memory = 1001 * jsonValueBytes // an array and its elements
	for _, typ := range []*Type{JSON, JSONB} {
		text := append(bytes.Repeat([]byte("1,"), 999), "1]"...)
		if _, err := ParseText(s, typ, -1, append([]byte("["), text...)); err != nil {
			t.Errorf("%s of 1,000 elements: %v", typ.Name, err)
		}
		_, err := ParseText(s, typ, -1, append([]byte("[1,"), text...))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeOutOfMemory {
			t.Errorf("%s of 1,001 elements: %v", typ.Name, err)
		}
	}
}
