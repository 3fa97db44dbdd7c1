package fn

import (
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

// The functions in degrees give exact results for the angles whose results are exact: they are put together from parts
// scaled so that 30, 45 and 60 degrees come out right.
var (
	sin30        = math.Sin(radians(30))
	oneLessCos60 = 1 - math.Cos(radians(60))
	tan45        = sinFirst(45) / cosFirst(45)
	cot45        = cosFirst(45) / sinFirst(45)
	asinHalf     = math.Asin(0.5)
	acosHalf     = math.Acos(0.5)
	atanOne      = math.Atan(1)
)

var errInputRange = value.Errorf(value.CodeOutOfRange, "input is out of range")

func radians(x float64) float64 { return x * (math.Pi / 180) }

// sinFirst is the sine of 0 to 90 degrees.
func sinFirst(x float64) float64 {
	if x <= 30 {
		return math.Sin(radians(x)) / sin30 / 2
	}
	return cosFirst(90 - x)
}

// cosFirst is the cosine of 0 to 90 degrees.
func cosFirst(x float64) float64 {
	if x <= 60 {
		return 1 - (1-math.Cos(radians(x)))/oneLessCos60/2
	}
	return sinFirst(90 - x)
}

// quadrant brings an angle in degrees to 0 to 90; sin, cos and tan are the signs of these functions for it.
func quadrant(x float64) (angle, sin, cos, tan float64) {
	angle, sin, cos, tan = math.Mod(x, 360), 1, 1, 1
	if angle < 0 {
		angle, sin, tan = -angle, -sin, -tan
	}
	if angle > 180 {
		angle, sin, tan = 360-angle, -sin, -tan
	}
	if angle > 90 {
		angle, cos, tan = 180-angle, -cos, -tan
	}
	return angle, sin, cos, tan
}

func asinFirst(x float64) float64 {
	if x <= 0.5 {
		return math.Asin(x) / asinHalf * 30
	}
	return 90 - math.Acos(x)/acosHalf*60
}

func asind(x float64) float64 {
	if x < 0 {
		return -asinFirst(-x)
	}
	return asinFirst(x)
}

// angleFunction declares a function of an angle, which has to be finite.
func angleFunction(name string, f func(x float64) float64) *Function {
	return def(name+"(float8) float8", map1[floats, floats](func(_ *Env, x float64) (float64, error) {
		if math.IsInf(x, 0) {
			return 0, errInputRange
		}
		if math.IsNaN(x) {
			return x, nil
		}
		return f(x) + 0, nil // no negative zero
	}))
}

// ratioFunction declares a function of a number between from and to.
func ratioFunction(name string, from, to float64, f func(x float64) float64) *Function {
	return def(name+"(float8) float8", map1[floats, floats](func(_ *Env, x float64) (float64, error) {
		if x < from || x > to {
			return 0, errInputRange
		}
		return f(x), nil
	}))
}

func trigFunctions() []*Function {
	return []*Function{
		angleFunction("sind", func(x float64) float64 { a, s, _, _ := quadrant(x); return s * sinFirst(a) }),
		angleFunction("cosd", func(x float64) float64 { a, _, c, _ := quadrant(x); return c * cosFirst(a) }),
		angleFunction("tand", func(x float64) float64 { a, _, _, t := quadrant(x); return t * (sinFirst(a) / cosFirst(a) / tan45) }),
		angleFunction("cotd", func(x float64) float64 { a, _, _, t := quadrant(x); return t * (cosFirst(a) / sinFirst(a) / cot45) }),
		angleFunction("cot", func(x float64) float64 { return 1 / math.Tan(x) }),
		ratioFunction("asind", -1, 1, asind),
		ratioFunction("acosd", -1, 1, func(x float64) float64 {
			switch {
			case x < 0:
				return 90 + asind(-x)
			case x <= 0.5:
				return 90 - math.Asin(x)/asinHalf*30
			}
			return math.Acos(x) / acosHalf * 60
		}),
		ratioFunction("acosh", 1, math.Inf(1), math.Acosh),
		ratioFunction("atanh", -1, 1, math.Atanh),
		def("atand(float8) float8", float1(func(x float64) float64 { return math.Atan(x) / atanOne * 45 })),
		def("atan2d(float8,float8) float8", map2[floats, floats, floats](func(_ *Env, y, x float64) (float64, error) {
			return math.Atan2(y, x) / atanOne * 45, nil
		})),
	}
}
