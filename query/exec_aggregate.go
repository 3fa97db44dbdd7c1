package query

import (
	"bytes"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// aggregateOp groups rows by hash and runs the aggregates over the groups.
type aggregateOp struct {
	x      *execution
	n      *aggregateNode
	in     operator
	groups []evaluator
	keys   []*value.Vector // of the batch at hand
	ints   *intTable       // numbers of a single key of an integer kind
	byInt  []int32         // group of each number of ints
	index  *keyTable       // where ints is nil
	by     rowKeys
	store  *rowStore // one row a group: its keys
	count  int       // of groups
	only   *pass     // whose rows alone are grouped, nil for all
	kept   []int32   // of the batch, those rows
	null   int32     // group of the null key where ints is in use, -1 for none
	of     []int32   // group of each row of the batch
	single bool      // all rows of the batch are in one group
	fresh  []int32   // rows of the batch that are the first of their groups
	aggs   []*aggregation
	done   bool
	at     int
	out    value.Batch
}

// aggregation is one aggregate of an aggregateOp.
type aggregation struct {
	x       *execution
	e       *aggregateExpr
	run     *fn.Aggregation
	args    []evaluator
	in      []*value.Vector
	filter  evaluator
	seen    *keyTable // of DISTINCT: group and arguments
	sel     []int32
	buf     []int32
	order   *orderedRows // with an order alone
	key     []byte
	longest map[int32]int // bytes reserved for the longest argument of a group, of those that reserveLargest counts
}

func (x *execution) newAggregate(n *aggregateNode) (*aggregateOp, error) {
	var exprs []expr
	for _, a := range n.aggs {
		exprs = append(exprs, children(a)...)
	}
	in, err := x.operator(n.in, wish{need: needed(len(n.in.columns()), nil, n.groups, exprs), limit: -1})
	if err != nil {
		return nil, err
	}
	op := &aggregateOp{x: x, n: n, in: in, groups: x.compileAll(n.groups), null: -1}
	op.keys = make([]*value.Vector, len(n.groups))
	op.store = newRowStore(x, n.cols[:len(n.groups)])
	if len(n.groups) == 1 && n.groups[0].typ().Kind == value.Int64 {
		op.ints = newIntTable()
	} else {
		op.index = newKeyTable()
	}
	for _, a := range n.aggs {
		g := &aggregation{x: x, e: a, run: a.call.Aggregate(), args: x.compileAll(a.args)}
		g.in = make([]*value.Vector, len(a.args))
		if a.filter != nil {
			g.filter = x.compile(a.filter)
		}
		if a.distinct {
			g.seen = newKeyTable()
		}
		if len(a.order) > 0 {
			g.order = x.newOrderedRows(a, g.args)
		}
		op.aggs = append(op.aggs, g)
	}
	return op, nil
}

func (op *aggregateOp) next() (*value.Batch, error) {
	if err := op.prepare(); err != nil {
		return nil, err
	}
	n := min(value.BatchSize, op.count-op.at)
	if n == 0 {
		return nil, nil
	}
	if len(op.groups) > 0 {
		op.store.batch(&op.out, op.at)
	} else {
		op.out = value.Batch{N: n}
	}
	for _, g := range op.aggs {
		v := &value.Vector{}
		if err := g.run.Final(&op.x.env, v, op.at, n); err != nil {
			return nil, err
		}
		op.out.Cols = append(op.out.Cols, v)
	}
	op.at += n
	return &op.out, nil
}

// prepare reads all of the input, once.
func (op *aggregateOp) prepare() error {
	if op.done {
		return nil
	}
	op.done = true
	return op.read()
}

// mergeable reports whether parts of the rows may be aggregated apart.
func (op *aggregateOp) mergeable() bool {
	for _, g := range op.aggs {
		if g.seen != nil || g.order != nil || !g.run.Mergeable() || g.filter != nil && !forkable(g.e.filter) {
			return false
		}
		for _, a := range g.e.args {
			if !forkable(a) {
				return false
			}
		}
	}
	return !slices.ContainsFunc(op.n.groups, func(e expr) bool { return !forkable(e) })
}

// merge adds the groups of another part, which stands behind this one.
func (op *aggregateOp) merge(from *aggregateOp) error {
	to := make([]int32, from.count)
	if len(op.groups) > 0 {
		var b value.Batch
		op.of = make([]int32, value.BatchSize)
		for at := 0; at < from.count; at += b.N {
			from.store.batch(&b, at)
			copy(op.keys, b.Cols)
			if err := op.assign(&b); err != nil {
				return err
			}
			copy(to[at:], op.of[:b.N])
		}
	}
	for i, g := range op.aggs {
		g.run.Grow(op.count)
		g.run.Merge(from.aggs[i].run, to)
	}
	return nil
}

func (op *aggregateOp) input() operator { return op.in }

// read takes all of the input.
func (op *aggregateOp) read() error {
	if len(op.groups) == 0 {
		op.count = 1
	}
	for {
		b, err := op.in.next()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := op.step(b); err != nil {
			return err
		}
	}
	for _, g := range op.aggs {
		g.run.Grow(op.count)
		if g.order == nil {
			continue
		}
		err := g.order.each(func(b *value.Batch, of []int32) error {
			g.in = b.Cols
			return g.take(b, of, false)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (op *aggregateOp) step(b *value.Batch) error {
	if err := evalAll(op.keys, op.groups, b); err != nil {
		return err
	}
	if op.only != nil {
		if b = op.ofPass(b); len(b.Sel) == 0 {
			return nil
		}
	}
	if cap(op.of) < b.N {
		op.of = make([]int32, max(b.N, value.BatchSize))
	}
	op.of = op.of[:b.N]
	if op.single = true; len(op.groups) > 0 {
		if err := op.assign(b); err != nil {
			return err
		}
	}
	for _, g := range op.aggs {
		g.run.Grow(op.count)
		if err := g.step(b, op.of, op.single); err != nil {
			return err
		}
	}
	return nil
}

// assign finds the group of each row of b, making groups as needed. Rows mostly stand near others of their group, so a row is
// compared with the one before it first.
func (op *aggregateOp) assign(b *value.Batch) error {
	op.fresh = op.fresh[:0]
	if len(op.keys) == 1 && op.ints != nil && op.keys[0].Nulls == nil {
		op.assignInts(b)
	} else {
		op.assignRows(b)
	}
	if len(op.fresh) == 0 {
		return nil
	}
	if err := op.store.add(&value.Batch{N: b.N, Cols: op.keys, Sel: op.fresh}); err != nil {
		return err
	}
	size := len(op.fresh) * 64 * len(op.aggs)
	if op.index != nil {
		return op.x.reserve(size + op.index.more())
	}
	return op.x.reserve(size + len(op.fresh)*64)
}

// add makes a group whose first row is i.
func (op *aggregateOp) add(i int) int32 {
	op.fresh = append(op.fresh, int32(i))
	op.count++
	return int32(op.count - 1)
}

// assignInts is assign for a single key of an integer kind without nulls.
func (op *aggregateOp) assignInts(b *value.Batch) {
	ints, of := op.keys[0].Ints, op.of
	if b.Sel == nil {
		if g := op.intGroup(0); allEqual(ints[:b.N]) {
			for i := range of[:b.N] {
				of[i] = g
			}
			op.single = true
			return
		}
		op.single = false
		for i := range of[:b.N] {
			if i > 0 && ints[i] == ints[i-1] {
				of[i] = of[i-1]
			} else {
				of[i] = op.intGroup(i)
			}
		}
		return
	}
	op.single = true
	last := b.Sel[0]
	of[last] = op.intGroup(int(last))
	for _, i := range b.Sel[1:] {
		if ints[i] == ints[last] {
			of[i] = of[last]
		} else {
			of[i] = op.intGroup(int(i))
			op.single = false
		}
		last = i
	}
}

// allEqual reports whether all numbers are the same.
func allEqual(list []int64) bool {
	first, differ := list[0], int64(0)
	for _, x := range list {
		differ |= x ^ first
	}
	return differ == 0
}

// intGroup returns the group of the integer key of row i, which is not null.
func (op *aggregateOp) intGroup(i int) int32 {
	n, fresh := op.ints.number(op.keys[0].Ints[i])
	if fresh {
		op.byInt = append(op.byInt, op.add(i))
	}
	return op.byInt[n]
}

// assignRows is assign for keys of any number and type.
func (op *aggregateOp) assignRows(b *value.Batch) {
	op.single = true
	last := -1
	rows(b, func(i int) {
		switch {
		case last >= 0 && sameKeys(op.keys, i, last):
			op.of[i] = op.of[last]
		case op.ints != nil:
			op.of[i] = op.assignInt(i)
		default:
			op.of[i] = op.assignRow(i)
		}
		op.single = op.single && (last < 0 || op.of[i] == op.of[last])
		last = i
	})
}

// sameKeys reports that rows i and j have the same keys. It may miss some that are equal but not the same.
func sameKeys(keys []*value.Vector, i, j int) bool {
	for _, v := range keys {
		switch {
		case v.Nulls != nil && (v.Nulls[i] || v.Nulls[j]):
			return false
		case v.Type.Kind == value.Int64 && v.Ints[i] != v.Ints[j], v.Type.Kind == value.Bytes && !bytes.Equal(v.Bytes[i], v.Bytes[j]),
			v.Type.Kind == value.Boxed && v.Boxes[i] != v.Boxes[j], v.Type.Kind == value.Float64:
			return false
		}
	}
	return true
}

func (op *aggregateOp) assignRow(i int) int32 {
	g, fresh := op.index.number(op.by.one(op.keys, i))
	if fresh {
		op.add(i)
	}
	return g
}

func (op *aggregateOp) assignInt(i int) int32 {
	if op.keys[0].IsNull(i) {
		if op.null < 0 {
			op.null = op.add(i)
		}
		return op.null
	}
	return op.intGroup(i)
}

func (op *aggregateOp) ordered() int { return 0 }

func (op *aggregateOp) close() {
	op.in.close()
	op.store.free()
}

// step adds the rows of b, whose groups are of, to the aggregate; single says that all are in one group.
func (g *aggregation) step(b *value.Batch, of []int32, single bool) error {
	in := *b
	if g.filter != nil {
		out, err := filterBatch(&in, b, []evaluator{g.filter}, &g.buf)
		if err != nil || out == nil {
			return err
		}
	}
	if err := evalAll(g.in, g.args, &in); err != nil {
		return err
	}
	if g.seen != nil {
		if err := g.distinct(&in, of); err != nil {
			return err
		}
	}
	if g.order != nil {
		return g.order.keep(&in, of, g.in)
	}
	return g.take(&in, of, single)
}

// take gives the aggregate the rows of in.
func (g *aggregation) take(in *value.Batch, of []int32, single bool) error {
	if gathersRows(g.e.call.Func.Name) {
		size, kept := 0, g.in
		if g.e.call.Func.OrderedSet { // which keeps a direct argument once
			kept = kept[len(kept)-1:]
		}
		for _, v := range kept {
			rows(in, func(i int) { size += sizeOf(v, i) })
		}
		if err := g.x.reserve(size); err != nil {
			return err
		}
	}
	if err := g.reserveLargest(in, of); err != nil {
		return err
	}
	if single {
		return g.run.StepGroup(&g.x.env, of, g.in, in.N, in.Sel)
	}
	return g.run.Step(&g.x.env, of, g.in, in.N, in.Sel)
}

// gathersRows reports whether the state of an aggregate grows with the rows.
func gathersRows(name string) bool {
	switch name {
	case "count", "sum", "min", "max", "avg", "bool_and", "bool_or", "every":
		return false
	}
	return true
}

// reserveLargest reserves what aggregates keep of long texts and numbers that do not grow with the rows: for each group as much as its
// longest argument.
func (g *aggregation) reserveLargest(in *value.Batch, of []int32) error {
	if len(g.in) != 1 || isWord(g.in[0].Type) || gathersRows(g.e.call.Func.Name) || g.e.call.Func.Name == "count" {
		return nil
	}
	size := 0
	rows(in, func(i int) {
		n := sizeOf(g.in[0], i)
		if n <= shortState {
			return
		}
		if group := of[i]; n > g.longest[group] {
			if g.longest == nil {
				g.longest = map[int32]int{}
			}
			size += n - g.longest[group]
			g.longest[group] = n
		}
	})
	return g.x.reserve(size)
}

// shortState is how many bytes of an argument are in what a group takes anyway.
const shortState = 64

// distinct leaves the rows whose arguments their group has not seen.
func (g *aggregation) distinct(in *value.Batch, of []int32) error {
	g.sel = g.sel[:0]
	rows(in, func(i int) {
		group := of[i]
		g.key = append(g.key[:0], byte(group), byte(group>>8), byte(group>>16), byte(group>>24))
		g.key = appendRowKey(g.key, g.in, i)
		if _, fresh := g.seen.number(g.key, hashKey(g.key)); fresh {
			g.sel = append(g.sel, int32(i))
		}
	})
	in.Sel = g.sel
	return g.x.reserve(g.seen.more())
}
