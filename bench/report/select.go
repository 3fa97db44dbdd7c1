package report

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/jurat-ledger/jurat/bench"
)

// choose returns what counts of all records, in the order in which it was measured.
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
	var all []bench.Summary
	for _, rivals := range order {
		all = append(all, best[rivals].summaries...)
	}
	return all
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
