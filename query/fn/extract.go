package fn

import (
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

func extractFunctions() []*Function {
	var out []*Function
	for _, t := range []*value.Type{value.Timestamp, value.Timestamptz, value.Date, value.Time, value.IntervalT} {
		words := ""
		if t == value.Timestamptz {
			words = " stable"
		}
		field := extractor(t)
		out = append(out, def("extract(text,"+t.Name+") numeric"+words, extractKernel(t, field)))
		part, of := field, t
		if t == value.Date { // is a timestamp first
			part, of = func(_ *Env, u fieldUnit, v *value.Vector, i int32) (value.Numeric, error) {
				at, err := dateToTimestamp(v.Ints[i])
				if err != nil {
					return value.Numeric{}, err
				}
				return timestampField(nil, u, value.Timestamp, at)
			}, value.Timestamp
		}
		out = append(out, def("date_part(text,"+t.Name+") float8"+words, extractKernel(of, part)))
	}
	return out
}

// A fieldUnit is the unit of a field, and how the statement spells it.
type fieldUnit struct{ unit, name string }

type fieldFunc func(env *Env, u fieldUnit, v *value.Vector, i int32) (value.Numeric, error)

// extractKernel looks the unit up once as long as it stays the same, and of times computes the field once for all of a timespan.
func extractKernel(t *value.Type, field fieldFunc) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		var u fieldUnit
		var same timespan
		var last int32 // a row in same
		zone := time.UTC
		if t == value.Timestamptz {
			zone = env.Settings.Zone
		}
		timed := t == value.Timestamptz || t == value.Timestamp && args[1].Type == t
		for k, i := range all(n, sel) {
			if k == 0 || string(args[0].Bytes[i]) != u.name {
				same = timespan{}
				u.name = string(args[0].Bytes[i])
				var err error
				if u.unit, err = unitOf(u.name, t); err != nil {
					return err
				}
			}
			if timed && same.holds(args[1].Ints[i]) {
				out.Copy(int(i), out, int(last))
				continue
			}
			x, err := field(env, u, args[1], i)
			if timed && err == nil && value.FiniteTimestamp(args[1].Ints[i]) {
				same, last = unitSpan(zone, u.unit, args[1].Ints[i]), i
			}
			switch {
			case err == errNull:
				out.SetNull(int(i))
			case err != nil:
				return err
			case out.Type == value.NumericT:
				out.Boxes[i] = x
			default:
				out.Floats[i] = x.Float()
			}
		}
		return nil
	}
}

func extractor(t *value.Type) fieldFunc {
	switch t {
	case value.Date:
		return func(_ *Env, u fieldUnit, v *value.Vector, i int32) (value.Numeric, error) {
			return dateField(u, v.Ints[i])
		}
	case value.Time:
		return func(_ *Env, u fieldUnit, v *value.Vector, i int32) (value.Numeric, error) {
			return timeField(u, v.Ints[i])
		}
	case value.IntervalT:
		return func(_ *Env, u fieldUnit, v *value.Vector, i int32) (value.Numeric, error) {
			return intervalField(u, v.Boxes[i].(value.Interval))
		}
	case value.Timestamptz:
		return func(env *Env, u fieldUnit, v *value.Vector, i int32) (value.Numeric, error) {
			return timestampField(env.Settings.Zone, u, t, v.Ints[i])
		}
	}
	return func(_ *Env, u fieldUnit, v *value.Vector, i int32) (value.Numeric, error) {
		return timestampField(nil, u, t, v.Ints[i])
	}
}

// clockField returns the fields that lie below a day; micros is the time since midnight.
func clockField(unit string, micros int64) (value.Numeric, bool) {
	switch unit {
	case "microseconds":
		return value.IntNumeric(micros % value.Minute), true
	case "milliseconds":
		return value.DecimalNumeric(micros%value.Minute, 3), true
	case "second":
		return value.DecimalNumeric(micros%value.Minute, 6), true
	case "minute":
		return value.IntNumeric(micros / value.Minute % 60), true
	case "hour":
		return value.IntNumeric(micros / value.Hour), true
	}
	return value.Numeric{}, false
}

// dayField returns the fields that whole days have.
func dayField(unit string, days int64) (int64, bool) {
	y, m, d := value.CivilOf(days)
	switch unit {
	case "day":
		return int64(d), true
	case "month":
		return int64(m), true
	case "quarter":
		return int64(m-1)/3 + 1, true
	case "week":
		_, w := isoWeek(days)
		return int64(w), true
	case "isoyear":
		iso, _ := isoWeek(days)
		if iso <= 0 {
			iso--
		}
		return int64(iso), true
	case "year":
		if y <= 0 {
			y--
		}
		return int64(y), true
	case "decade":
		return value.FloorDiv(int64(y), 10), true
	case "century":
		return epochYears(y, 100), true
	case "millennium":
		return epochYears(y, 1000), true
	case "dow":
		return int64(isoWeekday(days) % 7), true
	case "isodow":
		return int64(isoWeekday(days)), true
	case "doy":
		return days - value.DateOf(y, 1, 1) + 1, true
	}
	return 0, false
}

