package query_test

import (
	"strings"
	"testing"
)

// TestSealIsolation sees to it that nobody gets a seal of what another agency filed.
func TestSealIsolation(t *testing.T) {
	w := newWorld(t)
	w.user(t, "alpha")
	const leaf = `seal_leaf('{"name": "x"}', '\x30313233343536373839616263646566')`
	const text = `select left(seal('{"name": "x"}', '\x30313233343536373839616263646566'), 4)`
	const path = `select length(seal_path(` + leaf + `)) > 0`
	for _, c := range []struct{ user, sql, want string }{
		{"alpha", `insert into hashes (digest) values (` + leaf + `) returning lane`, "main"},
		{"alpha", text, "02000"}, // filed, but in another lane
		{"alpha", `insert into hashes (digest, lane) values (` + leaf + `, 'seal') returning lane`, "seal"},
		{"alpha", text, "JS1:"},
		{"alpha", path, "t"},
		{"beta", text, "02000"},
		{"beta", path, "02000"},
		{"jurat", path, "t"}, // a superuser sees all
		{"alpha", `select at from export_bundle('alpha', null, null, false, 'none')`, "22023"},
		{"alpha", `select convert_from(data, 'UTF8') from export_bundle('alpha', null, null, false, 'seal')`, "2026-11-22T01:15:30Z/alpha/seal/0 false\n"},
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
	}
}
