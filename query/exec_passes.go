package query

import (
	"fmt"
	"slices"

	"github.com/jurat-ledger/jurat/query/value"
)

// passesOp groups in several passes over its input where the groups do not fit into the memory that the statement may take: a pass
// makes those groups whose keys have certain bits in their hash. Nothing is written to disk, and the input is read again as it
// stood when the first pass gave up, which a ledger always can.
type passesOp struct {
	x       *execution
	n       *aggregateNode
	part    *execution // whose memory is that of the pass at hand
	op      operator   // of the pass at hand: an aggregateOp, or the parallelOp of a first pass
	at      pass
	given   bool   // it gave rows
	waiting []pass // the next one last
	count   int    // of passes
	most    int    // bits that a pass goes by
}

// A pass takes the keys whose hash has these bits, of those that mask has.
type pass struct{ bits, mask uint32 }

const (
	// passBits is how many bits more of the hash the passes have, at most, that take the place of one that gave up.
	passBits = 4
	// passBitsMost is the most bits that a pass goes by, passBitsJoin over a join, which is computed for each and takes memory too.
	passBitsMost = 28
	passBitsJoin = 6
	// passGroups is how many groups a pass has at least when it gives up: where fewer fill the memory, they are large, and making them
	// apart would not help for long.
	passGroups = 256
)

// repeatable reports whether the input of n gives the same rows whenever it is read, and the groups do not depend on the moment.
func (x *execution) repeatable(n *aggregateNode) bool {
	exprs := slices.Clone(n.groups)
	for _, a := range n.aggs {
		exprs = append(exprs, children(a)...)
	}
	return len(n.groups) > 0 && !x.forked && repeatableNode(n.in) && !slices.ContainsFunc(exprs, func(e expr) bool { return !forkable(e) })
}

// repeatableNode reports whether n gives the same rows whenever it is read, in any order: it is made of tables by conditions, joins and
// expressions that do not depend on the moment.
func repeatableNode(n node) bool {
	switch n := n.(type) {
	case *scanNode, *filterNode, *projectNode, *sharedNode, *valuesNode, *semiNode:
	case *joinNode:
		if len(n.args) > 0 {
			return false
		}
	default:
		return false
	}
	return !slices.ContainsFunc(exprsOf(n), func(e expr) bool { return !forkable(e) }) &&
		!slices.ContainsFunc(inputsOf(n), func(in node) bool { return !repeatableNode(in) })
}

// newPasses makes the operator of a repeatable aggregateNode; the first pass is worked at by several goroutines if that is possible.
func (x *execution) newPasses(n *aggregateNode) (operator, error) {
	part := x.keeping()
	op, err := parallel(x, func(y *execution) (*aggregateOp, error) {
		if y == x {
			y = part
		}
		return y.newAggregate(n, nil)
	}, n.in)
	if x.fault == nil {
		x.fault = part.fault
	}
	if err != nil {
		return nil, err
	}
	most := passBitsMost
	if !forkableNode(n.in) {
		most = passBitsJoin
	}
	return &passesOp{x: x, n: n, part: part, op: op, count: 1, most: most}, nil
}

func (op *passesOp) next() (*value.Batch, error) {
	for {
		b, err := op.op.next()
		op.given = op.given || b != nil
		switch {
		case err != nil && op.divide(err):
		case err != nil || b != nil:
			return b, err
		case len(op.waiting) == 0:
			return nil, nil
		}
		if err := op.begin(); err != nil {
			return nil, err
		}
	}
}

// divide puts passes in the place of the one at hand, which failed before it gave a row. It reports whether that may help.
func (op *passesOp) divide(err error) bool {
	e, ok := err.(*Error)
	if !ok || e.Code != codeOutOfMemory || op.given || op.groups() < passGroups || op.at.mask >= 1<<op.most-1 {
		return false
	}
	op.x.freeze()
	step, bits := op.at.mask+1, op.bits()
	for i := range uint32(1 << bits) {
		op.waiting = append(op.waiting, pass{bits: op.at.bits | i*step, mask: op.at.mask | (1<<bits-1)*step})
	}
	return true
}

// bits returns how many bits more the passes go by that take the place of the one at hand: as many as it takes if the rest of the rows has as
// many groups as those read so far, and a quarter more.
func (op *passesOp) bits() int {
	var rows, read float64
	for _, p := range op.parts() {
		if scan := scanBelow(p.in); scan != nil {
			rows, read = scan.path.Rows, read+float64(scan.read)
		}
	}
	n := 1
	for n < passBits && read*float64(int(1)<<n) < rows*1.25 {
		n++
	}
	return n
}

// parts returns what works at the pass at hand.
func (op *passesOp) parts() []*aggregateOp {
	switch o := op.op.(type) {
	case *aggregateOp:
		return []*aggregateOp{o}
	case *parallelOp[*aggregateOp]:
		return o.parts
	}
	return nil
}

// groups returns how many groups the pass at hand has made.
func (op *passesOp) groups() (n int) {
	for _, p := range op.parts() {
		for _, s := range p.sets {
			n += s.count
		}
	}
	return n
}

// begin gives back what the pass at hand holds and begins the next one.
func (op *passesOp) begin() error {
	op.release()
	last := len(op.waiting) - 1
	op.at, op.given = op.waiting[last], false
	op.waiting = op.waiting[:last]
	op.part = op.x.keeping()
	next, err := op.part.newAggregate(op.n, &op.at)
	if err != nil {
		return err
	}
	op.op = next
	op.count++
	return nil
}

// release gives back what the pass at hand holds.
func (op *passesOp) release() {
	op.op.close()
	if o, ok := op.op.(*parallelOp[*aggregateOp]); ok {
		for _, f := range o.forks {
			f.forget()
			f.end()
		}
		o.forks = nil
	}
	op.part.forget()
	op.part.end()
	op.op = &oneRowOp{} // there is nothing left to close
}

func (op *passesOp) ordered() int { return 0 }

func (op *passesOp) close() { op.release() }

func (op *passesOp) explain() explained {
	e := op.op.explain()
	if op.count > 1 {
		e.lines = append(e.lines, fmt.Sprintf("Passes: %d", op.count))
	}
	return e
}

// ofPass returns the rows of b whose keys belong to a pass.
func (s *groupSet) ofPass(b *value.Batch, only *pass) *value.Batch {
	s.kept = s.kept[:0]
	s.by.read(b, s.keys, true)
	rows(b, func(i int) {
		if uint32(s.by.hashes[i])&only.mask == only.bits {
			s.kept = append(s.kept, int32(i))
		}
	})
	return &value.Batch{N: b.N, Cols: b.Cols, Sel: s.kept}
}
