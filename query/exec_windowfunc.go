package query

import (
	"sort"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// compute sets out to the values of the rows from to to of a partition.
func (c *windowCall) compute(p *partition, out *value.Vector, from, to int) error {
	if c.offset != nil {
		c.shifted(p, out, from, to)
		return nil
	}
	if c.slide != nil {
		return c.slideOver(p, out, from, to)
	}
	if c.e.call.Func.IsAggregate() {
		c.x.release(c.shown)
		c.shown = 0
		for i := from; i < to; i++ {
			if i&63 == 0 {
				if err := c.x.check(); err != nil {
					return err
				}
			}
			if err := c.aggregate(p, i); err != nil {
				return err
			}
			out.Set(i-from, c.last)
		}
		return nil
	}
	f := windowFunctions[c.e.call.Func.Name]
	if f == nil {
		return errf(codeUnsupported, "window function %s is not supported", c.e.call.Func.Name)
	}
	for i := from; i < to; i++ {
		if err := f(c, p, out, i, i-from); err != nil {
			return err
		}
	}
	return nil
}

// windowFunctions are the functions that are no aggregates: they set value k of out to that of row i.
var windowFunctions = map[string]func(c *windowCall, p *partition, out *value.Vector, i, k int) error{
	"row_number": func(_ *windowCall, p *partition, out *value.Vector, i, k int) error {
		out.Ints[k] = int64(p.base + i + 1)
		return nil
	},
	"rank": func(_ *windowCall, p *partition, out *value.Vector, i, k int) error {
		out.Ints[k] = int64(p.base + p.peerStart(i) + 1)
		return nil
	},
	"dense_rank": func(_ *windowCall, p *partition, out *value.Vector, i, k int) error {
		out.Ints[k] = int64(p.groups + int(p.peer[i]) + 1)
		return nil
	},
	"percent_rank": func(_ *windowCall, p *partition, out *value.Vector, i, k int) error {
		if out.Floats[k] = 0; p.n > 1 {
			out.Floats[k] = float64(p.peerStart(i)) / float64(p.n-1)
		}
		return nil
	},
	"cume_dist": func(_ *windowCall, p *partition, out *value.Vector, i, k int) error {
		out.Floats[k] = float64(p.peerEnd(i)) / float64(p.n)
		return nil
	},
	"ntile": ntile,
	"lag":   func(c *windowCall, p *partition, out *value.Vector, i, k int) error { return c.away(p, out, i, k, -1) },
	"lead":  func(c *windowCall, p *partition, out *value.Vector, i, k int) error { return c.away(p, out, i, k, 1) },
	"first_value": func(c *windowCall, p *partition, out *value.Vector, i, k int) error {
		row := c.pick(p, i, 0)
		if row >= 0 || row < -p.base {
			c.give(out, k, row)
		} else { // a frame that begins with the partition
			out.Copy(k, c.first, 0)
		}
		return nil
	},
	"last_value": func(c *windowCall, p *partition, out *value.Vector, i, k int) error {
		c.give(out, k, c.pick(p, i, -1))
		return nil
	},
	"nth_value": func(c *windowCall, p *partition, out *value.Vector, i, k int) error {
		n := c.in[1]
		switch {
		case n.IsNull(i):
			out.SetNull(k)
		case n.Ints[i] <= 0:
			return errf("22016", "argument of nth_value must be greater than zero")
		default:
			c.give(out, k, c.pick(p, i, int(n.Ints[i]-1)))
		}
		return nil
	},
}

// give sets value k of out to the first argument in a row, null for row -1.
func (c *windowCall) give(out *value.Vector, k, row int) {
	if row < 0 {
		out.SetNull(k)
		return
	}
	out.Copy(k, c.in[0], row)
}

// shifted is lag and lead by an offset that is the same for all rows.
func (c *windowCall) shifted(p *partition, out *value.Vector, from, to int) {
	d := int(*c.offset)
	lo := min(max(from, -p.base-d), to) // the rows lo to hi find a row in the partition
	hi := max(lo, min(to, p.n-d))
	if lo < hi {
		out.CopyPart(lo-from, c.in[0], lo+d, hi+d)
	}
	for i := from; i < to; i++ {
		if i == lo {
			if i = hi; i == to {
				break
			}
		}
		if len(c.in) > 2 {
			out.Copy(i-from, c.in[2], i)
		} else {
			out.SetNull(i - from)
		}
	}
}

// away is lag and lead.
func (c *windowCall) away(p *partition, out *value.Vector, i, k, direction int) error {
	offset := int64(1)
	if len(c.in) > 1 {
		if c.in[1].IsNull(i) {
			out.SetNull(k)
			return nil
		}
		offset = c.in[1].Ints[i]
	}
	row := int64(i) + int64(direction)*offset
	switch {
	case row >= 0 && row < int64(p.n):
		out.Copy(k, c.in[0], int(row))
	case len(c.in) > 2:
		out.Copy(k, c.in[2], i)
	default:
		out.SetNull(k)
	}
	return nil
}

// ntile numbers the buckets of a partition; the first ones are longer by one where it does not divide evenly.
func ntile(c *windowCall, p *partition, out *value.Vector, i, k int) error {
	if c.in[0].IsNull(0) {
		out.SetNull(k)
		return nil
	}
	buckets := int(c.in[0].Ints[0])
	if buckets <= 0 {
		return errf("22014", "argument of ntile must be greater than zero")
	}
	size, longer := p.n/buckets, p.n%buckets
	if i < longer*(size+1) {
		out.Ints[k] = int64(i/(size+1) + 1)
	} else {
		out.Ints[k] = int64(longer + (i-longer*(size+1))/size + 1)
	}
	return nil
}

// aggregate makes c.last the result of the aggregate over the frame of row i. While the frame only grows at its end, so
// does the aggregate; else it begins anew.
func (c *windowCall) aggregate(p *partition, i int) error {
	if c.e.frame.exclude != parse.ExcludeNoOthers {
		c.restart()
		for _, s := range c.pieces(p, i) {
			if err := c.feed(s[0], s[1]); err != nil {
				return err
			}
		}
		return c.finish()
	}
	from, to := c.bounds(p, i)
	if c.run != nil && from == c.from && to == c.to && c.known {
		return nil
	}
	if c.run == nil || from != c.from || to < c.to {
		c.restart()
		c.from, c.to = from, from
	}
	if err := c.feed(c.to, to); err != nil {
		return err
	}
	c.to = to
	return c.finish()
}

func (c *windowCall) restart() {
	c.run = c.e.call.Aggregate()
	c.run.Grow(1)
	c.x.release(c.held)
	c.held = 0
}

// feed gives rows to the aggregate, at most a batch at a time.
func (c *windowCall) feed(from, to int) error {
	for lo := from; lo < to; lo += value.BatchSize {
		hi := min(lo+value.BatchSize, to)
		if lo > from {
			if err := c.x.check(); err != nil {
				return err
			}
		}
		if err := c.step(lo, hi); err != nil {
			return err
		}
	}
	return nil
}

func (c *windowCall) step(lo, hi int) error {
	if c.zeros == nil {
		c.zeros = make([]int32, value.BatchSize)
	}
	in := make([]*value.Vector, len(c.in))
	size := 0
	for k, v := range c.in {
		in[k] = v.Part(lo, hi)
		if gathersRows(c.e.call.Func.Name) {
			for i := range hi - lo {
				size += sizeOf(in[k], i)
			}
		}
	}
	var sel []int32
	if c.filter >= 0 {
		first := sort.Search(len(c.passes), func(k int) bool { return int(c.passes[k]) >= lo })
		sel = make([]int32, 0, hi-lo)
		for _, r := range c.passes[first:] {
			if int(r) >= hi {
				break
			}
			sel = append(sel, r-int32(lo))
		}
		if len(sel) == 0 {
			return nil
		}
	}
	c.held += size
	if err := c.x.reserve(size); err != nil {
		return err
	}
	return c.run.Step(&c.x.env, c.zeros, in, hi-lo, sel)
}

func (c *windowCall) finish() error {
	var v value.Vector
	if err := c.run.Final(&c.x.env, &v, 0, 1); err != nil {
		return err
	}
	c.last, c.known = v.Datum(0), true
	if t := c.last.Type; t != value.JSON && t != value.JSONB {
		return nil // shares the memory of the state
	}
	c.shown += len(c.last.B)
	return c.x.reserve(len(c.last.B))
}
