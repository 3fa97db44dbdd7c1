package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/jurat-ledger/jurat/bench"
)

// choose returns what counts of all records: kinds of measurement in the order in which they were made, of a kind the
// disciplines by their names' parts.
func choose(records []*bench.Record) []bench.Summary {
	type group struct {
		record    *bench.Record
		summaries []bench.Summary
	}
	best := make(map[string]group)
	var order []string
	for _, r := range byAge(records) {
		groups := make(map[string][]bench.Summary)
		for _, s := range bench.Summarize(r.Samples) {
			rivals := s.Rivals()
			if groups[rivals] == nil && best[rivals].record == nil {
				order = append(order, rivals)
			}
			groups[rivals] = append(groups[rivals], s)
			if len(groups[rivals]) >= len(best[rivals].summaries) || best[rivals].record == r {
				best[rivals] = group{r, groups[rivals]}
			}
		}
	}
	var kinds []string
	for _, rivals := range order {
		if kind, _, _ := strings.Cut(rivals, "/"); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return compareRivals(kinds, a, b) })
	var all []bench.Summary
	for _, rivals := range order {
		all = append(all, best[rivals].summaries...)
	}
	return all
}

// compareRivals compares names part by part: words that are known in their order, numbers by size.
func compareRivals(kinds []string, a, b string) int {
	words := slices.Concat(kinds, bench.Methods())
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range min(len(x), len(y)) {
		_, v, _ := strings.Cut(x[i], "=")
		_, w, _ := strings.Cut(y[i], "=")
		if i == 0 {
			v, w = x[i], y[i]
		}
		n, err1 := strconv.ParseFloat(v, 64)
		m, err2 := strconv.ParseFloat(w, 64)
		c := strings.Compare(v, w)
		switch {
		case err1 == nil && err2 == nil:
			c = cmp.Compare(n, m)
		case slices.Contains(words, v) && slices.Contains(words, w):
			c = cmp.Compare(slices.Index(words, v), slices.Index(words, w))
		}
		if c != 0 {
			return c
		}
	}
	return len(x) - len(y)
}

// byAge returns the records, the oldest first.
func byAge(records []*bench.Record) []*bench.Record {
	return slices.SortedStableFunc(slices.Values(records), func(a, b *bench.Record) int { return a.Started.Compare(b.Started) })
}

// of returns the summaries with this first word.
func of(all []bench.Summary, what string) []bench.Summary {
	var some []bench.Summary
	for _, s := range all {
		if s.What() == what {
			some = append(some, s)
		}
	}
	return some
}

// number returns the value of a part of the name as a number, 0 if it is none.
func number(s *bench.Summary, key string) float64 {
	v, err := strconv.ParseFloat(s.Key(key), 64)
	if err != nil {
		return 0
	}
	return v
}

// gather makes series of the values of one unit, by label; x is a number in the name.
func gather(some []bench.Summary, key, unit string, label func(s *bench.Summary) string) []series {
	var all []series
	for i := range some {
		s := &some[i]
		y, ok := s.Values[unit]
		x := number(s, key)
		if !ok || x <= 0 || y <= 0 {
			continue
		}
		name := label(s)
		at := slices.IndexFunc(all, func(l series) bool { return l.name == name })
		if at < 0 {
			all = append(all, series{name: name, by: s.Key("by")})
			at = len(all) - 1
		}
		all[at].points = append(all[at].points, point{x, y})
	}
	for _, l := range all {
		slices.SortStableFunc(l.points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
	}
	return all
}
