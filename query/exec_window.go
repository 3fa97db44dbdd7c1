package query

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// windowOp computes window functions. It keeps the rows of its input, with the values that the functions are given beside
// them, and gives them in the order of partitions and of the window. Where they come in that order already, and the functions
// do not look at whole partitions, a streamOp takes its place.
type windowOp struct {
	x      *execution
	n      *windowNode
	in     operator
	by     []sortKey // partition and order
	keys   []evaluator
	parts  int // so many of by are the partition
	extra  []evaluator
	vecs   []*value.Vector // of keys
	width  int             // columns of the input
	calls  []*windowCall
	rows   *rowStore     // input and extra columns
	chunks [][]windowRow // of the batches that were read, until they are sorted
	ends   []int         // of the keys of a batch
	sorted []windowRow
	bytes  int // reserved for sorted
	done   bool
	at     int // rows of sorted given out
	part   partition
	out    value.Batch
}

// windowRow is a row of rows with its sort key, of which the first prefix bytes are the partition.
type windowRow struct {
	key    []byte
	prefix int
	row    int32
}

// windowRowBytes is the memory of a windowRow besides its key.
const windowRowBytes = 40

// partition is the rows of one partition in order.
type partition struct {
	first int // in windowOp.sorted
	n     int
	peer  []int32         // number of the peer group of each row
	start []int32         // first row of each peer group, and n at the end
	cols  []*value.Vector // extra columns

	// A streamOp keeps some rows only. Rows and groups are counted from the first one kept; a group may start before it.
	open   bool // more rows may follow
	base   int  // rows before the first one kept
	groups int  // groups of peers before the first one kept
}

func (p *partition) peerStart(i int) int { return int(p.start[p.peer[i]]) }
func (p *partition) peerEnd(i int) int   { return int(p.start[p.peer[i]+1]) }

func (x *execution) newWindow(n *windowNode, w wish) (operator, error) {
	op := &windowOp{x: x, n: n, width: len(n.in.columns()), parts: len(n.partition)}
	for _, e := range n.partition {
		op.by = append(op.by, sortKey{x: e})
	}
	op.by = append(op.by, n.order...)
	cols := slices.Clone(n.in.columns())
	var used []expr
	for _, e := range n.calls {
		c, err := x.windowCall(e, func(arg expr) int {
			used = append(used, arg)
			cols = append(cols, Column{Type: arg.typ()})
			return len(used) - 1
		})
		if err != nil {
			return nil, err
		}
		op.calls = append(op.calls, c)
	}
	kept := allOf(w.need, len(n.cols))[:op.width]
	below := windowOrder(op.by, w.order, op.width)
	in, err := x.operator(n.in, wish{need: needed(op.width, kept, used, keyExprs(op.by)), order: below, limit: -1, few: w.few})
	if err != nil {
		return nil, err
	}
	op.in, op.extra, op.keys = in, x.compileAll(used), x.compileAll(keyExprs(op.by))
	if s := op.stream(kept, w.order, below); s != nil {
		return s, nil
	}
	op.vecs, op.rows = make([]*value.Vector, len(op.keys)), newRowStore(x, cols)
	return op, nil
}

// columnOrder returns the order of keys, up to the first that is no column.
func columnOrder(keys []sortKey) (order []OrderKey) {
	for _, k := range keys {
		c, ok := k.x.(*columnExpr)
		if !ok {
			break
		}
		order = append(order, OrderKey{Column: c.index, Desc: k.desc, NullsFirst: k.nullsFirst})
	}
	return order
}

// windowOrder returns the order that a window would have its input in: that of by, and on as it is wished above if that begins
// with it. It is shorter than by if that is not by columns.
func windowOrder(by []sortKey, wished []OrderKey, width int) (order []OrderKey) {
	order = columnOrder(by)
	if len(order) < len(by) || len(wished) < len(order) || !slices.Equal(wished[:len(order)], order) {
		return order
	}
	for _, k := range wished[len(order):] {
		if k.Column >= width {
			break
		}
		order = append(order, k)
	}
	return order
}

func (op *windowOp) next() (*value.Batch, error) {
	if !op.done {
		if err := op.read(); err != nil {
			return nil, err
		}
		op.done = true
	}
	if err := op.x.check(); err != nil {
		return nil, err
	}
	if op.at == op.part.first+op.part.n {
		if op.at == len(op.sorted) {
			return nil, nil
		}
		if err := op.enter(); err != nil {
			return nil, err
		}
	}
	from := op.at - op.part.first
	to := min(from+value.BatchSize, op.part.n)
	sel := make([]int32, to-from)
	for i := range sel {
		sel[i] = op.sorted[op.at+i].row
	}
	op.out = value.Batch{N: len(sel), Cols: make([]*value.Vector, op.width)}
	for k := range op.width {
		op.out.Cols[k] = gathered(op.rows.cols[k], sel)
	}
	for _, c := range op.calls {
		v := value.NewVector(c.e.typ(), len(sel))
		if err := c.compute(&op.part, v, from, to); err != nil {
			return nil, err
		}
		op.out.Cols = append(op.out.Cols, v)
	}
	op.at += len(sel)
	return &op.out, nil
}

