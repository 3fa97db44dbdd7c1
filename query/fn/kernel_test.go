package fn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jurat-ledger/jurat/query/value"
)

// sample returns a vector of n random values of a type, some null.
func sample(r *rand.Rand, t *value.Type, n int) *value.Vector {
	v := value.NewVector(t, n)
	for i := range n {
		if r.IntN(5) == 0 {
			v.SetNull(i)
			continue
		}
		x := r.Int64N(7) - 3
		switch t {
		case value.NumericT:
			v.Boxes[i] = value.DecimalNumeric(x, r.IntN(3))
		case value.IntervalT:
			v.Boxes[i] = value.Interval{Days: int32(x), Micros: x * 1000}
		case value.JSONB:
			v.Bytes[i] = fmt.Appendf(nil, `{"a": %d}`, x)
		case value.JSON:
			v.Bytes[i] = fmt.Appendf(nil, `[%d]`, x)
		case value.UUID:
			v.Bytes[i] = fmt.Appendf(nil, "%016d", x+3)
		case value.Bit: // of one length, as most that computes with two of them demands
			v.Bytes[i] = value.AppendBits(nil, x, 3)
		case value.Varbit:
			v.Bytes[i] = value.AppendBits(nil, x, int(x)+3)
		default:
			switch {
			case t.IsArray():
				elems := value.NewVector(value.MustType(t.Elem), 0)
				if e := elems.Type; e.Kind != value.Boxed {
					elems = sample(r, e, r.IntN(4))
				}
				v.Boxes[i] = value.NewArray(elems)
			case t.Kind == value.Int64:
				v.Ints[i] = x & 1
				if t.Category == 'N' && t.Len > 1 && t != value.Oid {
					v.Ints[i] = x
				}
			case t.Kind == value.Float64:
				v.Floats[i] = float64(x) / 2
			case t.Kind == value.Bytes:
				v.Bytes[i] = fmt.Append(nil, x)
			default:
				v.Boxes[i] = &value.Record{Fields: []value.Datum{value.NewInt(value.Int4, x)}}
			}
		}
	}
	return v
}

// actualTypes replaces the polymorphic types of a function by types that agree.
func actualTypes(f *Function) []*value.Type {
	out := make([]*value.Type, len(f.Args))
	for i, oid := range f.Args {
		switch oid {
		case value.AnyArrayOID, value.AnyCompatibleArrayOID:
			out[i] = value.MustType(value.Int4.Array)
		case value.AnyElementOID, value.AnyNonArrayOID, value.AnyCompatibleOID, value.AnyCompatibleNonOID, value.AnyOID:
			out[i] = value.Int4
		default:
			out[i] = value.MustType(oid)
		}
	}
	return out
}

// TestSelections runs every function and operator on a batch, on selected rows of it, and row by row: the results must
// agree, rows not selected must stay as they are, and strict functions give null for null.
func TestSelections(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	env := testEnv()
	reg := Builtins()
	for _, f := range append(reg.AllFunctions(), reg.AllOperators()...) {
		if f.Kernel == nil && f.Bind == nil || f.Volatility == Volatile || f.Variadic || f.Defaults > 0 {
			continue
		}
		types := actualTypes(f)
		ops := slices.Contains(reg.ops[f.Name], f)
		call := resolveExactly(t, reg, f, types, ops)
		checkSelections(t, env, r, call, types)
	}
}

func resolveExactly(t *testing.T, reg *Registry, f *Function, types []*value.Type, operator bool) *Call {
	t.Helper()
	var call *Call
	var err error
	switch {
	case !operator:
		call, err = reg.ResolveFunction(f.Name, types, false)
	case len(types) == 1:
		call, err = reg.ResolveOperator(f.Name, nil, types[0])
	default:
		call, err = reg.ResolveOperator(f.Name, types[0], types[1])
	}
	if err != nil || call.Func != f {
		t.Fatalf("%s: resolved to %v, %v", signatureKey(f), call, err)
	}
	return call
}

