package fn

import (
	"bytes"
	"math"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// The casts of pg_cast by context, "from to to …". Those marked with a star keep the representation.
const implicitCasts = `
bit varbit*
bpchar name text varchar
char text
date timestamp timestamptz
float4 float8
int2 float4 float8 int4 int8 numeric oid regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype
int4 float4 float8 int8 numeric oid regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype
int8 float4 float8 numeric oid regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype
name text
numeric float4 float8
oid regclass* regcollation* regconfig* regdictionary* regnamespace* regoper* regoperator* regproc* regprocedure* regrole* regtype*
regclass oid*
regcollation oid*
regconfig oid*
regdictionary oid*
regnamespace oid*
regoper oid* regoperator*
regoperator oid* regoper*
regproc oid* regprocedure*
regprocedure oid* regproc*
regrole oid*
regtype oid*
text bpchar* name regclass varchar*
time interval
timestamp timestamptz
varbit bit*
varchar bpchar* name regclass text*`

const assignmentCasts = `
bool bpchar text varchar
bpchar char
char bpchar varchar
float4 int2 int4 int8 numeric
float8 float4 int2 int4 int8 numeric
int4 int2
int8 int2 int4
interval time
json jsonb
jsonb json*
name bpchar varchar
numeric int2 int4 int8
oid int4 int8
regclass int4 int8
regcollation int4 int8
regconfig int4 int8
regdictionary int4 int8
regnamespace int4 int8
regoper int4 int8
regoperator int4 int8
regproc int4 int8
regprocedure int4 int8
regrole int4 int8
regtype int4 int8
text char
timestamp date time
timestamptz date time timestamp
varchar char`

const explicitCasts = `
bit int4 int8
bool int4
char int4
int4 bit bool char
int8 bit
jsonb bool float4 float8 int2 int4 int8 numeric`

func (r *Registry) addCasts() {
	for _, group := range []struct {
		context Context
		list    string
	}{{Implicit, implicitCasts}, {Assignment, assignmentCasts}, {Explicit, explicitCasts}} {
		for _, line := range strings.Split(strings.TrimSpace(group.list), "\n") {
			words := strings.Fields(line)
			for _, to := range words[1:] {
				r.addCast(words[0], to, group.context)
			}
		}
	}
}

func (r *Registry) addCast(from, to string, context Context) {
	to, same := strings.CutSuffix(to, "*")
	f, t := value.ByName(from), value.ByName(to)
	e := &castEntry{context: context, volatility: Immutable}
	if !same {
		e.kernel = castKernel(f, t)
	}
	if t == value.Timestamptz || f == value.Timestamptz || t == value.Regclass && f.IsString() {
		e.volatility = Stable
	}
	r.casts[castKey{f.OID, t.OID}] = e
}

// castKernel returns the conversion between two types of pg_cast.
func castKernel(f, t *value.Type) Kernel {
	switch {
	case t == value.Bit:
		return intToBits(1)
	case f == value.Bit:
		return bitsToInt(t)
	case f == value.JSONB:
		return jsonbCast(t)
	case f == value.JSON:
		return parseKernel(t)
	case t == value.Regclass && f.IsString():
		return nameToClass
	case t == value.NumericT:
		return toNumeric(f)
	case f == value.NumericT:
		return fromNumeric(t)
	case t.Kind == value.Float64:
		return toFloat(f, t)
	case f.Kind == value.Float64:
		return floatToInt(t)
	case f == value.Bool && t.IsString():
		return map1[bools, strs](func(_ *Env, b bool) ([]byte, error) {
			if b {
				return []byte("true"), nil
			}
			return []byte("false"), nil
		})
	case t == value.Bool:
		return map1[ints, bools](func(_ *Env, i int64) (bool, error) { return i != 0, nil })
	case f == value.Char && t == value.Int4:
		return map1[ints, ints](func(_ *Env, i int64) (int64, error) { return int64(int8(i)), nil })
	case f.IsString() || f == value.Char:
		return stringCast(f, t)
	case f.Category == 'D' || f.Category == 'T':
		return dateCast(f, t)
	case isOid(f) && t == value.Int4: // the same 32 bits, without a sign and with one
		return map1[ints, ints](func(_ *Env, i int64) (int64, error) { return int64(int32(i)), nil })
	case isOid(t) && (f == value.Int2 || f == value.Int4):
		return map1[ints, ints](func(_ *Env, i int64) (int64, error) { return int64(uint32(i)), nil })
	}
	return intCast(t)
}

// intCast converts between types of kind Int64 that hold numbers.
func intCast(t *value.Type) Kernel {
	low, high := int64(0), int64(math.MaxUint32)
	switch t {
	case value.Int2:
		low, high = math.MinInt16, math.MaxInt16
	case value.Int4:
		low, high = math.MinInt32, math.MaxInt32
	case value.Int8:
		low, high = math.MinInt64, math.MaxInt64
	case value.Char:
		return map1[ints, ints](func(_ *Env, i int64) (int64, error) {
			if i < math.MinInt8 || i > math.MaxInt8 {
				return 0, value.Errorf(value.CodeOutOfRange, "\"char\" out of range")
			}
			return int64(uint8(i)), nil
		})
	}
	return func(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		x, o := args[0].Ints, out.Ints
		for _, i := range all(n, sel) {
			if x[i] < low || x[i] > high {
				return outOfRange(t)
			}
			o[i] = x[i]
		}
		return nil
	}
}

// isOid reports whether t is oid or one of the types that show oids by name.
func isOid(t *value.Type) bool {
	return t.Category == 'N' && t.Len == 4 && t.Kind == value.Int64 && t != value.Int4
}

func outOfRange(t *value.Type) error {
	name := t.SQL
	if isOid(t) {
		name = "OID"
	}
	return value.Errorf(value.CodeOutOfRange, "%s out of range", name)
}

func toFloat(f, t *value.Type) Kernel {
	if f.Kind == value.Int64 {
		return map1[ints, floats](func(_ *Env, i int64) (float64, error) {
			if t == value.Float4 {
				return float64(float32(i)), nil
			}
			return float64(i), nil
		})
	}
	if f == value.Float4 {
		return map1[floats, floats](func(_ *Env, x float64) (float64, error) { return x, nil })
	}
	return map1[floats, floats](func(_ *Env, x float64) (float64, error) { return narrow(x) })
}

// narrow rounds a float to 32 bits.
func narrow(x float64) (float64, error) {
	y := float64(float32(x))
	if math.IsInf(y, 0) && !math.IsInf(x, 0) {
		return 0, value.Errorf(value.CodeOutOfRange, "value out of range: overflow")
	}
	if y == 0 && x != 0 {
		return 0, value.Errorf(value.CodeOutOfRange, "value out of range: underflow")
	}
	return y, nil
}

func floatToInt(t *value.Type) Kernel {
	low, high := -math.Ldexp(1, int(t.Len)*8-1), math.Ldexp(1, int(t.Len)*8-1)
	return map1[floats, ints](func(_ *Env, x float64) (int64, error) {
		x = math.RoundToEven(x)
		if math.IsNaN(x) || x < low || x >= high {
			return 0, outOfRange(t)
		}
		return int64(x), nil
	})
}

func toNumeric(f *value.Type) Kernel {
	if f.Kind == value.Int64 {
		return map1[ints, nums](func(_ *Env, i int64) (value.Numeric, error) { return value.IntNumeric(i), nil })
	}
	return map1[floats, nums](func(_ *Env, x float64) (value.Numeric, error) {
		return value.FloatNumeric(x, f == value.Float4), nil
	})
}

func fromNumeric(t *value.Type) Kernel {
	if t.Kind == value.Float64 {
		return map1[nums, floats](func(_ *Env, x value.Numeric) (float64, error) {
			f := x.Float()
			if (math.IsInf(f, 0) || f == 0 && x.Sign() != 0) && x.Finite() {
				return 0, value.Errorf(value.CodeOutOfRange, "\"%s\" is out of range for type %s", x, t.SQL)
			}
			if t == value.Float4 {
				return narrow(f)
			}
			return f, nil
		})
	}
	return map1[nums, ints](func(_ *Env, x value.Numeric) (int64, error) { return numericToInt(x, t) })
}

func numericToInt(x value.Numeric, t *value.Type) (int64, error) {
	if !x.Finite() {
		what := "infinity"
		if x.IsNaN() {
			what = "NaN"
		}
		return 0, value.Errorf(value.CodeUnsupported, "cannot convert %s to %s", what, t.SQL)
	}
	i, ok := x.Int64()
	if shift := 64 - 8*int(t.Len); !ok || i<<shift>>shift != i {
		return 0, outOfRange(t)
	}
	return i, nil
}

// stringCast converts between string types and "char".
func stringCast(f, t *value.Type) Kernel {
	switch {
	case f == value.Char:
		return formatKernel
	case t == value.Char:
		return map1[strs, ints](func(_ *Env, s []byte) (int64, error) {
			return int64(value.ParseChar(s)), nil
		})
	case t == value.Name:
		return map1[strs, strs](func(env *Env, s []byte) ([]byte, error) {
			if f == value.Bpchar {
				s = value.TrimPadding(s)
			}
			d, err := value.ParseText(env.Settings, value.Name, -1, s)
			return d.B, err
		})
	case f == value.Bpchar:
		return map1[strs, strs](func(_ *Env, s []byte) ([]byte, error) { return value.TrimPadding(s), nil })
	}
	return map1[strs, strs](func(_ *Env, s []byte) ([]byte, error) { return s, nil })
}

// nameToClass finds a relation by the name that a text holds. Digits are a name as well, unlike in a literal.
func nameToClass(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		if s := args[0].Bytes[i]; len(s) > 0 && len(bytes.Trim(s, "0123456789")) == 0 {
			return value.Errorf("42P01", "relation \"%s\" does not exist", s)
		}
	}
	return parseKernel(value.Regclass)(env, out, args, n, sel)
}

