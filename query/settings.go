package query

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

// A Setting is a reported setting with its present value.
type Setting struct{ Name, Value string }

// settingByName finds a setting by its name, however capitalised.
var settingByName = func() map[string]*setting {
	m := make(map[string]*setting, len(settingsTable))
	for i := range settingsTable {
		m[strings.ToLower(settingsTable[i].name)] = &settingsTable[i]
	}
	return m
}()

// settings are the run-time settings of a session. The maps are replaced, never changed, so that a transaction or
// savepoint can go back to what stood at its start by keeping the struct.
type settings struct {
	base  map[string]string // defaults of this session: start-up packet over the table; never changed after start
	set   map[string]string // by SET
	local map[string]string // by SET LOCAL, until the transaction ends

	version uint64 // settings of one session with the same version are the same; 0 at its start
}

// settingsVersion is the newest version that any settings have.
var settingsVersion atomic.Uint64

// changed gives the settings a new version.
func (g *settings) changed() { g.version = settingsVersion.Add(1) }

// endLocal ends SET LOCAL.
func (g *settings) endLocal() {
	if g.local != nil {
		g.local = nil
		g.changed()
	}
}

// get returns the value of a setting by its lower-case name.
func (g *settings) get(key string) (string, bool) {
	for _, m := range []map[string]string{g.local, g.set, g.base} {
		if v, ok := m[key]; ok {
			return v, true
		}
	}
	if d := settingByName[key]; d != nil {
		return d.boot, true
	}
	return "", false
}

// put stores a value that is checked already.
func (g *settings) put(key, v string, local bool) {
	g.changed()
	key, v = strings.Clone(key), strings.Clone(v) // not the string of statements that they are parts of
	if local {
		g.local = with(g.local, key, v)
		return
	}
	g.set = with(g.set, key, v)
	if _, ok := g.local[key]; ok {
		g.local = without(g.local, key)
	}
}

const (
	// maxSettings bounds what a session sets, names and values, in bytes.
	maxSettings = 256 << 10
	// settingBytes is what each takes besides.
	settingBytes = 96
)

// room refuses a value for which the session has no room.
func (g *settings) room(key, v string) error {
	bytes := g.bytes() + settingBytes + len(key) + len(v)
	for _, m := range []map[string]string{g.set, g.local} {
		if old, ok := m[key]; ok {
			bytes -= settingBytes + len(key) + len(old)
		}
	}
	if bytes <= maxSettings {
		return nil
	}
	e := errf(codeProgramLimit, "settings are too long")
	e.Detail = "A session can set " + itoa(maxSettings>>10) + " kB, names and values together."
	return e.hint("RESET settings that are not needed any more.")
}

// bytes is what the settings of the session and of the transaction take.
func (g *settings) bytes() (n int) {
	for _, m := range []map[string]string{g.set, g.local} {
		for k, v := range m {
			n += settingBytes + len(k) + len(v)
		}
	}
	return n
}

// reset puts a setting back to the session's default.
func (g *settings) reset(key string) {
	g.changed()
	g.set, g.local = without(g.set, key), without(g.local, key)
	if _, ok := g.get(key); !ok {
		g.set = with(g.set, key, "") // an application's setting, once it is there, stays
	}
}

// resetAll puts every setting back but those that belong to the transaction.
func (g *settings) resetAll() {
	keep := map[string]string{}
	for _, key := range []string{"transaction_isolation", "transaction_read_only", "transaction_deferrable"} {
		if v, ok := g.local[key]; ok {
			keep[key] = v
		}
	}
	g.set, g.local = nil, keep
	g.changed()
}

func with(m map[string]string, key, v string) map[string]string {
	c := make(map[string]string, len(m)+1)
	maps.Copy(c, m)
	c[key] = v
	return c
}

func without(m map[string]string, key string) map[string]string {
	if _, ok := m[key]; !ok {
		return m
	}
	c := maps.Clone(m)
	delete(c, key)
	return c
}

// checkSetting returns the canonical form of a value for the setting called name. ok is false if there is no such
// setting. Names with a dot belong to applications: they exist once they are set, and take any text.
func checkSetting(name, v string) (canonical string, d *setting, err error) {
	key := strings.ToLower(name)
	d = settingByName[key]
	if d == nil {
		if dottedName(key) {
			return v, nil, nil
		}
		return "", nil, unknownSetting(name)
	}
	if d.fixed {
		return "", nil, errf(codeCantChangeParam, "parameter %q cannot be changed", d.name)
	}
	canonical, err = d.check(v)
	return canonical, d, err
}

