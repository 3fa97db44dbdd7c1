package value

import (
	"time"
)

// Spans in microseconds.
const (
	Second int64 = 1_000_000
	Minute       = 60 * Second
	Hour         = 60 * Minute
	Day          = 24 * Hour
)

const epochJulian = 2451545 // Julian day of 2000-01-01

// DateOf returns the days from 2000-01-01 to a date of the Gregorian calendar; year 0 is 1 BC.
func DateOf(year, month, day int) int64 {
	y, m := int64(year), int64(month)
	if m > 2 {
		m++
		y += 4800
	} else {
		m += 13
		y += 4799
	}
	century := y / 100
	julian := y*365 - 32167
	julian += y/4 - century + century/4
	return julian + 7834*m/256 + int64(day) - epochJulian
}

// CivilOf is the inverse of DateOf.
func CivilOf(days int64) (year, month, day int) {
	j := uint64(days + epochJulian + 32044)
	quad := j / 146097
	extra := (j-quad*146097)*4 + 3
	j += 60 + quad*3 + extra/146097
	quad = j / 1461
	j -= quad * 1461
	y := j * 4 / 1461
	if y != 0 {
		j = (j + 305) % 365
	} else {
		j = (j + 306) % 366
	}
	j += 123
	y += quad * 4
	quad = j * 2141 / 65536
	return int(y) - 4800, int((quad+10)%12) + 1, int(j - 7834*quad/256)
}

// DaysIn returns the number of days of a month.
func DaysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if leap(year) {
			return 29
		}
		return 28
	}
	return 31
}

func leap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

// Limits of dates and timestamps as in Postgres.
var (
	minDate      = DateOf(-4713, 11, 24)
	maxDate      = DateOf(5874898, 1, 1)
	minTimestamp = minDate * Day
	maxTimestamp = DateOf(294277, 1, 1) * Day
)

// ValidTimestamp reports whether t is finite and in the range of timestamps.
func ValidTimestamp(t int64) bool { return t >= minTimestamp && t < maxTimestamp }

// ValidDate reports whether d is finite and in the range of dates.
func ValidDate(d int64) bool { return d >= minDate && d < maxDate }

// FiniteTimestamp reports whether t is neither infinity.
func FiniteTimestamp(t int64) bool { return t != Infinity && t != NegInfinity }

// FloorDiv returns a / b rounded down, for b > 0.
func FloorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Split returns the date and the microseconds since midnight of a timestamp.
func Split(t int64) (days, micros int64) {
	days = FloorDiv(t, Day)
	return days, t - days*Day
}

// Offset returns the seconds that zone is east of UTC at a finite timestamptz.
func Offset(zone *time.Location, t int64) int {
	if zone == time.UTC {
		return 0
	}
	_, off := time.Unix(FloorDiv(t, Second)+UnixToMicros/Second, 0).In(zone).Zone()
	return off
}

// ToLocal returns the clock reading in zone at a timestamptz, as a timestamp.
func ToLocal(zone *time.Location, t int64) int64 {
	if !FiniteTimestamp(t) {
		return t
	}
	return t + int64(Offset(zone, t))*Second
}

// FromLocal returns the timestamptz at which clocks in zone show a timestamp. A reading that a forward change skips
// counts by the time before it, one that a backward change repeats by the time after it.
func FromLocal(zone *time.Location, local int64) int64 {
	if !FiniteTimestamp(local) || zone == time.UTC {
		return local
	}
	before := int64(Offset(zone, local-Day)) * Second
	after := int64(Offset(zone, local+Day)) * Second
	if before == after {
		return local - before
	}
	if int64(Offset(zone, local-after))*Second == after {
		return local - after
	}
	return local - before
}

// ZoneSpan returns how many microseconds zone is east of UTC at a finite timestamptz, and the times from and up to which that
// is so.
func ZoneSpan(zone *time.Location, t int64) (off, from, to int64) {
	if zone == time.UTC {
		return 0, NegInfinity + 1, Infinity
	}
	at := time.Unix(FloorDiv(t, Second)+UnixToMicros/Second, 0).In(zone)
	_, seconds := at.Zone()
	from, to = NegInfinity+1, Infinity
	start, end := at.ZoneBounds()
	if !start.IsZero() {
		from = FromUnix(start.Unix())
	}
	if !end.IsZero() {
		to = FromUnix(end.Unix())
	}
	return int64(seconds) * Second, from, to
}
