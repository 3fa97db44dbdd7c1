package value

import (
	"math"
	"slices"
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
func (v Interval) String() string { return string(v.append(nil, IntervalPostgres)) }

// intervalSum adds up the parts of an interval while it is read.
type intervalSum struct {
	months, days, micros float64 // whole numbers
	exact                int64   // microseconds too many for a float to hold exactly
	seen                 uint16  // the fields read so far
	lone                 unit    // of a number without one
	minutes              bool    // "1:02" is minutes and seconds
	standard             bool    // a sign at the start is that of all parts
}

// unit is one unit of an interval text in months, days or microseconds.
type unit struct {
	months, days float64
	micros       int64
	field        uint16 // a bit for the field, which may stand only once
}

// unitLength is how many letters of a unit count.
const unitLength = 10

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
	add(unit{micros: 1}, "us", "usec", "usecs", "usecond", "useconds", "microsecon")
	add(unit{micros: 1000}, "ms", "msec", "msecs", "msecond", "mseconds", "millisecon")
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
	fits := func(n float64) bool { return n >= math.MinInt32 && n <= math.MaxInt32 }
	if !fits(s.months) || !fits(s.days) || math.Abs(s.micros+float64(s.exact)) >= 1<<63 {
		return Interval{}, false
	}
	return Interval{Months: int32(s.months), Days: int32(s.days), Micros: s.exact + int64(s.micros)}, true
}

// number splits "-1.5days" into its whole part, fraction and the rest.
func number(s string) (whole, frac float64, rest string, ok bool) {
	neg, s := signOf(s)
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
	return whole, frac, rest, ok
}

// parseISO reads what follows the P of "P1Y2M3DT4H5M6S", "P0001-02-03T04:05:06" and "P00010203T040506".
func (s *intervalSum) parseISO(text string) bool {
	inTime, designated := false, false
	for text != "" {
		if text[0] == 'T' && !inTime {
			inTime, designated, text = true, false, text[1:]
			continue
		}
		whole, frac, rest, ok := number(text)
		if !ok {
			return false
		}
		designators := map[byte]unit{'Y': units["y"], 'M': units["mon"], 'W': units["w"], 'D': units["d"]}
		if inTime {
			designators = map[byte]unit{'H': units["h"], 'M': units["m"], 'S': units["s"]}
		}
		if rest != "" {
			if u, known := designators[rest[0]]; known {
				s.add(whole, frac, u)
				text, designated = rest[1:], true
				continue
			}
		}
		if designated {
			return false
		}
		if text, ok = s.parseAlternative(text, inTime); !ok {
			return false
		}
	}
	return true
}

// parseAlternative reads the numbers of a date or time without designators, with "-" or ":" between them or of a fixed length, and returns
// what follows.
func (s *intervalSum) parseAlternative(text string, inTime bool) (rest string, ok bool) {
	parts, sep, digits := []unit{units["y"], units["mon"], units["d"]}, byte('-'), 8
	fraction := parts[2]
	if inTime {
		parts, sep, digits = []unit{units["h"], units["m"], units["s"]}, ':', 6
		fraction = units["us"] // as Postgres 15 takes it
	}
	whole, frac, rest, _ := number(text)
	ends := func() bool { return rest == "" || !inTime && rest[0] == 'T' }
	if ends() && span(strings.TrimPrefix(text, "-"), isDigit) == digits {
		s.add(math.Trunc(whole/10000), 0, parts[0])
		s.add(math.Trunc(math.Mod(whole, 10000)/100), 0, parts[1])
		s.add(math.Mod(whole, 100), 0, parts[2])
		s.add(0, frac, fraction)
		return rest, true
	}
	for i, u := range parts {
		s.add(whole, frac, u)
		switch {
		case ends():
			return rest, true
		case i == 2 || rest[0] != sep:
			return rest, false
		}
		if whole, frac, rest, ok = number(rest[1:]); !ok {
			return rest, false
		}
	}
	return rest, true
}

