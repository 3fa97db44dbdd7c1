package query

import (
	"github.com/jurat-ledger/jurat/query/value"
)

// A rowStore keeps rows in columns. Columns that nobody needs stay nil, as they come.
type rowStore struct {
	x     *execution
	types []*value.Type
	cols  []*value.Vector
	n     int
	bytes int // reserved for the rows
}

func newRowStore(x *execution, cols []Column) *rowStore {
	s := &rowStore{x: x, cols: make([]*value.Vector, len(cols)), types: make([]*value.Type, len(cols))}
	for i, c := range cols {
		s.types[i] = c.Type
	}
	return s
}

// present reports whether a column of a batch was computed.
func present(v *value.Vector) bool { return v != nil && v.Type != nil }

// add appends the selected rows of b.
func (s *rowStore) add(b *value.Batch) error {
	before := s.n
	rows(b, func(i int) { s.n++ })
	bytes := 0
	for k, c := range b.Cols {
		if !present(c) {
			continue
		}
		if s.cols[k] == nil {
			s.cols[k] = value.NewVector(s.types[k], before)
			bytes += s.cols[k].Footprint()
		}
		v := s.cols[k]
		bytes -= v.Footprint() + v.Taken()
		rows(b, func(i int) {
			v.AppendCopy(c, i)
			bytes += ownBytes(c, i)
		})
		bytes += v.Footprint() + v.Taken()
	}
	s.bytes += bytes
	return s.x.reserve(bytes)
}

// ownBytes is what a value takes that a list of values points to and that is in no memory of the list.
func ownBytes(v *value.Vector, i int) int {
	switch {
	case v.Type.Kind == value.Bytes && len(v.Bytes[i]) >= value.ShortBytes && !v.IsNull(i):
		return len(v.Bytes[i])
	case v.Type.Kind == value.Boxed && !v.IsNull(i):
		return boxSize(v.Boxes[i])
	}
	return 0
}

// sizeOf estimates the memory of a value in bytes.
func sizeOf(v *value.Vector, i int) int {
	switch v.Type.Kind {
	case value.Bytes:
		return 24 + len(v.Bytes[i])
	case value.Boxed:
		if v.IsNull(i) {
			return 16
		}
		return 16 + boxSize(v.Boxes[i])
	}
	return 9
}

const (
	arrayBytes = 288 // an array without its elements, but with the list of them and one dimension
	fieldBytes = 72  // a value.Datum without what it points to
)

// boxSize estimates what a boxed value takes in bytes.
func boxSize(box any) int {
	switch b := box.(type) {
	case *value.Array:
		return arrayBytes + 8*len(b.Dims) + sizeOfPart(b.Elems, 0, b.Elems.Len())
	case value.Numeric:
		return 32 + b.HeapBytes()
	case *value.Record:
		n := 48
		for _, f := range b.Fields {
			if n += fieldBytes + len(f.B); f.X != nil {
				n += boxSize(f.X)
			}
		}
		return n
	}
	return 32
}

// batch makes out up to value.BatchSize rows from row first on, and returns how many.
func (s *rowStore) batch(out *value.Batch, first int) int {
	n := min(value.BatchSize, s.n-first)
	if n <= 0 {
		return 0
	}
	sel := make([]int32, n)
	for i := range sel {
		sel[i] = int32(first + i)
	}
	s.gather(out, sel)
	return n
}

// A rowReader reads the rows of a rowStore in batches.
type rowReader struct {
	rows *rowStore
	at   int
	out  value.Batch
}

// read returns the next batch, nil at the end.
func (r *rowReader) read() *value.Batch {
	n := r.rows.batch(&r.out, r.at)
	r.at += n
	if n == 0 {
		return nil
	}
	return &r.out
}

// A rowSet knows which rows were there before.
type rowSet struct {
	x    *execution
	seen *keyTable
	by   rowKeys
	sel  []int32
}

func newRowSet(x *execution) *rowSet { return &rowSet{x: x, seen: newKeyTable()} }

// fresh returns the rows of b of which no row before was equal in cols, which hold values for the rows of b.
func (s *rowSet) fresh(b *value.Batch, cols []*value.Vector) ([]int32, error) {
	s.sel = s.sel[:0]
	rows(b, func(i int) {
		if _, fresh := s.seen.number(s.by.one(cols, i)); fresh {
			s.sel = append(s.sel, int32(i))
		}
	})
	return s.sel, s.x.reserve(s.seen.more())
}

// gather makes out the rows of sel.
func (s *rowStore) gather(out *value.Batch, sel []int32) {
	*out = value.Batch{N: len(sel), Cols: make([]*value.Vector, len(s.cols))}
	for k, c := range s.cols {
		if c != nil {
			out.Cols[k] = &value.Vector{}
			out.Cols[k].Gather(c, sel)
		}
	}
}

// free gives the reserved memory back.
func (s *rowStore) free() {
	s.x.release(s.bytes)
	*s = rowStore{x: s.x, types: s.types, cols: make([]*value.Vector, len(s.cols))}
}

// appendKey appends a key of value i such that keys compare by bytes as the values do under an ORDER BY. Keys of several
// columns may follow one another.
func appendKey(dst []byte, v *value.Vector, i int, desc, nullsFirst bool) []byte {
	if v.IsNull(i) {
		if nullsFirst {
			return append(dst, 0)
		}
		return append(dst, 2)
	}
	start := len(dst) + 1
	dst = value.AppendSortKey(append(dst, 1), v, i)
	if desc {
		for k := start; k < len(dst); k++ {
			dst[k] ^= 0xff
		}
	}
	return dst
}

// appendSortKey appends the key of row i under an ORDER BY of the first of keys, whose values are in cols.
func appendSortKey(dst []byte, keys []sortKey, cols []*value.Vector, i int) []byte {
	for k, c := range cols {
		dst = appendKey(dst, c, i, keys[k].desc, keys[k].nullsFirst)
	}
	return dst
}

// appendRowKey appends a key that is equal for rows whose columns are equal, nulls being equal to each other.
func appendRowKey(dst []byte, cols []*value.Vector, i int) []byte {
	for _, c := range cols {
		dst = appendKey(dst, c, i, false, false)
	}
	return dst
}
