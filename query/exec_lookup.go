package query

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query/value"
)

const (
	// maxLookups is about how many keys of one side of a join are looked up together in the other, where its table finds rows by the
	// column that has to be equal.
	maxLookups = 4096
	// fewLookups is how many are looked up however few rows the table has.
	fewLookups = 4096
)

// worthLookups returns how many keys are looked up rather than to read all that the scan would read.
func (op *scanOp) worthLookups() int {
	return max(op.x.session.engine.fewLookups, int(min(op.path.Rows/op.path.KeyRows, math.MaxInt32)))
}

// rightRows reads the right side of a join: by look-ups for the next part of the left one, or as a whole if the keys looked up would be
// more than is worth while and it does not take more than half of the statement's memory, or most of it where the left side cannot be read
// again. There are no rows if parts of the left side are to be held.
func (op *joinOp) rightRows(x *execution) (*rowStore, error) {
	switch {
	case x.outer != nil || len(op.rkeys) == 0 || op.n.keepR && !forkableNode(op.n.r):
		return op.wholeRight(x)
	case op.n.keepR && !op.divisible():
		return op.smallRight(x, x.limit/8*7)
	case op.n.keepR:
		return op.smallRight(x, x.limit/2)
	}
	right, err := x.operator(op.n.r, op.wishR)
	if err != nil {
		return nil, err
	}
	defer right.close()
	var scan *scanOp
	column := 0
	if len(op.rkeys) == 1 {
		scan, column = lookupScan(right, op.rkeys[0])
	}
	switch {
	case scan == nil && forkableNode(op.n.r):
		return op.smallRight(x, x.limit/2)
	case scan == nil:
		return op.drainRight(x, right)
	}
	if op.part == nil {
		op.part = op.keepLeft()
	}
	keys, err := op.nextKeys(x.session.engine.maxLookups)
	if err != nil {
		return nil, err
	}
	op.read += op.part.rows.n
	op.part.stops = true
	if !op.part.all {
		x.freeze()
		scan.request.AsOf = x.asOf
		// Of more rows than the table has, to find the keys takes longer than to read it.
		if !op.large && (float64(op.read) > scan.path.Rows || op.looked+len(keys) > scan.worthLookups()) {
			rows, err := op.smallRight(x, x.limit/2)
			op.part.stops = rows == nil
			op.large = op.part.stops
			if err != nil || rows != nil {
				return rows, err
			}
		}
		if op.large && op.partRows() > int64(scan.worthLookups()) && forkableNode(op.n.r) {
			return nil, nil
		}
	}
	op.looked += len(keys)
	if err := scan.lookUp(column, keys); err != nil {
		return nil, err
	}
	return op.drainRight(x, right)
}

// smallRight reads the right side as a whole; there are no rows if it takes more memory than most.
func (op *joinOp) smallRight(x *execution, most int64) (*rowStore, error) {
	right, err := x.operator(op.n.r, op.wishR)
	if err != nil {
		return nil, err
	}
	defer right.close()
	rows := newRowStore(x, op.n.r.columns())
	for rows.withKeys() <= most {
		b, err := right.next()
		if err != nil {
			return nil, err
		}
		if b == nil {
			op.show(right)
			return rows, nil
		}
		if err := rows.add(b); err != nil {
			return nil, err
		}
	}
	rows.free()
	return nil, nil
}

// nextKeys reads a part of the left side and returns its keys, each once.
func (op *joinOp) nextKeys(most int) ([]value.Datum, error) {
	if err := op.part.fill(most); err != nil {
		return nil, err
	}
	t, err := op.x.joinTable(op.part.rows, op.lkeys[:1])
	if err != nil {
		return nil, err
	}
	defer t.freeKeys()
	return t.keys(op.lkeys[0]).read(t.n)
}

// nextPart goes on to the next part of the left side, where the right one is read for parts; more is false if there is none.
func (op *joinOp) nextPart() (more bool, err error) {
	if op.part == nil || !op.part.stops || op.part.all {
		return false, nil
	}
	op.held.free()
	op.part.rows.free()
	op.part.at = 0
	if op.swapped {
		op.passes.close()
		return true, op.holdLeft()
	}
	return true, op.readRight()
}

// partRows is about how many rows of the left side holdLeft holds, if the next ones are as long as those of the part at hand.
func (op *joinOp) partRows() int64 {
	return op.x.room() / 2 / (op.part.rows.withKeys() / int64(op.part.rows.n))
}

// holdLeft has as much of the left side held as half of the free memory takes, but some of it, and the right side pass. Where a row of that one
// comes without a match too, it has to see all of the left side.
func (op *joinOp) holdLeft() (err error) {
	if op.part == nil {
		op.part = op.keepLeft()
	}
	op.x.freeze()
	op.part.stops, op.tail = true, 0
	for most := op.x.room() / 2; !op.part.all && (op.part.rows.n == 0 || op.part.rows.withKeys() < most); {
		if err := op.part.fill(op.part.rows.n); err != nil {
			return err
		}
	}
	if op.n.keepR && !op.part.all {
		if op.divisible() {
			return op.divide()
		}
		if err := op.part.fill(math.MaxInt); err != nil {
			return err
		}
	}
	if op.held, err = op.x.joinTable(op.part.rows, op.lkeys); err != nil {
		return err
	}
	op.matched = make([]bool, op.held.n)
	op.passKeys = op.x.compileAll(op.rkeys)
	op.passes, err = op.x.operator(op.n.r, op.wishR)
	op.swapped = err == nil
	return err
}

