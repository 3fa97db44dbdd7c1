package value

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTypes(t *testing.T) {
	for alias, want := range map[string]OID{
		"int": 23, "integer": 23, "int4": 23, "bigint": 20, "timestamp with time zone": 1184, "bool": 16, "boolean": 16, "float": 701,
		"double precision": 701, "decimal": 1700, "character varying": 1043, `"char"`: 18, "character": 1042, "text[]": 1009,
		"_text": 1009, "integer[][]": 1007, "timestamp without time zone[]": 1115, "json": 114, "regclass": 2205,
	} {
		if got := ByName(alias); got == nil || got.OID != want {
			t.Errorf("%s is %v, want %d", alias, got, want)
		}
	}
	for _, bad := range []string{"", "[]", "nosuch", "Integer", "int[", "unknown[]"} {
		if got := ByName(bad); got != nil {
			t.Errorf("%q is %v", bad, got)
		}
	}
	all := All()
	if !slices.IsSortedFunc(all, func(a, b *Type) int { return cmp.Compare(a.OID, b.OID) }) || len(all) < 130 {
		t.Errorf("%d types, or out of order", len(all))
	}
	for _, typ := range all {
		if ByOID(typ.OID) != typ || typ.Array != 0 && MustType(typ.Array).Elem != typ.OID {
			t.Errorf("%s is not linked with its array type", typ.Name)
		}
		if back, err := ParseTypeName(typ.SQL); !typ.Pseudo && (err != nil || back != typ) && typ != Bpchar {
			t.Errorf("%s is read as %v, %v", typ.SQL, back, err)
		}
	}
}

func TestFormatType(t *testing.T) {
	for _, c := range []struct {
		t    *Type
		args []int64
		want string
	}{
		{Varchar, []int64{10}, "character varying(10)"}, {NumericT, []int64{10, 2}, "numeric(10,2)"}, {NumericT, []int64{5}, "numeric(5,0)"},
		{Timestamptz, []int64{3}, "timestamp(3) with time zone"}, {Time, []int64{0}, "time(0) without time zone"},
		{Bpchar, []int64{4}, "character(4)"}, {IntervalT, []int64{2}, "interval(2)"}, {MustType(Varchar.Array), []int64{7}, "character varying(7)[]"},
		{NumericT, []int64{3, -2}, "numeric(3,-2)"}, {Bit, []int64{8}, "bit(8)"}, {Varbit, []int64{5}, "bit varying(5)"},
	} {
		mod, err := Typmod(c.t, c.args)
		if got := FormatType(c.t, mod); err != nil || got != c.want {
			t.Errorf("%s%v: %s, %v; want %s", c.t, c.args, got, err, c.want)
		}
	}
}

// TestCalendar compares every day of four centuries, and random days beyond, with package time.
func TestCalendar(t *testing.T) {
	check := func(d time.Time) {
		y, m, day := d.Date()
		days := DateOf(y, int(m), day)
		if want := d.Unix()/86400 - 10957; days != want {
			t.Fatalf("%v is day %d, want %d", d, days, want)
		}
		if y2, m2, d2 := CivilOf(days); y2 != y || m2 != int(m) || d2 != day {
			t.Fatalf("day %d is %d-%d-%d, want %v", days, y2, m2, d2, d)
		}
	}
	for d := time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() < 2200; d = d.AddDate(0, 0, 1) {
		check(d)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		check(time.Unix(r.Int64N(200_000)*86400*300-210_000_000_000+r.Int64N(1e9)/86400*86400, 0).UTC().Truncate(24 * time.Hour))
	}
	for y := -4713; y < 294_277; y += 1 + r.IntN(5) {
		for m := 1; m <= 12; m++ {
			d := DateOf(y, m, 1)
			if next := DateOf(y+m/12, m%12+1, 1); next-d != int64(DaysIn(y, m)) {
				t.Fatalf("%d-%d has %d days", y, m, next-d)
			}
			if y2, m2, d2 := CivilOf(d + int64(DaysIn(y, m)) - 1); y2 != y || m2 != m || d2 != DaysIn(y, m) {
				t.Fatalf("the last day of %d-%d is %d-%d-%d", y, m, y2, m2, d2)
			}
		}
	}
}

