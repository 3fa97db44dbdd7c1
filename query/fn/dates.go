package fn

import (
	"math"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

func dateFunctions() []*Function {
	at := func(sig string, f func(*Env) int64) *Function {
		return def(sig, map0[ints](func(env *Env) (int64, error) { return f(env), nil }))
	}
	txn := func(env *Env) int64 { return env.Settings.Now }
	local := func(env *Env) int64 { return value.ToLocal(env.Settings.Zone, env.Settings.Now) }
	out := []*Function{
		at("now() timestamptz stable", txn),
		at("transaction_timestamp() timestamptz stable", txn),
		at("statement_timestamp() timestamptz stable", func(env *Env) int64 { return env.Statement }),
		at("clock_timestamp() timestamptz volatile", func(env *Env) int64 { return value.FromTime(env.Clock()) }),
		def("to_timestamp(float8) timestamptz", map1[floats, ints](fromEpoch)),
		def("make_date(int4,int4,int4) date", rowwise(makeDate)),
		def("make_time(int4,int4,float8) time", rowwise(makeTime)),
		def("make_timestamp(int4,int4,int4,int4,int4,float8) timestamp", rowwise(makeTimestamp)),
		def("make_timestamptz(int4,int4,int4,int4,int4,float8) timestamptz stable", rowwise(makeTimestamptz)),
		def("make_timestamptz(int4,int4,int4,int4,int4,float8,text) timestamptz stable", rowwise(makeTimestamptz)),
		makeIntervalFunction(),
		def("isfinite(date) bool", map1[ints, bools](func(_ *Env, d int64) (bool, error) {
			return d != value.DateInf && d != value.DateNegInf, nil
		})),
		def("isfinite(timestamp) bool", map1[ints, bools](func(_ *Env, t int64) (bool, error) { return value.FiniteTimestamp(t), nil })),
		def("isfinite(timestamptz) bool", map1[ints, bools](func(_ *Env, t int64) (bool, error) { return value.FiniteTimestamp(t), nil })),
		def("isfinite(interval) bool", map1[spans, bools](func(_ *Env, _ value.Interval) (bool, error) { return true, nil })),
		def("justify_hours(interval) interval", map1[spans, spans](func(_ *Env, v value.Interval) (value.Interval, error) { return justifyHours(v) })),
		def("justify_days(interval) interval", map1[spans, spans](func(_ *Env, v value.Interval) (value.Interval, error) { return justifyDays(v) })),
		def("justify_interval(interval) interval", map1[spans, spans](justifyInterval)),
		def("age(timestamp,timestamp) interval", map2[ints, ints, spans](func(_ *Env, a, b int64) (value.Interval, error) { return age(a, b) })),
		def("age(timestamptz,timestamptz) interval", map2[ints, ints, spans](func(env *Env, a, b int64) (value.Interval, error) {
			return age(value.ToLocal(env.Settings.Zone, a), value.ToLocal(env.Settings.Zone, b))
		})),
		def("age(timestamp) interval stable", map1[ints, spans](func(env *Env, b int64) (value.Interval, error) {
			d, _ := value.Split(local(env))
			return age(d*value.Day, b)
		})),
		def("age(timestamptz) interval stable", map1[ints, spans](func(env *Env, b int64) (value.Interval, error) {
			d, _ := value.Split(local(env))
			return age(d*value.Day, value.ToLocal(env.Settings.Zone, b))
		})),
	}
	out = append(out, zoneFunctions()...)
	out = append(out, truncFunctions()...)
	out = append(out, extractFunctions()...)
	return append(out, charFunctions()...)
}

func fromEpoch(_ *Env, sec float64) (int64, error) {
	switch {
	case math.IsNaN(sec):
		return 0, value.Errorf(value.CodeDatetimeRange, "timestamp cannot be NaN")
	case math.IsInf(sec, 1):
		return value.Infinity, nil
	case math.IsInf(sec, -1):
		return value.NegInfinity, nil
	}
	micros := (sec - float64(value.UnixToMicros/value.Second)) * 1e6
	if math.Abs(micros) < 1<<62 {
		if t := int64(math.RoundToEven(micros)); value.ValidTimestamp(t) {
			return t, nil
		}
	}
	return 0, value.Errorf(value.CodeDatetimeRange, "timestamp out of range: \"%s\"", trimFloat(sec))
}

func trimFloat(f float64) string {
	return value.NewFloat(value.Float8, f).Text(value.DefaultSettings())
}

// civil checks a date given by its fields; negative years are BC.
func civil(y, m, d int64) (int64, error) {
	if y < 0 {
		y++
		if y > 0 {
			y = 0
		}
	} else if y == 0 {
		y = math.MinInt32
	}
	if m < 1 || m > 12 || y == math.MinInt32 || d < 1 || y > 6_000_000 || y < -6_000_000 || d > int64(value.DaysIn(int(y), int(m))) {
		return 0, errField
	}
	return value.DateOf(int(y), int(m), int(d)), nil
}

var errField = value.Errorf(value.CodeDatetimeRange, "date/time field value out of range")

func dateFault(args []value.Datum) error {
	return value.Errorf(value.CodeDatetimeRange, "date field value out of range: %d-%02d-%02d", args[0].I, args[1].I, args[2].I)
}

func makeDate(_ *Env, args []value.Datum) (value.Datum, error) {
	d, err := civil(args[0].I, args[1].I, args[2].I)
	if err != nil || !value.ValidDate(d) {
		return value.Datum{}, dateFault(args)
	}
	return value.NewInt(value.Date, d), nil
}

// clock checks a time given by its fields.
func clock(h, m int64, s float64) (int64, bool) {
	micros := math.RoundToEven(s * 1e6)
	if h < 0 || m < 0 || m > 59 || !(micros >= 0 && micros <= 60e6) {
		return 0, false
	}
	t := h*value.Hour + m*value.Minute + int64(micros)
	return t, t <= value.Day
}

func makeTime(_ *Env, args []value.Datum) (value.Datum, error) {
	t, ok := clock(args[0].I, args[1].I, args[2].F)
	if !ok {
		return value.Datum{}, timeFault(args)
	}
	return value.NewInt(value.Time, t), nil
}

func timeFault(args []value.Datum) error {
	sec := trimFloat(args[2].F)
	if i := strings.IndexByte(sec, '.'); i == 1 || i < 0 && len(sec) == 1 {
		sec = "0" + sec
	}
	return value.Errorf(value.CodeDatetimeRange, "time field value out of range: %d:%02d:%s", args[0].I, args[1].I, sec)
}

func localFields(args []value.Datum) (int64, error) {
	d, err := civil(args[0].I, args[1].I, args[2].I)
	if err != nil {
		return 0, dateFault(args)
	}
	t, ok := clock(args[3].I, args[4].I, args[5].F)
	if !ok {
		return 0, timeFault(args[3:])
	}
	if at := d*value.Day + t; value.ValidDate(d) && d < value.Infinity/value.Day && value.ValidTimestamp(at) {
		return at, nil
	}
	return 0, errTimestampRange
}

func makeTimestamp(_ *Env, args []value.Datum) (value.Datum, error) {
	t, err := localFields(args)
	return value.NewInt(value.Timestamp, t), err
}

func makeTimestamptz(env *Env, args []value.Datum) (value.Datum, error) {
	t, err := localFields(args)
	if err != nil {
		return value.Datum{}, err
	}
	zone := env.Settings.Zone
	if len(args) == 7 {
		if zone, err = value.LoadZone(string(args[6].B)); err != nil {
			return value.Datum{}, err
		}
	}
	return value.NewInt(value.Timestamptz, value.FromLocal(zone, t)), nil
}

func makeIntervalFunction() *Function {
	f := def("make_interval(int4,int4,int4,int4,int4,int4,float8) interval", rowwise(func(_ *Env, args []value.Datum) (value.Datum, error) {
		months := args[0].I*12 + args[1].I
		days := args[2].I*7 + args[3].I
		secs := math.RoundToEven(args[6].F * 1e6)
		if months != int64(int32(months)) || days != int64(int32(days)) || !(math.Abs(secs) < 1<<63) {
			return value.Datum{}, errIntervalRange
		}
		clock := value.Interval{Months: int32(months), Days: int32(days), Micros: args[4].I*value.Hour + args[5].I*value.Minute}
		v, err := addIntervals(clock, value.Interval{Micros: int64(secs)})
		return value.NewBox(value.IntervalT, v), err
	}))
	f.Defaults = len(f.Args)
	for range 6 {
		f.Default = append(f.Default, value.NewInt(value.Int4, 0))
	}
	f.Default = append(f.Default, value.NewFloat(value.Float8, 0))
	return f
}

var errIntervalRange = value.Errorf(value.CodeDatetimeRange, "interval out of range")

func addIntervals(a, b value.Interval) (value.Interval, error) {
	m, d, t := int64(a.Months)+int64(b.Months), int64(a.Days)+int64(b.Days), a.Micros+b.Micros
	if m != int64(int32(m)) || d != int64(int32(d)) || (t > a.Micros) != (b.Micros > 0) && b.Micros != 0 {
		return value.Interval{}, errIntervalRange
	}
	return value.Interval{Months: int32(m), Days: int32(d), Micros: t}, nil
}

func negate(v value.Interval) (value.Interval, error) {
	if v.Months == math.MinInt32 || v.Days == math.MinInt32 || v.Micros == math.MinInt64 {
		return v, errIntervalRange
	}
	return value.Interval{Months: -v.Months, Days: -v.Days, Micros: -v.Micros}, nil
}

// roundTo6 is Postgres' TSROUND.
func roundTo6(x float64) float64 { return math.RoundToEven(x*1e6) / 1e6 }

// scaleInterval multiplies each part and carries the fractions of months to days and of days to time.
func scaleInterval(v value.Interval, f float64) (value.Interval, error) {
	return carry(float64(v.Months)*f, float64(v.Days)*f, float64(v.Micros)*f)
}

func divideInterval(v value.Interval, f float64) (value.Interval, error) {
	if f == 0 {
		return v, errDivision
	}
	return carry(float64(v.Months)/f, float64(v.Days)/f, float64(v.Micros)/f)
}

func carry(months, days, micros float64) (value.Interval, error) {
	if !(math.Abs(months) <= math.MaxInt32) || !(math.Abs(days) <= math.MaxInt32) {
		return value.Interval{}, errIntervalRange
	}
	m, d := math.Trunc(months), math.Trunc(days)
	extra := roundTo6((months - m) * 30)
	sec := roundTo6((days - d + extra - math.Trunc(extra)) * 86400)
	if math.Abs(sec) >= 86400 {
		d += math.Trunc(sec / 86400)
		sec -= math.Trunc(sec/86400) * 86400
	}
	d += math.Trunc(extra)
	t := math.RoundToEven(micros + sec*1e6)
	if !(math.Abs(t) < 1<<63) || math.Abs(d) > math.MaxInt32 {
		return value.Interval{}, errIntervalRange
	}
	return value.Interval{Months: int32(m), Days: int32(d), Micros: int64(t)}, nil
}

func justifyHours(v value.Interval) (value.Interval, error) {
	whole := v.Micros / value.Day
	d := int64(v.Days) + whole
	t := v.Micros - whole*value.Day
	if d > 0 && t < 0 {
		t, d = t+value.Day, d-1
	} else if d < 0 && t > 0 {
		t, d = t-value.Day, d+1
	}
	if d != int64(int32(d)) {
		return v, errIntervalRange
	}
	return value.Interval{Months: v.Months, Days: int32(d), Micros: t}, nil
}

func justifyDays(v value.Interval) (value.Interval, error) {
	m, d := int64(v.Months)+int64(v.Days/30), v.Days%30
	if m > 0 && d < 0 {
		d, m = d+30, m-1
	} else if m < 0 && d > 0 {
		d, m = d-30, m+1
	}
	if m != int64(int32(m)) {
		return v, errIntervalRange
	}
	return value.Interval{Months: int32(m), Days: d, Micros: v.Micros}, nil
}

func justifyInterval(_ *Env, v value.Interval) (value.Interval, error) {
	t := v.Micros % value.Day
	d := int64(v.Days) + v.Micros/value.Day
	m := int64(v.Months) + d/30
	d %= 30
	if m > 0 && (d < 0 || d == 0 && t < 0) {
		d, m = d+30, m-1
	} else if m < 0 && (d > 0 || d == 0 && t > 0) {
		d, m = d-30, m+1
	}
	if d > 0 && t < 0 {
		t, d = t+value.Day, d-1
	} else if d < 0 && t > 0 {
		t, d = t-value.Day, d+1
	}
	if m != int64(int32(m)) {
		return v, errIntervalRange
	}
	return value.Interval{Months: int32(m), Days: int32(d), Micros: t}, nil
}

// age is the difference in years, months, days and time by the calendar.
func age(a, b int64) (value.Interval, error) {
	if !value.FiniteTimestamp(a) || !value.FiniteTimestamp(b) {
		return value.Interval{}, errTimestampRange
	}
	sign := int32(1)
	if a < b {
		a, b, sign = b, a, -1
	}
	da, ta := value.Split(a)
	db, tb := value.Split(b)
	y1, m1, d1 := value.CivilOf(da)
	y2, m2, d2 := value.CivilOf(db)
	micros := ta - tb
	days := d1 - d2
	if micros < 0 {
		micros, days = micros+value.Day, days-1
	}
	months := (y1-y2)*12 + m1 - m2
	for ; days < 0; months-- {
		days += value.DaysIn(y2, m2) // the month of the earlier date lends its days
	}
	return value.Interval{Months: sign * int32(months), Days: sign * int32(days), Micros: int64(sign) * micros}, nil
}

// addMonths adds months to a date and cuts the day to the length of the month.
func addMonths(days int64, months int32) (int64, bool) {
	y, m, d := value.CivilOf(days)
	total := int64(y)*12 + int64(m) - 1 + int64(months)
	y, m = int(value.FloorDiv(total, 12)), int(total-value.FloorDiv(total, 12)*12)+1
	if y > 300_000 || y < -5000 {
		return 0, false
	}
	return value.DateOf(y, m, min(d, value.DaysIn(y, m))), true
}

func addToTimestamp(t int64, v value.Interval) (int64, error) {
	if !value.FiniteTimestamp(t) {
		return t, nil
	}
	days, micros := value.Split(t)
	if v.Months != 0 {
		var ok bool
		if days, ok = addMonths(days, v.Months); !ok {
			return 0, errTimestampRange
		}
	}
	days += int64(v.Days)
	if days > 200_000_000 || days < -200_000_000 {
		return 0, errTimestampRange
	}
	t = days*value.Day + micros
	r := t + v.Micros
	if (r > t) != (v.Micros > 0) && v.Micros != 0 || !value.ValidTimestamp(r) {
		return 0, errTimestampRange
	}
	return r, nil
}

// addToZoned adds months and days by the clocks of a zone, the rest by physical time.
func addToZoned(zone *time.Location, t int64, v value.Interval) (int64, error) {
	if v.Months == 0 && v.Days == 0 || !value.FiniteTimestamp(t) {
		return addToTimestamp(t, v)
	}
	local, err := addToTimestamp(value.ToLocal(zone, t), value.Interval{Months: v.Months, Days: v.Days})
	if err != nil {
		return 0, err
	}
	return addToTimestamp(value.FromLocal(zone, local), value.Interval{Micros: v.Micros})
}