func dateCast(f, t *value.Type) Kernel {
	switch {
	case f == value.Time:
		return map1[ints, spans](func(_ *Env, m int64) (value.Interval, error) { return value.Interval{Micros: m}, nil })
	case f == value.IntervalT:
		return map1[spans, ints](func(_ *Env, v value.Interval) (int64, error) {
			_, m := value.Split(v.Micros)
			return m, nil
		})
	case f == value.Date:
		return map1[ints, ints](func(env *Env, d int64) (int64, error) {
			at, err := dateToTimestamp(d)
			if err == nil && t == value.Timestamptz {
				return localToZoned(env, at)
			}
			return at, err
		})
	case t == value.Timestamptz:
		return map1[ints, ints](localToZoned)
	}
	if f == value.Timestamptz && t == value.Date {
		return zonedToDate
	}
	return map1[ints, ints](func(env *Env, at int64) (int64, error) {
		if f == value.Timestamptz {
			at = value.ToLocal(env.Settings.Zone, at)
		}
		return cutTimestamp(at, t)
	})
}

// zonedToDate computes a date once for all times that follow each other in it.
func zonedToDate(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	var day timespan
	var date int64
	for _, i := range all(n, sel) {
		t := args[0].Ints[i]
		if !day.holds(t) {
			var err error
			if date, err = cutTimestamp(value.ToLocal(env.Settings.Zone, t), value.Date); err != nil {
				return err
			}
			day = timespan{}
			if value.FiniteTimestamp(t) {
				day = unitSpan(env.Settings.Zone, "day", t)
			}
		}
		out.Ints[i] = date
	}
	return nil
}

