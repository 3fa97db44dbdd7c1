package value

import "strings"

// intervalFieldBits are the bits of YEAR, MONTH, DAY, HOUR, MINUTE and SECOND in the modifier of an interval, as Postgres
// numbers them.
var intervalFieldBits = [6]int32{1 << 2, 1 << 1, 1 << 3, 1 << 10, 1 << 11, 1 << 12}

var intervalFieldNames = [6]string{"year", "month", "day", "hour", "minute", "second"}

// allIntervalFields and anyPrecision are the parts of a modifier that restrict nothing.
const (
	allIntervalFields = 0x7fff
	anyPrecision      = 0xffff
)

// IntervalTypmod returns the modifier of INTERVAL DAY TO SECOND(3) and the like. fields has a bit for each of the fields
// from year (1) to second (32); typmod is that of the precision, -1 for none.
func IntervalTypmod(fields uint8, typmod int32) int32 {
	mask := int32(0)
	for i, bit := range intervalFieldBits {
		if fields&(1<<i) != 0 {
			mask |= bit
		}
	}
	if typmod < 0 {
		typmod = anyPrecision
	}
	return mask<<16 | typmod&0xffff
}

// intervalFields returns the first and last field of a modifier, -1 and -1 if it restricts none.
func intervalFields(typmod int32) (first, last int) {
	first, last = -1, -1
	if typmod < 0 || typmod>>16 == allIntervalFields {
		return first, last
	}
	for i, bit := range intervalFieldBits {
		if typmod>>16&bit != 0 {
			if last = i; first < 0 {
				first = i
			}
		}
	}
	return first, last
}

// fieldsText is how the fields of a modifier stand behind the word interval, "" for none.
func fieldsText(typmod int32) string {
	first, last := intervalFields(typmod)
	switch {
	case first < 0:
		return ""
	case first == last:
		return " " + intervalFieldNames[first]
	}
	return " " + intervalFieldNames[first] + " to " + intervalFieldNames[last]
}

// fitInterval drops what a modifier has no fields for.
func fitInterval(v Interval, typmod int32) Interval {
	switch _, last := intervalFields(typmod); last {
	case 0:
		v = Interval{Months: v.Months / 12 * 12}
	case 1:
		v = Interval{Months: v.Months}
	case 2:
		v.Micros = 0
	case 3:
		v.Micros -= v.Micros % Hour
	case 4:
		v.Micros -= v.Micros % Minute
	}
	if p := typmod & anyPrecision; p < 6 {
		v.Micros = roundMicros(v.Micros, int(p))
	}
	return v
}

// parseInterval reads the text form of an interval in any style: Postgres' own, the SQL standard's, or ISO 8601 with designators. The
// last field of a modifier is the unit of a number that has none. The errors are 22007 and 22015.
func parseInterval(s *Settings, text string, typmod int32) (Interval, error) {
	sum := intervalSum{lone: units["s"], standard: s.IntervalStyle == IntervalStandard}
	if first, last := intervalFields(typmod); last >= 0 {
		sum.lone = units[intervalFieldNames[last]]
		sum.minutes = first == 4 && last == 5
	}
	fault := ""
	if len(text) > 1 && text[0] == 'P' {
		if !sum.parseISO(text[1:]) {
			fault = CodeBadDatetime
		}
	} else {
		fault = sum.parseVerbose(strings.ToLower(text))
	}
	if fault == CodeBadDatetime {
		return Interval{}, Errorf(CodeBadDatetime, "invalid input syntax for type interval: \"%s\"", text)
	}
	v, fits := sum.interval()
	if !fits || fault != "" {
		return Interval{}, Errorf(CodeIntervalRange, "interval field value out of range: \"%s\"", text)
	}
	return fitInterval(v, typmod), nil
}
