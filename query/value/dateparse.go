package value

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// A reading is what a date and time text says. Postgres takes nearly any order of its parts; so does parseReading.
type reading struct {
	special          string // "now", "today", "epoch", "infinity" …
	year, month, day int
	hasDate, bc      bool
	shortYear        bool  // of two digits: 1970 to 2069, unless BC
	micros           int64 // since midnight
	hour             int64 // as written: 11:59:60 is in the next one
	hasTime          bool
	half             string // "am", "pm"
	offset           int    // seconds east of UTC
	hasOffset        bool
	zone             *time.Location
	numbers          []string // of a date whose parts stand apart: "22 Nov 2026"
	onlyTime         bool     // of type time: digits alone are a time
}

// Why a text is no reading.
type dateFault int

const (
	faultNone   dateFault = iota
	faultSyntax           // 22007
	faultField            // 22008
	faultOrder            // 22008, and another DateStyle might help
	faultZone             // 22009
)

func (f dateFault) err(t *Type, text string) error {
	switch f {
	case faultSyntax:
		name := t.SQL
		if t == Time || t == Timestamp {
			name = t.Name
		}
		return Errorf(CodeBadDatetime, "invalid input syntax for type %s: \"%s\"", name, text)
	case faultZone:
		return Errorf(CodeZoneDisplacement, "time zone displacement out of range: \"%s\"", text)
	case faultOrder:
		return &Error{
			Code: CodeDatetimeRange, Message: "date/time field value out of range: \"" + text + "\"",
			Hint: "Perhaps you need a different \"datestyle\" setting.",
		}
	}
	return Errorf(CodeDatetimeRange, "date/time field value out of range: \"%s\"", text)
}

