package query_test

import "testing"

// BenchmarkCatalog runs statements that clients send while somebody waits: a look-up by object id, one by name, what psql's
// \d asks about columns, and the whole of a large relation.
func BenchmarkCatalog(b *testing.B) {
	for name, sql := range map[string]string{
		"what=oid":  "SELECT relname FROM pg_class WHERE oid = 1259",
		"what=name": "SELECT c.oid, n.nspname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'hashes' AND pg_catalog.pg_table_is_visible(c.oid)",
		"what=columns": `SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true)
			FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull
			FROM pg_catalog.pg_attribute a WHERE a.attrelid = '16384' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
		"what=procs": "SELECT count(proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname = 'public'",
	} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			for b.Loop() {
				if a := run(b.Context(), w.current, sql); a.err != nil || len(a.rows) == 0 {
					b.Fatal(a.err, a.rows)
				}
			}
		})
	}
}
