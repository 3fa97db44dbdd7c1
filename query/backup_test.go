package query_test

import (
	"strings"
	"testing"
	"time"
)

// What a backup or an export holds open is closed however its statement ends.
func TestBackupAndExport(t *testing.T) {
	w := newWorld(t)
	if a := run(t.Context(), w.current, `insert into hashes (digest) select sha256(g::text::bytea) from generate_series(1, 3) g`); a.err != nil {
		t.Fatal(a.err)
	}
	w.ledger.Advance(3 * time.Second)
	const all = `select file || ' ' || size || ' ' || at || ' ' || convert_from(data, 'UTF8') || ' ' || total from backup`
	for _, c := range []struct{ user, sql, want string }{
		{"jurat", all + `(false, null)`, "jurat/main 10 0 jurat/main 100\nalpha/main 10 0 alpha/main 100\nbeta/main 9 0 beta/main 100"},
		{"jurat", `select file from backup(true, 'earlier')`, "jurat/main\nalpha/main\nbeta/main\nkeys\nearlier"},
		{"jurat", `select file from backup(true, null) limit 1`, "jurat/main"},
		{"jurat", `select file from backup(true, null) where at / 0 = 1`, "22012"},
		{"jurat", `select (backup(true, null)).file limit 2`, "jurat/main\nalpha/main"},
		{"jurat", `select count(*) from generate_series(1, 3) g, backup(g = 1, null)`, "10"},
		{"jurat", `select count(*) from generate_series(1, 3) g, lateral (select * from backup(g = 1, null) limit 1) b`, "3"},
		{"alpha", `select file from backup(true, null)`, "42501"},
		{"alpha", `select at, data from export_bundle('jurat', null, null, false)`, "42501"},
		{"alpha", `select at, data from export_bundle('alpha', null, null, false)`, ""},
		{"jurat", `select at, convert_from(data, 'UTF8') from export_bundle('jurat', null, null, true)`,
			"0 | 2026-11-22T01:15:30Z/jurat/main/0 true\n\n39 | 2026-11-22T01:15:30Z/jurat/main/1 true\n\n78 | 2026-11-22T01:15:30Z/jurat/main/2 true\n"},
		{"jurat", `select at from export_bundle('jurat', '2026-11-22 01:15:31Z', null, true)`, ""},
		{"jurat", `select at from export_bundle('jurat', null, '2026-11-22 01:15:30Z', true) limit 1`, "0"},
		{"jurat", `select at from export_bundle(null, null, null, true)`, "22004"},
	} {
		w.user(t, c.user)
		a := run(t.Context(), w.current, c.sql)
		got := strings.Join(a.rows, "\n")
		if a.err != nil {
			got = a.err.Code
		}
		if got != c.want {
			t.Errorf("%s: %s\ngives %s (%v), want %s", c.user, c.sql, got, a.err, c.want)
		}
		if n := w.ledger.OpenBackups.Load(); n != 0 {
			t.Fatalf("%s\nleaves %d open", c.sql, n)
		}
	}
	w.user(t, "jurat")
	cursor := run(t.Context(), w.current, `begin; declare c cursor for select file from backup(true, null); fetch 1 from c`)
	if cursor.err != nil || w.ledger.OpenBackups.Load() != 1 {
		t.Errorf("%v: %d open", cursor.err, w.ledger.OpenBackups.Load())
	}
	if a := run(t.Context(), w.current, `rollback`); a.err != nil || w.ledger.OpenBackups.Load() != 0 {
		t.Errorf("%v: %d open after a rollback", a.err, w.ledger.OpenBackups.Load())
	}
}
