package value

import "sync"

// BatchSize is the largest number of rows the executor puts in a Batch.
const BatchSize = 1024

// A Vector holds values of one type. Exactly one of the four slices is in use, the one of Type.Kind; its length is the
// length of the vector. The zero Vector is ready for Reset.
//
// Memory: the byte strings and boxes of a vector are never overwritten in place, neither by this package nor by kernels:
// a value taken out of a vector stays valid after the vector is reset, unless Recycle was called. Whoever fills Bytes with memory it will
// reuse must give the vector away before.
type Vector struct {
	Type   *Type
	Ints   []int64
	Floats []float64
	Bytes  [][]byte
	Boxes  []any  // of one type each: Numeric, Interval, *Array or *Record
	Nulls  []bool // nil: no value is null. Where true, the slot of the value holds anything

	arena     []byte
	taken     int // by Alloc since Reset
	recycled  bool
	chunks    []*chunk // of a recycled vector, the last one with arena
	nullStore []bool
}

// A chunk is memory for byte strings.
type chunk [16 << 10]byte

// chunks holds *chunk for recycled vectors.
var chunks = sync.Pool{New: func() any { return new(chunk) }}

// A Batch is up to BatchSize rows in columns.
type Batch struct {
	N    int       // rows in the columns
	Cols []*Vector // each at least N long
	Sel  []int32   // the rows that count, ascending; nil for all N
}

// NewVector returns a vector of n values, all zero and none null.
func NewVector(t *Type, n int) *Vector {
	v := &Vector{}
	v.Reset(t, n)
	return v
}

// NewConst returns a vector of n times the same value.
func NewConst(d Datum, n int) *Vector {
	v := NewVector(d.Type, n)
	for i := range n {
		v.Set(i, d)
	}
	return v
}

// Recycle has Reset and Release give what Alloc gave to the vectors that come, so that memory that the processor's caches hold is
// written again. It is for a vector whose values are copied or forgotten before.
func (v *Vector) Recycle() { v.recycled = true }

// Release ends the life of the byte strings of a recycled vector.
func (v *Vector) Release() {
	for i, c := range v.chunks {
		chunks.Put(c)
		v.chunks[i] = nil
	}
	v.chunks, v.arena = v.chunks[:0], nil
}

// Reset makes v a vector of n values of type t, none of them null, and otherwise of unspecified content.
func (v *Vector) Reset(t *Type, n int) {
	if len(v.chunks) > 0 {
		v.Release()
	}
	v.Type, v.Nulls, v.taken = t, nil, 0
	switch t.Kind {
	case Int64:
		v.Ints = resize(v.Ints, n)
	case Float64:
		v.Floats = resize(v.Floats, n)
	case Bytes:
		v.Bytes = resize(v.Bytes, n)
	case Boxed:
		v.Boxes = resize(v.Boxes, n)
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n, max(n, min(2*cap(s), 2*n)))
}

// Len returns the number of values.
func (v *Vector) Len() int {
	switch v.Type.Kind {
	case Int64:
		return len(v.Ints)
	case Float64:
		return len(v.Floats)
	case Bytes:
		return len(v.Bytes)
	default:
		return len(v.Boxes)
	}
}

// IsNull reports whether value i is null.
func (v *Vector) IsNull(i int) bool { return v.Nulls != nil && v.Nulls[i] }

// SetNull makes value i null.
func (v *Vector) SetNull(i int) {
	v.needNulls()
	v.Nulls[i] = true
}

func (v *Vector) needNulls() {
	n := v.Len()
	if v.Nulls == nil {
		v.nullStore = resize(v.nullStore, n)
		clear(v.nullStore)
		v.Nulls = v.nullStore
	}
	for len(v.Nulls) < n {
		v.Nulls = append(v.Nulls, false)
		v.nullStore = v.Nulls
	}
}

// ZeroNulls makes room for nulls and returns v.Nulls with every value marked not null.
func (v *Vector) ZeroNulls() []bool {
	v.Nulls = nil
	v.needNulls()
	return v.Nulls
}

// Alloc returns n bytes of memory, of any content, for a value of v. It comes in chunks shared by values of the vector; long values have
// memory of their own, so that neither one of them takes a chunk nor who keeps one keeps others.
func (v *Vector) Alloc(n int) []byte {
	if n > len(v.arena) {
		switch {
		case n >= 4096, n >= 1024 && !v.recycled:
			v.taken += n
			return make([]byte, n)
		case v.recycled:
			c := chunks.Get().(*chunk)
			v.chunks = append(v.chunks, c)
			v.arena = c[:]
		default:
			v.arena = make([]byte, len(chunk{}))
		}
		v.taken += len(chunk{})
	}
	b := v.arena[:n:n]
	v.arena = v.arena[n:]
	return b
}

