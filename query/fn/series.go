package fn

import (
	"cmp"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

func seriesFunctions() []*Function {
	var out []*Function
	for _, t := range []string{"int4", "int8"} {
		out = append(out, series("generate_series("+t+","+t+") "+t, intSeries), series("generate_series("+t+","+t+","+t+") "+t, intSeries))
	}
	out = append(out,
		series("generate_series(numeric,numeric) numeric", numericSeries),
		series("generate_series(numeric,numeric,numeric) numeric", numericSeries),
		series("generate_series(timestamp,timestamp,interval) timestamp", timeSeries),
		series("generate_series(timestamptz,timestamptz,interval) timestamptz stable", timeSeries),
		series("generate_subscripts(anyarray,int4) int4", subscripts),
		series("generate_subscripts(anyarray,int4,bool) int4", subscripts),
		series("unnest(anyarray) anyelement", unnest),
		series("regexp_matches(text,text) _text", regexpMatches),
		series("regexp_matches(text,text,text) _text", regexpMatches),
		series("regexp_split_to_table(text,text) text", regexpSplitRows),
		series("regexp_split_to_table(text,text,text) text", regexpSplitRows),
		series("string_to_table(text,text) text nullable", stringToTable),
		series("string_to_table(text,text,text) text nullable", stringToTable),
	)
	for _, t := range []string{"json", "jsonb"} {
		out = append(out,
			named("value", series(t+"_array_elements("+t+") "+t, jsonElements)),
			named("value", series(t+"_array_elements_text("+t+") text", jsonElements)),
			series(t+"_object_keys("+t+") text", jsonKeys),
			series(t+"_each("+t+") record", jsonEach(value.ByName(t)), Column{"key", value.TextOID}, Column{"value", typeOID(t)}),
			series(t+"_each_text("+t+") record", jsonEach(value.Text), Column{"key", value.TextOID}, Column{"value", value.TextOID}))
	}
	return out
}

func series(sig string, start SeriesFunc, columns ...Column) *Function {
	f := declare(sig)
	f.Series, f.Columns = start, columns
	return f
}

// named has f lend its one column a name.
func named(column string, f *Function) *Function {
	f.Column = column
	return f
}

// A stepper makes the rows of a series one by one into a single column; false ends.
type stepper struct {
	ret  *value.Type
	next func(env *Env) (value.Datum, bool, error)
}

func (s *stepper) Next(env *Env, out []*value.Vector) (int, error) {
	if err := env.Check(); err != nil {
		return 0, err
	}
	out[0].Reset(s.ret, 0)
	for n := range value.BatchSize {
		d, ok, err := s.next(env)
		if err != nil || !ok {
			return n, err
		}
		out[0].Append(d)
	}
	return value.BatchSize, nil
}

// A list is a series whose rows are all known.
type list struct {
	cols []*value.Vector
	at   int
}

// newList returns a list of columns without rows.
func newList(columns []Column) *list {
	l := &list{}
	for _, c := range columns {
		l.cols = append(l.cols, value.NewVector(value.MustType(c.Type), 0))
	}
	return l
}

func (l *list) Next(_ *Env, out []*value.Vector) (int, error) {
	n := min(value.BatchSize, l.cols[0].Len()-l.at)
	for c, v := range out {
		v.Reset(l.cols[c].Type, n)
		for i := range n {
			v.Copy(i, l.cols[c], l.at+i)
		}
	}
	l.at += n
	return n, nil
}

var errStep = value.Errorf(value.CodeInvalidParameter, "step size cannot equal zero")

// A countSeries counts.
type countSeries struct {
	ret              *value.Type
	next, last, step int64
	done             bool
}

func intSeries(_ *Env, ret *value.Type, args []value.Datum) (Series, error) {
	s := &countSeries{ret: ret, next: args[0].I, last: args[1].I, step: 1}
	if len(args) == 3 {
		s.step = args[2].I
	}
	if s.step == 0 {
		return nil, errStep
	}
	return s, nil
}

func (s *countSeries) Next(env *Env, out []*value.Vector) (int, error) {
	if err := env.Check(); err != nil {
		return 0, err
	}
	out[0].Reset(s.ret, value.BatchSize)
	n := 0
	for ; n < value.BatchSize && !s.done; n++ {
		if s.step > 0 && s.next > s.last || s.step < 0 && s.next < s.last {
			s.done = true
			break
		}
		out[0].Ints[n] = s.next
		after := s.next + s.step
		s.done = (after > s.next) != (s.step > 0) || wrap(s.ret, after) != after
		s.next = after
	}
	out[0].Ints = out[0].Ints[:n]
	return n, nil
}

func numericSeries(_ *Env, ret *value.Type, args []value.Datum) (Series, error) {
	step := value.IntNumeric(1)
	if len(args) == 3 {
		step = args[2].X.(value.Numeric)
	}
	next, last := args[0].X.(value.Numeric), args[1].X.(value.Numeric)
	for i, n := range []value.Numeric{next, last, step} {
		if what := "infinity"; !n.Finite() {
			if n.IsNaN() {
				what = "NaN"
			}
			return nil, value.Errorf(value.CodeInvalidParameter, "%s cannot be %s", [...]string{"start value", "stop value", "step size"}[i], what)
		}
	}
	if step.Sign() == 0 {
		return nil, errStep
	}
	return &stepper{ret: ret, next: func(*Env) (value.Datum, bool, error) {
		if next.Cmp(last)*step.Sign() > 0 {
			return value.Datum{}, false, nil
		}
		d := value.NewBox(ret, next)
		var err error
		next, err = next.Add(step)
		return d, true, err
	}}, nil
}

func timeSeries(env *Env, ret *value.Type, args []value.Datum) (Series, error) {
	next, last, step := args[0].I, args[1].I, args[2].X.(value.Interval)
	direction := step.Cmp(value.Interval{})
	if direction == 0 {
		return nil, errStep
	}
	return &stepper{ret: ret, next: func(*Env) (value.Datum, bool, error) {
		if cmp.Compare(next, last)*direction > 0 || !value.FiniteTimestamp(next) {
			return value.Datum{}, false, nil
		}
		d := value.NewInt(ret, next)
		var err error
		if ret == value.Timestamptz {
			next, err = addToZoned(env.Settings.Zone, next, step)
		} else {
			next, err = addToTimestamp(next, step)
		}
		return d, true, err
	}}, nil
}

func subscripts(_ *Env, ret *value.Type, args []value.Datum) (Series, error) {
	a, d := args[0].X.(*value.Array), args[1].I-1
	if d < 0 || d >= int64(len(a.Dims)) {
		return nil, nil
	}
	low := int64(a.Lower[d])
	s := &countSeries{ret: ret, next: low, last: low + int64(a.Dims[d]) - 1, step: 1}
	if len(args) == 3 && args[2].I != 0 {
		s.next, s.last, s.step = s.last, s.next, -1
	}
	return s, nil
}

func unnest(_ *Env, _ *value.Type, args []value.Datum) (Series, error) {
	return &list{cols: []*value.Vector{args[0].X.(*value.Array).Elems}}, nil
}

func regexpMatches(env *Env, ret *value.Type, args []value.Datum) (Series, error) {
	flags := flagsOf(args, 2)
	re, err := compile(string(args[1].B), flags, len(args[0].B))
	if err != nil {
		return nil, err
	}
	limit := 1
	if strings.Contains(flags, "g") {
		limit = -1
	}
	matches, err := re.all(env, args[0].B, 0, limit)
	if err != nil {
		return nil, err
	}
	if err := env.Settings.Take(len(matches) * arrayBytes); err != nil {
		return nil, err
	}
	rows := value.NewVector(ret, 0)
	for _, m := range matches {
		rows.Append(groups(args[0].B, m))
	}
	return &list{cols: []*value.Vector{rows}}, nil
}

func regexpSplitRows(env *Env, _ *value.Type, args []value.Datum) (Series, error) {
	d, err := regexpSplit(env, args)
	if err != nil {
		return nil, err
	}
	return &list{cols: []*value.Vector{d.X.(*value.Array).Elems}}, nil
}

func stringToTable(env *Env, _ *value.Type, args []value.Datum) (Series, error) {
	d, err := stringToArray(env, args)
	if err == errNull {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &list{cols: []*value.Vector{d.X.(*value.Array).Elems}}, nil
}

// jsonRows reads the JSON value of a set-returning function, which must be of kind want.
func jsonRows(env *Env, d value.Datum, want value.JSONKind, fault func(value.JSONKind) string) (*value.JSONNode, error) {
	n, err := value.ParseJSON(env.Settings, d.B, d.Type == value.JSONB)
	if err != nil {
		return nil, err
	}
	if n.Kind != want {
		return nil, value.Errorf(value.CodeInvalidParameter, "%s", fault(n.Kind))
	}
	return n, nil
}

func isScalar(k value.JSONKind) bool { return k != value.JSONArray && k != value.JSONObject }

func jsonElements(env *Env, ret *value.Type, args []value.Datum) (Series, error) {
	n, err := jsonRows(env, args[0], value.JSONArray, func(k value.JSONKind) string {
		name := args[0].Type.Name + "_array_elements"
		if ret == value.Text {
			name += "_text"
		}
		switch {
		case args[0].Type == value.JSON && isScalar(k):
			return "cannot call " + name + " on a scalar"
		case args[0].Type == value.JSON:
			return "cannot call " + name + " on a non-array"
		case isScalar(k):
			return "cannot extract elements from a scalar"
		}
		return "cannot extract elements from an object"
	})
	if err != nil {
		return nil, err
	}
	rows, err := nodeColumn(n.Items, args[0].Type, ret)
	return &list{cols: []*value.Vector{rows}}, err
}

func nodeColumn(nodes []*value.JSONNode, t, ret *value.Type) (*value.Vector, error) {
	rows := value.NewVector(ret, len(nodes))
	for i, item := range nodes {
		d, err := showNode(item, t, ret)
		if err == errNull {
			rows.SetNull(i)
			continue
		}
		if err != nil {
			return nil, err
		}
		rows.Set(i, d)
	}
	return rows, nil
}

func jsonKeys(env *Env, ret *value.Type, args []value.Datum) (Series, error) {
	name := args[0].Type.Name + "_object_keys"
	n, err := jsonRows(env, args[0], value.JSONObject, func(k value.JSONKind) string {
		if isScalar(k) {
			return "cannot call " + name + " on a scalar"
		}
		return "cannot call " + name + " on an array"
	})
	if err != nil {
		return nil, err
	}
	rows := value.NewVector(ret, 0)
	for _, k := range n.Keys {
		rows.Append(value.NewText(k))
	}
	return &list{cols: []*value.Vector{rows}}, nil
}

// jsonEach returns a SeriesFunc of two columns, the second of type ret.
func jsonEach(ret *value.Type) SeriesFunc {
	return func(env *Env, _ *value.Type, args []value.Datum) (Series, error) {
		name := args[0].Type.Name + "_each"
		if ret == value.Text {
			name += "_text"
		}
		n, err := jsonRows(env, args[0], value.JSONObject, func(k value.JSONKind) string {
			switch {
			case args[0].Type == value.JSON && isScalar(k):
				return "cannot deconstruct a scalar"
			case args[0].Type == value.JSON:
				return "cannot deconstruct an array as an object"
			}
			return "cannot call " + name + " on a non-object"
		})
		if err != nil {
			return nil, err
		}
		keys := value.NewVector(value.Text, len(n.Keys))
		for i, k := range n.Keys {
			keys.Bytes[i] = []byte(k)
		}
		values, err := nodeColumn(n.Items, args[0].Type, ret)
		return &list{cols: []*value.Vector{keys, values}}, err
	}
}
