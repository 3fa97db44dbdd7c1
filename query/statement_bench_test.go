package query_test

import (
	"runtime"
	"testing"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/value"
)

// pointSelect finds a round by its second.
const pointSelect = "SELECT root, leaves FROM rounds WHERE second = $1::int8"

// BenchmarkParse parses and plans a point SELECT that names its value, as simple queries do. As in a server, there is a heap beside it, of
// caches: with next to none the garbage collector would run a thousand times a second, and take more time than the parser.
func BenchmarkParse(b *testing.B) {
	w := newWorld(b)
	caches := make([]byte, 64<<20)
	defer runtime.KeepAlive(caches)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.current.Parse(b.Context(), "", "SELECT root, leaves FROM rounds WHERE second = 1795310130", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBind takes a prepared point SELECT from its parameters to where its first row can be asked for.
func BenchmarkBind(b *testing.B) {
	w := newWorld(b)
	if err := w.current.Parse(b.Context(), "point", pointSelect, nil); err != nil {
		b.Fatal(err)
	}
	params := []value.Datum{value.NewInt(value.Int8, 1795310130)}
	b.ReportAllocs()
	for b.Loop() {
		w.current.ClosePortal("")
		if err := w.current.Bind("", "point", params, nil); err != nil {
			b.Fatal(err)
		}
		if _, err := w.current.Execute(b.Context(), ""); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPoint runs a prepared point SELECT to its end.
func BenchmarkPoint(b *testing.B) {
	w := newWorld(b)
	w.fill(b)
	if err := w.current.Parse(b.Context(), "point", pointSelect, nil); err != nil {
		b.Fatal(err)
	}
	second := run(b.Context(), w.current, "SELECT max(second) FROM rounds")
	if second.err != nil {
		b.Fatal(second.err)
	}
	d, err := value.ParseText(value.DefaultSettings(), value.Int8, -1, []byte(second.rows[0]))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := point(b, w.current, d); err != nil {
			b.Fatal(err)
		}
	}
}

func point(b *testing.B, s *query.Session, d value.Datum) error {
	if err := s.Bind("", "point", []value.Datum{d}, nil); err != nil {
		return err
	}
	r, err := s.Execute(b.Context(), "")
	if err != nil {
		return err
	}
	if _, _, err := r.Next(b.Context()); err != nil {
		return err
	}
	return s.Sync(b.Context())
}
