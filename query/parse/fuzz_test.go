package parse

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jurat-ledger/jurat/internal/require"
)

// FuzzParse checks that no text makes Parse panic, that what it accepts prints as text that means the same, and that
// errors and statements stay within the text.
func FuzzParse(f *testing.F) {
	for _, list := range goldenFiles(f) {
		for _, c := range list {
			f.Add(c.sql)
		}
	}
	if _, err := require.FindTestData("client-sql"); err == nil {
		for _, list := range captured(f) {
			for _, sql := range list {
				f.Add(sql)
			}
		}
	}
	for _, h := range hostile {
		f.Add(h.head + strings.Repeat(h.part, 5) + h.tail)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		list, err := Parse(sql)
		if e, ok := err.(*Error); err != nil && (!ok || e.Pos > len(sql) || e.Pos < -1 || len(e.Code) != 5 || e.Message == "") {
			t.Fatalf("%q: error %#v", sql, err)
		}
		for _, s := range list {
			if s.Text == "" || !strings.Contains(sql, s.Text) || s.Pos() >= len(sql) {
				t.Fatalf("%q: statement %q at %d", sql, s.Text, s.Pos())
			}
			if again := mustParse(t, s.Text); len(again) != 1 {
				t.Fatalf("%q: statement %q is %d statements", sql, s.Text, len(again))
			}
		}
		if diff := fixpoint(sql); diff != "" {
			t.Fatal(diff)
		}
		if x, err := ParseExpr(sql); err == nil {
			DefaultColumnName(x)
		}
	})
}

// TestMutants checks what FuzzParse does on statements of which one token is wrong.
func TestMutants(t *testing.T) {
	var list []string
	for _, cases := range goldenFiles(t) {
		for _, c := range cases {
			list = append(list, c.sql)
		}
	}
	accepted := 0
	r := rand.New(rand.NewPCG(3, 0))
	for range 30_000 {
		sql := mutate(r, list[r.IntN(len(list))], list[r.IntN(len(list))])
		sql = mutate(r, sql, list[r.IntN(len(list))])
		if _, err := Parse(sql); err == nil {
			accepted++
		}
		if diff := fixpoint(sql); diff != "" {
			t.Error(diff)
		}
	}
	if accepted < 3_000 {
		t.Errorf("only %d statements accepted", accepted)
	}
}
