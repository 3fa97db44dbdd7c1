package value

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// A Numeric is an exact decimal number, coefficient / 10^scale, or NaN or an infinity. The scale is what is shown behind
// the point: 1.0 and 1.00 are equal, and differ. Numerics are immutable; the zero Numeric is 0.
type Numeric struct {
	small int64
	large *big.Int // the coefficient if it does not fit small, else nil
	scale int32    // 0 to maxScale
	form  form
}

type form uint8

const (
	finite form = iota
	negInf
	posInf
	nan
)

// Limits of a numeric as in Postgres: digits before and behind the point.
const (
	maxWhole  = 131072
	maxScale  = 16383
	minDigits = 16   // a quotient has at least so many significant digits
	maxShown  = 1000 // but not more than this behind the point
)

// numericNaN is not a number; it is equal to itself and greater than all others.
var numericNaN = Numeric{form: nan}

// IntNumeric returns i.
func IntNumeric(i int64) Numeric { return Numeric{small: i} }

// DecimalNumeric returns coef / 10^scale, shown with scale digits behind the point.
func DecimalNumeric(coef int64, scale int) Numeric { return Numeric{small: coef, scale: int32(scale)} }

// BigNumeric returns coef / 10^scale. It keeps coef.
func BigNumeric(coef *big.Int, scale int) Numeric {
	if coef.IsInt64() {
		return Numeric{small: coef.Int64(), scale: int32(scale)}
	}
	return Numeric{large: coef, scale: int32(scale)}
}

// HeapBytes returns the bytes that n takes besides its own.
func (n Numeric) HeapBytes() int {
	if n.large == nil {
		return 0
	}
	return len(n.large.Bits()) * bits.UintSize / 8
}

// FloatNumeric returns f as Postgres casts it: rounded to 15 significant digits, 6 for a float4.
func FloatNumeric(f float64, single bool) Numeric {
	switch {
	case math.IsNaN(f):
		return numericNaN
	case math.IsInf(f, 0):
		if f > 0 {
			return Numeric{form: posInf}
		}
		return Numeric{form: negInf}
	}
	digits := 15
	if single {
		digits = 6
	}
	n, err := ParseNumeric(strconv.FormatFloat(f, 'g', digits, 64))
	if err != nil {
		panic("value: a float that is no numeric: " + err.Error())
	}
	return n.trimmed()
}

// trimmed takes trailing zeros behind the point away.
func (n Numeric) trimmed() Numeric {
	ten, zero := big.NewInt(10), new(big.Int)
	for n.scale > 0 {
		if n.large == nil {
			if n.small%10 != 0 {
				break
			}
			n.small /= 10
			n.scale--
			continue
		}
		q, r := new(big.Int).QuoRem(n.large, ten, zero)
		if r.Sign() != 0 {
			break
		}
		n = BigNumeric(q, int(n.scale)-1)
	}
	return n
}

// TrimScale takes trailing zeros behind the point away.
func (n Numeric) TrimScale() Numeric { return n.trimmed() }

// Finite reports whether n is a number, neither NaN nor an infinity.
func (n Numeric) Finite() bool { return n.form == finite }

// IsNaN reports whether n is NaN.
func (n Numeric) IsNaN() bool { return n.form == nan }

// Scale returns the number of digits shown behind the point.
func (n Numeric) Scale() int { return int(n.scale) }

// Coefficient returns n times 10^scale. The caller must not change it.
func (n Numeric) Coefficient() *big.Int {
	if n.large != nil {
		return n.large
	}
	return big.NewInt(n.small)
}

// Sign returns -1, 0 or 1; 1 for NaN.
func (n Numeric) Sign() int {
	switch {
	case n.form == negInf:
		return -1
	case n.form != finite:
		return 1
	case n.large != nil:
		return n.large.Sign()
	case n.small < 0:
		return -1
	case n.small > 0:
		return 1
	}
	return 0
}

