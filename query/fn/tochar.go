package fn

import (
	"fmt"
	"strings"
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

func charFunctions() []*Function {
	out := []*Function{
		def("to_char(timestamp,text) text stable", map2[ints, texts, texts](func(_ *Env, t int64, f string) (string, error) {
			return timestampChar(nil, t, f)
		})),
		def("to_char(timestamptz,text) text stable", map2[ints, texts, texts](func(env *Env, t int64, f string) (string, error) {
			return timestampChar(env.Settings.Zone, t, f)
		})),
		def("to_char(interval,text) text stable", map2[spans, texts, texts](intervalChar)),
		def("to_timestamp(text,text) timestamptz stable", map2[texts, texts, ints](func(env *Env, s, f string) (int64, error) {
			t, offset, err := readChar(s, f)
			if err != nil || offset {
				return t, err
			}
			return value.FromLocal(env.Settings.Zone, t), nil
		})),
		def("to_date(text,text) date stable", map2[texts, texts, ints](func(_ *Env, s, f string) (int64, error) {
			t, _, err := readChar(s, f)
			days, _ := value.Split(t)
			return days, err
		})),
	}
	for _, t := range []string{"int4", "int8"} {
		out = append(out, def("to_char("+t+",text) text stable", map2[ints, texts, texts](func(_ *Env, x int64, f string) (string, error) {
			return numberChar(value.IntNumeric(x), f)
		})))
	}
	return append(out,
		def("to_char(numeric,text) text stable", map2[nums, texts, texts](func(_ *Env, x value.Numeric, f string) (string, error) {
			return numberChar(x, f)
		})),
		def("to_char(float8,text) text stable", map2[floats, texts, texts](func(_ *Env, x float64, f string) (string, error) {
			return numberChar(value.FloatNumeric(x, false), f)
		})))
}

// A charTime is what a template of to_char shows.
type charTime struct {
	year, month, day int // year 0 is 1 BC
	days             int64
	micros           int64 // since midnight; of an interval its whole time
	interval         bool
	zone             string
	offset           int
	zoned            bool
}

// A charNode is one piece of a template: a pattern or literal text.
type charNode struct {
	pattern string // as in charPatterns, "" for text
	text    string // the text, or the pattern as written
	fill    bool   // FM: no padding
	local   bool   // TM: names of months and days have none
	ordinal string // "TH" or "th"
	fixed   bool   // after FX: what is read has the very widths of the template
	quoted  bool   // text that stood in quotes
}

// charPatterns lists the template patterns, longer ones before their beginnings.
var charPatterns = []string{
	"A.D.", "A.M.", "B.C.", "P.M.", "AD", "AM", "BC", "CC", "DAY", "DDD", "DD", "DY", "D", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6", "FX",
	"HH24", "HH12", "HH", "IDDD", "ID", "IW", "IYYY", "IYY", "IY", "I", "J", "MI", "MM", "MONTH", "MON", "MS", "OF", "PM", "Q", "RM",
	"SSSSS", "SSSS", "SS", "TZH", "TZM", "TZ", "US", "WW", "W", "Y,YYY", "YYYY", "YYY", "YY", "Y",
}

// maxTemplate is the longest template in bytes.
const maxTemplate = 64 << 10

func parseTemplate(f string) []charNode {
	var nodes []charNode
	fixed := false
	for f != "" {
		prefix := f[:min(2, len(f))]
		n := charNode{fixed: fixed, fill: prefix == "FM" || prefix == "fm", local: prefix == "TM" || prefix == "tm"}
		if n.fill || n.local {
			f = f[2:]
		}
		if n.pattern = patternAt(f); n.pattern != "" {
			n.text, f = f[:len(n.pattern)], f[len(n.pattern):]
			switch suffix := f[:min(2, len(f))]; suffix {
			case "TH", "th":
				n.ordinal, f = suffix, f[2:]
			case "SP":
				f = f[2:]
			}
			if n.pattern == "FX" {
				fixed = true
			} else {
				nodes = append(nodes, n)
			}
			continue
		}
		if f == "" {
			break
		}
		text, rest := literalAt(f)
		nodes = append(nodes, charNode{text: text, fixed: fixed, quoted: f[0] == '"'})
		f = rest
	}
	return nodes
}

// patternAt returns the pattern that f starts with, in capitals or in small letters; names may have the first letter alone in
// capitals.
func patternAt(f string) string {
	for _, p := range charPatterns {
		if len(f) < len(p) || !strings.EqualFold(f[:len(p)], p) {
			continue
		}
		switch word := f[:len(p)]; {
		case word == p, word == strings.ToLower(p):
			return p
		case (p == "DAY" || p == "DY" || p == "MONTH" || p == "MON") && word[1:] == strings.ToLower(p[1:]):
			return p
		}
	}
	return ""
}

// literalAt takes text in quotes, or one character.
func literalAt(f string) (text, rest string) {
	if f[0] == '\\' && len(f) > 1 && f[1] == '"' {
		return `"`, f[2:]
	}
	if f[0] != '"' {
		for i := range f {
			if i > 0 {
				return f[:i], f[i:]
			}
		}
		return f, ""
	}
	var out strings.Builder
	f = f[1:]
	for f != "" && f[0] != '"' {
		if f[0] == '\\' && len(f) > 1 {
			f = f[1:]
		}
		out.WriteByte(f[0])
		f = f[1:]
	}
	return out.String(), strings.TrimPrefix(f, `"`)
}

func timestampChar(zone *time.Location, t int64, f string) (string, error) {
	if !value.FiniteTimestamp(t) || f == "" {
		return "", errNull
	}
	c := charTime{zoned: zone != nil}
	if zone != nil {
		c.zone, c.offset = value.ToTime(t).In(zone).Zone()
		t = value.ToLocal(zone, t)
	}
	c.days, c.micros = value.Split(t)
	c.year, c.month, c.day = value.CivilOf(c.days)
	return c.show(f)
}

func intervalChar(_ *Env, v value.Interval, f string) (string, error) {
	if f == "" {
		return "", errNull
	}
	c := charTime{year: int(v.Months / 12), month: int(v.Months % 12), day: int(v.Days), micros: v.Micros, interval: true}
	c.days = value.DateOf(c.year, c.month, c.day) // which Postgres shows too
	return c.show(f)
}

func (c *charTime) show(f string) (string, error) {
	if len(f) > maxTemplate {
		return "", errTooLong()
	}
	var out strings.Builder
	for _, n := range parseTemplate(f) {
		if n.pattern == "" {
			out.WriteString(n.text)
			continue
		}
		if c.interval && strings.Contains(" AD A.D. BC B.C. DAY DY MONTH MON TZ OF ID D ", " "+n.pattern+" ") {
			return "", &value.Error{
				Code: value.CodeBadDatetime, Message: "invalid format specification for an interval value",
				Hint: "Intervals are not tied to specific calendar dates.",
			}
		}
		s := c.node(n)
		out.WriteString(s)
		if n.ordinal != "" && n.numbered() {
			out.WriteString(ordinal(s, n.ordinal == "TH"))
		}
		if out.Len() > MaxOutput {
			return "", errTooLong()
		}
	}
	return out.String(), nil
}

// numbered reports whether an ordinal ending shows: behind a word it is dropped.
func (n charNode) numbered() bool {
	return fieldWidths[n.pattern].n > 0 && n.pattern != "TZH" && n.pattern != "TZM"
}

// ordinal returns the ending of a number.
func ordinal(digits string, upper bool) string {
	end := "th"
	n := len(digits)
	if n > 0 && (n == 1 || digits[n-2] != '1') {
		switch digits[n-1] {
		case '1':
			end = "st"
		case '2':
			end = "nd"
		case '3':
			end = "rd"
		}
	}
	if upper {
		return strings.ToUpper(end)
	}
	return end
}

// number shows a number of at least width digits; with FM of as many as it has.
func (n charNode) number(x int64, width int) string {
	if n.fill {
		width = 0
	}
	if x < 0 {
		return fmt.Sprintf("-%0*d", width, -x)
	}
	return fmt.Sprintf("%0*d", width, x)
}

// padded is number for the fields that a sign does not widen.
func (n charNode) padded(x int64, width int) string {
	if n.fill {
		width = 0
	}
	return fmt.Sprintf("%0*d", width, x)
}

// word shows a name, cased like the pattern and padded to width.
func (n charNode) word(s string, width int) string {
	switch {
	case n.text == strings.ToUpper(n.text):
		s = strings.ToUpper(s)
	case n.text == strings.ToLower(n.text):
		s = strings.ToLower(s)
	}
	if n.fill {
		return s
	}
	return fmt.Sprintf("%-*s", width, s)
}

// name is word for the name of a month or day.
func (n charNode) name(s string) string {
	n.fill = n.fill || n.local
	return n.word(s, 9)
}

func (c *charTime) node(n charNode) string {
	sec := c.micros / value.Second
	hour, frac := sec/3600, c.micros%value.Second
	switch p := n.pattern; p {
	case "HH24":
		return n.number(hour, 2)
	case "HH", "HH12":
		h := hour
		if c.interval || h%12 != 0 {
			h %= 12
		} else {
			h = 12
		}
		if c.interval && h == 0 {
			h = 12
		}
		return n.number(h, 2)
	case "MI":
		return n.number(sec/60%60, 2)
	case "SS":
		return n.number(sec%60, 2)
	case "SSSS", "SSSSS":
		return n.number(sec, 0)
	case "MS":
		return fmt.Sprintf("%03d", frac/1000)
	case "US":
		return fmt.Sprintf("%06d", frac)
	case "FF1", "FF2", "FF3", "FF4", "FF5", "FF6":
		digits := int(p[2] - '0')
		return fmt.Sprintf("%0*d", digits, frac/[]int64{100000, 10000, 1000, 100, 10, 1}[digits-1])
	case "AM", "PM", "A.M.", "P.M.":
		half := "AM"
		if hour%24 >= 12 {
			half = "PM"
		}
		if len(p) == 4 {
			half = half[:1] + ".M."
		}
		if n.text[0] >= 'a' {
			return strings.ToLower(half)
		}
		return half
	case "TZ", "TZH", "TZM", "OF":
		return c.zoneText(n)
	}
	return c.dateNode(n)
}

func (c *charTime) zoneText(n charNode) string {
	sign, off := "+", c.offset
	if off < 0 {
		sign, off = "-", -off
	}
	switch n.pattern {
	case "TZH":
		return sign + fmt.Sprintf("%02d", off/3600)
	case "TZM":
		return fmt.Sprintf("%02d", off/60%60)
	case "OF":
		if off%3600 != 0 {
			return sign + fmt.Sprintf("%02d:%02d", off/3600, off/60%60)
		}
		return sign + fmt.Sprintf("%02d", off/3600)
	}
	if !c.zoned {
		return ""
	}
	if n.text == "tz" {
		return strings.ToLower(c.zone)
	}
	return c.zone
}

var romans = []string{"", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"}

func (c *charTime) dateNode(n charNode) string {
	isoYear, week := isoWeek(c.days)
	iso := int64(isoYear)
	year := int64(c.year)
	if !c.interval {
		year, iso = yearOfEra(year), yearOfEra(iso)
	}
	switch n.pattern {
	case "MONTH":
		return n.name(time.Month(c.month).String())
	case "MON":
		return n.word(time.Month(c.month).String()[:3], 0)
	case "MM":
		return n.number(int64(c.month), 2)
	case "RM":
		return c.roman(n)
	case "DAY":
		return n.name(time.Weekday(isoWeekday(c.days) % 7).String())
	case "DY":
		return n.word(time.Weekday(isoWeekday(c.days) % 7).String()[:3], 0)
	case "DDD":
		return n.padded(c.dayOfYear(), 3)
	case "DD":
		return n.padded(int64(c.day), 2)
	case "D":
		return n.number(int64(isoWeekday(c.days)%7+1), 0)
	case "ID":
		return n.number(int64(isoWeekday(c.days)), 0)
	case "IDDD":
		return n.number(int64((week-1)*7+isoWeekday(c.days)), 3)
	case "IW":
		return n.number(int64(week), 2)
	case "WW":
		return n.padded((c.dayOfYear()-1)/7+1, 2)
	case "W":
		return n.number(int64(c.day-1)/7+1, 0)
	case "Q":
		if c.month == 0 {
			return ""
		}
		return n.number(int64(c.month-1)/3+1, 0)
	case "J":
		return n.number(c.days+2451545, 0)
	case "CC":
		if c.interval {
			return n.number(int64(c.year/100), 2)
		}
		return n.number(epochYears(c.year, 100), 2)
	case "Y,YYY":
		return fmt.Sprintf("%d,%03d", year/1000, year%1000)
	case "IYYY", "IYY", "IY", "I":
		return n.year(iso, len(n.pattern))
	case "YYYY", "YYY", "YY", "Y":
		return n.year(year, len(n.pattern))
	}
	return c.era(n)
}

// roman shows a month in Roman numerals. In an interval no month after whole years is the last one, months are counted backwards
// if they are negative, and nothing at all is no month.
func (c *charTime) roman(n charNode) string {
	m := c.month
	switch {
	case m == 0 && c.year == 0:
		return ""
	case m == 0 && c.year > 0:
		m = 12
	case m == 0:
		m = 1
	case m < 0:
		m += 13
	}
	return n.word(romans[m], 4)
}

// yearOfEra is a year without its era; 0 is 1 BC.
func yearOfEra(year int64) int64 {
	if year <= 0 {
		return 1 - year
	}
	return year
}

// year shows the last digits of a year, all of it for four.
func (n charNode) year(y int64, digits int) string {
	if digits < 4 {
		y %= []int64{1, 10, 100, 1000}[digits]
	}
	return n.number(y, digits)
}

func (c *charTime) dayOfYear() int64 {
	if c.interval {
		return int64(c.day) + int64(c.month)*30 + int64(c.year)*360
	}
	return c.days - value.DateOf(c.year, 1, 1) + 1
}

func (c *charTime) era(n charNode) string {
	era := "AD"
	if c.year <= 0 {
		era = "BC"
	}
	if len(n.pattern) == 4 {
		era = era[:1] + "." + era[1:] + "."
	}
	if n.text[0] >= 'a' {
		return strings.ToLower(era)
	}
	return era
}
