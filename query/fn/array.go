package fn

import (
	"bytes"
	"unicode/utf8"

	"github.com/jurat-ledger/jurat/query/value"
)

func arrayFunctions() []*Function {
	dim := func(sig string, f func(a *value.Array, d int) (int64, bool)) *Function {
		return def(sig, map2[arrays, ints, ints](func(_ *Env, a *value.Array, d int64) (int64, error) {
			if d < 1 || d > int64(len(a.Dims)) {
				return 0, errNull
			}
			x, ok := f(a, int(d)-1)
			if !ok {
				return 0, errNull
			}
			return x, nil
		}))
	}
	return []*Function{
		dim("array_length(anyarray,int4) int4", func(a *value.Array, d int) (int64, bool) { return int64(a.Dims[d]), true }),
		dim("array_lower(anyarray,int4) int4", func(a *value.Array, d int) (int64, bool) { return int64(a.Lower[d]), true }),
		dim("array_upper(anyarray,int4) int4", func(a *value.Array, d int) (int64, bool) {
			return int64(a.Lower[d]) + int64(a.Dims[d]) - 1, true
		}),
		def("array_ndims(anyarray) int4", map1[arrays, ints](func(_ *Env, a *value.Array) (int64, error) {
			if len(a.Dims) == 0 {
				return 0, errNull
			}
			return int64(len(a.Dims)), nil
		})),
		def("cardinality(anyarray) int4", map1[arrays, ints](func(_ *Env, a *value.Array) (int64, error) {
			return int64(a.Elems.Len()), nil
		})),
		def("array_append(anycompatiblearray,anycompatible) anycompatiblearray nullable", rowwise(arrayAppend)),
		def("array_prepend(anycompatible,anycompatiblearray) anycompatiblearray nullable", rowwise(arrayPrepend)),
		def("array_cat(anycompatiblearray,anycompatiblearray) anycompatiblearray nullable", rowwise(arrayCat)),
		def("array_remove(anycompatiblearray,anycompatible) anycompatiblearray nullable", rowwise(arrayRemove)),
		def("array_replace(anycompatiblearray,anycompatible,anycompatible) anycompatiblearray nullable", rowwise(arrayReplace)),
		def("array_position(anycompatiblearray,anycompatible) int4 nullable", rowwise(arrayPosition)),
		def("array_position(anycompatiblearray,anycompatible,int4) int4 nullable", rowwise(arrayPosition)),
		def("array_positions(anycompatiblearray,anycompatible) _int4 nullable", rowwise(arrayPositions)),
		def("array_to_string(anyarray,text) text stable", rowwise(arrayToString)),
		def("array_to_string(anyarray,text,text) text stable nullable", rowwise(arrayToString)),
		def("string_to_array(text,text) _text nullable", rowwise(stringToArray)),
		def("string_to_array(text,text,text) _text nullable", rowwise(stringToArray)),
	}
}

func arrayOperators() []*Function {
	test := func(sig string, f func(env *Env, a, b *value.Array) bool) *Function {
		return def(sig, map2[arrays, arrays, bools](func(env *Env, a, b *value.Array) (bool, error) {
			ok := f(env, a, b)
			return ok, env.Check()
		}))
	}
	return []*Function{
		def("||(anycompatiblearray,anycompatiblearray) anycompatiblearray nullable", rowwise(arrayCat)),
		def("||(anycompatiblearray,anycompatible) anycompatiblearray nullable", rowwise(arrayAppend)),
		def("||(anycompatible,anycompatiblearray) anycompatiblearray nullable", rowwise(arrayPrepend)),
		test("@>(anyarray,anyarray) bool", contains),
		test("<@(anyarray,anyarray) bool", func(env *Env, a, b *value.Array) bool { return contains(env, b, a) }),
		test("&&(anyarray,anyarray) bool", overlap),
	}
}

// member reports whether an element of a equals x, which is not null.
func member(a *value.Array, x value.Datum) bool {
	for i := range a.Elems.Len() {
		if !a.Elems.IsNull(i) && value.Compare(a.Elems.Datum(i), x) == 0 {
			return true
		}
	}
	return false
}

// contains, like overlap, ends early when the statement does.
func contains(env *Env, a, b *value.Array) bool {
	for i := range b.Elems.Len() {
		if env.Check() != nil || b.Elems.IsNull(i) || !member(a, b.Elems.Datum(i)) {
			return false
		}
	}
	return true
}