var pow10small = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

func pow10(n int) *big.Int {
	if n < len(pow10small) {
		return big.NewInt(pow10small[n])
	}
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func mul64(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(abs64(a)), uint64(abs64(b)))
	if hi != 0 || lo > math.MaxInt64 || a == math.MinInt64 || b == math.MinInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}

func abs64(a int64) int64 {
	if a < 0 {
		return -a
	}
	return a
}

// atScale returns the coefficient n has at a scale not below its own.
func (n Numeric) atScale(scale int32) *big.Int {
	if scale == n.scale {
		return n.Coefficient()
	}
	return new(big.Int).Mul(n.Coefficient(), pow10(int(scale-n.scale)))
}

// smallAt is atScale if the result fits 64 bits.
func (n Numeric) smallAt(scale int32) (int64, bool) {
	if n.large != nil || scale-n.scale >= int32(len(pow10small)) {
		return 0, false
	}
	return mul64(n.small, pow10small[scale-n.scale])
}

// Cmp compares: -Infinity < numbers < Infinity < NaN.
func (n Numeric) Cmp(m Numeric) int {
	if n.form != finite || m.form != finite {
		return order(n) - order(m)
	}
	scale := max(n.scale, m.scale)
	a, ok1 := n.smallAt(scale)
	b, ok2 := m.smallAt(scale)
	if ok1 && ok2 {
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}
	return n.atScale(scale).Cmp(m.atScale(scale))
}

func order(n Numeric) int {
	return [...]int{finite: 1, negInf: 0, posInf: 2, nan: 3}[n.form]
}

// Add returns n + m. The error is 22003.
func (n Numeric) Add(m Numeric) (Numeric, error) {
	if n.form != finite || m.form != finite {
		switch {
		case n.form == nan || m.form == nan, n.form != m.form && n.form != finite && m.form != finite:
			return numericNaN, nil
		case n.form != finite:
			return n, nil
		}
		return m, nil
	}
	scale := max(n.scale, m.scale)
	a, ok1 := n.smallAt(scale)
	b, ok2 := m.smallAt(scale)
	if ok1 && ok2 {
		if c := a + b; (c > a) == (b > 0) {
			return Numeric{small: c, scale: scale}, nil
		}
	}
	return checked(BigNumeric(new(big.Int).Add(n.atScale(scale), m.atScale(scale)), int(scale)))
}

// Neg returns -n.
func (n Numeric) Neg() Numeric {
	switch n.form {
	case nan:
		return n
	case posInf:
		return Numeric{form: negInf}
	case negInf:
		return Numeric{form: posInf}
	}
	if n.large == nil && n.small != math.MinInt64 {
		n.small = -n.small
		return n
	}
	return BigNumeric(new(big.Int).Neg(n.Coefficient()), int(n.scale))
}

// Abs returns |n|.
func (n Numeric) Abs() Numeric {
	if n.Sign() < 0 {
		return n.Neg()
	}
	return n
}

// Sub returns n - m. The error is 22003.
func (n Numeric) Sub(m Numeric) (Numeric, error) { return n.Add(m.Neg()) }

// Mul returns n * m, its scale the sum of theirs. The error is 22003.
func (n Numeric) Mul(m Numeric) (Numeric, error) {
	if n.form != finite || m.form != finite {
		s := n.Sign() * m.Sign()
		switch {
		case n.form == nan || m.form == nan || s == 0:
			return numericNaN, nil
		case s > 0:
			return Numeric{form: posInf}, nil
		}
		return Numeric{form: negInf}, nil
	}
	scale := n.scale + m.scale
	if n.large == nil && m.large == nil {
		if c, ok := mul64(n.small, m.small); ok && scale <= maxScale {
			return Numeric{small: c, scale: scale}, nil
		}
	}
	p := BigNumeric(new(big.Int).Mul(n.Coefficient(), m.Coefficient()), int(scale))
	if scale > maxScale {
		p = p.Round(maxScale)
	}
	return checked(p)
}

