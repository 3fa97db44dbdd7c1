package query_test

import (
	"fmt"
	"regexp"
	"strings"
)

// grammar holds, for each kind of value, expressions with holes for values of other kinds; those that begin with = have none. None
// of them fails: whether something that is not needed is computed, and fails, is up to the plan.
var grammar = map[string][]string{
	"int": {"length({text})", "cardinality({array})", "array_position({array}, {int})", "({array})[{small}]", "{date} - {date}", "strpos({text}, {text})",
		"coalesce({int}, {small})", "{int} + {small}", "array_length({array}, 1)", "(select sum(v)::int from unnest({array}) v)", "num_nulls({int}, {text}, {time})",
		"regexp_count({text}, {regex})", "sign({numeric})::int", "jsonb_array_length(to_jsonb({array}))", "greatest({int}, {small})", "least({int}, {int})", "=3", "=null::int"},
	"small": {"=0", "=1", "=2", "=3", "=-1", "=-2"},
	"text": {"to_char({time}, {format})", "to_char({numeric}, {mask})", "to_char({int}, {mask})", "to_char({int}, 'RN')", "to_char({interval}, {spanformat})", "replace({text}, {text}, {text})",
		"split_part({text}, {sep}, {part})", "regexp_replace({text}, {regex}, {text}, {flags})", "substring({text} from {small} for 2)", "translate({text}, 'ab', {text})",
		"lpad({text}, {small} + 3, {text})", "format('%s|%L|%5s|%-4s', {text}, {text}, {int}, {bool})", "{json} ->> {key}", "{json} #>> {path}", "array_to_string({array}, ',', 'n')",
		"concat_ws({sep}, {text}, {int}, {bool}, {numeric})", "({interval})::text", "({numeric})::text", "({time})::text", "initcap({text})", "left({text}, {small})", "right({text}, {small})",
		"substring({text} from {regex})", "(regexp_match({text}, {regex}))[1]", "({json})::text", "({array})::text", "jsonb_typeof({json})", "({float})::text", "quote_nullable({text})",
		"encode(({text})::bytea, 'base64')", "trim({text} from {text})", "overlay({text} placing {text} from 2 for {small} + 2)", "=''", "='aXb,c'", "='ÄÖ ü'", "=null::text"},
	"array": {"array[{int}, {int}]", "{array} || {int}", "{int} || {array}", "{array} || {array}", "({array})[{small}:{small}]", "array_remove({array}, {int})", "array_replace({array}, {int}, {int})",
		"array(select v from unnest({array}) v order by v)", "({array})[2:]", "array_positions({array}, {int})", "='{1,null,2,2}'::int[]", "='[0:1]={5,6}'::int[]", "='{}'::int[]", "=null::int[]"},
	"json": {"to_jsonb({int})", "jsonb_build_object('a', {int}, 'b', {text})", "{json} || {json}", "{json} -> {key}", "{json} -> {small}", "{json} #> {path}", "jsonb_set(jsonb_build_object('a', {json}), array['a'], {json})",
		"jsonb_strip_nulls({json})", "to_jsonb({array})", "to_jsonb({time})", "to_jsonb({numeric})", "jsonb_build_array({int}, {json}, {bool})", "({json})[{small}]", "jsonb_build_object('b', {json}, 'c', {json}) #- array['b']",
		`='{"a": [1, {"b": 2.50}], "b": null}'::jsonb`, "='[3, \"x\", [true]]'::jsonb", "=null::jsonb"},
	"interval": {"{time} - {time}", "{interval} + {interval}", "{interval} * {small}", "{interval} / 3", "justify_interval({interval})", "justify_hours({interval})", "justify_days({interval})", "age({time}, {time})",
		"make_interval(days => {int}, secs => {small})", "date_trunc({unit}, {interval})", "- {interval}", "=interval '1 month -3 days 04:05:06.7'", "=interval '-00:00:01.5'", "=null::interval"},
	"time": {"{time} + {interval}", "{time} - {interval}", "date_trunc({unit}, {time})", "date_trunc({unit}, {time}, {zone})", "({time} at time zone {zone}) at time zone {zone}", "date_bin({stride}, {time}, {time})",
		"({date})::timestamptz", "to_timestamp({int} * 0.5)", "greatest({time}, {time})", "=timestamptz '2024-02-29 23:59:59.5+00'", "=timestamptz '0044-03-15 12:00+00 BC'", "=null::timestamptz"},
	"date": {"({time})::date", "{date} + {small}", "({date} + {interval})::date", "=date '2026-03-29'", "=null::date"},
	"numeric": {"extract({field} from {time})", "extract({clockfield} from {interval})", "extract({datefield} from {date})", "round({numeric}, {small})", "{numeric} / 0.7", "({int})::numeric", "trunc({numeric}, {small})",
		"{numeric} * {numeric}", "{numeric} - {int}", "{numeric} % 7.5", "abs({numeric})", "ceil({numeric})", "({float})::numeric", "coalesce({numeric}, {int})", "sqrt(abs({numeric}))", "({numeric})::numeric(8,2)",
		"=12345.678", "=0.5", "=-1.50", "=null::numeric"},
	"float": {"({numeric})::float8", "({int})::float8", "{float} + {float}", "{float} * 0.5", "round({float})", "abs({float})", "extract(epoch from {interval})::float8", "=1.5::float8", "=-0.1::float8", "=1e10::float8"},
	"bool": {"{text} ~ {regex}", "{text} like {pattern}", "{text} ilike {pattern}", "{int} = any({array})", "{int} <> all({array})", "{array} @> {array}", "{array} && {array}", "{array} < {array}", "{json} @> {json}", "{json} ? {key}",
		"{json} = {json}", "{json} < {json}", "{time} between {time} and {time}", "({time}, {interval}) overlaps ({time}, {interval})", "{interval} < {interval}", "{numeric} > {int}", "{text} similar to {pattern}", "{float} is distinct from {numeric}",
		"{array} is null", "({int}, {text}) < ({int}, {text})", "row({int}, {json}) is not null", "{int} in ({int}, {int}, null)", "{text} < {text}", "=true", "=null::bool"},
	"format":     {"='YYYY-MM-DD HH24:MI:SS'", "='DD.MM.YY'", "='FMDay, FMDDth Month Y,YYY BC'", "='IYYY-IW-ID'", "='HH12:MI:SS.MS AM'", "='Q DDD J CC W WW'", "='YYYY\"y\"MM TZH:TZM OF TZ'", "='SSSS US FF3 rm RM dy Mon'", "='FMHH FMMI a.m. FXYYYY'"},
	"mask":       {"='999.99'", "='FM9990.00'", "='S0000'", "='9,999,999.9'", "='999PR'", "='MI99.9'", "='9.99EEEE'", "='FM99V99'", "='99th'", "='0G000D00'", "='$ 99 L'", "='SG99'"},
	"spanformat": {"='HH24:MI:SS'", "='HH12 FMMI a.m. MS'", "='SSSS US FF3 rm RM'", "='YYYY MM DD'", "='YY DDD W WW CC FMDD'"},
	"clockfield": {"=epoch", "=year", "=month", "=day", "=hour", "=minute", "=second", "=milliseconds", "=quarter", "=decade", "=century", "=millennium", "=microseconds"},
	"datefield":  {"=epoch", "=year", "=month", "=day", "=quarter", "=decade", "=century", "=millennium", "=dow", "=isodow", "=doy", "=week", "=isoyear", "=julian"},
	"field":      {"=epoch", "=year", "=month", "=day", "=hour", "=minute", "=second", "=milliseconds", "=quarter", "=decade", "=century", "=millennium", "=microseconds", "=dow", "=isodow", "=doy", "=week", "=isoyear", "=julian", "=timezone"},
	"unit":       {"='second'", "='minute'", "='hour'", "='day'", "='week'", "='month'", "='quarter'", "='year'", "='century'", "='decade'", "='milliseconds'"},
	"zone":       {"='UTC'", "='Europe/Zurich'", "='America/New_York'", "='+05:30'", "='EST'", "=interval '-03:00'", "='Asia/Kathmandu'", "='<x>-2'"},
	"stride":     {"=interval '15 minutes'", "=interval '7 days 1 second'", "=interval '0.5 s'"},
	"regex":      {"='a'", "='[a-c]+'", "='(.)(b|$)'", "='^.?'", "='\\s*,\\s*'", "='(?i)AB'", "='\\w+$'", "='x*?'", "='(^|[^a])b'"},
	"flags":      {"=''", "='g'", "='gi'", "='n'"},
	"pattern":    {"='a%'", "='%b%'", "='_'", "='%'", "='(a|b)_*'", "=''"},
	"sep":        {"=','", "='a'", "=''", "=' '"},
	"part":       {"=1", "=2", "=-1", "=9"},
	"key":        {"='a'", "='b'", "='0'"},
	"path":       {"='{a}'::text[]", "='{a,1,b}'::text[]", "='{0}'::text[]", "='{-1}'::text[]", "='{b,c}'::text[]"},
}