// read takes all of the input and sorts it.
func (op *windowOp) read() error {
	for {
		b, err := op.in.next()
		if err != nil {
			return err
		}
		if b == nil {
			return op.sort()
		}
		if err := op.take(b); err != nil {
			return err
		}
	}
}

// take adds the rows of b.
func (op *windowOp) take(b *value.Batch) error {
	if err := evalAll(op.vecs, op.keys, b); err != nil {
		return err
	}
	all := value.Batch{N: b.N, Sel: b.Sel, Cols: make([]*value.Vector, op.width+len(op.extra))}
	copy(all.Cols, b.Cols)
	if err := evalAll(all.Cols[op.width:], op.extra, b); err != nil {
		return err
	}
	chunk, size := op.keyed(b)
	op.chunks = append(op.chunks, chunk)
	op.bytes += size
	if err := op.x.reserve(size); err != nil {
		return err
	}
	return op.rows.add(&all)
}

// keyed returns the rows of b with their keys, which stand one after the other in one piece of memory, and the bytes of both.
func (op *windowOp) keyed(b *value.Batch) (chunk []windowRow, size int) {
	n := countRows(b)
	chunk = make([]windowRow, 0, n)
	keys := make([]byte, 0, n*9*len(op.vecs)) // that of a number is 9 bytes
	op.ends = op.ends[:0]
	rows(b, func(i int) {
		r, start := windowRow{row: int32(op.rows.n + len(chunk))}, len(keys)
		keys = appendSortKey(keys, op.by, op.vecs[:op.parts], i)
		r.prefix = len(keys) - start
		keys = appendSortKey(keys, op.by[op.parts:], op.vecs[op.parts:], i)
		chunk, op.ends = append(chunk, r), append(op.ends, len(keys))
	})
	start := 0
	for i, end := range op.ends {
		chunk[i].key = keys[start:end:end]
		start = end
	}
	return chunk, cap(keys) + 2*windowRowBytes*n // twice, for sort puts the chunks together
}

// sort orders the rows, those with equal keys as they came.
func (op *windowOp) sort() error {
	op.sorted = slices.Concat(op.chunks...)
	op.chunks = nil
	op.bytes -= windowRowBytes * len(op.sorted)
	op.x.release(windowRowBytes * len(op.sorted))
	return sortRows(op.x, op.sorted, func(a, b windowRow) int {
		if c := bytes.Compare(a.key, b.key); c != 0 {
			return c
		}
		return cmp.Compare(a.row, b.row)
	})
}

// enter makes the partition that begins at op.at the one at hand.
func (op *windowOp) enter() error {
	first := op.sorted[op.at]
	p := partition{first: op.at}
	var last []byte
	for _, r := range op.sorted[op.at:] {
		if r.prefix != first.prefix || !bytes.Equal(r.key[:r.prefix], first.key[:first.prefix]) {
			break
		}
		if p.n == 0 || !bytes.Equal(last, r.key) {
			p.start = append(p.start, int32(p.n))
			last = r.key
		}
		p.peer = append(p.peer, int32(len(p.start)-1))
		p.n++
	}
	p.start = append(p.start, int32(p.n))
	sel := make([]int32, p.n)
	for i := range sel {
		sel[i] = op.sorted[p.first+i].row
	}
	for _, c := range op.rows.cols[op.width:] {
		p.cols = append(p.cols, gathered(c, sel))
	}
	op.x.release(op.part.size())
	op.part = p
	if err := op.x.reserve(p.size()); err != nil {
		return err
	}
	for _, c := range op.calls {
		if err := c.enter(&op.part); err != nil {
			return err
		}
	}
	return nil
}

// size is the memory of a partition besides the rows.
func (p *partition) size() int { return p.n * (8 + 24*len(p.cols)) }

func (op *windowOp) ordered() int { return 0 }

func (op *windowOp) close() {
	op.in.close()
	for _, c := range op.calls {
		op.x.release(c.held + c.shown)
		c.held, c.shown = 0, 0
	}
	op.x.release(op.part.size() + op.bytes)
	op.rows.free()
	op.chunks, op.sorted, op.part, op.bytes, op.at, op.done = nil, nil, partition{}, 0, 0, true
}

// sortRows sorts and looks for cancelling while it does.
func sortRows[T any](x *execution, list []T, compare func(a, b T) int) (err error) {
	type canceled struct{ err error }
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(canceled)
			if !ok {
				panic(r)
			}
			err = c.err
		}
	}()
	n := 0
	slices.SortFunc(list, func(a, b T) int {
		if n++; n&0xfff == 0 {
			if err := x.check(); err != nil {
				panic(canceled{err}) // nothing else ends a sort of package slices
			}
		}
		return compare(a, b)
	})
	return nil
}
