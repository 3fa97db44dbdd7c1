package fn

import (
	"crypto/rand"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

// rarerFunctions declares functions that stand in no other group.
func rarerFunctions() []*Function {
	count := func(null bool) Kernel {
		return rowwise(func(_ *Env, args []value.Datum) (value.Datum, error) {
			n := int64(0)
			for _, a := range args {
				n += value.BoolInt(a.Null == null)
			}
			return value.NewInt(value.Int4, n), nil
		})
	}
	out := []*Function{
		def("gen_random_uuid() uuid volatile", map0[strs](randomUUID)),
		def("num_nulls(any) int4 nullable variadic", count(true)),
		def("num_nonnulls(any) int4 nullable variadic", count(false)),
		def("array_dims(anyarray) text", map1[arrays, texts](arrayDims)),
		def("substring(text,text,text) text", map3[strs, texts, texts, strs](similarPart)),
		def("similar_to_escape(text) text", map1[texts, texts](func(_ *Env, p string) (string, error) { return similarToRegexp(p, `\`) })),
		def("similar_to_escape(text,text) text", map2[texts, texts, texts](func(_ *Env, p, e string) (string, error) {
			return similarToRegexp(p, e)
		})),
	}
	out = slices.Concat(out, randomFunctions(), trigFunctions(), numberFunctions(), overlapsFunctions(), jsonChanges(), arrayMakers(), regexpOptions(), regexpSearches(), textForms(), toolFunctions())
	for name, f := range map[string]func(float64) float64{"sinh": math.Sinh, "cosh": math.Cosh, "tanh": math.Tanh, "asinh": math.Asinh} {
		out = append(out, def(name+"(float8) float8", float1(f)))
	}
	for name, f := range map[string]func(float64) float64{"asin": math.Asin, "acos": math.Acos} {
		out = append(out, def(name+"(float8) float8", map1[floats, floats](func(_ *Env, x float64) (float64, error) {
			if x < -1 || x > 1 {
				return 0, value.Errorf(value.CodeOutOfRange, "input is out of range")
			}
			return f(x), nil
		})))
	}
	return out
}

// regexpSearches declares the regexp functions of a text and an expression that give one number or text.
func regexpSearches() []*Function {
	return []*Function{
		def("regexp_count(text,text) int4", map2[strs, texts, ints](func(env *Env, s []byte, p string) (int64, error) {
			re, err := compile(p, "", len(s))
			if err != nil {
				return 0, err
			}
			list, err := re.all(env, s, 0, -1)
			return int64(len(list)), err
		})),
		def("regexp_instr(text,text) int4", map2[strs, texts, ints](func(env *Env, s []byte, p string) (int64, error) {
			re, err := compile(p, "", len(s))
			if err != nil {
				return 0, err
			}
			m, err := re.find(env, s, 0)
			if m == nil {
				return 0, err
			}
			return int64(utf8.RuneCount(s[:m[0]]) + 1), nil
		})),
		def("regexp_substr(text,text) text", map2[strs, texts, strs](func(env *Env, s []byte, p string) ([]byte, error) {
			m, err := firstMatch(env, s, p)
			if err != nil {
				return nil, err
			}
			return s[m[0]:m[1]:m[1]], nil
		})),
	}
}

// firstMatch returns where the first match of a regular expression and its groups stand in s; the value is null if there is none.
func firstMatch(env *Env, s []byte, pattern string) ([]int, error) {
	re, err := compile(pattern, "", len(s))
	if err != nil {
		return nil, err
	}
	m, err := re.find(env, s, 0)
	if err == nil && m == nil {
		err = errNull
	}
	return m, err
}

// randomUUID returns a UUID of version 4.
func randomUUID(*Env) ([]byte, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return nil, err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return b, nil
}

func arrayDims(_ *Env, a *value.Array) (string, error) {
	if len(a.Dims) == 0 {
		return "", errNull
	}
	var out strings.Builder
	for d, n := range a.Dims {
		out.WriteString("[" + strconv.Itoa(int(a.Lower[d])) + ":" + strconv.Itoa(int(a.Lower[d]+n-1)) + "]")
	}
	return out.String(), nil
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}
