package query

import (
	"bytes"

	"github.com/jurat-ledger/jurat/query/parse"
	"github.com/jurat-ledger/jurat/query/value"
)

// streamOp computes window functions over rows that come in the order of partitions and of the window. It keeps the rows that
// frames still reach, and those whose frames are not complete, and gives the rows as they come.
type streamOp struct {
	x     *execution
	n     *windowNode
	in    operator
	parts int // so many of keys are the partition
	keys  []evaluator
	by    []sortKey // of keys
	extra []evaluator
	need  []bool // columns of the input that are kept
	calls []*windowCall
	reach reach // of all calls together
	order int   // so many keys of the order that was wished hold

	part  partition       // its columns are those of extra
	rows  []*value.Vector // the columns of the input beside them, nil where nobody needs one
	at    int             // first row of part that was not given out
	size  int             // reserved for the kept rows
	batch stretch         // what was read
	end   bool            // no more rows follow it
	outs  []*value.Vector // of calls
	out   value.Batch
}

// A stretch is a batch of the input without the rows that do not count.
type stretch struct {
	n, at  int // rows, and how many of them were taken
	cols   []*value.Vector
	extra  []*value.Vector
	keys   []*value.Vector
	before []*value.Vector // the last row's keys of the stretch before, nil if there is none
	differ []uint8         // by row, how it differs from the one before it
	last   []byte
	key    []byte
}

// How a row differs from the one before.
const (
	newPeers     = 1 << iota // not its peer
	newPartition             // in another partition
)

// reach says how far the functions look from a row.
type reach struct {
	back, ahead int  // in rows
	peers       bool // peers have to be told apart
	group       bool // a row's value is known when all of its peers are
	limits      bool // back to where the frame of the row before begins
}

func (r reach) plus(o reach) reach {
	return reach{max(r.back, o.back), max(r.ahead, o.ahead), r.peers || o.peers, r.group || o.group, r.limits || o.limits}
}

// reach returns how far c looks; ok is false if that may be as far as the partition.
func (c *windowCall) reach() (r reach, ok bool) {
	switch name := c.e.call.Func.Name; {
	case c.e.call.Func.IsAggregate(), name == "last_value":
		return c.frameReach()
	case name == "first_value":
		r, ok = c.frameReach()
		return r, ok && c.end.kind != parse.OffsetPreceding
	case name == "row_number":
		return reach{}, true
	case name == "rank", name == "dense_rank":
		return reach{peers: true}, true
	case c.offset != nil && *c.offset < 0:
		return reach{back: int(-*c.offset)}, true
	case c.offset != nil:
		return reach{ahead: int(*c.offset)}, true
	}
	return r, false
}

// frameReach is reach for what looks at a frame. Where a frame begins, the frame of the row before may have begun one row before.
func (c *windowCall) frameReach() (r reach, ok bool) {
	mode := c.e.frame.mode
	if c.e.frame.exclude != parse.ExcludeNoOthers {
		return r, false
	}
	r.back = 1
	for _, b := range []offsetBound{c.start, c.end} {
		switch {
		case b.kind == parse.UnboundedFollowing:
			return r, false
		case b.kind == parse.UnboundedPreceding, b.kind == parse.CurrentRow && mode == parse.FrameRows:
		case b.kind == parse.CurrentRow:
			r.peers, r.group = true, true
		case mode == parse.FrameRows && b.kind == parse.OffsetPreceding:
			r.back = max(r.back, b.rows+1)
		case mode == parse.FrameRows:
			r.ahead = max(r.ahead, b.rows)
		case mode == parse.FrameRange && b.kind == parse.OffsetPreceding:
			r.peers, r.group, r.limits = true, true, true
		default:
			return r, false
		}
	}
	return r, true
}

// stream makes a streamOp of what was prepared for a windowOp, nil if the functions look too far or the input, which keeps the
// first ordered keys of the order wished, comes in another order.
func (op *windowOp) stream(need []bool, wished, below []OrderKey) operator {
	if op.in.ordered() < len(op.by) || len(below) < len(op.by) {
		return nil
	}
	s := &streamOp{x: op.x, n: op.n, in: op.in, parts: op.parts, keys: op.keys, by: op.by, extra: op.extra, need: need, calls: op.calls}
	for _, c := range op.calls {
		r, ok := c.reach()
		if !ok {
			return nil
		}
		s.reach = s.reach.plus(r)
		s.outs = append(s.outs, &value.Vector{})
	}
	for s.order < min(len(wished), op.in.ordered()) && wished[s.order] == below[s.order] {
		s.order++
	}
	s.rows, s.part.cols = make([]*value.Vector, op.width), make([]*value.Vector, len(s.extra))
	s.batch.cols = make([]*value.Vector, op.width)
	s.batch.extra, s.batch.keys = make([]*value.Vector, len(s.extra)), make([]*value.Vector, len(s.keys))
	s.begin()
	return s
}