// parseReading takes a text apart.
func parseReading(s *Settings, t *Type, text string) (*reading, error) {
	r := &reading{onlyTime: t == Time}
	for rest := strings.TrimSpace(text); rest != ""; {
		n, f, err := r.take(s, rest)
		if err != nil {
			return nil, err
		}
		if f != faultNone {
			return nil, f.err(t, text)
		}
		rest = rest[n:]
	}
	if f := r.finish(s); f != faultNone {
		return nil, f.err(t, text)
	}
	return r, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func span(s string, ok func(byte) bool) int {
	n := 0
	for n < len(s) && ok(s[n]) {
		n++
	}
	return n
}

// take reads one part from the start of rest and returns its length.
func (r *reading) take(s *Settings, rest string) (n int, f dateFault, err error) {
	c := rest[0]
	switch {
	case isSpace(c) || c == ',':
		return 1, faultNone, nil
	case isDigit(c):
		n, f = r.takeDigits(s, rest)
		return n, f, nil
	case isLetter(c):
		return r.takeWord(rest)
	case c == '+' || c == '-':
		if len(rest) > 1 && isLetter(rest[1]) {
			n = 1 + span(rest[1:], isLetter)
			if strings.EqualFold(rest[1:n], "infinity") && r.special == "" {
				r.special = strings.ToLower(strings.TrimPrefix(rest[:n], "+"))
				return n, faultNone, nil
			}
			return 0, faultSyntax, nil
		}
		n = 1 + span(rest[1:], func(c byte) bool { return isDigit(c) || c == ':' })
		off, ok := parseOffset(rest[:n])
		switch {
		case n == 1 || r.hasOffset || r.zone != nil || !r.hasTime && !r.hasDate:
			return 0, faultSyntax, nil
		case !ok || abs(off) >= maxOffset:
			return 0, faultZone, nil
		}
		r.offset, r.hasOffset = off, true
		return n, faultNone, nil
	}
	return 0, faultSyntax, nil
}

// takeDigits reads a part that starts with a digit: a time, a date, or a number that may be part of either.
func (r *reading) takeDigits(s *Settings, rest string) (int, dateFault) {
	n := span(rest, isDigit)
	if n < len(rest) {
		switch c := rest[n]; {
		case c == ':':
			n = span(rest, func(c byte) bool { return isDigit(c) || c == ':' || c == '.' })
			return n, r.setClock(rest[:n])
		case (c == '-' || c == '/' || c == '.') && !r.hasDate:
			return r.takeDate(s, rest, c)
		case c == '.' && r.hasDate && n == 6:
			m := n + 1 + span(rest[n+1:], isDigit)
			return m, r.setClock(rest[:2] + ":" + rest[2:4] + ":" + rest[4:m])
		}
	}
	word := rest[:n]
	switch {
	case (r.hasDate || r.onlyTime) && !r.hasTime && (n == 4 || n == 6):
		clock := word[:2] + ":" + word[2:4]
		if n == 6 {
			clock += ":" + word[4:]
		}
		return n, r.setClock(clock)
	case !r.hasDate && n == 8 && len(r.numbers) == 0 && r.month == 0:
		r.hasDate = true
		return n, r.setDate(word[:4], word[4:6], word[6:])
	case !r.hasDate && n == 6 && len(r.numbers) == 0 && r.month == 0:
		r.hasDate = true
		return n, r.setDate(word[:2], word[2:4], word[4:])
	case !r.hasDate && len(r.numbers) < 3:
		r.numbers = append(r.numbers, word)
		return n, faultNone
	}
	return 0, faultSyntax
}

// takeDate reads "2026-11-22", "22-Nov-2026", "11/22/2026", "2026-326".
func (r *reading) takeDate(s *Settings, rest string, sep byte) (int, dateFault) {
	var parts []string
	n := 0
	for {
		m := span(rest[n:], isDigit)
		if m == 0 {
			m = span(rest[n:], isLetter)
		}
		if m == 0 {
			return 0, faultSyntax
		}
		parts = append(parts, rest[n:n+m])
		n += m
		if n == len(rest) || rest[n] != sep || len(parts) == 3 {
			break
		}
		n++
	}
	if r.month != 0 || len(r.numbers) > 0 {
		return 0, faultSyntax
	}
	r.hasDate = true
	switch {
	case len(parts) == 2 && len(parts[0]) >= 3 && len(parts[1]) == 3 && isDigit(parts[1][0]):
		return n, r.setYearDay(parts[0], parts[1])
	case len(parts) != 3:
		return 0, faultSyntax
	case isLetter(parts[1][0]) && len(parts[0]) >= 3:
		return n, r.setDate(parts[0], parts[1], parts[2])
	case isLetter(parts[1][0]):
		return n, r.setDate(parts[2], parts[1], parts[0])
	case len(parts[0]) >= 3:
		return n, r.setDate(parts[0], parts[1], parts[2])
	case s.MonthFirst:
		return n, r.setDate(parts[2], parts[0], parts[1])
	}
	return n, r.setDate(parts[2], parts[1], parts[0])
}

func (r *reading) setYearDay(year, day string) dateFault {
	y, _ := strconv.Atoi(year)
	d, _ := strconv.Atoi(day)
	r.year = y
	if d < 1 || d > 365 && !(leap(y) && d == 366) {
		return faultField
	}
	_, r.month, r.day = CivilOf(DateOf(y, 1, 1) + int64(d) - 1)
	return faultNone
}

var months = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
var fullMonths = []string{
	"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
}
var weekdays = []string{
	"sun", "mon", "tue", "wed", "thu", "fri", "sat", "tues", "wednes", "weds", "thur", "thurs",
	"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
}

func monthOf(word string) int {
	w := strings.ToLower(word)
	for i := range months {
		if w == months[i] || w == fullMonths[i] || w == "sept" && i == 8 {
			return i + 1
		}
	}
	return 0
}

// maxYear keeps sums of days in range; the latest date is far earlier.
const maxYear = 100_000_000

// setDate takes the parts of a date.
func (r *reading) setDate(year, month, day string) dateFault {
	y, err1 := strconv.Atoi(year)
	d, err2 := strconv.Atoi(day)
	m, err3 := strconv.Atoi(month)
	if isLetter(month[0]) {
		if m, err3 = monthOf(month), nil; m == 0 {
			return faultSyntax
		}
	}
	if err1 != nil || err2 != nil || err3 != nil {
		return faultSyntax
	}
	if y > maxYear {
		return faultField
	}
	r.shortYear = len(year) <= 2
	r.year, r.month, r.day = y, m, d
	return faultNone
}

// setClock takes "01:15", "01:15:30.5".
func (r *reading) setClock(text string) dateFault {
	if r.hasTime {
		return faultSyntax
	}
	r.hasTime = true
	whole, frac, hasFrac := strings.Cut(text, ".")
	parts := strings.Split(whole, ":")
	if len(parts) < 2 || len(parts) > 3 || strings.Contains(frac, ".") || strings.Contains(frac, ":") {
		return faultSyntax
	}
	var n [3]int64
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil {
			return faultSyntax
		}
		n[i] = int64(v)
	}
	var fraction int64
	if hasFrac && frac != "" {
		f, err := strconv.ParseFloat("0."+frac, 64)
		if err != nil {
			return faultSyntax
		}
		fraction = int64(math.RoundToEven(f * 1e6))
	}
	if len(parts) == 2 && hasFrac { // "15:30.5" is minutes and seconds
		n[0], n[1], n[2] = 0, n[0], n[1]
	}
	if n[0] > 24 || n[1] > 59 || n[2] > 60 {
		return faultField
	}
	r.hour = n[0]
	if r.micros = n[0]*Hour + n[1]*Minute + n[2]*Second + fraction; r.micros > Day {
		return faultField
	}
	return faultNone
}

