package fn

import (
	"math"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

func dateOperators() []*Function {
	type plus func(env *Env, t int64, v value.Interval) (int64, error)
	timestamp := func(_ *Env, t int64, v value.Interval) (int64, error) { return addToTimestamp(t, v) }
	zoned := func(env *Env, t int64, v value.Interval) (int64, error) { return addToZoned(env.Settings.Zone, t, v) }
	date := func(_ *Env, d int64, v value.Interval) (int64, error) {
		t, err := dateToTimestamp(d)
		if err != nil {
			return 0, err
		}
		return addToTimestamp(t, v)
	}
	clock := func(_ *Env, t int64, v value.Interval) (int64, error) {
		_, m := value.Split(t + v.Micros%value.Day)
		return m, nil
	}
	var out []*Function
	for _, a := range []struct {
		from, to, words string
		f               plus
	}{
		{"timestamp", "timestamp", "", timestamp}, {"timestamptz", "timestamptz", " stable", zoned},
		{"date", "timestamp", "", date}, {"time", "time", "", clock},
	} {
		minus := func(env *Env, t int64, v value.Interval) (int64, error) {
			n, err := negate(v)
			if err != nil {
				return 0, err
			}
			return a.f(env, t, n)
		}
		out = append(out,
			def("+("+a.from+",interval) "+a.to+a.words, map2[ints, spans, ints](a.f)),
			def("-("+a.from+",interval) "+a.to+a.words, map2[ints, spans, ints](minus)),
			def("+(interval,"+a.from+") "+a.to+a.words, map2[spans, ints, ints](func(env *Env, v value.Interval, t int64) (int64, error) {
				return a.f(env, t, v)
			})))
	}
	out = append(out, intervalOperators()...)
	return append(out,
		def("-(timestamp,timestamp) interval", map2[ints, ints, spans](difference)),
		def("-(timestamptz,timestamptz) interval", map2[ints, ints, spans](difference)),
		def("-(time,time) interval", map2[ints, ints, spans](func(_ *Env, a, b int64) (value.Interval, error) {
			return value.Interval{Micros: a - b}, nil
		})),
		def("-(date,date) int4", map2[ints, ints, ints](func(_ *Env, a, b int64) (int64, error) {
			if infiniteDate(a) || infiniteDate(b) {
				return 0, value.Errorf(value.CodeDatetimeRange, "cannot subtract infinite dates")
			}
			return a - b, nil
		})),
		def("+(date,int4) date", map2[ints, ints, ints](func(_ *Env, d, n int64) (int64, error) { return addDays(d, n) })),
		def("+(int4,date) date", map2[ints, ints, ints](func(_ *Env, n, d int64) (int64, error) { return addDays(d, n) })),
		def("-(date,int4) date", map2[ints, ints, ints](func(_ *Env, d, n int64) (int64, error) { return addDays(d, -n) })),
		def("+(date,time) timestamp", map2[ints, ints, ints](func(_ *Env, d, t int64) (int64, error) {
			return addDateTime(d, t)
		})),
		def("+(time,date) timestamp", map2[ints, ints, ints](func(_ *Env, t, d int64) (int64, error) {
			return addDateTime(d, t)
		})))
}

func infiniteDate(d int64) bool { return d == value.DateInf || d == value.DateNegInf }

func addDays(d, n int64) (int64, error) {
	if infiniteDate(d) {
		return d, nil
	}
	if !value.ValidDate(d + n) {
		return 0, value.Errorf(value.CodeDatetimeRange, "date out of range")
	}
	return d + n, nil
}

// difference is in days and time.
func difference(_ *Env, a, b int64) (value.Interval, error) {
	if !value.FiniteTimestamp(a) || !value.FiniteTimestamp(b) {
		return value.Interval{}, value.Errorf(value.CodeDatetimeRange, "cannot subtract infinite timestamps")
	}
	d := a - b
	if (d < a) != (b > 0) && b != 0 {
		return value.Interval{}, errIntervalRange
	}
	return justifyHours(value.Interval{Micros: d})
}

func intervalOperators() []*Function {
	return []*Function{
		def("+(interval,interval) interval", map2[spans, spans, spans](func(_ *Env, a, b value.Interval) (value.Interval, error) {
			return addIntervals(a, b)
		})),
		def("-(interval,interval) interval", map2[spans, spans, spans](func(_ *Env, a, b value.Interval) (value.Interval, error) {
			n, err := negate(b)
			if err != nil {
				return n, err
			}
			return addIntervals(a, n)
		})),
		def("-(interval) interval", map1[spans, spans](func(_ *Env, v value.Interval) (value.Interval, error) { return negate(v) })),
		def("*(interval,float8) interval", map2[spans, floats, spans](func(_ *Env, v value.Interval, f float64) (value.Interval, error) {
			return scaleInterval(v, f)
		})),
		def("*(float8,interval) interval", map2[floats, spans, spans](func(_ *Env, f float64, v value.Interval) (value.Interval, error) {
			return scaleInterval(v, f)
		})),
		def("/(interval,float8) interval", map2[spans, floats, spans](func(_ *Env, v value.Interval, f float64) (value.Interval, error) {
			return divideInterval(v, f)
		})),
	}
}

// zoneFunctions declares AT TIME ZONE.
func zoneFunctions() []*Function {
	toLocal := func(zone *time.Location, t int64) int64 { return value.ToLocal(zone, t) }
	toZoned := func(zone *time.Location, t int64) int64 { return value.FromLocal(zone, t) }
	var out []*Function
	for _, d := range []struct {
		from, to string
		f        func(*time.Location, int64) int64
	}{{"timestamptz", "timestamp", toLocal}, {"timestamp", "timestamptz", toZoned}} {
		out = append(out,
			def("timezone(text,"+d.from+") "+d.to, map2[texts, ints, ints](func(_ *Env, name string, t int64) (int64, error) {
				if !value.FiniteTimestamp(t) {
					return t, nil // as of no zone
				}
				zone, err := value.LoadZone(name)
				if err != nil {
					return 0, err
				}
				return d.f(zone, t), nil
			})),
			def("timezone(interval,"+d.from+") "+d.to, map2[spans, ints, ints](func(_ *Env, v value.Interval, t int64) (int64, error) {
				if !value.FiniteTimestamp(t) {
					return t, nil
				}
				if v.Months != 0 || v.Days != 0 {
					return 0, value.Errorf(value.CodeInvalidParameter, "interval time zone \"%s\" must not include months or days", v)
				}
				return d.f(time.FixedZone("", int(v.Micros/value.Second)), t), nil
			})))
	}
	return out
}

// The units of date_trunc and extract; aliases are Postgres'.
var unitNames = func() map[string]string {
	m := map[string]string{}
	for unit, names := range map[string]string{
		"microseconds": "us usec usecs usecond useconds microsecon microsecond microseconds",
		"milliseconds": "ms msec msecs msecond mseconds millisecon millisecond milliseconds",
		"second":       "s sec secs second seconds", "minute": "m min mins minute minutes", "hour": "h hr hrs hour hours",
		"day": "d day days", "week": "w week weeks", "month": "mon mons month months", "quarter": "qtr quarter quarters",
		"year": "y yr yrs year years", "decade": "dec decs decade decades", "century": "c cent century centuries",
		"millennium": "mil mils millennia millennium", "epoch": "epoch", "dow": "dow", "isodow": "isodow", "doy": "doy",
		"isoyear": "isoyear", "julian": "j jd julian", "timezone": "timezone", "timezone_hour": "timezone_h timezone_hour",
		"timezone_minute": "timezone_m timezone_minute",
	} {
		for _, n := range strings.Fields(names) {
			m[n] = unit
		}
	}
	return m
}()

func unitOf(name string, t *value.Type) (string, error) {
	if u, ok := unitNames[strings.ToLower(name)]; ok {
		return u, nil
	}
	return "", unknownUnit(name, t)
}

func unknownUnit(name string, t *value.Type) error {
	return value.Errorf(value.CodeInvalidParameter, "unit \"%s\" not recognized for type %s", strings.ToLower(name), t.SQL)
}

func unsupportedUnit(name string, t *value.Type) error {
	return value.Errorf(value.CodeUnsupported, "unit \"%s\" not supported for type %s", strings.ToLower(name), t.SQL)
}

func truncFunctions() []*Function {
	return []*Function{
		def("date_trunc(text,timestamp) timestamp", truncKernel(value.Timestamp)),
		def("date_trunc(text,timestamptz) timestamptz stable", truncKernel(value.Timestamptz)),
		def("date_trunc(text,timestamptz,text) timestamptz stable", truncKernel(value.Timestamptz)),
		def("date_trunc(text,interval) interval", map2[texts, spans, spans](truncInterval)),
		def("date_bin(interval,timestamp,timestamp) timestamp", binKernel),
		def("date_bin(interval,timestamptz,timestamptz) timestamptz", binKernel),
	}
}

// truncKernel looks unit and zone up once as long as they stay the same, and truncates once for all times of a timespan.
func truncKernel(t *value.Type) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		var unit, name, zoneName string
		var length, off, cut int64
		var same, offset timespan // of cut, of off
		zone := env.Settings.Zone
		if t == value.Timestamp {
			zone = time.UTC
		}
		known, inZone := false, false
		for _, i := range all(n, sel) {
			at := args[1].Ints[i]
			if !value.FiniteTimestamp(at) {
				out.Ints[i] = at // whatever the unit
				continue
			}
			if !known || string(args[0].Bytes[i]) != name {
				known, same = true, timespan{}
				name = string(args[0].Bytes[i])
				var err error
				if unit, err = truncUnit(name, t); err != nil {
					return err
				}
				length = clockUnits[unit]
			}
			if len(args) == 3 && (!inZone || string(args[2].Bytes[i]) != zoneName) {
				inZone, zoneName = true, string(args[2].Bytes[i])
				var err error
				if zone, err = value.LoadZone(zoneName); err != nil {
					return err
				}
				same, offset = timespan{}, timespan{}
			}
			if same.holds(at) {
				out.Ints[i] = cut
				continue
			}
			if length > 0 {
				if !offset.holds(at) {
					off, offset.from, offset.to = value.ZoneSpan(zone, at)
				}
				cut = value.FloorDiv(at+off, length)*length - off
			} else {
				cut = value.FromLocal(zone, truncate(unit, value.ToLocal(zone, at)))
			}
			same = unitSpan(zone, unit, at)
			out.Ints[i] = cut
		}
		return nil
	}
}

