package value

import (
	_ "embed" // the names of zones
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones must not depend on the machine
)

// Time zones that were asked for, by their names in lower case.
var zoneCache, abbreviationCache sync.Map

// LoadZone returns the time zone of a name as AT TIME ZONE takes it, in any case: "Europe/Tallinn", "UTC", an
// abbreviation such as "CET", or a POSIX form such as "UTC+2", "<+02>-02", "CET-1CEST,M3.5.0,M10.5.0/3" or "+2", in which west is positive. The error
// is 22023.
func LoadZone(name string) (*time.Location, error) {
	key := strings.ToLower(name)
	if key == "utc" {
		return time.UTC, nil
	}
	if loc, ok := abbreviationCache.Load(key); ok {
		return loc.(*time.Location), nil
	}
	if off, ok := abbreviations[key]; ok {
		loc := time.FixedZone(strings.ToUpper(key), off*60)
		abbreviationCache.Store(key, loc)
		return loc, nil
	}
	if loc := NamedZone(name); loc != nil {
		return loc, nil
	}
	return nil, Errorf(CodeInvalidParameter, "time zone \"%s\" not recognized", name)
}

// NamedZone returns the time zone that a setting names, nil if there is none: one of the zone database, in any case, or a POSIX form
// as LoadZone takes it. Its String is the name as PostgreSQL writes it.
func NamedZone(name string) *time.Location {
	key := strings.ToLower(name)
	if loc, ok := zoneCache.Load(key); ok {
		return loc.(*time.Location)
	}
	if known, ok := zoneKeys()[key]; ok {
		if loc, err := time.LoadLocation(known); err == nil {
			zoneCache.Store(key, loc)
			return loc
		}
	}
	if known, ok := strings.CutPrefix(key, "posix/"); ok && zoneKeys()[known] != "" {
		return NamedZone(known)
	}
	if off, ok := parseOffset(name); ok {
		return time.FixedZone(name, -off)
	}
	return posixZone(strings.ToUpper(name))
}

// OffsetZone returns the zone that is some seconds east of Greenwich, under the POSIX name that PostgreSQL gives it.
func OffsetZone(seconds int) *time.Location {
	east := appendOffset(nil, seconds)
	west := "-" + string(east[1:])
	if seconds < 0 {
		west = "+" + string(east[1:])
	}
	return time.FixedZone("<"+string(east)+">"+west, seconds)
}

// posixZone reads "UTC+2", "<+02>-02" and "CET-1CEST,M3.5.0,M10.5.0/3". Package time reads this form at the end of a file of a zone; so it is
// given one that holds nothing else.
func posixZone(name string) *time.Location {
	zone, _, _ := strings.Cut(name, ",")
	if strings.ContainsAny(zone, "/\n\x00") {
		return nil
	}
	const unread = "?" // what the clocks show if package time cannot read the form
	counts := func(types, chars byte) string {
		return "TZif2" + strings.Repeat("\x00", 15+4*4+3) + string(types) + "\x00\x00\x00" + string(chars)
	}
	file := counts(0, 0) + counts(1, 2) + "\x00\x00\x00\x00\x00\x00" + unread + "\x00\n" + name + "\n"
	loc, err := time.LoadLocationFromTZData(name, []byte(file))
	if err != nil {
		return nil
	}
	for _, month := range []time.Month{time.January, time.July} {
		if shown, offset := time.Date(2000, month, 1, 0, 0, 0, 0, loc).Zone(); shown == unread || abs(offset) >= maxZoneOffset {
			return nil
		}
	}
	return loc
}

const (
	// maxOffset is the largest offset from UTC, exclusive, in seconds, that a time may be written with.
	maxOffset = 16 * 3600
	// maxZoneOffset is that of a zone.
	maxZoneOffset = MaxZoneHours * 3600
	// MaxZoneHours is how far a zone may be from Greenwich, exclusive.
	MaxZoneHours = 168
)

func abs(n int) int { return max(n, -n) }

// parseOffset reads "+2", "-0330", "+05:30", "+01:39:49".
func parseOffset(s string) (seconds int, ok bool) {
	if len(s) < 2 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	parts := strings.Split(s[1:], ":")
	if len(parts) == 1 && len(parts[0]) > 2 {
		p := parts[0]
		if len(p) != 3 && len(p) != 4 && len(p) != 6 {
			return 0, false
		}
		head := len(p) - (len(p)-1)/2*2
		parts = []string{p[:head], p[head : head+2]}
		if len(p) == 6 {
			parts = []string{p[:2], p[2:4], p[4:]}
		}
	}
	if len(parts) > 3 {
		return 0, false
	}
	total := 0
	for i, unit := range []int{3600, 60, 1}[:len(parts)] {
		n, err := strconv.Atoi(parts[i])
		if err != nil || len(parts[i]) > 2 || n < 0 || parts[i][0] == '+' || i > 0 && n > 59 {
			return 0, false
		}
		total += n * unit
	}
	if s[0] == '-' {
		total = -total
	}
	return total, true
}

// abbreviations maps zone abbreviations, as in Postgres' default set, to minutes east of UTC.
var abbreviations = map[string]int{
	"z": 0, "zulu": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120, "met": 60,
	"mest": 120, "mez": 60, "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "msd": 240, "ist": 120, "idt": 180,
	"sast": 120, "eat": 180, "jst": 540, "kst": 540, "aest": 600, "aedt": 660, "acst": 570, "acdt": 630, "awst": 480,
	"nzst": 720, "nzdt": 780, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480,
	"pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "ast": -240, "adt": -180, "nst": -210, "ndt": -150,
}

// summerAbbreviations are those of daylight saving time.
var summerAbbreviations = []string{
	"acdt", "adt", "aedt", "akdt", "bst", "cdt", "cest", "edt", "eest", "idt", "mdt", "mest", "mesz", "msd", "ndt", "nzdt", "pdt", "west",
}

// A ZoneOffset is what the clocks of a time zone show at some time.
type ZoneOffset struct {
	Name, Abbreviation string
	Offset             time.Duration // from UTC
	Summer             bool          // daylight saving time
}

//go:embed zonenames.txt
var zoneNames string

// zoneKeys are the names of the zone database by their lower-case forms.
var zoneKeys = sync.OnceValue(func() map[string]string {
	keys := make(map[string]string)
	for name := range strings.FieldsSeq(zoneNames) {
		keys[strings.ToLower(name)] = name
	}
	return keys
})

// allZones are the time zones of the zone database, by name.
var allZones = sync.OnceValue(func() (list []*time.Location) {
	for _, name := range strings.Fields(zoneNames) {
		if loc, err := time.LoadLocation(name); err == nil {
			list = append(list, loc)
		}
	}
	return list
})

// Zones returns the time zones of the zone database at a time, by name.
func Zones(at time.Time) (list []ZoneOffset) {
	for _, loc := range allZones() {
		local := at.In(loc)
		name, seconds := local.Zone()
		list = append(list, ZoneOffset{loc.String(), name, time.Duration(seconds) * time.Second, local.IsDST()})
	}
	return list
}

// ZoneAbbreviations returns the abbreviations that LoadZone knows, by name.
func ZoneAbbreviations() (list []ZoneOffset) {
	for _, key := range slices.Sorted(maps.Keys(abbreviations)) {
		list = append(list, ZoneOffset{"", strings.ToUpper(key), time.Duration(abbreviations[key]) * time.Minute, slices.Contains(summerAbbreviations, key)})
	}
	return list
}