func localToZoned(env *Env, local int64) (int64, error) {
	at := value.FromLocal(env.Settings.Zone, local)
	if value.FiniteTimestamp(at) && !value.ValidTimestamp(at) {
		return 0, errTimestampRange
	}
	return at, nil
}

var errTimestampRange = value.Errorf(value.CodeDatetimeRange, "timestamp out of range")

// cutTimestamp converts a timestamp to a date, a time, or leaves it.
func cutTimestamp(at int64, t *value.Type) (int64, error) {
	if t == value.Timestamp {
		return at, nil
	}
	if !value.FiniteTimestamp(at) {
		switch {
		case t == value.Time:
			return 0, errNull
		case at > 0:
			return value.DateInf, nil
		}
		return value.DateNegInf, nil
	}
	days, micros := value.Split(at)
	if t == value.Time {
		return micros, nil
	}
	return days, nil
}

// jsonbCast makes SQL values of scalar jsonb values.
func jsonbCast(t *value.Type) Kernel {
	return rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
		n, err := value.ParseJSON(env.Settings, args[0].B, true)
		if err != nil {
			return value.Datum{}, err
		}
		want := value.JSONNumber
		if t == value.Bool {
			want = value.JSONBool
		}
		if n.Kind != want {
			return value.Datum{}, value.Errorf(value.CodeInvalidParameter, "cannot cast jsonb %s to type %s", jsonWord(n.Kind), t.SQL)
		}
		switch {
		case t == value.Bool:
			return value.NewBool(n.Text == "true"), nil
		case t == value.NumericT:
			return value.NewBox(t, n.Number()), nil
		case t.Kind == value.Float64:
			return value.ParseText(env.Settings, t, -1, []byte(n.Text))
		}
		i, err := numericToInt(n.Number(), t)
		return value.NewInt(t, i), err
	})
}

// jsonWord is what Postgres calls a kind of JSON value in messages.
func jsonWord(k value.JSONKind) string {
	return [...]string{
		value.JSONNull: "null", value.JSONString: "string", value.JSONNumber: "numeric", value.JSONBool: "boolean",
		value.JSONArray: "array", value.JSONObject: "object",
	}[k]
}