var hole = regexp.MustCompile(`\{[a-z]+\}`)

// value returns an expression of a kind of the grammar.
func (g *generator) value(cols []genColumn, kind string) string {
	if c := g.column(cols, kind); c != "" && g.chance(50) {
		return c
	}
	g.depth++
	defer func() { g.depth-- }()
	list := grammar[kind]
	for {
		rule := list[g.r.IntN(len(list))]
		leaf, isLeaf := strings.CutPrefix(rule, "=")
		if isLeaf {
			return leaf
		}
		if g.depth < 4 {
			return "(" + hole.ReplaceAllStringFunc(rule, func(h string) string { return g.value(cols, h[1:len(h)-1]) }) + ")"
		}
	}
}

// scalars computes with what the grammar has, for each row or for groups.
func (g *generator) scalars() string {
	from, cols := g.table()
	kind := func() string {
		return g.pick("int", "text", "array", "json", "interval", "time", "date", "numeric", "bool", "text", "numeric")
	}
	where := ""
	if g.chance(30) {
		where = " where " + g.value(cols, "bool")
	}
	if g.chance(70) {
		return fmt.Sprintf("select %s as x, %s as y from %s%s", g.value(cols, kind()), g.value(cols, kind()), from, where)
	}
	x, by := g.value(cols, g.pick("int", "array", "json", "interval", "time", "date", "bool")), g.value(cols, g.pick("int", "array", "json", "time", "date", "bool"))
	agg := fmt.Sprintf(g.pick("count(%[1]s)", "count(distinct %[1]s)", "array_agg(%[1]s order by %[1]s)", "jsonb_agg(%[1]s order by %[1]s)", "min(%[1]s)", "max(%[1]s)", "string_agg((%[1]s)::text, ',' order by (%[1]s)::text)",
		"sum(%[1]s)", "avg(%[1]s)", "mode() within group (order by %[1]s)", "percentile_disc(0.4) within group (order by %[1]s)", "array_agg(distinct %[1]s)"), x)
	return fmt.Sprintf("select %s as k, %s as v from %s%s group by 1", by, agg, from, where)
}

