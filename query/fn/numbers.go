package fn

import (
	"math/big"
	"strings"

	"github.com/jurat-ledger/jurat/query/value"
)

// maxFactorial is the largest number whose factorial numeric can hold.
const maxFactorial = 32177

// numberFunctions declares the rarer functions of numerics.
func numberFunctions() []*Function {
	common := func(sig string, f func(a, b *big.Int) *big.Int) *Function {
		return def(sig, map2[nums, nums, nums](func(_ *Env, a, b value.Numeric) (value.Numeric, error) {
			if !a.Finite() || !b.Finite() {
				return value.ParseNumeric("NaN")
			}
			scale := max(a.Scale(), b.Scale())
			return value.BigNumeric(f(coefficientAt(a, scale), coefficientAt(b, scale)), scale), nil
		}))
	}
	return []*Function{
		common("gcd(numeric,numeric) numeric", func(a, b *big.Int) *big.Int { return new(big.Int).GCD(nil, nil, a, b) }),
		common("lcm(numeric,numeric) numeric", func(a, b *big.Int) *big.Int {
			if a.Sign() == 0 || b.Sign() == 0 {
				return new(big.Int)
			}
			c := new(big.Int).Mul(a, b)
			return c.Quo(c.Abs(c), new(big.Int).GCD(nil, nil, a, b))
		}),
		def("factorial(int8) numeric", map1[ints, nums](func(_ *Env, n int64) (value.Numeric, error) {
			switch {
			case n < 0:
				return value.Numeric{}, value.Errorf(value.CodeOutOfRange, "factorial of a negative number is undefined")
			case n > maxFactorial:
				return value.Numeric{}, value.Errorf(value.CodeOutOfRange, "value overflows numeric format")
			}
			return value.BigNumeric(new(big.Int).MulRange(1, n), 0), nil
		})),
		def("log(numeric,numeric) numeric", map2[nums, nums, nums](func(env *Env, b, x value.Numeric) (value.Numeric, error) { return x.LogBase(b, env.Check) })),
		def("min_scale(numeric) int4", map1[nums, ints](func(_ *Env, a value.Numeric) (int64, error) {
			if !a.Finite() {
				return 0, errNull
			}
			return int64(a.TrimScale().Scale()), nil
		})),
		def("width_bucket(numeric,numeric,numeric,int4) int4", rowwise(numericBucket)),
		bound("width_bucket(anycompatible,anycompatiblearray) int4", func([]*value.Type, *value.Type) Kernel { return rowwise(arrayBucket) }),
		def("to_number(text,text) numeric stable", map2[texts, texts, nums](toNumber)),
	}
}

// coefficientAt is a times ten to the scale, which is no less than that of a.
func coefficientAt(a value.Numeric, scale int) *big.Int {
	c := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale-a.Scale())), nil)
	return c.Mul(c, a.Coefficient())
}

func numericBucket(_ *Env, args []value.Datum) (value.Datum, error) {
	x, low, high, n := args[0].X.(value.Numeric), args[1].X.(value.Numeric), args[2].X.(value.Numeric), args[3].I
	fault := ""
	switch {
	case n <= 0:
		fault = "count must be greater than zero"
	case x.IsNaN() || low.IsNaN() || high.IsNaN():
		fault = "operand, lower bound, and upper bound cannot be NaN"
	case !low.Finite() || !high.Finite():
		fault = "lower and upper bounds must be finite"
	case low.Cmp(high) == 0:
		fault = "lower bound cannot equal upper bound"
	}
	if fault != "" {
		return value.Datum{}, value.Errorf("2201G", "%s", fault)
	}
	if low.Cmp(high) > 0 {
		x, low, high = x.Neg(), low.Neg(), high.Neg()
	}
	switch {
	case x.Cmp(low) < 0:
		return value.NewInt(value.Int4, 0), nil
	case x.Cmp(high) >= 0:
		if n == 1<<31-1 {
			return value.Datum{}, outOfRange(value.Int4)
		}
		return value.NewInt(value.Int4, n+1), nil
	}
	scale := max(x.Scale(), low.Scale(), high.Scale())
	from := coefficientAt(low, scale)
	at := new(big.Int).Sub(coefficientAt(x, scale), from)
	at.Mul(at, big.NewInt(n))
	at.Quo(at, new(big.Int).Sub(coefficientAt(high, scale), from))
	return value.NewInt(value.Int4, at.Int64()+1), nil
}

