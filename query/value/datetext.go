package value

import (
	"strconv"
	"time"
)

// appendPadded appends a number of two digits.
func appendPadded(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendCivil appends "2026-11-22"; years before 1 AD count from 1 BC, and bc asks for the ending.
func appendCivil(dst []byte, days int64) (out []byte, bc bool) {
	y, m, d := CivilOf(days)
	if y <= 0 {
		y, bc = 1-y, true
	}
	dst = append(appendYear(dst, y), '-')
	dst = append(appendPadded(dst, m), '-')
	return appendPadded(dst, d), bc
}

func appendYear(dst []byte, y int) []byte {
	for p := 1000; p > 1 && y < p; p /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(y), 10)
}

func appendInfinite(dst []byte, negative bool) []byte {
	if negative {
		dst = append(dst, '-')
	}
	return append(dst, "infinity"...)
}

func appendDate(dst []byte, d int64) []byte {
	if d == DateInf || d == DateNegInf {
		return appendInfinite(dst, d < 0)
	}
	dst, bc := appendCivil(dst, d)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendTime appends "01:15:30.5".
func appendTime(dst []byte, micros int64) []byte {
	sec := int(micros / Second)
	dst = append(appendPadded(dst, sec/3600), ':')
	dst = append(appendPadded(dst, sec/60%60), ':')
	dst = appendPadded(dst, sec%60)
	return appendFraction(dst, micros%Second)
}

// appendFraction appends ".5" for 500000 microseconds, nothing for 0.
func appendFraction(dst []byte, frac int64) []byte {
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.')
	for p := int64(100_000); frac > 0; p /= 10 {
		dst = append(dst, byte('0'+frac/p))
		frac %= p
	}
	return dst
}

func appendTimestamp(dst []byte, t int64) []byte {
	if !FiniteTimestamp(t) {
		return appendInfinite(dst, t < 0)
	}
	days, micros := Split(t)
	dst, bc := appendCivil(dst, days)
	dst = appendTime(append(dst, ' '), micros)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendTimestamptz(dst []byte, zone *time.Location, t int64) []byte {
	if !FiniteTimestamp(t) {
		return appendInfinite(dst, t < 0)
	}
	off := Offset(zone, t)
	days, micros := Split(t + int64(off)*Second)
	dst, bc := appendCivil(dst, days)
	dst = appendTime(append(dst, ' '), micros)
	dst = appendOffset(dst, off)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// appendOffset appends an offset from UTC in seconds: "+00", "-03:30", "+01:39:49".
func appendOffset(dst []byte, off int) []byte {
	sign := byte('+')
	if off < 0 {
		sign, off = '-', -off
	}
	dst = append(dst, sign)
	if hours := off / 3600; hours >= 100 {
		dst = strconv.AppendInt(dst, int64(hours), 10)
	} else {
		dst = appendPadded(dst, hours)
	}
	if off%3600 != 0 {
		dst = appendPadded(append(dst, ':'), off/60%60)
	}
	if off%60 != 0 {
		dst = appendPadded(append(dst, ':'), off%60)
	}
	return dst
}
