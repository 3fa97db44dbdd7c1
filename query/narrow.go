package query

import (
	"encoding/binary"

	"github.com/jurat-ledger/jurat/query/value"
)

// A narrowing scan takes further conditions while it is read: rows for which they do not hold may be left out from then on.
type narrowing interface {
	narrow(c Constraint)
}

// narrow tells a scan that is open of a further condition on its rows, which somebody above sees to.
func (op *scanOp) narrow(c Constraint) {
	if s, ok := op.scan.(narrowing); ok {
		s.narrow(c)
	}
}

// sourceOf returns the scan and the column of it that column of op's rows comes from, nil if something else makes it.
func sourceOf(op operator, column int) (*scanOp, int) {
	for {
		switch o := op.(type) {
		case *scanOp:
			return o, column
		case *measured:
			op = o.operator
		case *filterOp:
			op = o.in
		case *projectOp:
			c, ok := o.n.exprs[column].(*columnExpr)
			if !ok || o.n.set {
				return nil, 0
			}
			op, column = o.in, c.index
		default:
			return nil, 0
		}
	}
}

// bound returns the first key of the last wanted row so far, if it is an integer that is not null.
func (op *sortOp) bound() (n int64, ok bool) {
	if op.worst == nil || op.worst[0] != 1 || op.vectors[0].Type.Kind != value.Int64 {
		return 0, false
	}
	// AppendSortKey writes integers as 8 bytes that count up from the smallest one.
	n = int64(binary.BigEndian.Uint64(op.worst[1:]) ^ 1<<63)
	if op.n.keys[0].desc {
		n = ^n
	}
	return n, true
}

// narrow tells the scan below that rows behind the last wanted one so far are of no use: their other columns are not even read then.
func (op *sortOp) narrow() {
	c, ok := op.n.keys[0].x.(*columnExpr)
	if !ok {
		return
	}
	n, ok := op.bound()
	if !ok {
		return
	}
	scan, column := sourceOf(op.in, c.index)
	if scan == nil {
		return
	}
	// Rows that are equal in the first key are decided by the other keys.
	how := LessEqual
	switch last := len(op.n.keys) == 1; {
	case op.n.keys[0].desc && last:
		how = Greater
	case op.n.keys[0].desc:
		how = GreaterEqual
	case last:
		how = Less
	}
	scan.narrow(Constraint{Column: column, Op: how, Values: []value.Datum{value.NewInt(c.t, n)}})
}