// wholeRight reads the right side as a whole.
func (op *joinOp) wholeRight(x *execution) (*rowStore, error) {
	right, err := x.operator(op.n.r, op.wishR)
	if err != nil {
		return nil, err
	}
	defer right.close()
	return op.drainRight(x, right)
}

// drainRight keeps the rows of the right side.
func (op *joinOp) drainRight(x *execution, right operator) (*rowStore, error) {
	rows, err := x.drain(right, op.n.r)
	if err == nil {
		op.show(right)
	}
	return rows, err
}

// show keeps for EXPLAIN ANALYZE how the right side was read.
func (op *joinOp) show(right operator) {
	if op.x.analyzes() {
		e := right.explain()
		op.shown = &e
	}
}

// explainSides describes the sides of a join. Of one that did not run, they are as they would be if the sides turned out to be as
// long as estimated.
func (op *joinOp) explainSides(title string, lines []string) (explained, error) {
	switch {
	case op.parts != nil:
		return under(title, op.n, 0, lines, true, op.parts), nil
	case op.swapped:
		e := under(title, op.n, 0, lines, true, op.l)
		e.children = append(e.children, op.passes.explain())
		return e, nil
	case op.held != nil && op.shown != nil:
		e, right := under(title, op.n, 0, lines, true, op.l), *op.shown
		if op.looked > 0 && !op.part.stops {
			right.lines = append(right.lines, fmt.Sprintf("Keys Looked Up Before: %d", op.looked))
		}
		e.children = append(e.children, right)
		return e, nil
	}
	r, err := op.x.operator(op.n.r, op.wishR)
	if err != nil {
		return explained{}, err
	}
	defer r.close()
	sideL, sideR := joinSide{op: op.l}, joinSide{op: r}
	if op.x.outer == nil && len(op.rkeys) == 1 {
		sideL, sideR = joinSide{op.l, op.leftKeys[0], !op.n.keepL}, joinSide{r, op.rkeys[0], !op.n.keepR}
	}
	left, right, err := foresee(op.x, sideL, sideR)
	e := over(title, op.n, 0, lines, true, left)
	e.children = append(e.children, right)
	return e, err
}

// A joinSide is a side of a join, by one key if key is not nil.
type joinSide struct {
	op    operator
	key   expr
	lacks bool // rows without a match may be left out
}

// foresee describes the sides of a join that did not run, where one is looked up by the keys of the other if that is estimated to be short.
// Each is described once, but for a scan, which is little: joins stand in each other.
func foresee(x *execution, l, r joinSide) (left, right explained, err error) {
	if err := x.check(); err != nil {
		return left, right, err
	}
	left = l.op.explain()
	if scan, at := lookupScan(r.op, r.key); scan != nil && r.lacks && left.rows <= float64(scan.worthLookups()) {
		err = scan.lookUp(at, nil)
		return left, r.op.explain(), err
	}
	right = r.op.explain()
	if scan, at := lookupScan(l.op, l.key); scan != nil && l.lacks && right.rows <= float64(scan.worthLookups()) {
		err = scan.lookUp(at, nil)
		left = l.op.explain()
	}
	return left, right, err
}

// lookUpLeft has the left side read by look-ups if the right one is short.
func (op *joinOp) lookUpLeft() error {
	if op.x.outer != nil || op.n.keepL || len(op.leftKeys) != 1 {
		return nil
	}
	scan, column := lookupScan(op.l, op.leftKeys[0])
	if scan == nil || scan.scan != nil || op.held.index.len() > scan.worthLookups() {
		return nil
	}
	return scan.lookUpAll(column, op.held.keys(op.x.compile(op.rkeys[0])))
}

// lookupScan returns the scan that op reads, but for conditions and a projection of its rows, and the column that key is, if the table finds
// rows by that column.
func lookupScan(op operator, key expr) (*scanOp, int) {
	switch op := op.(type) {
	case *measured:
		return lookupScan(op.operator, key)
	case *filterOp:
		return lookupScan(op.in, key)
	case *projectOp:
		if c, ok := key.(*columnExpr); ok {
			return lookupScan(op.in, op.n.exprs[c.index])
		}
		return nil, 0
	}
	scan, ok := op.(*scanOp)
	if !ok {
		return nil, 0
	}
	at := -1
	switch c := key.(type) {
	case *columnExpr:
		at = c.index
	case *computedExpr:
		at = c.column
	}
	if !slices.Contains(scan.path.Keys, at) {
		return nil, 0
	}
	return scan, at
}