var errDivision = Errorf(CodeDivisionByZero, "division by zero")

// Div returns n / m with at least 16 significant digits, rounded half away from zero. The errors are 22012 and 22003.
func (n Numeric) Div(m Numeric) (Numeric, error) {
	switch {
	case n.form == nan || m.form == nan || n.form != finite && m.form != finite:
		return numericNaN, nil
	case m.Sign() == 0:
		return Numeric{}, errDivision
	case m.form != finite:
		return Numeric{}, nil
	case n.form != finite:
		if m.Sign() < 0 {
			return n.Neg(), nil
		}
		return n, nil
	}
	return checked(n.DivRound(m, n.quotientScale(m)))
}

// DivTrunc returns the integer part of n / m, Postgres' div(). The errors are 22012 and 22003.
func (n Numeric) DivTrunc(m Numeric) (Numeric, error) {
	if n.form != finite || m.form != finite || m.Sign() == 0 {
		return n.Div(m)
	}
	scale := max(n.scale, m.scale)
	return checked(BigNumeric(new(big.Int).Quo(n.atScale(scale), m.atScale(scale)), 0))
}

// DivRound returns n / m rounded to scale digits behind the point. Both are finite, and m is not zero.
func (n Numeric) DivRound(m Numeric, scale int) Numeric {
	num, den := n.Coefficient(), m.Coefficient()
	if shift := scale + int(m.scale) - int(n.scale); shift >= 0 {
		num = new(big.Int).Mul(num, pow10(shift))
	} else {
		den = new(big.Int).Mul(den, pow10(-shift))
	}
	return BigNumeric(quoRound(num, den), scale)
}

// quoRound returns a / b, rounded half away from zero.
func quoRound(a, b *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	if r.Abs(r).Lsh(r, 1).CmpAbs(b) >= 0 {
		if a.Sign()*b.Sign() < 0 {
			q.Sub(q, big.NewInt(1))
		} else {
			q.Add(q, big.NewInt(1))
		}
	}
	return q
}