// clockUnits holds the lengths of the units below a day.
var clockUnits = map[string]int64{
	"microseconds": 1, "milliseconds": 1000, "second": value.Second, "minute": value.Minute, "hour": value.Hour,
}

func truncUnit(name string, t *value.Type) (string, error) {
	unit, err := unitOf(name, t)
	if err != nil {
		return "", err
	}
	switch unit {
	case "epoch", "dow", "isodow", "doy", "isoyear", "julian":
		return "", unknownUnit(name, t)
	case "timezone", "timezone_hour", "timezone_minute":
		return "", unsupportedUnit(name, t)
	}
	return unit, nil
}

// truncate cuts a finite timestamp to a unit of whole days.
func truncate(unit string, t int64) int64 {
	days := value.FloorDiv(t, value.Day)
	y, m, _ := value.CivilOf(days)
	switch unit {
	case "week":
		days -= int64(isoWeekday(days) - 1)
	case "month":
		days = value.DateOf(y, m, 1)
	case "quarter":
		days = value.DateOf(y, (m-1)/3*3+1, 1)
	case "year":
		days = value.DateOf(y, 1, 1)
	case "decade":
		days = value.DateOf(int(value.FloorDiv(int64(y), 10))*10, 1, 1)
	case "century":
		days = value.DateOf(firstOf(y, 100), 1, 1)
	case "millennium":
		days = value.DateOf(firstOf(y, 1000), 1, 1)
	}
	return days * value.Day
}

