package query_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jurat-ledger/jurat/query"
	"github.com/jurat-ledger/jurat/query/querytest"
)

// escapes are statements whose functions make much of little, or of little again and again. Each must end with 53200 or 54000, and have
// allocated little until then.
var escapes = []string{
	"select length(repeat('x', 60000000))",
	"select length(upper(repeat('x', 60000000)))",
	"select split_part(repeat('x,', 900000), ',', 5)",
	"select length(translate('abc', repeat('x', 1900000), repeat('y', 1900000)))",
	"select length(lpad('x', 16000000, 'yz'))",
	"select length(repeat('x', 1500000) || repeat('x', 1500000) || repeat('x', 1500000))",
	"select length(concat(repeat('x', 1900000), repeat('x', 1900000)))",
	"select length(format('%1$s%1$s%1$s%1$s%1$s%1$s%1$s%1$s', repeat('x', 1900000)))",
	"select length(overlay(repeat('x', 1900000) placing repeat('y', 1900000) from 1 for 0))",
	"select length(replace(repeat('a', 10000), 'a', repeat('b', 6000)))",
	"select length(regexp_replace(repeat('a', 10000), 'a', repeat('b', 6000), 'g'))",
	"select length(regexp_replace(repeat('x', 100000), 'x*', repeat('\\&', 15000)))",
	"select count(*) from regexp_matches(repeat('a', 500000), 'a', 'g')",
	"select count(*) from regexp_split_to_table(repeat('x,', 500000), ',')",
	"select count(*) from string_to_table(repeat('x,', 900000), ',')",
	"select array_length(string_to_array(repeat('x,', 900000), ','), 1)",
	"select array_length(array_fill('x'::text, array[4000000]), 1)",
	"select array_length(array_fill(1, array[4000000]), 1)",
	"select array_length(('{' || repeat('1,', 900000) || '1}')::text[], 1)",
	"select length(array_to_string(array_fill(1, array[100000]), repeat('x', 100)))",
	"select length(jsonb_pretty((repeat('[', 900) || repeat('1,', 10000) || '1' || repeat(']', 900))::jsonb))",
	"select json_array_length(('[' || repeat('1,', 500000) || '1]')::json)",
	"select count(*) from json_array_elements(('[' || repeat('1,', 500000) || '1]')::json)",
	"select jsonb_set(('[' || repeat('1,', 500000) || '1]')::jsonb, '{1}', '2')",
	"select json_build_array(repeat(E'\\x01', 900000), repeat(E'\\x01', 900000))",
	"select count(j) from (select jsonb_agg(repeat('x', 100)) over (order by g) as j from generate_series(1, 2000) g) x",
	"select array_length(array_agg((10::numeric^100000) + g), 1) from generate_series(1, 20000) g",
	"select g, sum((10::numeric^100000) + g) from generate_series(1, 20000) g group by g",
	"select g, max(repeat('x', 50000) || g) from generate_series(1, 20000) g group by g",
	"select array_length(array_agg(row(10::numeric^100000 + g)), 1) from generate_series(1, 20000) g",
	"select count(*) from (select repeat('x', 10000) || g from generate_series(1, 10000) g except select 'x') x",
	"select count(*) from (select 'x' except select repeat('x', 10000) || g from generate_series(1, 10000) g) x",
	"select length(1::bit(60000000))",
	"select length(B'1'::bit(60000000))",
	"select length(('x' || repeat('f', 1500000))::varbit)",
	"select array_length((array_fill(1, array[1000]))::bit(60000)[], 1)",
	"select array_length((array_fill(B'1', array[1000]))::bit(60000)[], 1)",
	"select length(bit_or(g::bit(60000))) from generate_series(1, 10000) g group by g",
	"select length(bit_or((B'1' || case when g > 0 then B'1' end)::bit(60000))) from generate_series(1, 10000) g group by g",
	"select max(length(upper(upper(upper(upper(upper(upper(upper(upper(x))))))))) ) from (select repeat('x', 2000) || g x from generate_series(1, 10000) g offset 0) y",
}

// TestEscapes runs statements whose functions could take more than a statement may have before anything asks. What is looked at is
// what they allocate, not time.
func TestEscapes(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	const limit = 4 << 20
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat", StatementMemory: limit, QueryMemory: 2 * limit})
	var before, after runtime.MemStats
	for _, sql := range escapes {
		runtime.ReadMemStats(&before)
		code := giant(t, e, sql)
		runtime.ReadMemStats(&after)
		if code != "53200" {
			t.Errorf("%s: %q", sql, code)
		}
		// Strings that grow are copied several times, and a batch of rows is computed anew in parts.
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 12*limit*slack {
			t.Errorf("%s: allocated %d MiB of %d", sql, allocated>>20, limit>>20)
		}
		if used := e.QueryMemoryUsed(); used != 0 {
			t.Fatalf("%s: %d bytes are still granted", sql, used)
		}
	}
}

// TestLongLists looks at what lists of many constants allocate: a constant of the list, not an expression an element, is what is analyzed,
// planned and executed.
func TestLongLists(t *testing.T) {
	l := querytest.New(time.Date(2026, 11, 22, 1, 15, 29, 0, time.UTC))
	e := query.NewEngine(query.Config{Ledger: l, Clock: l.Now, Database: "jurat"})
	const n = 100_000
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "%d,", i)
	}
	elems := strings.TrimSuffix(list.String(), ",")
	var before, after runtime.MemStats
	for _, sql := range []string{
		"select count(*) from hashes where slot_index in (" + elems + ")",
		"select count(*) from hashes where slot_index = any (array[" + elems + "])",
		"select count(*) from hashes where slot_index = any (array[" + elems + "]::bigint[])",
	} {
		runtime.ReadMemStats(&before)
		if code := giant(t, e, sql); code != "" {
			t.Errorf("%.60s: %s", sql, code)
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 1000*slack {
			t.Errorf("%.60s: allocated %d bytes an element", sql, each)
		}
	}
}
