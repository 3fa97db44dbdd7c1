package query

import (
	"encoding/binary"
	"math"

	"github.com/jurat-ledger/jurat/query/value"
)

// An outerRow is what the slots of one level of subqueries hold.
type outerRow struct {
	args []outerArg
	vals []value.Datum
	up   *outerRow
}

// outerValue returns the value of a row around. A plan that is only explained has no such row: all values are null.
func (x *execution) outerValue(e *outerExpr) value.Datum {
	for o := x.outer; o != nil; o = o.up {
		for i, a := range o.args {
			if a.slot == e.slot {
				return o.vals[i]
			}
		}
	}
	return value.Null(e.t)
}

// inner returns an execution for the plan of a subquery that finds vals in the slots of args. Whoever is done with it
// calls end.
func (x *execution) inner(args []outerArg, vals []value.Datum) *execution {
	return &execution{statementRun: x.statementRun, outer: &outerRow{args: args, vals: vals, up: x.outer}}
}

// keeping returns an execution for a plan with the same rows around, whose memory stays reserved until the statement or
// its own end.
func (x *execution) keeping() *execution {
	return &execution{statementRun: x.statementRun, outer: x.outer}
}

// end gives back what the execution has reserved.
func (x *execution) end() { x.release(int(x.memory)) }

// rowOf returns the values of a row.
func rowOf(cols []*value.Vector, i int) []value.Datum {
	out := make([]value.Datum, len(cols))
	for k, v := range cols {
		out[k] = v.Datum(i)
	}
	return out
}

// exactKey appends a key that is the same for values that no function can tell apart; ok is false for values without one.
// Sort keys are no such keys: 1.0 and 1.00 have the same.
func exactKey(dst []byte, vals []value.Datum, s *value.Settings) (key []byte, ok bool) {
	for _, d := range vals {
		if d.Null {
			dst = append(dst, 0)
			continue
		}
		dst = append(dst, 1)
		switch d.Type.Kind {
		case value.Int64:
			dst = binary.LittleEndian.AppendUint64(dst, uint64(d.I))
		case value.Float64:
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(d.F))
		case value.Bytes:
			dst = append(binary.LittleEndian.AppendUint64(dst, uint64(len(d.B))), d.B...)
		default:
			if d.Type.Pseudo {
				return dst, false
			}
			b := d.AppendBinary(nil, s)
			dst = append(binary.LittleEndian.AppendUint64(dst, uint64(len(b))), b...)
		}
	}
	return dst, true
}

// subqueryEval gives the result of a subquery: one for all rows, or one for each row's values of its args, of which it
// remembers some.
type subqueryEval struct {
	x    *execution
	sub  *subqueryExpr
	got  *constEval // of a subquery without args
	args []evaluator
	in   []*value.Vector
	out  value.Vector
	memo map[string]value.Datum
	held int // reserved for memo
	key  []byte
}

// memoMax is the number of results that a subqueryEval remembers.
const memoMax = 8192

func (x *execution) compileSubquery(e *subqueryExpr) evaluator {
	return &subqueryEval{x: x, sub: e, args: x.compileAll(argExprs(e.args)), in: make([]*value.Vector, len(e.args))}
}

func (e *subqueryEval) eval(b *value.Batch) (*value.Vector, error) {
	if len(e.args) > 0 {
		return e.each(b)
	}
	if e.got == nil {
		d, ok := e.x.results[e.sub]
		if !ok {
			var err error
			if d, err = e.x.keeping().subquery(e.sub); err != nil {
				return nil, err
			}
			if e.x.results == nil {
				e.x.results = map[*subqueryExpr]value.Datum{}
			}
			e.x.results[e.sub] = d
		}
		e.got = &constEval{d: d}
	}
	return e.got.eval(b)
}

// each runs the subquery for every row.
func (e *subqueryEval) each(b *value.Batch) (*value.Vector, error) {
	if err := evalAll(e.in, e.args, b); err != nil {
		return nil, err
	}
	e.out.Reset(e.sub.t, b.N)
	var failed error
	rows(b, func(i int) {
		if failed != nil {
			return
		}
		var d value.Datum
		if d, failed = e.row(rowOf(e.in, i)); failed == nil {
			e.out.Set(i, d)
		}
	})
	return &e.out, failed
}

