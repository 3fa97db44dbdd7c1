package session_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"testing"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
	"github.com/jurat-ledger/jurat/server/session"
	"github.com/jurat-ledger/jurat/wire"
)

// open opens a session without a connection.
func open(t testing.TB) wire.Session {
	l := querytest.New(start)
	engine := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	s, err := session.NewHandler(engine, func(*wire.Startup, error) {}).
		Open(context.Background(), &wire.Startup{User: "jurat", Database: "jurat"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// result runs one statement of the simple protocol.
func result(t testing.TB, s wire.Session, sql string) (wire.Script, wire.Result) {
	script, err := s.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	r, err := script.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return script, r
}

// TestRowsTakeNoMemory shows that encoding a row allocates nothing.
func TestRowsTakeNoMemory(t *testing.T) {
	for _, sql := range []string{
		"select n, n::float8 / 3, n::text, n > 5, now(), sha256(n::text::bytea) from generate_series(1, 1000) n",
		"copy (select n, n::text, sha256(n::text::bytea) from generate_series(1, 1000) n) to stdout",
		"copy (select n, n::text, sha256(n::text::bytea) from generate_series(1, 1000) n) to stdout (format binary)",
	} {
		_, r := result(t, open(t), sql)
		buf := make([]byte, 0, 1<<10)
		next := func() {
			var err error
			if buf, err = r.AppendRow(t.Context(), buf[:0]); err != nil {
				t.Fatal(err)
			}
		}
		next() // makes the batch
		if n := testing.AllocsPerRun(500, next); n > 0 {
			t.Errorf("%s: %v allocations a row", sql, n)
		}
	}
}

// TestCopyTakesNoMemory shows that a row of COPY costs the bytes of its digest alone.
func TestCopyTakesNoMemory(t *testing.T) {
	const rows = 1000
	var data, text []byte
	for i := range rows {
		d := digest(string(rune(i)))
		data = binary.BigEndian.AppendUint32(append(data, 0, 1), uint32(len(d)))
		data = append(data, d...)
		text = append(append(text, `\\x`...), []byte("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n")...)
	}
	for sql, data := range map[string][]byte{
		"copy hashes (digest) from stdin (format binary)": data, "copy hashes (digest) from stdin": text,
	} {
		_, r := result(t, open(t), sql)
		in := r.CopyIn()
		if in.Format().Binary {
			if err := in.Write(t.Context(), append([]byte("PGCOPY\n\xff\r\n\x00"), make([]byte, 8)...)); err != nil {
				t.Fatal(err)
			}
		}
		write := func() {
			if err := in.Write(t.Context(), data); err != nil {
				t.Fatal(err)
			}
		}
		for range 40 {
			write() // lets the list of leaves grow
		}
		if n := testing.AllocsPerRun(20, write); n > 2 {
			t.Errorf("%s: %v allocations for %d rows", sql, n, rows)
		}
		in.Abort()
	}
}

// TestLookUpTakesNoMemory shows that looking a digest up by a prepared statement allocates nothing of its own: what is left is the
// command tag and what the ledger of the test takes to find a leaf.
func TestLookUpTakesNoMemory(t *testing.T) {
	s := open(t)
	_, r := result(t, s, `insert into hashes (digest) values ('\x2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824')`)
	if _, err := r.AppendRow(t.Context(), nil); err != io.EOF {
		t.Fatal(err)
	}
	if err := s.Parse(t.Context(), "find", "select digest, lane, round from hashes where digest = $1", nil); err != nil {
		t.Fatal(err)
	}
	d := digest("hello")
	bind := &wire.Bind{Statement: "find", ParameterFormats: []int16{1}, Parameters: [][]byte{d}, ResultFormats: []int16{1}}
	buf := make([]byte, 0, 1<<10)
	find := func() {
		if err := s.Bind(t.Context(), bind); err != nil {
			t.Fatal(err)
		}
		r, err := s.Execute(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if buf, err = r.AppendRow(t.Context(), buf[:0]); err != nil || len(r.Columns()) != 3 || !bytes.Contains(buf, d) {
			t.Fatalf("%x: %v", buf, err)
		}
		if _, err = r.AppendRow(t.Context(), nil); err != io.EOF || r.Tag() != "SELECT 1" {
			t.Fatalf("%s: %v", r.Tag(), err)
		}
		r.Close()
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(200, find); n > 8 {
		t.Errorf("%v allocations a look-up", n)
	}
}

// BenchmarkInsert files one digest through a prepared statement, without a connection.
func BenchmarkInsert(b *testing.B) {
	s := open(b)
	ctx := b.Context()
	if err := s.Parse(ctx, "", "insert into hashes (digest) values ($1)", nil); err != nil {
		b.Fatal(err)
	}
	d := digest("x")
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Bind(ctx, &wire.Bind{ParameterFormats: []int16{1}, Parameters: [][]byte{d}}); err != nil {
			b.Fatal(err)
		}
		r, err := s.Execute(ctx, "")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.AppendRow(ctx, nil); err == nil {
			b.Fatal("a row of an INSERT without RETURNING")
		}
		if err := s.Sync(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSelect reads rows of computed columns in binary form.
func BenchmarkSelect(b *testing.B) {
	s := open(b)
	ctx := b.Context()
	const rows = 100_000
	if err := s.Parse(ctx, "", "select n, n * 2 + 1 from generate_series(1, 100000) n where n % 3 <> 1", nil); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Bind(ctx, &wire.Bind{ResultFormats: []int16{1}}); err != nil {
			b.Fatal(err)
		}
		r, err := s.Execute(ctx, "")
		for err == nil {
			buf, err = r.AppendRow(ctx, buf[:0])
		}
		if err := s.Sync(ctx); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
}
