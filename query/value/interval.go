package value

import (
	"math"
	"strconv"
	"strings"
)

// Span returns the length of v when a month has 30 days and a day 24 hours: how intervals compare. It is a 128-bit
// number of microseconds: days and the rest below a day.
func (v Interval) span() (days, micros int64) {
	d, m := Split(v.Micros)
	return int64(v.Months)*30 + int64(v.Days) + d, m
}

// Cmp compares by length.
func (v Interval) Cmp(w Interval) int {
	d1, m1 := v.span()
	d2, m2 := w.span()
	switch {
	case d1 < d2 || d1 == d2 && m1 < m2:
		return -1
	case d1 == d2 && m1 == m2:
		return 0
	}
	return 1
}

// String returns the text form of v.
func (v Interval) String() string { return string(v.append(nil)) }

// intervalSum adds up the parts of an interval while it is read.
type intervalSum struct {
	months, days, micros float64 // whole numbers
	exact                int64   // microseconds too many for a float to hold exactly
	seen                 uint16  // the fields read so far
	lone                 unit    // of a number without one
	minutes              bool    // "1:02" is minutes and seconds
}

// unit is one unit of an interval text in months, days or microseconds.
type unit struct {
	months, days float64
	micros       int64
	field        uint16 // a bit for the field, which may stand only once
}

var units = func() map[string]unit {
	m := map[string]unit{}
	next := 0
	add := func(u unit, names ...string) {
		u.field = 1 << next
		next++
		for _, n := range names {
			m[n] = u
		}
	}
	add(unit{micros: 1}, "us", "usec", "usecs", "usecond", "useconds", "microsecond", "microseconds", "microsecon")
	add(unit{micros: 1000}, "ms", "msec", "msecs", "msecond", "mseconds", "millisecond", "milliseconds", "millisecon")
	add(unit{micros: Second}, "s", "sec", "secs", "second", "seconds")
	add(unit{micros: Minute}, "m", "min", "mins", "minute", "minutes")
	add(unit{micros: Hour}, "h", "hr", "hrs", "hour", "hours")
	add(unit{days: 1}, "d", "day", "days")
	add(unit{days: 7}, "w", "week", "weeks")
	add(unit{months: 1}, "mon", "mons", "month", "months")
	add(unit{months: 12}, "y", "yr", "yrs", "year", "years")
	add(unit{months: 120}, "dec", "decs", "decade", "decades")
	add(unit{months: 1200}, "c", "cent", "century", "centuries")
	add(unit{months: 12000}, "mil", "mils", "millennia", "millennium")
	return m
}()

// add adds n whole units and a fraction of one.
func (s *intervalSum) add(n, frac float64, u unit) {
	s.months += n * u.months
	s.days += n * u.days
	if u.micros != 0 {
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 && math.Abs(n*float64(u.micros)) < 1<<62 {
			s.exact += int64(n) * u.micros
		} else {
			s.micros += n * float64(u.micros)
		}
		s.micros += math.RoundToEven(frac * float64(u.micros))
		return
	}
	switch {
	case u.months > 1: // years and more: whole months
		s.months += math.RoundToEven(frac * u.months)
	case u.months == 1:
		s.addDays(frac * 30)
	case u.days > 0:
		s.addDays(frac * u.days)
	}
}

func (s *intervalSum) addDays(d float64) {
	whole := math.Trunc(d)
	s.days += whole
	s.micros += math.RoundToEven((d - whole) * float64(Day))
}

func (s *intervalSum) interval() (Interval, bool) {
	if math.Abs(s.months) > math.MaxInt32 || math.Abs(s.days) > math.MaxInt32 || math.Abs(s.micros+float64(s.exact)) >= 1<<63 {
		return Interval{}, false
	}
	return Interval{Months: int32(s.months), Days: int32(s.days), Micros: s.exact + int64(s.micros)}, true
}

// ParseInterval reads the text form of an interval: Postgres' verbose one, the SQL standard's, or ISO 8601 with
// designators. The errors are 22007 and 22015.
func ParseInterval(text string) (Interval, error) { return ParseIntervalFields(text, -1) }

// number splits "-1.5days" into its sign, whole part, fraction and the rest.
func number(s string) (neg bool, whole, frac float64, rest string, ok bool) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	n := span(s, isDigit)
	whole, _ = strconv.ParseFloat("0"+s[:n], 64)
	ok = n > 0
	rest = s[n:]
	if strings.HasPrefix(rest, ".") {
		m := span(rest[1:], isDigit)
		frac, _ = strconv.ParseFloat("0."+rest[1:1+m]+"0", 64)
		ok = ok || m > 0
		rest = rest[1+m:]
	}
	if neg {
		whole, frac = -whole, -frac
	}
	return neg, whole, frac, rest, ok
}

