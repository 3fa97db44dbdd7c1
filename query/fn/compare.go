package fn

import (
	"bytes"
	"cmp"

	"github.com/jurat-ledger/jurat/query/value"
)

// relations are the six comparison operators as tests of a three-way comparison.
var relations = []struct {
	name string
	of   [3]bool // for less, equal, greater
}{
	{"=", [3]bool{false, true, false}}, {"<>", [3]bool{true, false, true}},
	{"<", [3]bool{true, false, false}}, {"<=", [3]bool{true, true, false}},
	{">", [3]bool{false, false, true}}, {">=", [3]bool{false, true, true}},
}

func comparisonOperators() []*Function {
	var out []*Function
	add := func(left, right, words string, kernel func(of [3]bool) Kernel) {
		for _, r := range relations {
			out = append(out, def(r.name+"("+left+","+right+") bool"+words, kernel(r.of)))
		}
	}
	wholes := []string{"int2", "int4", "int8"}
	for _, l := range wholes {
		for _, r := range wholes {
			add(l, r, "", compareInts)
		}
	}
	for _, t := range []string{"bool", "char", "oid", "date", "time", "timestamp", "timestamptz"} {
		add(t, t, "", compareInts)
	}
	floats := []string{"float4", "float8"}
	for _, l := range floats {
		for _, r := range floats {
			add(l, r, "", compareFloats)
		}
	}
	for _, t := range []string{"text", "name", "bytea", "uuid", "bit", "varbit"} {
		add(t, t, "", compareStrings)
	}
	add("name", "text", "", compareStrings)
	add("text", "name", "", compareStrings)
	for _, t := range []string{"bpchar", "jsonb", "numeric", "interval", "anyarray", "record", "oidvector"} {
		add(t, t, "", compareValues)
	}
	add("date", "timestamp", "", compareTimes)
	add("timestamp", "date", "", compareTimes)
	for _, pair := range [][2]string{
		{"date", "timestamptz"}, {"timestamptz", "date"}, {"timestamp", "timestamptz"}, {"timestamptz", "timestamp"},
	} {
		add(pair[0], pair[1], " stable", compareTimes)
	}
	for _, pair := range [][2]string{{"xid", "xid"}, {"xid", "int4"}, {"cid", "cid"}} {
		for _, r := range relations[:2] {
			if pair[0] != "cid" || r.name == "=" {
				out = append(out, def(r.name+"("+pair[0]+","+pair[1]+") bool", compareInts(r.of)))
			}
		}
	}
	return out
}

// compareInts has a loop of its own for each relation: it is the hottest kernel of all.
func compareInts(of [3]bool) Kernel {
	switch of {
	case [3]bool{false, true, false}:
		return intLoop(func(a, b int64) bool { return a == b })
	case [3]bool{true, false, true}:
		return intLoop(func(a, b int64) bool { return a != b })
	case [3]bool{true, false, false}:
		return lessKernel
	case [3]bool{false, false, true}:
		return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
			return lessKernel(env, out, []*value.Vector{args[1], args[0]}, n, sel)
		}
	case [3]bool{true, true, false}:
		return notGreaterKernel
	}
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		return notGreaterKernel(env, out, []*value.Vector{args[1], args[0]}, n, sel)
	}
}

func intLoop(f func(a, b int64) bool) Kernel {
	return func(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		x, y, o := args[0].Ints, args[1].Ints, out.Ints
		for _, i := range all(n, sel) {
			o[i] = value.BoolInt(f(x[i], y[i]))
		}
		return nil
	}
}

func lessKernel(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	x, y, o := args[0].Ints, args[1].Ints, out.Ints
	if sel == nil {
		x, y, o = x[:n], y[:n], o[:n]
		for i := range o {
			o[i] = value.BoolInt(x[i] < y[i])
		}
		return nil
	}
	for _, i := range sel {
		o[i] = value.BoolInt(x[i] < y[i])
	}
	return nil
}

func notGreaterKernel(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	x, y, o := args[0].Ints, args[1].Ints, out.Ints
	if sel == nil {
		x, y, o = x[:n], y[:n], o[:n]
		for i := range o {
			o[i] = value.BoolInt(x[i] <= y[i])
		}
		return nil
	}
	for _, i := range sel {
		o[i] = value.BoolInt(x[i] <= y[i])
	}
	return nil
}

func compareFloats(of [3]bool) Kernel {
	return func(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		x, y, o := args[0].Floats, args[1].Floats, out.Ints
		for _, i := range all(n, sel) {
			o[i] = value.BoolInt(of[value.CompareFloat(x[i], y[i])+1])
		}
		return nil
	}
}

func compareStrings(of [3]bool) Kernel {
	if of[0] == of[2] { // = and <>
		return func(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
			x, y, o := args[0].Bytes, args[1].Bytes, out.Ints
			for _, i := range all(n, sel) {
				o[i] = value.BoolInt(bytes.Equal(x[i], y[i]) == of[1])
			}
			return nil
		}
	}
	return func(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		x, y, o := args[0].Bytes, args[1].Bytes, out.Ints
		for _, i := range all(n, sel) {
			o[i] = value.BoolInt(of[bytes.Compare(x[i], y[i])+1])
		}
		return nil
	}
}

// compareValues is for the types whose order has no short cut.
func compareValues(of [3]bool) Kernel {
	return func(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		for _, t := range args {
			if !value.Comparable(t.Type) {
				return value.Errorf(value.CodeUndefinedFunction, "could not identify an equality operator for type %s", t.Type.SQL)
			}
		}
		for _, i := range all(n, sel) {
			c := value.CompareAt(args[0], int(i), args[1], int(i))
			out.Ints[i] = value.BoolInt(of[sign(c)+1])
		}
		return nil
	}
}

func sign(c int) int { return cmp.Compare(c, 0) }

// compareTimes compares dates, timestamps and timestamptz with each other, in the session's zone.
func compareTimes(of [3]bool) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		zoned := args[0].Type == value.Timestamptz || args[1].Type == value.Timestamptz
		for _, i := range all(n, sel) {
			a, b := instant(env, args[0], i, zoned), instant(env, args[1], i, zoned)
			out.Ints[i] = value.BoolInt(of[cmp.Compare(a, b)+1])
		}
		return nil
	}
}

// instant returns a date or time as a timestamptz if zoned, else as a timestamp.
func instant(env *Env, v *value.Vector, i int32, zoned bool) int64 {
	t := v.Ints[i]
	if v.Type == value.Date {
		t = midnight(t)
	}
	if zoned && v.Type != value.Timestamptz && value.ValidTimestamp(t) {
		t = value.FromLocal(env.Settings.Zone, t)
	}
	return t
}

// midnight returns the timestamp that a date compares as: dates beyond the range of timestamps come after them all and before
// infinity.
func midnight(d int64) int64 {
	switch {
	case d == value.DateInf:
		return value.Infinity
	case d == value.DateNegInf:
		return value.NegInfinity
	case d >= value.Infinity/value.Day:
		return value.Infinity - 1
	}
	return d * value.Day
}

// dateToTimestamp returns midnight, which not every date has.
func dateToTimestamp(d int64) (int64, error) {
	t := midnight(d)
	if value.FiniteTimestamp(t) && !value.ValidTimestamp(t) {
		return 0, value.Errorf(value.CodeDatetimeRange, "date out of range for timestamp")
	}
	return t, nil
}

// addDateTime returns the timestamp of a date and a time.
func addDateTime(d, clock int64) (int64, error) {
	t, err := dateToTimestamp(d)
	if err != nil {
		return 0, err
	}
	return addToTimestamp(t, value.Interval{Micros: clock})
}
