package query

import (
	"sort"

	"github.com/jurat-ledger/jurat/query/fn"
	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// windowCall is a call of a window function in one execution. Its values are computed for the rows of a partition in
// order, some at a time.
type windowCall struct {
	x          *execution
	e          *windowExpr
	args       []int // columns of partition.cols, as all below; -1 for none
	filter     int
	key        int
	start, end offsetBound
	nulls      [2]int // the rows of the partition without nulls in key
	passes     []int32
	in         []*value.Vector // args of the partition
	run        *fn.Aggregation
	from, to   int         // rows that run has taken
	last       value.Datum // its result
	known      bool
	zeros      []int32
	held       int // reserved for what run collects
}

// offsetBound is an end of a frame.
type offsetBound struct {
	kind   parse.BoundKind
	rows   int // offset of ROWS and GROUPS
	column int // limit of RANGE
}

func (x *execution) windowCall(e *windowExpr, add func(expr) int) (*windowCall, error) {
	c := &windowCall{x: x, e: e, filter: -1, key: -1}
	for _, a := range e.args {
		c.args = append(c.args, add(a))
	}
	if e.filter != nil {
		c.filter = add(e.filter)
	}
	if e.frame.key != nil {
		c.key = add(e.frame.key)
	}
	for _, b := range []struct {
		name string
		from frameBound
		to   *offsetBound
	}{{"starting", e.frame.start, &c.start}, {"ending", e.frame.end, &c.end}} {
		b.to.kind, b.to.column = b.from.kind, -1
		if b.from.offset == nil {
			continue
		}
		d, err := x.evalOne(b.from.offset)
		if err != nil {
			return nil, err
		}
		if d.Null {
			return nil, errf("22004", "frame %s offset must not be null", b.name)
		}
		if isNegative(d) {
			if b.from.limit != nil {
				return nil, errf("22013", "invalid preceding or following size in window function")
			}
			return nil, errf("22013", "frame %s offset must not be negative", b.name)
		}
		if b.from.limit != nil {
			b.to.column = add(b.from.limit)
			continue
		}
		b.to.rows = int(min(d.I, 1<<40))
	}
	return c, nil
}

// isNegative reports whether a frame's offset is less than zero.
func isNegative(d value.Datum) bool {
	switch x := d.X.(type) {
	case value.Numeric:
		return x.Sign() < 0
	case value.Interval:
		return value.Compare(d, value.NewBox(d.Type, value.Interval{})) < 0
	}
	return d.I < 0 || d.F < 0
}

// enter prepares for the rows of a partition.
func (c *windowCall) enter(p *partition) error {
	c.run, c.known = nil, false
	c.in = c.in[:0]
	for _, k := range c.args {
		c.in = append(c.in, p.cols[k])
	}
	if c.key >= 0 {
		v := p.cols[c.key]
		lo, hi := 0, p.n
		for lo < hi && v.IsNull(lo) {
			lo++
		}
		for lo < hi && v.IsNull(hi-1) {
			hi--
		}
		c.nulls = [2]int{lo, hi}
	}
	if c.filter >= 0 {
		c.passes = c.passes[:0]
		v := p.cols[c.filter]
		for i := range p.n {
			if !v.IsNull(i) && v.Ints[i] != 0 {
				c.passes = append(c.passes, int32(i))
			}
		}
	}
	return nil
}

// bounds returns the frame of row i, from inclusive and to exclusive.
func (c *windowCall) bounds(p *partition, i int) (from, to int) {
	from, to = c.edge(p, i, c.start, 0), c.edge(p, i, c.end, 1)
	return from, max(from, to)
}

// edge returns where the frame of row i starts, or, with end 1, the row behind its last.
func (c *windowCall) edge(p *partition, i int, b offsetBound, end int) int {
	off := b.rows
	switch b.kind {
	case parse.UnboundedPreceding:
		return 0
	case parse.UnboundedFollowing:
		return p.n
	case parse.CurrentRow:
		if c.e.frame.mode == parse.FrameRows {
			return i + end
		}
		if end == 0 {
			return p.peerStart(i)
		}
		return p.peerEnd(i)
	case parse.OffsetPreceding:
		off = -off
	}
	switch c.e.frame.mode {
	case parse.FrameRows:
		return min(max(0, i+off+end), p.n)
	case parse.FrameGroups:
		return int(p.start[min(max(0, int(p.peer[i])+off+end), len(p.start)-1)])
	}
	return c.search(p, i, b.column, end)
}

// search finds the first row whose key comes after the limit of row i, or, with after 0, is equal to it or comes after.
// Of a row with a null key the limits are its peers.
func (c *windowCall) search(p *partition, i, limit, after int) int {
	keys, limits := p.cols[c.key], p.cols[limit]
	if keys.IsNull(i) {
		if after == 0 {
			return p.peerStart(i)
		}
		return p.peerEnd(i)
	}
	lo, hi := c.nulls[0], c.nulls[1]
	return lo + sort.Search(hi-lo, func(k int) bool {
		order := value.CompareAt(keys, lo+k, limits, i)
		if c.e.order[0].desc {
			order = -order
		}
		return order >= after
	})
}

// pieces returns the parts of the frame of row i, in order.
func (c *windowCall) pieces(p *partition, i int) [][2]int {
	from, to := c.bounds(p, i)
	if c.e.frame.exclude == parse.ExcludeNoOthers {
		return [][2]int{{from, to}}
	}
	cut := [2]int{i, i + 1}
	if c.e.frame.exclude != parse.ExcludeCurrentRow {
		cut = [2]int{p.peerStart(i), p.peerEnd(i)}
	}
	out := [][2]int{{from, min(to, cut[0])}}
	if c.e.frame.exclude == parse.ExcludeTies {
		out = append(out, [2]int{max(from, i), min(to, i+1)})
	}
	return append(out, [2]int{max(from, cut[1]), to})
}

// pick returns the row that is number k of the frame of row i, from 0, counted from its end if k is negative; -1 if there
// is none.
func (c *windowCall) pick(p *partition, i, k int) int {
	pieces := c.pieces(p, i)
	if k < 0 {
		total := 0
		for _, s := range pieces {
			total += max(0, s[1]-s[0])
		}
		k += total
	}
	for _, s := range pieces {
		if n := max(0, s[1]-s[0]); k >= 0 && k < n {
			return s[0] + k
		} else {
			k -= n
		}
	}
	return -1
}
