package query

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jurat-ledger/jurat/query/value"
)

// An explaining is what the executions of a statement tell EXPLAIN.
type explaining struct {
	analyze, timing bool
	counts          map[any]*counts // of nodes and memoRecords, however often they are executed
	numbers         map[node]int    // of subplans, in the order in which they are met
}

// number returns the number of a subplan, from 1 on.
func (e *explaining) number(plan node) int {
	if e.numbers[plan] == 0 {
		e.numbers[plan] = len(e.numbers) + 1
	}
	return e.numbers[plan]
}

// counts is what was done for a part of a plan.
type counts struct {
	loops, rows  int
	first, total time.Duration // to the first batches, to the last
}

func (c *counts) add(d *counts) {
	c.loops, c.rows, c.first, c.total = c.loops+d.loops, c.rows+d.rows, c.first+d.first, c.total+d.total
}

// countsOf returns what was done for part, which may be none yet.
func (e *explaining) countsOf(part any) *counts {
	c := e.counts[part]
	if c == nil {
		c = &counts{}
		e.counts[part] = c
	}
	return c
}

// analyzes reports whether the statement is executed for EXPLAIN ANALYZE.
func (x *execution) analyzes() bool { return x.explaining != nil && x.explaining.analyze }

// A tallied is one execution of a part of a plan.
type tallied struct {
	*counts
	clock       func() time.Time
	began, gave bool
}

func (x *execution) tallied(part any) tallied {
	return tallied{counts: x.explaining.countsOf(part), clock: x.env.Clock}
}

// count counts one call of next.
func (c *tallied) count(next func() (*value.Batch, error)) (*value.Batch, error) {
	if !c.began {
		c.began = true
		c.loops++
	}
	start := c.clock()
	b, err := next()
	took := c.clock().Sub(start)
	if c.total += took; !c.gave {
		c.first += took
	}
	if b != nil {
		c.gave = true
		c.rows += countRows(b)
	}
	return b, err
}

// show adds to e what was done in each loop, on average.
func (e *explaining) show(to *explained, part any) {
	c := e.countsOf(part)
	loops := float64(max(1, c.loops))
	rows := math.RoundToEven(float64(c.rows) / loops)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / loops }
	to.actual = map[string]any{"Actual Rows": int(rows), "Actual Loops": c.loops}
	if e.timing {
		to.actual["Actual Startup Time"], to.actual["Actual Total Time"] = ms(c.first), ms(c.total)
	}
	switch {
	case c.loops == 0:
		to.measured = " (never executed)"
	case e.timing:
		to.measured = fmt.Sprintf(" (actual time=%.3f..%.3f rows=%.0f loops=%d)", ms(c.first), ms(c.total), rows, c.loops)
	default:
		to.measured = fmt.Sprintf(" (actual rows=%.0f loops=%d)", rows, c.loops)
	}
}

// measured is the operator of a node for EXPLAIN, which counts what it does and shows the subqueries of its expressions.
type measured struct {
	operator
	tallied
	x *execution
	n node
}

func (op *measured) next() (*value.Batch, error) { return op.count(op.operator.next) }

func (op *measured) explain() explained {
	e := op.operator.explain() // of an operator that shows itself as its input, these figures are the ones that count
	for _, x := range exprsOf(op.n) {
		walk(x, func(x expr) {
			sub, ok := x.(*subqueryExpr)
			if !ok || slices.ContainsFunc(e.children, func(c explained) bool { return c.plan == sub.plan }) {
				return
			}
			if below, err := op.x.operator(sub.plan, sub.wish()); err == nil {
				number := op.x.explaining.number(sub.plan)
				c := below.explain()
				below.close()
				c.number = number
				if c.subplan, c.plan = "InitPlan", sub.plan; len(sub.args) > 0 {
					c.subplan = "SubPlan"
				}
				e.children = append(e.children, c)
			}
		})
	}
	if op.x.analyzes() {
		op.x.explaining.show(&e, op.n)
	}
	return e
}

// countedRows gives the rows that a memo gives, and counts them.
type countedRows struct {
	rowSource
	tallied
}

func (r *countedRows) next() (*value.Batch, error) { return r.count(r.rowSource.next) }