func checkSelections(t *testing.T, env *Env, r *rand.Rand, call *Call, types []*value.Type) {
	const n = 24
	args := make([]*value.Vector, len(types))
	for i, typ := range types {
		args[i] = sample(r, typ, n)
	}
	name := signatureKey(call.Func)
	single := make([]value.Datum, n)
	var good []int32
	for i := range n {
		row := make([]value.Datum, len(args))
		anyNull := false
		for j := range args {
			row[j] = args[j].Datum(i)
			anyNull = anyNull || row[j].Null
		}
		d, err := call.EvalDatums(env, row...)
		if err != nil {
			var fault *value.Error
			if !errors.As(err, &fault) || len(fault.Code) != 5 {
				t.Fatalf("%s: error %v is none for clients", name, err)
			}
			continue
		}
		if call.Func.Strict && anyNull && !d.Null {
			t.Errorf("%s: a result for null arguments", name)
		}
		single[i] = d
		if r.IntN(4) > 0 {
			good = append(good, int32(i))
		}
	}
	var out value.Vector
	if err := call.Eval(env, &out, args, n, append([]int32{}, good...)); err != nil {
		t.Errorf("%s: %v on rows that are good one by one", name, err)
		return
	}
	for _, i := range good {
		if got, want := out.Datum(int(i)), single[i]; show(env, got) != show(env, want) {
			t.Errorf("%s row %d: %s in a batch, %s alone", name, i, show(env, got), show(env, want))
		}
	}
}

func showAll(env *Env, v *value.Vector) []string {
	var out []string
	for i := range v.Len() {
		out = append(out, show(env, v.Datum(i)))
	}
	return out
}

func show(env *Env, d value.Datum) string {
	if d.Null {
		return "null"
	}
	return d.Type.Name + " " + d.Text(env.Settings)
}

// TestAggregateGroups splits rows into groups and batches and compares with each group aggregated alone.
func TestAggregateGroups(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	env := testEnv()
	reg := Builtins()
	for _, f := range reg.AllFunctions() {
		if !f.IsAggregate() || f.Name == "jsonb_object_agg" || f.Name == "json_object_agg" || f.Args != nil && f.Args[0] == value.AnyArrayOID {
			continue
		}
		if f.OrderedSet && len(f.Args) == 2 {
			continue // the fraction is the same for all rows and between 0 and 1
		}
		types := actualTypes(f)
		call := resolveExactly(t, reg, f, types, false)
		const n, groups = 60, 4
		args := make([]*value.Vector, len(types))
		for i, typ := range types {
			args[i] = sample(r, typ, n)
		}
		ids := make([]int32, n)
		sets := make([][]int32, groups)
		for i := range ids {
			ids[i] = int32(r.IntN(groups))
			sets[ids[i]] = append(sets[ids[i]], int32(i))
		}
		together := call.Aggregate()
		var early value.Vector
		var before []string
		for from := 0; from < n; from += 20 {
			together.Grow(groups)
			sel := make([]int32, 0, 20)
			for i := from; i < from+20; i++ {
				sel = append(sel, int32(i))
			}
			if err := together.Step(env, ids, args, n, sel); err != nil {
				t.Fatal(signatureKey(f), err)
			}
			if from > 0 {
				continue
			}
			if err := together.Final(env, &early, 0, groups); err != nil {
				t.Fatal(signatureKey(f), err)
			}
			before = showAll(env, &early)
		}
		if after := showAll(env, &early); !slices.Equal(before, after) {
			t.Errorf("%s: results %v became %v when rows followed", signatureKey(f), before, after)
		}
		var out value.Vector
		if err := together.Final(env, &out, 0, groups); err != nil {
			t.Fatal(signatureKey(f), err)
		}
		for g := range groups {
			alone := call.Aggregate()
			alone.Grow(1)
			if err := alone.StepGroup(env, make([]int32, n), args, n, sets[g]); err != nil {
				t.Fatal(signatureKey(f), err)
			}
			var one value.Vector
			if err := alone.Final(env, &one, 0, 1); err != nil {
				t.Fatal(signatureKey(f), err)
			}
			if got, want := show(env, out.Datum(g)), show(env, one.Datum(0)); got != want {
				t.Errorf("%s group %d: %s together, %s alone", signatureKey(f), g, got, want)
			}
		}
	}
}