// takeWord reads a part that starts with a letter.
func (r *reading) takeWord(rest string) (int, dateFault, error) {
	n := span(rest, isLetter)
	word := strings.ToLower(rest[:n])
	if word == "t" && n < len(rest) && isDigit(rest[n]) && (r.hasDate || r.onlyTime || len(r.numbers) > 0) {
		return n, faultNone, nil
	}
	if word == "j" && !r.hasDate && n < len(rest) && isDigit(rest[n]) {
		m := n + span(rest[n:], isDigit)
		day, err := strconv.ParseInt(rest[n:m], 10, 32)
		if err != nil {
			return 0, faultField, nil
		}
		r.hasDate = true
		r.year, r.month, r.day = CivilOf(day - epochJulian)
		if r.year <= 0 {
			r.bc, r.year = true, 1-r.year
		}
		return m, faultNone, nil
	}
	if m := monthOf(word); m > 0 && r.month == 0 && !r.hasDate {
		if n < len(rest) && rest[n] == '-' {
			n++ // "Nov-22-2026"
		}
		r.month = m
		return n, faultNone, nil
	}
	for _, day := range weekdays {
		if word == day {
			return n, faultNone, nil
		}
	}
	switch word {
	case "now", "today", "tomorrow", "yesterday", "epoch", "infinity":
		if r.special != "" || r.hasDate {
			return 0, faultSyntax, nil
		}
		r.special = word
		return n, faultNone, nil
	case "allballs":
		return n, r.setClock("00:00:00"), nil
	case "am", "pm":
		if r.half != "" {
			return 0, faultSyntax, nil
		}
		r.half = word
		return n, faultNone, nil
	case "bc", "ad":
		r.bc = word == "bc"
		return n, faultNone, nil
	}
	return r.takeZone(rest)
}

func (r *reading) takeZone(rest string) (int, dateFault, error) {
	n := span(rest, func(c byte) bool {
		return isLetter(c) || isDigit(c) || strings.IndexByte("/_-+", c) >= 0
	})
	if r.zone != nil || r.hasOffset {
		return 0, faultSyntax, nil
	}
	loc, err := LoadZone(rest[:n])
	switch {
	case err == nil:
		r.zone = loc
		return n, faultNone, nil
	case strings.ContainsAny(rest[:n], "/_"):
		return 0, faultNone, Errorf(CodeInvalidParameter, "time zone \"%s\" not recognized", strings.ToLower(rest[:n]))
	}
	return 0, faultSyntax, nil
}

// finish joins a date whose parts stood apart and checks the fields.
func (r *reading) finish(s *Settings) dateFault {
	moment := r.special != "" && r.special != "today" && r.special != "tomorrow" && r.special != "yesterday"
	if moment && (r.hasDate || r.hasTime || r.month != 0 || len(r.numbers) > 0) {
		return faultSyntax
	}
	if len(r.numbers) > 0 {
		if f := r.joinNumbers(s); f != faultNone {
			return f
		}
	} else if r.month != 0 && !r.hasDate {
		return faultSyntax
	}
	if r.half != "" {
		switch {
		case !r.hasTime:
			return faultSyntax
		case r.hour > 12:
			return faultField
		case r.hour == 12 && r.half == "am":
			r.micros -= 12 * Hour
		case r.hour < 12 && r.half == "pm":
			r.micros += 12 * Hour
		}
	}
	if !r.hasDate {
		return faultNone
	}
	if r.bc {
		if r.year < 1 {
			return faultField
		}
		r.year = 1 - r.year
	} else if r.shortYear {
		r.year += 1900
		if r.year < 1970 {
			r.year += 100
		}
	} else if r.year == 0 {
		return faultField
	}
	switch {
	case r.month < 1 || r.month > 12 || r.day < 1 || r.day > 31:
		return faultOrder
	case r.day > DaysIn(r.year, r.month):
		return faultField
	}
	return faultNone
}

