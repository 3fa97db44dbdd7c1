package value

import "strconv"

// An IntervalStyle is a way to write intervals, as the setting IntervalStyle names it.
type IntervalStyle uint8

// The styles. All are read under each; only the sign at the start of "-1 2:03:04" means what the style says.
const (
	IntervalPostgres IntervalStyle = iota // 1 year -2 days +03:04:05
	IntervalVerbose                       // @ 1 year -2 days 3 hours 4 mins 5 secs
	IntervalStandard                      // +1-0 -2 +3:04:05
	IntervalISO                           // P1Y-2DT3H4M5S
)

// IntervalStyles are their names.
var IntervalStyles = []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}

// intervalUnits are the units that intervals are written in, from the largest: in words and as ISO 8601 has them.
var intervalUnits = [6]struct {
	word string
	iso  byte
}{{"year", 'Y'}, {"mon", 'M'}, {"day", 'D'}, {"hour", 'H'}, {"min", 'M'}, {"sec", 'S'}}

// split returns v in these units, and the microseconds beside the seconds. A time has the same sign in all of them.
func (v Interval) split() (n [6]int64, micros int64) {
	return [6]int64{
		int64(v.Months / 12), int64(v.Months % 12), int64(v.Days),
		v.Micros / Hour, v.Micros / Minute % 60, v.Micros / Second % 60,
	}, v.Micros % Second
}

// append appends v in a style.
func (v Interval) append(dst []byte, style IntervalStyle) []byte {
	switch style {
	case IntervalVerbose:
		return v.appendVerbose(dst)
	case IntervalStandard:
		return v.appendStandard(dst)
	case IntervalISO:
		return v.appendISO(dst)
	}
	return v.appendPostgres(dst)
}

func (v Interval) appendPostgres(dst []byte) []byte {
	start, negative := len(dst), false
	n, _ := v.split()
	for i, x := range n[:3] {
		if x == 0 {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ' ')
		}
		if negative && x > 0 {
			dst = append(dst, '+')
		}
		dst = append(append(strconv.AppendInt(dst, x, 10), ' '), intervalUnits[i].word...)
		if x != 1 {
			dst = append(dst, 's')
		}
		negative = x < 0
	}
	if v.Micros == 0 && len(dst) > start {
		return dst
	}
	if len(dst) > start {
		dst = append(dst, ' ')
	}
	if v.Micros < 0 {
		dst = append(dst, '-')
	} else if negative {
		dst = append(dst, '+')
	}
	hours := magnitude(n[3])
	if hours < 10 {
		dst = append(dst, '0')
	}
	return v.appendClock(dst, hours)
}

// appendClock appends the time of v without its sign.
func (v Interval) appendClock(dst []byte, hours uint64) []byte {
	n, micros := v.split()
	dst = append(strconv.AppendUint(dst, hours, 10), ':')
	dst = append(appendPadded(dst, int(magnitude(n[4]))), ':')
	dst = appendPadded(dst, int(magnitude(n[5])))
	return appendFraction(dst, int64(magnitude(micros)))
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// appendVerbose writes an interval that begins with a negative unit the other way round, and "ago" behind.
func (v Interval) appendVerbose(dst []byte) []byte {
	n, micros := v.split()
	zero, ago := true, false
	dst = append(dst, '@')
	for i, x := range n {
		frac := [6]int64{5: micros}[i] // seconds alone have one
		if x == 0 && frac == 0 {
			continue
		}
		if zero {
			ago = x < 0 || frac < 0
		}
		zero, dst = false, append(dst, ' ')
		minus := (x < 0 || frac < 0) != ago
		if minus {
			dst = append(dst, '-')
		}
		dst = strconv.AppendUint(dst, magnitude(x), 10)
		dst = append(append(appendFraction(dst, int64(magnitude(frac))), ' '), intervalUnits[i].word...)
		if magnitude(x) != 1 || frac != 0 || minus && i < 5 {
			dst = append(dst, 's')
		}
	}
	if zero {
		dst = append(dst, " 0"...)
	}
	if ago {
		dst = append(dst, " ago"...)
	}
	return dst
}

// appendStandard writes what the SQL standard has no form for, both months and days or times, or both signs, with a sign for each.
func (v Interval) appendStandard(dst []byte) []byte {
	negative := v.Months < 0 || v.Days < 0 || v.Micros < 0
	positive := v.Months > 0 || v.Days > 0 || v.Micros > 0
	signs := negative && positive || v.Months != 0 && (v.Days != 0 || v.Micros != 0)
	sign := func(minus bool) {
		switch {
		case minus:
			dst = append(dst, '-')
		case signs:
			dst = append(dst, '+')
		}
	}
	n, _ := v.split()
	if negative && !signs {
		dst = append(dst, '-')
	}
	if signs || v.Months != 0 {
		sign(signs && v.Months < 0)
		dst = append(strconv.AppendUint(dst, magnitude(n[0]), 10), '-')
		dst = strconv.AppendUint(dst, magnitude(n[1]), 10)
	}
	if signs {
		dst = append(dst, ' ')
	}
	if signs || v.Days != 0 {
		sign(signs && v.Days < 0)
		dst = append(strconv.AppendUint(dst, magnitude(n[2]), 10), ' ')
	}
	switch {
	case signs || v.Days != 0 || v.Micros != 0:
		sign(signs && v.Micros < 0)
		dst = v.appendClock(dst, magnitude(n[3]))
	case !negative && !positive:
		dst = append(dst, '0')
	}
	return dst
}

func (v Interval) appendISO(dst []byte) []byte {
	if v == (Interval{}) {
		return append(dst, "PT0S"...)
	}
	n, micros := v.split()
	dst = append(dst, 'P')
	for i, x := range n {
		if i == 3 && v.Micros != 0 {
			dst = append(dst, 'T')
		}
		frac := [6]int64{5: micros}[i] // seconds alone have one
		if x == 0 && frac == 0 {
			continue
		}
		if x < 0 || frac < 0 {
			dst = append(dst, '-')
		}
		dst = strconv.AppendUint(dst, magnitude(x), 10)
		dst = append(appendFraction(dst, int64(magnitude(frac))), intervalUnits[i].iso)
	}
	return dst
}
