package fn

import (
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

// logarithm makes a function of a logarithm, which only positive numbers have.
func logarithm(f func(float64) float64) func(*Env, float64) (float64, error) {
	return func(_ *Env, x float64) (float64, error) {
		switch {
		case x == 0:
			return 0, value.Errorf(value.CodeBadLog, "cannot take logarithm of zero")
		case x < 0:
			return 0, value.Errorf(value.CodeBadLog, "cannot take logarithm of a negative number")
		case math.IsNaN(x) || math.IsInf(x, 1):
			return x, nil
		}
		return f(x), nil
	}
}

// Ln 2 in two parts. The first has so few digits that its products with exponents are exact.
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

// naturalLog returns the logarithm of a positive finite number. math.Log is off in the last digit now and then, and far off below
// the normal numbers; what C libraries give is all but always the nearest float, and so is this: with x = f * 2^e it is
// e ln 2 + 2 artanh s for s = (f-1)/(f+1), of which e ln 2 and s are kept to twice the digits.
func naturalLog(x float64) float64 {
	f, exp := math.Frexp(x)
	if f < math.Sqrt2/2 {
		f, exp = f*2, exp-1
	}
	e := float64(exp)
	num := f - 1
	den, denLow := twoSum(f, 1)
	s := num / den
	sLow := (math.FMA(-s, den, num) - s*denLow) / den
	z := s * s
	tail := 0.0 // artanh s = s + s (z/3 + z²/5 + z³/7 …)
	for k := 25.0; k >= 3; k -= 2 {
		tail = z * (tail + 1/k)
	}
	high, low := twoSum(float64(e*ln2High), 2*s)
	return high + (low + float64(e*ln2Low) + 2*(sLow+float64(s*tail)))
}

// twoSum returns the sum of a and b, rounded, and what it lacks.
func twoSum(a, b float64) (sum, low float64) {
	sum = a + b
	part := sum - a
	return sum, (a - (sum - part)) + (b - part)
}

// Log10 2 in two parts, and 1 / ln 10.
const (
	log2High = 3.01029995663611771306e-01
	log2Low  = 3.69423907715893078616e-13
	perLn10  = 4.34294481903251816668e-01
)

// commonLog returns the logarithm to base 10 of a positive finite number by the sums of the C library that PostgreSQL has on Linux,
// which give whole numbers for powers of ten.
func commonLog(x float64) float64 {
	f, exp := math.Frexp(x)
	f, exp = f*2, exp-1
	if exp < 0 {
		f, exp = f/2, exp+1
	}
	e := float64(exp)
	low := float64(e*log2Low) + float64(perLn10*naturalLog(f))
	return low + float64(e*log2High)
}
