package query

import (
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

// keysPart is what part of a statement's memory the right side of a semi-join may take for the left one to be looked up by its keys.
const keysPart = 8

// semiOp passes the rows of its left side that the right side has, or has not, a match for. It holds a part of the left side by
// the hash of what has to be equal and lets the rows of the right side go by until all have their match, or until there are no
// more. The parts grow, so that the right side is not read often; where its table finds rows by the key, only the rows that may
// match are read.
type semiOp struct {
	x          *execution
	n          *semiNode
	l          operator
	leftKeys   []expr
	rkeys      []expr
	lkeys, rks []evaluator
	rest       []evaluator
	wishR      wish
	rows       *rowStore // the part of the left side at hand
	matched    []bool
	at         int        // rows given
	size       int        // of the next part
	open       *joinTable // of the part; keys that have their match have no row
	left       int        // rows without a match
	started    bool
	wanted     *joinTable   // the right side if the left one is looked up by its keys
	b          *value.Batch // of the left side: rows that the part had no room for
	keys       []*value.Vector
	by         rowKeys
	sel        []int32
	pairs      semiPairs
	out        value.Batch
}

// semiPairs are pairs of rows that the other conditions are to be looked at for.
type semiPairs struct {
	l, r []int32
	buf  []int32
}

func (x *execution) newSemi(n *semiNode, w wish) (operator, error) {
	op := &semiOp{x: x, n: n, size: maxLookups}
	left := len(n.l.columns())
	need := needed(left+len(n.r.columns()), allOf(w.need, left), n.on)
	var rest []expr
	op.leftKeys, op.rkeys, rest = splitKeys(n.on, left)
	var err error
	if op.l, err = x.operator(n.l, wish{need: need[:left], order: w.order, limit: -1, few: w.few}); err != nil {
		return nil, err
	}
	if w.few > 0 && w.few < maxLookups {
		op.size = int(w.few)
	}
	op.wishR = wish{need: need[left:], limit: -1}
	op.lkeys, op.rks, op.rest = x.compileAll(op.leftKeys), x.compileAll(op.rkeys), x.compileAll(rest)
	op.keys = make([]*value.Vector, len(op.lkeys))
	return op, nil
}

func (op *semiOp) next() (*value.Batch, error) {
	if !op.started {
		op.started = true
		if err := op.lookUpLeft(); err != nil {
			return nil, err
		}
	}
	for {
		if err := op.x.check(); err != nil {
			return nil, err
		}
		if b := op.give(); b != nil {
			return b, nil
		}
		more, err := op.read()
		if err != nil || !more {
			return nil, err
		}
		if err := op.match(); err != nil {
			return nil, err
		}
	}
}

// give returns the next rows of the part that pass.
func (op *semiOp) give() *value.Batch {
	if op.rows == nil {
		return nil
	}
	var sel []int32
	for ; op.at < op.rows.n && len(sel) < value.BatchSize; op.at++ {
		if op.matched[op.at] != op.n.anti {
			sel = append(sel, int32(op.at))
		}
	}
	if len(sel) == 0 {
		return nil
	}
	op.rows.gather(&op.out, sel)
	return &op.out
}

// read reads a part of the left side; more is false when there is none.
func (op *semiOp) read() (more bool, err error) {
	if op.rows != nil {
		op.rows.free()
	}
	op.rows, op.at = newRowStore(op.x, op.n.l.columns()), 0
	most := op.x.room() / 2
	for op.rows.n < op.size && (op.rows.n == 0 || op.rows.withKeys() < most) {
		if op.b == nil {
			if op.b, err = op.l.next(); err != nil {
				return false, err
			}
			if op.b == nil {
				break
			}
		}
		room, all := op.size-op.rows.n, selection(op.b, nil)
		part := *op.b
		if part.Sel = all; len(all) > room {
			part.Sel = all[:room]
		}
		if err := op.rows.add(&part); err != nil {
			return false, err
		}
		if len(all) <= room {
			op.b = nil
			continue
		}
		rest := *op.b
		rest.Sel = all[room:]
		op.b = &rest
	}
	op.matched = make([]bool, op.rows.n)
	op.size = 64 * min(op.size, math.MaxInt32)
	return op.rows.n > 0, nil
}

// match looks for matches of the part.
func (op *semiOp) match() error {
	var err error
	if op.open, err = op.x.joinTable(op.rows, op.lkeys); err != nil {
		return err
	}
	defer op.open.freeKeys()
	op.left = op.open.found
	if op.rows.n >= maxLookups { // there may be more, for which the right side is read again
		op.x.freeze()
	}
	right, err := op.x.operator(op.n.r, op.wishR)
	if err != nil {
		return err
	}
	defer right.close()
	if len(op.rkeys) == 1 {
		scan, column := lookupScan(right, op.rkeys[0])
		if scan != nil && op.open.index.len() <= scan.worthLookups() {
			if err := scan.lookUpAll(column, op.open.keys(op.lkeys[0])); err != nil {
				return err
			}
		}
	}
	for op.left > 0 {
		if err := op.x.check(); err != nil {
			return err
		}
		b, err := right.next()
		if err != nil || b == nil {
			return err
		}
		if err := op.pass(b); err != nil {
			return err
		}
	}
	return nil
}

// pass lets rows of the right side go by.
func (op *semiOp) pass(b *value.Batch) error {
	if err := evalAll(op.keys, op.rks, b); err != nil {
		return err
	}
	op.by.read(b, op.keys, false)
	op.sel = op.open.index.mayHold(selection(b, op.sel), &op.by)
	for _, i := range op.sel {
		if err := op.meet(b, i); err != nil {
			return err
		}
	}
	return op.test(b)
}

// meet has a row of the right side meet those of its key.
func (op *semiOp) meet(b *value.Batch, i int32) error {
	n := op.open.number(op.by.keys[i], op.by.hashes[i])
	if n < 0 {
		return nil
	}
	l := op.open.first[n]
	if len(op.rest) == 0 {
		op.open.first[n] = none
	}
	for ; l != none; l = op.open.next[l] {
		switch {
		case op.matched[l]:
		case len(op.rest) == 0:
			op.matched[l] = true
			op.left--
		default:
			op.pairs.l, op.pairs.r = append(op.pairs.l, l), append(op.pairs.r, i)
			if len(op.pairs.l) == value.BatchSize {
				if err := op.test(b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// test looks at the other conditions for the pairs collected.
func (op *semiOp) test(b *value.Batch) error {
	p := &op.pairs
	if len(p.l) == 0 {
		return nil
	}
	if err := op.x.check(); err != nil {
		return err
	}
	var in, passed value.Batch
	op.rows.gather(&in, p.l)
	for k, c := range op.n.r.columns() {
		in.Cols = append(in.Cols, gatherOrNull(column(b, k), c.Type, p.r))
	}
	out, err := filterBatch(&passed, &in, op.rest, &p.buf)
	if err != nil {
		return err
	}
	if out != nil {
		rows(out, func(i int) {
			if l := p.l[i]; !op.matched[l] {
				op.matched[l] = true
				op.left--
			}
		})
	}
	p.l, p.r = p.l[:0], p.r[:0]
	return nil
}

// lookUpLeft has the left side read by look-ups where its table finds rows by the key and the right side is short.
func (op *semiOp) lookUpLeft() error {
	if op.n.anti || len(op.leftKeys) != 1 || op.l.ordered() > 0 { // whoever asked for the order has been told that it holds
		return nil
	}
	scan, col := lookupScan(op.l, op.leftKeys[0])
	if scan == nil || scan.scan != nil {
		return nil
	}
	right, err := op.x.operator(op.n.r, op.wishR)
	if err != nil {
		return err
	}
	defer right.close()
	most := scan.worthLookups()
	if other, _ := lookupScan(right, op.rkeys[0]); other != nil && other.path.Rows > float64(most) {
		return nil
	}
	kept := newRowStore(op.x, op.n.r.columns())
	for kept.n <= most && int64(kept.bytes) < op.x.limit/keysPart {
		b, err := right.next()
		if err != nil {
			return err
		}
		if b == nil {
			if op.wanted, err = op.x.joinTable(kept, op.rks); err != nil {
				return err
			}
			return scan.lookUpAll(col, op.wanted.keys(op.rks[0]))
		}
		if err := kept.add(b); err != nil {
			return err
		}
	}
	kept.free()
	return nil
}

func (op *semiOp) ordered() int { return op.l.ordered() }

func (op *semiOp) close() {
	op.l.close()
	if op.wanted != nil {
		op.wanted.free()
	}
	if op.rows != nil {
		op.rows.free()
	}
}

func (op *semiOp) explain() explained {
	title := "Hash Semi Join"
	if op.n.anti {
		title = "Hash Anti Join"
	}
	lines := joinLines(op.n.on, len(op.n.l.columns()))
	var left, right explained
	r, err := op.x.operator(op.n.r, op.wishR)
	if err == nil {
		defer r.close()
		sideL, sideR := joinSide{op: op.l}, joinSide{op: r}
		if len(op.rkeys) == 1 {
			sideL, sideR = joinSide{op.l, op.leftKeys[0], !op.n.anti && !op.started && op.l.ordered() == 0}, joinSide{r, op.rkeys[0], true}
		}
		left, right, err = foresee(op.x, sideL, sideR)
	} else {
		left = op.l.explain()
	}
	e := over(title, op.n, 0, lines, true, left)
	if err == nil {
		e.children = append(e.children, right)
	}
	e.rows = e.children[0].rows
	return e
}