func unknownSetting(name string) *Error {
	return errf(codeUndefinedObject, "unrecognized configuration parameter %q", name)
}

// dottedName reports whether key may name a setting of an application: two or more identifiers with dots between.
func dottedName(key string) bool {
	parts := strings.Split(key, ".")
	for _, p := range parts {
		if p == "" || strings.ContainsFunc(p, func(r rune) bool {
			return r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && r < 0x80
		}) {
			return false
		}
	}
	return len(parts) > 1
}

func (d *setting) check(v string) (string, error) {
	switch d.kind {
	case settingBool:
		if b, ok := parseBool(v); ok && slices.Contains(d.foreign, onOff(b)) {
			return "", errf(codeUnsupported, "parameter %q cannot be %q", d.name, v).hint("It is always %s.", d.boot)
		} else if ok {
			return onOff(b), nil
		}
		return "", errf(codeInvalidParameter, "parameter %q requires a Boolean value", d.name)
	case settingInt, settingMillis, settingSeconds, settingKB, settingBlocks:
		return d.checkInt(v)
	case settingReal:
		return d.checkReal(v)
	case settingEnum:
		return d.checkEnum(v)
	case settingEncoding:
		return d.checkEncoding(v)
	case settingDateStyle:
		return d.checkDateStyle(v)
	case settingZone:
		return d.checkZone(v)
	}
	return v, nil
}

// parseBool understands what Postgres understands: any unique prefix of true, false, yes, no, on, off, and 1, 0.
func parseBool(v string) (value, ok bool) {
	v = strings.ToLower(strings.TrimSpace(v))
	if v == "" || v == "o" {
		return false, false
	}
	switch {
	case v == "1", strings.HasPrefix("true", v), strings.HasPrefix("yes", v), v == "on":
		return true, true
	case v == "0", strings.HasPrefix("false", v), strings.HasPrefix("no", v), strings.HasPrefix("off", v):
		return false, true
	}
	return false, false
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// A unit is a suffix of an integer setting and what it multiplies by. Units stand from the smallest up.
type unit struct {
	name   string
	factor float64
}

// settingUnits are the units of integers; where there are any, settingUnit is the one that they are counted in.
var (
	settingUnits = map[settingKind][]unit{
		settingMillis:  {{"ms", 1}, {"s", 1000}, {"min", 60_000}, {"h", 3_600_000}, {"d", 86_400_000}},
		settingSeconds: {{"ms", 0.001}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86_400}},
		settingKB:      {{"kB", 1}, {"MB", 1 << 10}, {"GB", 1 << 20}, {"TB", 1 << 30}},
		settingBlocks:  {{"kB", 1.0 / 8}, {"MB", 1 << 7}, {"GB", 1 << 17}, {"TB", 1 << 27}},
	}
	settingUnit = map[settingKind]string{settingMillis: "ms", settingSeconds: "s", settingKB: "kB", settingBlocks: "8kB"}
)

