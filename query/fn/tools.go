package fn

import (
	"strings"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

// toolFunctions declares functions that tools ask for more than people.
func toolFunctions() []*Function {
	return []*Function{
		def("oidvectortypes(oidvector) text stable", rowwise(vectorTypes)),
		def("timeofday() text volatile", map0[texts](func(env *Env) (string, error) {
			return env.Clock().In(env.Settings.Zone).Format("Mon Jan 02 15:04:05.000000 2006 MST"), nil
		})),
		def("pg_sleep_until(timestamptz) void volatile", map1[ints, ints](func(env *Env, t int64) (int64, error) {
			if !value.FiniteTimestamp(t) {
				return 0, value.Errorf(value.CodeDatetimeRange, "timestamp out of range")
			}
			return 0, sleep(env, value.ToTime(t).Sub(env.Clock()).Seconds())
		})),
		def("timestamp(date,time) timestamp", map2[ints, ints, ints](func(_ *Env, d, t int64) (int64, error) { return addDateTime(d, t) })),
		def("timestamptz(date,time) timestamptz stable", map2[ints, ints, ints](func(env *Env, d, t int64) (int64, error) {
			local, err := addDateTime(d, t)
			if err != nil || !value.FiniteTimestamp(local) {
				return local, err
			}
			return value.FromLocal(env.Settings.Zone, local), nil
		})),
		def("length(bytea,name) int4 stable", map2[strs, texts, ints](func(env *Env, b []byte, encoding string) (int64, error) {
			b, err := convertFrom(env, b, encoding)
			return int64(utf8.RuneCount(b)), err
		})),
		def("notlike(text,text) bool", map2[strs, strs, bools](func(env *Env, s, p []byte) (bool, error) {
			ok, err := like(env, s, p)
			return !ok, err
		})),
		def("to_char(float4,text) text stable", map2[floats, texts, texts](func(_ *Env, x float64, f string) (string, error) {
			return numberChar(value.FloatNumeric(x, true), f)
		})),
		bound("pg_collation_for(any) text stable nullable", func(args []*value.Type, _ *value.Type) Kernel {
			return rowwise(func(*Env, []value.Datum) (value.Datum, error) { return collationFor(args[0]) })
		}),
		def("pg_trigger_depth() int4 stable", map0[ints](func(*Env) (int64, error) { return 0, nil })),
		def("pg_jit_available() bool volatile", map0[bools](func(*Env) (bool, error) { return false, nil })),
		def("pg_stat_clear_snapshot() void volatile nullable", map0[ints](func(*Env) (int64, error) { return 0, nil })),
		def("pg_encoding_max_length(int4) int4", map1[ints, ints](func(_ *Env, n int64) (int64, error) {
			switch encodings[n] {
			case "":
				return 0, errNull
			case "UTF8":
				return utf8.UTFMax, nil
			}
			return 1, nil
		})),
	}
}

// vectorTypes names the types of a function's arguments.
func vectorTypes(_ *Env, args []value.Datum) (value.Datum, error) {
	elems := args[0].X.(*value.Array).Elems
	var names []string
	for i := range elems.Len() {
		name := "???"
		if t := value.ByOID(value.OID(elems.Ints[i])); t != nil {
			name = t.SQL
		}
		names = append(names, name)
	}
	return value.NewText(strings.Join(names, ", ")), nil
}

// collationFor names the collation of values of a type: every text sorts by the database's own.
func collationFor(t *value.Type) (value.Datum, error) {
	switch {
	case t == value.Name:
		return value.NewText(`"C"`), nil
	case t == value.Text || t == value.Varchar || t == value.Bpchar:
		return value.NewText(`"default"`), nil
	case t == value.Unknown:
		return value.Datum{}, errNull
	}
	return value.Datum{}, value.Errorf("42804", "collations are not supported by type %s", t.SQL)
}