// TestAggregateParts computes aggregates in parts, whose groups have other numbers, and in whole batches of one group, and
// compares with rows taken one by one. Those for which the order does not count have the rows of their parts mixed.
func TestAggregateParts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	env := testEnv()
	reg := Builtins()
	merged := map[string]bool{}
	for _, f := range reg.AllFunctions() {
		if !f.IsAggregate() || f.Args != nil && f.Args[0] == value.AnyArrayOID {
			continue
		}
		types := actualTypes(f)
		call := resolveExactly(t, reg, f, types, false)
		if !call.Aggregate().Mergeable() {
			continue
		}
		merged[f.Name] = true
		const n, groups = 90, 4
		args := make([]*value.Vector, len(types))
		for i, typ := range types {
			args[i] = sample(r, typ, n)
		}
		ids, renamed, one := make([]int32, n), make([]int32, n), make([]int32, n)
		back := []int32{2, 0, 1} // group of the whole for each of a part, which lacks group 3
		for i := range ids {
			g := r.IntN(3)
			ids[i], renamed[i] = back[g], int32(g)
		}
		plain, whole, first, second := call.Aggregate(), call.Aggregate(), call.Aggregate(), call.Aggregate()
		for _, a := range []*Aggregation{plain, whole, first, second} {
			a.Grow(groups)
		}
		step := func(err error) {
			if err != nil {
				t.Fatal(signatureKey(f), err)
			}
		}
		mixed := call.Aggregate().Commutes()
		for i := range int32(n) {
			step(plain.Step(env, ids, args, n, []int32{i}))
			part, of := first, ids
			if behind := i >= n/2; behind != (mixed && r.IntN(2) == 0) {
				part, of = second, renamed
			}
			step(part.Step(env, of, args, n, []int32{i}))
		}
		first.Merge(second, back)
		var want, got value.Vector
		step(plain.Final(env, &want, 0, groups))
		step(first.Final(env, &got, 0, groups))
		if !slices.Equal(showAll(env, &got), showAll(env, &want)) {
			t.Errorf("%s: %v in two parts, %v in one", signatureKey(f), showAll(env, &got), showAll(env, &want))
		}
		single := call.Aggregate()
		single.Grow(1)
		whole.Grow(1)
		step(single.Step(env, one, args, n, nil))
		step(whole.StepGroup(env, one, args, n, nil))
		step(single.Final(env, &want, 0, 1))
		step(whole.Final(env, &got, 0, 1))
		if !slices.Equal(showAll(env, &got), showAll(env, &want)) {
			t.Errorf("%s: %v as a whole, %v row by row", signatureKey(f), showAll(env, &got), showAll(env, &want))
		}
	}
	for _, name := range []string{"count", "sum", "avg", "min", "max", "bool_and", "bit_xor"} {
		if !merged[name] {
			t.Errorf("no %s is computed in parts", name)
		}
	}
}