// Taken returns the bytes that Alloc has taken since Reset: long values, and chunks that short ones share.
func (v *Vector) Taken() int { return v.taken }

// Footprint returns the bytes of the lists of v, not of what their elements point to.
func (v *Vector) Footprint() int {
	return 8*cap(v.Ints) + 8*cap(v.Floats) + 24*cap(v.Bytes) + 16*cap(v.Boxes) + cap(v.Nulls)
}

// SetBytes sets value i to a copy of b.
func (v *Vector) SetBytes(i int, b []byte) {
	c := v.Alloc(len(b))
	copy(c, b)
	v.Bytes[i] = c
}

// Datum returns value i.
func (v *Vector) Datum(i int) Datum {
	d := Datum{Type: v.Type}
	if v.IsNull(i) {
		d.Null = true
		return d
	}
	switch v.Type.Kind {
	case Int64:
		d.I = v.Ints[i]
	case Float64:
		d.F = v.Floats[i]
	case Bytes:
		d.B = v.Bytes[i]
	case Boxed:
		d.X = v.Boxes[i]
	}
	return d
}

// Set makes d value i. The kind of d's type must be that of v, unless d is null.
func (v *Vector) Set(i int, d Datum) {
	if d.Null {
		v.SetNull(i)
		return
	}
	if d.Type.Kind != v.Type.Kind {
		panic("value: a " + d.Type.Name + " in a vector of " + v.Type.Name)
	}
	if v.Nulls != nil {
		v.Nulls[i] = false
	}
	switch v.Type.Kind {
	case Int64:
		v.Ints[i] = d.I
	case Float64:
		v.Floats[i] = d.F
	case Bytes:
		v.Bytes[i] = d.B
	case Boxed:
		v.Boxes[i] = d.X
	}
}

// Append adds d at the end.
func (v *Vector) Append(d Datum) {
	v.grow()
	v.Set(v.Len()-1, d)
}

// AppendFrom adds value i of w, which has the same kind, at the end.
func (v *Vector) AppendFrom(w *Vector, i int) {
	v.grow()
	n := v.Len() - 1
	if w.IsNull(i) {
		v.SetNull(n)
		return
	}
	switch v.Type.Kind {
	case Int64:
		v.Ints[n] = w.Ints[i]
	case Float64:
		v.Floats[n] = w.Floats[i]
	case Bytes:
		v.Bytes[n] = w.Bytes[i]
	case Boxed:
		v.Boxes[n] = w.Boxes[i]
	}
}

// ShortBytes is the length from which on AppendCopy leaves byte strings where they are: they have memory of their own.
const ShortBytes = 1024

// AppendCopy is AppendFrom, but the value shares no memory with others of w: who keeps it keeps nothing else.
func (v *Vector) AppendCopy(w *Vector, i int) {
	v.AppendFrom(w, i)
	n := v.Len() - 1
	if v.Type.Kind != Bytes || len(v.Bytes[n]) >= ShortBytes || v.IsNull(n) {
		return
	}
	if len(v.Bytes[n]) > len(v.arena) { // the more values, the larger the chunk
		v.arena = make([]byte, min(len(chunk{}), max(ShortBytes/4, len(v.Bytes[n]), v.taken)))
		v.taken += len(v.arena)
	}
	v.SetBytes(n, v.Bytes[n])
}

func (v *Vector) grow() {
	switch v.Type.Kind {
	case Int64:
		v.Ints = append(v.Ints, 0)
	case Float64:
		v.Floats = append(v.Floats, 0)
	case Bytes:
		v.Bytes = append(v.Bytes, nil)
	case Boxed:
		v.Boxes = append(v.Boxes, nil)
	}
	if v.Nulls != nil {
		v.Nulls = append(v.Nulls, false)
		v.nullStore = v.Nulls
	}
}

// Copy makes value i of v that of value j of w, which has the same kind.
func (v *Vector) Copy(i int, w *Vector, j int) {
	if w.IsNull(j) {
		v.SetNull(i)
		return
	}
	if v.Nulls != nil {
		v.Nulls[i] = false
	}
	switch v.Type.Kind {
	case Int64:
		v.Ints[i] = w.Ints[j]
	case Float64:
		v.Floats[i] = w.Floats[j]
	case Bytes:
		v.Bytes[i] = w.Bytes[j]
	case Boxed:
		v.Boxes[i] = w.Boxes[j]
	}
}

