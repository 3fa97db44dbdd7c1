package fn

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

// arrayMakers declares array_fill and trim_array.
func arrayMakers() []*Function {
	fill := func(sig string) *Function {
		return bound(sig, func(_ []*value.Type, ret *value.Type) Kernel {
			return rowwise(func(env *Env, args []value.Datum) (value.Datum, error) { return arrayFill(env, ret, args) })
		})
	}
	return []*Function{
		fill("array_fill(anyelement,_int4) anyarray nullable"),
		fill("array_fill(anyelement,_int4,_int4) anyarray nullable"),
		def("trim_array(anyarray,int4) anyarray", rowwise(trimArray)),
	}
}

func arrayFill(env *Env, ret *value.Type, args []value.Datum) (value.Datum, error) {
	shape := func(d value.Datum, what string) ([]int32, error) {
		if d.Null {
			return nil, value.Errorf(value.CodeNullNotAllowed, "dimension array or low bound array cannot be null")
		}
		a := d.X.(*value.Array)
		if len(a.Dims) > 1 {
			e := value.Errorf(value.CodeSubscript, "wrong number of array subscripts")
			e.Detail = what + " array must be one dimensional."
			return nil, e
		}
		out := make([]int32, a.Elems.Len())
		for i := range out {
			if a.Elems.IsNull(i) {
				return nil, value.Errorf(value.CodeNullNotAllowed, "dimension values cannot be null")
			}
			out[i] = int32(a.Elems.Ints[i])
		}
		return out, nil
	}
	dims, err := shape(args[1], "Dimension")
	if err != nil {
		return value.Datum{}, err
	}
	lower := make([]int32, len(dims))
	for i := range lower {
		lower[i] = 1
	}
	if len(args) == 3 {
		if lower, err = shape(args[2], "Dimension"); err != nil {
			return value.Datum{}, err
		}
		if len(lower) != len(dims) {
			e := value.Errorf(value.CodeSubscript, "wrong number of array subscripts")
			e.Detail = "Low bound array has different size than dimensions array."
			return value.Datum{}, e
		}
	}
	total := int64(1)
	for _, n := range dims {
		if total *= int64(n); n < 0 || total > maxElements {
			return value.Datum{}, errTooManyElements()
		}
	}
	elems := value.NewVector(value.MustType(ret.Elem), 0)
	if err := env.fitsList(int(total), elems.Type); err != nil {
		return value.Datum{}, err
	}
	if len(dims) == 0 || total == 0 {
		return value.NewBox(ret, value.NewArray(elems)), nil
	}
	for range total {
		elems.Append(args[0])
	}
	return value.NewBox(ret, &value.Array{Dims: dims, Lower: lower, Elems: elems}), nil
}

// trimArray takes elements, or slices, off the end.
func trimArray(_ *Env, args []value.Datum) (value.Datum, error) {
	a, n := args[0].X.(*value.Array), args[1].I
	size := int64(0)
	if len(a.Dims) > 0 {
		size = int64(a.Dims[0])
	}
	if n < 0 || n > size {
		return value.Datum{}, value.Errorf("2202E", "number of elements to trim must be between 0 and %d", size)
	}
	elems := value.NewVector(a.Elems.Type, 0)
	if n == size {
		return value.NewBox(args[0].Type, value.NewArray(elems)), nil
	}
	for i := range a.Elems.Len() / int(size) * int(size-n) {
		elems.AppendFrom(a.Elems, i)
	}
	dims := append([]int32{int32(size - n)}, a.Dims[1:]...)
	lower := slices.Repeat([]int32{1}, len(dims))
	return value.NewBox(args[0].Type, &value.Array{Dims: dims, Lower: lower, Elems: elems}), nil
}

// regexpOptions declares the regexp functions with a start, an occurrence and flags.
func regexpOptions() (list []*Function) {
	add := func(name, ret string, f func(q *regexpQuery) (value.Datum, error), tails ...string) {
		for _, t := range tails {
			list = append(list, def(name+"(text,text"+t+") "+ret, rowwise(func(env *Env, args []value.Datum) (value.Datum, error) {
				q, err := newRegexpQuery(env, name, args)
				if err != nil {
					return value.Datum{}, err
				}
				return f(q)
			})))
		}
	}
	add("regexp_count", "int4", (*regexpQuery).count, ",int4", ",int4,text")
	add("regexp_instr", "int4", (*regexpQuery).position, ",int4", ",int4,int4", ",int4,int4,int4", ",int4,int4,int4,text", ",int4,int4,int4,text,int4")
	add("regexp_substr", "text", (*regexpQuery).part, ",int4", ",int4,int4", ",int4,int4,text", ",int4,int4,text,int4")
	add("regexp_replace", "text", (*regexpQuery).replaced, ",text,int4", ",text,int4,int4", ",text,int4,int4,text")
	return list
}