// TestFromLocal goes over the clock changes of some zones: every reading that exists comes from an instant that shows it,
// a repeated one from the later, a skipped one counts by the time before.
func TestFromLocal(t *testing.T) {
	for _, name := range []string{"Europe/Tallinn", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"} {
		zone, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		start := DateOf(2025, 1, 1) * Day
		shown := map[int64]int64{} // reading → latest instant that shows it
		for at := start - Day; at < start+400*Day; at += 15 * Minute {
			shown[ToLocal(zone, at)] = at
		}
		skipped := 0
		for local := start; local < start+390*Day; local += 15 * Minute {
			got := FromLocal(zone, local)
			want, ok := shown[local]
			if !ok {
				skipped++
				want = local - int64(Offset(zone, local-Day))*Second
			}
			if got != want {
				t.Fatalf("%s: %s comes from %s, want %s", name, appendTimestamp(nil, local), appendTimestamp(nil, got), appendTimestamp(nil, want))
			}
		}
		if skipped == 0 && name != "Asia/Kolkata" {
			t.Errorf("%s: no reading was skipped", name)
		}
	}
}

func TestZones(t *testing.T) {
	at := DateOf(2026, 7, 1) * Day
	for name, want := range map[string]int{
		"UTC": 0, "utc": 0, "Z": 0, "Europe/Tallinn": 10800, "europe/tallinn": 10800, "EUROPE/ISLE_OF_MAN": 3600, "CET": 3600, "est": -18000,
		"UTC+2": -7200, "<+02>-02": 7200, "+02": -7200, "america/port_of_spain": -14400, "antarctica/dumontdurville": 36000, "etc/gmt-14": 50400, "foo+2": -7200, "CET-1CEST,M3.5.0,M10.5.0/3": 7200, "AEST-10AEDT,M10.1.0,M4.1.0/3": 36000, "<+03>-3<+04>,M3.5.0/-1,M10.5.0/26": 14400,
		"UTC+99": -99 * 3600, "CET-167:59:59": 167*3600 + 3599, "posix/europe/tallinn": 10800,
	} {
		zone, err := LoadZone(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := Offset(zone, at); got != want {
			t.Errorf("%s is %d seconds east, want %d", name, got, want)
		}
	}
	for _, bad := range []string{"", "Local", "localtime", "../etc/passwd", "/etc/passwd", "Mars/Base", "UTC+168", "CET-1CEST,M13.5.0,M10.5.0/3", "CET-1CEST,M3.5.0", "posix/Mars", "posix/posix/UTC", "é", "."} {
		if zone, err := LoadZone(bad); err == nil {
			t.Errorf("%q is %v", bad, zone)
		}
	}
}

func randomNumeric(r *rand.Rand) Numeric {
	c := new(big.Int).SetUint64(r.Uint64() >> r.IntN(64))
	if r.IntN(3) == 0 {
		c.Mul(c, new(big.Int).SetUint64(r.Uint64()))
	}
	if r.IntN(2) == 0 {
		c.Neg(c)
	}
	return BigNumeric(c, r.IntN(25))
}

func ratOf(n Numeric) *big.Rat { return new(big.Rat).SetFrac(n.Coefficient(), pow10(n.Scale())) }

// TestNumeric compares with rationals.
func TestNumeric(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		a, b := randomNumeric(r), randomNumeric(r)
		ra, rb := ratOf(a), ratOf(b)
		exact := func(name string, got Numeric, err error, want *big.Rat) {
			if err != nil || ratOf(got).Cmp(want) != 0 {
				t.Fatalf("%v %s %v = %v, %v; want %v", a, name, b, got, err, want)
			}
		}
		sum, err := a.Add(b)
		exact("+", sum, err, new(big.Rat).Add(ra, rb))
		diff, err := a.Sub(b)
		exact("-", diff, err, new(big.Rat).Sub(ra, rb))
		product, err := a.Mul(b)
		exact("*", product, err, new(big.Rat).Mul(ra, rb))
		if got := a.Cmp(b); got != ra.Cmp(rb) {
			t.Fatalf("%v and %v compare %d", a, b, got)
		}
		if b.Sign() != 0 {
			q, err := a.Div(b)
			near(t, q, err, new(big.Rat).Quo(ra, rb))
			m, err := a.Mod(b)
			whole, err2 := a.DivTrunc(b)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			back := new(big.Rat).Add(new(big.Rat).Mul(ratOf(whole), rb), ratOf(m))
			exact("%", Numeric{}, nil, new(big.Rat).Sub(back, ra))
		}
		places := r.IntN(30) - 5
		near(t, a.Round(places), nil, ra)
		checkForms(t, a)
	}
}

