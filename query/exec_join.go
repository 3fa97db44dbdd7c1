package query

import (
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// joinOp joins. It holds the rows of the right side in memory, by hash of the columns that the condition sets equal, and looks the rows of
// the left side up as they pass. Where a right side that can be read again is too large to be held, parts of the left one are, and the right
// one passes for each; a RIGHT or FULL join with several parts is made of other joins.
type joinOp struct {
	x         *execution
	n         *joinNode
	l         operator
	lkeys     []evaluator // equal to rkeys
	leftKeys  []expr      // what lkeys computes
	rkeys     []expr
	wish      wish         // for the joined rows
	wishR     wish         // for the right side
	rest      []evaluator  // conditions on the joined row
	held      *joinTable   // the side in memory
	passes    operator     // the other side
	swapped   bool         // that is the right one
	passKeys  []evaluator  // of it
	parts     operator     // the joins in the place of this one, nil if it is made itself
	part      *keptOp      // of the left side, whose keys are looked up in the right one; nil if that never was
	read      int          // rows of it
	looked    int          // keys of these
	large     bool         // the right side takes too much memory as a whole
	shown     *explained   // how it was read, for EXPLAIN ANALYZE
	kept      bool         // held belongs to the statement
	matched   []bool       // rows held that had a match, for outer joins
	b         *value.Batch // of the side that passes
	sel       []int32      // rows of b still to do
	candidate int32        // the next row held to try for sel[0], none for none
	hit       bool         // the row whose pairs are decided on had a match, where rows without one are kept
	most      int          // pairs to decide on together
	keys      []*value.Vector
	passing   []int32 // rows of b in the output under construction; none is a row of nulls
	matching  []int32 // and the rows held
	tail      int     // rows held looked at for those without match
	out       value.Batch
	by        rowKeys // of b
	proven    []int32 // pairs for which all conditions hold
	buf       []int32
}

// A joinTable is the right side of a join in memory.
type joinTable struct {
	*rowStore
	index *keyTable // nulls match nothing
	first []int32   // row of each key, none for none
	next  []int32   // by row: the next one of the same key, none for none
	found int       // rows with a key
	size  int       // reserved for them
}

// none is no row.
const none = -1

func (x *execution) newJoin(n *joinNode, w wish) (operator, error) {
	op := &joinOp{x: x, n: n, wish: w, most: value.BatchSize}
	if w.few > 0 {
		op.most = int(min(w.few, value.BatchSize))
	}
	left := len(n.l.columns())
	need := needed(len(n.cols), allOf(w.need, len(n.cols)), n.on)
	if n.each != nil {
		need = needed(len(n.cols), need, argExprs(n.each.args))
	}
	var rest []expr
	op.leftKeys, op.rkeys, rest = splitKeys(n.on, left)
	if len(op.rkeys) == 0 {
		if ranges := x.rangeJoin(n); ranges != nil {
			return x.newOperator(ranges, w)
		}
	}
	var err error
	if op.l, err = x.operator(n.l, wish{need: need[:left], limit: -1, few: w.few}); err != nil {
		return nil, err
	}
	op.wishR = wish{need: need[left:], limit: -1}
	op.lkeys, op.rest = x.compileAll(op.leftKeys), x.compileAll(rest)
	op.keys = make([]*value.Vector, len(op.lkeys))
	return op, nil
}

// splitKeys parts the conditions of a join into those that set a left key equal to a right one, and the rest.
func splitKeys(on []expr, left int) (lkeys, rkeys, rest []expr) {
	for _, e := range on {
		if l, r, ok := equiKeys(e, left); ok {
			lkeys, rkeys = append(lkeys, l), append(rkeys, r)
		} else {
			rest = append(rest, e)
		}
	}
	return lkeys, rkeys, rest
}

// haveEqualKeys reports whether values of two types are equal exactly if their sort keys are.
func haveEqualKeys(a, b *value.Type) bool { return a == b || isInteger(a) && isInteger(b) }

// equiKeys splits l = r into a part over the left and a part over the right side of a join, if equal values have equal keys, and each row has
// one.
func equiKeys(e expr, left int) (l, r expr, ok bool) {
	c, ok := e.(*callExpr)
	if !ok || !c.operator || c.call.Func.Name != "=" || len(c.args) != 2 || !haveEqualKeys(c.args[0].typ(), c.args[1].typ()) {
		return nil, nil, false
	}
	l, r = c.args[0], c.args[1]
	if side(l, left) == 2 && side(r, left) == 1 {
		l, r = r, l
	}
	if side(l, left) != 1 || side(r, left) != 2 || isVolatile(e) {
		return nil, nil, false
	}
	return l, shift(r, -left), true
}

// side returns 1 if e is over the left columns alone, 2 if over the right ones alone, 3 for both and 0 for none.
func side(e expr, left int) (s int) {
	walk(e, func(x expr) {
		if c, ok := x.(*columnExpr); ok {
			if c.index < left {
				s |= 1
			} else {
				s |= 2
			}
		}
	})
	return s
}

// readRight keeps the rows of the right side. In a subquery that runs for every row around, a right side that does not
// depend on that row is kept for the next.
func (op *joinOp) readRight() (err error) {
	x, keep := op.x, op.keepsRight()
	if keep {
		if t := x.rights[op.n]; t != nil {
			op.held, op.matched, op.kept = t, make([]bool, t.n), true
			return nil
		}
		x = x.keeping()
	}
	rows, err := op.rightRows(x)
	if err == nil && rows == nil {
		return op.holdLeft()
	}
	if err == nil {
		op.held, err = x.joinTable(rows, x.compileAll(op.rkeys))
	}
	if err != nil {
		if keep {
			x.end()
		}
		return err
	}
	op.matched = make([]bool, op.held.n)
	if err := op.lookUpLeft(); err != nil {
		return err
	}
	if op.kept = keep; keep {
		if x.rights == nil {
			x.rights = map[node]*joinTable{}
		}
		x.rights[op.n] = op.held
	}
	return nil
}

// keepsRight reports whether the right side is read once for all rows around.
func (op *joinOp) keepsRight() bool {
	return op.x.outer != nil && len(op.x.dependsOn(op.n.r)) == 0 && !slices.ContainsFunc(op.rkeys, usesOuter)
}

// joinTable finds rows by their keys from now on.
func (x *execution) joinTable(rows *rowStore, by []evaluator) (*joinTable, error) {
	t := &joinTable{rowStore: rows, index: newKeyTable(), next: make([]int32, rows.n), size: 4 * rows.n}
	if err := x.reserve(t.size); err != nil {
		return nil, err
	}
	cols := make([]*value.Vector, len(by))
	var b value.Batch
	var keys rowKeys
	for end := rows.n; end > 0; end -= b.N { // from the last row to the first, which comes first of those that are equal then
		if err := x.check(); err != nil {
			return nil, err
		}
		at := (end - 1) / value.BatchSize * value.BatchSize
		rows.batch(&b, at)
		if err := evalAll(cols, by, &b); err != nil {
			return nil, err
		}
		keys.read(&b, cols, false)
		before := cap(t.first)
		for i := b.N - 1; i >= 0; i-- {
			t.add(keys.keys[i], keys.hashes[i], int32(at+i))
		}
		size := t.index.more() + 4*(cap(t.first)-before)
		t.size += size
		if err := x.reserve(size); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// add puts a row before those of the same key.
func (t *joinTable) add(key []byte, hash uint64, row int32) {
	if t.next[row] = none; key == nil {
		return
	}
	t.found++
	n, fresh := t.index.number(key, hash)
	if fresh {
		t.first = append(t.first, row)
		return
	}
	t.next[row], t.first[n] = t.first[n], row
}

// number returns the place of a key in first, -1 if no row has it.
func (t *joinTable) number(key []byte, hash uint64) int32 {
	if key == nil {
		return -1
	}
	n, _ := t.index.find(key, hash)
	return n
}

// match returns the first row of a key, none if there is none.
func (t *joinTable) match(key []byte, hash uint64) int32 {
	if n := t.number(key, hash); n >= 0 {
		return t.first[n]
	}
	return none
}

// freeKeys gives the memory of the keys back.
func (t *joinTable) freeKeys() {
	t.x.release(t.size)
	t.size = 0
}

// free gives all memory back.
func (t *joinTable) free() {
	t.freeKeys()
	t.rowStore.free()
}

// matchBytes is about what a key of a joinTable takes with a row.
const matchBytes = 88

// withKeys returns about what the rows take once a joinTable finds them by their keys.
func (r *rowStore) withKeys() int64 { return int64(r.bytes) + int64(r.n)*matchBytes }

func (op *joinOp) next() (*value.Batch, error) {
	if op.held == nil && op.parts == nil {
		if err := op.few(); err != nil {
			return nil, err
		}
		if none, err := op.beginLeft(); err != nil || none {
			return nil, err
		}
		if err := op.readRight(); err != nil {
			return nil, err
		}
	}
	if op.parts != nil {
		return op.parts.next()
	}
	for {
		if err := op.x.check(); err != nil {
			return nil, err
		}
		more, err := op.pair()
		if err != nil {
			return nil, err
		}
		if len(op.passing) > 0 {
			op.gather(&op.out, op.passing, op.matching)
			return &op.out, nil
		}
		if more {
			continue
		}
		if b := op.unmatched(); b != nil {
			return b, nil
		}
		if more, err = op.nextPart(); err != nil || !more {
			return nil, err
		}
	}
}

// maxEach is up to how many rows of the left side the lateral side is executed for each, and not joined: to read all that might
// match takes the time of some tens of its executions.
const maxEach = 32

// fewRows is the error of a join that stands for a lateral one and is to be executed as such.
type fewRows struct {
	left operator // gives the rows of the left side, all of which have been read
}

func (*fewRows) Error() string { return "the left side has few rows" }

// few returns a fewRows if the join stands for a lateral one and the left side has few rows, or none.
func (op *joinOp) few() error {
	if op.n.each == nil || op.x.rights[op.n] != nil {
		return nil
	}
	kept := op.keepLeft()
	if err := kept.fill(op.x.session.engine.maxEach); err != nil || !kept.all || kept.rows.n > 0 && op.keepsRight() {
		return err
	}
	left := op.l
	op.l = &oneRowOp{} // there is nothing left to close
	return &fewRows{left}
}

// beginLeft reads the first rows of the left side for a row around, and reports whether there are none: then those of the right side, which
// may fail or take long, are not computed.
func (op *joinOp) beginLeft() (none bool, err error) {
	if op.x.outer == nil || op.n.keepR {
		return false, nil
	}
	b, err := op.l.next()
	if err != nil || b == nil {
		return err == nil, err
	}
	op.l = &begunOp{op.l, b}
	return false, nil
}

// begunOp gives rows that were read before, and then those that its operator still has.
type begunOp struct {
	operator
	begun *value.Batch
}

func (op *begunOp) next() (*value.Batch, error) {
	if b := op.begun; b != nil {
		op.begun = nil
		return b, nil
	}
	return op.operator.next()
}

// pair collects pairs of rows that match. more is false at the end of the side that passes.
func (op *joinOp) pair() (more bool, err error) {
	for {
		if err := op.x.check(); err != nil {
			return false, err
		}
		op.propose()
		if len(op.passing) == 0 {
			if more, err := op.advance(); err != nil || !more {
				return false, err
			}
			continue
		}
		if err := op.decide(); err != nil || len(op.passing) > 0 {
			return true, err
		}
	}
}

// advance reads the next batch of the side that passes.
func (op *joinOp) advance() (more bool, err error) {
	passes, by := op.l, op.lkeys
	if op.swapped {
		passes, by = op.passes, op.passKeys
	}
	if op.b, err = passes.next(); err != nil || op.b == nil {
		return false, err
	}
	op.sel = selection(op.b, op.sel)
	if op.held.found == 0 { // none is looked at, which might fail
		op.by.none(op.b.N)
	} else if err := evalAll(op.keys, by, op.b); err != nil {
		return false, err
	} else {
		op.by.read(op.b, op.keys, false)
	}
	if !op.keepsPassing() {
		op.sel = op.held.index.mayHold(op.sel, &op.by)
	}
	op.enter()
	return true, nil
}

// keepsPassing reports whether rows of the side that passes come without a match too.
func (op *joinOp) keepsPassing() bool { return op.swapped && op.n.keepR || !op.swapped && op.n.keepL }

// enter looks up the candidates of the row at hand.
func (op *joinOp) enter() {
	op.candidate = none
	if len(op.sel) > 0 {
		op.candidate = op.held.match(op.by.keys[op.sel[0]], op.by.hashes[op.sel[0]])
	}
}

// propose collects pairs of equal keys, up to a batch of them. Where rows without a match are kept, a pair with none ends those of a row.
func (op *joinOp) propose() {
	keep := op.keepsPassing()
	op.passing, op.matching = op.passing[:0], op.matching[:0]
	for len(op.sel) > 0 && len(op.passing) < op.most {
		r := op.candidate
		if r != none || keep {
			op.passing, op.matching = append(op.passing, op.sel[0]), append(op.matching, r)
		}
		if r != none {
			if op.candidate = op.held.next[r]; op.candidate != none || keep {
				continue
			}
		}
		op.sel = op.sel[1:]
		op.enter()
	}
	op.most = min(2*op.most, value.BatchSize)
}

// decide leaves the pairs for which the other conditions hold, and those with none whose row has no match.
func (op *joinOp) decide() error {
	op.proven = op.proven[:0]
	for i, r := range op.matching {
		if r != none {
			op.proven = append(op.proven, int32(i))
		}
	}
	if len(op.rest) > 0 && len(op.proven) > 0 {
		var in, passed value.Batch
		op.gather(&in, op.passing, op.matching)
		in.Sel = op.proven
		out, err := filterBatch(&passed, &in, op.rest, &op.buf)
		if err != nil {
			return err
		}
		if op.proven = op.proven[:0]; out != nil {
			op.proven = append(op.proven, out.Sel...)
		}
	}
	n, proven := 0, op.proven
	for i, r := range op.matching {
		switch {
		case r == none:
			if op.hit {
				op.hit = false
				continue
			}
		case len(proven) > 0 && proven[0] == int32(i):
			proven = proven[1:]
			op.hit, op.matched[r] = true, true
		default:
			continue
		}
		op.passing[n], op.matching[n] = op.passing[i], r
		n++
	}
	op.passing, op.matching = op.passing[:n], op.matching[:n]
	return nil
}

// gather makes out of pairs of rows; none stands for a row of nulls.
func (op *joinOp) gather(out *value.Batch, passing, matching []int32) {
	*out = value.Batch{N: len(passing), Cols: make([]*value.Vector, len(op.n.cols))}
	left := len(op.n.l.columns())
	for k, c := range op.n.cols {
		var src *value.Vector
		at, passes := k, k < left != op.swapped
		if k >= left {
			at = k - left
		}
		from := matching
		if passes {
			from = passing
			if op.b != nil && len(op.b.Cols) > 0 {
				src = op.b.Cols[at]
			}
		} else {
			src = op.held.cols[at]
		}
		out.Cols[k] = gatherOrNull(src, c.Type, from)
	}
}

func gatherOrNull(src *value.Vector, t *value.Type, from []int32) *value.Vector {
	v := value.NewVector(t, len(from))
	for i, r := range from {
		if r < 0 || !present(src) {
			v.SetNull(i)
		} else {
			v.Copy(i, src, int(r))
		}
	}
	return v
}

// unmatched gives the rows held that had no match, where an outer join keeps them.
func (op *joinOp) unmatched() *value.Batch {
	if !op.swapped && !op.n.keepR || op.swapped && !op.n.keepL {
		return nil
	}
	op.passing, op.matching = op.passing[:0], op.matching[:0]
	for ; op.tail < op.held.n && len(op.matching) < value.BatchSize; op.tail++ {
		if !op.matched[op.tail] {
			op.passing, op.matching = append(op.passing, none), append(op.matching, int32(op.tail))
		}
	}
	if len(op.matching) == 0 {
		return nil
	}
	op.b = nil
	op.gather(&op.out, op.passing, op.matching)
	return &op.out
}

func (op *joinOp) ordered() int { return 0 }

func (op *joinOp) close() {
	op.l.close()
	for _, other := range []operator{op.passes, op.parts} {
		if other != nil {
			other.close()
		}
	}
	if op.held != nil && !op.kept {
		op.held.free()
	}
}
