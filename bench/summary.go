package bench

import (
	"cmp"
	"slices"
)

// A Summary is what the runs of one contender come to.
type Summary struct {
	Sample    // of the first run; Values are replaced by medians
	Low, High map[string]float64
	Runs      []Sample // in order of Run
	// Ratio is the median, over neighbouring runs, of the rate of this contender over that of the first of its rivals, and
	// 1 for that one. It is 0 if the samples have no rate.
	Ratio float64
}

// Rates are the units by which contenders are compared; the first that a sample has counts.
var Rates = []string{"hashes/s", "rows/s", "ops/s"}

// Summarize returns the medians of all that was measured, in the order in which it was.
func Summarize(samples []Sample) []Summary {
	var order []string
	byName := make(map[string][]Sample)
	for _, s := range samples {
		if byName[s.Name] == nil {
			order = append(order, s.Name)
		}
		byName[s.Name] = append(byName[s.Name], s)
	}
	first := make(map[string][]Sample) // by rivals
	var all []Summary
	for _, name := range order {
		runs := byName[name]
		slices.SortStableFunc(runs, func(a, b Sample) int { return cmp.Compare(a.Run, b.Run) })
		s := Summary{Sample: runs[0], Low: make(map[string]float64), High: make(map[string]float64), Runs: runs}
		s.Values = make(map[string]float64)
		for unit := range runs[0].Values {
			v := valuesOf(runs, unit)
			s.Values[unit], s.Low[unit], s.High[unit] = median(v), slices.Min(v), slices.Max(v)
		}
		rivals := s.Rivals()
		if first[rivals] == nil {
			first[rivals] = runs
		}
		s.Ratio = ratio(runs, first[rivals])
		all = append(all, s)
	}
	return all
}

func valuesOf(runs []Sample, unit string) []float64 {
	var v []float64
	for _, r := range runs {
		if x, ok := r.Values[unit]; ok {
			v = append(v, x)
		}
	}
	return v
}

// ratio pairs the runs of two contenders by their number.
func ratio(runs, base []Sample) float64 {
	for _, unit := range Rates {
		var ratios []float64
		for i := range min(len(runs), len(base)) {
			a, ok := runs[i].Values[unit]
			if b := base[i].Values[unit]; ok && b > 0 {
				ratios = append(ratios, a/b)
			}
		}
		if len(ratios) > 0 {
			return median(ratios)
		}
	}
	return 0
}

// median returns the middle of v, the mean of the two in the middle if their number is even. v must not be empty.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
