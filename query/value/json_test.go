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
			if _, err := ParseJSON(nil, text, false); err != nil {
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
	_, err := ParseJSON(nil, append([]byte("["), text...), true)
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeProgramLimit {
		t.Errorf("%d values and one more: %v", maxJSONValues, err)
	}
	if _, err := ParseJSON(nil, append([]byte("["), text[4:]...), true); err != nil {
		t.Errorf("%d values: %v", maxJSONValues, err)
	}
}

// A limit is a budget of so many bytes.
type limit struct{ left int }

func (l *limit) Take(bytes int) error {
	if l.left -= bytes; l.left < 0 {
		return Errorf(CodeOutOfMemory, "out of memory")
	}
	return nil
}

// JSON texts and arrays are read while what they are read into fits into the budget, and JSON texts give back what they took.
func TestReadingTakesMemory(t *testing.T) {
	jsons := func(n int) []byte { return append(bytes.Repeat([]byte("1,"), n-1), "1]"...) }
	list := func(n int) []byte { return append(bytes.Repeat([]byte("1,"), n-1), "1}"...) }
	for _, c := range []struct {
		t     *Type
		open  string
		text  func(n int) []byte
		bytes int // taken for 100,000 elements at least
		back  bool
	}{
		{JSON, "[", jsons, 100_000 * jsonValueBytes * 9 / 10, true},
		{JSONB, "[", jsons, 100_000 * jsonValueBytes * 9 / 10, true},
		{ByName("_int4"), "{", list, 1_600_000, false},
		{ByName("_text"), "{", list, 4_800_000, false},
	} {
		s := DefaultSettings()
		budget := &limit{left: c.bytes}
		s.Budget = budget
		_, err := ParseText(s, c.t, -1, append([]byte(c.open), c.text(100_000)...))
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeOutOfMemory {
			t.Errorf("%s: 100,000 elements with %d bytes: %v", c.t.Name, c.bytes, err)
		}
		budget.left = 2 * c.bytes
		if _, err := ParseText(s, c.t, -1, append([]byte(c.open), c.text(100_000)...)); err != nil {
			t.Errorf("%s: 100,000 elements with %d bytes: %v", c.t.Name, 2*c.bytes, err)
		}
		if back := budget.left == 2*c.bytes; back != c.back {
			t.Errorf("%s: %d of %d bytes are left", c.t.Name, budget.left, 2*c.bytes)
		}
	}
}