// groupingSets groups by several sets of keys at once.
func (g *generator) groupingSets() string {
	q := g.rows("q")
	x, y := g.pick("q.a", "q.a % 2", "coalesce(q.a, 0)"), g.pick("q.b", "length(q.b)")
	by := fmt.Sprintf(g.pick("rollup (%[1]s, %[2]s)", "cube (%[1]s, %[2]s)", "grouping sets ((%[1]s), (%[2]s))", "grouping sets ((%[1]s, %[2]s), (), (%[2]s), ())", "%[1]s, rollup (%[2]s)", "rollup (%[1]s), cube (%[2]s)",
		"distinct rollup (%[1]s, %[2]s), rollup (%[2]s)", "grouping sets (rollup (%[1]s), (%[2]s), cube ((%[1]s, %[2]s)))", "rollup ((%[1]s, %[2]s))"), x, y)
	agg := g.pick("count(*)", "sum(q.a)", "count(distinct q.b)", "array_agg(q.a order by q.a)", "max(q.b) filter (where q.a > 0)", "grouping("+x+") + count(*)", "percentile_disc(0.5) within group (order by q.a)")
	having := g.pick("", "", " having count(*) > 1", " having grouping("+x+") = 0", " having "+x+" is not null")
	tail := g.pick("", "", fmt.Sprintf(" order by 1%s, 2%s, 3, 4 limit 4", g.direction(), g.direction()))
	return fmt.Sprintf("select %s as x, %s as y, grouping(%s, %s) as g, %s as v from %s group by %s%s%s", x, y, y, x, agg, q, by, having, tail)
}

