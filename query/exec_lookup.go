package query

import (
	"context"
	"math"
	"slices"

	"github.com/jurat-ledger/jurat/merkle/calendar"
	"github.com/jurat-ledger/jurat/query/value"
)

// maxLookups is how many rows of one side of a join are looked up in the other, where its table finds rows by the column that
// has to be equal. Of more rows the other side is read as a whole.
const maxLookups = 4096

// rightRows reads the right side of a join: by look-ups if the left one turns out to be short, else as a whole.
func (op *joinOp) rightRows(x *execution) (*rowStore, error) {
	if x.outer != nil || op.n.keepR || len(op.rkeys) != 1 {
		return op.wholeRight(x)
	}
	right, err := x.operator(op.n.r, op.wishR)
	if err != nil {
		return nil, err
	}
	scan, column := lookupScan(right, op.rkeys[0])
	if scan == nil {
		right.close()
		return op.wholeRight(x)
	}
	defer right.close()
	short, err := op.keepLeft(maxLookups)
	if err != nil {
		return nil, err
	}
	if short != nil {
		keys, err := keysOf(short, op.lkeys[0])
		if err != nil {
			return nil, err
		}
		if err := scan.lookUp(column, keys); err != nil {
			return nil, err
		}
	}
	return op.drainRight(x, right)
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

// drainRight keeps the rows of the right side, and for EXPLAIN ANALYZE how they were read.
func (op *joinOp) drainRight(x *execution, right operator) (*rowStore, error) {
	rows, err := x.drain(right, op.n.r)
	if x.analyzes() && err == nil {
		e := right.explain()
		op.shown = &e
	}
	return rows, err
}

// explainSides describes the sides of a join. Of one that did not run, they are as they would be if the sides turned out to be as
// long as estimated.
func (op *joinOp) explainSides(title string, lines []string) (explained, error) {
	if op.right != nil && op.shown != nil {
		e := under(title, op.n, 0, lines, true, op.l)
		e.children = append(e.children, *op.shown)
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
	if scan, at := lookupScan(r.op, r.key); scan != nil && r.lacks && left.rows <= maxLookups {
		err = scan.lookUp(at, nil)
		return left, r.op.explain(), err
	}
	right = r.op.explain()
	if scan, at := lookupScan(l.op, l.key); scan != nil && l.lacks && right.rows <= maxLookups {
		err = scan.lookUp(at, nil)
		left = l.op.explain()
	}
	return left, right, err
}

// lookUpLeft has the left side read by look-ups if the right one is short.
func (op *joinOp) lookUpLeft() error {
	if op.x.outer != nil || op.n.keepL || len(op.leftKeys) != 1 || op.right.n > maxLookups {
		return nil
	}
	scan, column := lookupScan(op.l, op.leftKeys[0])
	if scan == nil || scan.scan != nil {
		return nil
	}
	keys, err := keysOf(op.right.rowStore, op.x.compile(op.rkeys[0]))
	if err != nil {
		return err
	}
	return scan.lookUp(column, keys)
}

// lookupScan returns the scan that op is and the column that key is, if the table finds rows by that column.
func lookupScan(op operator, key expr) (*scanOp, int) {
	if m, ok := op.(*measured); ok {
		op = m.operator
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

// keysOf returns the values of an expression over the rows, without nulls.
func keysOf(rows *rowStore, key evaluator) (keys []value.Datum, err error) {
	var b value.Batch
	for at := 0; at < rows.n; at += b.N {
		rows.batch(&b, at)
		v, err := key.eval(&b)
		if err != nil {
			return nil, err
		}
		for i := range b.N {
			if !v.IsNull(i) {
				keys = append(keys, v.Datum(i))
			}
		}
	}
	return keys, nil
}

// keepLeft reads the left side up to most rows, and puts in its place what gives the same rows again. It returns the rows if they
// are all there are.
func (op *joinOp) keepLeft(most int) (*rowStore, error) {
	kept := &keptOp{operator: op.l, rows: newRowStore(op.x, op.n.l.columns())}
	op.l = kept
	for kept.rows.n <= most {
		b, err := kept.operator.next()
		if err != nil {
			return nil, err
		}
		if b == nil {
			kept.all = true
			return kept.rows, nil
		}
		if err := kept.rows.add(b); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// keptOp gives rows that were read before, and then those that its operator still has.
type keptOp struct {
	operator
	rows *rowStore
	all  bool // there are no others
	at   int
	out  value.Batch
}

func (op *keptOp) next() (*value.Batch, error) {
	if op.at < op.rows.n {
		op.at += op.rows.batch(&op.out, op.at)
		return &op.out, nil
	}
	if op.all {
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