// lookUp makes a scan that is not open yet read only rows that have one of the values in a column.
func (op *scanOp) lookUp(column int, keys []value.Datum) error {
	r := *op.request
	r.Where = append(slices.Clone(r.Where), Constraint{Column: column, Op: OneOf, Values: keys})
	path, err := op.n.table.Plan(&r)
	if err != nil {
		return err
	}
	op.take(path) // which may see to fewer of the other conditions than the one before
	op.lookups = op.n.cols[column].Name
	return nil
}

// lookUpAll is lookUp for keys of any number, which are looked up part by part.
func (op *scanOp) lookUpAll(column int, keys *keyReader) error {
	most := op.x.session.engine.maxLookups
	op.more = func() (bool, error) {
		list, err := keys.read(most)
		if err != nil || len(list) == 0 {
			return false, err
		}
		return true, op.lookUp(column, list)
	}
	list, err := keys.read(most)
	if err != nil {
		return err
	}
	return op.lookUp(column, list)
}

// A keyReader gives the keys of the rows of a joinTable of one key, each once and without nulls.
type keyReader struct {
	t   *joinTable
	key evaluator
	at  int // rows read
	by  rowKeys
}

// keys reads the keys, which are the values of an expression.
func (t *joinTable) keys(key evaluator) *keyReader { return &keyReader{t: t, key: key} }

// read returns the keys of the next batches, about most or, at the end, none. Those that match no more are left out.
func (r *keyReader) read(most int) (keys []value.Datum, err error) {
	var b value.Batch
	cols := make([]*value.Vector, 1)
	for len(keys) < most && r.t.batch(&b, r.at) > 0 {
		if cols[0], err = r.key.eval(&b); err != nil {
			return nil, err
		}
		r.by.read(&b, cols, false)
		for i := range b.N {
			if r.t.match(r.by.keys[i], r.by.hashes[i]) == int32(r.at+i) {
				keys = append(keys, cols[0].Datum(i))
			}
		}
		r.at += b.N
	}
	return keys, nil
}

// keepLeft puts in the place of the left side what keeps the rows that it reads ahead.
func (op *joinOp) keepLeft() *keptOp {
	kept := &keptOp{operator: op.l, rows: newRowStore(op.x, op.n.l.columns())}
	op.l = kept
	return kept
}

// keptOp gives rows that were read before, and then those that its operator still has.
type keptOp struct {
	operator
	rows  *rowStore
	all   bool // the operator has no others
	stops bool // at the end of rows
	at    int
	out   value.Batch
}

// fill reads rows until they are more than most, or all.
func (op *keptOp) fill(most int) error {
	for op.rows.n <= most && !op.all {
		b, err := op.operator.next()
		if err != nil {
			return err
		}
		if b == nil {
			op.all = true
			return nil
		}
		if err := op.rows.add(b); err != nil {
			return err
		}
	}
	return nil
}

func (op *keptOp) next() (*value.Batch, error) {
	if op.at < op.rows.n {
		op.at += op.rows.batch(&op.out, op.at)
		return &op.out, nil
	}
	if op.all || op.stops {
		return nil, nil
	}
	return op.operator.next()
}

func (op *keptOp) close() {
	op.rows.free()
	op.operator.close()
}

// secondsOf returns the seconds that a OneOf constraint on round or second names, ascending, each once.
func secondsOf(c Constraint) []calendar.Second {
	list := make([]calendar.Second, 0, len(c.Values))
	for _, d := range c.Values {
		from, to := calendar.Second(0), calendar.Second(math.MaxInt64)
		narrowRounds(&from, &to, Constraint{Op: Equal, Values: []value.Datum{d}}, d.Type)
		if from == to {
			list = append(list, from)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// A secondsScan reads one span of seconds after the other.
type secondsScan struct {
	spans []secondSpan
	open  func(ctx context.Context, s secondSpan) (Scan, error)
	scan  Scan // of the first of spans, nil if it is not open
}

// newSecondsScan reads the seconds of list that lie in a span, in scan order. Neighbours are read together.
func newSecondsScan(list []calendar.Second, in secondSpan, desc bool, open func(context.Context, secondSpan) (Scan, error)) *secondsScan {
	s := &secondsScan{open: open}
	for _, at := range list {
		switch n := len(s.spans); {
		case at < in.from || at > in.to:
		case n > 0 && s.spans[n-1].to == at-1:
			s.spans[n-1].to = at
		default:
			s.spans = append(s.spans, secondSpan{at, at})
		}
	}
	if desc {
		slices.Reverse(s.spans)
	}
	return s
}

func (s *secondsScan) Next(ctx context.Context, b *value.Batch) (err error) {
	for b.N = 0; len(s.spans) > 0; s.spans = s.spans[1:] {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if s.scan == nil {
			if s.scan, err = s.open(ctx, s.spans[0]); err != nil {
				return err
			}
		}
		if err := s.scan.Next(ctx, b); err != nil || b.N > 0 {
			return err
		}
		s.Close()
	}
	return nil
}

func (s *secondsScan) Close() {
	if s.scan != nil {
		s.scan.Close()
		s.scan = nil
	}
}