func (r *reading) joinNumbers(s *Settings) dateFault {
	n := r.numbers
	if r.hasDate {
		return faultSyntax
	}
	r.hasDate = true
	switch {
	case r.month != 0 && len(n) == 2:
		month := months[r.month-1]
		if len(n[0]) >= 3 {
			return r.setDate(n[0], month, n[1])
		}
		return r.setDate(n[1], month, n[0])
	case r.month != 0 || len(n) != 3:
		return faultSyntax
	case len(n[0]) >= 3:
		return r.setDate(n[0], n[1], n[2])
	case s.MonthFirst:
		return r.setDate(n[2], n[0], n[1])
	}
	return r.setDate(n[2], n[1], n[0])
}

// local returns the clock reading as a timestamp; ok is false if it is out of range.
func (r *reading) local() (t int64, ok bool) {
	days := DateOf(r.year, r.month, r.day)
	if days < minDate-2 || days > maxTimestamp/Day+2 {
		return 0, false
	}
	return days*Day + r.micros, true
}

// resolveSpecial turns today, tomorrow and yesterday into dates in the session's zone, and reports the others.
func (r *reading) resolveSpecial(s *Settings) (t int64, done bool) {
	days, _ := Split(ToLocal(s.Zone, s.Now))
	switch r.special {
	case "now":
		return s.Now, true
	case "epoch":
		return -UnixToMicros, true
	case "infinity":
		return Infinity, true
	case "-infinity":
		return NegInfinity, true
	case "tomorrow":
		days++
	case "yesterday":
		days--
	}
	r.year, r.month, r.day = CivilOf(days)
	r.hasDate = true
	return 0, false
}

func parseTimestamp(s *Settings, t *Type, text string) (int64, error) {
	r, err := parseReading(s, t, text)
	if err != nil {
		return 0, err
	}
	if r.special != "" {
		if at, done := r.resolveSpecial(s); done {
			if t == Timestamp && r.special == "now" {
				at = ToLocal(s.Zone, at)
			}
			return at, nil
		}
	}
	if !r.hasDate {
		return 0, faultSyntax.err(t, text)
	}
	at, ok := r.local()
	if ok && t == Timestamptz {
		switch {
		case r.hasOffset:
			at -= int64(r.offset) * Second
		case r.zone != nil:
			at = FromLocal(r.zone, at)
		default:
			at = FromLocal(s.Zone, at)
		}
	}
	if !ok || !ValidTimestamp(at) {
		return 0, Errorf(CodeDatetimeRange, "timestamp out of range: \"%s\"", text)
	}
	return at, nil
}

func parseDate(s *Settings, text string) (int64, error) {
	r, err := parseReading(s, Date, text)
	if err != nil {
		return 0, err
	}
	if r.special != "" {
		switch at, done := r.resolveSpecial(s); {
		case done && at == Infinity:
			return DateInf, nil
		case done && at == NegInfinity:
			return DateNegInf, nil
		case done && r.special == "now":
			days, _ := Split(ToLocal(s.Zone, at))
			return days, nil
		case done:
			days, _ := Split(at)
			return days, nil
		}
	}
	if !r.hasDate {
		return 0, faultSyntax.err(Date, text)
	}
	if d := DateOf(r.year, r.month, r.day); ValidDate(d) && r.year < 6_000_000 {
		return d, nil
	}
	return 0, Errorf(CodeDatetimeRange, "date out of range: \"%s\"", text)
}

func parseTime(s *Settings, text string) (int64, error) {
	r, err := parseReading(s, Time, text)
	if err != nil {
		return 0, err
	}
	if r.special == "now" {
		_, micros := Split(ToLocal(s.Zone, s.Now))
		return micros, nil
	}
	if !r.hasTime {
		return 0, faultSyntax.err(Time, text)
	}
	return r.micros, nil
}