// firstOf returns the first year of the century or millennium of y: those of our era end with a round year.
func firstOf(y, length int) int {
	if y > 0 {
		return (y+length-1)/length*length - length + 1
	}
	return -((length-1-(y-1))/length)*length + 1
}

// isoWeekday is 1 for Monday to 7 for Sunday; 2000-01-01 was a Saturday.
func isoWeekday(days int64) int {
	d := (days + 5) % 7
	if d < 0 {
		d += 7
	}
	return int(d) + 1
}

func truncInterval(_ *Env, name string, v value.Interval) (value.Interval, error) {
	unit, err := unitOf(name, value.IntervalT)
	if err != nil {
		return v, err
	}
	cut := func(n, unit int64) int64 { return n / unit * unit }
	months := int64(v.Months)
	switch unit {
	case "microseconds", "milliseconds", "second", "minute", "hour":
		v.Micros = cut(v.Micros, clockUnits[unit])
		return v, nil
	case "day":
		v.Micros = 0
		return v, nil
	case "month":
	case "quarter":
		months = cut(months, 3)
	case "year":
		months = cut(months, 12)
	case "decade":
		months = cut(months, 120)
	case "century":
		months = cut(months, 1200)
	case "millennium":
		months = cut(months, 12000)
	case "week":
		return v, &value.Error{
			Code: value.CodeUnsupported, Message: "unit \"" + strings.ToLower(name) + "\" not supported for type interval",
			Detail: "Months usually have fractional weeks.",
		}
	case "timezone", "timezone_hour", "timezone_minute":
		return v, unsupportedUnit(name, value.IntervalT)
	default:
		return v, unknownUnit(name, value.IntervalT)
	}
	return value.Interval{Months: int32(months)}, nil
}

