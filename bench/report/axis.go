package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// An axis maps values to pixels.
type axis struct {
	log      bool
	low, top float64 // values at the ends
	from, to float64 // pixels at the ends
}

// wideSpan is what a linear axis cannot show well.
const wideSpan = 30

// newAxis covers the values from low to high, which are positive. A linear axis begins at 0; a logarithmic one, for what spans
// more than a factor of wideSpan, ends at powers of ten.
func newAxis(low, high, from, to float64) axis {
	if high <= 0 {
		high = 1
	}
	if low > 0 && high/low > wideSpan {
		return logAxis(low, high, from, to)
	}
	step := niceStep(high)
	return axis{top: math.Ceil(high/step-1e-9) * step, from: from, to: to}
}

func logAxis(low, high, from, to float64) axis {
	a := axis{log: true, from: from, to: to}
	a.low, a.top = math.Pow(10, math.Floor(math.Log10(low)+1e-9)), math.Pow(10, math.Ceil(math.Log10(high)-1e-9))
	if a.low == a.top {
		a.top *= 10
	}
	return a
}

// at returns the pixel of a value.
func (a axis) at(v float64) float64 {
	share := (v - a.low) / (a.top - a.low)
	if a.log {
		share = math.Log(v/a.low) / math.Log(a.top/a.low)
	}
	return a.from + share*(a.to-a.from)
}

// ticks returns the values that the axis names, eight at most.
func (a axis) ticks() []float64 {
	var all []float64
	if !a.log {
		step := niceStep(a.top)
		for i := 0.0; i*step <= a.top*(1+1e-9); i++ {
			all = append(all, i*step)
		}
		return all
	}
	decades := math.Round(math.Log10(a.top / a.low))
	factor := math.Pow(10, max(1, math.Ceil(decades/6)))
	for v := a.low; v <= a.top*(1+1e-9); v *= factor {
		all = append(all, v)
	}
	return all
}

// niceStep returns the smallest step of 1, 2 or 5 times a power of ten that divides up to high into seven parts at most.
func niceStep(high float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(high/7)))
	for _, m := range []float64{1, 2, 5} {
		if high <= 7*m*power {
			return m * power
		}
	}
	return 10 * power
}

// prefixes are what large numbers end in.
var prefixes = []struct {
	from float64
	sign string
}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}

// si writes a value with three significant digits and a prefix: 1.23 M.
func si(v float64) string {
	for _, p := range prefixes {
		if math.Abs(v) >= p.from*0.9995 {
			return significant(v/p.from) + " " + p.sign
		}
	}
	return significant(v)
}

// nanoseconds writes so many nanoseconds in the unit that suits.
func nanoseconds(ns float64) string { return duration(ns / 1e3) }

// milliseconds writes so many milliseconds in the unit that suits.
func milliseconds(ms float64) string { return duration(ms * 1e3) }

// duration writes so many microseconds in the unit that suits.
func duration(us float64) string {
	switch {
	case us == 0:
		return "0"
	case us >= 0.9995e6:
		return significant(us/1e6) + " s"
	case us >= 0.9995e3:
		return significant(us/1e3) + " ms"
	case us >= 0.9995:
		return significant(us) + " µs"
	}
	return significant(us*1e3) + " ns"
}

// significant writes a number below 1,000 with three significant digits, without zeros at the end.
func significant(v float64) string {
	if v == 0 {
		return "0"
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)*1.0005))))
	s := strconv.FormatFloat(v, 'f', min(decimals, 6), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// count writes a number of leaves: powers of two and of ten as such.
func count(n float64) string {
	if exponent := math.Log2(n); exponent >= 10 && exponent == math.Trunc(exponent) {
		return "2" + superscript(int(exponent))
	}
	if exponent := math.Log10(n); exponent >= 3 && math.Abs(exponent-math.Round(exponent)) < 1e-9 {
		return "10" + superscript(int(math.Round(exponent)))
	}
	return si(n)
}

func superscript(n int) string {
	digits := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	var s strings.Builder
	for _, d := range fmt.Sprint(n) {
		s.WriteRune(digits[d-'0'])
	}
	return s.String()
}
