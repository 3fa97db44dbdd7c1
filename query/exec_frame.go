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
	shown      int // reserved for the values of the rows at hand

	offset *int64        // of lag, negative, and lead, if it is the same for all rows
	slide  *slide        // of an aggregate that it computes
	low    int           // row that bounds looks back to
	first  *value.Vector // first argument in the partition's first row, of first_value
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
	c.offset, c.slide = x.constantOffset(e), newSlide(e)
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

// maxOffset is more than rows that there can be.
const maxOffset = 1 << 40

// constantOffset returns how far behind the row lag or lead looks, nil if that depends on the row or e is something else.
func (x *execution) constantOffset(e *windowExpr) *int64 {
	direction := map[string]int64{"lag": -1, "lead": 1}[e.call.Func.Name]
	if direction == 0 {
		return nil
	}
	if len(e.args) == 1 {
		return &direction
	}
	c, ok := x.compile(e.args[1]).(*constEval)
	if !ok || c.d.Null || c.d.I > maxOffset || c.d.I < -maxOffset {
		return nil
	}
	offset := direction * c.d.I
	return &offset
}

// enter prepares for the rows of a partition that is complete.
func (c *windowCall) enter(p *partition) error {
	c.begin()
	c.extend(p, 0)
	return nil
}

// begin prepares for a partition.
func (c *windowCall) begin() {
	c.run, c.known, c.first = nil, false, nil
	c.from, c.to, c.low, c.nulls, c.passes = 0, 0, 0, [2]int{}, c.passes[:0]
	if c.slide != nil {
		*c.slide = slide{kind: c.slide.kind}
	}
}

// extend takes note of the rows of a partition from from on, which are new.
func (c *windowCall) extend(p *partition, from int) {
	c.in = c.in[:0]
	for _, k := range c.args {
		c.in = append(c.in, p.cols[k])
	}
	if c.first == nil && len(c.in) > 0 {
		c.first = gathered(c.in[0], []int32{0})
	}
	if c.key >= 0 {
		v := p.cols[c.key]
		lo, hi := c.nulls[0], c.nulls[1]
		if lo == hi {
			for lo < p.n && v.IsNull(lo) {
				lo++
			}
			hi = lo
		}
		for hi < p.n && !v.IsNull(hi) {
			hi++
		}
		c.nulls = [2]int{lo, hi}
	}
	if c.filter >= 0 {
		v := p.cols[c.filter]
		for i := from; i < p.n; i++ {
			if !v.IsNull(i) && v.Ints[i] != 0 {
				c.passes = append(c.passes, int32(i))
			}
		}
	}
}

// drop moves the numbers of rows down, as the first n go.
func (c *windowCall) drop(n int) {
	c.from, c.to, c.low = c.from-n, c.to-n, c.low-n
	c.nulls = [2]int{max(0, c.nulls[0]-n), max(0, c.nulls[1]-n)}
	if c.slide != nil {
		c.slide.from, c.slide.to = c.slide.from-n, c.slide.to-n
	}
	kept := c.passes[:0]
	for _, r := range c.passes {
		if int(r) >= n {
			kept = append(kept, r-int32(n))
		}
	}
	c.passes = kept
}

// bounds returns the frame of row i, from inclusive and to exclusive.
func (c *windowCall) bounds(p *partition, i int) (from, to int) {
	from, to = c.edge(p, i, c.start, 0), c.edge(p, i, c.end, 1)
	to = max(from, to)
	if c.low = from; c.start.kind == parse.UnboundedPreceding {
		c.low = to
	}
	return from, to
}

// edge returns where the frame of row i starts, or, with end 1, the row behind its last.
func (c *windowCall) edge(p *partition, i int, b offsetBound, end int) int {
	off := b.rows
	switch b.kind {
	case parse.UnboundedPreceding:
		return -p.base
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
		return min(max(-p.base, i+off+end), p.n)
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
