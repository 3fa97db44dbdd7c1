package fn

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

// A charReader reads a text by the template of to_date and to_timestamp. Fields that are zero have not been given.
type charReader struct {
	rest    string
	skipped int  // spaces that went by before what comes, more than the template has; negative if the template has more
	last    byte // the byte before rest
	iso     bool // the date is of ISO weeks
	plain   bool // the date is a Gregorian one

	year, yearDigits, century int
	month, day, yearDay       int
	week, monthWeek, weekday  int // weekday 1 is Sunday
	julian                    int
	hour, minute, second      int
	secOfDay, millis, micros  int
	pm, half, bc              bool
	zoneSign, zoneHour        int
	zoneMinute                int
}

// readChar reads a time by a template. It is in UTC if offset, else local.
func readChar(text, f string) (t int64, offset bool, err error) {
	if len(f) > maxTemplate {
		return 0, false, errTooLong()
	}
	r := charReader{rest: text}
	nodes := parseTemplate(f)
	for i, n := range nodes {
		if !n.fixed && (n.pattern != "" || i == 0) {
			r.spaces()
		}
		if r.rest == "" {
			break
		}
		if n.pattern == "" {
			r.literal(n)
			continue
		}
		width := fieldWidths[n.pattern]
		if n.fill || n.ordinal != "" || i+1 == len(nodes) || !nodes[i+1].startsWithDigit() {
			width.open = true
		}
		if err := r.field(n, width); err != nil {
			return 0, false, err
		}
		if n.ordinal != "" {
			r.drop(min(2, len(r.rest)))
		}
		if !n.fixed {
			r.skipped = 0
			r.spaces()
		}
	}
	t, err = r.time(text)
	return t, r.zoneSign != 0, err
}

// startsWithDigit reports whether a number that stands before n has to end by its width.
func (n charNode) startsWithDigit() bool {
	if n.pattern != "" {
		return fieldWidths[n.pattern].n > 0 && n.pattern != "TZH"
	}
	return len(n.text) == 1 && n.text[0] >= '0' && n.text[0] <= '9'
}

func (r *charReader) drop(n int) {
	if n > 0 {
		r.last, r.rest = r.rest[n-1], r.rest[n:]
	}
}

func isCharSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func (r *charReader) spaces() {
	for r.rest != "" && isCharSpace(r.rest[0]) {
		r.drop(1)
		r.skipped++
	}
}

// isSeparator reports whether a text of a template, or the start of a text, is a space or punctuation.
func isSeparator(s string) bool {
	if s == "" || isCharSpace(s[0]) {
		return s != ""
	}
	c := s[0]
	return c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c|0x20 >= 'a' && c|0x20 <= 'z')
}

// literal goes past what stands for the text of a template: a separator for a separator, if there is one, and for each other
// character any one, unless spaces have gone by for it.
func (r *charReader) literal(n charNode) {
	switch {
	case n.fixed:
		for range n.text {
			r.character()
		}
	case !n.quoted && isSeparator(n.text):
		r.skipped--
		if isSeparator(r.rest) {
			r.drop(1)
			r.skipped++
		}
	default:
		for range n.text {
			if r.skipped > 0 {
				r.skipped--
			} else {
				r.character()
			}
		}
	}
}

func (r *charReader) character() {
	_, size := utf8.DecodeRuneInString(r.rest)
	r.drop(size)
}

// A fieldWidth is how many digits a pattern takes; open means any number of them.
type fieldWidth struct {
	n    int
	open bool
}

// fieldWidths holds the patterns that are numbers.
var fieldWidths = map[string]fieldWidth{
	"YYYY": {n: 4}, "YYY": {n: 3}, "YY": {n: 2}, "Y": {n: 1}, "IYYY": {n: 4}, "IYY": {n: 3}, "IY": {n: 2}, "I": {n: 1}, "Y,YYY": {n: 5},
	"MM": {n: 2}, "DD": {n: 2}, "DDD": {n: 3}, "IDDD": {n: 3}, "D": {n: 1}, "ID": {n: 1}, "WW": {n: 2}, "IW": {n: 2}, "W": {n: 1},
	"HH": {n: 2}, "HH12": {n: 2}, "HH24": {n: 2}, "MI": {n: 2}, "SS": {n: 2}, "SSSS": {n: 5}, "SSSSS": {n: 5}, "MS": {n: 3}, "US": {n: 6},
	"FF1": {n: 1}, "FF2": {n: 2}, "FF3": {n: 3}, "FF4": {n: 4}, "FF5": {n: 5}, "FF6": {n: 6}, "J": {n: 7}, "Q": {n: 1}, "CC": {n: 2},
	"TZH": {n: 2}, "TZM": {n: 2},
}