func overlap(env *Env, a, b *value.Array) bool {
	for i := range b.Elems.Len() {
		if env.Check() != nil {
			return false
		}
		if !b.Elems.IsNull(i) && member(a, b.Elems.Datum(i)) {
			return true
		}
	}
	return false
}

// asArray returns the array of d; a null counts as empty.
func asArray(d value.Datum) *value.Array {
	if d.Null {
		return value.NewArray(value.NewVector(value.MustType(d.Type.Elem), 0))
	}
	return d.X.(*value.Array)
}

func copyElems(a *value.Array) *value.Vector {
	v := value.NewVector(a.Elems.Type, 0)
	for i := range a.Elems.Len() {
		v.AppendFrom(a.Elems, i)
	}
	return v
}

var errOneDim = value.Errorf("22000", "argument must be empty or one-dimensional array")

func arrayAppend(env *Env, args []value.Datum) (value.Datum, error) {
	a := asArray(args[0])
	if len(a.Dims) > 1 {
		return value.Datum{}, errOneDim
	}
	if err := env.fitsList(a.Elems.Len()+1, a.Elems.Type); err != nil {
		return value.Datum{}, err
	}
	elems := copyElems(a)
	elems.Append(args[1])
	r := value.NewArray(elems)
	if len(a.Lower) > 0 {
		r.Lower = a.Lower
	}
	return value.NewBox(args[0].Type, r), nil
}

func arrayPrepend(env *Env, args []value.Datum) (value.Datum, error) {
	a := asArray(args[1])
	if len(a.Dims) > 1 {
		return value.Datum{}, errOneDim
	}
	if err := env.fitsList(a.Elems.Len()+1, a.Elems.Type); err != nil {
		return value.Datum{}, err
	}
	elems := value.NewVector(a.Elems.Type, 0)
	elems.Append(args[0])
	for i := range a.Elems.Len() {
		elems.AppendFrom(a.Elems, i)
	}
	r := value.NewArray(elems)
	if len(a.Lower) > 0 {
		r.Lower = a.Lower
	}
	return value.NewBox(args[1].Type, r), nil
}

func arrayCat(env *Env, args []value.Datum) (value.Datum, error) {
	switch {
	case args[0].Null && args[1].Null:
		return value.Datum{}, errNull
	case args[0].Null || len(asArray(args[0]).Dims) == 0 && !args[1].Null:
		return args[1], nil
	case args[1].Null || len(asArray(args[1]).Dims) == 0:
		return args[0], nil
	}
	a, b := asArray(args[0]), asArray(args[1])
	if err := env.fitsList(a.Elems.Len()+b.Elems.Len(), a.Elems.Type); err != nil {
		return value.Datum{}, err
	}
	dims, ok := catDims(a, b)
	if !ok {
		return value.Datum{}, &value.Error{
			Code: value.CodeSubscript, Message: "cannot concatenate incompatible arrays",
			Detail: "Arrays with differing dimensions are not compatible for concatenation.",
		}
	}
	elems := copyElems(a)
	for i := range b.Elems.Len() {
		elems.AppendFrom(b.Elems, i)
	}
	lower := a.Lower
	if len(b.Dims) > len(a.Dims) {
		lower = b.Lower
	}
	return value.NewBox(args[0].Type, &value.Array{Dims: dims, Lower: lower, Elems: elems}), nil
}

// catDims returns the shape of a concatenation: of two arrays of one shape but for the first dimension, or of an array
// and one of its slices.
func catDims(a, b *value.Array) ([]int32, bool) {
	same := func(x, y []int32) bool {
		for i := range x {
			if x[i] != y[i] {
				return false
			}
		}
		return len(x) == len(y)
	}
	switch len(a.Dims) - len(b.Dims) {
	case 0:
		return append([]int32{a.Dims[0] + b.Dims[0]}, a.Dims[1:]...), same(a.Dims[1:], b.Dims[1:])
	case 1:
		return append([]int32{a.Dims[0] + 1}, a.Dims[1:]...), same(a.Dims[1:], b.Dims)
	case -1:
		return append([]int32{b.Dims[0] + 1}, b.Dims[1:]...), same(a.Dims, b.Dims[1:])
	}
	return nil, false
}

