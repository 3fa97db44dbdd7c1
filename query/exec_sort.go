package query

import (
	"bytes"
	"cmp"
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

// topMax is the largest LIMIT for which a sort keeps only the best rows while it reads.
const topMax = 100_000

// trimRows is how many rows more than twice the wanted ones a sort gathers before it drops what is not wanted.
const trimRows = 64

// sortOp sorts. Rows that come in the right order already pass through. With a limit it keeps the best rows alone, and
// stops reading as soon as the order of the first keys shows that no later row can be among them.
type sortOp struct {
	x       *execution
	n       *sortNode
	in      operator
	keys    []evaluator
	sorted  int // so many of the first keys are in order already
	kept    int // so many keys of the order wished above begin the keys
	top     int // how many rows are wanted, -1 for all
	rows    *rowStore
	by      [][]byte // sort key of each row of rows
	bytes   int      // reserved for by
	order   []int32
	sortedN int    // rows of rows that order was made of
	worst   []byte // sort key of the last wanted row so far, nil while there are fewer
	sel     []int32
	nearby  []int32 // rows of a batch that near leaves
	key     []byte
	at      int
	done    bool
	out     value.Batch
	vectors []*value.Vector
}

func (x *execution) newSort(n *sortNode, w wish) (*sortOp, error) {
	width := len(n.in.columns())
	op := &sortOp{x: x, n: n, top: -1, rows: newRowStore(x, n.in.columns())}
	exprs := keyExprs(n.keys)
	below := wish{need: needed(width, allOf(w.need, width), exprs), order: columnOrder(n.keys), limit: -1, few: w.few}
	if len(below.order) == 0 { // all rows are read
		below.few = 0
	}
	for op.kept < len(w.order) && op.kept < len(below.order) && w.order[op.kept] == below.order[op.kept] {
		op.kept++
	}
	limited := w.limit >= 0 && op.kept == len(w.order) // else the first rows in the wished order may be any of these
	if limited && len(below.order) == len(n.keys) {
		below.limit = w.limit
	}
	if limited && w.limit <= topMax {
		op.top = int(w.limit)
	}
	in, err := x.operator(n.in, below)
	if err != nil {
		return nil, err
	}
	op.in, op.keys, op.sorted = in, x.compileAll(exprs), min(in.ordered(), len(below.order))
	op.vectors = make([]*value.Vector, len(op.keys))
	return op, nil
}

func (op *sortOp) next() (*value.Batch, error) {
	if op.top == 0 {
		return nil, nil
	}
	if op.sorted == len(op.keys) {
		return op.in.next()
	}
	if err := op.prepare(); err != nil {
		return nil, err
	}
	n := min(value.BatchSize, len(op.order)-op.at)
	if n == 0 {
		return nil, nil
	}
	op.rows.gather(&op.out, op.order[op.at:op.at+n])
	op.at += n
	return &op.out, nil
}

// prepare reads and sorts, once.
func (op *sortOp) prepare() error {
	if op.done {
		return nil
	}
	op.done = true
	return op.read()
}

// mergeable reports whether parts of the rows may be sorted apart: with a limit they come down to few.
func (op *sortOp) mergeable() bool { return op.top > 0 && op.sorted < len(op.keys) }

// merge adds the best rows of another part, which stand behind those of this one.
func (op *sortOp) merge(from *sortOp) error {
	for {
		b, err := from.next()
		if err != nil {
			return err
		}
		if b == nil {
			return op.sort()
		}
		if err := evalAll(op.vectors, op.keys, b); err != nil {
			return err
		}
		if err := op.take(b); err != nil {
			return err
		}
	}
}

func (op *sortOp) input() operator { return op.in }

// read takes all of the input, or as much as is needed, and sorts it.
func (op *sortOp) read() error {
	for {
		b, err := op.in.next()
		if err != nil {
			return err
		}
		if b == nil {
			return op.sort()
		}
		if err := evalAll(op.vectors, op.keys, b); err != nil {
			return err
		}
		if done, err := op.beyond(b); err != nil || done {
			return err
		}
		if err := op.take(b); err != nil {
			return err
		}
	}
}

// beyond reports whether enough rows are there and b begins after the last of them in the order that the input keeps.
func (op *sortOp) beyond(b *value.Batch) (bool, error) {
	if op.top <= 0 || op.sorted == 0 || op.rows.n < op.top {
		return false, nil
	}
	first := 0
	if b.Sel != nil {
		first = int(b.Sel[0])
	}
	prefix := appendSortKey(nil, op.n.keys, op.vectors[:op.sorted], first)
	err := op.sort()
	return err == nil && !bytes.HasPrefix(op.by[op.order[op.top-1]], prefix), err
}

// take adds the rows of b, but those that come after enough others.
func (op *sortOp) take(b *value.Batch) error {
	if b = op.near(b); b == nil {
		return nil
	}
	size := 0
	key := op.key
	op.sel = op.sel[:0]
	rows(b, func(i int) {
		key = appendSortKey(key[:0], op.n.keys, op.vectors, i)
		if op.worst != nil && bytes.Compare(key, op.worst) >= 0 {
			return
		}
		op.sel = append(op.sel, int32(i))
		op.by = append(op.by, bytes.Clone(key))
		size += len(key) + sortedBytes
	})
	op.key = key
	op.bytes += size
	if err := op.x.reserve(size); err != nil {
		return err
	}
	if err := op.rows.add(&value.Batch{N: b.N, Cols: b.Cols, Sel: op.sel}); err != nil {
		return err
	}
	// Once a batch at most. The sooner the last wanted row is known well, the fewer rows are looked at.
	if op.top > 0 && op.rows.n >= 2*op.top+trimRows {
		return op.trim()
	}
	return nil
}

// sortedBytes is what a row takes that is to be sorted, besides its columns and its key.
const sortedBytes = 40

// near leaves of b the rows whose first key alone does not put them after the last wanted row: of many rows few are left, and the
// keys of those alone are made. It returns nil if there are none.
func (op *sortOp) near(b *value.Batch) *value.Batch {
	v, k := op.vectors[0], op.n.keys[0]
	bound, ok := op.bound()
	if !ok || v.Nulls != nil {
		return b
	}
	// Rows are left if key < low or key > high.
	low, high := bound, int64(math.MaxInt64)
	if k.desc {
		low, high = math.MinInt64, bound
	}
	if len(op.n.keys) > 1 { // equal ones are decided by the other keys
		if low == math.MaxInt64 || high == math.MinInt64 {
			return b
		}
		if k.desc {
			high--
		} else {
			low++
		}
	}
	if cap(op.nearby) < b.N {
		op.nearby = make([]int32, max(b.N, value.BatchSize))
	}
	dst, n := op.nearby[:cap(op.nearby)], 0
	if b.Sel == nil {
		for i, x := range v.Ints[:b.N] {
			if x < low || x > high {
				dst[n] = int32(i)
				n++
			}
		}
	} else {
		for _, i := range b.Sel {
			if x := v.Ints[i]; x < low || x > high {
				dst[n] = i
				n++
			}
		}
	}
	if n == 0 {
		return nil
	}
	return &value.Batch{N: b.N, Cols: b.Cols, Sel: dst[:n]}
}

// sort makes order the rows in their order, at most top of them.
func (op *sortOp) sort() error {
	if op.order != nil && op.sortedN == op.rows.n {
		return nil
	}
	op.order, op.sortedN = op.order[:0], op.rows.n
	for i := range op.rows.n {
		op.order = append(op.order, int32(i))
	}
	err := sortRows(op.x, op.order, func(a, b int32) int {
		if c := bytes.Compare(op.by[a], op.by[b]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	if err != nil {
		return err
	}
	if op.top > 0 && len(op.order) >= op.top {
		op.order = op.order[:op.top]
		op.worst = op.by[op.order[op.top-1]]
		op.narrow()
	}
	return nil
}

// trim drops the rows that cannot be among the wanted ones.
func (op *sortOp) trim() error {
	if err := op.sort(); err != nil {
		return err
	}
	kept := newRowStore(op.x, op.n.in.columns())
	var best value.Batch
	op.rows.gather(&best, op.order)
	by := make([][]byte, len(op.order))
	for i, r := range op.order {
		by[i] = op.by[r]
	}
	op.rows.free()
	op.x.release(op.bytes)
	op.by, op.rows, op.bytes, op.order = by, kept, 0, nil
	for _, key := range by {
		op.bytes += len(key) + sortedBytes
	}
	// What was just freed is more than what is taken now.
	if err := op.x.reserve(op.bytes); err != nil {
		panic("query: trimming a sort took memory")
	}
	if err := kept.add(&best); err != nil {
		panic("query: trimming a sort took memory")
	}
	return nil
}

func (op *sortOp) ordered() int { return op.kept }

func (op *sortOp) close() {
	op.in.close()
	op.rows.free()
}

// distinctOp passes the first row of each set of rows that are equal in the keys.
type distinctOp struct {
	n    *distinctNode
	in   operator
	keys []evaluator
	cols []*value.Vector
	seen *rowSet
	out  value.Batch
}

func (x *execution) newDistinct(n *distinctNode, w wish) (operator, error) {
	width := len(n.in.columns())
	in, err := x.operator(n.in, wish{need: needed(width, allOf(w.need, width), n.keys), order: w.order, limit: -1, few: w.few})
	if err != nil {
		return nil, err
	}
	return &distinctOp{n: n, in: in, keys: x.compileAll(n.keys), cols: make([]*value.Vector, len(n.keys)), seen: newRowSet(x)}, nil
}

func (op *distinctOp) next() (*value.Batch, error) {
	for {
		b, err := op.in.next()
		if err != nil || b == nil {
			return nil, err
		}
		if err := evalAll(op.cols, op.keys, b); err != nil {
			return nil, err
		}
		sel, err := op.seen.fresh(b, op.cols)
		if err != nil {
			return nil, err
		}
		if len(sel) > 0 {
			op.out = value.Batch{N: b.N, Cols: b.Cols, Sel: sel}
			return &op.out, nil
		}
	}
}

func (op *distinctOp) ordered() int { return op.in.ordered() }
func (op *distinctOp) close()       { op.in.close() }

// setOp is INTERSECT and EXCEPT.
type setOp struct {
	x      *execution
	n      *setNode
	l      operator
	counts map[string]int // rows of the right side that are not used up, by key; -1 once given out
	key    []byte
	sel    []int32
	out    value.Batch
}

func (x *execution) newSet(n *setNode) (operator, error) {
	l, err := x.operator(n.l, everything)
	return &setOp{x: x, n: n, l: l}, err
}

// countRight reads the right side.
func (op *setOp) countRight() error {
	r, err := op.x.operator(op.n.r, everything)
	if err != nil {
		return err
	}
	defer r.close()
	op.counts = map[string]int{}
	for {
		b, err := r.next()
		if err != nil || b == nil {
			return err
		}
		size := 0
		rows(b, func(i int) {
			op.key = appendRowKey(op.key[:0], b.Cols, i)
			before := len(op.counts)
			if op.counts[string(op.key)]++; len(op.counts) > before {
				size += len(op.key) + 48
			}
		})
		if err := op.x.reserve(size); err != nil {
			return err
		}
	}
}

func (op *setOp) next() (*value.Batch, error) {
	if op.counts == nil {
		if err := op.countRight(); err != nil {
			return nil, err
		}
	}
	for {
		b, err := op.l.next()
		if err != nil || b == nil {
			return nil, err
		}
		op.sel = op.sel[:0]
		size := 0
		rows(b, func(i int) {
			op.key = appendRowKey(op.key[:0], b.Cols, i)
			before := len(op.counts)
			if op.passes(string(op.key)) {
				op.sel = append(op.sel, int32(i))
			}
			size += (len(op.counts) - before) * (len(op.key) + 48)
		})
		if err := op.x.reserve(size); err != nil {
			return nil, err
		}
		if len(op.sel) > 0 {
			op.out = value.Batch{N: b.N, Cols: b.Cols, Sel: op.sel}
			return &op.out, nil
		}
	}
}

// passes decides on a row of the left side by its key.
func (op *setOp) passes(key string) bool {
	n := op.counts[key]
	switch {
	case op.n.all && n > 0:
		op.counts[key] = n - 1
		return !op.n.except
	case op.n.all:
		return op.n.except
	case n < 0 || (n > 0) == op.n.except:
		return false
	}
	op.counts[key] = -1
	return true
}

func (op *setOp) ordered() int { return 0 }
func (op *setOp) close()       { op.l.close() }