// row returns the result for the values of one row.
func (e *subqueryEval) row(vals []value.Datum) (value.Datum, error) {
	if err := e.x.check(); err != nil {
		return value.Datum{}, err
	}
	key, known := exactKey(e.key[:0], vals, e.x.env.Settings)
	e.key = key
	known = known && !e.sub.volatile
	if d, ok := e.memo[string(key)]; known && ok {
		return d, nil
	}
	inner := e.x.inner(e.sub.args, vals)
	d, err := inner.subquery(e.sub)
	inner.end()
	if err != nil || !known {
		return d, err
	}
	e.remember(string(key), d)
	return d, nil
}

// remember keeps a result for a key, in up to a memoPart of the statement's memory. Full, or where there is no memory for it, all is forgotten.
func (e *subqueryEval) remember(key string, d value.Datum) {
	size := len(key) + datumSize(d) + 64
	most := int(e.x.limit / memoPart)
	if len(e.memo) >= memoMax || e.held+size > most {
		e.forget()
	}
	if size > most {
		return
	}
	e.held += size
	if e.x.reserve(size) != nil {
		e.forget()
		return
	}
	if e.memo == nil {
		e.memo = map[string]value.Datum{}
	}
	e.memo[key] = d
}

// forget gives back the memory of all that is remembered.
func (e *subqueryEval) forget() {
	e.x.release(e.held)
	e.memo, e.held = nil, 0
}

func datumSize(d value.Datum) int {
	n := 64 + len(d.B)
	if d.X != nil {
		n += boxSize(d.X)
	}
	return n
}

// wish is what a subquery would like of its plan.
func (e *subqueryExpr) wish() wish {
	if e.kind == existsSubquery {
		return wish{need: make([]bool, len(e.plan.columns())), limit: 1, few: 1}
	}
	return everything
}

// subquery runs a subquery in an expression.
func (x *execution) subquery(s *subqueryExpr) (value.Datum, error) {
	if s.kind == existsSubquery {
		op, err := x.start(s.plan, s.wish())
		if err != nil {
			return value.Datum{}, err
		}
		defer op.close()
		b, err := op.next()
		return value.NewBool(b != nil), err
	}
	rows, err := x.materialize(s.plan)
	if err != nil {
		return value.Datum{}, err
	}
	switch {
	case s.kind == arraySubquery && rows.n == 0:
		return value.NewBox(s.t, value.NewArray(value.NewVector(s.plan.columns()[0].Type, 0))), nil
	case s.kind == arraySubquery:
		return value.NewBox(s.t, value.NewArray(rows.cols[0])), nil
	case s.kind == rowsSubquery:
		return value.NewBox(s.t, value.NewArray(rows.records())), nil
	case rows.n > 1:
		return value.Datum{}, errf(codeCardinality, "more than one row returned by a subquery used as an expression")
	case rows.n == 0:
		return value.Null(s.t), nil
	case s.kind == rowSubquery:
		return rows.records().Datum(0), nil
	}
	return rows.cols[0].Datum(0), nil
}

// A sharedRows is the rows of a query of WITH, for the values of the rows around that it depends on.
type sharedRows struct {
	rows *rowStore
	key  string
	x    *execution // that holds them
}

// sharedRows returns the rows of a query of WITH.
func (x *execution) sharedRows(q *sharedQuery) (*rowStore, error) {
	vals := make([]value.Datum, len(q.args))
	for i, a := range q.args {
		vals[i] = x.outerValue(a.x.(*outerExpr))
	}
	key, exact := exactKey(nil, vals, x.env.Settings)
	known := x.shared[q]
	if known != nil && exact && known.key == string(key) {
		return known.rows, nil
	}
	if known != nil {
		known.x.end()
	}
	keeper := x.keeping()
	rows, err := keeper.materialize(q.plan)
	if err != nil {
		return nil, err
	}
	if x.shared == nil {
		x.shared = map[*sharedQuery]*sharedRows{}
	}
	x.shared[q] = &sharedRows{rows: rows, key: string(key), x: keeper}
	return rows, nil
}

// dependsOn returns the slots of rows around that a plan refers to.
func (x *execution) dependsOn(n node) map[*outerSlot]bool {
	if s, ok := x.free[n]; ok {
		return s
	}
	if x.free == nil {
		x.free = map[node]map[*outerSlot]bool{}
	}
	s := freeSlots(n)
	if len(s) == 0 && isVolatilePlan(n) {
		s[&outerSlot{}] = true // as good as: it is never the same
	}
	x.free[n] = s
	return s
}