// equalOrNull reports whether element i of a is not distinct from x.
func equalOrNull(a *value.Array, i int, x value.Datum) bool {
	if a.Elems.IsNull(i) || x.Null {
		return a.Elems.IsNull(i) && x.Null
	}
	return value.Compare(a.Elems.Datum(i), x) == 0
}

func arrayRemove(_ *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errNull
	}
	a := asArray(args[0])
	if len(a.Dims) > 1 {
		return value.Datum{}, value.Errorf(value.CodeUnsupported, "removing elements from multidimensional arrays is not supported")
	}
	elems := value.NewVector(a.Elems.Type, 0)
	for i := range a.Elems.Len() {
		if !equalOrNull(a, i, args[1]) {
			elems.AppendFrom(a.Elems, i)
		}
	}
	out := value.NewArray(elems)
	if elems.Len() > 0 {
		out.Lower = a.Lower
	}
	return value.NewBox(args[0].Type, out), nil
}

func arrayReplace(_ *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errNull
	}
	a := asArray(args[0])
	elems := copyElems(a)
	for i := range a.Elems.Len() {
		if equalOrNull(a, i, args[1]) {
			elems.Set(i, args[2])
		}
	}
	return value.NewBox(args[0].Type, &value.Array{Dims: a.Dims, Lower: a.Lower, Elems: elems}), nil
}

func arrayPosition(_ *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errNull
	}
	a := asArray(args[0])
	if len(a.Dims) > 1 {
		return value.Datum{}, value.Errorf(value.CodeUnsupported, "searching for elements in multidimensional arrays is not supported")
	}
	from := int64(0)
	if len(args) == 3 {
		if args[2].Null {
			return value.Datum{}, value.Errorf(value.CodeNullNotAllowed, "initial position must not be null")
		}
		from = args[2].I
	}
	for i := range a.Elems.Len() {
		if at := int64(a.Lower[0]) + int64(i); (len(args) < 3 || at >= from) && equalOrNull(a, i, args[1]) {
			return value.NewInt(value.Int4, at), nil
		}
	}
	return value.Datum{}, errNull
}

func arrayPositions(_ *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errNull
	}
	a := asArray(args[0])
	if len(a.Dims) > 1 {
		return value.Datum{}, value.Errorf(value.CodeUnsupported, "searching for elements in multidimensional arrays is not supported")
	}
	elems := value.NewVector(value.Int4, 0)
	for i := range a.Elems.Len() {
		if equalOrNull(a, i, args[1]) {
			elems.Append(value.NewInt(value.Int4, int64(a.Lower[0])+int64(i)))
		}
	}
	return value.ArrayOf(elems), nil
}

func arrayToString(env *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null || args[1].Null {
		return value.Datum{}, errNull
	}
	a := asArray(args[0])
	var out []byte
	var room room
	first := true
	for i := range a.Elems.Len() {
		isNull := a.Elems.IsNull(i)
		if isNull && (len(args) < 3 || args[2].Null) {
			continue
		}
		if !first {
			out = append(out, args[1].B...)
		}
		first = false
		if isNull {
			out = append(out, args[2].B...)
		} else {
			out = value.AppendText(out, env.Settings, a.Elems, i)
		}
		if err := room.reach(env, len(out)); err != nil {
			return value.Datum{}, err
		}
	}
	return value.NewBytes(value.Text, out), nil
}

func stringToArray(env *Env, args []value.Datum) (value.Datum, error) {
	if args[0].Null {
		return value.Datum{}, errNull
	}
	text := args[0].B
	n := 1
	if args[1].Null {
		n = utf8.RuneCount(text)
	} else if len(args[1].B) > 0 {
		n = bytes.Count(text, args[1].B) + 1
	}
	if err := env.fitsList(n, value.Text); err != nil {
		return value.Datum{}, err
	}
	var parts [][]byte // share memory with text
	switch {
	case len(text) == 0:
	case args[1].Null:
		for rest := text; len(rest) > 0; {
			_, n := utf8.DecodeRune(rest)
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
	case len(args[1].B) == 0:
		parts = [][]byte{text}
	default:
		parts = bytes.Split(text, args[1].B)
	}
	elems := value.NewVector(value.Text, len(parts))
	for i, p := range parts {
		elems.Bytes[i] = p
		if len(args) == 3 && !args[2].Null && bytes.Equal(p, args[2].B) {
			elems.SetNull(i)
		}
	}
	return value.ArrayOf(elems), nil
}