func badField(message, detail, hint string) error {
	return &value.Error{Code: value.CodeBadDatetime, Message: message, Detail: detail, Hint: hint}
}

const tryFill = "If your source string is not fixed-width, try using the \"FM\" modifier."

// integer reads the number of a field and returns how many characters it has.
func (r *charReader) integer(n charNode, width fieldWidth) (x, used int, err error) {
	start := len(r.rest)
	for r.rest != "" && isCharSpace(r.rest[0]) {
		r.drop(1)
	}
	shown := r.rest[:min(width.n, len(r.rest))]
	from := shown
	if width.open {
		from = r.rest
	} else if len(shown) < width.n {
		return 0, 0, badField("source string too short for \""+n.text+"\" formatting field",
			"Field requires "+strconv.Itoa(width.n)+" characters, but only "+strconv.Itoa(len(shown))+" remain.", tryFill)
	}
	k := 0
	if from != "" && (from[0] == '-' || from[0] == '+') {
		k = 1
	}
	digits := k
	for digits < len(from) && from[digits] >= '0' && from[digits] <= '9' {
		digits++
	}
	if digits == k {
		return 0, 0, badField("invalid value \""+shown+"\" for \""+n.text+"\"", "Value must be an integer.", "")
	}
	if !width.open && digits < width.n {
		return 0, 0, badField("invalid value \""+shown+"\" for \""+n.text+"\"",
			"Field requires "+strconv.Itoa(width.n)+" characters, but only "+strconv.Itoa(digits)+" could be parsed.", tryFill)
	}
	v, err := strconv.ParseInt(from[:digits], 10, 32)
	if err != nil {
		return 0, 0, &value.Error{
			Code: value.CodeDatetimeRange, Message: "value for \"" + n.text + "\" in source string is out of range",
			Detail: "Value must be in the range -2147483648 to 2147483647.",
		}
	}
	r.drop(digits)
	return int(v), start - len(r.rest), nil
}

// set gives a field its value, which it may have been given before.
func (n charNode) set(field *int, x int) error {
	if *field != 0 && *field != x {
		return badField("conflicting values for \""+n.text+"\" field in formatting string", "This value contradicts a previous setting for the same field type.", "")
	}
	*field = x
	return nil
}

// isoPatterns are those of ISO weeks, plainPatterns those of the Gregorian calendar: they do not go together.
const (
	isoPatterns   = " IYYY IYY IY I IW ID IDDD "
	plainPatterns = " YYYY YYY YY Y Y,YYY MM MONTH MON RM DD DDD D W WW "
)

// field reads what stands for a pattern.
func (r *charReader) field(n charNode, width fieldWidth) error {
	named := " " + n.pattern + " "
	r.iso = r.iso || strings.Contains(isoPatterns, named)
	r.plain = r.plain || strings.Contains(plainPatterns, named)
	if r.iso && r.plain {
		return badField("invalid combination of date conventions", "", "Do not mix Gregorian and ISO week date conventions in a formatting template.")
	}
	switch n.pattern {
	case "TZ", "OF":
		return value.Errorf("0A000", "formatting field \"%s\" is only supported in to_char", n.text)
	case "TZH":
		r.zoneSign = 1
		if c := r.rest[0]; c == '+' || c == '-' || c == ' ' {
			r.drop(1)
		} else if r.skipped <= 0 {
			r.last = 0
		}
		if r.last == '-' {
			r.zoneSign = -1
		}
	case "Y,YYY":
		return r.commaYear(n)
	}
	if width.n == 0 {
		return r.name(n)
	}
	x, used, err := r.integer(n, width)
	if err != nil {
		return err
	}
	return r.number(n, x, used)
}

