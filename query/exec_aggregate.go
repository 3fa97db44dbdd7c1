package query

import (
	"bytes"
	"slices"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/value"
)

// aggregateOp groups rows by hash and runs the aggregates over the groups, for each grouping set apart.
type aggregateOp struct {
	x      *execution
	n      *aggregateNode
	in     operator
	groups []evaluator
	keys   []*value.Vector // of the batch at hand
	sets   []*groupSet     // those with more keys first
	only   *pass           // whose groups alone are made, nil for all
	done   bool            // all of the input was read
	given  bool            // sets were completed, and rows may have been given
	set    int             // the next row is of
	at     int             // and its number there
	out    value.Batch
}

// A groupSet holds the groups of one grouping set.
type groupSet struct {
	x      *execution
	number int             // of the set in the query
	cols   []int           // numbers of its keys
	merged bool            // its groups are made of those of a set before it, not of the rows
	keys   []*value.Vector // of the batch at hand
	ints   *intTable       // numbers of a single key of an integer kind
	byInt  []int32         // group of each number of ints
	index  *keyTable       // where ints is nil
	store  *rowStore       // one row a group: its keys
	count  int             // of groups
	null   int32           // group of the null key where ints is in use, -1 for none
	aggs   []*aggregation
	*assignment
}

// An assignment is of the rows of a batch to the groups of a set. The sets share the memory of one.
type assignment struct {
	by     rowKeys
	hashed bool    // by has the keys of all rows
	kept   []int32 // rows of the pass
	of     []int32 // group of each row
	single bool    // all rows are in one group
	fresh  []int32 // rows that are the first of their groups
}

// aggregation is one aggregate of a groupSet.
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

// setBytes is about what a grouping set takes without any group, and again each aggregate of it.
const setBytes = 512

// newAggregate makes the operator that groups all rows, or makes the groups of one pass.
func (x *execution) newAggregate(n *aggregateNode, only *pass) (*aggregateOp, error) {
	if err := x.reserve(len(n.sets) * setBytes * (1 + len(n.aggs))); err != nil {
		return nil, err
	}
	var exprs []expr
	for _, a := range n.aggs {
		exprs = append(exprs, children(a)...)
	}
	in, err := x.operator(n.in, wish{need: needed(len(n.in.columns()), nil, n.groups, exprs), limit: -1})
	if err != nil {
		return nil, err
	}
	op := &aggregateOp{x: x, n: n, in: in, groups: x.compileAll(n.groups), sets: x.newGroupSets(n, only), only: only}
	op.keys = make([]*value.Vector, len(n.groups))
	return op, nil
}

// prepare makes the tables and aggregates of a set.
func (s *groupSet) prepare(n *aggregateNode) {
	x := s.x
	var kept []Column
	for _, k := range s.cols {
		kept = append(kept, n.cols[k])
	}
	s.store = newRowStore(x, kept)
	if len(kept) == 1 && kept[0].Type.Kind == value.Int64 {
		s.ints = newIntTable()
	} else {
		s.index = newKeyTable()
	}
	for _, a := range n.aggs {
		g := &aggregation{x: x, e: a, run: a.call.Aggregate()}
		s.aggs = append(s.aggs, g)
		if s.merged {
			continue
		}
		g.args, g.in = x.compileAll(a.args), make([]*value.Vector, len(a.args))
		if a.filter != nil {
			g.filter = x.compile(a.filter)
		}
		if a.distinct {
			g.seen = newKeyTable()
		}
		if len(a.order) > 0 {
			g.order = x.newOrderedRows(a, g.args)
		}
	}
}

func (op *aggregateOp) next() (*value.Batch, error) {
	if err := op.prepare(); err != nil {
		return nil, err
	}
	if !op.given {
		op.given = true
		if err := op.mergeSets(); err != nil {
			return nil, err
		}
	}
	for ; op.set < len(op.sets); op.set, op.at = op.set+1, 0 {
		s := op.sets[op.set]
		if n := min(value.BatchSize, s.count-op.at); n > 0 {
			return op.give(s, n)
		}
	}
	return nil, nil
}

