package copyrow

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/jurat-ledger/jurat/wire"
)

var (
	rewrite     = flag.Bool("rewrite", false, "write what the Postgres at -addr makes of the cases")
	randomCases = flag.Int("cases", 2000, "random cases to compare")
	realAddr    = flag.String("addr", "", "host:port of a Postgres that takes the user postgres without password")
)

// read runs a decoder over the pieces of data and renders the rows, or the error alone.
func read(o Options, pieces ...[]byte) string {
	var out strings.Builder
	d := NewDecoder(o)
	row := func(fields [][]byte) error {
		for i, f := range fields {
			if i > 0 {
				out.WriteByte(' ')
			}
			if f == nil {
				out.WriteString("NULL")
			} else {
				fmt.Fprintf(&out, "%q", f)
			}
		}
		out.WriteByte('\n')
		return nil
	}
	for _, p := range pieces {
		p = bytes.Clone(p) // the decoder must not keep it
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

func renderError(err error) string {
	var e *wire.Error
	if !errors.As(err, &e) {
		return "no *wire.Error: " + err.Error()
	}
	s := e.Code + " " + e.Message
	if e.Hint != "" {
		s += " | hint " + e.Hint
	}
	if e.Where != "" {
		s += " | where " + e.Where
	}
	return s + "\n"
}

// reference is what Postgres makes of the data.
func reference(t *testing.T, conn *pgx.Conn, o Options, data []byte) string {
	ctx := context.Background()
	var columns []string
	for _, name := range o.Columns {
		columns = append(columns, name+" text")
	}
	sql := fmt.Sprintf("create temp table t (%s)", strings.Join(columns, ", "))
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Fatal(err)
	}
	defer conn.Exec(ctx, "drop table t")
	_, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(data), "copy t from stdin with "+clause(o))
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		return renderError(&wire.Error{Code: e.Code, Message: e.Message, Hint: e.Hint, Where: e.Where})
	} else if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, "select * from t")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for rows.Next() {
		for i, v := range rows.RawValues() {
			if i > 0 {
				out.WriteByte(' ')
			}
			if v == nil {
				out.WriteString("NULL")
			} else {
				fmt.Fprintf(&out, "%q", v)
			}
		}
		out.WriteByte('\n')
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return out.String()
}

// clause writes the options in SQL.
func clause(o Options) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	s := "(format " + o.Format.String()
	if o.Format == Binary {
		return s + ")"
	}
	s += ", delimiter " + quote(string(o.Delimiter)) + ", null " + quote(o.Null) + fmt.Sprintf(", header %v", o.Header)
	if o.Format == CSV {
		s += ", quote " + quote(string(o.Quote)) + ", escape " + quote(string(o.Escape))
	}
	return s + ")"
}

// options reads "csv columns=2 header delimiter=; null=x quote=' escape=/".
func options(t *testing.T, text string) Options {
	words := strings.Fields(text)
	f, ok := ParseFormat(words[0])
	if !ok {
		t.Fatalf("format %q", words[0])
	}
	o := Defaults(f)
	o.Table, o.Columns = "t", []string{"a"}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		switch name {
		case "columns":
			o.Columns = strings.Split("abcdefgh"[:value[0]-'0'], "")
		case "header":
			o.Header = true
		case "delimiter":
			o.Delimiter = value[0]
		case "null":
			o.Null = value
		case "quote":
			o.Quote = value[0]
		case "escape":
			o.Escape = value[0]
		default:
			t.Fatalf("option %q", w)
		}
	}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	return o
}