// near demands that got is the decimal of its scale that is nearest to want.
func near(t *testing.T, got Numeric, err error, want *big.Rat) {
	t.Helper()
	diff := new(big.Rat).Sub(ratOf(got), want)
	unit := new(big.Rat).SetFrac(big.NewInt(1), pow10(got.Scale()))
	if got.Scale() == 0 {
		unit.SetInt64(100_000) // digits before the point may be rounded away
	}
	if err != nil || diff.Abs(diff).Cmp(unit.Quo(unit, big.NewRat(2, 1))) > 0 {
		t.Fatalf("%v, %v is not near %v", got, err, want)
	}
}

func checkForms(t *testing.T, n Numeric) {
	t.Helper()
	back, err := ParseNumeric(n.String())
	if err != nil || back.String() != n.String() || back.Cmp(n) != 0 {
		t.Fatalf("%v is read as %v, %v", n, back, err)
	}
	raw := n.appendBinary(nil)
	if back, err = parseBinaryNumeric(raw); err != nil || back.String() != n.String() {
		t.Fatalf("%v is received as %v, %v", n, back, err)
	}
}

// someValues returns values of a type, many of them equal or close.
func someValues(r *rand.Rand, typ *Type, n int) []Datum {
	texts := map[OID][]string{
		NumericOID: {"0", "0.0", "-0.5", "1", "1.00", "10", "100", "99.99", "1e20", "-1e20", "1e-20", "NaN", "Infinity", "-Infinity", "-1", "-10", "12.5"},
		TextOID:    {"", "a", "ab", "b", "A", "ä", "a ", "\x01", "aa"}, BpcharOID: {"", "a", "a ", "b", "a\x01", "ab"},
		IntervalOID:    {"1 day", "24 hours", "1 mon", "30 days", "-1 day", "0", "1 us", "-1 us", "23:59:59", "1 year"},
		JSONBOID:       {"1", "1.0", "2", `"a"`, `"b"`, "true", "false", "null", "[]", "[1]", "[1,2]", "[2]", "{}", `{"a":1}`, `{"a":1.00}`, `{"b":0}`, `{"aa":1}`},
		Float8OID:      {"0", "-0", "1", "-1", "NaN", "Infinity", "-Infinity", "1e-300", "-1e300"},
		Int8OID:        {"0", "1", "-1", "9223372036854775807", "-9223372036854775808", "256", "-256"},
		Int4.Array:     {"{}", "{1}", "{1,2}", "{2}", "{NULL}", "{1,NULL}", "{{1,2}}", "[0:0]={1}", "{{1},{2}}"},
		ByteaOID:       {`\x`, `\x00`, `\x0000`, `\x0001`, `\x01`, `\xff`, `\x00ff`},
		UUIDOID:        {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
		BitOID:         {"", "0", "1", "01", "10", "00000000", "000000000", "x80", "100000001"},
		VarbitOID:      {"", "0", "1", "01", "10", "x8", "x80"},
		TimestamptzOID: {"infinity", "-infinity", "2026-01-01Z", "1999-01-01Z"},
	}[typ.OID]
	out := make([]Datum, n)
	for i := range out {
		d, err := ParseText(DefaultSettings(), typ, -1, []byte(texts[r.IntN(len(texts))]))
		if err != nil {
			panic(err)
		}
		out[i] = d
	}
	return out
}

var orderedTypes = []*Type{NumericT, Text, Bpchar, IntervalT, JSONB, Float8, Int8, MustType(Int4.Array), Bytea, UUID, Timestamptz, Bit, Varbit}

// TestOrder demands that Compare and sort keys agree, that the order is total, and that keys may be joined.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, typ := range orderedTypes {
		v := NewVector(typ, 0)
		for _, d := range someValues(r, typ, 200) {
			v.Append(d)
		}
		keys := make([][]byte, v.Len())
		for i := range keys {
			keys[i] = AppendSortKey(nil, v, i)
		}
		for i := range keys {
			for j := range keys {
				c := CompareAt(v, i, v, j)
				show := func() string {
					s := DefaultSettings()
					return fmt.Sprintf("%s %s and %s", typ.Name, v.Datum(i).Text(s), v.Datum(j).Text(s))
				}
				if got := bytes.Compare(keys[i], keys[j]); sign(got) != sign(c) {
					t.Fatalf("%s compare %d, their keys %x and %x %d", show(), c, keys[i], keys[j], got)
				}
				if c != 0 && (bytes.HasPrefix(keys[i], keys[j]) || bytes.HasPrefix(keys[j], keys[i])) {
					t.Fatalf("%s: one key starts with the other", show())
				}
				if sign(Compare(v.Datum(j), v.Datum(i))) != -sign(c) {
					t.Fatalf("%s: the order is not antisymmetric", show())
				}
			}
		}
	}
}

