package value

import (
	"math"
	"math/big"
)

// maxExpDigits bounds the digits before the point of exponentials and of powers with a broken exponent.
const maxExpDigits = 5000

// shownScale is how many digits behind the point Postgres shows of a result whose first digit has this decimal weight:
// 16 significant ones, and all that the operands show.
func shownScale(weight int, operands ...Numeric) int {
	scale := minDigits - weight
	for _, n := range operands {
		scale = max(scale, int(n.scale))
	}
	return max(0, min(scale, maxShown))
}

// rat returns a finite n as a binary float.
func (n Numeric) rat(prec uint) *big.Float {
	x := new(big.Float).SetPrec(prec).SetInt(n.Coefficient())
	return x.Quo(x, new(big.Float).SetPrec(prec).SetInt(pow10(int(n.scale))))
}

// fromFloat rounds a binary float to a decimal scale, half away from zero.
func fromFloat(x *big.Float, scale int) Numeric {
	y := new(big.Float).SetPrec(x.Prec()).SetInt(pow10(scale))
	y.Mul(y, x)
	half := big.NewFloat(0.5)
	if x.Sign() < 0 {
		half.Neg(half)
	}
	y.Add(y, half)
	i, _ := y.Int(nil)
	return BigNumeric(i, scale)
}

// A Check returns an error once a computation is not wanted any more. Functions of long numbers call it every few milliseconds.
type Check func() error

// bigExp returns e to the power of x: a Taylor series of x / 2^k, squared k times. With k near the root of the precision the
// series is as short as the squarings are few.
func bigExp(x *big.Float, check Check) (*big.Float, error) {
	halvings := 8 + int(math.Sqrt(float64(x.Prec())/2))
	k := max(0, x.MantExp(nil)) + halvings
	prec := x.Prec() + uint(k) + 32 // a squaring doubles the error
	r := new(big.Float).SetPrec(prec).SetMantExp(x, -k)
	sum, term := new(big.Float).SetPrec(prec).SetInt64(1), new(big.Float).SetPrec(prec).SetInt64(1)
	for i := int64(1); term.Sign() != 0 && term.MantExp(nil) > -int(prec); i++ {
		if err := check(); err != nil {
			return nil, err
		}
		term.Mul(term, r)
		term.Quo(term, new(big.Float).SetPrec(prec).SetInt64(i))
		sum.Add(sum, term)
	}
	for range k {
		if err := check(); err != nil {
			return nil, err
		}
		sum.Mul(sum, sum)
	}
	return sum, nil
}

// bigLn returns the natural logarithm of x > 0 by Halley's iteration, which triples the digits each time, at the precision
// that they have then.
func bigLn(x *big.Float, check Check) (*big.Float, error) {
	prec := x.Prec() + 64
	mant := new(big.Float)
	exp := x.MantExp(mant)
	m, _ := mant.Float64()
	y := new(big.Float).SetPrec(prec).SetFloat64(math.Log(m) + float64(exp)*math.Ln2)
	for bits := uint(40); bits < 3*prec; bits *= 3 {
		step := min(prec, 3*bits+128)
		e, err := bigExp(new(big.Float).SetPrec(step).Set(y), check)
		if err != nil {
			return nil, err
		}
		z := new(big.Float).SetPrec(step).Set(x)
		num := new(big.Float).SetPrec(step).Sub(z, e)
		den := new(big.Float).SetPrec(step).Add(z, e)
		num.Quo(num, den)
		y.Add(y, num.Add(num, num))
	}
	return y, nil
}

// bitsFor is the precision for so many decimal digits, and some to spare.
func bitsFor(digits int) uint { return uint(float64(digits)*3.33) + 128 }

// lnWeight estimates the decimal weight of the first digit of ln(n), as Postgres does.
func (n Numeric) lnWeight() int {
	if low, high := DecimalNumeric(9, 1), DecimalNumeric(11, 1); n.Cmp(low) >= 0 && n.Cmp(high) <= 0 {
		x, _ := n.Sub(IntNumeric(1))
		if x = x.Abs(); x.Sign() == 0 {
			return 0
		}
		w, first := x.base10000()
		return w*4 + int(math.Log10(float64(first)))
	}
	digits := n.digits()
	exp := len(digits) - int(n.scale) - 1
	lead := digits[:min(len(digits), 8)]
	f, _ := new(big.Float).SetString(lead)
	m, _ := f.Float64()
	ln := math.Log(m) + float64(exp-len(lead)+1)*math.Ln10
	return int(math.Log10(math.Abs(ln)))
}