// begin makes the partition at hand an empty one.
func (op *streamOp) begin() {
	op.x.release(op.size)
	op.size, op.at = 0, 0
	p := &op.part
	for _, list := range [][]*value.Vector{op.rows, p.cols} {
		for _, v := range list {
			if v != nil {
				v.DropHead(v.Len())
			}
		}
	}
	*p = partition{open: true, cols: p.cols, peer: p.peer[:0], start: p.start[:0]}
	for _, c := range op.calls {
		c.begin()
	}
}

func (op *streamOp) next() (*value.Batch, error) {
	for {
		if to := op.ready(); to > op.at {
			return op.give(min(to, op.at+value.BatchSize))
		}
		if !op.part.open {
			op.begin()
		}
		if op.batch.at == op.batch.n {
			if op.end {
				return nil, nil
			}
			if err := op.read(); err != nil {
				return nil, err
			}
		}
		if err := op.take(); err != nil {
			return nil, err
		}
	}
}

// ready returns the row behind the last whose values are known.
func (op *streamOp) ready() int {
	p := &op.part
	if !p.open {
		return p.n
	}
	to := p.n - op.reach.ahead
	if op.reach.group && p.n > 0 {
		to = min(to, int(p.start[len(p.start)-2]))
	}
	return to
}

// give computes the values of the rows up to to.
func (op *streamOp) give(to int) (*value.Batch, error) {
	op.out = value.Batch{N: to - op.at, Cols: op.out.Cols[:0]}
	for _, v := range op.rows {
		if v != nil {
			v = v.Window(op.at, to)
		}
		op.out.Cols = append(op.out.Cols, v)
	}
	for k, c := range op.calls {
		op.outs[k].Reset(c.e.typ(), op.out.N)
		if err := c.compute(&op.part, op.outs[k], op.at, to); err != nil {
			return nil, err
		}
		op.out.Cols = append(op.out.Cols, op.outs[k])
	}
	op.at = to
	return &op.out, nil
}

// read reads a stretch.
func (op *streamOp) read() error {
	if err := op.x.check(); err != nil {
		return err
	}
	b, err := op.in.next()
	if err != nil {
		return err
	}
	s := &op.batch
	s.at, s.n = 0, 0
	if op.end = b == nil; op.end {
		return nil
	}
	s.n = countRows(b)
	for k := range s.cols {
		if s.cols[k] = nil; op.need[k] && k < len(b.Cols) && present(b.Cols[k]) {
			s.cols[k] = dense(b.Cols[k], b)
		}
	}
	for _, l := range []struct {
		to   []*value.Vector
		from []evaluator
	}{{s.extra, op.extra}, {s.keys, op.keys}} {
		if err := evalAll(l.to, l.from, b); err != nil {
			return err
		}
		for k, v := range l.to {
			l.to[k] = dense(v, b)
		}
	}
	op.compare()
	return nil
}

// dense returns the values of the rows of b that count.
func dense(v *value.Vector, b *value.Batch) *value.Vector {
	if b.Sel == nil {
		return v.Window(0, b.N)
	}
	return gathered(v, b.Sel)
}

// compare finds out where partitions and groups of peers begin.
func (op *streamOp) compare() {
	s := &op.batch
	if cap(s.differ) < s.n {
		s.differ = make([]uint8, max(s.n, value.BatchSize))
	}
	s.differ = s.differ[:s.n]
	clear(s.differ)
	count := op.parts
	if op.reach.peers {
		count = len(op.keys)
	}
	for k, v := range s.keys[:count] {
		mark := uint8(newPeers)
		if k < op.parts {
			mark |= newPartition
		}
		if v.Type.Kind == value.Int64 && v.Nulls == nil {
			for i := 1; i < s.n; i++ {
				if v.Ints[i] != v.Ints[i-1] {
					s.differ[i] |= mark
				}
			}
		} else {
			op.compareKeys(k, v, mark)
		}
		if s.before != nil {
			s.last = appendKey(s.last[:0], s.before[k], 0, false, false)
			if s.key = appendKey(s.key[:0], v, 0, false, false); !bytes.Equal(s.key, s.last) {
				s.differ[0] |= mark
			}
		}
	}
	if s.before == nil {
		s.before = make([]*value.Vector, len(s.keys))
		s.differ[0] |= newPeers
	}
	for k, v := range s.keys {
		s.before[k] = gathered(v, []int32{int32(s.n - 1)})
	}
}