// A regexpQuery is a call of one of the functions of regexpOptions.
type regexpQuery struct {
	env        *Env
	re         *compiledRegexp
	s          []byte
	from       int   // byte where the search starts
	occurrence int64 // 0 for all
	end        bool  // regexp_instr: the position behind the match
	group      int64
	with       string
}

func newRegexpQuery(env *Env, name string, args []value.Datum) (*regexpQuery, error) {
	q := &regexpQuery{env: env, s: args[0].B, occurrence: 1}
	rest := args[2:]
	if name == "regexp_replace" {
		q.with, rest = string(rest[0].B), rest[1:]
	}
	start, flags := rest[0].I, ""
	if start <= 0 {
		return nil, badParameter("start", start)
	}
	var number []int64
	for _, a := range rest[1:] {
		if a.Type == value.Text {
			flags = string(a.B)
		} else {
			number = append(number, a.I)
		}
	}
	if len(number) > 0 {
		if q.occurrence = number[0]; q.occurrence < 0 || q.occurrence == 0 && name != "regexp_replace" {
			return nil, badParameter("n", q.occurrence)
		}
		number = number[1:]
	}
	if name == "regexp_instr" && len(number) > 0 {
		if number[0] != 0 && number[0] != 1 {
			return nil, badParameter("endoption", number[0])
		}
		q.end, number = number[0] == 1, number[1:]
	}
	if len(number) > 0 {
		if q.group = number[0]; q.group < 0 {
			return nil, badParameter("subexpr", q.group)
		}
	}
	if strings.Contains(flags, "g") {
		if name != "regexp_replace" {
			return nil, value.Errorf(value.CodeInvalidParameter, "%s() does not support the \"global\" option", name)
		}
		if len(rest) < 2 {
			q.occurrence = 0
		}
	}
	var err error
	if q.re, err = compile(string(args[1].B), flags, len(q.s)); err != nil {
		return nil, err
	}
	for i := int64(1); i < start && q.from < len(q.s); i++ {
		_, n := utf8.DecodeRune(q.s[q.from:])
		q.from += n
	}
	if start > int64(utf8.RuneCount(q.s))+1 {
		q.from = -1
	}
	return q, nil
}

func badParameter(name string, n int64) error {
	return value.Errorf(value.CodeInvalidParameter, "invalid value for parameter \"%s\": %d", name, n)
}

// matches returns up to limit matches, -1 for all, from the start on.
func (q *regexpQuery) matches(limit int64) ([][]int, error) {
	if q.from < 0 {
		return nil, nil
	}
	return q.re.all(q.env, q.s, q.from, int(limit))
}

// match returns the match asked for, by its group, nil if there is none.
func (q *regexpQuery) match() ([]int, error) {
	list, err := q.matches(q.occurrence)
	if err != nil || int64(len(list)) < q.occurrence || q.group > int64(q.re.re.NumSubexp()) {
		return nil, err
	}
	m := list[q.occurrence-1][2*q.group:][:2]
	if m[0] < 0 {
		return nil, nil
	}
	return m, nil
}

func (q *regexpQuery) count() (value.Datum, error) {
	list, err := q.matches(-1)
	return value.NewInt(value.Int4, int64(len(list))), err
}

func (q *regexpQuery) position() (value.Datum, error) {
	m, err := q.match()
	if m == nil {
		return value.NewInt(value.Int4, 0), err
	}
	at := m[0]
	if q.end {
		at = m[1]
	}
	return value.NewInt(value.Int4, int64(utf8.RuneCount(q.s[:at])+1)), nil
}

func (q *regexpQuery) part() (value.Datum, error) {
	m, err := q.match()
	if err != nil {
		return value.Datum{}, err
	}
	if m == nil {
		return value.Datum{}, errNull
	}
	return value.NewBytes(value.Text, q.s[m[0]:m[1]:m[1]]), nil
}

func (q *regexpQuery) replaced() (value.Datum, error) {
	limit := q.occurrence
	if limit == 0 {
		limit = -1
	}
	list, err := q.matches(limit)
	if err != nil {
		return value.Datum{}, err
	}
	if q.occurrence > 0 {
		list = list[min(q.occurrence-1, int64(len(list))):]
	}
	return replaceAll(q.env, q.s, q.with, list)
}