// binKernel computes a bin once for all times that follow each other in it.
func binKernel(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	var bin timespan
	var stride value.Interval
	var origin int64
	for k, i := range all(n, sel) {
		t := args[1].Ints[i]
		if s := args[0].Boxes[i].(value.Interval); k == 0 || s != stride || args[2].Ints[i] != origin {
			bin, stride, origin = timespan{}, s, args[2].Ints[i]
		}
		switch {
		case bin.holds(t):
			out.Ints[i] = bin.from
			continue
		case !value.FiniteTimestamp(t):
			out.Ints[i] = t
			continue
		}
		var err error
		if bin, err = dateBin(stride, t, origin); err != nil {
			return err
		}
		out.Ints[i] = bin.from
	}
	return nil
}

// dateBin returns the bin of a finite time.
func dateBin(stride value.Interval, t, origin int64) (timespan, error) {
	switch {
	case !value.FiniteTimestamp(origin):
		return timespan{}, value.Errorf(value.CodeDatetimeRange, "origin out of range")
	case stride.Months != 0:
		return timespan{}, value.Errorf(value.CodeUnsupported, "timestamps cannot be binned into intervals containing months or years")
	}
	width := int64(stride.Days)*value.Day + stride.Micros
	if width <= 0 {
		return timespan{}, value.Errorf(value.CodeDatetimeRange, "stride must be greater than zero")
	}
	diff := t - origin
	if (diff < t) != (origin > 0) && origin != 0 || diff == math.MinInt64 {
		return timespan{}, errIntervalRange
	}
	from := origin + value.FloorDiv(diff, width)*width
	if from > t || from+width < from { // an end of the bin is no timestamp: it holds nothing else
		return timespan{from, from}, nil
	}
	return timespan{from, from + width}, nil
}