// commaYear reads a year with a comma after the thousands.
func (r *charReader) commaYear(n charNode) error {
	thousands, rest, ok := strings.Cut(r.rest, ",")
	digits := 0
	for digits < min(3, len(rest)) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	a, err1 := strconv.Atoi(thousands)
	b, err2 := strconv.Atoi(rest[:digits])
	if !ok || err1 != nil || err2 != nil || a > 100_000 {
		return badField("invalid input string for \"Y,YYY\"", "", "")
	}
	r.drop(len(thousands) + 1 + digits)
	r.yearDigits = 4
	return n.set(&r.year, a*1000+b)
}

// number takes the number of a pattern; used is how many characters it had.
func (r *charReader) number(n charNode, x, used int) error {
	field := map[string]*int{
		"YYYY": &r.year, "IYYY": &r.year, "YYY": &r.year, "IYY": &r.year, "YY": &r.year, "IY": &r.year, "Y": &r.year, "I": &r.year,
		"MM": &r.month, "DD": &r.day, "DDD": &r.yearDay, "IDDD": &r.yearDay, "D": &r.weekday, "ID": &r.weekday, "WW": &r.week, "IW": &r.week,
		"W": &r.monthWeek, "HH": &r.hour, "HH12": &r.hour, "HH24": &r.hour, "MI": &r.minute, "SS": &r.second, "SSSS": &r.secOfDay,
		"SSSSS": &r.secOfDay, "MS": &r.millis, "US": &r.micros, "J": &r.julian, "CC": &r.century, "TZH": &r.zoneHour, "TZM": &r.zoneMinute,
	}[n.pattern]
	switch p := n.pattern; {
	case p == "Q": // read, but a quarter is no date
		return nil
	case field == &r.year:
		if r.yearDigits = len(p); r.yearDigits < 4 && used < 4 {
			x = nearYear(x)
		}
	case p == "ID":
		if x++; x > 7 {
			x = 1
		}
	case p == "HH", p == "HH12":
		r.half = true
	case p == "MS":
		for ; used < 3; used++ {
			x *= 10
		}
	case p == "US", p[0] == 'F':
		field = &r.micros
		for ; used < 6; used++ {
			x *= 10
		}
	case p == "TZM" && r.zoneSign == 0:
		r.zoneSign = 1
	}
	return n.set(field, x)
}

// nearYear completes a year of few digits to the one nearest to 2020.
func nearYear(y int) int {
	switch {
	case y < 70, y >= 100 && y < 520:
		return y + 2000
	case y < 100:
		return y + 1900
	case y < 1000:
		return y + 1000
	}
	return y
}

var romanMonths = []string{"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"}

// charNames holds the words of the patterns that are names.
var charNames = func() map[string][]string {
	m := map[string][]string{"AM": {"am", "pm"}, "A.M.": {"a.m.", "p.m."}, "AD": {"ad", "bc"}, "A.D.": {"a.d.", "b.c."}, "RM": romanMonths}
	for k, like := range map[string]string{"PM": "AM", "P.M.": "A.M.", "BC": "AD", "B.C.": "A.D."} {
		m[k] = m[like]
	}
	for i := range 12 {
		m["MONTH"] = append(m["MONTH"], strings.ToLower(time.Month(i+1).String()))
		m["MON"] = append(m["MON"], strings.ToLower(time.Month(i + 1).String()[:3]))
	}
	for i := range 7 {
		m["DAY"] = append(m["DAY"], strings.ToLower(time.Weekday(i).String()))
		m["DY"] = append(m["DY"], strings.ToLower(time.Weekday(i).String()[:3]))
	}
	return m
}()

// name reads a name.
func (r *charReader) name(n charNode) error {
	found := -1
	for i, w := range charNames[n.pattern] {
		longer := found < 0 || len(w) > len(charNames[n.pattern][found])
		if longer && len(r.rest) >= len(w) && strings.EqualFold(r.rest[:len(w)], w) {
			found = i
		}
	}
	if found < 0 {
		word := r.rest
		if i := strings.IndexFunc(word, func(c rune) bool { return c < 128 && isCharSpace(byte(c)) }); i >= 0 {
			word = word[:i]
		}
		return badField("invalid value \""+word+"\" for \""+n.text+"\"", "The given value did not match any of the allowed values for this field.", "")
	}
	r.drop(len(charNames[n.pattern][found]))
	switch n.pattern {
	case "MONTH", "MON", "RM":
		return n.set(&r.month, found+1)
	case "DAY", "DY":
		return n.set(&r.weekday, found+1)
	case "AM", "PM", "A.M.", "P.M.":
		r.half, r.pm = true, found == 1
	default:
		r.bc = found == 1
	}
	return nil
}

