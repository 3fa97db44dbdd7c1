package query

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// orderedRows are the rows of an aggregate that wants them in an order, put aside until all are there.
type orderedRows struct {
	keys    []sortKey
	by      []evaluator // of the keys
	vectors []*value.Vector
	same    []evaluator // of the arguments that are the same for all rows
	rows    *rowStore   // the other arguments
	groups  []int32     // of each row
	sorts   [][]byte    // blocks of the sort keys of rows, one behind the other
	ends    []keyEnd    // of that of each row
	key     []byte
}

// A keyEnd is where a sort key ends: in which block, and where in that. It begins where the one before it in the block ends.
type keyEnd struct{ block, at int32 }

const (
	// orderedBytes is what a row takes besides its arguments and its sort key.
	orderedBytes = 32
	// sortBlock is the size of a block, unless one sort key is longer: in one piece the keys would take twice their size while it grows.
	sortBlock = 64 << 10
)

// A onceEval gives the value of an expression that is the same for all rows; it is computed for the first of them alone.
type onceEval struct {
	of    evaluator
	known bool
	constEval
}

func (e *onceEval) eval(b *value.Batch) (*value.Vector, error) {
	if !e.known {
		v, err := e.of.eval(&oneRow)
		if err != nil {
			return nil, err
		}
		e.d, e.known = v.Datum(0), true
	}
	return e.constEval.eval(b)
}

// newOrderedRows makes room for the rows of a. Of args, those that are the same for all rows are replaced by evaluators that know it.
func (x *execution) newOrderedRows(a *aggregateExpr, args []evaluator) *orderedRows {
	o := &orderedRows{keys: a.order, vectors: make([]*value.Vector, len(a.order)), same: make([]evaluator, len(args))}
	for _, k := range a.order {
		o.by = append(o.by, x.compile(k.x))
	}
	cols := make([]Column, len(a.args))
	for i, arg := range a.args {
		cols[i].Type = arg.typ()
		if isConstant(arg) {
			args[i] = &onceEval{of: args[i]}
			o.same[i] = args[i]
		}
	}
	o.rows = newRowStore(x, cols)
	return o
}

// keep puts the rows of b aside. Their groups are of, and their arguments args.
func (o *orderedRows) keep(b *value.Batch, of []int32, args []*value.Vector) error {
	if err := evalAll(o.vectors, o.by, b); err != nil {
		return err
	}
	size := 0
	rows(b, func(i int) {
		o.key = appendSortKey(o.key[:0], o.keys, o.vectors, i)
		size += o.keepKey()
		o.groups = append(o.groups, of[i])
	})
	known, kept := o.rows.n, slices.Clone(args)
	for k, ev := range o.same {
		if ev != nil {
			kept[k] = nil
		}
	}
	if err := o.rows.add(&value.Batch{N: b.N, Cols: kept, Sel: b.Sel}); err != nil {
		return err
	}
	return o.rows.x.reserve(size + (o.rows.n-known)*orderedBytes)
}

// keepKey keeps the sort key of the next row and returns what a new block takes, if it needs one.
func (o *orderedRows) keepKey() (size int) {
	last := len(o.sorts) - 1
	if last < 0 || len(o.sorts[last])+len(o.key) > cap(o.sorts[last]) {
		size = max(sortBlock, len(o.key))
		o.sorts = append(o.sorts, make([]byte, 0, size))
		last++
	}
	o.sorts[last] = append(o.sorts[last], o.key...)
	o.ends = append(o.ends, keyEnd{int32(last), int32(len(o.sorts[last]))})
	return size
}

// sortKey returns the sort key of row i.
func (o *orderedRows) sortKey(i int32) []byte {
	end, from := o.ends[i], int32(0)
	if i > 0 && o.ends[i-1].block == end.block {
		from = o.ends[i-1].at
	}
	return o.sorts[end.block][from:end.at]
}

// each calls give with the rows in their order, some at a time.
func (o *orderedRows) each(give func(b *value.Batch, of []int32) error) error {
	order := make([]int32, o.rows.n)
	for i := range order {
		order[i] = int32(i)
	}
	err := sortRows(o.rows.x, order, func(a, b int32) int {
		return cmp.Or(bytes.Compare(o.sortKey(a), o.sortKey(b)), cmp.Compare(a, b))
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(order, value.BatchSize) {
		var b value.Batch
		o.rows.gather(&b, part)
		for k, ev := range o.same {
			if ev == nil {
				continue
			}
			v, err := ev.eval(&b)
			if err != nil {
				return err
			}
			b.Cols[k] = v
		}
		of := make([]int32, len(part))
		for k, i := range part {
			of[k] = o.groups[i]
		}
		if err := give(&b, of); err != nil {
			return err
		}
	}
	return nil
}