// connect returns a connection to the reference, nil without -addr.
func connect(t *testing.T) *pgx.Conn {
	if *realAddr == "" {
		return nil
	}
	conn, err := pgx.Connect(context.Background(), "postgres://postgres@"+*realAddr+"/postgres?default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// TestCases compares with what Postgres 15 made of the same data: testdata/cases holds options, data as a Go string, and the
// rows or the error. Data is cut at every place, too, and into single bytes.
func TestCases(t *testing.T) {
	const file = "testdata/cases"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t)
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		head, want, _ := strings.Cut(block+"\n", "----\n")
		how, quoted, _ := strings.Cut(strings.TrimSpace(head), "\n")
		var data string
		if _, err := fmt.Sscanf(quoted, "%q", &data); err != nil {
			t.Fatalf("%s: %v", quoted, err)
		}
		o := options(t, how)
		if conn != nil {
			want = reference(t, conn, o, []byte(data))
		}
		for _, pieces := range cuts([]byte(data)) {
			if got := read(o, pieces...); got != want {
				t.Errorf("%s %s in %d pieces: got\n%swant\n%s", how, quoted, len(pieces), got, want)
				break
			}
		}
		fmt.Fprintf(&out, "%s\n%s\n----\n%s\n", how, quoted, want)
	}
	if *rewrite {
		if conn == nil {
			t.Fatal("-rewrite needs -addr")
		}
		if err := os.WriteFile(file, []byte(strings.TrimSpace(out.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// cuts returns data whole, cut in two at every place, and as single bytes.
func cuts(data []byte) [][][]byte {
	all := [][][]byte{{data}}
	var single [][]byte
	for i := range data {
		all = append(all, [][]byte{data[:i], data[i:]})
		single = append(single, data[i:i+1])
	}
	return append(all, single)
}

// TestReference compares random data of few different characters with Postgres, if one is at hand.
func TestReference(t *testing.T) {
	conn := connect(t)
	if conn == nil {
		t.Skip("no -addr")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	pick := func(s []string) string { return s[rnd.IntN(len(s))] }
	for range *randomCases {
		var how string
		var alphabet []string
		if rnd.IntN(2) == 0 {
			how = pick([]string{"text columns=2", "text", "text columns=2 delimiter=| null=x", "text header"})
			alphabet = []string{"a", "x", "\\", "\\", "\t", "\t", "|", "\n", "\r", "\r\n", "N", ".", "1", "0", "n", "\\.", "é"}
		} else {
			how = pick([]string{"csv columns=2", "csv", "csv columns=2 delimiter=; null=x", "csv escape=/", "csv header quote='"})
			alphabet = []string{"a", "x", "\"", "\"", ",", "'", "/", ";", "\n", "\r", "\r\n", "\\.", "\\", "é"}
		}
		eol := pick([]string{"\n", "\n", "\r", "\r\n"})
		var data strings.Builder
		for range rnd.IntN(12) {
			s := pick(alphabet)
			if strings.ContainsAny(s, "\r\n") && rnd.IntN(8) > 0 {
				s = eol
			}
			data.WriteString(s)
		}
		o := options(t, how)
		want := reference(t, conn, o, []byte(data.String()))
		if got := read(o, []byte(data.String())); got != want {
			t.Fatalf("%s\n%q\ngot\n%swant\n%s", how, data.String(), got, want)
		}
	}
}

// TestEncoder writes rows, reads them again and, with -addr, has Postgres read them.
func TestEncoder(t *testing.T) {
	conn := connect(t)
	values := []string{"", "a", "\\N", "\\.", "x", ",", "\"", "'", "\t", "\n", "\r", "\r\n", "\\", "a\\b\f\v\b", "é", "/", "NULL", " "}
	for _, how := range []string{
		"text columns=2", "text", "text columns=2 delimiter=| header", "csv columns=2", "csv", "csv columns=2 delimiter=; null=x header",
		"csv columns=2 escape=/ quote='", "binary columns=2", "binary",
	} {
		o := options(t, how)
		if o.Format == Text && o.Null == "x" {
			t.Fatal("text cannot tell a value from such a NULL")
		}
		e := NewEncoder(o)
		data := e.AppendHeader(nil)
		var want strings.Builder
		for i, v := range values {
			row := [][]byte{[]byte(v), []byte(values[len(values)-1-i])}[:len(o.Columns)]
			if i%5 == 0 {
				row[0] = nil
			}
			data = e.AppendRow(data, row)
			for j, f := range row {
				if j > 0 {
					want.WriteByte(' ')
				}
				if f == nil {
					want.WriteString("NULL")
				} else {
					fmt.Fprintf(&want, "%q", f)
				}
			}
			want.WriteByte('\n')
		}
		data = e.AppendTrailer(data)
		for _, pieces := range cuts(data) {
			if got := read(o, pieces...); got != want.String() {
				t.Fatalf("%s in %d pieces: got\n%swant\n%s", how, len(pieces), got, want.String())
			}
		}
		if conn == nil {
			continue
		}
		if got := reference(t, conn, o, data); got != want.String() {
			t.Errorf("%s: Postgres reads\n%swant\n%s", how, got, want.String())
		}
	}
}

func TestMaxRow(t *testing.T) {
	row := [][]byte{bytes.Repeat([]byte("x"), 100)}
	for _, f := range []Format{Text, CSV, Binary} {
		o := Defaults(f)
		o.Table, o.Columns = "t", []string{"a"}
		e := NewEncoder(o)
		data := e.AppendRow(e.AppendRow(e.AppendHeader(nil), [][]byte{[]byte("a")}), row)
		fits := o
		fits.MaxRow = 106
		tooSmall := o
		tooSmall.MaxRow = 99
		for _, pieces := range cuts(data) {
			if got := read(fits, pieces...); strings.Count(got, "\n") != 2 {
				t.Fatalf("%v: %s", f, got)
			}
			want := "54000 row of COPY data is larger than 99 bytes | where COPY t, line 2\n"
			if got := read(tooSmall, pieces...); got != want {
				t.Fatalf("%v in %d pieces: %s", f, len(pieces), got)
			}
		}
	}
}

// TestBinaryClaims holds lengths that promise more than comes: no memory may be taken for them.
func TestBinaryClaims(t *testing.T) {
	o := Defaults(Binary)
	o.Table, o.Columns = "t", []string{"a"}
	start := NewEncoder(o).AppendHeader(nil)
	for _, c := range []struct{ data, want string }{
		{string(start[:19-4]) + "\x7f\xff\xff\xff", "54000 COPY file header is too long\n"},
		{string(start[:19-4]) + "\xff\xff\xff\xff", "22P04 invalid COPY file header (missing length)\n"},
		{string(start[:19-4]) + "\x00\x00\x00\x02x", "22P04 invalid COPY file header (wrong length)\n"},
		{string(start) + "\x00\x01\x7f\xff\xff\xff", "54000 row of COPY data is larger than 1048576 bytes | where COPY t, line 1\n"},
		{string(start) + "\x00\x01\x00\x00\x00\x02a", "22P04 unexpected EOF in COPY data | where COPY t, line 1, column a\n"},
		{string(start) + "\x00", "22P04 unexpected EOF in COPY data | where COPY t, line 1\n"},
	} {
		for _, pieces := range cuts([]byte(c.data)) {
			if got := read(o, pieces...); got != c.want {
				t.Errorf("%q in %d pieces: %s", c.data, len(pieces), got)
			}
		}
	}
}

func TestColumnContext(t *testing.T) {
	for _, how := range []string{"text", "csv", "binary"} {
		o := options(t, how)
		e := NewEncoder(o)
		data := e.AppendRow(e.AppendRow(e.AppendHeader(nil), [][]byte{[]byte("ok")}), [][]byte{[]byte("bad")})
		d := NewDecoder(o)
		var got []string
		err := d.Write(data, func(fields [][]byte) error {
			got = append(got, d.ColumnContext(0, fields[0]), d.Context(), d.ColumnContext(0, nil))
			return nil
		})
		if err != nil || d.line != 2 {
			t.Fatal(err, d.line)
		}
		want := []string{`COPY t, line 2, column a: "bad"`, `COPY t, line 2: "bad"`, "COPY t, line 2, column a: null input"}
		if o.Format == Binary {
			want = []string{"COPY t, line 2, column a", "COPY t, line 2", "COPY t, line 2, column a"}
		}
		if fmt.Sprint(got[3:]) != fmt.Sprint(want) {
			t.Errorf("%s: %q, want %q", how, got[3:], want)
		}
	}
	if s := shown([]byte(strings.Repeat("é", 51) + "x")); s != strings.Repeat("é", 50)+"..." {
		t.Error(s)
	}
	if s := shown([]byte("x" + strings.Repeat("é", 51))); s != "x"+strings.Repeat("é", 49)+"..." {
		t.Error(s)
	}
}

func TestValidate(t *testing.T) {
	conn := connect(t)
	for _, c := range []struct {
		f      Format
		change func(*Options)
		want   string
	}{
		{Text, func(o *Options) { o.Delimiter = '\n' }, "22023 COPY delimiter cannot be newline or carriage return"},
		{Text, func(o *Options) { o.Null = "a\r" }, "22023 COPY null representation cannot use newline or carriage return"},
		{Text, func(o *Options) { o.Delimiter = 'n' }, `22023 COPY delimiter cannot be "n"`},
		{Text, func(o *Options) { o.Null = "a\tb" }, "0A000 COPY delimiter must not appear in the NULL specification"},
		{CSV, func(o *Options) { o.Delimiter = '"' }, "22023 COPY delimiter and quote must be different"},
		{CSV, func(o *Options) { o.Null = `"` }, "0A000 CSV quote character must not appear in the NULL specification"},
		{Binary, func(o *Options) { o.Header = true }, "0A000 cannot specify HEADER in BINARY mode"},
	} {
		o := Defaults(c.f)
		o.Table, o.Columns = "t", []string{"a"}
		c.change(&o)
		if err := o.Validate(); err == nil || renderError(err) != c.want+"\n" {
			t.Errorf("%v, want %s", err, c.want)
		}
		if conn != nil && c.f != Binary {
			if got := reference(t, conn, o, nil); got != c.want+"\n" {
				t.Errorf("Postgres says %s", got)
			}
		}
	}
	if _, ok := ParseFormat("parquet"); ok {
		t.Error("parquet is a format")
	}
}

// FuzzDecoder cuts data in two and reads it whole: the rows or the error must be the same.
func FuzzDecoder(f *testing.F) {
	f.Add(uint8(0), "a\tb\\tc\n\\N\t\\x41\n\\.\n", 3)
	f.Add(uint8(1), "a,\"b\"\"\n\",\r\n,\r\n\\.\r\n", 5)
	f.Add(uint8(2), signature+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x01a\xff\xff\xff\xff\xff\xff", 20)
	f.Add(uint8(3), "'a/'b'|x\n", 2)
	f.Fuzz(func(t *testing.T, how uint8, data string, at int) {
		o := options(t, []string{"text columns=2", "csv columns=2", "binary columns=2", "csv columns=2 quote=' escape=/ delimiter=| null=x header"}[how%4])
		o.MaxRow = 1000
		whole := read(o, []byte(data))
		at = max(0, min(at, len(data)))
		if cut := read(o, []byte(data[:at]), []byte(data[at:])); cut != whole {
			t.Errorf("whole:\n%scut at %d:\n%s", whole, at, cut)
		}
	})
}

// FuzzRoundTrip writes and reads a row in every format.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("a\\\n\r\t,\"'"), []byte(""), true)
	f.Fuzz(func(t *testing.T, a, b []byte, null bool) {
		fields := [][]byte{append([]byte{}, a...), append([]byte{}, b...)}
		if null {
			fields[1] = nil
		}
		for _, how := range []string{"text columns=2", "csv columns=2", "binary columns=2", "csv columns=2 quote=' escape=/ delimiter=| null=x"} {
			o := options(t, how)
			if o.Format != Binary && !printable(fields) {
				continue
			}
			e := NewEncoder(o)
			data := e.AppendTrailer(e.AppendRow(e.AppendHeader(nil), fields))
			rows := 0
			d := NewDecoder(o)
			check := func(got [][]byte) error {
				rows++
				for i := range got {
					if !bytes.Equal(got[i], fields[i]) || (got[i] == nil) != (fields[i] == nil) {
						t.Errorf("%s: field %d is %q, want %q", how, i, got[i], fields[i])
					}
				}
				return nil
			}
			if err := d.Write(data, check); err != nil {
				t.Fatalf("%s: %q: %v", how, data, err)
			}
			if err := d.Finish(check); err != nil || rows != 1 {
				t.Fatalf("%s: %q: %d rows, %v", how, data, rows, err)
			}
		}
	})
}

// printable reports whether text formats can carry the fields.
func printable(fields [][]byte) bool {
	for _, f := range fields {
		if NewDecoder(Options{}).checkText(f) != nil {
			return false
		}
	}
	return true
}

// TestNoAllocation shows that rows cost none once the buffers have grown.
func TestNoAllocation(t *testing.T) {
	for _, how := range []string{"text columns=2", "csv columns=2", "binary columns=2"} {
		o := options(t, how)
		e := NewEncoder(o)
		row := [][]byte{bytes.Repeat([]byte("\\x"), 32), []byte("a\"b")}
		data := e.AppendRow(nil, row)
		d := NewDecoder(o)
		nop := func([][]byte) error { return nil }
		d.Write(append(e.AppendHeader(nil), data...), nop)
		piece := bytes.Repeat(data, 100)
		piece = append(piece, piece[:50]...) // rows straddle pieces
		rest := append(bytes.Clone(data[50:]), data...)
		if n := testing.AllocsPerRun(10, func() {
			if err := errors.Join(d.Write(piece, nop), d.Write(rest, nop)); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations for 102 rows", how, n)
		}
	}
}

func BenchmarkDecoder(b *testing.B) {
	for _, f := range []Format{Text, CSV, Binary} {
		b.Run("format="+f.String(), func(b *testing.B) {
			o := Defaults(f)
			o.Table, o.Columns = "t", []string{"digest"}
			e := NewEncoder(o)
			field := []byte("\\x" + strings.Repeat("5f", 32))
			if f == Binary {
				field = field[:32]
			}
			const rows = 1000
			var data []byte
			for i := range rows {
				binary.BigEndian.PutUint16(field[len(field)-2:], uint16(i%26+'a')<<8|'0')
				data = e.AppendRow(data, [][]byte{field})
			}
			d := NewDecoder(o)
			got := 0
			count := func([][]byte) error { got++; return nil }
			if err := d.Write(e.AppendHeader(nil), count); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := d.Write(data, count); err != nil {
					b.Fatal(err)
				}
			}
			if got%rows != 0 {
				b.Fatal(got)
			}
			b.ReportMetric(float64(got)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