// fullYear is the year that was read, where 0 is 1 BC, and whether there was one.
func (r *charReader) fullYear() (y int, given bool) {
	if r.bc {
		r.century = -r.century
	}
	switch {
	case r.year != 0 && r.century != 0 && r.yearDigits <= 2:
		y = r.year % 100
		switch {
		case y == 0 && r.century >= 0:
			y = r.century * 100
		case y == 0:
			y = r.century*100 + 1
		case r.century >= 0:
			y += (r.century - 1) * 100
		default:
			y = (r.century+1)*100 - y + 1
		}
		return y, true
	case r.year != 0:
		if y = r.year; r.bc {
			y = -y
		}
		if y < 0 {
			y++
		}
		return y, true
	case r.century > 0:
		return (r.century-1)*100 + 1, true
	case r.century < 0:
		return r.century*100 + 1, true
	}
	return 0, false
}

// date is the date that was read, in days.
func (r *charReader) date(bad error) (int64, error) {
	y, given := r.fullYear()
	if r.julian != 0 {
		return int64(r.julian) - 2451545, nil
	}
	if r.week != 0 && r.iso {
		monday := isoYearStart(y) + int64(r.week-1)*7
		if r.weekday != 0 {
			monday += int64((r.weekday + 5) % 7)
		}
		return monday, nil
	}
	if r.week != 0 {
		r.yearDay = (r.week-1)*7 + 1
	}
	if r.monthWeek != 0 {
		r.day = (r.monthWeek-1)*7 + 1
	}
	m, d := max(r.month, 1), max(r.day, 1)
	if r.yearDay != 0 && (m <= 1 || d <= 1) {
		if y == 0 && !r.bc {
			return 0, badField("cannot calculate day of year without year information", "", "")
		}
		if r.iso {
			return isoYearStart(y) + int64(r.yearDay) - 1, nil
		}
		if r.yearDay < 1 || r.yearDay > 366 {
			return 0, bad
		}
		_, em, ed := value.CivilOf(value.DateOf(y, 1, 1) + int64(r.yearDay) - 1)
		if m <= 1 {
			m = em
		}
		if d <= 1 {
			d = ed
		}
		given = given && r.yearDay <= 365
	}
	if r.month < 0 || m > 12 || r.day < 0 || d > 31 || given && r.month != 0 && r.day != 0 && d > value.DaysIn(y, m) {
		return 0, bad
	}
	return value.DateOf(y, m, d), nil
}

// isoYearStart is the day that begins ISO week 1 of a year: the Monday of the week with January 4.
func isoYearStart(y int) int64 {
	d := value.DateOf(y, 1, 4)
	return d - int64(isoWeekday(d)) + 1
}

// time is the time that was read.
func (r *charReader) time(text string) (int64, error) {
	bad := value.Errorf(value.CodeDatetimeRange, "date/time field value out of range: \"%s\"", text)
	h, m, s := r.secOfDay/3600, r.secOfDay/60%60, r.secOfDay%60
	for _, f := range []struct {
		to   *int
		read int
	}{{&h, r.hour}, {&m, r.minute}, {&s, r.second}} {
		if f.read != 0 {
			*f.to = f.read
		}
	}
	if r.half {
		if h < 1 || h > 12 {
			return 0, badField("hour \""+strconv.Itoa(h)+"\" is invalid for the 12-hour clock", "", "Use the 24-hour clock, or give an hour between 1 and 12.")
		}
		if h %= 12; r.pm {
			h += 12
		}
	}
	micros := r.millis*1000 + r.micros
	days, err := r.date(bad)
	if err != nil {
		return 0, err
	}
	if h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59 || micros < 0 || micros >= 1_000_000 || r.zoneHour < 0 || r.zoneHour > 15 || r.zoneMinute < 0 || r.zoneMinute > 59 {
		return 0, bad
	}
	if days < -2_500_000 || days > 106_000_000 { // microseconds would overflow
		return 0, bad
	}
	sec := int64(h*3600+m*60+s) - int64(r.zoneSign*(r.zoneHour*3600+r.zoneMinute*60))
	return days*value.Day + sec*value.Second + int64(micros), nil
}