func sign(c int) int { return cmp.Compare(c, 0) }

// TestVector runs random operations on a vector and on a plain slice of datums.
func TestVector(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, typ := range orderedTypes {
		var v Vector
		v.Reset(typ, 0)
		var twin []Datum
		for step := range 2000 {
			d := someValues(r, typ, 1)[0]
			if r.IntN(6) == 0 {
				d = Null(typ)
			}
			switch op := r.IntN(20); {
			case op < 10:
				v.Append(d)
				twin = append(twin, d)
			case len(twin) == 0:
			case op < 14:
				i := r.IntN(len(twin))
				v.Set(i, d)
				twin[i] = d
			case op < 16:
				i, j := r.IntN(len(twin)), r.IntN(len(twin))
				v.Copy(i, &v, j)
				twin[i] = twin[j]
			case op < 18:
				i := r.IntN(len(twin))
				v.AppendFrom(&v, i)
				twin = append(twin, twin[i])
			case op == 18:
				sel := []int32{int32(r.IntN(len(twin))), 0, int32(r.IntN(len(twin)))}
				var w Vector
				w.Gather(&v, sel)
				v, twin = w, []Datum{twin[sel[0]], twin[0], twin[sel[2]]}
			case step%7 == 0:
				v.Reset(typ, 0)
				twin = twin[:0]
			}
			if v.Len() != len(twin) {
				t.Fatalf("%s: %d values, want %d", typ.Name, v.Len(), len(twin))
			}
			for i, want := range twin {
				if got := v.Datum(i); got.Null != want.Null || !got.Null && Compare(got, want) != 0 {
					t.Fatalf("%s value %d: %v, want %v", typ.Name, i, got, want)
				}
			}
		}
	}
}

// TestAlloc hands out memory that does not overlap.
func TestAlloc(t *testing.T) {
	v := NewVector(Bytea, 0)
	var all [][]byte
	for i := range 3000 {
		b := v.Alloc(i % 97)
		for j := range b {
			b[j] = byte(i)
		}
		all = append(all, b)
	}
	for i, b := range all {
		if len(b) != i%97 || cap(b) != len(b) || bytes.Count(b, []byte{byte(i)}) != len(b) {
			t.Fatalf("allocation %d was overwritten or has the wrong size", i)
		}
	}
}