func (s *intervalSum) parseISO(text string) bool {
	inTime, any := false, false
	for text != "" {
		if text[0] == 'T' && !inTime {
			inTime, text = true, text[1:]
			continue
		}
		_, whole, frac, rest, ok := number(text)
		if !ok || rest == "" {
			return false
		}
		designators := map[byte]unit{'Y': units["y"], 'M': units["mon"], 'W': units["w"], 'D': units["d"]}
		if inTime {
			designators = map[byte]unit{'H': units["h"], 'M': units["m"], 'S': units["s"]}
		}
		u, known := designators[rest[0]]
		if !known {
			return false
		}
		s.add(whole, frac, u)
		text, any = rest[1:], true
	}
	return any
}

// parseVerbose reads "1 year 2 mons -3 days 04:05:06", "@ 1 minute ago", "1-2", "3 4:05:06", "1.5h".
func (s *intervalSum) parseVerbose(text string) bool {
	text = strings.TrimPrefix(text, "@")
	any, ago := false, false
	for {
		text = strings.TrimLeft(text, " \t\n\r\v\f,")
		if text == "" {
			break
		}
		if rest, ok := strings.CutPrefix(text, "ago"); ok && any && strings.TrimSpace(rest) == "" {
			ago = true
			break
		}
		rest, ok := s.takePart(text)
		if !ok {
			return false
		}
		text, any = rest, true
	}
	if ago {
		s.months, s.days, s.micros, s.exact = -s.months, -s.days, -s.micros, -s.exact
	}
	return any
}

func (s *intervalSum) takePart(text string) (rest string, ok bool) {
	neg, whole, frac, rest, ok := number(text)
	if !ok {
		return "", false
	}
	if strings.HasPrefix(rest, ":") {
		return s.takeClock(neg, strings.TrimLeft(text, "+-"))
	}
	if strings.HasPrefix(rest, "-") && frac == 0 { // years-months
		n := 1 + span(rest[1:], isDigit)
		m, err := strconv.Atoi(rest[1:n])
		if err != nil || m > 11 {
			return "", false
		}
		if neg {
			m = -m
		}
		s.months += whole*12 + float64(m)
		return rest[n:], true
	}
	after := strings.TrimLeft(rest, " \t\n")
	n := span(after, isLetter)
	if n == 0 {
		u := s.lone // one before a time is days
		if m := span(strings.TrimLeft(after, "+-"), isDigit); m > 0 && strings.HasPrefix(strings.TrimLeft(after, "+-")[m:], ":") {
			u = units["d"]
		}
		s.add(whole, frac, u)
		return after, s.once(u.field) && (after == "" || after == "ago" || u.field == units["d"].field)
	}
	u, known := units[after[:n]]
	if !known {
		return "", false
	}
	s.add(whole, frac, u)
	return after[n:], s.once(u.field)
}

// once reports whether none of the fields has been read before.
func (s *intervalSum) once(fields uint16) bool {
	again := s.seen&fields != 0
	s.seen |= fields
	return !again
}

// takeClock reads "04:05", "04:05:06.789" and "05:06.5", which is minutes and seconds.
func (s *intervalSum) takeClock(neg bool, text string) (rest string, ok bool) {
	n := span(text, func(c byte) bool { return isDigit(c) || c == ':' || c == '.' })
	parts := strings.Split(text[:n], ":")
	if len(parts) > 3 {
		return "", false
	}
	last := parts[len(parts)-1]
	if len(parts) == 2 && (s.minutes || strings.Contains(last, ".")) {
		parts = append([]string{"0"}, parts...)
	}
	sum := intervalSum{}
	for i, p := range parts {
		_, whole, frac, more, ok := number(p)
		if !ok || more != "" || i < 2 && frac != 0 || i > 0 && whole >= 60 && !(i == 2 && whole == 60) {
			return "", false
		}
		sum.add(whole, frac, []unit{units["h"], units["m"], units["s"]}[i])
	}
	if neg {
		sum.exact, sum.micros = -sum.exact, -sum.micros
	}
	s.exact += sum.exact
	s.micros += sum.micros
	return text[n:], s.once(units["h"].field | units["m"].field | units["s"].field)
}