// arrayBucket counts the thresholds, which ascend, that a value has reached.
func arrayBucket(_ *Env, args []value.Datum) (value.Datum, error) {
	a := args[1].X.(*value.Array)
	if len(a.Dims) > 1 {
		return value.Datum{}, value.Errorf(value.CodeSubscript, "thresholds must be one-dimensional array")
	}
	for i := range a.Elems.Len() {
		if a.Elems.IsNull(i) {
			return value.Datum{}, value.Errorf(value.CodeNullNotAllowed, "thresholds array must not contain NULLs")
		}
	}
	lo, hi := 0, a.Elems.Len()
	for lo < hi {
		mid := (lo + hi) / 2
		if value.Compare(args[0], a.Elems.Datum(mid)) < 0 {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return value.NewInt(value.Int4, int64(lo)), nil
}

// toNumber reads a number by a template. Postgres takes much that does not fit the template, and so it is taken here.
func toNumber(env *Env, s, f string) (value.Numeric, error) {
	if f == "" {
		return value.Numeric{}, errNull
	}
	t, err := parseNumberTemplate(f)
	if err != nil {
		return value.Numeric{}, err
	}
	r := &numberReader{t: t, in: s, sign: ' '}
	for _, p := range t.pieces {
		if r.in == "" {
			break
		}
		if p == "RN" || p == "rn" || p == "EEEE" {
			return value.Numeric{}, value.Errorf(value.CodeUnsupported, "%q not supported for input", p)
		}
		r.piece(p)
	}
	digits := strings.TrimSuffix(string(r.digits), ".")
	n, err := value.ParseNumeric(string(r.sign) + digits)
	if err != nil {
		return n, err
	}
	n = n.Round(r.post)
	if t.shift == 0 {
		return n, nil
	}
	down, err := numericPower(env, value.IntNumeric(10), value.IntNumeric(int64(-t.shift)))
	if err != nil {
		return n, err
	}
	return n.Mul(down)
}

// A numberReader reads a number by the pieces of a template.
type numberReader struct {
	t         *numberTemplate
	in        string // what is left
	sign      byte   // ' ' for none yet
	digits    []byte
	pre, post int // digits read before and behind the point
	point     bool
}

func (r *numberReader) piece(p string) {
	switch {
	case p == "9" || p == "0" || p == ".":
		r.digit(p)
		r.in = afterRune(r.in)
	case p == ",":
		if r.in[0] == ',' && !r.t.fill {
			r.in = r.in[1:]
		}
	case p == "TH" || p == "th":
		r.skip(2)
	case p == "L":
		r.skip(1)
	case p == "MI" && r.in[0] == '-', p == "PL" && r.in[0] == '+', p == "SG" && (r.in[0] == '-' || r.in[0] == '+'):
		r.sign, r.in = r.in[0], r.in[1:]
	case p == "MI" || p == "PL" || p == "SG":
		r.skip(1)
	case p[0] == '=':
		for range []rune(p[1:]) {
			r.in = afterRune(r.in)
		}
	}
}

func afterRune(s string) string {
	for i := range s {
		if i > 0 {
			return s[i:]
		}
	}
	return ""
}

// skip passes n characters that are not part of a number.
func (r *numberReader) skip(n int) {
	for ; n > 0 && r.in != "" && !strings.ContainsRune("0123456789.,+-", rune(r.in[0])); n-- {
		r.in = afterRune(r.in)
	}
}

// digit reads a digit or the point, and a sign where one may stand.
func (r *numberReader) digit(p string) {
	if r.in = strings.TrimPrefix(r.in, " "); r.in == "" {
		return
	}
	if r.sign == ' ' && p != "." && r.pre+r.post == 0 {
		c := r.in[0]
		switch {
		case c == '-' || c == '+':
			r.sign, r.in = c, r.in[1:]
		case c == '<' && r.t.angle:
			r.sign, r.in = '-', r.in[1:]
		}
		if r.in == "" {
			return
		}
	}
	read := false
	switch c := r.in[0]; {
	case c >= '0' && c <= '9':
		if r.point && r.post == r.t.frac {
			return
		}
		r.digits, read = append(r.digits, c), true
		if r.point {
			r.post++
		} else {
			r.pre++
		}
	case r.t.hasPoint && !r.point && c == '.':
		r.digits, r.point, read = append(r.digits, c), true, true
	}
	if r.sign == ' ' && r.pre+r.post > 0 {
		r.trailingSign(read)
	}
}

// trailingSign takes a sign behind the digits, where the template has S or is not exact.
func (r *numberReader) trailingSign(read bool) {
	if r.t.sign != 0 {
		if read && len(r.in) > 1 && (r.in[1] == '-' || r.in[1] == '+') {
			r.sign, r.in = r.in[1], r.in[1:]
		}
		return
	}
	if !read && (r.in[0] == '-' || r.in[0] == '+') {
		r.sign = r.in[0]
	}
}
