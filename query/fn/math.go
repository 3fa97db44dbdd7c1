package fn

import (
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

var errDivision = value.Errorf(value.CodeDivisionByZero, "division by zero")

func overflow(x float64) error {
	if math.IsInf(x, 0) {
		return value.Errorf(value.CodeOutOfRange, "value out of range: overflow")
	}
	return value.Errorf(value.CodeOutOfRange, "value out of range: underflow")
}

func mathOperators() []*Function {
	var out []*Function
	wholes := []*value.Type{value.Int2, value.Int4, value.Int8}
	for _, l := range wholes {
		for _, r := range wholes {
			ret := l
			if r.Len > l.Len {
				ret = r
			}
			out = append(out, intOperators(l, r, ret)...)
		}
		out = append(out, intUnary(l)...)
	}
	for _, l := range []*value.Type{value.Float4, value.Float8} {
		for _, r := range []*value.Type{value.Float4, value.Float8} {
			ret := value.Float8
			if l == r {
				ret = l
			}
			out = append(out, floatOperators(l, r, ret)...)
		}
		name := "(" + l.Name + ") " + l.Name
		out = append(out,
			def("-"+name, float1(func(x float64) float64 { return -x })),
			def("+"+name, float1(func(x float64) float64 { return x })),
			def("@"+name, float1(math.Abs)))
	}
	out = append(out,
		def("|/(float8) float8", map1[floats, floats](sqrt)),
		def("||/(float8) float8", float1(math.Cbrt)),
		def("^(float8,float8) float8", map2[floats, floats, floats](power)))
	return append(out, numericOperators()...)
}

func intOperators(l, r, ret *value.Type) []*Function {
	args := "(" + l.Name + "," + r.Name + ") "
	out := []*Function{
		def("+"+args+ret.Name, addKernel(ret, 1)),
		def("-"+args+ret.Name, addKernel(ret, -1)),
		def("*"+args+ret.Name, multiplyKernel(ret)),
		def("/"+args+ret.Name, map2[ints, ints, ints](func(_ *Env, a, b int64) (int64, error) {
			if b == 0 {
				return 0, errDivision
			}
			if b == -1 {
				return fit(ret, -a, a != math.MinInt64)
			}
			return a / b, nil
		})),
	}
	if l != r {
		return out
	}
	shift := func(n int64) uint { return uint(n) & uint(max(32, int(l.Len)*8)-1) }
	pure := func(sig string, f func(a, b int64) int64) *Function {
		return def(sig+ret.Name, map2[ints, ints, ints](func(_ *Env, a, b int64) (int64, error) { return f(a, b), nil }))
	}
	by := "(" + l.Name + ",int4) "
	return append(out,
		def("%"+args+ret.Name, map2[ints, ints, ints](modulo)),
		pure("&"+args, func(a, b int64) int64 { return a & b }),
		pure("|"+args, func(a, b int64) int64 { return a | b }),
		pure("#"+args, func(a, b int64) int64 { return a ^ b }),
		pure("<<"+by, func(a, n int64) int64 { return wrap(l, a<<shift(n)) }),
		pure(">>"+by, func(a, n int64) int64 { return a >> shift(n) }))
}

// wrap cuts a to the size of t, with its sign.
func wrap(t *value.Type, a int64) int64 {
	s := 64 - 8*uint(t.Len)
	return a << s >> s
}

func multiply(a, b int64) (int64, bool) {
	c := a * b
	small := int64(int32(a)) == a && int64(int32(b)) == b
	return c, small || a == 0 || c/a == b && !(a == -1 && b == math.MinInt64)
}

// fit returns c if it fits t.
func fit(t *value.Type, c int64, ok bool) (int64, error) {
	if !ok || wrap(t, c) != c {
		return 0, outOfRange(t)
	}
	return c, nil
}

// addKernel adds, or subtracts if sign is -1.
func addKernel(t *value.Type, sign int64) Kernel {
	s := 64 - 8*uint(t.Len)
	return func(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		x, y, o := args[0].Ints, args[1].Ints, out.Ints
		for _, i := range all(n, sel) {
			a, b := x[i], y[i]
			c := a + sign*b
			if sign < 0 && (a^b)&(a^c) < 0 || sign > 0 && (a^c)&(b^c) < 0 || c<<s>>s != c {
				return outOfRange(t)
			}
			o[i] = c
		}
		return nil
	}
}

func multiplyKernel(t *value.Type) Kernel {
	s := 64 - 8*uint(t.Len)
	return func(_ *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		x, y, o := args[0].Ints, args[1].Ints, out.Ints
		for _, i := range all(n, sel) {
			c, ok := multiply(x[i], y[i])
			if !ok || c<<s>>s != c {
				return outOfRange(t)
			}
			o[i] = c
		}
		return nil
	}
}

func modulo(_ *Env, a, b int64) (int64, error) {
	switch b {
	case 0:
		return 0, errDivision
	case -1:
		return 0, nil
	}
	return a % b, nil
}

func intUnary(t *value.Type) []*Function {
	args := "(" + t.Name + ") " + t.Name
	return []*Function{
		def("-"+args, map1[ints, ints](func(_ *Env, a int64) (int64, error) { return fit(t, -a, a != math.MinInt64) })),
		def("+"+args, map1[ints, ints](func(_ *Env, a int64) (int64, error) { return a, nil })),
		def("~"+args, map1[ints, ints](func(_ *Env, a int64) (int64, error) { return ^a, nil })),
		def("@"+args, intAbs(t)),
	}
}

func intAbs(t *value.Type) Kernel {
	return map1[ints, ints](func(_ *Env, a int64) (int64, error) {
		if a >= 0 {
			return a, nil
		}
		return fit(t, -a, a != math.MinInt64)
	})
}

func float1(f func(float64) float64) Kernel {
	return map1[floats, floats](func(_ *Env, x float64) (float64, error) { return f(x), nil })
}

func floatOperators(l, r, ret *value.Type) []*Function {
	args := "(" + l.Name + "," + r.Name + ") " + ret.Name
	round := func(c float64) float64 {
		if ret == value.Float4 {
			return float64(float32(c))
		}
		return c
	}
	// op refuses an infinite result of finite operands, and a zero one where zero says that it was too small.
	op := func(name string, f func(a, b float64) float64, zero func(a, b float64) bool) *Function {
		return def(name+args, map2[floats, floats, floats](func(_ *Env, a, b float64) (float64, error) {
			if name == "/" && b == 0 && !math.IsNaN(a) {
				return 0, errDivision
			}
			c := round(f(a, b))
			if math.IsInf(c, 0) && !math.IsInf(a, 0) && !math.IsInf(b, 0) || c == 0 && zero(a, b) {
				return 0, overflow(c)
			}
			return c, nil
		}))
	}
	never := func(a, b float64) bool { return false }
	return []*Function{
		op("+", func(a, b float64) float64 { return a + b }, never),
		op("-", func(a, b float64) float64 { return a - b }, never),
		op("*", func(a, b float64) float64 { return a * b }, func(a, b float64) bool { return a != 0 && b != 0 }),
		op("/", func(a, b float64) float64 { return a / b }, func(a, b float64) bool { return a != 0 && !math.IsInf(b, 0) }),
	}
}

func sqrt(_ *Env, x float64) (float64, error) {
	if x < 0 {
		return 0, value.Errorf(value.CodeBadPower, "cannot take square root of a negative number")
	}
	return math.Sqrt(x), nil
}

func power(_ *Env, x, y float64) (float64, error) {
	switch {
	case x == 0 && y < 0:
		return 0, value.Errorf(value.CodeBadPower, "zero raised to a negative power is undefined")
	case x < 0 && y != math.Floor(y) && !math.IsNaN(y):
		return 0, value.Errorf(value.CodeBadPower, "a negative number raised to a non-integer power yields a complex result")
	}
	c := math.Pow(x, y)
	if finite := !math.IsInf(x, 0) && !math.IsInf(y, 0); finite && (math.IsInf(c, 0) || c == 0 && x != 0) {
		return 0, overflow(c)
	}
	return c, nil
}

func numericOperators() []*Function {
	type binary func(a, b value.Numeric) (value.Numeric, error)
	op := func(name string, f binary) *Function {
		return def(name+"(numeric,numeric) numeric", map2[nums, nums, nums](func(_ *Env, a, b value.Numeric) (value.Numeric, error) {
			return f(a, b)
		}))
	}
	one := func(sig string, f func(value.Numeric) value.Numeric) *Function {
		return def(sig, map1[nums, nums](func(_ *Env, a value.Numeric) (value.Numeric, error) { return f(a), nil }))
	}
	return []*Function{
		op("+", value.Numeric.Add), op("-", value.Numeric.Sub), op("*", value.Numeric.Mul), op("/", value.Numeric.Div),
		op("%", value.Numeric.Mod), def("^(numeric,numeric) numeric", map2[nums, nums, nums](numericPower)),
		one("-(numeric) numeric", value.Numeric.Neg),
		one("+(numeric) numeric", func(a value.Numeric) value.Numeric { return a }),
		one("@(numeric) numeric", value.Numeric.Abs),
	}
}

func mathFunctions() []*Function {
	out := append(roundings(), floatFunctions()...)
	for _, t := range []*value.Type{value.Int2, value.Int4, value.Int8} {
		out = append(out, def("abs("+t.Name+") "+t.Name, intAbs(t)),
			def("mod("+t.Name+","+t.Name+") "+t.Name, map2[ints, ints, ints](modulo)))
		if t != value.Int2 {
			out = append(out,
				def("gcd("+t.Name+","+t.Name+") "+t.Name, map2[ints, ints, ints](func(_ *Env, a, b int64) (int64, error) {
					g := gcd(a, b)
					return fit(t, g, g >= 0)
				})),
				def("lcm("+t.Name+","+t.Name+") "+t.Name, map2[ints, ints, ints](func(_ *Env, a, b int64) (int64, error) {
					if a == 0 || b == 0 {
						return 0, nil
					}
					c, ok := multiply(a/gcd(a, b), b)
					return fit(t, max(c, -c), ok && c != math.MinInt64)
				})))
		}
	}
	return append(out,
		def("mod(numeric,numeric) numeric", map2[nums, nums, nums](func(_ *Env, a, b value.Numeric) (value.Numeric, error) { return a.Mod(b) })),
		def("div(numeric,numeric) numeric", map2[nums, nums, nums](func(_ *Env, a, b value.Numeric) (value.Numeric, error) { return a.DivTrunc(b) })),
		def("scale(numeric) int4", map1[nums, ints](func(_ *Env, a value.Numeric) (int64, error) {
			if !a.Finite() {
				return 0, errNull
			}
			return int64(a.Scale()), nil
		})),
		def("trim_scale(numeric) numeric", map1[nums, nums](func(_ *Env, a value.Numeric) (value.Numeric, error) { return a.TrimScale(), nil })),
		def("width_bucket(float8,float8,float8,int4) int4", rowwise(widthBucket)),
	)
}

func gcd(a, b int64) int64 {
	for b != 0 {
		if b == -1 {
			return 1
		}
		a, b = b, a%b
	}
	return max(a, -a)
}

func widthBucket(_ *Env, args []value.Datum) (value.Datum, error) {
	x, low, high, n := args[0].F, args[1].F, args[2].F, args[3].I
	fault := ""
	switch {
	case n <= 0:
		fault = "count must be greater than zero"
	case math.IsNaN(x) || math.IsNaN(low) || math.IsNaN(high):
		fault = "operand, lower bound, and upper bound cannot be NaN"
	case math.IsInf(low, 0) || math.IsInf(high, 0):
		fault = "lower and upper bounds must be finite"
	case low == high:
		fault = "lower bound cannot equal upper bound"
	}
	if fault != "" {
		return value.Datum{}, value.Errorf("2201G", "%s", fault)
	}
	if low > high {
		x, low, high = -x, -low, -high
	}
	bucket := int64(0)
	switch {
	case x >= high:
		bucket = n + 1
	case x >= low:
		bucket = int64(float64(n)*((x-low)/(high-low))) + 1
	}
	bucket, err := fit(value.Int4, bucket, true)
	return value.NewInt(value.Int4, bucket), err
}

// roundings declares the functions that round, for floats and numerics.
func roundings() []*Function {
	whole := func(sig string, f func(value.Numeric) value.Numeric) *Function {
		return def(sig, map1[nums, nums](func(_ *Env, a value.Numeric) (value.Numeric, error) { return f(a), nil }))
	}
	places := func(sig string, f func(value.Numeric, int) (value.Numeric, error)) *Function {
		return def(sig, map2[nums, ints, nums](func(_ *Env, a value.Numeric, n int64) (value.Numeric, error) {
			return f(a, int(n))
		}))
	}
	return []*Function{
		whole("abs(numeric) numeric", value.Numeric.Abs),
		whole("ceil(numeric) numeric", value.Numeric.Ceil),
		whole("ceiling(numeric) numeric", value.Numeric.Ceil),
		whole("floor(numeric) numeric", value.Numeric.Floor),
		whole("round(numeric) numeric", func(a value.Numeric) value.Numeric { return a.Round(0) }),
		whole("trunc(numeric) numeric", func(a value.Numeric) value.Numeric { return a.Trunc(0) }),
		whole("sign(numeric) numeric", func(a value.Numeric) value.Numeric {
			if a.IsNaN() {
				return a
			}
			return value.IntNumeric(int64(a.Sign()))
		}),
		places("round(numeric,int4) numeric", value.Numeric.RoundTo),
		places("trunc(numeric,int4) numeric", func(a value.Numeric, n int) (value.Numeric, error) { return a.Trunc(n), nil }),
		numeric1("sqrt(numeric) numeric", value.Numeric.Sqrt),
		def("power(numeric,numeric) numeric", map2[nums, nums, nums](numericPower)),
		def("pow(numeric,numeric) numeric", map2[nums, nums, nums](numericPower)),
		longNumeric("ln(numeric) numeric", value.Numeric.Ln), longNumeric("log(numeric) numeric", value.Numeric.Log10),
		longNumeric("log10(numeric) numeric", value.Numeric.Log10), longNumeric("exp(numeric) numeric", value.Numeric.Exp),
		def("abs(float4) float4", float1(math.Abs)), def("abs(float8) float8", float1(math.Abs)),
		def("ceil(float8) float8", float1(math.Ceil)), def("ceiling(float8) float8", float1(math.Ceil)),
		def("floor(float8) float8", float1(math.Floor)), def("trunc(float8) float8", float1(math.Trunc)),
		def("round(float8) float8", float1(math.RoundToEven)),
		def("sign(float8) float8", float1(func(x float64) float64 {
			switch {
			case x > 0:
				return 1
			case x < 0:
				return -1
			}
			return 0
		})),
	}
}

// longNumeric declares a function that takes long for long numbers, and may be canceled then.
func longNumeric(sig string, f func(value.Numeric, value.Check) (value.Numeric, error)) *Function {
	return def(sig, map1[nums, nums](func(env *Env, x value.Numeric) (value.Numeric, error) { return f(x, env.Check) }))
}

func numeric1(sig string, f func(value.Numeric) (value.Numeric, error)) *Function {
	return def(sig, map1[nums, nums](func(env *Env, a value.Numeric) (value.Numeric, error) {
		if err := env.Check(); err != nil { // logarithms with many digits take milliseconds
			return a, err
		}
		return f(a)
	}))
}

func floatFunctions() []*Function {
	return []*Function{
		def("sqrt(float8) float8", map1[floats, floats](sqrt)),
		def("cbrt(float8) float8", float1(math.Cbrt)),
		def("power(float8,float8) float8", map2[floats, floats, floats](power)),
		def("pow(float8,float8) float8", map2[floats, floats, floats](power)),
		def("exp(float8) float8", map1[floats, floats](func(_ *Env, x float64) (float64, error) {
			c := math.Exp(x)
			if !math.IsInf(x, 0) && (math.IsInf(c, 0) || c == 0) {
				return 0, overflow(c)
			}
			return c, nil
		})),
		def("ln(float8) float8", map1[floats, floats](logarithm(naturalLog))),
		def("log(float8) float8", map1[floats, floats](logarithm(commonLog))),
		def("log10(float8) float8", map1[floats, floats](logarithm(commonLog))),
		def("pi() float8", map0[floats](func(*Env) (float64, error) { return math.Pi, nil })),
		def("degrees(float8) float8", inRange(func(x float64) float64 { return x / (math.Pi / 180) })),
		def("radians(float8) float8", inRange(radians)),
		def("sin(float8) float8", ofAngle(math.Sin)), def("cos(float8) float8", ofAngle(math.Cos)),
		def("tan(float8) float8", ofAngle(math.Tan)), def("atan(float8) float8", float1(math.Atan)),
		def("atan2(float8,float8) float8", map2[floats, floats, floats](func(_ *Env, y, x float64) (float64, error) {
			return math.Atan2(y, x), nil
		})),
	}
}

// inRange makes a kernel of a multiplication whose result has to fit.
func inRange(f func(float64) float64) Kernel {
	return map1[floats, floats](func(_ *Env, x float64) (float64, error) {
		c := f(x)
		if math.IsInf(c, 0) && !math.IsInf(x, 0) || c == 0 && x != 0 {
			return 0, overflow(c)
		}
		return c, nil
	})
}

// ofAngle makes a kernel of a function of an angle, which has to be finite.
func ofAngle(f func(float64) float64) Kernel {
	return map1[floats, floats](func(_ *Env, x float64) (float64, error) {
		if math.IsInf(x, 0) {
			return 0, errInputRange
		}
		return f(x), nil
	})
}

// maxExactPower bounds the exponent and the digits of powers.
const maxExactPower = 100_000

// numericPower raises to an integer power exactly, then rounds to the scale Postgres shows.
func numericPower(env *Env, a, b value.Numeric) (value.Numeric, error) {
	if a.IsNaN() || b.IsNaN() || !a.Finite() || !b.Finite() {
		f, err := power(env, a.Float(), b.Float())
		return value.FloatNumeric(f, false), err
	}
	if a.Sign() == 0 && b.Sign() < 0 {
		return a, value.Errorf(value.CodeBadPower, "zero raised to a negative power is undefined")
	}
	if n, ok := b.Int64(); ok && b.Cmp(value.IntNumeric(n)) == 0 {
		return integerPower(env, a, n)
	}
	switch a.Sign() {
	case -1:
		return a, value.Errorf(value.CodeBadPower, "a negative number raised to a non-integer power yields a complex result")
	case 0:
		return value.IntNumeric(0).Round(16), nil
	}
	return a.PowBroken(b, env.Check)
}

func integerPower(env *Env, a value.Numeric, n int64) (value.Numeric, error) {
	scale := min(1000, max(16, a.Scale()))
	if a.Sign() == 0 || n == 0 {
		return value.IntNumeric(value.BoolInt(n == 0)).Round(scale), nil
	}
	size := math.Abs(math.Log10(math.Abs(a.Float()))) * math.Abs(float64(n))
	if math.Abs(float64(n))*float64(a.Scale()) > maxExactPower && size < maxExactPower { // exactly, it has too many digits
		p, err := a.Abs().PowBroken(value.IntNumeric(n), env.Check)
		if err == nil && a.Sign() < 0 && n%2 != 0 {
			p = p.Neg()
		}
		return p, err
	}
	if size > maxExactPower || math.IsNaN(size) {
		if (n < 0) != (a.Abs().Cmp(value.IntNumeric(1)) < 0) {
			return value.Numeric{}.Round(scale), nil
		}
		return a, value.Errorf(value.CodeOutOfRange, "value overflows numeric format")
	}
	product, square := value.IntNumeric(1), a
	for k := uint64(max(n, -n)); k > 0; k >>= 1 {
		if err := env.Check(); err != nil { // the numbers may have many digits
			return a, err
		}
		var err error
		if k&1 == 1 {
			if product, err = product.Mul(square); err != nil {
				return a, err
			}
		}
		if k > 1 {
			if square, err = square.Mul(square); err != nil {
				return a, err
			}
		}
	}
	if n < 0 {
		return value.IntNumeric(1).DivRound(product, scale), nil
	}
	return product.Round(scale), nil
}
