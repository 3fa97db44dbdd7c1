package query_test

import (
	"fmt"
	"strings"
	"testing"
)

// TestHostile runs statements that would cost exponential or quadratic work if an expression were looked at again for
// each of its parts. They only have to end: with rows, or with an error.
func TestHostile(t *testing.T) {
	wrap := func(n int, before, core, after string) string {
		return "select " + strings.Repeat(before, n) + core + strings.Repeat(after, n)
	}
	doubled := "select 1 as a"
	for range 90 {
		doubled = "select a + a as a from (" + doubled + ") x where a > 0"
	}
	ctes := "with c0 as (select 1 as n)"
	for i := range 24 {
		ctes += strings.NewReplacer("$i", string(rune('a'+i)), "$p", map[bool]string{true: "c0", false: string(rune('a' + i - 1))}[i == 0]).
			Replace(", $i as (select x.n from $p x, $p y)")
	}
	joins := "explain select 1 from rounds r0"
	for i := range 300 {
		joins += fmt.Sprintf(" join rounds r%d on r%d.round = r%d.round", i+1, i+1, i)
	}
	for name, sql := range map[string]string{
		"explained":    joins,
		"translated":   "select length(translate(repeat('x', 10000000), repeat('abcdefgh', 1000000), ''))",
		"trimmed":      "select length(btrim(repeat('a', 3000000), repeat('b', 3000000) || 'a'))",
		"expression":   "select 'x' ~ ('k(a{1,31}){1,31}' || repeat('((a{1,30}){1,31}){1,1}', 800))",
		"groups":       "select regexp_match('zzzzzzzza1', '\\y(' || (select string_agg('(a' || g || ')', '|') from generate_series(0, 5999) g) || ')')",
		"deleted keys": "select length((a - b)::text) from (select jsonb_agg(g::text) a, array_agg((-g)::text) b from generate_series(1, 100000) g) x",
		"chain":        "select 1" + strings.Repeat("+1", 8_000),
		"grouped":      "select n" + strings.Repeat("+1", 4_000) + " from generate_series(1, 3) n group by 1",
		"between":      wrap(400, "(", "1", " between 0 and 2)::int"),
		"symmetric":    wrap(300, "(", "1", " between symmetric 2 and 0)::int"),
		"in":           wrap(400, "(", "1", " in (1, 2, 3))::int"),
		"rows":         wrap(300, "((", "1", ", 2) in ((1, 2), (3, 4)))::int"),
		"nullif":       wrap(300, "nullif(", "1", ", 2)"),
		"case":         wrap(300, "case ", "1", " when 1 then 1 else 2 end"),
		"greatest":     wrap(300, "greatest(", "1", ", 2, 3)"),
		"not":          wrap(900, "not ", "true", ""),
		"arrays":       wrap(300, "array[", "1", "]"),
		"distinct":     wrap(300, "(", "1", " is distinct from 2)::int"),
		"any":          wrap(300, "(", "1", " = any(array[1, 2]))::int"),
		"subqueries":   wrap(90, "(select ", "1", ")"),
		"doubled":      doubled,
		"ctes":         ctes + " select count(*) from x",
		"unions":       "select 1" + strings.Repeat(" union select 1", 90),
		"union all":    "select 1" + strings.Repeat(" union all select 1", 90),
		"wide":         "select 1 in (" + strings.Repeat("1,", 30_000) + "1)",
		"wide strings": "select 'x' in (" + strings.Repeat("'y',", 30_000) + "'x')",
		"values":       "select count(*) from (values (1)" + strings.Repeat(",(1)", 20_000) + ") v",
		"joins":        "select count(*) from generate_series(1, 2)" + strings.Repeat(", generate_series(1, 2)", 12),
		"repeat":       "select length(repeat(repeat(repeat('x', 1000), 1000), 1000)) from generate_series(1, 1000)",
	} {
		w := newWorld(t)
		if a := run(t.Context(), w.current, sql); a.err != nil {
			t.Logf("%s: %v", name, a.err)
		} else if len(a.rows) == 0 {
			t.Errorf("%s: no rows and no error", name)
		}
	}
}