// checkLog refuses what has no logarithm.
func (n Numeric) checkLog() error {
	switch {
	case n.form == nan:
	case n.Sign() == 0:
		return Errorf(CodeBadLog, "cannot take logarithm of zero")
	case n.Sign() < 0:
		return Errorf(CodeBadLog, "cannot take logarithm of a negative number")
	}
	return nil
}

// lnSpare is how many digits a logarithm is computed to beyond those shown. The absolute error of ln(x) is the relative
// error of x, so the length of x adds nothing.
const lnSpare = 24

// nearOne is how many digits stand between n and 1, if n is close to it: so many digits of its logarithm are zeros.
func (n Numeric) nearOne() int { return max(0, -n.lnWeight()) }

// Ln returns the natural logarithm. The error is 2201E, or that of check.
func (n Numeric) Ln(check Check) (Numeric, error) {
	if err := n.checkLog(); err != nil || n.form != finite {
		return n, err
	}
	scale := shownScale(n.lnWeight(), n)
	x, err := bigLn(n.rat(bitsFor(scale+lnSpare)), check)
	if err != nil {
		return n, err
	}
	return fromFloat(x, scale), nil
}

// Log10 returns the logarithm of base ten. The error is 2201E, or that of check.
func (n Numeric) Log10(check Check) (Numeric, error) {
	if err := n.checkLog(); err != nil || n.form != finite {
		return n, err
	}
	ten := IntNumeric(10)
	return n.logQuotient(ten, shownScale(n.lnWeight()-ten.lnWeight(), n), check)
}

// logQuotient is ln(n) / ln(base) at a scale.
func (n Numeric) logQuotient(base Numeric, scale int, check Check) (Numeric, error) {
	prec := bitsFor(scale + lnSpare + 2*base.nearOne() + n.nearOne())
	x, err := bigLn(n.rat(prec), check)
	if err != nil {
		return n, err
	}
	b, err := bigLn(base.rat(prec), check)
	if err != nil {
		return n, err
	}
	return fromFloat(x.Quo(x, b), scale), nil
}

// Exp returns e to the power of n. The error is 22003, or that of check.
func (n Numeric) Exp(check Check) (Numeric, error) {
	switch {
	case n.form == negInf:
		return Numeric{}, nil
	case n.form != finite:
		return n, nil
	}
	before := min(math.Abs(n.Float())*math.Log10E, maxExpDigits) // digits; behind the point there are at most maxShown
	return expScaled(n.rat(bitsFor(64+int(before)+maxShown)), check, n)
}

// expScaled returns e to the power of x with the digits that are shown for operands.
func expScaled(x *big.Float, check Check, operands ...Numeric) (Numeric, error) {
	f, _ := x.Float64()
	weight := f * math.Log10E
	if math.Abs(weight) > maxExpDigits {
		if weight < 0 {
			return IntNumeric(0).Round(maxShown), nil
		}
		return Numeric{}, errNumericOverflow
	}
	scale := shownScale(int(weight), operands...)
	prec := max(x.Prec(), bitsFor(scale+max(0, int(weight))))
	e, err := bigExp(new(big.Float).SetPrec(prec).Set(x), check)
	if err != nil {
		return Numeric{}, err
	}
	return fromFloat(e, scale), nil
}

// PowBroken returns n to the power of m for n > 0 and both finite. The error is 22003, or that of check.
func (n Numeric) PowBroken(m Numeric, check Check) (Numeric, error) {
	guess := math.Abs(math.Log10(n.Float()) * m.Float())
	if math.IsNaN(guess) || guess > maxExpDigits {
		guess = maxExpDigits
	}
	prec := bitsFor(lnSpare + 2*int(guess) + maxShown + 2*n.nearOne())
	x, err := bigLn(n.rat(prec), check)
	if err != nil {
		return n, err
	}
	return expScaled(x.Mul(x, m.rat(prec)), check, n, m)
}

// LogBase returns the logarithm of n of a base. The errors are 2201E, 22012 and that of check.
func (n Numeric) LogBase(base Numeric, check Check) (Numeric, error) {
	switch {
	case n.form == nan || base.form == nan:
		return Numeric{form: nan}, nil
	case n.Sign() < 0 || base.Sign() < 0:
		return n, Errorf(CodeBadLog, "cannot take logarithm of a negative number")
	case n.Sign() == 0 || base.Sign() == 0:
		return n, Errorf(CodeBadLog, "cannot take logarithm of zero")
	case base.form != finite && n.form != finite:
		return Numeric{form: nan}, nil
	case base.form != finite:
		return Numeric{}, nil
	case n.form != finite:
		return n, nil
	}
	if base.Cmp(IntNumeric(1)) == 0 {
		return n, Errorf(CodeDivisionByZero, "division by zero")
	}
	return n.logQuotient(base, shownScale(n.lnWeight()-base.lnWeight(), base, n), check)
}