// base10000 returns the weight and the value of the first base-10000 digit of n, as Postgres stores numbers.
func (n Numeric) base10000() (weight, first int) {
	digits := n.digits()
	if digits == "0" {
		return 0, 0
	}
	exp := len(digits) - 1 - int(n.scale) // decimal exponent of the first digit
	weight = floorDiv(exp, 4)
	width := exp - 4*weight + 1
	for len(digits) < width {
		digits += "0"
	}
	first, _ = strconv.Atoi(digits[:width])
	return weight, first
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// digits returns the decimal digits of the coefficient without sign.
func (n Numeric) digits() string {
	if n.large != nil {
		return new(big.Int).Abs(n.large).String()
	}
	return strings.TrimPrefix(strconv.FormatInt(n.small, 10), "-")
}

// quotientScale is Postgres' select_div_scale.
func (n Numeric) quotientScale(m Numeric) int {
	w1, f1 := n.base10000()
	w2, f2 := m.base10000()
	q := w1 - w2
	if f1 <= f2 {
		q--
	}
	scale := max(minDigits-q*4, int(n.scale), int(m.scale), 0)
	return min(scale, maxShown)
}

// Mod returns the remainder of n / m with the sign of n. The error is 22012.
func (n Numeric) Mod(m Numeric) (Numeric, error) {
	switch {
	case n.form == nan || m.form == nan:
		return numericNaN, nil
	case m.Sign() == 0:
		return Numeric{}, errDivision
	case n.form != finite:
		return numericNaN, nil
	case m.form != finite:
		return n, nil
	}
	scale := max(n.scale, m.scale)
	return BigNumeric(new(big.Int).Rem(n.atScale(scale), m.atScale(scale)), int(scale)), nil
}

// Round rounds half away from zero to places digits behind the point, before it if negative.
func (n Numeric) Round(places int) Numeric {
	return n.rescale(places, quoRound)
}

// RoundTo is Round for any number of places, which may make the number too large.
func (n Numeric) RoundTo(places int) (Numeric, error) { return checked(n.Round(places)) }

// Trunc cuts to places digits behind the point.
func (n Numeric) Trunc(places int) Numeric {
	return n.rescale(places, func(a, b *big.Int) *big.Int { return new(big.Int).Quo(a, b) })
}

// Floor returns the greatest integer not above n.
func (n Numeric) Floor() Numeric {
	return n.rescale(0, func(a, b *big.Int) *big.Int { return new(big.Int).Div(a, b) })
}

// Ceil returns the least integer not below n.
func (n Numeric) Ceil() Numeric { return n.Neg().Floor().Neg() }

func (n Numeric) rescale(places int, quo func(a, b *big.Int) *big.Int) Numeric {
	places = max(-maxWhole-2, min(places, maxScale)) // there nothing is left of the largest number
	drop := int(n.scale) - places
	switch {
	case n.form != finite || drop == 0:
		return n
	case drop < 0:
		return BigNumeric(n.atScale(int32(places)), places)
	}
	if drop > len(n.digits())+1 {
		drop = len(n.digits()) + 1 // no more digits can matter, and powers stay small
	}
	q := quo(n.Coefficient(), pow10(drop))
	if places >= 0 {
		return BigNumeric(q, places)
	}
	return BigNumeric(new(big.Int).Mul(q, pow10(-places)), 0)
}

// Sqrt returns the square root. The error is 2201F.
func (n Numeric) Sqrt() (Numeric, error) {
	switch {
	case n.form == nan || n.form == posInf:
		return n, nil
	case n.Sign() < 0:
		return Numeric{}, Errorf(CodeBadPower, "cannot take square root of a negative number")
	}
	w, _ := n.base10000()
	scale := max(minDigits-floorDiv((w+1)*4, 2)+1, int(n.scale), 0)
	return n.rootAt(min(scale, maxShown)), nil
}

// SqrtAt returns the square root of a number that is not negative, with so many digits after the point.
func (n Numeric) SqrtAt(scale int) Numeric {
	if n.form != finite {
		return n
	}
	return n.rootAt(scale)
}

func (n Numeric) rootAt(scale int) Numeric {
	// One digit more than shown, truncated, rounds right: a square root is never exactly half.
	wide := new(big.Int).Mul(n.Coefficient(), pow10(2*(scale+1)+int(n.scale)%2))
	root := BigNumeric(new(big.Int).Sqrt(wide), scale+1+(int(n.scale)+int(n.scale)%2)/2)
	return root.Round(scale)
}

var errNumericOverflow = Errorf(CodeOutOfRange, "value overflows numeric format")

func checked(n Numeric) (Numeric, error) {
	if n.large == nil {
		return n, nil
	}
	if n.large.BitLen() > 4*(maxWhole+int(n.scale)) || len(n.digits())-int(n.scale) > maxWhole {
		return Numeric{}, errNumericOverflow
	}
	return n, nil
}

// Int64 returns n rounded to an integer; ok is false if it does not fit.
func (n Numeric) Int64() (i int64, ok bool) {
	if n.form != finite {
		return 0, false
	}
	if n.scale > 0 {
		n = n.Round(0)
	}
	return n.small, n.large == nil
}

// Float returns the nearest float; infinite if n is too large for one.
func (n Numeric) Float() float64 {
	switch n.form {
	case nan:
		return math.NaN()
	case posInf:
		return math.Inf(1)
	case negInf:
		return math.Inf(-1)
	}
	if n.scale == 0 && n.large == nil {
		return float64(n.small)
	}
	f, _ := strconv.ParseFloat(n.String(), 64) // out of range gives the infinity
	return f
}
