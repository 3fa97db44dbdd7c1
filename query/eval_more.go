package query

import (
	"bytes"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// coalesceEval gives the first value that is not null.
type coalesceEval struct {
	t    *value.Type
	args []evaluator
	out  value.Vector
	open []int32
}

func (e *coalesceEval) eval(b *value.Batch) (*value.Vector, error) {
	e.out.Reset(e.t, b.N)
	e.open = selection(b, e.open)
	for _, a := range e.args {
		if len(e.open) == 0 {
			break
		}
		v, err := a.eval(&value.Batch{N: b.N, Cols: b.Cols, Sel: e.open})
		if err != nil {
			return nil, err
		}
		still := e.open[:0]
		for _, i := range e.open {
			if v.IsNull(int(i)) {
				still = append(still, i)
			} else {
				e.out.Copy(int(i), v, int(i))
			}
		}
		e.open = still
	}
	for _, i := range e.open {
		e.out.SetNull(int(i))
	}
	return &e.out, nil
}

// testEval is IS [NOT] NULL, TRUE, FALSE, UNKNOWN.
type testEval struct {
	test isTest
	not  bool
	arg  evaluator
	out  value.Vector
}

func (e *testEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := e.arg.eval(b)
	if err != nil {
		return nil, err
	}
	e.out.Reset(value.Bool, b.N)
	rows(b, func(i int) {
		var yes bool
		switch e.test {
		case testNull:
			yes = v.IsNull(i) || allNull(v, i)
			if e.not && !v.IsNull(i) {
				e.out.Ints[i] = value.BoolInt(noneNull(v, i))
				return
			}
		case testUnknown:
			yes = v.IsNull(i)
		case testTrue:
			yes = !v.IsNull(i) && v.Ints[i] != 0
		case testFalse:
			yes = !v.IsNull(i) && v.Ints[i] == 0
		}
		e.out.Ints[i] = value.BoolInt(yes != e.not)
	})
	return &e.out, nil
}

// allNull reports whether value i is a row of nulls alone, which IS NULL accepts.
func allNull(v *value.Vector, i int) bool {
	if v.Type.Kind != value.Boxed {
		return false
	}
	r, ok := v.Boxes[i].(*value.Record)
	for k := 0; ok && k < len(r.Fields); k++ {
		ok = r.Fields[k].Null
	}
	return ok
}

// noneNull reports whether value i, which is not null, is no row with a null in it, which IS NOT NULL refuses.
func noneNull(v *value.Vector, i int) bool {
	if v.Type.Kind != value.Boxed {
		return true
	}
	if r, ok := v.Boxes[i].(*value.Record); ok {
		for _, f := range r.Fields {
			if f.Null {
				return false
			}
		}
	}
	return true
}

// distinctEval is IS [NOT] DISTINCT FROM.
type distinctEval struct {
	x    *execution
	eq   *fn.Call
	not  bool
	l, r evaluator
	same value.Vector
	out  value.Vector
	in   [2]*value.Vector
}

func (e *distinctEval) eval(b *value.Batch) (*value.Vector, error) {
	l, err := e.l.eval(b)
	if err != nil {
		return nil, err
	}
	r, err := e.r.eval(b)
	if err != nil {
		return nil, err
	}
	e.in = [2]*value.Vector{l, r}
	if err := e.eq.Eval(&e.x.env, &e.same, e.in[:], b.N, b.Sel); err != nil {
		return nil, err
	}
	e.out.Reset(value.Bool, b.N)
	rows(b, func(i int) {
		same := l.IsNull(i) && r.IsNull(i) || !l.IsNull(i) && !r.IsNull(i) && e.same.Ints[i] != 0
		e.out.Ints[i] = value.BoolInt(same == e.not)
	})
	return &e.out, nil
}

// quantifiedEval is x op ANY (array) and x op ALL (array).
type quantifiedEval struct {
	x          *execution
	op         *fn.Call
	all        bool
	arg, array evaluator
	out        value.Vector
	set        map[string]bool // sort keys of the elements of a constant array compared by =
	setNull    bool            // it holds a null
}

// setMin is the length from which a constant list is searched by hash.
const setMin = 8

func (e *quantifiedEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := e.arg.eval(b)
	if err != nil {
		return nil, err
	}
	arrays, err := e.array.eval(b)
	if err != nil {
		return nil, err
	}
	e.out.Reset(value.Bool, b.N)
	if e.prepareSet() {
		e.probe(b, v)
		return &e.out, nil
	}
	var failed error
	rows(b, func(i int) {
		if failed != nil {
			return
		}
		if arrays.IsNull(i) {
			e.out.SetNull(i)
			return
		}
		failed = e.row(i, v, arrays.Boxes[i].(*value.Array))
	})
	return &e.out, failed
}

// row compares value i with every element of an array.
func (e *quantifiedEval) row(i int, v *value.Vector, array *value.Array) error {
	n := array.Elems.Len()
	result, unknown := e.all, false
	left := value.NewVector(v.Type, min(n, value.BatchSize))
	for k := range left.Len() {
		left.Copy(k, v, i)
	}
	var answers value.Vector
	for lo := 0; lo < n && result == e.all; lo += value.BatchSize {
		if err := e.x.env.Check(); err != nil {
			return err
		}
		size := min(value.BatchSize, n-lo)
		part := array.Elems
		if lo > 0 || size < n {
			part = slice(array.Elems, lo, size)
		}
		if err := e.op.Eval(&e.x.env, &answers, []*value.Vector{left, part}, size, nil); err != nil {
			return err
		}
		for k := range size {
			switch {
			case answers.IsNull(k):
				unknown = true
			case (answers.Ints[k] != 0) != e.all:
				result = !e.all
			}
		}
	}
	if unknown && result == e.all {
		e.out.SetNull(i)
		return nil
	}
	e.out.Ints[i] = value.BoolInt(result)
	return nil
}

// slice returns n values of v from lo on as a vector.
func slice(v *value.Vector, lo, n int) *value.Vector {
	out := value.NewVector(v.Type, n)
	for k := range n {
		out.Copy(k, v, lo+k)
	}
	return out
}

// prepareSet makes the set of a long constant list that is compared by equality, where equal values have equal keys.
func (e *quantifiedEval) prepareSet() bool {
	c, ok := e.array.(*constEval)
	if s, is := e.array.(*subqueryEval); is && s.got != nil {
		c, ok = s.got, true
	}
	if !ok || e.all || e.op.Func.Name != "=" || c.d.Null || !haveEqualKeys(e.op.Args[0], e.op.Args[1]) {
		return false
	}
	if e.set != nil {
		return true
	}
	elems := c.d.X.(*value.Array).Elems
	if elems.Len() < setMin {
		return false
	}
	e.set = make(map[string]bool, elems.Len())
	var key []byte
	for i := range elems.Len() {
		if elems.IsNull(i) {
			e.setNull = true
			continue
		}
		key = value.AppendSortKey(key[:0], elems, i)
		e.set[string(key)] = true
	}
	return true
}

func (e *quantifiedEval) probe(b *value.Batch, v *value.Vector) {
	var key []byte
	rows(b, func(i int) {
		if v.IsNull(i) {
			e.out.SetNull(i)
			return
		}
		key = value.AppendSortKey(key[:0], v, i)
		found := e.set[string(key)]
		if !found && e.setNull {
			e.out.SetNull(i)
			return
		}
		e.out.Ints[i] = value.BoolInt(found)
	})
}

// arrayEval is ARRAY[…].
type arrayEval struct {
	t     *value.Type
	elems []evaluator
	in    []*value.Vector
	out   value.Vector
}

func (e *arrayEval) eval(b *value.Batch) (*value.Vector, error) {
	if err := evalAll(e.in, e.elems, b); err != nil {
		return nil, err
	}
	e.out.Reset(e.t, b.N)
	var failed error
	rows(b, func(i int) {
		var a *value.Array
		if len(e.in) > 0 && e.in[0].Type.IsArray() {
			a, failed = nest(e.in, i, failed)
		} else {
			elems := value.NewVector(value.MustType(e.t.Elem), len(e.in))
			for k, v := range e.in {
				elems.Copy(k, v, i)
			}
			a = value.NewArray(elems)
		}
		e.out.Boxes[i] = a
	})
	return &e.out, failed
}

// nest makes one array of arrays of the same shape.
func nest(in []*value.Vector, i int, failed error) (*value.Array, error) {
	if failed != nil {
		return nil, failed
	}
	a := &value.Array{Elems: value.NewVector(value.MustType(in[0].Type.Elem), 0)}
	for k, v := range in {
		mismatch := value.Errorf("2202E", "multidimensional arrays must have array expressions with matching dimensions")
		if v.IsNull(i) {
			return nil, mismatch
		}
		part := v.Boxes[i].(*value.Array)
		if k == 0 {
			a.Dims = append([]int32{int32(len(in))}, part.Dims...)
			a.Lower = append([]int32{1}, part.Lower...)
		}
		if len(part.Dims) != len(a.Dims)-1 {
			return nil, mismatch
		}
		for d, n := range part.Dims {
			if n != a.Dims[d+1] {
				return nil, mismatch
			}
		}
		for j := range part.Elems.Len() {
			a.Elems.AppendFrom(part.Elems, j)
		}
	}
	if len(a.Dims) == 1 {
		return &value.Array{Elems: a.Elems}, nil
	}
	return a, nil
}

// subscriptEval is x[i].
type subscriptEval struct {
	t    *value.Type
	arg  evaluator
	subs []evaluator
	out  value.Vector
}

func (e *subscriptEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := e.arg.eval(b)
	if err != nil {
		return nil, err
	}
	subs := make([]*value.Vector, len(e.subs))
	if err := evalAll(subs, e.subs, b); err != nil {
		return nil, err
	}
	e.out.Reset(e.t, b.N)
	rows(b, func(i int) {
		if at, ok := element(v, subs, i); ok {
			e.out.Copy(i, v.Boxes[i].(*value.Array).Elems, at)
		} else {
			e.out.SetNull(i)
		}
	})
	return &e.out, nil
}

// element returns the place of the element that the subscripts name.
func element(v *value.Vector, subs []*value.Vector, i int) (int, bool) {
	if v.IsNull(i) {
		return 0, false
	}
	a := v.Boxes[i].(*value.Array)
	if len(a.Dims) != len(subs) {
		return 0, false
	}
	at := 0
	for d, s := range subs {
		if s.IsNull(i) {
			return 0, false
		}
		k := s.Ints[i] - int64(a.Lower[d])
		if k < 0 || k >= int64(a.Dims[d]) {
			return 0, false
		}
		at = at*int(a.Dims[d]) + int(k)
	}
	return at, true
}

// rowEval is ROW(…).
type rowEval struct {
	t        *value.Type
	names    []string
	nullable bool
	elems    []evaluator
	in       []*value.Vector
	out      value.Vector
}

func (e *rowEval) eval(b *value.Batch) (*value.Vector, error) {
	if err := evalAll(e.in, e.elems, b); err != nil {
		return nil, err
	}
	e.out.Reset(e.t, b.N)
	rows(b, func(i int) {
		r := &value.Record{Names: e.names, Fields: make([]value.Datum, len(e.in))}
		null := e.nullable
		for k, v := range e.in {
			r.Fields[k] = v.Datum(i)
			null = null && v.IsNull(i)
		}
		if e.out.Boxes[i] = r; null {
			e.out.SetNull(i)
		}
	})
	return &e.out, nil
}

// letEval computes x once and then body.
type letEval struct {
	arg, body evaluator
	slot      *slotEval
}

// slotEval gives what its letEval computed last.
type slotEval struct{ v *value.Vector }

func (x *execution) compileLet(e *letExpr) evaluator {
	l := &letEval{arg: x.compile(e.x), slot: &slotEval{}}
	if x.slots == nil {
		x.slots = map[*slotExpr]evaluator{}
	}
	if c, ok := l.arg.(*constEval); ok {
		x.slots[e.slot] = c
		return x.compile(e.body)
	}
	x.slots[e.slot] = l.slot
	l.body = x.compile(e.body)
	return l
}

func (e *letEval) eval(b *value.Batch) (*value.Vector, error) {
	v, err := e.arg.eval(b)
	if err != nil {
		return nil, err
	}
	e.slot.v = v
	return e.body.eval(b)
}

func (e *slotEval) eval(*value.Batch) (*value.Vector, error) { return e.v, nil }

// extremeEval is GREATEST and LEAST.
type extremeEval struct {
	t     *value.Type
	least bool
	args  []evaluator
	in    []*value.Vector
	out   value.Vector
}

func (e *extremeEval) eval(b *value.Batch) (*value.Vector, error) {
	if err := evalAll(e.in, e.args, b); err != nil {
		return nil, err
	}
	e.out.Reset(e.t, b.N)
	var best, key []byte
	rows(b, func(i int) {
		found := false
		for _, v := range e.in {
			if v.IsNull(i) {
				continue
			}
			key = value.AppendSortKey(key[:0], v, i)
			if !found || bytes.Compare(key, best) < 0 == e.least && !bytes.Equal(key, best) {
				e.out.Copy(i, v, i)
				found, best, key = true, key, best
			}
		}
		if !found {
			e.out.SetNull(i)
		}
	})
	return &e.out, nil
}
