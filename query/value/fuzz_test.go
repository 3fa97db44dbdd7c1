package value

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// fuzzTypes are all types with an input function.
var fuzzTypes = func() []*Type {
	var out []*Type
	for _, t := range All() {
		elem := t
		if t.Elem != 0 {
			elem = MustType(t.Elem)
		}
		if !elem.Pseudo && !elem.Opaque {
			out = append(out, t)
		}
	}
	return out
}()

func fuzzSettings(variant byte) *Settings {
	s := DefaultSettings()
	s.Now = FromUnix(1795310130)
	s.ByteaEscape = variant&1 != 0
	s.MonthFirst = variant&2 == 0
	if variant&4 != 0 {
		s.Zone, _ = time.LoadLocation("Europe/Tallinn")
	}
	return s
}

// mustBeClients demands that an error is one for the client.
func mustBeClients(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || len(e.Code) != 5 || e.Message == "" {
		t.Fatalf("error %v is none for the client", err)
	}
}

// checkRoundTrip sends a value through its text and its binary form: both give the value again, and the same forms.
func checkRoundTrip(t *testing.T, s *Settings, d Datum) {
	t.Helper()
	text := d.AppendText(nil, s)
	again, err := ParseText(s, d.Type, -1, text)
	if err != nil {
		t.Fatalf("%s %q, its own text form, is refused: %v", d.Type, text, err)
	}
	if second := again.AppendText(nil, s); !bytes.Equal(text, second) {
		t.Fatalf("%s %q becomes %q", d.Type, text, second)
	}
	raw := d.AppendBinary(nil, s)
	received, err := ParseBinary(s, d.Type, -1, raw)
	if err != nil {
		t.Fatalf("%s %q: its binary form %x is refused: %v", d.Type, text, raw, err)
	}
	if second := received.AppendBinary(nil, s); !bytes.Equal(raw, second) {
		t.Fatalf("%s %q: binary %x becomes %x", d.Type, text, raw, second)
	}
	if Comparable(d.Type) && Compare(d, received) != 0 {
		t.Fatalf("%s %q: what the binary form gives differs", d.Type, text)
	}
}

func FuzzText(f *testing.F) {
	for i := range fuzzTypes {
		for _, text := range []string{
			"1", "t", "-1.5e3", "2026-11-22 01:15:30.5+02", "1 day -2 hours", "{1,2,NULL}", `{"a": [1, null]}`, `\x00ff`, "infinity", "today",
			"Nov 22 2026 3:04 PM Europe/Tallinn", "0044-03-15 BC", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "[0:1]={{1},{2}}", "P1Y2M3DT4H",
			"NaN", "04:05:06 ago", "int4", `{"x y","\\"}`, "1 2 3", "2026-10-25 03:30:00", "b101", "x1fA", "{x1,b0,101}",
		} {
			f.Add(byte(i), byte(len(text)), text)
		}
	}
	f.Fuzz(func(t *testing.T, typ, variant byte, text string) {
		s := fuzzSettings(variant)
		d, err := ParseText(s, fuzzTypes[int(typ)%len(fuzzTypes)], -1, []byte(text))
		if err != nil {
			mustBeClients(t, err)
			return
		}
		checkRoundTrip(t, s, d)
	})
}

func FuzzBinary(f *testing.F) {
	s := DefaultSettings()
	for i, typ := range fuzzTypes {
		for _, text := range []string{"1", "{1,NULL}", "2026-11-22", "1 day", `{"a":1}`, "t", "{}", "12345.678", "00:01", "x1f", "1010", "{x1,101}"} {
			if d, err := ParseText(s, typ, -1, []byte(text)); err == nil {
				f.Add(byte(i), d.AppendBinary(nil, s))
			}
		}
	}
	f.Fuzz(func(t *testing.T, typ byte, data []byte) {
		d, err := ParseBinary(s, fuzzTypes[int(typ)%len(fuzzTypes)], -1, data)
		if err != nil {
			mustBeClients(t, err)
			return
		}
		raw := d.AppendBinary(nil, s)
		again, err := ParseBinary(s, d.Type, -1, raw)
		if err != nil {
			t.Fatalf("%s: %x, sent for %x, is refused: %v", d.Type, raw, data, err)
		}
		if second := again.AppendBinary(nil, s); !bytes.Equal(raw, second) {
			t.Fatalf("%s: %x becomes %x", d.Type, raw, second)
		}
		d.AppendText(nil, s)
	})
}

// FuzzJSON compares the normal form with itself read again, and the parser's verdicts with each other.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"b":1,"a":[1.50,true,null,"x\u00e4"],"b":2}`, `"\ud83d\ude00"`, `[[[]]]`, `-0.0e1`, `"\u0000"`, `{"":{}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := ParseJSON(nil, text, true)
		if err != nil {
			mustBeClients(t, err)
			return
		}
		if _, err := ParseJSON(nil, text, false); err != nil {
			t.Fatalf("%q is jsonb, but not json: %v", text, err)
		}
		normal := n.Append(nil)
		m, err := ParseJSON(nil, normal, true)
		if err != nil {
			t.Fatalf("%q has the normal form %q: %v", text, normal, err)
		}
		if again := m.Append(nil); !bytes.Equal(normal, again) || CompareJSON(n, m) != 0 {
			t.Fatalf("%q becomes %q", normal, again)
		}
	})
}
