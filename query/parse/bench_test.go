package parse

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParse measures statements of the kinds that come often, and all that psql sends for its \d commands.
func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, sql string }{
		{"point", "SELECT signature FROM proofs WHERE digest = $1"},
		{"begin", "BEGIN"},
		{"insert=1", insertOf(1)},
		{"insert=1000", insertOf(1000)},
		{"audit", "SELECT date_trunc('hour', ts) AS h, count(*), sum(leaves) FROM calendar WHERE ts >= now() - interval '1 day' " +
			"AND leaves > 0 GROUP BY h ORDER BY h DESC LIMIT 24"},
	} {
		b.Run("text="+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.sql)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(c.sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("text=psql", func(b *testing.B) {
		list := captured(b)["psql15_meta.sql"]
		b.SetBytes(int64(len(strings.Join(list, ""))))
		b.ReportAllocs()
		for b.Loop() {
			for _, sql := range list {
				if _, err := Parse(sql); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(list)), "ns/statement")
	})
}

// insertOf is an INSERT of n digests.
func insertOf(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf("('\\x%064x')", i)
	}
	return "INSERT INTO hashes (digest) VALUES " + strings.Join(rows, ",")
}

// BenchmarkString measures the printer.
func BenchmarkString(b *testing.B) {
	list, err := Parse("SELECT a, b + 1 AS c FROM t JOIN u USING (x) WHERE d = $1 AND e IN (1, 2, 3) ORDER BY 1 LIMIT 10")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = list[0].String()
	}
}