// rangeFrame has frames by the values of the order, of times and numbers.
func (g *generator) rangeFrame() string {
	order, off := "w.t", []string{"interval '1 s'", "interval '2.5 s'", "interval '0'", "interval '1 day'"}
	from := "(select round, leaves::int from rounds union all select round, null from rounds where leaves > 2) w(t, n)"
	if g.chance(60) {
		order, off = "w.m", []string{"0.5", "1", "0", "100"}
		from = "(values (1.5, 1), (2.0, 2), (null, 3), (2.00, null), (2.5, 7), (-1, 4), ('NaN', 5), ('infinity', 6)) w(m, n)"
		if g.chance(50) {
			from, off = strings.Replace(from, "(m, n)", "(k, n), float8(w.k) m", 1), []string{"0.5", "1", "0", "'infinity'::float8"}
		}
	}
	bound := func(way string) string {
		return g.pick("current row", "unbounded "+way, g.pick(off...)+" "+way, g.pick(off...)+" "+way)
	}
	other := g.pick("following", "preceding")
	if g.chance(20) {
		from = from + ", generate_series(1, 2)"
	}
	return fmt.Sprintf("select %s as o, %s over (%s order by %s%s range between %s and %s%s) as v from %s", order,
		g.pick("sum(n)", "count(*)", "count(n)", "min(n)", "max(n)", "avg(n)", "first_value("+order+" is null)", "last_value("+order+" = "+order+")"), g.pick("", "partition by n % 2"), order, g.direction(),
		bound("preceding"), bound(other), g.pick("", "", " exclude current row", " exclude ties", " exclude group"), from)
}

// ties keeps the rows that are equal to the last one.
func (g *generator) ties() string {
	key := g.pick("q.a", "q.b", "q.a % 2", "length(q.b)")
	return fmt.Sprintf("select %s as k from %s order by 1%s %s fetch first %s rows with ties", key, g.rows("q"), g.direction(), g.pick("", "offset 1", "offset 3 rows"), g.pick("1", "2", "3", "0", "(select 2)"))
}

// unnested puts set-returning functions into FROM and into the list.
func (g *generator) unnested() string {
	from, cols := g.table()
	f := hole.ReplaceAllStringFunc(g.pick("unnest({array})", "unnest({array}, {array})", "generate_series({small}, {int} % 4)", "generate_series(3, {small}, -1)", "jsonb_array_elements_text(to_jsonb({array}))", "regexp_split_to_table({text}, {regex})",
		"string_to_table({text}, {sep})", "generate_subscripts({array}, 1)", "rows from (unnest({array}), generate_series(1, {small}))", "jsonb_each_text(jsonb_build_object('a', {int}, 'b', {text}))", "regexp_matches({text}, {regex}, 'g')"),
		func(h string) string { return g.value(cols, h[1:len(h)-1]) })
	if strings.HasPrefix(f, "rows") || strings.HasPrefix(f, "unnest") && g.chance(30) || g.chance(60) {
		return fmt.Sprintf("select u.*, %s as k from %s %s %s %s u on %s", g.value(cols, "int"), from, g.pick("", "left"), "join lateral", f+g.pick("", " with ordinality"), g.pick("true", "true", g.value(cols, "bool")))
	}
	return fmt.Sprintf("select %s as u, %s as k from %s", f, g.value(cols, g.pick("int", "text")), from)
}
