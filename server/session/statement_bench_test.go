package session_test

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	syntax "github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/wire"
)

// points are point SELECTs as drivers send them, and a value of the parameter.
var points = []struct {
	name, sql string
	value     []byte
}{
	{"round", "SELECT root, leaves FROM rounds WHERE second = $1::int8", binary.BigEndian.AppendUint64(nil, 1_795_310_130)},
	{"digest", "SELECT signature FROM proofs WHERE digest = $1", digest("x")},
}

// BenchmarkPointParse takes a point SELECT from its text to its plan, as a driver's Parse message does. As in a server, there is a heap
// beside it, of caches: with next to none the garbage collector would run a thousand times a second.
func BenchmarkPointParse(b *testing.B) {
	caches := make([]byte, 64<<20)
	defer runtime.KeepAlive(caches)
	for _, p := range points {
		b.Run("by="+p.name, func(b *testing.B) {
			s := open(b)
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Parse(ctx, "", p.sql, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPointBind takes a prepared point SELECT from its parameter's bytes to where its first row can be asked for.
func BenchmarkPointBind(b *testing.B) {
	for _, p := range points {
		b.Run("by="+p.name, func(b *testing.B) {
			s := open(b)
			ctx := b.Context()
			if err := s.Parse(ctx, "point", p.sql, nil); err != nil {
				b.Fatal(err)
			}
			bind := wire.Bind{Statement: "point", ParameterFormats: []int16{1}, Parameters: [][]byte{p.value}, ResultFormats: []int16{1}}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Bind(ctx, &bind); err != nil {
					b.Fatal(err)
				}
				if _, err := s.Execute(ctx, ""); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInsertParse parses an INSERT of 1,000 rows: the text alone, and as a Parse message, which plans it too, both beside a heap
// as in BenchmarkPointParse.
func BenchmarkInsertParse(b *testing.B) {
	const rows = 1000
	list := make([]string, rows)
	for i := range list {
		list[i] = fmt.Sprintf("('\\x%064x')", i)
	}
	sql := "INSERT INTO hashes (digest) VALUES " + strings.Join(list, ", ")
	caches := make([]byte, 64<<20)
	defer runtime.KeepAlive(caches)
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := syntax.Parse(sql); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("plan", func(b *testing.B) {
		s := open(b)
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Parse(b.Context(), "", sql, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
	})
}