// TestLimits asks for more than functions give.
func TestLimits(t *testing.T) {
	env := testEnv()
	for _, text := range []string{
		"repeat('abcdefgh', 100000000)", "repeat('x', 2147483647)", "lpad('a', 2000000000, 'b')", "rpad('a', 2147483647)",
		"format('%2000000000s', 'a')", "replace(repeat('a', 1000000), 'a', repeat('b', 1000))",
		"concat(repeat('a', 60000000), repeat('a', 60000000))",
	} {
		if got := answer(env, text); got != `ERROR 54000: "requested length too large"` {
			t.Errorf("%s: %.100s", text, got)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	env.Ctx = ctx
	for _, text := range []string{"pg_sleep(1000)", "@set generate_series(1, 1000000000000)", "repeat('a', 10)"} {
		if got := answer(env, text); got != `ERROR 57014: "canceling statement due to user request"` {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestSession asks what only our session answers.
func TestSession(t *testing.T) {
	env := testEnv()
	for text, want := range map[string]string{
		"current_schemas(true)":                  `name[]: "{pg_catalog,public}"`,
		"current_setting('server_version')":      `text: "15.0"`,
		"current_setting('x.y')":                 `ERROR 42704: "unrecognized configuration parameter \"x.y\""`,
		"current_setting('x.y', true)":           `text: null`,
		"set_config('a.b', 'c', false)":          `text: "c"`,
		"pg_backend_pid()":                       `integer: "42"`,
		"inet_client_addr()":                     `inet: null`,
		"inet_server_port()":                     `integer: "5433"`,
		"now()":                                  `timestamp with time zone: "2026-11-22 01:15:30.5+00"`,
		"clock_timestamp()":                      `timestamp with time zone: "2026-11-22 01:15:31.5+00"`,
		"'today'::date":                          `date: "2026-11-22"`,
		"'tomorrow 03:00'::timestamptz":          `timestamp with time zone: "2026-11-23 03:00:00+00"`,
		"'now'::timestamp":                       `timestamp without time zone: "2026-11-22 01:15:30.5"`,
		"age('2026-11-01'::timestamp)":           `interval: "21 days"`,
		"now() - '1 minute'::interval < now()":   `boolean: "t"`,
		"pg_sleep(0)":                            `void: ""`,
		"current_database() || '/' || version()": `text: "jurat/PostgreSQL 15.0 (test)"`,
		"'abc' ~ '(?=b)'":                        `ERROR 0A000: "look-around in regular expressions is not supported"`,
		"'abab' ~ '(ab)\\1'":                     `ERROR 0A000: "back references in regular expressions are not supported"`,
	} {
		if got := answer(env, text); got != want {
			t.Errorf("%s\n  got %s\n want %s", text, got, want)
		}
	}
}

// TestWith adds functions to a registry and leaves the first as it was.
func TestWith(t *testing.T) {
	mine := def("lower(text) text", pure1(func(s string) string { return "mine" }))
	other := def("ledger_height() int8", map0[ints](func(*Env) (int64, error) { return 7, nil }))
	r := Builtins().With(mine, other)
	if n := len(r.Functions("lower")); n != 1 || r.Functions("lower")[0] != mine {
		t.Errorf("lower has %d forms", n)
	}
	if len(Builtins().Functions("ledger_height")) != 0 || Builtins().Functions("lower")[0] == mine {
		t.Error("With changed the registry it was called on")
	}
	call, err := r.ResolveFunction("ledger_height", nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := call.EvalDatums(testEnv()); err != nil || d.I != 7 {
		t.Errorf("got %v, %v", d, err)
	}
}

// TestCommonType covers what expressions of one line cannot.
func TestCommonType(t *testing.T) {
	reg := Builtins()
	for _, c := range []struct {
		types []*value.Type
		want  string
	}{
		{[]*value.Type{value.Unknown, value.Unknown}, "text"},
		{[]*value.Type{value.Int4, value.Int8, value.Unknown}, "bigint"},
		{[]*value.Type{value.Int8, value.NumericT, value.Float4}, "real"},
		{[]*value.Type{value.Varchar, value.Text}, "character varying"},
		{[]*value.Type{value.Date, value.Timestamptz}, "timestamp with time zone"},
		{[]*value.Type{value.Int4, value.Text}, "CASE types integer and text cannot be matched (SQLSTATE 42804)"},
		{[]*value.Type{value.Bytea, value.UUID}, "CASE/WHEN could not convert type uuid to bytea (SQLSTATE 42846)"},
	} {
		got, err := reg.CommonType("CASE", c.types)
		text := ""
		if err != nil {
			text = err.Error()
		} else {
			text = got.SQL
		}
		if text != c.want {
			t.Errorf("%v: %s, want %s", c.types, text, c.want)
		}
	}
}

func BenchmarkKernels(b *testing.B) {
	env := testEnv()
	r := rand.New(rand.NewPCG(5, 6))
	bench := func(name string, operator bool, types ...*value.Type) {
		b.Run(name, func(b *testing.B) {
			reg := Builtins()
			var call *Call
			var err error
			if operator {
				call, err = reg.ResolveOperator(name, types[0], types[1])
			} else {
				call, err = reg.ResolveFunction(name, types, false)
			}
			if err != nil {
				b.Fatal(err)
			}
			args := make([]*value.Vector, len(types))
			for i, t := range types {
				args[i] = value.NewVector(t, value.BatchSize)
				for j := range value.BatchSize {
					switch t.Kind {
					case value.Int64:
						args[i].Ints[j] = r.Int64N(1 << 40)
					case value.Bytes:
						args[i].Bytes[j] = []byte("hour")
					}
				}
			}
			var out value.Vector
			for b.Loop() {
				if err := call.Eval(env, &out, args, value.BatchSize, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*value.BatchSize/b.Elapsed().Seconds()/1e6, "Mrow/s")
		})
	}
	bench("<", true, value.Int8, value.Int8)
	bench("+", true, value.Int8, value.Int8)
	bench("=", true, value.Bytea, value.Bytea)
	bench("date_trunc", false, value.Text, value.Timestamptz)
	bench("extract", false, value.Text, value.Timestamptz)
	bench("sha256", false, value.Bytea)
}

// TestArrayAggOfArrays stacks arrays into one of more dimensions.
func TestArrayAggOfArrays(t *testing.T) {
	env := testEnv()
	for _, c := range []struct {
		rows []string
		want string
	}{
		{[]string{"{1,2}", "{3,NULL}"}, `integer[]: "{{1,2},{3,NULL}}"`},
		{[]string{"{{1,2}}", "{{3,4}}"}, `integer[]: "{{{1,2}},{{3,4}}}"`},
		{nil, "integer[]: null"},
		{[]string{"{}"}, `ERROR 2202E: "cannot accumulate empty arrays"`},
		{[]string{""}, `ERROR 22004: "cannot accumulate null arrays"`},
		{[]string{"{1}", "{1,2}"}, `ERROR 2202E: "cannot accumulate arrays of different dimensionality"`},
		{[]string{"{1}", "{{1}}"}, `ERROR 2202E: "cannot accumulate arrays of different dimensionality"`},
	} {
		ints := value.MustType(value.Int4.Array)
		rows := value.NewVector(ints, 0)
		for _, text := range c.rows {
			d, err := value.ParseText(env.Settings, ints, -1, []byte(text))
			if text == "" {
				d, err = value.Null(ints), nil
			}
			if err != nil {
				t.Fatal(err)
			}
			rows.Append(d)
		}
		if got := aggregateOne(t, env, "array_agg", rows); got != c.want {
			t.Errorf("%v: %s, want %s", c.rows, got, c.want)
		}
	}
}

func aggregateOne(t *testing.T, env *Env, name string, rows *value.Vector) string {
	t.Helper()
	call, err := Builtins().ResolveFunction(name, []*value.Type{rows.Type}, false)
	if err != nil {
		t.Fatal(err)
	}
	a := call.Aggregate()
	a.Grow(1)
	var out value.Vector
	err = a.Step(env, make([]int32, rows.Len()), []*value.Vector{rows}, rows.Len(), nil)
	if err == nil {
		err = a.Final(env, &out, 0, 1)
	}
	var fault *value.Error
	if errors.As(err, &fault) {
		return showFault(fault.Code, fault.Message, fault.Detail, fault.Hint)
	}
	d := out.Datum(0)
	return showValue(d.Type.SQL, d.Null, d.Text(env.Settings))
}