// compareKeys compares the rows of a stretch in key k by the bytes that it is sorted by.
func (op *streamOp) compareKeys(k int, v *value.Vector, mark uint8) {
	s := &op.batch
	for i := range s.n {
		s.key = appendKey(s.key[:0], v, i, op.by[k].desc, op.by[k].nullsFirst)
		if i > 0 && !bytes.Equal(s.key, s.last) {
			s.differ[i] |= mark
		}
		s.key, s.last = s.last, s.key
	}
}

// take adds the rows of the stretch that belong to the partition at hand, up to its end.
func (op *streamOp) take() error {
	s, p := &op.batch, &op.part
	if s.at == s.n {
		p.open = !op.end
		return nil
	}
	if p.base+p.n > 0 && s.differ[s.at]&newPartition != 0 {
		p.open = false
		return nil
	}
	op.drop()
	from := s.at
	for s.at++; s.at < s.n && s.differ[s.at]&newPartition == 0; s.at++ {
	}
	if p.base == 0 && p.n == 0 {
		s.differ[from] |= newPeers
	}
	size := 0
	for k, v := range s.cols {
		if v != nil {
			op.rows[k] = appended(op.rows[k], v, from, s.at)
			size += sizeOfPart(v, from, s.at)
		}
	}
	for k, v := range s.extra {
		p.cols[k] = appended(p.cols[k], v, from, s.at)
		size += sizeOfPart(v, from, s.at)
	}
	if op.reach.peers {
		p.addPeers(s.differ[from:s.at])
		size += 8 * (s.at - from)
	}
	p.n += s.at - from
	for _, c := range op.calls {
		c.extend(p, p.n-(s.at-from))
	}
	op.size += size
	return op.x.reserve(size)
}

func appended(dst, src *value.Vector, from, to int) *value.Vector {
	if dst == nil {
		dst = value.NewVector(src.Type, 0)
	}
	dst.AppendPart(src, from, to)
	return dst
}

// sizeOfPart estimates the memory of some values in bytes.
func sizeOfPart(v *value.Vector, from, to int) int {
	if v.Type.Kind == value.Int64 || v.Type.Kind == value.Float64 {
		return 9 * (to - from)
	}
	n := 0
	for i := from; i < to; i++ {
		n += sizeOf(v, i)
	}
	return n
}

// addPeers numbers the groups of peers of new rows.
func (p *partition) addPeers(differ []uint8) {
	if len(p.start) > 0 {
		p.start = p.start[:len(p.start)-1]
	}
	for i, d := range differ {
		if d&newPeers != 0 {
			p.start = append(p.start, int32(p.n+i))
		}
		p.peer = append(p.peer, int32(len(p.start)-1))
	}
	p.start = append(p.start, int32(p.n+len(differ)))
}

// drop forgets rows that no frame reaches any more, when they are many.
func (op *streamOp) drop() {
	p := &op.part
	n := op.at - op.reach.back
	if op.reach.group && op.at > 0 {
		n = min(n, int(p.start[p.peer[min(op.at, p.n-1)]]))
	}
	if op.reach.limits {
		for _, c := range op.calls {
			if c.start.column >= 0 || c.end.column >= 0 {
				n = min(n, c.low)
			}
		}
	}
	if n <= 0 || n < p.n-n {
		return
	}
	size := 0
	for _, list := range [][]*value.Vector{op.rows, p.cols} {
		for _, v := range list {
			if v != nil {
				size += sizeOfPart(v, 0, n)
				v.DropHead(n)
			}
		}
	}
	if op.reach.peers {
		size += 8 * n
	}
	op.x.release(size)
	op.size -= size
	op.at -= n
	p.drop(n)
	for _, c := range op.calls {
		c.drop(n)
	}
}

// drop moves the numbers of rows and of groups down, as the first n rows go.
func (p *partition) drop(n int) {
	p.base += n
	p.n -= n
	if len(p.start) == 0 {
		return
	}
	p.peer = p.peer[:copy(p.peer, p.peer[n:])]
	groups := int32(len(p.start) - 2)
	if len(p.peer) > 0 {
		groups = p.peer[0]
	}
	p.groups += int(groups)
	p.start = p.start[:copy(p.start, p.start[groups:])]
	for i := range p.start {
		p.start[i] -= int32(n)
	}
	for i := range p.peer {
		p.peer[i] -= groups
	}
}

func (op *streamOp) ordered() int { return op.order }

func (op *streamOp) close() {
	op.in.close()
	for _, c := range op.calls {
		op.x.release(c.held + c.shown)
		c.held, c.shown = 0, 0
	}
	op.x.release(op.size)
	op.size, op.end, op.batch, op.part = 0, true, stretch{}, partition{}
	op.at = 0
}