func TestFloatText(t *testing.T) {
	s := DefaultSettings()
	for digits, want := range map[int]string{1: "0.1", 0: "0.1", -5: "0.1", 3: "0.1"} {
		s.ExtraFloatDigits = digits
		if got := NewFloat(Float8, 0.1).Text(s); got != want {
			t.Errorf("0.1 with extra_float_digits %d is %s", digits, got)
		}
	}
	s.ExtraFloatDigits = 0
	for f, want := range map[float64]string{
		1.0 / 3: "0.333333333333333", 1e15: "1e+15", 123456: "123456", 2.5e-7: "2.5e-07", 99999999999999.99: "100000000000000", 0: "0",
	} {
		if got := NewFloat(Float8, f).Text(s); got != want {
			t.Errorf("%v with extra_float_digits 0 is %s, want %s", f, got, want)
		}
	}
	if got := NewFloat(Float8, math.MaxFloat64).Text(DefaultSettings()); got != "1.7976931348623157e+308" {
		t.Error(got)
	}
}

// TestLongNumbersStop ends computations of long numbers when they are not wanted any more.
func TestLongNumbersStop(t *testing.T) {
	long, err := ParseNumeric("1." + strings.Repeat("7", 3000))
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	for name, f := range map[string]func(Check) (Numeric, error){
		"ln": long.Ln, "log10": long.Log10, "exp": long.Exp,
		"power": func(c Check) (Numeric, error) { return long.PowBroken(long, c) },
		"log":   func(c Check) (Numeric, error) { return long.LogBase(IntNumeric(3), c) },
	} {
		calls := 0
		if _, err := f(func() error { calls++; return nil }); err != nil || calls < 20 {
			t.Errorf("%s: %v after %d checks", name, err, calls)
		}
		at := calls / 2
		if _, err := f(func() error {
			if at--; at < 0 {
				return stop
			}
			return nil
		}); !errors.Is(err, stop) {
			t.Errorf("%s goes on: %v", name, err)
		}
	}
}

// TestLongLogarithm takes logarithms of the longest numbers, which must not cost more than the digits that are shown.
func TestLongLogarithm(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("9", 130000):          "299336.06208922594",
		"1" + strings.Repeat("0", 130000):    "299336.06208922594",
		"1." + strings.Repeat("0", 20) + "1": "0.0000000000000000000010000000000000000",
	} {
		n, err := ParseNumeric(text)
		if err != nil {
			t.Fatal(err)
		}
		if ln, err := n.Ln(func() error { return nil }); err != nil || ln.String() != want {
			t.Errorf("ln of %d digits: %s %v, want %s", len(text), ln.String(), err, want)
		}
	}
}

// TestRecycle: the byte strings of a recycled vector do not overlap while they live, and those that come after are in the same memory.
func TestRecycle(t *testing.T) {
	v := new(Vector)
	v.Recycle()
	where := map[*byte]bool{}
	again := 0
	for round := range 20 {
		v.Reset(Bytea, 50)
		for i := range v.Bytes {
			v.SetBytes(i, bytes.Repeat([]byte{byte(i)}, 1+round*i%2600))
			if at := &v.Bytes[i][0]; where[at] {
				again++
			} else {
				where[at] = true
			}
		}
		v.Bytes[3] = v.Alloc(1 << 20) // in memory of its own
		for i, b := range v.Bytes {
			if i != 3 && (cap(b) != 1+round*i%2600 || bytes.Count(b, []byte{byte(i)}) != cap(b)) {
				t.Fatalf("round %d: value %d was overwritten", round, i)
			}
		}
		if round%3 == 0 {
			v.Release()
		}
	}
	if again == 0 {
		t.Error("no memory was used again")
	}
}