// An intervalPart is one piece of the text form of an interval.
type intervalPart struct {
	kind byte // of the constants below
	text string
}

const (
	wordPart   = 'w'
	numberPart = 'n' // digits, perhaps with a point, or with a hyphen between years and months
	signedPart = '+' // a number or time with its sign
	timePart   = ':'
)

// spreadSign gives a minus at the start to all parts, if no other has a sign: what the SQL standard means by "-1 2:03:04".
func spreadSign(parts []intervalPart) {
	signed := func(p intervalPart) bool { return p.kind == signedPart }
	if len(parts) == 0 || parts[0].text[0] != '-' || slices.ContainsFunc(parts[1:], signed) {
		return
	}
	for i := range parts[1:] {
		if p := &parts[i+1]; p.kind != wordPart {
			p.text = "-" + p.text
		}
	}
}

// maxIntervalParts is how many parts a text may have.
const maxIntervalParts = 25

// splitInterval splits a text in small letters. Spaces and most punctuation lie between parts.
func splitInterval(s string) (parts []intervalPart, ok bool) {
	for s != "" {
		n, kind := 1, byte(numberPart)
		switch c := s[0]; {
		case isDigit(c):
			n, kind = numberEnd(s)
		case c == '.':
			n = 1 + span(s[1:], isDigit)
		case isLetter(c):
			n, kind = span(s, isLetter), wordPart
			if runsOn(s[:n], s[n:]) {
				return nil, false
			}
		case c == '+' || c == '-':
			s = strings.TrimLeft(s[1:], intervalSpace)
			n = span(s, func(c byte) bool { return isDigit(c) || c == ':' || c == '.' || c == '-' })
			if n == 0 || !isDigit(s[0]) {
				return nil, false
			}
			parts, s = append(parts, intervalPart{signedPart, string(c) + s[:n]}), s[n:]
			continue
		case strings.IndexByte(intervalSpace, c) >= 0 || c > ' ' && c < 0x7f:
			s = s[1:]
			continue
		default:
			return nil, false
		}
		parts, s = append(parts, intervalPart{kind, s[:n]}), s[n:]
	}
	return parts, len(parts) <= maxIntervalParts
}

const intervalSpace = " \t\n\v\f\r"

// numberEnd returns the length of the part that begins with the digits of s, and its kind. A part with the hyphens or slashes of a
// date is one number, which is none.
func numberEnd(s string) (n int, kind byte) {
	n = span(s, isDigit)
	if n == len(s) {
		return n, numberPart
	}
	switch delim := s[n]; delim {
	case ':':
		return n + span(s[n:], func(c byte) bool { return isDigit(c) || c == ':' || c == '.' }), timePart
	case '-', '/', '.':
		n++
		digits := span(s[n:], isDigit)
		switch n += digits; {
		case digits == 0:
			n += span(s[n:], func(c byte) bool { return isDigit(c) || isLetter(c) || c == delim })
		case n < len(s) && s[n] == delim:
			n += span(s[n:], func(c byte) bool { return isDigit(c) || c == delim })
		}
	}
	return n, numberPart
}

// runsOn reports whether a word is no unit because of what stands right behind it. Short units may have a digit there.
func runsOn(word, rest string) bool {
	switch {
	case rest == "":
		return false
	case strings.IndexByte("-/.", rest[0]) >= 0:
		return true
	case rest[0] == '+' || isDigit(rest[0]):
		return !slices.Contains([]string{"d", "dec", "h", "m", "mon", "s", "y"}, word)
	}
	return false
}

