package fn

import (
	"errors"

	"github.com/jurat-ledger/jurat/query/value"
)

// errNull is what a function of the helpers below returns to make its result null.
var errNull = errors.New("null")

// A source reads the values of a vector as values of a Go type, and a sink writes them. Their implementations have no state:
// they only name a way of access, at compile time.
type (
	source[T any] interface {
		get(v *value.Vector, i int32) T
	}
	sink[T any] interface {
		set(v *value.Vector, i int32, x T)
	}
)

type (
	ints   struct{} // any type of kind Int64
	bools  struct{}
	floats struct{}
	strs   struct{} // any type of kind Bytes; what is stored must be fresh memory
	nums   struct{}
	spans  struct{} // interval
	arrays struct{} // to be read only
	texts  struct{} // text as a Go string
)

func (ints) get(v *value.Vector, i int32) int64              { return v.Ints[i] }
func (ints) set(v *value.Vector, i int32, x int64)           { v.Ints[i] = x }
func (bools) get(v *value.Vector, i int32) bool              { return v.Ints[i] != 0 }
func (bools) set(v *value.Vector, i int32, x bool)           { v.Ints[i] = value.BoolInt(x) }
func (floats) get(v *value.Vector, i int32) float64          { return v.Floats[i] }
func (floats) set(v *value.Vector, i int32, x float64)       { v.Floats[i] = x }
func (strs) get(v *value.Vector, i int32) []byte             { return v.Bytes[i] }
func (strs) set(v *value.Vector, i int32, x []byte)          { v.Bytes[i] = x }
func (nums) get(v *value.Vector, i int32) value.Numeric      { return v.Boxes[i].(value.Numeric) }
func (nums) set(v *value.Vector, i int32, x value.Numeric)   { v.Boxes[i] = x }
func (spans) get(v *value.Vector, i int32) value.Interval    { return v.Boxes[i].(value.Interval) }
func (spans) set(v *value.Vector, i int32, x value.Interval) { v.Boxes[i] = x }
func (arrays) get(v *value.Vector, i int32) *value.Array     { return v.Boxes[i].(*value.Array) }
func (texts) get(v *value.Vector, i int32) string            { return string(v.Bytes[i]) }
func (texts) set(v *value.Vector, i int32, x string)         { v.Bytes[i] = []byte(x) }

// map0 makes a kernel of a function without arguments.
func map0[CR sink[R], R any](f func(*Env) (R, error)) Kernel {
	return func(env *Env, out *value.Vector, _ []*value.Vector, n int, sel []int32) error {
		var cr CR
		for _, i := range all(n, sel) {
			if r, err := f(env); err == nil {
				cr.set(out, i, r)
			} else if err == errNull {
				out.SetNull(int(i))
			} else {
				return err
			}
		}
		return nil
	}
}

// map1 makes a kernel of a function of one argument.
func map1[CA source[A], CR sink[R], A, R any](f func(*Env, A) (R, error)) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		var ca CA
		var cr CR
		for _, i := range all(n, sel) {
			if r, err := f(env, ca.get(args[0], i)); err == nil {
				cr.set(out, i, r)
			} else if err == errNull {
				out.SetNull(int(i))
			} else {
				return err
			}
		}
		return nil
	}
}

// map2 makes a kernel of a function of two arguments.
func map2[CA source[A], CB source[B], CR sink[R], A, B, R any](f func(*Env, A, B) (R, error)) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		var ca CA
		var cb CB
		var cr CR
		for _, i := range all(n, sel) {
			if r, err := f(env, ca.get(args[0], i), cb.get(args[1], i)); err == nil {
				cr.set(out, i, r)
			} else if err == errNull {
				out.SetNull(int(i))
			} else {
				return err
			}
		}
		return nil
	}
}

// map3 makes a kernel of a function of three arguments.
func map3[CA source[A], CB source[B], CC source[C], CR sink[R], A, B, C, R any](f func(*Env, A, B, C) (R, error)) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		var ca CA
		var cb CB
		var cc CC
		var cr CR
		for _, i := range all(n, sel) {
			if r, err := f(env, ca.get(args[0], i), cb.get(args[1], i), cc.get(args[2], i)); err == nil {
				cr.set(out, i, r)
			} else if err == errNull {
				out.SetNull(int(i))
			} else {
				return err
			}
		}
		return nil
	}
}

// rowwise makes a kernel of a function of the values of one row, for functions of any types or of many arguments.
func rowwise(f func(env *Env, args []value.Datum) (value.Datum, error)) Kernel {
	return func(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
		row := make([]value.Datum, len(args))
		for _, i := range all(n, sel) {
			if err := env.Check(); err != nil { // a row may take milliseconds
				return err
			}
			for j, a := range args {
				row[j] = a.Datum(int(i))
			}
			d, err := f(env, row)
			if err == errNull {
				out.SetNull(int(i))
				continue
			}
			if err != nil {
				return err
			}
			out.Set(int(i), d)
		}
		return nil
	}
}

// evalSpread computes a call whose last argument is the array of a VARIADIC parameter, row by row. A null array makes the
// result null.
func (c *Call) evalSpread(env *Env, out *value.Vector, args []*value.Vector, n int, sel []int32) error {
	fixed := len(args) - 1
	for _, i := range all(n, sel) {
		if args[fixed].IsNull(int(i)) {
			out.SetNull(int(i))
			continue
		}
		list := args[fixed].Boxes[i].(*value.Array).Elems
		row := make([]*value.Vector, 0, fixed+list.Len())
		types := make([]*value.Type, 0, cap(row))
		add := func(d value.Datum) {
			row = append(row, value.NewConst(d, 1))
			types = append(types, d.Type)
		}
		for _, a := range args[:fixed] {
			add(a.Datum(int(i)))
		}
		for j := range list.Len() {
			add(list.Datum(j))
		}
		one := &Call{Func: c.Func, Args: types, Ret: c.Ret, kernel: c.Func.Kernel}
		if c.Func.Bind != nil {
			one.kernel = c.Func.Bind(types, c.Ret)
		}
		var result value.Vector
		if err := one.Eval(env, &result, row, 1, nil); err != nil {
			return err
		}
		out.Copy(int(i), &result, 0)
	}
	return nil
}