// give returns the next n groups of a set.
func (op *aggregateOp) give(s *groupSet, n int) (*value.Batch, error) {
	op.out = value.Batch{N: n}
	if len(s.cols) > 0 {
		s.store.batch(&op.out, op.at)
	}
	if op.n.sets != nil {
		op.out.Cols = op.spread(s, op.out.Cols, n)
	}
	for _, g := range s.aggs {
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
	for _, g := range op.sets[0].aggs {
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
	for i, s := range op.sets {
		if s.merged {
			continue
		}
		if err := s.merge(from.sets[i]); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the groups of another set that has all keys of this one.
func (s *groupSet) merge(from *groupSet) error {
	size := 4 * from.count
	if err := s.x.reserve(size); err != nil {
		return err
	}
	defer s.x.release(size)
	to := make([]int32, from.count)
	if len(s.cols) > 0 {
		var b value.Batch
		for at := 0; at < from.count; at += b.N {
			if err := s.x.check(); err != nil {
				return err
			}
			from.store.batch(&b, at)
			s.size(b.N)
			for i, k := range s.cols {
				s.keys[i] = b.Cols[slices.Index(from.cols, k)]
			}
			if err := s.assign(&b); err != nil {
				return err
			}
			copy(to[at:], s.of)
		}
	}
	for i, g := range s.aggs {
		g.run.Grow(s.count)
		g.run.Merge(from.aggs[i].run, to)
		more := 0
		for group, n := range from.aggs[i].longest {
			more += g.longer(to[group], n)
		}
		if err := s.x.reserve(more); err != nil {
			return err
		}
	}
	return nil
}

func (op *aggregateOp) input() operator { return op.in }

// read takes all of the input.
func (op *aggregateOp) read() error {
	fed := slices.DeleteFunc(slices.Clone(op.sets), func(s *groupSet) bool { return s.merged })
	for {
		b, err := op.in.next()
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
		if err := evalAll(op.keys, op.groups, b); err != nil {
			return err
		}
		for _, s := range fed {
			for i, k := range s.cols {
				s.keys[i] = op.keys[k]
			}
			if err := s.step(b, op.only); err != nil {
				return err
			}
		}
	}
	for _, s := range fed {
		for _, g := range s.aggs {
			g.run.Grow(s.count)
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
	}
	return nil
}

// step adds the rows of b, whose keys are there, or those of a pass alone.
func (s *groupSet) step(b *value.Batch, only *pass) error {
	if s.hashed = only != nil; s.hashed {
		if b = s.ofPass(b, only); len(b.Sel) == 0 {
			return nil
		}
	}
	s.size(b.N)
	if len(s.cols) == 0 {
		clear(s.of)
		s.count, s.single = 1, true
	} else if err := s.assign(b); err != nil {
		return err
	}
	for _, g := range s.aggs {
		g.run.Grow(s.count)
		if err := g.step(b, s.of, s.single); err != nil {
			return err
		}
	}
	return nil
}

// size makes room for the groups of n rows.
func (a *assignment) size(n int) {
	if cap(a.of) < n {
		a.of = make([]int32, max(n, value.BatchSize))
	}
	a.of = a.of[:n]
}

// assign finds the group of each row of b, making groups as needed. Rows mostly stand near others of their group, so a row is
// compared with the one before it first.
func (s *groupSet) assign(b *value.Batch) error {
	s.fresh = s.fresh[:0]
	if len(s.keys) == 1 && s.ints != nil && s.keys[0].Nulls == nil {
		s.assignInts(b)
	} else {
		s.assignRows(b)
	}
	if len(s.fresh) == 0 {
		return nil
	}
	if err := s.store.add(&value.Batch{N: b.N, Cols: s.keys, Sel: s.fresh}); err != nil {
		return err
	}
	size := len(s.fresh) * 64 * len(s.aggs)
	if s.index != nil {
		return s.x.reserve(size + s.index.more())
	}
	return s.x.reserve(size + len(s.fresh)*64)
}

// add makes a group whose first row is i.
func (s *groupSet) add(i int) int32 {
	s.fresh = append(s.fresh, int32(i))
	s.count++
	return int32(s.count - 1)
}

// assignInts is assign for a single key of an integer kind without nulls.
func (s *groupSet) assignInts(b *value.Batch) {
	ints, of := s.keys[0].Ints, s.of
	if b.Sel == nil {
		if g := s.intGroup(0); allEqual(ints[:b.N]) {
			for i := range of[:b.N] {
				of[i] = g
			}
			s.single = true
			return
		}
		s.single = false
		for i := range of[:b.N] {
			if i > 0 && ints[i] == ints[i-1] {
				of[i] = of[i-1]
			} else {
				of[i] = s.intGroup(i)
			}
		}
		return
	}
	s.single = true
	last := b.Sel[0]
	of[last] = s.intGroup(int(last))
	for _, i := range b.Sel[1:] {
		if ints[i] == ints[last] {
			of[i] = of[last]
		} else {
			of[i] = s.intGroup(int(i))
			s.single = false
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
func (s *groupSet) intGroup(i int) int32 {
	n, fresh := s.ints.number(s.keys[0].Ints[i])
	if fresh {
		s.byInt = append(s.byInt, s.add(i))
	}
	return s.byInt[n]
}

// assignRows is assign for keys of any number and type.
func (s *groupSet) assignRows(b *value.Batch) {
	s.single = true
	last := -1
	rows(b, func(i int) {
		switch {
		case last >= 0 && sameKeys(s.keys, i, last):
			s.of[i] = s.of[last]
		case s.ints != nil:
			s.of[i] = s.assignInt(i)
		default:
			s.of[i] = s.assignRow(i)
		}
		s.single = s.single && (last < 0 || s.of[i] == s.of[last])
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

func (s *groupSet) assignRow(i int) int32 {
	var key []byte
	var hash uint64
	if s.hashed {
		key, hash = s.by.keys[i], s.by.hashes[i]
	} else {
		key, hash = s.by.one(s.keys, i)
	}
	g, fresh := s.index.number(key, hash)
	if fresh {
		s.add(i)
	}
	return g
}

func (s *groupSet) assignInt(i int) int32 {
	if s.keys[0].IsNull(i) {
		if s.null < 0 {
			s.null = s.add(i)
		}
		return s.null
	}
	return s.intGroup(i)
}

func (op *aggregateOp) ordered() int { return 0 }

func (op *aggregateOp) close() {
	op.in.close()
	for _, s := range op.sets {
		s.store.free()
	}
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
		size += g.longer(of[i], n)
	})
	return g.x.reserve(size)
}

// longer notes that a group has an argument of n bytes and returns how many more that are than of the longest so far.
func (g *aggregation) longer(group int32, n int) int {
	more := n - g.longest[group]
	if more <= 0 {
		return 0
	}
	if g.longest == nil {
		g.longest = map[int32]int{}
	}
	g.longest[group] = n
	return more
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