// parseVerbose reads "1 year 2 mons -3 days 04:05:06", "@ 1 minute ago", "1-2", "3 4:05:06", "1.5h". It reads backwards, so that the
// unit of a number is known. The result is the code of the fault, "" for none.
func (s *intervalSum) parseVerbose(text string) (fault string) {
	parts, ok := splitInterval(text)
	if !ok {
		return CodeBadDatetime
	}
	if s.standard {
		spreadSign(parts)
	}
	u, ago := s.lone, false
	for _, p := range slices.Backward(parts) {
		switch {
		case p.text == "ago":
			u, ago = unit{}, true
			continue
		case p.kind == wordPart:
			if u, ok = units[p.text[:min(len(p.text), unitLength)]]; !ok {
				return CodeBadDatetime
			}
			continue
		case p.kind == timePart:
			fault = s.takeClock(p.text)
		case p.kind == signedPart && strings.Contains(p.text, ":"):
			if s.takeClock(p.text) != "" {
				return CodeBadDatetime
			}
		default:
			u, fault = s.takeNumber(p.text, u)
			if fault != "" {
				return fault
			}
			if u.field != units["h"].field {
				continue
			}
		}
		if fault != "" {
			return fault
		}
		u = units["d"] // before a time or hours
	}
	if ago {
		s.months, s.days, s.micros, s.exact = -s.months, -s.days, -s.micros, -s.exact
	}
	if s.seen == 0 {
		return CodeBadDatetime
	}
	return ""
}

// takeNumber adds a number of units, or years and months. It returns the unit of a number before that has none.
func (s *intervalSum) takeNumber(text string, u unit) (next unit, fault string) {
	neg, text := signOf(text)
	n := span(text, isDigit)
	whole, _ := strconv.ParseFloat("0"+text[:n], 64)
	frac, fields := 0.0, u.field
	switch rest := text[n:]; {
	case rest == "":
	case rest[0] == '-':
		m, _ := strconv.ParseFloat("0"+rest[1:], 64)
		if m >= 12 {
			return u, CodeIntervalRange
		}
		if span(rest[1:], isDigit) != len(rest)-1 {
			return u, CodeBadDatetime
		}
		whole, u = whole*12+m, units["mon"]
		fields = u.field
	case rest[0] == '.' && span(rest[1:], isDigit) == len(rest)-1:
		frac, _ = strconv.ParseFloat("0"+rest+"0", 64)
		if u.field == units["s"].field && frac != 0 {
			fields |= units["ms"].field | units["us"].field
		}
	default:
		return u, CodeBadDatetime
	}
	if neg {
		whole, frac = -whole, -frac
	}
	s.add(whole, frac, u)
	if fields == 0 || !s.once(fields) {
		return u, CodeBadDatetime
	}
	return u, ""
}

// signOf splits the sign of a number off.
func signOf(s string) (neg bool, rest string) {
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[0] == '-', s[1:]
	}
	return false, s
}

// once reports whether none of the fields has been read before.
func (s *intervalSum) once(fields uint16) bool {
	again := s.seen&fields != 0
	s.seen |= fields
	return !again
}

// takeClock reads "04:05", "04:05:06.789" and "05:06.5", which is minutes and seconds.
func (s *intervalSum) takeClock(text string) (fault string) {
	neg, text := signOf(text)
	parts := strings.Split(text, ":")
	last := parts[len(parts)-1]
	if len(parts) > 3 || strings.Contains(text, "-") {
		return CodeBadDatetime
	}
	if len(parts) == 2 && (s.minutes || strings.Contains(last, ".")) {
		parts = append([]string{"0"}, parts...)
	}
	sum := intervalSum{}
	for i, p := range parts {
		whole, frac, more, _ := number(p)
		switch {
		case more != "", i < 2 && strings.Contains(p, "."):
			return CodeBadDatetime
		case i > 0 && whole >= 60 && !(i == 2 && whole == 60):
			return CodeIntervalRange
		}
		sum.add(whole, frac, []unit{units["h"], units["m"], units["s"]}[i])
	}
	if neg {
		sum.exact, sum.micros = -sum.exact, -sum.micros
	}
	s.exact += sum.exact
	s.micros += sum.micros
	clock := units["h"].field | units["m"].field | units["s"].field | units["ms"].field | units["us"].field
	if !s.once(clock) {
		return CodeBadDatetime
	}
	return ""
}
