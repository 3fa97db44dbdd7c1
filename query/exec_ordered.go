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
	sorts   []byte      // the sort keys of all rows, one behind the other
	ends    []int       // where that of each row ends
}

// orderedBytes is what a row takes besides its arguments and its sort key.
const orderedBytes = 32

func (x *execution) newOrderedRows(a *aggregateExpr, args []evaluator) *orderedRows {
	o := &orderedRows{keys: a.order, vectors: make([]*value.Vector, len(a.order)), same: make([]evaluator, len(args))}
	for _, k := range a.order {
		o.by = append(o.by, x.compile(k.x))
	}
	cols := make([]Column, len(a.args))
	for i, arg := range a.args {
		cols[i].Type = arg.typ()
		if isConstant(arg) {
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
	before := len(o.sorts)
	rows(b, func(i int) {
		for k, v := range o.vectors {
			o.sorts = appendKey(o.sorts, v, i, o.keys[k].desc, o.keys[k].nullsFirst)
		}
		o.groups, o.ends = append(o.groups, of[i]), append(o.ends, len(o.sorts))
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
	return o.rows.x.reserve(2*(len(o.sorts)-before) + (o.rows.n-known)*orderedBytes)
}

// sortKey returns the sort key of row i.
func (o *orderedRows) sortKey(i int32) []byte {
	if i == 0 {
		return o.sorts[:o.ends[0]]
	}
	return o.sorts[o.ends[i-1]:o.ends[i]]
}

// each calls give with the rows in their order, some at a time.
func (o *orderedRows) each(give func(b *value.Batch, of []int32) error) error {
	order := make([]int32, o.rows.n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(bytes.Compare(o.sortKey(a), o.sortKey(b)), cmp.Compare(a, b))
	})
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