// epochYears numbers centuries and millennia from 1, and from -1 before our era.
func epochYears(y, length int) int64 {
	if y > 0 {
		return int64((y + length - 1) / length)
	}
	return int64(-((length - 1 - (y - 1)) / length))
}

// isoWeek returns the ISO year and week of a date.
func isoWeek(days int64) (year, week int) {
	thursday := days - int64(isoWeekday(days)) + 4
	year, _, _ = value.CivilOf(thursday)
	return year, int(thursday-value.DateOf(year, 1, 1))/7 + 1
}

// infiniteField returns a field of an infinite date: an infinity where the field grows without end, else null.
func infiniteField(u fieldUnit, t *value.Type, positive bool) (value.Numeric, error) {
	switch u.unit {
	case "year", "decade", "century", "millennium", "julian", "isoyear", "epoch":
		return value.FloatNumeric(math.Inf(2*int(value.BoolInt(positive))-1), false), nil
	case "timezone", "timezone_hour", "timezone_minute":
		if t != value.Timestamptz {
			return value.Numeric{}, unsupportedUnit(u.name, t)
		}
	}
	return value.Numeric{}, errNull
}

func timestampField(zone *time.Location, u fieldUnit, t *value.Type, at int64) (value.Numeric, error) {
	unit := u.unit
	if !value.FiniteTimestamp(at) {
		return infiniteField(u, t, at > 0)
	}
	if unit == "epoch" {
		return value.DecimalNumeric(at+value.UnixToMicros, 6), nil
	}
	off := 0
	if t == value.Timestamptz {
		off = value.Offset(zone, at)
	}
	days, micros := value.Split(at + int64(off)*value.Second)
	if n, ok := clockField(unit, micros); ok {
		return n, nil
	}
	if n, ok := dayField(unit, days); ok {
		return value.IntNumeric(n), nil
	}
	switch {
	case unit == "julian":
		frac, err := value.IntNumeric(micros).Div(value.IntNumeric(value.Day))
		if err != nil {
			return frac, err
		}
		return value.IntNumeric(days + 2451545).Add(frac)
	case t != value.Timestamptz:
		return value.Numeric{}, unsupportedUnit(u.name, t)
	case unit == "timezone_hour":
		return value.IntNumeric(int64(off / 3600)), nil
	case unit == "timezone_minute":
		return value.IntNumeric(int64(off / 60 % 60)), nil
	}
	return value.IntNumeric(int64(off)), nil
}

func dateField(u fieldUnit, d int64) (value.Numeric, error) {
	unit := u.unit
	if _, clock := clockField(unit, 0); clock || strings.HasPrefix(unit, "timezone") {
		return value.Numeric{}, unsupportedUnit(u.name, value.Date)
	}
	if infiniteDate(d) {
		return infiniteField(u, value.Date, d > 0)
	}
	switch unit {
	case "epoch":
		return value.IntNumeric(d*86400 + value.UnixToMicros/value.Second), nil
	case "julian":
		return value.IntNumeric(d + 2451545), nil
	}
	n, _ := dayField(unit, d)
	return value.IntNumeric(n), nil
}

func timeField(u fieldUnit, micros int64) (value.Numeric, error) {
	unit := u.unit
	if n, ok := clockField(unit, micros); ok {
		return n, nil
	}
	if unit == "epoch" {
		return value.DecimalNumeric(micros, 6), nil
	}
	return value.Numeric{}, unsupportedUnit(u.name, value.Time)
}

func intervalField(u fieldUnit, v value.Interval) (value.Numeric, error) {
	unit := u.unit
	if n, ok := clockField(unit, v.Micros); ok {
		return n, nil
	}
	months := int64(v.Months)
	switch unit {
	case "day":
		return value.IntNumeric(int64(v.Days)), nil
	case "month":
		return value.IntNumeric(months % 12), nil
	case "quarter":
		return value.IntNumeric(months%12/3 + 1), nil
	case "year":
		return value.IntNumeric(months / 12), nil
	case "decade":
		return value.IntNumeric(months / 120), nil
	case "century":
		return value.IntNumeric(months / 1200), nil
	case "millennium":
		return value.IntNumeric(months / 12000), nil
	case "epoch":
		// A year has 365.25 days, a month 30.
		sec := months/12*31557600 + months%12*30*86400 + int64(v.Days)*86400
		micros := new(big.Int).Mul(big.NewInt(sec), big.NewInt(value.Second))
		return value.BigNumeric(micros.Add(micros, big.NewInt(v.Micros)), 6), nil
	}
	return value.Numeric{}, unsupportedUnit(u.name, value.IntervalT)
}
