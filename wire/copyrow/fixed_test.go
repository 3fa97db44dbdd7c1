package copyrow

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// rowsOf runs a decoder over the pieces of data and returns the rows, or the error alone. Digests in their usual form are
// written alike whether Fixed takes them, with room for a few at a time, or the row function.
func rowsOf(o Options, size int, room func() int, pieces ...[]byte) string {
	var out strings.Builder
	d := NewDecoder(o)
	var buf []byte
	if size > 0 {
		d.SetFixed(Fixed{
			Size: size,
			Room: func() []byte { buf = make([]byte, room()); return buf },
			Took: func(n int) {
				for i := range n {
					fmt.Fprintf(&out, "%d %x\n", d.line-int64(n-1-i), buf[i*size:(i+1)*size])
				}
			},
		})
	}
	row := func(fields [][]byte) error {
		fmt.Fprintf(&out, "%d ", d.line)
		if f := fields[0]; f == nil {
			out.WriteString("NULL")
		} else if b, err := hex.DecodeString(strings.TrimPrefix(string(f), `\x`)); o.Format != Binary && err == nil {
			fmt.Fprintf(&out, "%x", b)
		} else {
			fmt.Fprintf(&out, "%x", f)
		}
		out.WriteByte('\n')
		return nil
	}
	for _, p := range pieces {
		p = bytes.Clone(p)
		if err := d.Write(p, row); err != nil {
			return renderError(err)
		}
		for i := range p {
			p[i] = '#'
		}
	}
	if err := d.Finish(row); err != nil {
		return renderError(err)
	}
	return out.String()
}

// fixedOptions are those that TestFixed and FuzzFixed try.
func fixedOptions(t *testing.T) (list []Options) {
	for _, how := range []string{"binary", "text", "csv", "text header", "csv header", "csv quote=a", "csv delimiter=1", "text delimiter=A", `text null=\\x4a4b`} {
		list = append(list, options(t, how))
	}
	return list
}

// TestFixed reads random rows, usual ones and others, with Fixed and without: the rows, their lines and the errors are the
// same however the data is cut and however little room there is.
func TestFixed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	taken := 0
	for i := range 4000 {
		all := fixedOptions(t)
		o := all[i%len(all)]
		size := []int{32, 2, 20}[rnd.IntN(3)]
		data := randomRows(rnd, o, size)
		want := rowsOf(o, 0, nil, data)
		room := func() int { taken++; return rnd.IntN(4*size + 1) }
		a, b := rnd.IntN(len(data)+1), rnd.IntN(len(data)+1)
		a, b = min(a, b), max(a, b)
		for _, pieces := range [][][]byte{{data}, {data[:a], data[a:b], data[b:]}} {
			if got := rowsOf(o, size, room, pieces...); got != want {
				t.Fatalf("%+v, size %d, %q in %d pieces: got\n%swant\n%s", o, size, data, len(pieces), got, want)
			}
		}
	}
	if taken == 0 {
		t.Error("no row was offered to Fixed")
	}
}

// randomRows returns data of some rows, most of them in the usual form, and sometimes something else.
func randomRows(rnd *rand.Rand, o Options, size int) []byte {
	e := NewEncoder(o)
	data := e.AppendHeader(nil)
	for range rnd.IntN(12) {
		field := make([]byte, size)
		for i := range field {
			field[i] = byte(rnd.Uint32())
		}
		switch rnd.IntN(24) {
		case 0:
			field = field[1:]
		case 1:
			field = append(field, 1)
		case 2:
			field = nil
		case 3:
			data = append(data, []string{"\r\n", "\n", "\\.\n", "x\n", `\x4`, "\x00\x01\x00"}[rnd.IntN(6)]...)
		}
		if field != nil && o.Format != Binary {
			text := `\x` + hex.EncodeToString(field)
			if rnd.IntN(4) == 0 {
				text = `\x` + strings.ToUpper(text[2:])
			}
			if rnd.IntN(24) == 0 {
				text = text[:len(text)-1] + "g"
			}
			field = []byte(text)
		}
		data = e.AppendRow(data, [][]byte{field})
	}
	return e.AppendTrailer(data)
}

// FuzzFixed compares rows taken many at a time with rows taken one by one.
func FuzzFixed(f *testing.F) {
	f.Add(uint8(0), signature+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02ab\xff\xff", 25)
	f.Add(uint8(1), "\\\\x4142\n\\\\x4a4B\n\\.\n", 3)
	f.Add(uint8(2), "\\x4142\n\\x4a4B\r\n\\.\n", 3)
	f.Fuzz(func(t *testing.T, how uint8, data string, at int) {
		all := fixedOptions(t)
		o := all[int(how)%len(all)]
		o.MaxRow = 1000
		want := rowsOf(o, 0, nil, []byte(data))
		at = max(0, min(at, len(data)))
		if got := rowsOf(o, 2, func() int { return 5 }, []byte(data[:at]), []byte(data[at:])); got != want {
			t.Errorf("one by one:\n%smany, cut at %d:\n%s", want, at, got)
		}
	})
}

// BenchmarkFixed reads 32-byte fields where BenchmarkDecoder hands each to a function.
func BenchmarkFixed(b *testing.B) {
	for _, f := range []Format{Text, CSV, Binary} {
		b.Run("format="+f.String(), func(b *testing.B) {
			o := Defaults(f)
			o.Table, o.Columns = "t", []string{"digest"}
			e := NewEncoder(o)
			field := []byte(`\x` + strings.Repeat("5f", 32))
			if f == Binary {
				field = field[:32]
			}
			const rows = 1000
			var data []byte
			for range rows {
				data = e.AppendRow(data, [][]byte{field})
			}
			d := NewDecoder(o)
			got, dst := 0, make([]byte, 1<<16)
			d.SetFixed(Fixed{Size: 32, Room: func() []byte { return dst }, Took: func(n int) { got += n }})
			one := func([][]byte) error { b.Fatal("a row was not taken"); return nil }
			if err := d.Write(e.AppendHeader(nil), one); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := d.Write(data, one); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(got)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
