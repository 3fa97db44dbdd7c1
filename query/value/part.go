package value

// AppendPart adds the values from to to-1 of src, which has the same kind, at the end.
func (v *Vector) AppendPart(src *Vector, from, to int) {
	before := v.Len()
	switch v.Type.Kind {
	case Int64:
		v.Ints = append(v.Ints, src.Ints[from:to]...)
	case Float64:
		v.Floats = append(v.Floats, src.Floats[from:to]...)
	case Bytes:
		v.Bytes = append(v.Bytes, src.Bytes[from:to]...)
	case Boxed:
		v.Boxes = append(v.Boxes, src.Boxes[from:to]...)
	}
	if v.Nulls == nil && src.Nulls == nil {
		return
	}
	v.needNulls()
	if src.Nulls != nil {
		copy(v.Nulls[before:], src.Nulls[from:to])
	}
}

// CopyPart makes the values at, at+1, … of v the values from to to-1 of src, which has the same kind.
func (v *Vector) CopyPart(at int, src *Vector, from, to int) {
	switch v.Type.Kind {
	case Int64:
		copy(v.Ints[at:], src.Ints[from:to])
	case Float64:
		copy(v.Floats[at:], src.Floats[from:to])
	case Bytes:
		copy(v.Bytes[at:], src.Bytes[from:to])
	case Boxed:
		copy(v.Boxes[at:], src.Boxes[from:to])
	}
	switch {
	case src.Nulls != nil:
		v.needNulls()
		copy(v.Nulls[at:], src.Nulls[from:to])
	case v.Nulls != nil:
		clear(v.Nulls[at : at+to-from])
	}
}

// DropHead takes the first n values away.
func (v *Vector) DropHead(n int) {
	switch v.Type.Kind {
	case Int64:
		v.Ints = v.Ints[:copy(v.Ints, v.Ints[n:])]
	case Float64:
		v.Floats = v.Floats[:copy(v.Floats, v.Floats[n:])]
	case Bytes:
		v.Bytes = dropped(v.Bytes, n)
	case Boxed:
		v.Boxes = dropped(v.Boxes, n)
	}
	if v.Nulls != nil {
		v.Nulls = v.Nulls[:copy(v.Nulls, v.Nulls[n:])]
		v.nullStore = v.Nulls
	}
}

// dropped moves the elements from n on to the front and forgets what the others referred to.
func dropped[T any](s []T, n int) []T {
	kept := copy(s, s[n:])
	clear(s[kept:])
	return s[:kept]
}