// Gather makes v the values of src at the rows of sel.
func (v *Vector) Gather(src *Vector, sel []int32) {
	v.Reset(src.Type, len(sel))
	switch src.Type.Kind {
	case Int64:
		gather(v.Ints, src.Ints, sel)
	case Float64:
		gather(v.Floats, src.Floats, sel)
	case Bytes:
		gather(v.Bytes, src.Bytes, sel)
	case Boxed:
		gather(v.Boxes, src.Boxes, sel)
	}
	if src.Nulls != nil {
		gather(v.ZeroNulls(), src.Nulls, sel)
	}
}

// Head returns a vector of the first n values of v. It shares their memory, and stays as it is when v grows.
func (v *Vector) Head(n int) *Vector { return v.Window(0, n) }

// Window returns a vector of the values from to to-1 of v. It shares their memory, so it must not be Reset, and stays as it
// is when v grows.
func (v *Vector) Window(from, to int) *Vector {
	w := &Vector{Type: v.Type}
	switch v.Type.Kind {
	case Int64:
		w.Ints = v.Ints[from:to:to]
	case Float64:
		w.Floats = v.Floats[from:to:to]
	case Bytes:
		w.Bytes = v.Bytes[from:to:to]
	case Boxed:
		w.Boxes = v.Boxes[from:to:to]
	}
	if v.Nulls != nil {
		w.Nulls = v.Nulls[from:to:to]
	}
	return w
}

// Part returns a vector of the values from lo to hi of v. It shares their memory.
func (v *Vector) Part(lo, hi int) *Vector {
	w := v.Head(hi)
	switch v.Type.Kind {
	case Int64:
		w.Ints = w.Ints[lo:]
	case Float64:
		w.Floats = w.Floats[lo:]
	case Bytes:
		w.Bytes = w.Bytes[lo:]
	case Boxed:
		w.Boxes = w.Boxes[lo:]
	}
	if w.Nulls != nil {
		w.Nulls = w.Nulls[lo:]
	}
	return w
}

func gather[T any](dst, src []T, sel []int32) {
	for i, j := range sel {
		dst[i] = src[j]
	}
}

// A Datum is one value: a parameter, a constant, a setting. Like in a Vector, Type.Kind says which field holds it.
type Datum struct {
	Type *Type
	Null bool
	I    int64
	F    float64
	B    []byte
	X    any
}

// Null returns the null of a type.
func Null(t *Type) Datum { return Datum{Type: t, Null: true} }

// NewBool returns a boolean.
func NewBool(b bool) Datum { return Datum{Type: Bool, I: BoolInt(b)} }

// BoolInt returns 1 for true and 0 for false: how vectors hold booleans.
func BoolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// NewInt returns a value of a type of kind Int64.
func NewInt(t *Type, i int64) Datum { return Datum{Type: t, I: i} }

// NewFloat returns a value of type float4 or float8.
func NewFloat(t *Type, f float64) Datum { return Datum{Type: t, F: f} }

// NewText returns a text.
func NewText(s string) Datum { return Datum{Type: Text, B: []byte(s)} }

// NewBytes returns a value of a type of kind Bytes. It keeps b.
func NewBytes(t *Type, b []byte) Datum { return Datum{Type: t, B: b} }

// NewBox returns a value of a type of kind Boxed: x is a Numeric, an Interval, an *Array or a *Record.
func NewBox(t *Type, x any) Datum { return Datum{Type: t, X: x} }

// Bool reports whether d, a boolean, is true; null is not.
func (d Datum) Bool() bool { return !d.Null && d.I != 0 }

// An Array is a value of an array type. Elements stand in row-major order.
type Array struct {
	Dims  []int32 // lengths of the dimensions; none in the empty array
	Lower []int32 // lower bounds, one a dimension; usually 1
	Elems *Vector // of the element type; shared, never changed
}

// NewArray returns the one-dimensional array of the values of elems, whose lower bound is 1. It keeps elems.
func NewArray(elems *Vector) *Array {
	if elems.Len() == 0 {
		return &Array{Elems: elems}
	}
	return &Array{Dims: []int32{int32(elems.Len())}, Lower: []int32{1}, Elems: elems}
}

// ArrayOf returns the datum of NewArray(elems), whose type is the array type of elems' type.
func ArrayOf(elems *Vector) Datum { return NewBox(MustType(elems.Type.Array), NewArray(elems)) }

// A Record is a row value.
type Record struct {
	Fields []Datum
	Names  []string // of the columns, where known; else nil
}

// An Interval is a span of time whose three parts do not convert into each other.
type Interval struct {
	Months int32
	Days   int32
	Micros int64
}