func (d *setting) checkInt(v string) (string, error) {
	units := settingUnits[d.kind]
	text := strings.TrimSpace(v)
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	suffix := text[len(digits):]
	factor := 1.0
	if suffix != "" {
		i := slices.IndexFunc(units, func(u unit) bool { return u.name == suffix })
		if i < 0 {
			return "", errf(codeInvalidParameter, "invalid value for parameter %q: %q", d.name, v)
		}
		factor = units[i].factor
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil || f != f || strings.Contains(v, "_") {
		return "", errf(codeInvalidParameter, "invalid value for parameter %q: %q", d.name, v)
	}
	f = math.RoundToEven(f * factor)
	if f < float64(d.min) || f > float64(d.max) {
		in := ""
		if len(units) > 0 {
			in = " " + settingUnit[d.kind]
		}
		return "", errf(codeInvalidParameter, "%.0f%s is outside the valid range for parameter %q (%d .. %d)", f, in, d.name, d.min, d.max)
	}
	return strconv.FormatInt(int64(f), 10), nil
}

func (d *setting) checkReal(v string) (string, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
	if err != nil || f != f {
		return "", errf(codeInvalidParameter, "invalid value for parameter %q: %q", d.name, v)
	}
	if f < d.bounds[0] || f > d.bounds[1] {
		return "", errf(codeInvalidParameter, "%s is outside the valid range for parameter %q (%s .. %s)", realText(f), d.name, realText(d.bounds[0]), realText(d.bounds[1]))
	}
	return realText(f), nil
}

// realText writes a number in six digits, as C's %g.
func realText(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }

// show returns the value as SHOW prints it: integers in the largest unit that loses nothing.
func (d *setting) show(v string) string {
	units := settingUnits[d.kind]
	if units == nil {
		return v
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n <= 0 {
		return v
	}
	for _, u := range slices.Backward(units) {
		if q := float64(n) / u.factor; q == math.Trunc(q) {
			return strconv.FormatInt(int64(q), 10) + u.name
		}
	}
	return v
}

func (d *setting) checkEnum(v string) (string, error) {
	for _, x := range d.values {
		if strings.EqualFold(x, strings.TrimSpace(v)) {
			return x, nil
		}
	}
	if b, ok := parseBool(v); ok && slices.Contains(d.values, onOff(b)) {
		return onOff(b), nil
	}
	e := errf(codeInvalidParameter, "invalid value for parameter %q: %q", d.name, v)
	e.Hint = "Available values: " + strings.Join(d.values, ", ") + "."
	return "", e
}

// checkEncoding knows UTF8 under all the names that clients use, quoted ones included, and SQL_ASCII, in which nothing is converted.
func (d *setting) checkEncoding(v string) (string, error) {
	switch bareEncoding(v) {
	case "utf8", "unicode":
		return "UTF8", nil
	case "sqlascii":
		return "SQL_ASCII", nil
	}
	e := errf(codeInvalidParameter, "invalid value for parameter %q: %q", d.name, v)
	e.Hint = "This server speaks UTF8 only: SET client_encoding = 'UTF8', or set PGCLIENTENCODING=UTF8 before psql starts."
	return "", e
}

// startupEncoding has a session begin in UTF8 that asked for another encoding, and tells it so: psql and others take that of their terminal
// unasked, and what they are told decides what they send and show.
func (s *Session) startupEncoding(v string) string {
	if _, err := settingByName["client_encoding"].checkEncoding(v); err == nil || !isEncoding(v) {
		return v
	}
	s.notice("WARNING", codeWarning, "client encoding %q is not supported, the session begins with UTF8: set PGCLIENTENCODING=UTF8, in a console of Windows after chcp 65001", v)
	return "UTF8"
}

// checkDateStyle knows the style ISO with any order of day and month.
func (d *setting) checkDateStyle(v string) (string, error) {
	order := "MDY"
	for _, word := range strings.Split(v, ",") {
		switch word = strings.ToUpper(strings.TrimSpace(word)); word {
		case "ISO", "DEFAULT":
		case "MDY", "DMY", "YMD":
			order = word
		case "US", "NONEURO", "NONEUROPEAN":
			order = "MDY"
		case "EURO", "EUROPEAN":
			order = "DMY"
		default:
			e := errf(codeInvalidParameter, "invalid value for parameter %q: %q", d.name, v)
			if word == "SQL" || word == "GERMAN" || strings.HasPrefix(word, "POSTGRES") {
				e = errf(codeUnsupported, "parameter %q cannot be %q", d.name, v)
			}
			e.Hint = "This server writes dates in ISO style only."
			return "", e
		}
	}
	return "ISO, " + order, nil
}

func (d *setting) checkZone(v string) (string, error) {
	if loc := loadZone(v); loc != nil {
		return loc.String(), nil
	}
	return "", errf(codeInvalidParameter, "invalid value for parameter %q: %q", d.name, v)
}

// loadZone finds a time zone by its name, or by hours east of Greenwich; nil if there is none.
func loadZone(v string) *time.Location {
	if hours, err := strconv.ParseFloat(v, 64); err == nil {
		if !(math.Abs(hours) < value.MaxZoneHours) {
			return nil
		}
		return value.OffsetZone(int(hours * 3600))
	}
	if strings.EqualFold(v, "default") {
		v = "Etc/UTC"
	}
	return value.NamedZone(v)
}
