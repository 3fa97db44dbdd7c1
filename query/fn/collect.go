package fn

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// collectors declares the aggregates that keep every value.
func collectors() []*Function {
	return []*Function{
		agg("string_agg(text,text) text nullable", func([]*value.Type, *value.Type) States { return &joins{} }),
		agg("string_agg(bytea,bytea) bytea nullable", func([]*value.Type, *value.Type) States { return &joins{} }),
		agg("array_agg(anynonarray) anyarray nullable", func([]*value.Type, *value.Type) States { return &lists{} }),
		agg("array_agg(anyarray) anyarray nullable", func([]*value.Type, *value.Type) States { return &stacks{} }),
		agg("jsonb_agg(anyelement) jsonb stable nullable", jsonLists(value.JSONB)),
		agg("json_agg(anyelement) json stable nullable", jsonLists(value.JSON)),
		agg("jsonb_object_agg(any,any) jsonb nullable", jsonObjects(value.JSONB)),
		agg("json_object_agg(any,any) json stable nullable", jsonObjects(value.JSON)),
	}
}

// joins is string_agg: a separator stands before every value but the first.
type joins struct {
	text [][]byte
	some []bool
}

func (s *joins) Grow(n int) { s.text, s.some = grow(s.text, n), grow(s.some, n) }

func (s *joins) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		if args[0].IsNull(int(i)) {
			continue
		}
		g := groups[i]
		if s.some[g] && !args[1].IsNull(int(i)) {
			s.text[g] = append(s.text[g], args[1].Bytes[i]...)
		}
		s.text[g] = append(s.text[g], args[0].Bytes[i]...)
		s.some[g] = true
		if len(s.text[g]) > MaxOutput {
			return errTooLong()
		}
	}
	return nil
}

func (s *joins) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		if out.Bytes[i] = s.text[first+i]; !s.some[first+i] {
			out.SetNull(i)
		}
	}
	return nil
}

// maxElements bounds the elements of an array that a function makes.
const maxElements = 4 << 20

func errTooManyElements() error {
	return value.Errorf(value.CodeProgramLimit, "array size exceeds the maximum allowed (%d)", maxElements)
}

// lists is array_agg of values that are no arrays; nulls count.
type lists struct{ elems []*value.Vector }

func (s *lists) Grow(n int) { s.elems = grow(s.elems, n) }

func (s *lists) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		g := groups[i]
		if s.elems[g] == nil {
			s.elems[g] = value.NewVector(args[0].Type, 0)
		}
		if s.elems[g].Len() >= maxElements {
			return errTooManyElements()
		}
		s.elems[g].AppendFrom(args[0], int(i))
	}
	return nil
}

func (s *lists) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		if e := s.elems[first+i]; e != nil {
			out.Boxes[i] = value.NewArray(e.Head(e.Len()))
		} else {
			out.SetNull(i)
		}
	}
	return nil
}

// stacks is array_agg of arrays, which must have the same shape.
type stacks struct{ arrays []*value.Array }

func (s *stacks) Grow(n int) { s.arrays = grow(s.arrays, n) }

func (s *stacks) Step(_ *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	bad := func(message string) error { return value.Errorf(value.CodeSubscript, "%s", message) }
	for _, i := range all(n, sel) {
		g := groups[i]
		if args[0].IsNull(int(i)) {
			return value.Errorf(value.CodeNullNotAllowed, "cannot accumulate null arrays")
		}
		a := args[0].Boxes[i].(*value.Array)
		if len(a.Dims) == 0 {
			return bad("cannot accumulate empty arrays")
		}
		s0 := s.arrays[g]
		if s0 == nil {
			s0 = &value.Array{
				Dims: append([]int32{0}, a.Dims...), Lower: append([]int32{1}, a.Lower...), Elems: value.NewVector(a.Elems.Type, 0),
			}
			s.arrays[g] = s0
		}
		if len(s0.Dims) != len(a.Dims)+1 {
			return bad("cannot accumulate arrays of different dimensionality")
		}
		for d := range a.Dims {
			if s0.Dims[d+1] != a.Dims[d] {
				return bad("cannot accumulate arrays of different dimensionality")
			}
		}
		if s0.Elems.Len() >= maxElements {
			return errTooManyElements()
		}
		s0.Dims[0]++
		for j := range a.Elems.Len() {
			s0.Elems.AppendFrom(a.Elems, j)
		}
	}
	return nil
}

func (s *stacks) Final(_ *Env, out *value.Vector, first, n int) error {
	for i := range n {
		if a := s.arrays[first+i]; a != nil {
			shown := *a
			shown.Dims, shown.Elems = slices.Clone(a.Dims), a.Elems.Head(a.Elems.Len())
			out.Boxes[i] = &shown
		} else {
			out.SetNull(i)
		}
	}
	return nil
}

// jsonTexts is json_agg and json_object_agg: the text grows with every row.
type jsonTexts struct {
	t      *value.Type
	object bool
	text   [][]byte
}

func jsonLists(t *value.Type) func([]*value.Type, *value.Type) States {
	return func([]*value.Type, *value.Type) States { return &jsonTexts{t: t} }
}

func jsonObjects(t *value.Type) func([]*value.Type, *value.Type) States {
	return func([]*value.Type, *value.Type) States { return &jsonTexts{t: t, object: true} }
}

func (s *jsonTexts) Grow(n int) { s.text = grow(s.text, n) }

func (s *jsonTexts) Step(env *Env, groups []int32, args []*value.Vector, n int, sel []int32) error {
	for _, i := range all(n, sel) {
		dst := s.text[groups[i]]
		x := args[0].Datum(int(i))
		switch {
		case dst == nil && s.object:
			dst = append(dst, "{ "...)
		case dst == nil:
			dst = append(dst, '[')
		default:
			dst = append(dst, ", "...)
			if t := x.Type; !x.Null && !s.object && s.t == value.JSON && (t.IsArray() || t.IsRow()) {
				dst = append(dst, "\n "...) // as Postgres does before what has a structure
			}
		}
		if s.object {
			if x.Null {
				return value.Errorf(value.CodeInvalidParameter, "field name must not be null")
			}
			dst = append(value.AppendJSONString(dst, x.Text(env.Settings)), " : "...)
			x = args[1].Datum(int(i))
		}
		dst, err := appendJSON(dst, env, x)
		if err != nil {
			return err
		}
		if len(dst) > MaxOutput {
			return errTooLong()
		}
		s.text[groups[i]] = dst
	}
	return nil
}

func (s *jsonTexts) Final(env *Env, out *value.Vector, first, n int) error {
	for i := range n {
		text := s.text[first+i]
		if text == nil {
			out.SetNull(i)
			continue
		}
		end := byte(']')
		if s.object {
			text = append(text[:len(text):len(text)], ' ')
			end = '}'
		}
		d, err := value.ParseText(env.Settings, s.t, -1, append(text[:len(text):len(text)], end))
		if err != nil {
			return err
		}
		out.Set(i, d)
	}
	return nil
}
